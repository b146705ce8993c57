//! AVRO: records of a registered schema in binary, behind a frame with the schema's id.

mod generate;
mod read;
pub(crate) mod schema;
mod write;

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use model::types::TYPE_SIZE_MAX;
use model::{Field, Format, SqlType};

use self::read::{Plan, Reader, RecordPlan};
use self::schema::{Avro, Logical, NamedKind, Schema};
use crate::codec::{Decoded, Decoder, Encoded, Encoder, is_unwrapped};
use crate::error::CodecError;
use crate::frame::{unframe, write_frame};
use crate::registry::{Registry, SchemaId, SchemaText, SchemaType};
use crate::rows::{Read, Written, decode_rows, encode_rows};
use crate::view::View;
use crate::writers::Writers;

/// The schema that is made of these columns.
pub(crate) fn schema_of(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
) -> Result<SchemaText, CodecError> {
    let name = format.schema_full_name.as_deref();
    let is_unwrapped = is_unwrapped(format, columns, is_key);
    let text = generate::schema_text(columns, name, is_unwrapped)?;
    Ok(SchemaText::new(SchemaType::Avro, text))
}

fn fields_of(columns: &[(String, SqlType)]) -> Vec<Field> {
    columns.iter().map(|(name, ty)| Field::new(name.clone(), ty.clone())).collect()
}

struct AvroDecoder {
    columns: Vec<Field>,
    types: Vec<SqlType>,
    is_unwrapped: bool,
    message: String,
    readers: Writers<SchemaReader>,
}

/// A writer's schema and the plan to read it.
struct SchemaReader {
    schema: Schema,
    plan: RowPlan,
}

enum RowPlan {
    Row(RecordPlan),
    Cell(Plan),
}

pub(crate) fn decoder(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
    registry: &Arc<dyn Registry>,
) -> Box<dyn Decoder> {
    Box::new(AvroDecoder {
        columns: fields_of(columns),
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        is_unwrapped: is_unwrapped(format, columns, is_key),
        message: format!("Error deserializing message from topic: {topic}"),
        readers: Writers::new(SchemaType::Avro, (topic, is_key), registry),
    })
}

impl AvroDecoder {
    fn reader(&self, id: SchemaId) -> Result<Arc<SchemaReader>, String> {
        self.readers.get(id, |resolved| {
            let schema = schema::parse(&resolved.text.schema, &resolved.references)?;
            let plan = match self.is_unwrapped {
                true => RowPlan::Cell(Plan::of_cell(&schema, &self.types[0])?),
                false => RowPlan::Row(Plan::of_row(&schema, &self.columns)?),
            };
            Ok(SchemaReader { schema, plan })
        })
    }
}

impl Decoder for AvroDecoder {
    fn decode_projected(&self, payloads: &[Option<&[u8]>], wanted: Option<&[bool]>) -> Decoded {
        let mut last: Option<(SchemaId, Arc<SchemaReader>)> = None;
        let is_wanted = wanted.is_none_or(|w| w.first().is_none_or(|w| *w));
        decode_rows(&self.types, payloads, wanted, &self.message, |payload, cells| {
            let (id, rest) = unframe(payload)?;
            if last.as_ref().is_none_or(|(last, _)| *last != id) {
                last = Some((id, self.reader(id)?));
            }
            let Some((_, reader)) = &last else { unreachable!("set just above") };
            // Bytes that are a whole payload stand there without their length.
            let mut prefixed = Vec::new();
            let mut values = match (&reader.plan, &reader.schema.root) {
                (RowPlan::Cell(_), Avro::Bytes(_)) => {
                    write::write_bytes(rest, &mut prefixed);
                    Reader::new(&prefixed, &reader.schema)
                }
                _ => Reader::new(rest, &reader.schema),
            };
            match &reader.plan {
                RowPlan::Row(plan) => values.record(plan, cells, wanted)?,
                RowPlan::Cell(plan) if is_wanted => values.value(plan, &mut cells[0])?,
                RowPlan::Cell(_) => {}
            }
            Ok(Read::Row)
        })
    }
}

struct AvroEncoder {
    types: Vec<SqlType>,
    id: SchemaId,
    plan: WritePlan,
    message: String,
}

enum WritePlan {
    Row(write::RecordPlan),
    Cell(write::Plan),
}

