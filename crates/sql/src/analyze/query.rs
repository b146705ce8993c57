//! SELECT in, a tree of steps out.
//!
//! The clauses are taken in the order in which rows meet them:
//!
//! ```text
//! FROM, JOIN -> WHERE -> table functions -> PARTITION BY            -> SELECT -> EMIT FINAL
//!                                        -> GROUP BY, WINDOW, HAVING
//! ```
//!
//! A [`Stage`] is what has been built so far: the step, which names mean which of its columns, and
//! what its rows are keyed by. Before anything is built, names are qualified with their source and
//! columns without a name get one ([`qualify`]); that is also how the server writes the query back.

pub mod aggregate;
pub mod join;
pub mod project;
pub mod qualify;
pub mod sources;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Column, Namespace, Schema, SqlType};

use super::error::{AnalyzeError, ExpressionError, QueryError};
use super::expression::call::cast_arguments;
use super::expression::{Binder, Scope, ScopeColumn};
use super::settings::Settings;
use super::types::contains_map;
use super::{SourceError, walk};
use crate::ast::{self, Emit, SourceKind, Span};
use crate::catalog::{Catalog, Environment, Source};
use crate::expr::Expr;
use crate::plan::{QueryPlan, Step, StepKind, TableCall, WindowInfo};

type Result<T> = std::result::Result<T, AnalyzeError>;

/// What a statement is analyzed against.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What exists.
    pub catalog: &'a Catalog,
    /// Topics and registered schemas.
    pub environment: &'a dyn Environment,
    /// Properties of the server and the session.
    pub settings: &'a Settings,
}

/// What the rows of a query are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A client.
    Push,
    /// A stream or table of this name.
    Sink(&'a str),
}

/// A query without its sink.
#[derive(Clone, Debug)]
pub struct AnalyzedQuery {
    /// Its steps; no sink yet.
    pub plan: QueryPlan,
    /// The query with qualified names and all columns named.
    pub canonical: ast::Query,
    /// The source that stands first: the sink takes after it.
    pub leftmost: Arc<Source>,
}

/// A column of the rows' key.
#[derive(Clone, Debug)]
pub struct KeyColumn {
    /// Its position in the step's schema.
    pub index: usize,
    /// Its name there.
    pub name: String,
    /// Expressions (qualified) that mean it in the select list, best first.
    pub means: Vec<ast::Expr>,
    /// Other expressions that are equal to it: those a join compared.
    pub equal: Vec<ast::Expr>,
}

/// A column that `*` stands for.
#[derive(Clone, Debug)]
pub struct StarColumn {
    /// Its source's alias; none: a key that a step made.
    pub alias: Option<String>,
    /// How to get it.
    pub expr: ast::Expr,
    /// What it is called.
    pub name: String,
}

/// What has been built so far.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The last step.
    pub step: Step,
    /// STREAM or TABLE.
    pub kind: SourceKind,
    /// What names mean.
    pub scope: Scope,
    /// What rows are keyed by.
    pub keys: Vec<KeyColumn>,
    /// Is the key windowed?
    pub window: Option<WindowInfo>,
    /// What `*` stands for.
    pub star: Vec<StarColumn>,
    /// What a missing key is called in messages.
    pub key_noun: &'static str,
    /// Is it a join, whose columns are named after their sources?
    pub joined: bool,
}

impl Stage {
    /// Puts a step on top whose schema begins with `added` new columns; all old ones follow.
    pub fn shift(&mut self, added: usize) {
        for column in &mut self.scope.columns {
            column.index += added;
        }
        for (_, expr) in &mut self.scope.substitutes {
            if let crate::expr::ExprKind::Column(index) = &mut expr.kind {
                *index += added;
            }
        }
        for key in &mut self.keys {
            key.index += added;
        }
    }
}

