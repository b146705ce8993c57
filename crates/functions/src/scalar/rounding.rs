//! Absolute value, rounding and extremes: functions that keep the type of their argument.

use std::cmp::Ordering;

use model::decimal::Rounding;
use model::{Decimal, SqlType, Value};

use super::Eval::Rows;
use super::units::int;
use super::{Call, Overload, ScalarFunction, computed, of};
use crate::{ArgType, Doc};

/// Defines a function of this category.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [Overload],
) -> ScalarFunction {
    ScalarFunction { name, doc: Doc { description, category: "MATHEMATICAL", example }, overloads }
}

/// The type of the first argument.
fn same(args: &[ArgType]) -> Result<SqlType, String> {
    if args.contains(&ArgType::Null) {
        return Err("CAST the NULL to a type".to_string());
    }
    args[0].sql().cloned().ok_or_else(|| "the argument must be a number".to_string())
}

/// The type of the first argument without digits behind the point.
fn whole(args: &[ArgType]) -> Result<SqlType, String> {
    match same(args)? {
        SqlType::Decimal { precision, scale } => Ok(SqlType::decimal(precision - scale, 0)),
        other => Ok(other),
    }
}

/// A DECIMAL that holds every argument.
fn widest(args: &[ArgType]) -> Result<SqlType, String> {
    let (mut whole, mut scale) = (0, 0);
    for arg in args {
        if let Some(SqlType::Decimal { precision, scale: digits }) = arg.sql() {
            whole = whole.max(precision.saturating_sub(*digits));
            scale = scale.max(*digits);
        }
    }
    match whole + scale {
        0 => Err("CAST the NULL to a type".to_string()),
        precision => Ok(SqlType::decimal(precision, scale)),
    }
}

pub(super) const ABS: ScalarFunction = function(
    "ABS",
    "The number without its sign.",
    ("ABS(-3)", "3"),
    &[
        of("ABS(val INT) -> INT", Rows(abs)),
        of("ABS(val BIGINT) -> BIGINT", Rows(abs)),
        of("ABS(val DOUBLE) -> DOUBLE", Rows(abs)),
        computed("ABS(val DECIMAL) -> DECIMAL", Rows(abs), same),
    ],
);

fn abs(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(match &args[0] {
        Value::Integer(n) => Value::Integer(n.wrapping_abs()),
        Value::Bigint(n) => Value::Bigint(n.wrapping_abs()),
        Value::Double(n) => Value::Double(n.abs()),
        Value::Decimal(n) if n.unscaled.is_negative() => {
            Value::Decimal(Decimal::new(n.unscaled.wrapping_neg(), n.scale))
        }
        other => other.clone(),
    })
}

pub(super) const CEIL: ScalarFunction = function(
    "CEIL",
    "The smallest whole number that is not below the argument.",
    ("CEIL(3.2)", "4.0"),
    &[
        of("CEIL(val INT) -> INT", Rows(ceil)),
        of("CEIL(val BIGINT) -> BIGINT", Rows(ceil)),
        of("CEIL(val DOUBLE) -> DOUBLE", Rows(ceil)),
        computed("CEIL(val DECIMAL) -> DECIMAL", Rows(ceil), same),
    ],
);

fn ceil(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(match &args[0] {
        Value::Double(n) => Value::Double(n.ceil()),
        Value::Decimal(n) => {
            let whole = n
                .with_scale(0, Rounding::Ceiling)
                .and_then(|w| w.with_scale(n.scale, Rounding::Down));
            whole.map_or(Value::Null, Value::Decimal)
        }
        other => other.clone(),
    })
}

pub(super) const FLOOR: ScalarFunction = function(
    "FLOOR",
    "The largest whole number that is not above the argument.",
    ("FLOOR(3.8)", "3.0"),
    &[
        of("FLOOR(val INT) -> INT", Rows(floor)),
        of("FLOOR(val BIGINT) -> BIGINT", Rows(floor)),
        of("FLOOR(val DOUBLE) -> DOUBLE", Rows(floor)),
        computed("FLOOR(val DECIMAL) -> DECIMAL", Rows(floor), same),
    ],
);

fn floor(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(match &args[0] {
        Value::Double(n) => Value::Double(n.floor()),
        Value::Decimal(n) => {
            let whole = n
                .with_scale(0, Rounding::Floor)
                .and_then(|w| w.with_scale(n.scale, Rounding::Down));
            whole.map_or(Value::Null, Value::Decimal)
        }
        other => other.clone(),
    })
}

