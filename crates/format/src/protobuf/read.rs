//! Messages straight into columns: a plan made once for a schema and the columns wanted of it says
//! which field number fills which column, and how.

use std::sync::Arc;

use model::decimal::{Decimal, Rounding};
use model::{Field, SqlType};
use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::kind::{FieldKind, Scalar, Shape, in_oneof, shape};
use super::wire::{Reader, Wire, WireError, unzigzag};
use crate::cells::Cells;
use crate::days;
use crate::text::{write_f64, write_i64};

/// How a message's fields fill columns.
pub(crate) struct MessagePlan {
    /// By field number, for small ones: the field's place in `slots`, plus 1.
    dense: Vec<u16>,
    /// The others, by number.
    sparse: Vec<(u32, u16)>,
    slots: Vec<SlotPlan>,
    /// For each column its place in `slots`; `None`: always null.
    columns: Vec<Option<usize>>,
    /// Has each field one value, and do their numbers rise with the columns?
    is_in_order: bool,
}

struct SlotPlan {
    column: usize,
    value: ValuePlan,
    wire_type: u32,
    shape: SlotShape,
}

enum SlotShape {
    /// One value; if it is not there, null or (`true`) the type's zero.
    Single(bool),
    Array,
    Map(Box<MessagePlan>),
}

/// How one value is read.
enum ValuePlan {
    Scalar(Scalar),
    Wrapper(Scalar),
    Decimal,
    Date,
    Time,
    Timestamp,
    Enum(Arc<[(i32, String)]>),
    Struct(Box<MessagePlan>),
    /// The entries of a map have a plan of their own.
    Entries,
}

/// What was found of a field that has one value.
#[derive(Clone, Copy)]
pub(crate) enum Slot {
    Absent,
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// Where it begins in the message, and its length.
    Bytes(usize, usize),
}

/// Field numbers up to this one are found by index.
const DENSE_MAX: u32 = 255;

impl MessagePlan {
    /// A plan to fill these columns; their names are looked for in any case. An error if a field is
    /// of a type that its column cannot be read from.
    pub(crate) fn new(
        message: &MessageDescriptor,
        columns: &[Field],
        path: &str,
    ) -> Result<Self, String> {
        let find = |name: &str| {
            let fields = || message.fields().filter(|f| !in_oneof(f));
            let exact = fields().find(|f| f.name() == name);
            exact.or_else(|| fields().find(|f| f.name().eq_ignore_ascii_case(name)))
        };
        let found: Vec<_> = columns.iter().map(|c| find(&c.name)).collect();
        Self::of_fields(&found, columns, path, false)
    }

    fn of_fields(
        found: &[Option<FieldDescriptor>],
        columns: &[Field],
        path: &str,
        is_entry: bool,
    ) -> Result<Self, String> {
        let mut plan = Self {
            dense: Vec::new(),
            sparse: Vec::new(),
            slots: Vec::new(),
            columns: Vec::new(),
            is_in_order: found.iter().flatten().is_sorted_by_key(|field| field.number()),
        };
        for (column, (field, target)) in found.iter().zip(columns).enumerate() {
            let Some(field) = field else {
                plan.columns.push(None);
                continue;
            };
            let path = format!("{path}->{}", target.name);
            let (value, shape) = slot(field, &target.ty, &path, is_entry && column == 0)?;
            let index = plan.slots.len();
            plan.is_in_order &= matches!(shape, SlotShape::Single(_));
            plan.slots.push(SlotPlan { column, wire_type: value.wire_type(), value, shape });
            plan.columns.push(Some(index));
            let number = field.number();
            if number <= DENSE_MAX {
                let length = plan.dense.len().max(number as usize + 1);
                plan.dense.resize(length, 0);
                plan.dense[number as usize] = index as u16 + 1;
            } else {
                plan.sparse.push((number, index as u16));
            }
        }
        Ok(plan)
    }

