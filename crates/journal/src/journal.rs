//! The [`Journal`] trait: all that anything else may know about the event log.
//!
//! Calls block for at most a disk write; asynchronous callers use `spawn_blocking` or read in
//! batches.
//! What [`Journal::read`] returns is committed: it will be there after a crash of the process, and
//! after one of the machine as far as the backend's flushing promises.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{Offset, Record, TimestampMs, TopicPartition};

use crate::error::{
    AppendError, CommitError, CreateTopicError, DeleteTopicError, ReadError, StorageError,
};

/// The name of a consumer group: whose progress a committed offset is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub Arc<str>);

/// What becomes of old records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CleanupPolicy {
    /// Whole segments go when older or more than the topic's retention allows.
    #[default]
    Delete,
    /// Only the newest record of each key is sure to stay.
    Compact,
    /// Both.
    CompactDelete,
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Letters, digits, `.`, `_`, `-`; at most 249, as in Kafka.
    pub name: Arc<str>,
    /// How many partitions, from 1.
    pub partitions: u32,
    /// What becomes of old records.
    pub cleanup: CleanupPolicy,
    /// How long a record stays at least; `None`: for ever.
    pub retention: Option<Duration>,
    /// How many bytes a partition keeps at least; `None`: no bound.
    pub retention_bytes: Option<u64>,
}

impl TopicSpec {
    /// A topic that keeps everything for ever.
    pub fn new(name: impl Into<Arc<str>>, partitions: u32) -> Self {
        Self {
            name: name.into(),
            partitions,
            cleanup: CleanupPolicy::Delete,
            retention: None,
            retention_bytes: None,
        }
    }
}

/// A topic that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// As it was created.
    pub spec: TopicSpec,
    /// Changes when a topic is deleted and created anew under its name.
    pub incarnation: u64,
}

/// How far a partition reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionBounds {
    /// The oldest record still there (or the end, if none is). Compaction leaves it where it was.
    pub start: Offset,
    /// One behind the newest committed record.
    pub end: Offset,
}

/// Records read from one partition.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// In order of offsets, which may have gaps where compaction removed records.
    pub records: Vec<(Offset, Record)>,
    /// Where to read on.
    pub next: Offset,
    /// When the records were appended, one for each of `records`.
    pub appended_at: Vec<TimestampMs>,
}

/// Everything that becomes visible at once, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Records to append, in order for each partition: outputs and changelogs alike.
    pub records: Vec<(TopicPartition, Vec<Record>)>,
    /// Progress: for each group and partition, the offset to read next.
    pub offsets: Vec<(GroupId, TopicPartition, Offset)>,
}

/// The event log.
pub trait Journal: Send + Sync + std::fmt::Debug {
    /// Creates a topic.
    fn create_topic(&self, spec: TopicSpec) -> Result<TopicInfo, CreateTopicError>;

    /// Deletes a topic, its records and all committed offsets in it.
    fn delete_topic(&self, name: &str) -> Result<(), DeleteTopicError>;

    /// The topic of this name.
    fn topic(&self, name: &str) -> Option<TopicInfo>;

    /// All topics, by name.
    fn topics(&self) -> Vec<TopicInfo>;

    /// How far a partition reaches now.
    fn bounds(&self, partition: &TopicPartition) -> Result<PartitionBounds, ReadError>;

    /// Appends records to one partition and returns the offset of the first. A commit of its own.
    fn append(
        &self,
        partition: &TopicPartition,
        records: Vec<Record>,
    ) -> Result<Offset, AppendError>;

    /// Makes all of `commit` visible, or none of it. Returns the offset of the first record of each
    /// entry of `commit.records`.
    fn commit(&self, commit: Commit) -> Result<Vec<Offset>, CommitError>;

    /// Committed records from `from` on, about `max_bytes` of them (one at least, if there is one).
    /// Never waits: at the end it returns none. An offset before the start reads from the start.
    fn read(
        &self,
        partition: &TopicPartition,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Fetched, ReadError>;

    /// Waits until some partition of some topic has more than when `seen` was returned, or until
    /// `timeout` has passed; returns the new mark. Start with 0.
    fn wait(&self, seen: u64, timeout: Duration) -> u64;

    /// The first offset whose record's timestamp is at or after `time`; the end if there is none.
    fn offset_at(&self, partition: &TopicPartition, time: TimestampMs)
    -> Result<Offset, ReadError>;

    /// What a group has committed, by partition.
    fn committed(&self, group: &GroupId) -> BTreeMap<TopicPartition, Offset>;

    /// All groups that have committed something.
    fn groups(&self) -> Vec<GroupId>;

    /// Forgets a group's progress.
    fn delete_group(&self, group: &GroupId) -> Result<(), CommitError>;

    /// Does what retention and compaction ask for now. Call it every minute or so; a backend whose
    /// servers do this by themselves has nothing to do.
    fn maintain(&self) -> Result<(), StorageError> {
        Ok(())
    }

    /// Can it still be written to? `Err`: why not.
    fn health(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

/// About so much of a partition is read at once.
const READ_BYTES: usize = 1 << 20;

/// Hands over all records of a partition that are committed now, oldest first.
pub fn read_all(
    journal: &dyn Journal,
    partition: &TopicPartition,
    mut each: impl FnMut(Offset, Record),
) -> Result<(), ReadError> {
    let mut from = Offset::ZERO;
    loop {
        let fetched = journal.read(partition, from, READ_BYTES)?;
        // Where compaction left nothing, a portion may be empty and not the last.
        if fetched.next == from {
            return Ok(());
        }
        fetched.records.into_iter().for_each(|(offset, record)| each(offset, record));
        from = fetched.next;
    }
}

/// The partition a key belongs to: Kafka's default partitioner (murmur2 of the key's bytes).
pub fn partition_for_key(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

/// MurmurHash2 with Kafka's seed, as in `org.apache.kafka.common.utils.Utils.murmur2`.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        k = k.wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate().rev() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_partition_is_read_in_order() {
        let journal = crate::MemoryJournal::new(Arc::new(model::ManualClock::default()));
        journal.create_topic(TopicSpec::new("t", 1)).expect("a topic");
        let partition = TopicPartition::new("t", 0);
        let record = Record { value: Some(vec![0; READ_BYTES / 3].into()), ..Record::default() };
        for _ in 0..7 {
            journal.append(&partition, vec![record.clone()]).expect("appended");
        }
        let mut offsets = Vec::new();
        read_all(&journal, &partition, |offset, _| offsets.push(offset.0)).expect("read");
        assert_eq!(offsets, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn keys_hash_as_in_kafka() {
        // Values from Kafka's own UtilsTest.
        assert_eq!(murmur2(b"21") as i32, -973_932_308);
        assert_eq!(murmur2(b"foobar") as i32, -790_332_482);
        assert_eq!(murmur2(b"a-little-bit-long-string") as i32, -985_981_536);
        assert_eq!(murmur2(b"abc") as i32, 479_470_107);
    }
}
