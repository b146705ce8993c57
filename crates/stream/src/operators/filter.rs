//! WHERE and HAVING: keeps rows for which a predicate is true.
//!
//! A table's row that stops passing becomes a tombstone; one that never passed is silent.

use arrow_buffer::NullBuffer;
use model::SqlType;
use sql::ast::SourceKind;
use sql::expr::Expr;

use crate::batch::{Batch, Side, mask_column};
use crate::operators::{Cycle, Operator, ProcessError, one, passing};

/// Keeps rows for which `predicate` is true.
pub struct Filter {
    /// A BOOLEAN over the input's columns.
    pub predicate: Expr,
    /// STREAM or TABLE.
    pub kind: SourceKind,
    /// For each column: does a tombstone keep it?
    pub stays: Vec<bool>,
    /// Are old values wanted behind it?
    pub wants_old: bool,
}

impl Operator for Filter {
    fn process(
        &mut self,
        inputs: Vec<Batch>,
        cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        debug_assert_eq!(self.predicate.ty, SqlType::Boolean);
        let batch = one(inputs);
        let new = passing(&self.predicate, &batch.new, batch.rows, cycle, "WhereFilter");
        if self.kind == SourceKind::Stream {
            return Ok(batch.filter(&new));
        }
        let Some(old_side) = &batch.old else {
            unreachable!("a table's filter asks for old values")
        };
        let mut silent = Vec::new();
        let mut quiet = Cycle { log: &mut silent, ..*cycle };
        let old = passing(&self.predicate, old_side, batch.rows, &mut quiet, "WhereFilter");
        let changed = &new | &old;
        let mut batch = batch;
        batch.new = masked(batch.new, NullBuffer::new(new), &self.stays);
        batch.old = if self.wants_old {
            batch.old.map(|side| masked(side, NullBuffer::new(old), &self.stays))
        } else {
            None
        };
        Ok(batch.filter(&changed))
    }
}

/// A side whose absent rows are null but for the columns that stay.
pub fn masked(side: Side, present: NullBuffer, stays: &[bool]) -> Side {
    if present.null_count() == 0 {
        return Side { present: None, ..side };
    }
    let mask = |(column, stays)| if stays { column } else { mask_column(&column, &present) };
    let columns = side.columns.into_iter().zip(stays.iter().copied()).map(mask).collect();
    Side { columns, present: Some(present) }
}
