//! What joins have in common: taking rows of two inputs in the order their records were read, and
//! putting left, right and stored rows side by side.

use std::sync::Arc;

use arrow_array::{ArrayRef, UInt32Array};
use arrow_buffer::NullBuffer;
use model::{Header, Schema, SqlType};

use crate::batch::{Batch, Side, WindowBounds, headers_or_none, take_column};
use crate::operators::keys::KeyColumns;
use crate::state::codec::{DecodeError, RowWriter, read_rows};

/// Which input a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    /// The left one.
    Left,
    /// The right one.
    Right,
}

impl Port {
    /// The input across.
    pub fn other(self) -> Port {
        match self {
            Port::Left => Port::Right,
            Port::Right => Port::Left,
        }
    }
}

/// Rows of both inputs in the order in which they count: by record, the left first.
pub fn merged(left: &Batch, right: &Batch) -> Vec<(Port, usize)> {
    let mut order = Vec::with_capacity(left.rows + right.rows);
    let (mut l, mut r) = (0, 0);
    while l < left.rows || r < right.rows {
        let takes_left = r == right.rows || (l < left.rows && left.seq[l] <= right.seq[r]);
        if takes_left {
            order.push((Port::Left, l));
            l += 1;
        } else {
            order.push((Port::Right, r));
            r += 1;
        }
    }
    order
}

/// One input of a join: its key, and how its rows are stored.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its key.
    pub key: KeyColumns,
    /// The types of all its columns.
    pub types: Vec<SqlType>,
}

impl Input {
    /// An input of this schema.
    pub fn of(schema: &Schema) -> Self {
        let types = schema.columns.iter().map(|c| c.ty.clone()).collect();
        Self { key: KeyColumns::of(schema), types }
    }

    /// A writer of whole rows.
    pub fn writer<'a>(&'a self, side: &'a Side) -> RowWriter<'a> {
        RowWriter::new(&self.types, &side.columns)
    }
}

/// One side of a joined row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing: all its columns are null.
    None,
    /// A row of the batch.
    Row(u32),
    /// The old value of a row of the batch.
    Old(u32),
    /// A stored row, by its number in `Joined::stored`.
    Stored(u32),
}

/// A row that comes out of a join.
#[derive(Clone, Debug)]
pub struct JoinedRow {
    /// Whose record it comes from, for headers, partition and order.
    pub from: (Port, u32),
    /// The left side.
    pub left: Cell,
    /// The right side.
    pub right: Cell,
    /// For tables: is there a value?
    pub present: bool,
    /// Its event time.
    pub timestamp: i64,
    /// The key's window, if windowed.
    pub window: Option<WindowBounds>,
    /// Where the key's columns are taken from.
    pub key_from: Port,
}

/// Rows that come out of a join, before they become columns.
#[derive(Debug, Default)]
pub struct Joined {
    /// The rows, in order.
    pub rows: Vec<JoinedRow>,
    /// Rows of stores that are used on the left.
    pub stored_left: Vec<Box<[u8]>>,
    /// Rows of stores that are used on the right.
    pub stored_right: Vec<Box<[u8]>>,
}

impl Joined {
    /// Keeps a stored row of the left input for use.
    pub fn store_left(&mut self, row: &[u8]) -> Cell {
        self.stored_left.push(row.into());
        Cell::Stored(self.stored_left.len() as u32 - 1)
    }

    /// Keeps a stored row of the right input for use.
    pub fn store_right(&mut self, row: &[u8]) -> Cell {
        self.stored_right.push(row.into());
        Cell::Stored(self.stored_right.len() as u32 - 1)
    }
}

