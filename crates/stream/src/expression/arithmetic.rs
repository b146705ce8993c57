//! `+ - * / %` and the minus sign: whole numbers wrap, a null or a division by zero fails the row.
//! `+` also joins texts, for which a null is the word `null`. By the standard's semantics a null
//! makes the result null in both.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, PrimitiveArray, StringArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use functions::{RowErrors, limits};
use model::SqlType;
use sql::ast::ArithmeticOp;
use sql::expr::{Expr, ExprKind};

use super::part::{Part, both_valid, fail_nulls, failures, zip};
use super::{Scope, Semantics, cast, decimal};
use crate::batch::mask_column;

pub(super) const NULL_OPERAND: &str = "an operand of the arithmetic is null";
const BY_ZERO: &str = "division by zero";

/// `left op right`, of the given type.
pub(super) fn binary(
    scope: &Scope<'_>,
    op: ArithmeticOp,
    left: &Expr,
    right: &Expr,
    ty: &SqlType,
) -> Part {
    if *ty == SqlType::String {
        return join_texts(scope, left, right);
    }
    let (mut a, mut b) = (scope.evaluate(left), scope.evaluate(right));
    if !matches!(ty, SqlType::Decimal { .. }) {
        // A no-op where the analyzer has done it.
        a = cast::coerce(a, &left.ty, ty, scope.rows);
        b = cast::coerce(b, &right.ty, ty, scope.rows);
    }
    let rows = scope.rows;
    let (mut failed, logged) = failures(&mut a, &mut b);
    let valid = both_valid(&a, &b, rows);
    let mut wrong = RowErrors::none();
    let array: ArrayRef = match ty {
        SqlType::Integer => whole::<Int32Type>(op, &a, &b, rows, &mut wrong),
        SqlType::Bigint => whole::<Int64Type>(op, &a, &b, rows, &mut wrong),
        SqlType::Double => doubles(op, &a, &b, rows),
        _ => {
            let (a, b) = ((&a, &left.ty), (&b, &right.ty));
            let operation = decimal::Operation { op, semantics: scope.semantics, ty };
            decimal::binary(&operation, a, b, rows, valid.as_ref(), &mut wrong)
        }
    };
    // What stands in the place of a null cannot go wrong.
    wrong.retain(|row| valid.as_ref().is_none_or(|valid| valid.is_valid(row)));
    let array = nulls_in(scope, array, valid.as_ref(), &mut failed);
    failed.merge(wrong);
    Part { array, constant: false, failed, logged }
}

/// The result where an operand is null: fails in ksqlDB, is null by the standard's semantics.
fn nulls_in(
    scope: &Scope<'_>,
    array: ArrayRef,
    valid: Option<&NullBuffer>,
    failed: &mut RowErrors,
) -> ArrayRef {
    match (scope.semantics, valid) {
        (Semantics::Standard, Some(valid)) => mask_column(&array, valid),
        _ => {
            fail_nulls(failed, valid, NULL_OPERAND);
            array
        }
    }
}

/// Arithmetic of whole numbers that wraps.
trait Wrapping: Copy + PartialEq + Default {
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn rem(self, other: Self) -> Self;
    fn neg(self) -> Self;
}

macro_rules! wrapping {
    ($($ty:ty),*) => {$(
        impl Wrapping for $ty {
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            fn div(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_div(other) }
            }
            fn rem(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_rem(other) }
            }
            fn neg(self) -> Self {
                self.wrapping_neg()
            }
        }
    )*};
}

wrapping!(i32, i64);

fn whole<T: ArrowPrimitiveType<Native: Wrapping>>(
    op: ArithmeticOp,
    a: &Part,
    b: &Part,
    rows: usize,
    failed: &mut RowErrors,
) -> ArrayRef {
    let (left, right) = ((a.values::<T>(), a.constant), (b.values::<T>(), b.constant));
    if matches!(op, ArithmeticOp::Divide | ArithmeticOp::Modulus) {
        let zero = T::Native::default();
        if b.constant {
            if right.0[0] == zero {
                (0..rows).for_each(|row| failed.add(row, BY_ZERO));
            }
        } else {
            let zeros = right.0.iter().enumerate().filter(|(_, n)| **n == zero);
            zeros.for_each(|(row, _)| failed.add(row, BY_ZERO));
        }
    }
    let values = match op {
        ArithmeticOp::Add => zip(left, right, rows, Wrapping::add),
        ArithmeticOp::Subtract => zip(left, right, rows, Wrapping::sub),
        ArithmeticOp::Multiply => zip(left, right, rows, Wrapping::mul),
        ArithmeticOp::Divide => zip(left, right, rows, Wrapping::div),
        ArithmeticOp::Modulus => zip(left, right, rows, Wrapping::rem),
    };
    Arc::new(PrimitiveArray::<T>::new(values.into(), None))
}

