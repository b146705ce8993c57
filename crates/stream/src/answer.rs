//! What the engine answers to statements: one [`Answer`] for each statement that has something to
//! say. `api` writes them as the REST API's entities, `kerb test` compares them; nothing here knows
//! about JSON or HTTP.

use functions::catalog::FunctionKind;
use model::{FormatKind, Partition, Schema, SqlType};
use sql::ast::{ConnectorKind, SourceKind};
use sql::plan::WindowInfo;

/// The answer to one statement.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The statement, as the server writes it (CREATE) or as it was sent (anything else).
    pub statement: String,
    /// What is answered.
    pub body: AnswerBody,
    /// Hints that go with it, in plain words.
    pub warnings: Vec<String>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum AnswerBody {
    /// A statement was carried out: CREATE, DROP, TERMINATE, ALTER, …
    CommandStatus(CommandStatus),
    /// Nothing was done, and that is fine (IF NOT EXISTS).
    Warning {
        /// Why.
        message: String,
    },
    /// LIST PROPERTIES
    Properties(Vec<PropertyEntry>),
    /// LIST STREAMS
    Streams(Vec<SourceSummary>),
    /// LIST TABLES
    Tables(Vec<SourceSummary>),
    /// LIST TOPICS
    Topics(Vec<TopicSummary>),
    /// LIST TOPICS EXTENDED: each with consumer counts.
    TopicsExtended(Vec<TopicSummary>),
    /// LIST QUERIES
    Queries(Vec<QuerySummary>),
    /// LIST QUERIES EXTENDED
    QueryDescriptions(Vec<QueryDescription>),
    /// DESCRIBE source
    SourceDescription(Box<SourceDescription>),
    /// LIST STREAMS EXTENDED, DESCRIBE STREAMS
    SourceDescriptions(Vec<SourceDescription>),
    /// EXPLAIN
    QueryDescription(Box<QueryDescription>),
    /// LIST FUNCTIONS
    Functions(Vec<FunctionSummary>),
    /// DESCRIBE FUNCTION
    FunctionDescription(Box<FunctionDescription>),
    /// LIST TYPES: name and type, by name.
    Types(Vec<(String, SqlType)>),
    /// LIST VARIABLES: name and value.
    Variables(Vec<(String, String)>),
    /// CREATE CONNECTOR
    ConnectorCreated(ConnectorInfo),
    /// DROP CONNECTOR
    ConnectorDropped {
        /// Its name.
        name: String,
    },
    /// LIST CONNECTORS
    Connectors(Vec<ConnectorInfo>),
    /// LIST CONNECTOR PLUGINS
    ConnectorPlugins(Vec<ConnectorPlugin>),
    /// DESCRIBE CONNECTOR
    ConnectorDescription(Box<ConnectorDescription>),
    /// ASSERT TOPIC
    TopicAsserted {
        /// The topic.
        topic: String,
        /// It had to be there (or not).
        exists: bool,
    },
    /// ASSERT SCHEMA
    SchemaAsserted {
        /// The subject, if one was named.
        subject: Option<String>,
        /// The id, if one was named.
        id: Option<i64>,
        /// It had to be there (or not).
        exists: bool,
    },
}

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandState {
    /// Waiting.
    Queued,
    /// Being carried out.
    Executing,
    /// Its query runs. Also the state of `TERMINATED` queries' commands is
    /// [`CommandState::Terminated`].
    Running,
    /// Its query was ended.
    Terminated,
    /// Done.
    Success,
    /// Refused or failed.
    Error,
}

impl CommandState {
    /// The word of the REST API.
    pub fn name(self) -> &'static str {
        match self {
            CommandState::Queued => "QUEUED",
            CommandState::Executing => "EXECUTING",
            CommandState::Running => "RUNNING",
            CommandState::Terminated => "TERMINATED",
            CommandState::Success => "SUCCESS",
            CommandState::Error => "ERROR",
        }
    }
}

