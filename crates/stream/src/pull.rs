//! Pull queries on tables: finds rows in a view, filters, orders and computes.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, UInt32Array};
use model::column::null_column;
use model::{Column, Namespace, Value};
use sql::catalog::Source;
use sql::expr::Expr;
use sql::plan::{Lookup, PullPlan};

use crate::batch::{WindowBounds, take_column};
use crate::expression::{EvalContext, evaluate};
use crate::rows::RowBatch;
use crate::state::codec::{DecodeError, RowWriter, read_rows, read_rows_padded, write_value};
use crate::view::{FoundRow, View};

/// The answer to a pull query over the committed rows of `source`, which are in `view`.
pub fn pull(
    plan: &PullPlan,
    source: &Source,
    view: &View,
    context: &EvalContext,
) -> Result<RowBatch, DecodeError> {
    let found = find(plan, view);
    let columns = columns_of(source, view, &found)?;
    let rows = found.len();
    let mut kept: Vec<u32> = match &plan.filter {
        Some(filter) => passing(filter, &columns, rows, context),
        None => (0..rows as u32).collect(),
    };
    order(&mut kept, &plan.order_by, &columns, rows, context);
    let skip = usize::try_from(plan.offset.unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = plan.limit.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
    let kept: Vec<u32> = kept.into_iter().skip(skip).take(limit).collect();
    let count = kept.len();
    let indices = UInt32Array::from(kept);
    let kept: Vec<ArrayRef> = columns.iter().map(|c| take_column(c, &indices)).collect();
    let compute = |expr: &Expr| evaluate(expr, &kept, count, context).column;
    Ok(RowBatch { columns: plan.columns.iter().map(compute).collect(), rows: count, present: None })
}

fn find(plan: &PullPlan, view: &View) -> Vec<FoundRow> {
    let bounds = &plan.windows;
    let wanted = |window: WindowBounds| {
        bounds.start_min_ms.is_none_or(|min| window.start_ms >= min)
            && bounds.start_max_ms.is_none_or(|max| window.start_ms <= max)
            && bounds.end_min_ms.is_none_or(|min| window.end_ms >= min)
            && bounds.end_max_ms.is_none_or(|max| window.end_ms <= max)
    };
    let key_of = |values: &[Value]| {
        let mut key = Vec::new();
        for (ty, value) in view.key_types().iter().zip(values) {
            write_value(ty, value, &mut key);
        }
        key
    };
    // Without conditions or an order the first rows will do.
    let most = match (plan.limit, &plan.filter, plan.order_by.is_empty()) {
        (Some(limit), None, true) => {
            let rows = limit.saturating_add(plan.offset.unwrap_or(0));
            usize::try_from(rows).unwrap_or(usize::MAX)
        }
        _ => usize::MAX,
    };
    match &plan.lookup {
        Lookup::Keys(keys) => {
            let mut seen = BTreeSet::new();
            let keys = keys.iter().map(|key| key_of(key)).filter(|key| seen.insert(key.clone()));
            view.get(keys, wanted)
        }
        Lookup::Range { low, high } => {
            let encode = |bound: &Option<(Value, bool)>| {
                bound
                    .as_ref()
                    .map(|(value, included)| (key_of(std::slice::from_ref(value)), *included))
            };
            let (low, high) = (encode(low), encode(high));
            view.scan(as_bound(low.as_ref()), as_bound(high.as_ref()), wanted, most)
        }
        Lookup::Scan => view.scan(Bound::Unbounded, Bound::Unbounded, wanted, most),
    }
}

fn as_bound(bound: Option<&(Vec<u8>, bool)>) -> Bound<&[u8]> {
    match bound {
        Some((key, true)) => Bound::Included(key),
        Some((key, false)) => Bound::Excluded(key),
        None => Bound::Unbounded,
    }
}

/// The columns of the source's step: its own, then ROWTIME, ROWPARTITION, ROWOFFSET and bounds.
fn columns_of(
    source: &Source,
    view: &View,
    found: &[FoundRow],
) -> Result<Vec<ArrayRef>, DecodeError> {
    let keys = read_rows(view.key_types(), found.iter().map(|row| Some(&*row.key)))?;
    let rows = found.iter().map(|row| &*row.stored.row);
    let values = read_rows_padded(view.value_types(), rows)?;
    let own = |column: &Column| -> ArrayRef {
        let at = |namespace| view.schema().of(namespace).position(|c| c.name == column.name);
        let found_column = match column.namespace {
            Namespace::Key => at(Namespace::Key).map(|at| keys[at].clone()),
            Namespace::Value => at(Namespace::Value).map(|at| values[at].clone()),
            Namespace::Headers | Namespace::Pseudo => None,
        };
        found_column.unwrap_or_else(|| null_column(&column.ty, found.len()))
    };
    let mut columns: Vec<ArrayRef> = source.schema.columns.iter().map(own).collect();
    let wide = |of: fn(&FoundRow) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(found.iter().map(of)))
    };
    columns.push(wide(|row| row.stored.timestamp));
    columns.push(Arc::new(Int32Array::from_iter_values(found.iter().map(|_| 0))));
    columns.push(wide(|_| 0));
    if source.window.is_some() {
        columns.push(wide(|row| row.window.map_or(0, |w| w.start_ms)));
        columns.push(wide(|row| row.window.map_or(0, |w| w.end_ms)));
    }
    Ok(columns)
}

fn passing(filter: &Expr, columns: &[ArrayRef], rows: usize, context: &EvalContext) -> Vec<u32> {
    let column = evaluate(filter, columns, rows, context).column;
    let truth = arrow_array::cast::AsArray::as_boolean(column.as_ref());
    (0u32..).zip(truth).filter(|(_, truth)| *truth == Some(true)).map(|(row, _)| row).collect()
}

/// Sorts rows by the expressions, nulls first (last if descending); rows that tie keep their order.
fn order(
    kept: &mut [u32],
    order_by: &[(Expr, bool)],
    columns: &[ArrayRef],
    rows: usize,
    context: &EvalContext,
) {
    if order_by.is_empty() {
        return;
    }
    let column = |(expr, _): &(Expr, bool)| evaluate(expr, columns, rows, context).column;
    let sort_columns: Vec<ArrayRef> = order_by.iter().map(column).collect();
    let cells: Vec<(RowWriter<'_>, bool)> = order_by
        .iter()
        .zip(&sort_columns)
        .map(|((expr, descending), column)| {
            (RowWriter::new([&expr.ty], std::slice::from_ref(column)), *descending)
        })
        .collect();
    kept.sort_by(|&a, &b| {
        for (writer, descending) in &cells {
            let order = writer.row(a as usize).cmp(&writer.row(b as usize));
            let order = if *descending { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    });
}
