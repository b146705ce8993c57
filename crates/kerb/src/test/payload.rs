//! Keys and values of cases to bytes and back, by the format of the stream or table over the topic.
//!
//! A case has JSON; what bytes that means is up to the format: text as it stands (DELIMITED), JSON
//! as it stands, Kafka's own serializers, or a registered schema (AVRO, PROTOBUF, JSON_SR), with
//! the latest schema of the topic's subject where there is one.

use bytes::Bytes;
use format::codec::{decoder, encoder, infer, subject};
use format::registry::{SchemaId, SchemaText, SchemaType};
use model::column::value_at;
use model::{Column, Format, FormatKind, SqlType, Value};
use serde_json::Value as Json;
use sql::catalog::Source;

use crate::test::compare::Actual;
use crate::test::instance::Instance;
use crate::test::json::plain_text;

/// The key's or the value's side of a topic.
pub(crate) struct Side<'a> {
    instance: &'a Instance,
    topic: &'a str,
    is_key: bool,
    format: Format,
    columns: Vec<(String, SqlType)>,
}

impl<'a> Side<'a> {
    /// A side of a topic with this stream or table over it.
    pub(crate) fn of_source(
        instance: &'a Instance,
        topic: &'a str,
        source: &Source,
        is_key: bool,
    ) -> Self {
        let columns = |columns: Vec<&Column>| {
            columns.into_iter().map(|c| (c.name.clone(), c.ty.clone())).collect()
        };
        let (format, columns) = match is_key {
            true => (&source.key_format, columns(source.schema.key().collect())),
            false => (&source.value_format, columns(source.schema.value().collect())),
        };
        Self { instance, topic, is_key, format: format.clone(), columns }
    }

    /// A side of a topic that no stream or table is over.
    pub(crate) fn undeclared(instance: &'a Instance, topic: &'a str, is_key: bool) -> Self {
        let format = Format::new(if is_key { FormatKind::Kafka } else { FormatKind::Json });
        let columns = match is_key {
            true => vec![("ROWKEY".to_owned(), SqlType::String)],
            false => Vec::new(),
        };
        Self { instance, topic, is_key, format, columns }
    }

    fn error(&self, what: impl std::fmt::Display) -> String {
        let side = if self.is_key { "key" } else { "value" };
        format!("{side} of '{}' as {}: {what}", self.topic, self.format.kind)
    }

    /// The bytes of a key or value.
    pub(crate) fn encode(&self, json: &Json) -> Result<Option<Bytes>, String> {
        if json.is_null() {
            return Ok(None);
        }
        let text = |text: String| Ok(Some(Bytes::from(text)));
        match self.format.kind {
            FormatKind::None => Ok(None),
            FormatKind::Delimited => text(plain_text(json)),
            FormatKind::Json => text(json.to_string()),
            FormatKind::Kafka => match &self.columns[..] {
                [] | [(_, SqlType::String | SqlType::Bytes)] => text(plain_text(json)),
                [(_, ty)] => Ok(Some(kafka_number(ty, json).map_err(|e| self.error(e))?)),
                _ => Err(self.error("several columns")),
            },
            _ => self.encode_connect(json).map_err(|error| self.error(error)),
        }
    }

    /// Through columns: those of the registered schema, or those declared.
    fn encode_connect(&self, json: &Json) -> Result<Option<Bytes>, String> {
        let registry = &self.instance.registry;
        let latest = registry.latest(&subject(self.topic, self.is_key)).ok();
        let id = self.format.schema_id.or(latest.map(|schema| schema.id.0));
        // A schema that cannot be understood is none of the columns' business.
        let written = id.and_then(|id| self.written_with(id));
        let (format, columns) = written.unwrap_or((self.format.clone(), self.columns.clone()));
        let reader = Format {
            wrap_single: Some(!is_unwrapped(&format, &columns, self.is_key)),
            ..Format::new(FormatKind::Json)
        };
        let decoder = decoder(&reader, &columns, self.is_key, self.topic, registry)
            .map_err(|error| error.to_string())?;
        let fitted = match is_unwrapped(&format, &columns, self.is_key) {
            true => fitted(json, &columns[0].1),
            false => fitted_fields(json, columns.iter().map(|(name, ty)| (name.as_str(), ty))),
        };
        let payload = Some(Bytes::from(fitted.to_string()));
        let decoded = decoder.decode(&[payload]);
        if let Some(error) = decoded.errors.first() {
            return Err(format!("{}: {}", error.message, error.cause));
        }
        let encoder = encoder(&format, &columns, self.is_key, self.topic, registry)
            .map_err(|error| error.to_string())?;
        let encoded = encoder.encode(&decoded.columns, None, 1);
        match encoded.errors.first() {
            Some(error) => Err(format!("{}: {}", error.message, error.cause)),
            None => Ok(encoded.payloads.into_iter().next().flatten()),
        }
    }

