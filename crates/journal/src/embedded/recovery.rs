//! From what a process left behind - at whatever moment it ended - to a catalog that is true.
//!
//! 1. The newest checkpoint gives the catalog as it was when the log was begun.
//! 2. The log's whole frames are taken in, one by one. Before a commit is, its records must be in
//!    the segments: from the log they are written there again; else their batches are checked.
//!    After a power cut they may be missing if they were never flushed (fsync `none` or
//!    `interval`): then the log ends before that commit, so that what is left is a moment that was.
//!    If they are missing though they were flushed, the disk is damaged, and that is said.
//! 3. What lies behind the committed ends, and files no one knows, is removed or set aside
//!    (`tidy`).

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::catalog::{Catalog, Segment, SegmentMeta};
use super::change::{Change, Part};
use super::files::Files;
use super::frames::{Frame, Scan, scan};
use super::layout::{self, SegmentKey};
use super::storage::{Storage, StoredFile};
use super::tidy::Tidy;
use super::walk::{Place, Walk};
use crate::error::OpenError;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) catalog: Catalog,
    /// The number of the newest checkpoint; 0 if there is none.
    pub(crate) number: u64,
}

/// Brings a journal's directory in order and returns its catalog, all of it flushed.
pub(crate) fn recover(
    root: &Path,
    storage: &dyn Storage,
    files: &Files,
) -> Result<Recovered, OpenError> {
    let recovery = Recovery { root, storage, files };
    let Some(number) = recovery.newest_checkpoint()? else {
        recovery.check_empty()?;
        return Ok(Recovered::default());
    };
    let mut catalog = recovery.read_checkpoint(number)?;
    let frames = recovery.read_log(number)?;
    let foretold = Foretold::of(catalog.clone(), &frames);
    recovery.replay(&mut catalog, &frames, &foretold.live, &layout::commits(root, number))?;
    let deleted = foretold.deleted;
    Tidy { root, storage, files, number, deleted }.all(&catalog)?;
    Ok(Recovered { catalog, number })
}

struct Recovery<'a> {
    root: &'a Path,
    storage: &'a dyn Storage,
    files: &'a Files,
}

impl Recovery<'_> {
    fn newest_checkpoint(&self) -> Result<Option<u64>, OpenError> {
        let meta = layout::meta(self.root);
        let paths = self.storage.list(&meta).map_err(unreadable(&meta))?;
        let checkpoints = paths.iter().filter(|path| has_extension(path, "checkpoint"));
        Ok(checkpoints.filter_map(|path| path.file_stem()?.to_str()?.parse().ok()).max())
    }

    /// A directory without a checkpoint must be a new one.
    fn check_empty(&self) -> Result<(), OpenError> {
        let topics = layout::topics(self.root);
        match self.storage.list(&topics).map_err(unreadable(&topics))?.is_empty() {
            true => Ok(()),
            false => Err(damaged(&layout::meta(self.root), "there are topics, but no checkpoint")),
        }
    }

    fn read_checkpoint(&self, number: u64) -> Result<Catalog, OpenError> {
        let path = layout::checkpoint(self.root, number);
        let frames = match scan(&self.read_file(&path)?, number) {
            Some(Scan { frames, .. }) => frames,
            None => return Err(damaged(&path, "it is not a checkpoint of this number")),
        };
        if frames.last().map(|frame| &frame.change) != Some(&Change::End) {
            return Err(damaged(&path, "its end is missing"));
        }
        let mut catalog = Catalog::default();
        for frame in &frames {
            catalog.apply(&frame.change).map_err(|error| damaged(&path, error))?;
        }
        Ok(catalog)
    }

    fn read_log(&self, number: u64) -> Result<Vec<Frame>, OpenError> {
        let path = layout::commits(self.root, number);
        // The log is begun and flushed before its checkpoint is.
        match scan(&self.read_file(&path)?, number) {
            Some(Scan { frames, damaged: false }) => Ok(frames),
            Some(_) => Err(damaged(&path, "commits that had been flushed are missing")),
            None => Err(damaged(&path, "it is not a commit log of this number")),
        }
    }

    fn replay(
        &self,
        catalog: &mut Catalog,
        frames: &[Frame],
        live: &HashSet<SegmentKey>,
        path: &Path,
    ) -> Result<(), OpenError> {
        let synced_to = frames.iter().map(|frame| frame.synced_to).max().unwrap_or(0);
        let mut written = HashMap::new();
        for frame in frames {
            if let Change::Commit { parts, .. } = &frame.change {
                for part in parts {
                    let Some(segment) = segment_of(catalog, part) else {
                        return Err(damaged(path, "a commit names a topic that is missing"));
                    };
                    if !live.contains(&segment.key) {
                        // Removed later on, by retention, compaction or deletion.
                        continue;
                    }
                    let there = self.restore(&segment, part);
                    match there.map_err(unreadable(path))? {
                        true => written.insert(segment.key, segment),
                        false if frame.position < synced_to => {
                            let path = layout::segment(self.root, &segment.topic, segment.key);
                            return Err(damaged(
                                &path,
                                "records that had been flushed are missing",
                            ));
                        }
                        false => {
                            tracing::warn!(
                                partition = %part.partition,
                                offset = part.first.0,
                                "the power went before these records and what followed were flushed"
                            );
                            return self.flush(written).map_err(unreadable(path));
                        }
                    };
                }
            }
            catalog.apply(&frame.change).map_err(|error| damaged(path, error))?;
        }
        self.flush(written).map_err(unreadable(path))
    }

    /// Sees to it that a commit's records are in their segment; `false` if they are lost.
    fn restore(&self, segment: &Segment, part: &Part) -> io::Result<bool> {
        let file = match self.files.get(&segment.topic, segment.key) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => match part.data {
                Some(_) => self.files.create(&segment.topic, segment.key)?,
                None => return Ok(false),
            },
            Err(error) => return Err(error),
        };
        if let Some(data) = &part.data {
            let mut there = vec![0; data.len()];
            let read = file.read_at(&mut there, part.position)?;
            if there[..read] != data[..] {
                file.write_at(data, part.position)?;
            }
            return Ok(true);
        }
        Ok(is_whole(&*file, part))
    }

    fn flush(&self, segments: HashMap<SegmentKey, Segment>) -> io::Result<()> {
        let mut directories = HashSet::new();
        for segment in segments.values() {
            self.files.get(&segment.topic, segment.key)?.sync()?;
            let path = layout::segment(self.root, &segment.topic, segment.key);
            let parents = path.ancestors().skip(1).take_while(|path| path.starts_with(self.root));
            directories.extend(parents.map(PathBuf::from));
        }
        directories.iter().try_for_each(|path| self.storage.sync_directory(path))
    }

    fn read_file(&self, path: &Path) -> Result<Bytes, OpenError> {
        let read = || {
            let file = self.storage.open(path)?;
            let mut bytes = vec![0; file.length()? as usize];
            let read = file.read_at(&mut bytes, 0)?;
            bytes.truncate(read);
            Ok(Bytes::from(bytes))
        };
        read().map_err(unreadable(path))
    }
}

