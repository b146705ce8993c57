//! Pull queries: one look at a view, or at all of a stream so far.

use std::collections::HashSet;

use model::{Column, Namespace, Schema, SqlType, Value};

use super::error::{AnalyzeError, PullError, QueryError};
use super::expression::{Binder, literal};
use super::query::aggregate;
use super::query::qualify::{self, is_window_bound};
use super::query::sources::{self, From};
use super::query::{Context, Stage};
use super::types::common_number;
use super::walk;
use crate::ast::{self, ComparisonOp, ExprKind, Query, SelectItem, SourceKind};
use crate::catalog::Source;
use crate::expr::Expr;
use crate::plan::{Lookup, PullPlan, WindowBounds};

type Result<T> = std::result::Result<T, AnalyzeError>;

/// Analyzes a query without EMIT.
pub fn analyze_pull(query: &Query, context: Context<'_>) -> Result<PullPlan> {
    if !context.settings.flag("ksql.pull.queries.enable", true) {
        return Err(PullError::Disabled.into());
    }
    check_clauses(query)?;
    if query.limit.is_some() && !context.settings.flag("ksql.query.pull.limit.clause.enabled", true)
    {
        return Err(AnalyzeError::at(query.span, PullError::LimitDisabled));
    }
    let from = sources::resolve(&query.from, context)?;
    let source = from.sources[0].source.clone();
    let streams = context.settings.flag("ksql.query.pull.stream.enabled", true);
    if source.kind == SourceKind::Stream && !streams {
        return Err(PullError::Disabled.into());
    }
    if source.kind == SourceKind::Stream {
        check_stream_clauses(query)?;
    }
    if source.kind == SourceKind::Table && !is_materialized(&source, context) {
        return Err(PullError::NotMaterialized { name: source.name.clone() }.into());
    }
    let canonical = qualify::qualify(query, &from)?;
    check_columns(&canonical)?;
    let stage = sources::stage(&from.sources[0]);
    let types = &context.catalog.types;
    let items = items(&stage, &canonical, &source, types)?;
    super::limits::check_count(items.len(), query.span)?;
    let mut binder = Binder::new(&stage.scope, types, "SELECT");
    let mut columns = Vec::new();
    let mut output = Vec::new();
    for (expr, name) in &items {
        let bound = binder.bind(expr)?;
        output.push(output_column(expr, name, &bound, &source));
        columns.push(bound);
    }
    super::query::project::check_result(&output, query.span)?;
    let filter = match &canonical.filter {
        Some(filter) => {
            let mut binder = Binder::new(&stage.scope, types, "WHERE");
            Some(binder.bind_condition(filter, "WHERE expression")?)
        }
        None => None,
    };
    let mut order_by = Vec::new();
    for (expr, descending) in &canonical.order_by {
        let mut named = expr.clone();
        qualify_order(&mut named, &items, &from)?;
        order_by.push((Binder::new(&stage.scope, types, "ORDER BY").bind(&named)?, *descending));
    }
    let mut found = match (&canonical.filter, source.kind) {
        (Some(filter), SourceKind::Table) => Found::of(filter, &source)?,
        _ => Found { lookup: Lookup::Scan, ..Found::default() },
    };
    let ranges = context.settings.flag("ksql.query.pull.range.scan.enabled", true);
    if !ranges && matches!(found.lookup, Lookup::Range { .. }) {
        // All rows are looked at instead, if that is allowed.
        found = Found { lookup: Lookup::Scan, keyed: false, ..found };
    }
    if source.kind == SourceKind::Table {
        check_scan(&canonical, &found, context)?;
    }
    Ok(PullPlan {
        source: source.name.clone(),
        source_kind: source.kind,
        lookup: found.lookup,
        windows: found.windows,
        filter,
        columns,
        output: Schema::new(output),
        order_by,
        limit: query.limit,
        offset: query.offset,
    })
}

