//! A statement as written in, what it means out.
//!
//! [`analyze`] resolves names against the catalog, checks types and rules, and says what is to be
//! done. It changes nothing itself: whoever runs the statement stores what came out.
//!
//! | statement | who |
//! |---|---|
//! | CREATE STREAM, CREATE TABLE, ALTER, DROP, types | [`source`] |
//! | CREATE … AS SELECT, INSERT INTO … SELECT | [`sink`], over [`query`] |
//! | SELECT … EMIT | [`query`] |
//! | SELECT | [`pull`] |
//! | INSERT INTO … VALUES | [`insert`] |

pub mod error;
pub mod expression;
pub mod formats;
pub mod insert;
pub mod limits;
pub mod properties;
pub mod pull;
pub mod query;
pub mod refused;
pub mod settings;
pub mod sink;
pub mod source;
pub mod suggest;
pub mod types;
pub mod walk;

use std::sync::Arc;

use model::SqlType;

pub use error::{
    AnalyzeError, AnalyzeErrorKind, ExpressionError, InsertError, JoinError, LimitError,
    PropertyError, PullError, QueryError, SourceError,
};
pub use query::Context;
pub use refused::refused_text;
pub use settings::Settings;

use crate::ast::{ParsedStatement, Statement};
use crate::catalog::{Catalog, Environment, QueryEntry, Source};
use crate::expr::Expr;
use crate::plan::{PullPlan, QueryPlan};

/// What a statement means.
#[derive(Clone, Debug)]
pub enum Planned {
    /// CREATE STREAM, CREATE TABLE
    CreateSource(CreateSourcePlan),
    /// CREATE … AS SELECT
    CreateAs(CreateAsPlan),
    /// IF NOT EXISTS, and there is one.
    AlreadyExists {
        /// The name.
        name: String,
        /// What to tell.
        message: String,
    },
    /// IF EXISTS, and there is none.
    Nothing {
        /// The name.
        name: String,
    },
    /// INSERT INTO … SELECT
    InsertSelect(QueryEntry),
    /// INSERT INTO … VALUES
    InsertValues(InsertValuesPlan),
    /// SELECT
    Pull(PullPlan),
    /// SELECT … EMIT
    Push(QueryPlan),
    /// ALTER STREAM, ALTER TABLE
    Alter {
        /// The source as it is from now on.
        source: Arc<Source>,
        /// The statement as the server writes it.
        statement: String,
    },
    /// DROP STREAM, DROP TABLE
    Drop {
        /// The source.
        name: String,
        /// Its topic.
        topic: String,
        /// The topic goes, too.
        delete_topic: bool,
        /// Queries that end with it.
        ends: Vec<String>,
    },
    /// CREATE TYPE
    CreateType {
        /// Its name, upper case.
        name: String,
        /// What it stands for.
        ty: SqlType,
    },
    /// DROP TYPE
    DropType {
        /// Its name, upper case.
        name: String,
    },
    /// Anything that needs no analysis: SHOW, DESCRIBE, SET, PRINT, …
    Other(Statement),
}

/// CREATE STREAM or CREATE TABLE.
#[derive(Clone, Debug)]
pub struct CreateSourcePlan {
    /// What is to be stored; its `statement` is the server's own writing.
    pub source: Source,
    /// The topic to be made; none: there is one.
    pub topic: Option<NewTopic>,
    /// The query that keeps a SOURCE TABLE materialized. It writes nowhere.
    pub query: Option<QueryEntry>,
    /// There is a source of that name, which is replaced.
    pub replaces: bool,
}

/// CREATE … AS SELECT.
#[derive(Clone, Debug)]
pub struct CreateAsPlan {
    /// What is to be stored; its `statement` is the server's own writing.
    pub source: Source,
    /// The query that fills it.
    pub query: QueryEntry,
    /// The topic to be made; none: there is one.
    pub topic: Option<NewTopic>,
    /// The id of the query (the same as the new one's) that is replaced.
    pub replaces: Option<String>,
}

/// A topic that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: u32,
    /// How many copies.
    pub replicas: u32,
    /// How long records are kept; none: as the journal is set.
    pub retention_ms: Option<i64>,
    /// `delete`, `compact` or `compact,delete`
    pub cleanup_policy: String,
}

/// INSERT INTO … VALUES.
#[derive(Clone, Debug, PartialEq)]
pub struct InsertValuesPlan {
    /// The stream or table.
    pub target: String,
    /// The record's timestamp, a BIGINT; none: now.
    pub rowtime: Option<Expr>,
    /// For each column of the target a constant expression of the column's type; none: null.
    pub values: Vec<Option<Expr>>,
}

/// Says what a statement means. `next_query` is the number that a new query's id ends with.
pub fn analyze(
    statement: &ParsedStatement,
    catalog: &Catalog,
    environment: &dyn Environment,
    settings: &Settings,
    next_query: u64,
) -> Result<Planned, AnalyzeError> {
    let context = Context { catalog, environment, settings };
    analyze_statement(statement, next_query, context).map_err(|error| AnalyzeError {
        source: Some((Arc::from(statement.text.as_str()), statement.span.start)),
        ..error
    })
}

fn analyze_statement(
    statement: &ParsedStatement,
    next_query: u64,
    context: Context<'_>,
) -> Result<Planned, AnalyzeError> {
    match &statement.statement {
        Statement::Query(query) if query.emit.is_none() => {
            pull::analyze_pull(query, context).map(Planned::Pull)
        }
        Statement::Query(query) => {
            let analyzed = query::analyze_query(query, query::Target::Push, context)?;
            Ok(Planned::Push(analyzed.plan))
        }
        Statement::CreateSource(create) => source::analyze_create(create, next_query, context),
        Statement::CreateAs(create) => sink::analyze_create_as(create, next_query, context),
        Statement::InsertSelect { target, properties, query } => {
            sink::analyze_insert_select(statement, target, properties, query, next_query, context)
        }
        Statement::InsertValues { target, columns, values } => {
            insert::analyze_insert_values(target, columns, values, context)
        }
        Statement::DropSource { kind, if_exists, name, delete_topic } => {
            source::drop::analyze_drop(*kind, *if_exists, name, *delete_topic, context)
        }
        Statement::CreateType { if_not_exists, name, ty } => {
            source::drop::analyze_create_type(*if_not_exists, name, ty, context)
        }
        Statement::DropType { if_exists, name } => {
            source::drop::analyze_drop_type(*if_exists, name, context)
        }
        Statement::AlterSource { kind, name, columns } => {
            source::replace::analyze_alter(*kind, name, columns, &statement.text, context)
        }
        other => Ok(Planned::Other(other.clone())),
    }
}
