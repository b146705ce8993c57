//! Compaction: of each key, only the newest record is sure to stay. Ended segments go in; fewer and
//! smaller ones come out, whose records have the offsets they always had.
//!
//! A first walk, through what is new, notes where each key was last seen; a second, through all,
//! leaves out records that are older than that. Tombstones stay for a while after the pass that
//! first met them, so that a reader on its way learns of the deletion. The map holds 16 bytes a
//! key, not the key; when it is full, what is left waits for the next pass.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use model::{Offset, Record, TimestampMs, TopicPartition};

use super::catalog::{Segment, SegmentMeta};
use super::layout;
use super::shared::Shared;
use super::storage::StoredFile;
use super::walk::{Walk, WalkError};
use super::writer::io_error;
use crate::error::StorageError;
use crate::journal::TopicInfo;
use crate::record_batch::{BatchHeader, encode_sparse_batch, seal_base_offset};

/// The map takes no further segment when it has so many keys: about 40 MiB.
const KEYS_MAX: usize = 500_000;
/// Segments are read and written in chunks of so many bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// Where keys were last seen.
#[derive(Debug, Default)]
struct Newest(HashMap<[u64; 2], Offset>);

impl Newest {
    fn see(&mut self, key: &[u8], offset: Offset) {
        self.0.insert(fingerprint(key), offset);
    }

    fn is_newest(&self, key: &[u8], offset: Offset) -> bool {
        self.0.get(&fingerprint(key)).is_none_or(|newest| *newest <= offset)
    }
}

/// Two independent hashes: no two keys will ever share both.
fn fingerprint(key: &[u8]) -> [u64; 2] {
    [0u8, 1].map(|seed| {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        key.hash(&mut hasher);
        hasher.finish()
    })
}

/// What a pass has to know beside the keys.
struct Pass<'a> {
    shared: &'a Shared,
    newest: Newest,
    now: TimestampMs,
}

impl Shared {
    /// Compacts what is due of a partition.
    pub(crate) fn compact(
        &self,
        info: &TopicInfo,
        partition: &TopicPartition,
        now: TimestampMs,
    ) -> Result<(), StorageError> {
        let Some(found) = self.current(info, partition) else { return Ok(()) };
        let sealed = &found.segments[..found.segments.len().saturating_sub(1)];
        if !self.compaction_due(sealed, now) {
            return Ok(());
        }
        match self.compact_sealed(info, partition, sealed, now) {
            // Deleted under our hands.
            Err(_) if self.current(info, partition).is_none() => Ok(()),
            result => result,
        }
    }

    fn compact_sealed(
        &self,
        info: &TopicInfo,
        partition: &TopicPartition,
        sealed: &[Segment],
        now: TimestampMs,
    ) -> Result<(), StorageError> {
        let mut pass = Pass { shared: self, newest: Newest::default(), now };
        let mut covered = 0;
        for segment in sealed {
            if pass.newest.0.len() >= KEYS_MAX {
                break;
            }
            if segment.meta.cleaned_at.is_none() {
                pass.note_keys(segment)?;
            }
            covered += 1;
        }
        let sources = &sealed[..covered];
        let mut written = Vec::new();
        for run in pass.runs(sources) {
            written.extend(pass.rewrite(info, run)?);
        }
        self.replace_segments(info, partition, sources, written)
    }

    fn compaction_due(&self, sealed: &[Segment], now: TimestampMs) -> bool {
        let total: u64 = sealed.iter().map(|segment| segment.meta.bytes).sum();
        let dirty = sealed.iter().filter(|segment| segment.meta.cleaned_at.is_none());
        let dirty: u64 = dirty.map(|segment| segment.meta.bytes).sum();
        let options = &self.options.retention;
        let ratio = dirty as f64 / total.max(1) as f64;
        let expired = |segment: &Segment| {
            segment.meta.tombstones > 0 && options.tombstones_expired(segment.meta.cleaned_at, now)
        };
        (dirty > 0 && ratio >= options.dirty_ratio_min) || sealed.iter().any(expired)
    }
}

