//! A fresh instance for one run of a case: the engine that serves users, over a journal and a
//! registry in memory, with a clock that stands still.

use std::collections::BTreeMap;
use std::sync::Arc;

use format::registry::Compatibility;
use format::{MemoryRegistry, Registry};
use journal::{Journal, MemoryJournal, TopicSpec, partition_for_key};
use model::{ManualClock, Offset, Record, TimestampMs, TopicPartition};
use sql::catalog::{Catalog, Source};
use stream::connectors::NoConnectors;
use stream::{Engine, EngineOptions, Execution, Request, RequestError};

/// How many bytes are read at a time.
const READ_BYTES: usize = 64 << 20;

/// What the clock shows: 2026-01-01T00:00Z. Functions that tell the time are only asked whether it
/// is late enough.
const NOW: TimestampMs = TimestampMs(1_767_225_600_000);

/// What ksqlDB's harnesses set for every case.
const PROPERTIES: [(&str, &str); 7] = [
    ("ksql.streams.auto.offset.reset", "earliest"),
    ("ksql.streams.cache.max.bytes.buffering", "0"),
    ("ksql.headers.columns.enabled", "true"),
    ("ksql.query.pull.table.scan.enabled", "true"),
    ("ksql.query.push.v2.enabled", "true"),
    ("ksql.query.push.v2.registry.installed", "true"),
    ("ksql.query.pull.stream.enabled", "true"),
];

/// A fresh instance.
pub(crate) struct Instance {
    /// The engine.
    pub(crate) engine: Engine,
    /// Its log.
    pub(crate) journal: Arc<dyn Journal>,
    /// Its schemas.
    pub(crate) registry: Arc<dyn Registry>,
}

impl Instance {
    /// Starts one.
    pub(crate) fn start() -> Result<Self, String> {
        let clock = Arc::new(ManualClock::at(NOW));
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new(clock.clone()));
        let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
        // The registry of ksqlDB's harness takes any schema.
        let set = registry.set_compatibility(None, Some(Compatibility::None));
        set.map_err(|error| error.to_string())?;
        let properties = PROPERTIES.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let options = EngineOptions {
            service_id: "some.ksql.service.id".to_owned(),
            journal: journal.clone(),
            registry: registry.clone(),
            clock,
            connectors: Arc::new(NoConnectors),
            execution: Execution::Manual,
            properties: properties.into_iter().collect(),
        };
        let engine = Engine::open(options).map_err(|error| format!("cannot start: {error}"))?;
        Ok(Self { engine, journal, registry })
    }

    /// Carries out statements.
    pub(crate) fn execute(
        &self,
        text: &str,
        properties: &BTreeMap<String, String>,
    ) -> Result<Vec<stream::answer::Answer>, RequestError> {
        let request = Request { properties: properties.clone(), ..Request::new(text) };
        self.engine.execute(&request)
    }

    /// What exists.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.engine.catalog()
    }

    /// Makes a topic, if there is none of that name.
    pub(crate) fn ensure_topic(&self, name: &str, partitions: u32) -> Result<(), String> {
        if self.journal.topic(name).is_some() {
            return Ok(());
        }
        let created = self.journal.create_topic(TopicSpec::new(name, partitions));
        created.map(drop).map_err(|error| format!("cannot make topic '{name}': {error}"))
    }

    /// The name under which a topic exists that a case may name in other case.
    pub(crate) fn topic_name(&self, name: &str) -> Option<String> {
        if self.journal.topic(name).is_some() {
            return Some(name.to_owned());
        }
        let topics = self.journal.topics();
        let mut names = topics.iter().map(|topic| topic.spec.name.to_string());
        names.find(|topic| topic.eq_ignore_ascii_case(name))
    }

    /// Appends a record to partition 0.
    pub(crate) fn append(&self, topic: &str, record: Record) -> Result<Offset, String> {
        let appended = self.journal.append(&TopicPartition::new(topic, 0), vec![record]);
        appended.map_err(|error| format!("cannot append to '{topic}': {error}"))
    }

    /// Appends a record to the partition of its key, as a producer does; without a key, to the
    /// first.
    pub(crate) fn produce(&self, topic: &str, record: Record) -> Result<Offset, String> {
        let partitions = self.journal.topic(topic).map_or(1, |info| info.spec.partitions);
        let key = record.key.as_ref();
        let partition = key.map_or(0, |key| partition_for_key(key, partitions));
        let appended = self.journal.append(&TopicPartition::new(topic, partition), vec![record]);
        appended.map_err(|error| format!("cannot append to '{topic}': {error}"))
    }

    /// All records of a topic, partition after partition.
    pub(crate) fn records(&self, topic: &str) -> Vec<Record> {
        let Some(info) = self.journal.topic(topic) else { return Vec::new() };
        let mut records = Vec::new();
        for partition in 0..info.spec.partitions {
            let partition = TopicPartition::new(topic, partition);
            if let Ok(fetched) = self.journal.read(&partition, Offset::ZERO, READ_BYTES) {
                records.extend(fetched.records.into_iter().map(|(_, record)| record));
            }
        }
        records
    }

    /// The stream or table over a topic; the first that was declared, if there are several.
    pub(crate) fn source_of(&self, topic: &str) -> Option<Arc<Source>> {
        let catalog = self.catalog();
        let mut sources = catalog.sources.values();
        sources.find(|source| source.topic == topic).cloned()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.engine.shutdown();
    }
}
