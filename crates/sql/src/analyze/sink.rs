//! CREATE … AS SELECT and INSERT INTO … SELECT: a query and the stream or table it fills.

use std::sync::Arc;

use model::{Column, FormatKind, Namespace, Schema, SqlType, Value};

use super::error::{AnalyzeError, AnalyzeErrorKind, InsertError, QueryError, SourceError};
use super::expression::coerce;
use super::properties::{With, complete, sorted};
use super::query::{AnalyzedQuery, Context, Target, analyze_query};
use super::source::{self, kind_word, replace};
use super::{CreateAsPlan, NewTopic, Planned, formats};
use crate::ast::{self, Emit, Properties, SourceKind, Span};
use crate::catalog::{QueryEntry, RegisteredColumnsRequest, Source};
use crate::plan::{QueryPlan, Sink, StepKind, WindowInfo};
use crate::text::format_statement;

type Result<T> = std::result::Result<T, AnalyzeError>;

/// How long a topic keeps records if nobody says.
const RETENTION_MS: i64 = 604_800_000;

/// Analyzes CREATE STREAM|TABLE name AS SELECT …
pub fn analyze_create_as(
    statement: &ast::CreateAs,
    next_query: u64,
    context: Context<'_>,
) -> Result<Planned> {
    source::check_name(&statement.name)?;
    let existing = context.catalog.sources.get(&statement.name);
    if let Some(existing) = existing
        && !statement.or_replace
    {
        if statement.if_not_exists {
            return Ok(source::already_exists(statement.kind, existing));
        }
        return Err(source::exists(statement.kind, existing));
    }
    let with = With::of_sink(&statement.properties)?;
    let mut query = statement.query.clone();
    query.emit.get_or_insert(Emit::Changes);
    let analyzed = analyze_query(&query, Target::Sink(&statement.name), context)?;
    let AnalyzedQuery { mut plan, canonical, leftmost } = analyzed;
    if plan.kind != statement.kind {
        let found = if plan.kind == SourceKind::Stream { "STREAM" } else { "TABLE" };
        return Err(AnalyzeError::at(query.span, QueryError::ResultType { found }));
    }
    with.check_retention(statement.kind, plan.window.is_some())?;
    let sink = Made { statement, with: &with, plan: &plan, leftmost: &leftmost, context };
    let (mut made, topic) = sink.source()?;
    made.schema = plan.output.clone();
    let (partitions, topic_exists) = topic;
    let kept = context.environment.topic_retention_ms(&leftmost.topic);
    let retention_ms = retention_ms(&with, &plan, kept);
    let text = canonical_statement(statement, canonical, &made, partitions, retention_ms);
    made.statement.clone_from(&text);
    replace::check_source(&made, statement.or_replace, context)?;
    let replaced = existing.and_then(|existing| existing.created_by.clone());
    if let Some(old) = replaced.as_ref().and_then(|id| context.catalog.queries.get(id)) {
        replace::check_query(&made, &old.plan, &plan)?;
    }
    let word = if made.kind == SourceKind::Stream { "CSAS" } else { "CTAS" };
    let id = replaced.clone().unwrap_or_else(|| format!("{word}_{}_{next_query}", made.name));
    made.created_by = Some(id.clone());
    plan.sink = Some(Sink {
        name: made.name.clone(),
        topic: made.topic.clone(),
        partitions,
        key_format: made.key_format.clone(),
        value_format: made.value_format.clone(),
        timestamp: made.timestamp.clone(),
    });
    check_no_loop(&plan, query.span, context)?;
    let new_topic = (!topic_exists).then(|| NewTopic {
        name: made.topic.clone(),
        partitions,
        replicas: with.replicas.unwrap_or(1),
        retention_ms: Some(retention_ms),
        cleanup_policy: policy(&with, &made),
    });
    let query = QueryEntry {
        id,
        statement: text,
        sources: plan.sources.clone(),
        sink: made.name.clone(),
        plan: Arc::new(plan),
    };
    Ok(Planned::CreateAs(CreateAsPlan {
        source: made,
        query,
        topic: new_topic,
        replaces: replaced,
    }))
}

/// A query that writes into a topic it reads would make rows of its own rows for ever.
fn check_no_loop(plan: &QueryPlan, span: Span, context: Context<'_>) -> Result<()> {
    let topic = plan.sink.as_ref().map(|sink| &sink.topic);
    let read = |name: &&String| context.catalog.sources.get(*name).map(|source| &source.topic);
    match plan.sources.iter().find(|name| topic.is_some() && read(name) == topic) {
        None => Ok(()),
        Some(name) => {
            let topic = topic.cloned().unwrap_or_default();
            Err(AnalyzeError::at(span, QueryError::Loop { name: name.clone(), topic }))
        }
    }
}

