//! A persistent query's task: read, process, commit; and its way back after a restart.
//!
//! Outputs, changed state and positions are one commit, so after a crash nothing is missing and
//! nothing is there twice: the task opens its state as of the last commit and reads on from there.

use std::collections::BTreeSet;
use std::sync::Arc;

use journal::{CleanupPolicy, Commit, GroupId, Journal, TopicSpec};
use model::{Clock, Offset, TopicPartition};
use sql::catalog::Catalog;
use sql::plan::QueryPlan;

use crate::batch::Batch;
use crate::operators::Cycle;
use crate::operators::sink::{ReadBack, SinkWriter};
use crate::operators::source::Incoming;
use crate::processing_log::LogEntry;
use crate::run::TaskError;
use crate::run::background::BackgroundCommit;
use crate::run::complaints::Complaints;
use crate::run::log_writer::LogWriter;
use crate::run::lost::{Lost, told};
use crate::run::reader::Reader;
use crate::run::shared::Shared;
use crate::run::start::{OffsetReset, SourceStart};
use crate::state::changelog::{Changelog, Entry, LAYOUT_VERSION, StoreId};
use crate::topology::outline::continues;
use crate::topology::{Surroundings, Topology, Tuning, is_source_store};
use crate::view::{Restoring, View, ViewChanges};

/// About so much is read for one batch of a long backlog.
const BATCH_BYTES: usize = 1 << 20;
/// So much is read before it is known to be long: less memory, for all queries that never have one.
const BATCH_BYTES_FIRST: usize = 256 << 10;
/// A backlog is long from so many batches on.
const BATCHES_FIRST: u32 = 4;
/// So much of a changelog is read at once.
const CHANGELOG_BYTES: usize = 2 << 20;
/// So much is read where a row belongs to very many windows, and after a panic.
const BATCH_BYTES_MIN: usize = 4 << 10;
/// So many windows of a row cost no more than reading it.
const WINDOWS_FOR_FREE: u64 = 16;
/// From so many records on, several changes of a key within a batch are told as one, if they may
/// be.
pub(crate) const MERGED_FROM_RECORDS: usize = 1024;
/// From so many records on, a batch is a backlog's: the next one is processed while this one is
/// made durable. Smaller ones are committed at once, as somebody waits for them.
const BACKLOG_RECORDS: usize = 1024;

/// What a persistent query's task is made of.
#[derive(Clone)]
pub struct TaskSpec {
    /// The query's id, as SHOW QUERIES and the processing log name it.
    pub id: String,
    /// The steps of its statement, from sources to sink.
    pub plan: Arc<QueryPlan>,
    /// The streams and tables as they were when it was started.
    pub catalog: Arc<Catalog>,
    /// What its topics are read from and its results committed to.
    pub journal: Arc<dyn Journal>,
    /// Where the schemas of AVRO, PROTOBUF and JSON_SR are looked up and registered.
    pub registry: Arc<dyn format::Registry>,
    /// What stamps changelog and processing log, and spaces complaints out.
    pub clock: Arc<dyn Clock>,
    /// The consumer group whose committed offsets are the query's positions.
    pub group: GroupId,
    /// The topic its state is folded from after a restart.
    pub changelog: Arc<str>,
    /// Where to start; `None`: tables at the oldest, streams behind the newest record.
    pub offset_reset: Option<OffsetReset>,
    /// May changes of a key be told as one, as long as nobody reads the sink
    /// ([`Shared::is_unread`])?
    pub merges: bool,
    /// All rows count as partition 0's, and are written to it (manual execution).
    pub single_partition: bool,
    /// What properties say about operators.
    pub tuning: Tuning,
    /// Writes failed rows to the processing log.
    pub log: Arc<LogWriter>,
    /// Whether it is to run, and how it is, for those who look at it.
    pub shared: Arc<Shared>,
    /// The committed rows of its result, if that is a table.
    pub view: Option<Arc<View>>,
}

/// A persistent query at work.
pub struct PersistentTask {
    spec: TaskSpec,
    topology: Topology,
    reader: Reader,
    sink: Option<SinkWriter>,
    read_back: Option<ReadBack>,
    partitions: u32,
    /// The most that is read for one batch; where that is less than usual, it stays so.
    batch_bytes: usize,
    /// How many batches of a backlog were read one after the other.
    backlog: u32,
    changelog: TopicPartition,
    outline_is_written: bool,
    /// State that no operator has any more: to be taken out of the changelog.
    left_over: BTreeSet<(StoreId, Box<[u8]>)>,
    under_way: Option<UnderWay>,
    complaints: Complaints,
}

