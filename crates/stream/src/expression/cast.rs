//! CAST and the conversions nobody wrote: between all types that ksqlDB converts, also nested.
//!
//! Numbers go in plain loops; what is rare goes value by value ([`value::convert`]).

mod number;
mod value;

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Decimal128Builder, Float64Builder, Int32Builder, Int64Builder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type,
    Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use functions::RowErrors;
use model::column::{arrow_type, value_at};
use model::text::{write_date, write_double, write_integer, write_time, write_timestamp};
use model::types::DECIMAL_PRECISION_MAX;
use model::{ColumnBuilder, Decimal, SqlType};
use sql::expr::Expr;

use super::Scope;
use super::part::{Part, without};

/// `CAST(operand AS ty)`: what fails inside, and what cannot be converted, is a quiet null.
pub(super) fn cast(scope: &Scope<'_>, operand: &Expr, ty: &SqlType) -> Part {
    let mut part = scope.evaluate(operand);
    if part.failed.is_empty() {
        let (array, _) = convert(&part.array, &operand.ty, ty, false);
        return Part::of(array, part.constant);
    }
    let array = without(&part.full(scope.rows), &part.failed);
    Part::column(convert(&array, &operand.ty, ty, false).0)
}

/// A conversion that nobody wrote: what cannot be converted fails its row.
pub(super) fn coerce(part: Part, from: &SqlType, to: &SqlType, rows: usize) -> Part {
    if from == to {
        return part;
    }
    let (array, failed) = convert(&part.array, from, to, true);
    let mut converted = Part { failed, ..Part::of(array, part.constant) };
    if part.constant {
        converted = converted.repeated(rows);
    }
    let mut failed = part.failed;
    failed.merge(converted.failed);
    Part { failed, logged: part.logged, ..Part::of(converted.array, part.constant) }
}

/// Every value of a column as another type; null where there is none, and if `told` these rows.
fn convert(array: &ArrayRef, from: &SqlType, to: &SqlType, told: bool) -> (ArrayRef, RowErrors) {
    use SqlType as S;
    if from == to {
        return (array.clone(), RowErrors::none());
    }
    let fine = |array: ArrayRef| (array, RowErrors::none());
    match (from, to) {
        (S::Integer, S::Bigint) => fine(unary::<Int32Type, Int64Type>(array, i64::from)),
        (S::Integer, S::Double) => fine(unary::<Int32Type, Float64Type>(array, f64::from)),
        (S::Bigint, S::Integer) => fine(unary::<Int64Type, Int32Type>(array, |n| n as i32)),
        (S::Bigint, S::Double) => fine(unary::<Int64Type, Float64Type>(array, |n| n as f64)),
        (S::Double, S::Integer) => fine(unary::<Float64Type, Int32Type>(array, |n| n as i32)),
        (S::Double, S::Bigint) => fine(unary::<Float64Type, Int64Type>(array, |n| n as i64)),
        (S::Date, S::Timestamp) => {
            let millis = |days| i64::from(days) * value::DAY_MS;
            fine(unary::<Date32Type, TimestampMillisecondType>(array, millis))
        }
        (S::Timestamp, S::Time) => {
            let of_day = |ms: i64| ms.rem_euclid(value::DAY_MS) as i32;
            fine(unary::<TimestampMillisecondType, Time32MillisecondType>(array, of_day))
        }
        (S::Integer, S::Decimal { .. }) => whole_to_decimal::<Int32Type>(array, from, to),
        (S::Bigint, S::Decimal { .. }) => whole_to_decimal::<Int64Type>(array, from, to),
        (S::Decimal { precision, scale }, S::Double) if *precision <= DECIMAL_PRECISION_MAX => {
            let scale = *scale;
            let double = |n| number::decimal_to_double(Decimal::new(n, scale));
            fine(unary::<Decimal128Type, Float64Type>(array, double))
        }
        (S::Integer, S::String) => fine(texts::<Int32Type>(array, |n, text| {
            write_integer(i64::from(n), text);
        })),
        (S::Bigint, S::String) => fine(texts::<Int64Type>(array, write_integer)),
        (S::Double, S::String) => fine(texts::<Float64Type>(array, write_double)),
        (S::Date, S::String) => fine(texts::<Date32Type>(array, write_date)),
        (S::Time, S::String) => fine(texts::<Time32MillisecondType>(array, write_time)),
        (S::Timestamp, S::String) => {
            fine(texts::<TimestampMillisecondType>(array, write_timestamp))
        }
        (S::String, S::Integer) => parsed(
            (array, told),
            Int32Builder::with_capacity(array.len()),
            |text| number::parse_whole(text).and_then(|n| i32::try_from(n).ok()),
            Int32Builder::append_option,
            |mut b| Arc::new(b.finish()),
        ),
        (S::String, S::Bigint) => parsed(
            (array, told),
            Int64Builder::with_capacity(array.len()),
            number::parse_whole,
            Int64Builder::append_option,
            |mut b| Arc::new(b.finish()),
        ),
        (S::String, S::Double) => parsed(
            (array, told),
            Float64Builder::with_capacity(array.len()),
            number::parse_double,
            Float64Builder::append_option,
            |mut b| Arc::new(b.finish()),
        ),
        (S::String, S::Boolean) => parsed(
            (array, told),
            BooleanBuilder::with_capacity(array.len()),
            |text| Some(number::parse_boolean(text)),
            BooleanBuilder::append_option,
            |mut b| Arc::new(b.finish()),
        ),
        (S::String, S::Decimal { precision, scale }) if *precision <= DECIMAL_PRECISION_MAX => {
            parsed(
                (array, told),
                Decimal128Builder::with_capacity(array.len()).with_data_type(arrow_type(to)),
                |text| number::parse_decimal(text, *precision, *scale)?.to_i128(),
                Decimal128Builder::append_option,
                |mut b| Arc::new(b.finish()),
            )
        }
        _ => by_value(array, from, to),
    }
}

