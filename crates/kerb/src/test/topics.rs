//! Topics that a case has before its statements: those it lists, with their schemas, and those that
//! its statements and records name.

use format::registry::{Mode, NewSchema, Reference, SchemaId, SchemaText, SchemaType};
use serde_json::Value as Json;
use sql::ast::Statement;

use crate::test::instance::Instance;
use crate::test::json::plain_text;

/// How many partitions a topic has that is not listed.
const PARTITIONS_DEFAULT: u32 = 4;

/// Makes all topics that the case's statements may count on.
pub(crate) fn prepare(instance: &Instance, case: &Json, statements: &str) -> Result<(), String> {
    for topic in case["topics"].as_array().into_iter().flatten() {
        let name = topic["name"].as_str().ok_or("a topic without a name")?;
        let partitions = topic["partitions"].as_u64().unwrap_or(1);
        instance.ensure_topic(name, partitions as u32)?;
        for (side, is_key) in [("key", true), ("value", false)] {
            register(instance, topic, name, side)
                .map_err(|error| format!("schema of '{}': {error}", subject(name, is_key)))?;
        }
    }
    for (topic, partitions) in declared(statements) {
        instance.ensure_topic(&topic, partitions)?;
    }
    for input in case["inputs"].as_array().into_iter().flatten() {
        let topic = input["topic"].as_str().ok_or("an input without a topic")?;
        if instance.topic_name(topic).is_none() {
            instance.ensure_topic(topic, PARTITIONS_DEFAULT)?;
        }
    }
    Ok(())
}

fn subject(topic: &str, is_key: bool) -> String {
    format::codec::subject(topic, is_key)
}

/// Topics of CREATE statements with columns. A script that cannot be parsed has none.
fn declared(statements: &str) -> Vec<(String, u32)> {
    let mut topics = Vec::new();
    for parsed in sql::parser::parse_script(statements).unwrap_or_default() {
        let Statement::CreateSource(create) = parsed.statement else { continue };
        let property = |name: &str| {
            let mut properties = create.properties.0.iter();
            properties.find(|p| p.name == name).map(|p| p.value.clone())
        };
        let topic = property("KAFKA_TOPIC").and_then(|v| v.as_str().map(str::to_owned));
        let partitions = property("PARTITIONS").and_then(|v| v.as_i64());
        if let Some(topic) = topic
            && !create.columns.is_empty()
        {
            topics.push((topic, partitions.map_or(PARTITIONS_DEFAULT, |n| n.max(1) as u32)));
        }
    }
    topics
}

/// Registers the schema of one side of a listed topic.
fn register(instance: &Instance, topic: &Json, name: &str, side: &str) -> Result<(), String> {
    let schema = &topic[format!("{side}Schema")];
    if schema.is_null() {
        return Ok(());
    }
    let schema_type = schema_type(topic[format!("{side}Format")].as_str().unwrap_or("AVRO"));
    let mut references = Vec::new();
    for (i, reference) in
        topic[format!("{side}SchemaReferences")].as_array().into_iter().flatten().enumerate()
    {
        let name = reference["name"].as_str().ok_or("a reference without a name")?;
        let format = reference["format"].as_str().map_or(schema_type, self::schema_type);
        let text = schema_text(format, &reference["schema"], Vec::new());
        let subject = format!("{name}-reference-{i}");
        let registered = instance.registry.register(&subject, text.into());
        let registered = registered.map_err(|error| error.to_string())?;
        let version = registered.version;
        references.push(Reference { name: name.to_owned(), subject, version });
    }
    let text = schema_text(schema_type, schema, references);
    let subject = subject(name, side == "key");
    let Some(id) = topic[format!("{side}SchemaId")].as_i64() else {
        let registered = instance.registry.register(&subject, text.into());
        return registered.map(drop).map_err(|error| error.to_string());
    };
    register_as(instance, &subject, text, id as i32)
}

/// Registers a schema under an id of the case's choice.
pub(crate) fn register_as(
    instance: &Instance,
    subject: &str,
    text: SchemaText,
    id: i32,
) -> Result<(), String> {
    let registry = &instance.registry;
    let set_mode = |mode| registry.set_mode(Some(subject), mode, true);
    set_mode(Some(Mode::Import)).map_err(|error| error.to_string())?;
    let new = NewSchema { text, id: Some(SchemaId(id)), version: None };
    let registered = registry.register(subject, new).map(drop);
    set_mode(None).map_err(|error| error.to_string())?;
    registered.map_err(|error| error.to_string())
}

/// The schema language of a format.
pub(crate) fn schema_type(format: &str) -> SchemaType {
    match format.to_ascii_uppercase().as_str() {
        "PROTOBUF" | "PROTOBUF_NOSR" => SchemaType::Protobuf,
        "JSON" | "JSON_SR" => SchemaType::Json,
        _ => SchemaType::Avro,
    }
}

/// A schema as text: PROTOBUF's is a string, the others are JSON.
fn schema_text(schema_type: SchemaType, schema: &Json, references: Vec<Reference>) -> SchemaText {
    let schema = match schema_type {
        SchemaType::Protobuf => plain_text(schema),
        SchemaType::Avro | SchemaType::Json => schema.to_string(),
    };
    SchemaText { references, ..SchemaText::new(schema_type, schema) }
}
