//! What the functions share: cells as plain types, and text seen as UTF-16 units.

use std::ops::Range;

use model::Value;

/// The text of a cell.
pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

/// The INT of a cell.
pub(super) fn int(value: &Value) -> Option<i32> {
    match value {
        Value::Integer(n) => Some(*n),
        _ => None,
    }
}

/// The bytes of a cell.
pub(super) fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

/// Is one of them NULL?
pub(super) fn null_if_any(args: &[Value]) -> bool {
    args.iter().any(Value::is_null)
}

/// How many UTF-16 units a text has.
pub(super) fn utf16_len(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// The units of a text in a range. Half of a surrogate pair becomes a replacement character.
pub(super) fn cut(text: &str, range: Range<usize>) -> String {
    if range.is_empty() {
        return String::new();
    }
    if text.is_ascii() {
        return text[range].to_string();
    }
    let units: Vec<u16> = text.encode_utf16().skip(range.start).take(range.len()).collect();
    String::from_utf16_lossy(&units)
}

/// The UTF-16 units of a text.
pub(super) fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// Where `wanted` begins within `input` at `start` or behind it.
pub(super) fn find_from(input: &[u16], wanted: &[u16], start: usize) -> Option<usize> {
    let last = input.len().checked_sub(wanted.len())?;
    (start..=last).find(|at| input[*at..].starts_with(wanted))
}

/// Where `wanted` begins within `input` at `start` or before it.
pub(super) fn find_last_from(input: &[u16], wanted: &[u16], start: usize) -> Option<usize> {
    let last = input.len().checked_sub(wanted.len())?;
    (0..=start.min(last)).rev().find(|at| input[*at..].starts_with(wanted))
}

/// The parts between a delimiter; with an empty one, each byte by itself.
pub(super) fn split_keep_empty<'a>(input: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    if input.is_empty() {
        return vec![input];
    }
    if delimiter.is_empty() {
        return input.chunks(1).collect();
    }
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    while at + delimiter.len() <= input.len() {
        if input[at..].starts_with(delimiter) {
            parts.push(&input[start..at]);
            at += delimiter.len();
            start = at;
        } else {
            at += 1;
        }
    }
    parts.push(&input[start..]);
    parts
}
