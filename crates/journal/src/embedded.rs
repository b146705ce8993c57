//! The backend that keeps the log on this machine's disk: commits go in, and what was committed
//! comes out, also after a crash.
//!
//! # The life of a commit
//! Each step is a file in `embedded/`:
//!
//! 1. Its records are encoded as Kafka record batches, on the caller's thread (`prepare`).
//! 2. It joins the group of commits that waits for the disk (`group_commit`).
//! 3. The group is given its offsets and places (`place`) and written: segments, then the commit
//!    log, one frame for each commit (`writer`, `frames`, `change`).
//! 4. The catalog takes in all of it at once, and readers see it (`catalog`, `reader`).
//!
//! # Why a commit log of our own
//! The metadata is a fold of small changes. A log of checksummed frames and a checkpoint now and
//! then make a commit cost one write and one flush, where a B-tree (redb) copies pages and flushes
//! them; and since a frame may carry the records of a small commit, one flush makes a commit over
//! any number of partitions durable. `recovery` reads it back.
//!
//! # What can be lost
//! | fsync | the process dies | the power goes |
//! |---|---|---|
//! | `group` | nothing that was committed | nothing that was committed |
//! | `interval` | nothing that was committed | the commits of about the last interval |
//! | `none` | nothing that was committed | commits since the system last wrote its cache back |
//!
//! In every case what is found is a moment that was: all of a commit or nothing of it, and no
//! commit without those before it. What recovery finds beside that - records that are in no commit,
//! say because somebody cut the commit log short - it sets aside (`tidy`). After a write or flush
//! that failed the journal refuses further writes and reads on; what was committed stays.

mod catalog;
mod change;
mod compaction;
mod files;
mod frames;
mod group_commit;
mod index;
mod keeper;
mod layout;
mod lock;
mod maintenance;
mod place;
mod prepare;
mod reader;
mod recovery;
mod shared;
#[cfg(test)]
mod simulated;
mod storage;
mod tidy;
mod walk;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::{Clock, Offset, Record, SystemClock, TimestampMs, TopicPartition};

use self::change::Change;
use self::files::Files;
use self::keeper::Keeper;
use self::lock::Lock;
use self::prepare::Prepared;
use self::shared::Shared;
use self::storage::{Disk, Storage};
use crate::error::{
    AppendError, CommitError, CreateTopicError, DeleteTopicError, OpenError, ReadError,
    StorageError,
};
use crate::journal::{Commit, Fetched, GroupId, Journal, PartitionBounds, TopicInfo, TopicSpec};
use crate::retention::RetentionOptions;
use crate::topic::{check_records, check_spec};

/// When what was written is flushed to the disk itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// When the system likes, at checkpoints and at the end.
    None,
    /// Every so often.
    Interval(Duration),
    /// Before a commit returns; commits that come together share a flush.
    #[default]
    Group,
}

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// When the disk is flushed.
    pub fsync: Fsync,
    /// A segment is begun anew before it would be larger.
    pub segment_bytes: u64,
    /// The commit log is begun anew, with a checkpoint, when it is so long.
    pub log_bytes: u64,
    /// The largest record.
    pub max_record_bytes: usize,
    /// At most so many segment files are open at a time (beside those being read).
    pub open_files_max: usize,
    /// The rules of retention and compaction.
    pub retention: RetentionOptions,
    /// Where append times come from.
    pub clock: Arc<dyn Clock>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            fsync: Fsync::default(),
            segment_bytes: 64 << 20,
            log_bytes: 16 << 20,
            max_record_bytes: 8 << 20,
            open_files_max: 128,
            retention: RetentionOptions::default(),
            clock: Arc::new(SystemClock::default()),
        }
    }
}

/// A journal on this machine's disk. Dropping it flushes everything and gives the directory free.
#[derive(Debug)]
pub struct EmbeddedJournal {
    // Ends before the lock is given back.
    keeper: Option<Keeper>,
    shared: Arc<Shared>,
    _lock: Lock,
}

impl EmbeddedJournal {
    /// Is there a journal in `directory`?
    pub fn exists(directory: impl AsRef<Path>) -> bool {
        layout::meta(directory.as_ref()).is_dir()
    }

    /// Opens the journal in `directory`, which is made if it is not there.
    pub fn open(directory: impl AsRef<Path>, options: EmbeddedOptions) -> Result<Self, OpenError> {
        let directory = directory.as_ref();
        Self::open_locked(Lock::take(directory)?, directory, options, Arc::new(Disk))
    }

    fn open_locked(
        lock: Lock,
        directory: &Path,
        options: EmbeddedOptions,
        storage: Arc<dyn Storage>,
    ) -> Result<Self, OpenError> {
        let files = Files::new(directory.to_owned(), storage.clone(), options.open_files_max);
        let recovered = recovery::recover(directory, &*storage, &files)?;
        drop(files);
        let fsync = options.fsync;
        let shared = Shared::new(directory.to_owned(), options, storage, recovered)?;
        let shared = Arc::new(shared);
        let keeper = match fsync {
            Fsync::Interval(interval) => Some(Keeper::start(shared.clone(), interval)),
            Fsync::None | Fsync::Group => None,
        };
        Ok(Self { keeper, shared, _lock: lock })
    }

