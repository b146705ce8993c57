//! Checked JSON values into cells, with ksqlDB's coercions: numbers to text, text to numbers, any
//! number to an integer, and nothing else.

use std::ops::Range;

use model::decimal::Decimal;

use super::scan::{Scanner, elements, members, unescape};
use crate::cells::Cells;
use crate::delimited::time_of;
use crate::text::{fit_decimal, parse_decimal, parse_f64, parse_i32, parse_i64};

/// The members of an object that columns want, by position.
pub(crate) struct Names {
    names: Vec<String>,
}

/// What was found for a column: where its value lies, and whether the name matched to the letter.
#[derive(Clone, Default)]
pub(crate) struct Found {
    range: Option<Range<usize>>,
    is_exact: bool,
}

impl Names {
    pub(crate) fn new(names: impl Iterator<Item = String>) -> Self {
        Self { names: names.collect() }
    }

    /// The column that a member belongs to: the one of its name, else the one of its name in
    /// upper case. `hint` is where it is looked for first.
    #[inline]
    fn find(&self, name: &[u8], hint: usize) -> Option<(usize, bool)> {
        if self.names.get(hint).is_some_and(|n| n.as_bytes() == name) {
            return Some((hint, true));
        }
        find_name(self.names.iter().map(String::as_str), name)
    }
}

fn find_name<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    name: &[u8],
) -> Option<(usize, bool)> {
    if let Some(at) = names.clone().position(|n| n.as_bytes() == name) {
        return Some((at, true));
    }
    let upper = |n: &str| {
        n.len() == name.len() && n.bytes().zip(name).all(|(a, b)| a == b.to_ascii_uppercase())
    };
    let mut names = names;
    let at = match name.is_ascii() {
        true => names.position(upper),
        false => {
            let name = std::str::from_utf8(name).ok()?.to_uppercase();
            names.position(|n| n == name)
        }
    };
    at.map(|at| (at, false))
}

/// Reads the members of an object (a whole payload, checked on the way) into one cell of each
/// wanted column.
pub(crate) fn read_row(
    names: &Names,
    text: &[u8],
    cells: &mut [Cells],
    wanted: Option<&[bool]>,
    found: &mut Vec<Found>,
) -> Result<(), String> {
    found.clear();
    found.resize(cells.len(), Found::default());
    let mut scanner = Scanner::new(text);
    scanner.eat(b'{');
    if !scanner.eat(b'}') {
        let mut hint = 0;
        let mut unescaped = Vec::new();
        loop {
            let (mut name, has_escapes) = scanner.string()?;
            if has_escapes {
                unescaped.clear();
                unescape(name, &mut unescaped);
                name = &unescaped;
            }
            if !scanner.eat(b':') {
                return Err(scanner.unexpected("colon between field name and value"));
            }
            let value = scanner.value()?;
            if let Some((column, is_exact)) = names.find(name, hint) {
                hint = column + 1;
                let end = scanner.at();
                let slot = &mut found[column];
                if is_exact || !slot.is_exact {
                    *slot = Found { range: Some(end - value.len()..end), is_exact };
                }
            }
            if scanner.eat(b'}') {
                break;
            }
            if !scanner.eat(b',') {
                return Err(scanner.unexpected("comma or close marker for Object"));
            }
        }
    }
    for (column, cells) in cells.iter_mut().enumerate() {
        if wanted.is_some_and(|w| !w[column]) {
            continue;
        }
        match &found[column].range {
            Some(range) => read_value(&text[range.clone()], cells)?,
            None => cells.push_null(),
        }
    }
    Ok(())
}

/// The name Jackson has for a kind of value, for messages.
pub(crate) fn node_name(text: &[u8]) -> &'static str {
    match text.first() {
        None => "MissingNode",
        Some(b'"') => "TextNode",
        Some(b'{') => "ObjectNode",
        Some(b'[') => "ArrayNode",
        Some(b't' | b'f') => "BooleanNode",
        Some(b'n') => "NullNode",
        Some(_) if !is_integer(text) => "DecimalNode",
        Some(_) => match parse_i64(text) {
            Some(n) if i32::try_from(n).is_ok() => "IntNode",
            Some(_) => "LongNode",
            None => "BigIntegerNode",
        },
    }
}

fn is_integer(number: &[u8]) -> bool {
    !number.iter().any(|b| matches!(b, b'.' | b'e' | b'E'))
}

