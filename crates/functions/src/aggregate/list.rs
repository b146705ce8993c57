//! Aggregates whose state is a list of values: the shared part, and SUM_LIST, which reads lists.

use std::sync::Arc;

use arrow_array::builder::PrimitiveBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, ListArray, PrimitiveArray};
use model::column::{column_of, value_at};
use model::{ColumnBuilder, SqlType, Value};

use super::fold::{Fold, Folded};
use super::sum::Addable;
use super::{Aggregator, Creation};

/// What happens to a group's list.
pub(super) trait Policy: Send + Sync {
    /// What is kept beside each list to find things in it.
    type Index: Default + Send + Sync;

    /// Takes a row's value in; `Err` fails the row.
    fn add(
        &mut self,
        list: &mut Vec<Value>,
        index: &mut Self::Index,
        value: Value,
    ) -> Result<(), String>;

    /// Takes a row's value out again.
    fn undo(&mut self, _list: &mut Vec<Value>, _index: &mut Self::Index, _value: &Value) {}

    /// Takes another group's list in.
    fn merge(&mut self, list: &mut Vec<Value>, index: &mut Self::Index, from: &[Value]);

    /// Makes the index of a list that was loaded.
    fn index(&self, _list: &[Value]) -> Self::Index {
        Self::Index::default()
    }

    /// The part of an element that is told.
    fn told<'a>(&self, element: &'a Value) -> &'a Value {
        element
    }
}

/// Lists kept by a policy.
pub(super) struct Lists<P: Policy> {
    policy: P,
    /// The types of the arguments: more than one make a STRUCT.
    args: Vec<SqlType>,
    /// The type of an element as it is told.
    told: SqlType,
    /// The type of an element as it is kept.
    kept: SqlType,
    lists: Vec<(Vec<Value>, P::Index)>,
}

impl<P: Policy + 'static> Lists<P> {
    pub(super) fn make(
        policy: P,
        args: Vec<SqlType>,
        told: SqlType,
        kept: SqlType,
    ) -> Box<dyn Aggregator> {
        Box::new(Folded(Self { policy, args, told, kept, lists: Vec::new() }))
    }

    fn value(&self, args: &[ArrayRef], row: usize) -> Value {
        match &self.args[..] {
            [ty] => value_at(ty, &args[0], row),
            types => {
                let cells = types.iter().zip(args).map(|(ty, array)| value_at(ty, array, row));
                Value::Struct(cells.collect())
            }
        }
    }
}

impl<P: Policy + 'static> Fold for Lists<P> {
    type Args<'a> = &'a [ArrayRef];
    type Results = ColumnBuilder;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> &'a [ArrayRef] {
        args
    }

    fn grow(&mut self, groups: usize) {
        if groups > self.lists.len() {
            self.lists.resize_with(groups, Default::default);
        }
    }

    fn add(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        let value = self.value(args, row);
        let (list, index) = &mut self.lists[group];
        self.policy.add(list, index, value)
    }

    fn undo(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        let value = self.value(args, row);
        let (list, index) = &mut self.lists[group];
        self.policy.undo(list, index, &value);
        Ok(())
    }

    fn merge(&mut self, into: usize, from: usize) {
        let other = self.lists[from].0.clone();
        let (list, index) = &mut self.lists[into];
        self.policy.merge(list, index, &other);
    }

    fn start(&self, capacity: usize) -> ColumnBuilder {
        ColumnBuilder::new(&SqlType::array(self.told.clone()), capacity)
    }

    fn tell(&self, group: usize, results: &mut ColumnBuilder) {
        let list = &self.lists[group].0;
        let told = list.iter().map(|element| self.policy.told(element).clone());
        results.append(&Value::Array(told.collect()));
    }

    fn finish(&self, results: ColumnBuilder) -> ArrayRef {
        results.finish()
    }

    fn save(&self, group: usize) -> Value {
        Value::Array(self.lists[group].0.clone())
    }

    fn load(&mut self, group: usize, state: &Value) {
        let Value::Array(list) = state else { return self.reset(group) };
        self.lists[group] = (list.clone(), self.policy.index(list));
    }

    fn reset(&mut self, group: usize) {
        self.lists[group] = Default::default();
    }

    fn state_type(&self) -> SqlType {
        SqlType::array(self.kept.clone())
    }
}

pub(super) fn create(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    let ty = creation.call.returns.clone();
    Ok(match ty {
        SqlType::Integer => Box::new(Folded(SumOfLists::<Int32Type> { ty, sums: Vec::new() })),
        SqlType::Bigint => Box::new(Folded(SumOfLists::<Int64Type> { ty, sums: Vec::new() })),
        _ => Box::new(Folded(SumOfLists::<Float64Type> { ty, sums: Vec::new() })),
    })
}

struct SumOfLists<T: ArrowPrimitiveType> {
    ty: SqlType,
    sums: Vec<T::Native>,
}

/// Adding or subtracting.
type Combine<N> = fn(N, N, Option<N>) -> Option<N>;

impl<T: ArrowPrimitiveType<Native: Addable>> SumOfLists<T> {
    fn step(
        &mut self,
        group: usize,
        (lists, items): &(&ListArray, &PrimitiveArray<T>),
        row: usize,
        combine: Combine<T::Native>,
    ) {
        if lists.is_null(row) {
            return;
        }
        let (start, end) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
        // The list's own sum first: it matters for infinities.
        let mut sum = T::Native::default();
        for item in (start as usize..end as usize).filter(|&item| items.is_valid(item)) {
            sum = sum.plus(items.value(item), None).unwrap_or_default();
        }
        self.sums[group] = combine(self.sums[group], sum, None).unwrap_or_default();
    }
}

impl<T: ArrowPrimitiveType<Native: Addable>> Fold for SumOfLists<T> {
    type Args<'a> = (&'a ListArray, &'a PrimitiveArray<T>);
    type Results = PrimitiveBuilder<T>;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> Self::Args<'a> {
        let lists = args[0].as_list::<i32>();
        (lists, lists.values().as_primitive())
    }

    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups.max(self.sums.len()), T::Native::default());
    }

    fn add(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        self.step(group, args, row, T::Native::plus);
        Ok(())
    }

    fn undo(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        self.step(group, args, row, T::Native::minus);
        Ok(())
    }

    fn merge(&mut self, into: usize, from: usize) {
        let sum = self.sums[into].plus(self.sums[from], None);
        self.sums[into] = sum.unwrap_or_default();
    }

    fn start(&self, capacity: usize) -> PrimitiveBuilder<T> {
        PrimitiveBuilder::with_capacity(capacity)
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
        self.sums[group] = column_of(&self.ty, [state]).as_primitive::<T>().value(0);
    }

    fn reset(&mut self, group: usize) {
        self.sums[group] = T::Native::default();
    }

    fn state_type(&self) -> SqlType {
        self.ty.clone()
    }
}