/// The columns of one side of joined rows: `cells` point into the batch and the stored rows.
pub fn side_columns<'a>(
    input: &Input,
    batch: &Batch,
    stored: &[Box<[u8]>],
    cells: impl Iterator<Item = &'a Cell>,
) -> Result<Vec<ArrayRef>, DecodeError> {
    let rows = batch.rows as u32;
    let olds = if batch.old.is_some() { rows } else { 0 };
    let index = |cell: &Cell| match cell {
        Cell::None => None,
        Cell::Row(row) => Some(*row),
        Cell::Old(row) => Some(rows + row),
        Cell::Stored(at) => Some(rows + olds + at),
    };
    let indices: UInt32Array = cells.map(index).collect();
    let decoded = if stored.is_empty() {
        None
    } else {
        Some(read_rows(&input.types, stored.iter().map(|row| Some(&**row)))?)
    };
    let column = |i: usize| -> ArrayRef {
        let mut parts: Vec<&ArrayRef> = vec![&batch.new.columns[i]];
        parts.extend(batch.old.as_ref().map(|old| &old.columns[i]));
        parts.extend(decoded.as_ref().map(|columns| &columns[i]));
        if let [only] = parts[..] {
            return take_column(only, &indices);
        }
        take_column(&crate::batch::concat_columns(parts.into_iter()), &indices)
    };
    Ok((0..input.types.len()).map(column).collect())
}

/// What joined rows bring along: order, headers, partitions and times.
pub fn joined_meta(joined: &[JoinedRow], left: &Batch, right: &Batch) -> Batch {
    let of = |port: Port| if port == Port::Left { left } else { right };
    let headers: Option<Vec<Arc<[Header]>>> = if left.headers.is_none() && right.headers.is_none() {
        None
    } else {
        let headers = joined.iter().map(|j| of(j.from.0).headers_of(j.from.1 as usize));
        headers_or_none(headers.collect())
    };
    Batch {
        rows: joined.len(),
        new: Side { columns: Vec::new(), present: None },
        old: None,
        seq: joined.iter().map(|j| of(j.from.0).seq[j.from.1 as usize]).collect(),
        timestamps: joined.iter().map(|j| j.timestamp).collect(),
        partitions: joined.iter().map(|j| of(j.from.0).partitions[j.from.1 as usize]).collect(),
        windows: joined
            .iter()
            .any(|j| j.window.is_some())
            .then(|| joined.iter().filter_map(|j| j.window).collect()),
        keyless: None,
        headers,
    }
}

/// Columns that are taken from the left where `from_left`, otherwise from the right.
pub fn choose(from_left: &[bool], left: &ArrayRef, right: &ArrayRef) -> ArrayRef {
    if from_left.iter().all(|is_left| *is_left) {
        return left.clone();
    }
    let mask = arrow_array::BooleanArray::from(from_left.to_vec());
    arrow_select::zip::zip(&mask, left, right).expect("equal types")
}

/// All columns of joined rows: the key's, the left's, the right's.
pub fn joined_columns(
    inputs: (&Input, &Input),
    batches: (&Batch, &Batch),
    joined: &Joined,
) -> Result<Vec<ArrayRef>, DecodeError> {
    let (left, right) = inputs;
    let rows = &joined.rows;
    let left_columns =
        side_columns(left, batches.0, &joined.stored_left, rows.iter().map(|j| &j.left))?;
    let right_columns =
        side_columns(right, batches.1, &joined.stored_right, rows.iter().map(|j| &j.right))?;
    let from_left: Vec<bool> = rows.iter().map(|j| j.key_from == Port::Left).collect();
    // A foreign key join's result has the left's key alone, and the right's may be another.
    let key = |(at, &l): (usize, &usize)| match right.key.positions.get(at) {
        Some(&r) if from_left.contains(&false) => {
            choose(&from_left, &left_columns[l], &right_columns[r])
        }
        _ => left_columns[l].clone(),
    };
    let keys: Vec<ArrayRef> = left.key.positions.iter().enumerate().map(key).collect();
    Ok(keys.into_iter().chain(left_columns).chain(right_columns).collect())
}

/// Which joined rows are there, if not all.
pub fn joined_present(rows: &[JoinedRow]) -> Option<NullBuffer> {
    rows.iter()
        .any(|j| !j.present)
        .then(|| rows.iter().map(|j| j.present).collect::<Vec<_>>().into())
}
