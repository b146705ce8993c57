//! Numbers in texts, read as Java reads them, and numbers as other numbers.

use arrow_buffer::i256;
use model::Decimal;
use model::decimal::Rounding;

/// Java's `String.trim`: everything up to the blank.
fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// The zeros of Unicode's blocks of ten decimal digits (of the basic plane).
const ZEROS: [u32; 37] = [
    0x0030, 0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6,
    0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80,
    0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0,
    0xff10,
];

/// The value of a decimal digit of any script.
fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).map(|d| d as u8);
    }
    let code = u32::from(c);
    let zero = ZEROS[ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?];
    (code - zero < 10).then(|| (code - zero) as u8)
}

/// A whole number: blanks around it and a plus sign are fine, a point is not.
pub(super) fn parse_whole(text: &str) -> Option<i64> {
    let text = trim(text);
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number: i64 = 0;
    for c in digits.chars() {
        // Downwards, for the smallest number has no positive twin.
        number = number.checked_mul(10)?.checked_sub(i64::from(digit(c)?))?;
    }
    if negative { Some(number) } else { number.checked_neg() }
}

/// A double: `1.5`, `.5`, `1e3`, also `1d`, `1f` and `0x1p3`; NaN and the infinities are refused.
pub(super) fn parse_double(text: &str) -> Option<f64> {
    let text = trim(text);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.starts_with("0x") || unsigned.starts_with("0X") {
        let magnitude = parse_hex_double(&unsigned[2..])?;
        return Some(if text.starts_with('-') { -magnitude } else { magnitude });
    }
    let text = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let plain = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let number: f64 = if plain { text.parse().ok()? } else { return None };
    number.is_finite().then_some(number)
}

/// `1.8p3` behind the `0x`; the exponent is required.
fn parse_hex_double(text: &str) -> Option<f64> {
    let text = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 {
        return None;
    }
    let mut number = 0.0;
    for c in whole.chars().chain(fraction.chars()) {
        number = number * 16.0 + f64::from(c.to_digit(16)?);
    }
    let exponent = exponent.parse::<i32>().ok()? - 4 * fraction.len() as i32;
    let number = number * 2f64.powi(exponent);
    number.is_finite().then_some(number)
}

/// `true`, `yes` and what they start with, in any case, are true, everything else is false.
pub(super) fn parse_boolean(text: &str) -> bool {
    let begins = |word: &str| word.get(..text.len()).is_some_and(|w| w.eq_ignore_ascii_case(text));
    !text.is_empty() && (begins("true") || begins("yes"))
}

