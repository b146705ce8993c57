//! Arithmetic of DECIMALs: exact, in the precision and scale that the analyzer computed. A result
//! that would have to be rounded fails its row: `1.0 / 3` has no value. By the standard's semantics
//! it is rounded, half up.
//!
//! Numbers of up to 38 digits are computed in 128 bits, others (and what overflows) in 256.

use std::cell::Cell;
use std::sync::Arc;

use arrow_array::builder::{Decimal128Builder, Decimal256Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Decimal256Type};
use arrow_array::{Array, ArrayRef, Decimal128Array};
use arrow_buffer::{NullBuffer, i256};
use functions::RowErrors;
use model::column::arrow_type;
use model::decimal::Rounding;
use model::types::DECIMAL_PRECISION_MAX;
use model::{Decimal, SqlType};
use sql::ast::ArithmeticOp;

use super::Semantics;
use super::part::{Part, zip};

const ROUNDING: &str =
    "the exact result does not fit into the DECIMAL: rounding would be necessary";

/// Precision and scale of a number as a DECIMAL.
pub(super) fn size_of(ty: &SqlType) -> (u8, u8) {
    match ty {
        SqlType::Decimal { precision, scale } => (*precision, *scale),
        SqlType::Integer => (10, 0),
        _ => (19, 0),
    }
}

/// Numbers of a column (DECIMAL, INTEGER or BIGINT) without their scale.
pub(super) fn unscaled(array: &dyn Array, at: usize) -> i256 {
    use arrow_array::types::{Int32Type, Int64Type};
    if let Some(narrow) = array.as_primitive_opt::<Decimal128Type>() {
        i256::from_i128(narrow.value(at))
    } else if let Some(wide) = array.as_primitive_opt::<Decimal256Type>() {
        wide.value(at)
    } else if let Some(whole) = array.as_primitive_opt::<Int32Type>() {
        i256::from_i128(i128::from(whole.value(at)))
    } else {
        i256::from_i128(i128::from(array.as_primitive::<Int64Type>().value(at)))
    }
}

/// What is computed.
pub(super) struct Operation<'a> {
    /// How.
    pub op: ArithmeticOp,
    /// May the result be rounded?
    pub semantics: Semantics,
    /// The result's type.
    pub ty: &'a SqlType,
}

/// `a op b` for the rows in `valid`.
pub(super) fn binary(
    &Operation { op, semantics, ty }: &Operation<'_>,
    (a, a_type): (&Part, &SqlType),
    (b, b_type): (&Part, &SqlType),
    rows: usize,
    valid: Option<&NullBuffer>,
    failed: &mut RowErrors,
) -> ArrayRef {
    let (precision, scale) = size_of(ty);
    let (a_scale, b_scale) = (size_of(a_type).1, size_of(b_type).1);
    if let Some(array) = short(op, (a, a_scale), (b, b_scale), ty, rows) {
        return array;
    }
    let compute = |row: usize| -> Result<i256, &'static str> {
        let a = Decimal::new(unscaled(&a.array, a.at(row)), a_scale);
        let b = Decimal::new(unscaled(&b.array, b.at(row)), b_scale);
        match semantics {
            Semantics::Ksql => computed(op, a, b, (precision, scale), Rounding::Unnecessary),
            Semantics::Standard => computed(op, a, b, (precision, scale), Rounding::HalfUp),
        }
    };
    let mut results = Results::new(ty, rows);
    for row in 0..rows {
        if valid.is_some_and(|valid| valid.is_null(row)) {
            results.push(None);
            continue;
        }
        match compute(row).map(|n| results.fitted(n)) {
            Ok(Some(n)) => results.push(Some(n)),
            Ok(None) => {
                failed.add(row, ROUNDING);
                results.push(None);
            }
            Err(reason) => {
                failed.add(row, reason);
                results.push(None);
            }
        }
    }
    results.finish()
}

