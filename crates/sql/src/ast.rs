//! The statements of the dialect, as they were written: names unresolved, types unchecked.
//!
//! Flows out of the parser and into the analyzer. Identifiers are already upper-cased unless
//! quoted.

pub use model::ConnectorKind;
use model::{SqlType, Value};

/// Where something stands in the text: a range of byte offsets.
///
/// All spans are equal to each other, so that two expressions are equal (`GROUP BY A + 1` and
/// `SELECT A + 1`) wherever they stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Span {}

/// A statement with its place in the script.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedStatement {
    /// What it says.
    pub statement: Statement,
    /// Its own text, from its first word through its semicolon.
    pub text: String,
    /// Where in the script it stands.
    pub span: Span,
}

/// STREAM or TABLE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// An unbounded sequence of facts.
    Stream,
    /// The latest value of each key.
    Table,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `SELECT …`, pull or push.
    Query(Query),
    /// `CREATE [OR REPLACE] [SOURCE] STREAM|TABLE [IF NOT EXISTS] name (…) WITH (…)`
    CreateSource(CreateSource),
    /// `CREATE [OR REPLACE] STREAM|TABLE [IF NOT EXISTS] name [WITH (…)] AS SELECT …`
    CreateAs(CreateAs),
    /// `INSERT INTO name [WITH (QUERY_ID = '…')] SELECT …`
    InsertSelect {
        /// The stream that rows go to.
        target: String,
        /// What stood in WITH.
        properties: Properties,
        /// Where they come from.
        query: Query,
    },
    /// `INSERT INTO name [(columns)] VALUES (…)`
    InsertValues {
        /// The source that the row goes to.
        target: String,
        /// The columns named; empty: all of them.
        columns: Vec<String>,
        /// One for each.
        values: Vec<Expr>,
    },
    /// `DROP STREAM|TABLE [IF EXISTS] name [DELETE TOPIC]`
    DropSource {
        /// Which kind the statement says it is.
        kind: SourceKind,
        /// No error if there is none.
        if_exists: bool,
        /// The stream or table that goes.
        name: String,
        /// Delete its topic too.
        delete_topic: bool,
    },
    /// `CREATE SOURCE|SINK CONNECTOR [IF NOT EXISTS] name WITH (…)`
    CreateConnector {
        /// Which way records go.
        kind: ConnectorKind,
        /// No error if there is one.
        if_not_exists: bool,
        /// What the connector is called from then on.
        name: String,
        /// Its configuration.
        properties: Properties,
    },
    /// `DROP CONNECTOR [IF EXISTS] name`
    DropConnector {
        /// No error if there is none.
        if_exists: bool,
        /// The connector that ends.
        name: String,
    },
    /// `CREATE TYPE [IF NOT EXISTS] name AS type`
    CreateType {
        /// No error if there is one.
        if_not_exists: bool,
        /// The name that types may use from then on.
        name: String,
        /// What it stands for.
        ty: TypeName,
    },
    /// `DROP TYPE [IF EXISTS] name`
    DropType {
        /// No error if there is none.
        if_exists: bool,
        /// The name that is given up.
        name: String,
    },
    /// `ALTER STREAM|TABLE name ADD [COLUMN] name type, …`
    AlterSource {
        /// Which kind the statement says it is.
        kind: SourceKind,
        /// The stream or table that gets the columns.
        name: String,
        /// What is added.
        columns: Vec<(String, TypeName)>,
    },
    /// `ALTER SYSTEM 'property' = 'value'`
    AlterSystem {
        /// The property.
        property: String,
        /// Its new value.
        value: String,
    },
    /// `SHOW|LIST …`
    Show(Show),
    /// `DESCRIBE …`
    Describe(Describe),
    /// `PRINT topic [FROM BEGINNING] [INTERVAL n] [LIMIT n]`
    Print {
        /// The topic, in the case it was written.
        topic: String,
        /// From the oldest record on.
        from_beginning: bool,
        /// Only every n-th record.
        interval: Option<u64>,
        /// So many records, then stop.
        limit: Option<u64>,
    },
    /// `TERMINATE id|ALL`
    Terminate(QueryRef),
    /// `PAUSE id|ALL`
    Pause(QueryRef),
    /// `RESUME id|ALL`
    Resume(QueryRef),
    /// `SET 'property' = 'value'`
    Set {
        /// The property.
        property: String,
        /// Its value for this session.
        value: String,
    },
    /// `UNSET 'property'`
    Unset {
        /// The property.
        property: String,
    },
    /// `DEFINE name = 'value'`
    Define {
        /// The variable.
        name: String,
        /// What `${name}` stands for.
        value: String,
    },
    /// `UNDEFINE name`
    Undefine {
        /// The variable.
        name: String,
    },
    /// `EXPLAIN statement|id`
    Explain(Explain),
    /// `ASSERT [NOT EXISTS] TOPIC name [WITH (…)] [TIMEOUT n unit]`
    AssertTopic {
        /// It must be there (or must not).
        exists: bool,
        /// The topic.
        topic: String,
        /// What else must hold: PARTITIONS, REPLICAS.
        properties: Properties,
        /// How long to wait for it.
        timeout_ms: Option<u64>,
    },
    /// `ASSERT [NOT EXISTS] SCHEMA [SUBJECT name] [ID n] [TIMEOUT n unit]`
    AssertSchema {
        /// It must be there (or must not).
        exists: bool,
        /// The subject.
        subject: Option<String>,
        /// The schema's id.
        id: Option<i64>,
        /// How long to wait for it.
        timeout_ms: Option<u64>,
    },
    /// `ASSERT VALUES name [(columns)] VALUES (…)`, only in test scripts.
    AssertValues {
        /// The source whose next record is looked at.
        target: String,
        /// The columns named; empty: all of them.
        columns: Vec<String>,
        /// What they must hold.
        values: Vec<Expr>,
    },
    /// `ASSERT NULL VALUES name [(keys)] KEY (…)`, only in test scripts.
    AssertNullValues {
        /// The source whose next record is looked at.
        target: String,
        /// The key columns named.
        columns: Vec<String>,
        /// What they must hold.
        values: Vec<Expr>,
    },
    /// `ASSERT STREAM|TABLE name (…) WITH (…)`, only in test scripts.
    AssertSource(CreateSource),
    /// `RUN SCRIPT 'path'`
    RunScript {
        /// The file.
        path: String,
    },
}

