//! What a disk, or somebody, does to files while no journal has them open: it is told, and nothing
//! that may still be read is destroyed.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use journal::{
    CleanupPolicy, EmbeddedJournal, EmbeddedOptions, Fsync, Journal, ReadError, RetentionOptions,
    TopicSpec,
};
use model::{Offset, Record, TimestampMs, TopicPartition};

fn options() -> EmbeddedOptions {
    EmbeddedOptions {
        fsync: Fsync::None,
        segment_bytes: 700,
        retention: RetentionOptions { dirty_ratio_min: 0.0, ..RetentionOptions::default() },
        ..EmbeddedOptions::default()
    }
}

fn open(directory: &Path) -> EmbeddedJournal {
    EmbeddedJournal::open(directory, options()).expect("a journal")
}

fn record(key: i64, value: i64) -> Record {
    let bytes = |n: i64| Some(Bytes::from(n.to_string()));
    Record { key: bytes(key), value: bytes(value), ..Record::default() }
}

fn place() -> TopicPartition {
    TopicPartition::new("t", 0)
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

/// Where the batches of a segment begin.
fn batches(segment: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at < segment.len() {
        starts.push(at);
        let length = segment[at + 8..at + 12].try_into().expect("four bytes");
        at += 12 + i32::from_be_bytes(length) as usize;
    }
    starts
}

type Read = Result<Vec<(Offset, Record)>, ReadError>;

fn read_from(journal: &EmbeddedJournal, mut from: Offset, budget: usize) -> Read {
    let mut records = Vec::new();
    loop {
        let fetched = journal.read(&place(), from, budget)?;
        if fetched.next == from {
            return Ok(records);
        }
        records.extend(fetched.records);
        from = fetched.next;
    }
}

/// Flips bits of the offsets that batches begin at; whoever reads is told, or reads what was there.
fn check_flips(directory: &Path) {
    let journal = open(directory);
    let end = journal.bounds(&place()).expect("bounds").end;
    let whole = read_from(&journal, Offset::ZERO, 1 << 20).expect("whole");
    drop(journal);
    let told = |read: Read, from: i64, what: &str| match read {
        Ok(records) => {
            let expected: Vec<_> = whole.iter().filter(|(at, _)| at.0 >= from).cloned().collect();
            assert_eq!(records, expected, "{what}");
            false
        }
        Err(error) => {
            assert!(matches!(error, ReadError::Damaged { .. }), "{what}: {error}");
            true
        }
    };
    for segment in files(&directory.join("topics")) {
        let bytes = fs::read(&segment).expect("a segment");
        for start in batches(&bytes) {
            for bit in [0, 3, 40, 63] {
                let mut bytes = bytes.clone();
                bytes[start + 7 - bit / 8] ^= 1 << (bit % 8);
                fs::write(&segment, bytes).expect("written");
                let what = format!("bit {bit} of the batch at {start} of {}", segment.display());
                let journal = open(directory);
                for budget in [1 << 20, 300, 1] {
                    assert!(told(read_from(&journal, Offset::ZERO, budget), 0, &what), "{what}");
                }
                for from in 0..end.0 {
                    told(read_from(&journal, Offset(from), 300), from, &what);
                }
                let time = TimestampMs(1);
                if let Ok(at) = journal.offset_at(&place(), time) {
                    assert_eq!(at, end, "{what}");
                }
            }
        }
        fs::write(&segment, &bytes).expect("written");
    }
}

#[test]
fn a_batch_at_another_offset_is_damage() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path());
    journal.create_topic(TopicSpec::new("t", 1)).expect("a topic");
    for n in 0..9 {
        let records = (0..=n % 4).map(|value| record(n, value)).collect();
        journal.append(&place(), records).expect("appended");
    }
    drop(journal);
    check_flips(directory.path());
}

#[test]
fn a_compacted_batch_at_another_offset_is_damage() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path());
    let spec = TopicSpec { cleanup: CleanupPolicy::Compact, ..TopicSpec::new("t", 1) };
    journal.create_topic(spec).expect("a topic");
    for n in 0..24 {
        // Some stay as they are, of some a part stays, others go.
        let records = (0..=n % 4).map(|value| record(n % 7 * (value + 1), value)).collect();
        journal.append(&place(), records).expect("appended");
    }
    journal.maintain().expect("compacted");
    let compacted = |path: &&PathBuf| path.to_string_lossy().ends_with(".1.log");
    assert!(files(directory.path()).iter().filter(compacted).count() > 0);
    drop(journal);
    check_flips(directory.path());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

