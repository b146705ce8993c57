//! Pull queries on tables: finds rows in a view, filters, orders and computes.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, UInt32Array};
use model::column::null_column;
use model::{Column, Namespace, Value};
use sql::catalog::Source;
use sql::expr::Expr;
use sql::plan::{Lookup, PullPlan};

use crate::batch::{WindowBounds, concat_columns, take_column};
use crate::expression::{EvalContext, evaluate};
use crate::request::{Client, ClientLeft};
use crate::rows::RowBatch;
use crate::state::codec::{DecodeError, RowWriter, read_rows, read_rows_padded, write_value};
use crate::view::{FoundRow, View};

/// So many rows are found and worked on at once. Between them changes of the view get their chance,
/// and it is looked whether the client is still there.
const PORTION_ROWS: usize = 4096;

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PullError {
    /// What the view holds cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Nobody waits for it any more.
    #[error(transparent)]
    ClientLeft(#[from] ClientLeft),
}

/// The answer to a pull query over the committed rows of `source`, which are in `view`.
pub fn pull(
    plan: &PullPlan,
    source: &Source,
    view: &View,
    context: &EvalContext,
    client: &Client,
) -> Result<RowBatch, PullError> {
    let mut pull = Pull { plan, source, view, client, context, portions: Vec::new(), rows: 0 };
    match pull.find() {
        ControlFlow::Break(Some(error)) => Err(error),
        ControlFlow::Break(None) | ControlFlow::Continue(()) => pull.answer(),
    }
}

/// A pull query at work.
struct Pull<'a> {
    plan: &'a PullPlan,
    source: &'a Source,
    view: &'a View,
    client: &'a Client,
    context: &'a EvalContext,
    /// Rows that passed the filter, columns of the source's step, in the order they were found.
    portions: Vec<Vec<ArrayRef>>,
    rows: usize,
}

/// Goes on, has enough rows, or failed.
type Taken = ControlFlow<Option<PullError>>;

impl Pull<'_> {
    /// How many rows will do, in the order in which they are found.
    fn enough(&self) -> usize {
        match self.plan.limit {
            Some(limit) if self.plan.order_by.is_empty() => {
                let rows = limit.saturating_add(self.plan.offset.unwrap_or(0));
                usize::try_from(rows).unwrap_or(usize::MAX)
            }
            _ => usize::MAX,
        }
    }

    /// Finds the rows and keeps those that pass the filter.
    fn find(&mut self) -> Taken {
        let view = self.view;
        let bounds = &self.plan.windows;
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
        match &self.plan.lookup {
            Lookup::Keys(keys) => {
                let mut seen = BTreeSet::new();
                let keys =
                    keys.iter().map(|key| key_of(key)).filter(|key| seen.insert(key.clone()));
                self.take(view.get(keys, wanted))
            }
            Lookup::Range { low, high } => {
                let encode = |bound: &Option<(Value, bool)>| {
                    bound
                        .as_ref()
                        .map(|(value, included)| (key_of(std::slice::from_ref(value)), *included))
                };
                let (low, high) = (encode(low), encode(high));
                self.scan((as_bound(low.as_ref()), as_bound(high.as_ref())), wanted)
            }
            Lookup::Scan => self.scan((Bound::Unbounded, Bound::Unbounded), wanted),
        }
    }

    fn scan(
        &mut self,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        wanted: impl Fn(WindowBounds) -> bool,
    ) -> Taken {
        let portion = match self.plan.filter {
            // Then each row that is found is one of the answer.
            None => self.enough().clamp(1, PORTION_ROWS),
            Some(_) => PORTION_ROWS,
        };
        self.view.scan(bounds, wanted, portion, |found| self.take(found))
    }

    /// Takes in what was found.
    fn take(&mut self, mut found: Vec<FoundRow>) -> Taken {
        loop {
            let rest = found.split_off(found.len().min(PORTION_ROWS));
            if let Err(error) = self.take_portion(&found) {
                return ControlFlow::Break(Some(error));
            }
            if self.rows >= self.enough() {
                return ControlFlow::Break(None);
            }
            if rest.is_empty() {
                return ControlFlow::Continue(());
            }
            found = rest;
        }
    }

    fn take_portion(&mut self, found: &[FoundRow]) -> Result<(), PullError> {
        self.client.check()?;
        let mut columns = columns_of(self.source, self.view, found)?;
        let mut rows = found.len();
        if let Some(filter) = &self.plan.filter {
            let passing = passing(filter, &columns, rows, self.context);
            rows = passing.len();
            let passing = UInt32Array::from(passing);
            columns = columns.iter().map(|c| take_column(c, &passing)).collect();
        }
        self.rows += rows;
        if rows > 0 || self.portions.is_empty() {
            self.portions.push(columns);
        }
        Ok(())
    }

    /// Orders what was kept, and computes the answer's columns.
    fn answer(self) -> Result<RowBatch, PullError> {
        let columns: Vec<ArrayRef> = match self.portions.as_slice() {
            [] => columns_of(self.source, self.view, &[])?,
            portions => (0..portions[0].len())
                .map(|at| concat_columns(portions.iter().map(|columns| &columns[at])))
                .collect(),
        };
        let mut kept: Vec<u32> = (0..self.rows as u32).collect();
        order(&mut kept, &self.plan.order_by, &columns, self.rows, self.context);
        let skip = usize::try_from(self.plan.offset.unwrap_or(0)).unwrap_or(usize::MAX);
        let limit =
            self.plan.limit.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
        let kept: Vec<u32> = kept.into_iter().skip(skip).take(limit).collect();
        let mut computed: Vec<Vec<ArrayRef>> = Vec::new();
        // Without rows there are columns all the same.
        let portions = kept.chunks(PORTION_ROWS).chain(kept.is_empty().then_some(&[][..]));
        for portion in portions {
            self.client.check()?;
            let indices = UInt32Array::from(portion.to_vec());
            let inputs: Vec<ArrayRef> = columns.iter().map(|c| take_column(c, &indices)).collect();
            let compute = |expr: &Expr| evaluate(expr, &inputs, portion.len(), self.context).column;
            computed.push(self.plan.columns.iter().map(compute).collect());
        }
        let columns = (0..self.plan.columns.len())
            .map(|at| concat_columns(computed.iter().map(|columns| &columns[at])))
            .collect();
        Ok(RowBatch { columns, rows: kept.len(), present: None })
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
