//! Queries that cannot be run: their clauses, their joins, pull queries.

use model::SqlType;

use super::SourceError;

/// A SELECT that cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// FROM names nothing.
    #[error("{name} does not exist.{hint}")]
    UnknownSource {
        /// The name.
        name: String,
        /// Did you mean …, with a leading blank; may be empty.
        hint: String,
    },
    /// It would read what it writes.
    #[error(
        "The query reads topic '{topic}' ({name}) and would write to it, too: its rows would make \
         rows for ever. Let it write to another topic."
    )]
    Loop {
        /// The source.
        name: String,
        /// Its topic, and the sink's.
        topic: String,
    },
    /// Two columns of one name.
    #[error(
        "Duplicate value columns found in schema: `{0}`. Give one of them another name with AS."
    )]
    DuplicateColumn(String),
    /// ROWTIME as a column of a sink.
    #[error("Reserved column name in select: `{0}`. Please remove or alias the column.")]
    ReservedColumn(String),
    /// `x AS ROWTIME`
    #[error("`{0}` is a reserved column name. You cannot use it as an alias for a column.")]
    ReservedAlias(String),
    /// Only keys are selected.
    #[error("The projection contains no value columns.")]
    NoValueColumns,
    /// A key column is not selected.
    #[error(
        "Key missing from projection (ie, SELECT). The query used to build `{sink}` must \
         include the {what} {names} in its projection."
    )]
    MissingKey {
        /// The stream or table that is to be made.
        sink: String,
        /// key column, grouping expression, …
        what: &'static str,
        /// Which.
        names: String,
    },
    /// A key column is selected twice.
    #[error(
        "The projection contains a key column ({key}) more than once, aliased as: {}. Each key \
         column must only be in the projection once. If you intended to copy the key into the \
         value, then consider using the AS_VALUE function to indicate which key reference should \
         be copied.",
        .aliases.join(" and ")
    )]
    DuplicateKey {
        /// The key.
        key: String,
        /// Its names.
        aliases: Vec<String>,
    },
    /// Columns beside aggregates.
    #[error(
        "Non-aggregate {clause} expression(s) not part of GROUP BY: {expression}. Either add \
         the column(s) to the GROUP BY or remove them from the {clause}."
    )]
    NotGrouped {
        /// SELECT or HAVING.
        clause: &'static str,
        /// Which.
        expression: String,
    },
    /// GROUP BY without any.
    #[error("GROUP BY requires aggregate functions in either the SELECT or HAVING clause.")]
    NoAggregates,
    /// Aggregates without GROUP BY, in a persistent query.
    #[error(
        "CREATE TABLE AS SELECT statement does not support aggregate function {0} without a \
         GROUP BY clause."
    )]
    NoGroupBy(String),
    /// `GROUP BY a, a`
    #[error("Duplicate GROUP BY expression: {0}.")]
    DuplicateGroupBy(String),
    /// HAVING alone.
    #[error("HAVING requires a GROUP BY clause.")]
    HavingWithoutGroupBy,
    /// WINDOW alone.
    #[error("WINDOW clause requires a GROUP BY clause.")]
    WindowWithoutGroupBy,
    /// WINDOW on a table.
    #[error("WINDOW clause is only supported on streams, not on tables.")]
    WindowOnTable,
    /// A window that already is one.
    #[error("WINDOW clause is not supported on a windowed source.")]
    WindowOnWindowed,
    /// Zero, or an advance beyond the size.
    #[error("Invalid window: {0}.")]
    InvalidWindow(&'static str),
    /// An aggregate that cannot take rows back.
    #[error(
        "The aggregation function(s) {0} cannot be applied to a table source, only to a stream \
         source."
    )]
    NoUndo(String),
    /// A KAFKA value cannot be grouped.
    #[error(
        "Source(s) {sources} are using the 'KAFKA' value format. This format does not yet \
         support {what}."
    )]
    KafkaFormat {
        /// Which.
        sources: String,
        /// GROUP BY or JOIN.
        what: &'static str,
    },
    /// The sink's format cannot hold the columns.
    #[error(transparent)]
    SinkFormat(SourceError),
    /// State that the value format cannot hold.
    #[error(
        "One of the functions used in the statement has an intermediate type that the value \
         format can not handle. Please remove the function or change the format."
    )]
    StateFormat,
    /// PARTITION BY together with GROUP BY.
    #[error("Queries only support one of PARTITION BY and GROUP BY.")]
    PartitionAndGroup,
    /// PARTITION BY of a table.
    #[error(
        "Cannot repartition a TABLE source. If this is a join, make sure that the criteria uses \
         the TABLE's key."
    )]
    PartitionTable,
    /// PARTITION BY of a windowed stream.
    #[error("Implicit repartitioning of windowed sources is not supported.")]
    PartitionWindowed,
    /// `PARTITION BY NULL, x`
    #[error("Cannot PARTITION BY multiple columns including NULL.")]
    PartitionNull,
    /// Table functions with aggregates or tables.
    #[error("{0}")]
    TableFunctions(&'static str),
    /// EMIT FINAL where nothing ever is final.
    #[error("EMIT FINAL is only supported for windowed aggregations.")]
    Final,
    /// Suppress switched off.
    #[error("EMIT FINAL is turned off by 'ksql.suppress.enabled'.")]
    FinalDisabled,
    /// A windowed table in a persistent query.
    #[error("KSQL does not support persistent queries on windowed tables.")]
    WindowedTable,
    /// CSAS of a table or CTAS of a stream.
    #[error(
        "Invalid result type. Your SELECT query produces a {found}. Please use CREATE {found} \
         AS SELECT statement instead."
    )]
    ResultType {
        /// STREAM or TABLE.
        found: &'static str,
    },
    /// WINDOWSTART where it has no value.
    #[error(
        "Window bounds column {0} can only be used in the SELECT clause of windowed \
         aggregations and can not be passed to aggregate functions."
    )]
    WindowBounds(String),
    /// Only for pull queries.
    #[error("{0} is only supported in pull queries on tables, which have no EMIT clause.")]
    PullOnly(&'static str),
    /// `1->*`
    #[error("Only a STRUCT can be selected with ->*; this is {0}.")]
    NotStruct(SqlType),
    /// A wildcard over nothing.
    #[error("The wildcard selects no columns.")]
    EmptyStar,
    /// A persistent query may read it only once.
    #[error("A LIMIT is only supported in push and pull queries.")]
    Limit,
}

