//! Rows on their way to a client: columns, with the rows that are tombstones marked.

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use model::{Schema, Value};

/// Some rows of a query's answer.
#[derive(Clone, Debug)]
pub struct RowBatch {
    /// A column for each of the answer's.
    pub columns: Vec<ArrayRef>,
    /// How many rows.
    pub rows: usize,
    /// Invalid where the row is a tombstone (its columns beside the key are null); `None`: none is.
    pub present: Option<NullBuffer>,
}

impl RowBatch {
    /// No rows.
    pub fn empty() -> Self {
        Self { columns: Vec::new(), rows: 0, present: None }
    }

    /// Is this row a tombstone?
    pub fn is_tombstone(&self, row: usize) -> bool {
        self.present.as_ref().is_some_and(|p| p.is_null(row))
    }

    /// The cells of one row; `schema` is the answer's.
    pub fn row(&self, schema: &Schema, row: usize) -> Vec<Value> {
        let cells = schema.columns.iter().zip(&self.columns);
        cells.map(|(column, array)| model::column::value_at(&column.ty, array, row)).collect()
    }

    /// The first `rows` rows.
    pub fn take_first(mut self, rows: usize) -> Self {
        if rows < self.rows {
            self.columns.iter_mut().for_each(|c| *c = c.slice(0, rows));
            self.present = self.present.map(|p| p.slice(0, rows));
            self.rows = rows;
        }
        self
    }
}
