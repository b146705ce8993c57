//! JSON Schemas as far as Connect reads them: which type a value is taken for, by `type` and by
//! Connect's own `connect.type`.

use std::cell::Cell;

use model::types::TYPE_SIZE_MAX;
use model::{Field, SqlType};
use serde_json::{Map, Value as Json};

/// A schema as Connect understands it.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) ty: JsonType,
    /// May a value be null?
    pub(crate) is_nullable: bool,
}

/// The type of a value.
#[derive(Clone, Debug)]
pub(crate) enum JsonType {
    Boolean,
    Int32(Logical),
    Int64(Logical),
    Float64,
    Decimal {
        precision: u8,
        scale: u8,
    },
    String,
    Bytes,
    Array(Box<Schema>),
    /// An object whose names are the keys.
    ObjectMap(Box<Schema>),
    /// An array of objects with key and value.
    EntryMap(Box<Schema>, Box<Schema>),
    Struct(Vec<(String, Schema)>),
}

/// What an integer stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logical {
    None,
    Date,
    Time,
    Timestamp,
}

/// How deep a schema may nest, following its references.
const DEPTH_MAX: usize = 64;

/// How long a schema may be.
const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// Parses a schema, with the texts of the schemas it refers to.
pub(crate) fn parse(text: &str, references: &[(String, String)]) -> Result<Schema, String> {
    let root = json_of(text)?;
    let references = references
        .iter()
        .map(|(name, text)| Ok((name.clone(), json_of(text)?)))
        .collect::<Result<Vec<_>, String>>()?;
    let parser = Parser { references, made: Cell::new(0) };
    parser.schema(&root, &root, 0)
}

/// The schema without blanks; an error if it is none.
pub(crate) fn canonical(text: &str) -> Result<String, String> {
    let json = json_of(text)?;
    check(&json, 0)?;
    Ok(json.to_string())
}

fn json_of(text: &str) -> Result<Json, String> {
    if text.len() > SCHEMA_BYTES_MAX {
        return Err(format!("the schema is longer than {SCHEMA_BYTES_MAX} bytes"));
    }
    serde_json::from_str(text).map_err(|e| e.to_string())
}

fn check(json: &Json, depth: usize) -> Result<(), String> {
    const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
    let object = match json {
        Json::Bool(_) => return Ok(()),
        Json::Object(object) if depth <= DEPTH_MAX => object,
        _ => return Err("Invalid JSON".to_string()),
    };
    let is_type = |ty: &Json| ty.as_str().is_some_and(|ty| TYPES.contains(&ty));
    let is_valid = match object.get("type") {
        None => true,
        Some(Json::Array(types)) => types.iter().all(is_type),
        Some(ty) => is_type(ty),
    };
    if !is_valid {
        return Err("Invalid JSON".to_string());
    }
    for keyword in ["properties", "definitions", "$defs"] {
        if let Some(Json::Object(members)) = object.get(keyword) {
            members.values().try_for_each(|member| check(member, depth + 1))?;
        }
    }
    if let Some(Json::Object(_)) = object.get("items") {
        check(&object["items"], depth + 1)?;
    }
    for keyword in ["oneOf", "anyOf", "allOf"] {
        if let Some(Json::Array(branches)) = object.get(keyword) {
            branches.iter().try_for_each(|branch| check(branch, depth + 1))?;
        }
    }
    Ok(())
}

struct Parser {
    references: Vec<(String, Json)>,
    /// How many schemas have been made, with references followed.
    made: Cell<usize>,
}

