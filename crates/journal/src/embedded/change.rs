//! What the commit log and the checkpoints hold: changes of the catalog, one a frame.
//!
//! All numbers are little-endian; text and lists have a `u32` length before them, options a byte.
//! A kind's number and the order of its fields never change; new needs get new kinds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{Offset, TimestampMs, TopicPartition};

use super::catalog::SegmentMeta;
use crate::journal::{CleanupPolicy, GroupId, TopicSpec};

/// A change of the catalog. The number is the kind's byte on disk.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// 1: a topic is there.
    CreateTopic { incarnation: u64, spec: TopicSpec },
    /// 2: a topic, and what groups had committed in it, is gone.
    DeleteTopic { name: Arc<str> },
    /// 3: a partition is now just this: after retention, compaction or a roll, and in checkpoints.
    SetPartition {
        partition: TopicPartition,
        start: Offset,
        end: Offset,
        segments: Vec<SegmentMeta>,
    },
    /// 4: records and offsets became visible.
    Commit { parts: Vec<Part>, offsets: Vec<(GroupId, TopicPartition, Offset)> },
    /// 5: a group's progress is forgotten.
    DeleteGroup { group: GroupId },
    /// 6: incarnations up to this one were given out.
    Incarnations { given: u64 },
    /// 7: the end of a checkpoint; one without it was not finished.
    End,
}

/// Batches that lie one behind the other in one segment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) partition: TopicPartition,
    /// The segment's first offset.
    pub(crate) segment: Offset,
    /// Where in the segment's file.
    pub(crate) position: u64,
    pub(crate) bytes: u64,
    pub(crate) first: Offset,
    pub(crate) end: Offset,
    pub(crate) max_timestamp: TimestampMs,
    pub(crate) appended_at: TimestampMs,
    /// The batches themselves, if the segment was not flushed before the log was.
    pub(crate) data: Option<Bytes>,
}

impl Change {
    /// Appends the change's bytes to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut out = Encoder(out);
        match self {
            Change::CreateTopic { incarnation, spec } => {
                out.u8(1);
                out.u64(*incarnation);
                out.spec(spec);
            }
            Change::DeleteTopic { name } => {
                out.u8(2);
                out.bytes(name.as_bytes());
            }
            Change::SetPartition { partition, start, end, segments } => {
                out.u8(3);
                out.partition(partition);
                out.i64(start.0);
                out.i64(end.0);
                out.list(segments, Encoder::segment);
            }
            Change::Commit { parts, offsets } => {
                out.u8(4);
                out.list(parts, Encoder::part);
                out.list(offsets, |out, (group, partition, offset)| {
                    out.bytes(group.0.as_bytes());
                    out.partition(partition);
                    out.i64(offset.0);
                });
            }
            Change::DeleteGroup { group } => {
                out.u8(5);
                out.bytes(group.0.as_bytes());
            }
            Change::Incarnations { given } => {
                out.u8(6);
                out.u64(*given);
            }
            Change::End => out.u8(7),
        }
    }

    /// Reads a change that takes all of `bytes`; `None` if they are not one.
    pub(crate) fn decode(bytes: &Bytes) -> Option<Change> {
        let mut from = Decoder { bytes, at: 0 };
        let change = match from.u8()? {
            1 => Change::CreateTopic { incarnation: from.u64()?, spec: from.spec()? },
            2 => Change::DeleteTopic { name: from.text()? },
            3 => Change::SetPartition {
                partition: from.partition()?,
                start: Offset(from.i64()?),
                end: Offset(from.i64()?),
                segments: from.list(Decoder::segment)?,
            },
            4 => Change::Commit {
                parts: from.list(Decoder::part)?,
                offsets: from.list(|from| {
                    Some((GroupId(from.text()?), from.partition()?, Offset(from.i64()?)))
                })?,
            },
            5 => Change::DeleteGroup { group: GroupId(from.text()?) },
            6 => Change::Incarnations { given: from.u64()? },
            7 => Change::End,
            _ => return None,
        };
        (from.at == bytes.len()).then_some(change)
    }
}