/// Analyzes a query that runs on: a push query, or one with a sink.
pub fn analyze_query(
    query: &ast::Query,
    target: Target<'_>,
    context: Context<'_>,
) -> Result<AnalyzedQuery> {
    if !query.order_by.is_empty() {
        return Err(AnalyzeError::at(query.span, QueryError::PullOnly("ORDER BY")));
    }
    if query.offset.is_some() {
        return Err(AnalyzeError::at(query.span, QueryError::PullOnly("OFFSET")));
    }
    let from = sources::resolve(&query.from, context)?;
    let canonical = qualify::qualify(query, &from)?;
    check_shape(&canonical, &from, target)?;

    let types = &context.catalog.types;
    let mut stage = join::build(&canonical.from, &from, context)?;
    let inputs = from.names();
    if let Some(filter) = &canonical.filter {
        stage = filter_stage(stage, filter, types, "WHERE")?;
    }
    let aggregates = aggregate::find(&canonical)?;
    let grouped = !canonical.group_by.is_empty() || !aggregates.is_empty();
    stage = flat_map(stage, &canonical, types, grouped)?;
    if !canonical.partition_by.is_empty() {
        stage = partition_by(stage, &canonical, types)?;
    }
    if canonical.emit == Some(Emit::Final) {
        check_final(&canonical, grouped, context.settings)?;
    }
    if grouped {
        stage = aggregate::build(stage, &canonical, &aggregates, &from, target, types)?;
    }
    let keyless = context.settings.flag("ksql.new.query.planner.enabled", false);
    let output = project::build(stage, &canonical, target, types, keyless)?;
    let plan = QueryPlan {
        root: output.step,
        kind: output.kind,
        output: output.schema,
        output_columns: output.columns,
        window: output.window,
        sources: inputs,
        emit: canonical.emit.unwrap_or(Emit::Changes),
        limit: canonical.limit,
        sink: None,
    };
    let leftmost = from.sources[0].source.clone();
    Ok(AnalyzedQuery { plan, canonical, leftmost })
}

/// What can be told from the clauses alone.
fn check_shape(query: &ast::Query, from: &sources::From, target: Target<'_>) -> Result<()> {
    let at = |span, kind: QueryError| Err(AnalyzeError::at(span, kind));
    if let (Some(group), Some(_)) = (query.group_by.first(), query.partition_by.first()) {
        return at(group.span, QueryError::PartitionAndGroup);
    }
    if let Some(window) = &query.window {
        if query.group_by.is_empty() {
            return at(window.span, QueryError::WindowWithoutGroupBy);
        }
        aggregate::check_window(window)?;
    }
    if let Target::Sink(_) = target {
        if query.limit.is_some() {
            return at(query.span, QueryError::Limit);
        }
        let windowed_table = |s: &sources::FromSource| {
            s.source.window.is_some() && s.source.kind == SourceKind::Table
        };
        if let Some(source) = from.sources.iter().find(|s| windowed_table(s)) {
            return at(source.span, QueryError::WindowedTable);
        }
    }
    Ok(())
}

fn check_final(query: &ast::Query, grouped: bool, settings: &Settings) -> Result<()> {
    if !grouped || query.window.is_none() {
        return Err(AnalyzeError::at(query.span, QueryError::Final));
    }
    if !settings.flag("ksql.suppress.enabled", true) {
        return Err(AnalyzeError::at(query.span, QueryError::FinalDisabled));
    }
    Ok(())
}

/// Keeps rows for which `condition` is true.
pub fn filter_stage(
    mut stage: Stage,
    condition: &ast::Expr,
    types: &BTreeMap<String, SqlType>,
    clause: &'static str,
) -> Result<Stage> {
    let what = if clause == "HAVING" { "HAVING expression" } else { "WHERE expression" };
    let predicate = Binder::new(&stage.scope, types, clause).bind_condition(condition, what)?;
    let schema = stage.step.schema.clone();
    let kind = StepKind::Filter { input: Box::new(stage.step), predicate };
    stage.step = Step { kind, schema };
    Ok(stage)
}

/// Is this a call of a table function?
fn is_table_call(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Call { name, .. } => functions::table::table(name).is_some(),
        _ => false,
    }
}

