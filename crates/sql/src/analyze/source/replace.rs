//! CREATE OR REPLACE and ALTER: which changes of what exists are allowed.

use std::sync::Arc;

use model::{Column, Namespace, Schema};

use super::super::Planned;
use super::super::error::{AnalyzeError, SourceError};
use super::super::limits;
use super::super::query::Context;
use super::super::types::resolve_type;
use super::kind_word;
use crate::ast::{self, SourceKind, Span, TypeName, Window};
use crate::catalog::Source;
use crate::plan::{QueryPlan, Step, StepKind};

type Result<T> = std::result::Result<T, AnalyzeError>;

fn upgrade(source: &Source, reason: impl Into<String>) -> AnalyzeError {
    let (kind, name) = (kind_word(source.kind), source.name.clone());
    AnalyzeError::new(SourceError::Upgrade { kind, name, reason: reason.into() })
}

/// May this source be made where there may be one of its name already?
pub fn check_source(new: &Source, or_replace: bool, context: Context<'_>) -> Result<()> {
    if !or_replace {
        return Ok(());
    }
    let existing = context.catalog.sources.get(&new.name);
    let read_only = existing.map(|existing| existing.read_only).unwrap_or(new.read_only);
    if read_only || new.read_only {
        let (kind, name) = (kind_word(new.kind), new.name.clone());
        return Err(SourceError::ReplaceReadOnly { kind, name }.into());
    }
    if !context.settings.flag("ksql.create.or.replace.enabled", true) {
        return Err(SourceError::ReplaceDisabled.into());
    }
    let Some(existing) = existing else { return Ok(()) };
    if existing.kind != new.kind {
        let (found, statement) = (kind_word(existing.kind), kind_word(new.kind));
        return Err(upgrade(new, format!("it is a {found}, not a {statement}")));
    }
    let same: [(bool, &str); 5] = [
        (existing.topic == new.topic, "topic"),
        (existing.key_format == new.key_format, "key format"),
        (existing.value_format.kind == new.value_format.kind, "value format"),
        (existing.window == new.window, "window"),
        (existing.timestamp == new.timestamp, "timestamp column"),
    ];
    if let Some((_, what)) = same.iter().find(|(same, _)| !same) {
        return Err(upgrade(new, format!("its {what} must stay the same")));
    }
    check_columns(existing, new)
}

/// Key columns must be the same, value columns may only be added behind.
fn check_columns(existing: &Source, new: &Source) -> Result<()> {
    let keys = |source: &Source| source.schema.key().cloned().collect::<Vec<_>>();
    if keys(existing) != keys(new) {
        let keys = Schema::new(keys(existing));
        let reason = format!(
            "Key columns must be identical. The following key columns are changed, missing or \
             reordered: [{keys}]"
        );
        return Err(upgrade(new, reason));
    }
    let values = |source: &Source| {
        let values = source.schema.columns.iter().filter(|c| c.namespace != Namespace::Key);
        values.cloned().collect::<Vec<Column>>()
    };
    let (old, new_values) = (values(existing), values(new));
    if !new_values.starts_with(&old) {
        let changed = old.iter().zip(new_values.iter().map(Some).chain(std::iter::repeat(None)));
        let changed = changed.filter(|(old, new)| Some(*old) != *new).map(|(old, _)| old.clone());
        let reason = format!(
            "The following columns are changed, missing or reordered: [{}]",
            Schema::new(changed.collect())
        );
        return Err(upgrade(new, reason));
    }
    Ok(())
}

/// May the query of an existing sink be replaced by this one, keeping its state?
pub fn check_query(new: &Source, old_plan: &QueryPlan, new_plan: &QueryPlan) -> Result<()> {
    let (old, plan) = (Shape::of(old_plan), Shape::of(new_plan));
    let same: [(bool, &str); 6] = [
        (old.sources == plan.sources, "it must read the same sources"),
        (!old.joins && !plan.joins, "upgrades are not yet supported for joins"),
        (old.windows == plan.windows, "its windows must stay the same"),
        (old.groups == plan.groups, "what it groups by must stay the same"),
        (old.emit == plan.emit, "EMIT must stay the same"),
        (old.explodes == plan.explodes, "table functions can neither come nor go"),
    ];
    if let Some((_, reason)) = same.iter().find(|(same, _)| !same) {
        return Err(upgrade(new, *reason));
    }
    let reads = |shape: &Shape| shape.reads.clone();
    if old.grouped && reads(&old) != reads(&plan) {
        let reason = format!(
            "StreamAggregate must have matching columns not part of aggregate. Values differ: \
             {:?} vs. {:?}",
            old.reads, plan.reads
        );
        return Err(upgrade(new, reason));
    }
    if !plan.aggregates.starts_with(&old.aggregates) {
        return Err(upgrade(new, "aggregates may only be added behind those there are"));
    }
    Ok(())
}

