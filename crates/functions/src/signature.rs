//! What a function takes and returns, and which of its signatures fits given arguments.

use std::fmt;

use model::SqlType;

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
    Generic(&'static str),
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

/// A parameter with its documentation.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: ParamType,
    /// What it means; may be empty.
    pub description: &'static str,
}

/// What a signature returns.
#[derive(Clone, Copy)]
pub enum Returns {
    /// A type built from parameter types' variables.
    Type(fn() -> ParamType),
    /// Computed from the types of the (already cast) arguments.
    Computed(fn(&[ArgType]) -> Result<SqlType, String>),
}

impl fmt::Debug for Returns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Returns::Type(ty) => write!(f, "{:?}", ty()),
            Returns::Computed(_) => f.write_str("computed"),
        }
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

/// Which signature fits, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Its position in the function's list.
    pub signature: usize,
    /// What each argument has to be (cast to) before the call. For a literal NULL the type it stands for.
    pub args: Vec<ArgType>,
    /// What the call returns.
    pub returns: SqlType,
}

/// No signature fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ResolveError(pub String);
