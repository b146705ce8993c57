//! Columns taken from registered schemas, against what ksqlDB's own cases say that they are. The
//! cases lie beside the project and are skipped, with a word, where they are missing.

#[path = "vectors/sql.rs"]
#[expect(dead_code, reason = "only types are read here, not statements' rows")]
mod sql;

use std::path::Path;
use std::sync::Arc;

use format::registry::{
    Compatibility, Mode, NewSchema, Reference, SchemaId, SchemaText, SchemaType,
};
use format::{MemoryRegistry, Registry};
use model::Format;
use serde_json::Value as Json;
use sql::Parser;

/// The part of the cases that must agree.
const PASS_RATE_MIN: f64 = 0.98;

#[test]
fn columns_are_those_of_the_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ksqldb/qtt");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: no cases beside the project");
        return;
    };
    let (mut passed, mut failed) = (0, 0);
    for file in files.flatten().filter(|f| f.path().extension().is_some_and(|e| e == "json")) {
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        let Ok(json) = serde_json::from_str::<Json>(&text) else { continue };
        for case in json["tests"].as_array().into_iter().flatten() {
            for outcome in check_case(case) {
                match outcome {
                    Ok(()) => passed += 1,
                    Err(reason) => {
                        failed += 1;
                        println!("{:?} {}: {reason}", file.file_name(), case["name"]);
                    }
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    let rate = f64::from(passed) / f64::from(passed + failed).max(1.0);
    assert!(rate >= PASS_RATE_MIN, "only {:.1} % agree", rate * 100.0);
}

/// One outcome for each side of each source that takes its columns from the registry.
fn check_case(case: &Json) -> Vec<Result<(), String>> {
    let mut outcomes = Vec::new();
    if case.get("expectedException").is_some() {
        return outcomes;
    }
    for statement in case["statements"].as_array().into_iter().flatten() {
        let statement = statement.as_str().unwrap_or_default().trim().to_string();
        let mut words = statement.split_whitespace();
        if words.next() != Some("CREATE") || !matches!(words.next(), Some("STREAM" | "TABLE")) {
            continue;
        }
        let name = words.next().unwrap_or_default().to_uppercase();
        if words.next() != Some("WITH") {
            continue;
        }
        let mut sources = case["post"]["sources"].as_array().into_iter().flatten();
        let found = sources.rfind(|s| s["name"].as_str() == Some(&name));
        let schema = found.and_then(|s| s["schema"].as_str());
        let create = Parser::new(&statement).create();
        let topic = create.property("KAFKA_TOPIC").unwrap_or_default().to_string();
        for is_key in [true, false] {
            let format = create.format(is_key);
            if format.kind.uses_registry() {
                let expected = schema.map(|schema| columns_of(schema, is_key));
                outcomes.extend(check_side(case, &topic, is_key, format, expected.as_deref()));
            }
        }
    }
    outcomes
}

/// The columns in a schema such as `` `K` STRING KEY, `V` INTEGER ``, as text.
fn columns_of(schema: &str, is_key: bool) -> String {
    let mut depth = 0;
    let mut columns = vec![String::new()];
    for c in schema.chars() {
        depth += i32::from(matches!(c, '<' | '(')) - i32::from(matches!(c, '>' | ')'));
        match c {
            ',' if depth == 0 => columns.push(String::new()),
            c => columns.last_mut().unwrap_or(&mut String::new()).push(c),
        }
    }
    let mut result = Vec::new();
    for column in &columns {
        let column = column.trim();
        let bare = column.trim_end_matches(" KEY").trim_end_matches(" PRIMARY");
        if (bare.len() < column.len()) == is_key && !bare.is_empty() {
            let (name, ty) = bare.split_once(' ').unwrap_or((bare, ""));
            let name = name.trim_matches('`');
            result.push(format!("`{name}` {}", Parser::new(ty).ty()));
        }
    }
    result.join(", ")
}

fn check_side(
    case: &Json,
    topic: &str,
    is_key: bool,
    format: Format,
    expected: Option<&str>,
) -> Option<Result<(), String>> {
    let side = if is_key { "key" } else { "value" };
    let memory = MemoryRegistry::new();
    let _ = memory.set_compatibility(None, Some(Compatibility::None));
    let _ = memory.set_mode(None, Some(Mode::Import), true);
    // Ids are counted from 1; what is only referred to is out of the way.
    let (mut id, mut reference_id) = (0, 1000);
    let mut is_there = false;
    for entry in case["topics"].as_array()? {
        let Some(name) = entry["name"].as_str() else { continue };
        for other in ["key", "value"] {
            let schema = &entry[format!("{other}Schema")];
            if schema.is_null() {
                continue;
            }
            let schema_type = match entry[format!("{other}Format")].as_str() {
                Some("PROTOBUF") => SchemaType::Protobuf,
                Some("JSON" | "JSON_SR") => SchemaType::Json,
                _ => SchemaType::Avro,
            };
            let text = match schema {
                Json::String(text) if schema_type == SchemaType::Protobuf => text.clone(),
                other => other.to_string(),
            };
            let references = entry[format!("{other}SchemaReferences")].as_array();
            let mut named = Vec::new();
            for reference in references.into_iter().flatten() {
                // What is referred to stands beside the reference.
                let name = reference["name"].as_str().unwrap_or_default().to_string();
                let schema = match &reference["schema"] {
                    Json::String(text) => text.clone(),
                    other => other.to_string(),
                };
                reference_id += 1;
                let text = SchemaText::new(schema_type, schema);
                let new = NewSchema { text, id: Some(SchemaId(reference_id)), version: None };
                if let Err(error) = memory.register(&name, new) {
                    return Some(Err(format!("{name}: {error}")));
                }
                named.push(Reference { subject: name.clone(), name, version: 1 });
            }
            let text = SchemaText { schema_type, schema: text, references: named };
            id += 1;
            let given = entry[format!("{other}SchemaId")].as_i64().map(|id| id as i32);
            let id = Some(SchemaId(given.unwrap_or(id)));
            let subject = format!("{name}-{other}");
            is_there |= name == topic && other == side;
            if let Err(error) = memory.register(&subject, NewSchema { text, id, version: None }) {
                return Some(Err(format!("{subject}: {error}")));
            }
        }
    }
    if !is_there && format.schema_id.is_none() {
        return None;
    }
    let registry: Arc<dyn Registry> = Arc::new(memory);
    let columns = match format::infer(&format, is_key, topic, &registry) {
        Ok(columns) => columns,
        Err(error) => return Some(Err(error.to_string())),
    };
    let got: Vec<_> = columns.iter().map(|(name, ty)| format!("`{name}` {ty}")).collect();
    let got = got.join(", ");
    // Without word on the columns it is enough that there are some.
    let expected = expected.unwrap_or(&got);
    Some(match got == expected {
        true => Ok(()),
        false => Err(format!("{side}:\n    got      {got}\n    expected {expected}")),
    })
}

/// Schemas in which each of 25 records has two fields of the one before.
fn doubled(schema_type: SchemaType) -> String {
    let range = 1..25;
    match schema_type {
        SchemaType::Avro => {
            let record = |i: i32, a: &str, b: &str| {
                let fields = format!(r#"{{"name":"a","type":{a}}},{{"name":"b","type":{b}}}"#);
                format!(r#"{{"type":"record","name":"R{i}","fields":[{fields}]}}"#)
            };
            let first = record(0, r#""int""#, r#""int""#);
            range.fold(first, |inner, i| record(i, &inner, &format!("\"R{}\"", i - 1)))
        }
        SchemaType::Json => {
            let two =
                |of: &str| format!(r#"{{"type":"object","properties":{{"a":{of},"b":{of}}}}}"#);
            let definitions: Vec<_> = std::iter::once((0, two(r#"{"type":"integer"}"#)))
                .chain(
                    range.map(|i| (i, two(&format!(r##"{{"$ref":"#/definitions/r{}"}}"##, i - 1)))),
                )
                .map(|(i, schema)| format!(r#""r{i}":{schema}"#))
                .collect();
            let root = two(r##"{"$ref":"#/definitions/r24"}"##);
            format!(r#"{},"definitions":{{{}}}}}"#, &root[..root.len() - 1], definitions.join(","))
        }
        SchemaType::Protobuf => {
            let message =
                |i: i32, of: &str| format!("message M{i} {{ {of} a = 1; {of} b = 2; }}\n");
            let last = message(24, "M23");
            let others: String = (1..24).map(|i| message(i, &format!("M{}", i - 1))).collect();
            format!("syntax = \"proto3\";\n{last}{others}{}", message(0, "int32"))
        }
    }
}

#[test]
fn columns_that_double_with_each_record_are_refused() {
    let kinds = [
        (SchemaType::Avro, model::FormatKind::Avro),
        (SchemaType::Json, model::FormatKind::JsonSr),
        (SchemaType::Protobuf, model::FormatKind::Protobuf),
    ];
    for (schema_type, kind) in kinds {
        let memory = MemoryRegistry::new();
        let text = SchemaText::new(schema_type, doubled(schema_type));
        let new = NewSchema { text, id: None, version: None };
        let registered = memory.register("t-value", new);
        registered.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        let registry: Arc<dyn Registry> = Arc::new(memory);
        let error = format::infer(&Format::new(kind), false, "t", &registry).expect_err("refused");
        assert!(error.to_string().contains("spelt out"), "{kind:?}: {error}");
    }
}
