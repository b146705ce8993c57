//! Functions of text. Positions and lengths count UTF-16 units, as Java's do.

use base64::Engine;
use bytes::Bytes;
use md5::{Digest, Md5};
use model::Value;
use rand::RngExt;

use super::Eval::Rows;
use super::units::{
    cut, find_from, find_last_from, int, null_if_any, split_keep_empty, text, units, utf16_len,
};
use super::{Call, ScalarFunction, of};
use crate::Doc;

const CATEGORY: &str = "STRING";

/// Defines a function of this category.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [super::Overload],
) -> ScalarFunction {
    ScalarFunction { name, doc: Doc { description, category: CATEGORY, example }, overloads }
}

pub(super) const CHR: ScalarFunction = function(
    "CHR",
    "The character with this Unicode code point, or the characters written as `\\uXXXX` escapes.",
    ("CHR(75)", "K"),
    &[
        of("CHR(decimalCode INT) -> VARCHAR", Rows(chr_code)),
        of("CHR(utf16Code VARCHAR) -> VARCHAR", Rows(chr_escape)),
    ],
);

fn chr_code(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let Some(code) = int(&args[0]).and_then(|code| u32::try_from(code).ok()) else {
        return Ok(Value::Null);
    };
    Ok(match char::from_u32(code) {
        Some(c) => Value::String(c.to_string()),
        // Half of a surrogate pair is a character to Java; text here cannot hold one.
        None if code <= 0xffff => Value::String(char::REPLACEMENT_CHARACTER.to_string()),
        None => Value::Null,
    })
}

fn chr_escape(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let Some(escape) = text(&args[0]).filter(|t| t.len() >= 6 && t.starts_with("\\u")) else {
        return Ok(Value::Null);
    };
    let units: Option<Vec<u16>> = escape
        .split("\\u")
        .skip(1)
        .map(|hex| u16::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 4))
        .collect();
    Ok(units.map_or(Value::Null, |units| Value::String(String::from_utf16_lossy(&units))))
}

pub(super) const CONCAT: ScalarFunction = function(
    "CONCAT",
    "The arguments one after the other; NULLs are left out.",
    ("CONCAT('a', NULL, 'b')", "ab"),
    &[
        of("CONCAT(inputs VARCHAR...) -> VARCHAR", Rows(concat)),
        of("CONCAT(inputs BYTES...) -> BYTES", Rows(concat_bytes)),
    ],
);

fn concat(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(Value::String(args.iter().filter_map(text).collect()))
}

fn concat_bytes(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let parts: Vec<_> = args.iter().filter_map(super::units::bytes).collect();
    Ok(Value::Bytes(Bytes::from(parts.concat())))
}

pub(super) const CONCAT_WS: ScalarFunction = function(
    "CONCAT_WS",
    "The arguments from the second on, with the first between them; NULLs are left out.",
    ("CONCAT_WS(', ', 'a', NULL, 'b')", "a, b"),
    &[
        of("CONCAT_WS(inputs VARCHAR...) -> VARCHAR", Rows(concat_ws)),
        of("CONCAT_WS(inputs BYTES...) -> BYTES", Rows(concat_ws_bytes)),
    ],
);

const TOO_FEW: &str = "CONCAT_WS needs a separator and at least one more argument";

fn concat_ws(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let [separator, parts @ ..] = args else { return Err(TOO_FEW.into()) };
    if parts.is_empty() {
        return Err(TOO_FEW.into());
    }
    let Some(separator) = text(separator) else { return Ok(Value::Null) };
    let parts: Vec<_> = parts.iter().filter_map(text).collect();
    Ok(Value::String(parts.join(separator)))
}

fn concat_ws_bytes(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let [separator, parts @ ..] = args else { return Err(TOO_FEW.into()) };
    if parts.is_empty() {
        return Err(TOO_FEW.into());
    }
    let Some(separator) = super::units::bytes(separator) else { return Ok(Value::Null) };
    let parts: Vec<_> = parts.iter().filter_map(super::units::bytes).collect();
    Ok(Value::Bytes(Bytes::from(parts.join(separator))))
}

pub(super) const ELT: ScalarFunction = function(
    "ELT",
    "The argument at a position, counted from 1; NULL if there is none.",
    ("ELT(2, 'a', 'b')", "b"),
    &[of("ELT(n INT, args VARCHAR...) -> VARCHAR", Rows(elt))],
);

