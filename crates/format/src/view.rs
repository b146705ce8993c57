//! Columns as they are written from: each array downcast once a batch, so that writing a cell is an
//! index and a test for null.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int32Type, Int64Type,
    Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, StringArray};
use arrow_buffer::{NullBuffer, i256};
use model::{Decimal, SqlType};

/// A column of one type, to be read from.
pub(crate) enum View<'a> {
    Boolean(&'a BooleanArray),
    Integer(&'a PrimitiveArray<Int32Type>),
    Bigint(&'a PrimitiveArray<Int64Type>),
    Double(&'a PrimitiveArray<Float64Type>),
    Decimal(DecimalView<'a>),
    String(&'a StringArray),
    Bytes(&'a BinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a PrimitiveArray<Time32MillisecondType>),
    Timestamp(&'a PrimitiveArray<TimestampMillisecondType>),
    Array(Repeated<'a>, Box<View<'a>>),
    /// With views of the keys and the values.
    Map(Repeated<'a>, Vec<View<'a>>),
    Struct(Option<&'a NullBuffer>, Vec<View<'a>>),
}

/// A DECIMAL column of either width.
pub(crate) enum DecimalView<'a> {
    Narrow(&'a PrimitiveArray<Decimal128Type>, u8),
    Wide(&'a PrimitiveArray<Decimal256Type>, u8),
}

/// Where the items of each row begin and end.
pub(crate) struct Repeated<'a> {
    offsets: &'a [i32],
    nulls: Option<&'a NullBuffer>,
}

impl Repeated<'_> {
    /// The positions of a row's items in the inner view.
    pub(crate) fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }
}

impl DecimalView<'_> {
    /// The number in a row that is not null.
    pub(crate) fn value(&self, row: usize) -> Decimal {
        match self {
            DecimalView::Narrow(array, scale) => {
                Decimal { unscaled: i256::from_i128(array.value(row)), scale: *scale }
            }
            DecimalView::Wide(array, scale) => {
                Decimal { unscaled: array.value(row), scale: *scale }
            }
        }
    }
}

impl<'a> View<'a> {
    /// Views of all columns, which must be of these types.
    pub(crate) fn all(types: &[SqlType], columns: &'a [ArrayRef]) -> Vec<View<'a>> {
        assert_eq!(types.len(), columns.len(), "a column for each the encoder was made for");
        types.iter().zip(columns).map(|(ty, column)| View::new(ty, column)).collect()
    }

    /// A view of an array that was made for `ty`.
    pub(crate) fn new(ty: &SqlType, array: &'a ArrayRef) -> View<'a> {
        match ty {
            SqlType::Boolean => View::Boolean(array.as_boolean()),
            SqlType::Integer => View::Integer(array.as_primitive()),
            SqlType::Bigint => View::Bigint(array.as_primitive()),
            SqlType::Double => View::Double(array.as_primitive()),
            SqlType::Decimal { scale, .. } => {
                View::Decimal(match array.as_primitive_opt::<Decimal128Type>() {
                    Some(narrow) => DecimalView::Narrow(narrow, *scale),
                    None => DecimalView::Wide(array.as_primitive(), *scale),
                })
            }
            SqlType::String => View::String(array.as_string()),
            SqlType::Bytes => View::Bytes(array.as_binary()),
            SqlType::Date => View::Date(array.as_primitive()),
            SqlType::Time => View::Time(array.as_primitive()),
            SqlType::Timestamp => View::Timestamp(array.as_primitive()),
            SqlType::Array(element) => {
                let list = array.as_list::<i32>();
                let repeated = Repeated { offsets: list.value_offsets(), nulls: list.nulls() };
                View::Array(repeated, Box::new(View::new(element, list.values())))
            }
            SqlType::Map(key, value) => {
                let map = array.as_map();
                let repeated = Repeated { offsets: map.value_offsets(), nulls: map.nulls() };
                let keys = View::new(key, map.keys());
                View::Map(repeated, vec![keys, View::new(value, map.values())])
            }
            SqlType::Struct(fields) => {
                let array = array.as_struct();
                let views = fields.iter().zip(array.columns()).map(|(f, c)| View::new(&f.ty, c));
                View::Struct(array.nulls(), views.collect())
            }
        }
    }

    /// Which cells are null.
    pub(crate) fn nulls(&self) -> Option<&'a NullBuffer> {
        match self {
            View::Boolean(a) => Array::nulls(*a),
            View::Integer(a) => Array::nulls(*a),
            View::Bigint(a) => Array::nulls(*a),
            View::Double(a) => Array::nulls(*a),
            View::Decimal(DecimalView::Narrow(a, _)) => Array::nulls(*a),
            View::Decimal(DecimalView::Wide(a, _)) => Array::nulls(*a),
            View::String(a) => Array::nulls(*a),
            View::Bytes(a) => Array::nulls(*a),
            View::Date(a) => Array::nulls(*a),
            View::Time(a) => Array::nulls(*a),
            View::Timestamp(a) => Array::nulls(*a),
            View::Array(r, _) | View::Map(r, _) => r.nulls,
            View::Struct(nulls, _) => *nulls,
        }
    }

    /// Is the cell in this row null?
    #[inline]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls().is_some_and(|n| n.is_null(row))
    }
}