/// A command that was written to the command log.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandStatus {
    /// ``stream/`X`/create``, `table/X/drop`, `terminate/Q/execute`, …
    pub command_id: String,
    /// How far it has come.
    pub state: CommandState,
    /// `Stream created`, `Created query with ID CSAS_X_0`, …
    pub message: String,
    /// The query it started.
    pub query_id: Option<String>,
    /// Its offset in the command log; -1 if it was not written there.
    pub sequence: i64,
}

/// A property in LIST PROPERTIES.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyEntry {
    /// Its name.
    pub name: String,
    /// `KSQL`, `EMBEDDED CONNECT WORKER`, …
    pub scope: &'static str,
    /// `SERVER`, or empty for a default or a session's value.
    pub level: &'static str,
    /// Its value; `None`: not set.
    pub value: Option<String>,
    /// May SET change it?
    pub editable: bool,
}

/// A stream or table in LIST STREAMS, LIST TABLES.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSummary {
    /// STREAM or TABLE.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// The key's format.
    pub key_format: FormatKind,
    /// The value's format.
    pub value_format: FormatKind,
    /// Is its key windowed?
    pub windowed: bool,
}

/// A topic in LIST TOPICS.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicSummary {
    /// Its name.
    pub name: String,
    /// The number of replicas of each partition.
    pub replicas: Vec<u32>,
    /// How many consumers read it.
    pub consumers: usize,
    /// Of how many groups.
    pub consumer_groups: usize,
}

/// What kind of query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryType {
    /// Until it is terminated.
    Persistent,
    /// As long as its client listens.
    Push,
}

/// How a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryState {
    /// It runs.
    Running,
    /// Told to wait.
    Paused,
    /// It tries again after an error that may pass.
    Restarting,
    /// It stopped after an error that will not pass.
    Error,
}

impl QueryState {
    /// The word of the REST API.
    pub fn name(self) -> &'static str {
        match self {
            QueryState::Running | QueryState::Restarting => "RUNNING",
            QueryState::Paused => "PAUSED",
            QueryState::Error => "ERROR",
        }
    }
}

/// A query in LIST QUERIES.
#[derive(Clone, Debug, PartialEq)]
pub struct QuerySummary {
    /// Its id.
    pub id: String,
    /// The statement that made it.
    pub statement: String,
    /// The sinks' names.
    pub sinks: Vec<String>,
    /// The sinks' topics.
    pub sink_topics: Vec<String>,
    /// Persistent or not.
    pub query_type: QueryType,
    /// How it is.
    pub state: QueryState,
}

/// A query described.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryDescription {
    /// Its id; for one that does not run, as it would be.
    pub id: String,
    /// The statement.
    pub statement: String,
    /// Its consumer group.
    pub group: String,
    /// Properties that its session has set.
    pub properties: Vec<(String, String)>,
    /// Is its key windowed?
    pub window: Option<WindowInfo>,
    /// The result's columns, the key's first.
    pub fields: Vec<FieldDescription>,
    /// What it reads.
    pub sources: Vec<String>,
    /// What it writes to.
    pub sinks: Vec<String>,
    /// The operators, as a tree in text.
    pub topology: String,
    /// The plan's steps, as text.
    pub execution_plan: String,
    /// Persistent or not.
    pub query_type: Option<QueryType>,
    /// How it is, if it runs.
    pub state: Option<QueryState>,
    /// Progress and errors, if it runs.
    pub progress: Option<QueryProgress>,
}

/// A column described.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDescription {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: SqlType,
    /// Part of the key?
    pub is_key: bool,
    /// For a header column: its header; `Some(None)`: all headers.
    pub header: Option<Option<String>>,
}

