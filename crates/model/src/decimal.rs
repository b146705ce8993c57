//! Exact decimal numbers: an unscaled integer and a scale, as in Java's `BigDecimal`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use arrow_buffer::i256;

/// `unscaled * 10^-scale`. Two decimals are equal (`==`) only with the same scale; see
/// [`Decimal::cmp_value`] for the order of the numbers themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// All digits, as one integer of up to 76 digits.
    pub unscaled: i256,
    /// How many of them stand behind the point; never negative here.
    pub scale: u8,
}

/// Why a text is not a [`Decimal`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most 76 digits: {0}")]
pub struct ParseDecimalError(pub String);

/// How to drop digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Ties away from zero: Java's `HALF_UP`.
    HalfUp,
    /// Towards zero: Java's `DOWN`.
    Down,
    /// Towards negative infinity.
    Floor,
    /// Towards positive infinity.
    Ceiling,
    /// None: a digit that would be dropped must be 0, else there is no result.
    Unnecessary,
}

impl Decimal {
    /// `unscaled * 10^-scale`
    pub fn new(unscaled: impl Into<i256>, scale: u8) -> Self {
        Self { unscaled: unscaled.into(), scale }
    }

    /// Ten to the power of `exponent`; `None` from 77 up.
    pub fn pow10(exponent: u32) -> Option<i256> {
        i256::from_i128(10).checked_pow(exponent)
    }

    /// The same number with another scale; `None` if it does not fit into 256 bits or `rounding`
    /// is [`Rounding::Unnecessary`] and a digit is lost.
    pub fn with_scale(self, scale: u8, rounding: Rounding) -> Option<Self> {
        match scale.cmp(&self.scale) {
            Ordering::Equal => Some(self),
            Ordering::Greater => {
                let factor = Self::pow10(u32::from(scale - self.scale))?;
                Some(Self { unscaled: self.unscaled.checked_mul(factor)?, scale })
            }
            Ordering::Less => {
                let unscaled = match Self::pow10(u32::from(self.scale - scale)) {
                    Some(divisor) => div_round(self.unscaled, divisor, rounding)?,
                    None if self.unscaled == i256::ZERO => i256::ZERO,
                    None => return None,
                };
                Some(Self { unscaled, scale })
            }
        }
    }

    /// Digits in all, as Java's `precision()`: 1 for zero.
    pub fn precision(&self) -> u8 {
        let digits = self.unscaled.to_string();
        digits.trim_start_matches('-').len() as u8
    }

    /// Does it fit into `DECIMAL(precision, scale)` after rescaling to that scale?
    pub fn fits(&self, precision: u8) -> bool {
        self.precision() <= precision
    }

    /// The order of the numbers: 1.0 and 1.00 are equal.
    pub fn cmp_value(&self, other: &Decimal) -> Ordering {
        let scale = self.scale.max(other.scale);
        match (
            self.with_scale(scale, Rounding::Unnecessary),
            other.with_scale(scale, Rounding::Unnecessary),
        ) {
            (Some(a), Some(b)) => a.unscaled.cmp(&b.unscaled),
            _ => self.to_f64().total_cmp(&other.to_f64()),
        }
    }

    /// The nearest double.
    pub fn to_f64(&self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The whole part, towards zero; `None` beyond 128 bits.
    pub fn to_i128(&self) -> Option<i128> {
        self.with_scale(0, Rounding::Down)?.unscaled.to_i128()
    }
}

/// `dividend / divisor` (a positive divisor), rounded.
pub fn div_round(dividend: i256, divisor: i256, rounding: Rounding) -> Option<i256> {
    let quotient = dividend.checked_div(divisor)?;
    let rest = dividend.checked_rem(divisor)?;
    if rest == i256::ZERO {
        return Some(quotient);
    }
    let negative = rest < i256::ZERO;
    let away = match rounding {
        Rounding::Down => false,
        Rounding::Floor => negative,
        Rounding::Ceiling => !negative,
        Rounding::HalfUp => {
            let magnitude = if negative { rest.wrapping_neg() } else { rest };
            magnitude >= divisor.wrapping_sub(magnitude)
        }
        Rounding::Unnecessary => return None,
    };
    match (away, negative) {
        (false, _) => Some(quotient),
        (true, true) => quotient.checked_sub(i256::ONE),
        (true, false) => quotient.checked_add(i256::ONE),
    }
}

impl fmt::Display for Decimal {
    /// Plain digits, never an exponent: Java's `toPlainString`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.unscaled.to_string();
        let (sign, digits) = match digits.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", digits.as_str()),
        };
        let scale = usize::from(self.scale);
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        if digits.len() <= scale {
            return write!(f, "{sign}0.{digits:0>scale$}");
        }
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

impl FromStr for Decimal {
    type Err = ParseDecimalError;

    /// Reads `-12.50`, `+3`, `.5`, `5.` and `1.5e3`, as Java's `new BigDecimal(text)` does; a
    /// negative scale (`1e3`) becomes scale 0.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseDecimalError(text.to_string());
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().map_err(|_| error())?),
            None => (text, 0),
        };
        let (negative, mantissa) = match mantissa.as_bytes().first() {
            Some(b'-') => (true, &mantissa[1..]),
            Some(b'+') => (false, &mantissa[1..]),
            _ => (false, mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(error());
        }
        let significant = digits.trim_start_matches('0');
        let mut unscaled = match significant {
            "" => i256::ZERO,
            _ => i256::from_string(significant).ok_or_else(error)?,
        };
        let mut scale = fraction.len() as i64 - i64::from(exponent);
        if scale < 0 {
            let factor = Self::pow10(u32::try_from(-scale).map_err(|_| error())?);
            unscaled = match factor {
                Some(factor) => unscaled.checked_mul(factor).ok_or_else(error)?,
                None if unscaled == i256::ZERO => i256::ZERO,
                None => return Err(error()),
            };
            scale = 0;
        }
        let scale = u8::try_from(scale).map_err(|_| error())?;
        if negative {
            unscaled = unscaled.wrapping_neg();
        }
        Ok(Self { unscaled, scale })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn text_round_trips() {
        for text in ["0", "1.50", "-0.05", "99999999999999999999999999999999999999.9", "0.00"] {
            assert_eq!(decimal(text).to_string(), text);
        }
        assert_eq!(decimal("1.5e3").to_string(), "1500");
        assert_eq!(decimal("15e-1").to_string(), "1.5");
        assert!("1.2.3".parse::<Decimal>().is_err());
        assert!("".parse::<Decimal>().is_err());
    }

    #[test]
    fn rounding_follows_its_mode() {
        let up =
            |text: &str, rounding| decimal(text).with_scale(0, rounding).map(|d| d.to_string());
        assert_eq!(up("2.5", Rounding::HalfUp).as_deref(), Some("3"));
        assert_eq!(up("-2.5", Rounding::HalfUp).as_deref(), Some("-3"));
        assert_eq!(up("-2.4", Rounding::Floor).as_deref(), Some("-3"));
        assert_eq!(up("-2.6", Rounding::Ceiling).as_deref(), Some("-2"));
        assert_eq!(up("2.6", Rounding::Down).as_deref(), Some("2"));
        assert_eq!(up("2.6", Rounding::Unnecessary), None);
        assert_eq!(up("2.0", Rounding::Unnecessary).as_deref(), Some("2"));
    }

    #[test]
    fn order_ignores_the_scale() {
        assert_eq!(decimal("1.0").cmp_value(&decimal("1.00")), Ordering::Equal);
        assert_eq!(decimal("-1.1").cmp_value(&decimal("1")), Ordering::Less);
    }
}
