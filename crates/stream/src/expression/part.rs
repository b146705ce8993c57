//! What a part of an expression gives: a column, or one value for all rows; and what went wrong.

use arrow_array::builder::BooleanBufferBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, UInt32Array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use functions::{Evaluated, RowErrors, limits};

/// The result of a part of an expression for all rows of a batch.
pub(super) struct Part {
    /// One value a row, or a single one.
    pub array: ArrayRef,
    /// `array` holds a single value, which stands for every row.
    pub constant: bool,
    /// Rows that failed; what stands in `array` for them means nothing.
    pub failed: RowErrors,
    /// Failures that left a value.
    pub logged: RowErrors,
}

impl Part {
    /// A column without failures.
    pub(super) fn column(array: ArrayRef) -> Self {
        Self { array, constant: false, failed: RowErrors::none(), logged: RowErrors::none() }
    }

    /// One value for all rows.
    pub(super) fn constant(array: ArrayRef) -> Self {
        Self { constant: true, ..Self::column(array) }
    }

    /// What was computed for a single row, for `rows` rows.
    pub(super) fn repeated(mut self, rows: usize) -> Self {
        let everywhere = |errors: &RowErrors| {
            let mut all = RowErrors::none();
            if let Some((_, reason)) = errors.iter().next() {
                (0..rows).for_each(|row| all.add(row, reason.clone()));
            }
            all
        };
        self.constant = true;
        self.failed = everywhere(&self.failed);
        self.logged = everywhere(&self.logged);
        self
    }

    /// Values without failures.
    pub(super) fn of(array: ArrayRef, constant: bool) -> Self {
        Self { constant, ..Self::column(array) }
    }

    /// The same values, without the failures.
    pub(super) fn shared(&self) -> Self {
        Self::of(self.array.clone(), self.constant)
    }

    /// The place in `array` of a row's value.
    pub(super) fn at(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    /// Is the row's value null?
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.array.is_null(self.at(row))
    }

    /// The values, typed. Panics if they are of another type.
    pub(super) fn values<T: ArrowPrimitiveType>(&self) -> &[T::Native] {
        let array: &PrimitiveArray<T> = self.array.as_primitive();
        array.values()
    }

    /// A column of `rows` values, also of a constant. One that would be too large fails all rows.
    pub(super) fn full(&mut self, rows: usize) -> ArrayRef {
        if !self.constant || rows == 1 {
            return self.array.clone();
        }
        if limits::bytes_in(&self.array, 0..1).saturating_mul(rows) > limits::COLUMN_BYTES_MAX {
            fail_all(&mut self.failed, rows);
            return arrow_array::new_null_array(self.array.data_type(), rows);
        }
        arrow_select::take::take(&self.array, &UInt32Array::from(vec![0; rows]), None)
            .expect("there is a first value")
    }

    /// The result with failed rows made null.
    pub(super) fn finish(mut self, rows: usize) -> Evaluated {
        let column = without(&self.full(rows), &self.failed);
        let mut errors = self.failed;
        errors.merge(self.logged);
        Evaluated { column, errors }
    }

    /// Which rows are not null; `None`: all of them.
    pub(super) fn validity(&self, rows: usize) -> Option<NullBuffer> {
        match self.array.logical_nulls() {
            Some(nulls) if self.constant && nulls.is_null(0) => Some(NullBuffer::new_null(rows)),
            Some(nulls) if !self.constant && nulls.null_count() > 0 => Some(nulls),
            _ => None,
        }
    }
}

/// Notes for all rows that a batch of values like these is too large.
pub(super) fn fail_all(failed: &mut RowErrors, rows: usize) {
    let reason: std::sync::Arc<str> = limits::COLUMN_TOO_LARGE.into();
    (0..rows).for_each(|row| failed.add(row, reason.clone()));
}

/// A column with null in the rows that failed.
pub(super) fn without(column: &ArrayRef, failed: &RowErrors) -> ArrayRef {
    if failed.is_empty() {
        return column.clone();
    }
    let mut gone = BooleanBufferBuilder::new(column.len());
    gone.append_n(column.len(), false);
    failed.iter().for_each(|(row, _)| gone.set_bit(row, true));
    let gone = BooleanArray::new(gone.finish(), None);
    arrow_select::nullif::nullif(column, &gone).expect("as long as the column")
}

/// Rows that are not null on both sides; `None`: all of them.
pub(super) fn both_valid(left: &Part, right: &Part, rows: usize) -> Option<NullBuffer> {
    NullBuffer::union(left.validity(rows).as_ref(), right.validity(rows).as_ref())
}

/// Notes a failure for each row that is null.
pub(super) fn fail_nulls(failed: &mut RowErrors, valid: Option<&NullBuffer>, reason: &str) {
    let Some(valid) = valid else { return };
    let reason: std::sync::Arc<str> = reason.into();
    for row in (!valid.inner()).set_indices() {
        failed.add(row, reason.clone());
    }
}

/// Both sides' failures.
pub(super) fn failures(left: &mut Part, right: &mut Part) -> (RowErrors, RowErrors) {
    let mut failed = std::mem::take(&mut left.failed);
    failed.merge(std::mem::take(&mut right.failed));
    let mut logged = std::mem::take(&mut left.logged);
    logged.merge(std::mem::take(&mut right.logged));
    (failed, logged)
}

/// `f` of each pair of values.
pub(super) fn zip<A: Copy, B: Copy, R>(
    (a, a_constant): (&[A], bool),
    (b, b_constant): (&[B], bool),
    rows: usize,
    f: impl Fn(A, B) -> R,
) -> Vec<R> {
    match (a_constant, b_constant) {
        (false, false) => a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect(),
        (false, true) => {
            let b = b[0];
            a.iter().map(|a| f(*a, b)).collect()
        }
        (true, false) => {
            let a = a[0];
            b.iter().map(|b| f(a, *b)).collect()
        }
        (true, true) => (0..rows).map(|_| f(a[0], b[0])).collect(),
    }
}

/// A bit for each pair of values.
pub(super) fn zip_bits<A: Copy, B: Copy>(
    (a, a_constant): (&[A], bool),
    (b, b_constant): (&[B], bool),
    rows: usize,
    f: impl Fn(A, B) -> bool,
) -> BooleanBuffer {
    match (a_constant, b_constant) {
        (false, false) => {
            let (a, b) = (&a[..rows], &b[..rows]);
            BooleanBuffer::collect_bool(rows, |row| f(a[row], b[row]))
        }
        (false, true) => {
            let (a, b) = (&a[..rows], b[0]);
            BooleanBuffer::collect_bool(rows, |row| f(a[row], b))
        }
        (true, false) => {
            let (a, b) = (a[0], &b[..rows]);
            BooleanBuffer::collect_bool(rows, |row| f(a, b[row]))
        }
        (true, true) => {
            let truth = f(a[0], b[0]);
            BooleanBuffer::collect_bool(rows, |_| truth)
        }
    }
}
