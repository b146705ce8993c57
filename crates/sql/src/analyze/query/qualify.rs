//! Names made unique: every column gets its source, every selected expression its name.

use std::collections::HashSet;

use super::super::error::{AnalyzeError, AnalyzeErrorKind, ExpressionError, QueryError};
use super::super::walk;
use super::sources::From;
use crate::analyze::expression::Scope;
use crate::ast::{Expr, ExprKind, Query, Relation, SelectItem, Span};
use crate::text::format_expr;

type Result<T> = std::result::Result<T, AnalyzeError>;

/// Columns that nobody may make.
pub const SYSTEM_COLUMNS: [&str; 5] =
    ["ROWTIME", "ROWPARTITION", "ROWOFFSET", "WINDOWSTART", "WINDOWEND"];

/// The name of the key that a join makes where no column holds it.
pub const SYNTHETIC_KEY: &str = "ROWKEY";

/// Is this WINDOWSTART or WINDOWEND?
pub fn is_window_bound(name: &str) -> bool {
    matches!(name, "WINDOWSTART" | "WINDOWEND")
}

/// The query with all columns qualified and all selected expressions named.
pub fn qualify(query: &Query, from: &From) -> Result<Query> {
    qualified(query, from, false)
}

/// The same, but unknown columns are left as they stand: for the text of an error.
pub fn qualify_known(query: &Query, from: &From) -> Result<Query> {
    qualified(query, from, true)
}

fn qualified(query: &Query, from: &From, lenient: bool) -> Result<Query> {
    let scope = from.scope();
    let windowed = query.window.is_some();
    let synthetic = from.is_join().then(|| from.synthetic_key());
    let names = Names { scope: &scope, windowed, synthetic, lenient };
    let mut query = query.clone();
    names.relation(&mut query.from)?;
    if let Some(filter) = &mut query.filter {
        names.expr(filter, "WHERE", &mut Vec::new())?;
    }
    let source_window = from.sources.iter().any(|s| s.source.window.is_some());
    for (list, clause) in
        [(&mut query.group_by, "GROUP BY"), (&mut query.partition_by, "PARTITION BY")]
    {
        for expr in list {
            if windowed && !source_window && !lenient {
                reject_window_bounds(expr)?;
            }
            names.expr(expr, clause, &mut Vec::new())?;
        }
    }
    if let Some(having) = &mut query.having {
        if windowed && !source_window && !lenient {
            reject_window_bounds(having)?;
        }
        names.expr(having, "HAVING", &mut Vec::new())?;
    }
    for item in &mut query.select {
        match item {
            SelectItem::Star { source: Some(source), span } => {
                if !scope.has_alias(source) && !lenient {
                    let kind = ExpressionError::UnknownAlias(source.clone());
                    return Err(AnalyzeError::at(*span, kind));
                }
            }
            SelectItem::Star { source: None, .. } => {}
            SelectItem::StructStar { base, .. } => names.expr(base, "SELECT", &mut Vec::new())?,
            SelectItem::Expr { expr, .. } => names.expr(expr, "SELECT", &mut Vec::new())?,
        }
    }
    name_items(&mut query.select, &scope)?;
    Ok(query)
}

/// Window bounds of the query's own windows exist only behind the aggregation.
fn reject_window_bounds(expr: &Expr) -> Result<()> {
    let mut found = None;
    walk::visit(expr, &mut |part| {
        if let ExprKind::Column { name, .. } = &part.kind
            && is_window_bound(name)
        {
            found = Some((name.clone(), part.span));
        }
        found.is_none()
    });
    match found {
        Some((name, span)) => Err(AnalyzeError::at(span, QueryError::WindowBounds(name))),
        None => Ok(()),
    }
}

struct Names<'a> {
    scope: &'a Scope,
    windowed: bool,
    /// The name of the key that a join may make.
    synthetic: Option<String>,
    /// Unknown columns are no error.
    lenient: bool,
}

