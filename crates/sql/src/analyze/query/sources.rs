//! FROM: which streams and tables a query reads, and what it calls them.

use std::sync::Arc;

use model::{Column, Namespace, Schema, SqlType};

use super::super::error::{AnalyzeError, JoinError, QueryError};
use super::super::suggest;
use super::qualify::SYNTHETIC_KEY;
use super::{Context, KeyColumn, Stage, StarColumn, scope_columns};
use crate::analyze::expression::Scope;
use crate::ast::{self, Relation, Span};
use crate::catalog::Source;
use crate::plan::{Step, StepKind};

type Result<T> = std::result::Result<T, AnalyzeError>;

/// A source with the name that the query gives it.
#[derive(Clone, Debug)]
pub struct FromSource {
    /// The stream or table.
    pub source: Arc<Source>,
    /// What the query calls it.
    pub alias: String,
    /// Where it is named.
    pub span: Span,
}

/// All sources of a query, left to right.
#[derive(Clone, Debug)]
pub struct From {
    /// At least one.
    pub sources: Vec<FromSource>,
}

impl From {
    /// Does the query join?
    pub fn is_join(&self) -> bool {
        self.sources.len() > 1
    }

    /// The names of the sources, each once.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for from in &self.sources {
            if !names.contains(&from.source.name) {
                names.push(from.source.name.clone());
            }
        }
        names
    }

    /// All columns by name, for qualifying; positions mean nothing here.
    pub fn scope(&self) -> Scope {
        let columns = self
            .sources
            .iter()
            .flat_map(|from| scope_columns(&from.alias, &source_schema(&from.source)));
        Scope { columns: columns.collect(), ..Scope::default() }
    }

    /// The name of a key that a join makes: `ROWKEY`, or with a number if a column is called so.
    pub fn synthetic_key(&self) -> String {
        let taken =
            |name: &str| self.sources.iter().any(|from| from.source.schema.find(name).is_some());
        let numbered = (1..).map(|n| format!("{SYNTHETIC_KEY}_{n}"));
        let mut names = std::iter::once(SYNTHETIC_KEY.to_owned()).chain(numbered);
        names.find(|name| !taken(name)).unwrap_or_default()
    }

    /// The source of this alias.
    pub fn by_alias(&self, alias: &str) -> Option<&FromSource> {
        self.sources.iter().find(|from| from.alias == alias)
    }
}

/// Finds the sources of a FROM clause.
pub fn resolve(relation: &Relation, context: Context<'_>) -> Result<From> {
    let mut sources = Vec::new();
    collect(relation, context, &mut sources)?;
    Ok(From { sources })
}

fn collect(relation: &Relation, context: Context<'_>, sources: &mut Vec<FromSource>) -> Result<()> {
    match relation {
        Relation::Source { name, alias, span } => {
            let Some(source) = context.catalog.sources.get(name) else {
                let names = context.catalog.sources.keys().map(String::as_str);
                let hint = suggest::hint(name, names);
                let kind = QueryError::UnknownSource { name: name.clone(), hint };
                return Err(AnalyzeError::at(*span, kind));
            };
            if sources.iter().any(|known| known.source.name == *name) {
                return Err(AnalyzeError::at(*span, JoinError::SelfJoin(name.clone())));
            }
            let alias = alias.clone().unwrap_or_else(|| name.clone());
            if sources.iter().any(|known| known.alias == alias) {
                return Err(AnalyzeError::at(*span, JoinError::SameAlias(alias)));
            }
            sources.push(FromSource { source: source.clone(), alias, span: *span });
            Ok(())
        }
        Relation::Join { left, right, .. } => {
            collect(left, context, sources)?;
            collect(right, context, sources)
        }
    }
}

/// The columns of a source step: the source's own, then pseudo columns.
pub fn source_schema(source: &Source) -> Schema {
    let mut columns = source.schema.columns.clone();
    columns.push(Column::pseudo("ROWTIME", SqlType::Bigint));
    columns.push(Column::pseudo("ROWPARTITION", SqlType::Integer));
    columns.push(Column::pseudo("ROWOFFSET", SqlType::Bigint));
    if source.window.is_some() {
        columns.push(Column::pseudo("WINDOWSTART", SqlType::Bigint));
        columns.push(Column::pseudo("WINDOWEND", SqlType::Bigint));
    }
    Schema::new(columns)
}

/// The columns that `*` stands for: keys, window bounds, values.
fn star_columns(source: &Source, alias: &str) -> Vec<StarColumn> {
    let column = |name: &str| StarColumn {
        alias: Some(alias.to_owned()),
        expr: qualified(alias, name),
        name: name.to_owned(),
    };
    let mut star: Vec<_> = source.schema.key().map(|c| column(&c.name)).collect();
    if source.window.is_some() {
        star.extend(["WINDOWSTART", "WINDOWEND"].map(column));
    }
    let others = source.schema.columns.iter().filter(|c| c.namespace != Namespace::Key);
    star.extend(others.map(|c| column(&c.name)));
    star
}

/// `alias.name`
pub fn qualified(alias: &str, name: &str) -> ast::Expr {
    let kind = ast::ExprKind::Column { source: Some(alias.into()), name: name.into() };
    ast::Expr { kind, span: Span::default() }
}

/// The first step of a source.
pub fn stage(from: &FromSource) -> Stage {
    let source = &from.source;
    let schema = source_schema(source);
    let columns = scope_columns(&from.alias, &schema);
    let key = |(index, column): (usize, &Column)| KeyColumn {
        index,
        name: column.name.clone(),
        means: vec![qualified(&from.alias, &column.name)],
        equal: Vec::new(),
    };
    let is_key = |(_, column): &(usize, &Column)| column.namespace == Namespace::Key;
    let keys = schema.columns.iter().enumerate().filter(is_key).map(key).collect();
    let kind = StepKind::Source { name: source.name.clone(), alias: from.alias.clone() };
    Stage {
        step: Step { kind, schema },
        kind: source.kind,
        scope: Scope { columns, ..Scope::default() },
        keys,
        window: source.window,
        star: star_columns(source, &from.alias),
        key_noun: "key column",
        joined: false,
    }
}
