//! Keys of a batch's rows as bytes, in one buffer: what stores and groups find rows by.

use model::{Namespace, Schema, SqlType};

use arrow_array::{Array, ArrayRef};

use crate::batch::{Batch, WindowBounds};
use crate::state::codec::{RowWriter, write_wide};

/// The keys of a batch.
#[derive(Debug, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    /// Keys made of these columns, and of the windows if there are any.
    pub fn of<'a>(
        types: impl IntoIterator<Item = &'a SqlType>,
        columns: &'a [ArrayRef],
        windows: Option<&[WindowBounds]>,
        rows: usize,
    ) -> Self {
        let writer = RowWriter::new(types, columns);
        let mut keys =
            Keys { bytes: Vec::with_capacity(rows * 16), ends: Vec::with_capacity(rows) };
        for row in 0..rows {
            writer.write(row, &mut keys.bytes);
            if let Some(windows) = windows {
                write_wide(windows[row].start_ms, &mut keys.bytes);
                write_wide(windows[row].end_ms, &mut keys.bytes);
            }
            keys.ends.push(keys.bytes.len());
        }
        keys
    }

    /// The key of a row.
    pub fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }
}

/// Which columns of a schema are the key's, and how to make keys of a batch.
#[derive(Clone, Debug)]
pub struct KeyColumns {
    /// Positions of the key's columns.
    pub positions: Vec<usize>,
    /// Their types.
    pub types: Vec<SqlType>,
    /// Positions of all other columns.
    pub rest: Vec<usize>,
    /// Their types.
    pub rest_types: Vec<SqlType>,
}

impl KeyColumns {
    /// The key of a schema.
    pub fn of(schema: &Schema) -> Self {
        let is_key = |&i: &usize| schema.columns[i].namespace == Namespace::Key;
        let (positions, rest): (Vec<_>, Vec<_>) = (0..schema.columns.len()).partition(is_key);
        let types_of = |p: &[usize]| p.iter().map(|&i| schema.columns[i].ty.clone()).collect();
        let (types, rest_types) = (types_of(&positions), types_of(&rest));
        Self { positions, types, rest, rest_types }
    }

    /// The key's columns of a batch.
    pub fn columns(&self, columns: &[ArrayRef]) -> Vec<ArrayRef> {
        self.positions.iter().map(|&i| columns[i].clone()).collect()
    }

    /// The other columns of a batch.
    pub fn rest_columns(&self, columns: &[ArrayRef]) -> Vec<ArrayRef> {
        self.rest.iter().map(|&i| columns[i].clone()).collect()
    }

    /// The keys of a batch, windows included.
    pub fn keys(&self, batch: &Batch) -> Keys {
        let columns = self.columns(&batch.new.columns);
        Keys::of(&self.types, &columns, batch.windows.as_deref(), batch.rows)
    }

    /// The same with the starts of windows only, all that is written of a window of a fixed size:
    /// so those of different sizes meet.
    pub fn keys_by_start(&self, batch: &Batch) -> Keys {
        let start = |window: &WindowBounds| WindowBounds { end_ms: window.start_ms, ..*window };
        let starts: Option<Vec<_>> =
            batch.windows.as_ref().map(|windows| windows.iter().map(start).collect());
        let columns = self.columns(&batch.new.columns);
        Keys::of(&self.types, &columns, starts.as_deref(), batch.rows)
    }

    /// All columns again, from the key's and the others.
    pub fn assemble(&self, keys: &[ArrayRef], rest: &[ArrayRef]) -> Vec<ArrayRef> {
        let mut columns = vec![None; keys.len() + rest.len()];
        for (&at, column) in self.positions.iter().zip(keys).chain(self.rest.iter().zip(rest)) {
            columns[at] = Some(column.clone());
        }
        columns.into_iter().map(|c| c.expect("each position has a column")).collect()
    }

    /// Is the key of a row null, that is: are all its columns?
    pub fn is_null(&self, columns: &[ArrayRef], row: usize) -> bool {
        self.positions.iter().all(|&i| columns[i].is_null(row))
    }
}
