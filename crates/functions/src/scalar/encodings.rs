//! Text in other forms: encodings, hashes, UUIDs.

use base64::Engine;
use md5::{Digest, Md5};
use model::Value;
use rand::RngExt;

use super::Eval::Rows;
use super::strings::function;
use super::units::{bytes, text};
use super::{Call, ScalarFunction, of};

pub(super) const MD5: ScalarFunction = function(
    "MD5",
    "The MD5 hash of a text's UTF-8 bytes, as 32 hexadecimal digits.",
    ("MD5('hello')", "5d41402abc4b2a76b9719d911017c592"),
    &[of("MD5(s VARCHAR) -> VARCHAR", Rows(md5_hex))],
);

fn md5_hex(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let Some(input) = text(&args[0]) else { return Ok(Value::Null) };
    let hash = Md5::digest(input.as_bytes());
    Ok(Value::String(hash.iter().map(|byte| format!("{byte:02x}")).collect()))
}

pub(super) const UUID: ScalarFunction = function(
    "UUID",
    "A random UUID (version 4), or the UUID made of 16 bytes (NULL for any other number of them).",
    ("UUID(TO_BYTES('0123456789abcdef', 'ascii'))", "30313233-3435-3637-3839-616263646566"),
    &[
        of("UUID() -> VARCHAR", Rows(uuid_random)),
        of("UUID(bytes BYTES) -> VARCHAR", Rows(uuid_of)),
    ],
);

fn uuid_random(_: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let mut bytes: [u8; 16] = rand::rng().random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Ok(Value::String(uuid_text(&bytes)))
}

fn uuid_of(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let bytes = bytes(&args[0]).filter(|bytes| bytes.len() == 16);
    Ok(bytes.map_or(Value::Null, |bytes| Value::String(uuid_text(bytes))))
}

fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

pub(super) const ENCODE: ScalarFunction = function(
    "ENCODE",
    "The text, read in one encoding and written in another: hex, utf8, ascii or base64.",
    ("ENCODE('48656C6C6F', 'hex', 'utf8')", "Hello"),
    &[of(
        "ENCODE(str VARCHAR, inputEncoding VARCHAR, outputEncoding VARCHAR) -> VARCHAR",
        Rows(encode),
    )],
);

fn encode(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(input), Some(from), Some(to)) = (text(&args[0]), text(&args[1]), text(&args[2]))
    else {
        return Ok(Value::Null);
    };
    let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
    let known = |encoding: &str| matches!(encoding, "hex" | "utf8" | "ascii" | "base64");
    if from == to || !known(&from) || !known(&to) {
        return Err(format!(
            "ENCODE reads and writes hex, utf8, ascii and base64 (two different ones), not \
             '{from}' to '{to}'"
        ));
    }
    let bytes = match from.as_str() {
        "hex" => hex_bytes_with_prefix(input)?,
        "utf8" => input.as_bytes().to_vec(),
        "ascii" => super::bytes::ascii_bytes(input),
        _ => lenient_base64(input),
    };
    Ok(Value::String(match to.as_str() {
        "hex" => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        "utf8" => String::from_utf8_lossy(&bytes).into_owned(),
        "ascii" => super::bytes::ascii_text(&bytes),
        _ => base64::engine::general_purpose::STANDARD.encode(&bytes),
    }))
}

/// Reads `48656C`, `0x48656C` and `X'48656C'`; behind `0x` the first digit may stand alone.
fn hex_bytes_with_prefix(input: &str) -> Result<Vec<u8>, String> {
    if let Some(digits) = input.strip_prefix("0x") {
        let zero = if digits.len().is_multiple_of(2) { "" } else { "0" };
        return super::bytes::hex_bytes(&format!("{zero}{digits}"));
    }
    let digits = input;
    let quoted = digits.strip_prefix(['X', 'x']).and_then(|rest| rest.strip_prefix('\''));
    let digits = quoted.and_then(|rest| rest.strip_suffix('\'')).unwrap_or(digits);
    super::bytes::hex_bytes(digits)
}

/// Reads base64 as far as it goes, skipping what does not belong to it.
fn lenient_base64(input: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in input.bytes().take_while(|b| *b != b'=') {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}
