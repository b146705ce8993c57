//! What the SQL standard says where ksqlDB does otherwise, for queries that ask for it
//! ([`super::Semantics::Standard`]): three-valued logic. A comparison with null is unknown, and so
//! is what it decides; nothing fails because of a null.
//!
//! ```text
//! AND       right: true     false  unknown   OR        right: true  false    unknown
//! left true        true     false  unknown   left true        true  true     true
//!      false       false    false  false          false       true  false    unknown
//!      unknown     unknown  false  unknown        unknown     true  unknown  unknown
//! ```
//!
//! Source: ISO/IEC 9075-2, boolean value expression.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use functions::RowErrors;
use model::SqlType;
use sql::ast::ComparisonOp;
use sql::expr::Expr;

use super::Scope;
use super::compare;
use super::part::{Part, both_valid};

/// For each row: is it true, is it false? Neither: unknown.
struct Truths {
    is_true: BooleanBuffer,
    is_false: BooleanBuffer,
}

impl Truths {
    fn of(part: &Part, rows: usize) -> Self {
        let array = part.array.as_boolean();
        if part.constant {
            let all = |holds| {
                if holds { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) }
            };
            let truth = array.is_valid(0).then(|| array.value(0));
            return Self { is_true: all(truth == Some(true)), is_false: all(truth == Some(false)) };
        }
        let (values, inverted) = (array.values(), !array.values());
        match array.nulls() {
            Some(nulls) => {
                Self { is_true: values & nulls.inner(), is_false: &inverted & nulls.inner() }
            }
            None => Self { is_true: values.clone(), is_false: inverted },
        }
    }

    fn and(&self, other: &Self) -> Self {
        Self { is_true: &self.is_true & &other.is_true, is_false: &self.is_false | &other.is_false }
    }

    fn or(&self, other: &Self) -> Self {
        self.negated().and(&other.negated()).negated()
    }

    fn negated(&self) -> Self {
        Self { is_true: self.is_false.clone(), is_false: self.is_true.clone() }
    }

    /// The column, null where it is unknown.
    fn column(self) -> ArrayRef {
        let known = NullBuffer::new(&self.is_true | &self.is_false);
        Arc::new(BooleanArray::new(self.is_true, Some(known)))
    }
}

/// What is true so far, and what failed on the way.
struct Found {
    truths: Truths,
    failed: RowErrors,
    logged: RowErrors,
}

impl Found {
    fn of(part: Part, rows: usize) -> Self {
        let truths = Truths::of(&part, rows);
        Self { truths, failed: part.failed, logged: part.logged }
    }

    /// Left to right: failures on the right count where the left side leaves it `open`.
    fn joined(mut self, right: Self, open: BooleanBuffer, truths: Truths) -> Self {
        let Found { mut failed, mut logged, .. } = right;
        failed.retain(|row| open.value(row) && !self.failed.contains(row));
        logged.retain(|row| open.value(row));
        self.failed.merge(failed);
        self.logged.merge(logged);
        Self { truths, ..self }
    }

    fn and(self, right: Self) -> Self {
        let (open, truths) = (!&self.truths.is_false, self.truths.and(&right.truths));
        self.joined(right, open, truths)
    }

    fn or(self, right: Self) -> Self {
        let (open, truths) = (!&self.truths.is_true, self.truths.or(&right.truths));
        self.joined(right, open, truths)
    }

    fn part(self, negated: bool) -> Part {
        let truths = if negated { self.truths.negated() } else { self.truths };
        let (failed, logged) = (self.failed, self.logged);
        Part { array: truths.column(), constant: false, failed, logged }
    }
}

/// `a op b`; unknown beside a null, but for IS [NOT] DISTINCT FROM.
pub(super) fn comparison(
    op: ComparisonOp,
    (a, a_type): (Part, &SqlType),
    (b, b_type): (Part, &SqlType),
    rows: usize,
) -> Part {
    let takes_nulls = matches!(op, ComparisonOp::IsDistinctFrom | ComparisonOp::IsNotDistinctFrom);
    let valid = if takes_nulls { None } else { both_valid(&a, &b, rows) };
    let compared = compare::comparison(op, (a, a_type), (b, b_type), rows);
    let bits = compared.array.as_boolean().values().clone();
    Part { array: Arc::new(BooleanArray::new(bits, valid)), ..compared }
}

pub(super) fn and(scope: &Scope<'_>, left: &Expr, right: &Expr) -> Part {
    let side = |side| Found::of(scope.evaluate(side), scope.rows);
    side(left).and(side(right)).part(false)
}

pub(super) fn or(scope: &Scope<'_>, left: &Expr, right: &Expr) -> Part {
    let side = |side| Found::of(scope.evaluate(side), scope.rows);
    side(left).or(side(right)).part(false)
}

pub(super) fn not(scope: &Scope<'_>, operand: &Expr) -> Part {
    Found::of(scope.evaluate(operand), scope.rows).part(true)
}

/// `operand op other` for an operand that is evaluated once; its own failures are left to others.
fn beside(
    scope: &Scope<'_>,
    op: ComparisonOp,
    (part, operand): (&Part, &Expr),
    to: &Expr,
) -> Found {
    let right = (scope.evaluate(to), &to.ty);
    let compared = comparison(op, (part.shared(), &operand.ty), right, scope.rows);
    Found::of(compared, scope.rows)
}

/// `operand >= low AND operand <= high`
pub(super) fn between(
    scope: &Scope<'_>,
    operand: &Expr,
    low: &Expr,
    high: &Expr,
    negated: bool,
) -> Part {
    let part = scope.evaluate(operand);
    let side = |op, bound| beside(scope, op, (&part, operand), bound);
    let above = side(ComparisonOp::GreaterThanOrEqual, low);
    let mut found = above.and(side(ComparisonOp::LessThanOrEqual, high));
    found.failed.merge(part.failed);
    found.logged.merge(part.logged);
    found.part(negated)
}

/// `operand = first OR operand = second …`: unknown if a null might have been the one.
pub(super) fn is_in(scope: &Scope<'_>, operand: &Expr, list: &[Expr], negated: bool) -> Part {
    let part = scope.evaluate(operand);
    let nothing = BooleanBuffer::new_unset(scope.rows);
    let truths = Truths { is_false: !&nothing, is_true: nothing };
    let none = Found { truths, failed: RowErrors::none(), logged: RowErrors::none() };
    let mut found = list.iter().fold(none, |found, item| {
        found.or(beside(scope, ComparisonOp::Equal, (&part, operand), item))
    });
    found.failed.merge(part.failed);
    found.logged.merge(part.logged);
    found.part(negated)
}
