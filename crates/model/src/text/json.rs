//! Rows as JSON text, written cell by cell straight from the columns.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float64Type, Int32Type, Int64Type, Time32MillisecondType, TimestampMillisecondType,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{value_text, write_date, write_double, write_integer, write_time, write_timestamp};
use crate::column::value_at;
use crate::{SqlType, Value};

/// Appends the cell in `row` of a column made for `ty` as JSON, as it stands in the rows of REST
/// answers: dates and times as text, BYTES as base64, DECIMAL as a number with its scale, NaN and
/// the infinities as text, the keys of a MAP as text, every field of a STRUCT in its order.
pub fn write_json(ty: &SqlType, array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    if array.is_null(row) {
        return out.extend_from_slice(b"null");
    }
    match ty {
        SqlType::Boolean => write_bool(array.as_boolean().value(row), out),
        SqlType::Integer => {
            write_integer(i64::from(array.as_primitive::<Int32Type>().value(row)), out);
        }
        SqlType::Bigint => write_integer(array.as_primitive::<Int64Type>().value(row), out),
        SqlType::Double => write_json_double(array.as_primitive::<Float64Type>().value(row), out),
        SqlType::Decimal { .. } => write_json_value(ty, &value_at(ty, array, row), out),
        SqlType::String => write_json_string(array.as_string::<i32>().value(row), out),
        SqlType::Bytes => write_base64(array.as_binary::<i32>().value(row), out),
        SqlType::Date => {
            quoted(out, |out| write_date(array.as_primitive::<Date32Type>().value(row), out));
        }
        SqlType::Time => quoted(out, |out| {
            write_time(array.as_primitive::<Time32MillisecondType>().value(row), out);
        }),
        SqlType::Timestamp => quoted(out, |out| {
            write_timestamp(array.as_primitive::<TimestampMillisecondType>().value(row), out);
        }),
        SqlType::Array(element) => {
            let list = array.as_list::<i32>();
            let offsets = list.value_offsets();
            out.push(b'[');
            for (i, at) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
                comma(i, out);
                write_json(element, list.values(), at, out);
            }
            out.push(b']');
        }
        SqlType::Map(key_type, value_type) => {
            let map = array.as_map();
            let offsets = map.value_offsets();
            out.push(b'{');
            for (i, at) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
                comma(i, out);
                match key_type.as_ref() {
                    SqlType::String => write_json(key_type, map.keys(), at, out),
                    other => {
                        let key = value_text(other, &value_at(other, map.keys(), at));
                        write_json_string(&key, out);
                    }
                }
                out.push(b':');
                write_json(value_type, map.values(), at, out);
            }
            out.push(b'}');
        }
        SqlType::Struct(fields) => {
            let columns = array.as_struct().columns();
            out.push(b'{');
            for (i, (field, column)) in fields.iter().zip(columns).enumerate() {
                comma(i, out);
                write_json_string(&field.name, out);
                out.push(b':');
                write_json(&field.ty, column, row, out);
            }
            out.push(b'}');
        }
    }
}

/// Appends a single value as JSON, as [`write_json`] does.
pub fn write_json_value(ty: &SqlType, value: &Value, out: &mut Vec<u8>) {
    match (ty, value) {
        (_, Value::Null) => out.extend_from_slice(b"null"),
        (_, Value::Boolean(truth)) => write_bool(*truth, out),
        (_, Value::Integer(n)) => write_integer(i64::from(*n), out),
        (_, Value::Bigint(n)) => write_integer(*n, out),
        (_, Value::Double(n)) => write_json_double(*n, out),
        (_, Value::Decimal(n)) => out.extend_from_slice(n.to_string().as_bytes()),
        (_, Value::String(text)) => write_json_string(text, out),
        (_, Value::Bytes(bytes)) => write_base64(bytes, out),
        (_, Value::Date(days)) => quoted(out, |out| write_date(*days, out)),
        (_, Value::Time(ms)) => quoted(out, |out| write_time(*ms, out)),
        (_, Value::Timestamp(ms)) => quoted(out, |out| write_timestamp(*ms, out)),
        (SqlType::Array(element), Value::Array(items)) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                comma(i, out);
                write_json_value(element, item, out);
            }
            out.push(b']');
        }
        (SqlType::Map(key_type, value_type), Value::Map(entries)) => {
            out.push(b'{');
            for (i, (key, value)) in entries.iter().enumerate() {
                comma(i, out);
                write_json_string(&value_text(key_type, key), out);
                out.push(b':');
                write_json_value(value_type, value, out);
            }
            out.push(b'}');
        }
        (SqlType::Struct(fields), Value::Struct(values)) => {
            out.push(b'{');
            for (i, (field, value)) in fields.iter().zip(values).enumerate() {
                comma(i, out);
                write_json_string(&field.name, out);
                out.push(b':');
                write_json_value(&field.ty, value, out);
            }
            out.push(b'}');
        }
        (ty, value) => unreachable!("{value:?} is no {ty}"),
    }
}

