//! The built-in schema registry, kept in the topic `_schemas` as Confluent's keeps it.

use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use format::registry::{MemoryRegistry, RegistryRecord, SchemaLog};
use journal::{CleanupPolicy, Journal, TopicSpec};
use model::{Clock, Offset, Record, TopicPartition};

/// Where schemas are kept.
const TOPIC: &str = "_schemas";
/// How many bytes are read at once.
const READ_BYTES: usize = 1 << 20;

/// The registry as the journal remembers it.
pub(super) fn open(journal: &Arc<dyn Journal>, clock: &Arc<dyn Clock>) -> Result<MemoryRegistry> {
    if journal.topic(TOPIC).is_none() {
        let spec = TopicSpec { cleanup: CleanupPolicy::Compact, ..TopicSpec::new(TOPIC, 1) };
        journal.create_topic(spec)?;
    }
    let place = TopicPartition::new(TOPIC, 0);
    let log = Log { journal: Arc::clone(journal), clock: Arc::clone(clock), place: place.clone() };
    let registry = MemoryRegistry::with_log(Box::new(log));
    let mut next = Offset::ZERO;
    loop {
        let fetched = journal.read(&place, next, READ_BYTES)?;
        if fetched.records.is_empty() {
            return Ok(registry);
        }
        for (offset, record) in fetched.records {
            let key = text(record.key.as_deref()).with_context(|| place_of(offset))?;
            let value = text(record.value.as_deref()).with_context(|| place_of(offset))?;
            // Records of kinds that only Confluent's own registry writes say nothing of schemas.
            if let Some(record) = RegistryRecord::parse(key.unwrap_or_default(), value) {
                registry.apply(&record);
            }
        }
        next = fetched.next;
    }
}

fn text(bytes: Option<&[u8]>) -> Result<Option<&str>> {
    Ok(bytes.map(std::str::from_utf8).transpose()?)
}

fn place_of(offset: Offset) -> String {
    format!("topic {TOPIC}, offset {offset} is not text")
}

struct Log {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    place: TopicPartition,
}

impl SchemaLog for Log {
    fn append(&self, record: &RegistryRecord) -> Result<(), String> {
        let record = Record {
            key: Some(Bytes::from(record.key())),
            value: record.value().map(Bytes::from),
            timestamp: self.clock.now(),
            headers: Vec::new(),
        };
        self.journal.append(&self.place, vec![record]).map(drop).map_err(|e| e.to_string())
    }
}
