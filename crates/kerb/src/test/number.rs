//! Numbers as Java's `BigDecimal` sees them: digits and a scale, so that `1.0` is not `1.00`.

/// A decimal number, exactly as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exact {
    is_negative: bool,
    /// Without leading zeros; empty for zero.
    digits: String,
    /// How many of the digits stand behind the point; negative with an exponent.
    scale: i64,
}

impl Exact {
    /// Reads `-12.30`, `1.0E-4`; `None` for what is no number.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (is_negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{part}");
        if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = all.trim_start_matches('0').to_owned();
        let scale = part.len() as i64 - exponent;
        Some(Self { is_negative: is_negative && !digits.is_empty(), digits, scale })
    }

    /// Has it no point and no exponent?
    pub(crate) fn is_integer(text: &str) -> bool {
        text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
    }

    /// The same number, whatever the scale?
    pub(crate) fn same_value(&self, other: &Self) -> bool {
        self.normal() == other.normal()
    }

    /// Does it stand for a whole number by its scale: `5`, `5E3`, but not `5.0`?
    pub(crate) fn is_whole(&self) -> bool {
        self.scale <= 0
    }

    /// The same number cut off at the point, as Java's `intValue` does it.
    pub(crate) fn truncated(&self) -> Self {
        let keep = self.digits.len() as i64 - self.scale;
        let digits = match self.scale {
            ..=0 => format!("{}{}", self.digits, "0".repeat(self.scale.unsigned_abs() as usize)),
            _ => self.digits[..keep.max(0) as usize].to_owned(),
        };
        let digits = if self.digits.is_empty() { String::new() } else { digits };
        Self { is_negative: self.is_negative && !digits.is_empty(), digits, scale: 0 }
    }

    fn normal(&self) -> (bool, &str, i64) {
        let short = self.digits.trim_end_matches('0');
        let scale = self.scale - (self.digits.len() - short.len()) as i64;
        (self.is_negative, short, if short.is_empty() { 0 } else { scale })
    }
}

/// Are the texts the same double, one of them written with more digits than need be?
pub(crate) fn same_long_double(a: &str, b: &str) -> bool {
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let is_double = |text: &str| text.contains(['.', 'e', 'E']);
    is_double(a)
        && is_double(b)
        && digits(a).max(digits(b)) >= 16
        && a.parse::<f64>().ok().zip(b.parse::<f64>().ok()).is_some_and(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::parse(text).expect("a number")
    }

    #[test]
    fn scale_counts_for_equality_and_not_for_value() {
        assert_ne!(exact("1.0"), exact("1.00"));
        assert!(exact("1.0").same_value(&exact("1.00")));
        assert!(exact("1.0E10").same_value(&exact("10000000000")));
        assert_eq!(exact("1.0E2"), exact("10E1"));
        assert!(exact("-0.0").same_value(&exact("0")));
        assert!(!exact("-1").same_value(&exact("1")));
        assert_eq!(Exact::parse("NaN"), None);
    }

    #[test]
    fn numbers_are_cut_off_at_the_point() {
        assert_eq!(exact("5.9").truncated(), exact("5"));
        assert_eq!(exact("-0.9").truncated(), exact("0"));
        assert_eq!(exact("5E3").truncated(), exact("5000"));
        assert!(exact("5E3").is_whole() && !exact("5.0").is_whole());
    }
}
