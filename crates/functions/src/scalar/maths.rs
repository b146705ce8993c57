//! Mathematical functions of DOUBLE: whole columns at a time, by Java's `Math`.

use std::f64::consts::PI as PI_VALUE;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Float64Array, Int32Array};
use model::SqlType;
use rand::RngExt;

use super::Eval::Columns;
use super::{Call, Eval, Overload, ScalarFunction, of};
use crate::{Doc, Evaluated};

/// Defines a function of this category.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [Overload],
) -> ScalarFunction {
    ScalarFunction { name, doc: Doc { description, category: "MATHEMATICAL", example }, overloads }
}

/// Argument `at` as doubles.
fn doubles(call: &Call<'_>, at: usize) -> Float64Array {
    let column = call.column(at);
    match call.type_of(at) {
        SqlType::Integer => column.as_primitive::<Int32Type>().unary(f64::from),
        SqlType::Bigint => column.as_primitive::<Int64Type>().unary(|n| n as f64),
        _ => column.as_primitive::<Float64Type>().clone(),
    }
}

fn unary(call: &Call<'_>, f: fn(f64) -> f64) -> Evaluated {
    Evaluated::ok(Arc::new(doubles(call, 0).unary::<_, Float64Type>(f)))
}

fn binary(call: &Call<'_>, f: fn(f64, f64) -> f64) -> Evaluated {
    let (a, b) = (doubles(call, 0), doubles(call, 1));
    let cells = a.iter().zip(b.iter()).map(|(a, b)| Some(f(a?, b?)));
    Evaluated::ok(Arc::new(cells.collect::<Float64Array>()))
}

const ACOS_EVAL: Eval = Columns(|call| unary(call, f64::acos));

pub(super) const ACOS: ScalarFunction = function(
    "ACOS",
    "The angle in radians with this cosine; NaN outside -1 to 1.",
    ("ACOS(1.0e0)", "0.0"),
    &[
        of("ACOS(value INT) -> DOUBLE", ACOS_EVAL),
        of("ACOS(value BIGINT) -> DOUBLE", ACOS_EVAL),
        of("ACOS(value DOUBLE) -> DOUBLE", ACOS_EVAL),
    ],
);

const ASIN_EVAL: Eval = Columns(|call| unary(call, f64::asin));

pub(super) const ASIN: ScalarFunction = function(
    "ASIN",
    "The angle in radians with this sine; NaN outside -1 to 1.",
    ("ASIN(0.0e0)", "0.0"),
    &[
        of("ASIN(value INT) -> DOUBLE", ASIN_EVAL),
        of("ASIN(value BIGINT) -> DOUBLE", ASIN_EVAL),
        of("ASIN(value DOUBLE) -> DOUBLE", ASIN_EVAL),
    ],
);

const ATAN_EVAL: Eval = Columns(|call| unary(call, f64::atan));

pub(super) const ATAN: ScalarFunction = function(
    "ATAN",
    "The angle in radians with this tangent.",
    ("ATAN(0.0e0)", "0.0"),
    &[
        of("ATAN(value INT) -> DOUBLE", ATAN_EVAL),
        of("ATAN(value BIGINT) -> DOUBLE", ATAN_EVAL),
        of("ATAN(value DOUBLE) -> DOUBLE", ATAN_EVAL),
    ],
);

const CBRT_EVAL: Eval = Columns(|call| unary(call, f64::cbrt));

pub(super) const CBRT: ScalarFunction = function(
    "CBRT",
    "The cube root.",
    ("CBRT(27)", "3.0"),
    &[
        of("CBRT(value INT) -> DOUBLE", CBRT_EVAL),
        of("CBRT(value BIGINT) -> DOUBLE", CBRT_EVAL),
        of("CBRT(value DOUBLE) -> DOUBLE", CBRT_EVAL),
    ],
);

const COS_EVAL: Eval = Columns(|call| unary(call, f64::cos));

pub(super) const COS: ScalarFunction = function(
    "COS",
    "The cosine of an angle in radians.",
    ("COS(0)", "1.0"),
    &[
        of("COS(value INT) -> DOUBLE", COS_EVAL),
        of("COS(value BIGINT) -> DOUBLE", COS_EVAL),
        of("COS(value DOUBLE) -> DOUBLE", COS_EVAL),
    ],
);

const COSH_EVAL: Eval = Columns(|call| unary(call, f64::cosh));

pub(super) const COSH: ScalarFunction = function(
    "COSH",
    "The hyperbolic cosine.",
    ("COSH(0)", "1.0"),
    &[
        of("COSH(value INT) -> DOUBLE", COSH_EVAL),
        of("COSH(value BIGINT) -> DOUBLE", COSH_EVAL),
        of("COSH(value DOUBLE) -> DOUBLE", COSH_EVAL),
    ],
);

