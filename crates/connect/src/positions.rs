//! Where each source stopped, kept in a compacted topic of the journal and written in the same commit
//! as the records, so that a restart neither loses nor doubles any.
//!
//! Topic `_kerb_connector_positions`, one partition. Key: the connector's name, UTF-8. Value: the
//! position as JSON; a tombstone once the connector is dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use journal::{AppendError, CleanupPolicy, CreateTopicError, Journal, TopicSpec};
use model::{Offset, Record, TimestampMs, TopicPartition};

use crate::error::CreateError;
use crate::source::Position;

/// The topic's name.
pub(crate) const TOPIC: &str = "_kerb_connector_positions";

/// How much is read at once.
const READ_BYTES: usize = 1 << 20;

/// The topic's only partition.
pub(crate) fn partition() -> TopicPartition {
    TopicPartition::new(TOPIC, 0)
}

/// Creates the topic if it is not there, and reads all positions.
pub(crate) fn load(journal: &dyn Journal) -> Result<BTreeMap<String, Position>, CreateError> {
    let mut spec = TopicSpec::new(TOPIC, 1);
    spec.cleanup = CleanupPolicy::Compact;
    ensure_topic(journal, spec)?;
    let mut positions = BTreeMap::new();
    let mut from = Offset::ZERO;
    loop {
        let fetched = journal.read(&partition(), from, READ_BYTES)?;
        if fetched.records.is_empty() {
            return Ok(positions);
        }
        for (_, record) in fetched.records {
            let Some(name) = record.key.and_then(|key| String::from_utf8(key.to_vec()).ok()) else {
                continue;
            };
            match record.value.and_then(|value| serde_json::from_slice(&value).ok()) {
                Some(position) => positions.insert(name, position),
                None => positions.remove(&name),
            };
        }
        from = fetched.next;
    }
}

/// The record that says where `connector` stopped; no position: that it is gone.
pub(crate) fn record(connector: &str, position: Option<&Position>, now: TimestampMs) -> Record {
    Record {
        key: Some(Bytes::copy_from_slice(connector.as_bytes())),
        value: position.map(|position| Bytes::from(position.to_string())),
        timestamp: now,
        headers: Vec::new(),
    }
}

/// Forgets `connector`.
pub(crate) fn forget(
    journal: &Arc<dyn Journal>,
    connector: &str,
    now: TimestampMs,
) -> Result<(), AppendError> {
    journal.append(&partition(), vec![record(connector, None, now)]).map(|_| ())
}

/// Creates a topic unless there is one of its name.
pub(crate) fn ensure_topic(
    journal: &dyn Journal,
    spec: TopicSpec,
) -> Result<(), CreateTopicError> {
    if journal.topic(&spec.name).is_some() {
        return Ok(());
    }
    match journal.create_topic(spec) {
        Ok(_) | Err(CreateTopicError::Exists(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
