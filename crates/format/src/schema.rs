//! What the registry must know of the schemas' languages: is this a schema, and how does the
//! registry itself write it.

use crate::registry::{ResolvedSchema, SchemaType};
use crate::{avro, json_sr, protobuf};

/// The schema as the registry keeps it, so that one schema written in two ways is one schema.
pub fn canonical(schema: &ResolvedSchema) -> Result<String, String> {
    let text = schema.text.schema.as_str();
    match schema.text.schema_type {
        SchemaType::Avro => avro::schema::canonical(text, &schema.references),
        SchemaType::Json => json_sr::schema::canonical(text),
        SchemaType::Protobuf => {
            protobuf::compile(text, &schema.references)?;
            Ok(text.to_string())
        }
    }
}
