//! The engine's door to connectors, and `connect`'s runtime behind it.

use connect::{CreateError, Description};
use model::ConnectorKind;
use stream::answer::{ConnectorInfo, ConnectorPlugin};
use stream::connectors::{ConnectorError, Connectors};

/// Carries out CREATE, DROP, SHOW and DESCRIBE CONNECTOR.
pub(super) struct Runtime(pub(super) connect::Connectors);

impl Connectors for Runtime {
    fn check(
        &self,
        kind: ConnectorKind,
        config: &[(String, String)],
    ) -> Result<(), ConnectorError> {
        let properties = config.iter().cloned().collect();
        self.0.check(kind, &properties).map_err(refusal)
    }

    fn create(
        &self,
        kind: ConnectorKind,
        name: &str,
        config: &[(String, String)],
    ) -> Result<ConnectorInfo, ConnectorError> {
        let properties = config.iter().cloned().collect();
        match self.0.create(name, kind, &properties) {
            Ok(description) => Ok(info(description)),
            Err(error) => Err(refusal(error)),
        }
    }

    fn drop(&self, name: &str) -> Result<(), ConnectorError> {
        self.0.drop(name).map_err(|error| match error {
            connect::ChangeError::Unknown(unknown) => ConnectorError::NotFound(unknown.0),
            other => ConnectorError::Storage(other.to_string()),
        })
    }

    fn list(&self) -> Vec<ConnectorInfo> {
        self.0.list().into_iter().map(info).collect()
    }

    fn describe(&self, name: &str) -> Option<ConnectorInfo> {
        self.0.describe(name).ok().map(info)
    }

    fn plugins(&self) -> Vec<ConnectorPlugin> {
        let plugin = |class: &connect::classes::Class| ConnectorPlugin {
            class: class.name.to_string(),
            kind: class.kind,
            version: env!("CARGO_PKG_VERSION").to_string(),
        };
        self.0.classes().iter().map(plugin).collect()
    }
}

fn refusal(error: CreateError) -> ConnectorError {
    match error {
        CreateError::UnknownClass { class, known } => {
            ConnectorError::UnknownClass { class, known: known.join(", ") }
        }
        CreateError::Exists(name) => ConnectorError::Exists(name),
        CreateError::Config(error) => ConnectorError::BadConfig(error.to_string()),
        other => ConnectorError::Storage(other.to_string()),
    }
}

fn info(description: Description) -> ConnectorInfo {
    let summary = description.status.summary();
    ConnectorInfo {
        name: description.name,
        kind: description.kind,
        class: description.class,
        config: description.properties.into_iter().collect(),
        state: description.status.state.as_str().to_string(),
        summary,
        topics: description.topics,
    }
}
