//! The door of this crate: text in, answers and rows out.
//!
//! An [`Engine`] owns the catalog, the command log and the running queries of one service. The REST
//! API, the shell, `kerb test` and the cities' pipelines all come through here.
//!
//! The life of a request: its statements are parsed, tried one after the other on a copy of the
//! catalog (`trial`), and only if all make sense carried out (`carry_out`): topics and schemas are
//! made, the command is logged, the catalog is exchanged, queries are started. After a restart the
//! log of commands is carried out again (`replay`).

mod asserts;
pub(crate) mod bounds;
mod carry_out;
mod command_id;
pub(crate) mod commands;
mod describe;
mod failure;
mod insert;
mod insert_row;
mod log_stream;
mod print;
pub mod properties;
pub(crate) mod queries;
mod replay;
mod select;
mod show;
mod trial;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use journal::Journal;
use model::Clock;
use parking_lot::{Mutex, MutexGuard, RwLock};
use sql::ast::{ParsedStatement, Statement};
use sql::catalog::Catalog;

use crate::answer::{Answer, CommandStatus, ResultHeader};
use crate::connectors::Connectors;
use crate::push::{PrintQuery, PushQuery};
use crate::request::{Request, RequestError, RequestErrorKind};
use crate::rows::RowBatch;
use crate::run::log_writer::LogWriter;
use crate::run::push_pool::PushPool;
use bounds::Bounds;
pub use bounds::Permit;
use commands::CommandLog;
use failure::internal;
use queries::RunningQueries;
use select::OpenQueries;
use world::Session;

/// How many threads run push queries.
const PUSH_THREADS: usize = 2;

/// What an engine is made of.
pub struct EngineOptions {
    /// Names consumer groups and internal topics: `default_`.
    pub service_id: String,
    /// Where everything is kept.
    pub journal: Arc<dyn Journal>,
    /// Schemas of AVRO, PROTOBUF and JSON_SR; see [`crate::schema_topic::open_registry`].
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
    /// A few threads for all persistent queries, a few for all push queries.
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
    /// Its place among those answered at once: to be kept until all rows are written.
    pub permit: Permit,
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
    service: Arc<Service>,
}

/// The service that clones of an engine share: its catalog, its queries, its log of commands.
pub(crate) struct Service {
    pub(crate) options: EngineOptions,
    pub(crate) catalog: RwLock<Arc<Catalog>>,
    pub(crate) queries: RunningQueries,
    pub(crate) open: Arc<OpenQueries>,
    pub(crate) pool: PushPool,
    pub(crate) log: Arc<LogWriter>,
    pub(crate) commands: CommandLog,
    pub(crate) statuses: RwLock<Vec<CommandStatus>>,
    /// Held while what exists changes.
    pub(crate) changing: Mutex<()>,
    pub(crate) bounds: Bounds,
    /// Queries made so far (manual execution numbers them itself).
    pub(crate) queries_made: AtomicU64,
    /// Set when the engine is told to end.
    pub(crate) is_closed: Arc<AtomicBool>,
}

impl Engine {
    /// Opens the engine: carries out the command log, so that everything is as it was.
    pub fn open(options: EngineOptions) -> Result<Self, RequestError> {
        let commands = CommandLog::open(&options.journal, &options.clock)?;
        let log = log_stream::open_processing_log(&options)?;
        let threads = if options.execution == Execution::Threads { PUSH_THREADS } else { 0 };
        let pool = PushPool::new(&options.journal, threads).map_err(|e| internal(&e))?;
        let queries = RunningQueries::new(&options).map_err(|e| internal(&e))?;
        let service = Service {
            catalog: RwLock::new(Arc::new(log_stream::first_catalog(&options))),
            bounds: Bounds::of(&options.properties),
            options,
            queries,
            open: Arc::default(),
            pool,
            log,
            commands,
            statuses: RwLock::default(),
            changing: Mutex::default(),
            queries_made: AtomicU64::new(0),
            is_closed: Arc::default(),
        };
        service.replay()?;
        service.note_readers();
        Ok(Self { service: Arc::new(service) })
    }

    /// Carries out statements: all of them, or (if one makes no sense) none.
    pub fn execute(&self, request: &Request) -> Result<Vec<Answer>, RequestError> {
        let (statements, mut session) = self.service.parse(request)?;
        let changes = statements.iter().any(|s| world::is_command(&s.statement));
        let mut changing = changes.then(|| self.service.changing.lock());
        self.service.validate(&statements, session.clone())?;
        let mut answers = Vec::new();
        for statement in &statements {
            let mut carry_out = || self.service.carry_out(statement, &mut session);
            let done = match &mut changing {
                // Others need not wait with it.
                Some(changing) if waits(&statement.statement) => {
                    MutexGuard::unlocked(changing, carry_out)
                }
                _ => carry_out(),
            };
            match done {
                Ok(answer) => answers.extend(answer),
                Err(error) => {
                    self.service.note_readers();
                    return Err(RequestError { answers, ..error });
                }
            }
        }
        if changes {
            // Not before the end: what the request declares last may read what it declares first.
            self.service.note_readers();
        }
        Ok(answers)
    }

