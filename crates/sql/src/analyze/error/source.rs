//! CREATE, ALTER and DROP that cannot be done, and properties that make no sense.

use model::SqlType;

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
        "Illegal argument at {0}: names of streams and tables may only hold letters, digits, \
         '_' and '-'."
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
        "Map keys, including types that contain maps, are not supported as they may lead to \
         unexpected behavior due to inconsistent serialization. Key column name: `{name}`. \
         Column type: {ty}."
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
        "Schema for message {side}s on topic '{topic}' does not exist in the Schema Registry. \
         Subject: {subject}. Name the columns in the statement, or register a schema."
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
        "The following {side} columns are changed, missing or reordered: {columns}. Schema from \
         schema registry is [{registered}]"
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
        "Timestamp column, `{0}`, should be LONG(INT64), TIMESTAMP, or a String with a \
         timestamp_format specified"
    )]
    TimestampType(String),
    /// WINDOW_TYPE without key.
    #[error("Windowed sources require a key column.")]
    WindowedWithoutKey,
    /// No topic and nobody to make one.
    #[error(
        "Topic '{0}' does not exist. If you want to create a new topic for the stream/table \
         please re-run the statement providing the required 'PARTITIONS' configuration in the \
         WITH clause (and optionally 'REPLICAS')."
    )]
    NoTopic(String),
    /// The topic is there, with other numbers.
    #[error(
        "A Kafka topic with the name '{topic}' already exists, with different partition/replica \
         configuration than required. KSQL expects {expected} partitions, it has {found}."
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
    #[error(
        "Cannot drop {name}. The following streams and/or tables read from this source: [{}]. \
         You need to drop them before dropping {name}.", .readers.join(",
        ")
    )]
    ReadBy {
        /// The source.
        name: String,
        /// Who reads it.
        readers: Vec<String>,
    },
    /// Queries use it.
    #[error(
        "Cannot drop {name}. The following queries {verb} this source: [{}]. You need to \
         terminate them before dropping {name}.", .queries.join(",
        ")
    )]
    UsedBy {
        /// The source.
        name: String,
        /// read from, write into.
        verb: &'static str,
        /// Which.
        queries: Vec<String>,
    },
    /// DELETE TOPIC of a topic that others are declared over.
    #[error(
        "Refusing to delete topic {topic}: {} {} it, too. Drop {} first, or leave DELETE TOPIC out.",
        .others.join(", "), if .others.len() == 1 { "uses" } else { "use" },
        if .others.len() == 1 { "it" } else { "them" }
    )]
    SharedTopic {
        /// The topic.
        topic: String,
        /// The other streams and tables on it.
        others: Vec<String>,
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
        "Statement is missing the '{0}' property from the WITH clause. Either provide one or \
         set a default via the 'ksql.persistence.default.format.{1}' config."
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
    /// RETENTION_MS of a table that is not windowed.
    #[error(
        "Invalid config variable in the WITH clause: RETENTION_MS. Non-windowed tables do not \
         support retention."
    )]
    TableRetention,
    /// Columns and a schema's id.
    #[error("{0}")]
    SchemaId(String),
}