/// A stream's rows are told as they are read: nobody waits for all of them to sort them.
fn check_stream_clauses(query: &Query) -> Result<()> {
    if let Some((first, _)) = query.order_by.first() {
        return Err(AnalyzeError::at(first.span, PullError::StreamClause("ORDER BY")));
    }
    if query.offset.is_some() {
        return Err(AnalyzeError::at(query.span, PullError::StreamClause("OFFSET")));
    }
    Ok(())
}

/// A view of a query, or a SOURCE TABLE.
fn is_materialized(source: &Source, context: Context<'_>) -> bool {
    let queries = &context.catalog.queries;
    match &source.created_by {
        Some(id) => queries.contains_key(id),
        None => source.read_only,
    }
}

fn check_clauses(query: &Query) -> Result<()> {
    let clauses = [
        (matches!(query.from, ast::Relation::Join { .. }), "JOIN clauses"),
        (query.window.is_some(), "WINDOW clauses"),
        (!query.group_by.is_empty(), "GROUP BY clauses"),
        (!query.partition_by.is_empty(), "PARTITION BY clauses"),
        (query.having.is_some(), "HAVING clauses"),
    ];
    if let Some((_, clause)) = clauses.iter().find(|(given, _)| *given) {
        return Err(AnalyzeError::at(query.span, PullError::Clause(clause)));
    }
    if let Some(first) = aggregate::find(query)?.first() {
        return Err(AnalyzeError::at(first.span, PullError::Clause("aggregate functions")));
    }
    let stars = |item: &&SelectItem| matches!(item, SelectItem::Star { .. });
    if query.select.len() > 1
        && let Some(SelectItem::Star { span, .. }) = query.select.iter().find(stars)
    {
        return Err(AnalyzeError::at(*span, PullError::Wildcard));
    }
    Ok(())
}

/// A view has no ROWPARTITION and no ROWOFFSET.
fn check_columns(query: &Query) -> Result<()> {
    let find = |expr: &ast::Expr, clause: &'static str| {
        let mut found = None;
        walk::visit(expr, &mut |part| {
            if let ExprKind::Column { name, .. } = &part.kind
                && matches!(name.as_str(), "ROWPARTITION" | "ROWOFFSET")
            {
                found = Some((part.span, format!("`{name}`")));
            }
            found.is_none()
        });
        match found {
            Some((span, columns)) => {
                Err(AnalyzeError::at(span, PullError::Columns { clause, columns }))
            }
            None => Ok(()),
        }
    };
    for item in &query.select {
        match item {
            SelectItem::Expr { expr, .. } | SelectItem::StructStar { base: expr, .. } => {
                find(expr, "SELECT")?;
            }
            SelectItem::Star { .. } => {}
        }
    }
    query.filter.as_ref().map_or(Ok(()), |filter| find(filter, "WHERE"))
}

/// The selected expressions with their names, stars spelt out.
fn items(
    stage: &Stage,
    query: &Query,
    source: &Source,
    types: &std::collections::BTreeMap<String, SqlType>,
) -> Result<Vec<(ast::Expr, String)>> {
    let mut items = Vec::new();
    for item in &query.select {
        match item {
            SelectItem::Expr { expr, alias } => {
                items.push((expr.clone(), alias.clone().unwrap_or_default()));
            }
            SelectItem::Star { .. } => {
                let window = source.window.is_some() && source.kind == SourceKind::Table;
                let kept = |name: &str| window || !is_window_bound(name);
                let stars = stage.star.iter().filter(|star| kept(&star.name));
                items.extend(stars.map(|star| (star.expr.clone(), star.name.clone())));
            }
            SelectItem::StructStar { base, span } => {
                let bound = Binder::new(&stage.scope, types, "SELECT").bind(base)?;
                let SqlType::Struct(fields) = bound.ty else {
                    return Err(AnalyzeError::at(*span, QueryError::NotStruct(bound.ty)));
                };
                stage.scope.count(&SqlType::Boolean, fields.len() * walk::count(base), *span)?;
                for field in fields {
                    let (base, name) = (Box::new(base.clone()), field.name.clone());
                    let kind = ExprKind::Field { base, name };
                    items.push((ast::Expr { kind, span: *span }, field.name));
                }
            }
        }
    }
    Ok(items)
}