    #[inline]
    fn slot(&self, number: u32) -> Option<usize> {
        if let Some(index) = self.dense.get(number as usize) {
            return (*index as usize).checked_sub(1);
        }
        let found = self.sparse.iter().find(|(n, _)| *n == number);
        found.map(|(_, index)| *index as usize)
    }
}

fn slot(
    field: &FieldDescriptor,
    target: &SqlType,
    path: &str,
    is_map_key: bool,
) -> Result<(ValuePlan, SlotShape), String> {
    let kind = FieldKind::of(field);
    let wrong = |from: &str| {
        Err(format!(
            "Cannot deserialize type {from} as type {} for path: {path}",
            connect_name(target)
        ))
    };
    match (shape(field), target) {
        (Shape::Single, SqlType::Array(_) | SqlType::Map(..)) => wrong(kind.connect_name()),
        (Shape::Single, _) => {
            // A key is never null, whatever its presence.
            let has_default = match kind {
                FieldKind::Scalar(_) | FieldKind::Enum(_) => {
                    is_map_key || !field.field_descriptor_proto().proto3_optional()
                }
                _ => is_map_key,
            };
            Ok((value(&kind, target, path)?, SlotShape::Single(has_default)))
        }
        (Shape::Array, SqlType::Array(element)) => {
            Ok((value(&kind, element, path)?, SlotShape::Array))
        }
        (Shape::Map(key, value), SqlType::Map(key_type, value_type)) => {
            let columns =
                [Field::new("key", *key_type.clone()), Field::new("value", *value_type.clone())];
            let plan = MessagePlan::of_fields(&[Some(key), Some(value)], &columns, path, true)?;
            Ok((ValuePlan::Entries, SlotShape::Map(Box::new(plan))))
        }
        (Shape::Array, _) => wrong("array"),
        (Shape::Map(..), _) => wrong("map"),
    }
}

fn value(kind: &FieldKind, target: &SqlType, path: &str) -> Result<ValuePlan, String> {
    let fits = |scalar: &Scalar| match target {
        SqlType::Boolean => *scalar == Scalar::Bool,
        SqlType::Integer => matches!(scalar, Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32),
        SqlType::Bigint => !matches!(
            scalar,
            Scalar::Bool | Scalar::Double | Scalar::Float | Scalar::String | Scalar::Bytes
        ),
        SqlType::Double => matches!(scalar, Scalar::Double | Scalar::Float),
        SqlType::String => *scalar != Scalar::Bytes,
        SqlType::Bytes => *scalar == Scalar::Bytes,
        _ => false,
    };
    Ok(match (kind, target) {
        (FieldKind::Scalar(scalar), _) if fits(scalar) => ValuePlan::Scalar(*scalar),
        (FieldKind::Wrapper(scalar), _) if fits(scalar) => ValuePlan::Wrapper(*scalar),
        (FieldKind::Decimal { .. }, SqlType::Decimal { .. }) => ValuePlan::Decimal,
        (FieldKind::Date, SqlType::Date) => ValuePlan::Date,
        (FieldKind::Time, SqlType::Time) => ValuePlan::Time,
        (FieldKind::Timestamp, SqlType::Timestamp) => ValuePlan::Timestamp,
        (FieldKind::Enum(values), SqlType::String) => ValuePlan::Enum(values.clone()),
        (FieldKind::Message(message), SqlType::Struct(fields)) => {
            ValuePlan::Struct(Box::new(MessagePlan::new(message, fields, path)?))
        }
        _ => {
            return Err(format!(
                "Cannot deserialize type {} as type {} for path: {path}",
                kind.connect_name(),
                connect_name(target)
            ));
        }
    })
}

/// What Connect calls a SQL type, for messages.
pub(crate) fn connect_name(ty: &SqlType) -> &'static str {
    match ty {
        SqlType::Boolean => "boolean",
        SqlType::Integer | SqlType::Date | SqlType::Time => "int32",
        SqlType::Bigint | SqlType::Timestamp => "int64",
        SqlType::Double => "float64",
        SqlType::String => "string",
        SqlType::Bytes | SqlType::Decimal { .. } => "bytes",
        SqlType::Array(_) => "array",
        SqlType::Map(..) => "map",
        SqlType::Struct(_) => "struct",
    }
}