    /// What the bytes say.
    pub(crate) fn decode(&self, bytes: Option<&Bytes>) -> Result<Actual, String> {
        let Some(bytes) = bytes else { return Ok(Actual::Null) };
        let text = || String::from_utf8_lossy(bytes).into_owned();
        match self.format.kind {
            FormatKind::Delimited => Ok(Actual::Text(text())),
            FormatKind::Json => serde_json::from_slice(bytes)
                .map(|json| Actual::of_json(&json))
                .map_err(|error| self.error(format!("{} is no JSON: {error}", text()))),
            FormatKind::Kafka if self.columns.is_empty() => Ok(Actual::Text(text())),
            _ => self.decode_columns(bytes).map_err(|error| self.error(error)),
        }
    }

    fn decode_columns(&self, bytes: &Bytes) -> Result<Actual, String> {
        let registry = &self.instance.registry;
        // What was written counts, not what was declared.
        let id = bytes.get(1..5).map(|id| i32::from_be_bytes([id[0], id[1], id[2], id[3]]));
        let written = id.and_then(|id| self.written_with(id));
        let (format, columns) = written.unwrap_or((self.format.clone(), self.columns.clone()));
        let decoder = decoder(&format, &columns, self.is_key, self.topic, registry)
            .map_err(|error| error.to_string())?;
        let decoded = decoder.decode(&[Some(bytes.clone())]);
        if let Some(error) = decoded.errors.first() {
            return Err(format!("{}: {}", error.message, error.cause));
        }
        let cells = columns.iter().zip(&decoded.columns);
        let mut cells: Vec<_> = cells
            .map(|((name, ty), array)| {
                (name.clone(), actual_of(ty, &value_at(ty, array, 0), format.kind))
            })
            .collect();
        match is_unwrapped(&format, &columns, self.is_key) {
            true => Ok(cells.remove(0).1),
            false => Ok(Actual::Object(cells)),
        }
    }

    /// Format and columns of what was written with a registered schema; `None`: there is none.
    fn written_with(&self, id: i32) -> Option<(Format, Vec<(String, SqlType)>)> {
        if !self.format.kind.uses_registry() {
            return None;
        }
        let registry = &self.instance.registry;
        let text = registry.by_id(SchemaId(id), None).ok()?;
        let wrap_single = Some(is_record(&text));
        let format = Format { schema_id: Some(id), wrap_single, ..self.format.clone() };
        let columns = infer(&format, self.is_key, self.topic, registry).ok()?;
        Some((format, columns))
    }
}

/// Is the only column the whole key or value?
fn is_unwrapped(format: &Format, columns: &[(String, SqlType)], is_key: bool) -> bool {
    let is_able = !matches!(format.kind, FormatKind::Protobuf | FormatKind::ProtobufNosr);
    let is_bare = format.kind == FormatKind::Kafka || !format.wrap_single.unwrap_or(!is_key);
    is_able && columns.len() == 1 && is_bare
}

/// Does a schema stand for a record of fields?
fn is_record(text: &SchemaText) -> bool {
    let json = || serde_json::from_str::<Json>(&text.schema).unwrap_or_default();
    match text.schema_type {
        SchemaType::Protobuf => true,
        SchemaType::Avro => json()["type"] == "record",
        SchemaType::Json => json().get("properties").is_some(),
    }
}

