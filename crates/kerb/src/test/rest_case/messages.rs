//! Rows in PROTOBUF: as the REST API writes them, and as protobuf's text format, in which cases
//! have them.

use std::sync::Arc;

use api::rows::{Ends, RowWriter, Shape};
use bytes::Bytes;
use format::{MemoryRegistry, Registry};
use model::column::value_at;
use model::{Format, FormatKind, SqlType, Value};
use serde_json::{Value as Json, json};
use stream::answer::ResultHeader;
use stream::rows::RowBatch;

/// An answer as the server writes it, each row told as text.
pub(super) fn told(
    header: &ResultHeader,
    batches: &[RowBatch],
    message: Option<&str>,
) -> Result<Vec<Json>, String> {
    let ends = if message.is_some() { Ends::Open } else { Ends::Known };
    let (writer, first) = RowWriter::start(Shape::Protobuf, ends, header)
        .map_err(|error| format!("no rows in PROTOBUF: {error:?}"))?;
    let mut text = first.to_vec();
    for batch in batches {
        for row in 0..batch.rows {
            writer.row(batch, row, &mut text).map_err(|error| error.to_json().to_string())?;
        }
    }
    text.extend_from_slice(&writer.finish(message.unwrap_or_default()));
    let rows: Vec<Json> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    rows.into_iter().map(|row| tell_row(header, row)).collect()
}

fn tell_row(header: &ResultHeader, row: Json) -> Result<Json, String> {
    let Some(bytes) = row["row"]["protobufBytes"].as_str() else { return Ok(row) };
    let bytes = model::text::base64_bytes(bytes).ok_or("bytes that are no base64")?;
    let columns = header.schema.columns.iter();
    let columns: Vec<_> = columns.map(|c| (c.name.clone(), c.ty.clone())).collect();
    let format = Format { wrap_single: Some(true), ..Format::new(FormatKind::ProtobufNosr) };
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let decoder = format::decoder(&format, &columns, false, "rows", &registry)
        .map_err(|error| error.to_string())?;
    let decoded = decoder.decode(&[Some(Bytes::from(bytes))]);
    let mut blocks = Vec::new();
    for ((name, ty), array) in columns.iter().zip(&decoded.columns) {
        write_field(name, ty, &value_at(ty, array, 0), 0, &mut blocks);
    }
    Ok(json!({ "row": blocks.concat() }))
}

/// Appends a field in text format, a block for each of its values; a zero is not told.
fn write_field(name: &str, ty: &SqlType, value: &Value, depth: usize, blocks: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let message = |fields: &[(&str, &SqlType, &Value)]| {
        let mut inner = Vec::new();
        for (name, ty, value) in fields {
            write_field(name, ty, value, depth + 1, &mut inner);
        }
        format!("{indent}{name} {{\n{}{indent}}}\n", inner.concat())
    };
    match (ty, value) {
        (_, Value::Null | Value::Boolean(false) | Value::Integer(0) | Value::Bigint(0)) => {}
        (_, Value::Double(n)) if n.to_bits() == 0 => {}
        (_, Value::String(text)) if text.is_empty() => {}
        (_, Value::Bytes(bytes)) if bytes.is_empty() => {}
        (SqlType::Array(element), Value::Array(values)) => {
            values.iter().for_each(|value| write_field(name, element, value, depth, blocks));
        }
        (SqlType::Map(key_type, value_type), Value::Map(entries)) => {
            for (key, value) in entries {
                blocks.push(message(&[("key", key_type, key), ("value", value_type, value)]));
            }
        }
        (SqlType::Struct(fields), Value::Struct(values)) => {
            let fields = fields.iter().zip(values);
            let fields: Vec<_> =
                fields.map(|(field, value)| (field.name.as_str(), &field.ty, value)).collect();
            blocks.push(message(&fields));
        }
        (_, Value::String(text)) => {
            blocks.push(format!("{indent}{name}: {}\n", Json::from(text.as_str())));
        }
        (_, Value::Bytes(bytes)) => {
            blocks.push(format!("{indent}{name}: \"{}\"\n", bytes.escape_ascii()));
        }
        (ty, value) => {
            blocks.push(format!("{indent}{name}: {}\n", model::text::value_text(ty, value)));
        }
    }
}

/// The same header and end, the same rows in any order, their fields and entries in any order.
pub(super) fn same(actual: &[Json], expected: &[Json]) -> Result<(), String> {
    let sorted = |rows: &[Json]| {
        let mut rows: Vec<String> = rows
            .iter()
            .map(|row| match (&row["header"], row["row"].as_str()) {
                (Json::Null, Some(text)) => blocks(text).concat(),
                (Json::Null, None) => row.to_string(),
                (header, _) => header["protoSchema"].to_string(),
            })
            .collect();
        rows.sort();
        rows
    };
    let (actual, expected) = (sorted(actual), sorted(expected));
    match actual == expected {
        true => Ok(()),
        false => Err(format!("{actual:?} instead of {expected:?}")),
    }
}

/// The text's values, each with its lines, sorted.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for line in text.lines() {
        match blocks.last_mut() {
            Some(block) if line.starts_with([' ', '}']) => block.push_str(&format!("{line}\n")),
            _ => blocks.push(format!("{line}\n")),
        }
    }
    blocks.sort();
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_any_order() {
        let row = |text: &str| json!({ "row": text });
        let a = row("M {\n  key: \"a\"\n}\nM {\n  key: \"b\"\n}\n");
        let b = row("M {\n  key: \"b\"\n}\nM {\n  key: \"a\"\n}\n");
        assert!(same(std::slice::from_ref(&a), &[b]).is_ok());
        assert!(same(&[a], &[row("M {\n  key: \"a\"\n}\n")]).is_err());
    }
}
