//! PROTOBUF and PROTOBUF_NOSR: messages of a registered schema behind a frame, or of a schema that
//! both sides make from the columns and nobody registers.

mod files;
mod generate;
mod kind;
mod read;
mod wire;
mod write;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use model::{Field, Format, SqlType};
use parking_lot::Mutex;
use prost_reflect::MessageDescriptor;

pub(crate) use self::files::{Compiled, compile};
pub(crate) use self::generate::schema_text;
pub(crate) use self::kind::fields;
use self::read::{MessagePlan, Slot, WellKnown, push_well_known, read_message};
pub(crate) use self::read::{connect_name, decimal_of};
use self::wire::{Reader, unzigzag};
pub(crate) use self::write::minimal;
use self::write::{MessageCells, write_well_known};
use crate::cells::Cells;
use crate::codec::{Decoded, Decoder, Encoded, Encoder, is_unwrapped};
use crate::error::CodecError;
use crate::frame::{FRAME_BYTES, unframe, write_frame};
use crate::registry::{Registry, SchemaId, SchemaText, SchemaType};
use crate::rows::{Read, Written, decode_rows, encode_rows};
use crate::view::View;
use crate::writers::Writers;

/// Can the format hold these columns? Answers with the schema that is made of them.
pub(crate) fn schema_of(
    format: &Format,
    columns: &[(String, SqlType)],
) -> Result<SchemaText, CodecError> {
    let name = format.schema_full_name.as_deref();
    let text = schema_text(columns, name, format.protobuf_nulls)?;
    Ok(SchemaText::new(SchemaType::Protobuf, text))
}

fn fields_of(columns: &[(String, SqlType)]) -> Vec<Field> {
    columns.iter().map(|(name, ty)| Field::new(name.clone(), ty.clone())).collect()
}

/// The message of a schema that columns are read from or written as: the one of the full name, or
/// the first.
pub(crate) fn message_of(
    compiled: &Compiled,
    full_name: Option<&str>,
) -> Result<MessageDescriptor, String> {
    match full_name {
        None => compiled.file.messages().next().ok_or("the schema has no message".to_string()),
        Some(name) => compiled
            .file
            .parent_pool()
            .get_message_by_name(name)
            .ok_or_else(|| format!("the schema has no message '{name}'")),
    }
}

// ---- with a registered schema

struct ProtobufDecoder {
    columns: Vec<Field>,
    types: Vec<SqlType>,
    message: String,
    schemas: Writers<Compiled>,
    plans: Mutex<HashMap<(SchemaId, Vec<i32>), PlanResult>>,
}

type PlanResult = Result<Arc<MessagePlan>, String>;

pub(crate) fn decoder(
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
    registry: &Arc<dyn Registry>,
) -> Box<dyn Decoder> {
    Box::new(ProtobufDecoder {
        columns: fields_of(columns),
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        message: format!("Error deserializing message from topic: {topic}"),
        schemas: Writers::new(SchemaType::Protobuf, (topic, is_key), registry),
        plans: Mutex::default(),
    })
}

impl ProtobufDecoder {
    fn plan(&self, id: SchemaId, indexes: &[i32]) -> Result<Arc<MessagePlan>, String> {
        let key = (id, indexes.to_vec());
        if let Some(plan) = self.plans.lock().get(&key) {
            return plan.clone();
        }
        let compiled = self
            .schemas
            .get(id, |resolved| compile(&resolved.text.schema, &resolved.references))?;
        let message = message_at(&compiled, indexes)
            .ok_or_else(|| format!("Invalid message indexes: {indexes:?}"))?;
        let plan = MessagePlan::new(&message, &self.columns, "").map(Arc::new);
        self.plans.lock().insert(key, plan.clone());
        plan
    }
}

/// The message at a path of positions: a message of the file, one nested in it, and so on.
fn message_at(compiled: &Compiled, indexes: &[i32]) -> Option<MessageDescriptor> {
    let (first, rest) = indexes.split_first()?;
    let mut message = compiled.file.messages().nth(usize::try_from(*first).ok()?)?;
    for index in rest {
        let child = message.child_messages().nth(usize::try_from(*index).ok()?)?;
        message = child;
    }
    Some(message)
}

/// How deep a message may be nested in others, in a payload's message indexes.
const INDEXES_MAX: u64 = 32;

