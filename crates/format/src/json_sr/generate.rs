//! The JSON Schema for columns, as Connect makes it of ksqlDB's: an object with nullable members,
//! maps as arrays of entries, and Connect's own properties for what JSON has no type for.

use model::SqlType;
use serde_json::{Map, Value as Json, json};

/// The text of a schema for these columns; a single one may stand without an object around it.
pub(crate) fn schema_text(columns: &[(String, SqlType)], is_unwrapped: bool) -> String {
    let schema = match columns {
        [(_, ty)] if is_unwrapped => nullable(schema_of(ty)),
        columns => object(columns.iter().map(|(name, ty)| (name.as_str(), ty))),
    };
    Json::Object(schema).to_string()
}

fn nullable(schema: Map<String, Json>) -> Map<String, Json> {
    let mut result = Map::new();
    result.insert("oneOf".into(), json!([{"type": "null"}, schema]));
    result
}

fn object<'a>(columns: impl Iterator<Item = (&'a str, &'a SqlType)>) -> Map<String, Json> {
    let mut members = Vec::new();
    for (index, (name, ty)) in columns.enumerate() {
        let mut member = Map::new();
        member.insert("connect.index".into(), json!(index));
        member.extend(nullable(schema_of(ty)));
        members.push((name, Json::Object(member)));
    }
    let mut properties = Map::new();
    for (name, member) in in_hash_order(members) {
        properties.insert(name.into(), member);
    }
    let mut schema = Map::new();
    schema.insert("type".into(), json!("object"));
    schema.insert("properties".into(), Json::Object(properties));
    schema
}

fn schema_of(ty: &SqlType) -> Map<String, Json> {
    let mut schema = Map::new();
    let mut put = |name: &str, value: Json| drop(schema.insert(name.into(), value));
    match ty {
        SqlType::Boolean => put("type", json!("boolean")),
        SqlType::String => put("type", json!("string")),
        SqlType::Integer => {
            put("type", json!("integer"));
            put("connect.type", json!("int32"));
        }
        SqlType::Bigint => {
            put("type", json!("integer"));
            put("connect.type", json!("int64"));
        }
        SqlType::Double => {
            put("type", json!("number"));
            put("connect.type", json!("float64"));
        }
        SqlType::Bytes => {
            put("type", json!("string"));
            put("connect.type", json!("bytes"));
        }
        SqlType::Date | SqlType::Time | SqlType::Timestamp => {
            let (class, base) = match ty {
                SqlType::Date => ("Date", "int32"),
                SqlType::Time => ("Time", "int32"),
                _ => ("Timestamp", "int64"),
            };
            put("type", json!("integer"));
            put("title", json!(format!("org.apache.kafka.connect.data.{class}")));
            put("connect.version", json!(1));
            put("connect.type", json!(base));
        }
        SqlType::Decimal { precision, scale } => {
            put("type", json!("number"));
            put("title", json!("org.apache.kafka.connect.data.Decimal"));
            put("connect.version", json!(1));
            put("connect.type", json!("bytes"));
            let parameters = json!({
                "scale": scale.to_string(),
                "connect.decimal.precision": precision.to_string(),
            });
            put("connect.parameters", parameters);
        }
        SqlType::Array(element) => {
            put("type", json!("array"));
            put("items", Json::Object(nullable(schema_of(element))));
        }
        SqlType::Map(key, value) => {
            put("type", json!("array"));
            put("connect.type", json!("map"));
            let entry = object([("key", &**key), ("value", &**value)].into_iter());
            put("items", Json::Object(entry));
        }
        SqlType::Struct(fields) => {
            return object(fields.iter().map(|f| (f.name.as_str(), &f.ty)));
        }
    }
    schema
}

/// Members in the order in which a Java `HashMap` would list them: the registered text has it, and
/// two schemas are the same only with the same text.
fn in_hash_order(members: Vec<(&str, Json)>) -> Vec<(&str, Json)> {
    let mut buckets = 16u32;
    while members.len() as u32 > buckets / 4 * 3 {
        buckets *= 2;
    }
    let bucket = |name: &str| {
        let hash = name
            .encode_utf16()
            .fold(0u32, |h, unit| h.wrapping_mul(31).wrapping_add(u32::from(unit)));
        (hash ^ hash >> 16) & (buckets - 1)
    };
    let mut members = members;
    members.sort_by_key(|(name, _)| bucket(name));
    members
}