/// `CREATE STREAM|TABLE` with columns.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateSource {
    /// STREAM or TABLE.
    pub kind: SourceKind,
    /// `OR REPLACE`
    pub or_replace: bool,
    /// `SOURCE`: read-only; a table is materialized.
    pub read_only: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// What the stream or table is called from then on.
    pub name: String,
    /// Its columns; empty where the schema is to come from the registry.
    pub columns: Vec<ColumnDefinition>,
    /// What stood in WITH.
    pub properties: Properties,
}

/// A column of CREATE.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefinition {
    /// The column's name, upper case unless it was quoted.
    pub name: String,
    /// Its type.
    pub ty: TypeName,
    /// KEY, PRIMARY KEY, HEADERS, or none.
    pub constraint: Constraint,
    /// Where it stands.
    pub span: Span,
}

/// What a column of CREATE is.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// A column of the value.
    None,
    /// `KEY`
    Key,
    /// `PRIMARY KEY`
    PrimaryKey,
    /// `HEADERS`
    Headers,
    /// `HEADER('name')`
    Header(String),
}

/// A type as written: a name may be one made with CREATE TYPE.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeName {
    /// A built-in type without parts, or DECIMAL.
    Sql(SqlType),
    /// `ARRAY<element>`
    Array(Box<TypeName>),
    /// `MAP<key, value>`
    Map(Box<TypeName>, Box<TypeName>),
    /// `STRUCT<name type, …>`
    Struct(Vec<(String, TypeName)>),
    /// A name made with CREATE TYPE.
    Named(String, Span),
}

