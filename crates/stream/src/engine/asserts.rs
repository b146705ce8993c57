//! ASSERT TOPIC and ASSERT SCHEMA: waits until what is asserted holds, or the time is over.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sql::ast::Properties;

use super::Service;
use super::show::value_text;
use crate::request::{Client, RequestError};

/// How long an ASSERT without TIMEOUT waits.
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(1000);
/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(50);

impl Service {
    pub(super) fn assert_topic(
        &self,
        topic: &str,
        exists: bool,
        properties: &Properties,
        timeout_ms: Option<u64>,
        client: &Client,
    ) -> Result<Result<(), String>, RequestError> {
        self.until(timeout_ms, client, || match (self.options.journal.topic(topic), exists) {
            (None, true) => Err(format!("Topic {topic} does not exist")),
            (Some(_), false) => Err(format!("Topic {topic} exists")),
            (None, false) => Ok(()),
            (Some(info), true) => {
                for property in &properties.0 {
                    let actual = match property.name.as_str() {
                        "PARTITIONS" => info.spec.partitions.to_string(),
                        "REPLICAS" => "1".to_owned(),
                        other => {
                            return Err(format!("Cannot assert unknown topic property: {other}"));
                        }
                    };
                    let expected = value_text(&property.value);
                    if actual != expected {
                        let name = property.name.to_lowercase();
                        return Err(format!(
                            "Mismatched configuration for topic {topic}: \
                             For config {name}, expected {expected} got {actual}"
                        ));
                    }
                }
                Ok(())
            }
        })
    }

    pub(super) fn assert_schema(
        &self,
        subject: Option<&str>,
        id: Option<i64>,
        exists: bool,
        timeout_ms: Option<u64>,
        client: &Client,
    ) -> Result<Result<(), String>, RequestError> {
        let registry = &self.options.registry;
        let is_there = || {
            let id = id.and_then(|id| i32::try_from(id).ok()).map(format::registry::SchemaId);
            match (subject, id) {
                (Some(subject), Some(id)) => registry
                    .uses(id, false)
                    .is_ok_and(|uses| uses.iter().any(|(used, _)| used == subject)),
                (Some(subject), None) => registry.latest(subject).is_ok(),
                (None, Some(id)) => registry.by_id(id, None).is_ok(),
                (None, None) => false,
            }
        };
        let what = match (subject, id) {
            (Some(subject), Some(id)) => format!("with subject name {subject} and id {id}"),
            (Some(subject), None) => format!("with subject name {subject}"),
            (None, Some(id)) => format!("with id {id}"),
            (None, None) => "without subject and id".to_owned(),
        };
        self.until(timeout_ms, client, || match (is_there(), exists) {
            (true, true) | (false, false) => Ok(()),
            (false, true) => Err(format!("Schema {what} does not exist")),
            (true, false) => Err(format!("Schema {what} exists")),
        })
    }

    /// Looks again and again until it holds, the time is over, or nobody wants to know any
    /// more.
    fn until(
        &self,
        timeout_ms: Option<u64>,
        client: &Client,
        holds: impl Fn() -> Result<(), String>,
    ) -> Result<Result<(), String>, RequestError> {
        let timeout = timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis);
        let clock = &self.options.clock;
        let start = clock.monotonic();
        loop {
            let result = holds();
            let is_manual = self.options.execution == super::Execution::Manual;
            if result.is_ok() || is_manual || clock.monotonic().saturating_sub(start) >= timeout {
                return Ok(result);
            }
            client.check()?;
            if self.is_closed.load(Ordering::Acquire) {
                return Err(super::shutting_down());
            }
            std::thread::park_timeout(INTERVAL);
        }
    }
}