impl Names<'_> {
    fn relation(&self, relation: &mut Relation) -> Result<()> {
        match relation {
            Relation::Source { name, alias, .. } => {
                alias.get_or_insert_with(|| name.clone());
                Ok(())
            }
            Relation::Join { left, right, on, .. } => {
                self.relation(left)?;
                self.relation(right)?;
                self.expr(on, "JOIN ON", &mut Vec::new())
            }
        }
    }

    /// Gives each column its source; names of lambda parameters in `params` are none.
    fn expr(&self, expr: &mut Expr, clause: &'static str, params: &mut Vec<String>) -> Result<()> {
        match &mut expr.kind {
            ExprKind::Column { source, name } => {
                if source.is_none() && params.contains(name) {
                    return Ok(());
                }
                let bare = source.is_none()
                    && (self.windowed && is_window_bound(name)
                        || self.synthetic.as_ref() == Some(name));
                if !bare {
                    match self.scope.resolve(source.as_deref(), name, clause, expr.span) {
                        Ok(found) => *source = found.alias.clone(),
                        Err(error) if self.lenient && is_unknown(&error) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
            ExprKind::Lambda { params: own, body } => {
                let outer = params.len();
                params.extend(own.iter().cloned());
                let result = self.expr(body, clause, params);
                params.truncate(outer);
                result
            }
            _ => walk::parts_mut(expr)
                .into_iter()
                .try_for_each(|part| self.expr(part, clause, params)),
        }
    }
}

fn is_unknown(error: &AnalyzeError) -> bool {
    matches!(
        &*error.kind,
        AnalyzeErrorKind::Expression(
            ExpressionError::UnknownColumn { .. } | ExpressionError::UnknownAlias(_)
        )
    )
}

/// Names the items that have none, and looks at the names that were given.
fn name_items(items: &mut [SelectItem], scope: &Scope) -> Result<()> {
    let mut names = KeyNames::new(scope);
    for item in items {
        let SelectItem::Expr { expr, alias } = item else { continue };
        if let Some(alias) = alias {
            let itself = matches!(&expr.kind, ExprKind::Column { name, .. } if name == alias);
            if SYSTEM_COLUMNS.contains(&alias.as_str()) && !itself {
                let kind = QueryError::ReservedAlias(alias.clone());
                return Err(AnalyzeError::at(expr.span, kind));
            }
            continue;
        }
        *alias = Some(match &expr.kind {
            ExprKind::Column { source: Some(source), name } if clashes(scope, name) => {
                format!("{source}_{name}")
            }
            _ => names.name_of(expr),
        });
    }
    Ok(())
}

/// Does more than one source have a column of that name?
fn clashes(scope: &Scope, name: &str) -> bool {
    let mut aliases = scope.columns.iter().filter(|c| c.name == name).map(|c| &c.alias);
    let first = aliases.next();
    aliases.any(|alias| Some(alias) != first)
}

/// Names for expressions that have none: a column's, a field's, `KSQL_COL_0`, `KSQL_COL_1`, …
pub struct KeyNames {
    taken: HashSet<String>,
    next: usize,
}

impl KeyNames {
    /// Names that are not those of columns in `scope`.
    pub fn new(scope: &Scope) -> Self {
        Self { taken: scope.columns.iter().map(|c| c.name.clone()).collect(), next: 0 }
    }

    /// The name of an expression's column.
    pub fn name_of(&mut self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Column { name, .. } => name.clone(),
            ExprKind::Field { name, .. } => self.unique(name),
            _ => loop {
                let name = format!("KSQL_COL_{}", self.next);
                self.next += 1;
                if self.taken.insert(name.clone()) {
                    return name;
                }
            },
        }
    }

    fn unique(&mut self, name: &str) -> String {
        if self.taken.insert(name.to_owned()) {
            return name.to_owned();
        }
        let numbered = (1..).map(|n| format!("{name}_{n}"));
        numbered.into_iter().find(|name| self.taken.insert(name.clone())).unwrap_or_default()
    }
}

/// A column without source.
pub fn bare(name: &str) -> Expr {
    let kind = ExprKind::Column { source: None, name: name.into() };
    Expr { kind, span: Span::default() }
}

/// The sources that an expression names, each once.
pub fn aliases_in(expr: &Expr) -> Vec<String> {
    let mut aliases = Vec::new();
    walk::visit(expr, &mut |part| {
        if let ExprKind::Column { source: Some(source), .. } = &part.kind
            && !aliases.contains(source)
        {
            aliases.push(source.clone());
        }
        true
    });
    aliases
}

/// An expression as the server writes it, for messages.
pub fn written(expr: &Expr) -> String {
    format_expr(expr)
}
