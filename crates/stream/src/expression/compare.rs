//! `= <> < <= > >= IS [NOT] DISTINCT FROM` for every pair of types that can be compared.
//!
//! A comparison with null is false, whichever it is. Numbers of different types are compared by
//! value; text beside a DATE, TIME or TIMESTAMP is read as one; arrays, maps and structs are equal
//! if everything in them is.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::BooleanArray;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type,
    Time32MillisecondType, TimestampMillisecondType,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use functions::RowErrors;
use model::column::value_at;
use model::value::{bytes_cmp, utf16_cmp};
use model::{Decimal, SqlType, Value};
use sql::ast::ComparisonOp;

use super::part::{Part, both_valid, failures, zip_bits};
use super::{cast, decimal};

/// `a op b` as a BOOLEAN that is never null.
pub(super) fn comparison(
    op: ComparisonOp,
    (a, a_type): (Part, &SqlType),
    (b, b_type): (Part, &SqlType),
    rows: usize,
) -> Part {
    let (mut a, mut b) = (a, b);
    let (mut failed, logged) = failures(&mut a, &mut b);
    let valid = both_valid(&a, &b, rows);
    let base = match op {
        ComparisonOp::IsDistinctFrom | ComparisonOp::IsNotDistinctFrom => ComparisonOp::Equal,
        other => other,
    };
    let bits = compared(base, (&a, a_type), (&b, b_type), rows, valid.as_ref(), &mut failed);
    let both = match &valid {
        Some(valid) => &bits & valid.inner(),
        None => bits,
    };
    let bits = match op {
        ComparisonOp::IsDistinctFrom => !&same(&a, &b, both, rows),
        ComparisonOp::IsNotDistinctFrom => same(&a, &b, both, rows),
        _ => both,
    };
    Part { array: Arc::new(BooleanArray::new(bits, None)), constant: false, failed, logged }
}

/// Equal, or both null.
fn same(a: &Part, b: &Part, equal: BooleanBuffer, rows: usize) -> BooleanBuffer {
    match (a.validity(rows), b.validity(rows)) {
        (Some(a), Some(b)) => &equal | &(&!a.inner() & &!b.inner()),
        _ => equal,
    }
}