const COT_EVAL: Eval = Columns(|call| unary(call, |x| 1.0 / x.tan()));

pub(super) const COT: ScalarFunction = function(
    "COT",
    "The cotangent of an angle in radians; infinite at 0.",
    ("COT(0)", "Infinity"),
    &[
        of("COT(value INT) -> DOUBLE", COT_EVAL),
        of("COT(value BIGINT) -> DOUBLE", COT_EVAL),
        of("COT(value DOUBLE) -> DOUBLE", COT_EVAL),
    ],
);

const DEGREES_EVAL: Eval = Columns(|call| unary(call, |x| x * (180.0 / PI_VALUE)));

pub(super) const DEGREES: ScalarFunction = function(
    "DEGREES",
    "An angle in radians as degrees.",
    ("DEGREES(PI())", "180.0"),
    &[
        of("DEGREES(value INT) -> DOUBLE", DEGREES_EVAL),
        of("DEGREES(value BIGINT) -> DOUBLE", DEGREES_EVAL),
        of("DEGREES(value DOUBLE) -> DOUBLE", DEGREES_EVAL),
    ],
);

const EXP_EVAL: Eval = Columns(|call| unary(call, f64::exp));

pub(super) const EXP: ScalarFunction = function(
    "EXP",
    "e to the power of the argument.",
    ("EXP(0)", "1.0"),
    &[
        of("EXP(exponent INT) -> DOUBLE", EXP_EVAL),
        of("EXP(exponent BIGINT) -> DOUBLE", EXP_EVAL),
        of("EXP(exponent DOUBLE) -> DOUBLE", EXP_EVAL),
    ],
);

const LN_EVAL: Eval = Columns(|call| unary(call, f64::ln));

pub(super) const LN: ScalarFunction = function(
    "LN",
    "The natural logarithm.",
    ("LN(1)", "0.0"),
    &[
        of("LN(value INT) -> DOUBLE", LN_EVAL),
        of("LN(value BIGINT) -> DOUBLE", LN_EVAL),
        of("LN(value DOUBLE) -> DOUBLE", LN_EVAL),
    ],
);

const RADIANS_EVAL: Eval = Columns(|call| unary(call, |x| x / 180.0 * PI_VALUE));

pub(super) const RADIANS: ScalarFunction = function(
    "RADIANS",
    "An angle in degrees as radians.",
    ("RADIANS(180)", "3.141592653589793"),
    &[
        of("RADIANS(value INT) -> DOUBLE", RADIANS_EVAL),
        of("RADIANS(value BIGINT) -> DOUBLE", RADIANS_EVAL),
        of("RADIANS(value DOUBLE) -> DOUBLE", RADIANS_EVAL),
    ],
);

const SIN_EVAL: Eval = Columns(|call| unary(call, f64::sin));

pub(super) const SIN: ScalarFunction = function(
    "SIN",
    "The sine of an angle in radians.",
    ("SIN(0)", "0.0"),
    &[
        of("SIN(value INT) -> DOUBLE", SIN_EVAL),
        of("SIN(value BIGINT) -> DOUBLE", SIN_EVAL),
        of("SIN(value DOUBLE) -> DOUBLE", SIN_EVAL),
    ],
);

const SINH_EVAL: Eval = Columns(|call| unary(call, f64::sinh));

pub(super) const SINH: ScalarFunction = function(
    "SINH",
    "The hyperbolic sine.",
    ("SINH(0)", "0.0"),
    &[
        of("SINH(value INT) -> DOUBLE", SINH_EVAL),
        of("SINH(value BIGINT) -> DOUBLE", SINH_EVAL),
        of("SINH(value DOUBLE) -> DOUBLE", SINH_EVAL),
    ],
);

const SQRT_EVAL: Eval = Columns(|call| unary(call, f64::sqrt));

pub(super) const SQRT: ScalarFunction = function(
    "SQRT",
    "The square root; NaN below 0.",
    ("SQRT(16)", "4.0"),
    &[
        of("SQRT(value INT) -> DOUBLE", SQRT_EVAL),
        of("SQRT(value BIGINT) -> DOUBLE", SQRT_EVAL),
        of("SQRT(value DOUBLE) -> DOUBLE", SQRT_EVAL),
    ],
);

const TAN_EVAL: Eval = Columns(|call| unary(call, f64::tan));

pub(super) const TAN: ScalarFunction = function(
    "TAN",
    "The tangent of an angle in radians.",
    ("TAN(0)", "0.0"),
    &[
        of("TAN(value INT) -> DOUBLE", TAN_EVAL),
        of("TAN(value BIGINT) -> DOUBLE", TAN_EVAL),
        of("TAN(value DOUBLE) -> DOUBLE", TAN_EVAL),
    ],
);

