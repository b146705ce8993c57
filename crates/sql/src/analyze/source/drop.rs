//! DROP STREAM|TABLE, CREATE TYPE and DROP TYPE.

use super::super::error::{AnalyzeError, SourceError};
use super::super::query::Context;
use super::super::types::resolve_type;
use super::super::{Planned, limits, suggest};
use super::kind_word;
use crate::ast::{SourceKind, Span, TypeName};

type Result<T> = std::result::Result<T, AnalyzeError>;

/// There is nothing of that name.
pub fn missing(kind: &'static str, name: &str, context: Context<'_>) -> AnalyzeError {
    let names = context.catalog.sources.keys().map(String::as_str);
    let hint = suggest::hint(name, names);
    AnalyzeError::new(SourceError::Missing { kind, name: name.into(), hint })
}

/// Analyzes DROP STREAM|TABLE.
pub fn analyze_drop(
    kind: SourceKind,
    if_exists: bool,
    name: &str,
    delete_topic: bool,
    context: Context<'_>,
) -> Result<Planned> {
    let Some(source) = context.catalog.sources.get(name) else {
        if if_exists {
            return Ok(Planned::Nothing { name: name.into() });
        }
        let kind = if kind == SourceKind::Stream { "Stream" } else { "Table" };
        return Err(missing(kind, name, context));
    };
    if source.kind != kind {
        let statement = format!("DROP {}", kind_word(kind));
        return Err(SourceError::WrongKind { found: kind_word(source.kind), statement }.into());
    }
    if source.read_only && delete_topic {
        return Err(SourceError::DeleteReadOnlyTopic(name.into()).into());
    }
    let own = |id: &String| Some(id) == source.created_by.as_ref();
    let queries = context.catalog.queries.values();
    // The query that keeps a SOURCE TABLE goes with it.
    let others: Vec<_> = queries.filter(|q| !own(&q.id) && !q.id.starts_with("CST_")).collect();
    let made = |id: &String| {
        let made = context.catalog.sources.values().find(|s| s.created_by.as_ref() == Some(id));
        made.map(|source| source.name.clone())
    };
    let readers = others.iter().filter(|q| q.sources.iter().any(|s| s == name));
    let readers: Vec<_> = readers.collect();
    let names: Vec<_> = readers.iter().filter_map(|q| made(&q.id)).collect();
    if !names.is_empty() {
        return Err(SourceError::ReadBy { name: name.into(), readers: names }.into());
    }
    let used = |verb, queries: Vec<String>| {
        AnalyzeError::new(SourceError::UsedBy { name: name.into(), verb, queries })
    };
    if !readers.is_empty() {
        return Err(used("read from", readers.iter().map(|q| q.id.clone()).collect()));
    }
    let writers: Vec<_> = others.iter().filter(|q| q.sink == name).map(|q| q.id.clone()).collect();
    if !writers.is_empty() {
        return Err(used("write into", writers));
    }
    if delete_topic {
        let sources = context.catalog.sources.values();
        let shared = sources.filter(|other| other.topic == source.topic && other.name != name);
        let others: Vec<_> = shared.map(|other| other.name.clone()).collect();
        if !others.is_empty() {
            return Err(SourceError::SharedTopic { topic: source.topic.clone(), others }.into());
        }
    }
    let ends = context.catalog.queries.values();
    let ends = ends.filter(|q| own(&q.id) || q.sink == name).map(|q| q.id.clone()).collect();
    let (name, topic) = (name.to_owned(), source.topic.clone());
    Ok(Planned::Drop { name, topic, delete_topic, ends })
}

/// Analyzes CREATE TYPE.
pub fn analyze_create_type(
    if_not_exists: bool,
    name: &str,
    ty: &TypeName,
    context: Context<'_>,
) -> Result<Planned> {
    let name = name.to_uppercase();
    let ty = resolve_type(ty, &context.catalog.types, Span::default())?;
    if context.catalog.types.contains_key(&name) {
        if if_not_exists {
            let message = format!("{name} is already registered with type {ty}");
            return Ok(Planned::AlreadyExists { name, message });
        }
        return Err(SourceError::TypeExists(name).into());
    }
    limits::check_types(&context.catalog.types, &ty)?;
    Ok(Planned::CreateType { name, ty })
}

/// Analyzes DROP TYPE.
pub fn analyze_drop_type(if_exists: bool, name: &str, context: Context<'_>) -> Result<Planned> {
    let name = name.to_uppercase();
    match context.catalog.types.contains_key(&name) {
        true => Ok(Planned::DropType { name }),
        false if if_exists => Ok(Planned::Nothing { name }),
        false => Err(SourceError::TypeMissing(name).into()),
    }
}
