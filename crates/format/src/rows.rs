//! The loop over a batch that all codecs share: null payloads, rows that fail, and one buffer for
//! everything that is written.

use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_buffer::{NullBuffer, NullBufferBuilder};
use bytes::Bytes;
use model::SqlType;
use model::column::null_column;

use crate::cells::Cells;
use crate::codec::{Decoded, Encoded, RowError};

/// What a payload turned out to be.
pub(crate) enum Read {
    /// A row: each wanted column got its cell.
    Row,
    /// Nothing, though the payload was not null: as good as a null payload.
    Absent,
}

/// Reads each payload with `read`, which appends one cell to each wanted column. Where it fails,
/// what it appended is taken back and the row is null; `message` and the fault go to the errors.
pub(crate) fn decode_rows<F>(
    types: &[SqlType],
    payloads: &[Option<&[u8]>],
    wanted: Option<&[bool]>,
    message: &str,
    mut read: F,
) -> Decoded
where
    F: FnMut(&[u8], &mut [Cells]) -> Result<Read, String>,
{
    let rows = payloads.len();
    let is_wanted = |column: usize| wanted.is_none_or(|w| w[column]);
    let mut cells: Vec<_> = types
        .iter()
        .enumerate()
        .map(|(i, ty)| Cells::new(ty, if is_wanted(i) { rows } else { 0 }))
        .collect();
    let mut present = NullBufferBuilder::new(rows);
    let mut errors = Vec::new();
    for (row, payload) in payloads.iter().enumerate() {
        let outcome = match payload {
            Some(payload) => read(payload, &mut cells),
            None => Ok(Read::Absent),
        };
        let failed = match outcome {
            Ok(Read::Row) => {
                present.append_non_null();
                continue;
            }
            Ok(Read::Absent) => None,
            Err(cause) => Some(cause),
        };
        present.append(failed.is_some());
        if let Some(cause) = failed {
            errors.push(RowError { row, message: message.to_string(), cause });
        }
        for (column, cells) in cells.iter_mut().enumerate() {
            if is_wanted(column) {
                cells.truncate(row);
                cells.push_null();
            }
        }
    }
    let finish = |(column, (cells, ty)): (usize, (Cells, &SqlType))| match is_wanted(column) {
        true => cells.finish(ty),
        false => null_column(ty, rows),
    };
    let columns: Vec<ArrayRef> = cells.into_iter().zip(types).enumerate().map(finish).collect();
    Decoded { columns, present: present.finish(), errors }
}

/// What a row was written as.
pub(crate) enum Written {
    /// The bytes appended to the buffer.
    Bytes,
    /// A null payload.
    Null,
}

/// Writes each row with `write`, which appends to a common buffer.
pub(crate) fn encode_rows<F>(
    present: Option<&NullBuffer>,
    rows: usize,
    bytes_per_row: usize,
    message: &str,
    mut write: F,
) -> Encoded
where
    F: FnMut(usize, &mut Vec<u8>) -> Result<Written, String>,
{
    let mut buffer = Vec::with_capacity(rows * bytes_per_row);
    let mut ranges: Vec<Option<Range<usize>>> = Vec::with_capacity(rows);
    let mut errors = Vec::new();
    for row in 0..rows {
        if present.is_some_and(|p| p.is_null(row)) {
            ranges.push(None);
            continue;
        }
        let start = buffer.len();
        match write(row, &mut buffer) {
            Ok(Written::Bytes) => ranges.push(Some(start..buffer.len())),
            Ok(Written::Null) => {
                buffer.truncate(start);
                ranges.push(None);
            }
            Err(cause) => {
                buffer.truncate(start);
                ranges.push(None);
                errors.push(RowError { row, message: message.to_string(), cause });
            }
        }
    }
    let buffer = Bytes::from(buffer);
    let payloads = ranges.into_iter().map(|range| Some(buffer.slice(range?))).collect();
    Encoded { payloads, errors }
}
