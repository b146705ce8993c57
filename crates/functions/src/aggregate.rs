//! Aggregate functions: a value for each group, folded row by row in order.
//!
//! [`AGGREGATES`] is the one list. The engine numbers its groups, hands over columns of arguments
//! with the group of each row, and asks for results: of some groups after a batch
//! ([`Aggregator::results`]), or after every row ([`Aggregator::add_each`]).

mod attribute;
mod average;
mod by_offset;
mod by_time;
mod cells;
mod collect;
mod correlation;
mod count;
mod distinct;
mod extreme;
mod fold;
mod histogram;
mod last_values;
mod list;
mod spread;
mod sum;
mod top;

use std::sync::LazyLock;

use arrow_array::ArrayRef;
use model::{SqlType, Value};

use crate::{ArgType, Doc, Evaluated, ResolveError, Resolved, RowErrors, Signature, signature};

/// The state of one aggregate call for all groups, numbered from 0 by the caller.
///
/// Columns of arguments are those of the resolved call; literal trailing arguments (`TOPK(x, 3)`)
/// were given to [`AggregateFunction::create`].
///
/// A row for which folding fails (a DECIMAL sum beyond its precision) is one at which ksqlDB's
/// query dies; the group's state stays as it was before the row.
pub trait Aggregator: Send + Sync {
    /// Makes sure that groups `0..groups` exist, new ones with their initial state.
    fn grow(&mut self, groups: usize);

    /// Folds row `i` of `args` into group `groups[i]`, in order.
    fn add(&mut self, groups: &[u32], args: &[ArrayRef]) -> RowErrors;

    /// As [`Aggregator::add`], and gives for each row the result of its group right after it.
    fn add_each(&mut self, groups: &[u32], args: &[ArrayRef]) -> Evaluated;

    /// Takes row `i` of `args` out of group `groups[i]` again, in order: for tables, when a row
    /// changes or goes. Only called if [`AggregateFunction::can_undo`].
    fn undo(&mut self, groups: &[u32], args: &[ArrayRef]) -> RowErrors;

    /// Folds group `from` into group `into`: for sessions that grow together.
    fn merge(&mut self, into: u32, from: u32);

    /// The results of these groups, a column of the resolved type.
    fn results(&self, groups: &[u32]) -> ArrayRef;

    /// The state of a group, to be kept in the changelog, of type [`Aggregator::state_type`].
    fn save(&self, group: u32) -> Value;

    /// Sets a group's state to what [`Aggregator::save`] returned once.
    fn load(&mut self, group: u32, state: &Value);

    /// Sets a group back to its initial state, so that its number may be used again.
    fn reset(&mut self, group: u32);

    /// The type of a saved state.
    fn state_type(&self) -> SqlType;
}

/// How large results may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Elements of a COLLECT_LIST, `ksql.functions.collect_list.limit`; later ones are dropped.
    pub collect_list: usize,
    /// Elements of a COLLECT_SET, `ksql.functions.collect_set.limit`; later ones are dropped.
    pub collect_set: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { collect_list: i32::MAX as usize, collect_set: i32::MAX as usize }
    }
}

/// What the state of a call is made from.
pub struct Creation<'a> {
    /// The types of all arguments and of the result.
    pub call: &'a Resolved,
    /// The values of the trailing, literal arguments.
    pub literals: &'a [Value],
    /// How large results may grow.
    pub limits: &'a Limits,
}

impl Creation<'_> {
    /// The type of argument `at`.
    fn arg(&self, at: usize) -> &SqlType {
        match self.call.args.get(at) {
            Some(ArgType::Sql(ty)) => ty,
            _ => unreachable!("the signature says that argument {at} is a value"),
        }
    }

    /// The literal arguments that are numbers, as `usize`.
    fn count(&self, what: &str) -> Result<Option<usize>, String> {
        let Some(number) = self.literals.iter().find_map(Value::as_i64) else { return Ok(None) };
        match usize::try_from(number) {
            Ok(count) if count > 0 => Ok(Some(count)),
            _ => Err(format!("{what} must be 1 or greater, not {number}")),
        }
    }

    /// The literal argument that is a BOOLEAN.
    fn flag(&self) -> Option<bool> {
        self.literals.iter().find_map(Value::as_bool)
    }
}

