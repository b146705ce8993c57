//! What must hold after a query test: the streams, tables and topics that exist, and how they are.
//!
//! Topics whose names begin with `_confluent` are internal to the engine that the cases were
//! written for and are left out; a pattern of topics that must not exist is held against all there
//! are.

use model::{Column, Format, FormatKind, Namespace, Schema};
use serde_json::Value as Json;
use sql::ast::{Constraint, SourceKind};
use sql::catalog::Source;
use sql::plan::WindowInfo;

use crate::test::instance::Instance;
use crate::test::json::plain_text;

/// Checks all of a case's `post`.
pub(crate) fn check(instance: &Instance, post: &Json) -> Result<(), String> {
    for wanted in post["sources"].as_array().into_iter().flatten() {
        check_source(instance, wanted).map_err(|d| format!("post {}: {d}", wanted["name"]))?;
    }
    let topics = &post["topics"];
    if let Some(pattern) = topics["blacklist"].as_str() {
        let pattern = regex::Regex::new(pattern).map_err(|error| error.to_string())?;
        for topic in instance.journal.topics() {
            if pattern.is_match(&topic.spec.name) {
                return Err(format!("post: there is a topic {}", topic.spec.name));
            }
        }
    }
    for wanted in topics["topics"].as_array().into_iter().flatten() {
        let name = wanted["name"].as_str().unwrap_or_default();
        if !name.starts_with("_confluent") {
            check_topic(instance, name, wanted).map_err(|d| format!("post topic {name}: {d}"))?;
        }
    }
    Ok(())
}

fn check_source(instance: &Instance, wanted: &Json) -> Result<(), String> {
    let catalog = instance.catalog();
    let name = wanted["name"].as_str().unwrap_or_default();
    let source = catalog.sources.get(name).ok_or("is not there")?;
    let kind = kind_name(source.kind);
    if wanted["type"].as_str().is_some_and(|wanted| !wanted.eq_ignore_ascii_case(kind)) {
        return Err(format!("is a {kind}"));
    }
    if let Some(text) = wanted["schema"].as_str() {
        let schema = schema_of(text, instance)?;
        if !same_schema(&source.schema, &schema) {
            return Err(format!("schema {} instead of {schema}", source.schema));
        }
    }
    if wanted["isSource"] == Json::Bool(true) && !source.read_only {
        return Err("is not read-only".to_owned());
    }
    let key = &wanted["keyFormat"];
    check_format("key format", &source.key_format, &key["format"])?;
    check_format("value format", &source.value_format, &wanted["valueFormat"])?;
    if !key.is_null() {
        check_window(source, key)?;
    }
    for (side, format, is_key) in
        [("keyFeatures", &source.key_format, true), ("valueFeatures", &source.value_format, false)]
    {
        if let Some(wanted) = wanted[side].as_array() {
            let wanted: Vec<_> = wanted.iter().filter_map(Json::as_str).collect();
            let got: Vec<_> = feature(source, format, is_key).into_iter().collect();
            if got != wanted {
                return Err(format!("{side} {got:?} instead of {wanted:?}"));
            }
        }
    }
    Ok(())
}

/// STREAM or TABLE.
pub(crate) fn kind_name(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Stream => "STREAM",
        SourceKind::Table => "TABLE",
    }
}

/// The columns that a case writes as SQL.
pub(crate) fn schema_of(text: &str, instance: &Instance) -> Result<Schema, String> {
    let definitions = sql::parser::parse_schema(text).map_err(|error| error.to_string())?;
    columns_of(&definitions, instance)
}

/// Columns of CREATE with their types resolved.
pub(crate) fn columns_of(
    definitions: &[sql::ast::ColumnDefinition],
    instance: &Instance,
) -> Result<Schema, String> {
    let types = &instance.catalog().types;
    let mut columns = Vec::new();
    for definition in definitions {
        let ty = sql::analyze::types::resolve_type(&definition.ty, types, definition.span)
            .map_err(|error| error.to_string())?;
        let name = definition.name.clone();
        let (namespace, header) = match &definition.constraint {
            Constraint::Key | Constraint::PrimaryKey => (Namespace::Key, None),
            Constraint::None => (Namespace::Value, None),
            Constraint::Headers => (Namespace::Headers, None),
            Constraint::Header(name) => (Namespace::Headers, Some(name.clone())),
        };
        columns.push(Column { name, ty, namespace, header });
    }
    Ok(Schema::new(columns))
}

