//! SELECT: pull queries are answered at once, push queries (and pull queries on streams) are
//! started and hand their rows to the client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use model::{Column, Namespace, Schema, SqlType};
use parking_lot::Mutex;
use sql::analyze::{Planned, Settings, analyze};
use sql::ast::{Emit, ParsedStatement, SourceKind, Statement};
use sql::catalog::{Catalog, Source};
use sql::plan::{PullPlan, QueryPlan, Step, StepKind};
use tokio::sync::mpsc;

use super::failure::{Failure, internal, told};
use super::queries::{merges, offset_reset, semantics, tuning};
use super::world::Session;
use super::{Execution, PullAnswer, QueryAnswer, Service};
use crate::answer::{QueryState, ResultHeader};
use crate::expression::EvalContext;
use crate::pull::{self, PullError};
use crate::push::{CloseGuard, PushQuery, QUEUE_MESSAGES};
use crate::request::{Client, ClientLeft, RequestError, RequestErrorKind};
use crate::run::shared::Shared;
use crate::run::start::OffsetReset;
use crate::run::transient::{Stepped, TransientSpec, TransientTask};
use crate::view::View;

/// So often is it looked whether a view has been restored: for ten seconds in all.
const RESTORE_LOOKS: u32 = 200;
/// How long each look waits before it sees whether the query has failed.
const RESTORE_LOOK: Duration = Duration::from_millis(50);
/// So many steps are taken before the query is left to the pool.
const FIRST_STEPS: usize = 4;

/// Push queries that run.
#[derive(Default)]
pub(crate) struct OpenQueries {
    queries: Mutex<BTreeMap<String, OpenQuery>>,
    next: AtomicU64,
}

/// A push query as LIST QUERIES tells it.
#[derive(Clone)]
pub(crate) struct OpenQuery {
    pub(crate) statement: String,
    pub(crate) plan: Arc<QueryPlan>,
    pub(crate) shared: Arc<Shared>,
}

