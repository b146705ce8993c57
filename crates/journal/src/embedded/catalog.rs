//! What the journal knows about itself: topics, how far their partitions reach, their segments, and
//! the groups' progress. Changes go in, one by one; that is all that ever alters it, so the catalog
//! of a running process and the one recovered from the commit log cannot differ.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Offset, TimestampMs, TopicPartition};
use parking_lot::Mutex;

use super::change::{Change, Part};
use super::index::Index;
use super::layout::SegmentKey;
use super::walk::Place;
use crate::journal::{GroupId, TopicInfo};

/// Everything that is committed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) topics: BTreeMap<Arc<str>, Topic>,
    pub(crate) groups: BTreeMap<GroupId, BTreeMap<TopicPartition, Offset>>,
    /// The last incarnation given to a topic.
    pub(crate) incarnations: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) info: TopicInfo,
    pub(crate) partitions: Vec<Partition>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Partition {
    pub(crate) start: Offset,
    pub(crate) end: Offset,
    /// By base offset; the last one is written to. Between them may lie gaps, left by compaction.
    pub(crate) segments: Vec<Segment>,
}

/// A segment as of now; a reader that holds one is bounded by what was committed then.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) meta: SegmentMeta,
    pub(crate) key: SegmentKey,
    pub(crate) topic: Arc<str>,
    pub(crate) index: Arc<Mutex<Index>>,
}

/// What is kept of a segment on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentMeta {
    /// Its first offset.
    pub(crate) base: Offset,
    /// How often compaction has written it anew.
    pub(crate) generation: u32,
    /// How much of its file is committed.
    pub(crate) bytes: u64,
    /// One behind the last offset it stands for.
    pub(crate) end: Offset,
    /// The newest event time in it.
    pub(crate) max_timestamp: TimestampMs,
    /// When its oldest batch was appended.
    pub(crate) first_appended_at: TimestampMs,
    /// When its newest batch was appended.
    pub(crate) last_appended_at: TimestampMs,
    /// When compaction first passed over it.
    pub(crate) cleaned_at: Option<TimestampMs>,
    /// How many tombstones compaction left in it.
    pub(crate) tombstones: u64,
}

impl SegmentMeta {
    /// A segment with nothing in it.
    pub(crate) fn empty(base: Offset) -> Self {
        Self {
            base,
            generation: 0,
            bytes: 0,
            end: base,
            max_timestamp: TimestampMs(i64::MIN),
            first_appended_at: TimestampMs(i64::MAX),
            last_appended_at: TimestampMs(i64::MIN),
            cleaned_at: None,
            tombstones: 0,
        }
    }

    /// Where its first batch begins.
    pub(crate) fn first_place(&self) -> Place {
        Place { position: 0, offset: self.base }
    }

    /// Takes in that `bytes` up to offset `end` were added.
    pub(crate) fn grow(
        &mut self,
        bytes: u64,
        end: Offset,
        max_timestamp: TimestampMs,
        appended_at: TimestampMs,
    ) {
        self.bytes += bytes;
        self.end = end;
        self.max_timestamp = self.max_timestamp.max(max_timestamp);
        self.first_appended_at = self.first_appended_at.min(appended_at);
        self.last_appended_at = self.last_appended_at.max(appended_at);
    }
}

