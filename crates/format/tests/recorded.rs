//! The built-in registry against exchanges recorded with a real one: what is refused and with which
//! code, which version and schema an answer names. The recordings lie beside the project and are
//! skipped, with a word, where they are missing; requests that never reach the registry are left
//! out.

use std::collections::HashMap;
use std::path::Path;

use format::registry::{
    Compatibility, Mode, NewSchema, Reference, RegisteredSchema, SchemaId, SchemaText, SchemaType,
    VersionSelector,
};
use format::{MemoryRegistry, Registry, RegistryError};
use serde_json::{Value as Json, json};

/// The part of the exchanges that must agree.
const PASS_RATE_MIN: f64 = 0.99;

#[test]
fn the_registry_answers_as_a_real_one() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ksqldb/recorded/registry");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: no recordings beside the project");
        return;
    };
    let (mut passed, mut failed) = (0, 0);
    for file in files.flatten() {
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        let Ok(scenario) = serde_json::from_str::<Json>(&text) else { continue };
        let mut replay = Replay { registry: MemoryRegistry::new(), captured: HashMap::new() };
        for step in scenario["steps"].as_array().into_iter().flatten() {
            match replay.step(step) {
                None => {}
                Some(Ok(())) => passed += 1,
                Some(Err(reason)) => {
                    failed += 1;
                    println!(
                        "{:?} {} {}: {reason}",
                        file.file_name(),
                        step["method"],
                        step["path"]
                    );
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    let rate = f64::from(passed) / f64::from(passed + failed).max(1.0);
    assert!(rate >= PASS_RATE_MIN, "only {:.1} % agree", rate * 100.0);
}

struct Replay {
    registry: MemoryRegistry,
    captured: HashMap<String, i32>,
}

impl Replay {
    /// `None`: the request is not one of the registry's own.
    fn step(&mut self, step: &Json) -> Option<Result<(), String>> {
        let request = step.get("request").unwrap_or(step);
        let answer = request.get("answer").or_else(|| step.get("answer"))?;
        let status = answer["status"].as_i64()?;
        let expected: Json = serde_json::from_str(answer["body"].as_str()?).ok()?;
        // Errors of HTTP itself have the status for a code.
        if expected["error_code"].as_i64().is_some_and(|code| code < 1000) {
            return None;
        }
        let got = self.ask(request)?;
        if let (Ok(body), Some(id)) = (&got, expected["id"].as_i64()) {
            self.captured.insert(id.to_string(), body["id"].as_i64().unwrap_or(0) as i32);
        }
        if let (Ok(body), Some(capture)) = (&got, request["capture"].as_object()) {
            for name in capture.keys() {
                self.captured.insert(name.clone(), body["id"].as_i64().unwrap_or(0) as i32);
            }
        }
        Some(match got {
            Err(error) if expected["error_code"] == error.code() => Ok(()),
            Err(error) => Err(format!("got {} {error}, expected {expected}", error.code())),
            Ok(body) if status != 200 => Err(format!("got {body}, expected {expected}")),
            Ok(body) => self.compare(&body, &expected),
        })
    }

    fn compare(&self, body: &Json, expected: &Json) -> Result<(), String> {
        let differs = || Err(format!("got {body}, expected {expected}"));
        match (body, expected) {
            (Json::Object(body), Json::Object(expected)) => {
                for (name, value) in body {
                    let same = match name.as_str() {
                        // Counted by each registry for itself.
                        "id" => true,
                        name => expected.get(name).is_none_or(|other| other == value),
                    };
                    if !same {
                        return differs();
                    }
                }
                Ok(())
            }
            (Json::Array(body), Json::Array(expected)) if expected.iter().all(Json::is_number) => {
                match body.len() == expected.len() {
                    true => Ok(()),
                    false => differs(),
                }
            }
            _ if body == expected => Ok(()),
            _ => differs(),
        }
    }

    fn ask(&self, request: &Json) -> Option<Result<Json, RegistryError>> {
        let method = request["method"].as_str()?;
        let path = request["path"].as_str()?;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<_> = path.trim_start_matches('/').split('/').map(decode).collect();
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        let flag = |name: &str| query.split('&').any(|q| q == format!("{name}=true"));
        let deleted = flag("deleted");
        let body = match &request["body"] {
            Json::String(text) => serde_json::from_str(text).ok()?,
            other => other.clone(),
        };
        let registry = &self.registry;
        let selector = |text: &str| VersionSelector::parse(text);
        let level = |level: Compatibility| json!({"compatibilityLevel": level.name()});
        Some(match (method, &parts[..]) {
            ("GET", ["subjects"]) => {
                let prefix = query.strip_prefix("subjectPrefix=").unwrap_or_default();
                registry.subjects(prefix, deleted).map(|s| json!(s))
            }
            ("GET", ["contexts"]) => return None,
            ("POST", ["subjects", subject, "versions"]) => new_schema(&body)?
                .and_then(|new| registry.register(subject, new))
                .map(|r| entry(&r)),
            ("POST", ["subjects", subject]) => new_schema(&body)?
                .and_then(|new| registry.find(subject, &new.text, deleted))
                .map(|r| entry(&r)),
            ("GET", ["subjects", subject, "versions"]) => {
                registry.versions(subject, deleted).map(|v| json!(v))
            }
            ("GET", ["subjects", subject, "versions", version]) => selector(version)
                .and_then(|v| registry.version(subject, v, deleted))
                .map(|r| entry(&r)),
            ("GET", ["subjects", subject, "versions", version, "referencedby"]) => {
                selector(version).and_then(|v| registry.referenced_by(subject, v)).map(|r| json!(r))
            }
            ("GET", ["schemas", "ids", id]) => {
                let name = id.trim_start_matches("${replay.").trim_end_matches('}');
                let id = *self.captured.get(name)?;
                registry.by_id(SchemaId(id), None).map(|t| json!({"schema": t.schema}))
            }
            ("DELETE", ["subjects", subject, "versions", version]) => selector(version)
                .and_then(|v| registry.delete_version(subject, v, flag("permanent")))
                .map(|v| json!(v)),
            ("DELETE", ["subjects", subject]) => {
                registry.delete_subject(subject, flag("permanent")).map(|v| json!(v))
            }
            ("GET", ["config"]) => registry.compatibility(None, true).map(level),
            ("GET", ["config", subject]) => {
                registry.compatibility(Some(subject), flag("defaultToGlobal")).map(level)
            }
            ("PUT", ["config", rest @ ..]) => {
                let name = body["compatibility"].as_str().unwrap_or_default();
                let set = |level| registry.set_compatibility(rest.first().copied(), Some(level));
                let answer = json!({"compatibility": name});
                Compatibility::from_name(name).and_then(set).map(|_| answer)
            }
            ("GET", ["mode"]) => registry.mode(None, true).map(|m| json!({"mode": m.name()})),
            ("GET", ["mode", subject]) => registry
                .mode(Some(subject), flag("defaultToGlobal"))
                .map(|m| json!({"mode": m.name()})),
            ("PUT", ["mode", rest @ ..]) => {
                let name = body["mode"].as_str().unwrap_or_default();
                let set =
                    |mode| registry.set_mode(rest.first().copied(), Some(mode), flag("force"));
                let answer = json!({"mode": name});
                Mode::from_name(name).and_then(set).map(|_| answer)
            }
            ("DELETE", ["mode", subject]) => registry
                .set_mode(Some(subject), None, false)
                .map(|m| json!({"mode": m.map_or("READWRITE", Mode::name)})),
            _ => return None,
        })
    }
}

fn new_schema(body: &Json) -> Option<Result<NewSchema, RegistryError>> {
    let schema_type = body["schemaType"].as_str().unwrap_or("AVRO");
    let Some(schema_type) = SchemaType::from_name(schema_type) else {
        let reason = format!("Invalid schema type {schema_type}");
        return Some(Err(RegistryError::InvalidSchema(reason)));
    };
    let schema = match &body["schema"] {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    };
    let references = body["references"].as_array().into_iter().flatten();
    let references: Result<Vec<Reference>, _> =
        references.map(|r| serde_json::from_value(r.clone())).collect();
    let number = |name: &str| body[name].as_i64().map(|n| n as i32);
    Some(Ok(NewSchema {
        text: SchemaText { schema_type, schema, references: references.ok()? },
        id: number("id").map(SchemaId),
        version: number("version"),
    }))
}

fn entry(registered: &RegisteredSchema) -> Json {
    json!({
        "subject": registered.subject,
        "id": registered.id,
        "version": registered.version,
        "schemaType": registered.text.schema_type.name(),
        "schema": registered.text.schema,
    })
}

fn decode(part: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        match byte {
            b'%' => match (hex(bytes.next()), hex(bytes.next())) {
                (Some(a), Some(b)) => out.push((a * 16 + b) as u8),
                _ => out.push(b'%'),
            },
            byte => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
