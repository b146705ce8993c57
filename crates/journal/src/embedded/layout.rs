//! Where things lie in the data directory.
//!
//! ```text
//! lock                                   held while a process has the journal open
//! meta/00000000000000000007.checkpoint   the catalog when log 7 was begun
//! meta/00000000000000000007.commits      what was committed since
//! topics/NAME/INCARNATION/PARTITION/00000000000000004711.log     a segment, by its first offset
//! topics/NAME/INCARNATION/PARTITION/00000000000000004711.2.log   the same, compacted twice
//! set-aside/00000000000000000007/…       what log 7 did not know when it was read, as in topics/
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

/// Where what lies at `path`, below the topics, is set aside when log `number` does not know it.
pub(crate) fn set_aside(root: &Path, number: u64, path: &Path) -> PathBuf {
    let below = path.strip_prefix(topics(root)).unwrap_or(path);
    root.join("set-aside").join(format!("{number:020}")).join(below)
}

/// The first offset and the generation of the segment in a file of this name.
pub(crate) fn segment_of(path: &Path) -> Option<(Offset, u32)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".log")?;
    let (base, generation) = match name.split_once('.') {
        Some((base, generation)) => (base, generation.parse().ok()?),
        None => (name, 0),
    };
    Some((Offset(base.parse().ok()?), generation))
}

pub(crate) fn segment(root: &Path, name: &str, key: SegmentKey) -> PathBuf {
    let file = match key.generation {
        0 => format!("{:020}.log", key.base.0),
        generation => format!("{:020}.{generation}.log", key.base.0),
    };
    partition(root, name, key.incarnation, key.partition).join(file)
}
