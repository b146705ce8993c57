//! What can go wrong when connectors are made or named, an enum for each operation.

use journal::{CreateTopicError, ReadError, StorageError};

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
    /// The topic it is to fill cannot be made.
    #[error(transparent)]
    Topic(#[from] CreateTopicError),
    /// The topic it is to fill is the one that remembers connectors' positions.
    #[error("'topic': {0} belongs to the server; choose another topic")]
    ReservedTopic(String),
    /// Where it stopped last time cannot be read.
    #[error("cannot read where connectors stopped: {0}")]
    Position(#[from] ReadError),
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

/// A connector cannot be dropped.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// No connector has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownConnector),
    /// Its position cannot be forgotten, so that it would go on there if it were made anew.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
