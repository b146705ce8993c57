//! ASSERT statements of scripts: the next record of a topic, and what was declared.

use std::sync::Arc;

use format::codec::decoder;
use model::column::value_at;
use model::{Column, Namespace, Record, Value};
use sql::analyze::{Planned, Settings, analyze};
use sql::ast::{CreateSource, Expr, ParsedStatement, SourceKind, Span, Statement};
use sql::catalog::{Catalog, Environment, RegisteredColumns, RegisteredColumnsRequest, Source};
use stream::expression::{EvalContext, evaluate_constant};

use super::Progress;
use crate::test::instance::Instance;
use crate::test::post;
use crate::test::qtt::record::split_key;

/// The column that stands for a record's time.
const ROWTIME: &str = "ROWTIME";

/// Is the next record of the topic under `target` this one? With `is_null` its value must be null,
/// and the columns are those of the key.
pub(super) fn check_values(
    progress: &mut Progress,
    target: &str,
    columns: &[String],
    values: &[Expr],
    is_null: bool,
) -> Result<(), String> {
    let instance = &progress.instance;
    let catalog = instance.catalog();
    let source = catalog.sources.get(target);
    let source = source.ok_or_else(|| format!("there is no {target}"))?;
    let wanted = wanted_row(&catalog, source, columns, values)?;
    let records = instance.records(&source.topic);
    let seen = progress.seen.entry(source.topic.clone()).or_default();
    let Some(record) = records.get(*seen) else {
        return Err(format!("no record behind the {seen} that were looked at"));
    };
    *seen += 1;
    if is_null != record.value.is_none() {
        return Err(format!("the value is {:?}", record.value));
    }
    for (column, wanted) in wanted {
        let got = match column.name.as_str() {
            ROWTIME if column.namespace == Namespace::Pseudo => Value::Bigint(record.timestamp.0),
            _ => cell(instance, source, &column, record)?,
        };
        if got != wanted {
            return Err(format!("`{}` is {got:?} instead of {wanted:?}", column.name));
        }
    }
    Ok(())
}

/// The columns that are looked at, each with what it must hold.
fn wanted_row(
    catalog: &Catalog,
    source: &Source,
    columns: &[String],
    values: &[Expr],
) -> Result<Vec<(Column, Value)>, String> {
    // The same rules by which INSERT understands its values.
    let mut writable = source.clone();
    writable.read_only = false;
    writable.window = None;
    // A table's row needs its key, a stream's does not.
    writable.kind = SourceKind::Stream;
    let mut catalog = catalog.clone();
    catalog.sources.insert(source.name.clone(), Arc::new(writable));
    let insert = Statement::InsertValues {
        target: source.name.clone(),
        columns: columns.to_vec(),
        values: values.to_vec(),
    };
    let insert = ParsedStatement { statement: insert, text: String::new(), span: Span::default() };
    let planned = analyze(&insert, &catalog, &NoWorld, &Settings::default(), 0);
    let Planned::InsertValues(plan) = planned.map_err(|error| error.to_string())? else {
        return Err("cannot be understood".to_owned());
    };
    let is_named = |name: &str| columns.is_empty() || columns.iter().any(|c| c == name);
    let context = EvalContext::default();
    let mut wanted = Vec::new();
    for (column, value) in source.schema.columns.iter().zip(&plan.values) {
        if is_named(&column.name) && column.namespace != Namespace::Headers {
            let value = match value {
                Some(value) => evaluate_constant(value, &context)?,
                None => Value::Null,
            };
            wanted.push((column.clone(), value));
        }
    }
    if let Some(time) = &plan.rowtime {
        let time = evaluate_constant(time, &context)?;
        wanted.push((Column::pseudo(ROWTIME, model::SqlType::Bigint), time));
    }
    Ok(wanted)
}

/// What a column of a record holds.
fn cell(
    instance: &Instance,
    source: &Source,
    column: &Column,
    record: &Record,
) -> Result<Value, String> {
    let is_key = column.namespace == Namespace::Key;
    let (format, payload) = match is_key {
        true => (&source.key_format, split_key(Some(source), record)?.0),
        false => (&source.value_format, record.value.clone()),
    };
    let columns: Vec<_> = source.schema.of(column.namespace).collect();
    let typed: Vec<_> = columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect();
    let decoder = decoder(format, &typed, is_key, &source.topic, &instance.registry)
        .map_err(|error| error.to_string())?;
    let decoded = decoder.decode(&[payload]);
    if let Some(error) = decoded.errors.first() {
        return Err(format!("{}: {}", error.message, error.cause));
    }
    let at = columns.iter().position(|c| c.name == column.name);
    let at = at.ok_or_else(|| format!("there is no column {}", column.name))?;
    Ok(value_at(&column.ty, &decoded.columns[at], 0))
}

/// Is there a stream or table of this name, declared like this?
pub(super) fn check_source(progress: &Progress, wanted: &CreateSource) -> Result<(), String> {
    let instance = &progress.instance;
    let name = &wanted.name;
    let catalog = instance.catalog();
    let source = catalog.sources.get(name).ok_or_else(|| format!("there is no {name}"))?;
    if source.kind != wanted.kind {
        return Err(format!("{name} is a {}", post::kind_name(source.kind)));
    }
    let schema = post::columns_of(&wanted.columns, instance)?;
    if !schema.columns.is_empty() && !post::same_schema(&schema, &source.schema) {
        return Err(format!("the columns of {name} are {} instead of {schema}", source.schema));
    }
    for property in &wanted.properties.0 {
        let text = property.value.as_str().unwrap_or_default();
        let formats = (source.key_format.kind.name(), source.value_format.kind.name());
        let time = source.timestamp.as_ref();
        let is_right = match property.name.as_str() {
            "KAFKA_TOPIC" => text == source.topic,
            "KEY_FORMAT" => text.eq_ignore_ascii_case(formats.0),
            "VALUE_FORMAT" => text.eq_ignore_ascii_case(formats.1),
            "FORMAT" => [formats.0, formats.1].iter().all(|f| text.eq_ignore_ascii_case(f)),
            "TIMESTAMP" => time.is_some_and(|time| time.name.eq_ignore_ascii_case(text)),
            "TIMESTAMP_FORMAT" => time.is_some_and(|time| time.format.as_deref() == Some(text)),
            _ => true,
        };
        if !is_right {
            return Err(format!("{} of {name} is not {text}", property.name));
        }
    }
    Ok(())
}

/// Constants need nothing of the world.
struct NoWorld;

impl Environment for NoWorld {
    fn topic_partitions(&self, _topic: &str) -> Option<u32> {
        Some(1)
    }

    fn registered_columns(
        &self,
        _request: &RegisteredColumnsRequest<'_>,
    ) -> Result<Option<RegisteredColumns>, String> {
        Ok(None)
    }
}