/// A key column of a table stays one, as do window bounds, unless renamed.
fn output_column(expr: &ast::Expr, name: &str, bound: &Expr, source: &Source) -> Column {
    let is_key = match &expr.kind {
        ExprKind::Column { name: column, .. } => {
            let key = source.schema.key().any(|key| key.name == *column);
            source.kind == SourceKind::Table && (key || is_window_bound(column))
        }
        _ => false,
    };
    let (name, ty) = (name.to_owned(), bound.ty.clone());
    if is_key { Column::key(name, ty) } else { Column::value(name, ty) }
}

/// ORDER BY may name what is selected by its alias, and any column of the source.
fn qualify_order(expr: &mut ast::Expr, items: &[(ast::Expr, String)], from: &From) -> Result<()> {
    if let ExprKind::Column { source: None, name } = &expr.kind
        && let Some((item, _)) = items.iter().find(|(_, alias)| alias == name)
    {
        *expr = item.clone();
        return Ok(());
    }
    if let ExprKind::Column { source, name } = &mut expr.kind {
        let scope = from.scope();
        let found = scope.resolve(source.as_deref(), name, "ORDER BY", expr.span)?;
        *source = found.alias.clone();
        return Ok(());
    }
    for part in walk::parts_mut(expr) {
        qualify_order(part, items, from)?;
    }
    Ok(())
}

fn check_scan(query: &Query, found: &Found, context: Context<'_>) -> Result<()> {
    if context.settings.flag("ksql.query.pull.table.scan.enabled", true) || found.keyed {
        return Ok(());
    }
    match &query.filter {
        None => Err(AnalyzeError::at(query.span, PullError::NoWhere)),
        Some(filter) => Err(AnalyzeError::at(filter.span, PullError::NoKey)),
    }
}

/// How WHERE lets rows be found.
#[derive(Debug, Default)]
struct Found {
    lookup: Lookup,
    windows: WindowBounds,
    /// Nothing but the keys named has to be looked at.
    keyed: bool,
}

/// What one alternative (the parts joined by AND) says about the key.
#[derive(Default)]
struct Alternative {
    /// For each key column the values it may have; none: any.
    equal: Vec<Option<Vec<Value>>>,
    low: Option<(Value, bool)>,
    high: Option<(Value, bool)>,
    windows: WindowBounds,
    /// The comparisons of WINDOWSTART and WINDOWEND, in order.
    bounds: Vec<(String, Bound)>,
    /// A key's value that is none, which is an error where keys are looked up.
    misfit: Option<AnalyzeError>,
    /// How many comparisons with constants each key column stands in: `=` and IN, and others.
    equalities: Vec<usize>,
    others: usize,
}

/// Which end of a range of windows a comparison names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Both,
    Low,
    High,
}

impl Found {
    /// Looks for keys in WHERE. WHERE is still applied to all rows found: this only narrows them.
    fn of(filter: &ast::Expr, source: &Source) -> Result<Self> {
        check_supported(filter)?;
        let mut alternatives = Vec::new();
        for parts in disjuncts(filter) {
            alternatives.push(Alternative::of(&parts, source)?);
        }
        let ranges = has_ordered_keys(source) && alternatives.len() == 1;
        let keyed = alternatives.iter().all(|alternative| alternative.is_keyed(ranges));
        if keyed {
            for alternative in &mut alternatives {
                alternative.check_lookup(filter)?;
            }
        }
        let windows = match &alternatives[..] {
            [only] => only.windows,
            _ => WindowBounds::default(),
        };
        let mut keys: Vec<Vec<Value>> = Vec::new();
        let mut seen = HashSet::new();
        for alternative in &alternatives {
            let Some(found) = alternative.keys() else {
                let lookup = match &alternatives[..] {
                    [only] => only.range(source),
                    _ => Lookup::Scan,
                };
                return Ok(Self { lookup, windows, keyed });
            };
            for key in found {
                // A DOUBLE has no hash; how it is written will do.
                if seen.insert(format!("{key:?}")) {
                    keys.push(key);
                }
            }
        }
        Ok(Self { lookup: Lookup::Keys(keys), windows, keyed })
    }
}

