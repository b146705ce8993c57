//! What recovery finds on disk beside what is committed: the recovered catalog goes in; files that
//! it does not know go out of the way.
//!
//! What can have no worth is removed: sources and results of a compaction, deleted topics, the torn
//! end of a write. But the disk, or somebody with a backup or an editor, may have taken from the
//! commit log what was committed. Then there are whole records behind the committed ends, or topics
//! that no log tells of; these are set aside, below `set-aside/`, and a warning names them. So are
//! the records of a commit in whose middle the process died: they look the same.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use model::Offset;

use super::catalog::{Catalog, Partition, Segment, Topic};
use super::files::Files;
use super::layout;
use super::recovery::{damaged, unreadable};
use super::storage::{Storage, StoredFile};
use super::walk::{Place, Walk};
use crate::error::OpenError;

/// Files are copied, and batches looked at, in chunks of so many bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// What is needed to tidy up.
pub(super) struct Tidy<'a> {
    pub(super) root: &'a Path,
    pub(super) storage: &'a dyn Storage,
    pub(super) files: &'a Files,
    /// The log that was read back.
    pub(super) number: u64,
    /// The incarnations whose deletion it tells of.
    pub(super) deleted: HashSet<u64>,
}

impl Tidy<'_> {
    /// Leaves what is in the catalog, and nothing else, below the topics' directory.
    pub(super) fn all(&self, catalog: &Catalog) -> Result<(), OpenError> {
        let list = |path: &Path| self.storage.list(path).map_err(unreadable(path));
        for topic in list(&layout::topics(self.root))? {
            for incarnation in list(&topic)? {
                let name = topic.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let known = catalog.topics.get(name).filter(|topic| {
                    let number = topic.info.incarnation;
                    incarnation == layout::incarnation(self.root, name, number)
                });
                match known {
                    Some(topic) => self.topic(topic)?,
                    None if self.is_deleted(&incarnation) => self.remove_directory(&incarnation)?,
                    None => self.stranger(&incarnation)?,
                }
            }
            if list(&topic)?.is_empty() {
                self.remove_directory(&topic)?;
            }
        }
        Ok(())
    }

    fn is_deleted(&self, incarnation: &Path) -> bool {
        let number = incarnation.file_name().and_then(|name| name.to_str()?.parse().ok());
        number.is_some_and(|number| self.deleted.contains(&number))
    }

    /// A topic that no log tells of.
    fn stranger(&self, path: &Path) -> Result<(), OpenError> {
        let to = self.move_aside(path).map_err(unreadable(path))?;
        tracing::warn!(
            "{} belongs to no topic that {} tells of: moved to {}. If meta/ was put back from a \
             backup, put back topics/ of the same moment as well; else it may be removed",
            path.display(),
            layout::meta(self.root).display(),
            to.display()
        );
        Ok(())
    }

    fn topic(&self, topic: &Topic) -> Result<(), OpenError> {
        for (number, partition) in (0..).zip(&topic.partitions) {
            let info = &topic.info;
            let name = &info.spec.name;
            let path = layout::partition(self.root, name, info.incarnation, number);
            let path_of = |segment: &Segment| layout::segment(self.root, name, segment.key);
            let known: HashSet<_> = partition.segments.iter().map(path_of).collect();
            for file in self.storage.list(&path).map_err(unreadable(&path))? {
                if !known.contains(&file) {
                    self.unknown_segment(partition, &file)?;
                }
            }
            if let Some(last) = partition.segments.last() {
                self.cut(last, &path_of(last))?;
            }
        }
        Ok(())
    }

    /// A file of a partition that is none of its segments.
    fn unknown_segment(&self, partition: &Partition, path: &Path) -> Result<(), OpenError> {
        let may_go_on = |file: &dyn StoredFile, base: Offset| {
            let from = Place { position: 0, offset: base };
            Ok(goes_on(file, from, file.length()?))
        };
        let is_more = match layout::segment_of(path) {
            // Compaction writes anew what is there, and what was before the end is there or gone.
            Some((base, 0)) if base >= partition.end => {
                let file = self.storage.open(path).map_err(unreadable(path))?;
                may_go_on(&*file, base).map_err(unreadable(path))?
            }
            _ => false,
        };
        if is_more {
            let to = self.move_aside(path).map_err(unreadable(path))?;
            warn_of_uncommitted(path, &to);
            return Ok(());
        }
        tracing::info!(file = %path.display(), "removing what was not committed");
        self.storage.remove_file(path).map_err(unreadable(path))
    }

    /// Cuts off what lies behind the committed end of the segment that is written to.
    fn cut(&self, segment: &Segment, path: &Path) -> Result<(), OpenError> {
        let file = match self.files.get(&segment.topic, segment.key) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && segment.meta.bytes == 0 => {
                return Ok(());
            }
            file => file.map_err(unreadable(path))?,
        };
        let length = file.length().map_err(unreadable(path))?;
        let end = Place { position: segment.meta.bytes, offset: segment.meta.end };
        if length < end.position {
            return Err(damaged(path, "records that had been flushed are missing"));
        }
        if length == end.position {
            return Ok(());
        }
        if goes_on(&*file, end, length) {
            let copied = self.copy_aside(&*file, end.position, length, path);
            warn_of_uncommitted(path, &copied.map_err(unreadable(path))?);
        } else {
            let bytes = length - end.position;
            tracing::info!(bytes, path = %path.display(), "cut off the torn end of a write");
        }
        file.set_length(end.position).map_err(unreadable(path))
    }

    /// Moves a file or directory aside; returns where to.
    fn move_aside(&self, path: &Path) -> io::Result<PathBuf> {
        let to = layout::set_aside(self.root, self.number, path);
        self.storage.rename(path, &to)?;
        self.sync_names(&to)?;
        Ok(to)
    }

    /// Copies a piece of a file aside; returns where to.
    fn copy_aside(
        &self,
        file: &dyn StoredFile,
        from: u64,
        to: u64,
        path: &Path,
    ) -> io::Result<PathBuf> {
        let mut target = layout::set_aside(self.root, self.number, path).into_os_string();
        target.push(format!(".from-{from}"));
        let target = PathBuf::from(target);
        let copy = self.storage.create(&target)?;
        let mut at = from;
        while at < to {
            let mut chunk = vec![0; CHUNK_BYTES.min((to - at) as usize)];
            let read = file.read_at(&mut chunk, at)?;
            if read == 0 {
                break;
            }
            copy.write_at(&chunk[..read], at - from)?;
            at += read as u64;
        }
        copy.sync()?;
        self.sync_names(&target)?;
        Ok(target)
    }

    /// Makes a new name, and those of the directories above it, survive a power cut.
    fn sync_names(&self, path: &Path) -> io::Result<()> {
        let parents = path.ancestors().skip(1).take_while(|path| path.starts_with(self.root));
        parents.into_iter().try_for_each(|path| self.storage.sync_directory(path))
    }

    fn remove_directory(&self, path: &Path) -> Result<(), OpenError> {
        self.storage.remove_directory(path).map_err(unreadable(path))
    }
}

/// Is there a whole batch behind `end`, and the one that comes next?
fn goes_on(file: &dyn StoredFile, end: Place, length: u64) -> bool {
    let limit = Place { position: length, offset: Offset(i64::MAX) };
    let mut walk = Walk::new(file, end, limit, false, CHUNK_BYTES);
    matches!(walk.batch(), Ok(Some(_)))
}

fn warn_of_uncommitted(from: &Path, to: &Path) {
    tracing::warn!(
        "records in {} are in no commit that is left: moved to {} (Kafka record batches). That is \
         as it should be if the process died in the middle of a commit, which was then not \
         answered; they may be removed. If the disk, or somebody, cut the commit log short, they \
         are what was lost with it",
        from.display(),
        to.display()
    );
}
