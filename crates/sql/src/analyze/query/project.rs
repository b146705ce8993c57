//! SELECT: which columns come out, which of them are the key, and what they are called.

use std::collections::{BTreeMap, HashSet};

use model::{Column, Schema, SqlType};

use super::super::error::{AnalyzeError, QueryError};
use super::super::{limits, walk};
use super::qualify::{SYSTEM_COLUMNS, is_window_bound, written};
use super::{Stage, Target};
use crate::analyze::expression::Binder;
use crate::ast::{self, ExprKind, Query, SelectItem, SourceKind, Span};
use crate::expr::Expr;
use crate::plan::{Step, StepKind, WindowInfo};

type Result<T> = std::result::Result<T, AnalyzeError>;

/// The projected rows.
pub struct Output {
    /// The Select step.
    pub step: Step,
    /// STREAM or TABLE.
    pub kind: SourceKind,
    /// The columns that are told.
    pub schema: Schema,
    /// Their positions in the step's schema.
    pub columns: Vec<usize>,
    /// Is the key windowed?
    pub window: Option<WindowInfo>,
}

/// A selected column.
struct Item {
    expr: ast::Expr,
    name: String,
    span: Span,
}

/// Puts the Select step on top.
pub fn build(
    stage: Stage,
    query: &Query,
    target: Target<'_>,
    types: &BTreeMap<String, SqlType>,
    keyless: bool,
) -> Result<Output> {
    let items = expand(&stage, query, target, types)?;
    match target {
        Target::Sink(sink) => {
            // The newer planner of ksqlDB lets a stream lose its key.
            let keyless = keyless && stage.key_noun == "key column";
            let keyless = keyless && stage.kind == SourceKind::Stream;
            persistent(stage, items, sink, query.span, types, keyless)
        }
        Target::Push => push(stage, items, types),
    }
}

/// The select list with all stars spelt out.
fn expand(
    stage: &Stage,
    query: &Query,
    target: Target<'_>,
    types: &BTreeMap<String, SqlType>,
) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for item in &query.select {
        match item {
            SelectItem::Expr { expr, alias } => {
                let name = alias.clone().unwrap_or_default();
                items.push(Item { expr: expr.clone(), name, span: expr.span });
            }
            SelectItem::Star { source, span } => {
                for star in &stage.star {
                    let of = source.is_none() || star.alias == *source;
                    // A sink's key has the window's bounds in it already.
                    let kept = target == Target::Push || !is_window_bound(&star.name);
                    if of && kept {
                        let (expr, name) = (star.expr.clone(), star.name.clone());
                        items.push(Item { expr, name, span: *span });
                    }
                }
            }
            SelectItem::StructStar { base, span } => {
                let bound = Binder::new(&stage.scope, types, "SELECT").bind(base)?;
                let SqlType::Struct(fields) = bound.ty else {
                    return Err(AnalyzeError::at(*span, QueryError::NotStruct(bound.ty)));
                };
                stage.scope.count(&SqlType::Boolean, fields.len() * walk::count(base), *span)?;
                for field in fields {
                    let (base, name) = (Box::new(base.clone()), field.name.clone());
                    let expr = ast::Expr { kind: ExprKind::Field { base, name }, span: *span };
                    items.push(Item { expr, name: field.name, span: *span });
                }
            }
        }
    }
    if items.is_empty() {
        return Err(AnalyzeError::at(query.span, QueryError::EmptyStar));
    }
    limits::check_count(items.len(), query.span)?;
    Ok(items)
}

/// No name stands twice, and the columns are not too many.
pub fn check_result(columns: &[Column], span: Span) -> Result<()> {
    let mut names = HashSet::new();
    if let Some(twice) = columns.iter().find(|column| !names.insert(&column.name)) {
        let kind = QueryError::DuplicateColumn(twice.name.clone());
        return Err(AnalyzeError::at(span, kind));
    }
    limits::check_columns(columns, span)
}

