//! AND, OR, NOT, IS NULL, BETWEEN, IN and CASE.
//!
//! ```text
//! AND       right: true  false  null      OR        right: true  false  null
//! left true        true  false  fails     left true        true  true   true
//!      false       false false  false          false       true  false  fails
//!      null        fails fails  fails          null        fails fails  fails
//! ```

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::BooleanBuffer;
use functions::RowErrors;
use model::SqlType;
use model::column::null_column;
use sql::ast::ComparisonOp;
use sql::expr::Expr;

use super::compare::comparison;
use super::part::{Part, fail_nulls};
use super::{Scope, Semantics, standard};

const NULL_LOGIC: &str = "a condition is null where it decides";

/// Bits of a BOOLEAN for all rows; a null fails its row.
fn truths(part: &mut Part, rows: usize) -> BooleanBuffer {
    let valid = part.validity(rows);
    fail_nulls(&mut part.failed, valid.as_ref(), NULL_LOGIC);
    bits(part, rows)
}

fn bits(part: &Part, rows: usize) -> BooleanBuffer {
    let array = part.array.as_boolean();
    if part.constant {
        let truth = array.is_valid(0) && array.value(0);
        return if truth { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) };
    }
    match array.nulls() {
        Some(nulls) => array.values() & nulls.inner(),
        None => array.values().clone(),
    }
}

fn boolean(bits: BooleanBuffer) -> ArrayRef {
    Arc::new(BooleanArray::new(bits, None))
}

pub(super) fn and(scope: &Scope<'_>, left: &Expr, right: &Expr) -> Part {
    if scope.semantics == Semantics::Standard {
        return standard::and(scope, left, right);
    }
    decided(scope, left, right, false, |left, right| left & right)
}

pub(super) fn or(scope: &Scope<'_>, left: &Expr, right: &Expr) -> Part {
    if scope.semantics == Semantics::Standard {
        return standard::or(scope, left, right);
    }
    decided(scope, left, right, true, |left, right| left | right)
}

/// Left to right: where the left side is `decisive`, the right one is not looked at.
fn decided(
    scope: &Scope<'_>,
    left: &Expr,
    right: &Expr,
    decisive: bool,
    combine: fn(&BooleanBuffer, &BooleanBuffer) -> BooleanBuffer,
) -> Part {
    let (mut a, mut b) = (scope.evaluate(left), scope.evaluate(right));
    let (left, right) = (truths(&mut a, scope.rows), truths(&mut b, scope.rows));
    let needed = |row: usize| left.value(row) != decisive;
    let (mut failed, mut logged) = (a.failed, a.logged);
    b.failed.retain(|row| needed(row) && !failed.contains(row));
    b.logged.retain(needed);
    failed.merge(b.failed);
    logged.merge(b.logged);
    Part { array: boolean(combine(&left, &right)), constant: false, failed, logged }
}

pub(super) fn not(scope: &Scope<'_>, operand: &Expr) -> Part {
    if scope.semantics == Semantics::Standard {
        return standard::not(scope, operand);
    }
    let mut part = scope.evaluate(operand);
    let bits = !&truths(&mut part, scope.rows);
    Part { array: boolean(bits), constant: false, ..part }
}

/// `operand IS NULL`, or IS NOT NULL.
pub(super) fn is_null(scope: &Scope<'_>, operand: &Expr, wanted: bool) -> Part {
    let part = scope.evaluate(operand);
    let valid = match part.validity(scope.rows) {
        Some(valid) => valid.inner().clone(),
        None => BooleanBuffer::new_set(scope.rows),
    };
    let bits = if wanted { !&valid } else { valid };
    Part { array: boolean(bits), constant: false, ..part }
}

pub(super) fn between(
    scope: &Scope<'_>,
    operand: &Expr,
    low: &Expr,
    high: &Expr,
    negated: bool,
) -> Part {
    if scope.semantics == Semantics::Standard {
        return standard::between(scope, operand, low, high, negated);
    }
    let part = scope.evaluate(operand);
    let side = |op, bound: &Expr| {
        let bound_part = scope.evaluate(bound);
        comparison(op, (part.shared(), &operand.ty), (bound_part, &bound.ty), scope.rows)
    };
    let above = side(ComparisonOp::GreaterThanOrEqual, low);
    let mut below = side(ComparisonOp::LessThanOrEqual, high);
    let low_bits = bits(&above, scope.rows);
    // The upper bound is not looked at where the lower one decides.
    below.failed.retain(|row| low_bits.value(row));
    let mut failed = part.failed;
    let mut logged = part.logged;
    for errors in [above.failed, below.failed] {
        failed.merge(errors);
    }
    for errors in [above.logged, below.logged] {
        logged.merge(errors);
    }
    let within = &low_bits & below.array.as_boolean().values();
    let bits = if negated { !&within } else { within };
    Part { array: boolean(bits), constant: false, failed, logged }
}