fn elt(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let n = int(&args[0]).ok_or("the position of ELT must not be null")?;
    let at = usize::try_from(n).ok().filter(|n| *n > 0);
    Ok(at.and_then(|n| args.get(n)).cloned().unwrap_or(Value::Null))
}

pub(super) const FIELD: ScalarFunction = function(
    "FIELD",
    "The position, counted from 1, of the first argument among the others; 0 if it is not there.",
    ("FIELD('b', 'a', 'b')", "2"),
    &[of("FIELD(str VARCHAR, args VARCHAR...) -> INT", Rows(field))],
);

fn field(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let Some(wanted) = text(&args[0]) else { return Ok(Value::Integer(0)) };
    let at = args[1..].iter().position(|arg| text(arg) == Some(wanted));
    Ok(Value::Integer(at.map_or(0, |at| at as i32 + 1)))
}

pub(super) const INITCAP: ScalarFunction = function(
    "INITCAP",
    "Every word with a capital first letter and small others, without white space in front.",
    ("INITCAP('the quick FOX')", "The Quick Fox"),
    &[of("INITCAP(str VARCHAR) -> VARCHAR", Rows(initcap))],
);

fn initcap(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let Some(input) = text(&args[0]) else { return Ok(Value::Null) };
    let (mut out, mut begins) = (String::with_capacity(input.len()), true);
    for c in input.trim_ascii_start().to_lowercase().chars() {
        if begins && !c.is_ascii_whitespace() {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        begins = c.is_ascii_whitespace();
    }
    Ok(Value::String(out))
}

pub(super) const INSTR: ScalarFunction = function(
    "INSTR",
    "Where a text lies within another, counted from 1; 0 if it does not. The search begins at a \
     position (from the end if negative) and may look for a later occurrence.",
    ("INSTR('CORPORATE FLOOR', 'OR', 3, 2)", "14"),
    &[
        of("INSTR(str VARCHAR, substring VARCHAR) -> INT", Rows(instr)),
        of("INSTR(str VARCHAR, substring VARCHAR, position INT) -> INT", Rows(instr)),
        of(
            "INSTR(str VARCHAR, substring VARCHAR, position INT, occurrence INT) -> INT",
            Rows(instr),
        ),
    ],
);

fn instr(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let mut numbers = [1, 1];
    for (number, arg) in numbers.iter_mut().zip(&args[2..]) {
        *number = int(arg).ok_or("position and occurrence of INSTR must not be null")?;
    }
    let (Some(input), Some(wanted)) = (text(&args[0]), text(&args[1])) else {
        return Ok(Value::Integer(0));
    };
    let (input, wanted) = (units(input), units(wanted));
    let [position, occurrence] = numbers;
    let length = input.len() as i64;
    let (backwards, mut at) = match i64::from(position) {
        0 => return Ok(Value::Integer(0)),
        position if position > 0 => (false, position - 1),
        position => (true, length + position + 1 - wanted.len() as i64),
    };
    if occurrence < 1 || at < 0 || (!backwards && at >= length) {
        return Ok(Value::Integer(0));
    }
    for remaining in (0..occurrence).rev() {
        let found = if backwards {
            find_last_from(&input, &wanted, at as usize)
        } else {
            find_from(&input, &wanted, at as usize)
        };
        match found {
            None => break,
            Some(found) if remaining == 0 => return Ok(Value::Integer(found as i32 + 1)),
            Some(0) if backwards => break,
            Some(found) => at = found as i64 + if backwards { -1 } else { 1 },
        }
    }
    Ok(Value::Integer(0))
}

pub(super) const LCASE: ScalarFunction = function(
    "LCASE",
    "The text in small letters.",
    ("LCASE('Hello')", "hello"),
    &[of("LCASE(input VARCHAR) -> VARCHAR", Rows(lcase))],
);

fn lcase(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(text(&args[0]).map_or(Value::Null, |t| Value::String(t.to_lowercase())))
}

pub(super) const UCASE: ScalarFunction = function(
    "UCASE",
    "The text in capital letters.",
    ("UCASE('Hello')", "HELLO"),
    &[of("UCASE(input VARCHAR) -> VARCHAR", Rows(ucase))],
);

fn ucase(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(text(&args[0]).map_or(Value::Null, |t| Value::String(t.to_uppercase())))
}

pub(super) const LEN: ScalarFunction = function(
    "LEN",
    "How long a text is in UTF-16 units, or how many bytes there are.",
    ("LEN('hello')", "5"),
    &[of("LEN(input VARCHAR) -> INT", Rows(len)), of("LEN(input BYTES) -> INT", Rows(len))],
);

fn len(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(match &args[0] {
        Value::String(t) => Value::Integer(utf16_len(t) as i32),
        Value::Bytes(b) => Value::Integer(b.len() as i32),
        _ => Value::Null,
    })
}

pub(super) const LPAD: ScalarFunction = function(
    "LPAD",
    "Brings the input to a length: longer with padding on the left, shorter by cutting the end.",
    ("LPAD('foo', 7, 'Bar')", "BarBfoo"),
    &[
        of("LPAD(input VARCHAR, targetLen INT, padding VARCHAR) -> VARCHAR", Rows(lpad)),
        of("LPAD(input BYTES, targetLen INT, padding BYTES) -> BYTES", Rows(lpad)),
    ],
);

pub(super) const RPAD: ScalarFunction = function(
    "RPAD",
    "Brings the input to a length: longer with padding on the right, shorter by cutting the end.",
    ("RPAD('foo', 7, 'Bar')", "fooBarB"),
    &[
        of("RPAD(input VARCHAR, targetLen INT, padding VARCHAR) -> VARCHAR", Rows(rpad)),
        of("RPAD(input BYTES, targetLen INT, padding BYTES) -> BYTES", Rows(rpad)),
    ],
);

/// The longest text that padding may give; a longer one fails its row.
const PADDED_LENGTH_MAX: usize = 10_000_000;

fn lpad(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    pad(args, true)
}

fn rpad(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    pad(args, false)
}

fn pad(args: &[Value], left: bool) -> Result<Value, String> {
    let Some(target) = int(&args[1]).and_then(|n| usize::try_from(n).ok()) else {
        return Ok(Value::Null);
    };
    if target > PADDED_LENGTH_MAX && !null_if_any(args) {
        return Err(format!("a length of {target} is more than {PADDED_LENGTH_MAX}"));
    }
    Ok(match (&args[0], &args[2]) {
        (Value::String(input), Value::String(padding)) if !padding.is_empty() => {
            let (input, padding) = (units(input), units(padding));
            Value::String(String::from_utf16_lossy(&padded(&input, &padding, target, left)))
        }
        (Value::Bytes(input), Value::Bytes(padding)) if !padding.is_empty() => {
            Value::Bytes(Bytes::from(padded(input, padding, target, left)))
        }
        _ => Value::Null,
    })
}

fn padded<T: Copy>(input: &[T], padding: &[T], target: usize, left: bool) -> Vec<T> {
    let missing = target.saturating_sub(input.len());
    let fill = padding.iter().copied().cycle().take(missing);
    let kept = input.iter().copied().take(target);
    if left { fill.chain(kept).collect() } else { kept.chain(fill).collect() }
}

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

pub(super) const REPLACE: ScalarFunction = function(
    "REPLACE",
    "The text with every occurrence of another replaced.",
    ("REPLACE('a.b.c', '.', '-')", "a-b-c"),
    &[of("REPLACE(str VARCHAR, oldStr VARCHAR, newStr VARCHAR) -> VARCHAR", Rows(replace))],
);

fn replace(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(match (text(&args[0]), text(&args[1]), text(&args[2])) {
        (Some(input), Some(old), Some(new)) => Value::String(input.replace(old, new)),
        _ => Value::Null,
    })
}

pub(super) const SPLIT: ScalarFunction = function(
    "SPLIT",
    "The parts between a delimiter; with an empty one, every character by itself.",
    ("SPLIT('a,,b', ',')", "[a, , b]"),
    &[
        of("SPLIT(string VARCHAR, delimiter VARCHAR) -> ARRAY<VARCHAR>", Rows(split)),
        of("SPLIT(bytes BYTES, delimiter BYTES) -> ARRAY<BYTES>", Rows(split)),
    ],
);

fn split(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(match (&args[0], &args[1]) {
        (Value::String(input), Value::String(delimiter)) => {
            let parts: Vec<&str> = match (input.as_str(), delimiter.as_str()) {
                ("", _) => vec![""],
                (input, "") => input.split("").filter(|part| !part.is_empty()).collect(),
                (input, delimiter) => input.split(delimiter).collect(),
            };
            Value::Array(parts.into_iter().map(|part| Value::String(part.into())).collect())
        }
        (Value::Bytes(input), Value::Bytes(delimiter)) => {
            let parts = split_keep_empty(input, delimiter);
            let part = |part: &[u8]| Value::Bytes(Bytes::copy_from_slice(part));
            Value::Array(parts.into_iter().map(part).collect())
        }
        _ => Value::Null,
    })
}

pub(super) const SPLIT_TO_MAP: ScalarFunction = function(
    "SPLIT_TO_MAP",
    "A map from a text of entries: `a=1,b=2`. Of equal keys the last one counts.",
    ("SPLIT_TO_MAP('a=1,b=2', ',', '=')", "{a=1, b=2}"),
    &[of(
        "SPLIT_TO_MAP(input VARCHAR, entryDelimiter VARCHAR, kvDelimiter VARCHAR) -> \
         MAP<VARCHAR,VARCHAR>",
        Rows(split_to_map),
    )],
);

fn split_to_map(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(input), Some(between_entries), Some(between)) =
        (text(&args[0]), text(&args[1]), text(&args[2]))
    else {
        return Ok(Value::Null);
    };
    if between_entries.is_empty() || between.is_empty() || between == between_entries {
        return Ok(Value::Null);
    }
    let mut map = Vec::new();
    for entry in input.split(between_entries).filter(|entry| !entry.is_empty()) {
        let mut parts = entry.split(between);
        if let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            super::units::put(&mut map, Value::String(key.into()), Value::String(value.into()));
        }
    }
    Ok(Value::Map(map))
}

