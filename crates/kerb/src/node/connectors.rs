//! The engine's door to connectors, and `connect`'s runtime behind it.

use connect::{CreateError, Description, Owner};
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

    fn drop(&self, name: &str) -> Result<Option<String>, ConnectorError> {
        let dropped = self.0.drop(name);
        dropped.map(|owner| comes_back(name, owner)).map_err(|error| match error {
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

/// Whether somebody makes a connector again that was dropped.
fn comes_back(name: &str, owner: Owner) -> Option<String> {
    (owner == Owner::City).then(|| {
        format!(
            "{name} is a city's feed: the next start with that city makes it again and appends \
             all of its document anew. To be rid of it, take it out of city.toml."
        )
    })
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
    let (summary, figures) = (description.status.summary(), description.status.figures());
    ConnectorInfo {
        name: description.name,
        kind: description.kind,
        class: description.class,
        config: description.properties.into_iter().collect(),
        state: description.status.state.as_str().to_string(),
        summary,
        figures,
        topics: description.topics,
    }
}
