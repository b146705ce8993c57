//! May this schema follow that one? The rules of each language, in one direction: can a reader with
//! one schema read what was written with the other.

mod avro;
mod json;
mod protobuf;

use super::{Compatibility, ResolvedSchema, SchemaType};

/// What is wrong with `new` as the successor of `old` at this level; nothing, if it is compatible.
pub fn check(level: Compatibility, new: &ResolvedSchema, old: &ResolvedSchema) -> Vec<String> {
    if level == Compatibility::None {
        return Vec::new();
    }
    if new.text.schema_type != old.text.schema_type {
        return vec!["Incompatible because of different schema type".to_string()];
    }
    let mut reasons = Vec::new();
    if level.is_backward() {
        reasons.extend(can_read(new, old));
    }
    if level.is_forward() {
        reasons.extend(can_read(old, new));
    }
    reasons
}

/// Why `reader` cannot read what was written with `writer`.
fn can_read(reader: &ResolvedSchema, writer: &ResolvedSchema) -> Vec<String> {
    let outcome = match reader.text.schema_type {
        SchemaType::Avro => avro::can_read(reader, writer),
        SchemaType::Json => json::can_read(reader, writer),
        SchemaType::Protobuf => protobuf::can_read(reader, writer),
    };
    outcome.unwrap_or_else(|reason| vec![reason])
}

/// A reason in the form of Confluent's registry.
fn reason(error_type: &str, path: &str, description: &str) -> String {
    format!("{{errorType:'{error_type}', description:'{description} at path '{path}''}}")
}
