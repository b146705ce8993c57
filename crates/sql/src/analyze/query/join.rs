//! FROM a JOIN b: which kind of join it is, whether it can be done, and what its rows are keyed by.

use model::{Column, FormatKind, Namespace, Schema, SqlType};

use super::super::error::{AnalyzeError, JoinError, QueryError};
use super::qualify::{SYNTHETIC_KEY, aliases_in, bare};
use super::sources::{self, From};
use super::{Context, KeyColumn, Stage, StarColumn, check_key_type};
use crate::analyze::expression::{Binder, ScopeColumn};
use crate::ast::{self, ComparisonOp, ExprKind, JoinKind, Relation, SourceKind, Span, Within};
use crate::expr::Expr;
use crate::plan::{Step, StepKind, WindowInfo};

type Result<T> = std::result::Result<T, AnalyzeError>;

/// The steps of a FROM clause.
pub fn build(relation: &Relation, from: &From, context: Context<'_>) -> Result<Stage> {
    if from.is_join() {
        check_formats(from)?;
    }
    build_relation(relation, from, context)
}

fn build_relation(relation: &Relation, from: &From, context: Context<'_>) -> Result<Stage> {
    match relation {
        Relation::Source { name, alias, span } => {
            let alias = alias.as_deref().unwrap_or(name);
            let Some(source) = from.by_alias(alias) else {
                return Err(AnalyzeError::at(*span, JoinError::MissingSide(alias.into())));
            };
            Ok(sources::stage(source))
        }
        Relation::Join { left, right, kind, within, on, span } => {
            let nested = matches!(**left, Relation::Join { .. });
            let left = build_relation(left, from, context)?;
            let right = build_relation(right, from, context)?;
            let join = Join { kind: *kind, within: *within, span: *span, nested, from, context };
            join.build(left, right, on)
        }
    }
}

fn check_formats(from: &From) -> Result<()> {
    let kafka = |s: &&sources::FromSource| s.source.value_format.kind == FormatKind::Kafka;
    let sources: Vec<_> = from.sources.iter().filter(kafka).map(|s| s.alias.clone()).collect();
    if sources.is_empty() {
        return Ok(());
    }
    let kind = QueryError::KafkaFormat { sources: sources.join(", "), what: "JOIN" };
    Err(AnalyzeError::at(from.sources[0].span, kind))
}

struct Join<'a> {
    kind: JoinKind,
    within: Option<Within>,
    span: Span,
    /// Is the left side a join itself?
    nested: bool,
    from: &'a From,
    context: Context<'a>,
}

/// One side of ON.
struct Side<'a> {
    written: &'a ast::Expr,
    bound: Expr,
    alias: String,
    /// Is it what the side's rows are keyed by?
    is_key: bool,
}

