//! GROUP BY, WINDOW and HAVING: one row a group.

use std::collections::BTreeMap;

use functions::aggregate::{AggregateFunction, Aggregator, Creation, Limits, aggregate};
use functions::{scalar, table};
use model::{Column, FormatKind, Namespace, Schema, SqlType, Value};

use super::super::error::{AnalyzeError, ExpressionError, LimitError, QueryError};
use super::super::limits::WINDOWS_PER_RECORD_MAX;
use super::super::walk;
use super::qualify::{KeyNames, is_window_bound, written};
use super::sources::{self, From};
use super::{KeyColumn, Stage, Target, check_key_type, filter_stage};
use crate::analyze::expression::call::unknown_function;
use crate::analyze::expression::{Binder, Bound, Scope, ScopeColumn, coerce};
use crate::ast::{self, Emit, ExprKind, Query, SelectItem, SourceKind, Window, WindowKind};
use crate::expr::Expr;
use crate::plan::{AggregateCall, Step, StepKind, WindowInfo};

type Result<T> = std::result::Result<T, AnalyzeError>;

fn called(expr: &ast::Expr) -> Option<(&'static AggregateFunction, &[ast::Expr])> {
    match &expr.kind {
        ExprKind::Call { name, args } => Some((aggregate(name)?, args)),
        _ => None,
    }
}

/// The aggregates of the select list and HAVING, each once.
pub fn find(query: &Query) -> Result<Vec<ast::Expr>> {
    let mut found: Vec<ast::Expr> = Vec::new();
    let mut nested = None;
    let mut collect = |expr: &ast::Expr| {
        walk::visit(expr, &mut |part| {
            let Some((_, args)) = called(part) else { return true };
            if args.iter().any(|arg| walk::any(arg, |inner| called(inner).is_some())) {
                nested.get_or_insert_with(|| part.clone());
            }
            if !found.contains(part) {
                found.push(part.clone());
            }
            false
        });
    };
    for item in &query.select {
        match item {
            SelectItem::Expr { expr, .. } => collect(expr),
            SelectItem::StructStar { base, .. } => collect(base),
            SelectItem::Star { .. } => {}
        }
    }
    if !query.group_by.is_empty()
        && let Some(having) = &query.having
    {
        collect(having);
    }
    match nested {
        Some(outer) => {
            let kind = ExpressionError::NestedAggregate(written(&outer));
            Err(AnalyzeError::at(outer.span, kind))
        }
        None => Ok(found),
    }
}

/// Sizes must be positive, an advance not beyond the size, a grace not negative.
pub fn check_window(window: &Window) -> Result<()> {
    let invalid = |what| Err(AnalyzeError::at(window.span, QueryError::InvalidWindow(what)));
    match window.kind {
        WindowKind::Tumbling { size } if size.millis() <= 0 => {
            return invalid("its size must be positive");
        }
        WindowKind::Hopping { size, .. } if size.millis() <= 0 => {
            return invalid("its size must be positive");
        }
        WindowKind::Hopping { size, advance }
            if advance.millis() <= 0 || advance.millis() > size.millis() =>
        {
            return invalid("its advance must be positive and at most its size");
        }
        WindowKind::Hopping { size, advance }
            if (size.millis() - 1) / advance.millis() >= WINDOWS_PER_RECORD_MAX =>
        {
            return Err(AnalyzeError::at(window.span, LimitError::Windows(WINDOWS_PER_RECORD_MAX)));
        }
        WindowKind::Session { gap } if gap.millis() < 0 => {
            return invalid("its gap must not be negative");
        }
        _ => {}
    }
    if window.grace.is_some_and(|grace| grace.millis() < 0) {
        return invalid("its grace period must not be negative");
    }
    let length_ms = match window.kind {
        WindowKind::Tumbling { size } | WindowKind::Hopping { size, .. } => size.millis(),
        WindowKind::Session { gap } => gap.millis(),
    };
    let grace_ms = window.grace.map_or(0, |grace| grace.millis());
    if window.retention.is_some_and(|kept| kept.millis() < length_ms.saturating_add(grace_ms)) {
        return invalid("its retention must be at least its size and its grace period together");
    }
    Ok(())
}

