//! Values as text, by Java's rules: how numbers are read from text and written as text.

use std::fmt::Write as _;

use arrow_buffer::i256;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::decimal::{Decimal, Rounding};

/// The largest TIME that is read: the real server lets a whole day pass.
pub(crate) const TIME_MAX: i64 = 86_400_000;

/// Base64 as `java.util.Base64` reads it: padding may be missing, spare bits may be set.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads an integer as `Long.parseLong` does: a sign and digits, nothing else.
#[inline]
pub(crate) fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    // Eighteen digits cannot overflow; more take the checked way.
    if digits.len() <= 18 {
        let mut value: i64 = 0;
        for digit in digits {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return parse_unicode(text);
            }
            value = value * 10 + i64::from(digit);
        }
        return Some(if negative { -value } else { value });
    }
    match std::str::from_utf8(text).ok()?.parse() {
        Ok(value) => Some(value),
        Err(_) => parse_unicode(text),
    }
}

/// Java takes the digits of every script.
fn parse_unicode(text: &[u8]) -> Option<i64> {
    if text.is_ascii() {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let digit = |c: char| match c {
        '+' | '-' => Some(c),
        _ => char::from_digit(unicode_digit(c)?, 10),
    };
    text.chars().map(digit).collect::<Option<String>>()?.parse().ok()
}

/// The value of a decimal digit of the Basic Multilingual Plane's common scripts.
fn unicode_digit(c: char) -> Option<u32> {
    const ZEROS: [char; 14] = [
        '0', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}',
        '\u{b66}', '\u{be6}', '\u{c66}', '\u{ce6}', '\u{e50}', '\u{ff10}',
    ];
    ZEROS.iter().find_map(|zero| (c as u32).checked_sub(*zero as u32).filter(|d| *d < 10))
}

/// Reads an integer as `Integer.parseInt` does.
#[inline]
pub(crate) fn parse_i32(text: &[u8]) -> Option<i32> {
    parse_i64(text).and_then(|n| i32::try_from(n).ok())
}

/// Reads a double as `Double.parseDouble` does: blanks around it, a trailing `d` or `f`, `NaN`,
/// `Infinity` and hexadecimal digits (`0x1.8p1`) are fine.
pub(crate) fn parse_f64(text: &[u8]) -> Option<f64> {
    if let Some(value) = parse_short_f64(text) {
        return Some(value);
    }
    // Digits at both ends: what Rust reads here, Java reads as well.
    if let ([b'0'..=b'9', .., b'0'..=b'9'] | [b'-', b'0'..=b'9', .., b'0'..=b'9'], Ok(text)) =
        (text, std::str::from_utf8(text))
        && let Ok(value) = text.parse()
    {
        return Some(value);
    }
    let text = std::str::from_utf8(text).ok()?.trim_matches(|c| c <= ' ');
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = |value: f64| Some(if negative { -value } else { value });
    match magnitude {
        "NaN" => return signed(f64::NAN),
        "Infinity" => return signed(f64::INFINITY),
        _ => {}
    }
    if magnitude.starts_with("0x") || magnitude.starts_with("0X") {
        return parse_hex_f64(&magnitude[2..]).and_then(signed);
    }
    let digits = magnitude.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(magnitude);
    // Rust also reads words such as "inf": only numbers from here.
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    digits.parse().ok().and_then(signed)
}