impl Join<'_> {
    fn error<T>(&self, kind: JoinError) -> Result<T> {
        Err(AnalyzeError::at(self.span, kind))
    }

    fn build(&self, left: Stage, right: Stage, on: &ast::Expr) -> Result<Stage> {
        if let Some(Within { before, after, grace }) = &self.within {
            let negative = before.millis() < 0 || after.millis() < 0;
            if negative || grace.is_some_and(|grace| grace.millis() < 0) {
                return self.error(JoinError::NegativeWithin);
            }
        }
        let (left_side, right_side) = self.sides(&left, &right, on)?;
        if left_side.bound.ty != right_side.bound.ty {
            let (left, right) = (left_side.bound.ty, right_side.bound.ty);
            return Err(AnalyzeError::at(on.span, JoinError::Types { left, right }));
        }
        match (left.kind, right.kind) {
            (SourceKind::Table, SourceKind::Stream) => self.error(JoinError::TableStream),
            (SourceKind::Table, SourceKind::Table) => {
                self.table_table(left, right, left_side, right_side)
            }
            (SourceKind::Stream, right_kind) => {
                self.stream(left, right, right_kind, left_side, right_side)
            }
        }
    }

    /// The sides of ON, the left relation's first.
    fn sides<'e>(
        &self,
        left: &Stage,
        right: &Stage,
        on: &'e ast::Expr,
    ) -> Result<(Side<'e>, Side<'e>)> {
        let at = |span, kind: JoinError| Err(AnalyzeError::at(span, kind));
        let ExprKind::Comparison { op: ComparisonOp::Equal, left: first, right: second } = &on.kind
        else {
            return at(on.span, JoinError::NotEquality);
        };
        let (first_aliases, second_aliases) = (aliases_in(first), aliases_in(second));
        let ([first_alias], [second_alias]) = (&first_aliases[..], &second_aliases[..]) else {
            return at(on.span, JoinError::SideSources);
        };
        if first_alias == second_alias {
            return at(on.span, JoinError::SameSource(first_alias.clone()));
        }
        let is_left = |alias: &String| left.scope.has_alias(alias);
        let is_right = |alias: &String| right.scope.has_alias(alias);
        let (left_expr, right_expr) = if is_left(first_alias) && is_right(second_alias) {
            (first, second)
        } else if is_left(second_alias) && is_right(first_alias) {
            (second, first)
        } else {
            let missing = right.star.iter().find_map(|star| star.alias.clone());
            return at(on.span, JoinError::MissingSide(missing.unwrap_or_default()));
        };
        let types = &self.context.catalog.types;
        let side = |stage: &Stage, expr: &'e ast::Expr| -> Result<Side<'e>> {
            let bound = Binder::new(&stage.scope, types, "JOIN ON").bind(expr)?;
            let same = |key: &KeyColumn| key.means.contains(expr) || key.equal.contains(expr);
            let is_key = matches!(&stage.keys[..], [key] if same(key));
            let alias = aliases_in(expr).remove(0);
            Ok(Side { written: expr, bound, alias, is_key })
        };
        Ok((side(left, left_expr)?, side(right, right_expr)?))
    }

    fn stream(
        &self,
        left: Stage,
        right: Stage,
        right_kind: SourceKind,
        left_side: Side<'_>,
        right_side: Side<'_>,
    ) -> Result<Stage> {
        let name = format!("{}_{}", left_side.alias, column_name(left_side.written));
        check_key_type(&name, &left_side.bound.ty, left_side.written.span)?;
        if right_kind == SourceKind::Table {
            if self.within.is_some() {
                return self.error(JoinError::Within("stream-table"));
            }
            if let Some(kind) = outer(self.kind) {
                let what = "between a stream and a table";
                return self.error(JoinError::Kind { kind, what });
            }
            if !right_side.is_key {
                let what = "table's primary key".into();
                return self.error(JoinError::NotKey { kind: "stream-table", what });
            }
        }
        self.check_windows(&left, &right, &left_side, &right_side)?;
        self.check_partitions(&left_side, &right_side)?;
        let within = match (right_kind, self.within) {
            (SourceKind::Stream, None) => return self.error(JoinError::NoWithin),
            (_, within) => within,
        };
        let keys = self.keys(&left, &left_side, &right_side);
        let left = keyed(left, &left_side);
        let right = keyed(right, &right_side);
        let ty = left_side.bound.ty;
        let kind = self.kind;
        Ok(self.combine(
            left,
            right,
            vec![ty],
            keys,
            SourceKind::Stream,
            |left, right| match within {
                Some(within) => StepKind::StreamStreamJoin { left, right, kind, within },
                None => StepKind::StreamTableJoin { left, right, kind },
            },
        ))
    }

    fn table_table(
        &self,
        left: Stage,
        right: Stage,
        left_side: Side<'_>,
        right_side: Side<'_>,
    ) -> Result<Stage> {
        if self.within.is_some() {
            return self.error(JoinError::Within("table-table"));
        }
        if !right_side.is_key {
            let what = "primary key of the right input table".into();
            return self.error(JoinError::NotKey { kind: "table-table", what });
        }
        self.check_windows(&left, &right, &left_side, &right_side)?;
        let kind = self.kind;
        if left_side.is_key {
            self.check_partitions(&left_side, &right_side)?;
            let keys = self.keys(&left, &left_side, &right_side);
            let ty = left_side.bound.ty;
            return Ok(self.combine(
                left,
                right,
                vec![ty],
                keys,
                SourceKind::Table,
                |left, right| StepKind::TableTableJoin { left, right, kind },
            ));
        }
        if self.nested {
            return self.error(JoinError::ForeignKeyInNWay);
        }
        if let Some(kind) = outer(kind) {
            return self.error(JoinError::Kind { kind, what: "on a foreign key" });
        }
        let types = left.keys.iter().map(|key| left.step.schema.columns[key.index].ty.clone());
        let types: Vec<_> = types.collect();
        let keys = left.keys.clone();
        let foreign_key = left_side.bound;
        Ok(self.combine(left, right, types, keys, SourceKind::Table, |left, right| {
            StepKind::ForeignKeyJoin { left, right, foreign_key, kind }
        }))
    }

    /// What the join's single key column means: the columns that hold it, or a made-up one.
    fn keys(&self, left: &Stage, left_side: &Side<'_>, right_side: &Side<'_>) -> Vec<KeyColumn> {
        let mut equal: Vec<ast::Expr> = Vec::new();
        if self.kind != JoinKind::Full {
            match &left.keys[..] {
                [key] if left_side.is_key => {
                    equal.extend(key.means.iter().chain(&key.equal).cloned());
                }
                _ => equal.push(left_side.written.clone()),
            }
            equal.push(right_side.written.clone());
        }
        let is_column =
            |expr: &ast::Expr| matches!(&expr.kind, ExprKind::Column { source: Some(_), .. });
        let (mut means, equal): (Vec<_>, Vec<_>) = equal.into_iter().partition(is_column);
        let name = match means.first() {
            Some(first) => format!("{}_{}", aliases_in(first).concat(), column_name(first)),
            None => self.from.synthetic_key(),
        };
        if means.is_empty() {
            means.push(bare(&name));
        }
        vec![KeyColumn { index: 0, name, means, equal }]
    }

    /// Puts the join on top of both sides.
    fn combine(
        &self,
        mut left: Stage,
        mut right: Stage,
        key_types: Vec<SqlType>,
        keys: Vec<KeyColumn>,
        kind: SourceKind,
        step: impl FnOnce(Box<Step>, Box<Step>) -> StepKind,
    ) -> Stage {
        let key_columns = keys.iter().zip(&key_types);
        let mut columns: Vec<_> =
            key_columns.map(|(key, ty)| Column::key(&key.name, ty.clone())).collect();
        let prefixed = |stage: &Stage| -> Vec<Column> {
            let alias_of = |index: usize| {
                let named = stage.scope.columns.iter().find(|c| c.index == index);
                named.and_then(|c| c.alias.clone()).filter(|_| !stage.joined)
            };
            let name = |(index, column): (usize, &Column)| {
                let name = match alias_of(index) {
                    Some(alias) => format!("{alias}_{}", column.name),
                    None => column.name.clone(),
                };
                Column { name, namespace: Namespace::Value, ..column.clone() }
            };
            stage.step.schema.columns.iter().enumerate().map(name).collect()
        };
        columns.extend(prefixed(&left));
        columns.extend(prefixed(&right));
        let added = keys.len();
        left.shift(added);
        right.shift(added + left.step.schema.columns.len());
        let synthetic = |column: &ScopeColumn| column.alias.is_none();
        left.scope.columns.retain(|column| !synthetic(column));
        left.scope.columns.append(&mut right.scope.columns);
        let mut star: Vec<StarColumn> = Vec::new();
        let keys: Vec<_> =
            keys.into_iter().enumerate().map(|(index, key)| KeyColumn { index, ..key }).collect();
        for (key, ty) in keys.iter().zip(key_types) {
            if key.means == [bare(&key.name)] {
                left.scope.columns.push(ScopeColumn {
                    alias: None,
                    name: key.name.clone(),
                    index: key.index,
                    ty,
                    namespace: Namespace::Key,
                });
                let expr = bare(&key.name);
                star.push(StarColumn { alias: None, expr, name: key.name.clone() });
            }
        }
        let both = left.star.into_iter().chain(right.star);
        star.extend(both.filter(|star| star.alias.is_some()).map(prefix_star));
        let kind_of_step = step(Box::new(left.step), Box::new(right.step));
        Stage {
            step: Step { kind: kind_of_step, schema: Schema::new(columns) },
            kind,
            scope: left.scope,
            keys,
            window: left.window,
            star,
            key_noun: "join expression",
            joined: true,
        }
    }

    fn check_windows(
        &self,
        left: &Stage,
        right: &Stage,
        left_side: &Side<'_>,
        right_side: &Side<'_>,
    ) -> Result<()> {
        let keyed = left_side.is_key && right_side.is_key;
        let format = |alias: &str| {
            let source = self.from.by_alias(alias);
            source.map_or(FormatKind::None, |from| from.source.key_format.kind)
        };
        let (left_format, right_format) = (format(&left_side.alias), format(&right_side.alias));
        // With a registered key only the start of a window has to be the same.
        let alike = left_format == right_format
            && (left.window == right.window || left_format.uses_registry());
        let session = |window| matches!(window, WindowInfo::Session);
        match (left.window, right.window) {
            (None, None) => Ok(()),
            (None, Some(_)) | (Some(_), None) => self.error(JoinError::Windowed),
            (Some(left), Some(right)) if session(left) != session(right) => {
                self.error(JoinError::Windows)
            }
            (Some(_), Some(_)) if !alike || !keyed => self.error(JoinError::WindowedRepartition),
            (Some(_), Some(_)) => Ok(()),
        }
    }

    fn check_partitions(&self, left: &Side<'_>, right: &Side<'_>) -> Result<()> {
        let partitions = |alias: &str| {
            let source = &self.from.by_alias(alias)?.source;
            self.context.environment.topic_partitions(&source.topic)
        };
        match (partitions(&left.alias), partitions(&right.alias)) {
            (Some(left_partitions), Some(right_partitions))
                if left_partitions != right_partitions =>
            {
                self.error(JoinError::Partitions {
                    left: left.alias.clone(),
                    right: right.alias.clone(),
                    left_partitions,
                    right_partitions,
                })
            }
            _ => Ok(()),
        }
    }
}

