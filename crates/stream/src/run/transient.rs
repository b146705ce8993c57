//! A push query's task (or a pull query's on a stream): reads, processes, hands rows to its client.
//! It has no position and no state that anybody else would ever see.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use journal::Journal;
use model::Clock;
use sql::ast::SourceKind;
use sql::catalog::Catalog;
use sql::plan::QueryPlan;
use tokio::sync::mpsc;

use crate::operators::Cycle;
use crate::processing_log::LogEntry;
use crate::push::{PushEvent, QueryEnd};
use crate::rows::RowBatch;
use crate::run::log_writer::LogWriter;
use crate::run::lost::told;
use crate::run::persistent::{MERGED_FROM_RECORDS, batch_bytes, topology_of};
use crate::run::reader::Reader;
use crate::run::shared::Shared;
use crate::run::start::{OffsetReset, SourceStart};
use crate::run::{TaskError, caught};
use crate::state::changelog::Changelog;
use crate::topology::{Topology, Tuning};

/// About so much is read for one batch: a few of them wait in the client's queue.
const BATCH_BYTES: usize = 256 << 10;
/// A client whose queue stays full for so long is cut off.
const SLOW_CLIENT: Duration = Duration::from_secs(30);

/// What a push query's task is made of.
pub struct TransientSpec {
    /// The query's id, as its client and the processing log know it.
    pub id: String,
    /// The steps of its statement, from sources to output.
    pub plan: Arc<QueryPlan>,
    /// The streams and tables as they were when it was started.
    pub catalog: Arc<Catalog>,
    /// What its topics are read from; its failed rows are committed to it.
    pub journal: Arc<dyn Journal>,
    /// Where the schemas of AVRO, PROTOBUF and JSON_SR are looked up.
    pub registry: Arc<dyn format::Registry>,
    /// "Now" for functions, and what says since when a client is slow.
    pub clock: Arc<dyn Clock>,
    /// Where to start; `None`: tables at the oldest, streams behind the newest record.
    pub offset_reset: Option<OffsetReset>,
    /// May changes of a key be told as one?
    pub merges: bool,
    /// All rows count as partition 0's (manual execution).
    pub single_partition: bool,
    /// What properties say about operators.
    pub tuning: Tuning,
    /// End where the topics end now.
    pub ends_now: bool,
    /// Writes failed rows to the processing log.
    pub log: Arc<LogWriter>,
    /// Whether it is to run, and how it is, for those who look at it.
    pub shared: Arc<Shared>,
    /// Set when the client is gone.
    pub is_abandoned: Arc<AtomicBool>,
    /// The client's queue.
    pub events: mpsc::Sender<PushEvent>,
}

/// A push query at work.
pub struct TransientTask {
    spec: TransientSpec,
    topology: Topology,
    reader: Reader,
    partitions: u32,
    batch_bytes: usize,
    rows_left: Option<u64>,
    blocked_since: Option<Duration>,
    is_over: bool,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stepped {
    /// Rows went through.
    Worked,
    /// There is nothing to do now.
    Idle,
    /// It has ended.
    Ended,
}

impl TransientTask {
    /// Opens a task.
    pub fn open(spec: TransientSpec) -> Result<Self, TaskError> {
        let topology = topology_of(&spec.plan, &spec.catalog, &spec.registry, spec.tuning)?;
        let start = SourceStart {
            journal: spec.journal.as_ref(),
            catalog: &spec.catalog,
            plan: &spec.plan,
            reset: spec.offset_reset.or(spec.ends_now.then_some(OffsetReset::Earliest)),
            committed: BTreeMap::new(),
            ends_now: spec.ends_now,
        };
        let partitions = start.partitions(topology.topics())?;
        let count = partitions.iter().map(|p| p.partition.partition.0 + 1).max().unwrap_or(1);
        let reader = Reader::new(spec.journal.clone(), partitions, topology.is_ordered());
        Ok(Self {
            batch_bytes: batch_bytes(BATCH_BYTES, &topology),
            topology,
            reader,
            partitions: count,
            rows_left: spec.plan.limit,
            blocked_since: None,
            is_over: false,
            spec,
        })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.spec.id
    }

