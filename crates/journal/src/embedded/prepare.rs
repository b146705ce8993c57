//! The part of a commit that needs no lock: records in, encoded batches out. Every caller does it
//! on its own thread; offsets are filled in later, as they are outside the batches' checksums.

use model::{Offset, Record, TimestampMs, TopicPartition};

use crate::journal::{Commit, GroupId};
use crate::record_batch::encode_batch;
use crate::topic::record_bytes;

/// Batches are about this large at most, unless one record is larger.
const BATCH_BYTES_MAX: usize = 256 << 10;

/// A commit, ready to be given its place.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) parts: Vec<PreparedPart>,
    pub(crate) offsets: Vec<(GroupId, TopicPartition, Offset)>,
    pub(crate) appended_at: TimestampMs,
}

/// What goes to one partition.
#[derive(Debug)]
pub(crate) struct PreparedPart {
    pub(crate) partition: TopicPartition,
    pub(crate) bytes: Vec<u8>,
    pub(crate) batches: Vec<PreparedBatch>,
}

/// One batch within [`PreparedPart::bytes`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct PreparedBatch {
    pub(crate) bytes: usize,
    pub(crate) records: usize,
    pub(crate) max_timestamp: TimestampMs,
}

impl Prepared {
    /// Encodes the records of `commit`.
    pub(crate) fn new(commit: Commit, appended_at: TimestampMs) -> Self {
        let parts = commit.records.into_iter().map(|(partition, records)| {
            let (bytes, batches) = encode(&records, appended_at);
            PreparedPart { partition, bytes, batches }
        });
        Self { parts: parts.collect(), offsets: commit.offsets, appended_at }
    }

    /// How many bytes of batches there are.
    pub(crate) fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.bytes.len()).sum()
    }

    /// All partitions it names.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        let progress = self.offsets.iter().map(|(_, partition, _)| partition);
        self.parts.iter().map(|part| &part.partition).chain(progress)
    }
}

fn encode(records: &[Record], appended_at: TimestampMs) -> (Vec<u8>, Vec<PreparedBatch>) {
    let sizes = || records.iter().map(record_bytes);
    let mut out = Vec::with_capacity(sizes().sum::<usize>() + 64);
    let mut batches = Vec::new();
    let mut first = 0;
    let mut bytes = 0;
    for (n, size) in sizes().enumerate() {
        if n > first && bytes + size > BATCH_BYTES_MAX {
            batches.push(encode_one(&mut out, &records[first..n], appended_at));
            (first, bytes) = (n, 0);
        }
        bytes += size;
    }
    if first < records.len() {
        batches.push(encode_one(&mut out, &records[first..], appended_at));
    }
    (out, batches)
}

fn encode_one(out: &mut Vec<u8>, records: &[Record], appended_at: TimestampMs) -> PreparedBatch {
    let start = out.len();
    encode_batch(out, appended_at, records);
    let max_timestamp = records.iter().map(|record| record.timestamp).max().unwrap_or_default();
    PreparedBatch { bytes: out.len() - start, records: records.len(), max_timestamp }
}
