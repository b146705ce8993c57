//! JSON_SR: JSON of a registered schema behind a frame with the schema's id, as Connect reads and
//! writes it, which is not how plain JSON is read.

mod generate;
mod read;
pub(crate) mod schema;

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use model::{Field, Format, SqlType};

use self::read::{Plan, StructPlan, read_row, read_value};
use self::schema::{JsonType, Schema};
use crate::codec::{Decoded, Decoder, Encoded, Encoder, is_unwrapped};
use crate::error::CodecError;
use crate::frame::{unframe, write_frame};
use crate::json::scan::document;
use crate::json::write::{MapStyle, Names, write_object, write_value};
use crate::registry::{Registry, SchemaId, SchemaText, SchemaType};
use crate::rows::{Read, Written, decode_rows, encode_rows};
use crate::view::View;
use crate::writers::Writers;

/// The schema that is made of these columns.
pub(crate) fn schema_of(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
) -> SchemaText {
    let text = generate::schema_text(columns, is_unwrapped(format, columns, is_key));
    SchemaText::new(SchemaType::Json, text)
}

struct JsonSrDecoder {
    columns: Vec<Field>,
    types: Vec<SqlType>,
    is_unwrapped: bool,
    message: String,
    plans: Writers<RowPlan>,
}

enum RowPlan {
    Row(StructPlan),
    Cell(Plan),
}

pub(crate) fn decoder(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
    registry: &Arc<dyn Registry>,
) -> Box<dyn Decoder> {
    Box::new(JsonSrDecoder {
        columns: columns.iter().map(|(n, ty)| Field::new(n.clone(), ty.clone())).collect(),
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        is_unwrapped: is_unwrapped(format, columns, is_key),
        message: format!("Error deserializing message from topic: {topic}"),
        plans: Writers::new(SchemaType::Json, (topic, is_key), registry),
    })
}

impl JsonSrDecoder {
    fn plan(&self, id: SchemaId) -> Result<Arc<RowPlan>, String> {
        self.plans.get(id, |resolved| {
            let schema = schema::parse(&resolved.text.schema, &resolved.references)?;
            match self.is_unwrapped {
                true => Plan::new(&schema, &self.types[0], "").map(RowPlan::Cell),
                false => StructPlan::of_row(&schema, &self.columns).map(RowPlan::Row),
            }
        })
    }
}

impl Decoder for JsonSrDecoder {
    fn decode_projected(&self, payloads: &[Option<&[u8]>], wanted: Option<&[bool]>) -> Decoded {
        let mut last: Option<(SchemaId, Arc<RowPlan>)> = None;
        let is_wanted = wanted.is_none_or(|w| w.first().is_none_or(|w| *w));
        decode_rows(&self.types, payloads, wanted, &self.message, |payload, cells| {
            let (id, rest) = unframe(payload)?;
            let value = document(rest)?.ok_or("the payload has no value")?;
            if last.as_ref().is_none_or(|(last, _)| *last != id) {
                last = Some((id, self.plan(id)?));
            }
            match last.as_ref().map(|(_, plan)| &**plan) {
                Some(RowPlan::Row(_)) if value == b"null" => {
                    return Err("Invalid null value for required STRUCT field".to_string());
                }
                Some(RowPlan::Row(plan)) => read_row(plan, value, cells, wanted)?,
                Some(RowPlan::Cell(plan)) if is_wanted => {
                    read_value(plan, value, &mut cells[0])?;
                }
                _ => {}
            }
            Ok(Read::Row)
        })
    }
}

struct JsonSrEncoder {
    types: Vec<SqlType>,
    names: Names,
    is_unwrapped: bool,
    id: SchemaId,
    message: String,
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
    let is_unwrapped = is_unwrapped(format, columns, is_key);
    let named = match is_unwrapped {
        true => columns.iter().map(|(n, ty)| (n.clone(), renamed(ty, &schema))).collect(),
        false => renamed_columns(columns, &schema),
    };
    Ok(Box::new(JsonSrEncoder {
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        names: Names::of_columns(&named),
        is_unwrapped,
        id,
        message: format!("Error serializing message to topic: {topic}"),
    }))
}

/// The columns under the names that the schema has for them, in whatever case.
fn renamed_columns(columns: &[(String, SqlType)], schema: &Schema) -> Vec<(String, SqlType)> {
    let JsonType::Struct(members) = &schema.ty else { return columns.to_vec() };
    let rename = |(name, ty): &(String, SqlType)| {
        let exact = members.iter().find(|(n, _)| n == name);
        let any_case = || members.iter().find(|(n, _)| n.to_uppercase() == name.to_uppercase());
        match exact.or_else(any_case) {
            Some((name, member)) => (name.clone(), renamed(ty, member)),
            None => (name.clone(), ty.clone()),
        }
    };
    columns.iter().map(rename).collect()
}

fn renamed(ty: &SqlType, schema: &Schema) -> SqlType {
    match (ty, &schema.ty) {
        (SqlType::Struct(fields), JsonType::Struct(_)) => {
            let columns: Vec<_> = fields.iter().map(|f| (f.name.clone(), f.ty.clone())).collect();
            let fields = renamed_columns(&columns, schema).into_iter();
            SqlType::Struct(fields.map(|(name, ty)| Field::new(name, ty)).collect())
        }
        (SqlType::Array(element), JsonType::Array(items)) => {
            SqlType::array(renamed(element, items))
        }
        (SqlType::Map(key, value), JsonType::EntryMap(_, values) | JsonType::ObjectMap(values)) => {
            SqlType::map(*key.clone(), renamed(value, values))
        }
        _ => ty.clone(),
    }
}

impl Encoder for JsonSrEncoder {
    fn encode(&self, columns: &[ArrayRef], present: Option<&NullBuffer>, rows: usize) -> Encoded {
        let views = View::all(&self.types, columns);
        let style = MapStyle::Entries;
        encode_rows(present, rows, 24 * views.len(), &self.message, |row, out| {
            match &views[..] {
                [view] if self.is_unwrapped && view.is_null(row) => return Ok(Written::Null),
                [view] if self.is_unwrapped => {
                    write_frame(self.id, out);
                    write_value(view, self.names.only(), row, style, out);
                }
                views => {
                    write_frame(self.id, out);
                    write_object(views, &self.names, row, style, out);
                }
            }
            Ok(Written::Bytes)
        })
    }
}