    /// Reads, processes and hands over one batch. A panic ends this query with the words of it.
    pub fn step(&mut self) -> Stepped {
        match caught(|| self.step_uncaught()) {
            Ok(stepped) => stepped,
            Err(words) => {
                tracing::error!(query = self.spec.id, words, "a push query panicked");
                self.end(Some(QueryEnd::Failed(TaskError::Panicked(words).to_string())))
            }
        }
    }

    fn step_uncaught(&mut self) -> Stepped {
        if self.is_over {
            return Stepped::Ended;
        }
        if self.spec.is_abandoned.load(Ordering::Acquire) || self.spec.events.is_closed() {
            return self.end(None);
        }
        if self.spec.shared.is_closed() {
            return self.end(Some(QueryEnd::Terminated));
        }
        if self.rows_left == Some(0) {
            return self.end(Some(QueryEnd::LimitReached));
        }
        // The last place in the queue is for the end.
        if self.spec.events.capacity() < 2 {
            let now = self.spec.clock.monotonic();
            let since = *self.blocked_since.get_or_insert(now);
            if now.saturating_sub(since) < SLOW_CLIENT {
                return Stepped::Idle;
            }
            let seconds = SLOW_CLIENT.as_secs();
            let words = format!("the client took no row for {seconds} s; the query was ended");
            return self.end(Some(QueryEnd::TooSlow(words)));
        }
        self.blocked_since = None;
        match self.batch() {
            Ok(true) => Stepped::Worked,
            Ok(false) if self.reader.is_at_end() && self.spec.ends_now => {
                self.end(Some(QueryEnd::Completed))
            }
            Ok(false) => Stepped::Idle,
            Err(error) => self.end(Some(QueryEnd::Failed(error.to_string()))),
        }
    }

    fn batch(&mut self) -> Result<bool, TaskError> {
        let incoming = self.reader.poll(self.batch_bytes)?;
        let lost = self.reader.take_lost();
        if !lost.is_empty() {
            let (count, log) = told(&self.spec.id, &lost);
            self.note(&log)?;
            self.spec.shared.progressed(0, 0, count, None);
        }
        if incoming.is_empty() {
            return Ok(false);
        }
        let now = self.spec.clock.now();
        let mut log: Vec<LogEntry> = Vec::new();
        let mut cycle = Cycle {
            now_ms: now.0,
            semantics: self.spec.tuning.semantics,
            merge: self.spec.merges && incoming.len() >= MERGED_FROM_RECORDS,
            single_partition: self.spec.single_partition,
            partitions: self.partitions,
            query: &self.spec.id,
            log: &mut log,
        };
        let batch = self.topology.run(&incoming, &mut cycle)?;
        // Nobody will restore this state; what piled up for the changelog is let go.
        self.topology.flush(&mut Changelog::default());
        if !log.is_empty() {
            self.note(&log)?;
        }
        let newest = incoming.newest_ms();
        self.spec.shared.progressed(incoming.len(), batch.rows, log.len(), newest);
        let batch = match self.spec.plan.kind {
            SourceKind::Table => batch,
            SourceKind::Stream => {
                let present = crate::batch::present_bits(batch.new.present.as_ref(), batch.rows);
                batch.filter(&present)
            }
        };
        if batch.rows == 0 {
            return Ok(true);
        }
        let columns = self.spec.plan.output_columns.iter();
        let mut rows = RowBatch {
            columns: columns.map(|&at| batch.new.columns[at].clone()).collect(),
            rows: batch.rows,
            present: batch.new.present,
        };
        if let Some(left) = &mut self.rows_left {
            rows = rows.take_first(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= rows.rows as u64;
        }
        // A client that has gone in the meantime is noticed at the next step.
        let _ = self.spec.events.try_send(PushEvent::Rows(rows));
        if self.rows_left == Some(0) {
            self.end(Some(QueryEnd::LimitReached));
        }
        Ok(true)
    }

    /// Writes to the processing log.
    fn note(&self, log: &[LogEntry]) -> Result<(), TaskError> {
        let records = vec![self.spec.log.records(log, self.spec.clock.now())];
        self.spec.journal.commit(journal::Commit { records, offsets: Vec::new() })?;
        Ok(())
    }

    fn end(&mut self, end: Option<QueryEnd>) -> Stepped {
        self.is_over = true;
        if let Some(end) = end {
            // Only a client that has gone misses the end.
            let _ = self.spec.events.try_send(PushEvent::End(end));
        }
        self.spec.shared.close();
        Stepped::Ended
    }
}
