//! Functions between BYTES and other types.

use base64::Engine;
use bytes::Bytes;
use model::Value;

use super::Eval::Rows;
use super::units::{bytes, text};
use super::{Call, ScalarFunction, of};
use crate::Doc;

pub(super) const BIGINT_FROM_BYTES: ScalarFunction = ScalarFunction {
    name: "BIGINT_FROM_BYTES",
    doc: Doc {
        description: "The BIGINT in 8 bytes, BIG_ENDIAN if the order is not given.",
        category: "CONVERSIONS",
        example: ("BIGINT_FROM_BYTES(TO_BYTES('0000000100000002', 'hex'))", "4294967298"),
    },
    overloads: &[
        of("BIGINT_FROM_BYTES(value BYTES) -> BIGINT", Rows(bigint_from_bytes)),
        of("BIGINT_FROM_BYTES(value BYTES, byteOrder VARCHAR) -> BIGINT", Rows(bigint_from_bytes)),
    ],
};

pub(super) const DOUBLE_FROM_BYTES: ScalarFunction = ScalarFunction {
    name: "DOUBLE_FROM_BYTES",
    doc: Doc {
        description: "The DOUBLE in 8 bytes (IEEE 754), BIG_ENDIAN if the order is not given.",
        category: "CONVERSIONS",
        example: ("DOUBLE_FROM_BYTES(TO_BYTES('3ff8000000000000', 'hex'))", "1.5"),
    },
    overloads: &[
        of("DOUBLE_FROM_BYTES(value BYTES) -> DOUBLE", Rows(double_from_bytes)),
        of("DOUBLE_FROM_BYTES(value BYTES, byteOrder VARCHAR) -> DOUBLE", Rows(double_from_bytes)),
    ],
};

pub(super) const INT_FROM_BYTES: ScalarFunction = ScalarFunction {
    name: "INT_FROM_BYTES",
    doc: Doc {
        description: "The INT in 4 bytes, BIG_ENDIAN if the order is not given.",
        category: "CONVERSIONS",
        example: ("INT_FROM_BYTES(TO_BYTES('00000102', 'hex'))", "258"),
    },
    overloads: &[
        of("INT_FROM_BYTES(value BYTES) -> INT", Rows(int_from_bytes)),
        of("INT_FROM_BYTES(value BYTES, byteOrder VARCHAR) -> INT", Rows(int_from_bytes)),
    ],
};

/// The bytes of the first argument, most significant first; `None` for NULL.
fn ordered<const N: usize>(args: &[Value]) -> Result<Option<[u8; N]>, String> {
    let order = args.get(1).map_or(Some("BIG_ENDIAN"), text);
    let little = match order.map(str::to_ascii_uppercase).as_deref() {
        Some("BIG_ENDIAN") => false,
        Some("LITTLE_ENDIAN") => true,
        _ => {
            return Err(format!(
                "the byte order must be BIG_ENDIAN or LITTLE_ENDIAN, not '{}'",
                order.unwrap_or("null")
            ));
        }
    };
    let Some(value) = bytes(&args[0]) else { return Ok(None) };
    let mut array = <[u8; N]>::try_from(value)
        .map_err(|_| format!("the number of bytes must be {N}, but is {}", value.len()))?;
    if little {
        array.reverse();
    }
    Ok(Some(array))
}

fn int_from_bytes(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(ordered(args)?.map_or(Value::Null, |bytes| Value::Integer(i32::from_be_bytes(bytes))))
}

fn bigint_from_bytes(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(ordered(args)?.map_or(Value::Null, |bytes| Value::Bigint(i64::from_be_bytes(bytes))))
}

fn double_from_bytes(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(ordered(args)?.map_or(Value::Null, |bytes| Value::Double(f64::from_be_bytes(bytes))))
}

pub(super) const TO_BYTES: ScalarFunction = ScalarFunction {
    name: "TO_BYTES",
    doc: Doc {
        description: "The bytes of a text that is written in hex, utf8, ascii or base64.",
        category: "STRING",
        example: ("FROM_BYTES(TO_BYTES('hi', 'utf8'), 'hex')", "6869"),
    },
    overloads: &[of("TO_BYTES(value VARCHAR, encoding VARCHAR) -> BYTES", Rows(to_bytes))],
};

pub(super) const FROM_BYTES: ScalarFunction = ScalarFunction {
    name: "FROM_BYTES",
    doc: Doc {
        description: "Bytes written as text in hex, utf8, ascii or base64.",
        category: "STRING",
        example: ("FROM_BYTES(TO_BYTES('hi', 'utf8'), 'base64')", "aGk="),
    },
    overloads: &[of("FROM_BYTES(value BYTES, encoding VARCHAR) -> VARCHAR", Rows(from_bytes))],
};

fn unknown(encoding: &str) -> String {
    format!("unknown encoding '{encoding}': it must be hex, utf8, ascii or base64")
}

fn to_bytes(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(value), Some(encoding)) = (text(&args[0]), text(&args[1])) else {
        return Ok(Value::Null);
    };
    let bytes = match encoding.to_ascii_lowercase().as_str() {
        "hex" => hex_bytes(value)?,
        "utf8" => value.as_bytes().to_vec(),
        "ascii" => ascii_bytes(value),
        "base64" => model::text::base64_bytes(value)
            .ok_or_else(|| format!("'{value}' is not written in base64"))?,
        _ => return Err(unknown(encoding)),
    };
    Ok(Value::Bytes(Bytes::from(bytes)))
}

fn from_bytes(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(value), Some(encoding)) = (bytes(&args[0]), text(&args[1])) else {
        return Ok(Value::Null);
    };
    Ok(Value::String(match encoding.to_ascii_lowercase().as_str() {
        "hex" => value.iter().map(|byte| format!("{byte:02X}")).collect(),
        "utf8" => String::from_utf8_lossy(value).into_owned(),
        "ascii" => ascii_text(value),
        "base64" => base64::engine::general_purpose::STANDARD.encode(value),
        _ => return Err(unknown(encoding)),
    }))
}

/// The bytes of pairs of hexadecimal digits.
pub(super) fn hex_bytes(digits: &str) -> Result<Vec<u8>, String> {
    if !digits.len().is_multiple_of(2) {
        return Err(format!("'{digits}' has an odd number of hexadecimal digits"));
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(pair).collect();
    bytes.ok_or_else(|| format!("'{digits}' has characters that are no hexadecimal digits"))
}

/// The text in ASCII, with `?` for what is not.
pub(super) fn ascii_bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' }).collect()
}

/// Bytes read as ASCII, with a replacement character for what is not.
pub(super) fn ascii_text(bytes: &[u8]) -> String {
    let read = |b: &u8| if b.is_ascii() { char::from(*b) } else { char::REPLACEMENT_CHARACTER };
    bytes.iter().map(read).collect()
}