/// Computes the type of a result from those of the arguments.
type ComputeType = fn(&[ArgType]) -> Result<SqlType, String>;

/// One way to call an aggregate function (see [`Signature::parse`]).
pub struct Overload {
    signature: &'static str,
    computed: Option<ComputeType>,
}

/// An overload whose result is written in its signature.
const fn of(signature: &'static str) -> Overload {
    Overload { signature, computed: None }
}

/// An overload whose result is of its first argument's type.
const fn like_first(signature: &'static str) -> Overload {
    Overload { signature, computed: Some(first_type) }
}

/// An overload whose result is an array of its first argument's type.
const fn array_of_first(signature: &'static str) -> Overload {
    Overload { signature, computed: Some(array_of_first_type) }
}

fn first_type(args: &[ArgType]) -> Result<SqlType, String> {
    let first = args.first().and_then(ArgType::sql).cloned();
    first.ok_or_else(|| "CAST the NULL to the type it stands for".to_string())
}

fn array_of_first_type(args: &[ArgType]) -> Result<SqlType, String> {
    first_type(args).map(SqlType::array)
}

/// An aggregate function.
pub struct AggregateFunction {
    /// Its name, upper case.
    pub name: &'static str,
    /// Its documentation.
    pub doc: Doc,
    /// The ways to call it.
    overloads: &'static [Overload],
    /// How many of the leading arguments are columns; the rest must be literals.
    pub column_args: fn(args: usize) -> usize,
    /// Can it take rows back, as an aggregate over a table must?
    pub can_undo: bool,
    /// Makes the state for a resolved call, or says what is wrong with its literals.
    pub create: fn(&Creation<'_>) -> Result<Box<dyn Aggregator>, String>,
}

impl AggregateFunction {
    /// The ways to call it.
    pub fn signatures(&self) -> &'static [Signature] {
        AGGREGATES.binary_search_by_key(&self.name, |f| f.name).map_or(&[], |at| &SIGNATURES[at])
    }

    /// Which signature fits these arguments. Unlike those of a scalar function they are never cast,
    /// and NULL is none.
    pub fn resolve(&self, args: &[ArgType]) -> Result<Resolved, ResolveError> {
        if args.contains(&ArgType::Null) {
            let name = self.name;
            let hint = "CAST it to the type it stands for";
            return Err(ResolveError(format!("{name} of a literal NULL is not supported: {hint}")));
        }
        let resolved = signature::resolve(self.name, self.signatures(), args)?;
        if resolved.args == args {
            return Ok(resolved);
        }
        let shown: Vec<_> = args.iter().map(ArgType::to_string).collect();
        let shown = shown.join(", ");
        Err(ResolveError(format!("Function '{}' does not accept parameters ({shown}).", self.name)))
    }
}

const fn doc(description: &'static str, call: &'static str, gives: &'static str) -> Doc {
    Doc { description, category: "AGGREGATE", example: (call, gives) }
}

