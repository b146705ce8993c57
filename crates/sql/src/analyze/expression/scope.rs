//! Which columns an expression may name, and where they stand in the input's schema.

use std::cell::Cell;

use model::{Namespace, SqlType};

use super::super::error::{AnalyzeError, ExpressionError, LimitError};
use super::super::limits;
use crate::ast::{self, Span};
use crate::expr::Expr;

/// A column that may be named.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeColumn {
    /// Its source's alias; none: a key that the join made.
    pub alias: Option<String>,
    /// Its name in that source.
    pub name: String,
    /// Its position in the input's schema.
    pub index: usize,
    /// Its type.
    pub ty: SqlType,
    /// Where it lives in its source.
    pub namespace: Namespace,
}

/// All columns that may be named, and expressions that are already computed by the input.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// In the order of sources, each source's columns in declared order.
    pub columns: Vec<ScopeColumn>,
    /// Whole expressions (qualified) that stand in the input: grouping expressions, aggregates,
    /// table functions, partitioning expressions.
    pub substitutes: Vec<(ast::Expr, Expr)>,
    /// The parts of all types of expressions bound so far: see [`limits::EXPRESSION_TYPES_MAX`].
    pub bound_parts: Cell<usize>,
}

impl Scope {
    /// The input's column that holds this expression already.
    pub fn substitute(&self, expr: &ast::Expr) -> Option<Expr> {
        self.substitutes.iter().find(|(known, _)| known == expr).map(|(_, at)| at.clone())
    }

    /// Counts `times` expressions of a type, before they are made.
    pub fn count(&self, ty: &SqlType, times: usize, span: Span) -> Result<(), AnalyzeError> {
        let parts = ty.size().saturating_mul(times).saturating_add(self.bound_parts.get());
        if parts > limits::EXPRESSION_TYPES_MAX {
            let kind = LimitError::ExpressionTypes(limits::EXPRESSION_TYPES_MAX);
            return Err(AnalyzeError::at(span, kind));
        }
        self.bound_parts.set(parts);
        Ok(())
    }

    /// Does a source go by this alias?
    pub fn has_alias(&self, alias: &str) -> bool {
        self.columns.iter().any(|column| column.alias.as_deref() == Some(alias))
    }

    /// The column that `[source.]name` names.
    pub fn resolve(
        &self,
        source: Option<&str>,
        name: &str,
        clause: &'static str,
        span: Span,
    ) -> Result<&ScopeColumn, AnalyzeError> {
        if let Some(alias) = source
            && !self.has_alias(alias)
        {
            return Err(AnalyzeError::at(span, ExpressionError::UnknownAlias(alias.into())));
        }
        let matches = |column: &&ScopeColumn| {
            column.name == name && (source.is_none() || column.alias.as_deref() == source)
        };
        let mut found = self.columns.iter().filter(matches);
        let Some(first) = found.next() else {
            let written = source.map_or_else(|| name.into(), |s| format!("{s}.{name}"));
            return Err(AnalyzeError::at(span, self.unknown(clause, written, name)));
        };
        let others: Vec<_> = found.filter(|column| column.alias != first.alias).collect();
        if others.is_empty() {
            return Ok(first);
        }
        let candidates = std::iter::once(first).chain(others);
        let qualified = |column: &ScopeColumn| match &column.alias {
            Some(alias) => format!("{alias}.{}", column.name),
            None => column.name.clone(),
        };
        let candidates = candidates.map(qualified).collect();
        let kind = ExpressionError::AmbiguousColumn { name: name.into(), candidates };
        Err(AnalyzeError::at(span, kind))
    }

    fn unknown(&self, clause: &'static str, written: String, name: &str) -> ExpressionError {
        let names = self.columns.iter().map(|column| column.name.as_str());
        let hint = match (super::super::suggest::nearest(name, names), clause) {
            (Some(near), _) => format!(" Did you mean '{near}'?"),
            (None, "SELECT" | "VALUES") => String::new(),
            (None, clause) => {
                format!(" It must be a column of the source: {clause} comes before SELECT.")
            }
        };
        ExpressionError::UnknownColumn { clause, name: written, hint }
    }
}