/// What a window makes of keys.
fn window_info(window: &Window) -> WindowInfo {
    match window.kind {
        WindowKind::Tumbling { size } => WindowInfo::Tumbling { size_ms: size.millis() },
        WindowKind::Hopping { size, .. } => WindowInfo::Hopping { size_ms: size.millis() },
        WindowKind::Session { .. } => WindowInfo::Session,
    }
}

/// Puts the aggregation, the wait for closed windows, and HAVING, on top.
pub fn build(
    stage: Stage,
    query: &Query,
    aggregates: &[ast::Expr],
    from: &From,
    target: Target<'_>,
    types: &BTreeMap<String, SqlType>,
) -> Result<Stage> {
    check(query, aggregates, from, target, &stage)?;
    let (keys, key_columns) = group_keys(&stage, query, types)?;
    let mut calls = Vec::new();
    let mut columns: Vec<Column> = keys
        .iter()
        .zip(&key_columns)
        .map(|(key, column)| Column::key(&column.name, key.ty.clone()))
        .collect();
    let mut scope = Scope::default();
    for (index, (expr, key)) in query.group_by.iter().zip(&keys).enumerate() {
        scope.substitutes.push((expr.clone(), Expr::column(index, key.ty.clone())));
    }
    for (number, call) in aggregates.iter().enumerate() {
        let bound = bind_aggregate(call, &stage, types)?;
        let ty = bound.resolved.returns.clone();
        let at = Expr::column(columns.len(), ty.clone());
        scope.substitutes.push((call.clone(), at));
        columns.push(Column::value(format!("KSQL_AGG_VARIABLE_{number}"), ty));
        calls.push(bound);
    }
    check_states(&calls, from, &aggregates[0])?;
    let windowed = query.window.is_some();
    let bounds: &[&str] = if windowed { &["WINDOWSTART", "WINDOWEND"] } else { &[] };
    for name in bounds.iter().chain(&["ROWTIME"]) {
        if is_window_bound(name) {
            scope.columns.push(ScopeColumn {
                alias: None,
                name: (*name).to_owned(),
                index: columns.len(),
                ty: SqlType::Bigint,
                namespace: Namespace::Pseudo,
            });
        }
        columns.push(Column::pseudo(*name, SqlType::Bigint));
    }
    let same_key = stage.keys.len() == query.group_by.len()
        && stage.keys.iter().zip(&query.group_by).all(|(key, by)| key.means.contains(by));
    let kept_window = stage.window.filter(|_| same_key);
    let schema = Schema::new(columns);
    let kind = StepKind::Aggregate {
        input: Box::new(stage.step),
        input_kind: stage.kind,
        keys,
        carried: Vec::new(),
        aggregates: calls,
        window: query.window.clone(),
    };
    let mut step = Step { kind, schema };
    if query.emit == Some(Emit::Final) {
        // Before HAVING: what it leaves out closes windows all the same.
        let schema = step.schema.clone();
        step = Step { kind: StepKind::Suppress { input: Box::new(step) }, schema };
    }
    let mut grouped = Stage {
        step,
        kind: SourceKind::Table,
        scope,
        keys: key_columns,
        window: query.window.as_ref().map(window_info).or(kept_window),
        star: stage.star,
        key_noun: "grouping expression",
        joined: false,
    };
    if let Some(having) = &query.having {
        grouped = filter_stage(grouped, having, types, "HAVING")?;
    }
    Ok(grouped)
}