impl OpenQueries {
    /// Is there one of this id?
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.all().contains_key(id)
    }

    /// Ends a query; false if there is none of this id.
    pub(crate) fn close(&self, id: &str) -> bool {
        match self.queries.lock().remove(id) {
            Some(query) if !query.shared.is_closed() => {
                query.shared.close();
                true
            }
            _ => false,
        }
    }

    /// Ends all.
    pub(crate) fn close_all(&self) {
        let queries = std::mem::take(&mut *self.queries.lock());
        queries.values().for_each(|query| query.shared.close());
    }

    /// All that run, by id.
    pub(crate) fn all(&self) -> BTreeMap<String, OpenQuery> {
        let mut queries = self.queries.lock();
        queries.retain(|_, query| !query.shared.is_closed());
        queries.clone()
    }

    fn add(&self, id: String, query: OpenQuery) {
        let mut queries = self.queries.lock();
        queries.retain(|_, query| !query.shared.is_closed());
        queries.insert(id, query);
    }

    fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Service {
    /// Answers or starts a query.
    pub(super) fn query(
        &self,
        statement: &ParsedStatement,
        session: &Session,
    ) -> Result<QueryAnswer, RequestError> {
        let catalog = self.catalog.read().clone();
        let settings = session.settings(&self.options.properties);
        match &statement.statement {
            Statement::Query(_) => {}
            Statement::Print { topic, from_beginning, interval, limit } => {
                let spec = super::print::PrintSpec {
                    topic,
                    from_beginning: *from_beginning,
                    interval: interval.unwrap_or(1).max(1),
                    limit: *limit,
                };
                return self.print(&spec, &catalog).map(QueryAnswer::Print);
            }
            _ => {
                let message =
                    "only SELECT and PRINT are answered here; send other statements to /ksql";
                return Err(RequestError {
                    kind: RequestErrorKind::NotAQuery,
                    ..RequestError::statement(message, told(statement))
                });
            }
        }
        let planned = analyze(statement, &catalog, &self.world(), &settings, 0)
            .map_err(|error| RequestError::analysis(&error, told(statement)))?;
        match planned {
            Planned::Pull(plan) if plan.source_kind == SourceKind::Table => {
                self.pull(&plan, &catalog, statement, &settings, &session.client)
            }
            Planned::Pull(plan) => {
                let source = source_of(&catalog, &plan.source, statement)?;
                let plan = stream_plan(&plan, &source);
                self.push(plan, &catalog, statement, &settings, true)
            }
            Planned::Push(plan) => self.push(plan, &catalog, statement, &settings, false),
            _ => Err(internal(&"a SELECT is planned as a query")),
        }
    }

    fn pull(
        &self,
        plan: &PullPlan,
        catalog: &Catalog,
        statement: &ParsedStatement,
        settings: &Settings,
        client: &Client,
    ) -> Result<QueryAnswer, RequestError> {
        let source = source_of(catalog, &plan.source, statement)?;
        let filled_by = source.created_by.clone().or_else(|| {
            // A SOURCE TABLE is kept by a query of its own.
            let queries = catalog.queries.values();
            let mut own = queries.filter(|q| q.sink == source.name && q.plan.sink.is_none());
            own.next().map(|query| query.id.clone())
        });
        let query = filled_by.and_then(|id| self.queries.get(&id));
        let view = query.as_ref().and_then(|query| Some((query.view()?, query.shared())));
        let (view, shared) = view.ok_or_else(|| {
            let message = format!("The `{}` table isn't queryable.", source.name);
            RequestError::statement(message, told(statement))
        })?;
        wait_restored(view, shared, client)?.map_err(|reason| {
            let message = format!("The rows of `{}` are not there yet: {reason}", source.name);
            RequestError {
                kind: RequestErrorKind::NotReady,
                ..RequestError::statement(message, told(statement))
            }
        })?;
        let permit = self.bounds.pull()?;
        let now = self.options.clock.now();
        let context = EvalContext { now_ms: now.0, semantics: semantics(settings) };
        let rows =
            pull::pull(plan, &source, view, &context, client).map_err(|error| match error {
                PullError::Decode(error) => internal(&error),
                PullError::ClientLeft(left) => left.into(),
            })?;
        let query_id = format!("query_{}{}", now.0, self.open.next_number());
        let header = ResultHeader { query_id, schema: plan.output.clone() };
        Ok(QueryAnswer::Pull(PullAnswer { header, rows, permit }))
    }

    fn push(
        &self,
        plan: QueryPlan,
        catalog: &Arc<Catalog>,
        statement: &ParsedStatement,
        settings: &Settings,
        ends_now: bool,
    ) -> Result<QueryAnswer, RequestError> {
        let permit = self.bounds.push()?;
        let plan = Arc::new(plan);
        let id = self.transient_id(&plan, settings);
        let (sender, events) = mpsc::channel(QUEUE_MESSAGES);
        let is_abandoned = Arc::new(AtomicBool::new(false));
        let shared: Arc<Shared> = Arc::default();
        let offset_reset =
            if ends_now { Some(OffsetReset::Earliest) } else { offset_reset(settings) };
        let spec = TransientSpec {
            id: id.clone(),
            plan: plan.clone(),
            catalog: catalog.clone(),
            journal: self.options.journal.clone(),
            registry: self.options.registry.clone(),
            clock: self.options.clock.clone(),
            offset_reset,
            merges: merges(settings),
            single_partition: self.options.execution == Execution::Manual,
            tuning: tuning(settings),
            ends_now,
            log: self.log.clone(),
            shared: shared.clone(),
            is_abandoned: is_abandoned.clone(),
            events: sender,
        };
        let mut task =
            TransientTask::open(spec).map_err(|error| Failure::from(error).at(told(statement)))?;
        let open = OpenQuery { statement: statement.text.clone(), plan: plan.clone(), shared };
        self.open.add(id.clone(), open);
        // What is there already is told without waiting for the pool.
        let mut is_over = false;
        for _ in 0..FIRST_STEPS {
            match task.step() {
                Stepped::Worked => {}
                Stepped::Idle => break,
                Stepped::Ended => {
                    is_over = true;
                    break;
                }
            }
        }
        if !is_over {
            self.pool.add(task);
        }
        let columns =
            plan.output.columns.iter().map(|c| Column::value(c.name.clone(), c.ty.clone()));
        let schema = Schema::new(columns.collect());
        let header = ResultHeader { query_id: id, schema };
        Ok(QueryAnswer::Push(PushQuery {
            header,
            events,
            guard: CloseGuard::new(is_abandoned),
            permit,
        }))
    }

    pub(super) fn transient_id(&self, plan: &QueryPlan, settings: &Settings) -> String {
        let number = self.open.next_number();
        let now = self.options.clock.now().0;
        let alias = first_alias(&plan.root);
        let is_simple = plan.emit == Emit::Changes && is_scalable(&plan.root);
        if is_simple && settings.flag("ksql.query.push.v2.enabled", false) {
            return format!("scalable_push_query_{alias}_{now}{number}");
        }
        format!("transient_{alias}_{now}{number}")
    }
}

