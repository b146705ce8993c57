//! One value for each group, stored by type: numbers in a vector of numbers, texts in buffers that
//! are written over, so that remembering a value allocates nothing in the long run.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, GenericByteBuilder, PrimitiveBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{BinaryType, ByteArrayType, Utf8Type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, GenericByteArray, PrimitiveArray,
};
use model::column::{arrow_type, column_of, value_at};
use model::value::{bytes_cmp, utf16_cmp};
use model::{ColumnBuilder, SqlType, Value};

/// A value (or null) for each group.
pub(super) trait Cells: Send + Sync {
    type View<'a>: Copy;
    type Results;

    fn new(ty: &SqlType) -> Self;
    fn view(array: &ArrayRef) -> Self::View<'_>;
    fn grow(&mut self, groups: usize);
    fn set(&mut self, group: usize, view: Self::View<'_>, row: usize);
    fn set_null(&mut self, group: usize);
    fn is_null(&self, group: usize) -> bool;
    fn copy(&mut self, into: usize, from: usize);
    /// The order of the row's value (not null) and the group's (not null).
    fn compare(&self, view: Self::View<'_>, row: usize, group: usize) -> Ordering;
    /// The order of two groups' values (not null).
    fn compare_groups(&self, a: usize, b: usize) -> Ordering;
    fn start(&self, capacity: usize) -> Self::Results;
    fn tell(&self, group: usize, results: &mut Self::Results);
    fn finish(&self, results: Self::Results) -> ArrayRef;
    fn get(&self, group: usize) -> Value;
    fn put(&mut self, group: usize, value: &Value);
}

/// Numbers, and what is stored as one.
pub(super) struct Primitives<T: ArrowPrimitiveType> {
    ty: SqlType,
    values: Vec<T::Native>,
    set: Vec<bool>,
}

impl<T: ArrowPrimitiveType> Primitives<T>
where
    T::Native: JavaOrder,
{
    fn one(&self, value: &Value) -> T::Native {
        column_of(&self.ty, [value]).as_primitive::<T>().value(0)
    }
}

/// Java's order of numbers: that of `Double.compare` for doubles.
pub(super) trait JavaOrder {
    fn java_cmp(&self, other: &Self) -> Ordering;
}

impl JavaOrder for f64 {
    fn java_cmp(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }
}

macro_rules! ordered {
    ($($ty:ty),*) => {$(
        impl JavaOrder for $ty {
            fn java_cmp(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        }
    )*};
}

ordered!(i32, i64, i128, arrow_buffer::i256);

impl<T: ArrowPrimitiveType> Cells for Primitives<T>
where
    T::Native: JavaOrder,
{
    type View<'a> = &'a PrimitiveArray<T>;
    type Results = PrimitiveBuilder<T>;

    fn new(ty: &SqlType) -> Self {
        Self { ty: ty.clone(), values: Vec::new(), set: Vec::new() }
    }

    fn view(array: &ArrayRef) -> &PrimitiveArray<T> {
        array.as_primitive::<T>()
    }

    fn grow(&mut self, groups: usize) {
        if groups > self.set.len() {
            self.values.resize(groups, T::Native::default());
            self.set.resize(groups, false);
        }
    }

    fn set(&mut self, group: usize, view: &PrimitiveArray<T>, row: usize) {
        self.set[group] = view.is_valid(row);
        self.values[group] = view.value(row);
    }

    fn set_null(&mut self, group: usize) {
        self.set[group] = false;
    }

    fn is_null(&self, group: usize) -> bool {
        !self.set[group]
    }

    fn copy(&mut self, into: usize, from: usize) {
        self.values[into] = self.values[from];
        self.set[into] = self.set[from];
    }

    fn compare(&self, view: &PrimitiveArray<T>, row: usize, group: usize) -> Ordering {
        view.value(row).java_cmp(&self.values[group])
    }

    fn compare_groups(&self, a: usize, b: usize) -> Ordering {
        self.values[a].java_cmp(&self.values[b])
    }

    fn start(&self, capacity: usize) -> PrimitiveBuilder<T> {
        PrimitiveBuilder::with_capacity(capacity).with_data_type(arrow_type(&self.ty))
    }

    fn tell(&self, group: usize, results: &mut PrimitiveBuilder<T>) {
        if self.set[group] {
            results.append_value(self.values[group]);
        } else {
            results.append_null();
        }
    }

    fn finish(&self, mut results: PrimitiveBuilder<T>) -> ArrayRef {
        Arc::new(results.finish())
    }

    fn get(&self, group: usize) -> Value {
        let mut results = self.start(1);
        self.tell(group, &mut results);
        value_at(&self.ty, &results.finish(), 0)
    }

    fn put(&mut self, group: usize, value: &Value) {
        self.set[group] = !value.is_null();
        if !value.is_null() {
            self.values[group] = self.one(value);
        }
    }
}

/// What is stored as a run of bytes.
pub(super) trait BytesLike: ByteArrayType {
    fn order(a: &Self::Native, b: &Self::Native) -> Ordering;
    fn cell(native: &Self::Native) -> Value;
    fn of(value: &Value) -> Option<&Self::Native>;
}

impl BytesLike for Utf8Type {
    fn order(a: &str, b: &str) -> Ordering {
        utf16_cmp(a, b)
    }

    fn cell(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    fn of(value: &Value) -> Option<&str> {
        value.as_str()
    }
}

impl BytesLike for BinaryType {
    fn order(a: &[u8], b: &[u8]) -> Ordering {
        bytes_cmp(a, b)
    }

    fn cell(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.to_vec().into())
    }

    fn of(value: &Value) -> Option<&[u8]> {
        match value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Texts and BYTES.
pub(super) struct Runs<T: BytesLike>
where
    T::Native: ToOwned,
{
    values: Vec<<T::Native as ToOwned>::Owned>,
    set: Vec<bool>,
}

impl<T: BytesLike> Cells for Runs<T>
where
    T::Native: ToOwned,
    <T::Native as ToOwned>::Owned: Default + Send + Sync,
{
    type View<'a> = &'a GenericByteArray<T>;
    type Results = GenericByteBuilder<T>;

    fn new(_: &SqlType) -> Self {
        Self { values: Vec::new(), set: Vec::new() }
    }

    fn view(array: &ArrayRef) -> &GenericByteArray<T> {
        array.as_bytes::<T>()
    }

    fn grow(&mut self, groups: usize) {
        if groups > self.set.len() {
            self.values.resize_with(groups, Default::default);
            self.set.resize(groups, false);
        }
    }

    fn set(&mut self, group: usize, view: &GenericByteArray<T>, row: usize) {
        self.set[group] = view.is_valid(row);
        view.value(row).clone_into(&mut self.values[group]);
    }

    fn set_null(&mut self, group: usize) {
        self.set[group] = false;
    }

    fn is_null(&self, group: usize) -> bool {
        !self.set[group]
    }

    fn copy(&mut self, into: usize, from: usize) {
        self.values[into] = self.values[from].borrow().to_owned();
        self.set[into] = self.set[from];
    }

    fn compare(&self, view: &GenericByteArray<T>, row: usize, group: usize) -> Ordering {
        T::order(view.value(row), self.values[group].borrow())
    }

    fn compare_groups(&self, a: usize, b: usize) -> Ordering {
        T::order(self.values[a].borrow(), self.values[b].borrow())
    }

    fn start(&self, capacity: usize) -> GenericByteBuilder<T> {
        GenericByteBuilder::with_capacity(capacity, capacity * 8)
    }

    fn tell(&self, group: usize, results: &mut GenericByteBuilder<T>) {
        let value: &T::Native = self.values[group].borrow();
        results.append_option(self.set[group].then_some(value));
    }

    fn finish(&self, mut results: GenericByteBuilder<T>) -> ArrayRef {
        Arc::new(results.finish())
    }

    fn get(&self, group: usize) -> Value {
        if self.set[group] { T::cell(self.values[group].borrow()) } else { Value::Null }
    }

    fn put(&mut self, group: usize, value: &Value) {
        self.set[group] = !value.is_null();
        if let Some(native) = T::of(value) {
            native.clone_into(&mut self.values[group]);
        }
    }
}

/// BOOLEANs.
pub(super) struct Booleans(Vec<Option<bool>>);

impl Cells for Booleans {
    type View<'a> = &'a BooleanArray;
    type Results = BooleanBuilder;

    fn new(_: &SqlType) -> Self {
        Self(Vec::new())
    }

    fn view(array: &ArrayRef) -> &BooleanArray {
        array.as_boolean()
    }

    fn grow(&mut self, groups: usize) {
        self.0.resize(groups.max(self.0.len()), None);
    }

    fn set(&mut self, group: usize, view: &BooleanArray, row: usize) {
        self.0[group] = view.is_valid(row).then(|| view.value(row));
    }

    fn set_null(&mut self, group: usize) {
        self.0[group] = None;
    }

    fn is_null(&self, group: usize) -> bool {
        self.0[group].is_none()
    }

    fn copy(&mut self, into: usize, from: usize) {
        self.0[into] = self.0[from];
    }

    fn compare(&self, view: &BooleanArray, row: usize, group: usize) -> Ordering {
        Some(view.value(row)).cmp(&self.0[group])
    }

    fn compare_groups(&self, a: usize, b: usize) -> Ordering {
        self.0[a].cmp(&self.0[b])
    }

    fn start(&self, capacity: usize) -> BooleanBuilder {
        BooleanBuilder::with_capacity(capacity)
    }

    fn tell(&self, group: usize, results: &mut BooleanBuilder) {
        results.append_option(self.0[group]);
    }

    fn finish(&self, mut results: BooleanBuilder) -> ArrayRef {
        Arc::new(results.finish())
    }

    fn get(&self, group: usize) -> Value {
        self.0[group].map_or(Value::Null, Value::Boolean)
    }

    fn put(&mut self, group: usize, value: &Value) {
        self.0[group] = value.as_bool();
    }
}

/// Everything else: arrays, maps, structs, very long decimals.
pub(super) struct Values {
    ty: SqlType,
    values: Vec<Value>,
}

impl Cells for Values {
    type View<'a> = &'a ArrayRef;
    type Results = ColumnBuilder;

    fn new(ty: &SqlType) -> Self {
        Self { ty: ty.clone(), values: Vec::new() }
    }

    fn view(array: &ArrayRef) -> &ArrayRef {
        array
    }

    fn grow(&mut self, groups: usize) {
        self.values.resize(groups.max(self.values.len()), Value::Null);
    }

    fn set(&mut self, group: usize, view: &ArrayRef, row: usize) {
        self.values[group] = value_at(&self.ty, view, row);
    }

    fn set_null(&mut self, group: usize) {
        self.values[group] = Value::Null;
    }

    fn is_null(&self, group: usize) -> bool {
        self.values[group].is_null()
    }

    fn copy(&mut self, into: usize, from: usize) {
        self.values[into] = self.values[from].clone();
    }

    fn compare(&self, view: &ArrayRef, row: usize, group: usize) -> Ordering {
        let value = value_at(&self.ty, view, row);
        value.sql_cmp(&self.values[group]).unwrap_or(Ordering::Equal)
    }

    fn compare_groups(&self, a: usize, b: usize) -> Ordering {
        self.values[a].sql_cmp(&self.values[b]).unwrap_or(Ordering::Equal)
    }

    fn start(&self, capacity: usize) -> ColumnBuilder {
        ColumnBuilder::new(&self.ty, capacity)
    }

    fn tell(&self, group: usize, results: &mut ColumnBuilder) {
        results.append(&self.values[group]);
    }

    fn finish(&self, results: ColumnBuilder) -> ArrayRef {
        results.finish()
    }

    fn get(&self, group: usize) -> Value {
        self.values[group].clone()
    }

    fn put(&mut self, group: usize, value: &Value) {
        self.values[group] = value.clone();
    }
}

/// Calls `$make` (a generic function) with the cells that store values of `$ty`.
macro_rules! with_cells {
    ($ty:expr, $make:ident ( $($arg:expr),* )) => {{
        use arrow_array::types as arrow;
        use model::SqlType as S;
        use $crate::aggregate::cells as c;
        match $ty {
            S::Boolean => $make::<c::Booleans>($($arg),*),
            S::Integer => $make::<c::Primitives<arrow::Int32Type>>($($arg),*),
            S::Bigint => $make::<c::Primitives<arrow::Int64Type>>($($arg),*),
            S::Double => $make::<c::Primitives<arrow::Float64Type>>($($arg),*),
            S::Decimal { precision, .. } if *precision <= model::types::DECIMAL_PRECISION_MAX => {
                $make::<c::Primitives<arrow::Decimal128Type>>($($arg),*)
            }
            S::Decimal { .. } => $make::<c::Primitives<arrow::Decimal256Type>>($($arg),*),
            S::String => $make::<c::Runs<arrow::Utf8Type>>($($arg),*),
            S::Bytes => $make::<c::Runs<arrow::BinaryType>>($($arg),*),
            S::Date => $make::<c::Primitives<arrow::Date32Type>>($($arg),*),
            S::Time => $make::<c::Primitives<arrow::Time32MillisecondType>>($($arg),*),
            S::Timestamp => $make::<c::Primitives<arrow::TimestampMillisecondType>>($($arg),*),
            S::Array(_) | S::Map(..) | S::Struct(_) => $make::<c::Values>($($arg),*),
        }
    }};
}

pub(super) use with_cells;
