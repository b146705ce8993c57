//! Parts of a text and where they are. Positions and lengths count UTF-16 units, as Java's do.

use bytes::Bytes;
use model::Value;

use super::Eval::Rows;
use super::strings::function;
use super::units::{cut, find_from, find_last_from, int, null_if_any, text, units, utf16_len};
use super::{Call, ScalarFunction, of};
use crate::limits::check_bytes;

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
    if !null_if_any(args) {
        check_bytes(target)?;
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