/// The hot case: `+`, `-` and `*` of numbers that fit into 128 bits, in a plain loop; `None` if
/// something does not, or has to be cut. Rows that are null have some number.
fn short(
    op: ArithmeticOp,
    (a, a_scale): (&Part, u8),
    (b, b_scale): (&Part, u8),
    ty: &SqlType,
    rows: usize,
) -> Option<ArrayRef> {
    let (precision, scale) = size_of(ty);
    let power = |exponent: u8| 10_i128.checked_pow(u32::from(exponent));
    let left = (a.array.as_primitive_opt::<Decimal128Type>()?.values().as_ref(), a.constant);
    let right = (b.array.as_primitive_opt::<Decimal128Type>()?.values().as_ref(), b.constant);
    let bound = power(precision)?;
    let overflow = Cell::new(false);
    let checked = |number: Option<i128>| {
        let number = number.filter(|n| -bound < *n && *n < bound);
        overflow.set(overflow.get() | number.is_none());
        number.unwrap_or_default()
    };
    let sum = |plus: fn(i128, i128) -> Option<i128>| -> Option<Vec<i128>> {
        let (x, y) = (power(scale.checked_sub(a_scale)?)?, power(scale.checked_sub(b_scale)?)?);
        let sum = |a: i128, b: i128| plus(a.checked_mul(x)?, b.checked_mul(y)?);
        Some(zip(left, right, rows, |a, b| checked(sum(a, b))))
    };
    let values: Vec<i128> = match op {
        ArithmeticOp::Add => sum(i128::checked_add)?,
        ArithmeticOp::Subtract => sum(i128::checked_sub)?,
        ArithmeticOp::Multiply if a_scale.checked_add(b_scale) == Some(scale) => {
            zip(left, right, rows, |a: i128, b: i128| checked(a.checked_mul(b)))
        }
        _ => return None,
    };
    let array = Decimal128Array::new(values.into(), None).with_data_type(arrow_type(ty));
    (!overflow.get()).then(|| Arc::new(array) as ArrayRef)
}

/// The result without its scale.
fn computed(
    op: ArithmeticOp,
    a: Decimal,
    b: Decimal,
    (precision, scale): (u8, u8),
    rounding: Rounding,
) -> Result<i256, &'static str> {
    let common = a.scale.max(b.scale);
    let widened = |n: Decimal| n.with_scale(common, Rounding::Unnecessary).map(|n| n.unscaled);
    let result = match op {
        ArithmeticOp::Add | ArithmeticOp::Subtract => {
            let (x, y) = (widened(a).ok_or(ROUNDING)?, widened(b).ok_or(ROUNDING)?);
            let sum = if op == ArithmeticOp::Add { x.checked_add(y) } else { x.checked_sub(y) };
            Decimal::new(sum.ok_or(ROUNDING)?, common)
        }
        ArithmeticOp::Multiply => {
            let product = a.unscaled.checked_mul(b.unscaled).ok_or(ROUNDING)?;
            Decimal::new(product, a.scale + b.scale)
        }
        ArithmeticOp::Divide if rounding == Rounding::Unnecessary => {
            return quotient(a, b, precision, scale);
        }
        ArithmeticOp::Divide => return rounded_quotient(a, b, scale),
        ArithmeticOp::Modulus => {
            if b.unscaled == i256::ZERO {
                return Err(by_zero(a));
            }
            let (x, y) = (widened(a).ok_or(ROUNDING)?, widened(b).ok_or(ROUNDING)?);
            let whole = Decimal::new(x.wrapping_div(y), 0);
            let surplus = whole.precision().saturating_sub(precision);
            let cut = Decimal::pow10(u32::from(surplus)).ok_or(ROUNDING)?;
            if whole.unscaled.wrapping_rem(cut) != i256::ZERO {
                return Err("the quotient has more digits than the DECIMAL: division impossible");
            }
            Decimal::new(x.wrapping_rem(y), common)
        }
    };
    match result.with_scale(scale, rounding) {
        Some(result) => Ok(result.unscaled),
        None => Err(ROUNDING),
    }
}

fn by_zero(dividend: Decimal) -> &'static str {
    if dividend.unscaled == i256::ZERO { "division of zero by zero" } else { "division by zero" }
}

/// `a / b` in `scale` digits behind the point, the last one rounded half up.
fn rounded_quotient(a: Decimal, b: Decimal, scale: u8) -> Result<i256, &'static str> {
    if b.unscaled == i256::ZERO {
        return Err(by_zero(a));
    }
    let shift = i32::from(scale) + i32::from(b.scale) - i32::from(a.scale);
    let factor = Decimal::pow10(shift.unsigned_abs()).ok_or(ROUNDING)?;
    let widened = |n: i256, wanted| if wanted { n.checked_mul(factor) } else { Some(n) };
    let dividend = widened(a.unscaled, shift > 0).ok_or(ROUNDING)?;
    let divisor = widened(b.unscaled, shift < 0).ok_or(ROUNDING)?;
    let (whole, rest) = (dividend.wrapping_div(divisor), dividend.wrapping_rem(divisor));
    let magnitude = |n: i256| if n < i256::ZERO { n.wrapping_neg() } else { n };
    // `rest >= divisor - rest`: twice the rest could overflow.
    let up = magnitude(rest) >= magnitude(divisor).wrapping_sub(magnitude(rest));
    let negative = (dividend < i256::ZERO) != (divisor < i256::ZERO);
    let step = if negative { i256::MINUS_ONE } else { i256::ONE };
    Ok(if up { whole.wrapping_add(step) } else { whole })
}

