//! The formats against what the real engine wrote and read: bytes out, registered schemas, bytes
//! in. The vectors lie beside the project and are skipped, with a word, where they are missing.

#[path = "vectors/sql.rs"]
mod sql;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use format::registry::{Mode, NewSchema, SchemaId, SchemaText, SchemaType, VersionSelector};
use format::{MemoryRegistry, Registry, decoder, encoder};
use model::column::{column_of, value_at};
use model::{FormatKind, SqlType, Value};
use serde_json::Value as Json;
use sql::{Create, Parser, date_text, unhex};

/// The topic that stands for `{topic}`.
const TOPIC: &str = "t";

/// The part of the vectors that must pass.
const PASS_RATE_MIN: f64 = 0.99;

/// A vector passes, fails for a reason, or is about something else than formats.
enum Outcome {
    Passed,
    Failed(String),
    Elsewhere,
}

#[test]
fn formats_read_and_write_what_the_real_engine_does() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/ksqldb/vectors/formats.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no vectors beside the project");
        return;
    };
    let mut groups: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut shown = BTreeMap::new();
    for line in text.lines() {
        let vector: Json = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let group = vector["group"].as_str().unwrap_or_default().to_string();
        let outcome = check(&group, &vector);
        let counts = groups.entry(group.clone()).or_default();
        match outcome {
            Outcome::Passed => counts[0] += 1,
            Outcome::Elsewhere => counts[2] += 1,
            Outcome::Failed(reason) => {
                counts[1] += 1;
                let count = shown.entry(group.clone()).or_insert(0usize);
                *count += 1;
                if *count <= shown_max() {
                    println!("{group}: {reason}\n    {:.400}", line);
                }
            }
        }
    }
    let mut total = [0usize; 3];
    for (group, counts) in &groups {
        println!(
            "{group:40} {:5} passed {:5} failed {:5} elsewhere",
            counts[0], counts[1], counts[2]
        );
        (0..3).for_each(|i| total[i] += counts[i]);
    }
    println!("{} passed, {} failed, {} elsewhere", total[0], total[1], total[2]);
    let rate = total[0] as f64 / (total[0] + total[1]).max(1) as f64;
    assert!(rate >= PASS_RATE_MIN, "only {:.2} % passed", rate * 100.0);
}

fn shown_max() -> usize {
    std::env::var("KERB_SHOW").ok().and_then(|n| n.parse().ok()).unwrap_or(3)
}

fn check(group: &str, vector: &Json) -> Outcome {
    let statement = vector["statement"].as_str().unwrap_or_default();
    let kind = group.trim_start_matches("formats/");
    let result = match kind {
        _ if kind.ends_with(" query") => check_query(statement, vector),
        _ if kind.starts_with("in/") => check_in(group, statement, vector),
        _ if kind.starts_with("schema/") => check_schema(statement, vector),
        _ => check_out(statement, vector),
    };
    match result {
        Ok(true) => Outcome::Passed,
        Ok(false) => Outcome::Elsewhere,
        Err(reason) => Outcome::Failed(reason),
    }
}

fn create(statement: &str) -> Create {
    Parser::new(&statement.replace("{topic}", TOPIC)).create()
}

fn registry() -> Arc<dyn Registry> {
    Arc::new(MemoryRegistry::new())
}

/// Writes one row; `Err` if it is refused.
fn write(
    create: &Create,
    is_key: bool,
    row: &[(String, Value)],
    registry: &Arc<dyn Registry>,
) -> Result<Option<Bytes>, String> {
    let columns = if is_key { &create.key } else { &create.value };
    let format = create.format(is_key);
    let encoder = encoder(&format, columns, is_key, TOPIC, registry).map_err(|e| e.to_string())?;
    let cell = |name: &str| {
        row.iter().find(|(n, _)| n == name).map_or(Value::Null, |(_, value)| value.clone())
    };
    let arrays: Vec<_> = columns.iter().map(|(name, ty)| column_of(ty, [&cell(name)])).collect();
    let encoded = encoder.encode(&arrays, None, 1);
    match encoded.errors.first() {
        Some(error) => Err(error.cause.clone()),
        None => Ok(encoded.payloads[0].clone()),
    }
}