/// Waits until a view holds what was committed before a restart. The inner `Err`: why it does not.
fn wait_restored(
    view: &View,
    shared: &Shared,
    client: &Client,
) -> Result<Result<(), String>, ClientLeft> {
    for _ in 0..RESTORE_LOOKS {
        if view.wait_restored(RESTORE_LOOK) {
            return Ok(Ok(()));
        }
        if shared.state() == QueryState::Error {
            return Ok(Err(shared.progress().last_error.unwrap_or_default()));
        }
        client.check()?;
    }
    let error = shared.progress().last_error.map_or(String::new(), |error| format!(" ({error})"));
    Ok(Err(format!("they are read back after the restart{error}; try again")))
}

fn source_of(
    catalog: &Catalog,
    name: &str,
    statement: &ParsedStatement,
) -> Result<Arc<Source>, RequestError> {
    catalog
        .sources
        .get(name)
        .cloned()
        .ok_or_else(|| RequestError::statement(format!("'{name}' does not exist"), told(statement)))
}

/// What the query calls its (first) source.
fn first_alias(step: &Step) -> &str {
    match &step.kind {
        StepKind::Source { alias, .. } => alias,
        _ => step.inputs().first().map_or("", |input| first_alias(input)),
    }
}

/// Nothing but filters and selects over one source?
fn is_scalable(step: &Step) -> bool {
    match &step.kind {
        StepKind::Source { .. } => true,
        StepKind::Filter { input, .. } | StepKind::Select { input, .. } => is_scalable(input),
        _ => false,
    }
}

/// A pull query on a stream, as a query that reads all of it once.
pub(super) fn stream_plan(plan: &PullPlan, source: &Source) -> QueryPlan {
    let mut columns = source.schema.columns.clone();
    columns.push(Column::pseudo("ROWTIME", SqlType::Bigint));
    columns.push(Column::pseudo("ROWPARTITION", SqlType::Integer));
    columns.push(Column::pseudo("ROWOFFSET", SqlType::Bigint));
    if source.window.is_some() {
        columns.push(Column::pseudo("WINDOWSTART", SqlType::Bigint));
        columns.push(Column::pseudo("WINDOWEND", SqlType::Bigint));
    }
    let schema = Schema::new(columns);
    let name = source.name.clone();
    let kind = StepKind::Source { alias: name.clone(), name: name.clone() };
    let mut root = Step { kind, schema: schema.clone() };
    if let Some(predicate) = plan.filter.clone() {
        let kind = StepKind::Filter { input: Box::new(root), predicate };
        root = Step { kind, schema };
    }
    let output =
        plan.output.columns.iter().map(|c| Column { namespace: Namespace::Value, ..c.clone() });
    let output = Schema::new(output.collect());
    let kind = StepKind::Select { input: Box::new(root), columns: plan.columns.clone() };
    QueryPlan {
        root: Step { kind, schema: output.clone() },
        kind: SourceKind::Stream,
        output_columns: (0..output.columns.len()).collect(),
        output,
        window: source.window,
        sources: vec![name],
        emit: Emit::Changes,
        limit: plan.limit,
        sink: None,
    }
}
