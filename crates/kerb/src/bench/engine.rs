//! An engine on a durable journal of its own, topics filled before it starts, and how long its
//! queries take to read them: what the benchmarks of SQL have in common.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use journal::embedded::{EmbeddedJournal, EmbeddedOptions, Fsync};
use journal::{Journal, TopicSpec};
use model::{Clock, Record, SystemClock, TimestampMs, TopicPartition, Value};
use stream::answer::AnswerBody;
use stream::connectors::NoConnectors;
use stream::{Engine, EngineOptions, Execution, QueryAnswer, Request};

use super::Figures;
use super::measure::{Directory, cpu_s, peak_rss_bytes, reset_peak_rss};

/// How many rows go into one append while a topic is filled, and how many lie in memory at a time
/// while a plain loop reads them.
const BATCH_ROWS: u64 = 1000;
const PLAIN_ROWS: u64 = 100 * BATCH_ROWS;
/// How often the queries are looked at.
const LOOK: Duration = Duration::from_millis(2);
/// A run that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(600);

/// A row of a benchmark as it lies in its topic.
pub(super) struct Line {
    /// The record's key, if it has one.
    pub(super) key: Option<String>,
    /// The record's value.
    pub(super) value: String,
    /// When it happened, milliseconds.
    pub(super) time_ms: i64,
}

/// An engine that is measured.
pub(super) struct MeasuredEngine {
    engine: Engine,
    journal: Arc<dyn Journal>,
    clock: SystemClock,
    // Removed when the engine is.
    _directory: Directory,
}

impl MeasuredEngine {
    /// An engine on an empty journal.
    pub(super) fn open(name: &str) -> Result<Self> {
        let clock = SystemClock::default();
        let directory = Directory::new(name)?;
        let journal: Arc<dyn Journal> = Arc::new(EmbeddedJournal::open(
            directory.path(),
            EmbeddedOptions { fsync: Fsync::Group, clock: Arc::new(clock), ..Default::default() },
        )?);
        let engine = Engine::open(EngineOptions {
            service_id: "bench_".into(),
            journal: Arc::clone(&journal),
            registry: Arc::new(format::registry::MemoryRegistry::new()),
            clock: Arc::new(clock),
            connectors: Arc::new(NoConnectors),
            execution: Execution::Threads,
            properties: BTreeMap::new(),
        })?;
        Ok(Self { engine, journal, clock, _directory: directory })
    }

    /// Makes a topic of the lines `line` gives for `0..count`.
    pub(super) fn fill(&self, topic: &str, count: u64, line: impl Fn(u64) -> Line) -> Result<()> {
        self.journal.create_topic(TopicSpec::new(topic, 1))?;
        let place = TopicPartition::new(topic, 0);
        let record = |row| {
            let Line { key, value, time_ms } = line(row);
            let (key, value) = (key.map(Bytes::from), Some(Bytes::from(value)));
            Record { key, value, timestamp: TimestampMs(time_ms), headers: Vec::new() }
        };
        for from in (0..count).step_by(BATCH_ROWS as usize) {
            let until = (from + BATCH_ROWS).min(count);
            self.journal.append(&place, (from..until).map(record).collect())?;
        }
        Ok(())
    }

    /// Runs statements whose `queries` queries read `records` records each, until all of them have;
    /// `rows` of the records are what is counted.
    pub(super) async fn measure(
        &self,
        statements: &str,
        queries: usize,
        records: u64,
        rows: u64,
    ) -> Result<Figures> {
        reset_peak_rss();
        let (cpu_before, began) = (cpu_s(), self.clock.monotonic());
        self.engine.execute(&Request::new(statements).with("auto.offset.reset", "earliest"))?;
        while self.finished(records)? < queries {
            if self.clock.monotonic() - began > PATIENCE {
                bail!("the queries were not finished in {PATIENCE:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
        let took = self.clock.monotonic() - began;
        Ok(Figures {
            rows: Some(rows),
            rows_per_s: Some(rows as f64 / took.as_secs_f64()),
            cpu_s: cpu_before.and_then(|before| Some(cpu_s()? - before)),
            peak_rss_bytes: peak_rss_bytes(),
            ..Figures::default()
        })
    }

    /// How many queries have read all of their records?
    fn finished(&self, records: u64) -> Result<usize> {
        let mut done = 0;
        for answer in self.engine.execute(&Request::new("SHOW QUERIES EXTENDED;"))? {
            let AnswerBody::QueryDescriptions(queries) = answer.body else { continue };
            for progress in queries.iter().filter_map(|q| q.progress.as_ref()) {
                if let Some(error) = &progress.last_error {
                    bail!("a query failed: {error}");
                }
                done += usize::from(progress.rows_in >= records);
            }
        }
        Ok(done)
    }

    /// The rows of a pull query.
    pub(super) fn pull(&self, query: &str) -> Result<Vec<Vec<Value>>> {
        let QueryAnswer::Pull(pull) = self.engine.query(&Request::new(query))? else {
            bail!("a pull query was not answered as one");
        };
        Ok((0..pull.rows.rows).map(|row| pull.rows.row(&pull.header.schema, row)).collect())
    }

    /// Ends its queries.
    pub(super) fn shut_down(self) {
        self.engine.shutdown();
    }
}

/// How long a plain loop takes over the lines `0..count`: they lie in memory, as a topic's lie in
/// the file cache, and making them is not counted.
pub(super) fn time_plain(
    count: u64,
    line: impl Fn(u64) -> Line,
    mut each: impl FnMut(&Line) -> Result<()>,
) -> Result<Duration> {
    let clock = SystemClock::default();
    let mut took = Duration::ZERO;
    for from in (0..count).step_by(PLAIN_ROWS as usize) {
        let lines: Vec<Line> = (from..(from + PLAIN_ROWS).min(count)).map(&line).collect();
        let began = clock.monotonic();
        lines.iter().try_for_each(&mut each)?;
        took += clock.monotonic() - began;
    }
    Ok(took)
}

impl Figures {
    /// With what they were measured beside, and whether the answers are equal.
    pub(super) fn beside(
        self,
        name: &str,
        baseline: &'static str,
        took: Duration,
        answers_equal: bool,
    ) -> Self {
        let rate = self.rows.map(|rows| rows as f64 / took.as_secs_f64());
        Figures {
            name: name.into(),
            baseline: Some(baseline),
            baseline_rows_per_s: rate,
            ratio: self.rows_per_s.zip(rate).map(|(ours, plain)| ours / plain),
            answers_equal: Some(answers_equal),
            ..self
        }
    }
}
