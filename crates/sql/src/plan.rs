//! What a statement means: the steps rows go through, and what is to be created, dropped or shown.
//!
//! A [`QueryPlan`] is a tree of [`Step`]s from sources to the sink. Each step says the schema of
//! what comes out of it; expressions in a step are over the schema of its input. Which Kafka
//! Streams semantics each step follows is said beside it.

use functions::Resolved;
use functions::aggregate::AggregateFunction;
use functions::table::TableFunction;
use model::{Format, Namespace, Schema, Value};

use crate::ast::{Emit, JoinKind, SourceKind, Within};
use crate::expr::{Arg, Expr};

/// How a source's or a view's keys are windowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowInfo {
    /// TUMBLING, with the length of a window.
    Tumbling {
        /// In milliseconds.
        size_ms: i64,
    },
    /// HOPPING, with the length of a window.
    Hopping {
        /// In milliseconds.
        size_ms: i64,
    },
    /// SESSION
    Session,
}

/// A query to be run: until it is terminated (a sink), or until its client has had enough (none).
#[derive(Clone, Debug)]
pub struct QueryPlan {
    /// The last step.
    pub root: Step,
    /// STREAM or TABLE: what comes out.
    pub kind: SourceKind,
    /// The result's columns: those of the root's schema that are told, keys first for a persistent
    /// query, in select order for a push query.
    pub output: Schema,
    /// For each column of `output`, its position in the root step's schema.
    pub output_columns: Vec<usize>,
    /// Is the result's key windowed?
    pub window: Option<WindowInfo>,
    /// All sources read, by name, each once.
    pub sources: Vec<String>,
    /// CHANGES or FINAL.
    pub emit: Emit,
    /// A push query ends after so many rows.
    pub limit: Option<u64>,
    /// Where a persistent query writes.
    pub sink: Option<Sink>,
}

impl QueryPlan {
    /// Where the result's columns of one namespace stand in the root step's schema.
    pub fn positions(&self, namespace: Namespace) -> Vec<usize> {
        let columns = self.output.columns.iter().zip(&self.output_columns);
        columns.filter(|(c, _)| c.namespace == namespace).map(|(_, at)| *at).collect()
    }
}

/// Where a persistent query writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Sink {
    /// The stream or table.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// How many partitions a new topic gets.
    pub partitions: u32,
    /// The key's format.
    pub key_format: Format,
    /// The value's format.
    pub value_format: Format,
    /// The column that gives a record its timestamp.
    pub timestamp: Option<TimestampColumn>,
}

/// The column that gives a record its timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampColumn {
    /// Its name.
    pub name: String,
    /// Text's pattern (TIMESTAMP_FORMAT).
    pub format: Option<String>,
}

/// One step of a query.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// What comes out.
    pub schema: Schema,
}

