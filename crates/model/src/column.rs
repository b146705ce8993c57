//! Columns of SQL values as Arrow arrays: which Arrow type stands for which SQL type, how a column
//! is built value by value, and how one cell is read back.
//!
//! | SQL | Arrow |
//! |---|---|
//! | BOOLEAN, INTEGER, BIGINT, DOUBLE | Boolean, Int32, Int64, Float64 |
//! | DECIMAL(p, s) | Decimal128(p, s) up to 38 digits, Decimal256(p, s) above |
//! | STRING, BYTES | Utf8, Binary |
//! | DATE, TIME, TIMESTAMP | Date32, Time32(ms), Timestamp(ms, no zone) |
//! | ARRAY | List of nullable `item` |
//! | MAP | Map of `entries` (`key`, nullable `value`), unsorted |
//! | STRUCT | Struct of nullable fields |

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
    Float64Builder, Int32Builder, Int64Builder, StringBuilder, Time32MillisecondBuilder,
    TimestampMillisecondBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int32Type, Int64Type,
    Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray, new_null_array};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer, i256};
use arrow_schema::{DataType, Field as ArrowField, Fields, TimeUnit};
use bytes::Bytes;

use crate::decimal::Rounding;
use crate::types::DECIMAL_PRECISION_MAX;
use crate::{Decimal, SqlType, Value};

/// The largest precision a Decimal256 column holds.
const DECIMAL256_PRECISION_MAX: u8 = 76;

/// The Arrow type that stands for a SQL type.
pub fn arrow_type(ty: &SqlType) -> DataType {
    match ty {
        SqlType::Boolean => DataType::Boolean,
        SqlType::Integer => DataType::Int32,
        SqlType::Bigint => DataType::Int64,
        SqlType::Double => DataType::Float64,
        SqlType::Decimal { precision, scale } => {
            let scale = *scale as i8;
            if *precision <= DECIMAL_PRECISION_MAX {
                DataType::Decimal128((*precision).max(1), scale)
            } else {
                DataType::Decimal256((*precision).min(DECIMAL256_PRECISION_MAX), scale)
            }
        }
        SqlType::String => DataType::Utf8,
        SqlType::Bytes => DataType::Binary,
        SqlType::Date => DataType::Date32,
        SqlType::Time => DataType::Time32(TimeUnit::Millisecond),
        SqlType::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, None),
        SqlType::Array(element) => DataType::List(list_item(element)),
        SqlType::Map(key, value) => DataType::Map(map_entries(key, value), false),
        SqlType::Struct(fields) => DataType::Struct(struct_fields(fields)),
    }
}

fn list_item(element: &SqlType) -> Arc<ArrowField> {
    Arc::new(ArrowField::new("item", arrow_type(element), true))
}

fn map_fields(key: &SqlType, value: &SqlType) -> Fields {
    Fields::from(vec![
        ArrowField::new("key", arrow_type(key), false),
        ArrowField::new("value", arrow_type(value), true),
    ])
}

fn map_entries(key: &SqlType, value: &SqlType) -> Arc<ArrowField> {
    Arc::new(ArrowField::new("entries", DataType::Struct(map_fields(key, value)), false))
}

fn struct_fields(fields: &[crate::Field]) -> Fields {
    fields.iter().map(|f| ArrowField::new(&f.name, arrow_type(&f.ty), true)).collect()
}

/// A column of `rows` nulls.
pub fn null_column(ty: &SqlType, rows: usize) -> ArrayRef {
    new_null_array(&arrow_type(ty), rows)
}

/// A column that holds `value` in each of `rows` rows.
pub fn constant_column(ty: &SqlType, value: &Value, rows: usize) -> ArrayRef {
    let mut builder = ColumnBuilder::new(ty, rows);
    for _ in 0..rows {
        builder.append(value);
    }
    builder.finish()
}

/// A column of these values.
pub fn column_of<'a>(ty: &SqlType, values: impl IntoIterator<Item = &'a Value>) -> ArrayRef {
    let mut builder = ColumnBuilder::new(ty, 0);
    for value in values {
        builder.append(value);
    }
    builder.finish()
}

