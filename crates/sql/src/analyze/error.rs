//! Why a statement has no meaning: what is wrong, where it stands, and what to do about it.
//!
//! One enum for each operation; [`AnalyzeError`] adds the place. `Display` shows the line with a
//! caret, [`AnalyzeError::message`] is the sentence alone, for REST answers.

use std::fmt;
use std::sync::Arc;

use model::SqlType;

use crate::ast::Span;
use crate::error::Place;

/// A statement that was parsed but means nothing here.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalyzeError {
    /// What is wrong.
    pub kind: AnalyzeErrorKind,
    /// Where, as a range of byte offsets in the script.
    pub span: Option<Span>,
    /// The statement's text and where it starts in the script; set by [`super::analyze`].
    pub source: Option<(Arc<str>, usize)>,
}

/// What is wrong, by operation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AnalyzeErrorKind {
    /// In an expression.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// In a SELECT.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// In a join.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// In CREATE, ALTER or DROP.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// In WITH, or in the settings of the session.
    #[error(transparent)]
    Property(#[from] PropertyError),
    /// In INSERT.
    #[error(transparent)]
    Insert(#[from] InsertError),
    /// In a pull query.
    #[error(transparent)]
    Pull(#[from] PullError),
}

/// An expression that has no type.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExpressionError {
    /// No source has the column.
    #[error("{clause} column '{name}' cannot be resolved.{hint}")]
    UnknownColumn {
        /// SELECT, WHERE, …
        clause: &'static str,
        /// As written.
        name: String,
        /// What to do, with a leading blank; may be empty.
        hint: String,
    },
    /// Several sources have the column.
    #[error("Column '{name}' is ambiguous. Could be {}. Name the source, as in {}.", .candidates.join(" or "), .candidates[0])]
    AmbiguousColumn {
        /// As written.
        name: String,
        /// Qualified.
        candidates: Vec<String>,
    },
    /// `x.y` where no source is called x.
    #[error("'{0}' is not a valid stream/table name or alias.")]
    UnknownAlias(String),
    /// No function of that name.
    #[error("Can't find any functions with the name '{name}'.{hint}")]
    UnknownFunction {
        /// Upper case.
        name: String,
        /// Did you mean …, with a leading blank; may be empty.
        hint: String,
    },
    /// No signature fits.
    #[error("{0}")]
    Arguments(String),
    /// A literal NULL where a typed value is needed.
    #[error(
        "Can't infer a type of null. Please explicitly cast it to a required type, e.g. CAST(null AS VARCHAR)."
    )]
    UntypedNull,
    /// `1 + NULL`
    #[error("Arithmetic on NULL is not supported. Cast it to a type, e.g. CAST(null AS INT).")]
    ArithmeticNull,
    /// `TRUE + 1`
    #[error("Unsupported arithmetic types: {left} {op} {right}.")]
    ArithmeticTypes {
        /// `+`, …
        op: &'static str,
        /// Left operand.
        left: SqlType,
        /// Right operand.
        right: SqlType,
    },
    /// `-'x'`
    #[error("Only numbers can be negated, not {0}.")]
    NotNumber(SqlType),
    /// `x = NULL`
    #[error("Comparison with NULL not supported: use 'IS NULL' or 'IS NOT NULL' instead.")]
    CompareNull,
    /// `1 = 'x'`
    #[error("Cannot compare {left} to {right} with {op}. Cast one side to the other's type.")]
    CompareTypes {
        /// `=`, …
        op: &'static str,
        /// Left operand.
        left: SqlType,
        /// Right operand.
        right: SqlType,
    },
    /// A condition that is not BOOLEAN.
    #[error("Type error in {what}: should evaluate to boolean but is {found} instead.")]
    NotBoolean {
        /// WHERE expression, operand of AND, …
        what: &'static str,
        /// Its type, or NULL.
        found: String,
    },
    /// `1 LIKE 'x'`
    #[error("LIKE compares text, not {0}.")]
    LikeTypes(SqlType),
    /// `struct->nope`
    #[error(
        "Could not find field '{field}' in {ty}. Names of fields are case-sensitive: quote those that are not upper case."
    )]
    UnknownField {
        /// The field.
        field: String,
        /// The struct.
        ty: SqlType,
    },
    /// `1->x`
    #[error("Only a STRUCT has fields; this is {0}.")]
    NotStruct(SqlType),
    /// `1[2]`
    #[error("Only an ARRAY or a MAP can be subscripted; this is {0}.")]
    NotSubscriptable(SqlType),
    /// `array['x']`
    #[error("{base} cannot be subscripted with {index}.")]
    SubscriptType {
        /// What is subscripted.
        base: SqlType,
        /// With what.
        index: String,
    },
    /// Branches of several types.
    #[error(
        "Invalid Case expression: all branches must have one type, but this one is {found}, not {expected}."
    )]
    CaseTypes {
        /// Of the first branch.
        expected: SqlType,
        /// Of this one.
        found: SqlType,
    },
    /// `CASE WHEN a THEN NULL END`
    #[error("Invalid Case expression: all branches have NULL type.")]
    CaseAllNull,
    /// `ARRAY[]`
    #[error("Array constructor cannot be empty. Please supply at least one element.")]
    EmptyArray,
    /// `MAP()`
    #[error("Map constructor cannot be empty. Please supply at least one key value pair.")]
    EmptyMap,
    /// `ARRAY[NULL]`
    #[error("Cannot construct {0}. Cast a NULL to the desired type.")]
    AllNull(&'static str),
    /// `ARRAY[1, TRUE]`
    #[error(
        "operator does not exist: {expected} = {found}. You might need to add explicit type casts."
    )]
    NoCommonType {
        /// Of those before.
        expected: SqlType,
        /// Of this one.
        found: SqlType,
    },
    /// `ARRAY[1, 'x']`
    #[error("invalid input syntax for type {ty}: \"{text}\".")]
    BadLiteral {
        /// What it should be.
        ty: SqlType,
        /// What it is.
        text: String,
    },
    /// `MAP('a' := 1, 'a' := 2)`
    #[error("Multiple entries with same key: {0}.")]
    DuplicateKey(String),
    /// `STRUCT(a := 1, a := 2)`
    #[error("Field '{0}' is given twice.")]
    DuplicateField(String),
    /// No such cast.
    #[error("Cast of {from} to {to} is not supported.")]
    Cast {
        /// From this type.
        from: SqlType,
        /// To this one.
        to: SqlType,
    },
    /// A type that does not exist.
    #[error("Cannot resolve unknown type: {0}.")]
    UnknownType(String),
    /// DECIMAL(3, 5)
    #[error(
        "DECIMAL precision must be at least 1 and at least the scale: DECIMAL({precision}, {scale})."
    )]
    DecimalRange {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// A lambda where none is taken.
    #[error("A lambda can only be an argument of a function that takes one.")]
    Lambda,
    /// Too few or many parameters.
    #[error("The lambda should have {expected} arguments but has {found}.")]
    LambdaArity {
        /// Wanted.
        expected: usize,
        /// Given.
        found: usize,
    },
    /// `x => …` where x is a column.
    #[error("Lambda arguments can't be named like a column of the source or twice the same: {0}.")]
    LambdaName(String),
    /// DAYS where no unit is taken.
    #[error("A time unit can only be an argument of a function that takes one.")]
    Unit,
    /// An aggregate function where none may stand.
    #[error("{place} does not support aggregate functions: {name} is an aggregate function.")]
    Aggregate {
        /// WHERE, GROUP BY, …
        place: &'static str,
        /// Which.
        name: String,
    },
    /// `SUM(COUNT(*))`
    #[error("Aggregate functions can not be nested: {0}.")]
    NestedAggregate(String),
    /// A table function where none may stand.
    #[error(
        "Table function {0} can only be used in the SELECT list, and not inside another table function."
    )]
    TableFunction(String),
    /// `TOPK(x, y)`
    #[error("Parameter {position} passed to function {name} must be a literal constant.")]
    NotLiteral {
        /// From 1.
        position: usize,
        /// The function.
        name: String,
    },
    /// ROWTIME compared with text that is no time.
    #[error(
        "Failed to parse timestamp '{0}'. Write it as '2020-05-26T23:59:58.000', with an optional zone '+0200' or 'Z'; what is left out is filled up."
    )]
    BadTimestamp(String),
}

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
        "Key missing from projection (ie, SELECT). The query used to build `{sink}` must include the {what} {names} in its projection."
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
    #[error("The projection contains a key column ({key}) more than once, aliased as: {}. Each key column must only be in the projection once. If you intended to copy the key into the value, then consider using the AS_VALUE function to indicate which key reference should be copied.", .aliases.join(" and "))]
    DuplicateKey {
        /// The key.
        key: String,
        /// Its names.
        aliases: Vec<String>,
    },
    /// Columns beside aggregates.
    #[error(
        "Non-aggregate {clause} expression(s) not part of GROUP BY: {expression}. Either add the column(s) to the GROUP BY or remove them from the {clause}."
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
        "CREATE TABLE AS SELECT statement does not support aggregate function {0} without a GROUP BY clause."
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
        "The aggregation function(s) {0} cannot be applied to a table source, only to a stream source."
    )]
    NoUndo(String),
    /// A KAFKA value cannot be grouped.
    #[error(
        "Source(s) {sources} are using the 'KAFKA' value format. This format does not yet support {what}."
    )]
    KafkaFormat {
        /// Which.
        sources: String,
        /// GROUP BY or JOIN.
        what: &'static str,
    },
    /// State that the value format cannot hold.
    #[error(
        "One of the functions used in the statement has an intermediate type that the value format can not handle. Please remove the function or change the format."
    )]
    StateFormat,
    /// PARTITION BY together with GROUP BY.
    #[error("Queries only support one of PARTITION BY and GROUP BY.")]
    PartitionAndGroup,
    /// PARTITION BY of a table.
    #[error(
        "Cannot repartition a TABLE source. If this is a join, make sure that the criteria uses the TABLE's key."
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
        "Invalid result type. Your SELECT query produces a {found}. Please use CREATE {found} AS SELECT statement instead."
    )]
    ResultType {
        /// STREAM or TABLE.
        found: &'static str,
    },
    /// WINDOWSTART where it has no value.
    #[error(
        "Window bounds column {0} can only be used in the SELECT clause of windowed aggregations and can not be passed to aggregate functions."
    )]
    WindowBounds(String),
    /// Only for pull queries.
    #[error("{0} is only supported in pull queries.")]
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
    /// ON is not `x = y`.
    #[error("Unsupported join expression: it must be one equality, as in ON a.x = b.y.")]
    NotEquality,
    /// A side that names no source, or several.
    #[error(
        "Invalid comparison expression in join: each side of the join comparison must contain references from exactly one source."
    )]
    SideSources,
    /// Both sides name the same source.
    #[error(
        "Each side of the join must reference exactly one source and not the same source. {0} is on both sides."
    )]
    SameSource(String),
    /// A side that belongs to neither.
    #[error("Invalid join condition: it does not name {0}, which is to be joined.")]
    MissingSide(String),
    /// Sides of several types.
    #[error(
        "Invalid join condition: types don't match: {left} = {right}. Cast one side to the other's type."
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
        "Invalid join order: table-stream joins are not supported; only stream-table joins. Write the stream first."
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
        "Can't join `{left}` with `{right}` since the number of partitions don't match. `{left}` partitions = {left_partitions}; `{right}` partitions = {right_partitions}. Please repartition either one so that the number of partitions match."
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
        "Incompatible windowed sources: session windowed sources can only be joined to other session windowed sources, and time-windowed to time-windowed."
    )]
    Windows,
    /// A windowed source that would have to be repartitioned.
    #[error("Implicit repartitioning of windowed sources is not supported.")]
    WindowedRepartition,
    /// A foreign key in the middle.
    #[error(
        "Invalid join condition: foreign-key table-table joins are not supported as part of n-way joins."
    )]
    ForeignKeyInNWay,
    /// WITHIN of negative length.
    #[error("The WITHIN clause and its GRACE PERIOD must not be negative.")]
    NegativeWithin,
}

