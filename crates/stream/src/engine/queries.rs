//! The queries that run: started with their statement, paused, resumed, and ended with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::{CreateTopicError, DeleteTopicError, GroupId};
use model::{Offset, TopicPartition};
use parking_lot::{Mutex, RwLock};
use sql::ast::SourceKind;
use sql::catalog::{Catalog, QueryEntry};

use crate::answer::{QueryProgress, QueryState};
use crate::engine::failure::Failure;
use crate::engine::{EngineOptions, Execution};
use crate::expression::Semantics;
use crate::operators::source::{Incoming, InputPartition};
use crate::request::RequestError;
use crate::run::TaskError;
use crate::run::log_writer::LogWriter;
use crate::run::persistent::{self, PersistentTask, TaskSpec, topology_of};
use crate::run::pool::QueryPool;
use crate::run::shared::Shared;
use crate::run::slot::QuerySlot;
use crate::run::start::OffsetReset;
use crate::topology::outline::continues;
use crate::topology::{TopologyError, Tuning, VIEW_STORE};
use crate::view::View;
use sql::analyze::Settings;

/// Our own property: EMIT FINAL loses no window.
pub(crate) const KEEP_ALL_WINDOWS: &str = "ksql.emit.final.keep.all.windows";

/// Our own property: expressions as the SQL standard has them.
pub(crate) const STANDARD_SEMANTICS: &str = "ksql.expressions.standard.semantics";

/// A persistent query and what runs it.
pub(crate) struct RunningQuery {
    pub(crate) entry: Arc<QueryEntry>,
    spec: TaskSpec,
    work: Mutex<Work>,
}

enum Work {
    Pooled(Arc<QuerySlot>),
    Manual(Box<PersistentTask>),
    Stopped,
}

/// All persistent queries that run, by id.
pub(crate) struct RunningQueries {
    /// Who gives them their turns; nobody in manual execution.
    pool: Option<QueryPool>,
    queries: RwLock<BTreeMap<String, Arc<RunningQuery>>>,
}

/// The name of a query's consumer group.
pub(crate) fn group_name(service_id: &str, query: &str) -> String {
    format!("_confluent-ksql-{service_id}query_{query}")
}

/// What stands behind the group's name in that of the topic of a query's state.
const CHANGELOG: &str = "-state-changelog";

/// Lets go of the state and progress of queries that are no more: the process may have died between
/// a query's end and its state's. What cannot be deleted now goes next time.
pub(crate) fn forget_orphans(options: &EngineOptions, catalog: &Catalog) {
    let journal = &options.journal;
    let prefix = group_name(&options.service_id, "");
    let is_orphan = |group: &str| {
        group.strip_prefix(&prefix).is_some_and(|query| !catalog.queries.contains_key(query))
    };
    for topic in journal.topics() {
        let name = &topic.spec.name;
        if !name.strip_suffix(CHANGELOG).is_some_and(is_orphan) {
            continue;
        }
        tracing::info!(topic = %name, "its query is no more: deleted");
        if let Err(error) = journal.delete_topic(name) {
            tracing::warn!(topic = %name, %error, "state of a query that is no more stays");
        }
    }
    for group in journal.groups().into_iter().filter(|group| is_orphan(&group.0)) {
        if let Err(error) = journal.delete_group(&group) {
            tracing::warn!(group = %group.0, %error, "progress of a query that is no more stays");
        }
    }
}

/// Where a query starts to read, as properties say.
pub(crate) fn offset_reset(settings: &Settings) -> Option<OffsetReset> {
    match settings.get("auto.offset.reset")?.to_lowercase().as_str() {
        "earliest" => Some(OffsetReset::Earliest),
        _ => Some(OffsetReset::Latest),
    }
}

/// May several changes of a key be told as one?
pub(crate) fn merges(settings: &Settings) -> bool {
    let buffer = settings
        .get("cache.max.bytes.buffering")
        .or_else(|| settings.get("statestore.cache.max.bytes"));
    buffer.is_none_or(|bytes| bytes.trim() != "0")
}

/// What properties say about operators.
pub(crate) fn tuning(settings: &Settings) -> Tuning {
    let limit = |name: &str, default: usize| {
        settings.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let default = functions::aggregate::Limits::default();
    let limits = functions::aggregate::Limits {
        collect_list: limit("ksql.functions.collect_list.limit", default.collect_list),
        collect_set: limit("ksql.functions.collect_set.limit", default.collect_set),
    };
    Tuning {
        limits,
        keeps_all_windows: settings.flag(KEEP_ALL_WINDOWS, false),
        semantics: semantics(settings),
    }
}

/// What nulls and inexact numbers mean.
pub(crate) fn semantics(settings: &Settings) -> Semantics {
    match settings.flag(STANDARD_SEMANTICS, false) {
        true => Semantics::Standard,
        false => Semantics::Ksql,
    }
}

/// What a query is started with.
pub(crate) struct Start<'a> {
    pub(crate) options: &'a EngineOptions,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) settings: &'a Settings,
    pub(crate) log: Arc<LogWriter>,
    /// Is anything there that it goes on with?
    pub(crate) origin: Origin,
    /// Does it wait for RESUME? From its very start, or it would read a batch first.
    pub(crate) is_paused: bool,
}