/// Reads the cell in `row` of a column that was made for `ty`.
///
/// Panics if the array is not of the Arrow type of `ty`, or `row` is behind its end: both are our
/// own mistakes, never data's.
pub fn value_at(ty: &SqlType, array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match ty {
        SqlType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        SqlType::Integer => Value::Integer(array.as_primitive::<Int32Type>().value(row)),
        SqlType::Bigint => Value::Bigint(array.as_primitive::<Int64Type>().value(row)),
        SqlType::Double => Value::Double(array.as_primitive::<Float64Type>().value(row)),
        SqlType::Decimal { scale, .. } => {
            let unscaled = match array.as_primitive_opt::<Decimal128Type>() {
                Some(narrow) => i256::from_i128(narrow.value(row)),
                None => array.as_primitive::<Decimal256Type>().value(row),
            };
            Value::Decimal(Decimal { unscaled, scale: *scale })
        }
        SqlType::String => Value::String(array.as_string::<i32>().value(row).to_string()),
        SqlType::Bytes => Value::Bytes(Bytes::copy_from_slice(array.as_binary::<i32>().value(row))),
        SqlType::Date => Value::Date(array.as_primitive::<Date32Type>().value(row)),
        SqlType::Time => Value::Time(array.as_primitive::<Time32MillisecondType>().value(row)),
        SqlType::Timestamp => {
            Value::Timestamp(array.as_primitive::<TimestampMillisecondType>().value(row))
        }
        SqlType::Array(element) => {
            let items = array.as_list::<i32>().value(row);
            Value::Array((0..items.len()).map(|i| value_at(element, &items, i)).collect())
        }
        SqlType::Map(key, value) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let entry = |i| (value_at(key, keys, i), value_at(value, values, i));
            Value::Map((0..entries.len()).map(entry).collect())
        }
        SqlType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let cells = fields.iter().zip(columns);
            Value::Struct(cells.map(|(f, column)| value_at(&f.ty, column, row)).collect())
        }
    }
}

/// Builds a column value by value.
pub struct ColumnBuilder {
    ty: SqlType,
    inner: Inner,
}

enum Inner {
    Boolean(BooleanBuilder),
    Integer(Int32Builder),
    Bigint(Int64Builder),
    Double(Float64Builder),
    Decimal128(Decimal128Builder),
    Decimal256(Decimal256Builder),
    String(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Time(Time32MillisecondBuilder),
    Timestamp(TimestampMillisecondBuilder),
    Array {
        items: Box<ColumnBuilder>,
        lengths: Vec<usize>,
        nulls: NullBufferBuilder,
    },
    Map {
        keys: Box<ColumnBuilder>,
        values: Box<ColumnBuilder>,
        lengths: Vec<usize>,
        nulls: NullBufferBuilder,
    },
    Struct {
        fields: Vec<ColumnBuilder>,
        nulls: NullBufferBuilder,
    },
}

impl ColumnBuilder {
    /// A builder for a column of this type, with room for `capacity` rows.
    pub fn new(ty: &SqlType, capacity: usize) -> Self {
        let nulls = || NullBufferBuilder::new(capacity);
        let boxed = |ty: &SqlType| Box::new(ColumnBuilder::new(ty, capacity));
        let inner = match ty {
            SqlType::Boolean => Inner::Boolean(BooleanBuilder::with_capacity(capacity)),
            SqlType::Integer => Inner::Integer(Int32Builder::with_capacity(capacity)),
            SqlType::Bigint => Inner::Bigint(Int64Builder::with_capacity(capacity)),
            SqlType::Double => Inner::Double(Float64Builder::with_capacity(capacity)),
            SqlType::Decimal { precision, .. } if *precision <= DECIMAL_PRECISION_MAX => {
                let builder = Decimal128Builder::with_capacity(capacity);
                Inner::Decimal128(builder.with_data_type(arrow_type(ty)))
            }
            SqlType::Decimal { .. } => {
                let builder = Decimal256Builder::with_capacity(capacity);
                Inner::Decimal256(builder.with_data_type(arrow_type(ty)))
            }
            SqlType::String => Inner::String(StringBuilder::with_capacity(capacity, 0)),
            SqlType::Bytes => Inner::Bytes(BinaryBuilder::with_capacity(capacity, 0)),
            SqlType::Date => Inner::Date(Date32Builder::with_capacity(capacity)),
            SqlType::Time => Inner::Time(Time32MillisecondBuilder::with_capacity(capacity)),
            SqlType::Timestamp => {
                Inner::Timestamp(TimestampMillisecondBuilder::with_capacity(capacity))
            }
            SqlType::Array(element) => {
                Inner::Array { items: boxed(element), lengths: Vec::new(), nulls: nulls() }
            }
            SqlType::Map(key, value) => Inner::Map {
                keys: boxed(key),
                values: boxed(value),
                lengths: Vec::new(),
                nulls: nulls(),
            },
            SqlType::Struct(fields) => Inner::Struct {
                fields: fields.iter().map(|f| ColumnBuilder::new(&f.ty, capacity)).collect(),
                nulls: nulls(),
            },
        };
        Self { ty: ty.clone(), inner }
    }