/// What GROUP BY asks of the select list, the sources and the sink.
fn check(
    query: &Query,
    aggregates: &[ast::Expr],
    from: &From,
    target: Target<'_>,
    stage: &Stage,
) -> Result<()> {
    let at = |span, kind: QueryError| Err(AnalyzeError::at(span, kind));
    let Some(first) = aggregates.first() else {
        // One that was misspelt is the likelier mistake.
        let known = |name: &str| scalar::scalar(name).is_some() || table::table(name).is_some();
        for expr in selected(query, stage) {
            let mut unknown = None;
            walk::visit(&expr, &mut |part| {
                if let ExprKind::Call { name, .. } = &part.kind
                    && !known(name)
                {
                    unknown.get_or_insert((part.span, unknown_function(name)));
                }
                true
            });
            if let Some((span, error)) = unknown {
                return Err(AnalyzeError::at(span, error));
            }
        }
        return at(query.group_by[0].span, QueryError::NoAggregates);
    };
    for expr in selected(query, stage) {
        check_grouped(&expr, query, "SELECT")?;
    }
    if let Some(having) = &query.having {
        check_grouped(having, query, "HAVING")?;
    }
    if query.group_by.is_empty() && matches!(target, Target::Sink(_)) {
        return at(first.span, QueryError::NoGroupBy(written(first)));
    }
    if query.window.is_some() && stage.kind == SourceKind::Table {
        return at(query.span, QueryError::WindowOnTable);
    }
    for (i, expr) in query.group_by.iter().enumerate() {
        if query.group_by[..i].contains(expr) {
            return at(expr.span, QueryError::DuplicateGroupBy(written(expr)));
        }
    }
    let kafka = |s: &&sources::FromSource| s.source.value_format.kind == FormatKind::Kafka;
    let kafka: Vec<_> = from.sources.iter().filter(kafka).map(|s| s.alias.clone()).collect();
    if !kafka.is_empty() {
        let kind = QueryError::KafkaFormat { sources: kafka.join(", "), what: "GROUP BY" };
        return at(query.span, kind);
    }
    if stage.kind == SourceKind::Table {
        let cannot = aggregates.iter().filter_map(|call| called(call).map(|(f, _)| f));
        let names: Vec<_> = cannot.filter(|f| !f.can_undo).map(|f| f.name).collect();
        if !names.is_empty() {
            return at(first.span, QueryError::NoUndo(names.join(", ")));
        }
    }
    Ok(())
}

/// All selected expressions, `*` spelt out.
fn selected(query: &Query, stage: &Stage) -> Vec<ast::Expr> {
    let mut selected = Vec::new();
    for item in &query.select {
        match item {
            SelectItem::Expr { expr, .. } => selected.push(expr.clone()),
            SelectItem::StructStar { base, .. } => selected.push(base.clone()),
            SelectItem::Star { source, .. } => {
                let of = |alias: &Option<String>| source.is_none() || alias == source;
                let columns = stage.star.iter().filter(|star| of(&star.alias));
                selected.extend(columns.map(|star| star.expr.clone()));
            }
        }
    }
    selected
}

/// Outside aggregates only grouping expressions and window bounds may stand.
fn check_grouped(expr: &ast::Expr, query: &Query, clause: &'static str) -> Result<()> {
    let mut error = None;
    walk::visit(expr, &mut |part| {
        if let Some((_, args)) = called(part) {
            for arg in args {
                walk::visit(arg, &mut |inner| {
                    if let ExprKind::Column { source: None, name } = &inner.kind
                        && is_window_bound(name)
                    {
                        error = Some((inner.span, QueryError::WindowBounds(name.clone())));
                    }
                    true
                });
            }
            return false;
        }
        if query.group_by.contains(part) {
            return false;
        }
        match &part.kind {
            ExprKind::Column { source: None, name } if is_window_bound(name) => {
                let having = clause == "HAVING";
                error = having.then(|| (part.span, QueryError::WindowBounds(name.clone())));
            }
            ExprKind::Column { source: Some(_), .. } => {
                let expression = written(part);
                error = Some((part.span, QueryError::NotGrouped { clause, expression }));
            }
            _ => {}
        }
        error.is_none()
    });
    match error {
        Some((span, kind)) => Err(AnalyzeError::at(span, kind)),
        None => Ok(()),
    }
}

