//! Columns being built cell by cell from bytes: like Arrow's builders, but they can be cut back to
//! a row, so that a payload which fails half way leaves nothing behind.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int32Type,
    Int64Type, Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, ListArray, MapArray, PrimitiveArray, StringArray,
    StructArray,
};
use arrow_buffer::{
    BooleanBufferBuilder, Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer, i256,
};
use arrow_schema::DataType;
use model::SqlType;
use model::column::arrow_type;
use model::decimal::Decimal;

/// A column of one type while it grows. A parser matches on the variant it can fill.
pub(crate) enum Cells {
    Boolean(Bools),
    Integer(Numbers<i32>),
    Bigint(Numbers<i64>),
    Double(Numbers<f64>),
    Decimal(Decimals),
    String(Blobs),
    Bytes(Blobs),
    Date(Numbers<i32>),
    Time(Numbers<i32>),
    Timestamp(Numbers<i64>),
    Array(Lists),
    Map(Maps),
    Struct(Structs),
}

pub(crate) struct Bools {
    values: BooleanBufferBuilder,
    valid: NullBufferBuilder,
}

pub(crate) struct Numbers<T> {
    values: Vec<T>,
    valid: NullBufferBuilder,
}

pub(crate) struct Decimals {
    pub(crate) precision: u8,
    pub(crate) scale: u8,
    narrow: bool,
    values128: Vec<i128>,
    values256: Vec<i256>,
    valid: NullBufferBuilder,
}

/// Texts or bytes, one after the other.
pub(crate) struct Blobs {
    data: Vec<u8>,
    offsets: Vec<i32>,
    valid: NullBufferBuilder,
}

pub(crate) struct Lists {
    pub(crate) items: Box<Cells>,
    offsets: Vec<i32>,
    valid: NullBufferBuilder,
}

pub(crate) struct Maps {
    /// The keys and the values.
    pub(crate) entries: Vec<Cells>,
    offsets: Vec<i32>,
    valid: NullBufferBuilder,
}

pub(crate) struct Structs {
    pub(crate) names: Arc<[String]>,
    pub(crate) fields: Vec<Cells>,
    valid: NullBufferBuilder,
}

impl Bools {
    pub(crate) fn push(&mut self, value: bool) {
        self.values.append(value);
        self.valid.append_non_null();
    }
}

impl<T: Copy + Default> Numbers<T> {
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        self.values.push(value);
        self.valid.append_non_null();
    }

    fn push_null(&mut self) {
        self.values.push(T::default());
        self.valid.append_null();
    }
}

impl Decimals {
    /// Appends a number that has the column's scale and fits into its precision.
    pub(crate) fn push(&mut self, value: Decimal) {
        match self.narrow {
            true => self.values128.push(value.unscaled.to_i128().unwrap_or_default()),
            false => self.values256.push(value.unscaled),
        }
        self.valid.append_non_null();
    }

    fn push_null(&mut self) {
        match self.narrow {
            true => self.values128.push(0),
            false => self.values256.push(i256::ZERO),
        }
        self.valid.append_null();
    }
}

impl Blobs {
    fn end(&mut self) {
        self.offsets.push(i32::try_from(self.data.len()).unwrap_or(i32::MAX));
    }

    #[inline]
    pub(crate) fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.end();
        self.valid.append_non_null();
    }

    /// Appends bytes that should be UTF-8; what is not becomes U+FFFD, as Java reads it.
    #[inline]
    pub(crate) fn push_text(&mut self, value: &[u8]) {
        match value.is_ascii() || std::str::from_utf8(value).is_ok() {
            true => self.push(value),
            false => self.push(String::from_utf8_lossy(value).as_bytes()),
        }
    }

    /// The buffer to write a value into piecewise; [`Blobs::close`] ends it.
    pub(crate) fn open(&mut self) -> &mut Vec<u8> {
        &mut self.data
    }

    /// Ends the value that was written into [`Blobs::open`].
    pub(crate) fn close(&mut self) {
        self.end();
        self.valid.append_non_null();
    }

    fn push_null(&mut self) {
        self.end();
        self.valid.append_null();
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.data.truncate(self.offsets[len] as usize);
        self.valid.truncate(len);
    }
}

impl Lists {
    /// Ends a list: what was appended to `items` since the last one.
    pub(crate) fn close(&mut self) {
        self.offsets.push(self.items.len() as i32);
        self.valid.append_non_null();
    }
}

impl Maps {
    /// Ends a map: what was appended to `entries` since the last one.
    pub(crate) fn close(&mut self) {
        self.offsets.push(self.entries[0].len() as i32);
        self.valid.append_non_null();
    }
}

impl Structs {
    /// Ends a struct; each field has had its cell appended.
    pub(crate) fn close(&mut self) {
        self.valid.append_non_null();
    }
}

