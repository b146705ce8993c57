//! The backend that keeps everything in memory and forgets it at the end: for tests, `kerb test`
//! and dry runs.
//!
//! Same words in, same words out as the embedded backend: each append is what a segment is there,
//! so that retention and compaction can be watched without a disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{Clock, Offset, Record, TimestampMs, TopicPartition};
use parking_lot::{Condvar, Mutex};

use crate::error::{
    AppendError, CommitError, CreateTopicError, DeleteTopicError, ReadError, StorageError,
};
use crate::journal::{
    CleanupPolicy, Commit, Fetched, GroupId, Journal, PartitionBounds, TopicInfo, TopicSpec,
};
use crate::retention::{self, RetentionOptions};
use crate::topic::{check_records, check_spec, record_bytes};

/// A journal in memory.
#[derive(Debug)]
pub struct MemoryJournal {
    clock: Arc<dyn Clock>,
    options: RetentionOptions,
    max_record_bytes: usize,
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct State {
    topics: BTreeMap<Arc<str>, Topic>,
    groups: BTreeMap<GroupId, BTreeMap<TopicPartition, Offset>>,
    incarnations: u64,
    mark: u64,
}

#[derive(Debug)]
struct Topic {
    info: TopicInfo,
    partitions: Vec<Partition>,
}

#[derive(Debug, Default)]
struct Partition {
    start: Offset,
    end: Offset,
    batches: Vec<Batch>,
    /// Whether the newest batch is ended too, and may be forgotten or compacted.
    ended: bool,
}

/// The records of one append; the stand-in for a segment.
#[derive(Debug)]
struct Batch {
    /// One behind the last offset it was given, whether or not that record is still there.
    end: Offset,
    appended_at: TimestampMs,
    /// When compaction first passed over it.
    cleaned_at: Option<TimestampMs>,
    records: Vec<(Offset, Record)>,
}

impl MemoryJournal {
    /// An empty journal whose append times come from `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_options(clock, RetentionOptions::default(), 8 << 20)
    }

    /// An empty journal with its own rules for clean-up and the size of a record.
    pub fn with_options(
        clock: Arc<dyn Clock>,
        options: RetentionOptions,
        max_record_bytes: usize,
    ) -> Self {
        Self { clock, options, max_record_bytes, state: Mutex::default(), grown: Condvar::new() }
    }
}

impl Journal for MemoryJournal {
    fn create_topic(&self, spec: TopicSpec) -> Result<TopicInfo, CreateTopicError> {
        check_spec(&spec)?;
        let mut state = self.state.lock();
        if state.topics.contains_key(&spec.name) {
            return Err(CreateTopicError::Exists(spec.name.to_string()));
        }
        state.incarnations += 1;
        let info = TopicInfo { spec, incarnation: state.incarnations };
        let partitions = (0..info.spec.partitions).map(|_| Partition::default()).collect();
        state.topics.insert(info.spec.name.clone(), Topic { info: info.clone(), partitions });
        Ok(info)
    }

    fn delete_topic(&self, name: &str) -> Result<(), DeleteTopicError> {
        let mut state = self.state.lock();
        if state.topics.remove(name).is_none() {
            return Err(DeleteTopicError::NotFound(name.to_owned()));
        }
        for offsets in state.groups.values_mut() {
            offsets.retain(|partition, _| &*partition.topic != name);
        }
        state.groups.retain(|_, offsets| !offsets.is_empty());
        state.mark += 1;
        self.grown.notify_all();
        Ok(())
    }

    fn topic(&self, name: &str) -> Option<TopicInfo> {
        self.state.lock().topics.get(name).map(|topic| topic.info.clone())
    }

    fn topics(&self) -> Vec<TopicInfo> {
        self.state.lock().topics.values().map(|topic| topic.info.clone()).collect()
    }

    fn bounds(&self, partition: &TopicPartition) -> Result<PartitionBounds, ReadError> {
        let state = self.state.lock();
        let found = state.partition(partition)?;
        Ok(PartitionBounds { start: found.start, end: found.end })
    }