/// A join that cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum JoinError {
    /// `A JOIN A`
    #[error("Can not join '{0}' to '{0}': self joins are not yet supported.")]
    SelfJoin(String),
    /// `A X JOIN B X`
    #[error("Two sources are called '{0}'. Give one of them another name with AS.")]
    SameAlias(String),
    /// ON is not `x = y`.
    #[error("Unsupported join expression: it must be one equality, as in ON a.x = b.y.")]
    NotEquality,
    /// A side that names no source, or several.
    #[error(
        "Invalid comparison expression in join: each side of the join comparison must contain \
         references from exactly one source."
    )]
    SideSources,
    /// Both sides name the same source.
    #[error(
        "Each side of the join must reference exactly one source and not the same source. {0} \
         is on both sides."
    )]
    SameSource(String),
    /// A side that belongs to neither.
    #[error("Invalid join condition: it does not name {0}, which is to be joined.")]
    MissingSide(String),
    /// Sides of several types.
    #[error(
        "Invalid join condition: types don't match: {left} = {right}. Cast one side to the \
         other's type."
    )]
    Types {
        /// Left.
        left: SqlType,
        /// Right.
        right: SqlType,
    },
    /// A table joined on something else than its key.
    #[error("Invalid join condition: {kind} joins require to join on the {what}.")]
    NotKey {
        /// stream-table, table-table.
        kind: &'static str,
        /// Which key.
        what: String,
    },
    /// Table first, stream second.
    #[error(
        "Invalid join order: table-stream joins are not supported; only stream-table joins. \
         Write the stream first."
    )]
    TableStream,
    /// No WITHIN between streams.
    #[error("Stream-Stream joins must have a WITHIN clause specified. None was provided.")]
    NoWithin,
    /// WITHIN where there is no time.
    #[error(
        "A window definition was provided for a {0} join: WITHIN is only for stream-stream joins."
    )]
    Within(&'static str),
    /// FULL or RIGHT with a table.
    #[error("{kind} OUTER JOIN {what} is not supported.")]
    Kind {
        /// FULL or RIGHT.
        kind: &'static str,
        /// between a stream and a table, on a foreign key.
        what: &'static str,
    },
    /// Co-partitioning.
    #[error(
        "Can't join `{left}` with `{right}` since the number of partitions don't match. \
         `{left}` partitions = {left_partitions}; `{right}` partitions = {right_partitions}. \
         Please repartition either one so that the number of partitions match."
    )]
    Partitions {
        /// Left alias.
        left: String,
        /// Right alias.
        right: String,
        /// Its partitions.
        left_partitions: u32,
        /// Its partitions.
        right_partitions: u32,
    },
    /// Windowed with not windowed.
    #[error("Can not join windowed source to non-windowed source.")]
    Windowed,
    /// Session with tumbling.
    #[error(
        "Incompatible windowed sources: session windowed sources can only be joined to other \
         session windowed sources, and time-windowed to time-windowed."
    )]
    Windows,
    /// A windowed source that would have to be repartitioned.
    #[error("Implicit repartitioning of windowed sources is not supported.")]
    WindowedRepartition,
    /// A foreign key in the middle.
    #[error(
        "Invalid join condition: foreign-key table-table joins are not supported as part of \
         n-way joins."
    )]
    ForeignKeyInNWay,
    /// WITHIN of negative length.
    #[error("The WITHIN clause and its GRACE PERIOD must not be negative.")]
    NegativeWithin,
}