impl Pass<'_> {
    fn note_keys(&mut self, segment: &Segment) -> Result<(), StorageError> {
        let newest = &mut self.newest;
        let walked = walk(self.shared, segment, |_, records, _| {
            for (offset, record) in records {
                if let Some(key) = &record.key {
                    newest.see(key, offset);
                }
            }
            Ok(())
        });
        walked.map_err(|error| failed(self.shared, segment, error))
    }

    /// Neighbours to be written as one segment: not larger together than a segment may be, and with
    /// tombstones of one age only.
    fn runs<'s>(&self, sources: &'s [Segment]) -> Vec<&'s [Segment]> {
        let mut runs = Vec::new();
        let mut first = 0;
        let (mut bytes, mut age) = (0, None);
        for (n, source) in sources.iter().enumerate() {
            let own_age = self.tombstones_since(source);
            let too_large = bytes + source.meta.bytes > self.shared.options.segment_bytes;
            let other_age = age.is_some() && own_age.is_some() && age != own_age;
            if n > first && (too_large || other_age) {
                runs.push(&sources[first..n]);
                (first, bytes, age) = (n, 0, None);
            }
            bytes += source.meta.bytes;
            age = age.or(own_age);
        }
        if first < sources.len() {
            runs.push(&sources[first..]);
        }
        runs
    }

    /// Since when the tombstones wait that will be left in what is written of `source`.
    fn tombstones_since(&self, source: &Segment) -> Option<TimestampMs> {
        match source.meta.cleaned_at {
            None => Some(self.now),
            Some(_) if source.meta.tombstones == 0 || self.expired(source) => None,
            waiting => waiting,
        }
    }

    fn expired(&self, source: &Segment) -> bool {
        self.shared.options.retention.tombstones_expired(source.meta.cleaned_at, self.now)
    }

    /// Writes what stays of `run` to a new segment; none, if nothing stays.
    fn rewrite(
        &self,
        info: &TopicInfo,
        run: &[Segment],
    ) -> Result<Option<SegmentMeta>, StorageError> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(None) };
        let generation = run.iter().map(|s| s.meta.generation).max().unwrap_or(0) + 1;
        let since = run.iter().find_map(|source| self.tombstones_since(source));
        let mut meta = SegmentMeta {
            generation,
            cleaned_at: Some(since.unwrap_or(self.now)),
            ..SegmentMeta::empty(first.meta.base)
        };
        let target = Segment::new(info, &partition_of(first), meta);
        let create = || self.shared.files.create(&target.topic, target.key);
        let mut output = Output { file: None, buffer: Vec::new(), position: 0, create: &create };
        for source in run {
            let expired = self.expired(source);
            let walked = walk(self.shared, source, |header, records, bytes| {
                let all = records.len();
                let stays = |(offset, record): &(Offset, Record)| {
                    let Some(key) = &record.key else { return true };
                    let dropped = record.value.is_none() && expired;
                    self.newest.is_newest(key, *offset) && !dropped
                };
                let kept: Vec<_> = records.into_iter().filter(stays).collect();
                if kept.is_empty() {
                    return Ok(());
                }
                let is_tombstone =
                    |record: &&(Offset, Record)| record.1.key.is_some() && record.1.value.is_none();
                meta.tombstones += kept.iter().filter(is_tombstone).count() as u64;
                let before = output.buffer.len();
                if kept.len() == all {
                    output.buffer.extend_from_slice(&bytes);
                } else {
                    encode_kept(&mut output.buffer, &header, &kept);
                }
                let newest = kept.iter().map(|(_, record)| record.timestamp).max();
                let newest = newest.unwrap_or(header.max_timestamp);
                let added = &mut output.buffer[before..];
                seal_base_offset(added);
                meta.grow(added.len() as u64, header.end(), newest, header.appended_at);
                output.flush(CHUNK_BYTES)
            });
            walked.map_err(|error| failed(self.shared, source, error))?;
        }
        let finished = output.flush(1).and_then(|()| output.sync());
        finished.map_err(|error| failed(self.shared, &target, WalkError::Io(error)))?;
        meta.end = last.meta.end;
        Ok((meta.bytes > 0).then_some(meta))
    }
}

/// A segment being written.
struct Output<'a> {
    file: Option<Arc<dyn StoredFile>>,
    buffer: Vec<u8>,
    position: u64,
    create: &'a dyn Fn() -> io::Result<Arc<dyn StoredFile>>,
}

impl Output<'_> {
    /// Flushes to the disk here, where no one waits for it.
    fn sync(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.sync())
    }

    /// Writes the buffer to the file if it holds at least so many bytes.
    fn flush(&mut self, bytes_min: usize) -> io::Result<()> {
        if self.buffer.len() < bytes_min {
            return Ok(());
        }
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert((self.create)()?),
        };
        file.write_at(&self.buffer, self.position)?;
        self.position += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn partition_of(segment: &Segment) -> TopicPartition {
    TopicPartition::new(segment.topic.clone(), segment.key.partition)
}

fn encode_kept(out: &mut Vec<u8>, header: &BatchHeader, kept: &[(Offset, Record)]) {
    let base = header.base;
    let deltas = kept.iter().map(|(offset, record)| ((offset.0 - base.0) as i32, record));
    encode_sparse_batch(out, base, header.last_delta, header.appended_at, deltas);
}

/// Calls `each` with every batch of a segment: its header, records and bytes.
fn walk(
    shared: &Shared,
    segment: &Segment,
    mut each: impl FnMut(BatchHeader, Vec<(Offset, Record)>, Bytes) -> io::Result<()>,
) -> Result<(), WalkError> {
    if segment.meta.bytes == 0 {
        return Ok(());
    }
    let file = shared.files.get(&segment.topic, segment.key)?;
    let mut walk = Walk::through(&*file, &segment.meta, segment.meta.first_place(), CHUNK_BYTES);
    while let Some((header, records)) = walk.batch()? {
        let records = records.collect::<Result<Vec<_>, _>>()?;
        each(header, records, walk.last_batch(&header))?;
    }
    Ok(())
}

fn failed(shared: &Shared, segment: &Segment, error: WalkError) -> StorageError {
    let path = layout::segment(&shared.root, &segment.topic, segment.key);
    io_error("compacting", path.display())(io::Error::other(error))
}
