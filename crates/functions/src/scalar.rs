//! Scalar functions: a value for each row. Columns go in, a column comes out.
//!
//! [`SCALARS`] is the one list; the files below `scalar/` hold the entries by category.

mod arrays;
mod bytes;
mod conditional;
mod encodings;
mod equality;
mod geo;
mod json;
mod lambda;
mod maps;
mod mask;
mod maths;
mod positions;
mod regex;
mod rounding;
mod strings;
mod time;
mod units;
mod url;

use std::sync::LazyLock;

use arrow_array::{Array, ArrayRef};
use model::column::value_at;
use model::{ColumnBuilder, SqlType, Value};

pub use time::TimestampPattern;

use crate::signature::ComputeType;
use crate::{
    ArgType, Doc, Evaluated, ResolveError, Resolved, RowErrors, Signature, limits, signature,
};

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

impl IntervalUnit {
    /// How many milliseconds it lasts.
    pub fn millis(self) -> i64 {
        match self {
            IntervalUnit::Days => 86_400_000,
            IntervalUnit::Hours => 3_600_000,
            IntervalUnit::Minutes => 60_000,
            IntervalUnit::Seconds => 1_000,
            IntervalUnit::Milliseconds => 1,
        }
    }
}

/// An argument of a call.
pub enum Arg<'a> {
    /// A value for each row, of the resolved type.
    Column(ArrayRef),
    /// A function of the query's text.
    Lambda(&'a dyn Lambda),
    /// A unit of time; `None` for a literal NULL in its place.
    Unit(Option<IntervalUnit>),
}

/// A lambda of the query's text, ready to be evaluated.
pub trait Lambda {
    /// Evaluates the body over `args` (one column for each parameter, all of one length). Columns
    /// of the source that the body reads are those of row `parents[i]` of the batch for element
    /// `i`.
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

impl Call<'_> {
    /// The column of argument `at`. Panics if it is not a value: the signature says it is.
    pub fn column(&self, at: usize) -> &ArrayRef {
        match &self.args[at] {
            Arg::Column(column) => column,
            _ => unreachable!("the signature says that argument {at} is a value"),
        }
    }

    /// The type of argument `at`, as resolved. Panics if it is not a value.
    pub fn type_of(&self, at: usize) -> &SqlType {
        match &self.arg_types[at] {
            ArgType::Sql(ty) => ty,
            _ => unreachable!("the signature says that argument {at} is a value"),
        }
    }
}

