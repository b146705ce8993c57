//! Where things lie in the data directory.
//!
//! ```text
//! lock                                   held while a process has the journal open
//! meta/00000000000000000007.checkpoint   the catalog when log 7 was begun
//! meta/00000000000000000007.commits      what was committed since
//! topics/NAME/INCARNATION/PARTITION/00000000000000004711.log     a segment, by its first offset
//! topics/NAME/INCARNATION/PARTITION/00000000000000004711.2.log   the same, compacted twice
//! ```

use std::path::{Path, PathBuf};

use model::Offset;

/// Which segment of which partition; never used twice, since incarnations are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SegmentKey {
    pub(crate) incarnation: u64,
    pub(crate) partition: u32,
    pub(crate) base: Offset,
    pub(crate) generation: u32,
}

pub(crate) fn lock(root: &Path) -> PathBuf {
    root.join("lock")
}

pub(crate) fn meta(root: &Path) -> PathBuf {
    root.join("meta")
}

pub(crate) fn checkpoint(root: &Path, number: u64) -> PathBuf {
    meta(root).join(format!("{number:020}.checkpoint"))
}

pub(crate) fn commits(root: &Path, number: u64) -> PathBuf {
    meta(root).join(format!("{number:020}.commits"))
}

pub(crate) fn topics(root: &Path) -> PathBuf {
    root.join("topics")
}

pub(crate) fn topic(root: &Path, name: &str) -> PathBuf {
    topics(root).join(name)
}

pub(crate) fn incarnation(root: &Path, name: &str, incarnation: u64) -> PathBuf {
    topic(root, name).join(incarnation.to_string())
}

pub(crate) fn partition(root: &Path, name: &str, number: u64, partition: u32) -> PathBuf {
    incarnation(root, name, number).join(partition.to_string())
}

pub(crate) fn segment(root: &Path, name: &str, key: SegmentKey) -> PathBuf {
    let file = match key.generation {
        0 => format!("{:020}.log", key.base.0),
        generation => format!("{:020}.{generation}.log", key.base.0),
    };
    partition(root, name, key.incarnation, key.partition).join(file)
}
