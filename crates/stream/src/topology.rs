//! A query's operators, made from its plan, in the order rows go through them.
//!
//! The plan is a tree, so every operator has one consumer, and the last one's rows are the query's.

mod columns;
pub mod outline;

use std::sync::Arc;

use functions::aggregate::Limits;
use model::{Namespace, Schema};
use sql::ast::SourceKind;
use sql::catalog::Catalog;
use sql::expr::Expr;
use sql::plan::{Step, StepKind, WindowInfo};

use crate::batch::Batch;
use crate::expression::Semantics;
use crate::operators::aggregate::windows::{WindowKind, Windows};
use crate::operators::aggregate::{Aggregate, AggregateSpec};
use crate::operators::filter::Filter;
use crate::operators::flat_map::FlatMap;
use crate::operators::foreign_key_join::{self, ForeignKeyJoin};
use crate::operators::join::Input;
use crate::operators::rekey::Rekey;
use crate::operators::select::Select;
use crate::operators::session::SessionAggregate;
use crate::operators::source::{Incoming, SourceOperator, SourceParts};
use crate::operators::stream_stream_join::{self, StreamStreamJoin};
use crate::operators::stream_table_join::StreamTableJoin;
use crate::operators::suppress::{Suppress, Timing};
use crate::operators::table_table_join::TableTableJoin;
use crate::operators::{Cycle, Operator, ProcessError};
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::DecodeError;
use columns::{Needed, mark_args, mark_expr, mark_exprs};

/// The number of the view's store.
pub const VIEW_STORE: StoreId = StoreId(0xfe);
/// The number of the first source's store; those of others count down from it. So a filter over a
/// source, which needs its old values, may come and go: no other store gets another number.
const SOURCE_STORE_LAST: u8 = 0xfd;
/// So many stores all other operators may have; they count up from 0.
const STORES_MAX: u8 = 200;

/// Is it the number of a source's store?
pub fn is_source_store(store: StoreId) -> bool {
    (STORES_MAX..=SOURCE_STORE_LAST).contains(&store.0)
}

/// A query's operators.
pub struct Topology {
    nodes: Vec<Node>,
    topics: Vec<Arc<str>>,
    picture: String,
    outline: String,
    stores: u8,
    retention_ms: Option<i64>,
    windows_per_event: u64,
}

struct Node {
    operator: NodeOperator,
    inputs: Vec<usize>,
    schema: Schema,
}

enum NodeOperator {
    Source(Box<SourceOperator>),
    Other(Box<dyn Operator>),
}

/// Why a plan cannot be run.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TopologyError {
    /// A stream or table of the plan is not there any more.
    #[error("'{0}' does not exist any more")]
    NoSource(String),
    /// A format refuses the columns.
    #[error(transparent)]
    Codec(#[from] format::CodecError),
    /// An aggregate refuses its arguments.
    #[error("{0}")]
    Aggregate(String),
    /// More stores than numbers.
    #[error("a query may have at most 200 stores, and 54 sources")]
    TooLarge,
}

/// What operators are made with.
pub struct Surroundings<'a> {
    /// Streams and tables.
    pub catalog: &'a Catalog,
    /// Schemas.
    pub registry: &'a Arc<dyn format::Registry>,
    /// What properties say.
    pub tuning: Tuning,
}

/// What properties say about how operators work.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tuning {
    /// How large results of aggregates may grow.
    pub limits: Limits,
    /// EMIT FINAL tells every window, also those that Kafka Streams forgets when time leaps.
    pub keeps_all_windows: bool,
    /// What nulls and inexact numbers mean in expressions.
    pub semantics: Semantics,
}