/// `a / b` if it comes out exactly in `scale` digits behind the point and `precision` in all.
fn quotient(a: Decimal, b: Decimal, precision: u8, scale: u8) -> Result<i256, &'static str> {
    if b.unscaled == i256::ZERO {
        return Err(by_zero(a));
    }
    if a.unscaled == i256::ZERO {
        return Ok(i256::ZERO);
    }
    if let Some((quotient, rest)) = short_quotient(a, b, scale) {
        if rest != 0 {
            return Err(ROUNDING);
        }
        let quotient = i256::from_i128(quotient);
        if Decimal::new(quotient, 0).fits(precision) {
            return Ok(quotient);
        }
    }
    // As a fraction in lowest terms; it comes out if the divisor is 2^twos * 5^fives.
    let divisor = greatest_common_divisor(a.unscaled, b.unscaled);
    let (mut numerator, mut rest) = (a.unscaled / divisor, b.unscaled / divisor);
    if rest < i256::ZERO {
        numerator = numerator.wrapping_neg();
        rest = rest.wrapping_neg();
    }
    let mut twos = 0;
    let mut fives = 0;
    for (factor, count) in [(2, &mut twos), (5, &mut fives)] {
        let factor = i256::from_i128(factor);
        while rest.wrapping_rem(factor) == i256::ZERO {
            rest = rest.wrapping_div(factor);
            *count += 1_u32;
        }
    }
    if rest != i256::ONE {
        return Err(ROUNDING);
    }
    // numerator / (2^twos * 5^fives) = digits / 10^places
    let places = twos.max(fives);
    let power = |base: i128, exponent: u32| i256::from_i128(base).checked_pow(exponent);
    let digits = (power(2, places - twos).zip(power(5, places - fives)))
        .and_then(|(two, five)| numerator.checked_mul(two)?.checked_mul(five))
        .ok_or(ROUNDING)?;
    // Behind the point: `places`, and the difference of the operands' scales.
    let places = i64::from(places) + i64::from(a.scale) - i64::from(b.scale);
    let (digits, places) = without_zeros(digits, places);
    if Decimal::new(digits, 0).precision() > precision || places > i64::from(scale) {
        return Err(ROUNDING);
    }
    let shift = u32::try_from(i64::from(scale) - places).map_err(|_| ROUNDING)?;
    Decimal::pow10(shift).and_then(|factor| digits.checked_mul(factor)).ok_or(ROUNDING)
}

/// Quotient and remainder at the result's scale, where 128 bits are enough.
fn short_quotient(a: Decimal, b: Decimal, scale: u8) -> Option<(i128, i128)> {
    let shift =
        u32::from(scale).checked_add(u32::from(b.scale))?.checked_sub(u32::from(a.scale))?;
    let dividend = a.unscaled.to_i128()?.checked_mul(10_i128.checked_pow(shift)?)?;
    let divisor = b.unscaled.to_i128()?;
    Some((dividend.checked_div(divisor)?, dividend.checked_rem(divisor)?))
}

fn without_zeros(mut digits: i256, mut places: i64) -> (i256, i64) {
    let ten = i256::from_i128(10);
    while digits != i256::ZERO && digits.wrapping_rem(ten) == i256::ZERO {
        digits = digits.wrapping_div(ten);
        places -= 1;
    }
    (digits, places)
}

fn greatest_common_divisor(a: i256, b: i256) -> i256 {
    let magnitude = |n: i256| if n < i256::ZERO { n.wrapping_neg() } else { n };
    let (mut a, mut b) = (magnitude(a), magnitude(b));
    while b != i256::ZERO {
        (a, b) = (b, a.wrapping_rem(b));
    }
    a
}

/// `-x` of each number.
pub(super) fn negate(array: &ArrayRef) -> ArrayRef {
    if let Some(narrow) = array.as_primitive_opt::<Decimal128Type>() {
        let negated = narrow.unary::<_, Decimal128Type>(|n| n.wrapping_neg());
        Arc::new(negated.with_data_type(array.data_type().clone()))
    } else {
        let wide = array.as_primitive::<Decimal256Type>();
        let negated = wide.unary::<_, Decimal256Type>(|n| n.wrapping_neg());
        Arc::new(negated.with_data_type(array.data_type().clone()))
    }
}