impl Step {
    /// The steps whose rows this one takes, left to right.
    pub fn inputs(&self) -> Vec<&Step> {
        match &self.kind {
            StepKind::Source { .. } => Vec::new(),
            StepKind::Filter { input, .. }
            | StepKind::Select { input, .. }
            | StepKind::FlatMap { input, .. }
            | StepKind::Rekey { input, .. }
            | StepKind::Aggregate { input, .. }
            | StepKind::Suppress { input } => vec![input],
            StepKind::StreamStreamJoin { left, right, .. }
            | StepKind::StreamTableJoin { left, right, .. }
            | StepKind::TableTableJoin { left, right, .. }
            | StepKind::ForeignKeyJoin { left, right, .. } => vec![left, right],
        }
    }
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum StepKind {
    /// Reads a source. Schema: the source's columns (key, value, headers, in declared order), then
    /// the pseudo columns ROWTIME, ROWPARTITION, ROWOFFSET and for a windowed source WINDOWSTART
    /// and WINDOWEND.
    Source {
        /// The stream or table.
        name: String,
        /// What the query calls it.
        alias: String,
    },
    /// Keeps rows for which the predicate is true. For a table a row that stops passing becomes a
    /// tombstone (if it was told before), one that never passed is silent. Schema: the input's.
    Filter {
        /// Rows from here.
        input: Box<Step>,
        /// A BOOLEAN.
        predicate: Expr,
    },
    /// Computes columns. Schema: one column for each expression; key columns are plain columns of
    /// the input's key. A row with a null value stays one.
    Select {
        /// Rows from here.
        input: Box<Step>,
        /// In the order of the schema.
        columns: Vec<Expr>,
    },
    /// Table functions, zipped: as many rows as the longest list has, the others null. Schema: the
    /// input's columns, then one for each function.
    FlatMap {
        /// Rows from here.
        input: Box<Step>,
        /// What is exploded.
        functions: Vec<TableCall>,
    },
    /// Gives rows another key (PARTITION BY, or ahead of a join). Schema: the new key's columns,
    /// then all columns of the input. For a table: a change of the key is a tombstone and an
    /// insert.
    Rekey {
        /// Rows from here.
        input: Box<Step>,
        /// One for each key column.
        keys: Vec<Expr>,
    },
    /// Groups and folds rows. Rows whose key is (partly) null are dropped, unless the group has
    /// other columns, as ksqlDB does. Schema: the key's columns, `carried`, one for each aggregate,
    /// and if windowed WINDOWSTART and WINDOWEND, last ROWTIME.
    Aggregate {
        /// Rows from here.
        input: Box<Step>,
        /// STREAM or TABLE: what the input is. A table's rows are undone when they change.
        input_kind: SourceKind,
        /// What to group by.
        keys: Vec<Expr>,
        /// Columns that are not aggregated: those of the group's newest row.
        carried: Vec<Expr>,
        /// What to compute.
        aggregates: Vec<AggregateCall>,
        /// Windows, if any.
        window: Option<crate::ast::Window>,
    },
    /// A join of two streams within a time. Schema: the key's columns, all of the left, all of the
    /// right. The inputs are keyed by the join's expression.
    StreamStreamJoin {
        /// Left rows.
        left: Box<Step>,
        /// Right rows.
        right: Box<Step>,
        /// INNER, LEFT, RIGHT, FULL.
        kind: JoinKind,
        /// How far apart, how late.
        within: Within,
    },
    /// A stream enriched from a table. Schema: the key's columns, all of the left, all of the
    /// right.
    StreamTableJoin {
        /// Stream.
        left: Box<Step>,
        /// Table.
        right: Box<Step>,
        /// INNER or LEFT.
        kind: JoinKind,
    },
    /// A join of two tables on their keys. Schema: the key's columns, all of the left, all of the
    /// right.
    TableTableJoin {
        /// Left table.
        left: Box<Step>,
        /// Right table.
        right: Box<Step>,
        /// INNER, LEFT, RIGHT, FULL.
        kind: JoinKind,
    },
    /// A join of a table's expression with another's key. Schema: the left's key columns, all of
    /// the left, all of the right.
    ForeignKeyJoin {
        /// Left table, whose key the result has.
        left: Box<Step>,
        /// Right table, looked up.
        right: Box<Step>,
        /// Over the left's schema: the right's key.
        foreign_key: Expr,
        /// INNER or LEFT.
        kind: JoinKind,
    },
    /// Holds a window's result back until the window is closed (EMIT FINAL). Schema: the input's.
    Suppress {
        /// Rows from here.
        input: Box<Step>,
    },
}

/// A call of a table function.
#[derive(Clone)]
pub struct TableCall {
    /// The function, out of the one list of its kind.
    pub function: &'static TableFunction,
    /// Which of its signatures fits, and what it returns.
    pub resolved: Resolved,
    /// Its arguments.
    pub args: Vec<Arg>,
}

/// A call of an aggregate function.
#[derive(Clone)]
pub struct AggregateCall {
    /// The function, out of the one list of its kind.
    pub function: &'static AggregateFunction,
    /// Which of its signatures fits, and what it returns.
    pub resolved: Resolved,
    /// Its leading arguments, over the aggregate step's input; COUNT(*) has none.
    pub args: Vec<Expr>,
    /// Its trailing, literal ones.
    pub literals: Vec<Value>,
}

impl std::fmt::Debug for TableCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({:?})", self.function.name, self.args)
    }
}

impl std::fmt::Debug for AggregateCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({:?}, {:?})", self.function.name, self.args, self.literals)
    }
}

/// A pull query: one look at a view (or at all of a stream so far).
#[derive(Clone, Debug)]
pub struct PullPlan {
    /// The table or stream.
    pub source: String,
    /// STREAM or TABLE.
    pub source_kind: SourceKind,
    /// How rows are found.
    pub lookup: Lookup,
    /// Bounds of WINDOWSTART and WINDOWEND, where the source is windowed.
    pub windows: WindowBounds,
    /// Which of the rows found are answered; over the source step's schema.
    pub filter: Option<Expr>,
    /// What is answered; over the source step's schema.
    pub columns: Vec<Expr>,
    /// Its names and types (namespace Key for key columns of the source).
    pub output: Schema,
    /// Our extension: over the source step's schema, descending or not.
    pub order_by: Vec<(Expr, bool)>,
    /// At most so many rows.
    pub limit: Option<u64>,
    /// Our extension: leave out so many first.
    pub offset: Option<u64>,
}

/// How a pull query finds rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Lookup {
    /// All keys named, each a value for every key column; each looked up once.
    Keys(Vec<Vec<Value>>),
    /// Keys from `low` to `high` (of a single key column), by the order of their serialized form or
    /// values.
    Range {
        /// Lower bound and whether it is included.
        low: Option<(Value, bool)>,
        /// Upper bound and whether it is included.
        high: Option<(Value, bool)>,
    },
    /// Everything.
    #[default]
    Scan,
}

/// Bounds of a pull query on window start and end, in milliseconds; all inclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowBounds {
    /// WINDOWSTART at least.
    pub start_min_ms: Option<i64>,
    /// WINDOWSTART at most.
    pub start_max_ms: Option<i64>,
    /// WINDOWEND at least.
    pub end_min_ms: Option<i64>,
    /// WINDOWEND at most.
    pub end_max_ms: Option<i64>,
}
