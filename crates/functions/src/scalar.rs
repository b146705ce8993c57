//! Scalar functions: a value for each row.

use arrow_array::ArrayRef;
use model::{SqlType, Value};

use crate::{ArgType, Doc, Evaluated, ResolveError, Resolved, Signature};

/// A unit of time, as DATEADD and its kin take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalUnit {
    /// 86,400,000 ms
    Days,
    /// 3,600,000 ms
    Hours,
    /// 60,000 ms
    Minutes,
    /// 1,000 ms
    Seconds,
    /// 1 ms
    Milliseconds,
}

/// An argument of a call.
pub enum Arg<'a> {
    /// A value for each row, of the resolved type.
    Column(ArrayRef),
    /// A function of the query's text.
    Lambda(&'a dyn Lambda),
    /// A unit of time.
    Unit(IntervalUnit),
}

/// A lambda of the query's text, ready to be evaluated.
pub trait Lambda {
    /// Evaluates the body over `args` (one column for each parameter, all of one length). Columns of
    /// the source that the body reads are those of row `parents[i]` of the batch for element `i`.
    fn call(&self, parents: &[u32], args: &[ArrayRef]) -> Evaluated;

    /// What the body returns.
    fn returns(&self) -> &SqlType;
}

/// What a call needs to know beside its arguments.
pub struct Call<'a> {
    /// The arguments.
    pub args: &'a [Arg<'a>],
    /// Their types, as resolved.
    pub arg_types: &'a [ArgType],
    /// What it returns.
    pub returns: &'a SqlType,
    /// How many rows.
    pub rows: usize,
    /// "Now" for UNIX_TIMESTAMP and its kin, milliseconds since the epoch.
    pub now_ms: i64,
}

/// How a function is evaluated.
#[derive(Clone, Copy)]
pub enum Eval {
    /// Over whole columns: for what is hot, and for lambdas.
    Columns(fn(&Call<'_>) -> Evaluated),
    /// Row by row; an `Err` fails the row.
    Rows(fn(&[Value], &Call<'_>) -> Result<Value, String>),
}

/// A scalar function.
pub struct ScalarFunction {
    /// Its name, upper case.
    pub name: &'static str,
    /// Its documentation.
    pub doc: Doc,
    /// The ways to call it, each with its evaluation.
    pub signatures: fn() -> Vec<(Signature, Eval)>,
}

impl ScalarFunction {
    /// Which signature fits these arguments.
    ///
    /// Lambdas whose bodies are still untyped are passed as [`ArgType::UntypedLambda`]; see
    /// [`ScalarFunction::lambda_params`].
    pub fn resolve(&self, _args: &[ArgType]) -> Result<Resolved, ResolveError> {
        Err(ResolveError(format!("{} cannot be called yet", self.name)))
    }

    /// For each argument that is an untyped lambda: the types of its parameters, as bound by the other
    /// arguments.
    pub fn lambda_params(
        &self,
        _args: &[ArgType],
    ) -> Result<Vec<Option<Vec<SqlType>>>, ResolveError> {
        Ok(Vec::new())
    }

    /// Evaluates a resolved call.
    pub fn evaluate(&self, signature: usize, call: &Call<'_>) -> Evaluated {
        let signatures = (self.signatures)();
        match signatures[signature].1 {
            Eval::Columns(f) => f(call),
            Eval::Rows(_) => unreachable!("not yet"),
        }
    }
}

/// All scalar functions, in the order of their names.
pub static SCALARS: &[ScalarFunction] = &[];

/// The scalar function of this name (upper case).
pub fn scalar(name: &str) -> Option<&'static ScalarFunction> {
    SCALARS.binary_search_by_key(&name, |f| f.name).ok().map(|at| &SCALARS[at])
}