/// A journal of 30 commits of two records each, as a process leaves it that is killed.
fn killed() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path());
    journal.create_topic(TopicSpec::new("t", 1)).expect("a topic");
    for n in 0..30 {
        journal.append(&place(), vec![record(n, n), record(n, n)]).expect("appended");
    }
    let killed = tempfile::tempdir().expect("a directory");
    copy(directory.path(), killed.path());
    killed
}

fn set_aside(directory: &Path) -> Vec<PathBuf> {
    files(&directory.join("set-aside"))
}

/// How many batches and records are in what was set aside.
fn records_set_aside(directory: &Path) -> usize {
    let mut count = 0;
    for file in set_aside(directory) {
        let bytes = fs::read(&file).expect("a file");
        for start in batches(&bytes) {
            let mut batch = Bytes::copy_from_slice(&bytes[start..]);
            let batch = kafka_protocol::records::RecordBatchDecoder::decode(&mut batch);
            count += batch.expect("a batch").records.len();
        }
    }
    count
}

#[test]
fn what_a_shortened_commit_log_forgot_is_set_aside() {
    let zeroed = |bytes: &mut Vec<u8>| {
        let half = bytes.len() / 2;
        bytes[half..].fill(0);
    };
    let halved = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    for damage in [&zeroed as &dyn Fn(&mut Vec<u8>), &halved] {
        let directory = killed();
        let meta = files(&directory.path().join("meta"));
        let log = meta.iter().find(|path| path.extension().is_some_and(|e| e == "commits"));
        let log = log.expect("a commit log");
        let mut bytes = fs::read(log).expect("read");
        damage(&mut bytes);
        fs::write(log, bytes).expect("written");
        let journal = open(directory.path());
        let left = read_from(&journal, Offset::ZERO, 1 << 20).expect("read").len();
        assert!((10..50).contains(&left), "{left}");
        let saved = records_set_aside(directory.path());
        assert_eq!(left + saved, 60);
        assert_eq!(journal.append(&place(), vec![record(0, 0)]).expect("goes on").0, left as i64);
        drop(journal);
        // It stays as it is.
        drop(open(directory.path()));
        assert_eq!(records_set_aside(directory.path()), saved);
    }
}

#[test]
fn the_torn_end_of_a_write_goes_by_itself() {
    let directory = killed();
    let segments = files(&directory.path().join("topics"));
    let last = segments.last().expect("a segment");
    let whole = fs::read(last).expect("read");
    let torn = [&whole[..], &whole[..70]].concat();
    fs::write(last, torn).expect("written");
    let journal = open(directory.path());
    assert_eq!(read_from(&journal, Offset::ZERO, 1 << 20).expect("read").len(), 60);
    assert_eq!(fs::read(last).expect("read"), whole);
    assert!(set_aside(directory.path()).is_empty());
}

#[test]
fn a_topic_that_no_log_knows_is_set_aside() {
    let directory = tempfile::tempdir().expect("a directory");
    drop(open(directory.path()));
    let backup = tempfile::tempdir().expect("a directory");
    copy(&directory.path().join("meta"), backup.path());
    let journal = open(directory.path());
    journal.create_topic(TopicSpec::new("t", 1)).expect("a topic");
    journal.append(&place(), vec![record(1, 1); 3]).expect("appended");
    drop(journal);
    fs::remove_dir_all(directory.path().join("meta")).expect("removed");
    copy(backup.path(), &directory.path().join("meta"));
    let journal = open(directory.path());
    assert!(journal.topics().is_empty());
    assert!(files(&directory.path().join("topics")).is_empty());
    assert_eq!(records_set_aside(directory.path()), 3);
}

#[test]
fn a_topic_whose_deletion_was_under_way_goes() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path());
    journal.create_topic(TopicSpec::new("t", 1)).expect("a topic");
    journal.append(&place(), vec![record(1, 1); 3]).expect("appended");
    let killed = tempfile::tempdir().expect("a directory");
    copy(&directory.path().join("topics"), &killed.path().join("topics"));
    journal.delete_topic("t").expect("deleted");
    copy(&directory.path().join("meta"), &killed.path().join("meta"));
    assert!(open(killed.path()).topics().is_empty());
    assert!(files(&killed.path().join("topics")).is_empty());
    assert!(set_aside(killed.path()).is_empty());
}
