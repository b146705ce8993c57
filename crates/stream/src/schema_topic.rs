//! The built-in schema registry in a topic of the journal: its log is `_schemas`.

use std::sync::Arc;

use format::MemoryRegistry;
use format::registry::{RegistryRecord, SchemaLog};
use journal::{CleanupPolicy, CreateTopicError, Journal, TopicSpec};
use model::{Clock, Record, TopicPartition};

use crate::request::{RequestError, RequestErrorKind};

/// The registry's topic.
pub const SCHEMAS_TOPIC: &str = "_schemas";

struct TopicLog {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    partition: TopicPartition,
}

impl SchemaLog for TopicLog {
    fn append(&self, record: &RegistryRecord) -> Result<(), String> {
        let record = Record {
            key: Some(record.key().into()),
            value: record.value().map(Into::into),
            timestamp: self.clock.now(),
            headers: Vec::new(),
        };
        let appended = self.journal.append(&self.partition, vec![record]);
        appended.map(drop).map_err(|error| error.to_string())
    }
}

/// The registry as the journal's topic has it.
pub fn open_registry(
    journal: &Arc<dyn Journal>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<MemoryRegistry>, RequestError> {
    let internal = |error: &dyn std::fmt::Display| {
        RequestError::new(RequestErrorKind::Internal, error.to_string())
    };
    let spec = TopicSpec { cleanup: CleanupPolicy::Compact, ..TopicSpec::new(SCHEMAS_TOPIC, 1) };
    match journal.create_topic(spec) {
        Ok(_) | Err(CreateTopicError::Exists(_)) => {}
        Err(error) => return Err(internal(&error)),
    }
    let partition = TopicPartition::new(SCHEMAS_TOPIC, 0);
    let log = TopicLog { journal: journal.clone(), clock: clock.clone(), partition };
    let partition = log.partition.clone();
    let registry = Arc::new(MemoryRegistry::with_log(Box::new(log)));
    let apply = |_, record: Record| {
        let text = |bytes: &Option<bytes::Bytes>| -> Option<String> {
            bytes.as_ref().and_then(|b| String::from_utf8(b.to_vec()).ok())
        };
        let (key, value) = (text(&record.key).unwrap_or_default(), text(&record.value));
        if let Some(record) = RegistryRecord::parse(&key, value.as_deref()) {
            registry.apply(&record);
        }
    };
    journal::read_all(journal.as_ref(), &partition, apply).map_err(|e| internal(&e))?;
    Ok(registry)
}