/// What will have become of things when all frames are taken in.
#[derive(Debug, Default)]
struct Foretold {
    /// The segments there will be.
    live: HashSet<SegmentKey>,
    /// The incarnations of topics that were deleted on the way.
    deleted: HashSet<u64>,
}

impl Foretold {
    fn of(mut catalog: Catalog, frames: &[Frame]) -> Self {
        let mut deleted = HashSet::new();
        for Frame { change, .. } in frames {
            if let Change::DeleteTopic { name } = change {
                deleted.extend(catalog.topics.get(name).map(|topic| topic.info.incarnation));
            }
            if catalog.apply(change).is_err() {
                // The replay proper will say so.
                break;
            }
        }
        let topics = catalog.topics.values();
        let segments = topics.flat_map(|topic| &topic.partitions).flat_map(|p| &p.segments);
        Self { live: segments.map(|segment| segment.key).collect(), deleted }
    }
}

/// The segment that `part` goes to.
fn segment_of(catalog: &Catalog, part: &Part) -> Option<Segment> {
    let topic = catalog.topics.get(&part.partition.topic)?;
    let last = catalog.partition(&part.partition)?.segments.last();
    let meta = SegmentMeta::empty(part.segment);
    let fresh = Segment::new(&topic.info, &part.partition, meta);
    Some(last.filter(|last| last.meta.base == part.segment).cloned().unwrap_or(fresh))
}

/// Whether the batches of `part` are in the file, from its first offset to its end.
fn is_whole(file: &dyn StoredFile, part: &Part) -> bool {
    let from = Place { position: part.position, offset: part.first };
    let to = Place { position: part.position + part.bytes, offset: part.end };
    let mut walk = Walk::new(file, from, to, false, 1 << 20);
    loop {
        match walk.batch() {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

pub(super) fn unreadable(path: &Path) -> impl Fn(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::NotFound => damaged(&path, "it is missing"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            OpenError::NotWritable { path: path.clone(), source }
        }
        _ => damaged(&path, &source),
    }
}

pub(super) fn damaged(path: &Path, what: impl std::fmt::Display) -> OpenError {
    OpenError::Damaged { path: path.to_owned(), what: what.to_string() }
}