/// `CREATE STREAM|TABLE … AS SELECT`
#[derive(Clone, Debug, PartialEq)]
pub struct CreateAs {
    /// STREAM or TABLE.
    pub kind: SourceKind,
    /// `OR REPLACE`
    pub or_replace: bool,
    /// `IF NOT EXISTS`
    pub if_not_exists: bool,
    /// What the stream or table is called from then on.
    pub name: String,
    /// What stood in WITH.
    pub properties: Properties,
    /// Where rows come from.
    pub query: Query,
}

/// What stood in WITH: names upper-cased (connector properties: as written), in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties(pub Vec<Property>);

/// One entry of WITH.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The name.
    pub name: String,
    /// The value: a literal.
    pub value: Value,
    /// Where it stands.
    pub span: Span,
}

/// Which queries TERMINATE, PAUSE and RESUME mean.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryRef {
    /// All persistent queries.
    All,
    /// The one of this id.
    Id(String),
}

/// What SHOW and LIST show.
#[derive(Clone, Debug, PartialEq)]
pub enum Show {
    /// `PROPERTIES`
    Properties,
    /// `[ALL] TOPICS [EXTENDED]`
    Topics {
        /// Internal ones too.
        all: bool,
        /// With consumer groups.
        extended: bool,
    },
    /// `STREAMS [EXTENDED]`, also `DESCRIBE STREAMS`
    Streams {
        /// With a description of each.
        extended: bool,
        /// It was DESCRIBE.
        describe: bool,
    },
    /// `TABLES [EXTENDED]`, also `DESCRIBE TABLES`
    Tables {
        /// With a description of each.
        extended: bool,
        /// It was DESCRIBE.
        describe: bool,
    },
    /// `FUNCTIONS`
    Functions,
    /// `[SOURCE|SINK] CONNECTORS`
    Connectors(Option<ConnectorKind>),
    /// `CONNECTOR PLUGINS`
    ConnectorPlugins,
    /// `TYPES`
    Types,
    /// `VARIABLES`
    Variables,
    /// `QUERIES [EXTENDED]`
    Queries {
        /// With a description of each.
        extended: bool,
    },
}

/// What DESCRIBE describes.
#[derive(Clone, Debug, PartialEq)]
pub enum Describe {
    /// A stream or table.
    Source {
        /// A stream, a table, or the id of a query.
        name: String,
        /// `EXTENDED`
        extended: bool,
    },
    /// A function.
    Function(String),
    /// A connector.
    Connector(String),
}

/// What EXPLAIN explains.
#[derive(Clone, Debug, PartialEq)]
pub enum Explain {
    /// A statement.
    Statement(Box<ParsedStatement>),
    /// A running query.
    Query(String),
}

/// A SELECT.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What is selected.
    pub select: Vec<SelectItem>,
    /// FROM: a source, or sources joined.
    pub from: Relation,
    /// `WINDOW …`
    pub window: Option<Window>,
    /// `WHERE …`
    pub filter: Option<Expr>,
    /// `GROUP BY …`
    pub group_by: Vec<Expr>,
    /// `PARTITION BY …`
    pub partition_by: Vec<Expr>,
    /// `HAVING …`
    pub having: Option<Expr>,
    /// `ORDER BY …` (ours, pull queries only): the expression, and whether descending.
    pub order_by: Vec<(Expr, bool)>,
    /// `EMIT …`; none: a pull query, or CHANGES where a query must be persistent.
    pub emit: Option<Emit>,
    /// `LIMIT n`
    pub limit: Option<u64>,
    /// `OFFSET n` (ours, pull queries only)
    pub offset: Option<u64>,
    /// Where it stands.
    pub span: Span,
}

/// When a query tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    /// Every change.
    Changes,
    /// Only what can no longer change: a window's last result.
    Final,
}

/// An item of a select list.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectItem {
    /// `*` or `source.*`
    Star {
        /// The source's alias.
        source: Option<String>,
        /// Where it stands.
        span: Span,
    },
    /// `struct->*`
    StructStar {
        /// The struct.
        base: Expr,
        /// Where it stands.
        span: Span,
    },
    /// `expression [AS alias]`
    Expr {
        /// The expression.
        expr: Expr,
        /// The name after AS.
        alias: Option<String>,
    },
}