fn policy(with: &With, made: &Source) -> String {
    let policy = source::cleanup_policy(made.kind, made.window);
    with.cleanup_policy.clone().unwrap_or_else(|| policy.into())
}

/// The topic of a sink: the one that WITH names, or the one called like the sink.
fn topic_of(with: &With, name: &str, context: Context<'_>) -> String {
    let prefix = context.settings.get("ksql.output.topic.name.prefix").unwrap_or_default();
    with.topic.clone().unwrap_or_else(|| format!("{prefix}{name}"))
}

/// As long as the source's topic keeps them, but at least as long as the query's windows are kept.
fn retention_ms(with: &With, plan: &QueryPlan, of_source: Option<i64>) -> i64 {
    let window = window_retention(&plan.root).unwrap_or(0);
    with.retention_ms.unwrap_or_else(|| window.max(of_source.unwrap_or(RETENTION_MS)))
}

fn window_retention(step: &crate::plan::Step) -> Option<i64> {
    match &step.kind {
        StepKind::Aggregate { window: Some(window), .. } => {
            window.retention.map(|retention| retention.millis())
        }
        StepKind::Filter { input, .. }
        | StepKind::Select { input, .. }
        | StepKind::Suppress { input } => window_retention(input),
        _ => None,
    }
}

/// The format's complaint, as one of the query's sink.
fn of_sink(error: AnalyzeError) -> AnalyzeError {
    match *error.kind {
        AnalyzeErrorKind::Source(kind) => QueryError::SinkFormat(kind).into(),
        _ => error,
    }
}

/// The sink that is to be made.
struct Made<'a> {
    statement: &'a ast::CreateAs,
    with: &'a With,
    plan: &'a QueryPlan,
    leftmost: &'a Source,
    context: Context<'a>,
}

impl Made<'_> {
    /// The sink without its text, how many partitions its topic has, and whether there is one.
    fn source(&self) -> Result<(Source, (u32, bool))> {
        let Self { statement, with, plan, leftmost, context } = self;
        let schema = plan.output.clone();
        let keys: Vec<&Column> = schema.key().collect();
        let values: Vec<&Column> = schema.value().collect();
        let inherited_key = match leftmost.key_format.kind {
            // A source without key gives no format to a sink that has one.
            FormatKind::None if !keys.is_empty() => None,
            _ => Some(&leftmost.key_format),
        };
        let key_format = with.key_format(inherited_key, context.settings)?;
        let key_format = formats::name_key(key_format, &statement.name);
        let value_format = with.value_format(Some(&leftmost.value_format), context.settings)?;
        let value_format =
            formats::wrap_value(value_format, with.wrap_single, values.len(), context.settings)?;
        formats::check(&key_format, &keys, true).map_err(of_sink)?;
        formats::check(&value_format, &values, false).map_err(of_sink)?;
        let name = statement.name.clone();
        let topic = topic_of(with, &name, *context);
        self.check_registered(&topic, &key_format, &keys, true)?;
        self.check_registered(&topic, &value_format, &values, false)?;
        let timestamp = source::timestamp(with, &schema)?;
        let partitions = self.partitions(&topic)?;
        let source = Source {
            name,
            kind: statement.kind,
            schema,
            topic,
            key_format,
            value_format,
            window: plan.window,
            timestamp,
            read_only: false,
            created_by: None,
            statement: String::new(),
        };
        Ok((source, partitions))
    }

    /// Those of WITH, of the topic there is, or of the source's topic.
    fn partitions(&self, topic: &str) -> Result<(u32, bool)> {
        let environment = self.context.environment;
        match (environment.topic_partitions(topic), self.with.partitions) {
            (Some(found), Some(expected)) if found != expected => {
                let topic = topic.to_owned();
                Err(SourceError::TopicPartitions { topic, expected, found }.into())
            }
            (Some(found), _) => Ok((found, true)),
            (None, Some(wanted)) => Ok((wanted, false)),
            (None, None) => {
                let source = environment.topic_partitions(&self.leftmost.topic);
                Ok((source.unwrap_or(1), false))
            }
        }
    }

    /// With …_SCHEMA_ID the columns must be the first ones of that schema.
    fn check_registered(
        &self,
        topic: &str,
        format: &model::Format,
        columns: &[&Column],
        is_key: bool,
    ) -> Result<()> {
        if format.schema_id.is_none() {
            return Ok(());
        }
        let side = if is_key { "key" } else { "value" };
        let subject = format!("{topic}-{side}");
        let request = RegisteredColumnsRequest {
            subject: &subject,
            schema_id: format.schema_id,
            format,
            is_key,
        };
        let found = self.context.environment.registered_columns(&request);
        let found = found.map_err(|reason| AnalyzeError::new(SourceError::Registry(reason)))?;
        let Some(found) = found else {
            let topic = topic.to_owned();
            return Err(SourceError::NoSchema { side, topic, subject }.into());
        };
        let fits = |(column, (name, ty)): (&&Column, &(String, model::SqlType))| {
            (name.is_empty() || column.name == *name) && column.ty == *ty
        };
        let all =
            columns.len() <= found.columns.len() && columns.iter().zip(&found.columns).all(fits);
        if all {
            return Ok(());
        }
        let written = |columns: &mut dyn Iterator<Item = (String, model::SqlType)>| {
            Schema::new(columns.map(|(name, ty)| Column::value(name, ty)).collect()).to_string()
        };
        let mut own = columns.iter().map(|c| (c.name.clone(), c.ty.clone()));
        let (columns, registered) = (written(&mut own), written(&mut found.columns.into_iter()));
        Err(SourceError::SchemaMismatch { side, columns, registered }.into())
    }
}