/// May a range of keys be looked up without a scan? Only by the order of text, and of no windows.
fn has_ordered_keys(source: &Source) -> bool {
    let mut keys = source.schema.key();
    let first = keys.next().map(|key| &key.ty);
    first == Some(&SqlType::String) && keys.next().is_none() && source.window.is_none()
}

/// Only comparisons, LIKE, IN and BETWEEN, joined by AND and OR.
fn check_supported(filter: &ast::Expr) -> Result<()> {
    match &filter.kind {
        ExprKind::And(left, right) | ExprKind::Or(left, right) => {
            check_supported(left)?;
            check_supported(right)
        }
        ExprKind::Comparison { .. } => Ok(()),
        ExprKind::Like { negated: false, .. }
        | ExprKind::Between { negated: false, .. }
        | ExprKind::In { negated: false, .. } => Ok(()),
        _ => Err(AnalyzeError::at(filter.span, PullError::Unsupported)),
    }
}

/// The alternatives of a condition, each the parts that must hold together.
fn disjuncts(filter: &ast::Expr) -> Vec<Vec<&ast::Expr>> {
    /// Beyond this many alternatives nothing is gained over looking at all rows.
    const ALTERNATIVES_MAX: usize = 64;
    match &filter.kind {
        ExprKind::Or(left, right) => [disjuncts(left), disjuncts(right)].concat(),
        ExprKind::And(left, right) => {
            let (left_parts, right_parts) = (disjuncts(left), disjuncts(right));
            if left_parts.len() * right_parts.len() > ALTERNATIVES_MAX {
                return vec![vec![filter]];
            }
            let mut pairs = Vec::new();
            for left in &left_parts {
                pairs.extend(right_parts.iter().map(|right| [&left[..], &right[..]].concat()));
            }
            pairs
        }
        _ => vec![vec![filter]],
    }
}

impl Alternative {
    fn of(parts: &[&ast::Expr], source: &Source) -> Result<Self> {
        let keys: Vec<&Column> =
            source.schema.columns.iter().filter(|c| c.namespace == Namespace::Key).collect();
        let mut alternative =
            Self { equal: keys.iter().map(|_| None).collect(), ..Self::default() };
        alternative.equalities = keys.iter().map(|_| 0).collect();
        for part in parts {
            alternative.add(part, &keys)?;
        }
        Ok(alternative)
    }