/// Reads a message into one cell of each (wanted) column. `scratch` is used again and again.
pub(crate) fn read_message(
    plan: &MessagePlan,
    message: &[u8],
    cells: &mut [Cells],
    wanted: Option<&[bool]>,
    scratch: &mut Vec<Slot>,
) -> Result<(), String> {
    if plan.is_in_order {
        let is_wanted = |column: usize| wanted.is_none_or(|w| w[column]);
        let first = (0..cells.len()).find(|column| is_wanted(*column));
        let rows = first.map_or(0, |column| cells[column].len());
        if read_in_order(plan, message, cells, wanted, scratch)? {
            return Ok(());
        }
        // What was read of it is taken back.
        let read = cells.iter_mut().enumerate().filter(|(column, _)| is_wanted(*column));
        read.for_each(|(_, cells)| cells.truncate(rows));
    }
    let base = scratch.len();
    scratch.resize(base + plan.slots.len(), Slot::Absent);
    let mut reader = Reader::new(message);
    while let Some((number, wire)) = reader.field().map_err(text)? {
        let Some(index) = plan.slot(number) else { continue };
        let slot = &plan.slots[index];
        if wanted.is_some_and(|w| !w[slot.column]) {
            continue;
        }
        match &slot.shape {
            SlotShape::Single(_) => {
                let expected = slot.value.wire_type();
                let found = match wire {
                    Wire::Varint(v) if expected == 0 => Slot::Varint(v),
                    Wire::Fixed64(v) if expected == 1 => Slot::Fixed64(v),
                    Wire::Fixed32(v) if expected == 5 => Slot::Fixed32(v),
                    Wire::Bytes(bytes) if expected == 2 => {
                        let end = message.len() - reader.rest().len();
                        Slot::Bytes(end - bytes.len(), bytes.len())
                    }
                    // A field of another wire type is as good as an unknown one.
                    _ => continue,
                };
                scratch[base + index] = found;
            }
            SlotShape::Array => {
                let Cells::Array(list) = &mut cells[slot.column] else {
                    unreachable!("planned for an ARRAY");
                };
                read_items(&slot.value, wire, &mut list.items, scratch)?;
            }
            SlotShape::Map(entry) => {
                let (Cells::Map(map), Wire::Bytes(bytes)) = (&mut cells[slot.column], wire) else {
                    continue;
                };
                read_message(entry, bytes, &mut map.entries, None, scratch)?;
            }
        }
    }
    for (column, cells) in cells.iter_mut().enumerate() {
        if wanted.is_some_and(|w| !w[column]) {
            continue;
        }
        let Some(index) = plan.columns[column] else {
            cells.push_null();
            continue;
        };
        let slot = &plan.slots[index];
        match (&slot.shape, &mut *cells) {
            (SlotShape::Array, Cells::Array(list)) => list.close(),
            (SlotShape::Map(_), Cells::Map(map)) => map.close(),
            (SlotShape::Single(has_default), cells) => {
                let wire = match scratch[base + index] {
                    Slot::Absent if *has_default => slot.value.zero(),
                    Slot::Absent => {
                        cells.push_null();
                        continue;
                    }
                    Slot::Varint(v) => Wire::Varint(v),
                    Slot::Fixed64(v) => Wire::Fixed64(v),
                    Slot::Fixed32(v) => Wire::Fixed32(v),
                    Slot::Bytes(start, length) => Wire::Bytes(&message[start..start + length]),
                };
                push_value(&slot.value, wire, cells, scratch)?;
            }
            _ => unreachable!("planned for this column"),
        }
    }
    scratch.truncate(base);
    Ok(())
}