impl Topology {
    /// The operators of a plan whose last step is `root`; `needed`: which of its columns are used.
    pub fn new(
        root: &Step,
        needed: Vec<bool>,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, TopologyError> {
        let topology = Topology {
            nodes: Vec::new(),
            topics: Vec::new(),
            picture: String::new(),
            outline: String::new(),
            stores: 0,
            retention_ms: None,
            windows_per_event: 1,
        };
        let mut builder = Builder { surroundings, topology, sources: 0 };
        builder.add(root, Wish { old: false, needed, is_final: false })?;
        Ok(builder.topology)
    }

    /// The topics it reads; [`crate::operators::source::InputPartition::topic`] counts them.
    pub fn topics(&self) -> &[Arc<str>] {
        &self.topics
    }

    /// All operators, a line each.
    pub fn picture(&self) -> &str {
        &self.picture
    }

    /// The operators with state: what the state is for; see [`outline`].
    pub fn outline(&self) -> &str {
        &self.outline
    }

    /// How long windows of the result are kept, if it is windowed by the query itself.
    pub fn retention_ms(&self) -> Option<i64> {
        self.retention_ms
    }

    /// How many windows a row belongs to, at most: so many times more work than bytes say.
    pub fn windows_per_event(&self) -> u64 {
        self.windows_per_event
    }

    /// Does the order between its topics matter?
    pub fn is_ordered(&self) -> bool {
        self.topics.len() > 1
    }

    /// Has it anything to remember?
    pub fn has_state(&self) -> bool {
        !self.outline.is_empty()
    }

    /// Has an operator this store?
    pub fn has_store(&self, store: StoreId) -> bool {
        self.nodes.iter().any(|node| match &node.operator {
            NodeOperator::Source(source) => source.store() == Some(store),
            NodeOperator::Other(operator) => operator.stores().contains(&store),
        })
    }

    /// Takes records through all operators.
    pub fn run(
        &mut self,
        incoming: &Incoming,
        cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let mut outputs: Vec<Option<Batch>> = Vec::with_capacity(self.nodes.len());
        for node in &mut self.nodes {
            let inputs: Vec<Batch> = node
                .inputs
                .iter()
                .map(|&at| outputs[at].take().expect("an operator's input runs before it"))
                .collect();
            let output = match &mut node.operator {
                NodeOperator::Source(source) => source.read(incoming, cycle)?,
                NodeOperator::Other(_) if inputs.iter().all(|batch| batch.rows == 0) => {
                    Batch::empty(&node.schema)
                }
                NodeOperator::Other(operator) => operator.process(inputs, cycle)?,
            };
            debug_assert!(
                output.rows == 0 || output.new.columns.len() == node.schema.columns.len(),
                "an operator gives the columns its step says"
            );
            outputs.push(Some(output));
        }
        Ok(outputs.pop().flatten().expect("a plan has a step"))
    }

    /// Writes what changed in all stores.
    pub fn flush(&mut self, log: &mut Changelog) {
        for node in &mut self.nodes {
            match &mut node.operator {
                NodeOperator::Source(source) => source.flush(log),
                NodeOperator::Other(operator) => operator.flush(log),
            }
        }
    }

    /// Takes over a change of a store that was written once.
    pub fn restore(
        &mut self,
        store: StoreId,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        for node in &mut self.nodes {
            match &mut node.operator {
                NodeOperator::Source(source) if source.store() == Some(store) => {
                    return source.restore(key, value);
                }
                NodeOperator::Other(operator) if operator.stores().contains(&store) => {
                    return operator.restore(store, key, value);
                }
                _ => {}
            }
        }
        Err(DecodeError)
    }

    /// To be called when all changes have been taken over.
    pub fn restored(&mut self) -> Result<(), DecodeError> {
        for node in &mut self.nodes {
            if let NodeOperator::Other(operator) = &mut node.operator {
                operator.restored()?;
            }
        }
        Ok(())
    }
}

/// What a step's consumer wishes of it.
struct Wish {
    /// Old values of a table.
    old: bool,
    /// Which columns are used.
    needed: Needed,
    /// What is told waits for the window's end.
    is_final: bool,
}

/// A step as its consumer sees it.
struct Built {
    node: usize,
    kind: SourceKind,
    /// For each column: does a tombstone keep it?
    stays: Vec<bool>,
    /// The windows of an aggregation below, if nothing but filters and selects is between.
    windows: Option<Windows>,
}

struct Builder<'a> {
    surroundings: &'a Surroundings<'a>,
    topology: Topology,
    /// How many sources there are so far.
    sources: u8,
}

