//! PRINT: a topic's records as lines of text, whatever they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use journal::{Journal, ReadError};
use model::{Offset, Record, TopicPartition};
use sql::catalog::Catalog;
use tokio::sync::mpsc;

use super::failure::{Failure, internal};
use super::{Execution, Service};
use crate::print::{Printer, Shown};
use crate::push::{CloseGuard, PrintQuery, QUEUE_MESSAGES};
use crate::request::{RequestError, RequestErrorKind};

/// How long it waits for news before it looks whether anybody still listens.
const IDLE: Duration = Duration::from_millis(100);
/// About so much is read at once.
const BATCH_BYTES: usize = 256 << 10;

/// What PRINT asks for.
pub(super) struct PrintSpec<'a> {
    /// The topic as it was written.
    pub(super) topic: &'a str,
    /// From the oldest record on.
    pub(super) from_beginning: bool,
    /// Only every so-manieth record.
    pub(super) interval: u64,
    /// So many records.
    pub(super) limit: Option<u64>,
}

/// What is still to be read.
struct Reading {
    journal: Arc<dyn Journal>,
    positions: Vec<(TopicPartition, Offset)>,
    interval: u64,
    limit: Option<u64>,
    seen: u64,
}

impl Reading {
    /// The next records that are shown, and whether any was read.
    fn next(&mut self) -> Result<(Vec<Shown>, bool), ReadError> {
        let mut records: Vec<(u32, Record)> = Vec::new();
        for (partition, position) in &mut self.positions {
            let fetched = self.journal.read(partition, *position, BATCH_BYTES)?;
            *position = fetched.next;
            let number = partition.partition.0;
            records.extend(fetched.records.into_iter().map(|(_, record)| (number, record)));
        }
        records.sort_by_key(|(_, record)| record.timestamp);
        let was_read = !records.is_empty();
        let mut shown = Vec::new();
        for (partition, record) in records {
            let is_due = self.seen.is_multiple_of(self.interval);
            self.seen += 1;
            if is_due && self.limit != Some(0) {
                self.limit = self.limit.map(|limit| limit - 1);
                shown.push(Shown { partition, record });
            }
        }
        Ok((shown, was_read))
    }

    fn is_over(&self) -> bool {
        self.limit == Some(0)
    }
}

impl Service {
    pub(super) fn print(
        &self,
        spec: &PrintSpec<'_>,
        catalog: &Catalog,
    ) -> Result<PrintQuery, RequestError> {
        journal::check_shown(spec.topic)
            .map_err(|error| RequestError::new(RequestErrorKind::NoTopic, error.to_string()))?;
        let journal = self.options.journal.clone();
        let topic = journal.topic(spec.topic).ok_or_else(|| {
            let message = format!(
                "Could not find topic '{}'. Topic names are case-sensitive; \
                 SHOW TOPICS lists them.",
                spec.topic
            );
            RequestError::new(RequestErrorKind::NoTopic, message)
        })?;
        let permit = self.bounds.push()?;
        let mut positions = Vec::new();
        for number in 0..topic.spec.partitions {
            let partition = TopicPartition::new(topic.spec.name.clone(), number);
            let bounds = journal.bounds(&partition).map_err(|error| internal(&error))?;
            let start = if spec.from_beginning { bounds.start } else { bounds.end };
            positions.push((partition, start));
        }
        let mut reading =
            Reading { journal, positions, interval: spec.interval, limit: spec.limit, seen: 0 };
        let (sender, lines) = mpsc::channel(QUEUE_MESSAGES);
        let is_abandoned = Arc::new(AtomicBool::new(false));
        let guard = CloseGuard::new(is_abandoned.clone());
        let mut printer = Printer::new(spec.topic, catalog, &self.options.registry);
        // The first records say what the topic holds.
        let first = match reading.is_over() {
            true => Vec::new(),
            false => reading.next().map_err(|error| Failure::from(error).of_request())?.0,
        };
        let formats = if spec.limit == Some(0) { Vec::new() } else { printer.formats(&first) };
        if self.options.execution == Execution::Manual {
            for line in printer.lines(&first) {
                // A queue that is full is a test that asks for too much.
                let _ = sender.try_send(Ok(line));
            }
            return Ok(PrintQuery { formats, lines, guard, permit });
        }
        let is_shut_down = self.is_closed.clone();
        let topic = spec.topic.to_owned();
        let run = move || {
            let is_gone = || {
                is_abandoned.load(Ordering::Acquire)
                    || is_shut_down.load(Ordering::Acquire)
                    || sender.is_closed()
            };
            let mut shown = first;
            let mut mark = 0;
            loop {
                for line in printer.lines(&shown) {
                    if sender.blocking_send(Ok(line)).is_err() {
                        return;
                    }
                }
                if reading.is_over() || is_gone() {
                    return;
                }
                match reading.next() {
                    Ok((records, true)) => shown = records,
                    Ok((records, false)) => {
                        shown = records;
                        mark = reading.journal.wait(mark, IDLE);
                    }
                    Err(error) => {
                        tracing::warn!(topic, %error, "PRINT breaks off");
                        let _ = sender.blocking_send(Err(error.to_string()));
                        return;
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name(format!("print {}", spec.topic));
        thread.spawn(run).map_err(|error| internal(&error))?;
        Ok(PrintQuery { formats, lines, guard, permit })
    }
}
