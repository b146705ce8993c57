//! Keys and values of cases to bytes and back, by the format of the stream or table over the topic.
//!
//! A case has JSON; what bytes that means is up to the format: text as it stands (DELIMITED), JSON as
//! it stands, Kafka's own serializers, or a registered schema (AVRO, PROTOBUF, JSON_SR), with the
//! latest schema of the topic's subject where there is one.

use bytes::Bytes;
use format::codec::{decoder, encoder, infer, subject};
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
        let mut format = self.format.clone();
        let mut columns = self.columns.clone();
        if format.kind.uses_registry() {
            let latest = registry.latest(&subject(self.topic, self.is_key)).ok();
            let id = format.schema_id.or(latest.map(|schema| schema.id.0));
            if let Some(id) = id {
                let registered = Format { schema_id: Some(id), ..format.clone() };
                // A schema that cannot be understood is none of the columns' business.
                if let Ok(found) = infer(&registered, self.is_key, self.topic, registry) {
                    columns = found;
                    format = registered;
                }
            }
        }
        let is_wrapped = json.is_object()
            && !matches!(&columns[..], [(name, SqlType::Struct(_) | SqlType::Map(..))]
            if !names_of(json).any(|n| n.eq_ignore_ascii_case(name)));
        let reader = Format {
            wrap_single: Some(is_wrapped || columns.len() != 1),
            ..Format::new(FormatKind::Json)
        };
        let decoder = decoder(&reader, &columns, self.is_key, self.topic, registry)
            .map_err(|error| error.to_string())?;
        let payload = Some(Bytes::from(json.to_string()));
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
        let mut format = self.format.clone();
        let mut columns = self.columns.clone();
        let mut is_inferred = false;
        if format.kind.uses_registry()
            && let Some(id) = bytes.get(1..5)
        {
            // What was written counts, not what was declared.
            let id = i32::from_be_bytes([id[0], id[1], id[2], id[3]]);
            let written = Format { schema_id: Some(id), ..format.clone() };
            if let Ok(found) = infer(&written, self.is_key, self.topic, registry) {
                is_inferred = true;
                columns = found;
                format = written;
            }
        }
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
        let is_bare = match is_inferred {
            true => {
                matches!(&cells[..], [(name, _)] if name == "ROWKEY" || name == "ROWVAL")
                    && self.is_unwrapped()
            }
            false => self.is_unwrapped(),
        };
        match is_bare && cells.len() == 1 {
            true => Ok(cells.remove(0).1),
            false => Ok(Actual::Object(cells)),
        }
    }

    /// Is the only column the whole key or value?
    fn is_unwrapped(&self) -> bool {
        let is_able = !matches!(self.format.kind, FormatKind::Protobuf | FormatKind::ProtobufNosr);
        is_able
            && self.columns.len() == 1
            && (self.format.kind == FormatKind::Kafka
                || !self.format.wrap_single.unwrap_or(!self.is_key))
    }
}

fn names_of(json: &Json) -> impl Iterator<Item = &str> {
    json.as_object().into_iter().flat_map(|object| object.keys().map(String::as_str))
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
