//! CREATE STREAM and CREATE TABLE with columns: what is to be stored in the catalog.

pub mod columns;
pub mod drop;
pub mod replace;

use std::sync::Arc;

use model::{Column, Namespace, Schema, SqlType, Value};

use super::error::{AnalyzeError, SourceError};
use super::formats;
use super::properties::{With, complete, sorted};
use super::query::Context;
use super::{CreateSourcePlan, NewTopic, Planned};
use crate::ast::{self, SourceKind, Span};
use crate::catalog::{QueryEntry, Source};
use crate::expr::Expr;
use crate::plan::{QueryPlan, Step, StepKind, TimestampColumn, WindowInfo};
use crate::text::format_statement;

type Result<T> = std::result::Result<T, AnalyzeError>;

/// STREAM or TABLE, as words of messages.
pub fn kind_word(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Stream => "stream",
        SourceKind::Table => "table",
    }
}

/// Analyzes CREATE STREAM|TABLE name (…) WITH (…).
pub fn analyze_create(
    statement: &ast::CreateSource,
    next_query: u64,
    context: Context<'_>,
) -> Result<Planned> {
    check_name(&statement.name)?;
    if let Some(existing) = context.catalog.sources.get(&statement.name)
        && !statement.or_replace
    {
        if statement.if_not_exists {
            return Ok(already_exists(statement.kind, existing));
        }
        return Err(exists(statement.kind, existing));
    }
    let with = With::of_source(&statement.properties)?;
    with.check_retention(statement.kind, with.window.is_some())?;
    let topic = with.topic.clone().unwrap_or_default();
    let mut key_format = with.key_format(None, context.settings)?;
    let mut value_format = with.value_format(None, context.settings)?;
    value_format.wrap_single = with.wrap_single;
    let declared = columns::Declared { statement, with: &with, topic: &topic };
    let schema = declared.schema(&mut key_format, &mut value_format, context)?;
    let window = with.window;
    if window.is_some() && schema.key().next().is_none() {
        return Err(SourceError::WindowedWithoutKey.into());
    }
    let keys: Vec<_> = schema.key().collect();
    let values: Vec<_> = schema.value().collect();
    formats::check(&key_format, &keys, true)?;
    let key_format = formats::name_key(key_format, &statement.name);
    let value_format =
        formats::wrap_value(value_format, with.wrap_single, values.len(), context.settings)?;
    formats::check(&value_format, &values, false)?;
    let timestamp = timestamp(&with, &schema)?;
    let new_topic = topic_of_source(&topic, &with, statement.kind, window, context)?;
    let canonical = canonical(statement, &schema, &with, (&key_format, &value_format));
    let source = Source {
        name: statement.name.clone(),
        kind: statement.kind,
        schema,
        topic,
        key_format,
        value_format,
        window,
        timestamp,
        read_only: statement.read_only,
        created_by: None,
        statement: canonical,
    };
    replace::check_source(&source, statement.or_replace, context)?;
    let query = (statement.read_only && statement.kind == SourceKind::Table)
        .then(|| materialize(&source, next_query));
    let replaces = context.catalog.sources.contains_key(&statement.name);
    Ok(Planned::CreateSource(CreateSourcePlan { source, topic: new_topic, query, replaces }))
}

/// Names of streams and tables hold letters, digits, `_` and `-`.
pub fn check_name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(legal) {
        return Err(SourceError::Name(name.into()).into());
    }
    Ok(())
}

/// The answer to IF NOT EXISTS.
pub fn already_exists(kind: SourceKind, existing: &Source) -> Planned {
    let name = &existing.name;
    let (kind, found) = (kind_word(kind), kind_word(existing.kind));
    let message =
        format!("Cannot add {kind} `{name}`: A {found} with the same name already exists.");
    Planned::AlreadyExists { name: name.clone(), message }
}

/// The error without IF NOT EXISTS.
pub fn exists(kind: SourceKind, existing: &Source) -> AnalyzeError {
    let (kind, name) = (kind_word(kind), existing.name.clone());
    AnalyzeError::new(SourceError::Exists { kind, name, existing: kind_word(existing.kind) })
}

/// The column that TIMESTAMP names.
pub fn timestamp(with: &With, schema: &Schema) -> Result<Option<TimestampColumn>> {
    let Some(name) = &with.timestamp else { return Ok(None) };
    let Some(column) = schema.find(name) else {
        return Err(SourceError::TimestampColumn(name.clone()).into());
    };
    let format = with.timestamp_format.clone();
    match (&column.ty, &format) {
        (SqlType::Bigint | SqlType::Timestamp, None) | (SqlType::String, Some(_)) => {}
        _ => return Err(SourceError::TimestampType(name.clone()).into()),
    }
    Ok(Some(TimestampColumn { name: name.clone(), format }))
}

/// What a topic keeps.
pub fn cleanup_policy(kind: SourceKind, window: Option<WindowInfo>) -> &'static str {
    match (kind, window) {
        (SourceKind::Stream, _) => "delete",
        (SourceKind::Table, None) => "compact",
        (SourceKind::Table, Some(_)) => "compact,delete",
    }
}