/// What stands behind FROM.
#[derive(Clone, Debug, PartialEq)]
pub enum Relation {
    /// `name [AS alias]`
    Source {
        /// The stream or table.
        name: String,
        /// What the query calls it.
        alias: Option<String>,
        /// Where it stands.
        span: Span,
    },
    /// `left JOIN right …`; n-way joins lean to the left.
    Join {
        /// The left side.
        left: Box<Relation>,
        /// The right side.
        right: Box<Relation>,
        /// INNER, LEFT, …
        kind: JoinKind,
        /// `WITHIN …`
        within: Option<Within>,
        /// `ON …`
        on: Expr,
        /// Where the join stands.
        span: Span,
    },
}

/// INNER, LEFT, RIGHT, FULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// Only pairs.
    Inner,
    /// All of the left.
    Left,
    /// All of the right.
    Right,
    /// All of both.
    Full,
}

/// `10 MINUTES`: kept as written, because statements are written back so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// How many of the unit; below 0 where the sign is written.
    pub count: i64,
    /// DAYS, HOURS, …
    pub unit: IntervalUnit,
}

impl Interval {
    /// The same in milliseconds. The parser lets none through that does not fit.
    pub fn millis(&self) -> i64 {
        self.count.saturating_mul(self.unit.millis())
    }
}

/// `WITHIN (before, after) GRACE PERIOD grace`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    /// How much earlier the right row may be.
    pub before: Interval,
    /// How much later the right row may be; equal to `before` where only one was written.
    pub after: Interval,
    /// How late rows may come; none: ksqlDB's old eager semantics, 24 h.
    pub grace: Option<Interval>,
}

/// `WINDOW …`
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Its kind and sizes.
    pub kind: WindowKind,
    /// How long windows are kept.
    pub retention: Option<Interval>,
    /// How late rows may come.
    pub grace: Option<Interval>,
    /// Where it stands.
    pub span: Span,
}

/// TUMBLING, HOPPING, SESSION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// Windows side by side.
    Tumbling {
        /// Their length.
        size: Interval,
    },
    /// Windows that overlap.
    Hopping {
        /// Their length.
        size: Interval,
        /// From one's start to the next one's.
        advance: Interval,
    },
    /// Rows that are near each other.
    Session {
        /// The longest silence within one.
        gap: Interval,
    },
}

/// An expression with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// The operator or call, with its parts.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// `+ - * / %`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArithmeticOp {
    /// `+`, also for text
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulus,
}

/// `= <> < <= > >= IS [NOT] DISTINCT FROM`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ComparisonOp {
    /// `=`
    Equal,
    /// `<>`, `!=`
    NotEqual,
    /// `<`
    LessThan,
    /// `<=`
    LessThanOrEqual,
    /// `>`
    GreaterThan,
    /// `>=`
    GreaterThanOrEqual,
    /// `IS DISTINCT FROM`
    IsDistinctFrom,
    /// `IS NOT DISTINCT FROM`
    IsNotDistinctFrom,
}

/// Days, hours, …: the first argument of TIMESTAMPADD and its kin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntervalUnit {
    /// `DAYS`
    Days,
    /// `HOURS`
    Hours,
    /// `MINUTES`
    Minutes,
    /// `SECONDS`
    Seconds,
    /// `MILLISECONDS`
    Milliseconds,
}

impl IntervalUnit {
    /// Milliseconds in one of it.
    pub fn millis(&self) -> i64 {
        match self {
            IntervalUnit::Days => 86_400_000,
            IntervalUnit::Hours => 3_600_000,
            IntervalUnit::Minutes => 60_000,
            IntervalUnit::Seconds => 1_000,
            IntervalUnit::Milliseconds => 1,
        }
    }