/// The JSON with the names of fields as the type has them: cases write them in any case.
fn fitted(json: &Json, ty: &SqlType) -> Json {
    match (json, ty) {
        (_, SqlType::Struct(fields)) => {
            fitted_fields(json, fields.iter().map(|field| (field.name.as_str(), &field.ty)))
        }
        (Json::Object(entries), SqlType::Map(_, ty)) => {
            Json::Object(entries.iter().map(|(k, v)| (k.clone(), fitted(v, ty))).collect())
        }
        (Json::Array(elements), SqlType::Array(ty)) => {
            Json::Array(elements.iter().map(|element| fitted(element, ty)).collect())
        }
        _ => json.clone(),
    }
}

fn fitted_fields<'a>(
    json: &Json,
    fields: impl Iterator<Item = (&'a str, &'a SqlType)> + Clone,
) -> Json {
    let Json::Object(members) = json else { return json.clone() };
    let fit = |(name, value): (&String, &Json)| {
        let same = fields.clone().find(|(field, _)| field == name);
        let alike = || fields.clone().find(|(field, _)| field.eq_ignore_ascii_case(name));
        match same.or_else(alike) {
            Some((field, ty)) => (field.to_owned(), fitted(value, ty)),
            None => (name.clone(), value.clone()),
        }
    };
    Json::Object(members.iter().map(fit).collect())
}

/// A number as Kafka's serializers write it.
fn kafka_number(ty: &SqlType, json: &Json) -> Result<Bytes, String> {
    let text = plain_text(json);
    let wrong = || format!("{text} is no {ty}");
    let whole = || text.parse::<i64>().map_err(|_| wrong());
    match ty {
        SqlType::Integer => {
            let n = i32::try_from(whole()?).map_err(|_| wrong())?;
            Ok(Bytes::copy_from_slice(&n.to_be_bytes()))
        }
        SqlType::Double => {
            let n = text.parse::<f64>().map_err(|_| wrong())?;
            Ok(Bytes::copy_from_slice(&n.to_bits().to_be_bytes()))
        }
        SqlType::Bigint => Ok(Bytes::copy_from_slice(&whole()?.to_be_bytes())),
        SqlType::Boolean => Ok(Bytes::copy_from_slice(&[u8::from(text == "true")])),
        _ => Err(wrong()),
    }
}

/// A cell as ksqlDB's harness sees it behind the format.
fn actual_of(ty: &SqlType, value: &Value, format: FormatKind) -> Actual {
    match (ty, value) {
        (_, Value::Null) => Actual::Null,
        (_, Value::Boolean(truth)) => Actual::Boolean(*truth),
        (_, Value::Integer(n) | Value::Date(n) | Value::Time(n)) => Actual::Integer(i64::from(*n)),
        (_, Value::Bigint(n) | Value::Timestamp(n)) => Actual::Integer(*n),
        (_, Value::Double(n)) if format == FormatKind::Kafka => {
            Actual::Exact(model::text::double_text(*n))
        }
        (_, Value::Double(n)) => Actual::Double(*n),
        (_, Value::Decimal(n)) => Actual::Exact(n.to_string()),
        (_, Value::String(text)) => Actual::Text(text.clone()),
        (_, Value::Bytes(bytes)) if format == FormatKind::Kafka => {
            Actual::Text(String::from_utf8_lossy(bytes).into_owned())
        }
        (_, Value::Bytes(bytes)) => Actual::Bytes(bytes.to_vec()),
        (SqlType::Array(element), Value::Array(values)) => {
            Actual::Array(values.iter().map(|value| actual_of(element, value, format)).collect())
        }
        (SqlType::Map(key, ty), Value::Map(entries)) => Actual::Object(
            entries
                .iter()
                .map(|(k, v)| (model::text::value_text(key, k), actual_of(ty, v, format)))
                .collect(),
        ),
        (SqlType::Struct(fields), Value::Struct(values)) => Actual::Object(
            fields
                .iter()
                .zip(values)
                .map(|(field, value)| (field.name.clone(), actual_of(&field.ty, value, format)))
                .collect(),
        ),
        (ty, value) => Actual::Text(format!("{value:?} is no {ty}")),
    }
}