struct Encoder<'a>(&'a mut Vec<u8>);

impl Encoder<'_> {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, value: &[u8]) {
        self.u32(value.len() as u32);
        self.0.extend_from_slice(value);
    }

    fn option<T>(&mut self, value: Option<T>, write: impl Fn(&mut Self, T)) {
        self.u8(value.is_some().into());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn list<T>(&mut self, values: &[T], write: impl Fn(&mut Self, &T)) {
        self.u32(values.len() as u32);
        values.iter().for_each(|value| write(self, value));
    }

    fn partition(&mut self, value: &TopicPartition) {
        self.bytes(value.topic.as_bytes());
        self.u32(value.partition.0);
    }

    fn spec(&mut self, spec: &TopicSpec) {
        self.bytes(spec.name.as_bytes());
        self.u32(spec.partitions);
        self.u8(match spec.cleanup {
            CleanupPolicy::Delete => 0,
            CleanupPolicy::Compact => 1,
            CleanupPolicy::CompactDelete => 2,
        });
        self.option(spec.retention, |out, kept| out.u64(kept.as_millis() as u64));
        self.option(spec.retention_bytes, Self::u64);
    }

    fn segment(&mut self, segment: &SegmentMeta) {
        self.i64(segment.base.0);
        self.u32(segment.generation);
        self.u64(segment.bytes);
        self.i64(segment.end.0);
        self.i64(segment.max_timestamp.0);
        self.i64(segment.first_appended_at.0);
        self.i64(segment.last_appended_at.0);
        self.option(segment.cleaned_at, |out, at| out.i64(at.0));
        self.u64(segment.tombstones);
    }

    fn part(&mut self, part: &Part) {
        self.partition(&part.partition);
        self.i64(part.segment.0);
        self.u64(part.position);
        self.u64(part.bytes);
        self.i64(part.first.0);
        self.i64(part.end.0);
        self.i64(part.max_timestamp.0);
        self.i64(part.appended_at.0);
        self.option(part.data.as_ref(), |out, data| out.bytes(data));
    }
}

