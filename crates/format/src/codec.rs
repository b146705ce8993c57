//! The two doors of this crate: a [`Decoder`] reads payloads into columns, an [`Encoder`] writes
//! columns as payloads; both are made for the columns of one key or one value.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use bytes::Bytes;
use model::{Format, FormatKind, SqlType};

use crate::error::CodecError;
use crate::registry::{RegisteredSchema, Registry, ResolvedSchema, SchemaId, SchemaText};
use crate::{avro, delimited, json, json_sr, kafka, none, protobuf};

/// What became of a batch of payloads.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// A column for each the decoder was made for, each with a row for every payload.
    pub columns: Vec<ArrayRef>,
    /// `false` where the payload was null (a tombstone); `None`: none was. The cells of a null
    /// payload, and of one that failed, are null.
    pub present: Option<NullBuffer>,
    /// The rows that could not be read, in order.
    pub errors: Vec<RowError>,
}

/// What became of a batch of rows.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// A payload for each row; `None` for a null row, and for one that failed.
    pub payloads: Vec<Option<Bytes>>,
    /// The rows that could not be written, in order.
    pub errors: Vec<RowError>,
}

/// A row that could not be read or written: an entry for the processing log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// Which row of the batch.
    pub row: usize,
    /// What failed, with the topic's name.
    pub message: String,
    /// Why.
    pub cause: String,
}

/// Reads payloads of one format into columns.
pub trait Decoder: Send + Sync {
    /// Reads all columns.
    fn decode(&self, payloads: &[Option<Bytes>]) -> Decoded {
        let payloads: Vec<Option<&[u8]>> = payloads.iter().map(Option::as_deref).collect();
        self.decode_projected(&payloads, None)
    }

    /// Reads the columns marked in `wanted` (`None`: all); the others are nulls throughout, and
    /// what is wrong with them alone may go unnoticed.
    fn decode_projected(&self, payloads: &[Option<&[u8]>], wanted: Option<&[bool]>) -> Decoded;
}

/// Writes columns as payloads of one format.
pub trait Encoder: Send + Sync {
    /// Writes `rows` rows; those that are not `present` become null payloads.
    fn encode(&self, columns: &[ArrayRef], present: Option<&NullBuffer>, rows: usize) -> Encoded;
}

/// A decoder for these columns of a topic's keys (`is_key`) or values.
///
/// Without columns nothing is read, whatever the format.
pub fn decoder(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
    registry: &Arc<dyn Registry>,
) -> Result<Box<dyn Decoder>, CodecError> {
    if columns.is_empty() {
        return none::decoder(columns);
    }
    match format.kind {
        FormatKind::Delimited => delimited::decoder(format, columns, topic),
        FormatKind::Kafka => kafka::decoder(columns, topic),
        FormatKind::None => none::decoder(columns),
        FormatKind::Avro => Ok(avro::decoder(format, columns, is_key, topic, registry)),
        FormatKind::Json => json::decoder(format, columns, is_key, topic),
        FormatKind::JsonSr => Ok(json_sr::decoder(format, columns, is_key, topic, registry)),
        FormatKind::Protobuf => Ok(protobuf::decoder(columns, is_key, topic, registry)),
        FormatKind::ProtobufNosr => protobuf::nosr_decoder(format, columns, is_key, topic),
    }
}

/// An encoder for these columns of a topic's keys (`is_key`) or values. The schema, where the
/// format has one, is registered under `<topic>-key` or `<topic>-value`.
///
/// A key without columns is always null.
pub fn encoder(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
    registry: &Arc<dyn Registry>,
) -> Result<Box<dyn Encoder>, CodecError> {
    if columns.is_empty() && is_key {
        return none::encoder(columns);
    }
    match format.kind {
        FormatKind::Delimited => delimited::encoder(format, columns),
        FormatKind::Kafka => kafka::encoder(columns, topic),
        FormatKind::None => none::encoder(columns),
        FormatKind::Avro => {
            let (id, schema) = registration(format, columns, is_key, topic, registry)?;
            let texts = (schema.text.schema.as_str(), &schema.references[..]);
            avro::encoder(format, columns, is_key, topic, id, texts)
        }
        FormatKind::Json => json::encoder(format, columns, is_key, topic),
        FormatKind::JsonSr => {
            let (id, schema) = registration(format, columns, is_key, topic, registry)?;
            let texts = (schema.text.schema.as_str(), &schema.references[..]);
            json_sr::encoder(format, columns, is_key, topic, id, texts)
        }
        FormatKind::Protobuf => {
            let (id, schema) = registration(format, columns, is_key, topic, registry)?;
            let texts = (schema.text.schema.as_str(), &schema.references[..]);
            protobuf::encoder(format, columns, topic, id, texts)
        }
        FormatKind::ProtobufNosr => protobuf::nosr_encoder(format, columns, is_key, topic),
    }
}

