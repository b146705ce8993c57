//! Rows as bytes that sort like the rows: keys and values of stores, and of their changelogs.
//!
//! A row is its cells one after the other; nothing says the types, which come from the plan.
//!
//! ```text
//! cell      = 00                                  null
//!           | 01 payload
//! payload   = BOOLEAN    1 byte, 00 or 01
//!           | INTEGER, DATE, TIME      4 bytes, big endian, sign bit flipped
//!           | BIGINT, TIMESTAMP        8 bytes, likewise
//!           | DOUBLE     8 bytes, big endian, sign bit flipped if positive, all bits if negative
//!           | DECIMAL    16 bytes (up to 38 digits) or 32, the unscaled number, like an INTEGER
//!           | STRING, BYTES            the bytes with 00 written as 00 FF, then 00 01
//!           | ARRAY      (01 cell)* 00
//!           | MAP        (01 key-cell value-cell)* 00
//!           | STRUCT     its cells
//! ```
//!
//! This layout is persisted in changelog topics: to change it is to change
//! [`super::changelog::LAYOUT_VERSION`].

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int32Type, Int64Type,
    Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{NullBuffer, OffsetBuffer, i256};
use bytes::Bytes;
use model::types::DECIMAL_PRECISION_MAX;
use model::{ColumnBuilder, Decimal, SqlType, Value};

const NULL: u8 = 0;
const SOME: u8 = 1;
const END: u8 = 0;
const ESCAPE: u8 = 0;
const ESCAPED_ZERO: u8 = 0xff;
const TERMINATOR: u8 = 1;

/// Writes rows of some columns; made once for a batch.
pub struct RowWriter<'a> {
    cells: Vec<CellWriter<'a>>,
}

impl<'a> RowWriter<'a> {
    /// A writer for these columns, of these types.
    pub fn new(types: impl IntoIterator<Item = &'a SqlType>, columns: &'a [ArrayRef]) -> Self {
        let cells = types.into_iter().zip(columns);
        Self { cells: cells.map(|(ty, c)| CellWriter::new(ty, c.as_ref())).collect() }
    }

    /// Appends a row's bytes.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        self.cells.iter().for_each(|cell| cell.write(row, out));
    }

    /// A row's bytes.
    pub fn row(&self, row: usize) -> Box<[u8]> {
        let mut out = Vec::with_capacity(16 * self.cells.len());
        self.write(row, &mut out);
        out.into_boxed_slice()
    }
}

