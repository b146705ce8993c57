//! What evaluating an expression over a column gives: a column, and the rows for which it failed.
//!
//! A row that fails is null in the result and gets an entry in the processing log; the batch goes
//! on.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::ArrayRef;

/// The rows of a batch for which an expression failed, with the first reason of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowErrors(BTreeMap<u32, Arc<str>>);

impl RowErrors {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// Did no row fail?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes that `row` failed; an earlier reason stays.
    pub fn add(&mut self, row: usize, reason: impl Into<Arc<str>>) {
        self.0.entry(row as u32).or_insert_with(|| reason.into());
    }

    /// Did this row fail?
    pub fn contains(&self, row: usize) -> bool {
        self.0.contains_key(&(row as u32))
    }

    /// Takes over the failures of another part of the same expression.
    pub fn merge(&mut self, other: RowErrors) {
        if self.0.is_empty() {
            self.0 = other.0;
            return;
        }
        for (row, reason) in other.0 {
            self.0.entry(row).or_insert(reason);
        }
    }

    /// Keeps only the failures of rows for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        self.0.retain(|row, _| keep(*row as usize));
    }

    /// Rows and reasons, in order of rows.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Arc<str>)> {
        self.0.iter().map(|(row, reason)| (*row as usize, reason))
    }
}

/// A column, and the rows for which computing it failed (null in the column).
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// A value for each row.
    pub column: ArrayRef,
    /// Where there is none because of an error.
    pub errors: RowErrors,
}

impl Evaluated {
    /// A column without failures.
    pub fn ok(column: ArrayRef) -> Self {
        Self { column, errors: RowErrors::none() }
    }
}
