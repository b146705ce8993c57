//! How fast the embedded journal is, for `kerb bench append` and `kerb bench read`: numbers of rows
//! go in, figures come out.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use model::{Clock, Offset, Record, SystemClock, TopicPartition};

use crate::embedded::{EmbeddedJournal, EmbeddedOptions, Fsync};
use crate::error::{CreateTopicError, OpenError, ReadError};
use crate::journal::{Journal, TopicSpec};

/// Bytes of a generated record: key and value.
pub const RECORD_BYTES: usize = 110;
/// What one read asks for.
const READ_BYTES: usize = 1 << 20;
const KEY_BYTES: usize = 10;
const TOPIC: &str = "bench";

/// What a benchmark found.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// How many rows were appended or read.
    pub rows: u64,
    /// How long that took.
    pub elapsed: Duration,
    /// How long each append or read took: the median and the 99th of a hundred, in milliseconds.
    pub p50_ms: f64,
    /// See `p50_ms`.
    pub p99_ms: f64,
}

impl Figures {
    /// Rows a second.
    pub fn rows_per_s(&self) -> f64 {
        self.rows as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// A benchmark could not be run.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The journal could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The topic could not be made.
    #[error(transparent)]
    Create(#[from] CreateTopicError),
    /// A write failed.
    #[error(transparent)]
    Append(#[from] crate::error::AppendError),
    /// A read failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was read is not what was written.
    #[error("{read} of {written} rows were read back")]
    Missing {
        /// Rows that came back.
        read: u64,
        /// Rows there should be.
        written: u64,
    },
}

/// What [`bench_append`] is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AppendBench {
    /// How many records of [`RECORD_BYTES`] to append.
    pub rows: u64,
    /// How many go into one append.
    pub batch_records: u64,
    /// How many threads append at a time, to one partition.
    pub writers: u64,
    /// The journal's policy.
    pub fsync: Fsync,
}

impl Default for AppendBench {
    fn default() -> Self {
        Self { rows: 1_000_000, batch_records: 1000, writers: 1, fsync: Fsync::Group }
    }
}

/// Appends records to a new journal in `directory` (an empty one). Making the records is not
/// counted if there is one writer, and is if there are several.
pub fn bench_append(bench: AppendBench, directory: &Path) -> Result<Figures, BenchError> {
    let options = EmbeddedOptions { fsync: bench.fsync, ..EmbeddedOptions::default() };
    let journal = EmbeddedJournal::open(directory, options)?;
    journal.create_topic(TopicSpec::new(TOPIC, 1))?;
    let next = AtomicU64::new(0);
    let clock = SystemClock::default();
    let start = clock.monotonic();
    let watches = thread::scope(|scope| {
        let write = || append_all(&journal, &bench, &next);
        let writers: Vec<_> = (0..bench.writers.max(1)).map(|_| scope.spawn(write)).collect();
        let watches = writers
            .into_iter()
            .map(|writer| writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        watches.collect::<Result<Vec<_>, _>>()
    })?;
    let elapsed = clock.monotonic() - start;
    let watch = Watch { clock, calls: watches.into_iter().flat_map(|w| w.calls).collect() };
    let mut figures = watch.figures(bench.rows);
    if bench.writers > 1 {
        figures.elapsed = elapsed;
    }
    Ok(figures)
}

/// Appends batches until `next` has reached the number of rows.
fn append_all(
    journal: &EmbeddedJournal,
    bench: &AppendBench,
    next: &AtomicU64,
) -> Result<Watch, BenchError> {
    let partition = TopicPartition::new(TOPIC, 0);
    let mut watch = Watch::default();
    loop {
        let first = next.fetch_add(bench.batch_records.max(1), Ordering::Relaxed);
        if first >= bench.rows {
            return Ok(watch);
        }
        let batch = records(first, bench.rows.min(first + bench.batch_records.max(1)));
        watch.time(|| journal.append(&partition, batch))?;
    }
}

/// Reads back what [`bench_append`] left in `directory`, from the first record to the last.
pub fn bench_read(rows: u64, directory: &Path) -> Result<Figures, BenchError> {
    let journal = EmbeddedJournal::open(directory, EmbeddedOptions::default())?;
    let partition = TopicPartition::new(TOPIC, 0);
    let mut watch = Watch::default();
    let mut read = 0;
    let mut next = Offset::ZERO;
    loop {
        let fetched = watch.time(|| journal.read(&partition, next, READ_BYTES))?;
        if fetched.records.is_empty() {
            break;
        }
        read += fetched.records.len() as u64;
        next = fetched.next;
    }
    match read == rows {
        true => Ok(watch.figures(rows)),
        false => Err(BenchError::Missing { read, written: rows }),
    }
}

fn records(first: u64, end: u64) -> Vec<Record> {
    let record = |n: u64| Record {
        key: Some(Bytes::from(format!("{:0KEY_BYTES$}", n % 1000))),
        value: Some(Bytes::from(format!("{n:0width$}", width = RECORD_BYTES - KEY_BYTES))),
        timestamp: model::TimestampMs(1_600_000_000_000 + n as i64),
        headers: Vec::new(),
    };
    (first..end).map(record).collect()
}

/// Adds up how long calls take.
#[derive(Debug, Default)]
struct Watch {
    clock: SystemClock,
    calls: Vec<Duration>,
}

impl Watch {
    fn time<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let start = self.clock.monotonic();
        let result = call();
        self.calls.push(self.clock.monotonic() - start);
        result
    }

    fn figures(mut self, rows: u64) -> Figures {
        let elapsed = self.calls.iter().sum();
        self.calls.sort_unstable();
        let at = |part: f64| {
            let index = (self.calls.len() as f64 * part) as usize;
            let call = self.calls.get(index.min(self.calls.len().saturating_sub(1)));
            call.copied().unwrap_or_default().as_secs_f64() * 1000.0
        };
        Figures { rows, elapsed, p50_ms: at(0.5), p99_ms: at(0.99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let bench = AppendBench { rows: 2500, writers: 2, ..AppendBench::default() };
        let appended = bench_append(bench, directory.path()).unwrap();
        let read = bench_read(2500, directory.path()).unwrap();
        assert_eq!((appended.rows, read.rows), (2500, 2500));
        assert!(appended.p50_ms <= appended.p99_ms && read.rows_per_s() > 0.0);
        let record = &records(7, 8)[0];
        let bytes = record.key.as_ref().unwrap().len() + record.value.as_ref().unwrap().len();
        assert_eq!(bytes, RECORD_BYTES);
    }
}