struct CellWriter<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Boolean(&'a arrow_array::BooleanArray),
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
    Double(&'a [f64]),
    Decimal128(&'a [i128]),
    Decimal256(&'a [i256]),
    Text(&'a OffsetBuffer<i32>, &'a [u8]),
    Array(&'a OffsetBuffer<i32>, Box<CellWriter<'a>>),
    Map(&'a OffsetBuffer<i32>, Box<CellWriter<'a>>, Box<CellWriter<'a>>),
    Struct(Vec<CellWriter<'a>>),
}

impl<'a> CellWriter<'a> {
    fn new(ty: &SqlType, array: &'a dyn Array) -> Self {
        let values = match ty {
            SqlType::Boolean => Values::Boolean(array.as_boolean()),
            SqlType::Integer => Values::Narrow(array.as_primitive::<Int32Type>().values()),
            SqlType::Date => Values::Narrow(array.as_primitive::<Date32Type>().values()),
            SqlType::Time => Values::Narrow(array.as_primitive::<Time32MillisecondType>().values()),
            SqlType::Bigint => Values::Wide(array.as_primitive::<Int64Type>().values()),
            SqlType::Timestamp => {
                Values::Wide(array.as_primitive::<TimestampMillisecondType>().values())
            }
            SqlType::Double => Values::Double(array.as_primitive::<Float64Type>().values()),
            SqlType::Decimal { .. } => match array.as_primitive_opt::<Decimal128Type>() {
                Some(narrow) => Values::Decimal128(narrow.values()),
                None => Values::Decimal256(array.as_primitive::<Decimal256Type>().values()),
            },
            SqlType::String => {
                let text = array.as_string::<i32>();
                Values::Text(text.offsets(), text.values())
            }
            SqlType::Bytes => {
                let bytes = array.as_binary::<i32>();
                Values::Text(bytes.offsets(), bytes.values())
            }
            SqlType::Array(element) => {
                let list = array.as_list::<i32>();
                let items = CellWriter::new(element, list.values().as_ref());
                Values::Array(list.offsets(), Box::new(items))
            }
            SqlType::Map(key, value) => {
                let map = array.as_map();
                let keys = CellWriter::new(key, map.keys().as_ref());
                let values = CellWriter::new(value, map.values().as_ref());
                Values::Map(map.offsets(), Box::new(keys), Box::new(values))
            }
            SqlType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let cells = fields.iter().zip(columns);
                Values::Struct(cells.map(|(f, c)| CellWriter::new(&f.ty, c.as_ref())).collect())
            }
        };
        Self { nulls: array.nulls(), values }
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.nulls.is_some_and(|n| n.is_null(row)) {
            out.push(NULL);
            return;
        }
        out.push(SOME);
        match &self.values {
            Values::Boolean(array) => out.push(u8::from(array.value(row))),
            Values::Narrow(values) => write_narrow(values[row], out),
            Values::Wide(values) => write_wide(values[row], out),
            Values::Double(values) => {
                let bits = values[row].to_bits() as i64;
                let ordered = (bits ^ ((bits >> 63) as u64 >> 1) as i64) as u64;
                out.extend_from_slice(&(ordered ^ (1 << 63)).to_be_bytes());
            }
            Values::Decimal128(values) => {
                let flipped = values[row] as u128 ^ (1 << 127);
                out.extend_from_slice(&flipped.to_be_bytes());
            }
            Values::Decimal256(values) => {
                let mut bytes = values[row].to_be_bytes();
                bytes[0] ^= 0x80;
                out.extend_from_slice(&bytes);
            }
            Values::Text(offsets, bytes) => {
                let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
                write_text(&bytes[start..end], out);
            }
            Values::Array(offsets, items) => {
                for item in offsets[row] as usize..offsets[row + 1] as usize {
                    out.push(SOME);
                    items.write(item, out);
                }
                out.push(END);
            }
            Values::Map(offsets, keys, values) => {
                for entry in offsets[row] as usize..offsets[row + 1] as usize {
                    out.push(SOME);
                    keys.write(entry, out);
                    values.write(entry, out);
                }
                out.push(END);
            }
            Values::Struct(cells) => cells.iter().for_each(|cell| cell.write(row, out)),
        }
    }
}

fn write_narrow(value: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(&(value as u32 ^ (1 << 31)).to_be_bytes());
}

/// Appends a number so that it sorts as one.
pub fn write_wide(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&(value as u64 ^ (1 << 63)).to_be_bytes());
}

/// Reads what [`write_wide`] wrote.
pub fn read_wide(bytes: &mut &[u8]) -> Result<i64, DecodeError> {
    Ok((u64::from_be_bytes(split(bytes)?) ^ (1 << 63)) as i64)
}

fn write_text(mut bytes: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(ESCAPE, bytes) {
        out.extend_from_slice(&bytes[..=at]);
        out.push(ESCAPED_ZERO);
        bytes = &bytes[at + 1..];
    }
    out.extend_from_slice(bytes);
    out.extend_from_slice(&[ESCAPE, TERMINATOR]);
}

/// Appends one value as a cell. Panics if it is not of the type, like a column builder.
pub fn write_value(ty: &SqlType, value: &Value, out: &mut Vec<u8>) {
    if value.is_null() {
        out.push(NULL);
        return;
    }
    out.push(SOME);
    match (ty, value) {
        (SqlType::Boolean, Value::Boolean(truth)) => out.push(u8::from(*truth)),
        (SqlType::Integer, Value::Integer(n))
        | (SqlType::Date, Value::Date(n))
        | (SqlType::Time, Value::Time(n)) => write_narrow(*n, out),
        (SqlType::Bigint, Value::Bigint(n)) | (SqlType::Timestamp, Value::Timestamp(n)) => {
            write_wide(*n, out);
        }
        (SqlType::String, Value::String(text)) => write_text(text.as_bytes(), out),
        (SqlType::Bytes, Value::Bytes(bytes)) => write_text(bytes, out),
        (SqlType::Array(element), Value::Array(items)) => {
            for item in items {
                out.push(SOME);
                write_value(element, item, out);
            }
            out.push(END);
        }
        (SqlType::Map(key_type, value_type), Value::Map(entries)) => {
            for (key, value) in entries {
                out.push(SOME);
                write_value(key_type, key, out);
                write_value(value_type, value, out);
            }
            out.push(END);
        }
        (SqlType::Struct(fields), Value::Struct(values)) => {
            fields.iter().zip(values).for_each(|(f, v)| write_value(&f.ty, v, out));
        }
        // DOUBLE and DECIMAL: written by way of a column, which rescales.
        _ => {
            out.pop();
            let column = model::column::column_of(ty, [value]);
            CellWriter::new(ty, column.as_ref()).write(0, out);
        }
    }
}

/// The bytes are not a row of these types: they were damaged, or written for other types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored bytes are not a row of the expected columns")]
pub struct DecodeError;

/// Reads a row written by [`RowWriter`] into builders, one for each type.
pub fn read_row<'a>(
    types: impl IntoIterator<Item = &'a SqlType>,
    mut bytes: &[u8],
    builders: &mut [ColumnBuilder],
) -> Result<(), DecodeError> {
    for (ty, builder) in types.into_iter().zip(builders) {
        if *ty == SqlType::String
            && let Some((text, rest)) = plain_text(bytes)
        {
            builder.append_text(std::str::from_utf8(text).map_err(|_| DecodeError)?);
            bytes = rest;
        } else {
            builder.append(&read_value(ty, &mut bytes)?);
        }
    }
    if bytes.is_empty() { Ok(()) } else { Err(DecodeError) }
}

/// Columns of rows, each given by its bytes (`None`: all null).
pub fn read_rows<'a>(
    types: &[SqlType],
    rows: impl ExactSizeIterator<Item = Option<&'a [u8]>>,
) -> Result<Vec<ArrayRef>, DecodeError> {
    let capacity = rows.len();
    let mut builders: Vec<_> = types.iter().map(|ty| ColumnBuilder::new(ty, capacity)).collect();
    for row in rows {
        match row {
            Some(bytes) => read_row(types, bytes, &mut builders)?,
            None => builders.iter_mut().for_each(ColumnBuilder::append_null),
        }
    }
    Ok(builders.into_iter().map(ColumnBuilder::finish).collect())
}

/// The same for rows that may have been written before columns were added: those are null.
pub fn read_rows_padded<'a>(
    types: &[SqlType],
    rows: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<Vec<ArrayRef>, DecodeError> {
    let capacity = rows.len();
    let mut builders: Vec<_> = types.iter().map(|ty| ColumnBuilder::new(ty, capacity)).collect();
    for mut bytes in rows {
        for (ty, builder) in types.iter().zip(&mut builders) {
            match bytes {
                [] => builder.append_null(),
                _ => builder.append(&read_value(ty, &mut bytes)?),
            }
        }
    }
    Ok(builders.into_iter().map(ColumnBuilder::finish).collect())
}

/// Reads one cell.
pub fn read_value(ty: &SqlType, bytes: &mut &[u8]) -> Result<Value, DecodeError> {
    match take(bytes, 1)? {
        [NULL] => return Ok(Value::Null),
        [SOME] => {}
        _ => return Err(DecodeError),
    }
    Ok(match ty {
        SqlType::Boolean => Value::Boolean(take(bytes, 1)? == [1]),
        SqlType::Integer => Value::Integer(read_narrow(bytes)?),
        SqlType::Date => Value::Date(read_narrow(bytes)?),
        SqlType::Time => Value::Time(read_narrow(bytes)?),
        SqlType::Bigint => Value::Bigint(read_wide(bytes)?),
        SqlType::Timestamp => Value::Timestamp(read_wide(bytes)?),
        SqlType::Double => {
            let ordered = (u64::from_be_bytes(split(bytes)?) ^ (1 << 63)) as i64;
            let bits = ordered ^ ((ordered >> 63) as u64 >> 1) as i64;
            Value::Double(f64::from_bits(bits as u64))
        }
        SqlType::Decimal { precision, scale } => {
            let unscaled = if *precision <= DECIMAL_PRECISION_MAX {
                i256::from_i128((u128::from_be_bytes(split(bytes)?) ^ (1 << 127)) as i128)
            } else {
                let mut wide: [u8; 32] = split(bytes)?;
                wide[0] ^= 0x80;
                i256::from_be_bytes(wide)
            };
            Value::Decimal(Decimal { unscaled, scale: *scale })
        }
        SqlType::String => {
            Value::String(String::from_utf8(read_text(bytes)?).map_err(|_| DecodeError)?)
        }
        SqlType::Bytes => Value::Bytes(Bytes::from(read_text(bytes)?)),
        SqlType::Array(element) => {
            let mut items = Vec::new();
            while more(bytes)? {
                items.push(read_value(element, bytes)?);
            }
            Value::Array(items)
        }
        SqlType::Map(key, value) => {
            let mut entries = Vec::new();
            while more(bytes)? {
                entries.push((read_value(key, bytes)?, read_value(value, bytes)?));
            }
            Value::Map(entries)
        }
        SqlType::Struct(fields) => {
            let cells = fields.iter().map(|f| read_value(&f.ty, bytes));
            Value::Struct(cells.collect::<Result<_, _>>()?)
        }
    })
}

fn read_narrow(bytes: &mut &[u8]) -> Result<i32, DecodeError> {
    Ok((u32::from_be_bytes(split(bytes)?) ^ (1 << 31)) as i32)
}

fn read_text(bytes: &mut &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut text = Vec::new();
    loop {
        let at = memchr::memchr(ESCAPE, bytes).ok_or(DecodeError)?;
        text.extend_from_slice(&bytes[..at]);
        let marker = *bytes.get(at + 1).ok_or(DecodeError)?;
        *bytes = &bytes[at + 2..];
        match marker {
            TERMINATOR => return Ok(text),
            ESCAPED_ZERO => text.push(0),
            _ => return Err(DecodeError),
        }
    }
}

/// A cell that is a text without zeros in it, and what is behind.
fn plain_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let bytes = bytes.strip_prefix(&[SOME])?;
    let at = memchr::memchr(ESCAPE, bytes)?;
    (bytes.get(at + 1) == Some(&TERMINATOR)).then(|| (&bytes[..at], &bytes[at + 2..]))
}

