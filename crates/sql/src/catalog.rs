//! What exists: streams, tables, types and queries. A value, cheap to clone, so that a whole
//! request can be tried on a copy before anything is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Format, Schema, SqlType};

use crate::ast::SourceKind;
use crate::plan::{QueryPlan, TimestampColumn, WindowInfo};

/// A stream or table.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// STREAM or TABLE.
    pub kind: SourceKind,
    /// Key, value and header columns, in declared order (keys need not come first).
    pub schema: Schema,
    /// Its topic.
    pub topic: String,
    /// The key's format.
    pub key_format: Format,
    /// The value's format.
    pub value_format: Format,
    /// Is its key windowed?
    pub window: Option<WindowInfo>,
    /// The column that gives a record its timestamp.
    pub timestamp: Option<TimestampColumn>,
    /// `CREATE SOURCE …`: read-only; if a table, materialized.
    pub read_only: bool,
    /// The query that fills it, if it was made by CREATE … AS.
    pub created_by: Option<String>,
    /// The statement that made it, as the server writes it.
    pub statement: String,
}

/// A persistent query.
#[derive(Clone, Debug)]
pub struct QueryEntry {
    /// `CSAS_X_1`, `CTAS_X_3`, `INSERTQUERY_5`, `CST_X_7`
    pub id: String,
    /// The statement that made it, as the server writes it.
    pub statement: String,
    /// What it reads.
    pub sources: Vec<String>,
    /// What it writes to.
    pub sink: String,
    /// Its steps.
    pub plan: Arc<QueryPlan>,
}

/// Everything that exists.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Streams and tables by name.
    pub sources: BTreeMap<String, Arc<Source>>,
    /// Types made with CREATE TYPE, by name (upper case).
    pub types: BTreeMap<String, SqlType>,
    /// Persistent queries by id.
    pub queries: BTreeMap<String, Arc<QueryEntry>>,
}

/// What the analyzer must know of the world outside the catalog.
pub trait Environment {
    /// The number of partitions of a topic, if there is one of that name.
    fn topic_partitions(&self, topic: &str) -> Option<u32>;

    /// How long a topic keeps records, if that is known and not for ever.
    fn topic_retention_ms(&self, _topic: &str) -> Option<i64> {
        None
    }

    /// The columns of a registered schema: by id, or the subject's latest. `None`: there is none.
    fn registered_columns(
        &self,
        request: &RegisteredColumnsRequest<'_>,
    ) -> Result<Option<RegisteredColumns>, String>;
}

/// Which registered schema is wanted.
#[derive(Clone, Debug)]
pub struct RegisteredColumnsRequest<'a> {
    /// `topic-key` or `topic-value`
    pub subject: &'a str,
    /// This id, or the latest of the subject.
    pub schema_id: Option<i32>,
    /// How to understand it.
    pub format: &'a Format,
    /// It is a key's.
    pub is_key: bool,
}

/// A registered schema as columns.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisteredColumns {
    /// Its id.
    pub schema_id: i32,
    /// Names and types; a key or value that is not a record is one unnamed column (name empty).
    pub columns: Vec<(String, SqlType)>,
}
