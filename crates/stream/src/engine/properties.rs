//! Properties of the server and of sessions: which there are, and which a session may set.

use std::collections::BTreeMap;

use crate::answer::PropertyEntry;
use crate::request::{RequestError, RequestErrorKind};

/// A property that LIST PROPERTIES tells, with its default.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    default: Option<&'static str>,
    /// May a session set it?
    editable: bool,
    /// Does it change anything here? If not, it may be set all the same, as anywhere.
    pub has_effect: bool,
}

const fn editable(name: &'static str, default: &'static str) -> Known {
    Known { name, default: Some(default), editable: true, has_effect: true }
}

const fn fixed(name: &'static str, default: Option<&'static str>) -> Known {
    Known { name, default, editable: false, has_effect: true }
}

const fn without_effect(known: Known) -> Known {
    Known { has_effect: false, ..known }
}

/// All properties that LIST PROPERTIES tells, by name.
pub const KNOWN: &[Known] = &[
    editable("auto.offset.reset", "latest"),
    editable("cache.max.bytes.buffering", "10000000"),
    without_effect(editable("commit.interval.ms", "2000")),
    without_effect(fixed("ksql.access.validator.enable", Some("auto"))),
    without_effect(fixed("ksql.connect.url", Some("http://localhost:8083"))),
    editable("ksql.create.or.replace.enabled", "true"),
    editable("ksql.emit.final.keep.all.windows", "false"),
    editable("ksql.expressions.standard.semantics", "false"),
    editable("ksql.functions.collect_list.limit", "2147483647"),
    editable("ksql.functions.collect_set.limit", "2147483647"),
    editable("ksql.headers.columns.enabled", "true"),
    // A server's affair, though a session may set it.
    editable("ksql.insert.into.values.enabled", "true"),
    without_effect(fixed("ksql.internal.topic.replicas", Some("1"))),
    without_effect(editable("ksql.lambdas.enabled", "true")),
    fixed("ksql.max.push.queries", Some("1000")),
    fixed("ksql.output.topic.name.prefix", Some("")),
    fixed("ksql.persistence.default.format.key", Some("KAFKA")),
    fixed("ksql.persistence.default.format.value", None),
    fixed("ksql.persistence.wrap.single.values", None),
    without_effect(fixed("ksql.persistent.prefix", Some("query_"))),
    editable("ksql.pull.queries.enable", "true"),
    fixed("ksql.query.persistent.active.limit", Some("1000")),
    editable("ksql.query.pull.limit.clause.enabled", "true"),
    fixed("ksql.query.pull.max.concurrent.requests", Some("1000")),
    editable("ksql.query.pull.range.scan.enabled", "true"),
    editable("ksql.query.pull.stream.enabled", "true"),
    editable("ksql.query.pull.table.scan.enabled", "true"),
    editable("ksql.query.push.v2.enabled", "false"),
    without_effect(fixed("ksql.schema.registry.url", Some(""))),
    without_effect(fixed("ksql.service.id", Some("default_"))),
    without_effect(fixed("ksql.streams.num.stream.threads", Some("4"))),
    editable("ksql.suppress.enabled", "true"),
    without_effect(editable("ksql.timestamp.throw.on.invalid", "false")),
    without_effect(fixed("ksql.transient.prefix", Some("transient_"))),
    editable("ksql.variable.substitution.enable", "true"),
    without_effect(editable("processing.guarantee", "exactly_once_v2")),
];

/// What a server's properties change of a statement that is carried out again after a restart. They
/// are written down with it, so that it means the same if they are others by then.
pub(super) const PLANNING: &[&str] = &[
    "ksql.output.topic.name.prefix",
    "ksql.persistence.default.format.key",
    "ksql.persistence.default.format.value",
    "ksql.persistence.wrap.single.values",
];