/// CREATE, ALTER or DROP that cannot be done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SourceError {
    /// The name is taken.
    #[error("Cannot add {kind} '{name}': A {existing} with the same name already exists")]
    Exists {
        /// What is to be made.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What there is.
        existing: &'static str,
    },
    /// Nothing of that name.
    #[error("{kind} {name} does not exist.{hint}")]
    Missing {
        /// Stream, Table or Source.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Did you mean …, with a leading blank; may be empty.
        hint: String,
    },
    /// It is of the other kind.
    #[error("Incompatible data source type is {found}, but statement was {statement}")]
    WrongKind {
        /// What it is.
        found: &'static str,
        /// What the statement says.
        statement: String,
    },
    /// A name with odd characters.
    #[error(
        "Illegal argument at {0}: names of streams and tables may only hold letters, digits, '_' and '-'."
    )]
    Name(String),
    /// Two columns of one name.
    #[error("Duplicate column names: `{0}`.")]
    DuplicateColumn(String),
    /// A column called ROWTIME.
    #[error("'{0}' is a reserved column name. You cannot use it as a name for a column.")]
    ReservedColumn(String),
    /// PRIMARY KEY in a stream.
    #[error("Column `{0}` is a 'PRIMARY KEY' column: please use 'KEY' for streams.")]
    PrimaryKeyInStream(String),
    /// KEY in a table.
    #[error("Column `{0}` is a 'KEY' column: please use 'PRIMARY KEY' for tables.")]
    KeyInTable(String),
    /// A table without key.
    #[error("Tables require a PRIMARY KEY. Please define the PRIMARY KEY.")]
    NoPrimaryKey,
    /// No columns at all.
    #[error("The statement does not define any columns.")]
    NoColumns,
    /// MAP in a key.
    #[error(
        "Map keys, including types that contain maps, are not supported as they may lead to unexpected behavior due to inconsistent serialization. Key column name: `{name}`. Column type: {ty}."
    )]
    MapKey {
        /// The column.
        name: String,
        /// Its type.
        ty: SqlType,
    },
    /// HEADERS of another type.
    #[error("Invalid type for {what} column: expected {expected}, got {found}")]
    HeaderType {
        /// HEADERS or HEADER('key').
        what: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: SqlType,
    },
    /// Header columns are switched off.
    #[error("Cannot create a source with header columns: 'ksql.headers.columns.enabled' is false.")]
    HeadersDisabled,
    /// HEADERS twice, or with HEADER('x').
    #[error("{0}")]
    Headers(&'static str),
    /// The format cannot hold the columns.
    #[error("{side} format does not support schema. The '{format}' format {reason}.")]
    Format {
        /// Key or Value.
        side: &'static str,
        /// Which.
        format: &'static str,
        /// Why.
        reason: String,
    },
    /// Nothing registered.
    #[error(
        "Schema for message {side}s on topic '{topic}' does not exist in the Schema Registry. Subject: {subject}. Name the columns in the statement, or register a schema."
    )]
    NoSchema {
        /// key or value.
        side: &'static str,
        /// The topic.
        topic: String,
        /// Its subject.
        subject: String,
    },
    /// What the registry said.
    #[error("{0}")]
    Registry(String),
    /// The columns given are not those registered.
    #[error(
        "The following {side} columns are changed, missing or reordered: {columns}. Schema from schema registry is [{registered}]"
    )]
    SchemaMismatch {
        /// key or value.
        side: &'static str,
        /// Which.
        columns: String,
        /// What is registered.
        registered: String,
    },
    /// TIMESTAMP names no column.
    #[error("The TIMESTAMP column set in the WITH clause does not exist in the schema: '{0}'")]
    TimestampColumn(String),
    /// TIMESTAMP names a column of another type.
    #[error(
        "Timestamp column, `{0}`, should be LONG(INT64), TIMESTAMP, or a String with a timestamp_format specified"
    )]
    TimestampType(String),
    /// WINDOW_TYPE without key.
    #[error("Windowed sources require a key column.")]
    WindowedWithoutKey,
    /// No topic and nobody to make one.
    #[error(
        "Topic '{0}' does not exist. If you want to create a new topic for the stream/table please re-run the statement providing the required 'PARTITIONS' configuration in the WITH clause (and optionally 'REPLICAS')."
    )]
    NoTopic(String),
    /// The topic is there, with other numbers.
    #[error(
        "A Kafka topic with the name '{topic}' already exists, with different partition/replica configuration than required. KSQL expects {expected} partitions, it has {found}."
    )]
    TopicPartitions {
        /// The topic.
        topic: String,
        /// What the statement says.
        expected: u32,
        /// What there is.
        found: u32,
    },
    /// CREATE OR REPLACE of something read-only.
    #[error("Cannot add {kind} '{name}': CREATE OR REPLACE is not supported on source {kind}s.")]
    ReplaceReadOnly {
        /// stream or table.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// CREATE OR REPLACE switched off.
    #[error("CREATE OR REPLACE functionality is turned off by 'ksql.create.or.replace.enabled'.")]
    ReplaceDisabled,
    /// CREATE OR REPLACE with something else.
    #[error("Cannot upgrade {kind} '{name}': {reason}.")]
    Upgrade {
        /// stream or table.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// ALTER of something read-only.
    #[error("Cannot alter {kind} '{name}': ALTER operations are not supported on source {kind}s.")]
    AlterReadOnly {
        /// stream or table.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// ALTER of a view.
    #[error("ALTER command is not supported for CREATE ... AS statements.")]
    AlterView,
    /// ALTER adds what is there.
    #[error("Cannot add column `{0}` to schema. A column with the same name already exists.")]
    AlterColumn(String),
    /// Others read it.
    #[error("Cannot drop {name}. The following streams and/or tables read from this source: [{}]. You need to drop them before dropping {name}.", .readers.join(", "))]
    ReadBy {
        /// The source.
        name: String,
        /// Who reads it.
        readers: Vec<String>,
    },
    /// Queries use it.
    #[error("Cannot drop {name}. The following queries {verb} this source: [{}]. You need to terminate them before dropping {name}.", .queries.join(", "))]
    UsedBy {
        /// The source.
        name: String,
        /// read from, write into.
        verb: &'static str,
        /// Which.
        queries: Vec<String>,
    },
    /// DELETE TOPIC of a read-only source.
    #[error("Cannot delete topic for read-only source: {0}")]
    DeleteReadOnlyTopic(String),
    /// A type of that name.
    #[error("Cannot register custom type '{0}' since it is already registered with another type.")]
    TypeExists(String),
    /// No type of that name.
    #[error("Type {0} does not exist.")]
    TypeMissing(String),
}

/// A property that is unknown or has no such value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PropertyError {
    /// Not one of WITH's.
    #[error("Invalid config variable(s) in the WITH clause: {0}")]
    Unknown(String),
    /// Twice.
    #[error("The property {0} is given twice in the WITH clause.")]
    Twice(String),
    /// A needed one.
    #[error("Missing required property \"{0}\" which has no default value.")]
    Missing(&'static str),
    /// No format.
    #[error(
        "Statement is missing the '{0}' property from the WITH clause. Either provide one or set a default via the 'ksql.persistence.default.format.{1}' config."
    )]
    MissingFormat(&'static str, &'static str),
    /// No such value.
    #[error("Configuration {name} is invalid: {reason}")]
    Invalid {
        /// The property.
        name: String,
        /// Why.
        reason: String,
    },
    /// Two that exclude each other.
    #[error("Cannot supply both '{0}' and '{1}' properties.")]
    Both(&'static str, &'static str),
    /// A format that does not exist.
    #[error("Unknown format: {0}")]
    UnknownFormat(String),
    /// A property that the format does not have.
    #[error("{property} is not supported with format: {format}")]
    FormatProperty {
        /// The property.
        property: &'static str,
        /// The format.
        format: &'static str,
    },
    /// WRAP_SINGLE_VALUE that the format cannot do.
    #[error("Format '{format}' does not support 'WRAP_SINGLE_VALUE' set to '{value}'.")]
    Wrapping {
        /// The format.
        format: &'static str,
        /// true or false.
        value: bool,
    },
    /// WRAP_SINGLE_VALUE with several columns.
    #[error("'WRAP_SINGLE_VALUE' is only valid for single-field value schemas")]
    WrappingMany,
    /// Columns and a schema's id.
    #[error("{0}")]
    SchemaId(String),
}