/// What a query that is started goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nothing. What a statement left that was never carried out to its end is let go.
    New,
    /// State and positions: it was there before, or its statement was replaced. They are opened in
    /// the background, and errors are the query's own.
    GoesOn,
}

impl RunningQueries {
    /// None yet, and those who will run them.
    pub(crate) fn new(options: &EngineOptions) -> std::io::Result<Self> {
        let pool = match options.execution {
            Execution::Threads => Some(QueryPool::new(&options.journal, &options.clock)?),
            Execution::Manual => None,
        };
        Ok(Self { pool, queries: RwLock::default() })
    }

    /// Starts a query.
    pub(crate) fn start(
        &self,
        entry: &Arc<QueryEntry>,
        start: &Start<'_>,
    ) -> Result<(), RequestError> {
        let refused = |failure: Failure| failure.at(entry.statement.clone());
        let spec = task_spec(entry, start).map_err(|error| refused(error.into()))?;
        spec.shared.pause(start.is_paused);
        if start.origin == Origin::New {
            // It would go on with what is not its own.
            forget(&spec).map_err(refused)?;
        }
        let changelog = persistent::changelog_spec(&spec.changelog);
        match spec.journal.create_topic(changelog) {
            Ok(_) | Err(CreateTopicError::Exists(_)) => {}
            Err(error) => return Err(refused(error.into())),
        }
        let open = || PersistentTask::open(spec.clone()).map_err(|error| refused(error.into()));
        let work = match &self.pool {
            None => Work::Manual(Box::new(open()?)),
            Some(pool) => {
                let goes_on = start.origin == Origin::GoesOn;
                let first = if goes_on { None } else { Some(open()?) };
                let slot = QuerySlot::new(spec.clone(), first);
                pool.add(Arc::clone(&slot));
                Work::Pooled(slot)
            }
        };
        let running = RunningQuery { entry: entry.clone(), spec, work: Mutex::new(work) };
        self.queries.write().insert(entry.id.clone(), Arc::new(running));
        Ok(())
    }

    /// The query of this id.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<RunningQuery>> {
        self.queries.read().get(id).cloned()
    }

    /// All queries, by id.
    pub(crate) fn all(&self) -> Vec<Arc<RunningQuery>> {
        self.queries.read().values().cloned().collect()
    }

    /// Tells each query whether anybody reads what it writes: another query, or a stream or table
    /// that somebody declared over its topic. Those see every change; results that nobody follows
    /// may be told once for many changes.
    pub(crate) fn note_readers(&self, catalog: &Catalog) {
        for query in self.all() {
            let Some(sink) = &query.entry.plan.sink else { continue };
            let mut queries = catalog.queries.values();
            let mut sources = catalog.sources.values();
            let is_read = queries.any(|other| other.sources.contains(&sink.name))
                || sources.any(|other| other.topic == sink.topic && other.name != sink.name);
            query.shared().set_unread(!is_read);
        }
    }

    /// Ends a query; its state and progress stay.
    pub(crate) fn stop(&self, id: &str) -> Option<Arc<RunningQuery>> {
        let query = self.queries.write().remove(id)?;
        query.stop();
        Some(query)
    }

    /// Ends all queries; they go on when the engine is opened again.
    pub(crate) fn stop_all(&self) {
        let queries = std::mem::take(&mut *self.queries.write());
        queries.values().for_each(|query| query.spec.shared.close());
        queries.values().for_each(|query| query.stop());
        if let Some(pool) = &self.pool {
            pool.close();
        }
    }
}

impl RunningQuery {
    fn stop(&self) {
        self.spec.shared.close();
        let work = std::mem::replace(&mut *self.work.lock(), Work::Stopped);
        if let Work::Pooled(slot) = work {
            slot.stop();
        }
    }

    /// Lets go of the state and progress of a query that has ended.
    pub(crate) fn forget(&self) -> Result<(), Failure> {
        forget(&self.spec)
    }

    /// Lets it wait, from the next row on, or go on.
    pub(crate) fn pause(&self, is_paused: bool) {
        self.spec.shared.pause(is_paused);
        let slot = match &*self.work.lock() {
            Work::Pooled(slot) if is_paused => Arc::clone(slot),
            _ => return,
        };
        slot.settle();
    }

    /// The rows of the table it fills.
    pub(crate) fn view(&self) -> Option<&Arc<View>> {
        self.spec.view.as_ref()
    }

