//! ATTR: the value that all rows of a group share.

use std::collections::HashMap;

use arrow_array::ArrayRef;
use model::column::value_at;
use model::{ColumnBuilder, Field, SqlType, Value};

use super::distinct::encoded;
use super::fold::{Fold, Folded};
use super::{Aggregator, Creation};

pub(super) fn create(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    Ok(Box::new(Folded(Attribute { ty: creation.arg(0).clone(), groups: Vec::new() })))
}

/// Each different value (null is one) with the number of rows that have it.
type Counts = HashMap<Vec<u8>, (Value, i64)>;

struct Attribute {
    ty: SqlType,
    groups: Vec<Counts>,
}

impl Attribute {
    fn step(&mut self, group: usize, value: Value, by: i64) {
        let counts = &mut self.groups[group];
        let key = encoded(&value);
        let count = &mut counts.entry(key.clone()).or_insert((value, 0)).1;
        *count += by;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

impl Fold for Attribute {
    type Args<'a> = &'a ArrayRef;
    type Results = ColumnBuilder;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> &'a ArrayRef {
        &args[0]
    }

    fn grow(&mut self, groups: usize) {
        self.groups.resize(groups.max(self.groups.len()), Counts::new());
    }

    fn add(&mut self, group: usize, column: &&ArrayRef, row: usize) -> Result<(), String> {
        self.step(group, value_at(&self.ty, column, row), 1);
        Ok(())
    }

    fn undo(&mut self, group: usize, column: &&ArrayRef, row: usize) -> Result<(), String> {
        self.step(group, value_at(&self.ty, column, row), -1);
        Ok(())
    }

    fn merge(&mut self, into: usize, from: usize) {
        for (value, count) in self.groups[from].clone().into_values() {
            self.step(into, value, count);
        }
    }

    fn start(&self, capacity: usize) -> ColumnBuilder {
        ColumnBuilder::new(&self.ty, capacity)
    }

    fn tell(&self, group: usize, results: &mut ColumnBuilder) {
        let counts = &self.groups[group];
        match counts.values().next() {
            Some((value, _)) if counts.len() == 1 => results.append(value),
            _ => results.append_null(),
        }
    }

    fn finish(&self, results: ColumnBuilder) -> ArrayRef {
        results.finish()
    }

    fn save(&self, group: usize) -> Value {
        let entry = |(value, count): &(Value, i64)| {
            Value::Struct(vec![value.clone(), Value::Bigint(*count)])
        };
        Value::Array(self.groups[group].values().map(entry).collect())
    }

    fn load(&mut self, group: usize, state: &Value) {
        self.reset(group);
        let Value::Array(entries) = state else { return };
        for entry in entries {
            if let Value::Struct(parts) = entry {
                self.step(group, parts[0].clone(), parts[1].as_i64().unwrap_or(0));
            }
        }
    }

    fn reset(&mut self, group: usize) {
        self.groups[group].clear();
    }

    fn state_type(&self) -> SqlType {
        SqlType::array(SqlType::Struct(vec![
            Field::new("VAL", self.ty.clone()),
            Field::new("COUNT", SqlType::Bigint),
        ]))
    }
}