impl Cells {
    /// An empty column.
    pub(crate) fn new(ty: &SqlType, capacity: usize) -> Self {
        let valid = || NullBufferBuilder::new(capacity);
        fn numbers<T>(capacity: usize) -> Numbers<T> {
            let values = Vec::with_capacity(capacity);
            Numbers { values, valid: NullBufferBuilder::new(capacity) }
        }
        let offsets = || {
            let mut offsets = Vec::with_capacity(capacity + 1);
            offsets.push(0);
            offsets
        };
        let blobs = || Blobs {
            data: Vec::with_capacity(16 * capacity),
            offsets: offsets(),
            valid: valid(),
        };
        let boxed = |ty: &SqlType| Box::new(Cells::new(ty, capacity));
        match ty {
            SqlType::Boolean => Cells::Boolean(Bools {
                values: BooleanBufferBuilder::new(capacity),
                valid: valid(),
            }),
            SqlType::Integer => Cells::Integer(numbers(capacity)),
            SqlType::Bigint => Cells::Bigint(numbers(capacity)),
            SqlType::Double => Cells::Double(numbers(capacity)),
            SqlType::Decimal { precision, scale } => Cells::Decimal(Decimals {
                precision: *precision,
                scale: *scale,
                narrow: matches!(arrow_type(ty), DataType::Decimal128(..)),
                values128: Vec::new(),
                values256: Vec::new(),
                valid: valid(),
            }),
            SqlType::String => Cells::String(blobs()),
            SqlType::Bytes => Cells::Bytes(blobs()),
            SqlType::Date => Cells::Date(numbers(capacity)),
            SqlType::Time => Cells::Time(numbers(capacity)),
            SqlType::Timestamp => Cells::Timestamp(numbers(capacity)),
            SqlType::Array(element) => {
                Cells::Array(Lists { items: boxed(element), offsets: offsets(), valid: valid() })
            }
            SqlType::Map(key, value) => Cells::Map(Maps {
                entries: vec![Cells::new(key, capacity), Cells::new(value, capacity)],
                offsets: offsets(),
                valid: valid(),
            }),
            SqlType::Struct(fields) => Cells::Struct(Structs {
                names: fields.iter().map(|f| f.name.clone()).collect(),
                fields: fields.iter().map(|f| Cells::new(&f.ty, capacity)).collect(),
                valid: valid(),
            }),
        }
    }