    fn add(&mut self, part: &ast::Expr, keys: &[&Column]) -> Result<()> {
        let column = |expr: &ast::Expr| match &expr.kind {
            ExprKind::Column { name, .. } => Some(name.clone()),
            _ => None,
        };
        match &part.kind {
            ExprKind::Comparison { op, left, right } => {
                let (name, value, op) = match (column(left), column(right)) {
                    (Some(name), _) => (name, right, *op),
                    (None, Some(name)) => (name, left, flipped(*op)),
                    (None, None) => return Ok(()),
                };
                self.compare(&name, op, value, keys)
            }
            ExprKind::Between { operand, low, high, .. } => {
                let Some(name) = column(operand) else { return Ok(()) };
                self.compare(&name, ComparisonOp::GreaterThanOrEqual, low, keys)?;
                self.compare(&name, ComparisonOp::LessThanOrEqual, high, keys)
            }
            ExprKind::In { operand, list, .. } => {
                let Some(name) = column(operand) else { return Ok(()) };
                let Some(at) = keys.iter().position(|key| key.name == name) else { return Ok(()) };
                self.equalities[at] += 1;
                let ty = &keys[at].ty;
                let mut values = Vec::new();
                for item in list {
                    self.note_misfit(item, ty);
                    match constant(item, ty)? {
                        Some(Value::Null) => {}
                        Some(value) => values.push(value),
                        None => return Ok(()),
                    }
                }
                self.restrict(at, values);
                Ok(())
            }
            ExprKind::Like { operand, .. } => {
                let is_key = column(operand).is_some_and(|n| keys.iter().any(|k| k.name == n));
                // Neither a lookup nor a range.
                self.others += 2 * usize::from(is_key);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn compare(
        &mut self,
        name: &str,
        op: ComparisonOp,
        value: &ast::Expr,
        keys: &[&Column],
    ) -> Result<()> {
        if is_window_bound(name) {
            let bound = match op {
                ComparisonOp::Equal => Bound::Both,
                ComparisonOp::GreaterThan | ComparisonOp::GreaterThanOrEqual => Bound::Low,
                ComparisonOp::LessThan | ComparisonOp::LessThanOrEqual => Bound::High,
                _ => {
                    let kind = PullError::WindowOperator(name.to_owned());
                    return Err(AnalyzeError::at(value.span, kind));
                }
            };
            self.bounds.push((name.to_owned(), bound));
            if let Some(ms) = window_bound(value)? {
                self.windows.narrow(name, op, ms);
            }
            return Ok(());
        }
        let Some(at) = keys.iter().position(|key| key.name == name) else { return Ok(()) };
        let is_constant = !walk::any(value, |e| matches!(e.kind, ExprKind::Column { .. }));
        match op {
            ComparisonOp::Equal if is_constant => self.equalities[at] += 1,
            ComparisonOp::Equal | ComparisonOp::NotEqual => self.others += 2,
            _ => self.others += if is_constant { 1 } else { 2 },
        }
        self.note_misfit(value, &keys[at].ty);
        let Some(value) = constant(value, &keys[at].ty)? else { return Ok(()) };
        match op {
            ComparisonOp::Equal => self.restrict(at, vec![value]),
            ComparisonOp::GreaterThan => self.low = Some((value, false)),
            ComparisonOp::GreaterThanOrEqual => self.low = Some((value, true)),
            ComparisonOp::LessThan => self.high = Some((value, false)),
            ComparisonOp::LessThanOrEqual => self.high = Some((value, true)),
            _ => {}
        }
        Ok(())
    }

    /// A number is compared with any other, but only one that widens to a key's type is looked up.
    fn note_misfit(&mut self, expr: &ast::Expr, ty: &SqlType) {
        let ExprKind::Literal(value) = &expr.kind else { return };
        let found = literal::type_of(value);
        let widens = match (&found, ty) {
            (_, SqlType::Decimal { .. }) => literal::convert(value, ty).is_some(),
            _ => common_number(&found, ty).as_ref() == Some(ty),
        };
        if found.is_number() && ty.is_number() && !widens {
            let (found, expected) = (found.to_string(), ty.clone());
            let kind = PullError::KeyType { found, expected };
            self.misfit.get_or_insert(AnalyzeError::at(expr.span, kind));
        }
    }

    /// What is asked of an alternative whose keys are looked up: values of the keys' types, and for
    /// each window bound one value or one of each end.
    fn check_lookup(&mut self, filter: &ast::Expr) -> Result<()> {
        if let Some(misfit) = self.misfit.take() {
            return Err(misfit);
        }
        for (i, (name, bound)) in self.bounds.iter().enumerate() {
            let mut earlier = self.bounds[..i].iter().filter(|(other, _)| other == name);
            if earlier.any(|(_, other)| other == bound || [*other, *bound].contains(&Bound::Both)) {
                let kind = PullError::WindowTwice(name.clone());
                return Err(AnalyzeError::at(filter.span, kind));
            }
        }
        Ok(())
    }

    /// Does it name its keys, each column once, or (if `ranges`) one end of a range?
    fn is_keyed(&self, ranges: bool) -> bool {
        let named = !self.equalities.is_empty() && self.equalities.iter().all(|n| *n == 1);
        let range = ranges && self.equalities == [0] && self.others == 1;
        named && self.others == 0 || range
    }

    /// The key column must be one of these, too.
    fn restrict(&mut self, at: usize, values: Vec<Value>) {
        self.equal[at] = Some(match self.equal[at].take() {
            Some(earlier) => earlier.into_iter().filter(|v| values.contains(v)).collect(),
            None => values,
        });
    }

    /// All keys it may mean; `None` if a key column is left open.
    fn keys(&self) -> Option<Vec<Vec<Value>>> {
        if self.equal.is_empty() {
            return None;
        }
        /// More lookups than this cost more than looking at all rows.
        const KEYS_MAX: usize = 10_000;
        let mut keys: Vec<Vec<Value>> = vec![Vec::new()];
        for values in &self.equal {
            let values = values.as_ref()?;
            if keys.len().saturating_mul(values.len()) > KEYS_MAX {
                return None;
            }
            let extend = |key: &Vec<Value>| -> Vec<Vec<Value>> {
                values
                    .iter()
                    .map(|value| [&key[..], std::slice::from_ref(value)].concat())
                    .collect()
            };
            keys = keys.iter().flat_map(extend).collect();
        }
        Some(keys)
    }

    /// The bounds of a single key column.
    fn range(&self, source: &Source) -> Lookup {
        let single = source.schema.key().count() == 1;
        match (single, &self.low, &self.high) {
            (false, ..) | (true, None, None) => Lookup::Scan,
            (true, low, high) => Lookup::Range { low: low.clone(), high: high.clone() },
        }
    }
}

fn flipped(op: ComparisonOp) -> ComparisonOp {
    match op {
        ComparisonOp::LessThan => ComparisonOp::GreaterThan,
        ComparisonOp::LessThanOrEqual => ComparisonOp::GreaterThanOrEqual,
        ComparisonOp::GreaterThan => ComparisonOp::LessThan,
        ComparisonOp::GreaterThanOrEqual => ComparisonOp::LessThanOrEqual,
        same => same,
    }
}

/// A literal as the key's type; `None` if it is no literal, or can never be equal to a key.
fn constant(expr: &ast::Expr, ty: &SqlType) -> Result<Option<Value>> {
    let ExprKind::Literal(value) = &expr.kind else { return Ok(None) };
    let found = literal::type_of(value);
    let text_to_number = found == SqlType::String && ty.is_number();
    let number_to_text = found.is_number() && *ty == SqlType::String;
    if text_to_number || number_to_text {
        let (found, expected) = (found.to_string(), ty.clone());
        return Err(AnalyzeError::at(expr.span, PullError::KeyType { found, expected }));
    }
    Ok(literal::convert(value, ty))
}

/// A bound in milliseconds; `None` if it is no literal.
fn window_bound(expr: &ast::Expr) -> Result<Option<i64>> {
    match &expr.kind {
        ExprKind::Literal(Value::String(text)) => match literal::timestamp(text) {
            Some(ms) => Ok(Some(ms)),
            None => Err(AnalyzeError::at(expr.span, PullError::WindowBound)),
        },
        ExprKind::Literal(value @ (Value::Integer(_) | Value::Bigint(_))) => Ok(value.as_i64()),
        _ => Ok(None),
    }
}

impl WindowBounds {
    /// Takes in one more comparison.
    fn narrow(&mut self, name: &str, op: ComparisonOp, ms: i64) {
        let (min, max) = match name {
            "WINDOWSTART" => (&mut self.start_min_ms, &mut self.start_max_ms),
            _ => (&mut self.end_min_ms, &mut self.end_max_ms),
        };
        let mut at_least = |ms: i64| *min = Some(min.map_or(ms, |old| old.max(ms)));
        let mut at_most = |ms: i64| *max = Some(max.map_or(ms, |old| old.min(ms)));
        match op {
            ComparisonOp::Equal => {
                at_least(ms);
                at_most(ms);
            }
            ComparisonOp::GreaterThan => at_least(ms.saturating_add(1)),
            ComparisonOp::GreaterThanOrEqual => at_least(ms),
            ComparisonOp::LessThan => at_most(ms.saturating_sub(1)),
            ComparisonOp::LessThanOrEqual => at_most(ms),
            _ => {}
        }
    }
}
