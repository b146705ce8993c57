//! Gives each commit of a group its place: prepared commits and the catalog go in; out come the
//! offsets, the bytes to write to each segment, and the changes to log. Decides only; writes
//! nothing.

use std::collections::HashMap;

use bytes::Bytes;
use model::{Offset, TopicPartition};
use std::sync::Arc;

use super::catalog::Catalog;
use super::change::{Change, Part};
use super::layout::SegmentKey;
use super::prepare::{Prepared, PreparedBatch, PreparedPart};
use crate::error::CommitError;
use crate::record_batch::set_base_offset;

/// Bytes that go to a segment in one piece.
#[derive(Debug)]
pub(crate) struct SegmentWrite {
    pub(crate) topic: Arc<str>,
    pub(crate) key: SegmentKey,
    pub(crate) position: u64,
    pub(crate) bytes: Vec<u8>,
}

/// The places of a group of commits.
#[derive(Debug)]
pub(crate) struct Placement<'a> {
    catalog: &'a Catalog,
    segment_bytes: u64,
    /// Whether the log is to carry the records too.
    inline: bool,
    tails: HashMap<TopicPartition, Tail>,
    pub(crate) writes: Vec<SegmentWrite>,
    pub(crate) changes: Vec<Change>,
    pub(crate) records: usize,
}

/// The end of a partition, as it is after what was placed so far.
#[derive(Debug)]
struct Tail {
    topic: Arc<str>,
    key: SegmentKey,
    position: u64,
    end: Offset,
    /// The write that ends at `position`.
    write: Option<usize>,
}

impl<'a> Placement<'a> {
    pub(crate) fn new(catalog: &'a Catalog, segment_bytes: u64, inline: bool) -> Self {
        Self {
            catalog,
            segment_bytes,
            inline,
            tails: HashMap::new(),
            writes: Vec::new(),
            changes: Vec::new(),
            records: 0,
        }
    }

    /// Places one commit; returns the offset of the first record of each of its entries.
    pub(crate) fn place(&mut self, prepared: Prepared) -> Result<Vec<Offset>, CommitError> {
        // The topic may have gone since the commit was prepared.
        if let Some(gone) = prepared.partitions().find(|p| self.catalog.partition(p).is_none()) {
            return Err(CommitError::NotFound(gone.clone()));
        }
        let mut firsts = Vec::with_capacity(prepared.parts.len());
        let mut parts = Vec::with_capacity(prepared.parts.len());
        let appended_at = prepared.appended_at;
        for prepared in prepared.parts {
            let tail = tail(&mut self.tails, self.catalog, &prepared.partition)
                .ok_or_else(|| CommitError::NotFound(prepared.partition.clone()))?;
            firsts.push(tail.end);
            let PreparedPart { partition, mut bytes, batches } = prepared;
            let mut rest = &mut bytes[..];
            for batch in batches {
                let (encoded, behind) = rest.split_at_mut(batch.bytes);
                rest = behind;
                set_base_offset(encoded, tail.end);
                self.records += batch.records;
                if tail.position > 0 && tail.position + batch.bytes as u64 > self.segment_bytes {
                    tail.roll();
                }
                let fresh = Part {
                    partition: partition.clone(),
                    segment: tail.key.base,
                    position: tail.position,
                    bytes: 0,
                    first: tail.end,
                    end: tail.end,
                    max_timestamp: batch.max_timestamp,
                    appended_at,
                    data: None,
                };
                let part = match parts.last_mut() {
                    Some(part) if follows(part, &fresh) => part,
                    _ => {
                        parts.push(fresh);
                        parts.last_mut().expect("one was pushed")
                    }
                };
                grow(part, &batch, encoded, self.inline);
                tail.write(&mut self.writes, encoded);
                tail.end = part.end;
            }
        }
        self.changes.push(Change::Commit { parts, offsets: prepared.offsets });
        Ok(firsts)
    }
}

fn follows(part: &Part, next: &Part) -> bool {
    part.partition == next.partition
        && part.segment == next.segment
        && part.position + part.bytes == next.position
}

fn grow(part: &mut Part, batch: &PreparedBatch, encoded: &[u8], inline: bool) {
    part.bytes += encoded.len() as u64;
    part.end = Offset(part.end.0 + batch.records as i64);
    part.max_timestamp = part.max_timestamp.max(batch.max_timestamp);
    if inline {
        // Inlined commits are small, so copying once more does not count.
        let before = part.data.take().unwrap_or_default();
        part.data = Some(Bytes::from([&before, encoded].concat()));
    }
}

fn tail<'t>(
    tails: &'t mut HashMap<TopicPartition, Tail>,
    catalog: &Catalog,
    partition: &TopicPartition,
) -> Option<&'t mut Tail> {
    if !tails.contains_key(partition) {
        let topic = catalog.topics.get(&partition.topic)?;
        let found = catalog.partition(partition)?;
        let last = found.segments.last();
        let key = last.map(|segment| segment.key).unwrap_or(SegmentKey {
            incarnation: topic.info.incarnation,
            partition: partition.partition.0,
            base: found.end,
            generation: 0,
        });
        let position = last.map_or(0, |segment| segment.meta.bytes);
        let topic = topic.info.spec.name.clone();
        let tail = Tail { topic, key, position, end: found.end, write: None };
        tails.insert(partition.clone(), tail);
    }
    tails.get_mut(partition)
}

impl Tail {
    /// Begins a new segment.
    fn roll(&mut self) {
        self.key = SegmentKey { base: self.end, generation: 0, ..self.key };
        self.position = 0;
        self.write = None;
    }

    fn write(&mut self, writes: &mut Vec<SegmentWrite>, encoded: &[u8]) {
        let write = *self.write.get_or_insert_with(|| {
            writes.push(SegmentWrite {
                topic: self.topic.clone(),
                key: self.key,
                position: self.position,
                bytes: Vec::new(),
            });
            writes.len() - 1
        });
        writes[write].bytes.extend_from_slice(encoded);
        self.position += encoded.len() as u64;
    }
}
