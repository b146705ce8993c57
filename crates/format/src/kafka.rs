//! KAFKA: one column, as Kafka's own serializers write it: big-endian INTEGER, BIGINT and DOUBLE,
//! UTF-8 text, plain bytes. A null cell is a null payload.

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use model::{FormatKind, SqlType};

use crate::cells::Cells;
use crate::codec::{Decoded, Decoder, Encoded, Encoder, listed};
use crate::error::CodecError;
use crate::rows::{Read, Written, decode_rows, encode_rows};
use crate::view::View;

struct KafkaDecoder {
    types: Vec<SqlType>,
    message: String,
}

struct KafkaEncoder {
    types: Vec<SqlType>,
    message: String,
}

pub(crate) fn decoder(
    columns: &[(String, SqlType)],
    topic: &str,
) -> Result<Box<dyn Decoder>, CodecError> {
    check(columns)?;
    let types = columns.iter().map(|(_, ty)| ty.clone()).collect();
    let message = format!("Error deserializing KAFKA message from topic: {topic}");
    Ok(Box::new(KafkaDecoder { types, message }))
}

pub(crate) fn encoder(
    columns: &[(String, SqlType)],
    topic: &str,
) -> Result<Box<dyn Encoder>, CodecError> {
    check(columns)?;
    let types = columns.iter().map(|(_, ty)| ty.clone()).collect();
    let message = format!("Error serializing KAFKA message to topic: {topic}");
    Ok(Box::new(KafkaEncoder { types, message }))
}

/// Can KAFKA hold these columns?
pub(crate) fn check(columns: &[(String, SqlType)]) -> Result<(), CodecError> {
    let format = FormatKind::Kafka;
    match columns {
        [] => Ok(()),
        [(_, ty)] => match ty {
            SqlType::Integer
            | SqlType::Bigint
            | SqlType::Double
            | SqlType::String
            | SqlType::Bytes => Ok(()),
            other => Err(CodecError::UnsupportedType {
                format,
                ty: other.base_name().to_string(),
                hint: String::new(),
            }),
        },
        several => Err(CodecError::NotSingle { format, columns: listed(several) }),
    }
}

impl Decoder for KafkaDecoder {
    fn decode_projected(&self, payloads: &[Option<&[u8]>], wanted: Option<&[bool]>) -> Decoded {
        let is_wanted = wanted.is_none_or(|w| w.iter().all(|w| *w));
        decode_rows(&self.types, payloads, wanted, &self.message, |payload, cells| {
            match cells.first_mut().filter(|_| is_wanted) {
                Some(cells) => read(payload, cells),
                None => Ok(Read::Row),
            }
        })
    }
}

fn read(payload: &[u8], cells: &mut Cells) -> Result<Read, String> {
    let wrong = |name: &str, size: usize| {
        format!("Size of data received by {name}Deserializer is not {size}")
    };
    match cells {
        Cells::Integer(cells) => {
            let bytes = payload.try_into().map_err(|_| wrong("Integer", 4))?;
            cells.push(i32::from_be_bytes(bytes));
        }
        Cells::Bigint(cells) => {
            let bytes = payload.try_into().map_err(|_| wrong("Long", 8))?;
            cells.push(i64::from_be_bytes(bytes));
        }
        Cells::Double(cells) => {
            let bytes = payload.try_into().map_err(|_| wrong("", 8))?;
            cells.push(f64::from_be_bytes(bytes));
        }
        Cells::String(cells) => cells.push_text(payload),
        Cells::Bytes(cells) => cells.push(payload),
        _ => unreachable!("refused by check"),
    }
    Ok(Read::Row)
}

impl Encoder for KafkaEncoder {
    fn encode(&self, columns: &[ArrayRef], present: Option<&NullBuffer>, rows: usize) -> Encoded {
        let views = View::all(&self.types, columns);
        encode_rows(present, rows, 16, &self.message, |row, out| {
            let Some(view) = views.first().filter(|view| !view.is_null(row)) else {
                return Ok(Written::Null);
            };
            match view {
                View::Integer(a) => out.extend_from_slice(&a.value(row).to_be_bytes()),
                View::Bigint(a) => out.extend_from_slice(&a.value(row).to_be_bytes()),
                View::Double(a) => out.extend_from_slice(&a.value(row).to_be_bytes()),
                View::String(a) => out.extend_from_slice(a.value(row).as_bytes()),
                View::Bytes(a) => out.extend_from_slice(a.value(row)),
                _ => unreachable!("refused by check"),
            }
            Ok(Written::Bytes)
        })
    }
}