fn topic_of_source(
    topic: &str,
    with: &With,
    kind: SourceKind,
    window: Option<WindowInfo>,
    context: Context<'_>,
) -> Result<Option<NewTopic>> {
    match (context.environment.topic_partitions(topic), with.partitions) {
        (Some(found), Some(expected)) if found != expected => {
            Err(SourceError::TopicPartitions { topic: topic.into(), expected, found }.into())
        }
        (Some(_), _) => Ok(None),
        (None, None) => Err(SourceError::NoTopic(topic.into()).into()),
        (None, Some(partitions)) => Ok(Some(NewTopic {
            name: topic.into(),
            partitions,
            replicas: with.replicas.unwrap_or(1),
            retention_ms: with.retention_ms,
            cleanup_policy: match &with.cleanup_policy {
                Some(policy) => policy.clone(),
                None => cleanup_policy(kind, window).into(),
            },
        })),
    }
}

/// The statement as the server writes it: all columns, WITH completed and sorted.
fn canonical(
    statement: &ast::CreateSource,
    schema: &Schema,
    with: &With,
    formats: (&model::Format, &model::Format),
) -> String {
    let mut statement = statement.clone();
    statement.columns = schema.columns.iter().map(|c| definition(c, statement.kind)).collect();
    let properties = &mut statement.properties;
    complete_formats(properties, with, formats);
    let policy = cleanup_policy(statement.kind, with.window).to_owned();
    complete(properties, "CLEANUP_POLICY", Value::String(policy));
    statement.properties = sorted(std::mem::take(properties));
    format_statement(&ast::Statement::CreateSource(statement))
}

/// Writes out the formats that WITH does not name.
pub fn complete_formats(
    properties: &mut ast::Properties,
    with: &With,
    (key_format, value_format): (&model::Format, &model::Format),
) {
    if with.key.format.is_none() {
        let name = key_format.kind.name().to_owned();
        complete(properties, "KEY_FORMAT", Value::String(name));
    }
    if with.value.format.is_none() {
        let name = value_format.kind.name().to_owned();
        complete(properties, "VALUE_FORMAT", Value::String(name));
    }
}

/// A column as it stands in CREATE.
pub fn definition(column: &Column, kind: SourceKind) -> ast::ColumnDefinition {
    let constraint = match (column.namespace, kind, &column.header) {
        (Namespace::Key, SourceKind::Stream, _) => ast::Constraint::Key,
        (Namespace::Key, SourceKind::Table, _) => ast::Constraint::PrimaryKey,
        (Namespace::Headers, _, Some(key)) => ast::Constraint::Header(key.clone()),
        (Namespace::Headers, _, None) => ast::Constraint::Headers,
        (Namespace::Value | Namespace::Pseudo, _, _) => ast::Constraint::None,
    };
    let (name, span) = (column.name.clone(), Span::default());
    ast::ColumnDefinition { name, ty: type_name(&column.ty), constraint, span }
}

/// A type as a name.
pub fn type_name(ty: &SqlType) -> ast::TypeName {
    match ty {
        SqlType::Array(element) => ast::TypeName::Array(Box::new(type_name(element))),
        SqlType::Map(key, value) => {
            ast::TypeName::Map(Box::new(type_name(key)), Box::new(type_name(value)))
        }
        SqlType::Struct(fields) => {
            let field = |f: &model::Field| (f.name.clone(), type_name(&f.ty));
            ast::TypeName::Struct(fields.iter().map(field).collect())
        }
        simple => ast::TypeName::Sql(simple.clone()),
    }
}

/// The query that keeps a SOURCE TABLE materialized: it reads the table and writes nothing.
fn materialize(source: &Source, next_query: u64) -> QueryEntry {
    let step_schema = super::query::sources::source_schema(source);
    let read = StepKind::Source { name: source.name.clone(), alias: source.name.clone() };
    let stored = |c: &&Column| matches!(c.namespace, Namespace::Key | Namespace::Value);
    let columns: Vec<Column> = source.schema.columns.iter().filter(stored).cloned().collect();
    let position = |c: &Column| step_schema.index_of(&c.name).unwrap_or_default();
    let expressions = columns.iter().map(|c| Expr::column(position(c), c.ty.clone())).collect();
    let schema = Schema::new(columns);
    let input = Box::new(Step { kind: read, schema: step_schema.clone() });
    let root =
        Step { kind: StepKind::Select { input, columns: expressions }, schema: schema.clone() };
    let plan = QueryPlan {
        root,
        kind: SourceKind::Table,
        output_columns: (0..schema.columns.len()).collect(),
        output: schema,
        window: source.window,
        sources: vec![source.name.clone()],
        emit: ast::Emit::Changes,
        limit: None,
        sink: None,
    };
    QueryEntry {
        id: format!("CST_{}_{next_query}", source.name),
        statement: source.statement.clone(),
        sources: vec![source.name.clone()],
        sink: source.name.clone(),
        plan: Arc::new(plan),
    }
}
