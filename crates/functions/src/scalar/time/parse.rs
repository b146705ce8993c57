//! Reads a text by a pattern into fields. What the fields mean together is decided in `resolve`.

use std::rc::Rc;

use super::names::names;
use super::pattern::{FIELDS, Field, Item, OffsetForm, Pattern, Sign};
use super::zone::{Zone, parse_offset};

/// The fields that a text gave.
#[derive(Clone, Default)]
pub(super) struct Parsed {
    values: [Option<i64>; FIELDS],
    /// The zone or offset.
    pub(super) zone: Option<Rc<Zone>>,
}

impl Parsed {
    /// The value of a field.
    pub(super) fn get(&self, field: Field) -> Option<i64> {
        self.values[field as usize]
    }

    /// Sets a field; `None` if it has another value already.
    fn set(&mut self, field: Field, value: i64) -> Option<()> {
        let slot = &mut self.values[field as usize];
        match slot {
            Some(known) => (*known == value).then_some(()),
            None => {
                *slot = Some(value);
                Some(())
            }
        }
    }
}

impl Pattern {
    /// Reads a whole text; names in any case.
    pub(super) fn parse(&self, text: &str) -> Result<Parsed, String> {
        let mut parsed = Parsed::default();
        match read_all(&self.items, text, 0, &mut parsed) {
            Ok(end) if end == text.len() => Ok(parsed),
            Ok(end) => Err(format!("'{text}' goes on behind the pattern, at position {end}")),
            Err(at) => Err(format!("'{text}' does not fit the pattern at position {at}")),
        }
    }
}

/// Reads all items from `at` and returns where they end, or where they do not fit.
fn read_all(items: &[Item], text: &str, at: usize, parsed: &mut Parsed) -> Result<usize, usize> {
    let mut position = at;
    for item in items {
        position = read(item, text, position, parsed).ok_or(position)?;
    }
    Ok(position)
}

fn read(item: &Item, text: &str, at: usize, parsed: &mut Parsed) -> Option<usize> {
    let rest = &text[at..];
    match item {
        Item::Literal(literal) => starts_with(rest, literal).then(|| at + literal.len()),
        Item::Number { field, min, max, sign, reserved } => {
            let (value, length) = number(rest, *min, *max, *sign, *reserved)?;
            parsed.set(*field, value)?;
            Some(at + length)
        }
        Item::ReducedYear { field, .. } => {
            let (value, length) = number(rest, 2, 2, Sign::Never, 0)?;
            parsed.set(*field, 2_000 + value)?;
            Some(at + length)
        }
        Item::Fraction { digits } => {
            let (value, length) = number(rest, *digits, *digits, Sign::Never, 0)?;
            parsed.set(Field::NanoOfSecond, value * 10_i64.pow(9 - *digits as u32))?;
            Some(at + length)
        }
        Item::Text { field, style } => {
            let (first, names) = names(*field, *style)?;
            let fitting = names.iter().enumerate().filter(|(_, name)| starts_with(rest, name));
            let (index, name) = fitting.max_by_key(|(_, name)| name.len())?;
            parsed.set(*field, first + index as i64)?;
            Some(at + name.len())
        }
        Item::ZoneId => {
            let (zone, length) = zone_id(rest)?;
            parsed.zone = Some(zone);
            Some(at + length)
        }
        Item::ZoneName => {
            let (zone, length) = zone_name(rest).or_else(|| zone_id(rest))?;
            parsed.zone = Some(zone);
            Some(at + length)
        }
        Item::LocalizedOffset { .. } => {
            let after = starts_with(rest, "GMT").then(|| &rest[3..])?;
            let in_offset = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | ':');
            let end = after.find(|c| !in_offset(c)).unwrap_or(after.len());
            let seconds = if end == 0 { 0 } else { parse_offset(&after[..end])? };
            parsed.zone = Some(Zone::fixed(seconds));
            Some(at + 3 + end)
        }
        Item::Offset(form) => {
            let (seconds, length) = offset(rest, form)?;
            parsed.zone = Some(Zone::fixed(seconds));
            Some(at + length)
        }
        Item::Optional(items) => {
            let mut attempt = parsed.clone();
            match read_all(items, text, at, &mut attempt) {
                Ok(end) => {
                    *parsed = attempt;
                    Some(end)
                }
                Err(_) => Some(at),
            }
        }
    }
}

