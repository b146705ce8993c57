//! A process that writes is killed again and again, at moments it does not choose; what it had been
//! told was committed is there each time, once, and all of a commit or nothing of it.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use journal::{
    CleanupPolicy, Commit, EmbeddedJournal, EmbeddedOptions, Fsync, GroupId, Journal, OpenError,
    RetentionOptions, TopicSpec,
};
use model::{Offset, Record, TopicPartition};

const DIRECTORY: &str = "JOURNAL_TEST_DIRECTORY";
const POLICY: &str = "JOURNAL_TEST_FSYNC";
const KILLS: usize = 25;
const KEYS: i64 = 5;

fn options(policy: &str) -> EmbeddedOptions {
    let fsync = match policy {
        "none" => Fsync::None,
        "interval" => Fsync::Interval(Duration::from_millis(2)),
        "group" => Fsync::Group,
        other => panic!("no such policy: {other}"),
    };
    EmbeddedOptions {
        fsync,
        // Small, so that segments, clean-up and checkpoints are often under way.
        segment_bytes: 2000,
        log_bytes: 10_000,
        retention: RetentionOptions { dirty_ratio_min: 0.3, ..RetentionOptions::default() },
        ..EmbeddedOptions::default()
    }
}

fn out(number: u32) -> TopicPartition {
    TopicPartition::new("out", number)
}

fn view() -> TopicPartition {
    TopicPartition::new("view", 0)
}

fn group() -> GroupId {
    GroupId("query".into())
}

/// Commit number `n`: a record to each of two partitions, a changelog, and progress.
fn numbered(n: i64) -> Commit {
    let record = |key: i64| Record {
        key: Some(Bytes::from(key.to_string())),
        value: Some(Bytes::from(n.to_string())),
        ..Record::default()
    };
    // Now and then one that is too large for the log.
    let mut large = record(n);
    if n % 40 == 0 {
        large.headers.push(model::Header {
            name: "ballast".to_owned(),
            value: Some(Bytes::from(vec![0; 70_000])),
        });
    }
    Commit {
        records: vec![
            (out(0), vec![record(n)]),
            (view(), vec![record(n % KEYS)]),
            (out(1), vec![large]),
        ],
        offsets: vec![(group(), out(0), Offset(n + 1))],
    }
}

/// What the killed process does. Without the variables it is a test that has nothing to test.
#[test]
fn the_writing_process() {
    let (Ok(directory), Ok(policy)) = (env::var(DIRECTORY), env::var(POLICY)) else { return };
    let mut stdout = std::io::stdout();
    let journal = match EmbeddedJournal::open(directory, options(&policy)) {
        Ok(journal) => journal,
        Err(OpenError::Locked(_)) => return writeln!(stdout, "\nlocked").unwrap(),
        Err(error) => panic!("{error}"),
    };
    if journal.topic("out").is_none() {
        journal.create_topic(TopicSpec::new("out", 2)).unwrap();
    }
    if journal.topic("view").is_none() {
        let spec = TopicSpec { cleanup: CleanupPolicy::Compact, ..TopicSpec::new("view", 1) };
        journal.create_topic(spec).unwrap();
    }
    let first = journal.bounds(&out(0)).unwrap().end.0;
    for n in first.. {
        journal.commit(numbered(n)).unwrap();
        writeln!(stdout, "\ncommitted {n}").unwrap();
        match n % 25 {
            3 => journal.maintain().unwrap(),
            7 => drop(journal.create_topic(TopicSpec::new("brief", 1))),
            9 => drop(journal.delete_topic("brief")),
            _ => {}
        }
    }
}

fn spawn(directory: &Path, policy: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_writing_process", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(POLICY, policy)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn check_killed_process(policy: &str) {
    let directory = tempfile::tempdir().unwrap();
    let mut answered = 0;
    let mut chance = 7u64;
    for _ in 0..KILLS {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        let life = chance >> 33 & 63;
        let mut child = spawn(directory.path(), policy);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let committed = |line: String| line.strip_prefix("committed ")?.parse::<i64>().ok();
        let mut seen = (&mut lines).map_while(Result::ok).filter_map(committed);
        for _ in 0..=life {
            answered = seen.next().expect("the process goes on until it is killed") + 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What was still in the pipe was answered too.
        answered =
            lines.map_while(Result::ok).filter_map(committed).last().map_or(answered, |n| n + 1);
        let journal = EmbeddedJournal::open(directory.path(), options(policy)).unwrap();
        check_contents(&journal, answered);
        answered = journal.bounds(&out(0)).unwrap().end.0;
    }
}

/// All that was answered is there, and perhaps one commit more.
fn check_contents(journal: &EmbeddedJournal, answered: i64) {
    let end = journal.bounds(&out(0)).unwrap().end.0;
    assert!(end == answered || end == answered + 1, "{answered} were committed, {end} are there");
    assert_eq!(journal.bounds(&out(1)).unwrap().end.0, end);
    assert_eq!(journal.bounds(&view()).unwrap().end.0, end);
    assert_eq!(journal.committed(&group()), BTreeMap::from([(out(0), Offset(end))]));
    for partition in [out(0), out(1)] {
        let fetched = journal.read(&partition, Offset::ZERO, usize::MAX).unwrap();
        let numbers = fetched.records.iter().map(|(offset, record)| (offset.0, number(record)));
        assert!(numbers.eq((0..end).map(|n| (n, n))), "{partition} is not what was written");
    }
    let mut newest = BTreeMap::new();
    for (_, record) in journal.read(&view(), Offset::ZERO, usize::MAX).unwrap().records {
        newest.insert(record.key.clone(), number(&record));
    }
    let mut expect: Vec<i64> = ((end - KEYS).max(0)..end).collect();
    let mut found: Vec<i64> = newest.into_values().collect();
    expect.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expect);
}

fn number(record: &Record) -> i64 {
    std::str::from_utf8(record.value.as_ref().unwrap()).unwrap().parse().unwrap()
}

#[test]
fn killed_with_fsync_group() {
    check_killed_process("group");
}

#[test]
fn killed_with_fsync_interval() {
    check_killed_process("interval");
}

#[test]
fn killed_with_fsync_none() {
    check_killed_process("none");
}

#[test]
fn a_second_process_is_told_that_the_journal_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let _journal = EmbeddedJournal::open(directory.path(), options("none")).unwrap();
    let output = spawn(directory.path(), "none").wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\nlocked\n"));
}
