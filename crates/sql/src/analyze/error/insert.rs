//! INSERTs that cannot be done.

use model::SqlType;

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
    /// VALUES into a column of headers.
    #[error("Cannot insert into HEADER columns: {0}")]
    Header(String),
    /// SELECT into a stream with a column of headers.
    #[error("Cannot insert into HEADER columns: {0}")]
    SinkHeader(String),
    /// Into ROWPARTITION or so.
    #[error("Inserting into column `{0}` is not allowed.")]
    Pseudo(String),
    /// A value of another type.
    #[error(
        "Failed to insert values into '{target}'. Expected type {expected} for field `{column}` \
         but got {found}."
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
    /// ROWTIME before 1970.
    #[error("Invalid timestamp: {0}. A timestamp must not be negative.")]
    Timestamp(i64),
    /// A column as a value.
    #[error("Unsupported column reference in insert value: {0}.")]
    ColumnReference(String),
    /// A table's row without key.
    #[error(
        "Failed to insert values into '{target}'. Value for primary key column(s) {columns} is \
         required for tables"
    )]
    NoKey {
        /// The target.
        target: String,
        /// Its key.
        columns: String,
    },
    /// A table's row with a null key.
    #[error(
        "Failed to insert values into '{target}'. The primary key column(s) {columns} of a table \
         must not be null."
    )]
    NullKey {
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
        "Incompatible schema between results and sink: {difference}. Result schema is [{result}], \
         but the sink schema is [{sink}]."
    )]
    Schema {
        /// The first column that does not fit, and why.
        difference: String,
        /// What the query gives.
        result: String,
        /// What the sink has.
        sink: String,
    },
    /// WITH of INSERT INTO … SELECT.
    #[error(
        "Only QUERY_ID may stand in WITH of INSERT INTO, as a name of letters, digits and '_' \
         that is not in use: {0}."
    )]
    QueryId(String),
}