/// Does a text begin with another, whatever the case?
fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|begin| {
        begin.eq_ignore_ascii_case(start) || begin.to_lowercase() == start.to_lowercase()
    })
}

/// A number from the start of a text, and its length.
fn number(text: &str, min: usize, max: usize, sign: Sign, reserved: usize) -> Option<(i64, usize)> {
    let bytes = text.as_bytes();
    let (negative, signed) = match (bytes.first(), sign) {
        (Some(b'-'), Sign::Normal | Sign::ExceedsPad) => (true, true),
        (Some(b'+'), Sign::ExceedsPad) => (false, true),
        _ => (false, false),
    };
    let start = usize::from(signed);
    let digits = bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut length = digits.min(max + reserved);
    if min < max && reserved > 0 {
        length = length.saturating_sub(reserved).max(min.min(length));
    }
    length = length.min(max);
    if length < min {
        return None;
    }
    if sign == Sign::ExceedsPad {
        // A plus sign stands before more digits than usual, and only before them.
        let long = length > min;
        if !negative && long != signed {
            return None;
        }
    }
    let value: i64 = text[start..start + length].parse().ok()?;
    if negative && value == 0 {
        return None;
    }
    Some((if negative { -value } else { value }, start + length))
}

/// An offset in seconds, and the length of its text.
fn offset(text: &str, form: &OffsetForm) -> Option<(i32, usize)> {
    if starts_with(text, form.zero) {
        return Some((0, form.zero.len()));
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let part = |at: usize, max: i32| {
        let digits = text.get(at..at + 2).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
        digits.parse::<i32>().ok().filter(|n| *n <= max)
    };
    let colon = usize::from(form.colon);
    let more = |at: usize| {
        let gap = !form.colon || text[at..].starts_with(':');
        if gap { part(at + colon, 59) } else { None }
    };
    let (mut seconds, mut at) = (part(1, 18)? * 3_600, 3);
    match more(at) {
        Some(minutes) => {
            seconds += minutes * 60;
            at += colon + 2;
        }
        None if form.minutes_optional => return Some((sign * seconds, at)),
        None => return None,
    }
    if form.seconds
        && let Some(rest) = more(at)
    {
        seconds += rest;
        at += colon + 2;
    }
    Some((sign * seconds, at))
}

/// The longest zone id that a text begins with.
fn zone_id(text: &str) -> Option<(Rc<Zone>, usize)> {
    let in_id = |c: char| c.is_ascii_alphanumeric() || "/_+-:".contains(c);
    let end = text.find(|c| !in_id(c)).unwrap_or(text.len());
    (1..=end).rev().find_map(|end| Some((Zone::of(&text[..end]).ok()?, end)))
}

/// Abbreviations of zones, and the zones that ksqlDB takes them for.
const ZONE_NAMES: &[(&str, &str)] = &[
    ("UTC", "UTC"),
    ("GMT", "GMT"),
    ("BST", "UTC"),
    ("WEST", "Europe/Lisbon"),
    ("WET", "Europe/Lisbon"),
    ("CEST", "Europe/Paris"),
    ("CET", "Europe/Paris"),
    ("EEST", "Europe/Bucharest"),
    ("EET", "Europe/Bucharest"),
    ("MSK", "Europe/Moscow"),
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
];

fn zone_name(text: &str) -> Option<(Rc<Zone>, usize)> {
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let known = ZONE_NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&text[..end]))?;
    Some((Zone::of(known.1).ok()?, end))
}