    /// Starts or answers the one SELECT or PRINT of the request.
    pub fn query(&self, request: &Request) -> Result<QueryAnswer, RequestError> {
        let parsed = self.service.parse(request).map_err(|error| RequestError {
            // Here the whole text is the statement.
            statement: error.statement.map(|_| request.text.clone()),
            ..error
        });
        let (statements, session) = parsed?;
        match statements.as_slice() {
            [statement] => self.service.query(statement, &session),
            _ => {
                let count = statements.len();
                let message = format!("Expected exactly one KSQL statement; found {count} instead");
                Err(RequestError::statement(message, request.text.clone()))
            }
        }
    }

    /// Ends a push query; false if there is none of this id.
    pub fn close_query(&self, id: &str) -> bool {
        self.service.open.close(id)
    }

    /// Appends a row, given as a JSON object, to a stream or table (`/inserts-stream`).
    pub fn insert_row(
        &self,
        target: &str,
        row: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), RequestError> {
        self.service.insert_row(target, row)
    }

    /// Checks that rows may be inserted into `target`.
    pub fn check_insert_target(&self, target: &str) -> Result<(), RequestError> {
        self.service.insert_target(target).map(drop)
    }

    /// How far a command has come, by its id (``stream/`X`/create``).
    pub fn command_status(&self, command_id: &str) -> Option<CommandStatus> {
        let statuses = self.service.statuses.read();
        statuses.iter().rev().find(|status| status.command_id == command_id).cloned()
    }

    /// All commands' states, in the order they were given.
    pub fn command_statuses(&self) -> Vec<CommandStatus> {
        self.service.statuses.read().clone()
    }

    /// The number of the last command; -1: none was given yet.
    pub fn command_sequence(&self) -> i64 {
        self.service.commands.next_sequence().map_or(-1, |next| next as i64 - 1)
    }

    /// What exists now.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.service.catalog.read().clone()
    }

    /// The journal underneath.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.service.options.journal
    }

    /// The registry underneath.
    pub fn registry(&self) -> &Arc<dyn format::Registry> {
        &self.service.options.registry
    }

    /// The clock of everything here.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.service.options.clock
    }

    /// May a request set this property? `Err`: why not.
    pub fn check_property(&self, name: &str) -> Result<(), RequestError> {
        properties::check(name)
    }

    /// Was the engine told to end?
    pub fn is_shut_down(&self) -> bool {
        self.service.is_closed.load(std::sync::atomic::Ordering::Acquire)
    }

    /// Lets every query read and write until none has anything to do ([`Execution::Manual`]).
    pub fn run_until_idle(&self) {
        loop {
            let mut has_worked = false;
            for query in self.service.queries.all() {
                match query.step() {
                    Ok(worked) => has_worked |= worked,
                    Err(error) => {
                        tracing::warn!(query = query.entry.id, %error, "query stopped");
                    }
                }
            }
            has_worked |= self.service.pool.run_until_idle();
            if !has_worked {
                return;
            }
        }
    }

    /// Hands records to one persistent query, all of them as one batch, and lets it write
    /// ([`Execution::Manual`]). The query's own position does not move.
    pub fn pipe(&self, query_id: &str, records: &[PipedRecord]) -> Result<(), RequestError> {
        let query = self.service.queries.get(query_id).ok_or_else(|| {
            let message = format!("there is no query '{query_id}'");
            RequestError::new(RequestErrorKind::NotFound, message)
        })?;
        query.pipe(records).map_err(|error| {
            RequestError::statement(error.to_string(), query.entry.statement.clone())
        })
    }

    /// Lets running batches commit and ends all queries' threads.
    pub fn shutdown(&self) {
        self.service.is_closed.store(true, std::sync::atomic::Ordering::Release);
        self.service.open.close_all();
        self.service.queries.stop_all();
        self.service.pool.close();
    }
}

/// May it take as long as it says?
fn waits(statement: &Statement) -> bool {
    matches!(statement, Statement::AssertTopic { .. } | Statement::AssertSchema { .. })
}

/// The refusal of everything once the engine is closed.
fn shutting_down() -> RequestError {
    RequestError::new(RequestErrorKind::ShuttingDown, "the server is shutting down")
}

impl Service {
    fn note_readers(&self) {
        let catalog = self.catalog.read().clone();
        self.queries.note_readers(&catalog);
    }

    /// The statements of a request and its session.
    fn parse(&self, request: &Request) -> Result<(Vec<ParsedStatement>, Session), RequestError> {
        if self.is_closed.load(std::sync::atomic::Ordering::Acquire) {
            return Err(shutting_down());
        }
        for (name, value) in &request.properties {
            properties::check(name)?;
            properties::check_value(name, value)?;
        }
        let variables: sql::variables::Variables =
            request.variables.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        let client = request.client.clone();
        let session = Session { properties: request.properties.clone(), variables, client };
        let settings = session.settings(&self.options.properties);
        let parsed = if settings.flag("ksql.variable.substitution.enable", true) {
            sql::variables::parse_script(&request.text, &session.variables)
        } else {
            sql::parser::parse_script(&request.text)
        };
        let statements = parsed.map_err(|error| {
            RequestError::statement(error.to_string(), error.statement_text().into_owned())
        })?;
        Ok((statements, session))
    }
}
