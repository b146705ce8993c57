//! What is done now and then: segments that are old are ended, those that may go are removed, and
//! compacted topics are compacted. Decisions are in [`crate::retention`] and [`super::compaction`].

use model::{TimestampMs, TopicPartition};

use super::catalog::{Partition, Segment, SegmentMeta};
use super::layout;
use super::shared::Shared;
use super::writer::Writer;
use crate::error::StorageError;
use crate::journal::{CleanupPolicy, TopicInfo};
use crate::retention::{Extent, forgets, retired, roll_due};

impl Shared {
    /// See [`crate::Journal::maintain`].
    pub(crate) fn maintain(&self) -> Result<(), StorageError> {
        let _one_at_a_time = self.maintenance.lock();
        self.check_writable()?;
        let topics: Vec<TopicInfo> =
            self.catalog.read().topics.values().map(|topic| topic.info.clone()).collect();
        let now = self.options.clock.now();
        for info in topics.iter().filter(|info| forgets(&info.spec)) {
            for number in 0..info.spec.partitions {
                let partition = TopicPartition::new(info.spec.name.clone(), number);
                self.roll(info, &partition, now)?;
                self.retire(info, &partition, now)?;
                if info.spec.cleanup != CleanupPolicy::Delete {
                    self.compact(info, &partition, now)?;
                }
            }
        }
        Ok(())
    }

    /// The partition as it is now, if the topic is still the one we mean.
    pub(crate) fn current(
        &self,
        info: &TopicInfo,
        partition: &TopicPartition,
    ) -> Option<Partition> {
        let catalog = self.catalog.read();
        let topic = catalog.topics.get(&info.spec.name)?;
        let same = topic.info.incarnation == info.incarnation;
        catalog.partition(partition).filter(|_| same).cloned()
    }

    /// Ends the segment that is written to if its records wait to be forgotten or compacted.
    fn roll(
        &self,
        info: &TopicInfo,
        partition: &TopicPartition,
        now: TimestampMs,
    ) -> Result<(), StorageError> {
        let mut writer = self.writer.lock();
        let Some(mut found) = self.current(info, partition) else { return Ok(()) };
        let due = found.segments.last().is_some_and(|last| {
            let oldest = last.meta.first_appended_at;
            last.meta.bytes > 0 && roll_due(&info.spec, &self.options.retention, oldest, now)
        });
        if !due {
            return Ok(());
        }
        let meta = SegmentMeta::empty(found.end);
        found.segments.push(Segment::new(info, partition, meta));
        self.write_change(&mut writer, found.to_change(partition.clone()), false)
    }

    /// Removes the oldest segments, as far as the topic's retention allows.
    fn retire(
        &self,
        info: &TopicInfo,
        partition: &TopicPartition,
        now: TimestampMs,
    ) -> Result<(), StorageError> {
        let mut writer = self.writer.lock();
        let Some(mut found) = self.current(info, partition) else { return Ok(()) };
        let extents: Vec<_> = found.segments.iter().map(extent).collect();
        let count = retired(&info.spec, &extents, now);
        if count == 0 {
            return Ok(());
        }
        let gone: Vec<Segment> = found.segments.drain(..count).collect();
        found.start = found.segments.first().map_or(found.end, |first| first.meta.base);
        self.write_change(&mut writer, found.to_change(partition.clone()), true)?;
        self.remove_segment_files(&mut writer, &gone);
        Ok(())
    }

    /// Removes the files of segments that the catalog has no more. What cannot be removed now goes
    /// when the journal is opened next.
    pub(crate) fn remove_segment_files(&self, writer: &mut Writer, gone: &[Segment]) {
        let is_gone = |key| gone.iter().any(|segment| segment.key == key);
        writer.forget(is_gone);
        self.files.close(is_gone);
        for segment in gone {
            let path = layout::segment(&self.root, &segment.topic, segment.key);
            let _ = self.storage.remove_file(&path);
        }
    }

    /// Removes the files of a topic that the catalog has no more.
    pub(crate) fn remove_topic_files(&self, writer: &mut Writer, name: &str, incarnation: u64) {
        let is_gone = |key: layout::SegmentKey| key.incarnation == incarnation;
        writer.forget(is_gone);
        self.files.close(is_gone);
        let path = layout::incarnation(&self.root, name, incarnation);
        let _ = self.storage.remove_directory(&path);
    }

    /// Puts `written` in the place of the segments `sources`, if the topic is still there.
    pub(crate) fn replace_segments(
        &self,
        info: &TopicInfo,
        partition: &TopicPartition,
        sources: &[Segment],
        written: Vec<SegmentMeta>,
    ) -> Result<(), StorageError> {
        let mut writer = self.writer.lock();
        let Some(mut found) = self.current(info, partition) else { return Ok(()) };
        let is_source = |segment: &Segment| sources.iter().any(|s| s.key == segment.key);
        found.segments.retain(|segment| !is_source(segment));
        let written = written.into_iter().map(|meta| Segment::new(info, partition, meta));
        let written: Vec<_> = written.collect();
        written.iter().for_each(|segment| writer.soil(&self.root, segment));
        found.segments.splice(..0, written);
        self.write_change(&mut writer, found.to_change(partition.clone()), true)?;
        self.remove_segment_files(&mut writer, sources);
        Ok(())
    }
}

fn extent(segment: &Segment) -> Extent {
    Extent { bytes: segment.meta.bytes, last_appended_at: segment.meta.last_appended_at }
}