/// A stream or table described.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceDescription {
    /// Name, topic and formats.
    pub summary: SourceSummary,
    /// How its keys are windowed.
    pub window: Option<WindowInfo>,
    /// Persistent queries that read it.
    pub read_queries: Vec<QuerySummary>,
    /// Persistent queries that write it.
    pub write_queries: Vec<QuerySummary>,
    /// Its columns, the key's first.
    pub fields: Vec<FieldDescription>,
    /// The column that gives the time; empty: the record's own.
    pub timestamp: String,
    /// EXTENDED: with the figures below.
    pub extended: bool,
    /// How many partitions its topic has; 0 if it is gone.
    pub partitions: u32,
    /// Replicas of its topic; 0 if it is gone.
    pub replicas: u32,
    /// The statement that made it.
    pub statement: String,
    /// Views that were made from it, which must go before it.
    pub constraints: Vec<String>,
    /// Records and bytes written and read, errors: in plain words (EXTENDED).
    pub statistics: String,
    /// Errors in plain words (EXTENDED).
    pub error_statistics: String,
    /// For each query that reads or writes it: how far it is (EXTENDED).
    pub offsets: Vec<QueryOffsets>,
}

/// How far a query is.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryOffsets {
    /// Its consumer group.
    pub group: String,
    /// Topic by topic.
    pub topics: Vec<TopicOffsets>,
}

/// How far a query is with one topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicOffsets {
    /// The topic.
    pub topic: String,
    /// Partition, first offset there is, one behind the last, next to read.
    pub partitions: Vec<(Partition, i64, i64, i64)>,
}

/// What a query has done so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryProgress {
    /// Records read.
    pub rows_in: u64,
    /// Rows written.
    pub rows_out: u64,
    /// Records that failed and were left out, or had a column nulled.
    pub row_errors: u64,
    /// Records that are there and not read yet.
    pub lag: u64,
    /// The newest event time seen, milliseconds; `None`: nothing read yet.
    pub stream_time_ms: Option<i64>,
    /// The last error that stopped or restarted it.
    pub last_error: Option<String>,
}

/// A function in LIST FUNCTIONS.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionSummary {
    /// Its name.
    pub name: String,
    /// SCALAR, AGGREGATE, TABLE.
    pub kind: FunctionKind,
    /// `STRING`, `MATHEMATICAL`, …
    pub category: String,
}

/// A function described.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionDescription {
    /// Name, kind, category.
    pub summary: FunctionSummary,
    /// What it does.
    pub description: String,
    /// The ways to call it.
    pub signatures: Vec<SignatureDescription>,
}

/// One way to call a function.
#[derive(Clone, Debug, PartialEq)]
pub struct SignatureDescription {
    /// In order.
    pub params: Vec<ParamDescription>,
    /// What it returns, as SQL.
    pub returns: String,
}

/// A parameter described.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamDescription {
    /// Its name.
    pub name: String,
    /// Its type, as SQL.
    pub ty: String,
    /// What it means.
    pub description: String,
    /// May it be repeated?
    pub variadic: bool,
}

/// A connector.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectorInfo {
    /// Its name.
    pub name: String,
    /// Which way records go.
    pub kind: ConnectorKind,
    /// `connector.class`
    pub class: String,
    /// Its configuration, secrets blanked.
    pub config: Vec<(String, String)>,
    /// `RUNNING`, `PAUSED`, `FAILED`.
    pub state: String,
    /// The state with how many of its tasks run and, if something is not as it should be, what:
    /// `RUNNING (1/1 tasks RUNNING: the document is empty)`.
    pub summary: String,
    /// How its polls went and how old the feed is, for people.
    pub figures: String,
    /// The topics it uses.
    pub topics: Vec<String>,
}

/// A connector described.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectorDescription {
    /// Itself.
    pub info: ConnectorInfo,
    /// The streams and tables over its topics.
    pub sources: Vec<SourceDescription>,
}

/// A class of connectors.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectorPlugin {
    /// `http`, …
    pub class: String,
    /// Which way records go.
    pub kind: ConnectorKind,
    /// Its version.
    pub version: String,
}

/// The columns of a query's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultHeader {
    /// The query's id.
    pub query_id: String,
    /// Names and types; namespace Key where the REST API says KEY (pull queries on tables).
    pub schema: Schema,
}
