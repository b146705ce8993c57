//! The one place that writes: segments first, then the commit log, then - the disk having agreed -
//! the catalog that readers see.
//!
//! A commit lies in the log as one frame, so it is there or it is not. The records of small commits
//! lie in the log too: then one flush of one file makes any number of partitions durable, and the
//! segments are flushed later, at the next checkpoint. Large commits flush their segments before
//! the log, and nothing is written twice.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Offset;

use super::catalog::Segment;
use super::change::Change;
use super::frames::{FILE_HEADER_BYTES, file_header, put_frame};
use super::layout::{self, SegmentKey};
use super::place::{Placement, SegmentWrite};
use super::prepare::Prepared;
use super::shared::Shared;
use super::storage::{Storage, StoredFile};
use super::{EmbeddedOptions, Fsync};
use crate::error::{CommitError, StorageError};

/// A group of commits of at most so many bytes has its records in the log.
const INLINE_BYTES_MAX: usize = 64 << 10;
/// A checkpoint is due, beside when the log is too long, when so much was written to segments that
/// recovery would have to look at …
const UNCHECKED_BYTES_MAX: u64 = 256 << 20;
/// … and when so many segments wait to be flushed.
const DIRTY_SEGMENTS_MAX: usize = 4096;

/// What has been written, and how much of it was flushed.
#[derive(Debug)]
pub(crate) struct Writer {
    log: Arc<dyn StoredFile>,
    number: u64,
    position: u64,
    synced_to: u64,
    sequence: u64,
    /// Segments written to since they were flushed, with their topics.
    dirty: HashMap<SegmentKey, Arc<str>>,
    /// Directories with new names in them.
    directories: BTreeSet<PathBuf>,
    unchecked_bytes: u64,
}

impl Writer {
    /// Begins log `number` with a checkpoint of the catalog before it, and removes what was before.
    pub(crate) fn begin(
        root: &Path,
        storage: &dyn Storage,
        catalog: Vec<Change>,
        number: u64,
    ) -> Result<Self, StorageError> {
        let log = new_log(root, storage, number)?;
        write_checkpoint(root, storage, catalog, number)?;
        remove_older(root, storage, number);
        Ok(Self {
            log,
            number,
            position: FILE_HEADER_BYTES,
            synced_to: FILE_HEADER_BYTES,
            sequence: 0,
            dirty: HashMap::new(),
            directories: BTreeSet::new(),
            unchecked_bytes: 0,
        })
    }

    /// Notes that a segment, and its name in its directory, are to be flushed.
    pub(crate) fn soil(&mut self, root: &Path, segment: &Segment) {
        self.dirty.insert(segment.key, segment.topic.clone());
        let path = layout::segment(root, &segment.topic, segment.key);
        self.directories.extend(path.parent().map(PathBuf::from));
    }

    /// Forgets segments that are no more.
    pub(crate) fn forget(&mut self, gone: impl Fn(SegmentKey) -> bool) {
        self.dirty.retain(|key, _| !gone(*key));
    }