/// Reads the message indexes before a message: a count and as many numbers; a lone zero is `[0]`.
fn message_indexes(payload: &[u8]) -> Result<(Vec<i32>, &[u8]), String> {
    if let [0, rest @ ..] = payload {
        return Ok((vec![0], rest));
    }
    let mut reader = Reader::new(payload);
    let short = |_| "the payload ends within its message indexes".to_string();
    let count = unzigzag(reader.varint().map_err(short)?);
    let count = u64::try_from(count).ok().filter(|c| *c <= INDEXES_MAX);
    let count = count.ok_or("Invalid message indexes".to_string())?;
    let mut indexes = Vec::new();
    for _ in 0..count {
        indexes.push(unzigzag(reader.varint().map_err(short)?) as i32);
    }
    Ok((indexes, reader.rest()))
}

impl Decoder for ProtobufDecoder {
    fn decode_projected(&self, payloads: &[Option<&[u8]>], wanted: Option<&[bool]>) -> Decoded {
        let mut last: Option<(SchemaId, Vec<i32>, Arc<MessagePlan>)> = None;
        let mut scratch: Vec<Slot> = Vec::new();
        decode_rows(&self.types, payloads, wanted, &self.message, |payload, cells| {
            let (id, rest) = unframe(payload)?;
            scratch.clear();
            // Nearly always the schema of the row before, and its first message.
            if let (Some((last_id, indexes, plan)), [0, message @ ..]) = (&last, rest)
                && *last_id == id
                && indexes[..] == [0]
            {
                read_message(plan, message, cells, wanted, &mut scratch)?;
                return Ok(Read::Row);
            }
            let (indexes, message) = message_indexes(rest)?;
            let plan = self.plan(id, &indexes)?;
            read_message(&plan, message, cells, wanted, &mut scratch)?;
            last = Some((id, indexes, plan));
            Ok(Read::Row)
        })
    }
}

struct ProtobufEncoder {
    types: Vec<SqlType>,
    id: SchemaId,
    /// The position of the message in the schema's file, as it stands behind the frame.
    indexes: Vec<u8>,
    plan: write::MessagePlan,
    message: String,
}

pub(crate) fn encoder(
    format: &Format,
    columns: &[(String, SqlType)],
    topic: &str,
    id: SchemaId,
    schema: (&str, &[(String, String)]),
) -> Result<Box<dyn Encoder>, CodecError> {
    let compiled = compile(schema.0, schema.1).map_err(CodecError::Schema)?;
    let name = format.schema_full_name.as_deref();
    let message = message_of(&compiled, name).map_err(CodecError::Schema)?;
    let position = compiled.file.messages().position(|m| m == message).unwrap_or(0);
    let mut indexes = Vec::new();
    match position {
        0 => indexes.push(0),
        position => {
            wire::write_varint(wire::zigzag(1), &mut indexes);
            wire::write_varint(wire::zigzag(position as i64), &mut indexes);
        }
    }
    let plan = write::MessagePlan::new(&message, &fields_of(columns));
    Ok(Box::new(ProtobufEncoder {
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        id,
        indexes,
        plan: plan.map_err(CodecError::Schema)?,
        message: format!("Error serializing message to topic: {topic}"),
    }))
}

impl Encoder for ProtobufEncoder {
    fn encode(&self, columns: &[ArrayRef], present: Option<&NullBuffer>, rows: usize) -> Encoded {
        let views = View::all(&self.types, columns);
        let mut prefix = Vec::with_capacity(FRAME_BYTES + self.indexes.len());
        write_frame(self.id, &mut prefix);
        prefix.extend_from_slice(&self.indexes);
        let cells = MessageCells::new(&self.plan, &views);
        encode_rows(present, rows, 16 * views.len(), &self.message, |row, out| {
            out.extend_from_slice(&prefix);
            cells.write(row, out)?;
            Ok(Written::Bytes)
        })
    }
}

// ---- without one

/// What a payload of PROTOBUF_NOSR is.
enum Payload<P> {
    /// A message with a field for each column.
    Message(P),
    /// A single STRUCT, not wrapped: its fields are the message's.
    Struct(P),
    /// A single value of a type that is a message itself.
    WellKnown(WellKnown),
    /// A single value that there is no message for.
    Impossible(String),
}