fn more(bytes: &mut &[u8]) -> Result<bool, DecodeError> {
    match take(bytes, 1)? {
        [END] => Ok(false),
        [SOME] => Ok(true),
        _ => Err(DecodeError),
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], DecodeError> {
    let (head, tail) = bytes.split_at_checked(count).ok_or(DecodeError)?;
    *bytes = tail;
    Ok(head)
}

fn split<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], DecodeError> {
    let (head, tail) = bytes.split_first_chunk::<N>().ok_or(DecodeError)?;
    *bytes = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Field;

    fn encode(ty: &SqlType, value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        write_value(ty, value, &mut out);
        out
    }

    /// Values of one type in ascending order.
    fn check(ty: SqlType, ascending: Vec<Value>) {
        let encoded: Vec<_> = ascending.iter().map(|v| encode(&ty, v)).collect();
        assert!(encoded.is_sorted(), "{ty}: bytes sort like values");
        for (value, bytes) in ascending.iter().zip(&encoded) {
            let mut rest = &bytes[..];
            assert_eq!(read_value(&ty, &mut rest).as_ref(), Ok(value));
            assert!(rest.is_empty());
            for short in 0..bytes.len() {
                assert_eq!(read_value(&ty, &mut &bytes[..short]), Err(DecodeError), "{ty}");
            }
        }
    }

    #[test]
    fn every_type_round_trips_sorts_and_rejects_short_input() {
        use Value::{Null, String as S};
        let text = |t: &str| S(t.to_owned());
        check(SqlType::Boolean, vec![Null, Value::Boolean(false), Value::Boolean(true)]);
        check(SqlType::Integer, [i32::MIN, -1, 0, 7].map(Value::Integer).into());
        check(SqlType::Bigint, [i64::MIN, -1, 0, i64::MAX].map(Value::Bigint).into());
        check(
            SqlType::Double,
            [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1e9, f64::INFINITY].map(Value::Double).into(),
        );
        let decimal = |n: i128| Value::Decimal(Decimal::new(i256::from_i128(n), 2));
        check(SqlType::decimal(4, 2), vec![Null, decimal(-5), decimal(0), decimal(150)]);
        check(SqlType::decimal(40, 2), vec![decimal(-5), decimal(0), decimal(150)]);
        check(SqlType::String, ["", "\0", "\0a", "a", "a\0", "ab"].map(text).into());
        let list = |n: &[i32]| Value::Array(n.iter().map(|&i| Value::Integer(i)).collect());
        check(SqlType::array(SqlType::Integer), vec![list(&[]), list(&[1]), list(&[1, 2])]);
        let map = Value::Map(vec![(text("k"), list(&[1]))]);
        check(SqlType::map(SqlType::String, SqlType::array(SqlType::Integer)), vec![Null, map]);
        let ty = SqlType::Struct(vec![Field::new("A", SqlType::Date)]);
        check(ty, vec![Value::Struct(vec![Null]), Value::Struct(vec![Value::Date(3)])]);
    }
}
