//! Why something was not done, and how that is told: refusals blame a statement, or the disk.

use format::CodecError;
use format::registry::RegistryError;
use journal::{AppendError, CreateTopicError, DeleteTopicError, ReadError};
use sql::analyze::{AnalyzeError, Settings, refused_text};
use sql::ast::ParsedStatement;
use sql::catalog::Catalog;

use super::world::TopicWorld;
use crate::connectors::ConnectorError;
use crate::request::{RequestError, RequestErrorKind};
use crate::run::TaskError;

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// What was asked for makes no sense, or cannot be: its client's affair.
    Refused(String),
    /// It could not be kept: the disk is full, broken or read-only. Nobody's statement is at fault.
    Storage(String),
}

impl Failure {
    /// The same with other words.
    pub(super) fn worded(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Failure::Refused(message) => Failure::Refused(words(message)),
            Failure::Storage(message) => Failure::Storage(words(message)),
        }
    }

    /// As the answer to this statement.
    pub(super) fn at(self, statement: impl Into<String>) -> RequestError {
        let (kind, message) = match self {
            Failure::Refused(message) => (RequestErrorKind::BadStatement, message),
            Failure::Storage(message) => (RequestErrorKind::Storage, message),
        };
        RequestError { kind, ..RequestError::statement(message, statement) }
    }

    /// As the answer to a request that is no statement.
    pub(super) fn of_request(self) -> RequestError {
        match self {
            Failure::Refused(message) => RequestError::new(RequestErrorKind::BadRequest, message),
            Failure::Storage(message) => RequestError::new(RequestErrorKind::Storage, message),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Refused(message) | Failure::Storage(message) => f.write_str(message),
        }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Failure::Refused(message)
    }
}

/// Sorts an error into the two kinds by whether it is this one.
macro_rules! storage_if {
    ($error:ty, $storage:pat) => {
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                match &error {
                    $storage => Failure::Storage(error.to_string()),
                    _ => Failure::Refused(error.to_string()),
                }
            }
        }
    };
}

storage_if!(CreateTopicError, CreateTopicError::Storage(_));
storage_if!(DeleteTopicError, DeleteTopicError::Storage(_));
storage_if!(AppendError, AppendError::Storage(_));
storage_if!(ReadError, ReadError::Storage(_) | ReadError::Damaged { .. });
storage_if!(RegistryError, RegistryError::Store(_));
storage_if!(CodecError, CodecError::Registry(RegistryError::Store(_)));
storage_if!(ConnectorError, ConnectorError::Storage(_));
storage_if!(
    TaskError,
    TaskError::Commit(AppendError::Storage(_))
        | TaskError::Read(ReadError::Storage(_) | ReadError::Damaged { .. })
);

/// An error that is a fault of ours.
pub(crate) fn internal(error: &dyn std::fmt::Display) -> RequestError {
    RequestError::new(RequestErrorKind::Internal, error.to_string())
}

/// A statement as it may be told in errors: without people's data.
pub(super) fn told(statement: &ParsedStatement) -> String {
    sql::text::format_masked(&statement.statement).unwrap_or_else(|| statement.text.clone())
}

/// The refusal of a statement that means nothing; it tells the statement as the server writes it.
pub(super) fn refused(
    statement: &ParsedStatement,
    error: &AnalyzeError,
    catalog: &Catalog,
    world: &TopicWorld,
    settings: &Settings,
) -> RequestError {
    let text = refused_text(statement, error, catalog, world, settings);
    RequestError::analysis(error, text.unwrap_or_else(|| told(statement)))
}
