//! MIN and MAX of everything that has an order; nulls are ignored.

use std::cmp::Ordering;

use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use model::{SqlType, Value};

use super::cells::{Cells, with_cells};
use super::fold::{Fold, Folded};
use super::{Aggregator, Creation};

pub(super) fn create_max(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    let ty = creation.arg(0);
    Ok(with_cells!(ty, make(ty, Ordering::Greater)))
}

pub(super) fn create_min(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    let ty = creation.arg(0);
    Ok(with_cells!(ty, make(ty, Ordering::Less)))
}

fn make<C: Cells + 'static>(ty: &SqlType, wins: Ordering) -> Box<dyn Aggregator> {
    Box::new(Folded(Extreme { ty: ty.clone(), wins, cells: C::new(ty) }))
}

struct Extreme<C> {
    ty: SqlType,
    /// How a value compares to the one it replaces.
    wins: Ordering,
    cells: C,
}

impl<C: Cells + 'static> Fold for Extreme<C> {
    type Args<'a> = (C::View<'a>, Option<&'a NullBuffer>);
    type Results = C::Results;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> Self::Args<'a> {
        (C::view(&args[0]), args[0].nulls())
    }

    fn grow(&mut self, groups: usize) {
        self.cells.grow(groups);
    }

    fn add(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        let (view, nulls) = *args;
        let valid = nulls.is_none_or(|nulls| nulls.is_valid(row));
        if valid && (self.cells.is_null(group) || self.cells.compare(view, row, group) == self.wins)
        {
            self.cells.set(group, view, row);
        }
        Ok(())
    }

    fn merge(&mut self, into: usize, from: usize) {
        let replaces = !self.cells.is_null(from)
            && (self.cells.is_null(into) || self.cells.compare_groups(from, into) == self.wins);
        if replaces {
            self.cells.copy(into, from);
        }
    }

    fn start(&self, capacity: usize) -> C::Results {
        self.cells.start(capacity)
    }

    fn tell(&self, group: usize, results: &mut C::Results) {
        self.cells.tell(group, results);
    }

    fn finish(&self, results: C::Results) -> ArrayRef {
        self.cells.finish(results)
    }

    fn save(&self, group: usize) -> Value {
        self.cells.get(group)
    }

    fn load(&mut self, group: usize, state: &Value) {
        self.cells.put(group, state);
    }

    fn reset(&mut self, group: usize) {
        self.cells.set_null(group);
    }

    fn state_type(&self) -> SqlType {
        self.ty.clone()
    }
}