/// Appends a JSON string with quotes; only what must be escaped is.
pub fn write_json_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0..0x20 => b'u',
            _ => continue,
        };
        out.extend_from_slice(&bytes[done..at]);
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            let hex = b"0123456789ABCDEF";
            let (high, low) = (hex[usize::from(byte >> 4)], hex[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'0', b'0', high, low]);
        }
        done = at + 1;
    }
    out.extend_from_slice(&bytes[done..]);
    out.push(b'"');
}

fn write_bool(truth: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if truth { b"true" } else { b"false" });
}

fn write_json_double(n: f64, out: &mut Vec<u8>) {
    if n.is_finite() {
        write_double(n, out);
    } else {
        quoted(out, |out| write_double(n, out));
    }
}

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    quoted(out, |out| out.extend_from_slice(STANDARD.encode(bytes).as_bytes()));
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

fn comma(i: usize, out: &mut Vec<u8>) {
    if i > 0 {
        out.push(b',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::column_of;
    use crate::{Decimal, Field};

    fn check(ty: SqlType, value: Value, expect: &str) {
        let column = column_of(&ty, [&Value::Null, &value]);
        let (mut cell, mut single) = (Vec::new(), Vec::new());
        write_json(&ty, &column, 1, &mut cell);
        write_json_value(&ty, &value, &mut single);
        assert_eq!(String::from_utf8_lossy(&cell), expect);
        assert_eq!(String::from_utf8_lossy(&single), expect);
    }

    #[test]
    fn cells_and_values_give_the_same_json() {
        check(SqlType::Boolean, Value::Boolean(true), "true");
        check(SqlType::Bigint, Value::Bigint(-5), "-5");
        check(SqlType::Double, Value::Double(1e10), "1.0E10");
        check(SqlType::Double, Value::Double(f64::NAN), "\"NaN\"");
        check(SqlType::decimal(4, 2), Value::Decimal(Decimal::new(150_i64, 2)), "1.50");
        check(SqlType::Bytes, Value::Bytes(b"hello".as_slice().into()), "\"aGVsbG8=\"");
        check(SqlType::Date, Value::Date(0), "\"1970-01-01\"");
        check(SqlType::Time, Value::Time(1_000), "\"00:00:01\"");
        check(SqlType::Timestamp, Value::Timestamp(0), "\"1970-01-01T00:00:00.000\"");
        let text = Value::String("a\"\\\n\u{1}ä😀".into());
        check(SqlType::String, text, "\"a\\\"\\\\\\n\\u0001ä😀\"");
        let ints = SqlType::array(SqlType::Integer);
        let list = Value::Array(vec![Value::Integer(1), Value::Null]);
        check(ints.clone(), list.clone(), "[1,null]");
        let map = SqlType::map(SqlType::Integer, ints.clone());
        check(map, Value::Map(vec![(Value::Integer(7), list.clone())]), "{\"7\":[1,null]}");
        let ty = SqlType::Struct(vec![Field::new("a b", ints), Field::new("N", SqlType::String)]);
        check(ty, Value::Struct(vec![list, Value::Null]), "{\"a b\":[1,null],\"N\":null}");
    }
}
