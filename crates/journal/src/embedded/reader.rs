//! Reads committed records: an offset or a time goes in, records or an offset come out. Readers
//! take the catalog's lock for a moment only and are then on their own, bounded by what was
//! committed.

use std::io;

use model::{Offset, TimestampMs, TopicPartition};

use super::catalog::Segment;
use super::layout;
use super::shared::Shared;
use super::storage::StoredFile;
use super::walk::{Place, Walk, WalkError};
use super::writer::io_error;
use crate::error::{ReadError, StorageError};
use crate::journal::Fetched;
use crate::record_batch::BatchHeader;
use crate::topic::record_bytes;

/// Records are read from disk in chunks of at least and at most so many bytes.
const CHUNK_BYTES_MIN: usize = 4 << 10;
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Headers are looked at in chunks of so many bytes.
const HOP_BYTES: usize = 16 << 10;
/// How often a segment may vanish under a reader (compaction wrote it anew) before that is an
/// error.
const ATTEMPTS_MAX: usize = 16;

/// Reading one segment failed.
enum SegmentError {
    /// Its file cannot be opened: mostly because compaction, retention or deletion was faster.
    Gone(io::Error),
    /// Anything else.
    Read(ReadError),
}

impl Shared {
    /// See [`crate::Journal::read`].
    pub(crate) fn read(
        &self,
        partition: &TopicPartition,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Fetched, ReadError> {
        let mut fetched = Fetched { next: from, ..Fetched::default() };
        let mut bytes = 0;
        let mut incarnation = None;
        let mut attempts = 0;
        while fetched.records.is_empty() || bytes < max_bytes {
            let (segment, end) = self.segment_for(partition, from, &mut fetched)?;
            let Some(segment) = segment else {
                fetched.next = fetched.next.max(end);
                break;
            };
            if *incarnation.get_or_insert(segment.key.incarnation) != segment.key.incarnation {
                // The topic was made anew while we read the old one; that is as far as it went.
                break;
            }
            match self.read_segment(&segment, partition, &mut fetched, &mut bytes, max_bytes) {
                Ok(()) => {}
                Err(SegmentError::Gone(_)) if attempts < ATTEMPTS_MAX => attempts += 1,
                Err(error) => return Err(self.read_error(&segment, error)),
            }
        }
        Ok(fetched)
    }

    /// The segment that has `fetched.next` or what follows it, and the partition's end.
    fn segment_for(
        &self,
        partition: &TopicPartition,
        from: Offset,
        fetched: &mut Fetched,
    ) -> Result<(Option<Segment>, Offset), ReadError> {
        let catalog = self.catalog.read();
        let missing = || ReadError::NotFound(partition.clone());
        let found = catalog.partition(partition).ok_or_else(missing)?;
        if from > found.end {
            let (partition, end) = (partition.clone(), found.end);
            return Err(ReadError::OutOfRange { partition, offset: from, end });
        }
        fetched.next = fetched.next.max(found.start);
        Ok((found.segment_at(fetched.next).cloned(), found.end))
    }

    /// Adds records of one segment to `fetched`, until there are enough or it ends.
    fn read_segment(
        &self,
        segment: &Segment,
        partition: &TopicPartition,
        fetched: &mut Fetched,
        bytes: &mut usize,
        max_bytes: usize,
    ) -> Result<(), SegmentError> {
        let file = self.files.get(&segment.topic, segment.key).map_err(SegmentError::Gone)?;
        let damaged = |error, offset| self.walk_error(segment, partition, offset, error);
        let start = self
            .place_of(&*file, segment, fetched.next)
            .map_err(|error| damaged(error, fetched.next))?;
        let chunk_bytes = max_bytes.saturating_sub(*bytes).clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX);
        let mut walk = Walk::through(&*file, &segment.meta, start, chunk_bytes);
        let mut learned = Vec::new();
        loop {
            let Place { position, .. } = walk.place();
            let batch = walk.batch().map_err(|error| damaged(error, fetched.next))?;
            let Some((header, records)) = batch else {
                fetched.next = fetched.next.max(segment.meta.end);
                break;
            };
            learned.push((position, header));
            if header.end() <= fetched.next {
                continue;
            }
            if fetched.records.is_empty() {
                let left = (segment.meta.bytes - position).min(max_bytes as u64);
                let expected = records_expected(&header, left as usize);
                fetched.records.reserve(expected);
                fetched.appended_at.reserve(expected);
            }
            for record in records {
                let (offset, record) =
                    record.map_err(|error| damaged(error.into(), fetched.next))?;
                if offset < fetched.next {
                    continue;
                }
                if *bytes >= max_bytes && !fetched.records.is_empty() {
                    let place = Place { position, offset: header.base };
                    self.learn(segment, &learned, fetched.next, place);
                    return Ok(());
                }
                *bytes += record_bytes(&record);
                fetched.next = offset.next();
                fetched.records.push((offset, record));
                fetched.appended_at.push(header.appended_at);
            }
            fetched.next = header.end();
            if *bytes >= max_bytes && !fetched.records.is_empty() {
                break;
            }
        }
        self.learn(segment, &learned, fetched.next, walk.place());
        Ok(())
    }