/// Reads a message straight into the columns, if its fields are in their order, each of them once,
/// as nearly everybody writes them; false, half way, if they are not.
fn read_in_order(
    plan: &MessagePlan,
    message: &[u8],
    cells: &mut [Cells],
    wanted: Option<&[bool]>,
    scratch: &mut Vec<Slot>,
) -> Result<bool, String> {
    let mut next = 0;
    let mut reader = Reader::new(message);
    while let Some((number, wire)) = reader.field().map_err(text)? {
        let Some(index) = plan.slot(number) else { continue };
        let slot = &plan.slots[index];
        let column = slot.column;
        // A field of another wire type is as good as an unknown one.
        if wanted.is_some_and(|w| !w[column]) || slot.wire_type != wire.wire_type() {
            continue;
        }
        if column < next {
            return Ok(false);
        }
        push_absent(plan, next..column, cells, wanted, scratch)?;
        push_value(&slot.value, wire, &mut cells[column], scratch)?;
        next = column + 1;
    }
    push_absent(plan, next..cells.len(), cells, wanted, scratch)?;
    Ok(true)
}

/// Appends what stands for fields that are not there.
#[inline]
fn push_absent(
    plan: &MessagePlan,
    columns: std::ops::Range<usize>,
    cells: &mut [Cells],
    wanted: Option<&[bool]>,
    scratch: &mut Vec<Slot>,
) -> Result<(), String> {
    for column in columns.filter(|column| wanted.is_none_or(|w| w[*column])) {
        match plan.columns[column].map(|index| &plan.slots[index]) {
            Some(slot) if matches!(slot.shape, SlotShape::Single(true)) => {
                push_value(&slot.value, slot.value.zero(), &mut cells[column], scratch)?;
            }
            _ => cells[column].push_null(),
        }
    }
    Ok(())
}

fn text(error: WireError) -> String {
    error.message().to_string()
}

fn read_items(
    plan: &ValuePlan,
    wire: Wire<'_>,
    items: &mut Cells,
    scratch: &mut Vec<Slot>,
) -> Result<(), String> {
    let expected = plan.wire_type();
    match wire {
        Wire::Bytes(packed) if expected != 2 => {
            let mut reader = Reader::new(packed);
            while !reader.is_empty() {
                let wire = match expected {
                    0 => Wire::Varint(reader.varint().map_err(text)?),
                    1 => Wire::Fixed64(reader.fixed64().map_err(text)?),
                    _ => Wire::Fixed32(reader.fixed32().map_err(text)?),
                };
                push_value(plan, wire, items, scratch)?;
            }
            Ok(())
        }
        Wire::Varint(_) if expected == 0 => push_value(plan, wire, items, scratch),
        Wire::Fixed64(_) if expected == 1 => push_value(plan, wire, items, scratch),
        Wire::Fixed32(_) if expected == 5 => push_value(plan, wire, items, scratch),
        Wire::Bytes(_) => push_value(plan, wire, items, scratch),
        _ => Ok(()),
    }
}

impl ValuePlan {
    fn wire_type(&self) -> u32 {
        match self {
            ValuePlan::Scalar(scalar) => scalar.wire_type(),
            ValuePlan::Enum(_) => 0,
            _ => 2,
        }
    }

    /// What stands for a field that is not there.
    fn zero(&self) -> Wire<'static> {
        match self.wire_type() {
            0 => Wire::Varint(0),
            1 => Wire::Fixed64(0),
            5 => Wire::Fixed32(0),
            _ => Wire::Bytes(&[]),
        }
    }
}