/// An INSERT that cannot be done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InsertError {
    /// Nothing of that name.
    #[error("Cannot insert values into an unknown stream/table: `{name}`.{hint}")]
    UnknownTarget {
        /// The name.
        name: String,
        /// Did you mean …, with a leading blank; may be empty.
        hint: String,
    },
    /// Switched off.
    #[error(
        "The server has disabled INSERT INTO ... VALUES functionality with 'ksql.insert.into.values.enabled'."
    )]
    Disabled,
    /// CREATE SOURCE …
    #[error("Cannot insert {what} read-only {kind}: {name}")]
    ReadOnly {
        /// into, values into.
        what: &'static str,
        /// stream or table.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A windowed target.
    #[error("Cannot insert values into windowed stream/table!")]
    Windowed,
    /// More or fewer values than columns.
    #[error("Expected number columns and values to match: {columns}, {values}.")]
    Count {
        /// Columns.
        columns: usize,
        /// Values.
        values: usize,
    },
    /// No such column.
    #[error("Failed to insert values into '{target}'. Column name `{column}` does not exist.")]
    UnknownColumn {
        /// The target.
        target: String,
        /// The column.
        column: String,
    },
    /// Into a column of headers.
    #[error("Cannot insert into HEADER columns: {0}")]
    Header(String),
    /// Into ROWPARTITION or so.
    #[error("Inserting into column `{0}` is not allowed.")]
    Pseudo(String),
    /// A value of another type.
    #[error(
        "Failed to insert values into '{target}'. Expected type {expected} for field `{column}` but got {found}."
    )]
    Type {
        /// The target.
        target: String,
        /// The column.
        column: String,
        /// Its type.
        expected: SqlType,
        /// The value's.
        found: String,
    },
    /// A column as a value.
    #[error("Unsupported column reference in insert value: {0}.")]
    ColumnReference(String),
    /// A table's row without key.
    #[error(
        "Failed to insert values into '{target}'. Value for primary key column(s) {columns} is required for tables"
    )]
    NoKey {
        /// The target.
        target: String,
        /// Its key.
        columns: String,
    },
    /// INSERT INTO a table SELECT.
    #[error("INSERT INTO can only be used to insert into a stream. {0} is a table.")]
    IntoTable(String),
    /// Columns that do not fit.
    #[error(
        "Incompatible schema between results and sink. Result schema is [{result}], but the sink schema is [{sink}]."
    )]
    Schema {
        /// What the query gives.
        result: String,
        /// What the sink has.
        sink: String,
    },
    /// WITH of INSERT INTO … SELECT.
    #[error(
        "Only QUERY_ID may stand in WITH of INSERT INTO, as a name of letters, digits and '_' that is not in use: {0}."
    )]
    QueryId(String),
}