    /// The word for it, in the plural: `DAYS`.
    pub fn word(&self) -> &'static str {
        match self {
            IntervalUnit::Days => "DAYS",
            IntervalUnit::Hours => "HOURS",
            IntervalUnit::Minutes => "MINUTES",
            IntervalUnit::Seconds => "SECONDS",
            IntervalUnit::Milliseconds => "MILLISECONDS",
        }
    }
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A literal; NULL included.
    Literal(Value),
    /// A DATE, TIME or TIMESTAMP unit.
    Unit(IntervalUnit),
    /// `[source.]column`, or a lambda's argument.
    Column {
        /// The source's alias.
        source: Option<String>,
        /// The name.
        name: String,
    },
    /// `base->field`
    Field {
        /// A struct.
        base: Box<Expr>,
        /// The field's name.
        name: String,
    },
    /// `base[index]`
    Subscript {
        /// An array or a map.
        base: Box<Expr>,
        /// Position or key.
        index: Box<Expr>,
    },
    /// `left op right`
    Arithmetic {
        /// `+`, `-`, `*`, `/` or `%`.
        op: ArithmeticOp,
        /// What stands before the operator.
        left: Box<Expr>,
        /// What stands behind it.
        right: Box<Expr>,
    },
    /// `-operand`, of something that is not a literal
    Negate(Box<Expr>),
    /// `+operand`, of something that is not a literal; turns -0.0 into 0.0
    Plus(Box<Expr>),
    /// `left op right`
    Comparison {
        /// `=`, `<`, … or IS DISTINCT FROM.
        op: ComparisonOp,
        /// What stands before the operator.
        left: Box<Expr>,
        /// What stands behind it.
        right: Box<Expr>,
    },
    /// `left AND right`
    And(Box<Expr>, Box<Expr>),
    /// `left OR right`
    Or(Box<Expr>, Box<Expr>),
    /// `NOT operand`
    Not(Box<Expr>),
    /// `operand IS NULL`
    IsNull(Box<Expr>),
    /// `operand IS NOT NULL`
    IsNotNull(Box<Expr>),
    /// `operand [NOT] LIKE pattern [ESCAPE 'c']`
    Like {
        /// What is matched.
        operand: Box<Expr>,
        /// A text with `%` and `_`; an expression may give it.
        pattern: Box<Expr>,
        /// The character that takes `%` and `_` their meaning.
        escape: Option<char>,
        /// NOT LIKE.
        negated: bool,
    },
    /// `operand [NOT] BETWEEN low AND high`
    Between {
        /// What is compared.
        operand: Box<Expr>,
        /// Lower bound, included.
        low: Box<Expr>,
        /// Upper bound, included.
        high: Box<Expr>,
        /// NOT BETWEEN.
        negated: bool,
    },
    /// `operand [NOT] IN (list)`
    In {
        /// What is looked for.
        operand: Box<Expr>,
        /// In which values.
        list: Vec<Expr>,
        /// NOT IN.
        negated: bool,
    },
    /// `CASE [operand] WHEN … THEN … [ELSE …] END`
    Case {
        /// The short form's operand.
        operand: Option<Box<Expr>>,
        /// WHEN and THEN.
        branches: Vec<(Expr, Expr)>,
        /// ELSE.
        otherwise: Option<Box<Expr>>,
    },
    /// `CAST(operand AS type)`
    Cast {
        /// What is converted.
        operand: Box<Expr>,
        /// The type after AS, custom types by their names.
        ty: TypeName,
    },
    /// `name(args)`; COUNT(*) has no arguments.
    Call {
        /// The function, upper-cased.
        name: String,
        /// Its arguments.
        args: Vec<Expr>,
    },
    /// `(x, y) => body`, or `x => body`
    Lambda {
        /// The arguments' names.
        params: Vec<String>,
        /// What it computes.
        body: Box<Expr>,
    },
    /// `ARRAY[…]`
    MakeArray(Vec<Expr>),
    /// `MAP(key := value, …)`
    MakeMap(Vec<(Expr, Expr)>),
    /// `STRUCT(name := value, …)`
    MakeStruct(Vec<(String, Expr)>),
}
