//! Golden scripts: each file in `testscripts` is run on every backend and must say the same on all.
//!
//! A script has commands, each a line that starts with `> `, with what they answered behind them;
//! lines with `#` are remarks. `GOLDEN_ACCEPT=1 cargo test -p journal` writes the answers anew.
//!
//! A record is written `key=value@time{header:value}`, all but the value optional; `~` is null.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use journal::{
    CleanupPolicy, Commit, EmbeddedJournal, EmbeddedOptions, Fetched, Fsync, GroupId, Journal,
    MemoryJournal, RetentionOptions, TopicSpec,
};
use model::{Header, ManualClock, Offset, Record, TimestampMs, TopicPartition};

type Answer = Result<String, String>;

#[derive(Clone, Copy, Debug)]
enum Backend {
    Memory,
    /// A segment for each append, so that clean-up can be watched.
    SmallSegments,
    /// Nothing flushed, one segment for all; for scripts without clean-up.
    Unflushed,
}

struct Runner {
    backend: Backend,
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
    journal: Option<Arc<dyn Journal>>,
}

#[test]
fn every_script_says_the_same_on_every_backend() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testscripts");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let script = fs::read_to_string(&path).unwrap();
        let mut backends = vec![Backend::Memory, Backend::SmallSegments];
        if !script.contains("> maintain") {
            backends.push(Backend::Unflushed);
        }
        for backend in backends {
            let actual = Runner::new(backend).run(&script);
            if std::env::var_os("GOLDEN_ACCEPT").is_some() && matches!(backend, Backend::Memory) {
                fs::write(&path, &actual).unwrap();
            }
            let expect = fs::read_to_string(&path).unwrap();
            assert_eq!(actual, expect, "{} on {backend:?}", path.display());
        }
    }
}

impl Runner {
    fn new(backend: Backend) -> Self {
        let clock = Arc::new(ManualClock::at(TimestampMs(1000)));
        let directory = tempfile::tempdir().unwrap();
        let mut runner = Self { backend, directory, clock, journal: None };
        runner.open();
        runner
    }

    fn open(&mut self) {
        let retention = RetentionOptions {
            tombstone_delay: Duration::from_secs(10),
            dirty_ratio_min: 0.0,
            ..RetentionOptions::default()
        };
        let (segment_bytes, fsync) = match self.backend {
            Backend::Memory => {
                let memory = MemoryJournal::with_options(self.clock.clone(), retention, 1000);
                self.journal.get_or_insert_with(|| Arc::new(memory));
                return;
            }
            Backend::SmallSegments => (1, Fsync::Group),
            Backend::Unflushed => (1 << 20, Fsync::None),
        };
        self.journal = None;
        let options = EmbeddedOptions {
            fsync,
            segment_bytes,
            max_record_bytes: 1000,
            retention,
            clock: self.clock.clone(),
            ..EmbeddedOptions::default()
        };
        let journal = EmbeddedJournal::open(self.directory.path(), options).unwrap();
        self.journal = Some(Arc::new(journal));
    }

    fn run(&mut self, script: &str) -> String {
        let mut out = String::new();
        for line in script.lines() {
            if let Some(command) = line.strip_prefix("> ") {
                writeln!(out, "{line}").unwrap();
                match self.execute(command) {
                    Ok(answer) => writeln!(out, "{answer}").unwrap(),
                    Err(error) => writeln!(out, "error: {error}").unwrap(),
                }
            } else if line.is_empty() || line.starts_with('#') {
                writeln!(out, "{line}").unwrap();
            }
        }
        out
    }