/// Key columns first, each selected exactly once; at least one value column.
fn persistent(
    stage: Stage,
    items: Vec<Item>,
    sink: &str,
    span: Span,
    types: &BTreeMap<String, SqlType>,
    keyless: bool,
) -> Result<Output> {
    let mut columns = Vec::new();
    let mut expressions = Vec::new();
    let mut key_items = Vec::new();
    let mut missing: Vec<String> = Vec::new();
    for key in &stage.keys {
        let selected = |means: &ast::Expr| {
            let found: Vec<_> = (0..items.len()).filter(|i| items[*i].expr == *means).collect();
            (!found.is_empty()).then_some(found)
        };
        let Some(found) = key.means.iter().find_map(selected) else {
            let means: Vec<_> = key.means.iter().map(written).collect();
            missing.push(means.join(" or "));
            continue;
        };
        if found.len() > 1 {
            let aliases = found.iter().map(|i| items[*i].name.clone()).collect();
            let kind = QueryError::DuplicateKey { key: format!("`{}`", key.name), aliases };
            return Err(AnalyzeError::at(items[found[1]].span, kind));
        }
        let ty = stage.step.schema.columns[key.index].ty.clone();
        columns.push(Column::key(&items[found[0]].name, ty.clone()));
        expressions.push(Expr::column(key.index, ty));
        key_items.push(found[0]);
    }
    if !(missing.is_empty() || keyless && key_items.is_empty()) {
        let (sink, names) = (sink.to_owned(), missing.join(" and "));
        let kind = QueryError::MissingKey { sink, what: stage.key_noun, names };
        return Err(AnalyzeError::at(span, kind));
    }
    let mut binder = Binder::new(&stage.scope, types, "SELECT");
    for (i, item) in items.iter().enumerate() {
        if !key_items.contains(&i) {
            if SYSTEM_COLUMNS.contains(&item.name.as_str()) {
                let kind = QueryError::ReservedColumn(item.name.clone());
                return Err(AnalyzeError::at(item.span, kind));
            }
            let expr = binder.bind(&item.expr)?;
            columns.push(Column::value(&item.name, expr.ty.clone()));
            expressions.push(expr);
        }
    }
    if columns.len() == key_items.len() {
        return Err(AnalyzeError::at(span, QueryError::NoValueColumns));
    }
    check_result(&columns, span)?;
    let positions = (0..columns.len()).collect();
    let schema = Schema::new(columns);
    let kind = StepKind::Select { input: Box::new(stage.step), columns: expressions };
    Ok(Output {
        step: Step { kind, schema: schema.clone() },
        kind: stage.kind,
        schema,
        columns: positions,
        window: stage.window,
    })
}

/// The key, told or not, then what is selected beside it.
fn push(stage: Stage, items: Vec<Item>, types: &BTreeMap<String, SqlType>) -> Result<Output> {
    let mut columns = Vec::new();
    let mut expressions = Vec::new();
    for key in &stage.keys {
        let ty = stage.step.schema.columns[key.index].ty.clone();
        columns.push(Column::key(&key.name, ty.clone()));
        expressions.push(Expr::column(key.index, ty));
    }
    let mut binder = Binder::new(&stage.scope, types, "SELECT");
    let mut output = Vec::new();
    let mut positions = Vec::new();
    for item in &items {
        let is_key = |key: &super::KeyColumn| {
            let selected = |means: &&ast::Expr| items.iter().any(|item| item.expr == **means);
            key.means.iter().find(selected) == Some(&item.expr)
        };
        let known = stage.keys.iter().position(is_key);
        let position = match known.filter(|at| !positions.contains(at)) {
            Some(at) => {
                columns[at].name.clone_from(&item.name);
                at
            }
            None => {
                let expr = binder.bind(&item.expr)?;
                columns.push(Column::value(&item.name, expr.ty.clone()));
                expressions.push(expr);
                columns.len() - 1
            }
        };
        output.push(Column::value(&item.name, columns[position].ty.clone()));
        positions.push(position);
    }
    if let Some(last) = items.last() {
        check_result(&output, last.span)?;
    }
    let kind = StepKind::Select { input: Box::new(stage.step), columns: expressions };
    Ok(Output {
        step: Step { kind, schema: Schema::new(columns) },
        kind: stage.kind,
        schema: Schema::new(output),
        columns: positions,
        window: stage.window,
    })
}
