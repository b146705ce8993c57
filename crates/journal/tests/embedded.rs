//! The embedded journal from outside: locks, damage, readers beside writers, and clean-up and
//! deletion under readers' hands.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use journal::{
    AppendError, CleanupPolicy, Commit, EmbeddedJournal, EmbeddedOptions, Fsync, Journal,
    OpenError, ReadError, RetentionOptions, TopicSpec,
};
use model::{Offset, Record, TopicPartition};

fn small_segments() -> EmbeddedOptions {
    EmbeddedOptions {
        fsync: Fsync::None,
        segment_bytes: 500,
        open_files_max: 4,
        retention: RetentionOptions { dirty_ratio_min: 0.0, ..RetentionOptions::default() },
        ..EmbeddedOptions::default()
    }
}

fn record(key: i64, value: i64) -> Record {
    let bytes = |n: i64| Some(Bytes::from(n.to_string()));
    Record { key: bytes(key), value: bytes(value), ..Record::default() }
}

fn value(record: &Record) -> i64 {
    std::str::from_utf8(record.value.as_ref().unwrap()).unwrap().parse().unwrap()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files = Vec::new();
    for path in entries {
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

#[test]
fn a_second_opener_is_refused_until_the_first_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let open = || EmbeddedJournal::open(directory.path(), EmbeddedOptions::default());
    let first = open().unwrap();
    assert!(matches!(open(), Err(OpenError::Locked(_))));
    drop(first);
    open().unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_is_said_to_be_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = EmbeddedJournal::open(file.join("data"), EmbeddedOptions::default()).unwrap_err();
    assert!(matches!(&error, OpenError::NotWritable { .. }));
    assert!(error.to_string().contains("choose another directory"), "{error}");
}

#[test]
fn damaged_records_are_not_handed_out() {
    let directory = tempfile::tempdir().unwrap();
    let topic = TopicPartition::new("t", 0);
    let journal = EmbeddedJournal::open(directory.path(), small_segments()).unwrap();
    journal.create_topic(TopicSpec::new("t", 1)).unwrap();
    journal.append(&topic, vec![record(1, 1); 3]).unwrap();
    journal.append(&topic, vec![record(2, 2); 3]).unwrap();
    drop(journal);
    let segment = files(&directory.path().join("topics")).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&segment, bytes).unwrap();
    let journal = EmbeddedJournal::open(directory.path(), small_segments()).unwrap();
    let read = |from| journal.read(&topic, Offset(from), 1);
    assert_eq!(read(0).unwrap().records.len(), 1);
    assert!(matches!(read(3), Err(ReadError::Damaged { offset: Offset(3), .. })));
}

#[test]
fn a_damaged_catalog_is_said_to_be_so() {
    let directory = tempfile::tempdir().unwrap();
    let open = || EmbeddedJournal::open(directory.path(), EmbeddedOptions::default());
    open().unwrap().create_topic(TopicSpec::new("t", 1)).unwrap();
    for path in files(&directory.path().join("meta")) {
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        bytes[9] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = open().unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{}", path.display());
        assert!(error.to_string().contains("from a backup"), "{error}");
        fs::write(&path, whole).unwrap();
    }
    assert!(open().unwrap().topic("t").is_some());
}

#[test]
fn segments_are_kafka_record_batches() {
    let directory = tempfile::tempdir().unwrap();
    let journal = EmbeddedJournal::open(directory.path(), EmbeddedOptions::default()).unwrap();
    journal.create_topic(TopicSpec::new("t", 1)).unwrap();
    let topic = TopicPartition::new("t", 0);
    journal.append(&topic, vec![record(1, 10), record(2, 20)]).unwrap();
    journal.append(&topic, vec![record(3, 30)]).unwrap();
    drop(journal);
    let segment = files(&directory.path().join("topics")).remove(0);
    assert_eq!(segment.file_name().unwrap(), "00000000000000000000.log");
    let mut bytes = Bytes::from(fs::read(segment).unwrap());
    let mut read = Vec::new();
    while !bytes.is_empty() {
        let batch = kafka_protocol::records::RecordBatchDecoder::decode(&mut bytes).unwrap();
        read.extend(batch.records.into_iter().map(|record| (record.offset, record.value.unwrap())));
    }
    assert_eq!(read, [(0, "10".into()), (1, "20".into()), (2, Bytes::from("30"))]);
}