/// A change that does not fit the catalog: the log is damaged in a way no checksum shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a change does not fit what was before it ({0})")]
pub(crate) struct Misfit(&'static str);

impl Catalog {
    pub(crate) fn partition(&self, partition: &TopicPartition) -> Option<&Partition> {
        self.topics.get(&partition.topic)?.partitions.get(partition.partition.0 as usize)
    }

    /// Takes in one change.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), Misfit> {
        match change {
            Change::CreateTopic { incarnation, spec } => {
                let info = TopicInfo { spec: spec.clone(), incarnation: *incarnation };
                let partitions = vec![Partition::default(); spec.partitions as usize];
                self.incarnations = self.incarnations.max(*incarnation);
                self.topics.insert(spec.name.clone(), Topic { info, partitions });
            }
            Change::DeleteTopic { name } => {
                self.topics.remove(name);
                for offsets in self.groups.values_mut() {
                    offsets.retain(|partition, _| partition.topic != *name);
                }
                self.groups.retain(|_, offsets| !offsets.is_empty());
            }
            Change::SetPartition { partition, start, end, segments } => {
                let (topic, found) = self.partition_mut(partition)?;
                let segments = segments.iter().map(|meta| {
                    let kept = found.segments.iter().find(|old| {
                        (old.meta.base, old.meta.generation) == (meta.base, meta.generation)
                    });
                    match kept {
                        Some(kept) => Segment { meta: *meta, ..kept.clone() },
                        None => Segment::new(&topic, partition, *meta),
                    }
                });
                let segments = segments.collect();
                *found = Partition { start: *start, end: *end, segments };
            }
            Change::Commit { parts, offsets } => {
                for part in parts {
                    self.apply_part(part)?;
                }
                for (group, partition, offset) in offsets {
                    let progress = self.groups.entry(group.clone()).or_default();
                    progress.insert(partition.clone(), *offset);
                }
            }
            Change::DeleteGroup { group } => {
                self.groups.remove(group);
            }
            Change::Incarnations { given } => self.incarnations = self.incarnations.max(*given),
            Change::End => {}
        }
        Ok(())
    }

    fn apply_part(&mut self, part: &Part) -> Result<(), Misfit> {
        let (topic, found) = self.partition_mut(&part.partition)?;
        if part.first != found.end {
            return Err(Misfit("an offset is missing"));
        }
        let last_base = found.segments.last().map(|segment| segment.meta.base);
        if last_base != Some(part.segment) {
            let meta = SegmentMeta::empty(part.segment);
            found.segments.push(Segment::new(&topic, &part.partition, meta));
        }
        let segment = found.segments.last_mut().ok_or(Misfit("a segment is missing"))?;
        if segment.meta.bytes != part.position {
            return Err(Misfit("a segment's bytes are missing"));
        }
        segment.meta.grow(part.bytes, part.end, part.max_timestamp, part.appended_at);
        found.end = part.end;
        Ok(())
    }

    fn partition_mut(
        &mut self,
        partition: &TopicPartition,
    ) -> Result<(TopicInfo, &mut Partition), Misfit> {
        let topic = self.topics.get_mut(&partition.topic).ok_or(Misfit("a topic is missing"))?;
        let found = topic.partitions.get_mut(partition.partition.0 as usize);
        Ok((topic.info.clone(), found.ok_or(Misfit("a partition is missing"))?))
    }

    /// The changes that make this catalog out of an empty one.
    pub(crate) fn to_changes(&self) -> Vec<Change> {
        let mut changes = vec![Change::Incarnations { given: self.incarnations }];
        for topic in self.topics.values() {
            let spec = topic.info.spec.clone();
            changes.push(Change::CreateTopic { incarnation: topic.info.incarnation, spec });
            for (number, found) in (0..).zip(&topic.partitions) {
                if found.end == Offset::ZERO && found.segments.is_empty() {
                    continue;
                }
                let partition = TopicPartition::new(topic.info.spec.name.clone(), number);
                changes.push(found.to_change(partition));
            }
        }
        for (group, offsets) in &self.groups {
            let offsets = offsets
                .iter()
                .map(|(partition, offset)| (group.clone(), partition.clone(), *offset));
            changes.push(Change::Commit { parts: Vec::new(), offsets: offsets.collect() });
        }
        changes
    }
}

impl Partition {
    /// The first segment that has something at or behind `offset`.
    pub(crate) fn segment_at(&self, offset: Offset) -> Option<&Segment> {
        let first = self.segments.partition_point(|segment| segment.meta.end <= offset);
        self.segments.get(first)
    }

    /// The change that makes a partition what this one is.
    pub(crate) fn to_change(&self, partition: TopicPartition) -> Change {
        let segments = self.segments.iter().map(|segment| segment.meta).collect();
        Change::SetPartition { partition, start: self.start, end: self.end, segments }
    }
}

impl Segment {
    pub(crate) fn new(topic: &TopicInfo, partition: &TopicPartition, meta: SegmentMeta) -> Self {
        let key = SegmentKey {
            incarnation: topic.incarnation,
            partition: partition.partition.0,
            base: meta.base,
            generation: meta.generation,
        };
        Self { meta, key, topic: topic.spec.name.clone(), index: Arc::default() }
    }
}
