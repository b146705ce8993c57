//! SELECT: computes columns. A row with a null value stays one.

use sql::expr::Expr;

use crate::batch::{Batch, Side};
use crate::operators::filter::masked;
use crate::operators::{Cycle, Operator, ProcessError, one};

/// Computes columns.
pub struct Select {
    /// One for each column that comes out.
    pub columns: Vec<Expr>,
    /// For each of them: does a tombstone keep it?
    pub stays: Vec<bool>,
}

impl Select {
    fn side(&self, side: &Side, rows: usize, cycle: &mut Cycle<'_>) -> Side {
        let evaluate = |expr| cycle.evaluate(expr, side, rows, "Project");
        let columns = self.columns.iter().map(evaluate).collect();
        match &side.present {
            Some(present) => masked(Side { columns, present: None }, present.clone(), &self.stays),
            None => Side { columns, present: None },
        }
    }
}

impl Operator for Select {
    fn process(
        &mut self,
        inputs: Vec<Batch>,
        cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let mut batch = one(inputs);
        batch.new = self.side(&batch.new, batch.rows, cycle);
        if let Some(old) = batch.old.take() {
            let mut silent = Vec::new();
            let mut quiet = Cycle { log: &mut silent, ..*cycle };
            batch.old = Some(self.side(&old, batch.rows, &mut quiet));
        }
        Ok(batch)
    }
}