    fn append(
        &self,
        partition: &TopicPartition,
        records: Vec<Record>,
    ) -> Result<Offset, AppendError> {
        let commit = Commit { records: vec![(partition.clone(), records)], offsets: Vec::new() };
        self.commit(commit).map(|offsets| offsets[0])
    }

    fn commit(&self, commit: Commit) -> Result<Vec<Offset>, CommitError> {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let partitions = commit.records.iter().map(|(partition, _)| partition);
        for partition in partitions.chain(commit.offsets.iter().map(|(_, p, _)| p)) {
            if state.partition(partition).is_err() {
                return Err(CommitError::NotFound(partition.clone()));
            }
        }
        for (partition, records) in &commit.records {
            check_records(partition, records, self.max_record_bytes)?;
        }
        let mut firsts = Vec::with_capacity(commit.records.len());
        let mut grown = false;
        for (partition, records) in commit.records {
            grown |= !records.is_empty();
            let partition = state.partition_mut(&partition)?;
            firsts.push(partition.end);
            partition.push(records, now);
        }
        for (group, partition, offset) in commit.offsets {
            state.groups.entry(group).or_default().insert(partition, offset);
        }
        if grown {
            state.mark += 1;
            self.grown.notify_all();
        }
        Ok(firsts)
    }

    fn read(
        &self,
        partition: &TopicPartition,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Fetched, ReadError> {
        let state = self.state.lock();
        let found = state.partition(partition)?;
        if from > found.end {
            return Err(ReadError::OutOfRange {
                partition: partition.clone(),
                offset: from,
                end: found.end,
            });
        }
        Ok(found.read(from.max(found.start), max_bytes))
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        let mut state = self.state.lock();
        self.grown.wait_while_for(&mut state, |state| state.mark == seen, timeout);
        state.mark
    }

    fn offset_at(
        &self,
        partition: &TopicPartition,
        time: TimestampMs,
    ) -> Result<Offset, ReadError> {
        let state = self.state.lock();
        let found = state.partition(partition)?;
        let mut records = found.batches.iter().flat_map(|batch| &batch.records);
        let first = records.find(|(_, record)| record.timestamp >= time);
        Ok(first.map_or(found.end, |(offset, _)| *offset))
    }

    fn committed(&self, group: &GroupId) -> BTreeMap<TopicPartition, Offset> {
        self.state.lock().groups.get(group).cloned().unwrap_or_default()
    }

    fn groups(&self) -> Vec<GroupId> {
        self.state.lock().groups.keys().cloned().collect()
    }

    fn delete_group(&self, group: &GroupId) -> Result<(), CommitError> {
        self.state.lock().groups.remove(group);
        Ok(())
    }

    fn maintain(&self) -> Result<(), StorageError> {
        let now = self.clock.now();
        for topic in self.state.lock().topics.values_mut() {
            for partition in &mut topic.partitions {
                partition.roll(&topic.info.spec, &self.options, now);
                partition.retire(&topic.info.spec, now);
                if topic.info.spec.cleanup != CleanupPolicy::Delete {
                    partition.compact(&self.options, now);
                }
            }
        }
        Ok(())
    }
}

impl State {
    fn partition(&self, partition: &TopicPartition) -> Result<&Partition, ReadError> {
        let topic = self.topics.get(&partition.topic);
        topic
            .and_then(|topic| topic.partitions.get(partition.partition.0 as usize))
            .ok_or_else(|| ReadError::NotFound(partition.clone()))
    }

    fn partition_mut(&mut self, partition: &TopicPartition) -> Result<&mut Partition, AppendError> {
        let topic = self.topics.get_mut(&partition.topic);
        topic
            .and_then(|topic| topic.partitions.get_mut(partition.partition.0 as usize))
            .ok_or_else(|| AppendError::NotFound(partition.clone()))
    }
}

impl Partition {
    fn push(&mut self, records: Vec<Record>, now: TimestampMs) {
        if records.is_empty() {
            return;
        }
        let first = self.end.0;
        let numbered = records.into_iter().zip(first..).map(|(record, n)| (Offset(n), record));
        let records: Vec<_> = numbered.collect();
        self.end = Offset(first + records.len() as i64);
        self.ended = false;
        self.batches.push(Batch { end: self.end, appended_at: now, cleaned_at: None, records });
    }

