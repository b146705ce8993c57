//! Avro schemas: parsed for reading and writing, and written the way the registry keeps them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

/// A parsed schema with everything it names.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) root: Avro,
    /// Records, enums and fixeds; [`Avro::Named`] points here.
    pub(crate) named: Vec<Named>,
}

/// A type.
#[derive(Clone, Debug)]
pub(crate) enum Avro {
    Null,
    Boolean,
    Int(Logical),
    Long(Logical),
    Float,
    Double,
    Bytes(Logical),
    String,
    Array(Box<Avro>),
    Map(Box<Avro>),
    Union(Vec<Avro>),
    Named(usize),
}

/// What a primitive stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logical {
    None,
    Date,
    Time,
    Timestamp,
    Decimal { precision: u8, scale: u8 },
}

/// A type that has a name.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) full_name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) kind: NamedKind,
}

#[derive(Clone, Debug)]
pub(crate) enum NamedKind {
    /// A record; `is_map_entry`: one of Connect's for maps whose keys are not plain texts.
    Record {
        fields: Vec<RecordField>,
        is_map_entry: bool,
    },
    Enum {
        symbols: Arc<[String]>,
        has_default: bool,
    },
    Fixed {
        size: usize,
        logical: Logical,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct RecordField {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) ty: Avro,
    pub(crate) default: Option<Json>,
}

/// How deep a schema's text may nest.
const DEPTH_MAX: usize = 64;

/// How long a schema's text may be.
const SCHEMA_BYTES_MAX: usize = 1 << 20;

const PRIMITIVES: [&str; 8] =
    ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// Parses a schema, with the texts of the schemas it refers to.
pub(crate) fn parse(text: &str, references: &[(String, String)]) -> Result<Schema, String> {
    let mut parser = Parser::default();
    for (_, reference) in references {
        let json = json_of(reference)?;
        parser.parse(&json, "", 0)?;
    }
    let json = json_of(text)?;
    let (root, _) = parser.parse(&json, "", 0)?;
    Ok(Schema { root, named: parser.finish()? })
}

/// The schema in the registry's own writing: no blanks, members in a fixed order, names split from
/// their namespaces.
pub(crate) fn canonical(text: &str, references: &[(String, String)]) -> Result<String, String> {
    let mut parser = Parser::default();
    for (_, reference) in references {
        let json = json_of(reference)?;
        parser.parse(&json, "", 0)?;
    }
    let json = json_of(text)?;
    let (_, canonical) = parser.parse(&json, "", 0)?;
    parser.finish()?;
    Ok(canonical.to_string())
}

fn json_of(text: &str) -> Result<Json, String> {
    if text.len() > SCHEMA_BYTES_MAX {
        return Err(format!("the schema is longer than {SCHEMA_BYTES_MAX} bytes"));
    }
    let trimmed = text.trim();
    // The name of a primitive may stand without quotes.
    if PRIMITIVES.contains(&trimmed) {
        return Ok(Json::from(trimmed));
    }
    serde_json::from_str(trimmed).map_err(|e| e.to_string())
}

#[derive(Default)]
struct Parser {
    named: Vec<Option<Named>>,
    by_name: HashMap<String, usize>,
}

type Parsed = (Avro, Json);

impl Parser {
    fn finish(self) -> Result<Vec<Named>, String> {
        self.named.into_iter().map(|n| n.ok_or("a type is not finished".to_string())).collect()
    }

    /// Parses a type inside of `namespace`; answers also with its canonical writing.
    fn parse(&mut self, json: &Json, namespace: &str, depth: usize) -> Result<Parsed, String> {
        if depth > DEPTH_MAX {
            return Err(format!("the schema nests deeper than {DEPTH_MAX}"));
        }
        match json {
            Json::String(name) => match PRIMITIVES.contains(&name.as_str()) {
                true => Ok((primitive(name, &Map::new()), json.clone())),
                false => self.reference(name, namespace),
            },
            Json::Array(branches) => self.union(branches, namespace, depth),
            Json::Object(object) => self.object(object, namespace, depth),
            other => Err(format!("Schema not yet supported: {other}")),
        }
    }