/// The statement as the server writes it.
fn canonical_statement(
    statement: &ast::CreateAs,
    query: ast::Query,
    made: &Source,
    partitions: u32,
    retention_ms: i64,
) -> String {
    let policy = source::cleanup_policy(made.kind, made.window);
    write_out(statement, query, (&made.topic, partitions, retention_ms, policy))
}

/// The same for a statement that is refused, of which less is known.
pub fn completed(
    statement: &ast::CreateAs,
    query: ast::Query,
    with: &With,
    leftmost: &Source,
    windowed: bool,
    context: Context<'_>,
) -> String {
    let topic = topic_of(with, &statement.name, context);
    let environment = context.environment;
    let partitions = environment
        .topic_partitions(&topic)
        .or(with.partitions)
        .or_else(|| environment.topic_partitions(&leftmost.topic));
    let kept = environment.topic_retention_ms(&leftmost.topic).unwrap_or(RETENTION_MS);
    let policy = match (statement.kind, windowed || leftmost.window.is_some()) {
        (SourceKind::Stream, _) => "delete",
        (SourceKind::Table, false) => "compact",
        (SourceKind::Table, true) => "compact,delete",
    };
    write_out(statement, query, (&topic, partitions.unwrap_or(1), kept, policy))
}

fn write_out(
    statement: &ast::CreateAs,
    query: ast::Query,
    (topic, partitions, retention_ms, policy): (&str, u32, i64, &str),
) -> String {
    let mut statement = ast::CreateAs { query, ..statement.clone() };
    let mut properties = std::mem::take(&mut statement.properties);
    complete(&mut properties, "KAFKA_TOPIC", Value::String(topic.to_owned()));
    complete(&mut properties, "PARTITIONS", Value::Integer(partitions as i32));
    complete(&mut properties, "REPLICAS", Value::Integer(1));
    complete(&mut properties, "RETENTION_MS", Value::Bigint(retention_ms));
    complete(&mut properties, "CLEANUP_POLICY", Value::String(policy.to_owned()));
    statement.properties = sorted(properties);
    format_statement(&ast::Statement::CreateAs(statement))
}

/// Analyzes INSERT INTO target SELECT …
pub fn analyze_insert_select(
    statement: &ast::ParsedStatement,
    target: &str,
    properties: &Properties,
    query: &ast::Query,
    next_query: u64,
    context: Context<'_>,
) -> Result<Planned> {
    let Some(sink) = context.catalog.sources.get(target) else {
        return Err(source::drop::missing("Source", target, context));
    };
    if sink.kind == SourceKind::Table {
        return Err(InsertError::IntoTable(target.into()).into());
    }
    if sink.read_only {
        let (kind, name) = (kind_word(sink.kind), target.to_owned());
        return Err(InsertError::ReadOnly { what: "into", kind, name }.into());
    }
    if let Some(header) = sink.schema.of(Namespace::Headers).next() {
        return Err(InsertError::SinkHeader(header.name.clone()).into());
    }
    let id = query_id(properties, next_query, context)?;
    let mut query = query.clone();
    query.emit.get_or_insert(Emit::Changes);
    let AnalyzedQuery { mut plan, .. } = analyze_query(&query, Target::Sink(target), context)?;
    if plan.kind == SourceKind::Table {
        return Err(AnalyzeError::at(query.span, QueryError::ResultType { found: "TABLE" }));
    }
    fit_columns(&mut plan, sink)?;
    plan.sink = Some(Sink {
        name: sink.name.clone(),
        topic: sink.topic.clone(),
        partitions: context.environment.topic_partitions(&sink.topic).unwrap_or(1),
        key_format: sink.key_format.clone(),
        value_format: sink.value_format.clone(),
        timestamp: sink.timestamp.clone(),
    });
    check_no_loop(&plan, query.span, context)?;
    Ok(Planned::InsertSelect(QueryEntry {
        id,
        statement: statement.text.clone(),
        sources: plan.sources.clone(),
        sink: sink.name.clone(),
        plan: Arc::new(plan),
    }))
}