impl Builder<'_> {
    fn add(&mut self, step: &Step, wish: Wish) -> Result<Built, TopologyError> {
        match &step.kind {
            StepKind::Source { name, .. } => self.source(step, name, wish),
            StepKind::Filter { input, predicate }
                if matches!(input.kind, StepKind::ForeignKeyJoin { .. }) =>
            {
                self.foreign_key_join(input, Some(predicate), wish.old)
            }
            StepKind::Filter { input, predicate } => {
                let mut needed = wish.needed;
                mark_expr(predicate, &mut needed);
                let below = self.add(input, Wish { old: true, needed, is_final: false })?;
                let filter = Filter {
                    predicate: predicate.clone(),
                    kind: below.kind,
                    stays: below.stays.clone(),
                    wants_old: wish.old,
                };
                Ok(Built { node: self.node(step, Box::new(filter), &[&below]), ..below })
            }
            StepKind::Select { input, columns } => {
                let mut needed = nothing(input);
                mark_exprs(columns, &mut needed);
                let below =
                    self.add(input, Wish { old: wish.old, needed, is_final: wish.is_final })?;
                let stays: Vec<bool> = columns
                    .iter()
                    .zip(&step.schema.columns)
                    .map(|(expr, column)| {
                        column.namespace == Namespace::Key || columns::stays(expr, &below.stays)
                    })
                    .collect();
                let select = Select { columns: columns.clone(), stays: stays.clone() };
                Ok(Built { node: self.node(step, Box::new(select), &[&below]), stays, ..below })
            }
            StepKind::FlatMap { input, functions } => {
                let mut needed = wish.needed[..input.schema.columns.len()].to_vec();
                functions.iter().for_each(|call| mark_args(&call.args, &mut needed));
                let below = self.add(input, Wish { old: false, needed, is_final: false })?;
                let flat_map = FlatMap { functions: functions.clone() };
                let stays = vec![false; step.schema.columns.len()];
                Ok(Built { node: self.node(step, Box::new(flat_map), &[&below]), stays, ..below })
            }
            StepKind::Rekey { input, keys } => {
                let mut needed = wish.needed[keys.len()..].to_vec();
                mark_exprs(keys, &mut needed);
                let below = self.add(input, Wish { old: true, needed, is_final: false })?;
                let reads_value = keys.iter().map(|key| columns::reads_value(key, &input.schema));
                let reads_value = reads_value.collect();
                let rekey = Rekey { keys: keys.clone(), reads_value, kind: below.kind };
                let stays = (0..step.schema.columns.len()).map(|i| i < keys.len()).collect();
                let node = self.node(step, Box::new(rekey), &[&below]);
                Ok(Built { node, stays, kind: below.kind, windows: None })
            }
            StepKind::Aggregate { .. } => self.aggregate(step, wish),
            StepKind::Suppress { input } => {
                let wish_below = Wish { old: false, needed: wish.needed, is_final: true };
                let below = self.add(input, wish_below)?;
                let grace_ms = below.windows.map_or(0, |w| match w.kind {
                    WindowKind::Session { gap_ms } => w.grace_ms.saturating_add(gap_ms),
                    _ => w.grace_ms,
                });
                let forgets = !self.surroundings.tuning.keeps_all_windows;
                let retention_ms = below.windows.filter(|_| forgets).map(|w| w.retention_ms);
                let is_session =
                    below.windows.is_some_and(|w| matches!(w.kind, WindowKind::Session { .. }));
                let timing = Timing { grace_ms, retention_ms, is_session };
                let suppress = Suppress::new(&step.schema, timing, wish.old, self.stores()?);
                Ok(Built { node: self.node(step, Box::new(suppress), &[&below]), ..below })
            }
            StepKind::StreamStreamJoin { left, right, kind, within } => {
                let (left_input, right_input) = (Input::of(&left.schema), Input::of(&right.schema));
                let below = self.both(left, right)?;
                let stores: [StoreId; stream_stream_join::STORES] = self.stores()?;
                let join =
                    StreamStreamJoin::new(left_input, right_input, *kind, (*within).into(), stores)
                        .of_sessions(self.reads_sessions(left));
                Ok(self.joined(step, Box::new(join), &below, SourceKind::Stream))
            }
            StepKind::StreamTableJoin { left, right, kind } => {
                let (left_input, right_input) = (Input::of(&left.schema), Input::of(&right.schema));
                let below = self.both(left, right)?;
                let [store] = self.stores()?;
                let join = StreamTableJoin::new(left_input, right_input, *kind, store);
                Ok(self.joined(step, Box::new(join), &below, SourceKind::Stream))
            }
            StepKind::TableTableJoin { left, right, kind } => {
                let (left_input, right_input) = (Input::of(&left.schema), Input::of(&right.schema));
                let below = self.both(left, right)?;
                let stores = self.stores()?;
                let join = TableTableJoin::new(left_input, right_input, *kind, wish.old, stores);
                Ok(self.joined(step, Box::new(join), &below, SourceKind::Table))
            }
            StepKind::ForeignKeyJoin { .. } => self.foreign_key_join(step, None, wish.old),
        }
    }

    fn foreign_key_join(
        &mut self,
        step: &Step,
        predicate: Option<&Expr>,
        wants_old: bool,
    ) -> Result<Built, TopologyError> {
        let StepKind::ForeignKeyJoin { left, right, foreign_key, kind } = &step.kind else {
            unreachable!("called for foreign key joins only")
        };
        let inputs = (Input::of(&left.schema), Input::of(&right.schema));
        let below = self.both(left, right)?;
        let stores: [StoreId; foreign_key_join::STORES] = self.stores()?;
        let (key, predicate) = (foreign_key.clone(), predicate.cloned());
        let join = ForeignKeyJoin::new(inputs, key, *kind, predicate, wants_old, stores);
        Ok(self.joined(step, Box::new(join), &below, SourceKind::Table))
    }

    fn source(&mut self, step: &Step, name: &str, wish: Wish) -> Result<Built, TopologyError> {
        let source = self
            .surroundings
            .catalog
            .sources
            .get(name)
            .ok_or_else(|| TopologyError::NoSource(name.to_owned()))?;
        let topics = &mut self.topology.topics;
        let known = topics.iter().position(|topic| **topic == *source.topic);
        let topic_index = known.unwrap_or_else(|| {
            topics.push(source.topic.as_str().into());
            topics.len() - 1
        });
        let is_table = source.kind == SourceKind::Table;
        let number = SOURCE_STORE_LAST.checked_sub(self.sources);
        let number =
            number.filter(|number| *number >= STORES_MAX).ok_or(TopologyError::TooLarge)?;
        self.sources += 1;
        let old_values = (is_table && wish.old).then_some(StoreId(number));
        let timestamp = source.timestamp.as_ref().map(|t| t.name.as_str());
        let is_wanted = |(column, needed): (&model::Column, &bool)| {
            *needed || Some(column.name.as_str()) == timestamp
        };
        let values = step.schema.columns.iter().zip(&wish.needed);
        let values = values.filter(|(column, _)| column.namespace == Namespace::Value);
        let wanted: Vec<bool> = values.map(is_wanted).collect();
        let parts = SourceParts {
            source,
            schema: &step.schema,
            topic_index: topic_index as u32,
            old_values,
            wanted: wanted.contains(&false).then_some(wanted),
        };
        let operator = SourceOperator::new(parts, self.surroundings.registry)?;
        let stays = step
            .schema
            .columns
            .iter()
            .map(|c| c.namespace == Namespace::Key || columns::is_window_bound(c))
            .collect();
        let operator = NodeOperator::Source(Box::new(operator));
        let node = self.push(operator, step, &[], &format!("Source {name}"));
        Ok(Built { node, kind: source.kind, stays, windows: None })
    }

    fn aggregate(&mut self, step: &Step, wish: Wish) -> Result<Built, TopologyError> {
        let StepKind::Aggregate { input, input_kind, keys, carried, aggregates, window } =
            &step.kind
        else {
            unreachable!("called for aggregations only")
        };
        let mut needed = nothing(input);
        mark_exprs(keys, &mut needed);
        mark_exprs(carried, &mut needed);
        aggregates.iter().for_each(|call| mark_exprs(&call.args, &mut needed));
        let input_is_table = *input_kind == SourceKind::Table;
        let below = self.add(input, Wish { old: input_is_table, needed, is_final: false })?;
        let windows = window.as_ref().map(|window| Windows::of(window, wish.is_final));
        let per_event = windows.map_or(1, |w| w.per_event());
        self.topology.windows_per_event = self.topology.windows_per_event.max(per_event);
        let spec = AggregateSpec {
            keys: keys.clone(),
            carried: carried.clone(),
            calls: aggregates.clone(),
            windows,
            wants_old: wish.old,
            input_is_table,
            is_final: wish.is_final,
            keeps_partition: columns::are_key_columns(keys, &input.schema),
            limits: self.surroundings.tuning.limits,
            schema: step.schema.clone(),
        };
        let stores = self.stores()?;
        let is_session = windows.is_some_and(|w| matches!(w.kind, WindowKind::Session { .. }));
        let operator: Box<dyn Operator> = if is_session {
            Box::new(SessionAggregate::new(spec, stores).map_err(TopologyError::Aggregate)?)
        } else {
            Box::new(Aggregate::new(spec, stores).map_err(TopologyError::Aggregate)?)
        };
        self.topology.retention_ms = windows.map(|w| w.retention_ms);
        let columns = step.schema.columns.iter().enumerate();
        let stays = columns.map(|(i, c)| i < keys.len() || columns::is_window_bound(c)).collect();
        let node = self.node(step, operator, &[&below]);
        Ok(Built { node, kind: SourceKind::Table, stays, windows })
    }

    /// Does a step's rows' keys have sessions, by the source they come from?
    fn reads_sessions(&self, step: &Step) -> bool {
        match (&step.kind, step.inputs().first()) {
            (StepKind::Source { name, .. }, _) => {
                let source = self.surroundings.catalog.sources.get(name);
                source.is_some_and(|source| source.window == Some(WindowInfo::Session))
            }
            (_, Some(input)) => self.reads_sessions(input),
            (_, None) => false,
        }
    }

    fn both(&mut self, left: &Step, right: &Step) -> Result<[Built; 2], TopologyError> {
        let everything = |step: &Step| Wish {
            old: false,
            needed: vec![true; step.schema.columns.len()],
            is_final: false,
        };
        Ok([self.add(left, everything(left))?, self.add(right, everything(right))?])
    }

    fn joined(
        &mut self,
        step: &Step,
        operator: Box<dyn Operator>,
        below: &[Built; 2],
        kind: SourceKind,
    ) -> Built {
        let key = |c: &model::Column| c.namespace == Namespace::Key;
        let keys = step.schema.columns.iter().take_while(|c| key(c)).count().max(1);
        let stays = (0..step.schema.columns.len()).map(|i| i < keys).collect();
        let node = self.node(step, operator, &[&below[0], &below[1]]);
        Built { node, kind, stays, windows: None }
    }

    fn node(&mut self, step: &Step, operator: Box<dyn Operator>, below: &[&Built]) -> usize {
        let name = columns::step_name(&step.kind);
        let inputs: Vec<usize> = below.iter().map(|built| built.node).collect();
        self.push(NodeOperator::Other(operator), step, &inputs, name)
    }

    fn push(&mut self, operator: NodeOperator, step: &Step, inputs: &[usize], name: &str) -> usize {
        let at = self.topology.nodes.len();
        let line = format!("{at}: {name} <- {inputs:?} ({})\n", step.schema);
        self.topology.picture.push_str(&line);
        let stores = match &operator {
            NodeOperator::Source(source) => source.store().into_iter().collect(),
            NodeOperator::Other(operator) => operator.stores(),
        };
        if !stores.is_empty() {
            let stores: Vec<u8> = stores.iter().map(|store| store.0).collect();
            outline::push(&mut self.topology.outline, &stores, name, &step.schema);
        }
        let (inputs, schema) = (inputs.to_vec(), step.schema.clone());
        self.topology.nodes.push(Node { operator, inputs, schema });
        at
    }

    fn store(&mut self) -> Result<StoreId, TopologyError> {
        let store = StoreId(self.topology.stores);
        self.topology.stores =
            store.0.checked_add(1).filter(|n| *n <= STORES_MAX).ok_or(TopologyError::TooLarge)?;
        Ok(store)
    }

    fn stores<const N: usize>(&mut self) -> Result<[StoreId; N], TopologyError> {
        let mut stores = [StoreId(0); N];
        for store in &mut stores {
            *store = self.store()?;
        }
        Ok(stores)
    }
}

fn nothing(step: &Step) -> Needed {
    vec![false; step.schema.columns.len()]
}