/// Reads a checked value into a cell.
#[inline]
pub(crate) fn read_value(text: &[u8], cells: &mut Cells) -> Result<(), String> {
    let first = text.first().copied().unwrap_or(b'n');
    if first == b'n' {
        cells.push_null();
        return Ok(());
    }
    match (first, &mut *cells) {
        (b'"', Cells::String(cells)) => {
            let inner = &text[1..text.len() - 1];
            match memchr::memchr(b'\\', inner) {
                None => cells.push(inner),
                Some(_) => {
                    unescape(inner, cells.open());
                    cells.close();
                }
            }
        }
        (_, Cells::String(cells)) => {
            let value = text_of(text)?;
            cells.push(value.as_bytes());
        }
        (b't' | b'f', Cells::Boolean(cells)) => cells.push(first == b't'),
        (b'"', Cells::Bytes(cells)) => {
            let inner = inner_text(text);
            read_base64(&inner, cells.open())?;
            cells.close();
        }
        (b'-' | b'0'..=b'9', _) => return read_number(text, cells),
        (b'"', _) => return read_text(text, cells),
        (b'[', Cells::Array(list)) => {
            elements(text).try_for_each(|element| read_value(element, &mut list.items))?;
            list.close();
        }
        (b'{', Cells::Map(map)) => {
            for (name, has_escapes, value) in distinct_members(text) {
                let [keys, values] = &mut map.entries[..] else {
                    unreachable!("a MAP has keys and values");
                };
                let Cells::String(keys) = keys else { unreachable!("refused by check") };
                match has_escapes {
                    true => {
                        unescape(name, keys.open());
                        keys.close();
                    }
                    false => keys.push(name),
                }
                read_value(value, values)?;
            }
            map.close();
        }
        (b'{', Cells::Struct(cells)) => {
            let mut found = vec![(None, false); cells.fields.len()];
            for (name, has_escapes, value) in members(text) {
                let mut unescaped = Vec::new();
                let name = match has_escapes {
                    true => {
                        unescape(name, &mut unescaped);
                        &unescaped[..]
                    }
                    false => name,
                };
                let names = cells.names.iter().map(String::as_str);
                if let Some((field, is_exact)) = find_name(names, name)
                    && (is_exact || !found[field].1)
                {
                    found[field] = (Some(value), is_exact);
                }
            }
            for (field, (value, _)) in cells.fields.iter_mut().zip(found) {
                match value {
                    Some(value) => read_value(value, field)?,
                    None => field.push_null(),
                }
            }
            cells.close();
        }
        _ => return Err(cannot_convert(text, cells)),
    }
    Ok(())
}

/// The members of an object, the last one of each name.
pub(crate) fn distinct_members(text: &[u8]) -> Vec<(&[u8], bool, &[u8])> {
    let mut all: Vec<_> = members(text).collect();
    let is_repeated = |all: &[(&[u8], bool, &[u8])]| match all.len() {
        0..=16 => all.iter().enumerate().any(|(i, m)| all[..i].iter().any(|o| o.0 == m.0)),
        _ => {
            let mut names = std::collections::HashSet::new();
            !all.iter().all(|m| names.insert(m.0))
        }
    };
    if is_repeated(&all) {
        // A later member takes the place of an earlier one.
        let mut places: std::collections::HashMap<&[u8], usize> = Default::default();
        let mut kept: Vec<(&[u8], bool, &[u8])> = Vec::new();
        for member in all {
            match places.get(member.0) {
                Some(place) => kept[*place] = member,
                None => {
                    places.insert(member.0, kept.len());
                    kept.push(member);
                }
            }
        }
        all = kept;
    }
    all
}

pub(crate) fn cannot_convert(text: &[u8], cells: &Cells) -> String {
    format!("Can't convert type. sourceType: {}, requiredType: {}", node_name(text), cells.name())
}

fn inner_text(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    unescape(&text[1..text.len() - 1], &mut out);
    out
}

/// Base64 as Jackson reads it: padding is required.
pub(crate) fn read_base64(inner: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    if !inner.len().is_multiple_of(4) {
        let text = String::from_utf8_lossy(inner);
        return Err(format!("Value is not a valid Base64 encoded string: {text}"));
    }
    crate::text::parse_base64(inner, out)
}

fn read_text(text: &[u8], cells: &mut Cells) -> Result<(), String> {
    let inner = inner_text(text);
    let refused = |name: &str| {
        let text = String::from_utf8_lossy(&inner).into_owned();
        format!("Can't coerce string to type. targetType: {name}, value: {text}")
    };
    let name = cells.name();
    match cells {
        Cells::Integer(cells) => cells.push(parse_i32(&inner).ok_or_else(|| refused(name))?),
        Cells::Bigint(cells) => cells.push(parse_i64(&inner).ok_or_else(|| refused(name))?),
        Cells::Double(cells) => cells.push(parse_f64(&inner).ok_or_else(|| refused(name))?),
        Cells::Decimal(cells) => {
            let value = std::str::from_utf8(&inner).ok().and_then(parse_decimal);
            let value = value.ok_or_else(|| refused(name))?;
            cells.push(fit_decimal(value, cells.precision, cells.scale)?);
        }
        Cells::Date(cells) => {
            let days = parse_i64(&inner).ok_or_else(|| refused(name))?;
            cells.push(saturated(days));
        }
        Cells::Time(cells) => {
            let ms = parse_i64(&inner).ok_or_else(|| refused(name))?;
            cells.push(time_of(ms)?);
        }
        Cells::Timestamp(cells) => cells.push(parse_i64(&inner).ok_or_else(|| refused(name))?),
        _ => return Err(cannot_convert(text, cells)),
    }
    Ok(())
}