    /// Whether anything waits to be flushed.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || self.synced_to < self.position
    }

    /// Writes a placed group to the disk, as durably as the policy asks.
    ///
    /// Segments and log are flushed together, in no order: if the power goes meanwhile, recovery
    /// finds a frame whose records are not all there, and as the group was not answered yet, leaves
    /// both out.
    fn write(&mut self, shared: &Shared, placed: &Placed) -> Result<(), StorageError> {
        for write in &placed.writes {
            self.write_segment(shared, write)?;
        }
        let end = self.write_frames(shared, &placed.changes)?;
        if matches!(shared.options.fsync, Fsync::Group) {
            let segments = if placed.inline { &[][..] } else { &placed.writes[..] };
            self.sync_together(shared, segments)?;
            self.synced_to = end;
        }
        self.position = end;
        Ok(())
    }

    /// Flushes the log and these segments, with their names.
    fn sync_together(
        &mut self,
        shared: &Shared,
        segments: &[SegmentWrite],
    ) -> Result<(), StorageError> {
        let mut files = vec![self.log.clone()];
        for segment in segments {
            let file = shared.files.get(&segment.topic, segment.key);
            let path = || layout::segment(&shared.root, &segment.topic, segment.key);
            files.push(file.map_err(|error| io_error("opening", path().display())(error))?);
        }
        let synced = shared.storage.sync_together(&files);
        let path = || layout::commits(&shared.root, self.number);
        synced.map_err(|error| {
            let what = format!("{} and {} segments", path().display(), segments.len());
            io_error("flushing", what)(error)
        })?;
        if !segments.is_empty() {
            self.sync_directories(shared)?;
        }
        for segment in segments {
            self.dirty.remove(&segment.key);
        }
        Ok(())
    }

    fn write_segment(&mut self, shared: &Shared, write: &SegmentWrite) -> Result<(), StorageError> {
        let path = || layout::segment(&shared.root, &write.topic, write.key);
        let file = match write.position {
            0 => {
                let path = path();
                let parents = path.ancestors().skip(1).take_while(|p| p.starts_with(&shared.root));
                self.directories.extend(parents.map(PathBuf::from));
                shared.files.create(&write.topic, write.key)
            }
            _ => shared.files.get(&write.topic, write.key),
        };
        self.dirty.insert(write.key, write.topic.clone());
        self.unchecked_bytes += write.bytes.len() as u64;
        file.and_then(|file| file.write_at(&write.bytes, write.position))
            .map_err(|error| io_error("writing", path().display())(error))
    }

    fn sync_segment(&mut self, shared: &Shared, key: SegmentKey) -> Result<(), StorageError> {
        let Some(topic) = self.dirty.get(&key) else { return Ok(()) };
        let synced = shared.files.get(topic, key).and_then(|file| file.sync());
        let path = || layout::segment(&shared.root, topic, key);
        synced.map_err(|error| io_error("flushing", path().display())(error))?;
        self.dirty.remove(&key);
        Ok(())
    }

    fn sync_directories(&mut self, shared: &Shared) -> Result<(), StorageError> {
        for path in std::mem::take(&mut self.directories) {
            let synced = match shared.storage.sync_directory(&path) {
                // A topic deleted since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                synced => synced,
            };
            synced.map_err(io_error("flushing", path.display()))?;
        }
        Ok(())
    }

    /// Writes changes to the end of the log, each in a frame of its own; returns the new end.
    fn write_frames(&mut self, shared: &Shared, changes: &[Change]) -> Result<u64, StorageError> {
        let path = layout::commits(&shared.root, self.number);
        let mut frames = Vec::new();
        for change in changes {
            self.sequence += 1;
            put_frame(&mut frames, self.sequence, self.synced_to, change);
        }
        let written = self.log.write_at(&frames, self.position);
        written.map_err(io_error("writing", path.display()))?;
        Ok(self.position + frames.len() as u64)
    }

    /// Flushes everything written so far.
    pub(crate) fn sync(&mut self, shared: &Shared) -> Result<(), StorageError> {
        let dirty: Vec<_> = self.dirty.keys().copied().collect();
        for key in dirty {
            self.sync_segment(shared, key)?;
        }
        self.sync_directories(shared)?;
        let path = layout::commits(&shared.root, self.number);
        self.log.sync().map_err(io_error("flushing", path.display()))?;
        self.synced_to = self.position;
        Ok(())
    }

    fn checkpoint_due(&self, options: &EmbeddedOptions) -> bool {
        self.position > options.log_bytes
            || self.unchecked_bytes > UNCHECKED_BYTES_MAX
            || self.dirty.len() > DIRTY_SEGMENTS_MAX
    }

    /// Flushes everything, writes down the catalog, and begins a new log.
    pub(crate) fn checkpoint(&mut self, shared: &Shared) -> Result<(), StorageError> {
        self.sync(shared)?;
        let catalog = shared.catalog.read().to_changes();
        *self = Self::begin(&shared.root, &*shared.storage, catalog, self.number + 1)?;
        Ok(())
    }

    /// Undoes what a failed write left behind the committed ends, as far as the disk lets us.
    fn roll_back(&mut self, shared: &Shared, placed: &Placed) {
        for write in &placed.writes {
            let file = shared.files.get(&write.topic, write.key);
            let _ = file.and_then(|file| file.set_length(write.position));
        }
        let _ = self.log.set_length(self.position).and_then(|()| self.log.sync());
    }
}

/// A group of commits, placed and without its hold on the catalog.
struct Placed {
    writes: Vec<SegmentWrite>,
    changes: Vec<Change>,
    inline: bool,
    grown: bool,
}

