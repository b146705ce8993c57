//! The golden scripts in `testscripts/`: statements, timed inputs with a remark each, and what
//! comes out. Each runs in memory and on disk, record by record and with all inputs as few batches;
//! all four must give the same. `ACCEPT=1` writes what came out into the scripts. Each operator has
//! a folder of them under its name.
//!
//! ```text
//! # what it shows
//! CREATE …;
//! inputs
//! topic "key" {"V":1} @10   # a remark
//! outputs TOPIC
//! "key" [0..20] {"C":1} @10
//! ```

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use journal::embedded::{EmbeddedJournal, EmbeddedOptions, Fsync};
use journal::{Journal, MemoryJournal, TopicSpec};
use model::{ManualClock, Offset, Record, TimestampMs, TopicPartition};
use sql::plan::WindowInfo;
use stream::{Execution, Request};
use support::Server;

struct Script {
    statements: String,
    inputs: Vec<(String, Record)>,
    sink: String,
    /// Everything before the expected rows, to be written back.
    head: String,
    expected: Vec<String>,
}

fn payload(text: &str) -> Option<Bytes> {
    (text != "null").then(|| Bytes::from(text.to_owned()))
}

fn read(text: &str) -> Script {
    let (head, expected) = text.split_once("\noutputs ").expect("a script says what comes out");
    let (statements, inputs) = head.split_once("\ninputs\n").expect("a script has inputs");
    let (sink, rows) = expected.split_once('\n').unwrap_or((expected, ""));
    let statements: Vec<&str> = statements.lines().filter(|l| !l.starts_with('#')).collect();
    let input = |line: &str| {
        let line = line.split("  #").next().unwrap_or(line).trim();
        let (line, time) = line.rsplit_once(" @").expect("an input has a time");
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().expect("topic, key, value");
        let (topic, key, value) = (part().to_owned(), payload(part()), payload(part()));
        let timestamp = TimestampMs(time.trim().parse().expect("a time in milliseconds"));
        (topic, Record { key, value, timestamp, headers: Vec::new() })
    };
    Script {
        statements: statements.join("\n"),
        inputs: inputs.lines().filter(|l| !l.is_empty()).map(input).collect(),
        sink: sink.trim().to_owned(),
        head: format!("{head}\noutputs {}\n", sink.trim()),
        expected: rows.lines().filter(|l| !l.is_empty()).map(str::to_owned).collect(),
    }
}

fn run(
    script: &Script,
    journal: Arc<dyn Journal>,
    clock: Arc<ManualClock>,
    batch: usize,
) -> Vec<String> {
    for (topic, _) in &script.inputs {
        if journal.topic(topic).is_none() {
            journal.create_topic(TopicSpec::new(topic.as_str(), 1)).expect("a new topic");
        }
    }
    let properties = [("cache.max.bytes.buffering", "0")];
    let server = Server::on(journal.clone(), clock, Execution::Manual, &properties);
    let request = Request::new(&*script.statements).with("auto.offset.reset", "earliest");
    if let Err(error) = server.engine.execute(&request) {
        return error.to_string().lines().map(|line| format!("error: {line}")).collect();
    }
    for chunk in script.inputs.chunks(batch) {
        for (topic, record) in chunk {
            let partition = TopicPartition::new(topic.as_str(), 0);
            journal.append(&partition, vec![record.clone()]).expect("an append");
        }
        server.engine.run_until_idle();
    }
    let catalog = server.engine.catalog();
    let source = catalog.sources.values().find(|s| s.topic == script.sink);
    let window = source.and_then(|source| source.window);
    let sink = TopicPartition::new(script.sink.as_str(), 0);
    let fetched = journal.read(&sink, Offset::ZERO, 1 << 24).expect("the sink is there");
    fetched.records.iter().map(|(_, record)| shown(record, window)).collect()
}

fn shown(record: &Record, window: Option<WindowInfo>) -> String {
    let text = |bytes: &Option<Bytes>| match bytes {
        None => "null".to_owned(),
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    let key = match (&record.key, window) {
        (Some(key), Some(window)) => {
            let split = stream::operators::source::split_window(key, window);
            let (key, bounds) = split.expect("a windowed key");
            let key = String::from_utf8_lossy(key);
            format!("{key} [{}..{}]", bounds.start_ms, bounds.end_ms)
        }
        (key, _) => text(key),
    };
    format!("{key} {} @{}", text(&record.value), record.timestamp)
}

fn check(path: &Path) {
    let text = std::fs::read_to_string(path).expect("the script can be read");
    let script = read(&text);
    let mut first: Option<Vec<String>> = None;
    for batch in [1, 1000] {
        for on_disk in [false, true] {
            let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
            let folder = tempfile::tempdir().expect("a folder");
            let journal: Arc<dyn Journal> = if on_disk {
                let options = EmbeddedOptions {
                    fsync: Fsync::None,
                    clock: clock.clone(),
                    ..Default::default()
                };
                Arc::new(EmbeddedJournal::open(folder.path(), options).expect("a journal"))
            } else {
                Arc::new(MemoryJournal::new(clock.clone()))
            };
            let rows = run(&script, journal, clock, batch);
            let expected = first.get_or_insert_with(|| rows.clone());
            assert_eq!(&rows, expected, "{}: batches of {batch}, disk {on_disk}", path.display());
        }
    }
    let rows = first.unwrap_or_default();
    if std::env::var_os("ACCEPT").is_some() {
        std::fs::write(path, script.head + &rows.join("\n") + "\n").expect("it can be written");
        return;
    }
    assert_eq!(rows, script.expected, "{}", path.display());
}

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() { paths.extend(scripts(&path)) } else { paths.push(path) }
    }
    paths.sort();
    paths
}

#[test]
fn golden_scripts_give_what_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testscripts");
    let paths = scripts(&folder);
    assert!(paths.len() > 10, "the scripts are here");
    paths.iter().for_each(|path| check(path));
}

/// Parts of several operators: no operators themselves.
const PARTS: [&str; 2] = ["join", "keys"];

#[test]
fn every_operator_has_its_scripts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: PathBuf| -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("the folder can be read");
        let stem = |path: PathBuf| path.file_stem().map(|s| s.to_string_lossy().into_owned());
        let mut names: Vec<_> =
            entries.filter_map(|entry| stem(entry.expect("an entry").path())).collect();
        names.sort();
        names.dedup();
        names
    };
    let mut operators = names(root.join("src/operators"));
    operators.retain(|name| !PARTS.contains(&name.as_str()));
    assert_eq!(names(root.join("testscripts")), operators);
}