    fn reference(&self, name: &str, namespace: &str) -> Result<Parsed, String> {
        let full = full_name(name, namespace);
        let at = self.by_name.get(&full).or_else(|| self.by_name.get(name));
        let at = *at.ok_or_else(|| format!("Undefined schema: {full}"))?;
        let found = self.by_name.iter().find(|(_, i)| **i == at).map_or(full, |(n, _)| n.clone());
        let short = match found.rsplit_once('.') {
            Some((space, short)) if space == namespace => short.to_string(),
            _ => found,
        };
        Ok((Avro::Named(at), Json::from(short)))
    }

    fn union(
        &mut self,
        branches: &[Json],
        namespace: &str,
        depth: usize,
    ) -> Result<Parsed, String> {
        let mut types = Vec::new();
        let mut canonical = Vec::new();
        for branch in branches {
            let (ty, text) = self.parse(branch, namespace, depth + 1)?;
            if matches!(ty, Avro::Union(_)) {
                return Err("a union must not hold another one".to_string());
            }
            types.push(ty);
            canonical.push(text);
        }
        for (i, ty) in types.iter().enumerate() {
            if types[..i].iter().any(|t| same_branch(t, ty)) {
                return Err("Duplicate in union".to_string());
            }
        }
        Ok((Avro::Union(types), Json::Array(canonical)))
    }

    fn object(
        &mut self,
        object: &Map<String, Json>,
        namespace: &str,
        depth: usize,
    ) -> Result<Parsed, String> {
        let Some(ty) = object.get("type") else { return Err("No type".to_string()) };
        let Json::String(name) = ty else {
            // {"type": {…}} and {"type": [ … ]} are the inner type.
            return self.parse(ty, namespace, depth + 1);
        };
        let mut canonical = Map::new();
        canonical.insert("type".to_string(), ty.clone());
        match name.as_str() {
            "record" | "error" => self.record(object, canonical, namespace, depth),
            "enum" => self.enumeration(object, canonical, namespace),
            "fixed" => self.fixed(object, canonical, namespace),
            "array" => {
                let items = object.get("items").ok_or("an array without items")?;
                let (items, text) = self.parse(items, namespace, depth + 1)?;
                canonical.insert("items".to_string(), text);
                properties(object, &["type", "items"], &mut canonical);
                Ok((Avro::Array(Box::new(items)), Json::Object(canonical)))
            }
            "map" => {
                let values = object.get("values").ok_or("a map without values")?;
                let (values, text) = self.parse(values, namespace, depth + 1)?;
                canonical.insert("values".to_string(), text);
                properties(object, &["type", "values"], &mut canonical);
                Ok((Avro::Map(Box::new(values)), Json::Object(canonical)))
            }
            primitive_name if PRIMITIVES.contains(&primitive_name) => {
                properties(object, &["type"], &mut canonical);
                let text = match canonical.len() {
                    1 => ty.clone(),
                    _ => Json::Object(canonical),
                };
                Ok((primitive(primitive_name, object), text))
            }
            other => match self.reference(other, namespace) {
                Ok(found) => Ok(found),
                Err(_) => Err(format!("Unknown type: {other}")),
            },
        }
    }

    /// Reads name, namespace and doc, and takes a place for the type.
    fn declare(
        &mut self,
        object: &Map<String, Json>,
        canonical: &mut Map<String, Json>,
        namespace: &str,
    ) -> Result<(usize, String, String), String> {
        let name = object.get("name").and_then(Json::as_str).ok_or("No name in schema")?;
        let own = object.get("namespace").and_then(Json::as_str);
        let (space, short) = match name.rsplit_once('.') {
            Some((space, short)) => (space.to_string(), short),
            None => (own.unwrap_or(namespace).to_string(), name),
        };
        check_name(short)?;
        space.split('.').filter(|part| !part.is_empty()).try_for_each(check_name)?;
        if PRIMITIVES.contains(&short) && space.is_empty() {
            return Err(format!("Schemas may not be named after primitives: {short}"));
        }
        canonical.insert("name".to_string(), Json::from(short));
        if space != namespace {
            canonical.insert("namespace".to_string(), Json::from(space.as_str()));
        }
        if let Some(doc) = object.get("doc") {
            canonical.insert("doc".to_string(), doc.clone());
        }
        let full = full_name(short, &space);
        if self.by_name.contains_key(&full) {
            return Err(format!("Can't redefine: {full}"));
        }
        self.by_name.insert(full.clone(), self.named.len());
        self.named.push(None);
        Ok((self.named.len() - 1, full, space))
    }