fn check_out(statement: &str, vector: &Json) -> Result<bool, String> {
    if statement.contains("_DELIMITER='xx'") {
        return Ok(false);
    }
    if vector["error"] == "plan" {
        // The analyzer's refusals are judged by `kerb test`.
        return Ok(false);
    }
    let create = create(statement);
    let message = vector["message"].as_str().unwrap_or_default();
    if vector["error"] == "insert" && !message.contains("Could not serialize") {
        return Ok(false);
    }
    let insert = vector["insert"].as_str().unwrap_or_default();
    let columns: Vec<_> = create.key.iter().chain(&create.value).cloned().collect();
    let row = Parser::new(insert).insert(&columns);
    match check_row(&create, &row, vector) {
        // The entries of a map are in the order of Java's hashes.
        Err(_) if insert.contains("MAP(") => check_row(&create, &sorted(row), vector),
        other => other,
    }
}

/// The same row with the entries of its maps in the order in which a Java `HashMap` lists them.
fn sorted(row: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let sort = |value| match value {
        Value::Map(mut entries) => {
            entries.sort_by_key(|(key, _)| {
                let units = key.as_str().unwrap_or_default().encode_utf16();
                let hash = units.fold(0u32, |h, u| h.wrapping_mul(31).wrapping_add(u32::from(u)));
                (hash ^ hash >> 16) & 15
            });
            Value::Map(entries)
        }
        other => other,
    };
    row.into_iter().map(|(name, value)| (name, sort(value))).collect()
}

fn check_row(create: &Create, row: &[(String, Value)], vector: &Json) -> Result<bool, String> {
    let registry = registry();
    let key = write(create, true, row, &registry);
    let value = write(create, false, row, &registry);
    if vector["error"] == "insert" {
        return match (key, value) {
            (Ok(_), Ok(_)) => Err("was written".to_string()),
            _ => Ok(true),
        };
    }
    let ids = (id_of(&registry, true), id_of(&registry, false));
    same_bytes(create, true, key?, &vector["key"], ids.0)?;
    same_bytes(create, false, value?, &vector["value"], ids.1)?;
    Ok(true)
}

fn id_of(registry: &Arc<dyn Registry>, is_key: bool) -> i32 {
    let subject = format::codec::subject(TOPIC, is_key);
    registry.latest(&subject).map_or(0, |r| r.id.0)
}

fn same_bytes(
    create: &Create,
    is_key: bool,
    got: Option<Bytes>,
    expected: &Json,
    id: i32,
) -> Result<(), String> {
    let kind = create.format(is_key).kind;
    let mut expected = expected.as_str().map(|hex| unhex(hex).to_vec());
    if kind.uses_registry()
        && let Some(bytes) = &mut expected
        && bytes.len() >= 5
    {
        // Ids are counted by each registry for itself.
        bytes[1..5].copy_from_slice(&id.to_be_bytes());
    }
    let got = got.map(|b| b.to_vec());
    if got == expected {
        return Ok(());
    }
    if kind == FormatKind::Json
        && let (Some(a), Some(b)) = (&got, &expected)
        && same_json(a, b)
    {
        return Ok(());
    }
    let side = if is_key { "key" } else { "value" };
    let show = |b: &Option<Vec<u8>>| b.as_ref().map(|b| b.escape_ascii().to_string());
    Err(format!("{side}: got {:?}, expected {:?}", show(&got), show(&expected)))
}

/// Equal but for the order of fields, which in maps is Java's.
fn same_json(a: &[u8], b: &[u8]) -> bool {
    let parse = |bytes: &[u8]| serde_json::from_slice::<Json>(bytes).ok();
    a.len() == b.len() && parse(a).is_some() && parse(a) == parse(b)
}

fn check_schema(statement: &str, vector: &Json) -> Result<bool, String> {
    let create = create(statement);
    for is_key in [true, false] {
        let expected = &vector["schemas"][if is_key { "key" } else { "value" }]["schema"];
        let Some(expected) = expected.as_str() else { continue };
        let mut format = create.format(is_key);
        if is_key && format.kind == FormatKind::Avro {
            // The engine names a key's record after its source.
            format.schema_full_name = name_in(expected);
        }
        let columns = if is_key { &create.key } else { &create.value };
        let schema = format::codec::schema_of(&format, columns, is_key);
        let got = schema.map_err(|e| e.to_string())?.map(|s| s.schema).unwrap_or_default();
        if got != expected {
            return Err(format!("got      {got}\n    expected {expected}"));
        }
    }
    Ok(true)
}

fn name_in(schema: &str) -> Option<String> {
    let schema: Json = serde_json::from_str(schema).ok()?;
    Some(format!("{}.{}", schema["namespace"].as_str()?, schema["name"].as_str()?))
}