fn doubles(op: ArithmeticOp, a: &Part, b: &Part, rows: usize) -> ArrayRef {
    let left = (a.values::<Float64Type>(), a.constant);
    let right = (b.values::<Float64Type>(), b.constant);
    let values = match op {
        ArithmeticOp::Add => zip(left, right, rows, |a, b| a + b),
        ArithmeticOp::Subtract => zip(left, right, rows, |a, b| a - b),
        ArithmeticOp::Multiply => zip(left, right, rows, |a, b| a * b),
        ArithmeticOp::Divide => zip(left, right, rows, |a, b| a / b),
        ArithmeticOp::Modulus => zip(left, right, rows, |a, b| a % b),
    };
    Arc::new(PrimitiveArray::<Float64Type>::new(values.into(), None))
}

/// `-operand`
pub(super) fn negate(scope: &Scope<'_>, operand: &Expr) -> Part {
    let mut part = scope.evaluate(operand);
    if scope.semantics == Semantics::Ksql {
        let valid = part.validity(scope.rows);
        fail_nulls(&mut part.failed, valid.as_ref(), NULL_OPERAND);
    }
    part.array = match operand.ty {
        SqlType::Integer => negated::<Int32Type>(&part, Wrapping::neg),
        SqlType::Bigint => negated::<Int64Type>(&part, Wrapping::neg),
        SqlType::Double => negated::<Float64Type>(&part, |n| -n),
        _ => decimal::negate(&part.array),
    };
    part
}

fn negated<T: ArrowPrimitiveType>(part: &Part, f: impl Fn(T::Native) -> T::Native) -> ArrayRef {
    Arc::new(part.array.as_primitive::<T>().unary::<_, T>(f))
}

/// `a + b + c`: all of them in one pass.
fn join_texts(scope: &Scope<'_>, left: &Expr, right: &Expr) -> Part {
    let mut operands = Vec::new();
    collect_texts(left, &mut operands);
    collect_texts(right, &mut operands);
    let (mut failed, mut logged) = (RowErrors::none(), RowErrors::none());
    let mut parts: Vec<_> = operands.into_iter().map(|x| scope.evaluate(x)).collect();
    for part in &mut parts {
        failed.merge(std::mem::take(&mut part.failed));
        logged.merge(std::mem::take(&mut part.logged));
    }
    let texts: Vec<_> = parts.iter().map(|part| (part.array.as_string::<i32>(), part)).collect();
    let length = |(array, part): &(&StringArray, &Part)| {
        let length = array.value_data().len();
        if part.constant { length.saturating_mul(scope.rows) } else { length }
    };
    let all = texts.iter().map(length).fold(0, usize::saturating_add);
    let mut bytes: Vec<u8> = Vec::with_capacity(all.min(limits::COLUMN_BYTES_MAX));
    let mut offsets: Vec<i32> = Vec::with_capacity(scope.rows + 1);
    offsets.push(0);
    for row in 0..scope.rows {
        let text = |(array, part): &(&'_ StringArray, &Part)| {
            let at = part.at(row);
            if array.is_null(at) { "null".len() } else { array.value_length(at) as usize }
        };
        let joined = texts.iter().map(text).sum();
        if let Err(reason) = limits::check_bytes(joined) {
            failed.add(row, reason);
        } else if bytes.len() + joined > limits::COLUMN_BYTES_MAX {
            failed.add(row, limits::COLUMN_TOO_LARGE);
        } else {
            for (array, part) in &texts {
                let at = part.at(row);
                let text = if array.is_null(at) { "null" } else { array.value(at) };
                bytes.extend_from_slice(text.as_bytes());
            }
        }
        offsets.push(bytes.len() as i32);
    }
    let valid = match scope.semantics {
        Semantics::Ksql => None,
        Semantics::Standard => parts.iter().fold(None, |valid, part| {
            NullBuffer::union(valid.as_ref(), part.validity(scope.rows).as_ref())
        }),
    };
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let array = Arc::new(StringArray::new(offsets, Buffer::from_vec(bytes), valid));
    Part { array, constant: false, failed, logged }
}

fn collect_texts<'a>(expr: &'a Expr, operands: &mut Vec<&'a Expr>) {
    match &expr.kind {
        ExprKind::Arithmetic { op: ArithmeticOp::Add, left, right } => {
            collect_texts(left, operands);
            collect_texts(right, operands);
        }
        _ => operands.push(expr),
    }
}