pub(super) const ROUND: ScalarFunction = function(
    "ROUND",
    "The nearest whole number, or the nearest with so many digits behind the point (before it, if \
     negative). Halves go up.",
    ("ROUND(-2.5e0)", "-2"),
    &[
        of("ROUND(val BIGINT) -> BIGINT", Rows(round)),
        of("ROUND(val INT) -> BIGINT", Rows(round)),
        of("ROUND(val DOUBLE) -> BIGINT", Rows(round)),
        of("ROUND(val DOUBLE, decimalPlaces INT) -> DOUBLE", Rows(round_places)),
        computed("ROUND(val DECIMAL) -> DECIMAL", Rows(round), whole),
        computed("ROUND(val DECIMAL, decimalPlaces INT) -> DECIMAL", Rows(round_places), same),
    ],
);

pub(super) const TRUNC: ScalarFunction = function(
    "TRUNC",
    "The number without its digits behind the point, or with so many of them.",
    ("TRUNC(2.9e0)", "2"),
    &[
        of("TRUNC(val BIGINT) -> BIGINT", Rows(trunc)),
        of("TRUNC(val INT) -> BIGINT", Rows(trunc)),
        of("TRUNC(val DOUBLE) -> BIGINT", Rows(trunc)),
        of("TRUNC(val DOUBLE, decimalPlaces INT) -> DOUBLE", Rows(trunc_places)),
        computed("TRUNC(val DECIMAL) -> DECIMAL", Rows(trunc), whole),
        computed("TRUNC(val DECIMAL, decimalPlaces INT) -> DECIMAL", Rows(trunc_places), same),
    ],
);

fn round(args: &[Value], call: &Call<'_>) -> Result<Value, String> {
    Ok(match &args[0] {
        Value::Integer(n) => Value::Bigint(i64::from(*n)),
        Value::Null if matches!(call.type_of(0), SqlType::Bigint) => {
            return Err("the BIGINT to round must not be null".to_string());
        }
        Value::Double(n) => Value::Bigint(half_up(*n) as i64),
        Value::Decimal(n) => decimal_places(n, 0, true)
            .map_or(Value::Null, |n| Value::Decimal(n.with_scale(0, Rounding::Down).unwrap_or(n))),
        other => other.clone(),
    })
}

fn trunc(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(match &args[0] {
        Value::Integer(n) => Value::Bigint(i64::from(*n)),
        Value::Double(n) => Value::Bigint(*n as i64),
        Value::Decimal(n) => n.with_scale(0, Rounding::Down).map_or(Value::Null, Value::Decimal),
        other => other.clone(),
    })
}

fn round_places(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(places(args, true))
}

fn trunc_places(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(places(args, false))
}

fn places(args: &[Value], round: bool) -> Value {
    match (&args[0], int(&args[1])) {
        (Value::Double(n), Some(places)) => Value::Double(double_places(*n, places, round)),
        (Value::Decimal(n), Some(places)) => {
            decimal_places(n, places, round).map_or(Value::Null, Value::Decimal)
        }
        _ => Value::Null,
    }
}

/// The nearest whole number; halves go up.
fn half_up(n: f64) -> f64 {
    let floor = n.floor();
    if n - floor >= 0.5 { floor + 1.0 } else { floor }
}

/// A decimal with so many digits behind the point that count, and its scale.
fn decimal_places(n: &Decimal, places: i32, round: bool) -> Option<Decimal> {
    let drop = i32::from(n.scale).checked_sub(places).filter(|drop| *drop > 0);
    let Some(drop) = drop else { return Some(*n) };
    let Some(unit) = Decimal::pow10(drop as u32) else { return Some(Decimal::new(0_i64, n.scale)) };
    // Half up, so downwards for a negative half: floor(n / unit + 1/2).
    let mut quotient = n.unscaled.checked_div(unit)?;
    let rest = n.unscaled.checked_rem(unit)?;
    let twice = rest.checked_mul(2_i64.into())?;
    if round && twice >= unit {
        quotient = quotient.checked_add(1_i64.into())?;
    } else if round && twice < unit.wrapping_neg() {
        quotient = quotient.checked_sub(1_i64.into())?;
    }
    Some(Decimal::new(quotient.checked_mul(unit)?, n.scale))
}

