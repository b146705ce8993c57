//! The door of this crate: text in, answers and rows out.
//!
//! An [`Engine`] owns the catalog, the command log and the running queries of one service. The REST
//! API, the shell, `kerb test` and the cities' pipelines all come through here.

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::Journal;
use model::Clock;
use sql::catalog::Catalog;

use crate::answer::{Answer, CommandStatus, ResultHeader};
use crate::connectors::Connectors;
use crate::push::{PrintQuery, PushQuery};
use crate::request::{Request, RequestError};
use crate::rows::RowBatch;

/// What an engine is made of.
pub struct EngineOptions {
    /// Names consumer groups and internal topics: `default_`.
    pub service_id: String,
    /// Where everything is kept.
    pub journal: Arc<dyn Journal>,
    /// Schemas of AVRO, PROTOBUF and JSON_SR.
    pub registry: Arc<dyn format::Registry>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who makes connectors.
    pub connectors: Arc<dyn Connectors>,
    /// Who moves rows.
    pub execution: Execution,
    /// The server's settings: `ksql.…`, `auto.offset.reset`, `cache.max.bytes.buffering`.
    pub properties: BTreeMap<String, String>,
}

/// Who moves rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// A thread for each persistent query, a few for all push queries.
    Threads,
    /// Whoever calls [`Engine::run_until_idle`] or [`Engine::pipe`]: for tests. Everything goes to
    /// and counts as partition 0, as in ksqlDB's own test driver.
    Manual,
}

/// The answer to SELECT or PRINT.
#[derive(Debug)]
pub enum QueryAnswer {
    /// A pull query on a table: all its rows.
    Pull(PullAnswer),
    /// A push query, or a pull query on a stream (which ends at the stream's end of now).
    Push(PushQuery),
    /// PRINT.
    Print(PrintQuery),
}

/// All rows of a pull query.
#[derive(Debug)]
pub struct PullAnswer {
    /// Its id and columns.
    pub header: ResultHeader,
    /// Its rows.
    pub rows: RowBatch,
}

/// A record handed to a query by hand ([`Execution::Manual`]).
#[derive(Clone, Debug)]
pub struct PipedRecord {
    /// Its topic.
    pub topic: String,
    /// Its position in partition 0.
    pub offset: model::Offset,
    /// The record.
    pub record: model::Record,
}

/// Streams, tables and the queries between them, over one journal. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    options: Arc<EngineOptions>,
}

impl Engine {
    /// Opens the engine: carries out the command log, so that everything is as it was.
    pub fn open(options: EngineOptions) -> Result<Self, RequestError> {
        Ok(Self { options: Arc::new(options) })
    }

    /// Carries out statements: all of them, or (if one makes no sense) none.
    pub fn execute(&self, request: &Request) -> Result<Vec<Answer>, RequestError> {
        Err(self.not_yet(request))
    }

    /// Starts or answers the one SELECT or PRINT of the request.
    pub fn query(&self, request: &Request) -> Result<QueryAnswer, RequestError> {
        Err(self.not_yet(request))
    }

    /// Ends a push query; false if there is none of this id.
    pub fn close_query(&self, _id: &str) -> bool {
        false
    }

    /// Appends a row, given as a JSON object, to a stream or table (`/inserts-stream`).
    pub fn insert_row(
        &self,
        _target: &str,
        _row: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), RequestError> {
        Err(self.not_yet(&Request::default()))
    }

    /// Checks that rows may be inserted into `target`.
    pub fn check_insert_target(&self, _target: &str) -> Result<(), RequestError> {
        Err(self.not_yet(&Request::default()))
    }

    /// How far a command has come, by its id (``stream/`X`/create``).
    pub fn command_status(&self, _command_id: &str) -> Option<CommandStatus> {
        None
    }

    /// All commands' states, in the order they were given.
    pub fn command_statuses(&self) -> Vec<CommandStatus> {
        Vec::new()
    }

    /// What exists now.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::default()
    }

    /// The time it goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.options.clock
    }

    /// The journal underneath.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.options.journal
    }

    /// The registry underneath.
    pub fn registry(&self) -> &Arc<dyn format::Registry> {
        &self.options.registry
    }

    /// May a request set this property? `Err`: why not.
    pub fn check_property(&self, name: &str) -> Result<(), RequestError> {
        let message = format!("there is no property '{name}'");
        Err(RequestError::new(crate::RequestErrorKind::BadRequest, message))
    }

    /// Lets every query read and write until none has anything to do ([`Execution::Manual`]).
    pub fn run_until_idle(&self) {}

    /// Hands records to one persistent query, all of them as one batch, and lets it write
    /// ([`Execution::Manual`]). The query's own position does not move.
    pub fn pipe(&self, _query_id: &str, _records: &[PipedRecord]) -> Result<(), RequestError> {
        Err(self.not_yet(&Request::default()))
    }

    /// Lets running batches commit and ends all queries' threads.
    pub fn shutdown(&self) {}

    fn not_yet(&self, request: &Request) -> RequestError {
        RequestError::statement("the engine does not run statements yet", &*request.text)
    }
}