    /// The SQL type's name, for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Cells::Boolean(_) => "BOOLEAN",
            Cells::Integer(_) => "INTEGER",
            Cells::Bigint(_) => "BIGINT",
            Cells::Double(_) => "DOUBLE",
            Cells::Decimal(_) => "DECIMAL",
            Cells::String(_) => "VARCHAR",
            Cells::Bytes(_) => "BYTES",
            Cells::Date(_) => "DATE",
            Cells::Time(_) => "TIME",
            Cells::Timestamp(_) => "TIMESTAMP",
            Cells::Array(_) => "ARRAY",
            Cells::Map(_) => "MAP",
            Cells::Struct(_) => "STRUCT",
        }
    }

    /// Is the last cell null?
    pub(crate) fn is_last_null(&self) -> bool {
        let valid = match self {
            Cells::Boolean(b) => &b.valid,
            Cells::Integer(n) | Cells::Date(n) | Cells::Time(n) => &n.valid,
            Cells::Bigint(n) | Cells::Timestamp(n) => &n.valid,
            Cells::Double(n) => &n.valid,
            Cells::Decimal(d) => &d.valid,
            Cells::String(b) | Cells::Bytes(b) => &b.valid,
            Cells::Array(l) => &l.valid,
            Cells::Map(m) => &m.valid,
            Cells::Struct(s) => &s.valid,
        };
        valid.len().checked_sub(1).is_some_and(|last| !valid.is_valid(last))
    }

    /// How many cells there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Cells::Boolean(b) => b.valid.len(),
            Cells::Integer(n) | Cells::Date(n) | Cells::Time(n) => n.values.len(),
            Cells::Bigint(n) | Cells::Timestamp(n) => n.values.len(),
            Cells::Double(n) => n.values.len(),
            Cells::Decimal(d) => d.valid.len(),
            Cells::String(b) | Cells::Bytes(b) => b.offsets.len() - 1,
            Cells::Array(l) => l.offsets.len() - 1,
            Cells::Map(m) => m.offsets.len() - 1,
            Cells::Struct(s) => s.valid.len(),
        }
    }

    /// Appends a null.
    pub(crate) fn push_null(&mut self) {
        match self {
            Cells::Boolean(b) => {
                b.values.append(false);
                b.valid.append_null();
            }
            Cells::Integer(n) | Cells::Date(n) | Cells::Time(n) => n.push_null(),
            Cells::Bigint(n) | Cells::Timestamp(n) => n.push_null(),
            Cells::Double(n) => n.push_null(),
            Cells::Decimal(d) => d.push_null(),
            Cells::String(b) | Cells::Bytes(b) => b.push_null(),
            Cells::Array(l) => {
                l.offsets.push(l.items.len() as i32);
                l.valid.append_null();
            }
            Cells::Map(m) => {
                m.offsets.push(m.entries[0].len() as i32);
                m.valid.append_null();
            }
            Cells::Struct(s) => {
                s.fields.iter_mut().for_each(Cells::push_null);
                s.valid.append_null();
            }
        }
    }

    /// Cuts the column back to its first `len` cells, with any part of a cell begun behind them.
    pub(crate) fn truncate(&mut self, len: usize) {
        match self {
            Cells::Boolean(b) => {
                b.values.truncate(len);
                b.valid.truncate(len);
            }
            Cells::Integer(n) | Cells::Date(n) | Cells::Time(n) => {
                n.values.truncate(len);
                n.valid.truncate(len);
            }
            Cells::Bigint(n) | Cells::Timestamp(n) => {
                n.values.truncate(len);
                n.valid.truncate(len);
            }
            Cells::Double(n) => {
                n.values.truncate(len);
                n.valid.truncate(len);
            }
            Cells::Decimal(d) => {
                d.values128.truncate(len);
                d.values256.truncate(len);
                d.valid.truncate(len);
            }
            Cells::String(b) | Cells::Bytes(b) => b.truncate(len),
            Cells::Array(l) => {
                l.offsets.truncate(len + 1);
                l.items.truncate(l.offsets[len] as usize);
                l.valid.truncate(len);
            }
            Cells::Map(m) => {
                m.offsets.truncate(len + 1);
                m.entries.iter_mut().for_each(|e| e.truncate(m.offsets[len] as usize));
                m.valid.truncate(len);
            }
            Cells::Struct(s) => {
                s.fields.iter_mut().for_each(|f| f.truncate(len));
                s.valid.truncate(len);
            }
        }
    }

    /// The column, which must be as `Cells::new` was given.
    pub(crate) fn finish(self, ty: &SqlType) -> ArrayRef {
        let data_type = arrow_type(ty);
        match self {
            Cells::Boolean(mut b) => {
                Arc::new(BooleanArray::new(b.values.finish(), b.valid.finish()))
            }
            Cells::Integer(n) => primitive::<Int32Type>(n, data_type),
            Cells::Bigint(n) => primitive::<Int64Type>(n, data_type),
            Cells::Double(n) => primitive::<Float64Type>(n, data_type),
            Cells::Date(n) => primitive::<Date32Type>(n, data_type),
            Cells::Time(n) => primitive::<Time32MillisecondType>(n, data_type),
            Cells::Timestamp(n) => primitive::<TimestampMillisecondType>(n, data_type),
            Cells::Decimal(d) if d.narrow => primitive::<Decimal128Type>(
                Numbers { values: d.values128, valid: d.valid },
                data_type,
            ),
            Cells::Decimal(d) => primitive::<Decimal256Type>(
                Numbers { values: d.values256, valid: d.valid },
                data_type,
            ),
            Cells::String(b) => {
                let (offsets, data, nulls) = b.finish();
                let array = StringArray::try_new(offsets, data, nulls);
                Arc::new(array.expect("only UTF-8 is appended to a STRING"))
            }
            Cells::Bytes(b) => {
                let (offsets, data, nulls) = b.finish();
                Arc::new(BinaryArray::new(offsets, data, nulls))
            }
            Cells::Array(mut l) => {
                let (SqlType::Array(element), DataType::List(field)) = (ty, data_type) else {
                    unreachable!("made for an ARRAY");
                };
                let offsets = OffsetBuffer::new(l.offsets.into());
                Arc::new(ListArray::new(field, offsets, l.items.finish(element), l.valid.finish()))
            }
            Cells::Map(mut m) => {
                let (SqlType::Map(key, value), DataType::Map(field, _)) = (ty, data_type) else {
                    unreachable!("made for a MAP");
                };
                let DataType::Struct(fields) = field.data_type() else {
                    unreachable!("a MAP's entries are structs");
                };
                let types = [&**key, &**value];
                let columns = m.entries.into_iter().zip(types).map(|(e, ty)| e.finish(ty));
                let columns = columns.collect();
                let entries = StructArray::new(fields.clone(), columns, None);
                let offsets = OffsetBuffer::new(m.offsets.into());
                Arc::new(MapArray::new(field, offsets, entries, m.valid.finish(), false))
            }
            Cells::Struct(mut s) => {
                let (SqlType::Struct(types), DataType::Struct(fields)) = (ty, data_type) else {
                    unreachable!("made for a STRUCT");
                };
                let rows = s.valid.len();
                let columns =
                    s.fields.into_iter().zip(types).map(|(c, f)| c.finish(&f.ty)).collect();
                let nulls = s.valid.finish();
                let array = StructArray::try_new_with_length(fields, columns, nulls, rows);
                Arc::new(array.expect("all fields have as many rows"))
            }
        }
    }
}

impl Blobs {
    fn finish(mut self) -> (OffsetBuffer<i32>, Buffer, Option<NullBuffer>) {
        (OffsetBuffer::new(self.offsets.into()), Buffer::from_vec(self.data), self.valid.finish())
    }
}

fn primitive<P: ArrowPrimitiveType>(mut n: Numbers<P::Native>, data_type: DataType) -> ArrayRef {
    let values = ScalarBuffer::from(n.values);
    Arc::new(PrimitiveArray::<P>::new(values, n.valid.finish()).with_data_type(data_type))
}
