//! What a function takes and returns, and which of its signatures fits given arguments.
//!
//! Every list of functions writes a signature as one line of text (`"ROUND(val DOUBLE, places INT)
//! -> DOUBLE"`), which is read once, on first use ([`Signature::parse`]); the analyzer hands the
//! types of the arguments to [`resolve`] and gets back what each has to be cast to and what the
//! call returns.

mod parse;
mod resolve;

use std::fmt;

use model::SqlType;

pub use parse::SignatureTextError;
pub use resolve::{lambda_params, resolve};

/// The documentation of a function, shown by DESCRIBE FUNCTION.
#[derive(Clone, Copy, Debug)]
pub struct Doc {
    /// What it does, in a sentence or two of our own.
    pub description: &'static str,
    /// The group it is listed in: `STRING`, `MATHEMATICAL`, …
    pub category: &'static str,
    /// A call and what it gives, for the documentation page: `("ABS(-3)", "3")`.
    pub example: (&'static str, &'static str),
}

/// A parameter's type: concrete, or with type variables bound by the arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamType {
    /// Exactly this type (or one that is implicitly cast to it).
    Sql(SqlType),
    /// A DECIMAL of any precision and scale.
    Decimal,
    /// A type variable: `T`.
    Generic(String),
    /// `ARRAY<…>`
    Array(Box<ParamType>),
    /// `MAP<…, …>`
    Map(Box<ParamType>, Box<ParamType>),
    /// A STRUCT of any fields.
    AnyStruct,
    /// `(…) => …`
    Lambda(Vec<ParamType>, Box<ParamType>),
    /// DAYS, HOURS, …
    IntervalUnit,
    /// Anything.
    Any,
}

impl fmt::Display for ParamType {
    /// As ksqlDB lists signatures: `INT`, `VARCHAR`, `ARRAY<T>`, `LAMBDA (S, T) => S`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParamType::Sql(SqlType::Integer) => f.write_str("INT"),
            ParamType::Sql(SqlType::String) => f.write_str("VARCHAR"),
            ParamType::Sql(SqlType::Struct(fields)) => {
                f.write_str("STRUCT<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    let ty = ParamType::Sql(field.ty.clone());
                    write!(f, "{comma}{} {ty}", field.name)?;
                }
                f.write_str(">")
            }
            ParamType::Sql(ty) => write!(f, "{ty}"),
            ParamType::Decimal => f.write_str("DECIMAL"),
            ParamType::Generic(name) => f.write_str(name),
            ParamType::Array(element) => write!(f, "ARRAY<{element}>"),
            ParamType::Map(key, value) => write!(f, "MAP<{key}, {value}>"),
            ParamType::AnyStruct => f.write_str("STRUCT"),
            ParamType::Lambda(params, body) => {
                f.write_str("LAMBDA (")?;
                for (i, param) in params.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{param}")?;
                }
                write!(f, ") => {body}")
            }
            ParamType::IntervalUnit => f.write_str("INTERVALUNIT"),
            ParamType::Any => f.write_str("ANY"),
        }
    }
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: ParamType,
}

/// What a signature returns.
#[derive(Clone)]
pub enum Returns {
    /// A type built from parameter types' variables.
    Type(ParamType),
    /// Computed from the types of the (already cast) arguments; a literal NULL is `ArgType::Null`.
    Computed {
        /// How it is shown: `DECIMAL`.
        shown: ParamType,
        /// Computes it.
        compute: ComputeType,
    },
}

/// Computes the type of a result from the types of the arguments.
pub type ComputeType = fn(&[ArgType]) -> Result<SqlType, String>;

impl fmt::Display for Returns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Returns::Type(ty) | Returns::Computed { shown: ty, .. }) = self;
        write!(f, "{ty}")
    }
}

impl fmt::Debug for Returns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// One way to call a function.
#[derive(Clone, Debug)]
pub struct Signature {
    /// In order.
    pub params: Vec<Param>,
    /// The index of the parameter that may be repeated (any number of times, also none).
    pub variadic: Option<usize>,
    /// What it returns.
    pub returns: Returns,
}

impl Signature {
    /// The same signature, with its result computed from the arguments' types.
    pub fn returning(self, compute: ComputeType) -> Self {
        let (Returns::Type(shown) | Returns::Computed { shown, .. }) = self.returns;
        Self { returns: Returns::Computed { shown, compute }, ..self }
    }

    /// How DESCRIBE FUNCTION shows it: `ABS(val INT)`.
    pub fn describe(&self, name: &str) -> String {
        let mut text = format!("{name}(");
        for (i, param) in self.params.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            let dots = if self.variadic == Some(i) { "[]" } else { "" };
            text.push_str(&format!("{comma}{} {}{dots}", param.name, param.ty));
        }
        text.push(')');
        text
    }
}

/// The type of an argument as the analyzer knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgType {
    /// A value of this type.
    Sql(SqlType),
    /// A literal NULL.
    Null,
    /// A lambda: what its parameters are and what its body returns.
    Lambda(Vec<SqlType>, SqlType),
    /// A lambda whose body is not typed yet, of so many parameters.
    UntypedLambda(usize),
    /// DAYS, HOURS, …
    IntervalUnit,
}

impl ArgType {
    /// The type of a value.
    pub fn sql(&self) -> Option<&SqlType> {
        match self {
            ArgType::Sql(ty) => Some(ty),
            _ => None,
        }
    }
}

impl fmt::Display for ArgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArgType::Sql(ty) => write!(f, "{ty}"),
            ArgType::Null => f.write_str("null"),
            ArgType::Lambda(..) | ArgType::UntypedLambda(_) => f.write_str("LAMBDA"),
            ArgType::IntervalUnit => f.write_str("INTERVALUNIT"),
        }
    }
}

/// Which signature fits, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Its position in the function's list.
    pub signature: usize,
    /// What each argument has to be (cast to) before the call. For a literal NULL the type it
    /// stands for; for a NULL in the place of an interval unit `ArgType::Null`.
    ///
    /// Such an implicit cast never fails a row: a text that is no DATE, TIME, TIMESTAMP or BYTES
    /// becomes null quietly.
    pub args: Vec<ArgType>,
    /// What the call returns.
    pub returns: SqlType,
}

/// No signature fits, or several fit equally well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ResolveError(pub String);