#[test]
fn many_writers_and_readers_see_every_commit_whole() {
    const WRITERS: i64 = 3;
    const COMMITS: i64 = 60;
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { fsync: Fsync::Group, ..small_segments() };
    let journal = EmbeddedJournal::open(directory.path(), options).unwrap();
    journal.create_topic(TopicSpec::new("t", 2)).unwrap();
    let partition = |n| TopicPartition::new("t", n);
    let last = Offset(WRITERS * COMMITS);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..COMMITS {
                    let records = |p| (partition(p), vec![record(writer, n)]);
                    let records = vec![records(0), records(1)];
                    journal.commit(Commit { records, offsets: Vec::new() }).unwrap();
                }
            });
        }
        for budget in [1, 300, 1 << 20] {
            let journal = &journal;
            scope.spawn(move || {
                let mut mark = 0;
                let mut next = Offset::ZERO;
                let mut newest = [-1; WRITERS as usize];
                while next < last {
                    mark = journal.wait(mark, Duration::from_secs(60));
                    loop {
                        let fetched = journal.read(&partition(0), next, budget).unwrap();
                        // Whatever of a commit is in one partition is in the other too.
                        assert!(journal.bounds(&partition(1)).unwrap().end >= fetched.next);
                        for (offset, record) in &fetched.records {
                            assert_eq!(*offset, next);
                            next = next.next();
                            let writer: usize =
                                String::from_utf8_lossy(record.key.as_ref().unwrap())
                                    .parse()
                                    .unwrap();
                            assert_eq!(value(record), newest[writer] + 1);
                            newest[writer] += 1;
                        }
                        if fetched.records.is_empty() {
                            break;
                        }
                    }
                }
            });
        }
    });
}

#[test]
fn compaction_does_not_disturb_readers() {
    let directory = tempfile::tempdir().unwrap();
    let journal = EmbeddedJournal::open(directory.path(), small_segments()).unwrap();
    let spec = TopicSpec { cleanup: CleanupPolicy::Compact, ..TopicSpec::new("view", 1) };
    journal.create_topic(spec).unwrap();
    let view = TopicPartition::new("view", 0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..2000 {
                journal.append(&view, vec![record(n % 7, n)]).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                journal.maintain().unwrap();
            }
        });
        for budget in [1, 1000] {
            let (journal, view, done) = (&journal, &view, &done);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    let end = journal.bounds(view).unwrap().end;
                    let mut next = Offset::ZERO;
                    let mut newest = [-1; 7];
                    while next < end {
                        let fetched = journal.read(view, next, budget).unwrap();
                        for (offset, record) in &fetched.records {
                            assert!(*offset >= next);
                            assert_eq!(value(record), offset.0);
                            newest[(offset.0 % 7) as usize] = offset.0;
                        }
                        next = fetched.next;
                    }
                    // A key that was there when the walk began was met, at its newest or later.
                    for key in 0..7 {
                        let last = (0..end.0).rev().find(|n| n % 7 == key);
                        assert!(last.is_none_or(|last| newest[key as usize] >= last));
                    }
                }
            });
        }
    });
    journal.maintain().unwrap();
    let left = journal.read(&view, Offset::ZERO, 1 << 20).unwrap().records;
    assert!(left.len() < 60, "{} are left", left.len());
    drop(journal);
    let journal = EmbeddedJournal::open(directory.path(), small_segments()).unwrap();
    assert_eq!(journal.read(&view, Offset::ZERO, 1 << 20).unwrap().records, left);
}

#[test]
fn a_topic_may_go_and_come_back_while_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let journal = EmbeddedJournal::open(directory.path(), small_segments()).unwrap();
    let topic = TopicPartition::new("t", 0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for life in 0..100 {
                journal.create_topic(TopicSpec::new("t", 1)).unwrap();
                for _ in 0..5 {
                    let records = (0..20).map(|_| record(life, life)).collect();
                    journal.append(&topic, records).unwrap();
                }
                journal.delete_topic("t").unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    match journal.read(&topic, Offset::ZERO, 1 << 20) {
                        Ok(fetched) => {
                            let lives = fetched.records.iter().map(|(_, record)| value(record));
                            let lives: Vec<_> = lives.collect();
                            assert!(lives.windows(2).all(|pair| pair[0] == pair[1]));
                        }
                        Err(error) => assert!(matches!(error, ReadError::NotFound(_)), "{error}"),
                    }
                    match journal.append(&topic, Vec::new()) {
                        Ok(_) | Err(AppendError::NotFound(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    drop(journal);
    let journal = EmbeddedJournal::open(directory.path(), small_segments()).unwrap();
    assert!(journal.topics().is_empty());
    assert!(files(&directory.path().join("topics")).is_empty());
}
