//! What the engine must know of connectors to carry out CREATE, DROP, LIST and DESCRIBE CONNECTOR.
//! `connect` implements it; the engine neither runs nor configures one.

use sql::ast::ConnectorKind;

use crate::answer::{ConnectorInfo, ConnectorPlugin};

/// The connectors of this process.
pub trait Connectors: Send + Sync {
    /// Makes and starts a connector. Must remember it over a restart by itself.
    fn create(
        &self,
        kind: ConnectorKind,
        name: &str,
        config: &[(String, String)],
    ) -> Result<ConnectorInfo, ConnectorError>;

    /// Stops and forgets a connector.
    fn drop(&self, name: &str) -> Result<(), ConnectorError>;

    /// All connectors, by name.
    fn list(&self) -> Vec<ConnectorInfo>;

    /// The connector of this name, in any case.
    fn describe(&self, name: &str) -> Option<ConnectorInfo>;

    /// The classes there are.
    fn plugins(&self) -> Vec<ConnectorPlugin>;
}

/// Why a connector was not made or dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// There is one of that name.
    #[error("connector '{0}' already exists")]
    Exists(String),
    /// There is none of that name.
    #[error("there is no connector '{0}'")]
    NotFound(String),
    /// There is no such class.
    #[error("no such connector class: '{class}'; there are: {known}")]
    UnknownClass {
        /// What was asked for.
        class: String,
        /// What there is, with commas.
        known: String,
    },
    /// Its configuration makes no sense.
    #[error("{0}")]
    BadConfig(String),
    /// It could not be written down.
    #[error("{0}")]
    Storage(String),
}

/// No connectors at all: for tests and `kerb test`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoConnectors;

impl Connectors for NoConnectors {
    fn create(
        &self,
        _kind: ConnectorKind,
        _name: &str,
        config: &[(String, String)],
    ) -> Result<ConnectorInfo, ConnectorError> {
        let class = config.iter().find(|(name, _)| name.eq_ignore_ascii_case("connector.class"));
        Err(ConnectorError::UnknownClass {
            class: class.map(|(_, value)| value.clone()).unwrap_or_default(),
            known: "none here".to_owned(),
        })
    }

    fn drop(&self, name: &str) -> Result<(), ConnectorError> {
        Err(ConnectorError::NotFound(name.to_owned()))
    }

    fn list(&self) -> Vec<ConnectorInfo> {
        Vec::new()
    }

    fn describe(&self, _name: &str) -> Option<ConnectorInfo> {
        None
    }

    fn plugins(&self) -> Vec<ConnectorPlugin> {
        Vec::new()
    }
}
