//! JSON Schema's rules, as Confluent's registry has them for objects: types stay or widen, what is
//! required stays so, and members come and go as the content model (open or closed) lets them.

use serde_json::{Map, Value as Json};

use super::reason;
use crate::registry::ResolvedSchema;

pub(super) fn can_read(
    reader: &ResolvedSchema,
    writer: &ResolvedSchema,
) -> Result<Vec<String>, String> {
    let parse = |schema: &ResolvedSchema| -> Result<Json, String> {
        serde_json::from_str(&schema.text.schema).map_err(|e| e.to_string())
    };
    let mut reasons = Vec::new();
    compare(&parse(reader)?, &parse(writer)?, "#/", 0, &mut reasons);
    Ok(reasons)
}

/// Deeper parts of a schema are taken to be compatible.
const DEPTH_MAX: usize = 64;

fn compare(new: &Json, old: &Json, path: &str, depth: usize, reasons: &mut Vec<String>) {
    let (Json::Object(new), Json::Object(old)) = (new, old) else { return };
    if depth > DEPTH_MAX || new == old {
        return;
    }
    let (new_types, old_types) = (types(new), types(old));
    let reads = |ty: &String| {
        new_types.is_empty()
            || new_types.contains(ty)
            || (ty == "integer" && new_types.iter().any(|t| t == "number"))
    };
    if old_types.is_empty() && !new_types.is_empty() || !old_types.iter().all(reads) {
        let what = "A type is different between the new schema and the old schema";
        return reasons.push(reason("TYPE_CHANGED", path, what));
    }
    let empty = Map::new();
    let members = |object: &Map<String, Json>| match object.get("properties") {
        Some(Json::Object(members)) => members.clone(),
        _ => empty.clone(),
    };
    let (new_members, old_members) = (members(new), members(old));
    for (name, member) in &new_members {
        let path = format!("{path}properties/{name}");
        match old_members.get(name) {
            Some(old) => compare(member, old, &path, depth + 1, reasons),
            None if required(new, name) && member.get("default").is_none() => {
                let what = "A required property was added without a default";
                let name = "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL";
                reasons.push(reason(name, &path, what));
            }
            None if is_open(old) => {
                let what = "The new schema has a property that is not in the old, open schema";
                reasons.push(reason("PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", &path, what));
            }
            None => {}
        }
    }
    for name in old_members.keys().filter(|name| !new_members.contains_key(*name)) {
        if !is_open(new) {
            let path = format!("{path}properties/{name}");
            let what = "The new, closed schema lacks a property of the old schema";
            reasons.push(reason("PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", &path, what));
        }
    }
    for name in new_members.keys().filter(|name| old_members.contains_key(*name)) {
        if required(new, name) && !required(old, name) {
            let path = format!("{path}required/{name}");
            let what = "A property became required";
            reasons.push(reason("REQUIRED_ATTRIBUTE_ADDED", &path, what));
        }
    }
    if let (Some(new), Some(old)) = (new.get("items"), old.get("items")) {
        compare(new, old, &format!("{path}items"), depth + 1, reasons);
    }
}

/// The types a value may have: of `type`, or of the branches of `oneOf` and `anyOf`.
fn types(object: &Map<String, Json>) -> Vec<String> {
    let names = |json: &Json| match json {
        Json::String(name) => vec![name.clone()],
        Json::Array(names) => names.iter().filter_map(Json::as_str).map(str::to_string).collect(),
        _ => Vec::new(),
    };
    if let Some(ty) = object.get("type") {
        return names(ty);
    }
    for keyword in ["oneOf", "anyOf"] {
        if let Some(Json::Array(branches)) = object.get(keyword) {
            return branches.iter().filter_map(|b| b.get("type")).flat_map(names).collect();
        }
    }
    Vec::new()
}

fn required(object: &Map<String, Json>, name: &str) -> bool {
    let list = object.get("required").and_then(Json::as_array);
    list.is_some_and(|list| list.iter().any(|n| n.as_str() == Some(name)))
}

fn is_open(object: &Map<String, Json>) -> bool {
    object.get("additionalProperties") != Some(&Json::Bool(false))
}
