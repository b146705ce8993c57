//! What must outlive the process: how connectors were configured and where each stopped, kept in a
//! compacted topic of the journal. A position is written in the same commit as the records before
//! it, so that a restart neither loses nor doubles any.
//!
//! Topic `_kerb_connectors`, one partition. Keys (UTF-8) and values (JSON):
//! `config/NAME` → `{"kind": "source", "owner": "city", "properties": {…}}` as written, `${env:…}`
//! not filled in (no owner: a statement made it); as secrets may be among them, the topic is shown
//! to nobody (`journal::check_shown`);
//! `position/NAME` → whatever the source made of it; `paused/NAME` → `true` while it is told to
//! pause. Tombstones once the connector is dropped.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use journal::{AppendError, CleanupPolicy, Journal, TopicSpec, UserTopicError};
use model::{Record, TimestampMs, TopicPartition};
use serde_json::{Value as Json, json};

use crate::classes::ConnectorKind;
use crate::config::Properties;
use crate::error::CreateError;
use crate::source::Position;

pub(crate) use journal::CONNECTORS_TOPIC as TOPIC;

const CONFIG: &str = "config/";
const POSITION: &str = "position/";
const PAUSED: &str = "paused/";

/// Who a connector belongs to, and so who starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A statement made it: it runs until another one drops it, over restarts.
    Statement,
    /// It is a city's feed: it runs in a server that was started with the city.
    City,
}

/// How a connector is configured.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) kind: ConnectorKind,
    pub(crate) owner: Owner,
    pub(crate) properties: Properties,
}

/// All that was written.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Configurations by connector.
    pub(crate) configs: BTreeMap<String, Config>,
    /// Positions by connector.
    pub(crate) positions: BTreeMap<String, Position>,
    /// Connectors that were told to pause.
    pub(crate) paused: BTreeSet<String>,
}

/// The topic's only partition.
pub(crate) fn partition() -> TopicPartition {
    TopicPartition::new(TOPIC, 0)
}

impl Ledger {
    /// Creates the topic if it is not there, and reads all of it.
    pub(crate) fn load(journal: &dyn Journal) -> Result<Self, CreateError> {
        let mut spec = TopicSpec::new(TOPIC, 1);
        spec.cleanup = CleanupPolicy::Compact;
        journal::ensure_topic(journal, spec).map_err(UserTopicError::from)?;
        let mut ledger = Self::default();
        journal::read_all(journal, &partition(), |_, record| ledger.apply(&record))?;
        Ok(ledger)
    }

    /// What cannot be read changes nothing, and is told: it is no tombstone.
    fn apply(&mut self, record: &Record) {
        let Some(key) = record.key.as_ref().and_then(|key| std::str::from_utf8(key).ok()) else {
            return;
        };
        if self.note(key, record.value.as_deref()).is_none() {
            let (what, connector) = key.split_once('/').unwrap_or(("record", key));
            tracing::error!(
                connector,
                "the {what} of connector {connector} cannot be read; what was written before counts"
            );
        }
    }

    /// Nothing if the value cannot be read.
    fn note(&mut self, key: &str, value: Option<&[u8]>) -> Option<()> {
        let value = value.map(serde_json::from_slice::<Json>).transpose().ok()?;
        if let Some(name) = key.strip_prefix(POSITION) {
            match value {
                Some(position) => self.positions.insert(name.to_owned(), position),
                None => self.positions.remove(name),
            };
        } else if let Some(name) = key.strip_prefix(PAUSED) {
            match value {
                Some(_) => self.paused.insert(name.to_owned()),
                None => self.paused.remove(name),
            };
        } else if let Some(name) = key.strip_prefix(CONFIG) {
            match value {
                Some(value) => self.configs.insert(name.to_owned(), config_of(&value)?),
                None => self.configs.remove(name),
            };
        }
        Some(())
    }
}

fn config_of(value: &Json) -> Option<Config> {
    let kind = match value.get("kind")?.as_str()? {
        "source" => ConnectorKind::Source,
        "sink" => ConnectorKind::Sink,
        _ => return None,
    };
    let entry = |(name, text): (&String, &Json)| Some((name.clone(), text.as_str()?.to_owned()));
    let owner = match value.get("owner").and_then(Json::as_str) {
        Some("city") => Owner::City,
        _ => Owner::Statement,
    };
    let properties = value.get("properties")?.as_object()?.iter().map(entry);
    Some(Config { kind, owner, properties: properties.collect::<Option<_>>()? })
}

/// Writes down how `connector` is configured.
pub(crate) fn remember(
    journal: &dyn Journal,
    connector: &str,
    config: &Config,
    now: TimestampMs,
) -> Result<(), AppendError> {
    let mut value = json!({"kind": config.kind.as_str(), "properties": config.properties});
    if config.owner == Owner::City {
        value["owner"] = "city".into();
    }
    let record = record(CONFIG, connector, Some(&value), now);
    journal.append(&partition(), vec![record]).map(|_| ())
}

/// Writes down whether `connector` is to pause.
pub(crate) fn pause(
    journal: &dyn Journal,
    connector: &str,
    is_paused: bool,
    now: TimestampMs,
) -> Result<(), AppendError> {
    let value = is_paused.then_some(Json::Bool(true));
    let record = record(PAUSED, connector, value.as_ref(), now);
    journal.append(&partition(), vec![record]).map(|_| ())
}

/// Forgets `connector`.
pub(crate) fn forget(
    journal: &dyn Journal,
    connector: &str,
    now: TimestampMs,
) -> Result<(), AppendError> {
    let gone = [CONFIG, POSITION, PAUSED].map(|what| record(what, connector, None, now));
    journal.append(&partition(), gone.to_vec()).map(|_| ())
}

/// The record that says where `connector` stopped.
pub(crate) fn position(connector: &str, position: &Position, now: TimestampMs) -> Record {
    record(POSITION, connector, Some(position), now)
}

fn record(what: &str, connector: &str, value: Option<&Json>, now: TimestampMs) -> Record {
    Record {
        key: Some(Bytes::from(format!("{what}{connector}"))),
        value: value.map(|value| Bytes::from(value.to_string())),
        timestamp: now,
        headers: Vec::new(),
    }
}