fn payload_of<P>(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    plan: impl FnOnce(&MessageDescriptor, &[Field]) -> Result<P, String>,
) -> (Payload<P>, bool) {
    let unwrapped = is_unwrapped(format, columns, is_key);
    // Columns that no message can have are only refused when a row is written.
    let impossible = |error: CodecError| Payload::Impossible(error.to_string());
    let make = |columns: &[(String, SqlType)]| -> Result<P, CodecError> {
        let text = schema_text(columns, None, format.protobuf_nulls)?;
        let compiled = compile(&text, &[]).map_err(CodecError::Schema)?;
        let message = message_of(&compiled, None).map_err(CodecError::Schema)?;
        plan(&message, &fields_of(columns)).map_err(CodecError::Schema)
    };
    let payload = match columns {
        [(_, ty)] if unwrapped => match ty {
            SqlType::Decimal { .. } => Payload::WellKnown(WellKnown::Decimal),
            SqlType::Date => Payload::WellKnown(WellKnown::Date),
            SqlType::Time => Payload::WellKnown(WellKnown::Time),
            SqlType::Timestamp => Payload::WellKnown(WellKnown::Timestamp),
            SqlType::Struct(fields) => {
                let columns: Vec<_> =
                    fields.iter().map(|f| (f.name.clone(), f.ty.clone())).collect();
                make(&columns).map_or_else(impossible, Payload::Struct)
            }
            SqlType::Array(_) | SqlType::Map(..) => Payload::Impossible(format!(
                "a single {} is not a message; set WRAP_SINGLE_VALUE",
                ty.base_name()
            )),
            _ => make(columns).map_or_else(impossible, Payload::Message),
        },
        _ => make(columns).map_or_else(impossible, Payload::Message),
    };
    (payload, unwrapped)
}

struct NosrDecoder {
    types: Vec<SqlType>,
    payload: Payload<MessagePlan>,
    message: String,
}

pub(crate) fn nosr_decoder(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
) -> Result<Box<dyn Decoder>, CodecError> {
    let plan = |message: &_, columns: &[Field]| MessagePlan::new(message, columns, "");
    let (payload, _) = payload_of(format, columns, is_key, plan);
    Ok(Box::new(NosrDecoder {
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        payload,
        message: format!("Error deserializing message from topic: {topic}"),
    }))
}

impl Decoder for NosrDecoder {
    fn decode_projected(&self, payloads: &[Option<&[u8]>], wanted: Option<&[bool]>) -> Decoded {
        let mut scratch: Vec<Slot> = Vec::new();
        let is_wanted = wanted.is_none_or(|w| w.first().is_none_or(|w| *w));
        decode_rows(&self.types, payloads, wanted, &self.message, |payload, cells| {
            scratch.clear();
            match (&self.payload, cells) {
                (Payload::Message(plan), cells) => {
                    read_message(plan, payload, cells, wanted, &mut scratch)?;
                }
                (_, _) if !is_wanted => {}
                (Payload::Struct(plan), [Cells::Struct(cells)]) => {
                    read_message(plan, payload, &mut cells.fields, None, &mut scratch)?;
                    cells.close();
                }
                (Payload::WellKnown(which), [cells]) => push_well_known(*which, payload, cells)?,
                (Payload::Impossible(reason), _) => return Err(reason.clone()),
                _ => unreachable!("planned for a single column"),
            }
            Ok(Read::Row)
        })
    }
}

struct NosrEncoder {
    types: Vec<SqlType>,
    payload: Payload<write::MessagePlan>,
    unwrapped: bool,
    message: String,
}

pub(crate) fn nosr_encoder(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
) -> Result<Box<dyn Encoder>, CodecError> {
    let (payload, unwrapped) = payload_of(format, columns, is_key, write::MessagePlan::new);
    Ok(Box::new(NosrEncoder {
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        payload,
        unwrapped,
        message: format!("Error serializing message to topic: {topic}"),
    }))
}

impl Encoder for NosrEncoder {
    fn encode(&self, columns: &[ArrayRef], present: Option<&NullBuffer>, rows: usize) -> Encoded {
        let views = View::all(&self.types, columns);
        let cells = match (&self.payload, &views[..]) {
            (Payload::Message(plan), views) => Some(MessageCells::new(plan, views)),
            (Payload::Struct(plan), [View::Struct(_, fields)]) => {
                Some(MessageCells::new(plan, fields))
            }
            _ => None,
        };
        encode_rows(present, rows, 16 * views.len(), &self.message, |row, out| {
            if self.unwrapped && views[0].is_null(row) {
                return Ok(Written::Null);
            }
            match (&self.payload, &cells) {
                (_, Some(cells)) => cells.write(row, out)?,
                (Payload::WellKnown(which), None) => write_well_known(*which, &views[0], row, out),
                (Payload::Impossible(reason), None) => return Err(reason.clone()),
                _ => unreachable!("planned for a single column"),
            }
            Ok(Written::Bytes)
        })
    }
}