/// All aggregate functions, in the order of their names.
pub static AGGREGATES: &[AggregateFunction] = &[
    AggregateFunction {
        name: "ATTR",
        doc: doc(
            "The value that all rows of the group share, or null if they differ.",
            "ATTR(CAPACITY)",
            "600",
        ),
        overloads: &[of("ATTR(val T) -> T")],
        column_args: |_| 1,
        can_undo: true,
        create: attribute::create,
    },
    AggregateFunction {
        name: "AVG",
        doc: doc("The average of all values that are not null.", "AVG(FREE)", "41.5"),
        overloads: &[
            of("AVG(val INT) -> DOUBLE"),
            of("AVG(val BIGINT) -> DOUBLE"),
            of("AVG(val DOUBLE) -> DOUBLE"),
        ],
        column_args: |_| 1,
        can_undo: true,
        create: average::create,
    },
    AggregateFunction {
        name: "COLLECT_LIST",
        doc: doc("All values, nulls included, in order.", "COLLECT_LIST(FREE)", "[41, 40, 40]"),
        overloads: &[of("COLLECT_LIST(val T) -> ARRAY<T>")],
        column_args: |_| 1,
        can_undo: true,
        create: collect::create_list,
    },
    AggregateFunction {
        name: "COLLECT_SET",
        doc: doc(
            "All different values, null included, in the order they first came.",
            "COLLECT_SET(FREE)",
            "[41, 40]",
        ),
        overloads: &[of("COLLECT_SET(val T) -> ARRAY<T>")],
        column_args: |_| 1,
        can_undo: false,
        create: collect::create_set,
    },
    AggregateFunction {
        name: "CORRELATION",
        doc: doc(
            "Pearson's coefficient of correlation of two columns; NaN where it is not defined.",
            "CORRELATION(FREE, RAIN)",
            "-0.7",
        ),
        overloads: &[
            of("CORRELATION(x DOUBLE, y DOUBLE) -> DOUBLE"),
            of("CORRELATION(x INT, y INT) -> DOUBLE"),
            of("CORRELATION(x BIGINT, y BIGINT) -> DOUBLE"),
        ],
        column_args: |_| 2,
        can_undo: true,
        create: correlation::create,
    },
    AggregateFunction {
        name: "COUNT",
        doc: doc("How many rows there are, or how many values are not null.", "COUNT(*)", "12"),
        overloads: &[of("COUNT() -> BIGINT"), of("COUNT(val T) -> BIGINT")],
        column_args: |args| args,
        can_undo: true,
        create: count::create,
    },
    AggregateFunction {
        name: "COUNT_DISTINCT",
        doc: doc(
            "How many different values there are, nulls aside: exact up to some thousand, then \
             estimated.",
            "COUNT_DISTINCT(NAME)",
            "9",
        ),
        overloads: &[of("COUNT_DISTINCT(val T) -> BIGINT")],
        column_args: |_| 1,
        can_undo: false,
        create: distinct::create,
    },
    AggregateFunction {
        name: "EARLIEST_BY_OFFSET",
        doc: doc(
            "The first value, or the first N; nulls are ignored unless the last argument is FALSE.",
            "EARLIEST_BY_OFFSET(FREE)",
            "41",
        ),
        overloads: &[
            of("EARLIEST_BY_OFFSET(val T) -> T"),
            of("EARLIEST_BY_OFFSET(val T, ignoreNulls BOOLEAN) -> T"),
            of("EARLIEST_BY_OFFSET(val T, earliestN INT) -> ARRAY<T>"),
            of("EARLIEST_BY_OFFSET(val T, earliestN INT, ignoreNulls BOOLEAN) -> ARRAY<T>"),
        ],
        column_args: |_| 1,
        can_undo: false,
        create: by_offset::create_earliest,
    },
    AggregateFunction {
        name: "EARLIEST_BY_TIME",
        doc: doc(
            "The value of the row with the smallest timestamp; of equal ones the first. Rows \
             without a timestamp are ignored. (Not in ksqlDB.)",
            "EARLIEST_BY_TIME(FREE, TS)",
            "41",
        ),
        overloads: &[
            of("EARLIEST_BY_TIME(val T, timestamp TIMESTAMP) -> T"),
            of("EARLIEST_BY_TIME(val T, timestamp BIGINT) -> T"),
        ],
        column_args: |_| 2,
        can_undo: false,
        create: by_time::create_earliest,
    },
    AggregateFunction {
        name: "HISTOGRAM",
        doc: doc(
            "How often each text comes, for the first 1,000 different ones.",
            "HISTOGRAM(NAME)",
            "{Westgate=3}",
        ),
        overloads: &[of("HISTOGRAM(val VARCHAR) -> MAP<VARCHAR, BIGINT>")],
        column_args: |_| 1,
        can_undo: true,
        create: histogram::create,
    },
    AggregateFunction {
        name: "LATEST_BY_OFFSET",
        doc: doc(
            "The last value, or the last N; nulls are ignored unless the last argument is FALSE.",
            "LATEST_BY_OFFSET(FREE)",
            "40",
        ),
        overloads: &[
            of("LATEST_BY_OFFSET(val T) -> T"),
            of("LATEST_BY_OFFSET(val T, ignoreNulls BOOLEAN) -> T"),
            of("LATEST_BY_OFFSET(val T, latestN INT) -> ARRAY<T>"),
            of("LATEST_BY_OFFSET(val T, latestN INT, ignoreNulls BOOLEAN) -> ARRAY<T>"),
        ],
        column_args: |_| 1,
        can_undo: false,
        create: by_offset::create_latest,
    },
    AggregateFunction {
        name: "LATEST_BY_TIME",
        doc: doc(
            "The value of the row with the largest timestamp; of equal ones the last. A row that \
             comes late never wins. Rows without a timestamp are ignored. (Not in ksqlDB.)",
            "LATEST_BY_TIME(FREE, TS)",
            "40",
        ),
        overloads: &[
            of("LATEST_BY_TIME(val T, timestamp TIMESTAMP) -> T"),
            of("LATEST_BY_TIME(val T, timestamp BIGINT) -> T"),
        ],
        column_args: |_| 2,
        can_undo: false,
        create: by_time::create_latest,
    },
    AggregateFunction {
        name: "MAX",
        doc: doc("The largest value.", "MAX(FREE)", "41"),
        overloads: EXTREME_MAX,
        column_args: |_| 1,
        can_undo: false,
        create: extreme::create_max,
    },
    AggregateFunction {
        name: "MIN",
        doc: doc("The smallest value.", "MIN(FREE)", "40"),
        overloads: EXTREME_MIN,
        column_args: |_| 1,
        can_undo: false,
        create: extreme::create_min,
    },
    AggregateFunction {
        name: "STDDEV_SAMP",
        doc: doc(
            "The sample variance: as in ksqlDB without the square root that the name promises. See \
             STDDEV_SAMPLE.",
            "STDDEV_SAMP(FREE)",
            "0.5",
        ),
        overloads: &[
            of("STDDEV_SAMP(val BIGINT) -> DOUBLE"),
            of("STDDEV_SAMP(val INT) -> DOUBLE"),
            of("STDDEV_SAMP(val DOUBLE) -> DOUBLE"),
        ],
        column_args: |_| 1,
        can_undo: true,
        create: spread::create_variance,
    },
    AggregateFunction {
        name: "STDDEV_SAMPLE",
        doc: doc("The sample standard deviation.", "STDDEV_SAMPLE(FREE)", "0.7071067811865476"),
        overloads: &[
            of("STDDEV_SAMPLE(val BIGINT) -> DOUBLE"),
            of("STDDEV_SAMPLE(val INT) -> DOUBLE"),
            of("STDDEV_SAMPLE(val DOUBLE) -> DOUBLE"),
        ],
        column_args: |_| 1,
        can_undo: true,
        create: spread::create_deviation,
    },
    AggregateFunction {
        name: "SUM",
        doc: doc("The sum of all values that are not null; 0 of none.", "SUM(FREE)", "81"),
        overloads: &[
            like_first("SUM(val DECIMAL) -> DECIMAL"),
            of("SUM(val DOUBLE) -> DOUBLE"),
            of("SUM(val BIGINT) -> BIGINT"),
            of("SUM(val INT) -> INT"),
        ],
        column_args: |_| 1,
        can_undo: true,
        create: sum::create,
    },
    AggregateFunction {
        name: "SUM_LIST",
        doc: doc("The sum of the elements of all arrays.", "SUM_LIST(ARRAY[1, 2])", "3"),
        overloads: &[
            of("SUM_LIST(list ARRAY<DOUBLE>) -> DOUBLE"),
            of("SUM_LIST(list ARRAY<INT>) -> INT"),
            of("SUM_LIST(list ARRAY<BIGINT>) -> BIGINT"),
        ],
        column_args: |_| 1,
        can_undo: true,
        create: list::create,
    },
    AggregateFunction {
        name: "TOPK",
        doc: doc(
            "The k largest values, largest first; with further columns an array of structs of the \
             value (`sort_col`) and these (`col0`, …).",
            "TOPK(FREE, 2)",
            "[41, 40]",
        ),
        overloads: &[
            Overload {
                signature: "TOPK(v INT, col ANY..., k INT) -> ARRAY<S>",
                computed: TOP_TYPE,
            },
            Overload {
                signature: "TOPK(v BIGINT, col ANY..., k INT) -> ARRAY<S>",
                computed: TOP_TYPE,
            },
            Overload {
                signature: "TOPK(v DOUBLE, col ANY..., k INT) -> ARRAY<S>",
                computed: TOP_TYPE,
            },
            Overload {
                signature: "TOPK(v VARCHAR, col ANY..., k INT) -> ARRAY<S>",
                computed: TOP_TYPE,
            },
        ],
        column_args: |args| args.saturating_sub(1),
        can_undo: false,
        create: top::create,
    },
    AggregateFunction {
        name: "TOPKDISTINCT",
        doc: doc("The k largest different values, largest first.", "TOPKDISTINCT(FREE, 1)", "[41]"),
        overloads: &[
            of("TOPKDISTINCT(val INT, k INT) -> ARRAY<INT>"),
            of("TOPKDISTINCT(val BIGINT, k INT) -> ARRAY<BIGINT>"),
            of("TOPKDISTINCT(val DOUBLE, k INT) -> ARRAY<DOUBLE>"),
            of("TOPKDISTINCT(val VARCHAR, k INT) -> ARRAY<VARCHAR>"),
            array_of_first("TOPKDISTINCT(val DECIMAL, k INT) -> DECIMAL"),
            of("TOPKDISTINCT(val DATE, k INT) -> ARRAY<DATE>"),
            of("TOPKDISTINCT(val TIME, k INT) -> ARRAY<TIME>"),
            of("TOPKDISTINCT(val TIMESTAMP, k INT) -> ARRAY<TIMESTAMP>"),
            of("TOPKDISTINCT(val BYTES, k INT) -> ARRAY<BYTES>"),
        ],
        column_args: |_| 1,
        can_undo: false,
        create: top::create_distinct,
    },
];

