//! Functions of text: joined, taken apart, in other letters.

use bytes::Bytes;
use model::Value;

use super::Eval::Rows;
use super::equality::TextMap;
use super::units::{int, split_keep_empty, text, utf16_len};
use super::{Call, ScalarFunction, of};
use crate::Doc;
use crate::limits::{check_bytes, check_elements};

const CATEGORY: &str = "STRING";

/// Defines a function of this category.
pub(super) const fn function(
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
    check_bytes(args.iter().filter_map(text).map(str::len).sum())?;
    Ok(Value::String(args.iter().filter_map(text).collect()))
}

fn concat_bytes(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let parts: Vec<_> = args.iter().filter_map(super::units::bytes).collect();
    check_bytes(parts.iter().map(|part| part.len()).sum())?;
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
    check_joined(parts.iter().map(|part| part.len()), separator.len())?;
    Ok(Value::String(parts.join(separator)))
}

fn concat_ws_bytes(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let [separator, parts @ ..] = args else { return Err(TOO_FEW.into()) };
    if parts.is_empty() {
        return Err(TOO_FEW.into());
    }
    let Some(separator) = super::units::bytes(separator) else { return Ok(Value::Null) };
    let parts: Vec<_> = parts.iter().filter_map(super::units::bytes).collect();
    check_joined(parts.iter().map(|part| part.len()), separator.len())?;
    Ok(Value::Bytes(Bytes::from(parts.join(separator))))
}

/// Is there room for parts of these lengths with a separator before each?
pub(super) fn check_joined(
    lengths: impl Iterator<Item = usize>,
    separator: usize,
) -> Result<(), String> {
    check_bytes(lengths.map(|length| length + separator).sum())
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

pub(super) const REPLACE: ScalarFunction = function(
    "REPLACE",
    "The text with every occurrence of another replaced.",
    ("REPLACE('a.b.c', '.', '-')", "a-b-c"),
    &[of("REPLACE(str VARCHAR, oldStr VARCHAR, newStr VARCHAR) -> VARCHAR", Rows(replace))],
);

fn replace(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(match (text(&args[0]), text(&args[1]), text(&args[2])) {
        (Some(input), Some(old), Some(new)) => {
            if new.len() > old.len() {
                let more = input.matches(old).count().saturating_mul(new.len() - old.len());
                check_bytes(more.saturating_add(input.len()))?;
            }
            Value::String(input.replace(old, new))
        }
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
            check_elements(match delimiter.as_str() {
                "" => utf16_len(input),
                delimiter => input.matches(delimiter).count() + 1,
            })?;
            let parts: Vec<&str> = match (input.as_str(), delimiter.as_str()) {
                ("", _) => vec![""],
                (input, "") => input.split("").filter(|part| !part.is_empty()).collect(),
                (input, delimiter) => input.split(delimiter).collect(),
            };
            Value::Array(parts.into_iter().map(|part| Value::String(part.into())).collect())
        }
        (Value::Bytes(input), Value::Bytes(delimiter)) => {
            let parts = split_keep_empty(input, delimiter);
            check_elements(parts.len())?;
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
    let mut map = TextMap::default();
    for entry in input.split(between_entries).filter(|entry| !entry.is_empty()) {
        let mut parts = entry.split(between);
        if let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            map.put(key, Value::String(value.into()));
        }
    }
    Ok(map.finish())
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
