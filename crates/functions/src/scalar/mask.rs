//! The MASK family: letters and digits of a text replaced, all or all but some at one end.

use std::ops::Range;
use std::sync::LazyLock;

use model::Value;
use regex::Regex;

use super::Eval::Rows;
use super::units::{int, text};
use super::{Call, ScalarFunction, of};
use crate::Doc;

/// Defines a function of this family.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [super::Overload],
) -> ScalarFunction {
    ScalarFunction { name, doc: Doc { description, category: "STRING", example }, overloads }
}

pub(super) const MASK: ScalarFunction = function(
    "MASK",
    "The text with capitals as X, small letters as x, digits as n and all else as -, or with other \
     characters of your choice (NULL: left as they are).",
    ("MASK('My Test $123')", "Xx-Xxxx--nnn"),
    &[
        of("MASK(input VARCHAR) -> VARCHAR", Rows(mask)),
        of(
            "MASK(input VARCHAR, upper VARCHAR, lower VARCHAR, digit VARCHAR, other VARCHAR) -> \
             VARCHAR",
            Rows(mask),
        ),
    ],
);

pub(super) const MASK_KEEP_LEFT: ScalarFunction = function(
    "MASK_KEEP_LEFT",
    "MASK for all but the first characters.",
    ("MASK_KEEP_LEFT('My Test $123', 4)", "My Txxx--nnn"),
    &[
        of("MASK_KEEP_LEFT(input VARCHAR, numChars INT) -> VARCHAR", Rows(keep_left)),
        of(
            "MASK_KEEP_LEFT(input VARCHAR, numChars INT, upper VARCHAR, lower VARCHAR, digit \
             VARCHAR, other VARCHAR) -> VARCHAR",
            Rows(keep_left),
        ),
    ],
);

pub(super) const MASK_KEEP_RIGHT: ScalarFunction = function(
    "MASK_KEEP_RIGHT",
    "MASK for all but the last characters.",
    ("MASK_KEEP_RIGHT('My Test $123', 4)", "Xx-Xxxx-$123"),
    &[
        of("MASK_KEEP_RIGHT(input VARCHAR, numChars INT) -> VARCHAR", Rows(keep_right)),
        of(
            "MASK_KEEP_RIGHT(input VARCHAR, numChars INT, upper VARCHAR, lower VARCHAR, digit \
             VARCHAR, other VARCHAR) -> VARCHAR",
            Rows(keep_right),
        ),
    ],
);

pub(super) const MASK_LEFT: ScalarFunction = function(
    "MASK_LEFT",
    "MASK for the first characters only.",
    ("MASK_LEFT('My Test $123', 4)", "Xx-Xest $123"),
    &[
        of("MASK_LEFT(input VARCHAR, numChars INT) -> VARCHAR", Rows(left)),
        of(
            "MASK_LEFT(input VARCHAR, numChars INT, upper VARCHAR, lower VARCHAR, digit VARCHAR, \
             other VARCHAR) -> VARCHAR",
            Rows(left),
        ),
    ],
);

pub(super) const MASK_RIGHT: ScalarFunction = function(
    "MASK_RIGHT",
    "MASK for the last characters only.",
    ("MASK_RIGHT('My Test $123', 4)", "My Test -nnn"),
    &[
        of("MASK_RIGHT(input VARCHAR, numChars INT) -> VARCHAR", Rows(right)),
        of(
            "MASK_RIGHT(input VARCHAR, numChars INT, upper VARCHAR, lower VARCHAR, digit VARCHAR, \
             other VARCHAR) -> VARCHAR",
            Rows(right),
        ),
    ],
);

fn mask(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    masked(&args[0], &args[1..], |len| 0..len)
}

fn keep_left(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let count = count(args)?;
    masked(&args[0], &args[2..], |len| count.min(len)..len)
}

fn keep_right(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let count = count(args)?;
    masked(&args[0], &args[2..], |len| 0..len.saturating_sub(count))
}

fn left(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let count = count(args)?;
    masked(&args[0], &args[2..], |len| 0..count.min(len))
}

fn right(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let count = count(args)?;
    masked(&args[0], &args[2..], |len| len.saturating_sub(count)..len)
}

fn count(args: &[Value]) -> Result<usize, String> {
    let count = int(&args[1]).and_then(|n| usize::try_from(n).ok());
    count.ok_or_else(|| "the number of characters must not be negative or null".to_string())
}

/// The units of `input` in a range of it masked; `masks` for capitals, small letters, digits,
/// others.
fn masked(
    input: &Value,
    masks: &[Value],
    range: impl FnOnce(usize) -> Range<usize>,
) -> Result<Value, String> {
    let mut chosen =
        [Some(u16::from(b'X')), Some(b'x'.into()), Some(b'n'.into()), Some(b'-'.into())];
    for (mask, argument) in chosen.iter_mut().zip(masks) {
        *mask = match text(argument).map(|t| t.encode_utf16().collect::<Vec<_>>()) {
            None => None,
            Some(units) if units.len() == 1 => Some(units[0]),
            Some(units) => {
                let text = String::from_utf16_lossy(&units);
                return Err(format!("a mask must be a single character, not '{text}'"));
            }
        };
    }
    let Some(input) = text(input) else { return Ok(Value::Null) };
    let mut units: Vec<u16> = input.encode_utf16().collect();
    let range = range(units.len());
    for unit in &mut units[range] {
        if let Some(mask) = chosen[kind(*unit)] {
            *unit = mask;
        }
    }
    Ok(Value::String(String::from_utf16_lossy(&units)))
}

/// 0 for a capital, 1 for a small letter, 2 for a digit, 3 for all else.
fn kind(unit: u16) -> usize {
    static UPPER: LazyLock<Regex> = LazyLock::new(|| category(r"^\p{Lu}$"));
    static LOWER: LazyLock<Regex> = LazyLock::new(|| category(r"^\p{Ll}$"));
    static DIGIT: LazyLock<Regex> = LazyLock::new(|| category(r"^\p{Nd}$"));
    let Some(c) = char::from_u32(u32::from(unit)) else { return 3 };
    if c.is_ascii() {
        return match c {
            'A'..='Z' => 0,
            'a'..='z' => 1,
            '0'..='9' => 2,
            _ => 3,
        };
    }
    let mut buffer = [0; 4];
    let text = c.encode_utf8(&mut buffer);
    [&*UPPER, &*LOWER, &*DIGIT].into_iter().position(|r| r.is_match(text)).unwrap_or(3)
}

fn category(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}