    /// Appends a null.
    pub fn append_null(&mut self) {
        self.append(&Value::Null);
    }

    /// Appends a text without making a value of it. Panics if the column is not one of STRING.
    pub fn append_text(&mut self, text: &str) {
        match &mut self.inner {
            Inner::String(builder) => builder.append_value(text),
            _ => panic!("{text:?} appended to a column of {}", self.ty),
        }
    }

    /// Appends a value. Panics if its variant is not the one of the column's type (our own mistake:
    /// plans convert explicitly), but for a DECIMAL of another scale, which is rescaled half up.
    pub fn append(&mut self, value: &Value) {
        match (&mut self.inner, value) {
            (Inner::Boolean(b), Value::Null) => b.append_null(),
            (Inner::Boolean(b), Value::Boolean(v)) => b.append_value(*v),
            (Inner::Integer(b), Value::Null) => b.append_null(),
            (Inner::Integer(b), Value::Integer(v)) => b.append_value(*v),
            (Inner::Bigint(b), Value::Null) => b.append_null(),
            (Inner::Bigint(b), Value::Bigint(v)) => b.append_value(*v),
            (Inner::Double(b), Value::Null) => b.append_null(),
            (Inner::Double(b), Value::Double(v)) => b.append_value(*v),
            (Inner::Decimal128(b), Value::Null) => b.append_null(),
            (Inner::Decimal128(b), Value::Decimal(v)) => {
                b.append_option(rescaled(&self.ty, v).and_then(i256::to_i128));
            }
            (Inner::Decimal256(b), Value::Null) => b.append_null(),
            (Inner::Decimal256(b), Value::Decimal(v)) => b.append_option(rescaled(&self.ty, v)),
            (Inner::String(b), Value::Null) => b.append_null(),
            (Inner::String(b), Value::String(v)) => b.append_value(v),
            (Inner::Bytes(b), Value::Null) => b.append_null(),
            (Inner::Bytes(b), Value::Bytes(v)) => b.append_value(v),
            (Inner::Date(b), Value::Null) => b.append_null(),
            (Inner::Date(b), Value::Date(v)) => b.append_value(*v),
            (Inner::Time(b), Value::Null) => b.append_null(),
            (Inner::Time(b), Value::Time(v)) => b.append_value(*v),
            (Inner::Timestamp(b), Value::Null) => b.append_null(),
            (Inner::Timestamp(b), Value::Timestamp(v)) => b.append_value(*v),
            (Inner::Array { lengths, nulls, .. }, Value::Null) => {
                lengths.push(0);
                nulls.append_null();
            }
            (Inner::Array { items, lengths, nulls }, Value::Array(values)) => {
                values.iter().for_each(|v| items.append(v));
                lengths.push(values.len());
                nulls.append_non_null();
            }
            (Inner::Map { lengths, nulls, .. }, Value::Null) => {
                lengths.push(0);
                nulls.append_null();
            }
            (Inner::Map { keys, values, lengths, nulls }, Value::Map(entries)) => {
                for (key, value) in entries {
                    keys.append(key);
                    values.append(value);
                }
                lengths.push(entries.len());
                nulls.append_non_null();
            }
            (Inner::Struct { fields, nulls }, Value::Null) => {
                fields.iter_mut().for_each(ColumnBuilder::append_null);
                nulls.append_null();
            }
            (Inner::Struct { fields, nulls }, Value::Struct(values)) => {
                assert_eq!(fields.len(), values.len(), "a STRUCT has a value for each field");
                fields.iter_mut().zip(values).for_each(|(f, v)| f.append(v));
                nulls.append_non_null();
            }
            (_, value) => panic!("{value:?} appended to a column of {}", self.ty),
        }
    }