/// A registry in which the vector's writer schema has the id that is in the payload.
fn registry_for(
    create: &Create,
    columns: &[(String, SqlType)],
    vector: &Json,
    subject: &str,
) -> Result<Arc<dyn Registry>, String> {
    let registry = registry();
    let kind = create.format(false).kind;
    let payload = vector["value"].as_str().map(unhex).unwrap_or_default();
    if !kind.uses_registry() || payload.len() < 5 {
        return Ok(registry);
    }
    let id = SchemaId(i32::from_be_bytes([payload[1], payload[2], payload[3], payload[4]]));
    let writer = vector["writer"].as_str().unwrap_or_default();
    let schema_type = match kind {
        FormatKind::Avro => SchemaType::Avro,
        FormatKind::Protobuf => SchemaType::Protobuf,
        _ => SchemaType::Json,
    };
    let is_schema = writer.starts_with(['{', '"', '[']) || writer.starts_with("syntax");
    let text = match is_schema {
        true => SchemaText::new(schema_type, writer),
        // The payload was damaged; its writer had the usual schema of I and S.
        false => match kind {
            FormatKind::Avro => SchemaText::new(
                schema_type,
                "{\"type\": \"record\", \"name\": \"W1\", \"fields\": [{\"name\": \"I\", \
                 \"type\": \"int\"}, {\"name\": \"S\", \"type\": \"string\"}]}",
            ),
            FormatKind::Protobuf => SchemaText::new(
                schema_type,
                "syntax = \"proto3\"; message W { int32 I = 1; string S = 2; }",
            ),
            _ => match format::codec::schema_of(&create.format(false), columns, false) {
                Ok(Some(text)) => text,
                other => return Err(format!("no schema: {other:?}")),
            },
        },
    };
    if writer == "unknown id" {
        return Ok(registry);
    }
    registry.set_mode(None, Some(Mode::Import), true).map_err(|e| e.to_string())?;
    let new = NewSchema { text, id: Some(id), version: None };
    registry.register(subject, new).map_err(|e| e.to_string())?;
    Ok(registry)
}

fn check_in(group: &str, statement: &str, vector: &Json) -> Result<bool, String> {
    let mut create = create(statement);
    let subject = match group.ends_with("other subject") {
        true => "elsewhere-value".to_string(),
        false => format::codec::subject(TOPIC, false),
    };
    let registry = registry_for(&create, &create.value, vector, &subject)?;
    if create.value.is_empty() {
        let columns = format::infer(&create.format(false), false, TOPIC, &registry);
        create.value = columns.map_err(|e| e.to_string())?;
    }
    let mut row = Vec::new();
    let mut present = true;
    for is_key in [true, false] {
        let columns = if is_key { &create.key } else { &create.value };
        let payload = vector[if is_key { "key" } else { "value" }].as_str().map(unhex);
        let decoder = decoder(&create.format(is_key), columns, is_key, TOPIC, &registry);
        let decoded = decoder.map_err(|e| e.to_string())?.decode(&[payload]);
        if let Some(error) = decoded.errors.first() {
            return match vector["error"] == "deserialization" {
                true => Ok(true),
                false => Err(format!("refused: {}", error.cause)),
            };
        }
        if !is_key {
            present = decoded.present.is_none_or(|p| p.is_valid(0));
        }
        for ((_, ty), column) in columns.iter().zip(&decoded.columns) {
            row.push((ty.clone(), value_at(ty, column, 0)));
        }
    }
    if vector["error"] == "deserialization" {
        return Err(format!("was read as {row:?}"));
    }
    // A row that could be read but not written back says nothing against the format.
    if vector["error"] == "query" {
        return Ok(true);
    }
    if vector.get("note").is_some() {
        return match present {
            true => Err(format!("was read as {row:?}")),
            false => Ok(true),
        };
    }
    let expected = vector["result"].as_array().cloned().unwrap_or_default();
    for ((ty, value), expected) in row.iter().zip(&expected) {
        if !same(ty, value, expected) {
            return Err(format!("got {row:?}, expected {}", vector["result"]));
        }
    }
    Ok(true)
}