/// A decimal number rounded half up to `scale` digits behind the point, without its scale; `None`
/// if it is no number or has too many digits. As in ksqlDB that is checked before rounding, so that
/// 99.999 as DECIMAL(4, 2) is 100.00.
pub(super) fn parse_decimal(text: &str, precision: u8, scale: u8) -> Option<i256> {
    let text = trim(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => {
            let exponent = &text[at + 1..];
            let plain = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if plain.is_empty() || plain.len() > 10 || !plain.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            (&text[..at], exponent.parse::<i64>().ok()?)
        }
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.as_bytes().first()? {
        b'-' => (true, &mantissa[1..]),
        b'+' => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let mut digits = Vec::with_capacity(mantissa.len());
    let mut point = None;
    for c in mantissa.chars() {
        match (c, point) {
            ('.', None) => point = Some(digits.len()),
            (c, _) => digits.push(digit(c)?),
        }
    }
    if digits.is_empty() {
        return None;
    }
    // How many of the digits count: those up to `scale` behind the (moved) point.
    let whole = point.unwrap_or(digits.len()) as i64 + exponent;
    let kept = whole + i64::from(scale);
    let mut number = i256::ZERO;
    let bound = Decimal::pow10(u32::from(precision))?;
    let ten = i256::from_i128(10);
    let significant = digits.iter().position(|d| *d != 0).unwrap_or(digits.len());
    if significant == digits.len() {
        return Some(i256::ZERO);
    }
    if kept - significant as i64 > i64::from(precision) {
        return None;
    }
    for at in significant as i64..kept {
        let next = digits.get(at as usize).copied().unwrap_or(0);
        number = number.checked_mul(ten)?.checked_add(i256::from_i128(i128::from(next)))?;
    }
    if number >= bound {
        return None;
    }
    let following = usize::try_from(kept).ok().and_then(|at| digits.get(at));
    if following.is_some_and(|d| *d >= 5) && (kept >= significant as i64 - 1) {
        number = number.checked_add(i256::ONE)?;
    }
    Some(if negative { number.wrapping_neg() } else { number })
}

/// A double's exact value rounded half up to `scale` digits behind the point, without its scale;
/// `None` for NaN, the infinities, and what has more than `precision` digits before rounding.
pub(super) fn double_to_decimal(number: f64, precision: u8, scale: u8) -> Option<i256> {
    if !number.is_finite() {
        return None;
    }
    let bits = number.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = match (bits >> 52) & 0x7ff {
        0 => (fraction, -1074),
        biased => (fraction | (1 << 52), biased as i32 - 1075),
    };
    let power = Decimal::pow10(u32::from(scale))?;
    let scaled = i256::from_i128(i128::from(mantissa)).checked_mul(power)?;
    let bound = Decimal::pow10(u32::from(precision))?;
    let unscaled = if exponent >= 0 {
        let two = i256::from_i128(2).checked_pow(exponent as u32)?;
        scaled.checked_mul(two).filter(|n| *n < bound)?
    } else if exponent < -250 {
        // Less than half of the last digit.
        i256::ZERO
    } else {
        let shift = (-exponent) as u8;
        if scaled >> shift >= bound {
            return None;
        }
        scaled.checked_add(i256::ONE << (shift - 1))? >> shift
    };
    Some(if number < 0.0 { unscaled.wrapping_neg() } else { unscaled })
}

/// A decimal of another size, rounded half up; checked before rounding, as above.
pub(super) fn resized(number: Decimal, precision: u8, scale: u8) -> Option<Decimal> {
    let cut = number.with_scale(scale, Rounding::Down)?;
    cut.fits(precision).then_some(())?;
    number.with_scale(scale, Rounding::HalfUp)
}

/// Powers of ten that a double holds exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The nearest double.
pub(super) fn decimal_to_double(number: Decimal) -> f64 {
    const EXACT_MAX: i128 = 1 << 53;
    match (number.unscaled.to_i128(), TENS.get(usize::from(number.scale))) {
        // Both are exact, so the quotient is rounded only once.
        (Some(n), Some(ten)) if (-EXACT_MAX..=EXACT_MAX).contains(&n) => n as f64 / ten,
        _ => number.to_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_java_reads_them() {
        for (text, expected) in [
            ("1", Some(1)),
            (" +1\n", Some(1)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("\u{0661}\u{0662}\u{0663}", Some(123)),
            ("1.0", None),
            ("", None),
            ("-", None),
            ("1_000", None),
            ("--1", None),
        ] {
            assert_eq!(parse_whole(text), expected, "{text}");
        }
    }

    #[test]
    fn doubles_are_read_as_java_reads_them() {
        for (text, expected) in [
            ("1e3", Some(1000.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1d", Some(1.0)),
            ("-0x1p3", Some(-8.0)),
            ("0x10", None),
            ("NaN", None),
            ("inf", None),
            ("1e400", None),
            ("1e-400", Some(0.0)),
            ("", None),
            ("e", None),
        ] {
            assert_eq!(parse_double(text), expected, "{text}");
        }
    }

    #[test]
    fn decimals_are_rounded_half_up() {
        for (text, expected) in [
            ("99999.995", Some("100000.00")),
            ("0.005", Some("0.01")),
            ("-0.005", Some("-0.01")),
            ("0.0049", Some("0.00")),
            ("1e3", Some("1000.00")),
            ("4.9e-324", Some("0.00")),
            ("1e400", None),
            ("0e400", Some("0.00")),
            ("999999", None),
            ("1d", None),
            (".", None),
            ("1.2.3", None),
        ] {
            let number = parse_decimal(text, 7, 2).map(|n| Decimal::new(n, 2).to_string());
            assert_eq!(number.as_deref(), expected, "{text}");
        }
        let exact = double_to_decimal(0.3, 38, 37).map(|n| Decimal::new(n, 37).to_string());
        assert_eq!(exact.as_deref(), Some("0.2999999999999999888977697537484345958"));
        assert_eq!(double_to_decimal(5e-324, 10, 0), Some(i256::ZERO));
        assert_eq!(double_to_decimal(2.5, 10, 0), Some(i256::from_i128(3)));
        assert_eq!(double_to_decimal(1e300, 38, 0), None);
    }

    #[test]
    fn truth_is_a_prefix() {
        assert!(parse_boolean("t") && parse_boolean("TRU") && parse_boolean("y"));
        assert!(
            !parse_boolean("")
                && !parse_boolean("1")
                && !parse_boolean("truely")
                && !parse_boolean(" t")
        );
    }
}