    /// The column.
    pub fn finish(self) -> ArrayRef {
        let Self { ty, inner } = self;
        match inner {
            Inner::Boolean(mut b) => Arc::new(b.finish()),
            Inner::Integer(mut b) => Arc::new(b.finish()),
            Inner::Bigint(mut b) => Arc::new(b.finish()),
            Inner::Double(mut b) => Arc::new(b.finish()),
            Inner::Decimal128(mut b) => Arc::new(b.finish()),
            Inner::Decimal256(mut b) => Arc::new(b.finish()),
            Inner::String(mut b) => Arc::new(b.finish()),
            Inner::Bytes(mut b) => Arc::new(b.finish()),
            Inner::Date(mut b) => Arc::new(b.finish()),
            Inner::Time(mut b) => Arc::new(b.finish()),
            Inner::Timestamp(mut b) => Arc::new(b.finish()),
            Inner::Array { items, lengths, mut nulls } => {
                let SqlType::Array(element) = &ty else { unreachable!("made for an ARRAY") };
                let offsets = OffsetBuffer::from_lengths(lengths);
                Arc::new(ListArray::new(
                    list_item(element),
                    offsets,
                    items.finish(),
                    nulls.finish(),
                ))
            }
            Inner::Map { keys, values, lengths, mut nulls } => {
                let SqlType::Map(key, value) = &ty else { unreachable!("made for a MAP") };
                let fields = map_fields(key, value);
                let columns = vec![keys.finish(), values.finish()];
                let entries = StructArray::new(fields, columns, None);
                let offsets = OffsetBuffer::from_lengths(lengths);
                let field = map_entries(key, value);
                Arc::new(MapArray::new(field, offsets, entries, nulls.finish(), false))
            }
            Inner::Struct { fields, mut nulls } => {
                let SqlType::Struct(types) = &ty else { unreachable!("made for a STRUCT") };
                let rows = nulls.len();
                let columns: Vec<_> = fields.into_iter().map(ColumnBuilder::finish).collect();
                let nulls = nulls.finish();
                let fields = struct_fields(types);
                let array = StructArray::try_new_with_length(fields, columns, nulls, rows);
                Arc::new(array.expect("all fields have as many rows"))
            }
        }
    }
}

fn rescaled(ty: &SqlType, value: &Decimal) -> Option<i256> {
    let SqlType::Decimal { scale, .. } = ty else { unreachable!("made for a DECIMAL") };
    value.with_scale(*scale, Rounding::HalfUp).map(|d| d.unscaled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;

    fn check(ty: SqlType, values: Vec<Value>) {
        let column = column_of(&ty, &values);
        assert_eq!(column.data_type(), &arrow_type(&ty));
        let read: Vec<_> = (0..column.len()).map(|i| value_at(&ty, &column, i)).collect();
        assert_eq!(read, values);
    }

    #[test]
    fn every_type_round_trips_with_nulls() {
        use Value::Null;
        check(SqlType::Boolean, vec![Value::Boolean(true), Null]);
        check(SqlType::Integer, vec![Null, Value::Integer(-1)]);
        check(SqlType::Bigint, vec![Value::Bigint(i64::MIN), Null]);
        check(SqlType::Double, vec![Value::Double(0.1), Null]);
        let decimal = Value::Decimal(Decimal::new(i256::from_i128(150), 2));
        check(SqlType::decimal(4, 2), vec![decimal.clone(), Null]);
        check(SqlType::decimal(40, 2), vec![decimal, Null]);
        check(SqlType::String, vec![Value::String("ä".into()), Null]);
        check(SqlType::Bytes, vec![Value::Bytes(Bytes::from_static(b"\0")), Null]);
        check(SqlType::Date, vec![Value::Date(-1), Null]);
        check(SqlType::Time, vec![Value::Time(86_400_000), Null]);
        check(SqlType::Timestamp, vec![Value::Timestamp(-1), Null]);
        let ints = Value::Array(vec![Value::Integer(1), Null]);
        check(SqlType::array(SqlType::Integer), vec![ints.clone(), Null, Value::Array(vec![])]);
        let entry = (Value::String("k".into()), ints.clone());
        let map = SqlType::map(SqlType::String, SqlType::array(SqlType::Integer));
        check(map, vec![Null, Value::Map(vec![entry]), Value::Map(vec![])]);
        let ty = SqlType::Struct(vec![
            Field::new("A", SqlType::array(SqlType::Integer)),
            Field::new("B", SqlType::String),
        ]);
        check(ty, vec![Value::Struct(vec![ints, Null]), Null]);
        check(SqlType::Struct(vec![]), vec![Value::Struct(vec![]), Null]);
    }
}