    fn record(
        &mut self,
        object: &Map<String, Json>,
        mut canonical: Map<String, Json>,
        namespace: &str,
        depth: usize,
    ) -> Result<Parsed, String> {
        let (at, full, space) = self.declare(object, &mut canonical, namespace)?;
        let list = object.get("fields").and_then(Json::as_array).ok_or("Record has no fields")?;
        let mut fields: Vec<RecordField> = Vec::new();
        let mut texts = Vec::new();
        for field in list {
            let name = field.get("name").and_then(Json::as_str).ok_or("No field name")?;
            check_name(name)?;
            if fields.iter().any(|f| f.name == name) {
                return Err(format!("Duplicate field {name} in record {full}"));
            }
            let ty = field.get("type").ok_or_else(|| format!("No field type: {name}"))?;
            let (ty, text) = self.parse(ty, &space, depth + 1)?;
            let Json::Object(field) = field else { return Err("a field is no object".into()) };
            let mut written = Map::new();
            written.insert("name".to_string(), Json::from(name));
            written.insert("type".to_string(), text);
            for known in ["doc", "default"] {
                if let Some(value) = field.get(known) {
                    written.insert(known.to_string(), value.clone());
                }
            }
            if let Some(order) = field.get("order").filter(|o| *o != "ascending") {
                written.insert("order".to_string(), order.clone());
            }
            if let Some(aliases) = field.get("aliases") {
                written.insert("aliases".to_string(), aliases.clone());
            }
            let known = ["name", "type", "doc", "default", "order", "aliases"];
            properties(field, &known, &mut written);
            texts.push(Json::Object(written));
            fields.push(RecordField {
                name: name.to_string(),
                aliases: texts_of(field.get("aliases")),
                ty,
                default: field.get("default").cloned(),
            });
        }
        canonical.insert("fields".to_string(), Json::Array(texts));
        let known = ["type", "name", "namespace", "doc", "fields", "aliases"];
        properties(object, &known, &mut canonical);
        if let Some(aliases) = object.get("aliases") {
            canonical.insert("aliases".to_string(), aliases.clone());
        }
        let is_marked =
            object.get("connect.internal.type").and_then(Json::as_str) == Some("MapEntry");
        let is_map_entry = is_marked || full == "io.confluent.connect.avro.MapEntry";
        self.named[at] = Some(Named {
            full_name: full,
            aliases: texts_of(object.get("aliases")),
            kind: NamedKind::Record { fields, is_map_entry },
        });
        Ok((Avro::Named(at), Json::Object(canonical)))
    }

    fn enumeration(
        &mut self,
        object: &Map<String, Json>,
        mut canonical: Map<String, Json>,
        namespace: &str,
    ) -> Result<Parsed, String> {
        let (at, full, _) = self.declare(object, &mut canonical, namespace)?;
        let symbols = texts_of(Some(object.get("symbols").ok_or("Enum has no symbols")?));
        symbols.iter().try_for_each(|s| check_name(s))?;
        for (i, symbol) in symbols.iter().enumerate() {
            if symbols[..i].contains(symbol) {
                return Err(format!("Duplicate enum symbol: {symbol}"));
            }
        }
        for known in ["symbols", "default"] {
            if let Some(value) = object.get(known) {
                canonical.insert(known.to_string(), value.clone());
            }
        }
        let known = ["type", "name", "namespace", "doc", "symbols", "default", "aliases"];
        properties(object, &known, &mut canonical);
        if let Some(aliases) = object.get("aliases") {
            canonical.insert("aliases".to_string(), aliases.clone());
        }
        let has_default = object.contains_key("default");
        self.named[at] = Some(Named {
            full_name: full,
            aliases: texts_of(object.get("aliases")),
            kind: NamedKind::Enum { symbols: symbols.into(), has_default },
        });
        Ok((Avro::Named(at), Json::Object(canonical)))
    }