/// A commit that is being made durable, and what becomes visible with it.
struct UnderWay {
    commit: Arc<BackgroundCommit>,
    outcome: Outcome,
}

/// What becomes visible once a batch is committed.
struct Outcome {
    view_changes: Option<ViewChanges>,
    rows_in: usize,
    rows_out: usize,
    errors: usize,
    newest: Option<i64>,
}

/// The topology of a query that is to run for good.
pub fn topology_of(
    plan: &QueryPlan,
    catalog: &Catalog,
    registry: &Arc<dyn format::Registry>,
    tuning: Tuning,
) -> Result<Topology, TaskError> {
    let mut needed = vec![false; plan.root.schema.columns.len()];
    plan.output_columns.iter().for_each(|&at| needed[at] = true);
    let surroundings = Surroundings { catalog, registry, tuning };
    Ok(Topology::new(&plan.root, needed, &surroundings)?)
}

impl PersistentTask {
    /// Opens a task: its state as of the last commit, its positions, its sink.
    pub fn open(spec: TaskSpec) -> Result<Self, TaskError> {
        let topology = topology_of(&spec.plan, &spec.catalog, &spec.registry, spec.tuning)?;
        let start = SourceStart {
            journal: spec.journal.as_ref(),
            catalog: &spec.catalog,
            plan: &spec.plan,
            reset: spec.offset_reset,
            committed: spec.journal.committed(&spec.group),
            ends_now: false,
        };
        let partitions = start.partitions(topology.topics())?;
        let count = partitions.iter().map(|p| p.partition.partition.0 + 1).max().unwrap_or(1);
        let sink = match &spec.plan.sink {
            Some(sink) => {
                let topic = spec.journal.topic(&sink.topic);
                let topic = topic.ok_or_else(|| TaskError::NoTopic(sink.topic.clone()))?;
                let partitions = topic.spec.partitions;
                Some(SinkWriter::new(&spec.plan, sink, partitions, &spec.registry)?)
            }
            None => None,
        };
        let read_back = match &spec.plan.sink {
            Some(sink) => ReadBack::new(&spec.plan, sink, &spec.registry)?,
            None => None,
        };
        let reader = Reader::new(spec.journal.clone(), partitions, topology.is_ordered());
        let changelog = TopicPartition::new(spec.changelog.clone(), 0);
        let mut task = Self {
            batch_bytes: batch_bytes(BATCH_BYTES, &topology),
            backlog: 0,
            topology,
            reader,
            sink,
            read_back,
            partitions: count,
            changelog,
            outline_is_written: false,
            left_over: BTreeSet::new(),
            under_way: None,
            complaints: Complaints::default(),
            spec,
        };
        task.restore()?;
        task.keep_first_positions()?;
        Ok(task)
    }

    fn has_changelog(&self) -> bool {
        self.topology.has_state() || self.spec.view.is_some()
    }

    /// Folds the changelog. Whoever looks at the view sees what was there before until all is read.
    fn restore(&mut self) -> Result<(), TaskError> {
        let mut rows = Restoring::default();
        if self.has_changelog() && self.spec.journal.topic(&self.spec.changelog).is_some() {
            self.fold(&mut rows)?;
        }
        if let Some(view) = &self.spec.view {
            view.restored(rows);
        }
        Ok(())
    }

    fn fold(&mut self, rows: &mut Restoring) -> Result<(), TaskError> {
        let mut from = Offset::ZERO;
        loop {
            let fetched = self.spec.journal.read(&self.changelog, from, CHANGELOG_BYTES)?;
            if fetched.records.is_empty() && fetched.next == from {
                break;
            }
            for (_, record) in &fetched.records {
                self.restore_entry(record, rows)?;
            }
            from = fetched.next;
        }
        self.topology.restored()?;
        Ok(())
    }