/// What of a plan decides whether another one can go on with its state.
#[derive(Default)]
struct Shape {
    sources: Vec<String>,
    joins: bool,
    /// Are there table functions?
    explodes: bool,
    grouped: bool,
    windows: Vec<Option<Window>>,
    groups: Vec<String>,
    aggregates: Vec<String>,
    /// Columns that go into an aggregation.
    reads: Vec<usize>,
    emit: Option<ast::Emit>,
}

impl Shape {
    fn of(plan: &QueryPlan) -> Self {
        let mut shape =
            Self { sources: plan.sources.clone(), emit: Some(plan.emit), ..Self::default() };
        shape.visit(&plan.root, false);
        shape.reads.sort_unstable();
        shape.reads.dedup();
        shape
    }

    fn visit(&mut self, step: &Step, below_group: bool) {
        match &step.kind {
            StepKind::Source { .. } => {}
            StepKind::Filter { input, predicate } => {
                if below_group {
                    self.reads.extend(predicate.columns());
                }
                self.visit(input, below_group);
            }
            StepKind::FlatMap { input, .. } => {
                self.explodes = true;
                self.visit(input, below_group);
            }
            StepKind::Select { input, .. }
            | StepKind::Rekey { input, .. }
            | StepKind::Suppress { input } => self.visit(input, below_group),
            StepKind::Aggregate { input, keys, aggregates, window, .. } => {
                self.grouped = true;
                self.windows.push(window.clone());
                self.groups.extend(keys.iter().map(|key| format!("{:?}", key.kind)));
                for key in keys {
                    self.reads.extend(key.columns());
                }
                for call in aggregates {
                    self.aggregates.push(format!("{call:?}"));
                    self.reads.extend(call.args.iter().flat_map(|arg| arg.columns()));
                }
                self.visit(input, true);
            }
            StepKind::StreamStreamJoin { left, right, .. }
            | StepKind::StreamTableJoin { left, right, .. }
            | StepKind::TableTableJoin { left, right, .. }
            | StepKind::ForeignKeyJoin { left, right, .. } => {
                self.joins = true;
                self.visit(left, below_group);
                self.visit(right, below_group);
            }
        }
    }
}

/// Analyzes ALTER STREAM|TABLE name ADD COLUMN …
pub fn analyze_alter(
    kind: SourceKind,
    name: &str,
    added: &[(String, TypeName)],
    text: &str,
    context: Context<'_>,
) -> Result<Planned> {
    let Some(existing) = context.catalog.sources.get(name) else {
        return Err(super::drop::missing("Source", name, context));
    };
    if existing.kind != kind {
        let upper = |kind| kind_word(kind).to_uppercase();
        let found = if existing.kind == SourceKind::Stream { "STREAM" } else { "TABLE" };
        let statement = format!("ALTER {}", upper(kind));
        return Err(SourceError::WrongKind { found, statement }.into());
    }
    if existing.read_only {
        let (kind, name) = (kind_word(kind), name.to_owned());
        return Err(SourceError::AlterReadOnly { kind, name }.into());
    }
    if existing.created_by.is_some() {
        return Err(SourceError::AlterView.into());
    }
    let mut source = Source::clone(existing);
    limits::check_count(source.schema.columns.len() + added.len(), Span::default())?;
    for (name, ty) in added {
        if source.schema.find(name).is_some() {
            return Err(SourceError::AlterColumn(name.clone()).into());
        }
        if super::super::query::qualify::SYSTEM_COLUMNS.contains(&name.as_str()) {
            return Err(SourceError::ReservedColumn(name.clone()).into());
        }
        let ty = resolve_type(ty, &context.catalog.types, Span::default())?;
        source.schema.columns.push(Column::value(name, ty));
        limits::check_columns(&source.schema.columns, Span::default())?;
    }
    let values: Vec<_> = source.schema.value().collect();
    super::super::formats::check(&source.value_format, &values, false)?;
    // What made the source is told with what changed it, each as it was sent.
    source.statement = format!("{}\n{text}", source.statement);
    Ok(Planned::Alter { source: Arc::new(source), statement: text.to_owned() })
}