/// Refuses maps whose keys are no texts, in the name of a format.
pub(crate) fn check_map_keys(
    format: &'static str,
    columns: &[(String, SqlType)],
) -> Result<(), CodecError> {
    fn has_other_keys(ty: &SqlType) -> bool {
        match ty {
            SqlType::Array(element) => has_other_keys(element),
            SqlType::Map(key, value) => **key != SqlType::String || has_other_keys(value),
            SqlType::Struct(fields) => fields.iter().any(|f| has_other_keys(&f.ty)),
            _ => false,
        }
    }
    match columns.iter().any(|(_, ty)| has_other_keys(ty)) {
        true => Err(CodecError::MapKeys(format)),
        false => Ok(()),
    }
}

/// Columns as messages list them: `` `A` INTEGER, `B` STRING ``.
pub(crate) fn listed(columns: &[(String, SqlType)]) -> String {
    let column = |(name, ty): &(String, SqlType)| format!("`{name}` {ty}");
    columns.iter().map(column).collect::<Vec<_>>().join(", ")
}

/// Registers the schema of these columns, as a CREATE statement with columns does: only where the
/// topic has none yet. `None` for formats that register none, and where there is one.
pub fn register_if_absent(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
    registry: &Arc<dyn Registry>,
) -> Result<Option<RegisteredSchema>, CodecError> {
    let subject = subject(topic, is_key);
    if columns.is_empty() || format.schema_id.is_some() || registry.latest(&subject).is_ok() {
        return Ok(None);
    }
    match schema_of(format, columns, is_key)? {
        Some(text) => Ok(Some(registry.register(&subject, text.into())?)),
        None => Ok(None),
    }
}

/// The columns that a registered schema stands for: the one of the format's `schema_id`, or the
/// latest under the topic's subject.
pub fn infer(
    format: &Format,
    is_key: bool,
    topic: &str,
    registry: &Arc<dyn Registry>,
) -> Result<Vec<(String, SqlType)>, CodecError> {
    let subject = subject(topic, is_key);
    let (id, text) = match format.schema_id {
        Some(id) => (SchemaId(id), registry.by_id(SchemaId(id), None)?),
        None => {
            let latest = registry.latest(&subject)?;
            (latest.id, latest.text)
        }
    };
    let resolved = registry.resolve(&text)?;
    crate::infer::columns_of(format, is_key, &resolved).map_err(|reason| CodecError::Registered {
        id: id.0,
        subject,
        reason,
    })
}

/// The schema that is made of these columns; `None` for formats that register none.
pub fn schema_of(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
) -> Result<Option<SchemaText>, CodecError> {
    let named = format.schema_full_name.as_deref();
    if format.kind.uses_registry() && named.is_some_and(|name| name.trim().is_empty()) {
        return Err(CodecError::Schema("fullSchemaName cannot be empty".to_string()));
    }
    match format.kind {
        FormatKind::Avro => {
            check_map_keys("Avro", columns)?;
            avro::schema_of(format, columns, is_key).map(Some)
        }
        FormatKind::JsonSr => {
            check_map_keys("JSON", columns)?;
            Ok(Some(json_sr::schema_of(format, columns, is_key)))
        }
        FormatKind::Protobuf => {
            check_map_keys("PROTOBUF format", columns)?;
            protobuf::schema_of(format, columns).map(Some)
        }
        FormatKind::Delimited
        | FormatKind::Json
        | FormatKind::ProtobufNosr
        | FormatKind::Kafka
        | FormatKind::None => Ok(None),
    }
}

/// The id and text of the schema that rows are written with: the one of the format's `schema_id`,
/// or the one of the columns, registered if it is not yet.
fn registration(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
    registry: &Arc<dyn Registry>,
) -> Result<(SchemaId, ResolvedSchema), CodecError> {
    if let Some(id) = format.schema_id {
        let text = registry.by_id(SchemaId(id), None)?;
        return Ok((SchemaId(id), registry.resolve(&text)?));
    }
    let text = schema_of(format, columns, is_key)?;
    let text = text.ok_or_else(|| {
        CodecError::Schema(format!("the '{}' format registers no schema", format.kind))
    })?;
    let registered = registry.register(&subject(topic, is_key), text.into())?;
    let resolved = registry.resolve(&registered.text)?;
    Ok((registered.id, resolved))
}

/// Is the only column written as it is, without a record around it? Keys are by default, values by
/// `WRAP_SINGLE_VALUE=FALSE`.
pub(crate) fn is_unwrapped(format: &Format, columns: &[(String, SqlType)], is_key: bool) -> bool {
    let is_able = !matches!(format.kind, FormatKind::Protobuf | FormatKind::Delimited);
    is_able && columns.len() == 1 && !format.wrap_single.unwrap_or(!is_key)
}

/// The subject a topic's schema is registered under.
pub fn subject(topic: &str, is_key: bool) -> String {
    format!("{topic}-{}", if is_key { "key" } else { "value" })
}