/// A pull query that cannot be answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PullError {
    /// A clause that pull queries lack.
    #[error(
        "Pull queries don't support {0}. Add EMIT CHANGES if you intended to issue a push query."
    )]
    Clause(&'static str),
    /// A column that pull queries lack.
    #[error(
        "Pull queries don't support the following columns in {clause} clauses: {columns}. Add EMIT CHANGES if you intended to issue a push query."
    )]
    Columns {
        /// SELECT or WHERE.
        clause: &'static str,
        /// Which.
        columns: String,
    },
    /// The table is not materialized.
    #[error(
        "The `{name}` table isn't queryable. To derive a queryable table, you can do 'CREATE TABLE QUERYABLE_{name} AS SELECT * FROM {name}'. Add EMIT CHANGES if you intended to issue a push query."
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
        "Unsupported expression in WHERE clause: it must combine comparisons with AND and OR. Add EMIT CHANGES if you intended to issue a push query."
    )]
    Unsupported,
    /// No WHERE, and no scans.
    #[error(
        "Missing WHERE clause: table scans are turned off by 'ksql.query.pull.table.scan.enabled'."
    )]
    NoWhere,
    /// A part of WHERE without key, and no scans.
    #[error(
        "WHERE clause missing key column, and table scans are turned off by 'ksql.query.pull.table.scan.enabled'."
    )]
    NoKey,
    /// Switched off.
    #[error(
        "Pull queries are disabled: see 'ksql.pull.queries.enable' and 'ksql.query.pull.stream.enabled'."
    )]
    Disabled,
    /// LIMIT switched off.
    #[error(
        "LIMIT clause in pull queries is currently disabled by 'ksql.query.pull.limit.clause.enabled'."
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
    /// A windowed table with a bound that is no number.
    #[error("Window bounds must be compared with a BIGINT or a time as text.")]
    WindowBound,
}

