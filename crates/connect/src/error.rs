//! What can go wrong when connectors are made or named, an enum for each operation.

use journal::{AppendError, ReadError, UserTopicError};

use crate::config::ConfigError;

/// A connector cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// `connector.class` names none that there is.
    #[error("no such connector class: '{class}'; there are: {}", known.join(", "))]
    UnknownClass {
        /// What was asked for.
        class: String,
        /// What there is for this direction.
        known: Vec<&'static str>,
    },
    /// A key is missing, unknown or has a bad value.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is one of that name.
    #[error("connector '{0}' already exists")]
    Exists(String),
    /// The topic it is to fill cannot be made, or is not for feeds.
    #[error(transparent)]
    Topic(#[from] UserTopicError),
    /// What is remembered of connectors cannot be read.
    #[error("cannot read what is remembered of connectors: {0}")]
    Ledger(#[from] ReadError),
    /// It cannot be written down, and so would be gone after a restart.
    #[error("cannot write down connector '{name}': {source}")]
    NotRemembered {
        /// The connector.
        name: String,
        /// What the journal said.
        source: AppendError,
    },
    /// Its client cannot be made: no certificates, no resolver.
    #[error("cannot set up a client for connector '{name}': {reason}")]
    Client {
        /// The connector.
        name: String,
        /// What the library said.
        reason: String,
    },
    /// The runtime was stopped.
    #[error("the server is stopping")]
    Stopping,
}

/// No connector has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no connector '{0}'")]
pub struct UnknownConnector(pub String);

/// A connector cannot be dropped, paused or resumed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// No connector has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownConnector),
    /// It cannot be written down: after a restart it would be as it was.
    #[error("cannot write down how the connector is to be from now on: {0}")]
    NotRemembered(#[from] AppendError),
}
