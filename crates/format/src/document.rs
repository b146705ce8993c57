//! JSON documents to payloads of a registered schema and back, whatever the format: for people who
//! type records or look at them, and for test cases that are written in JSON.
//!
//! Times are numbers of days or milliseconds, BYTES are base64, DECIMALs numbers with their scale.

use std::sync::Arc;

use bytes::Bytes;
use model::{Format, FormatKind, SqlType};

use crate::codec::{check_map_keys, decoder, encoder};
use crate::frame::unframe;
use crate::infer;
use crate::json::write::{MapStyle, Names, write_object, write_value};
use crate::protobuf;
use crate::registry::{Registry, SchemaId, SchemaType};
use crate::view::View;

/// A schema as columns, with what is needed to read and write by it.
struct Shape {
    format: Format,
    columns: Vec<(String, SqlType)>,
    /// One value, not a record.
    is_single: bool,
}

/// The shape of a registered schema: of its record `full_name`, or of the first.
fn shape(
    id: SchemaId,
    full_name: Option<String>,
    registry: &Arc<dyn Registry>,
) -> Result<Shape, String> {
    let text = registry.by_id(id, None).map_err(|e| e.to_string())?;
    let mut format = Format::new(match text.schema_type {
        SchemaType::Avro => FormatKind::Avro,
        SchemaType::Json => FormatKind::JsonSr,
        SchemaType::Protobuf => FormatKind::Protobuf,
    });
    format.schema_id = Some(id.0);
    format.schema_full_name = full_name;
    format.wrap_single = Some(true);
    let resolved = registry.resolve(&text).map_err(|e| e.to_string())?;
    let columns = infer::columns_of(&format, false, &resolved)?;
    // The name that stands for a schema which is no record.
    let is_single = infer::is_single(&resolved)?;
    format.wrap_single = Some(!is_single);
    Ok(Shape { format, columns, is_single })
}

/// The payload of a JSON document by the schema of this id; `null` is no payload. Names are taken
/// in any case.
pub fn payload_of_json(
    json: &str,
    id: SchemaId,
    full_name: Option<&str>,
    registry: &Arc<dyn Registry>,
) -> Result<Option<Bytes>, String> {
    if json.trim() == "null" {
        return Ok(None);
    }
    let shape = shape(id, full_name.map(str::to_string), registry)?;
    let upper: Vec<_> = shape
        .columns
        .iter()
        .map(|(name, ty)| (name.to_uppercase(), infer::upper(ty.clone())))
        .collect();
    let mut plain = Format::new(FormatKind::Json);
    plain.wrap_single = Some(!shape.is_single);
    let reader = decoder(&plain, &upper, false, "", registry).map_err(|e| e.to_string())?;
    let decoded = reader.decode(&[Some(Bytes::copy_from_slice(json.as_bytes()))]);
    if let Some(error) = decoded.errors.first() {
        return Err(error.cause.clone());
    }
    let writer = encoder(&shape.format, &shape.columns, false, "", registry);
    let encoded = writer.map_err(|e| e.to_string())?.encode(&decoded.columns, None, 1);
    match encoded.errors.first() {
        Some(error) => Err(error.cause.clone()),
        None => Ok(encoded.payloads.into_iter().next().flatten()),
    }
}

/// A payload of a topic as a JSON document, by the schema whose id it carries.
pub fn json_of_payload(
    payload: &Bytes,
    is_key: bool,
    topic: &str,
    registry: &Arc<dyn Registry>,
) -> Result<String, String> {
    let (id, rest) = unframe(payload)?;
    let text = registry.by_id(id, None).map_err(|e| e.to_string())?;
    let full_name = match text.schema_type {
        SchemaType::Protobuf => {
            let resolved = registry.resolve(&text).map_err(|e| e.to_string())?;
            Some(protobuf::message_name(&resolved, rest)?)
        }
        _ => None,
    };
    let shape = shape(id, full_name, registry)?;
    let reader = decoder(&shape.format, &shape.columns, is_key, topic, registry);
    let decoded = reader.map_err(|e| e.to_string())?.decode(&[Some(payload.clone())]);
    if let Some(error) = decoded.errors.first() {
        return Err(error.cause.clone());
    }
    let types: Vec<_> = shape.columns.iter().map(|(_, ty)| ty.clone()).collect();
    let views = View::all(&types, &decoded.columns);
    let names = Names::of_columns(&shape.columns);
    let mut out = Vec::new();
    match &views[..] {
        [view] if shape.is_single => {
            write_value(view, names.only(), 0, style(&shape.columns), &mut out);
        }
        views => write_object(views, &names, 0, style(&shape.columns), &mut out),
    }
    String::from_utf8(out).map_err(|e| e.to_string())
}

/// Maps are objects, unless one has keys that are no texts.
fn style(columns: &[(String, SqlType)]) -> MapStyle {
    match check_map_keys("JSON", columns) {
        Ok(()) => MapStyle::Object,
        Err(_) => MapStyle::Entries,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{MemoryRegistry, SchemaText};

    fn check(schema_type: SchemaType, schema: &str, json: &str, expect: &str) {
        let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
        let text = SchemaText::new(schema_type, schema);
        let registered = registry.register("t-value", text.into());
        let id = registered.unwrap_or_else(|e| panic!("{e}")).id;
        let payload = payload_of_json(json, id, None, &registry);
        let payload = payload.unwrap_or_else(|e| panic!("{e}"));
        let payload = payload.unwrap_or_else(|| panic!("there is a payload"));
        let back = json_of_payload(&payload, false, "t", &registry);
        assert_eq!(back.as_deref(), Ok(expect));
    }

    #[test]
    fn documents_pass_through_every_language() {
        let record = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},
            {"name":"e","type":{"type":"enum","name":"E","symbols":["X","Y"]}},
            {"name":"u","type":["null","string"],"default":null}]}"#;
        check(SchemaType::Avro, record, r#"{"A":1,"e":"Y"}"#, r#"{"a":1,"e":"Y","u":null}"#);
        check(SchemaType::Avro, r#""long""#, "7", "7");
        check(SchemaType::Avro, r#"{"type":"map","values":"int"}"#, r#"{"k":1}"#, r#"{"k":1}"#);
        let message = "syntax = \"proto3\"; message M { int32 a = 1; repeated string b = 2; }";
        check(SchemaType::Protobuf, message, r#"{"a":1,"B":["x"]}"#, r#"{"a":1,"b":["x"]}"#);
        let object = r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#;
        check(SchemaType::Json, object, r#"{"A":1}"#, r#"{"a":1}"#);
    }
}