/// The same for a double, by the digits of its text. The result is never -0.0.
fn double_places(n: f64, places: i32, round: bool) -> f64 {
    if !n.is_finite() {
        return n;
    }
    let text = format!("{:e}", n.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let keep = i64::from(exponent) + 1 + i64::from(places);
    if keep >= digits.len() as i64 {
        return n + 0.0;
    }
    let up = if !round || keep < 0 {
        false
    } else {
        match digits[keep as usize].cmp(&b'5') {
            Ordering::Less => false,
            Ordering::Greater => true,
            // Exactly a half goes up: away from zero only above it.
            Ordering::Equal => n > 0.0 || digits[keep as usize + 1..].iter().any(|d| *d != b'0'),
        }
    };
    digits.truncate(keep.max(0) as usize);
    let digits = String::from_utf8(digits).unwrap_or_default();
    let whole: u128 = digits.parse().unwrap_or(0);
    let magnitude = format!("{}e{}", whole + u128::from(up), -i64::from(places));
    let magnitude: f64 = magnitude.parse().unwrap_or(0.0);
    (if n < 0.0 { -magnitude } else { magnitude }) + 0.0
}

pub(super) const GREATEST: ScalarFunction = function(
    "GREATEST",
    "The largest argument; NULLs are left out.",
    ("GREATEST(3, NULL, 7)", "7"),
    &[
        of("GREATEST(val INT, vals INT...) -> INT", Rows(greatest)),
        of("GREATEST(val BIGINT, vals BIGINT...) -> BIGINT", Rows(greatest)),
        of("GREATEST(val DOUBLE, vals DOUBLE...) -> DOUBLE", Rows(greatest)),
        of("GREATEST(val VARCHAR, vals VARCHAR...) -> VARCHAR", Rows(greatest)),
        of("GREATEST(val BYTES, vals BYTES...) -> BYTES", Rows(greatest)),
        of("GREATEST(val DATE, vals DATE...) -> DATE", Rows(greatest)),
        of("GREATEST(val TIME, vals TIME...) -> TIME", Rows(greatest)),
        of("GREATEST(val TIMESTAMP, vals TIMESTAMP...) -> TIMESTAMP", Rows(greatest)),
        computed("GREATEST(val DECIMAL, vals DECIMAL...) -> DECIMAL", Rows(greatest), widest),
    ],
);

fn greatest(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(extreme(args, Ordering::Greater))
}

pub(super) const LEAST: ScalarFunction = function(
    "LEAST",
    "The smallest argument; NULLs are left out.",
    ("LEAST(3, NULL, 7)", "3"),
    &[
        of("LEAST(val INT, vals INT...) -> INT", Rows(least)),
        of("LEAST(val BIGINT, vals BIGINT...) -> BIGINT", Rows(least)),
        of("LEAST(val DOUBLE, vals DOUBLE...) -> DOUBLE", Rows(least)),
        of("LEAST(val VARCHAR, vals VARCHAR...) -> VARCHAR", Rows(least)),
        of("LEAST(val BYTES, vals BYTES...) -> BYTES", Rows(least)),
        of("LEAST(val DATE, vals DATE...) -> DATE", Rows(least)),
        of("LEAST(val TIME, vals TIME...) -> TIME", Rows(least)),
        of("LEAST(val TIMESTAMP, vals TIMESTAMP...) -> TIMESTAMP", Rows(least)),
        computed("LEAST(val DECIMAL, vals DECIMAL...) -> DECIMAL", Rows(least), widest),
    ],
);

fn least(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(extreme(args, Ordering::Less))
}

/// Java orders bytes as signed numbers here.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    let signed = |bytes: &[u8]| bytes.iter().map(|b| b.cast_signed()).collect::<Vec<_>>();
    match (a, b) {
        (Value::Bytes(a), Value::Bytes(b)) => Some(signed(a).cmp(&signed(b))),
        _ => a.sql_cmp(b),
    }
}

fn extreme(args: &[Value], wanted: Ordering) -> Value {
    let mut best = &Value::Null;
    for arg in args.iter().filter(|arg| !arg.is_null()) {
        if best.is_null() || order(arg, best) == Some(wanted) {
            best = arg;
        }
    }
    best.clone()
}