fn query_id(properties: &Properties, next_query: u64, context: Context<'_>) -> Result<String> {
    let Properties(entries) = properties;
    let Some(property) = entries.first() else { return Ok(format!("INSERTQUERY_{next_query}")) };
    let id = property.value.as_str().unwrap_or_default().to_uppercase();
    let legal = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let known = context.catalog.queries.contains_key(&id);
    if entries.len() > 1 || property.name != "QUERY_ID" || !legal || known {
        return Err(AnalyzeError::at(property.span, InsertError::QueryId(property.name.clone())));
    }
    Ok(id)
}

/// Brings the query's columns into the sink's order: by name, all of them, of the same types.
fn fit_columns(plan: &mut QueryPlan, sink: &Source) -> Result<()> {
    let wanted: Vec<&Column> = sink.schema.key().chain(sink.schema.value()).collect();
    let fits = |found: &Column, column: &Column| {
        let same = found.ty == column.ty;
        let widens = found.namespace == Namespace::Value && widens(&found.ty, &column.ty);
        found.name == column.name && found.namespace == column.namespace && (same || widens)
    };
    let mut positions = Vec::new();
    for column in &wanted {
        positions.extend(plan.output.columns.iter().position(|found| fits(found, column)));
    }
    let windows = windowed(plan.window) == windowed(sink.window);
    let all = positions.len() == wanted.len() && plan.output.columns.len() == wanted.len();
    if !all || !windows {
        let difference = difference(&plan.output.columns, &wanted, fits);
        let (result, sink) = (plan.output.to_string(), sink.schema.to_string());
        return Err(InsertError::Schema { difference, result, sink }.into());
    }
    plan.output_columns = positions.iter().map(|at| plan.output_columns[*at]).collect();
    if let StepKind::Select { columns, .. } = &mut plan.root.kind {
        for (at, column) in plan.output_columns.iter().zip(&wanted) {
            let expr = columns[*at].clone();
            columns[*at] = coerce::implicit(expr, &column.ty);
            plan.root.schema.columns[*at].ty.clone_from(&column.ty);
        }
    }
    plan.output = Schema::new(wanted.into_iter().cloned().collect());
    Ok(())
}

/// The first column of the sink that the query does not give, or the other way about.
fn difference(
    given: &[Column],
    wanted: &[&Column],
    fits: impl Fn(&Column, &Column) -> bool,
) -> String {
    for column in wanted {
        let Column { name, ty, .. } = *column;
        match given.iter().find(|found| found.name == *name) {
            None => return format!("the query gives no {name} {ty}"),
            Some(found) if fits(found, column) => {}
            Some(found) if found.namespace != column.namespace => {
                let keyed = |is_key| if is_key { "part of the key" } else { "no part of the key" };
                let is_key = column.namespace == Namespace::Key;
                return format!("{name} is {} of the sink", keyed(is_key));
            }
            Some(found) => return format!("{name} is {} instead of {ty}", found.ty),
        }
    }
    let strange = given.iter().find(|found| wanted.iter().all(|column| column.name != found.name));
    match strange {
        Some(column) => format!("the sink has no {}", column.name),
        None => "one is windowed and the other is not".to_owned(),
    }
}

/// May a number of one type go into a column of the other without a CAST?
fn widens(from: &SqlType, to: &SqlType) -> bool {
    use SqlType::{Bigint, Decimal, Double, Integer};
    match (from, to) {
        (Integer, Bigint | Decimal { .. } | Double) => true,
        (Bigint, Decimal { .. } | Double) | (Decimal { .. }, Double) => true,
        (Decimal { precision: p1, scale: s1 }, Decimal { precision: p2, scale: s2 }) => {
            s1 <= s2 && p1 - s1 <= p2 - s2
        }
        _ => false,
    }
}

fn windowed(window: Option<WindowInfo>) -> Option<bool> {
    window.map(|window| window == WindowInfo::Session)
}
