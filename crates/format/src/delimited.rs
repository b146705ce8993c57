//! DELIMITED: a row is a line of text, columns between delimiters, quoted where need be, by the
//! default rules of Apache Commons CSV. An empty field is a null.

mod split;

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use model::{Format, FormatKind, SqlType};

use self::split::{Splitter, write_field};
use crate::cells::Cells;
use crate::codec::{Decoded, Decoder, Encoded, Encoder};
use crate::error::CodecError;
use crate::rows::{Read, Written, decode_rows, encode_rows};
use crate::text::{
    TIME_MAX, fit_decimal, parse_base64, parse_decimal, parse_f64, parse_i32, parse_i64,
    write_base64, write_decimal, write_f64, write_i64,
};
use crate::view::View;

struct DelimitedDecoder {
    types: Vec<SqlType>,
    delimiter: char,
    topic: String,
}

struct DelimitedEncoder {
    types: Vec<SqlType>,
    delimiter: char,
}

pub(crate) fn decoder(
    format: &Format,
    columns: &[(String, SqlType)],
    topic: &str,
) -> Result<Box<dyn Decoder>, CodecError> {
    check(columns)?;
    Ok(Box::new(DelimitedDecoder {
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        delimiter: format.delimiter.unwrap_or(','),
        topic: topic.to_string(),
    }))
}

pub(crate) fn encoder(
    format: &Format,
    columns: &[(String, SqlType)],
) -> Result<Box<dyn Encoder>, CodecError> {
    check(columns)?;
    Ok(Box::new(DelimitedEncoder {
        types: columns.iter().map(|(_, ty)| ty.clone()).collect(),
        delimiter: format.delimiter.unwrap_or(','),
    }))
}

/// Can DELIMITED hold these columns?
pub(crate) fn check(columns: &[(String, SqlType)]) -> Result<(), CodecError> {
    for (name, ty) in columns {
        if matches!(ty, SqlType::Array(_) | SqlType::Map(..) | SqlType::Struct(_)) {
            return Err(CodecError::UnsupportedType {
                format: FormatKind::Delimited,
                ty: ty.base_name().to_string(),
                hint: format!(", column: `{name}`"),
            });
        }
    }
    Ok(())
}

impl Decoder for DelimitedDecoder {
    fn decode_projected(&self, payloads: &[Option<&[u8]>], wanted: Option<&[bool]>) -> Decoded {
        let mut splitter = Splitter::new(self.delimiter);
        let expected = self.types.len();
        let message = "Error deserializing delimited";
        decode_rows(&self.types, payloads, wanted, message, |payload, cells| {
            splitter.split(payload)?;
            let got = splitter.len();
            if got == 0 {
                return Err("No fields in record".to_string());
            }
            if got != expected {
                return Err(format!(
                    "Column count mismatch on deserialization. topic: {}, expected: {expected}, \
                     got: {got}",
                    self.topic
                ));
            }
            for (i, cells) in cells.iter_mut().enumerate() {
                if wanted.is_none_or(|w| w[i]) {
                    read_cell(splitter.field(payload, i), cells)?;
                }
            }
            Ok(Read::Row)
        })
    }
}

#[inline]
fn read_cell(field: &[u8], cells: &mut Cells) -> Result<(), String> {
    if field.is_empty() {
        cells.push_null();
        return Ok(());
    }
    let no_number = || format!("For input string: \"{}\"", String::from_utf8_lossy(field));
    match cells {
        Cells::Boolean(cells) => cells.push(field.eq_ignore_ascii_case(b"true")),
        Cells::Integer(cells) => cells.push(parse_i32(field).ok_or_else(no_number)?),
        Cells::Bigint(cells) => cells.push(parse_i64(field).ok_or_else(no_number)?),
        Cells::Double(cells) => cells.push(parse_f64(field).ok_or_else(no_number)?),
        Cells::Decimal(cells) => {
            let text = std::str::from_utf8(field).map_err(|e| e.to_string())?;
            let value = parse_decimal(text)
                .ok_or_else(|| format!("{} is not a decimal number", text.escape_debug()))?;
            cells.push(fit_decimal(value, cells.precision, cells.scale)?);
        }
        Cells::String(cells) => cells.push_text(field),
        Cells::Bytes(cells) => {
            parse_base64(field, cells.open())?;
            cells.close();
        }
        Cells::Date(cells) => cells.push(parse_i32(field).ok_or_else(no_number)?),
        Cells::Time(cells) => {
            let ms = parse_i64(field).ok_or_else(no_number)?;
            cells.push(time_of(ms)?);
        }
        Cells::Timestamp(cells) => cells.push(parse_i64(field).ok_or_else(no_number)?),
        Cells::Array(_) | Cells::Map(_) | Cells::Struct(_) => unreachable!("refused by check"),
    }
    Ok(())
}

/// A number of milliseconds as a TIME.
pub(crate) fn time_of(ms: i64) -> Result<i32, String> {
    match (0..=TIME_MAX).contains(&ms) {
        true => Ok(ms as i32),
        false => Err("Time values must use number of milliseconds greater than 0 and less than \
                      86400000."
            .to_string()),
    }
}

impl Encoder for DelimitedEncoder {
    fn encode(&self, columns: &[ArrayRef], present: Option<&NullBuffer>, rows: usize) -> Encoded {
        let views = View::all(&self.types, columns);
        let mut delimiter = [0; 4];
        let delimiter = self.delimiter.encode_utf8(&mut delimiter).as_bytes();
        let mut cell = Vec::new();
        let message = "Error serializing delimited";
        encode_rows(present, rows, 16 * views.len(), message, |row, out| {
            for (i, view) in views.iter().enumerate() {
                if i > 0 {
                    out.extend_from_slice(delimiter);
                }
                if view.is_null(row) {
                    continue;
                }
                cell.clear();
                write_cell(view, row, &mut cell);
                write_field(&cell, i == 0, delimiter, out);
            }
            Ok(Written::Bytes)
        })
    }
}

fn write_cell(view: &View<'_>, row: usize, out: &mut Vec<u8>) {
    match view {
        View::Boolean(a) => out.extend_from_slice(if a.value(row) { b"true" } else { b"false" }),
        View::Integer(a) => write_i64(i64::from(a.value(row)), out),
        View::Bigint(a) => write_i64(a.value(row), out),
        View::Double(a) => write_f64(a.value(row), out),
        View::Decimal(a) => write_decimal(a.value(row), out),
        View::String(a) => out.extend_from_slice(a.value(row).as_bytes()),
        View::Bytes(a) => write_base64(a.value(row), out),
        View::Date(a) => write_i64(i64::from(a.value(row)), out),
        View::Time(a) => write_i64(i64::from(a.value(row)), out),
        View::Timestamp(a) => write_i64(a.value(row), out),
        View::Array(..) | View::Map(..) | View::Struct(..) => unreachable!("refused by check"),
    }
}
