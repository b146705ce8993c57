//! COUNT: rows, or values that are not null.

use std::sync::Arc;

use arrow_array::builder::Int64Builder;
use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use model::{SqlType, Value};

use super::fold::{Fold, Folded};
use super::{Aggregator, Creation};

pub(super) fn create(_: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    Ok(Box::new(Folded(Count(Vec::new()))))
}

struct Count(Vec<i64>);

impl Fold for Count {
    type Args<'a> = Option<&'a NullBuffer>;
    type Results = Int64Builder;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> Option<&'a NullBuffer> {
        args.first().and_then(|array| array.nulls())
    }

    fn grow(&mut self, groups: usize) {
        self.0.resize(groups.max(self.0.len()), 0);
    }

    fn add(&mut self, group: usize, nulls: &Option<&NullBuffer>, row: usize) -> Result<(), String> {
        self.0[group] += i64::from(nulls.is_none_or(|nulls| nulls.is_valid(row)));
        Ok(())
    }

    fn undo(
        &mut self,
        group: usize,
        nulls: &Option<&NullBuffer>,
        row: usize,
    ) -> Result<(), String> {
        self.0[group] -= i64::from(nulls.is_none_or(|nulls| nulls.is_valid(row)));
        Ok(())
    }

    fn merge(&mut self, into: usize, from: usize) {
        self.0[into] += self.0[from];
    }

    fn start(&self, capacity: usize) -> Int64Builder {
        Int64Builder::with_capacity(capacity)
    }

    fn tell(&self, group: usize, results: &mut Int64Builder) {
        results.append_value(self.0[group]);
    }

    fn finish(&self, mut results: Int64Builder) -> ArrayRef {
        Arc::new(results.finish())
    }

    fn save(&self, group: usize) -> Value {
        Value::Bigint(self.0[group])
    }

    fn load(&mut self, group: usize, state: &Value) {
        self.0[group] = state.as_i64().unwrap_or(0);
    }

    fn reset(&mut self, group: usize) {
        self.0[group] = 0;
    }

    fn state_type(&self) -> SqlType {
        SqlType::Bigint
    }
}