/// The same columns in the same order, namespace by namespace.
pub(crate) fn same_schema(a: &Schema, b: &Schema) -> bool {
    let same = |namespace| a.of(namespace).eq(b.of(namespace));
    [Namespace::Key, Namespace::Value, Namespace::Headers].into_iter().all(same)
}

fn check_format(what: &str, format: &Format, wanted: &Json) -> Result<(), String> {
    match wanted.as_str() {
        Some(wanted) if !wanted.eq_ignore_ascii_case(format.kind.name()) => {
            Err(format!("{what} {} instead of {wanted}", format.kind))
        }
        _ => Ok(()),
    }
}

fn check_window(source: &Source, wanted: &Json) -> Result<(), String> {
    let (kind, size_ms) = match source.window {
        None => (None, None),
        Some(WindowInfo::Session) => (Some("SESSION"), None),
        Some(WindowInfo::Tumbling { size_ms }) => (Some("TUMBLING"), Some(size_ms)),
        Some(WindowInfo::Hopping { size_ms }) => (Some("HOPPING"), Some(size_ms)),
    };
    let wanted_kind = wanted["windowType"].as_str();
    let wanted_size = wanted["windowSize"].as_i64();
    if kind != wanted_kind || size_ms != wanted_size {
        let got = (kind, size_ms);
        return Err(format!("window {got:?} instead of {:?}", (wanted_kind, wanted_size)));
    }
    Ok(())
}

/// Are single columns wrapped? Said for formats that can do both, where it is not their default.
fn feature(source: &Source, format: &Format, is_key: bool) -> Option<&'static str> {
    use FormatKind::{Avro, Json, JsonSr};
    let columns = if is_key { source.schema.key().count() } else { source.schema.value().count() };
    let is_able = matches!(format.kind, Json | JsonSr | Avro);
    match format.wrap_single {
        _ if !is_able || columns != 1 => None,
        None if is_key => Some("UNWRAP_SINGLES"),
        None => None,
        Some(true) => Some("WRAP_SINGLES"),
        Some(false) => Some("UNWRAP_SINGLES"),
    }
}

fn check_topic(instance: &Instance, name: &str, wanted: &Json) -> Result<(), String> {
    let topic = instance.journal.topic(name).ok_or("is not there")?;
    if let Some(partitions) = wanted["partitions"].as_u64()
        && partitions != u64::from(topic.spec.partitions)
    {
        return Err(format!("{} partitions instead of {partitions}", topic.spec.partitions));
    }
    if let Some(source) = instance.source_of(name) {
        check_format("key format", &source.key_format, &wanted["keyFormat"]["format"])?;
        check_format("value format", &source.value_format, &wanted["valueFormat"]["format"])?;
    }
    for (side, is_key) in [("key", true), ("value", false)] {
        let subject = format::codec::subject(name, is_key);
        let latest = instance.registry.latest(&subject).ok();
        let schema = &wanted[format!("{side}Schema")];
        if !schema.is_null() {
            let latest = latest.as_ref().ok_or_else(|| format!("no schema of its {side}"))?;
            let got = crate::test::json::parse(&latest.text.schema);
            let is_same = match (&got, schema) {
                (Ok(got), schema) if !schema.is_string() => got == schema,
                _ => words(&latest.text.schema) == words(&plain_text(schema)),
            };
            if !is_same {
                let got = &latest.text.schema;
                return Err(format!("{side} schema {got} instead of {schema}"));
            }
        }
        if let Some(id) = wanted[format!("{side}SchemaId")].as_i64() {
            let got = latest.map(|schema| i64::from(schema.id.0));
            if got != Some(id) {
                return Err(format!("{side} schema id {got:?} instead of {id}"));
            }
        }
    }
    Ok(())
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}