    fn restore_entry(
        &mut self,
        record: &model::Record,
        rows: &mut Restoring,
    ) -> Result<(), TaskError> {
        match Entry::read(record) {
            None => Ok(()),
            Some(Entry::Outline { version, outline }) => {
                let ours = self.topology.outline();
                self.outline_is_written = outline == ours.as_bytes();
                let goes_on = version == LAYOUT_VERSION
                    && std::str::from_utf8(outline).is_ok_and(|outline| continues(outline, ours));
                if goes_on { Ok(()) } else { Err(TaskError::OtherOutline) }
            }
            // Of a plan before, in which this source had a filter.
            Some(Entry::Change { store, key, value })
                if is_source_store(store) && !self.topology.has_store(store) =>
            {
                let entry = (store, key.into());
                match value {
                    Some(_) => self.left_over.insert(entry),
                    None => self.left_over.remove(&entry),
                };
                Ok(())
            }
            Some(Entry::Change { store, key, value }) => match &self.spec.view {
                Some(view) if view.id() == store => Ok(view.restore(rows, key, value)?),
                _ => Ok(self.topology.restore(store, key, value)?),
            },
        }
    }

    /// Commits where it starts, so that "behind the newest" means the same after a restart.
    fn keep_first_positions(&mut self) -> Result<(), TaskError> {
        let offsets = self.new_positions();
        if !offsets.is_empty() {
            self.spec.journal.commit(Commit { records: Vec::new(), offsets })?;
            self.reader.mark_positions_taken();
        }
        Ok(())
    }

    fn new_positions(&self) -> Vec<(GroupId, TopicPartition, Offset)> {
        let moved = self.reader.partitions().iter().filter(|p| p.committed != Some(p.position));
        moved.map(|p| (self.spec.group.clone(), p.partition.clone(), p.position)).collect()
    }

    /// From now on it reads as little at a time as it can.
    pub fn take_small_batches(&mut self) {
        self.batch_bytes = BATCH_BYTES_MIN;
    }

    /// Reads, processes and commits one batch; returns how many records that were.
    pub fn step(&mut self) -> Result<usize, TaskError> {
        let is_long = self.backlog >= BATCHES_FIRST;
        let most = if is_long { BATCH_BYTES } else { BATCH_BYTES_FIRST };
        let incoming = self.reader.poll(self.batch_bytes.min(most))?;
        let is_backlog = incoming.len() >= BACKLOG_RECORDS;
        self.backlog = if is_backlog { self.backlog.saturating_add(1) } else { 0 };
        let lost = self.reader.take_lost();
        if !lost.is_empty() {
            self.note_lost(&lost, incoming.is_empty())?;
        }
        if incoming.is_empty() {
            self.finish()?;
            return Ok(0);
        }
        let (commit, outcome) = self.process(&incoming, true)?;
        self.finish()?;
        if !is_backlog {
            self.commit(commit, outcome)?;
        } else {
            let commit = BackgroundCommit::new(Arc::clone(&self.spec.journal), commit);
            self.under_way = Some(UnderWay { commit, outcome });
        }
        Ok(incoming.len())
    }

    /// Notes what was gone before it could be read, and that it was, if nothing was read behind it.
    fn note_lost(&mut self, lost: &[Lost], moves: bool) -> Result<(), TaskError> {
        self.finish()?;
        let (count, log) = told(&self.spec.id, lost);
        let records = vec![self.spec.log.records(&log, self.spec.clock.now())];
        let offsets = if moves { self.new_positions() } else { Vec::new() };
        self.spec.journal.commit(Commit { records, offsets })?;
        if moves {
            self.reader.mark_positions_taken();
        }
        self.spec.shared.progressed(0, 0, count, None);
        Ok(())
    }

    /// Processes records that somebody hands over; positions stay.
    pub fn pipe(&mut self, incoming: &Incoming) -> Result<(), TaskError> {
        let (commit, outcome) = self.process(incoming, false)?;
        self.finish()?;
        self.commit(commit, outcome)
    }

    /// Which of the query's topics this is, for
    /// [`crate::operators::source::InputPartition::topic`].
    pub fn topic_index(&self, topic: &str) -> Option<u32> {
        let position = self.topology.topics().iter().position(|t| **t == *topic);
        position.map(|at| at as u32)
    }

