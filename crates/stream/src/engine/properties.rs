//! Properties of the server and of sessions: which there are, and which a session may set.

use std::collections::BTreeMap;

use crate::answer::PropertyEntry;
use crate::request::{RequestError, RequestErrorKind};

/// A property that means something here, with its default.
struct Known {
    name: &'static str,
    default: Option<&'static str>,
    /// May a session set it?
    editable: bool,
}

const fn editable(name: &'static str, default: &'static str) -> Known {
    Known { name, default: Some(default), editable: true }
}

const fn fixed(name: &'static str, default: Option<&'static str>) -> Known {
    Known { name, default, editable: false }
}

/// All properties that LIST PROPERTIES tells, by name.
const KNOWN: &[Known] = &[
    editable("auto.offset.reset", "latest"),
    editable("cache.max.bytes.buffering", "10000000"),
    editable("commit.interval.ms", "2000"),
    fixed("ksql.access.validator.enable", Some("auto")),
    fixed("ksql.connect.url", Some("http://localhost:8083")),
    editable("ksql.emit.final.keep.all.windows", "false"),
    editable("ksql.expressions.standard.semantics", "false"),
    editable("ksql.functions.collect_list.limit", "2147483647"),
    editable("ksql.functions.collect_set.limit", "2147483647"),
    editable("ksql.insert.into.values.enabled", "true"),
    fixed("ksql.internal.topic.replicas", Some("1")),
    editable("ksql.lambdas.enabled", "true"),
    fixed("ksql.output.topic.name.prefix", Some("")),
    fixed("ksql.persistence.default.format.key", Some("KAFKA")),
    fixed("ksql.persistence.default.format.value", None),
    fixed("ksql.persistence.wrap.single.values", None),
    fixed("ksql.persistent.prefix", Some("query_")),
    editable("ksql.pull.queries.enable", "true"),
    editable("ksql.query.pull.range.scan.enabled", "true"),
    editable("ksql.query.pull.table.scan.enabled", "true"),
    editable("ksql.query.push.v2.enabled", "false"),
    fixed("ksql.schema.registry.url", Some("")),
    fixed("ksql.service.id", Some("default_")),
    fixed("ksql.streams.num.stream.threads", Some("4")),
    editable("ksql.timestamp.throw.on.invalid", "false"),
    fixed("ksql.transient.prefix", Some("transient_")),
    editable("ksql.variable.substitution.enable", "true"),
    editable("processing.guarantee", "exactly_once_v2"),
];

/// Prefixes of properties that Kafka Streams, consumers, producers and ksqlDB know.
const PREFIXES: &[&str] = &["ksql.", "consumer.", "producer.", "restore.consumer.", "topic."];

/// Properties of clients that have no meaning here but may be set as anywhere.
const CLIENT: &[&str] = &[
    "acceptable.recovery.lag",
    "acks",
    "application.id",
    "application.server",
    "auto.commit.interval.ms",
    "batch.size",
    "buffer.memory",
    "buffered.records.per.partition",
    "check.crcs",
    "client.id",
    "client.rack",
    "compression.type",
    "connections.max.idle.ms",
    "default.deserialization.exception.handler",
    "default.timestamp.extractor",
    "enable.auto.commit",
    "enable.idempotence",
    "exclude.internal.topics",
    "fetch.max.bytes",
    "fetch.max.wait.ms",
    "fetch.min.bytes",
    "group.id",
    "group.instance.id",
    "heartbeat.interval.ms",
    "interceptor.classes",
    "isolation.level",
    "key.deserializer",
    "key.serializer",
    "linger.ms",
    "max.block.ms",
    "max.in.flight.requests.per.connection",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "max.poll.records",
    "max.request.size",
    "max.task.idle.ms",
    "max.warmup.replicas",
    "metadata.max.age.ms",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "num.standby.replicas",
    "num.stream.threads",
    "partitioner.class",
    "poll.ms",
    "receive.buffer.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "replication.factor",
    "request.timeout.ms",
    "retries",
    "retry.backoff.ms",
    "rocksdb.config.setter",
    "security.protocol",
    "send.buffer.bytes",
    "session.timeout.ms",
    "state.cleanup.delay.ms",
    "state.dir",
    "statestore.cache.max.bytes",
    "task.timeout.ms",
    "topology.optimization",
    "transaction.timeout.ms",
    "transactional.id",
    "upgrade.from",
    "value.deserializer",
    "value.serializer",
    "window.size.ms",
    "windowstore.changelog.additional.retention.ms",
];

/// Properties that a session may not set though they exist.
const DENIED: &[&str] = &["bootstrap.servers", "ksql.service.id", "ksql.streams.bootstrap.servers"];

/// May a session set this property? `Err`: why not.
pub(crate) fn check(name: &str) -> Result<(), RequestError> {
    let bare = name.strip_prefix("ksql.streams.").unwrap_or(name);
    if DENIED.contains(&name) || DENIED.contains(&bare) {
        let message = format!("Cannot override property '{name}'");
        return Err(RequestError::new(RequestErrorKind::BadRequest, message));
    }
    let is_known = KNOWN.iter().any(|known| known.name == bare)
        || CLIENT.contains(&bare)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if is_known {
        return Ok(());
    }
    let message =
        format!("Not recognizable as ksql, streams, consumer, or producer property: '{name}'");
    Err(RequestError::new(RequestErrorKind::BadRequest, message))
}

/// Checks a property's value, where only some make sense.
pub(crate) fn check_value(name: &str, value: &str) -> Result<(), RequestError> {
    let bare = name.strip_prefix("ksql.streams.").unwrap_or(name);
    let refuse = |expected: &str| {
        let message = format!("Invalid value '{value}' for property '{name}': expected {expected}");
        Err(RequestError::new(RequestErrorKind::BadRequest, message))
    };
    match bare {
        "auto.offset.reset" if !["earliest", "latest"].contains(&value.to_lowercase().as_str()) => {
            refuse("earliest or latest")
        }
        "cache.max.bytes.buffering" | "commit.interval.ms" if value.parse::<i64>().is_err() => {
            refuse("a whole number")
        }
        _ => Ok(()),
    }
}

/// All properties with their values: the session's, else the server's, else the default.
pub(crate) fn list(
    server: &BTreeMap<String, String>,
    session: &BTreeMap<String, String>,
) -> Vec<PropertyEntry> {
    let bare = |name: &str| name.strip_prefix("ksql.streams.").unwrap_or(name).to_owned();
    let mut entries: BTreeMap<String, PropertyEntry> = BTreeMap::new();
    for known in KNOWN {
        let entry = PropertyEntry {
            name: known.name.to_owned(),
            scope: "KSQL",
            level: "",
            value: known.default.map(str::to_owned),
            editable: known.editable,
        };
        entries.insert(known.name.to_owned(), entry);
    }
    for (properties, level) in [(server, "SERVER"), (session, "")] {
        for (name, value) in properties {
            let entry = entries.entry(bare(name)).or_insert_with(|| PropertyEntry {
                name: name.clone(),
                scope: "KSQL",
                level,
                value: None,
                editable: check(name).is_ok(),
            });
            entry.level = level;
            entry.value = Some(value.clone());
        }
    }
    entries.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_set() {
        assert!(check("auto.offset.reset").is_ok());
        assert!(check("ksql.streams.auto.offset.reset").is_ok());
        assert!(check("state.dir").is_ok());
        assert!(check("nosuch").is_err());
        assert!(check("ksql.service.id").is_err());
        assert!(check("bootstrap.servers").is_err());
        assert!(check_value("auto.offset.reset", "sometimes").is_err());
    }
}