    /// What is known of it.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.spec.shared
    }

    /// How it is.
    pub(crate) fn state(&self) -> QueryState {
        self.spec.shared.state()
    }

    /// What it has done, and how many records wait for it by the log's own account: the task's
    /// figure is that of its last batch, and others write meanwhile.
    pub(crate) fn progress(&self) -> QueryProgress {
        let journal = &self.spec.journal;
        let committed = journal.committed(&self.spec.group);
        let waiting = |(partition, next): (&TopicPartition, &Offset)| {
            let end = journal.bounds(partition).ok()?.end;
            Some((end.0 - next.0).max(0) as u64)
        };
        // Before it has committed where it starts, nobody knows; it is not done, at any rate.
        let not_started = u64::from(committed.is_empty());
        let lag = committed.iter().filter_map(waiting).sum::<u64>() + not_started;
        QueryProgress { lag, ..self.shared().progress() }
    }

    /// Its consumer group.
    pub(crate) fn group(&self) -> &GroupId {
        &self.spec.group
    }

    /// Its topology, as text.
    pub(crate) fn picture(&self) -> String {
        let spec = &self.spec;
        match topology_of(&spec.plan, &spec.catalog, &spec.registry, spec.tuning) {
            Ok(topology) => topology.picture().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Reads, processes and commits one batch (manual execution); false if there is nothing to do.
    pub(crate) fn step(&self) -> Result<bool, TaskError> {
        let shared = &self.spec.shared;
        match &mut *self.work.lock() {
            Work::Manual(_) if shared.is_paused() || shared.state() == QueryState::Error => {
                Ok(false)
            }
            Work::Manual(task) => match task.step() {
                Ok(records) => Ok(records > 0),
                Err(error) => {
                    shared.failed(error.to_string(), false);
                    Err(error)
                }
            },
            Work::Pooled(_) | Work::Stopped => Ok(false),
        }
    }

    /// Hands records over (manual execution).
    pub(crate) fn pipe(&self, records: &[super::PipedRecord]) -> Result<(), TaskError> {
        let Work::Manual(task) = &mut *self.work.lock() else { return Ok(()) };
        let mut incoming = Incoming::default();
        for piped in records {
            if let Some(topic) = task.topic_index(&piped.topic) {
                let place = InputPartition { topic, partition: 0 };
                incoming.push(place, piped.offset, piped.record.clone());
            }
        }
        if incoming.is_empty() {
            return Ok(());
        }
        task.pipe(&incoming).inspect_err(|error| self.spec.shared.failed(error.to_string(), false))
    }
}

/// Lets go of a query's state and progress.
fn forget(spec: &TaskSpec) -> Result<(), Failure> {
    match spec.journal.delete_topic(&spec.changelog) {
        Ok(()) | Err(DeleteTopicError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(spec.journal.delete_group(&spec.group)?)
}

/// Can `new` go on with the state of `old`? To be asked before `old` is stopped.
pub(crate) fn check_replacement(
    old: &QueryEntry,
    new: &QueryEntry,
    catalog: &Catalog,
    registry: &Arc<dyn format::Registry>,
    settings: &Settings,
) -> Result<(), String> {
    let outline = |query: &QueryEntry| {
        let topology = topology_of(&query.plan, catalog, registry, tuning(settings));
        topology.map(|t| t.outline().to_owned())
    };
    // What cannot be run at all is told elsewhere.
    let (Ok(was), Ok(is)) = (outline(old), outline(new)) else {
        return Ok(());
    };
    if continues(&was, &is) {
        return Ok(());
    }
    Err(format!(
        "Cannot replace `{}`: the new query cannot go on with the state of the old one. Drop it and \
         create it again.",
        new.sink
    ))
}

/// Can the query be run? To be asked before anything is made for it.
pub(crate) fn check(
    query: &QueryEntry,
    catalog: &Catalog,
    registry: &Arc<dyn format::Registry>,
    settings: &Settings,
) -> Result<(), TaskError> {
    match topology_of(&query.plan, catalog, registry, tuning(settings)) {
        // Schemas of what the same request makes are not registered yet.
        Ok(_) | Err(TaskError::Topology(TopologyError::Codec(_))) => Ok(()),
        Err(error) => Err(error),
    }
}

fn task_spec(entry: &Arc<QueryEntry>, start: &Start<'_>) -> Result<TaskSpec, TaskError> {
    let options = start.options;
    let tuning = tuning(start.settings);
    let view = match topology_of(&entry.plan, &start.catalog, &options.registry, tuning) {
        Ok(topology) => (entry.plan.kind == SourceKind::Table)
            .then(|| Arc::new(View::new(VIEW_STORE, &entry.plan, topology.retention_ms()))),
        // A query that was there before and cannot run any more fails by itself, not its server.
        Err(_) if start.origin == Origin::GoesOn => None,
        Err(error) => return Err(error),
    };
    let group = group_name(&options.service_id, &entry.id);
    // A materialized table is all of its topic, whatever the session says.
    let offset_reset = match &entry.plan.sink {
        Some(_) => offset_reset(start.settings),
        None => Some(OffsetReset::Earliest),
    };
    Ok(TaskSpec {
        id: entry.id.clone(),
        plan: entry.plan.clone(),
        catalog: start.catalog.clone(),
        journal: options.journal.clone(),
        registry: options.registry.clone(),
        clock: options.clock.clone(),
        changelog: format!("{group}{CHANGELOG}").into(),
        group: GroupId(group.into()),
        offset_reset,
        merges: merges(start.settings),
        single_partition: options.execution == Execution::Manual,
        tuning,
        log: start.log.clone(),
        shared: Arc::default(),
        view,
    })
}