/// Days beyond what a DATE holds become its first or last.
fn saturated(days: i64) -> i32 {
    days.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

fn read_number(text: &[u8], cells: &mut Cells) -> Result<(), String> {
    match cells {
        Cells::Integer(cells) => cells.push(integer(text) as i32),
        Cells::Bigint(cells) => cells.push(integer(text)),
        Cells::Double(cells) => {
            // By way of a decimal, which has no minus zero.
            cells.push(parse_f64(text).unwrap_or_default() + 0.0);
        }
        Cells::Decimal(cells) => {
            let value = std::str::from_utf8(text).ok().and_then(parse_decimal);
            let value = value.ok_or_else(|| "Numeric field overflow".to_string())?;
            cells.push(fit_decimal(value, cells.precision, cells.scale)?);
        }
        Cells::Date(cells) => cells.push(saturated(integer(text))),
        Cells::Time(cells) => cells.push(time_of(integer(text))?),
        Cells::Timestamp(cells) => cells.push(integer(text)),
        _ => return Err(cannot_convert(text, cells)),
    }
    Ok(())
}

/// Any number as 64 bits: the fraction is dropped, and so are higher bits.
#[inline]
pub(crate) fn integer(text: &[u8]) -> i64 {
    if let Some(value) = parse_i64(text) {
        return value;
    }
    let value: Option<Decimal> = std::str::from_utf8(text).ok().and_then(parse_decimal);
    let whole = value.and_then(|d| d.with_scale(0, model::decimal::Rounding::Down));
    whole.map_or(0, |whole| {
        let bytes = whole.unscaled.to_be_bytes();
        let low = bytes[24..].try_into().unwrap_or([0; 8]);
        i64::from_be_bytes(low)
    })
}

/// A value that is not a text, as text.
pub(crate) fn text_of(text: &[u8]) -> Result<String, String> {
    let plain = || String::from_utf8_lossy(text).into_owned();
    match text.first() {
        Some(b'"') => Ok(String::from_utf8_lossy(&inner_text(text)).into_owned()),
        Some(b'[') => {
            let elements: Result<Vec<_>, _> = elements(text).map(text_of).collect();
            Ok(format!("[{}]", elements?.join(", ")))
        }
        Some(b'{') => {
            let value: serde_json::Value =
                serde_json::from_slice(text).map_err(|e| e.to_string())?;
            Ok(value.to_string())
        }
        Some(b'-' | b'0'..=b'9') => Ok(number_text(&plain())),
        _ => Ok(plain()),
    }
}

/// A number as `BigDecimal.toString` writes it: digits as they are, unless there is an exponent.
fn number_text(number: &str) -> String {
    let (negative, magnitude) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = match magnitude.find(['e', 'E']) {
        Some(at) => (&magnitude[..at], magnitude[at + 1..].parse::<i64>().unwrap_or(0)),
        None => (magnitude, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let sign = if negative && digits.bytes().any(|b| b != b'0') { "-" } else { "" };
    let scale = fraction.len() as i64 - exponent;
    let adjusted = digits.len() as i64 - 1 - scale;
    if scale >= 0 && adjusted >= -6 {
        let scale = scale as usize;
        if scale == 0 {
            return format!("{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        return format!("{sign}{whole}.{fraction}");
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let plus = if adjusted >= 0 { "+" } else { "" };
    format!("{sign}{first}{point}{rest}E{plus}{adjusted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_text_as_bigdecimal_writes_them() {
        let check = |number: &str, expect: &str| assert_eq!(number_text(number), expect);
        check("1", "1");
        check("-0.0", "0.0");
        check("1000.00", "1000.00");
        check("1E-3", "0.001");
        check("1e3", "1E+3");
        check("1.5e-10", "1.5E-10");
        check("-12e1", "-1.2E+2");
    }

    #[test]
    fn integers_wrap_and_drop_their_fraction() {
        assert_eq!(integer(b"9223372036854775808"), i64::MIN);
        assert_eq!(integer(b"1.9"), 1);
        assert_eq!(integer(b"-1.9"), -1);
        assert_eq!(integer(b"1e3"), 1000);
        assert_eq!(integer(b"1e999"), 0);
    }
}