const TANH_EVAL: Eval = Columns(|call| unary(call, f64::tanh));

pub(super) const TANH: ScalarFunction = function(
    "TANH",
    "The hyperbolic tangent.",
    ("TANH(0)", "0.0"),
    &[
        of("TANH(value INT) -> DOUBLE", TANH_EVAL),
        of("TANH(value BIGINT) -> DOUBLE", TANH_EVAL),
        of("TANH(value DOUBLE) -> DOUBLE", TANH_EVAL),
    ],
);

const ATAN2_EVAL: Eval = Columns(|call| binary(call, f64::atan2));

pub(super) const ATAN2: ScalarFunction = function(
    "ATAN2",
    "The angle in radians of the point (x, y), seen from the origin.",
    ("ATAN2(0, 1)", "0.0"),
    &[
        of("ATAN2(y INT, x INT) -> DOUBLE", ATAN2_EVAL),
        of("ATAN2(y BIGINT, x BIGINT) -> DOUBLE", ATAN2_EVAL),
        of("ATAN2(y DOUBLE, x DOUBLE) -> DOUBLE", ATAN2_EVAL),
    ],
);

const POWER_EVAL: Eval = Columns(|call| binary(call, power));

pub(super) const POWER: ScalarFunction = function(
    "POWER",
    "The base to the power of the exponent.",
    ("POWER(2, 10)", "1024.0"),
    &[
        of("POWER(base INT, exponent INT) -> DOUBLE", POWER_EVAL),
        of("POWER(base BIGINT, exponent BIGINT) -> DOUBLE", POWER_EVAL),
        of("POWER(base DOUBLE, exponent DOUBLE) -> DOUBLE", POWER_EVAL),
    ],
);

/// The logarithm to a base; to a base of 1 there is none.
fn logarithm(base: f64, x: f64) -> f64 {
    if base <= 0.0 || base == 1.0 { f64::NAN } else { x.ln() / base.ln() }
}

/// Java's `pow`, which knows no value for 1 to the power of infinity.
fn power(base: f64, exponent: f64) -> f64 {
    if base.abs() == 1.0 && exponent.is_infinite() || exponent.is_nan() {
        return f64::NAN;
    }
    base.powf(exponent)
}

const LOG_EVAL: Eval = Columns(|call| unary(call, f64::ln));
const LOG_BASE_EVAL: Eval = Columns(|call| binary(call, logarithm));

pub(super) const LOG: ScalarFunction = function(
    "LOG",
    "The logarithm to a base, or the natural one.",
    ("LOG(2, 8)", "3.0"),
    &[
        of("LOG(value INT) -> DOUBLE", LOG_EVAL),
        of("LOG(value BIGINT) -> DOUBLE", LOG_EVAL),
        of("LOG(value DOUBLE) -> DOUBLE", LOG_EVAL),
        of("LOG(base INT, value INT) -> DOUBLE", LOG_BASE_EVAL),
        of("LOG(base BIGINT, value BIGINT) -> DOUBLE", LOG_BASE_EVAL),
        of("LOG(base DOUBLE, value DOUBLE) -> DOUBLE", LOG_BASE_EVAL),
    ],
);

pub(super) const PI: ScalarFunction = function(
    "PI",
    "The number pi.",
    ("PI()", "3.141592653589793"),
    &[of("PI() -> DOUBLE", Columns(pi))],
);

fn pi(call: &Call<'_>) -> Evaluated {
    Evaluated::ok(Arc::new(Float64Array::from_value(PI_VALUE, call.rows)))
}

pub(super) const RANDOM: ScalarFunction = function(
    "RANDOM",
    "A random number from 0 to below 1.",
    ("RANDOM() < 1.0e0", "true"),
    &[of("RANDOM() -> DOUBLE", Columns(random))],
);

fn random(call: &Call<'_>) -> Evaluated {
    let mut source = rand::rng();
    let cells = (0..call.rows).map(|_| source.random::<f64>());
    Evaluated::ok(Arc::new(Float64Array::from_iter_values(cells)))
}

pub(super) const SIGN: ScalarFunction = function(
    "SIGN",
    "-1 below zero, 0 at zero, 1 above it.",
    ("SIGN(-7)", "-1"),
    &[
        of("SIGN(value INT) -> INT", Columns(sign)),
        of("SIGN(value BIGINT) -> INT", Columns(sign)),
        of("SIGN(value DOUBLE) -> INT", Columns(sign)),
    ],
);

fn sign(call: &Call<'_>) -> Evaluated {
    let sign = |x: f64| i32::from(x > 0.0) - i32::from(x < 0.0);
    let cells = doubles(call, 0).iter().map(|x| x.map(sign)).collect::<Int32Array>();
    Evaluated::ok(Arc::new(cells))
}