pub(super) const SUBSTRING: ScalarFunction = function(
    "SUBSTRING",
    "A part, from a position counted from 1 (or from the end, if negative), of a length or to the \
     end.",
    ("SUBSTRING('stream', 2, 3)", "tre"),
    &[
        of("SUBSTRING(str VARCHAR, pos INT) -> VARCHAR", Rows(substring)),
        of("SUBSTRING(str VARCHAR, pos INT, length INT) -> VARCHAR", Rows(substring)),
        of("SUBSTRING(bytes BYTES, pos INT) -> BYTES", Rows(substring)),
        of("SUBSTRING(bytes BYTES, pos INT, length INT) -> BYTES", Rows(substring)),
    ],
);

fn substring(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    if null_if_any(args) {
        return Ok(Value::Null);
    }
    let position = int(&args[1]).unwrap_or_default();
    let length = args.get(2).and_then(int);
    let range = |len: usize| {
        let start = match i64::from(position) {
            position if position > 0 => (position - 1).min(len as i64),
            0 => 0,
            position => (len as i64 + position).max(0),
        };
        let end = length.map_or(len as i64, |n| (start + i64::from(n.max(0))).min(len as i64));
        start as usize..end as usize
    };
    Ok(match &args[0] {
        Value::String(input) => Value::String(cut(input, range(utf16_len(input)))),
        Value::Bytes(input) => Value::Bytes(input.slice(range(input.len()))),
        _ => Value::Null,
    })
}

pub(super) const TRIM: ScalarFunction = function(
    "TRIM",
    "The text without white space at both ends.",
    ("TRIM('  a b ')", "a b"),
    &[of("TRIM(input VARCHAR) -> VARCHAR", Rows(trim))],
);

fn trim(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let trimmed = text(&args[0]).map(|t| t.trim_matches(|c| c <= ' ').to_string());
    Ok(trimmed.map_or(Value::Null, Value::String))
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
    let bytes = super::units::bytes(&args[0]).filter(|bytes| bytes.len() == 16);
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

/// Reads `48656C`, `0x48656C` and `X'48656C'`.
fn hex_bytes_with_prefix(input: &str) -> Result<Vec<u8>, String> {
    let digits = input.strip_prefix("0x").unwrap_or(input);
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