    fn execute(&mut self, command: &str) -> Answer {
        let words: Vec<&str> = command.split_whitespace().collect();
        let journal = self.journal.clone().unwrap();
        match words[..] {
            ["create", name, partitions, ref settings @ ..] => {
                let info = journal.create_topic(spec(name, partitions, settings)).map_err(text)?;
                Ok(format!("incarnation {}", info.incarnation))
            }
            ["delete", name] => done(journal.delete_topic(name)),
            ["topics"] => Ok(list(journal.topics().iter().map(|topic| {
                let spec = &topic.spec;
                format!("{} {} {:?}", spec.name, spec.partitions, spec.cleanup)
            }))),
            ["append", to, ref records @ ..] => {
                let records = records.iter().map(|r| record(r)).collect();
                let offset = journal.append(&partition(to), records).map_err(text)?;
                Ok(format!("at {offset}"))
            }
            ["commit", ref parts @ ..] => {
                let firsts = journal.commit(commit(parts)).map_err(text)?;
                Ok(format!("at {}", list(firsts.iter().map(Offset::to_string))))
            }
            ["read", from, offset, ref max @ ..] => {
                let max_bytes = max.first().map_or(1 << 20, |max| max.parse().unwrap());
                let fetched = journal.read(&partition(from), Offset(number(offset)), max_bytes);
                fetched.map(show).map_err(text)
            }
            ["bounds", of] => {
                let bounds = journal.bounds(&partition(of)).map_err(text)?;
                Ok(format!("{} to {}", bounds.start, bounds.end))
            }
            ["at", of, time] => {
                let offset = journal.offset_at(&partition(of), TimestampMs(number(time)));
                offset.map(|offset| offset.to_string()).map_err(text)
            }
            ["committed", group] => {
                let committed = journal.committed(&GroupId(group.into()));
                Ok(list(committed.iter().map(|(partition, at)| format!("{partition}={at}"))))
            }
            ["groups"] => Ok(list(journal.groups().iter().map(|group| group.0.to_string()))),
            ["forget", group] => done(journal.delete_group(&GroupId(group.into()))),
            ["clock", time] => {
                self.clock.set(TimestampMs(number(time)));
                Ok("ok".to_owned())
            }
            ["wait", seen] => {
                Ok(format!("mark {}", journal.wait(number(seen) as u64, Duration::ZERO)))
            }
            ["maintain"] => done(journal.maintain()),
            ["reopen"] => {
                drop(journal);
                self.open();
                Ok("ok".to_owned())
            }
            _ => panic!("no such command: {command}"),
        }
    }
}

fn spec(name: &str, partitions: &str, settings: &[&str]) -> TopicSpec {
    let mut spec = TopicSpec::new(name, partitions.parse().unwrap());
    for setting in settings {
        match setting.split_once('=').unwrap() {
            ("cleanup", "compact") => spec.cleanup = CleanupPolicy::Compact,
            ("cleanup", "both") => spec.cleanup = CleanupPolicy::CompactDelete,
            ("retention_ms", ms) => {
                spec.retention = Some(Duration::from_millis(ms.parse().unwrap()));
            }
            ("retention_bytes", bytes) => spec.retention_bytes = Some(bytes.parse().unwrap()),
            other => panic!("no such setting: {other:?}"),
        }
    }
    spec
}

fn commit(parts: &[&str]) -> Commit {
    let mut commit = Commit::default();
    for part in parts {
        match part.strip_prefix("group:") {
            None => {
                let (to, records) = part.split_once(':').unwrap();
                let records = records.split(',').filter(|r| !r.is_empty()).map(record).collect();
                commit.records.push((partition(to), records));
            }
            Some(progress) => {
                let (group, progress) = progress.split_once(':').unwrap();
                let (of, offset) = progress.split_once('=').unwrap();
                commit.offsets.push((GroupId(group.into()), partition(of), Offset(number(offset))));
            }
        }
    }
    commit
}

fn record(text: &str) -> Record {
    let nullable = |text: &str| (text != "~").then(|| Bytes::from(text.to_owned()));
    let (text, headers) = match text.split_once('{') {
        None => (text, Vec::new()),
        Some((text, headers)) => {
            let headers = headers.trim_end_matches('}').split(';').map(|header| {
                let (name, value) = header.split_once(':').unwrap();
                Header { name: name.to_owned(), value: nullable(value) }
            });
            (text, headers.collect())
        }
    };
    let (text, time) = text.split_once('@').unwrap_or((text, "0"));
    let (key, value) = text.split_once('=').unwrap_or(("~", text));
    let value = match value.strip_prefix('*') {
        // `*500` stands for that many letters.
        Some(length) => Some(Bytes::from("x".repeat(length.parse().unwrap()))),
        None => nullable(value),
    };
    Record { key: nullable(key), value, timestamp: TimestampMs(number(time)), headers }
}

fn show(fetched: Fetched) -> String {
    let nullable = |bytes: &Option<Bytes>| match bytes {
        None => "~".to_owned(),
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    let mut out = String::new();
    for ((offset, record), at) in fetched.records.iter().zip(&fetched.appended_at) {
        let key = nullable(&record.key);
        let value = nullable(&record.value);
        write!(out, "{offset}: {key}={value}@{}", record.timestamp).unwrap();
        let headers = record.headers.iter();
        let headers: Vec<_> =
            headers.map(|header| format!("{}:{}", header.name, nullable(&header.value))).collect();
        if !headers.is_empty() {
            write!(out, "{{{}}}", headers.join(";")).unwrap();
        }
        writeln!(out, " appended {at}").unwrap();
    }
    write!(out, "next {}", fetched.next).unwrap();
    out
}

fn partition(text: &str) -> TopicPartition {
    let (topic, number) = text.rsplit_once('-').unwrap();
    TopicPartition::new(topic, number.parse().unwrap())
}

fn number(text: &str) -> i64 {
    text.parse().unwrap()
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

fn done<E: std::fmt::Display>(result: Result<(), E>) -> Answer {
    result.map(|()| "ok".to_owned()).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
