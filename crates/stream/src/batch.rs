//! Rows on their way through a topology: columns, and beside them what each row brings along.
//!
//! A row of a stream is a fact; a row of a table is a change: a new value (or a tombstone), and the
//! old value where an operator downstream wants it. All rows carry the number of the input record
//! they come from ([`Batch::seq`]), so that an operator with two inputs takes rows in the very
//! order in which records were read, however many of them a batch holds.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use model::{Header, Schema};

/// A window: start (inclusive) and end, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBounds {
    /// First millisecond.
    pub start_ms: i64,
    /// Behind the last millisecond; for sessions the last event's time.
    pub end_ms: i64,
}

/// New or old values of a batch.
#[derive(Clone, Debug)]
pub struct Side {
    /// A column for each of the schema's.
    pub columns: Vec<ArrayRef>,
    /// Invalid: the value is null (a tombstone, or no old value); `None`: all are there.
    pub present: Option<NullBuffer>,
}

impl Side {
    /// Is there a value in this row?
    pub fn is_present(&self, row: usize) -> bool {
        self.present.as_ref().is_none_or(|p| p.is_valid(row))
    }

    /// The same rows in another order, or fewer.
    pub fn take(&self, indices: &UInt32Array) -> Side {
        let columns = self.columns.iter().map(|c| take_column(c, indices)).collect();
        let present = self.present.as_ref().map(|p| take_nulls(p, indices));
        Side { columns, present }
    }
}

/// Rows of one schema, in order.
#[derive(Clone, Debug)]
pub struct Batch {
    /// How many rows.
    pub rows: usize,
    /// A stream's values, a table's new values.
    pub new: Side,
    /// A table's old values, where they are wanted.
    pub old: Option<Side>,
    /// The number of the input record a row comes from; never falls.
    pub seq: Vec<u32>,
    /// Event times, milliseconds.
    pub timestamps: Vec<i64>,
    /// The partition a row belongs to.
    pub partitions: Vec<u32>,
    /// Windows of keys, if they are windowed.
    pub windows: Option<Vec<WindowBounds>>,
    /// Which rows' records had no key at all (unlike a key of nulls); `None`: none had none.
    pub keyless: Option<Vec<bool>>,
    /// Headers; `None`: no row has any.
    pub headers: Option<Vec<Arc<[Header]>>>,
}

impl Batch {
    /// No rows of this schema.
    pub fn empty(schema: &Schema) -> Self {
        let columns = schema.columns.iter().map(|c| model::column::null_column(&c.ty, 0)).collect();
        Self {
            rows: 0,
            new: Side { columns, present: None },
            old: None,
            seq: Vec::new(),
            timestamps: Vec::new(),
            partitions: Vec::new(),
            windows: None,
            keyless: None,
            headers: None,
        }
    }

    /// The rows at these positions, in this order; positions may repeat.
    pub fn take(&self, rows: &[u32]) -> Batch {
        let indices = UInt32Array::from(rows.to_vec());
        Batch {
            rows: rows.len(),
            new: self.new.take(&indices),
            old: self.old.as_ref().map(|old| old.take(&indices)),
            ..self.meta(rows)
        }
    }

    /// What rows at these positions bring along, without any column.
    pub fn meta(&self, rows: &[u32]) -> Batch {
        fn pick<T: Clone>(values: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|&r| values[r as usize].clone()).collect()
        }
        Batch {
            rows: rows.len(),
            new: Side { columns: Vec::new(), present: None },
            old: None,
            seq: pick(&self.seq, rows),
            timestamps: pick(&self.timestamps, rows),
            partitions: pick(&self.partitions, rows),
            windows: self.windows.as_ref().map(|w| pick(w, rows)),
            keyless: self.keyless.as_ref().map(|k| pick(k, rows)),
            headers: self.headers.as_ref().map(|h| pick(h, rows)),
        }
    }

    /// The rows for which `keep` is true.
    pub fn filter(self, keep: &BooleanBuffer) -> Batch {
        if keep.count_set_bits() == self.rows {
            return self;
        }
        let rows: Vec<u32> = keep.set_indices().map(|i| i as u32).collect();
        self.take(&rows)
    }

    /// A row's headers.
    pub fn headers_of(&self, row: usize) -> Arc<[Header]> {
        self.headers.as_ref().map_or_else(no_headers, |h| h[row].clone())
    }
}

/// An empty list of headers.
pub fn no_headers() -> Arc<[Header]> {
    Arc::from([])
}

/// Headers of rows, `None` if no row has any.
pub fn headers_or_none(headers: Vec<Arc<[Header]>>) -> Option<Vec<Arc<[Header]>>> {
    headers.iter().any(|h| !h.is_empty()).then_some(headers)
}

/// The cells at these positions. A null position gives null.
pub fn take_column(column: &ArrayRef, indices: &UInt32Array) -> ArrayRef {
    arrow_select::take::take(column, indices, None).expect("positions are within the column")
}

/// The bits at these positions.
pub fn take_nulls(nulls: &NullBuffer, indices: &UInt32Array) -> NullBuffer {
    NullBuffer::from_iter(indices.values().iter().map(|&i| nulls.is_valid(i as usize)))
}

/// The column with nulls wherever `present` is invalid.
pub fn mask_column(column: &ArrayRef, present: &NullBuffer) -> ArrayRef {
    if present.null_count() == 0 {
        return column.clone();
    }
    let absent = BooleanArray::new(!present.inner(), None);
    arrow_select::nullif::nullif(column, &absent).expect("as many rows as bits")
}

/// The rows that are present on both sides of an AND of two validities.
pub fn present_bits(present: Option<&NullBuffer>, rows: usize) -> BooleanBuffer {
    present.map_or_else(|| BooleanBuffer::new_set(rows), |p| p.inner().clone())
}

/// One column of several.
pub fn concat_columns<'a>(columns: impl Iterator<Item = &'a ArrayRef>) -> ArrayRef {
    let columns: Vec<&dyn Array> = columns.map(|c| c.as_ref()).collect();
    arrow_select::concat::concat(&columns).expect("columns of one type")
}
