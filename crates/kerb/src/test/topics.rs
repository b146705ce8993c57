//! Topics that a case has before its statements: those it lists, with their schemas, and those that
//! its statements and records name.

use format::registry::{Mode, NewSchema, Reference, SchemaId, SchemaText, SchemaType};
use serde_json::Value as Json;
use sql::ast::Statement;

use crate::test::instance::Instance;
use crate::test::json::plain_text;

/// How many partitions a topic has that is not listed.
const PARTITIONS_DEFAULT: u32 = 4;

/// Schemas that others refer to have ids from here on: cases do not count them.
const REFERENCE_ID_FIRST: i32 = 100_000;

/// Makes all topics that the case's statements may count on.
pub(crate) fn prepare(instance: &Instance, case: &Json, statements: &str) -> Result<(), String> {
    let declared = declared(statements);
    let listed = case["topics"].as_array().map_or(&[][..], Vec::as_slice);
    if !listed.is_empty() {
        register_declared(instance, listed, &declared)?;
    }
    for topic in listed {
        let name = topic["name"].as_str().ok_or("a topic without a name")?;
        let of_statement = declared.iter().find(|d| d.topic == name).and_then(|d| d.partitions);
        let partitions = topic["partitions"].as_u64().map(|n| n as u32).or(of_statement);
        instance.ensure_topic(name, partitions.unwrap_or(1))?;
        for (side, is_key) in [("key", true), ("value", false)] {
            register(instance, topic, name, side)
                .map_err(|error| format!("schema of '{}': {error}", subject(name, is_key)))?;
        }
    }
    for declared in declared.iter().filter(|declared| declared.has_columns) {
        let partitions = declared.partitions.unwrap_or(PARTITIONS_DEFAULT);
        instance.ensure_topic(&declared.topic, partitions)?;
    }
    let records = |name: &str| case[name].as_array().into_iter().flatten();
    for record in records("inputs").chain(records("outputs")) {
        let topic = record["topic"].as_str().ok_or("a record without a topic")?;
        if instance.topic_name(topic).is_none() {
            instance.ensure_topic(topic, PARTITIONS_DEFAULT)?;
        }
    }
    Ok(())
}

fn subject(topic: &str, is_key: bool) -> String {
    format::codec::subject(topic, is_key)
}

/// A topic that a CREATE statement names.
struct Declared {
    topic: String,
    partitions: Option<u32>,
    has_columns: bool,
    statement: String,
}

/// Topics of CREATE statements. A script that cannot be parsed has none.
fn declared(statements: &str) -> Vec<Declared> {
    let mut topics = Vec::new();
    for parsed in sql::parser::parse_test_script(statements).unwrap_or_default() {
        let Statement::CreateSource(create) = parsed.statement else { continue };
        let property = |name: &str| {
            let mut properties = create.properties.0.iter();
            properties.find(|p| p.name == name).map(|p| p.value.clone())
        };
        let topic = property("KAFKA_TOPIC").and_then(|v| v.as_str().map(str::to_owned));
        let partitions = property("PARTITIONS").and_then(|v| v.as_i64());
        if let Some(topic) = topic {
            topics.push(Declared {
                topic,
                partitions: partitions.map(|n| n.clamp(1, 1_000) as u32),
                has_columns: !create.columns.is_empty(),
                statement: parsed.text,
            });
        }
    }
    topics
}

/// Registers what the statements with columns would register, before the listed topics' schemas:
/// that is the order in which the harness counts ids. Another instance tells what that is.
fn register_declared(
    instance: &Instance,
    listed: &[Json],
    declared: &[Declared],
) -> Result<(), String> {
    let is_listed = |topic: &str| listed.iter().any(|l| l["name"].as_str() == Some(topic));
    for declared in declared.iter().filter(|d| d.has_columns && !is_listed(&d.topic)) {
        let scratch = Instance::start()?;
        scratch.ensure_topic(&declared.topic, 1)?;
        // What cannot be carried out here cannot there either, which is told then.
        let _ = scratch.execute(&declared.statement, &Default::default());
        for is_key in [true, false] {
            let subject = subject(&declared.topic, is_key);
            if let Ok(schema) = scratch.registry.latest(&subject) {
                let text = SchemaText::clone(&schema.text);
                let registered = instance.registry.register(&subject, text.into());
                registered.map_err(|error| format!("schema of '{subject}': {error}"))?;
            }
        }
    }
    Ok(())
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
        register_as(instance, &subject, text, REFERENCE_ID_FIRST + i as i32)?;
        references.push(Reference { name: name.to_owned(), subject, version: 1 });
    }
    let text = schema_text(schema_type, schema, references);
    let subject = subject(name, side == "key");
    let id = topic[format!("{side}SchemaId")].as_i64();
    let id = id.or_else(|| (!text.references.is_empty()).then(|| next_id(instance)));
    let Some(id) = id else {
        let registered = instance.registry.register(&subject, text.into());
        return registered.map(drop).map_err(|error| error.to_string());
    };
    register_as(instance, &subject, text, id as i32)
}

/// The id that the next schema would have, were there none that others refer to.
fn next_id(instance: &Instance) -> i64 {
    let registry = &instance.registry;
    let subjects = registry.subjects("", false).unwrap_or_default();
    let latest = subjects.iter().filter_map(|subject| registry.latest(subject).ok());
    let ids = latest.map(|schema| schema.id.0).filter(|id| *id < REFERENCE_ID_FIRST);
    i64::from(ids.max().unwrap_or(0)) + 1
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