impl Shared {
    /// Makes a group of commits durable and visible, or none of it if the disk fails. Each commit
    /// is answered by itself.
    pub(crate) fn write_group(
        &self,
        group: Vec<Prepared>,
    ) -> Vec<Result<Vec<Offset>, CommitError>> {
        let mut writer = self.writer.lock();
        let bytes: usize = group.iter().map(Prepared::bytes).sum();
        let inline = matches!(self.options.fsync, Fsync::Group) && bytes <= INLINE_BYTES_MAX;
        let (answers, placed) = {
            let catalog = self.catalog.read();
            let mut placement = Placement::new(&catalog, self.options.segment_bytes, inline);
            let answers: Vec<_> = group.into_iter().map(|p| placement.place(p)).collect();
            let Placement { writes, changes, records, .. } = placement;
            (answers, Placed { writes, changes, inline, grown: records > 0 })
        };
        if placed.changes.is_empty() {
            return answers;
        }
        let written = self.check_writable().and_then(|()| {
            writer.write(self, &placed).map_err(|error| {
                writer.roll_back(self, &placed);
                self.poison(&error)
            })
        });
        if let Err(error) = written {
            let failed = |answer: Result<_, _>| answer.and(Err(CommitError::from(error.clone())));
            return answers.into_iter().map(failed).collect();
        }
        self.publish(&placed.changes, placed.grown);
        if writer.checkpoint_due(&self.options)
            && let Err(error) = writer.checkpoint(self)
        {
            // The group itself is safe; what comes after it is not.
            self.poison(&error);
        }
        answers
    }

    /// Makes one change durable and visible. With `barrier`, all that was written before is flushed
    /// first in every policy: needed before files are removed, lest recovery should miss them.
    pub(crate) fn write_change(
        &self,
        writer: &mut Writer,
        change: Change,
        barrier: bool,
    ) -> Result<(), StorageError> {
        self.check_writable()?;
        let written = (|| {
            if barrier {
                writer.sync(self)?;
            }
            let end = writer.write_frames(self, std::slice::from_ref(&change))?;
            if barrier || matches!(self.options.fsync, Fsync::Group) {
                writer.sync_together(self, &[])?;
                writer.synced_to = end;
            }
            writer.position = end;
            Ok(())
        })();
        written.map_err(|error| {
            let _ = writer.log.set_length(writer.position).and_then(|()| writer.log.sync());
            self.poison(&error)
        })?;
        self.publish(&[change], false);
        Ok(())
    }
}

fn new_log(
    root: &Path,
    storage: &dyn Storage,
    number: u64,
) -> Result<Arc<dyn StoredFile>, StorageError> {
    let path = layout::commits(root, number);
    let made = storage.create(&path).and_then(|log| {
        log.write_at(&file_header(number), 0)?;
        log.sync()?;
        // Its name must be there before its checkpoint's is.
        storage.sync_directory(&layout::meta(root))?;
        Ok(log)
    });
    made.map_err(io_error("writing", path.display()))
}

/// Writes the catalog to a file that takes its name only when it is whole.
fn write_checkpoint(
    root: &Path,
    storage: &dyn Storage,
    mut catalog: Vec<Change>,
    number: u64,
) -> Result<(), StorageError> {
    let path = layout::checkpoint(root, number);
    let unfinished = path.with_extension("unfinished");
    let mut bytes = file_header(number);
    catalog.push(Change::End);
    for (sequence, change) in (1..).zip(&catalog) {
        put_frame(&mut bytes, sequence, 0, change);
    }
    let written = storage.create(&unfinished).and_then(|file| {
        file.write_at(&bytes, 0)?;
        file.sync()?;
        storage.rename(&unfinished, &path)?;
        storage.sync_directory(&layout::meta(root))
    });
    written.map_err(io_error("writing", path.display()))
}

/// Removes the logs and checkpoints before `number`; what cannot be removed now goes next time.
fn remove_older(root: &Path, storage: &dyn Storage, number: u64) {
    let Ok(paths) = storage.list(&layout::meta(root)) else { return };
    let kept = [layout::checkpoint(root, number), layout::commits(root, number)];
    for path in paths.iter().filter(|path| !kept.contains(path)) {
        let _ = storage.remove_file(path);
    }
}

/// Says what was being done when the system refused.
pub(crate) fn io_error(doing: &str, what: impl Display) -> impl FnOnce(io::Error) -> StorageError {
    move |error| StorageError::Io { what: format!("{doing} {what}"), reason: error.to_string() }
}
