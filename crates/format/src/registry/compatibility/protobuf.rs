//! Protobuf's rules: a field number keeps its kind, messages stay.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::reason;
use crate::protobuf::{Compiled, compile};
use crate::registry::ResolvedSchema;

pub(super) fn can_read(
    reader: &ResolvedSchema,
    writer: &ResolvedSchema,
) -> Result<Vec<String>, String> {
    let reader = compile(&reader.text.schema, &reader.references)?;
    let writer = compile(&writer.text.schema, &writer.references)?;
    let mut reasons = Vec::new();
    if reader.file.package_name() != writer.file.package_name() {
        reasons.push(reason("PACKAGE_CHANGED", "#/", "The package of the schemas differs"));
        return Ok(reasons);
    }
    for old in messages(&writer) {
        let path = format!("#/{}", relative(&old));
        let found = messages(&reader).into_iter().find(|m| m.full_name() == old.full_name());
        match found {
            Some(new) => fields(&old, &new, &path, &mut reasons),
            None => {
                let what = "The new schema is missing a message of the old one";
                reasons.push(reason("MESSAGE_REMOVED", &path, what));
            }
        }
    }
    Ok(reasons)
}

fn relative(message: &MessageDescriptor) -> String {
    let name = message.full_name().strip_prefix(message.package_name());
    name.unwrap_or(message.full_name()).trim_start_matches('.').replace('.', "/")
}

/// All messages of a file, nested ones too.
fn messages(compiled: &Compiled) -> Vec<MessageDescriptor> {
    let mut all: Vec<_> = compiled.file.messages().collect();
    let mut at = 0;
    while at < all.len() {
        let children: Vec<_> = all[at].child_messages().collect();
        all.extend(children);
        at += 1;
    }
    all
}

fn fields(old: &MessageDescriptor, new: &MessageDescriptor, path: &str, reasons: &mut Vec<String>) {
    for field in new.fields() {
        let is_added = old.get_field(field.number()).is_none();
        if is_added && field.cardinality() == prost_reflect::Cardinality::Required {
            let path = format!("{path}/{}", field.number());
            let what = "A required field was added";
            reasons.push(reason("REQUIRED_FIELD_ADDED", &path, what));
        }
    }
    for field in old.fields() {
        let Some(found) = new.get_field(field.number()) else { continue };
        let path = format!("{path}/{}", field.number());
        match (family(&field), family(&found)) {
            (a, b) if a == b => {}
            (Family::Named(_), Family::Named(_)) => {
                let what = "The type of a field differs";
                reasons.push(reason("FIELD_NAMED_TYPE_CHANGED", &path, what));
            }
            (Family::Named(_), _) | (_, Family::Named(_)) => {
                let what = "The kind of a field differs";
                reasons.push(reason("FIELD_KIND_CHANGED", &path, what));
            }
            _ => {
                let what = "The kind of a SCALAR field in the new schema does not match its kind \
                            in the old schema";
                reasons.push(reason("FIELD_SCALAR_KIND_CHANGED", &path, what));
            }
        }
    }
}

/// Kinds that read each other's bytes.
#[derive(PartialEq, Eq)]
enum Family {
    Varint,
    Zigzag,
    Fixed32,
    Fixed64,
    Text,
    Float,
    Double,
    Named(String),
}

fn family(field: &FieldDescriptor) -> Family {
    match field.kind() {
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool | Kind::Enum(_) => {
            Family::Varint
        }
        Kind::Sint32 | Kind::Sint64 => Family::Zigzag,
        Kind::Fixed32 | Kind::Sfixed32 => Family::Fixed32,
        Kind::Fixed64 | Kind::Sfixed64 => Family::Fixed64,
        Kind::String | Kind::Bytes => Family::Text,
        Kind::Float => Family::Float,
        Kind::Double => Family::Double,
        Kind::Message(message) => Family::Named(message.full_name().to_string()),
    }
}