/// The server's limit of this name: the one that is set, else the default.
pub(super) fn limit(server: &BTreeMap<String, String>, name: &str) -> usize {
    let default = KNOWN.iter().find(|known| known.name == name).and_then(|known| known.default);
    let limit = server.get(name).map(String::as_str).and_then(|text| text.trim().parse().ok());
    limit.or_else(|| default?.parse().ok()).unwrap_or(usize::MAX)
}

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

/// Properties that are true or false.
const FLAGS: &[&str] = &[
    "ksql.create.or.replace.enabled",
    "ksql.emit.final.keep.all.windows",
    "ksql.expressions.standard.semantics",
    "ksql.headers.columns.enabled",
    "ksql.insert.into.values.enabled",
    "ksql.lambdas.enabled",
    "ksql.new.query.planner.enabled",
    "ksql.persistence.wrap.single.values",
    "ksql.pull.queries.enable",
    "ksql.query.pull.limit.clause.enabled",
    "ksql.query.pull.range.scan.enabled",
    "ksql.query.pull.stream.enabled",
    "ksql.query.pull.table.scan.enabled",
    "ksql.query.push.v2.enabled",
    "ksql.suppress.enabled",
    "ksql.timestamp.throw.on.invalid",
    "ksql.variable.substitution.enable",
];

/// Properties that are whole numbers.
const NUMBERS: &[&str] = &[
    "cache.max.bytes.buffering",
    "commit.interval.ms",
    "ksql.functions.collect_list.limit",
    "ksql.functions.collect_set.limit",
    "ksql.max.push.queries",
    "ksql.query.persistent.active.limit",
    "ksql.query.pull.max.concurrent.requests",
    "num.stream.threads",
    "statestore.cache.max.bytes",
];

/// Properties that are one of a few words.
const CHOICES: &[(&str, &[&str])] = &[
    ("auto.offset.reset", &["earliest", "latest"]),
    (
        "processing.guarantee",
        &["exactly_once_v2", "exactly_once_beta", "exactly_once", "at_least_once"],
    ),
];

/// Checks a property's value, where only some make sense.
pub(crate) fn check_value(name: &str, value: &str) -> Result<(), RequestError> {
    let bare = name.strip_prefix("ksql.streams.").unwrap_or(name);
    let is_word = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(value));
    let expected = if FLAGS.contains(&bare) {
        (!is_word(&["true", "false"])).then(|| "true or false".to_owned())
    } else if NUMBERS.contains(&bare) {
        value.trim().parse::<i64>().is_err().then(|| "a whole number".to_owned())
    } else {
        let choice = CHOICES.iter().find(|(choice, _)| *choice == bare);
        choice.filter(|(_, words)| !is_word(words)).map(|(_, words)| words.join(" or "))
    };
    match expected {
        None => Ok(()),
        Some(expected) => {
            let message =
                format!("Invalid value '{value}' for property '{name}': expected {expected}");
            Err(RequestError::new(RequestErrorKind::BadRequest, message))
        }
    }
}

/// May a server be given this setting? The refusal says why not, or which values there are.
pub fn check_setting(name: &str, value: &str) -> Result<(), RequestError> {
    check(name)?;
    check_value(name, value)
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
    }

    #[test]
    fn values_that_make_no_sense_are_refused_with_those_that_do() {
        let refused = |name, value| check_setting(name, value).expect_err(value).message;
        assert!(refused("auto.offset.reset", "erliest").ends_with("expected earliest or latest"));
        assert!(refused("ksql.pull.queries.enable", "yes").ends_with("expected true or false"));
        assert!(refused("ksql.streams.commit.interval.ms", "1s").ends_with("a whole number"));
        assert!(refused("foo", "bar").contains("'foo'"));
        assert!(check_setting("auto.offset.reset", "Earliest").is_ok());
        assert!(check_setting("ksql.persistence.default.format.value", "JSON").is_ok());
        let listed = KNOWN.iter().filter_map(|known| Some((known.name, known.default?)));
        for (name, default) in listed.filter(|(name, _)| !DENIED.contains(name)) {
            assert!(check_setting(name, default).is_ok(), "{name}");
        }
    }
}