/// `operand IN (list)`: null is in no list, and a null in the list is nothing's equal.
pub(super) fn is_in(scope: &Scope<'_>, operand: &Expr, list: &[Expr], negated: bool) -> Part {
    if scope.semantics == Semantics::Standard {
        return standard::is_in(scope, operand, list, negated);
    }
    let part = scope.evaluate(operand);
    let items: Vec<_> = list.iter().map(|item| (scope.evaluate(item), &item.ty)).collect();
    let (mut failed, mut logged) = (RowErrors::none(), RowErrors::none());
    let found = match in_texts(&part, &operand.ty, &items, scope.rows) {
        Some(found) => found,
        None => {
            let mut found = BooleanBuffer::new_unset(scope.rows);
            for item in items {
                let operand = (part.shared(), &operand.ty);
                let equal = comparison(ComparisonOp::Equal, operand, item, scope.rows);
                found = &found | equal.array.as_boolean().values();
                failed.merge(equal.failed);
                logged.merge(equal.logged);
            }
            found
        }
    };
    let (mut all_failed, mut all_logged) = (part.failed, part.logged);
    all_failed.merge(failed);
    all_logged.merge(logged);
    let bits = if negated { !&found } else { found };
    Part { array: boolean(bits), constant: false, failed: all_failed, logged: all_logged }
}

/// From so many texts on it pays to look them up.
const LOOKUP_MIN: usize = 8;

/// Which rows are among many constant texts; `None`: they are something else, or few.
fn in_texts(
    part: &Part,
    ty: &SqlType,
    items: &[(Part, &SqlType)],
    rows: usize,
) -> Option<BooleanBuffer> {
    let plain = |(item, ty): &(Part, &SqlType)| {
        item.constant && **ty == SqlType::String && item.failed.is_empty() && item.logged.is_empty()
    };
    if *ty != SqlType::String || items.len() < LOOKUP_MIN || !items.iter().all(plain) {
        return None;
    }
    let texts = items.iter().map(|(item, _)| item.array.as_string::<i32>());
    let texts: HashSet<&str> =
        texts.filter(|text| text.is_valid(0)).map(|text| text.value(0)).collect();
    let operands = part.array.as_string::<i32>();
    Some(BooleanBuffer::collect_bool(rows, |row| {
        let at = part.at(row);
        operands.is_valid(at) && texts.contains(operands.value(at))
    }))
}

/// The result of the first branch whose condition is true; a condition that is null fails the row
/// (by the standard's semantics, it is not true).
pub(super) fn case(
    scope: &Scope<'_>,
    branches: &[(Expr, Expr)],
    otherwise: &Expr,
    ty: &SqlType,
) -> Part {
    let rows = scope.rows;
    // Which branch's result a row takes; the last is ELSE.
    let mut taken: Vec<Option<u32>> = vec![None; rows];
    let mut open = rows;
    let (mut failed, mut logged) = (RowErrors::none(), RowErrors::none());
    let mut results: Vec<Part> = Vec::new();
    for (at, (when, _)) in branches.iter().enumerate() {
        if open == 0 {
            break;
        }
        let mut condition = scope.evaluate(when);
        let truths = match scope.semantics {
            Semantics::Ksql => truths(&mut condition, rows),
            Semantics::Standard => bits(&condition, rows),
        };
        condition.failed.retain(|row| taken[row].is_none() && !failed.contains(row));
        condition.logged.retain(|row| taken[row].is_none());
        for row in truths.set_indices() {
            if taken[row].is_none() && !condition.failed.contains(row) && !failed.contains(row) {
                taken[row] = Some(at as u32);
                open -= 1;
            }
        }
        failed.merge(condition.failed);
        logged.merge(condition.logged);
    }
    let last = branches.len() as u32;
    let mut used = vec![false; branches.len() + 1];
    for branch in &mut taken {
        used[branch.get_or_insert(last).to_owned() as usize] = true;
    }
    let choices = branches.iter().map(|(_, then)| then).chain([otherwise]);
    for (at, choice) in choices.enumerate() {
        if !used[at] {
            results.push(Part::constant(null_column(ty, 1)));
            continue;
        }
        let mut result = scope.evaluate(choice);
        let mine = |row: usize| taken[row] == Some(at as u32);
        result.failed.retain(|row| mine(row) && !failed.contains(row));
        result.logged.retain(|row| mine(row) && !failed.contains(row));
        failed.merge(std::mem::take(&mut result.failed));
        logged.merge(std::mem::take(&mut result.logged));
        results.push(result);
    }
    let array = choose(&results, &taken);
    Part { array, constant: false, failed, logged }
}

/// For each row the value of the part that it takes.
fn choose(parts: &[Part], taken: &[Option<u32>]) -> ArrayRef {
    let arrays: Vec<&dyn Array> = parts.iter().map(|part| part.array.as_ref()).collect();
    let place = |(row, branch): (usize, &Option<u32>)| {
        let branch = branch.unwrap_or(0) as usize;
        (branch, parts[branch].at(row))
    };
    let places: Vec<_> = taken.iter().enumerate().map(place).collect();
    arrow_select::interleave::interleave(&arrays, &places).expect("branches are of one type")
}