/// Computes the table functions of the select list.
fn flat_map(
    mut stage: Stage,
    query: &ast::Query,
    types: &BTreeMap<String, SqlType>,
    grouped: bool,
) -> Result<Stage> {
    let mut calls: Vec<ast::Expr> = Vec::new();
    for item in &query.select {
        if let ast::SelectItem::Expr { expr, .. } = item {
            walk::visit(expr, &mut |part| {
                let call = is_table_call(part);
                if call && !calls.contains(part) {
                    calls.push(part.clone());
                }
                !call
            });
        }
    }
    let Some(first) = calls.first() else { return Ok(stage) };
    if grouped {
        let kind = QueryError::TableFunctions("Table functions cannot be used with aggregations.");
        return Err(AnalyzeError::at(first.span, kind));
    }
    if stage.kind == SourceKind::Table {
        let kind =
            QueryError::TableFunctions("Table source is not supported with table functions.");
        return Err(AnalyzeError::at(first.span, kind));
    }
    let mut schema = stage.step.schema.clone();
    let mut functions = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        let bound = bind_table_call(call, &stage.scope, types)?;
        let ty = bound.resolved.returns.clone();
        let at = Expr::column(schema.columns.len(), ty.clone());
        stage.scope.substitutes.push((call.clone(), at));
        schema.columns.push(Column::value(format!("KSQL_SYNTH_{number}"), ty));
        functions.push(bound);
    }
    let kind = StepKind::FlatMap { input: Box::new(stage.step), functions };
    stage.step = Step { kind, schema };
    Ok(stage)
}

fn bind_table_call(
    call: &ast::Expr,
    scope: &Scope,
    types: &BTreeMap<String, SqlType>,
) -> Result<TableCall> {
    let ast::ExprKind::Call { name, args } = &call.kind else { unreachable!("a call was found") };
    let Some(function) = functions::table::table(name) else { unreachable!("it was found") };
    let arguments = Binder::new(scope, types, "SELECT").bind_arguments(args)?;
    let argument_types: Vec<_> = arguments.iter().map(|argument| argument.ty()).collect();
    let resolved = function.resolve(&argument_types).map_err(|error| {
        AnalyzeError::at(call.span, ExpressionError::Arguments(error.to_string()))
    })?;
    let args = cast_arguments(arguments, &resolved);
    Ok(TableCall { function, resolved, args })
}

/// Gives rows the key that PARTITION BY names.
fn partition_by(
    mut stage: Stage,
    query: &ast::Query,
    types: &BTreeMap<String, SqlType>,
) -> Result<Stage> {
    let expressions = &query.partition_by;
    let span = expressions[0].span;
    let unchanged = stage.keys.len() == expressions.len()
        && stage.keys.iter().zip(expressions).all(|(key, expr)| key.means.contains(expr));
    if unchanged {
        return Ok(stage);
    }
    if stage.kind == SourceKind::Table {
        return Err(AnalyzeError::at(span, QueryError::PartitionTable));
    }
    if expressions.iter().any(|e| matches!(e.kind, ast::ExprKind::Literal(model::Value::Null))) {
        if expressions.len() > 1 {
            return Err(AnalyzeError::at(span, QueryError::PartitionNull));
        }
        return rekey(stage, &[], types, Vec::new());
    }
    if stage.window.is_some() {
        return Err(AnalyzeError::at(span, QueryError::PartitionWindowed));
    }
    let mut names = qualify::KeyNames::new(&stage.scope);
    let keys = expressions.iter().map(|expr| names.name_of(expr)).collect();
    stage.key_noun = "partitioning expression";
    rekey(stage, expressions, types, keys)
}