fn unary<A: ArrowPrimitiveType, B: ArrowPrimitiveType>(
    array: &ArrayRef,
    f: impl Fn(A::Native) -> B::Native,
) -> ArrayRef {
    Arc::new(array.as_primitive::<A>().unary::<_, B>(f))
}

fn whole_to_decimal<T: ArrowPrimitiveType<Native: Into<i128>>>(
    array: &ArrayRef,
    from: &SqlType,
    to: &SqlType,
) -> (ArrayRef, RowErrors) {
    let SqlType::Decimal { precision, scale } = to else { return by_value(array, from, to) };
    let numbers = array.as_primitive::<T>();
    let factor = Decimal::pow10(u32::from(*scale)).and_then(|f| f.to_i128());
    let bound =
        Decimal::pow10(u32::from(precision.saturating_sub(*scale))).and_then(|b| b.to_i128());
    let (Some(factor), Some(bound)) = (factor, bound) else { return by_value(array, from, to) };
    let fits = |n: T::Native| Into::<i128>::into(n).unsigned_abs() < bound.unsigned_abs();
    if *precision > DECIMAL_PRECISION_MAX || !numbers.iter().flatten().all(fits) {
        return by_value(array, from, to);
    }
    let scaled = numbers.unary::<_, Decimal128Type>(|n| Into::<i128>::into(n).wrapping_mul(factor));
    (Arc::new(scaled.with_data_type(arrow_type(to))), RowErrors::none())
}

/// A text for each number, written one behind the other.
fn texts<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    write: impl Fn(T::Native, &mut Vec<u8>),
) -> ArrayRef {
    let numbers: &PrimitiveArray<T> = array.as_primitive();
    let mut bytes = Vec::with_capacity(numbers.len() * 8);
    let mut offsets = Vec::with_capacity(numbers.len() + 1);
    offsets.push(0);
    for row in 0..numbers.len() {
        if numbers.is_valid(row) {
            write(numbers.value(row), &mut bytes);
        }
        offsets.push(bytes.len() as i32);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Arc::new(StringArray::new(offsets, Buffer::from_vec(bytes), numbers.nulls().cloned()))
}

/// What each text says.
fn parsed<B, R>(
    (array, told): (&ArrayRef, bool),
    mut builder: B,
    parse: impl Fn(&str) -> Option<R>,
    append: impl Fn(&mut B, Option<R>),
    finish: impl FnOnce(B) -> ArrayRef,
) -> (ArrayRef, RowErrors) {
    let texts = array.as_string::<i32>();
    let mut errors = RowErrors::none();
    for row in 0..texts.len() {
        if texts.is_null(row) {
            append(&mut builder, None);
            continue;
        }
        let result = parse(texts.value(row));
        if told && result.is_none() {
            errors.add(row, format!("'{}' is no number of this type", texts.value(row)));
        }
        append(&mut builder, result);
    }
    (finish(builder), errors)
}

fn by_value(array: &ArrayRef, from: &SqlType, to: &SqlType) -> (ArrayRef, RowErrors) {
    let mut builder = ColumnBuilder::new(to, array.len());
    let mut errors = RowErrors::none();
    for row in 0..array.len() {
        match value::convert(&value_at(from, array, row), from, to) {
            Ok(value) => builder.append(&value),
            Err(reason) => {
                errors.add(row, reason);
                builder.append_null();
            }
        }
    }
    (builder.finish(), errors)
}