fn outer(kind: JoinKind) -> Option<&'static str> {
    match kind {
        JoinKind::Full => Some("FULL"),
        JoinKind::Right => Some("RIGHT"),
        JoinKind::Inner | JoinKind::Left => None,
    }
}

fn column_name(expr: &ast::Expr) -> &str {
    match &expr.kind {
        ExprKind::Column { name, .. } => name,
        _ => SYNTHETIC_KEY,
    }
}

/// `*` names a column of a join after its source.
fn prefix_star(star: StarColumn) -> StarColumn {
    let ExprKind::Column { source: Some(source), name } = &star.expr.kind else { return star };
    let name = format!("{source}_{name}");
    StarColumn { name, ..star }
}

/// A side keyed by its expression.
fn keyed(mut stage: Stage, side: &Side<'_>) -> Stage {
    if side.is_key {
        return stage;
    }
    stage.shift(1);
    let mut columns = vec![Column::key(column_name(side.written), side.bound.ty.clone())];
    columns.extend(stage.step.schema.columns.iter().cloned().map(|column| {
        let namespace = match column.namespace {
            Namespace::Key => Namespace::Value,
            other => other,
        };
        Column { namespace, ..column }
    }));
    let kind = StepKind::Rekey { input: Box::new(stage.step), keys: vec![side.bound.clone()] };
    stage.step = Step { kind, schema: Schema::new(columns) };
    stage
}
