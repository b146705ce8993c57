//! SUM: whole numbers wrap, decimals must fit, nulls are ignored.

use std::sync::Arc;

use arrow_array::builder::PrimitiveBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Decimal256Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::i256;
use model::column::{arrow_type, column_of, value_at};
use model::types::DECIMAL_PRECISION_MAX;
use model::{Decimal, SqlType, Value};

use super::fold::{Fold, Folded};
use super::{Aggregator, Creation};

pub(super) fn create(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    let ty = creation.arg(0);
    Ok(match ty {
        SqlType::Integer => Box::new(Folded(Sum::<Int32Type>::new(ty))),
        SqlType::Bigint => Box::new(Folded(Sum::<Int64Type>::new(ty))),
        SqlType::Decimal { precision, .. } if *precision <= DECIMAL_PRECISION_MAX => {
            Box::new(Folded(Sum::<Decimal128Type>::new(ty)))
        }
        SqlType::Decimal { .. } => Box::new(Folded(Sum::<Decimal256Type>::new(ty))),
        _ => Box::new(Folded(Sum::<Float64Type>::new(ty))),
    })
}

/// How numbers of a type are added. `bound` is the first number that is too large, for decimals.
pub(super) trait Addable: Copy + Default + Send + Sync {
    fn bound(ty: &SqlType) -> Option<Self>;
    fn plus(self, other: Self, bound: Option<Self>) -> Option<Self>;
    fn minus(self, other: Self, bound: Option<Self>) -> Option<Self>;
}

macro_rules! wrapping {
    ($($ty:ty),*) => {$(
        impl Addable for $ty {
            fn bound(_: &SqlType) -> Option<Self> {
                None
            }
            fn plus(self, other: Self, _: Option<Self>) -> Option<Self> {
                Some(self.wrapping_add(other))
            }
            fn minus(self, other: Self, _: Option<Self>) -> Option<Self> {
                Some(self.wrapping_sub(other))
            }
        }
    )*};
}

wrapping!(i32, i64);

impl Addable for f64 {
    fn bound(_: &SqlType) -> Option<Self> {
        None
    }

    fn plus(self, other: Self, _: Option<Self>) -> Option<Self> {
        Some(self + other)
    }

    fn minus(self, other: Self, _: Option<Self>) -> Option<Self> {
        Some(self - other)
    }
}

fn precision_bound(ty: &SqlType) -> Option<i256> {
    match ty {
        SqlType::Decimal { precision, .. } => Decimal::pow10(u32::from(*precision)),
        _ => None,
    }
}

macro_rules! bounded {
    ($ty:ty, $bound:expr) => {
        impl Addable for $ty {
            fn bound(ty: &SqlType) -> Option<Self> {
                precision_bound(ty).and_then($bound)
            }
            fn plus(self, other: Self, bound: Option<Self>) -> Option<Self> {
                let sum = self.checked_add(other)?;
                bound.is_none_or(|b| sum < b && sum > b.wrapping_neg()).then_some(sum)
            }
            fn minus(self, other: Self, bound: Option<Self>) -> Option<Self> {
                let sum = self.checked_sub(other)?;
                bound.is_none_or(|b| sum < b && sum > b.wrapping_neg()).then_some(sum)
            }
        }
    };
}

bounded!(i128, i256::to_i128);
bounded!(i256, Some);

struct Sum<T: ArrowPrimitiveType> {
    ty: SqlType,
    bound: Option<T::Native>,
    sums: Vec<T::Native>,
}

impl<T: ArrowPrimitiveType<Native: Addable>> Sum<T> {
    fn new(ty: &SqlType) -> Self {
        Self { ty: ty.clone(), bound: T::Native::bound(ty), sums: Vec::new() }
    }

    fn overflow(&self) -> String {
        format!("the sum does not fit into {}: CAST the values to more digits", self.ty)
    }
}

impl<T: ArrowPrimitiveType<Native: Addable>> Fold for Sum<T> {
    type Args<'a> = &'a PrimitiveArray<T>;
    type Results = PrimitiveBuilder<T>;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> &'a PrimitiveArray<T> {
        args[0].as_primitive()
    }

    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups.max(self.sums.len()), T::Native::default());
    }

    fn add(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        if args.is_valid(row) {
            let sum = self.sums[group].plus(args.value(row), self.bound);
            self.sums[group] = sum.ok_or_else(|| self.overflow())?;
        }
        Ok(())
    }

    fn undo(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        if args.is_valid(row) {
            let sum = self.sums[group].minus(args.value(row), self.bound);
            self.sums[group] = sum.ok_or_else(|| self.overflow())?;
        }
        Ok(())
    }

    fn merge(&mut self, into: usize, from: usize) {
        let sum = self.sums[into].plus(self.sums[from], self.bound);
        self.sums[into] = sum.unwrap_or(self.sums[into]);
    }

    fn start(&self, capacity: usize) -> PrimitiveBuilder<T> {
        PrimitiveBuilder::with_capacity(capacity).with_data_type(arrow_type(&self.ty))
    }

    fn tell(&self, group: usize, results: &mut PrimitiveBuilder<T>) {
        results.append_value(self.sums[group]);
    }

    fn finish(&self, mut results: PrimitiveBuilder<T>) -> ArrayRef {
        Arc::new(results.finish())
    }

    fn save(&self, group: usize) -> Value {
        let mut results = self.start(1);
        self.tell(group, &mut results);
        value_at(&self.ty, &results.finish(), 0)
    }

    fn load(&mut self, group: usize, state: &Value) {
        let column = column_of(&self.ty, [state]);
        self.sums[group] = column.as_primitive::<T>().value(0);
    }

    fn reset(&mut self, group: usize) {
        self.sums[group] = T::Native::default();
    }

    fn state_type(&self) -> SqlType {
        self.ty.clone()
    }
}