/// What rows are grouped by: the expressions of GROUP BY, or one constant for all rows.
fn group_keys(
    stage: &Stage,
    query: &Query,
    types: &BTreeMap<String, SqlType>,
) -> Result<(Vec<Expr>, Vec<KeyColumn>)> {
    if query.group_by.is_empty() {
        let one = Expr::literal(Value::Integer(1), SqlType::Integer);
        let (name, means, equal) = ("KSQL_COL_0".into(), Vec::new(), Vec::new());
        return Ok((vec![one], vec![KeyColumn { index: 0, name, means, equal }]));
    }
    let mut names = KeyNames::new(&stage.scope);
    let mut binder = Binder::new(&stage.scope, types, "GROUP BY");
    let mut keys = Vec::new();
    let mut columns = Vec::new();
    for (index, expr) in query.group_by.iter().enumerate() {
        let key = binder.bind(expr)?;
        let name = names.name_of(expr);
        check_key_type(&name, &key.ty, expr.span)?;
        keys.push(key);
        columns.push(KeyColumn { index, name, means: vec![expr.clone()], equal: Vec::new() });
    }
    Ok((keys, columns))
}

fn bind_aggregate(
    call: &ast::Expr,
    stage: &Stage,
    types: &BTreeMap<String, SqlType>,
) -> Result<AggregateCall> {
    let Some((function, args)) = called(call) else { unreachable!("an aggregate was found") };
    let at = |kind| AnalyzeError::at(call.span, kind);
    let mut bound: Vec<Bound> = Vec::new();
    let mut binder = Binder::new(&stage.scope, types, "SELECT");
    for arg in args {
        bound.push(binder.bind_any(arg)?);
    }
    let arg_types: Vec<_> = bound
        .iter()
        .map(|arg| match arg {
            Bound::Null => functions::ArgType::Null,
            Bound::Expr(expr) => functions::ArgType::Sql(expr.ty.clone()),
        })
        .collect();
    let resolved = function
        .resolve(&arg_types)
        .map_err(|error| at(ExpressionError::Arguments(error.to_string())))?;
    let columns = (function.column_args)(bound.len());
    let mut call_args = Vec::new();
    let mut literals = Vec::new();
    for (position, (arg, ty)) in bound.into_iter().zip(&resolved.args).enumerate() {
        let expr = match ty {
            functions::ArgType::Sql(ty) => coerce::cast_bound(arg, ty),
            _ => arg.typed(args.get(position).map_or(call.span, |arg| arg.span))?,
        };
        if position < columns {
            call_args.push(expr);
            continue;
        }
        match expr.kind {
            crate::expr::ExprKind::Literal(value) => literals.push(value),
            _ => {
                let (position, name) = (position + 1, function.name.to_owned());
                return Err(at(ExpressionError::NotLiteral { position, name }));
            }
        }
    }
    let call = AggregateCall { function, resolved, args: call_args, literals };
    create(&call).map_err(|error| at(ExpressionError::Arguments(error)))?;
    Ok(call)
}

/// Makes the call's state, to see whether it can be made and what it is.
fn create(call: &AggregateCall) -> std::result::Result<Box<dyn Aggregator>, String> {
    let (resolved, literals) = (&call.resolved, &call.literals[..]);
    let limits = &Limits::default();
    (call.function.create)(&Creation { call: resolved, literals, limits })
}

/// DELIMITED cannot hold a state that is an ARRAY, MAP or STRUCT.
fn check_states(calls: &[AggregateCall], from: &From, first: &ast::Expr) -> Result<()> {
    let flat = matches!(from.sources[0].source.value_format.kind, FormatKind::Delimited);
    let nested = |call: &AggregateCall| {
        create(call).is_ok_and(|state| {
            matches!(
                state.state_type(),
                SqlType::Array(_) | SqlType::Map(_, _) | SqlType::Struct(_)
            )
        })
    };
    if flat && calls.iter().any(nested) {
        return Err(AnalyzeError::at(first.span, QueryError::StateFormat));
    }
    Ok(())
}