fn compared(
    op: ComparisonOp,
    (a, a_type): (&Part, &SqlType),
    (b, b_type): (&Part, &SqlType),
    rows: usize,
    valid: Option<&NullBuffer>,
    failed: &mut RowErrors,
) -> BooleanBuffer {
    use SqlType as S;
    match (a_type, b_type) {
        (S::Integer, S::Integer) => primitives::<Int32Type>(op, a, b, rows),
        (S::Bigint, S::Bigint) => primitives::<Int64Type>(op, a, b, rows),
        (S::Double, S::Double) => primitives::<Float64Type>(op, a, b, rows),
        (S::Date, S::Date) => primitives::<Date32Type>(op, a, b, rows),
        (S::Time, S::Time) => primitives::<Time32MillisecondType>(op, a, b, rows),
        (S::Timestamp, S::Timestamp) => primitives::<TimestampMillisecondType>(op, a, b, rows),
        (S::Boolean, S::Boolean) => {
            let (left, right) = (a.array.as_boolean(), b.array.as_boolean());
            let equal = op == ComparisonOp::Equal;
            BooleanBuffer::collect_bool(rows, |row| {
                (left.value(a.at(row)) == right.value(b.at(row))) == equal
            })
        }
        (S::String, S::String) => texts(op, a, b, rows),
        (S::Bytes, S::Bytes) => {
            let (left, right) = (a.array.as_binary::<i32>(), b.array.as_binary::<i32>());
            ordered(op, rows, |row| bytes_cmp(left.value(a.at(row)), right.value(b.at(row))))
        }
        (S::Decimal { .. } | S::Integer | S::Bigint, S::Decimal { .. })
        | (S::Decimal { .. }, S::Integer | S::Bigint) => {
            decimals(op, (a, a_type), (b, b_type), rows)
        }
        (S::Decimal { scale, .. }, S::Double) => {
            decimal_and_double(op, (a, *scale), b, rows, |order| order)
        }
        (S::Double, S::Decimal { scale, .. }) => {
            decimal_and_double(op, (b, *scale), a, rows, Ordering::reverse)
        }
        (S::Integer | S::Bigint, S::Integer | S::Bigint) => {
            let a = cast::coerce(a.shared(), a_type, &S::Bigint, rows);
            let b = cast::coerce(b.shared(), b_type, &S::Bigint, rows);
            primitives::<Int64Type>(op, &a, &b, rows)
        }
        (x, y) if x.is_number() && y.is_number() => {
            let a = cast::coerce(a.shared(), a_type, &S::Double, rows);
            let b = cast::coerce(b.shared(), b_type, &S::Double, rows);
            primitives::<Float64Type>(op, &a, &b, rows)
        }
        (time, S::String) if time.is_time() => {
            let read = read_text(b, time, rows, valid, failed);
            compared(op, (a, a_type), (&read, time), rows, valid, failed)
        }
        (S::String, time) if time.is_time() => {
            let read = read_text(a, time, rows, valid, failed);
            compared(op, (&read, time), (b, b_type), rows, valid, failed)
        }
        (S::Date, S::Timestamp) | (S::Timestamp, S::Date) => {
            let a = cast::coerce(a.shared(), a_type, &S::Timestamp, rows);
            let b = cast::coerce(b.shared(), b_type, &S::Timestamp, rows);
            primitives::<TimestampMillisecondType>(op, &a, &b, rows)
        }
        _ => {
            let equal = op == ComparisonOp::Equal;
            BooleanBuffer::collect_bool(rows, |row| {
                let left = value_at(a_type, &a.array, a.at(row));
                let right = value_at(b_type, &b.array, b.at(row));
                (same_fields(a_type, b_type) && equal_values(&left, &right)) == equal
            })
        }
    }
}

/// What a text says, as a time; a text that says none fails its row, if the row counts.
fn read_text(
    text: &Part,
    ty: &SqlType,
    rows: usize,
    valid: Option<&NullBuffer>,
    failed: &mut RowErrors,
) -> Part {
    let mut read = cast::coerce(text.shared(), &SqlType::String, ty, rows);
    let mut wrong = std::mem::take(&mut read.failed);
    wrong.retain(|row| valid.is_none_or(|valid| valid.is_valid(row)));
    failed.merge(wrong);
    read
}

fn primitives<T: ArrowPrimitiveType<Native: PartialOrd>>(
    op: ComparisonOp,
    a: &Part,
    b: &Part,
    rows: usize,
) -> BooleanBuffer {
    let (a, b) = ((a.values::<T>(), a.constant), (b.values::<T>(), b.constant));
    match op {
        // As ksqlDB's: false for NaN.
        ComparisonOp::NotEqual => {
            zip_bits(a, b, rows, |a, b| a.partial_cmp(&b).is_some_and(Ordering::is_ne))
        }
        ComparisonOp::LessThan => zip_bits(a, b, rows, |a, b| a < b),
        ComparisonOp::LessThanOrEqual => zip_bits(a, b, rows, |a, b| a <= b),
        ComparisonOp::GreaterThan => zip_bits(a, b, rows, |a, b| a > b),
        ComparisonOp::GreaterThanOrEqual => zip_bits(a, b, rows, |a, b| a >= b),
        _ => zip_bits(a, b, rows, |a, b| a == b),
    }
}

fn texts(op: ComparisonOp, a: &Part, b: &Part, rows: usize) -> BooleanBuffer {
    let (left, right) = (a.array.as_string::<i32>(), b.array.as_string::<i32>());
    let pair = |row| (left.value(a.at(row)), right.value(b.at(row)));
    match op {
        ComparisonOp::Equal | ComparisonOp::NotEqual => {
            let equal = op == ComparisonOp::Equal;
            BooleanBuffer::collect_bool(rows, |row| {
                let (a, b) = pair(row);
                (a == b) == equal
            })
        }
        _ => ordered(op, rows, |row| {
            let (a, b) = pair(row);
            utf16_cmp(a, b)
        }),
    }
}