    fn read(&self, from: Offset, max_bytes: usize) -> Fetched {
        let mut fetched = Fetched { next: from, ..Fetched::default() };
        let mut bytes = 0;
        let first = self.batches.partition_point(|batch| batch.end <= from);
        for batch in &self.batches[first..] {
            let skip = batch.records.partition_point(|(offset, _)| *offset < from);
            for (offset, record) in &batch.records[skip..] {
                if bytes >= max_bytes && !fetched.records.is_empty() {
                    return fetched;
                }
                bytes += record_bytes(record);
                fetched.records.push((*offset, record.clone()));
                fetched.appended_at.push(batch.appended_at);
                fetched.next = offset.next();
            }
            fetched.next = batch.end;
        }
        fetched.next = fetched.next.max(self.end);
        fetched
    }

    fn roll(&mut self, spec: &TopicSpec, options: &RetentionOptions, now: TimestampMs) {
        let last = self.batches.last();
        let due = |last: &Batch| retention::roll_due(spec, options, last.appended_at, now);
        self.ended |= last.is_some_and(due);
    }

    /// Forgets whole batches, oldest first, as the topic's retention allows.
    fn retire(&mut self, spec: &TopicSpec, now: TimestampMs) {
        let extents = self.batches.iter().map(|batch| retention::Extent {
            bytes: batch.records.iter().map(|(_, record)| record_bytes(record) as u64).sum(),
            last_appended_at: batch.appended_at,
        });
        let mut extents: Vec<_> = extents.collect();
        if self.ended {
            extents.push(retention::Extent { bytes: 0, last_appended_at: now });
        }
        let retired = retention::retired(spec, &extents, now);
        if retired > 0 {
            self.start = self.batches[retired - 1].end;
            self.batches.drain(..retired);
        }
    }

    /// Keeps the newest record of each key; a batch that is not ended stays as it is.
    fn compact(&mut self, options: &RetentionOptions, now: TimestampMs) {
        let sealed = self.batches.len() - usize::from(!self.ended && !self.batches.is_empty());
        let batches = &mut self.batches[..sealed];
        let mut newest: HashMap<Bytes, Offset> = HashMap::new();
        for (offset, record) in batches.iter().flat_map(|batch| &batch.records) {
            if let Some(key) = &record.key {
                newest.insert(key.clone(), *offset);
            }
        }
        for batch in batches.iter_mut() {
            let expired = options.tombstones_expired(batch.cleaned_at, now);
            batch.records.retain(|(offset, record)| {
                let Some(key) = &record.key else { return true };
                newest[key] == *offset && !(record.value.is_none() && expired)
            });
            batch.cleaned_at.get_or_insert(now);
        }
        self.batches.retain(|batch| !batch.records.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use model::ManualClock;

    use super::*;

    #[test]
    fn what_is_appended_is_read() {
        let journal = MemoryJournal::new(Arc::new(ManualClock::at(TimestampMs(7))));
        journal.create_topic(TopicSpec::new("cars", 1)).unwrap();
        let cars = TopicPartition::new("cars", 0);
        let record = Record { value: Some(Bytes::from_static(b"a")), ..Record::default() };
        assert_eq!(journal.append(&cars, vec![record.clone(); 2]).unwrap(), Offset(0));
        let fetched = journal.read(&cars, Offset(1), 100).unwrap();
        assert_eq!(fetched.records, vec![(Offset(1), record)]);
        assert_eq!(fetched.appended_at, vec![TimestampMs(7)]);
        assert_eq!(fetched.next, Offset(2));
        assert_eq!(journal.wait(0, Duration::ZERO), 1);
    }
}
