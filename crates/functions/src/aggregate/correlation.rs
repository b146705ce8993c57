//! CORRELATION: Pearson's coefficient from five running sums.

use std::sync::Arc;

use arrow_array::builder::Float64Builder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use model::{Field, SqlType, Value};

use super::average::AsDouble;
use super::fold::{Fold, Folded};
use super::{Aggregator, Creation};

pub(super) fn create(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    Ok(match creation.arg(0) {
        SqlType::Integer => Box::new(Folded(Correlation::<Int32Type>::default())),
        SqlType::Bigint => Box::new(Folded(Correlation::<Int64Type>::default())),
        _ => Box::new(Folded(Correlation::<Float64Type>::default())),
    })
}

#[derive(Clone, Copy, Default)]
struct Sums {
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
    count: i64,
}

struct Correlation<T> {
    sums: Vec<Sums>,
    of: std::marker::PhantomData<fn(T)>,
}

impl<T> Default for Correlation<T> {
    fn default() -> Self {
        Self { sums: Vec::new(), of: std::marker::PhantomData }
    }
}

impl<T: ArrowPrimitiveType<Native: AsDouble>> Correlation<T> {
    fn step(
        &mut self,
        group: usize,
        (xs, ys): &(&PrimitiveArray<T>, &PrimitiveArray<T>),
        row: usize,
        sign: f64,
    ) {
        if xs.is_null(row) || ys.is_null(row) {
            return;
        }
        let (x, y) = (xs.value(row).as_f64(), ys.value(row).as_f64());
        let sums = &mut self.sums[group];
        sums.x += sign * x;
        sums.y += sign * y;
        sums.xx += sign * (x * x);
        sums.yy += sign * (y * y);
        sums.xy += sign * (x * y);
        sums.count += sign as i64;
    }
}

impl<T: ArrowPrimitiveType<Native: AsDouble>> Fold for Correlation<T> {
    type Args<'a> = (&'a PrimitiveArray<T>, &'a PrimitiveArray<T>);
    type Results = Float64Builder;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> Self::Args<'a> {
        (args[0].as_primitive(), args[1].as_primitive())
    }

    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups.max(self.sums.len()), Sums::default());
    }

    fn add(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        self.step(group, args, row, 1.0);
        Ok(())
    }

    fn undo(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        self.step(group, args, row, -1.0);
        Ok(())
    }

    fn merge(&mut self, into: usize, from: usize) {
        let other = self.sums[from];
        let sums = &mut self.sums[into];
        sums.x += other.x;
        sums.y += other.y;
        sums.xx += other.xx;
        sums.yy += other.yy;
        sums.xy += other.xy;
        sums.count += other.count;
    }

    fn start(&self, capacity: usize) -> Float64Builder {
        Float64Builder::with_capacity(capacity)
    }

    fn tell(&self, group: usize, results: &mut Float64Builder) {
        let Sums { x, y, xx, yy, xy, count } = self.sums[group];
        let n = count as f64;
        let spread = (n * xx - x * x) * (n * yy - y * y);
        results.append_value((n * xy - x * y) / spread.sqrt());
    }

    fn finish(&self, mut results: Float64Builder) -> ArrayRef {
        Arc::new(results.finish())
    }

    fn save(&self, group: usize) -> Value {
        let Sums { x, y, xx, yy, xy, count } = self.sums[group];
        let mut parts: Vec<_> = [x, y, xx, yy, xy].map(Value::Double).to_vec();
        parts.push(Value::Bigint(count));
        Value::Struct(parts)
    }

    fn load(&mut self, group: usize, state: &Value) {
        let Value::Struct(parts) = state else { return self.reset(group) };
        let part = |at: usize| parts[at].as_f64().unwrap_or(0.0);
        self.sums[group] = Sums {
            x: part(0),
            y: part(1),
            xx: part(2),
            yy: part(3),
            xy: part(4),
            count: parts[5].as_i64().unwrap_or(0),
        };
    }

    fn reset(&mut self, group: usize) {
        self.sums[group] = Sums::default();
    }

    fn state_type(&self) -> SqlType {
        let names = ["X_SUM", "Y_SUM", "X_SQUARED_SUM", "Y_SQUARED_SUM", "XY_SUM"];
        let mut fields: Vec<_> = names.map(|name| Field::new(name, SqlType::Double)).to_vec();
        fields.push(Field::new("COUNT", SqlType::Bigint));
        SqlType::Struct(fields)
    }
}