/// Reads a number of few digits, `-12.345`: both the digits and the power of ten are doubles
/// without rounding, so their quotient is the double nearest to it. `None`: to be read otherwise.
#[inline]
fn parse_short_f64(text: &[u8]) -> Option<f64> {
    const DIGITS_MAX: usize = 15;
    const POWERS: [f64; DIGITS_MAX + 1] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (negative, number) = match text {
        [b'-', number @ ..] => (true, number),
        number => (false, number),
    };
    // A point, and a digit at either end of the number.
    if number.len() > DIGITS_MAX + 1 || !number.first()?.is_ascii_digit() {
        return None;
    }
    let mut digits: u64 = 0;
    let mut point = None;
    for (at, byte) in number.iter().enumerate() {
        match byte.wrapping_sub(b'0') {
            digit @ 0..=9 => digits = digits * 10 + u64::from(digit),
            _ if *byte == b'.' && point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let decimals = point.map_or(0, |at| number.len() - at - 1);
    if number.len() - usize::from(point.is_some()) > DIGITS_MAX || number.ends_with(b".") {
        return None;
    }
    let value = digits as f64 / POWERS[decimals];
    Some(if negative { -value } else { value })
}

fn parse_hex_f64(text: &str) -> Option<f64> {
    let text = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let at = text.find(['p', 'P'])?;
    let exponent: i32 = text[at + 1..].parse().ok()?;
    let (whole, fraction) = text[..at].split_once('.').unwrap_or((&text[..at], ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 13 {
        return None;
    }
    let mantissa = u64::from_str_radix(&digits, 16).ok()?;
    let shift = exponent.saturating_sub(4 * fraction.len() as i32).clamp(-2000, 2000);
    Some(mantissa as f64 * 2f64.powi(shift))
}

/// Reads text as `new BigDecimal(text)` does.
pub(crate) fn parse_decimal(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

/// Fits a number into `DECIMAL(precision, scale)`, rounding half up; or says why it does not.
pub(crate) fn fit_decimal(value: Decimal, precision: u8, scale: u8) -> Result<Decimal, String> {
    let rounded = value.with_scale(scale, Rounding::HalfUp).filter(|d| d.fits(precision));
    rounded.ok_or_else(|| {
        format!(
            "Numeric field overflow: A field with precision {precision} and scale {scale} must \
             round to an absolute value less than 10^{}. Got {value}",
            i32::from(precision) - i32::from(scale)
        )
    })
}

/// Reads base64 into `into`.
pub(crate) fn parse_base64(text: &[u8], into: &mut Vec<u8>) -> Result<(), String> {
    let start = into.len();
    if BASE64.decode_vec(text, into).is_err() {
        into.truncate(start);
        let text = String::from_utf8_lossy(text);
        return Err(format!("Value is not a valid Base64 encoded string: {text}"));
    }
    Ok(())
}

/// Appends base64 with padding.
pub(crate) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(BASE64.encode(bytes).as_bytes());
}

/// Appends an integer.
#[inline]
pub(crate) fn write_i64(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a double as `Double.toString` writes it, with the fewest digits that read back:
/// `0.1`, `1.0E10`, `NaN`, `-Infinity`.
pub(crate) fn write_f64(value: f64, out: &mut Vec<u8>) {
    model::text::write_double(value, out);
}

/// Appends a decimal in plain digits.
pub(crate) fn write_decimal(value: Decimal, out: &mut Vec<u8>) {
    match i256::to_i128(value.unscaled) {
        // The common case needs no text in between.
        Some(unscaled) if i64::try_from(unscaled).is_ok() => {
            let scale = usize::from(value.scale);
            let start = out.len();
            write_i64(unscaled as i64, out);
            if scale == 0 {
                return;
            }
            let sign = usize::from(unscaled < 0);
            let digits = out.len() - start - sign;
            for _ in digits..scale + 1 {
                out.insert(start + sign, b'0');
            }
            let point = out.len() - scale;
            out.insert(point, b'.');
        }
        _ => {
            let mut text = String::new();
            let _ = write!(text, "{value}");
            out.extend_from_slice(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_java_writes_them() {
        let check = |value: f64, expect: &str| {
            let mut out = Vec::new();
            write_f64(value, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expect);
        };
        check(0.0, "0.0");
        check(-0.0, "-0.0");
        check(0.001, "0.001");
        check(0.0001, "1.0E-4");
        check(-1e-5, "-1.0E-5");
        check(9999999.0, "9999999.0");
        check(1e7, "1.0E7");
        check(123456789.0, "1.23456789E8");
        check(1e300, "1.0E300");
        check(f64::MIN_POSITIVE, "2.2250738585072014E-308");
        check(f64::NAN, "NaN");
        check(f64::NEG_INFINITY, "-Infinity");
    }

    #[test]
    fn decimals_are_written_in_plain_digits() {
        for text in ["0.05", "-0.05", "12.30", "-12.30", "0", "100", "1234567890123456789012.5"] {
            let mut out = Vec::new();
            write_decimal(text.parse().unwrap_or_else(|e| panic!("{e}")), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn short_doubles_are_the_nearest_to_their_digits() {
        let mut digits: u64 = 1;
        for round in 0..20_000usize {
            digits = digits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round as u64);
            let mut text = (digits % 10u64.pow(1 + round as u32 % 16)).to_string();
            text.insert(round % (text.len() + 1), '.');
            for text in [format!("-{text}"), text] {
                let expect: Option<f64> = text.parse().ok();
                let found = parse_f64(text.as_bytes());
                assert_eq!(found.map(f64::to_bits), expect.map(f64::to_bits), "{text}");
            }
        }
    }

    #[test]
    fn numbers_are_read_as_java_reads_them() {
        assert_eq!(parse_i64(b"+1"), Some(1));
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_i64(b"9223372036854775808"), None);
        assert_eq!(parse_i64("٣".as_bytes()), Some(3));
        assert_eq!(parse_i64(b""), None);
        assert_eq!(parse_i64(b"-"), None);
        assert_eq!(parse_i32(b"2147483648"), None);
        assert_eq!(parse_f64(b" 1 "), Some(1.0));
        assert_eq!(parse_f64(b"1d"), Some(1.0));
        assert_eq!(parse_f64(b"0x1.8p1"), Some(3.0));
        assert_eq!(parse_f64(b"inf"), None);
        assert_eq!(parse_f64(b"1.2.3"), None);
        assert_eq!(parse_f64(b"-"), None);
        assert_eq!(parse_f64(b"-Infinity"), Some(f64::NEG_INFINITY));
    }
}