/// A column of DECIMALs being built.
pub(super) enum Results {
    Narrow(Decimal128Builder, i256),
    Wide(Decimal256Builder),
}

impl Results {
    pub(super) fn new(ty: &SqlType, rows: usize) -> Self {
        let (precision, _) = size_of(ty);
        if precision <= DECIMAL_PRECISION_MAX {
            let builder = Decimal128Builder::with_capacity(rows).with_data_type(arrow_type(ty));
            Results::Narrow(builder, Decimal::pow10(u32::from(precision)).unwrap_or(i256::MAX))
        } else {
            Results::Wide(Decimal256Builder::with_capacity(rows).with_data_type(arrow_type(ty)))
        }
    }

    /// The number, if it has no more digits than the type.
    pub(super) fn fitted(&self, unscaled: i256) -> Option<i256> {
        match self {
            Results::Narrow(_, bound) => {
                (unscaled < *bound && unscaled > bound.wrapping_neg()).then_some(unscaled)
            }
            Results::Wide(_) => Some(unscaled),
        }
    }

    /// Appends a number that was found to fit.
    pub(super) fn push(&mut self, unscaled: Option<i256>) {
        match self {
            Results::Narrow(builder, _) => builder.append_option(unscaled.and_then(i256::to_i128)),
            Results::Wide(builder) => builder.append_option(unscaled),
        }
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Results::Narrow(mut builder, _) => Arc::new(builder.finish()),
            Results::Wide(mut builder) => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(op: ArithmeticOp, a: &str, b: &str, size: (u8, u8), expected: Option<&str>) {
        let number = |text: &str| text.parse::<Decimal>().expect("a decimal");
        let result = computed(op, number(a), number(b), size, Rounding::Unnecessary);
        let text = result.ok().map(|n| Decimal::new(n, size.1).to_string());
        assert_eq!(text.as_deref(), expected, "{a} {op:?} {b}");
    }

    #[test]
    fn a_quotient_must_come_out() {
        check(ArithmeticOp::Divide, "1.0", "3", (8, 6), None);
        check(ArithmeticOp::Divide, "1.0", "8", (8, 6), Some("0.125000"));
        check(ArithmeticOp::Divide, "-7.5", "0.25", (8, 6), Some("-30.000000"));
        check(ArithmeticOp::Divide, "1", "0", (8, 6), None);
        check(ArithmeticOp::Divide, "0", "7", (8, 6), Some("0.000000"));
        let long = "9999999999999999999999999999.9999999999";
        check(ArithmeticOp::Divide, long, long, (76, 49), Some(&format!("1.{}", "0".repeat(49))));
    }

    #[test]
    fn a_quotient_is_rounded_half_up_where_it_may_be() {
        let number = |text: &str| text.parse::<Decimal>().expect("a decimal");
        let divided = |a: &str, b: &str, scale: u8| {
            let op = ArithmeticOp::Divide;
            let result = computed(op, number(a), number(b), (38, scale), Rounding::HalfUp);
            result.map(|n| Decimal::new(n, scale).to_string())
        };
        assert_eq!(divided("1.0", "3", 6).as_deref(), Ok("0.333333"));
        assert_eq!(divided("2.0", "3", 6).as_deref(), Ok("0.666667"));
        assert_eq!(divided("-2.0", "3", 2).as_deref(), Ok("-0.67"));
        assert_eq!(divided("1", "8", 2).as_deref(), Ok("0.13"));
        assert_eq!(divided("-1", "-8", 2).as_deref(), Ok("0.13"));
        assert_eq!(divided("1.2345", "1", 2).as_deref(), Ok("1.23"));
        assert!(divided("1", "0", 2).is_err());
    }

    #[test]
    fn sums_products_and_remainders_are_exact() {
        check(ArithmeticOp::Add, "1.5", "0.25", (5, 2), Some("1.75"));
        check(ArithmeticOp::Subtract, "1.5", "0.25", (5, 2), Some("1.25"));
        check(ArithmeticOp::Multiply, "1.5", "0.25", (5, 3), Some("0.375"));
        check(ArithmeticOp::Modulus, "-7.5", "2", (3, 1), Some("-1.5"));
        check(ArithmeticOp::Modulus, "123456", "0.7", (3, 1), None);
    }
}