pub(crate) fn encoder(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
    id: SchemaId,
    schema: (&str, &[(String, String)]),
) -> Result<Box<dyn Encoder>, CodecError> {
    let schema = schema::parse(schema.0, schema.1).map_err(CodecError::Schema)?;
    let plan = match columns {
        [(_, ty)] if is_unwrapped(format, columns, is_key) => {
            write::Plan::of_cell(&schema, ty).map(WritePlan::Cell)
        }
        columns => write::Plan::of_row(&schema, &fields_of(columns)).map(WritePlan::Row),
    };
    Ok(Box::new(AvroEncoder {
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        id,
        plan: plan.map_err(CodecError::Schema)?,
        message: format!("Error serializing message to topic: {topic}"),
    }))
}

impl Encoder for AvroEncoder {
    fn encode(&self, columns: &[ArrayRef], present: Option<&NullBuffer>, rows: usize) -> Encoded {
        let views = View::all(&self.types, columns);
        encode_rows(present, rows, 16 * views.len(), &self.message, |row, out| {
            match &self.plan {
                WritePlan::Row(plan) => {
                    write_frame(self.id, out);
                    write::write_record(plan, &views, row, out)?;
                }
                WritePlan::Cell(_) if views[0].is_null(row) => return Ok(Written::Null),
                WritePlan::Cell(plan) => {
                    write_frame(self.id, out);
                    write::write_payload(plan, &views[0], row, out)?;
                }
            }
            Ok(Written::Bytes)
        })
    }
}

/// How deep records may nest when columns are taken from a schema.
const DEPTH_MAX: usize = 32;

/// The SQL type a schema stands for.
pub(crate) fn sql_type(schema: &Schema, ty: &Avro, depth: usize) -> Result<SqlType, String> {
    if depth > DEPTH_MAX {
        return Err("a record contains itself".to_string());
    }
    Ok(match ty {
        Avro::Null => return Err("null alone stands for no type".to_string()),
        Avro::Boolean => SqlType::Boolean,
        Avro::Int(Logical::Date) => SqlType::Date,
        Avro::Int(Logical::Time) => SqlType::Time,
        Avro::Int(_) => SqlType::Integer,
        Avro::Long(Logical::Timestamp) => SqlType::Timestamp,
        Avro::Long(_) => SqlType::Bigint,
        Avro::Float | Avro::Double => SqlType::Double,
        Avro::Bytes(Logical::Decimal { precision, scale }) => SqlType::decimal(*precision, *scale),
        Avro::Bytes(_) => SqlType::Bytes,
        Avro::String => SqlType::String,
        Avro::Array(items) => match read::entry(schema, items) {
            Some(at) => {
                let NamedKind::Record { fields, .. } = &schema.named(at).kind else {
                    return Err("a map's entries are no records".to_string());
                };
                let of = |name: &str| {
                    let field = fields.iter().find(|f| f.name == name);
                    let field = field.ok_or_else(|| format!("a map's entries have no {name}"))?;
                    sql_type(schema, &field.ty, depth + 1)
                };
                SqlType::map(of("key")?, of("value")?)
            }
            None => SqlType::array(sql_type(schema, items, depth + 1)?),
        },
        Avro::Map(values) => SqlType::map(SqlType::String, sql_type(schema, values, depth + 1)?),
        Avro::Union(branches) => {
            let others: Vec<_> = branches.iter().filter(|b| !matches!(b, Avro::Null)).collect();
            match others[..] {
                [] => return Err("a union of nothing stands for no type".to_string()),
                [one] => sql_type(schema, one, depth + 1)?,
                _ => {
                    let field = |branch: &&Avro| {
                        let name = schema.branch_name(branch);
                        Ok(Field::new(name, sql_type(schema, branch, depth + 1)?))
                    };
                    SqlType::Struct(others.iter().map(field).collect::<Result<_, String>>()?)
                }
            }
        }
        Avro::Named(at) => match &schema.named(*at).kind {
            NamedKind::Record { fields, .. } => {
                let (mut columns, mut size) = (Vec::new(), 0);
                for field in fields {
                    let ty = sql_type(schema, &field.ty, depth + 1)?;
                    size += ty.size();
                    // Records of two of the one before would double it each time.
                    if size > TYPE_SIZE_MAX {
                        return Err(format!("it has more than {TYPE_SIZE_MAX} fields, spelt out"));
                    }
                    columns.push(Field::new(field.name.clone(), ty));
                }
                SqlType::Struct(columns)
            }
            NamedKind::Enum { .. } => SqlType::String,
            NamedKind::Fixed { logical: Logical::Decimal { precision, scale }, .. } => {
                SqlType::decimal(*precision, *scale)
            }
            NamedKind::Fixed { .. } => SqlType::Bytes,
        },
    })
}
