//! The loops that all aggregates share: rows in, one step of a [`Fold`] for each.
//!
//! A `Fold` says what one row does to one group; [`Folded`] makes an [`Aggregator`] of it, with
//! loops that are compiled for each fold, so that a row costs some nanoseconds and no allocation.

use arrow_array::ArrayRef;
use model::{SqlType, Value};

use super::Aggregator;
use crate::{Evaluated, RowErrors};

/// What one row does to the state of one group.
pub(super) trait Fold: Send + Sync {
    /// The arguments' columns, typed.
    type Args<'a>;
    /// Results being collected.
    type Results;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> Self::Args<'a>;
    fn grow(&mut self, groups: usize);
    fn add(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String>;

    /// Only for functions whose entry says that they can.
    fn undo(&mut self, _group: usize, _args: &Self::Args<'_>, _row: usize) -> Result<(), String> {
        Err("rows cannot be taken back from this aggregate".to_string())
    }

    fn merge(&mut self, into: usize, from: usize);
    fn start(&self, capacity: usize) -> Self::Results;
    fn tell(&self, group: usize, results: &mut Self::Results);
    fn finish(&self, results: Self::Results) -> ArrayRef;
    fn save(&self, group: usize) -> Value;
    fn load(&mut self, group: usize, state: &Value);
    fn reset(&mut self, group: usize);
    fn state_type(&self) -> SqlType;

    /// Adds all rows in a better way than one by one, if there is one.
    fn add_at_once(&mut self, _groups: &[u32], _args: &[ArrayRef]) -> bool {
        false
    }

    /// The results after each of these rows, if they are there already and no loop is needed.
    fn told_already(&self, _args: &[ArrayRef]) -> Option<ArrayRef> {
        None
    }
}

/// A fold, looped over the rows of batches.
pub(super) struct Folded<F>(pub F);

impl<F: Fold> Aggregator for Folded<F> {
    fn grow(&mut self, groups: usize) {
        self.0.grow(groups);
    }

    fn add(&mut self, groups: &[u32], args: &[ArrayRef]) -> RowErrors {
        if self.0.add_at_once(groups, args) {
            return RowErrors::none();
        }
        let view = self.0.view(args);
        let mut errors = RowErrors::none();
        for (row, &group) in groups.iter().enumerate() {
            if let Err(reason) = self.0.add(group as usize, &view, row) {
                errors.add(row, reason);
            }
        }
        errors
    }

    fn add_each(&mut self, groups: &[u32], args: &[ArrayRef]) -> Evaluated {
        if let Some(column) = self.0.told_already(args) {
            return Evaluated { errors: self.add(groups, args), column };
        }
        let view = self.0.view(args);
        let mut errors = RowErrors::none();
        let mut results = self.0.start(groups.len());
        for (row, &group) in groups.iter().enumerate() {
            if let Err(reason) = self.0.add(group as usize, &view, row) {
                errors.add(row, reason);
            }
            self.0.tell(group as usize, &mut results);
        }
        Evaluated { column: self.0.finish(results), errors }
    }

    fn undo(&mut self, groups: &[u32], args: &[ArrayRef]) -> RowErrors {
        let view = self.0.view(args);
        let mut errors = RowErrors::none();
        for (row, &group) in groups.iter().enumerate() {
            if let Err(reason) = self.0.undo(group as usize, &view, row) {
                errors.add(row, reason);
            }
        }
        errors
    }

    fn merge(&mut self, into: u32, from: u32) {
        self.0.merge(into as usize, from as usize);
    }

    fn results(&self, groups: &[u32]) -> ArrayRef {
        let mut results = self.0.start(groups.len());
        for &group in groups {
            self.0.tell(group as usize, &mut results);
        }
        self.0.finish(results)
    }

    fn save(&self, group: u32) -> Value {
        self.0.save(group as usize)
    }

    fn load(&mut self, group: u32, state: &Value) {
        self.0.load(group as usize, state);
    }

    fn reset(&mut self, group: u32) {
        self.0.reset(group as usize);
    }

    fn state_type(&self) -> SqlType {
        self.0.state_type()
    }
}