impl AnalyzeError {
    /// An error that stands nowhere in particular.
    pub fn new(kind: impl Into<AnalyzeErrorKind>) -> Self {
        Self { kind: kind.into(), span: None, source: None }
    }

    /// An error at a place.
    pub fn at(span: Span, kind: impl Into<AnalyzeErrorKind>) -> Self {
        Self { kind: kind.into(), span: Some(span), source: None }
    }

    /// The sentence, with line and column if they are known, without the text.
    pub fn message(&self) -> String {
        match self.place() {
            Some(Place { line, column, .. }) => {
                format!("Line: {line}, Col: {column}: {}", self.kind)
            }
            None => self.kind.to_string(),
        }
    }

    /// Where in the statement it is.
    pub fn place(&self) -> Option<Place> {
        let (text, offset) = self.source.as_ref()?;
        let Span { start, end } = self.span.filter(|span| span.end > span.start)?;
        let (start, end) = (start.checked_sub(*offset)?, end.checked_sub(*offset)?);
        (end <= text.len()).then(|| Place::of(text, Span { start, end }))
    }
}

impl<K: Into<AnalyzeErrorKind>> From<K> for AnalyzeError {
    fn from(kind: K) -> Self {
        AnalyzeError::new(kind)
    }
}

impl std::error::Error for AnalyzeError {}

impl fmt::Display for AnalyzeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        match self.place() {
            Some(place) => write!(f, "\n{place}"),
            None => Ok(()),
        }
    }
}