#[inline]
fn push_value(
    plan: &ValuePlan,
    wire: Wire<'_>,
    cells: &mut Cells,
    scratch: &mut Vec<Slot>,
) -> Result<(), String> {
    match (plan, wire) {
        (ValuePlan::Scalar(scalar), wire) => push_scalar(*scalar, wire, cells),
        (ValuePlan::Enum(values), Wire::Varint(number)) => {
            let Cells::String(cells) = cells else { unreachable!("planned for a STRING") };
            match values.iter().find(|(n, _)| *n == number as i32) {
                Some((_, name)) => cells.push(name.as_bytes()),
                None => cells.push(format!("UNKNOWN_ENUM_VALUE_{number}").as_bytes()),
            }
            Ok(())
        }
        (ValuePlan::Wrapper(scalar), Wire::Bytes(bytes)) => {
            let plan = ValuePlan::Scalar(*scalar);
            let mut found = plan.zero();
            let mut reader = Reader::new(bytes);
            while let Some((number, wire)) = reader.field().map_err(text)? {
                let is_match = matches!(
                    (plan.wire_type(), wire),
                    (0, Wire::Varint(_))
                        | (1, Wire::Fixed64(_))
                        | (2, Wire::Bytes(_))
                        | (5, Wire::Fixed32(_))
                );
                if number == 1 && is_match {
                    found = wire;
                }
            }
            push_scalar(*scalar, found, cells)
        }
        (ValuePlan::Struct(plan), Wire::Bytes(bytes)) => {
            let Cells::Struct(cells) = cells else { unreachable!("planned for a STRUCT") };
            read_message(plan, bytes, &mut cells.fields, None, scratch)?;
            cells.close();
            Ok(())
        }
        (ValuePlan::Decimal, Wire::Bytes(bytes)) => {
            push_well_known(WellKnown::Decimal, bytes, cells)
        }
        (ValuePlan::Date, Wire::Bytes(bytes)) => push_well_known(WellKnown::Date, bytes, cells),
        (ValuePlan::Time, Wire::Bytes(bytes)) => push_well_known(WellKnown::Time, bytes, cells),
        (ValuePlan::Timestamp, Wire::Bytes(bytes)) => {
            push_well_known(WellKnown::Timestamp, bytes, cells)
        }
        _ => unreachable!("the wire type was looked at before"),
    }
}

#[inline]
fn push_scalar(scalar: Scalar, wire: Wire<'_>, cells: &mut Cells) -> Result<(), String> {
    match (cells, wire) {
        (Cells::String(cells), Wire::Bytes(bytes)) => {
            if !bytes.is_ascii() && std::str::from_utf8(bytes).is_err() {
                return Err("Protocol message had invalid UTF-8.".to_string());
            }
            cells.push(bytes);
        }
        (Cells::Bytes(cells), Wire::Bytes(bytes)) => cells.push(bytes),
        (Cells::Integer(cells), wire) => cells.push(integer(scalar, wire) as i32),
        (Cells::Bigint(cells), wire) => cells.push(integer(scalar, wire)),
        (Cells::Boolean(cells), Wire::Varint(v)) => cells.push(v != 0),
        (Cells::Double(cells), wire) => cells.push(double(wire)),
        (Cells::String(cells), wire) => {
            let out = cells.open();
            match scalar {
                Scalar::Bool => {
                    let truth = integer(scalar, wire) != 0;
                    out.extend_from_slice(if truth { b"true" } else { b"false" });
                }
                Scalar::Double | Scalar::Float => write_f64(double(wire), out),
                _ => write_i64(integer(scalar, wire), out),
            }
            cells.close();
        }
        _ => unreachable!("planned for this column"),
    }
    Ok(())
}

fn double(wire: Wire<'_>) -> f64 {
    match wire {
        Wire::Fixed64(bits) => f64::from_bits(bits),
        Wire::Fixed32(bits) => f64::from(f32::from_bits(bits)),
        _ => 0.0,
    }
}

#[inline]
fn integer(scalar: Scalar, wire: Wire<'_>) -> i64 {
    match (scalar, wire) {
        (Scalar::Int32, Wire::Varint(v)) => i64::from(v as i32),
        (Scalar::Uint32, Wire::Varint(v)) => i64::from(v as u32),
        (Scalar::Sint32, Wire::Varint(v)) => unzigzag(u64::from(v as u32)),
        (Scalar::Sint64, Wire::Varint(v)) => unzigzag(v),
        (_, Wire::Varint(v)) => v as i64,
        (Scalar::Sfixed32, Wire::Fixed32(v)) => i64::from(v as i32),
        (_, Wire::Fixed32(v)) => i64::from(v),
        (_, Wire::Fixed64(v)) => v as i64,
        (_, Wire::Bytes(_)) => 0,
    }
}