struct Decoder<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Decoder<'_> {
    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.u64().map(|value| value as i64)
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let length = self.u32()? as usize;
        let from = self.at;
        self.take(length)?;
        Some(self.bytes.slice(from..self.at))
    }

    fn text(&mut self) -> Option<Arc<str>> {
        let bytes = self.bytes()?;
        std::str::from_utf8(&bytes).ok().map(Arc::from)
    }

    fn option<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.u8()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.u32()?;
        (0..count).map(|_| read(self)).collect()
    }

    fn partition(&mut self) -> Option<TopicPartition> {
        let topic = self.text()?;
        Some(TopicPartition::new(topic, self.u32()?))
    }

    fn spec(&mut self) -> Option<TopicSpec> {
        Some(TopicSpec {
            name: self.text()?,
            partitions: self.u32()?,
            cleanup: match self.u8()? {
                0 => CleanupPolicy::Delete,
                1 => CleanupPolicy::Compact,
                2 => CleanupPolicy::CompactDelete,
                _ => return None,
            },
            retention: self.option(Self::u64)?.map(Duration::from_millis),
            retention_bytes: self.option(Self::u64)?,
        })
    }

    fn segment(&mut self) -> Option<SegmentMeta> {
        Some(SegmentMeta {
            base: Offset(self.i64()?),
            generation: self.u32()?,
            bytes: self.u64()?,
            end: Offset(self.i64()?),
            max_timestamp: TimestampMs(self.i64()?),
            first_appended_at: TimestampMs(self.i64()?),
            last_appended_at: TimestampMs(self.i64()?),
            cleaned_at: self.option(Self::i64)?.map(TimestampMs),
            tombstones: self.u64()?,
        })
    }

    fn part(&mut self) -> Option<Part> {
        Some(Part {
            partition: self.partition()?,
            segment: Offset(self.i64()?),
            position: self.u64()?,
            bytes: self.u64()?,
            first: Offset(self.i64()?),
            end: Offset(self.i64()?),
            max_timestamp: TimestampMs(self.i64()?),
            appended_at: TimestampMs(self.i64()?),
            data: self.option(Self::bytes)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn partition() -> impl Strategy<Value = TopicPartition> {
        ("[a-z]{1,9}", 0u32..9).prop_map(|(topic, n)| TopicPartition::new(topic, n))
    }

    fn part() -> impl Strategy<Value = Part> {
        let data = prop::option::of(prop::collection::vec(any::<u8>(), 0..9).prop_map(Bytes::from));
        (partition(), any::<(i64, u64, u64)>(), any::<(i64, i64, i64, i64)>(), data).prop_map(
            |(partition, (segment, position, bytes), (first, end, newest, at), data)| Part {
                partition,
                segment: Offset(segment),
                position,
                bytes,
                first: Offset(first),
                end: Offset(end),
                max_timestamp: TimestampMs(newest),
                appended_at: TimestampMs(at),
                data,
            },
        )
    }

    fn spec() -> impl Strategy<Value = TopicSpec> {
        let cleanup = prop::sample::select(vec![
            CleanupPolicy::Delete,
            CleanupPolicy::Compact,
            CleanupPolicy::CompactDelete,
        ]);
        let kept = prop::option::of(any::<u32>().prop_map(|ms| Duration::from_millis(ms.into())));
        ("[a-z]{1,9}", any::<u32>(), cleanup, kept, any::<Option<u64>>()).prop_map(
            |(name, partitions, cleanup, retention, retention_bytes)| TopicSpec {
                name: name.into(),
                partitions,
                cleanup,
                retention,
                retention_bytes,
            },
        )
    }

    fn segment() -> impl Strategy<Value = SegmentMeta> {
        any::<(i64, u32, u64, i64, i64, i64, i64, Option<i64>, u64)>().prop_map(
            |(base, generation, bytes, end, newest, first_at, last_at, cleaned_at, tombstones)| {
                SegmentMeta {
                    base: Offset(base),
                    generation,
                    bytes,
                    end: Offset(end),
                    max_timestamp: TimestampMs(newest),
                    first_appended_at: TimestampMs(first_at),
                    last_appended_at: TimestampMs(last_at),
                    cleaned_at: cleaned_at.map(TimestampMs),
                    tombstones,
                }
            },
        )
    }

    fn change() -> impl Strategy<Value = Change> {
        let progress = ("[a-z]{1,9}", partition(), any::<i64>())
            .prop_map(|(group, partition, at)| (GroupId(group.into()), partition, Offset(at)));
        prop_oneof![
            (any::<u64>(), spec())
                .prop_map(|(incarnation, spec)| Change::CreateTopic { incarnation, spec }),
            "[a-z]{1,9}".prop_map(|name| Change::DeleteTopic { name: name.into() }),
            (partition(), any::<(i64, i64)>(), prop::collection::vec(segment(), 0..3)).prop_map(
                |(partition, (start, end), segments)| Change::SetPartition {
                    partition,
                    start: Offset(start),
                    end: Offset(end),
                    segments,
                }
            ),
            (prop::collection::vec(part(), 0..3), prop::collection::vec(progress, 0..3))
                .prop_map(|(parts, offsets)| Change::Commit { parts, offsets }),
            "[a-z]{1,9}".prop_map(|group| Change::DeleteGroup { group: GroupId(group.into()) }),
            any::<u64>().prop_map(|given| Change::Incarnations { given }),
            Just(Change::End),
        ]
    }

    proptest! {
        #[test]
        fn changes_round_trip_and_short_input_is_rejected(change in change()) {
            let mut out = Vec::new();
            change.encode(&mut out);
            let bytes = Bytes::from(out);
            prop_assert_eq!(Change::decode(&bytes), Some(change));
            prop_assert_eq!(Change::decode(&bytes.slice(..bytes.len() - 1)), None);
        }

        #[test]
        fn noise_is_no_reason_to_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Change::decode(&Bytes::from(bytes));
        }
    }
}
