//! EXPLODE and its kin: as many rows as the longest list has, the others null beside it.

use arrow_array::{Array, ArrayRef, ListArray, UInt32Array};
use functions::scalar;
use sql::expr::Arg;
use sql::plan::TableCall;

use crate::batch::{Batch, take_column};
use crate::operators::{Cycle, Operator, ProcessError, one};
use crate::processing_log::LogMessage;

/// Table functions, zipped.
pub struct FlatMap {
    /// What is exploded.
    pub functions: Vec<TableCall>,
}

impl Operator for FlatMap {
    fn process(
        &mut self,
        inputs: Vec<Batch>,
        cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let batch = one(inputs);
        let lists: Vec<ListArray> =
            self.functions.iter().map(|call| explode(call, &batch, cycle)).collect();
        let length = |list: &ListArray, row: usize| {
            if list.is_null(row) { 0 } else { list.value_length(row) as usize }
        };
        let mut rows = Vec::new();
        let mut elements: Vec<Vec<Option<u32>>> = vec![Vec::new(); lists.len()];
        for row in (0..batch.rows).filter(|&row| batch.new.is_present(row)) {
            let longest = lists.iter().map(|list| length(list, row)).max().unwrap_or(0);
            for i in 0..longest {
                rows.push(row as u32);
                for (list, elements) in lists.iter().zip(&mut elements) {
                    let start = list.value_offsets()[row] as u32;
                    elements.push((i < length(list, row)).then(|| start + i as u32));
                }
            }
        }
        let mut out = batch.take(&rows);
        for (list, elements) in lists.iter().zip(elements) {
            out.new.columns.push(take_column(list.values(), &UInt32Array::from(elements)));
        }
        Ok(out)
    }
}

fn explode(call: &TableCall, batch: &Batch, cycle: &mut Cycle<'_>) -> ListArray {
    let columns: Vec<Option<ArrayRef>> = call
        .args
        .iter()
        .map(|arg| match arg {
            Arg::Expr(expr) => Some(cycle.evaluate(expr, &batch.new, batch.rows, "FlatMap")),
            Arg::Lambda { .. } | Arg::Unit(_) => None,
        })
        .collect();
    let args: Vec<scalar::Arg<'_>> = call
        .args
        .iter()
        .zip(columns)
        .filter_map(|(arg, column)| match (arg, column) {
            (_, Some(column)) => Some(scalar::Arg::Column(column)),
            (Arg::Unit(unit), None) => Some(scalar::Arg::Unit(Some(*unit))),
            _ => None,
        })
        .collect();
    let (list, errors) = (call.function.evaluate)(&scalar::Call {
        args: &args,
        arg_types: &call.resolved.args,
        returns: &call.resolved.returns,
        rows: batch.rows,
        now_ms: cycle.now_ms,
    });
    for (row, reason) in errors.iter() {
        if batch.new.is_present(row) {
            cycle.failed("FlatMap", LogMessage::processing(reason.to_string()));
        }
    }
    list
}
