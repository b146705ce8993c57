//! Reads a query's topics: records of all partitions, in the order in which they are to be
//! processed.
//!
//! Where the order between topics matters (joins), the partition whose next record is the oldest
//! goes first, as in Kafka Streams; otherwise partitions take turns.

use std::collections::VecDeque;
use std::sync::Arc;

use journal::{Journal, ReadError};
use model::{Offset, Record, TopicPartition};

use crate::operators::source::{Incoming, InputPartition};
use crate::run::lost::Lost;

/// The least that is read of a partition at once.
const PARTITION_BYTES_MIN: usize = 64 << 10;

/// Reads some partitions.
pub struct Reader {
    journal: Arc<dyn Journal>,
    partitions: Vec<ReadPartition>,
    is_ordered: bool,
    turn: usize,
}

/// A partition that is read.
#[derive(Debug)]
pub struct ReadPartition {
    /// Which of the query's topics.
    pub topic: u32,
    /// Which partition.
    pub partition: TopicPartition,
    /// The next offset to process.
    pub position: Offset,
    /// The position in the last commit, which may be under way.
    pub committed: Option<Offset>,
    /// Read up to here and no further: for looks at a stream as it is now.
    pub end: Option<Offset>,
    fetched_to: Offset,
    lost: Vec<Lost>,
    buffer: VecDeque<(Offset, Record)>,
}

impl ReadPartition {
    /// A partition, from `position` on.
    pub fn new(topic: u32, partition: TopicPartition, position: Offset) -> Self {
        Self {
            topic,
            partition,
            position,
            committed: None,
            end: None,
            fetched_to: position,
            lost: Vec::new(),
            buffer: VecDeque::new(),
        }
    }

    fn place(&self) -> InputPartition {
        InputPartition { topic: self.topic, partition: self.partition.partition.0 }
    }
}

impl Reader {
    /// A reader of these partitions.
    pub fn new(
        journal: Arc<dyn Journal>,
        partitions: Vec<ReadPartition>,
        is_ordered: bool,
    ) -> Self {
        let is_ordered = is_ordered && partitions.len() > 1;
        Self { journal, partitions, is_ordered, turn: 0 }
    }

    /// What is read, and how far.
    pub fn partitions(&self) -> &[ReadPartition] {
        &self.partitions
    }

    /// Notes that the current positions are in a commit.
    pub fn mark_positions_taken(&mut self) {
        for partition in &mut self.partitions {
            partition.committed = Some(partition.position);
        }
    }

    /// Has everything up to the ends that were set been read?
    pub fn is_at_end(&self) -> bool {
        self.partitions.iter().all(|p| p.end.is_some_and(|end| p.position >= end))
    }

    /// What was gone before it was read, since this was asked last.
    pub fn take_lost(&mut self) -> Vec<Lost> {
        self.partitions.iter_mut().flat_map(|partition| partition.lost.drain(..)).collect()
    }

    /// The next records, about `max_bytes` of them; none if all is read.
    pub fn poll(&mut self, max_bytes: usize) -> Result<Incoming, ReadError> {
        if self.is_ordered { self.poll_ordered(max_bytes) } else { self.poll_in_turn(max_bytes) }
    }

    fn poll_in_turn(&mut self, max_bytes: usize) -> Result<Incoming, ReadError> {
        let count = self.partitions.len();
        let mut incoming = Incoming::default();
        let mut bytes_left = max_bytes;
        for _ in 0..count {
            let at = self.turn % count;
            self.turn = self.turn.wrapping_add(1);
            let partition = &mut self.partitions[at];
            let records = fetch(self.journal.as_ref(), partition, bytes_left)?;
            partition.position = partition.fetched_to;
            let bytes: usize = records.iter().map(|(_, record)| record_bytes(record)).sum();
            bytes_left = bytes_left.saturating_sub(bytes);
            incoming.append(partition.place(), records);
            if bytes_left < max_bytes / 2 {
                break;
            }
        }
        Ok(incoming)
    }

    fn poll_ordered(&mut self, max_bytes: usize) -> Result<Incoming, ReadError> {
        let share = (max_bytes / self.partitions.len().max(1)).max(PARTITION_BYTES_MIN);
        for partition in &mut self.partitions {
            fill(self.journal.as_ref(), partition, share)?;
        }
        let mut incoming = Incoming::default();
        let mut bytes_left = max_bytes;
        while bytes_left > 0 {
            let head = |p: &ReadPartition| p.buffer.front().map(|(_, r)| r.timestamp);
            let oldest = (0..self.partitions.len())
                .filter_map(|at| head(&self.partitions[at]).map(|time| (time, at)))
                .min();
            let Some((_, at)) = oldest else { break };
            let partition = &mut self.partitions[at];
            if let Some((offset, record)) = partition.buffer.pop_front() {
                bytes_left = bytes_left.saturating_sub(record_bytes(&record).max(1));
                partition.position = match partition.buffer.front() {
                    Some((next, _)) => *next,
                    None => partition.fetched_to,
                };
                incoming.push(partition.place(), offset, record);
            }
            // Without its next record it cannot be said whose turn it is.
            fill(self.journal.as_ref(), &mut self.partitions[at], share)?;
        }
        Ok(incoming)
    }
}

fn fill(
    journal: &dyn Journal,
    partition: &mut ReadPartition,
    max_bytes: usize,
) -> Result<(), ReadError> {
    if partition.buffer.is_empty() {
        partition.buffer = fetch(journal, partition, max_bytes)?.into();
        if partition.buffer.is_empty() {
            partition.position = partition.fetched_to;
        }
    }
    Ok(())
}

/// The next records of a partition, as far as it is to be read.
fn fetch(
    journal: &dyn Journal,
    partition: &mut ReadPartition,
    max_bytes: usize,
) -> Result<Vec<(Offset, Record)>, ReadError> {
    if partition.end.is_some_and(|end| partition.fetched_to >= end) {
        return Ok(Vec::new());
    }
    let fetched = journal.read(&partition.partition, partition.fetched_to, max_bytes)?;
    let first = fetched.records.first().map_or(fetched.next, |(offset, _)| *offset);
    note_lost(journal, partition, first)?;
    partition.fetched_to = fetched.next;
    let mut records = fetched.records;
    if let Some(end) = partition.end {
        records.retain(|(offset, _)| *offset < end);
    }
    Ok(records)
}

/// Notes what is missing before `first`, the next record there is.
fn note_lost(
    journal: &dyn Journal,
    partition: &mut ReadPartition,
    first: Offset,
) -> Result<(), ReadError> {
    let from = partition.fetched_to;
    if first > from {
        // Compaction leaves gaps as well; but before the start, everything went by its age.
        let start = journal.bounds(&partition.partition)?.start;
        let to = start.min(first).min(partition.end.unwrap_or(first));
        if to > from {
            let place = partition.partition.clone();
            partition.lost.push(Lost { partition: place, from, to });
        }
    }
    Ok(())
}

fn record_bytes(record: &Record) -> usize {
    record.key.as_ref().map_or(0, |k| k.len()) + record.value.as_ref().map_or(0, |v| v.len()) + 16
}