/// The messages that stand for a SQL type of their own.
#[derive(Clone, Copy)]
pub(crate) enum WellKnown {
    Decimal,
    Date,
    Time,
    Timestamp,
}

/// Reads such a message into its column.
pub(crate) fn push_well_known(
    which: WellKnown,
    message: &[u8],
    cells: &mut Cells,
) -> Result<(), String> {
    let mut numbers = [0i64; 5];
    let mut unscaled: &[u8] = &[];
    let mut reader = Reader::new(message);
    while let Some((number, wire)) = reader.field().map_err(text)? {
        match wire {
            Wire::Varint(v) if (1..=4).contains(&number) => numbers[number as usize] = v as i64,
            Wire::Bytes(bytes) if number == 1 => unscaled = bytes,
            _ => {}
        }
    }
    let [_, first, second, third, fourth] = numbers;
    match (which, cells) {
        (WellKnown::Decimal, Cells::Decimal(cells)) => {
            let value = decimal_of(unscaled, third)?;
            let fitted = value.with_scale(cells.scale, Rounding::Unnecessary);
            let fitted = fitted.filter(|d| d.fits(cells.precision)).ok_or_else(|| {
                format!("{value} does not fit DECIMAL({}, {})", cells.precision, cells.scale)
            })?;
            cells.push(fitted);
        }
        (WellKnown::Date, Cells::Date(cells)) => {
            // Numbers of 32 bits: nothing here can overflow.
            let [year, month, day] = [first, second, third].map(|n| i64::from(n as i32));
            let days = days::from_ymd(year, month, day);
            cells.push(i32::try_from(days).map_err(|_| "the date is out of range".to_string())?);
        }
        (WellKnown::Time, Cells::Time(cells)) => {
            let [hours, minutes, seconds, nanos] =
                [first, second, third, fourth].map(|n| i64::from(n as i32));
            let ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + nanos / 1_000_000;
            cells.push(i32::try_from(ms).map_err(|_| "the time is out of range".to_string())?);
        }
        (WellKnown::Timestamp, Cells::Timestamp(cells)) => {
            let nanos = i64::from(second as i32);
            let ms = first.wrapping_mul(1000).wrapping_add(nanos.div_euclid(1_000_000));
            cells.push(ms);
        }
        _ => unreachable!("planned for this column"),
    }
    Ok(())
}

/// A decimal of big-endian two's complement bytes and a scale.
pub(crate) fn decimal_of(bytes: &[u8], scale: i64) -> Result<Decimal, String> {
    let out_of_range = || "the decimal is out of range".to_string();
    let value = integer_of(bytes).ok_or_else(out_of_range)?;
    let scale = i32::try_from(scale).map_err(|_| out_of_range())?;
    if scale < 0 {
        let factor = Decimal::pow10(scale.unsigned_abs()).ok_or_else(out_of_range)?;
        let unscaled = value.checked_mul(factor).ok_or_else(out_of_range)?;
        return Ok(Decimal { unscaled, scale: 0 });
    }
    Ok(Decimal { unscaled: value, scale: u8::try_from(scale).map_err(|_| out_of_range())? })
}

/// A big-endian two's complement integer; `None` beyond 256 bits.
pub(crate) fn integer_of(bytes: &[u8]) -> Option<arrow_buffer::i256> {
    let fill = if bytes.first().is_some_and(|b| *b >= 0x80) { 0xff } else { 0 };
    let mut padded = [fill; 32];
    let spare = bytes.len().saturating_sub(32);
    if bytes[..spare].iter().any(|b| *b != fill) {
        return None;
    }
    let kept = &bytes[spare..];
    if spare > 0 && (kept[0] >= 0x80) != (fill == 0xff) {
        return None;
    }
    padded[32 - kept.len()..].copy_from_slice(kept);
    Some(arrow_buffer::i256::from_be_bytes(padded))
}