const TOP_TYPE: Option<ComputeType> = Some(top::result_type);

const EXTREME_MAX: &[Overload] = &[
    of("MAX(val INT) -> INT"),
    of("MAX(val BIGINT) -> BIGINT"),
    of("MAX(val DOUBLE) -> DOUBLE"),
    like_first("MAX(val DECIMAL) -> DECIMAL"),
    of("MAX(val DATE) -> DATE"),
    of("MAX(val TIME) -> TIME"),
    of("MAX(val TIMESTAMP) -> TIMESTAMP"),
    of("MAX(val VARCHAR) -> VARCHAR"),
    of("MAX(val BYTES) -> BYTES"),
];

const EXTREME_MIN: &[Overload] = &[
    of("MIN(val INT) -> INT"),
    of("MIN(val BIGINT) -> BIGINT"),
    of("MIN(val DOUBLE) -> DOUBLE"),
    like_first("MIN(val DECIMAL) -> DECIMAL"),
    of("MIN(val DATE) -> DATE"),
    of("MIN(val TIME) -> TIME"),
    of("MIN(val TIMESTAMP) -> TIMESTAMP"),
    of("MIN(val VARCHAR) -> VARCHAR"),
    of("MIN(val BYTES) -> BYTES"),
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
    AGGREGATES.iter().map(|f| f.overloads.iter().map(read).collect()).collect()
});

/// The aggregate function of this name (upper case).
pub fn aggregate(name: &str) -> Option<&'static AggregateFunction> {
    AGGREGATES.binary_search_by_key(&name, |f| f.name).ok().map(|at| &AGGREGATES[at])
}

#[cfg(test)]
mod tests;