/// How a function is evaluated.
#[derive(Clone, Copy)]
pub enum Eval {
    /// Over whole columns: for what is hot, and for lambdas.
    Columns(fn(&Call<'_>) -> Evaluated),
    /// Row by row; an `Err` fails the row. Lambdas and units are NULL among the values.
    Rows(fn(&[Value], &Call<'_>) -> Result<Value, String>),
}

/// One way to call a scalar function: its signature (see [`Signature::parse`]) and its evaluation.
pub struct Overload {
    signature: &'static str,
    computed: Option<ComputeType>,
    eval: Eval,
}

/// An overload whose result is written in its signature.
const fn of(signature: &'static str, eval: Eval) -> Overload {
    Overload { signature, computed: None, eval }
}

/// An overload whose result is computed from the types of the arguments.
const fn computed(signature: &'static str, eval: Eval, returns: ComputeType) -> Overload {
    Overload { signature, computed: Some(returns), eval }
}

/// A scalar function.
pub struct ScalarFunction {
    /// Its name, upper case.
    pub name: &'static str,
    /// Its documentation.
    pub doc: Doc,
    /// The ways to call it, each with its evaluation.
    overloads: &'static [Overload],
}

impl ScalarFunction {
    /// The ways to call it.
    pub fn signatures(&self) -> &'static [Signature] {
        SCALARS.binary_search_by_key(&self.name, |f| f.name).map_or(&[], |at| &SIGNATURES[at])
    }

    /// Which signature fits these arguments.
    ///
    /// Lambdas whose bodies are still untyped are passed as [`ArgType::UntypedLambda`]; see
    /// [`ScalarFunction::lambda_params`].
    pub fn resolve(&self, args: &[ArgType]) -> Result<Resolved, ResolveError> {
        signature::resolve(self.name, self.signatures(), args)
    }

    /// For each argument that is an untyped lambda: the types of its parameters, as bound by the
    /// other arguments.
    pub fn lambda_params(
        &self,
        args: &[ArgType],
    ) -> Result<Vec<Option<Vec<SqlType>>>, ResolveError> {
        signature::lambda_params(self.name, self.signatures(), args)
    }

    /// Evaluates a resolved call.
    pub fn evaluate(&self, signature: usize, call: &Call<'_>) -> Evaluated {
        match self.overloads[signature].eval {
            Eval::Columns(f) => f(call),
            Eval::Rows(f) => row_by_row(call, f),
        }
    }
}

fn row_by_row(call: &Call<'_>, f: fn(&[Value], &Call<'_>) -> Result<Value, String>) -> Evaluated {
    let mut builder = ColumnBuilder::new(call.returns, call.rows);
    let mut errors = RowErrors::none();
    let mut values = vec![Value::Null; call.args.len()];
    let mut bytes = 0;
    for row in 0..call.rows {
        if bytes > limits::COLUMN_BYTES_MAX {
            errors.add(row, limits::COLUMN_TOO_LARGE);
            builder.append_null();
            continue;
        }
        for (at, (value, arg)) in values.iter_mut().zip(call.args).enumerate() {
            if let Arg::Column(column) = arg {
                read_cell(value, call.type_of(at), column, row);
            }
        }
        let made = f(&values, call).and_then(|value| {
            bytes += limits::check_value(&value)?;
            Ok(value)
        });
        match made {
            Ok(value) => builder.append(&value),
            Err(reason) => {
                errors.add(row, reason);
                builder.append_null();
            }
        }
    }
    Evaluated { column: builder.finish(), errors }
}

/// Reads a cell into `value`, keeping the buffer of a text.
fn read_cell(value: &mut Value, ty: &SqlType, column: &ArrayRef, row: usize) {
    use arrow_array::cast::AsArray;
    if let (Value::String(text), SqlType::String, false) = (&mut *value, ty, column.is_null(row)) {
        text.clear();
        text.push_str(column.as_string::<i32>().value(row));
        return;
    }
    *value = value_at(ty, column, row);
}

/// All scalar functions, in the order of their names.
pub static SCALARS: &[ScalarFunction] = &[
    rounding::ABS,
    maths::ACOS,
    arrays::ARRAY_CONCAT,
    arrays::ARRAY_CONTAINS,
    arrays::ARRAY_DISTINCT,
    arrays::ARRAY_EXCEPT,
    arrays::ARRAY_INTERSECT,
    arrays::ARRAY_JOIN,
    arrays::ARRAY_LENGTH,
    arrays::ARRAY_MAX,
    arrays::ARRAY_MIN,
    arrays::ARRAY_REMOVE,
    arrays::ARRAY_SORT,
    arrays::ARRAY_UNION,
    maths::ASIN,
    maps::AS_MAP,
    conditional::AS_VALUE,
    maths::ATAN,
    maths::ATAN2,
    bytes::BIGINT_FROM_BYTES,
    maths::CBRT,
    rounding::CEIL,
    strings::CHR,
    conditional::COALESCE,
    strings::CONCAT,
    strings::CONCAT_WS,
    time::moved::CONVERT_TZ,
    maths::COS,
    maths::COSH,
    maths::COT,
    time::moved::DATEADD,
    time::moved::DATESUB,
    time::dates::DATETOSTRING,
    maths::DEGREES,
    bytes::DOUBLE_FROM_BYTES,
    strings::ELT,
    encodings::ENCODE,
    maps::ENTRIES,
    maths::EXP,
    json::EXTRACTJSONFIELD,
    strings::FIELD,
    lambda::FILTER,
    rounding::FLOOR,
    time::dates::FORMAT_DATE,
    time::dates::FORMAT_TIME,
    time::timestamps::FORMAT_TIMESTAMP,
    bytes::FROM_BYTES,
    time::moved::FROM_DAYS,
    time::moved::FROM_UNIXTIME,
    arrays::GENERATE_SERIES,
    geo::GEO_DISTANCE,
    rounding::GREATEST,
    conditional::IFNULL,
    strings::INITCAP,
    positions::INSTR,
    bytes::INT_FROM_BYTES,
    json::IS_JSON_STRING,
    json::JSON_ARRAY_CONTAINS,
    json::JSON_ARRAY_LENGTH,
    json::JSON_CONCAT,
    json::JSON_ITEMS,
    json::JSON_KEYS,
    json::JSON_RECORDS,
    strings::LCASE,
    rounding::LEAST,
    positions::LEN,
    maths::LN,
    maths::LOG,
    positions::LPAD,
    maps::MAP_KEYS,
    maps::MAP_UNION,
    maps::MAP_VALUES,
    mask::MASK,
    mask::MASK_KEEP_LEFT,
    mask::MASK_KEEP_RIGHT,
    mask::MASK_LEFT,
    mask::MASK_RIGHT,
    encodings::MD5,
    conditional::NULLIF,
    time::dates::PARSE_DATE,
    time::dates::PARSE_TIME,
    time::timestamps::PARSE_TIMESTAMP,
    maths::PI,
    maths::POWER,
    maths::RADIANS,
    maths::RANDOM,
    lambda::REDUCE,
    regex::REGEXP_EXTRACT,
    regex::REGEXP_EXTRACT_ALL,
    regex::REGEXP_REPLACE,
    regex::REGEXP_SPLIT_TO_ARRAY,
    strings::REPLACE,
    rounding::ROUND,
    positions::RPAD,
    maths::SIGN,
    maths::SIN,
    maths::SINH,
    arrays::SLICE,
    strings::SPLIT,
    strings::SPLIT_TO_MAP,
    maths::SQRT,
    time::dates::STRINGTODATE,
    time::timestamps::STRINGTOTIMESTAMP,
    positions::SUBSTRING,
    maths::TAN,
    maths::TANH,
    time::moved::TIMEADD,
    time::moved::TIMESTAMPADD,
    time::moved::TIMESTAMPSUB,
    time::timestamps::TIMESTAMPTOSTRING,
    time::moved::TIMESUB,
    bytes::TO_BYTES,
    json::TO_JSON_STRING,
    lambda::TRANSFORM,
    strings::TRIM,
    rounding::TRUNC,
    strings::UCASE,
    time::moved::UNIX_DATE,
    time::moved::UNIX_TIMESTAMP,
    url::URL_DECODE_PARAM,
    url::URL_ENCODE_PARAM,
    url::URL_EXTRACT_FRAGMENT,
    url::URL_EXTRACT_HOST,
    url::URL_EXTRACT_PARAMETER,
    url::URL_EXTRACT_PATH,
    url::URL_EXTRACT_PORT,
    url::URL_EXTRACT_PROTOCOL,
    url::URL_EXTRACT_QUERY,
    encodings::UUID,
];

/// Their signatures, read once.
static SIGNATURES: LazyLock<Vec<Vec<Signature>>> = LazyLock::new(|| {
    let read = |overload: &Overload| {
        let signature = Signature::parse(overload.signature).expect("checked by a test");
        match overload.computed {
            Some(computed) => signature.returning(computed),
            None => signature,
        }
    };
    SCALARS.iter().map(|f| f.overloads.iter().map(read).collect()).collect()
});

/// The scalar function of this name (upper case).
pub fn scalar(name: &str) -> Option<&'static ScalarFunction> {
    SCALARS.binary_search_by_key(&name, |f| f.name).ok().map(|at| &SCALARS[at])
}
