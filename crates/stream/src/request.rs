//! What a client sends: text with the session's properties and variables; and how it is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::answer::Answer;
use crate::push::CloseGuard;

/// Statements with the session they are executed in.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// One statement or several.
    pub text: String,
    /// Properties for these statements: `auto.offset.reset` → `earliest`.
    pub properties: BTreeMap<String, String>,
    /// What `${name}` stands for.
    pub variables: BTreeMap<String, String>,
    /// Who waits for the answer.
    pub client: Client,
}

/// Who waits for an answer. Once it has left, work and waits for it end soon: nobody would hear of
/// what they come to.
#[derive(Clone, Debug, Default)]
pub struct Client {
    has_left: Arc<AtomicBool>,
}

impl Client {
    /// The client has left when the guard is dropped.
    pub fn guard(&self) -> CloseGuard {
        CloseGuard::new(self.has_left.clone())
    }

    /// Has it left?
    pub fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Acquire)
    }

    /// `Err` once it has left.
    pub fn check(&self) -> Result<(), ClientLeft> {
        if self.has_left() { Err(ClientLeft) } else { Ok(()) }
    }
}

/// The client left before it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client left before it was answered")]
pub struct ClientLeft;

impl From<ClientLeft> for RequestError {
    fn from(left: ClientLeft) -> Self {
        Self::new(RequestErrorKind::ClientLeft, left.to_string())
    }
}

impl Request {
    /// Statements without properties or variables.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// The same with a property set.
    pub fn with(mut self, property: &str, value: &str) -> Self {
        self.properties.insert(property.to_owned(), value.to_owned());
        self
    }
}

/// Why a request was refused; nothing of it was done, unless `answers` says so.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// Whose fault, and of what kind.
    pub kind: RequestErrorKind,
    /// What, where, and what to do about it; may have several lines, with a caret under the place.
    pub message: String,
    /// The statement, where the fault is one statement's.
    pub statement: Option<String>,
    /// Answers of the statements before it that were carried out.
    pub answers: Vec<Answer>,
}

/// What kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestErrorKind {
    /// The request itself makes no sense (40000).
    BadRequest,
    /// A statement cannot be parsed, or means nothing (40001).
    BadStatement,
    /// A query was sent where only other statements go (40002).
    QueryEndpoint,
    /// Something else than SELECT or PRINT was sent where only these go (40001; `/query`: 40000).
    NotAQuery,
    /// PRINT of a topic that does not exist, or is not shown (40000; `/query-stream`: 40001).
    NoTopic,
    /// What is named does not exist (40400).
    NotFound,
    /// Too many push queries (40003).
    TooManyQueries,
    /// Too much is under way; try again (42900).
    TooManyRequests,
    /// An ASSERT does not hold (41700).
    AssertionFailed,
    /// Not our client's fault (50000).
    Internal,
    /// The disk is full, broken or read-only (50000).
    Storage,
    /// Its client left meanwhile; nobody is told (49900).
    ClientLeft,
    /// The table's rows are still read back after a restart; try again (50303).
    NotReady,
    /// The server is ending (50303).
    ShuttingDown,
}

impl RequestError {
    /// A refusal of the request as a whole.
    pub fn new(kind: RequestErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), statement: None, answers: Vec::new() }
    }

    /// A refusal of a statement that means nothing.
    pub fn analysis(error: &sql::analyze::AnalyzeError, statement: impl Into<String>) -> Self {
        if error.blames_request() {
            return Self::new(RequestErrorKind::BadRequest, error.to_string());
        }
        Self::statement(error.to_string(), statement)
    }

    /// A refusal of one statement.
    pub fn statement(message: impl Into<String>, statement: impl Into<String>) -> Self {
        Self {
            kind: RequestErrorKind::BadStatement,
            message: message.into(),
            statement: Some(statement.into()),
            answers: Vec::new(),
        }
    }
}
