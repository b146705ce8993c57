//! AVG: the sum (of the argument's type, so that whole numbers wrap as in ksqlDB) by the count.

use std::sync::Arc;

use arrow_array::builder::Float64Builder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use model::column::{arrow_type, column_of, value_at};
use model::{Field, SqlType, Value};

use super::fold::{Fold, Folded};
use super::sum::Addable;
use super::{Aggregator, Creation};

pub(super) fn create(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    let ty = creation.arg(0).clone();
    Ok(match ty {
        SqlType::Integer => Box::new(Folded(Average::<Int32Type> { ty, state: Vec::new() })),
        SqlType::Bigint => Box::new(Folded(Average::<Int64Type> { ty, state: Vec::new() })),
        _ => Box::new(Folded(Average::<Float64Type> { ty, state: Vec::new() })),
    })
}

/// As a double.
pub(super) trait AsDouble: Copy {
    fn as_f64(self) -> f64;
}

impl AsDouble for i32 {
    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

impl AsDouble for i64 {
    fn as_f64(self) -> f64 {
        self as f64
    }
}

impl AsDouble for f64 {
    fn as_f64(self) -> f64 {
        self
    }
}

struct Average<T: ArrowPrimitiveType> {
    ty: SqlType,
    /// Sum and count of each group.
    state: Vec<(T::Native, i64)>,
}

impl<T: ArrowPrimitiveType<Native: Addable + AsDouble>> Fold for Average<T> {
    type Args<'a> = &'a PrimitiveArray<T>;
    type Results = Float64Builder;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> &'a PrimitiveArray<T> {
        args[0].as_primitive()
    }

    fn grow(&mut self, groups: usize) {
        self.state.resize(groups.max(self.state.len()), (T::Native::default(), 0));
    }

    fn add(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        if args.is_valid(row) {
            let (sum, count) = &mut self.state[group];
            *sum = sum.plus(args.value(row), None).unwrap_or_default();
            *count += 1;
        }
        Ok(())
    }

    fn undo(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        if args.is_valid(row) {
            let (sum, count) = &mut self.state[group];
            *sum = sum.minus(args.value(row), None).unwrap_or_default();
            *count -= 1;
        }
        Ok(())
    }

    fn merge(&mut self, into: usize, from: usize) {
        let (sum, count) = self.state[from];
        let (all, rows) = &mut self.state[into];
        *all = all.plus(sum, None).unwrap_or_default();
        *rows += count;
    }

    fn start(&self, capacity: usize) -> Float64Builder {
        Float64Builder::with_capacity(capacity)
    }

    fn tell(&self, group: usize, results: &mut Float64Builder) {
        let (sum, count) = self.state[group];
        results.append_value(if count == 0 { 0.0 } else { sum.as_f64() / count as f64 });
    }

    fn finish(&self, mut results: Float64Builder) -> ArrayRef {
        Arc::new(results.finish())
    }

    fn save(&self, group: usize) -> Value {
        let (sum, count) = self.state[group];
        let mut sums = arrow_array::builder::PrimitiveBuilder::<T>::with_capacity(1)
            .with_data_type(arrow_type(&self.ty));
        sums.append_value(sum);
        Value::Struct(vec![value_at(&self.ty, &sums.finish(), 0), Value::Bigint(count)])
    }

    fn load(&mut self, group: usize, state: &Value) {
        let Value::Struct(parts) = state else { return self.reset(group) };
        let sum = column_of(&self.ty, [&parts[0]]);
        let sum = sum.as_primitive::<T>().value(0);
        self.state[group] = (sum, parts[1].as_i64().unwrap_or(0));
    }

    fn reset(&mut self, group: usize) {
        self.state[group] = (T::Native::default(), 0);
    }

    fn state_type(&self) -> SqlType {
        SqlType::Struct(vec![
            Field::new("SUM", self.ty.clone()),
            Field::new("COUNT", SqlType::Bigint),
        ])
    }
}
