//! What the engine must know of connectors to carry out CREATE, DROP, LIST and DESCRIBE CONNECTOR.
//! `connect` implements it; the engine neither runs nor configures one.

use std::collections::BTreeMap;

use sql::ast::ConnectorKind;

use crate::answer::{ConnectorInfo, ConnectorPlugin};

/// The connectors of this process.
pub trait Connectors: Send + Sync {
    /// Could a connector be made so? Does nothing: a request is tried before any of it is done.
    fn check(&self, kind: ConnectorKind, config: &[(String, String)])
    -> Result<(), ConnectorError>;

    /// Makes and starts a connector. Must remember it over a restart by itself.
    fn create(
        &self,
        kind: ConnectorKind,
        name: &str,
        config: &[(String, String)],
    ) -> Result<ConnectorInfo, ConnectorError>;

    /// Stops and forgets a connector; returns what is to be known by whoever wanted that.
    fn drop(&self, name: &str) -> Result<Option<String>, ConnectorError>;

    /// All connectors, by name.
    fn list(&self) -> Vec<ConnectorInfo>;

    /// The connector of this name, in any case.
    fn describe(&self, name: &str) -> Option<ConnectorInfo>;

    /// The classes there are.
    fn plugins(&self) -> Vec<ConnectorPlugin>;
}

/// What a request would have made of the connectors so far, while it is only tried.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    /// By name in capitals: is there one?
    changed: BTreeMap<String, bool>,
}

impl Trial {
    fn exists(&self, connectors: &dyn Connectors, name: &str) -> bool {
        let changed = self.changed.get(&name.to_uppercase()).copied();
        changed.unwrap_or_else(|| connectors.describe(name).is_some())
    }

    /// Tries CREATE CONNECTOR.
    pub(crate) fn create(
        &mut self,
        connectors: &dyn Connectors,
        kind: ConnectorKind,
        (name, if_not_exists): (&str, bool),
        config: &[(String, String)],
    ) -> Result<(), ConnectorError> {
        if self.exists(connectors, name) {
            let error = ConnectorError::Exists(name.to_owned());
            return if if_not_exists { Ok(()) } else { Err(error) };
        }
        connectors.check(kind, config)?;
        self.changed.insert(name.to_uppercase(), true);
        Ok(())
    }

    /// Tries DROP CONNECTOR.
    pub(crate) fn drop(
        &mut self,
        connectors: &dyn Connectors,
        name: &str,
        if_exists: bool,
    ) -> Result<(), ConnectorError> {
        if !self.exists(connectors, name) && !if_exists {
            return Err(ConnectorError::NotFound(name.to_owned()));
        }
        self.changed.insert(name.to_uppercase(), false);
        Ok(())
    }
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
    fn check(
        &self,
        _kind: ConnectorKind,
        config: &[(String, String)],
    ) -> Result<(), ConnectorError> {
        let class = config.iter().find(|(name, _)| name.eq_ignore_ascii_case("connector.class"));
        Err(ConnectorError::UnknownClass {
            class: class.map(|(_, value)| value.clone()).unwrap_or_default(),
            known: "none here".to_owned(),
        })
    }

    fn create(
        &self,
        kind: ConnectorKind,
        _name: &str,
        config: &[(String, String)],
    ) -> Result<ConnectorInfo, ConnectorError> {
        self.check(kind, config)?;
        Err(ConnectorError::Storage("there are no connectors here".to_owned()))
    }

    fn drop(&self, name: &str) -> Result<Option<String>, ConnectorError> {
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
