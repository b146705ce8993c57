//! Journals of earlier versions are opened as they are: `fixtures/v1` is one, as a process left it
//! that was killed. If this fails, people's data cannot be read any more: mend the code, not the
//! fixture. `FIXTURE_ACCEPT=1` writes it where it is missing.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use journal::{
    CleanupPolicy, Commit, EmbeddedJournal, EmbeddedOptions, GroupId, Journal, RetentionOptions,
    TopicSpec,
};
use model::{Header, ManualClock, Offset, Record, TimestampMs, TopicPartition};

fn record(key: &str, value: Option<&str>, time: i64) -> Record {
    Record {
        key: Some(Bytes::from(key.to_owned())),
        value: value.map(|value| Bytes::from(value.to_owned())),
        timestamp: TimestampMs(time),
        headers: vec![Header { name: "source".to_owned(), value: Some("feed".into()) }],
    }
}

fn events() -> TopicPartition {
    TopicPartition::new("events", 1)
}

fn view() -> TopicPartition {
    TopicPartition::new("view", 0)
}

fn options() -> EmbeddedOptions {
    EmbeddedOptions {
        segment_bytes: 120,
        retention: RetentionOptions { dirty_ratio_min: 0.0, ..RetentionOptions::default() },
        clock: Arc::new(ManualClock::at(TimestampMs(1_600_000_000_000))),
        ..EmbeddedOptions::default()
    }
}

fn write(fixture: &Path) {
    let directory = tempfile::tempdir().unwrap();
    let open = || EmbeddedJournal::open(directory.path(), options()).unwrap();
    let journal = open();
    journal.create_topic(TopicSpec::new("events", 2)).unwrap();
    let compacted = TopicSpec { cleanup: CleanupPolicy::Compact, ..TopicSpec::new("view", 1) };
    journal.create_topic(compacted).unwrap();
    journal.append(&events(), vec![record("a", Some("1"), 10), record("b", None, 20)]).unwrap();
    for value in ["1", "2", "3"] {
        journal.append(&view(), vec![record("a", Some(value), 30)]).unwrap();
    }
    journal.maintain().unwrap();
    drop(journal);
    let journal = open();
    let commit = Commit {
        records: vec![
            (events(), vec![record("c", Some("2"), 15)]),
            (view(), vec![record("c", Some("2"), 15)]),
        ],
        offsets: vec![(GroupId("query".into()), events(), Offset(2))],
    };
    journal.commit(commit).unwrap();
    // While it is open: as if the process were killed now.
    copy(directory.path(), fixture);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn a_journal_of_version_1_is_read() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1");
    if !fixture.exists() && std::env::var_os("FIXTURE_ACCEPT").is_some() {
        write(&fixture);
    }
    let directory = tempfile::tempdir().unwrap();
    copy(&fixture, directory.path());
    let journal = EmbeddedJournal::open(directory.path(), options()).unwrap();
    let read = |partition| journal.read(&partition, Offset::ZERO, 1 << 20).unwrap().records;
    assert_eq!(
        read(events()),
        [
            (Offset(0), record("a", Some("1"), 10)),
            (Offset(1), record("b", None, 20)),
            (Offset(2), record("c", Some("2"), 15)),
        ]
    );
    assert_eq!(
        read(view()),
        [
            (Offset(1), record("a", Some("2"), 30)),
            (Offset(2), record("a", Some("3"), 30)),
            (Offset(3), record("c", Some("2"), 15)),
        ]
    );
    let fetched = journal.read(&events(), Offset(2), 1).unwrap();
    assert_eq!(fetched.appended_at, [TimestampMs(1_600_000_000_000)]);
    let committed = journal.committed(&GroupId("query".into()));
    assert_eq!(committed.into_iter().collect::<Vec<_>>(), [(events(), Offset(2))]);
    assert_eq!(journal.topic("view").unwrap().spec.cleanup, CleanupPolicy::Compact);
}
