//! JSON without a registered schema: a row is an object with a member for each column, names in any
//! case; a single column may stand without an object around it.

pub(crate) mod read;
pub(crate) mod scan;
pub(crate) mod write;

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use model::{Format, SqlType};

use self::read::{Names, node_name, read_row, read_value};
use self::write::{MapStyle, write_object, write_value};
use crate::codec::{Decoded, Decoder, Encoded, Encoder, check_map_keys, is_unwrapped};
use crate::error::CodecError;
use crate::rows::{Read, Written, decode_rows, encode_rows};
use crate::view::View;

struct JsonDecoder {
    types: Vec<SqlType>,
    names: Names,
    is_unwrapped: bool,
    message: String,
}

struct JsonEncoder {
    types: Vec<SqlType>,
    names: write::Names,
    is_unwrapped: bool,
    message: String,
}

pub(crate) fn decoder(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
) -> Result<Box<dyn Decoder>, CodecError> {
    check_map_keys("JSON", columns)?;
    Ok(Box::new(JsonDecoder {
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        names: Names::new(columns.iter().map(|(name, _)| name.clone())),
        is_unwrapped: is_unwrapped(format, columns, is_key),
        message: format!("Error deserializing JSON message from topic: {topic}"),
    }))
}

pub(crate) fn encoder(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
) -> Result<Box<dyn Encoder>, CodecError> {
    check_map_keys("JSON", columns)?;
    Ok(Box::new(JsonEncoder {
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        names: write::Names::of_columns(columns),
        is_unwrapped: is_unwrapped(format, columns, is_key),
        message: format!("Error serializing JSON message to topic: {topic}"),
    }))
}

impl Decoder for JsonDecoder {
    fn decode_projected(&self, payloads: &[Option<&[u8]>], wanted: Option<&[bool]>) -> Decoded {
        let mut found = Vec::new();
        let is_wanted = wanted.is_none_or(|w| w.iter().all(|w| *w));
        decode_rows(&self.types, payloads, wanted, &self.message, |payload, cells| {
            if !self.is_unwrapped
                && let Some(object) = object(payload)?
            {
                read_row(&self.names, object, cells, wanted, &mut found)?;
                return Ok(Read::Row);
            }
            let value = scan::document(payload)?.unwrap_or_default();
            match &mut *cells {
                [cells] if self.is_unwrapped && !value.is_empty() => {
                    if is_wanted {
                        read_value(value, cells)?;
                    }
                    Ok(Read::Row)
                }
                [cells] if self.is_unwrapped => Err(read::cannot_convert(value, cells)),
                _ => Err(format!(
                    "Can't convert type. sourceType: {}, requiredType: STRUCT",
                    node_name(value)
                )),
            }
        })
    }
}

/// The payload from its opening brace on, if it begins with one. What follows must still be
/// checked.
fn object(payload: &[u8]) -> Result<Option<&[u8]>, String> {
    let start = payload.iter().position(|b| !matches!(b, b' ' | b'\n' | b'\r' | b'\t'));
    let Some(start) = start.filter(|start| payload[*start] == b'{') else { return Ok(None) };
    if !payload.is_ascii()
        && let Err(error) = std::str::from_utf8(payload)
    {
        return Err(format!("Invalid UTF-8 start byte 0x{:x}", payload[error.valid_up_to()]));
    }
    Ok(Some(&payload[start..]))
}

impl Encoder for JsonEncoder {
    fn encode(&self, columns: &[ArrayRef], present: Option<&NullBuffer>, rows: usize) -> Encoded {
        let views = View::all(&self.types, columns);
        let style = MapStyle::Object;
        encode_rows(present, rows, 24 * views.len(), &self.message, |row, out| {
            match &views[..] {
                [view] if self.is_unwrapped => {
                    if view.is_null(row) {
                        return Ok(Written::Null);
                    }
                    write_value(view, self.names.only(), row, style, out);
                }
                views => write_object(views, &self.names, row, style, out),
            }
            Ok(Written::Bytes)
        })
    }
}