    fn fixed(
        &mut self,
        object: &Map<String, Json>,
        mut canonical: Map<String, Json>,
        namespace: &str,
    ) -> Result<Parsed, String> {
        let (at, full, _) = self.declare(object, &mut canonical, namespace)?;
        let size = object.get("size").and_then(Json::as_u64);
        let size = size.and_then(|s| u32::try_from(s).ok()).ok_or("Invalid or no size")?;
        canonical.insert("size".to_string(), Json::from(size));
        let known = ["type", "name", "namespace", "doc", "size", "aliases"];
        properties(object, &known, &mut canonical);
        self.named[at] = Some(Named {
            full_name: full,
            aliases: texts_of(object.get("aliases")),
            kind: NamedKind::Fixed { size: size as usize, logical: logical(object, "bytes") },
        });
        Ok((Avro::Named(at), Json::Object(canonical)))
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    match name.contains('.') || namespace.is_empty() {
        true => name.to_string(),
        false => format!("{namespace}.{name}"),
    }
}

/// Is this a name as Avro allows it?
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let mut chars = name.chars();
    match chars.next() {
        None => return Err("Empty name".to_string()),
        Some(c) if !(c.is_alphabetic() || c == '_') => {
            return Err(format!("Illegal initial character: {name}"));
        }
        Some(_) => {}
    }
    match chars.all(|c| c.is_alphanumeric() || c == '_') {
        true => Ok(()),
        false => Err(format!("Illegal character in: {name}")),
    }
}

fn texts_of(list: Option<&Json>) -> Vec<String> {
    let list = list.and_then(Json::as_array).into_iter().flatten();
    list.filter_map(Json::as_str).map(str::to_string).collect()
}

/// Copies what is not known to the language: properties, in their order.
fn properties(object: &Map<String, Json>, known: &[&str], into: &mut Map<String, Json>) {
    for (name, value) in object {
        if !known.contains(&name.as_str()) {
            into.insert(name.clone(), value.clone());
        }
    }
}

fn primitive(name: &str, object: &Map<String, Json>) -> Avro {
    match name {
        "null" => Avro::Null,
        "boolean" => Avro::Boolean,
        "int" => Avro::Int(logical(object, name)),
        "long" => Avro::Long(logical(object, name)),
        "float" => Avro::Float,
        "double" => Avro::Double,
        "bytes" => Avro::Bytes(logical(object, name)),
        _ => Avro::String,
    }
}

/// The logical type, by Avro's property or by Connect's name for it.
fn logical(object: &Map<String, Json>, base: &str) -> Logical {
    let text = |name: &str| object.get(name).and_then(Json::as_str).unwrap_or_default();
    let number = |name: &str| {
        let parameters = object.get("connect.parameters");
        let direct = object.get(name).and_then(Json::as_u64);
        let named = || parameters?.get(name)?.as_str()?.parse().ok();
        direct.or_else(named).and_then(|n| u8::try_from(n).ok())
    };
    let connect = text("connect.name").strip_prefix("org.apache.kafka.connect.data.");
    match (base, text("logicalType"), connect) {
        ("int", "date", _) | ("int", _, Some("Date")) => Logical::Date,
        ("int", "time-millis", _) | ("int", _, Some("Time")) => Logical::Time,
        ("long", "timestamp-millis", _) | ("long", _, Some("Timestamp")) => Logical::Timestamp,
        ("bytes", "decimal", _) | ("bytes", _, Some("Decimal")) => Logical::Decimal {
            precision: number("precision").unwrap_or(64),
            scale: number("scale").unwrap_or(0),
        },
        _ => Logical::None,
    }
}

fn same_branch(a: &Avro, b: &Avro) -> bool {
    match (a, b) {
        (Avro::Named(a), Avro::Named(b)) => a == b,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

impl Schema {
    /// The type that `Named` stands for.
    pub(crate) fn named(&self, at: usize) -> &Named {
        &self.named[at]
    }

    /// The name of a union's branch: what Connect calls the field it is put into.
    pub(crate) fn branch_name(&self, ty: &Avro) -> String {
        match ty {
            Avro::Named(at) => {
                let full = &self.named[*at].full_name;
                full.rsplit_once('.').map_or(full.as_str(), |(_, short)| short).to_string()
            }
            other => other.primitive_name().to_string(),
        }
    }
}

impl Avro {
    /// `int`, `array` and so on.
    pub(crate) fn primitive_name(&self) -> &'static str {
        match self {
            Avro::Null => "null",
            Avro::Boolean => "boolean",
            Avro::Int(_) => "int",
            Avro::Long(_) => "long",
            Avro::Float => "float",
            Avro::Double => "double",
            Avro::Bytes(_) => "bytes",
            Avro::String => "string",
            Avro::Array(_) => "array",
            Avro::Map(_) => "map",
            Avro::Union(_) => "union",
            Avro::Named(_) => "record",
        }
    }
}