    /// Takes records through the topology: what is to be committed, and what is visible then.
    fn process(
        &mut self,
        incoming: &Incoming,
        moves: bool,
    ) -> Result<(Commit, Outcome), TaskError> {
        let now = self.spec.clock.now();
        let mut log: Vec<LogEntry> = Vec::new();
        let mut cycle = Cycle {
            now_ms: now.0,
            merge: self.spec.merges
                && self.spec.shared.is_unread()
                && incoming.len() >= MERGED_FROM_RECORDS,
            semantics: self.spec.tuning.semantics,
            single_partition: self.spec.single_partition,
            partitions: self.partitions,
            query: &self.spec.id,
            log: &mut log,
        };
        let batch = self.topology.run(incoming, &mut cycle)?;
        let mut records = match &self.sink {
            Some(sink) => sink.write(&batch, &mut cycle),
            None => Vec::new(),
        };
        let rows_out = records.iter().map(|(_, records)| records.len()).sum();
        let mut changes = Changelog::default();
        self.topology.flush(&mut changes);
        let view_changes = self.view_changes(&batch, &mut changes)?;
        if !changes.is_empty() {
            if !self.outline_is_written {
                changes.put_outline(self.topology.outline());
                self.outline_is_written = true;
            }
            let left_over = std::mem::take(&mut self.left_over);
            left_over.iter().for_each(|(store, key)| changes.put(*store, key, None));
            records.push((self.changelog.clone(), changes.into_records(now)));
        }
        if !log.is_empty() {
            records.push(self.spec.log.records(&log, now));
        }
        if moves {
            self.complaints.take(&self.spec.id, &log, self.spec.clock.monotonic());
        }
        let offsets = if moves { self.new_positions() } else { Vec::new() };
        if moves {
            self.reader.mark_positions_taken();
        }
        let outcome = Outcome {
            view_changes,
            rows_in: incoming.len(),
            rows_out,
            errors: log.len(),
            newest: incoming.newest_ms(),
        };
        Ok((Commit { records, offsets }, outcome))
    }

    /// What a batch changes in the view, also noted in the changelog.
    fn view_changes(
        &mut self,
        batch: &Batch,
        changes: &mut Changelog,
    ) -> Result<Option<ViewChanges>, TaskError> {
        if self.spec.view.is_some() {
            // Which of its windows are over is seen in what is committed.
            self.finish()?;
        }
        let Some(view) = &self.spec.view else { return Ok(None) };
        let present = batch.new.present.as_ref();
        let read_back = |columns| match &self.read_back {
            Some(read_back) => read_back.columns(columns, present, batch.rows),
            None => columns,
        };
        let mut view_changes = view.changes(batch, read_back, changes);
        view.expired(changes, &mut view_changes);
        Ok(Some(view_changes))
    }

    /// Commits a batch at once, as somebody waits for it. Should that fail, the task fails, and
    /// begins anew with what was committed before.
    fn commit(&self, commit: Commit, outcome: Outcome) -> Result<(), TaskError> {
        if !commit.records.is_empty() || !commit.offsets.is_empty() {
            self.spec.journal.commit(commit)?;
        }
        self.show(outcome);
        Ok(())
    }

    /// The commit that is under way, for whoever has time to carry it out.
    pub fn under_way(&self) -> Option<Arc<BackgroundCommit>> {
        self.under_way.as_ref().map(|under_way| Arc::clone(&under_way.commit))
    }

    /// Waits for the commit that is under way.
    pub fn finish(&mut self) -> Result<(), TaskError> {
        let Some(UnderWay { commit, outcome }) = self.under_way.take() else { return Ok(()) };
        commit.finish()?;
        self.show(outcome);
        Ok(())
    }

    /// Shows what has been committed.
    fn show(&self, outcome: Outcome) {
        let Outcome { view_changes, rows_in, rows_out, errors, newest } = outcome;
        if let (Some(view), Some(changes)) = (&self.spec.view, view_changes) {
            view.apply(changes);
        }
        self.spec.shared.progressed(rows_in, rows_out, errors, newest);
    }
}

/// How much is read for one batch: less where each row belongs to many windows.
pub(crate) fn batch_bytes(most: usize, topology: &Topology) -> usize {
    let share = 1 + topology.windows_per_event() / WINDOWS_FOR_FREE;
    (most / usize::try_from(share).unwrap_or(usize::MAX)).max(BATCH_BYTES_MIN)
}

impl Drop for PersistentTask {
    /// A task that ends leaves nothing under way: who opens it anew reads what is committed.
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            tracing::warn!(query = self.spec.id, %error, "the last commit failed");
        }
    }
}

/// The topic a query's state is kept in.
pub fn changelog_spec(name: &str) -> TopicSpec {
    TopicSpec { cleanup: CleanupPolicy::Compact, ..TopicSpec::new(name, 1) }
}