impl Parser {
    fn schema(&self, json: &Json, root: &Json, depth: usize) -> Result<Schema, String> {
        if depth > DEPTH_MAX {
            return Err("the schema contains itself".to_string());
        }
        self.made.set(self.made.get() + 1);
        // Two references to what has two references itself would double it each time.
        if self.made.get() > TYPE_SIZE_MAX {
            return Err(format!("it has more than {TYPE_SIZE_MAX} members, spelt out"));
        }
        let Json::Object(object) = json else { return Err("a schema is no object".to_string()) };
        if let Some(target) = object.get("$ref").and_then(Json::as_str) {
            let (json, root) = self.target(target, root)?;
            return self.schema(json, root, depth + 1);
        }
        for keyword in ["oneOf", "anyOf", "allOf"] {
            if let Some(branches) = object.get(keyword).and_then(Json::as_array) {
                return self.combined(object, branches, root, depth);
            }
        }
        let (ty, is_nullable) = match object.get("type") {
            Some(Json::String(ty)) => (ty.as_str(), false),
            Some(Json::Array(types)) => {
                let names: Vec<_> = types.iter().filter_map(Json::as_str).collect();
                let others: Vec<_> = names.iter().filter(|n| **n != "null").collect();
                match others[..] {
                    [one] => (*one, names.len() > 1),
                    _ => return Err("a value of several types is not supported".to_string()),
                }
            }
            _ if object.contains_key("enum") => ("string", false),
            _ if object.contains_key("properties") => ("object", false),
            _ => return Err("a schema without a type is not supported".to_string()),
        };
        let ty = self.ty(ty, object, root, depth)?;
        Ok(Schema { ty, is_nullable })
    }

    fn target<'a>(&'a self, target: &str, root: &'a Json) -> Result<(&'a Json, &'a Json), String> {
        let missing = || format!("nothing is at {target}");
        let (file, pointer) = target.split_once('#').unwrap_or((target, ""));
        let root = match file {
            "" => root,
            file => {
                let found = self.references.iter().find(|(name, _)| name == file);
                found.map(|(_, json)| json).ok_or_else(missing)?
            }
        };
        Ok((root.pointer(pointer).ok_or_else(missing)?, root))
    }

    fn combined(
        &self,
        object: &Map<String, Json>,
        branches: &[Json],
        root: &Json,
        depth: usize,
    ) -> Result<Schema, String> {
        let is_null = |branch: &&Json| branch.get("type").and_then(Json::as_str) == Some("null");
        let others: Vec<_> = branches.iter().filter(|b| !is_null(b)).collect();
        let is_nullable = others.len() < branches.len();
        match others[..] {
            [one] => {
                // What stands beside the branches counts for the value, too.
                let mut merged = object.clone();
                merged.retain(|name, _| !matches!(name.as_str(), "oneOf" | "anyOf" | "allOf"));
                if let Json::Object(one) = one {
                    merged.extend(one.clone());
                }
                let inner = self.schema(&Json::Object(merged), root, depth + 1)?;
                Ok(Schema { is_nullable: is_nullable || inner.is_nullable, ..inner })
            }
            _ => {
                // One of several: a struct with a member for each, as Connect has it.
                let field = |(i, branch): (usize, &&Json)| {
                    let inner = self.schema(branch, root, depth + 1)?;
                    let name = format!("connect_union_field_{i}");
                    Ok((name, Schema { is_nullable: true, ..inner }))
                };
                let fields = others.iter().enumerate().map(field);
                let fields = fields.collect::<Result<_, String>>()?;
                Ok(Schema { ty: JsonType::Struct(fields), is_nullable })
            }
        }
    }

    fn ty(
        &self,
        ty: &str,
        object: &Map<String, Json>,
        root: &Json,
        depth: usize,
    ) -> Result<JsonType, String> {
        let text = |name: &str| object.get(name).and_then(Json::as_str).unwrap_or_default();
        let class = text("title").strip_prefix("org.apache.kafka.connect.data.");
        let logical = match class {
            Some("Date") => Logical::Date,
            Some("Time") => Logical::Time,
            Some("Timestamp") => Logical::Timestamp,
            _ => Logical::None,
        };
        Ok(match (ty, text("connect.type")) {
            ("boolean", _) => JsonType::Boolean,
            ("integer" | "number", "bytes") => {
                let parameter = |name: &str| {
                    let value = object.get("connect.parameters")?.get(name)?;
                    value.as_str()?.parse::<u8>().ok()
                };
                JsonType::Decimal {
                    precision: parameter("connect.decimal.precision").unwrap_or(64),
                    scale: parameter("scale").unwrap_or(0),
                }
            }
            ("integer" | "number", "int8" | "int16" | "int32") => JsonType::Int32(logical),
            ("integer" | "number", "int64") => JsonType::Int64(logical),
            ("integer" | "number", "float32" | "float64") => JsonType::Float64,
            ("integer", _) => JsonType::Int64(logical),
            ("number", _) => JsonType::Float64,
            ("string", "bytes") => JsonType::Bytes,
            ("string", _) => JsonType::String,
            ("array", "map") => {
                let entry = object.get("items").and_then(|i| i.get("properties"));
                let member = |name: &str| {
                    let member = entry.and_then(|e| e.get(name));
                    let member = member.ok_or_else(|| format!("a map's entries have no {name}"))?;
                    self.schema(member, root, depth + 1)
                };
                JsonType::EntryMap(Box::new(member("key")?), Box::new(member("value")?))
            }
            ("array", _) => {
                let items = object.get("items").ok_or("an array without items")?;
                JsonType::Array(Box::new(self.schema(items, root, depth + 1)?))
            }
            ("object", "map") => {
                let values = object.get("additionalProperties");
                let values = values.ok_or("a map without additionalProperties")?;
                JsonType::ObjectMap(Box::new(self.schema(values, root, depth + 1)?))
            }
            ("object", _) => {
                let mut fields = Vec::new();
                let properties = object.get("properties").and_then(Json::as_object);
                for (name, member) in properties.into_iter().flatten() {
                    let index = member.get("connect.index").and_then(Json::as_u64);
                    let schema = self.schema(member, root, depth + 1)?;
                    fields.push((index.unwrap_or(u64::MAX), name.clone(), schema));
                }
                fields.sort_by_key(|(index, _, _)| *index);
                JsonType::Struct(fields.into_iter().map(|(_, n, s)| (n, s)).collect())
            }
            (other, _) => return Err(format!("a value of type {other} is not supported")),
        })
    }
}