    fn learn(&self, segment: &Segment, batches: &[(u64, BatchHeader)], next: Offset, place: Place) {
        let mut index = segment.index.lock();
        for (position, header) in batches {
            index.learn(*position, header);
        }
        index.hint(next, place);
    }

    /// The place of the batch with `offset`, or of the first one behind it.
    fn place_of(
        &self,
        file: &dyn StoredFile,
        segment: &Segment,
        offset: Offset,
    ) -> Result<Place, WalkError> {
        let first = segment.meta.first_place();
        if offset <= segment.meta.base {
            return Ok(first);
        }
        let mut index = segment.index.lock();
        if let Some(place) = index.hinted(offset) {
            return Ok(place);
        }
        let from = index.before_offset(offset).unwrap_or(first);
        let mut walk = Walk::through(file, &segment.meta, from, HOP_BYTES);
        while let Some(header) = walk.header()? {
            index.learn(walk.place().position, &header);
            if header.end() > offset {
                break;
            }
            walk.skip(&header);
        }
        Ok(walk.place())
    }

    /// See [`crate::Journal::offset_at`].
    pub(crate) fn offset_at(
        &self,
        partition: &TopicPartition,
        time: TimestampMs,
    ) -> Result<Offset, ReadError> {
        let mut attempts = 0;
        loop {
            let (segment, end) = {
                let catalog = self.catalog.read();
                let missing = || ReadError::NotFound(partition.clone());
                let found = catalog.partition(partition).ok_or_else(missing)?;
                let reaches = |segment: &&Segment| segment.meta.max_timestamp >= time;
                (found.segments.iter().find(reaches).cloned(), found.end)
            };
            let Some(segment) = segment.filter(|segment| segment.meta.bytes > 0) else {
                return Ok(end);
            };
            match self.offset_in(&segment, partition, time) {
                Ok(offset) => return Ok(offset.unwrap_or(end)),
                Err(SegmentError::Gone(_)) if attempts < ATTEMPTS_MAX => attempts += 1,
                Err(error) => return Err(self.read_error(&segment, error)),
            }
        }
    }

    fn offset_in(
        &self,
        segment: &Segment,
        partition: &TopicPartition,
        time: TimestampMs,
    ) -> Result<Option<Offset>, SegmentError> {
        let file = self.files.get(&segment.topic, segment.key).map_err(SegmentError::Gone)?;
        let damaged = |error| self.walk_error(segment, partition, segment.meta.base, error);
        let mut index = segment.index.lock();
        let from = index.before_time(time).unwrap_or(segment.meta.first_place());
        let mut walk = Walk::through(&*file, &segment.meta, from, HOP_BYTES);
        while let Some(header) = walk.header().map_err(damaged)? {
            index.learn(walk.place().position, &header);
            if header.max_timestamp < time {
                walk.skip(&header);
                continue;
            }
            let Some((_, records)) = walk.batch().map_err(damaged)? else { break };
            for record in records {
                let (offset, record) = record.map_err(|error| damaged(error.into()))?;
                if record.timestamp >= time {
                    return Ok(Some(offset));
                }
            }
        }
        Ok(None)
    }

    fn walk_error(
        &self,
        segment: &Segment,
        partition: &TopicPartition,
        offset: Offset,
        error: WalkError,
    ) -> SegmentError {
        match error {
            WalkError::Io(error) => SegmentError::Read(self.io_read_error(segment, error).into()),
            error => SegmentError::Read(ReadError::Damaged {
                partition: partition.clone(),
                offset,
                what: error.to_string(),
            }),
        }
    }

    fn read_error(&self, segment: &Segment, error: SegmentError) -> ReadError {
        match error {
            SegmentError::Gone(error) => self.io_read_error(segment, error).into(),
            SegmentError::Read(error) => error,
        }
    }

    fn io_read_error(&self, segment: &Segment, error: io::Error) -> StorageError {
        let path = layout::segment(&self.root, &segment.topic, segment.key);
        io_error("reading", path.display())(error)
    }
}

/// How many records there will be in so many bytes, if all batches are like this one.
fn records_expected(header: &BatchHeader, bytes: usize) -> usize {
    let per_record = (header.bytes / header.records.max(1)).max(1);
    bytes.min(CHUNK_BYTES_MAX) / per_record + 1
}
