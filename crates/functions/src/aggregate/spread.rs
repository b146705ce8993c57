//! STDDEV_SAMPLE and STDDEV_SAMP (which is the variance), by running sums of squares.

use std::sync::Arc;

use arrow_array::builder::Float64Builder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use model::{Field, SqlType, Value};

use super::fold::{Fold, Folded};
use super::{Aggregator, Creation};

pub(super) fn create_variance(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    create(creation, false)
}

pub(super) fn create_deviation(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    create(creation, true)
}

fn create(creation: &Creation<'_>, root: bool) -> Result<Box<dyn Aggregator>, String> {
    Ok(match creation.arg(0) {
        SqlType::Integer => Box::new(Folded(Spread::<Int32Type> { root, state: Vec::new() })),
        SqlType::Bigint => Box::new(Folded(Spread::<Int64Type> { root, state: Vec::new() })),
        _ => Box::new(Folded(Spread::<Float64Type> { root, state: Vec::new() })),
    })
}

/// Sums of a type, as ksqlDB keeps them: whole numbers wrap.
trait Summed: Copy + Default + Send + Sync + PartialEq {
    const TYPE: SqlType;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    /// `count * value - sum`
    fn distance(self, count: i64, sum: Self) -> f64;
    fn to_value(self) -> Value;
    fn of_value(value: &Value) -> Self;
}

macro_rules! whole {
    ($ty:ty, $sql:ident) => {
        impl Summed for $ty {
            const TYPE: SqlType = SqlType::$sql;
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            fn distance(self, count: i64, sum: Self) -> f64 {
                count.wrapping_mul(i64::from(self)).wrapping_sub(i64::from(sum)) as f64
            }
            fn to_value(self) -> Value {
                Value::$sql(self)
            }
            fn of_value(value: &Value) -> Self {
                value.as_i64().unwrap_or(0) as $ty
            }
        }
    };
}

whole!(i32, Integer);
whole!(i64, Bigint);

impl Summed for f64 {
    const TYPE: SqlType = SqlType::Double;

    fn plus(self, other: Self) -> Self {
        self + other
    }

    fn minus(self, other: Self) -> Self {
        self - other
    }

    fn distance(self, count: i64, sum: Self) -> f64 {
        count as f64 * self - sum
    }

    fn to_value(self) -> Value {
        Value::Double(self)
    }

    fn of_value(value: &Value) -> Self {
        value.as_f64().unwrap_or(0.0)
    }
}

#[derive(Clone, Copy, Default)]
struct Moments<N> {
    sum: N,
    count: i64,
    /// The sum of squared distances from the mean.
    squares: f64,
}

struct Spread<T: ArrowPrimitiveType> {
    root: bool,
    state: Vec<Moments<T::Native>>,
}

impl<T: ArrowPrimitiveType<Native: Summed>> Fold for Spread<T> {
    type Args<'a> = &'a PrimitiveArray<T>;
    type Results = Float64Builder;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> &'a PrimitiveArray<T> {
        args[0].as_primitive()
    }

    fn grow(&mut self, groups: usize) {
        self.state.resize(groups.max(self.state.len()), Moments::default());
    }

    fn add(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        if args.is_valid(row) {
            let (state, value) = (&mut self.state[group], args.value(row));
            state.count += 1;
            state.sum = state.sum.plus(value);
            if state.count > 1 {
                let distance = value.distance(state.count, state.sum);
                let pairs = state.count as f64 * (state.count - 1) as f64;
                state.squares += distance * distance / pairs;
            }
        }
        Ok(())
    }

    fn undo(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        if args.is_valid(row) {
            let (state, value) = (&mut self.state[group], args.value(row));
            if state.count > 1 {
                let distance = value.distance(state.count, state.sum);
                let pairs = state.count as f64 * (state.count - 1) as f64;
                state.squares -= distance * distance / pairs;
            }
            state.count -= 1;
            state.sum = state.sum.minus(value);
        }
        Ok(())
    }

    fn merge(&mut self, into: usize, from: usize) {
        let (a, b) = (self.state[into], self.state[from]);
        let mut squares = a.squares + b.squares;
        if a.count > 0 && b.count > 0 {
            let (na, nb) = (a.count as f64, b.count as f64);
            let mean_a = a.sum.to_value().as_f64().unwrap_or(0.0) / na;
            let mean_b = b.sum.to_value().as_f64().unwrap_or(0.0) / nb;
            squares += (mean_a - mean_b).powi(2) * na * nb / (na + nb);
        }
        self.state[into] = Moments { sum: a.sum.plus(b.sum), count: a.count + b.count, squares };
    }

    fn start(&self, capacity: usize) -> Float64Builder {
        Float64Builder::with_capacity(capacity)
    }

    fn tell(&self, group: usize, results: &mut Float64Builder) {
        let state = &self.state[group];
        let variance = if state.count < 2 { 0.0 } else { state.squares / (state.count - 1) as f64 };
        results.append_value(if self.root { variance.sqrt() } else { variance });
    }

    fn finish(&self, mut results: Float64Builder) -> ArrayRef {
        Arc::new(results.finish())
    }

    fn save(&self, group: usize) -> Value {
        let state = &self.state[group];
        let (count, squares) = (Value::Bigint(state.count), Value::Double(state.squares));
        Value::Struct(vec![state.sum.to_value(), count, squares])
    }

    fn load(&mut self, group: usize, state: &Value) {
        let Value::Struct(parts) = state else { return self.reset(group) };
        self.state[group] = Moments {
            sum: T::Native::of_value(&parts[0]),
            count: parts[1].as_i64().unwrap_or(0),
            squares: parts[2].as_f64().unwrap_or(0.0),
        };
    }

    fn reset(&mut self, group: usize) {
        self.state[group] = Moments::default();
    }

    fn state_type(&self) -> SqlType {
        SqlType::Struct(vec![
            Field::new("SUM", T::Native::TYPE),
            Field::new("COUNT", SqlType::Bigint),
            Field::new("M2", SqlType::Double),
        ])
    }
}