impl JsonType {
    /// What Connect calls it.
    pub(crate) fn base_name(&self) -> &'static str {
        match self {
            JsonType::Boolean => "boolean",
            JsonType::Int32(_) => "int32",
            JsonType::Int64(_) => "int64",
            JsonType::Float64 => "float64",
            JsonType::Decimal { .. } | JsonType::Bytes => "bytes",
            JsonType::String => "string",
            JsonType::Array(_) => "array",
            JsonType::ObjectMap(_) | JsonType::EntryMap(..) => "map",
            JsonType::Struct(_) => "struct",
        }
    }

    /// The SQL type it stands for.
    pub(crate) fn sql_type(&self) -> SqlType {
        match self {
            JsonType::Boolean => SqlType::Boolean,
            JsonType::Int32(Logical::Date) => SqlType::Date,
            JsonType::Int32(Logical::Time) => SqlType::Time,
            JsonType::Int32(_) => SqlType::Integer,
            JsonType::Int64(Logical::Timestamp) => SqlType::Timestamp,
            JsonType::Int64(_) => SqlType::Bigint,
            JsonType::Float64 => SqlType::Double,
            JsonType::Decimal { precision, scale } => SqlType::decimal(*precision, *scale),
            JsonType::String => SqlType::String,
            JsonType::Bytes => SqlType::Bytes,
            JsonType::Array(items) => SqlType::array(items.ty.sql_type()),
            JsonType::ObjectMap(values) => SqlType::map(SqlType::String, values.ty.sql_type()),
            JsonType::EntryMap(key, value) => SqlType::map(key.ty.sql_type(), value.ty.sql_type()),
            JsonType::Struct(fields) => SqlType::Struct(
                fields.iter().map(|(n, s)| Field::new(n.clone(), s.ty.sql_type())).collect(),
            ),
        }
    }
}
