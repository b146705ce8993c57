//! Every class of connector there is, in one ordered list: `SHOW CONNECTOR PLUGINS`, error texts
//! and the reference pages come from it.

use std::sync::Arc;

use model::Clock;
pub use model::ConnectorKind;

use crate::config::{ConfigError, Key, Settings};
use crate::error::CreateError;
use crate::source::Started;
use crate::sources;

/// What a class needs from outside to start a connector.
#[derive(Clone, Debug)]
pub struct Context {
    /// The connector's name.
    pub name: String,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// A class of connectors.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// The value of `connector.class`.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// Which way records go.
    pub kind: ConnectorKind,
    /// A sentence for people.
    pub help: &'static str,
    /// The keys of its configuration.
    pub keys: &'static [Key],
    /// Checks what no single key can: without network, disk or side effect.
    pub check: fn(&Settings) -> Result<(), ConfigError>,
    /// Makes a connector of checked settings.
    pub start: fn(&Context, &Settings) -> Result<Started, CreateError>,
}

/// All classes.
pub static CLASSES: &[Class] = &[sources::http::CLASS];

/// The class of this name and direction.
pub(crate) fn find(
    classes: &'static [Class],
    kind: ConnectorKind,
    name: &str,
) -> Result<&'static Class, CreateError> {
    let of_kind = || classes.iter().filter(|class| class.kind == kind);
    let is_it = |class: &&Class| class.name == name || class.aliases.contains(&name);
    of_kind().find(is_it).ok_or_else(|| CreateError::UnknownClass {
        class: name.to_owned(),
        known: match of_kind().map(|class| class.name).collect::<Vec<_>>() {
            known if known.is_empty() => vec!["none of this kind yet"],
            known => known,
        },
    })
}