/// Puts a Rekey step on top; `*` then stands for the new key, the other columns, the old key.
fn rekey(
    mut stage: Stage,
    expressions: &[ast::Expr],
    types: &BTreeMap<String, SqlType>,
    names: Vec<String>,
) -> Result<Stage> {
    let mut bound = Vec::new();
    let mut binder = Binder::new(&stage.scope, types, "PARTITION BY");
    for (expr, name) in expressions.iter().zip(&names) {
        let key = binder.bind(expr)?;
        check_key_type(name, &key.ty, expr.span)?;
        bound.push(key);
    }
    let old: Vec<ast::Expr> = stage.keys.iter().flat_map(|key| key.means.clone()).collect();
    stage.shift(bound.len());
    let mut columns: Vec<Column> =
        bound.iter().zip(&names).map(|(key, name)| Column::key(name, key.ty.clone())).collect();
    columns.extend(stage.step.schema.columns.iter().map(|column| {
        let namespace = match column.namespace {
            Namespace::Key => Namespace::Value,
            other => other,
        };
        Column { namespace, ..column.clone() }
    }));
    if stage.joined {
        stage.star = joined_star(&stage.scope);
    }
    let is_key = |star: &StarColumn| expressions.contains(&star.expr);
    let is_old = |star: &StarColumn| old.contains(&star.expr);
    let made = expressions.iter().zip(&names).map(|(expr, name)| {
        let known = stage.star.iter().find(|star| star.expr == *expr);
        known.cloned().unwrap_or(StarColumn { alias: None, expr: expr.clone(), name: name.clone() })
    });
    let joined = stage.joined;
    let rest = stage.star.iter().filter(|star| !is_key(star) && (joined || !is_old(star)));
    let last = stage.star.iter().filter(|star| !is_key(star) && !joined && is_old(star));
    stage.star = made.chain(rest.cloned()).chain(last.cloned()).collect();
    stage.keys = Vec::new();
    for (index, ((expr, name), key)) in expressions.iter().zip(&names).zip(&bound).enumerate() {
        let (name, means, equal) = (name.clone(), vec![expr.clone()], Vec::new());
        stage.keys.push(KeyColumn { index, name, means, equal });
        if !matches!(expr.kind, ast::ExprKind::Column { .. }) {
            let at = Expr::column(index, key.ty.clone());
            stage.scope.substitutes.push((expr.clone(), at));
        }
    }
    let kind = StepKind::Rekey { input: Box::new(stage.step), keys: bound };
    stage.step = Step { kind, schema: Schema::new(columns) };
    Ok(stage)
}

/// What `*` of a join with PARTITION BY stands for: all of each source, pseudo columns and at last
/// the key, too.
fn joined_star(scope: &Scope) -> Vec<StarColumn> {
    let mut aliases: Vec<&String> = Vec::new();
    for alias in scope.columns.iter().filter_map(|column| column.alias.as_ref()) {
        if !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }
    let rank = |column: &&ScopeColumn| match column.namespace {
        Namespace::Value | Namespace::Headers => 0,
        Namespace::Pseudo => 1,
        Namespace::Key => 2,
    };
    let mut star = Vec::new();
    for alias in aliases {
        let of = |column: &&ScopeColumn| column.alias.as_ref() == Some(alias);
        let mut columns: Vec<_> = scope.columns.iter().filter(of).collect();
        columns.sort_by_key(rank);
        star.extend(columns.into_iter().map(|column| StarColumn {
            alias: Some(alias.clone()),
            expr: sources::qualified(alias, &column.name),
            name: format!("{alias}_{}", column.name),
        }));
    }
    star
}

/// A key must not hold a MAP.
pub fn check_key_type(name: &str, ty: &SqlType, span: Span) -> Result<()> {
    if contains_map(ty) {
        let kind = SourceError::MapKey { name: name.into(), ty: ty.clone() };
        return Err(AnalyzeError::at(span, kind));
    }
    Ok(())
}

/// The columns of a step that a scope may name, all of one source.
pub fn scope_columns(alias: &str, schema: &Schema) -> Vec<ScopeColumn> {
    let column = |(index, column): (usize, &Column)| ScopeColumn {
        alias: Some(alias.to_owned()),
        name: column.name.clone(),
        index,
        ty: column.ty.clone(),
        namespace: column.namespace,
    };
    schema.columns.iter().enumerate().map(column).collect()
}