/// A pull query that cannot be answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PullError {
    /// A clause that pull queries on streams lack.
    #[error(
        "{0} is only supported on tables: a stream is read in the order of its log. Leave it out, or \
         make a table of the stream (CREATE TABLE … AS SELECT … GROUP BY …)."
    )]
    StreamClause(&'static str),
    /// A clause that pull queries lack.
    #[error(
        "Pull queries don't support {0}. Add EMIT CHANGES if you intended to issue a push query."
    )]
    Clause(&'static str),
    /// A column that pull queries lack.
    #[error(
        "Pull queries don't support the following columns in {clause} clauses: {columns}. Add \
         EMIT CHANGES if you intended to issue a push query."
    )]
    Columns {
        /// SELECT or WHERE.
        clause: &'static str,
        /// Which.
        columns: String,
    },
    /// The table is not materialized.
    #[error(
        "The `{name}` table isn't queryable. To derive a queryable table, you can do 'CREATE \
         TABLE QUERYABLE_{name} AS SELECT * FROM {name}'. Add EMIT CHANGES if you intended to \
         issue a push query."
    )]
    NotMaterialized {
        /// The table.
        name: String,
    },
    /// `SELECT a, * …`
    #[error("Pull queries only support wildcards in the projects if they are the only expression")]
    Wildcard,
    /// WHERE in a shape that cannot be looked up.
    #[error(
        "Unsupported expression in WHERE clause: it must combine comparisons with AND and OR. \
         Add EMIT CHANGES if you intended to issue a push query."
    )]
    Unsupported,
    /// No WHERE, and no scans.
    #[error(
        "Missing WHERE clause: table scans are turned off by 'ksql.query.pull.table.scan.enabled'."
    )]
    NoWhere,
    /// A part of WHERE without key, and no scans.
    #[error(
        "WHERE clause missing key column, and table scans are turned off by \
         'ksql.query.pull.table.scan.enabled'."
    )]
    NoKey,
    /// Switched off.
    #[error(
        "Pull queries are disabled: see 'ksql.pull.queries.enable' and \
         'ksql.query.pull.stream.enabled'."
    )]
    Disabled,
    /// LIMIT switched off.
    #[error(
        "LIMIT clause in pull queries is currently disabled by \
         'ksql.query.pull.limit.clause.enabled'."
    )]
    LimitDisabled,
    /// `id = 'x'` for a number.
    #[error("'{found}' can not be converted to the type of the key column: {expected}.")]
    KeyType {
        /// The value.
        found: String,
        /// The key's type.
        expected: SqlType,
    },
    /// `WINDOWSTART <> …`
    #[error("Unsupported {0} bounds: use =, <, <=, > or >=.")]
    WindowOperator(String),
    /// `WINDOWSTART > 1 AND WINDOWSTART > 2`
    #[error(
        "Duplicate {0} bounds: name one value with =, or a lowest and a highest one, beside the \
         key."
    )]
    WindowTwice(String),
    /// A windowed table with a bound that is no number.
    #[error("Window bounds must be compared with a BIGINT or a time as text.")]
    WindowBound,
}