/// Is this the value that was written as that JSON?
fn same(ty: &SqlType, value: &Value, json: &Json) -> bool {
    match (ty, value, json) {
        (_, Value::Null, Json::Null) => true,
        (_, Value::Boolean(a), Json::Bool(b)) => a == b,
        (_, Value::Integer(a), Json::Number(b)) => a.to_string() == b.to_string(),
        (_, Value::Bigint(a), Json::Number(b)) => a.to_string() == b.to_string(),
        (_, Value::Double(a), Json::Number(b)) => b.to_string().parse() == Ok(*a),
        (_, Value::Double(a), Json::String(b)) => match b.as_str() {
            "NaN" => a.is_nan(),
            "Infinity" => *a == f64::INFINITY,
            _ => *a == f64::NEG_INFINITY,
        },
        (_, Value::Decimal(a), Json::Number(b)) => a.to_string() == b.to_string(),
        (_, Value::String(a), Json::String(b)) => a == b,
        (_, Value::Bytes(a), Json::String(b)) => base64(a) == *b,
        (_, Value::Date(a), Json::String(b)) => date_text(i64::from(*a)) == *b,
        (_, Value::Time(a), Json::String(b)) => time_text(i64::from(*a)) == *b,
        (_, Value::Timestamp(a), Json::String(b)) => {
            // Years beyond 9999 stand without a sign in a TIMESTAMP.
            let day = date_text(a.div_euclid(86_400_000));
            let day = day.trim_start_matches('+');
            let clock = clock_text(a.rem_euclid(86_400_000));
            format!("{day}T{clock}") == *b
        }
        (SqlType::Array(element), Value::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(element, a, b))
        }
        (SqlType::Map(_, ty), Value::Map(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| {
                    let key = key.as_str().map_or_else(|| format!("{key:?}"), str::to_string);
                    b.get(&key).is_some_and(|b| same(ty, value, b))
                })
        }
        (SqlType::Struct(fields), Value::Struct(a), Json::Object(b)) => fields
            .iter()
            .zip(a)
            .all(|(field, a)| same(&field.ty, a, b.get(&field.name).unwrap_or(&Json::Null))),
        _ => false,
    }
}

/// A TIME is shown without its milliseconds, and without seconds when they are zero.
fn time_text(ms: i64) -> String {
    let text = clock_text(ms);
    let text = &text[..8];
    text.strip_suffix(":00").unwrap_or(text).to_string()
}

fn clock_text(ms: i64) -> String {
    let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{h:02}:{m:02}:{s:02}.{:03}", ms % 1000)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn check_query(statement: &str, vector: &Json) -> Result<bool, String> {
    let create = create(&statement.replacen(" WITH", " (X INT) WITH", 1));
    let columns = vector["source_columns"].as_object().cloned().unwrap_or_default();
    let mut source = Create { key: vec![], value: vec![], properties: vec![] };
    for (name, ty) in columns {
        let ty = ty.as_str().unwrap_or_default();
        let side = if ty.ends_with(" KEY") { &mut source.key } else { &mut source.value };
        side.push((name, Parser::new(ty).ty()));
    }
    let sink = Create {
        key: source.key.clone(),
        value: source.value.clone(),
        properties: create.properties,
    };
    let registry = registry();
    let json = model::Format::new(FormatKind::Json);
    let rows = vector["source_rows"].as_array().cloned().unwrap_or_default();
    let expected = vector["out"].as_array().cloned().unwrap_or_default();
    let reader = decoder(&json, &source.value, false, TOPIC, &registry);
    let reader = reader.map_err(|e| e.to_string())?;
    for (row, expected) in rows.iter().zip(&expected) {
        let payload = row[1].as_str().map(|text| Bytes::from(text.to_string()));
        let decoded = reader.decode(&[payload]);
        let key = row[0].as_str().map(unhex).unwrap_or_default();
        let key = Value::String(String::from_utf8_lossy(&key).into_owned());
        let mut cells = vec![(source.key[0].0.clone(), key)];
        for ((name, ty), column) in source.value.iter().zip(&decoded.columns) {
            cells.push((name.clone(), value_at(ty, column, 0)));
        }
        let key = write(&sink, true, &cells, &registry)?;
        let value = match row[1].is_null() {
            true => None,
            false => write(&sink, false, &cells, &registry)?,
        };
        same_bytes(&sink, true, key, &expected[0], id_of(&registry, true))?;
        same_bytes(&sink, false, value, &expected[1], id_of(&registry, false))?;
    }
    for is_key in [true, false] {
        let side = if is_key { "key" } else { "value" };
        let Some(schema) = vector["schemas"][side]["schema"].as_str() else { continue };
        let subject = format::codec::subject(TOPIC, is_key);
        let found = registry.version(&subject, VersionSelector::Latest, false);
        let found = found.map_err(|e| e.to_string())?;
        if found.text.schema != schema {
            return Err(format!("{side} schema: got {}", found.text.schema));
        }
    }
    Ok(true)
}