fn ordered(op: ComparisonOp, rows: usize, order: impl Fn(usize) -> Ordering) -> BooleanBuffer {
    match op {
        ComparisonOp::NotEqual => BooleanBuffer::collect_bool(rows, |row| order(row).is_ne()),
        ComparisonOp::LessThan => BooleanBuffer::collect_bool(rows, |row| order(row).is_lt()),
        ComparisonOp::LessThanOrEqual => {
            BooleanBuffer::collect_bool(rows, |row| order(row).is_le())
        }
        ComparisonOp::GreaterThan => BooleanBuffer::collect_bool(rows, |row| order(row).is_gt()),
        ComparisonOp::GreaterThanOrEqual => {
            BooleanBuffer::collect_bool(rows, |row| order(row).is_ge())
        }
        _ => BooleanBuffer::collect_bool(rows, |row| order(row).is_eq()),
    }
}

fn decimals(
    op: ComparisonOp,
    (a, a_type): (&Part, &SqlType),
    (b, b_type): (&Part, &SqlType),
    rows: usize,
) -> BooleanBuffer {
    let (a_scale, b_scale) = (decimal::size_of(a_type).1, decimal::size_of(b_type).1);
    if a_scale == b_scale
        && a.array.as_primitive_opt::<Decimal128Type>().is_some()
        && b.array.as_primitive_opt::<Decimal128Type>().is_some()
    {
        return primitives::<Decimal128Type>(op, a, b, rows);
    }
    ordered(op, rows, |row| {
        let left = Decimal::new(decimal::unscaled(&a.array, a.at(row)), a_scale);
        let right = Decimal::new(decimal::unscaled(&b.array, b.at(row)), b_scale);
        left.cmp_value(&right)
    })
}

fn decimal_and_double(
    op: ComparisonOp,
    (numbers, scale): (&Part, u8),
    doubles: &Part,
    rows: usize,
    turned: fn(Ordering) -> Ordering,
) -> BooleanBuffer {
    let values = doubles.values::<Float64Type>();
    ordered(op, rows, |row| {
        let number = Decimal::new(decimal::unscaled(&numbers.array, numbers.at(row)), scale);
        turned(decimal_cmp_double(number, values[doubles.at(row)]))
    })
}

/// The order of a decimal and what the shortest text of a double says.
fn decimal_cmp_double(number: Decimal, double: f64) -> Ordering {
    let near = number.to_f64();
    match near.total_cmp(&double) {
        _ if near == double => {
            let text = format!("{double:?}");
            text.parse::<Decimal>().map_or(Ordering::Equal, |exact| number.cmp_value(&exact))
        }
        order => order,
    }
}

/// Do structs have the same fields, wherever they are nested?
fn same_fields(a: &SqlType, b: &SqlType) -> bool {
    match (a, b) {
        (SqlType::Array(a), SqlType::Array(b)) => same_fields(a, b),
        (SqlType::Map(_, a), SqlType::Map(_, b)) => same_fields(a, b),
        (SqlType::Struct(a), SqlType::Struct(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.name == b.name && same_fields(&a.ty, &b.ty))
        }
        _ => true,
    }
}

/// Equal through and through; the entries of maps in any order.
pub(super) fn equal_values(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) | (Value::Struct(a), Value::Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal_values(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            let has = |key: &Value, value: &Value| {
                b.iter().any(|(k, v)| equal_values(k, key) && equal_values(v, value))
            };
            a.len() == b.len() && a.iter().all(|(key, value)| has(key, value))
        }
        (Value::Double(a), Value::Double(b)) => a.total_cmp(b).is_eq(),
        (a, b) => a == b,
    }
}
