//! The rules for topics and records that every backend holds: a spec or a record goes in, an error
//! comes out if it is not a legal one.

use model::{Record, TopicPartition};

use crate::error::{AppendError, CreateTopicError, UserTopicError};
use crate::journal::{Journal, TopicInfo, TopicSpec};

/// Where connectors are remembered: how each is configured, and where it stopped.
pub const CONNECTORS_TOPIC: &str = "_kerb_connectors";

/// The longest legal name, as in Kafka.
const NAME_LENGTH_MAX: usize = 249;
/// The most partitions a topic may have.
const PARTITIONS_MAX: u32 = 10_000;
/// What a record costs beside its key, value and headers, when a read counts its bytes.
const RECORD_OVERHEAD_BYTES: usize = 16;

/// Checks name and number of partitions.
pub(crate) fn check_spec(spec: &TopicSpec) -> Result<(), CreateTopicError> {
    let name = &*spec.name;
    if !is_legal_name(name) {
        return Err(CreateTopicError::BadName(name.to_owned()));
    }
    if spec.partitions == 0 || spec.partitions > PARTITIONS_MAX {
        return Err(CreateTopicError::BadPartitions {
            name: name.to_owned(),
            partitions: spec.partitions,
        });
    }
    Ok(())
}

/// May a topic, or a group, be called so? As in Kafka.
pub(crate) fn is_legal_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=NAME_LENGTH_MAX).contains(&name.len())
        && !matches!(name, "." | "..")
        && name.chars().all(legal)
}

/// Does this topic belong to the server itself? The command log, schemas, connectors, queries'
/// states, the processing log: nobody else may write to them, delete them, or put a source on them.
/// Everybody may read them, but for those of [`check_shown`].
pub fn is_internal(name: &str) -> bool {
    name.starts_with("_kerb")
        || name == "_schemas"
        || name.ends_with("-state-changelog")
        || name.ends_with("ksql_processing_log")
}

/// May somebody outside (a person, a feed) append to a topic of this name?
pub fn check_user_topic(name: &str) -> Result<(), UserTopicError> {
    if is_internal(name) {
        return Err(UserTopicError::Internal(name.to_owned()));
    }
    if !is_legal_name(name) {
        return Err(CreateTopicError::BadName(name.to_owned()).into());
    }
    Ok(())
}

/// May records of this topic be shown? Not where connectors' configurations are kept as they were
/// written, with the passwords in them.
pub fn check_shown(name: &str) -> Result<(), UserTopicError> {
    match name {
        CONNECTORS_TOPIC => Err(UserTopicError::Secret(name.to_owned())),
        _ => Ok(()),
    }
}

/// The topic that records of somebody outside are to go to; made of `spec` if it is not there.
/// Everything that appends for others asks here, so that nobody writes into the server's own
/// topics.
pub fn user_topic(journal: &dyn Journal, spec: TopicSpec) -> Result<TopicInfo, UserTopicError> {
    check_user_topic(&spec.name)?;
    ensure_topic(journal, spec).map_err(UserTopicError::from)
}

/// The topic of this name, made if it is not there.
pub fn ensure_topic(journal: &dyn Journal, spec: TopicSpec) -> Result<TopicInfo, CreateTopicError> {
    if let Some(topic) = journal.topic(&spec.name) {
        return Ok(topic);
    }
    let name = spec.name.clone();
    match journal.create_topic(spec) {
        // Somebody else was faster.
        Err(CreateTopicError::Exists(exists)) => {
            journal.topic(&name).ok_or(CreateTopicError::Exists(exists))
        }
        made => made,
    }
}

/// How many bytes of a read's budget a record uses.
pub(crate) fn record_bytes(record: &Record) -> usize {
    let length = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(0, |b| b.len());
    let headers: usize = record.headers.iter().map(|h| h.name.len() + length(&h.value)).sum();
    RECORD_OVERHEAD_BYTES + length(&record.key) + length(&record.value) + headers
}

/// What a batch can hold, whatever the limit is set to.
const RECORD_BYTES_MAX: usize = 1 << 30;

/// Checks that no record is over the limit.
pub(crate) fn check_records(
    partition: &TopicPartition,
    records: &[Record],
    limit_bytes: usize,
) -> Result<(), AppendError> {
    let limit_bytes = limit_bytes.min(RECORD_BYTES_MAX);
    match records.iter().map(record_bytes).find(|bytes| *bytes > limit_bytes) {
        None => Ok(()),
        Some(bytes) => {
            Err(AppendError::TooLarge { partition: partition.clone(), bytes, limit_bytes })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::MemoryJournal;

    #[test]
    fn nobody_outside_gets_a_topic_of_the_servers_own() {
        let journal = MemoryJournal::new(Arc::new(model::ManualClock::default()));
        for name in
            ["_kerb_commands", "_schemas", "x-state-changelog", "default_ksql_processing_log"]
        {
            let refused = user_topic(&journal, TopicSpec::new(name, 1));
            assert!(matches!(refused, Err(UserTopicError::Internal(_))), "{name}");
            // Nor is it made.
            assert_eq!(journal.topic(name), None);
        }
        let refused = user_topic(&journal, TopicSpec::new("../x", 1));
        assert!(matches!(refused, Err(UserTopicError::Topic(CreateTopicError::BadName(_)))));
        let made = user_topic(&journal, TopicSpec::new("t", 2)).expect("a topic");
        let found = user_topic(&journal, TopicSpec::new("t", 7)).expect("the same");
        assert_eq!((found.spec.partitions, &found), (2, &made));
    }
}
