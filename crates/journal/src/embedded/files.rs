//! Open segment files, never more than a bound: the ones used last. A file that a reader still
//! holds stays readable even when it is closed here or removed from its directory.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::layout::{self, SegmentKey};
use super::storage::{Storage, StoredFile};

/// The cache of open files.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
    storage: Arc<dyn Storage>,
    open_max: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    files: HashMap<SegmentKey, (Arc<dyn StoredFile>, u64)>,
    /// Counts uses, to tell which file was used last.
    uses: u64,
}

impl Files {
    pub(crate) fn new(root: PathBuf, storage: Arc<dyn Storage>, open_max: usize) -> Self {
        Self { root, storage, open_max: open_max.max(1), open: Mutex::default() }
    }

    /// The file of a segment.
    pub(crate) fn get(&self, topic: &str, key: SegmentKey) -> io::Result<Arc<dyn StoredFile>> {
        if let Some(file) = self.open.lock().used(key) {
            return Ok(file);
        }
        let file = self.storage.open(&layout::segment(&self.root, topic, key))?;
        self.keep(key, file.clone());
        Ok(file)
    }

    /// A new, empty file for a segment.
    pub(crate) fn create(&self, topic: &str, key: SegmentKey) -> io::Result<Arc<dyn StoredFile>> {
        let file = self.storage.create(&layout::segment(&self.root, topic, key))?;
        self.keep(key, file.clone());
        Ok(file)
    }

    /// Closes files for which `gone` holds.
    pub(crate) fn close(&self, gone: impl Fn(SegmentKey) -> bool) {
        self.open.lock().files.retain(|key, _| !gone(*key));
    }

    /// How many are open.
    #[cfg(test)]
    pub(crate) fn open_count(&self) -> usize {
        self.open.lock().files.len()
    }

    fn keep(&self, key: SegmentKey, file: Arc<dyn StoredFile>) {
        let mut open = self.open.lock();
        if open.files.len() >= self.open_max {
            let oldest = open.files.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                open.files.remove(&oldest);
            }
        }
        open.uses += 1;
        let used = open.uses;
        open.files.insert(key, (file, used));
    }
}

impl Open {
    fn used(&mut self, key: SegmentKey) -> Option<Arc<dyn StoredFile>> {
        self.uses += 1;
        let (file, used) = self.files.get_mut(&key)?;
        *used = self.uses;
        Some(file.clone())
    }
}