    /// How many segment files are open now.
    #[cfg(test)]
    fn open_files(&self) -> usize {
        self.shared.files.open_count()
    }
}

impl Drop for EmbeddedJournal {
    fn drop(&mut self) {
        drop(self.keeper.take());
        let mut writer = self.shared.writer.lock();
        if self.shared.check_writable().is_ok()
            && let Err(error) = writer.checkpoint(&self.shared)
        {
            tracing::warn!(%error, "the journal was not closed cleanly; it will be recovered");
        }
    }
}

impl Journal for EmbeddedJournal {
    fn create_topic(&self, spec: TopicSpec) -> Result<TopicInfo, CreateTopicError> {
        check_spec(&spec)?;
        let mut writer = self.shared.writer.lock();
        let incarnation = {
            let catalog = self.shared.catalog.read();
            if catalog.topics.contains_key(&spec.name) {
                return Err(CreateTopicError::Exists(spec.name.to_string()));
            }
            catalog.incarnations + 1
        };
        let info = TopicInfo { spec: spec.clone(), incarnation };
        let change = Change::CreateTopic { incarnation, spec };
        self.shared.write_change(&mut writer, change, false)?;
        Ok(info)
    }

    fn delete_topic(&self, name: &str) -> Result<(), DeleteTopicError> {
        let mut writer = self.shared.writer.lock();
        let Some(info) = self.topic(name) else {
            return Err(DeleteTopicError::NotFound(name.to_owned()));
        };
        let change = Change::DeleteTopic { name: info.spec.name };
        self.shared.write_change(&mut writer, change, true)?;
        self.shared.remove_topic_files(&mut writer, name, info.incarnation);
        drop(writer);
        self.shared.notify();
        Ok(())
    }

    fn topic(&self, name: &str) -> Option<TopicInfo> {
        self.shared.catalog.read().topics.get(name).map(|topic| topic.info.clone())
    }

    fn topics(&self) -> Vec<TopicInfo> {
        self.shared.catalog.read().topics.values().map(|topic| topic.info.clone()).collect()
    }

    fn bounds(&self, partition: &TopicPartition) -> Result<PartitionBounds, ReadError> {
        let catalog = self.shared.catalog.read();
        let found = catalog.partition(partition);
        let found = found.ok_or_else(|| ReadError::NotFound(partition.clone()))?;
        Ok(PartitionBounds { start: found.start, end: found.end })
    }

    fn append(
        &self,
        partition: &TopicPartition,
        records: Vec<Record>,
    ) -> Result<Offset, AppendError> {
        let commit = Commit { records: vec![(partition.clone(), records)], offsets: Vec::new() };
        self.commit(commit).map(|offsets| offsets[0])
    }

    fn commit(&self, commit: Commit) -> Result<Vec<Offset>, CommitError> {
        let partitions = commit.records.iter().map(|(partition, _)| partition);
        for partition in partitions.chain(commit.offsets.iter().map(|(_, p, _)| p)) {
            if !self.shared.has(partition) {
                return Err(CommitError::NotFound(partition.clone()));
            }
        }
        for (partition, records) in &commit.records {
            check_records(partition, records, self.shared.options.max_record_bytes)?;
        }
        if commit.records.is_empty() && commit.offsets.is_empty() {
            return Ok(Vec::new());
        }
        let prepared = Prepared::new(commit, self.shared.options.clock.now());
        self.shared.queue.submit(prepared, |group| self.shared.write_group(group))
    }

    fn read(
        &self,
        partition: &TopicPartition,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Fetched, ReadError> {
        self.shared.read(partition, from, max_bytes)
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        self.shared.wait(seen, timeout)
    }

    fn offset_at(
        &self,
        partition: &TopicPartition,
        time: TimestampMs,
    ) -> Result<Offset, ReadError> {
        self.shared.offset_at(partition, time)
    }

    fn committed(&self, group: &GroupId) -> BTreeMap<TopicPartition, Offset> {
        self.shared.catalog.read().groups.get(group).cloned().unwrap_or_default()
    }

    fn groups(&self) -> Vec<GroupId> {
        self.shared.catalog.read().groups.keys().cloned().collect()
    }

    fn delete_group(&self, group: &GroupId) -> Result<(), CommitError> {
        let mut writer = self.shared.writer.lock();
        if self.shared.catalog.read().groups.contains_key(group) {
            let change = Change::DeleteGroup { group: group.clone() };
            self.shared.write_change(&mut writer, change, false)?;
        }
        Ok(())
    }

    fn maintain(&self) -> Result<(), StorageError> {
        self.shared.maintain()
    }

    fn health(&self) -> Result<(), StorageError> {
        self.shared.check_writable()
    }
}

#[cfg(test)]
mod tests;
