//! HISTOGRAM: how often each text comes.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringArray};
use model::{ColumnBuilder, SqlType, Value};

use super::fold::{Fold, Folded};
use super::{Aggregator, Creation};

/// Texts that come after so many different ones are not counted.
const TEXTS_MAX: usize = 1000;

/// What a null is counted as: once, however many there are, for ksqlDB loses the others on the way
/// into its store and back.
const NULL_TEXT: &str = "null";

pub(super) fn create(_: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    Ok(Box::new(Folded(Histogram(Vec::new()))))
}

struct Histogram(Vec<BTreeMap<String, i64>>);

fn text<'a>(texts: &&'a StringArray, row: usize) -> &'a str {
    if texts.is_null(row) { NULL_TEXT } else { texts.value(row) }
}

fn count(counts: &mut BTreeMap<String, i64>, text: &str, by: i64) {
    if let Some(count) = counts.get_mut(text) {
        *count += by;
    } else if counts.len() < TEXTS_MAX {
        counts.insert(text.to_string(), by);
    }
}

impl Fold for Histogram {
    type Args<'a> = &'a StringArray;
    type Results = ColumnBuilder;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> &'a StringArray {
        args[0].as_string::<i32>()
    }

    fn grow(&mut self, groups: usize) {
        self.0.resize(groups.max(self.0.len()), BTreeMap::new());
    }

    fn add(&mut self, group: usize, texts: &&StringArray, row: usize) -> Result<(), String> {
        let counts = &mut self.0[group];
        if texts.is_valid(row) || !counts.contains_key(NULL_TEXT) {
            count(counts, text(texts, row), 1);
        }
        Ok(())
    }

    fn undo(&mut self, group: usize, texts: &&StringArray, row: usize) -> Result<(), String> {
        let (counts, text) = (&mut self.0[group], text(texts, row));
        if let Some(count) = counts.get_mut(text) {
            *count -= 1;
            if *count < 1 {
                counts.remove(text);
            }
        }
        Ok(())
    }

    fn merge(&mut self, into: usize, from: usize) {
        for (text, by) in self.0[from].clone() {
            count(&mut self.0[into], &text, by);
        }
    }

    fn start(&self, capacity: usize) -> ColumnBuilder {
        ColumnBuilder::new(&self.state_type(), capacity)
    }

    fn tell(&self, group: usize, results: &mut ColumnBuilder) {
        results.append(&self.save(group));
    }

    fn finish(&self, results: ColumnBuilder) -> ArrayRef {
        results.finish()
    }

    fn save(&self, group: usize) -> Value {
        let entry =
            |(text, count): (&String, &i64)| (Value::String(text.clone()), Value::Bigint(*count));
        Value::Map(self.0[group].iter().map(entry).collect())
    }

    fn load(&mut self, group: usize, state: &Value) {
        self.reset(group);
        let Value::Map(entries) = state else { return };
        for (text, count) in entries {
            if let (Value::String(text), Some(count)) = (text, count.as_i64()) {
                self.0[group].insert(text.clone(), count);
            }
        }
    }

    fn reset(&mut self, group: usize) {
        self.0[group].clear();
    }

    fn state_type(&self) -> SqlType {
        SqlType::map(SqlType::String, SqlType::Bigint)
    }
}
