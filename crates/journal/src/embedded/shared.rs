//! What readers, the writer and the background thread of one open journal have in common.

use std::path::PathBuf;
use std::sync::Arc;

use model::{Offset, TopicPartition};
use parking_lot::{Condvar, Mutex, RwLock};

use super::EmbeddedOptions;
use super::catalog::Catalog;
use super::change::Change;
use super::files::Files;
use super::group_commit::GroupCommit;
use super::prepare::Prepared;
use super::recovery::Recovered;
use super::storage::Storage;
use super::writer::Writer;
use crate::error::{CommitError, StorageError};

/// The journal's insides. Locks are taken in this order: `maintenance`, `writer`, `catalog`.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) root: PathBuf,
    pub(crate) options: EmbeddedOptions,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) files: Files,
    /// What is committed. Held for writing only to take in changes, so that readers see all of a
    /// commit or nothing of it; never held while the disk is at work.
    pub(crate) catalog: RwLock<Catalog>,
    pub(crate) queue: GroupCommit<Prepared, Result<Vec<Offset>, CommitError>>,
    pub(crate) writer: Mutex<Writer>,
    /// One clean-up at a time.
    pub(crate) maintenance: Mutex<()>,
    /// The failure after which nothing may be written any more.
    poison: Mutex<Option<String>>,
    mark: Mutex<u64>,
    grown: Condvar,
}

impl Shared {
    /// The insides of a journal that goes on from what was recovered, with a new log.
    pub(crate) fn new(
        root: PathBuf,
        options: EmbeddedOptions,
        storage: Arc<dyn Storage>,
        recovered: Recovered,
    ) -> Result<Self, StorageError> {
        let files = Files::new(root.clone(), storage.clone(), options.open_files_max);
        let Recovered { catalog, number } = recovered;
        let writer = Writer::begin(&root, &*storage, catalog.to_changes(), number + 1)?;
        Ok(Self {
            root,
            options,
            storage,
            files,
            catalog: RwLock::new(catalog),
            queue: GroupCommit::default(),
            writer: Mutex::new(writer),
            maintenance: Mutex::default(),
            poison: Mutex::default(),
            mark: Mutex::default(),
            grown: Condvar::new(),
        })
    }

    /// Takes in changes that are on disk, all at once for those who read.
    pub(crate) fn publish(&self, changes: &[Change], grown: bool) {
        let mut catalog = self.catalog.write();
        for change in changes {
            catalog.apply(change).expect("a change made from the catalog fits it");
        }
        drop(catalog);
        if grown {
            self.notify();
        }
    }

    /// Wakes all that wait for more.
    pub(crate) fn notify(&self) {
        *self.mark.lock() += 1;
        self.grown.notify_all();
    }

    /// Waits for the mark to be another than `seen`.
    pub(crate) fn wait(&self, seen: u64, timeout: std::time::Duration) -> u64 {
        let mut mark = self.mark.lock();
        self.grown.wait_while_for(&mut mark, |mark| *mark == seen, timeout);
        *mark
    }

    /// Writes no more, ever: `error` left the disk in a state that is not known. Returns what all
    /// are told from now on.
    pub(crate) fn poison(&self, error: &StorageError) -> StorageError {
        // First, as telling may fail as well: the log may be on the same disk.
        let reason = self.poison.lock().get_or_insert_with(|| error.to_string()).clone();
        tracing::error!(%error, "the journal is read-only from now on");
        StorageError::Poisoned(reason)
    }

    /// Refuses when an earlier write failed.
    pub(crate) fn check_writable(&self) -> Result<(), StorageError> {
        match &*self.poison.lock() {
            None => Ok(()),
            Some(reason) => Err(StorageError::Poisoned(reason.clone())),
        }
    }

    /// Whether there is such a partition.
    pub(crate) fn has(&self, partition: &TopicPartition) -> bool {
        self.catalog.read().partition(partition).is_some()
    }
}
