//! Columns straight into messages, by a plan made once for a schema.

use std::sync::Arc;

use arrow_array::StringArray;
use arrow_buffer::{NullBuffer, i256};
use model::decimal::Decimal;
use model::{Field, SqlType};
use prost_reflect::MessageDescriptor;

use super::kind::{FieldKind, Scalar, Shape, in_oneof, shape};
use super::read::WellKnown;
use super::wire::{write_delimited, write_varint, zigzag};
use crate::days;
use crate::view::View;

/// How columns are written as a message's fields, in the order of the fields' numbers.
pub(crate) struct MessagePlan {
    fields: Vec<FieldPlan>,
}

struct FieldPlan {
    column: usize,
    number: u32,
    value: ValuePlan,
    shape: FieldShape,
}

/// A message's fields, each with the cells it is written from: found once a batch, so that the
/// commonest kinds of cells are written after one look at what they are.
pub(crate) struct MessageCells<'a>(Vec<FieldCells<'a>>);

struct FieldCells<'a> {
    plan: &'a FieldPlan,
    /// Is the type's zero left out?
    is_implicit: bool,
    tag: Tag,
    nulls: Option<&'a NullBuffer>,
    cells: KnownCells<'a>,
}

/// A field's number and wire type, as they are written.
struct Tag {
    bytes: [u8; 5],
    length: usize,
}

enum KnownCells<'a> {
    Varints32(&'a [i32]),
    Varints64(&'a [i64]),
    Doubles(&'a [f64]),
    Texts(&'a StringArray),
    Struct(MessageCells<'a>),
    /// All others.
    Any(&'a View<'a>),
}

enum FieldShape {
    /// Not written when it is the type's zero.
    Implicit,
    /// Written unless it is null.
    Explicit,
    Array,
    Map(MessagePlan),
}

enum ValuePlan {
    Scalar(Scalar),
    Wrapper(Scalar),
    WellKnown(WellKnown),
    /// Numbers by name.
    Enum(Arc<[(i32, String)]>),
    Struct(MessagePlan),
    Entries,
}

impl MessagePlan {
    /// A plan to write these columns as this message; names are looked for in any case.
    pub(crate) fn new(message: &MessageDescriptor, columns: &[Field]) -> Result<Self, String> {
        let mut fields = Vec::new();
        for (column, target) in columns.iter().enumerate() {
            let all = || message.fields().filter(|f| !in_oneof(f));
            let field = all()
                .find(|f| f.name() == target.name)
                .or_else(|| all().find(|f| f.name().eq_ignore_ascii_case(&target.name)))
                .ok_or_else(|| {
                    format!("the schema's message {} has no field {}", message.name(), target.name)
                })?;
            let kind = FieldKind::of(&field);
            let number = field.number();
            let (value, shape) = match (shape(&field), &target.ty) {
                (Shape::Array, SqlType::Array(element)) => {
                    (value(&kind, element, &target.name)?, FieldShape::Array)
                }
                (Shape::Map(..), SqlType::Map(key, value)) => {
                    let FieldKind::Message(entry) = &kind else {
                        return Err(format!("{} is not a map", field.name()));
                    };
                    let columns =
                        [Field::new("key", *key.clone()), Field::new("value", *value.clone())];
                    let plan = MessagePlan::new(entry, &columns)?;
                    (ValuePlan::Entries, FieldShape::Map(plan))
                }
                (Shape::Single, ty) => {
                    let value = value(&kind, ty, &target.name)?;
                    let is_implicit = matches!(value, ValuePlan::Scalar(_))
                        && !field.field_descriptor_proto().proto3_optional();
                    let shape =
                        if is_implicit { FieldShape::Implicit } else { FieldShape::Explicit };
                    (value, shape)
                }
                _ => return Err(mismatch(&kind, &target.ty, &target.name)),
            };
            fields.push(FieldPlan { column, number, value, shape });
        }
        fields.sort_by_key(|f| f.number);
        Ok(Self { fields })
    }
}

fn mismatch(kind: &FieldKind, ty: &SqlType, name: &str) -> String {
    format!("column {name} of type {ty} cannot be written as {}", kind.connect_name())
}

fn value(kind: &FieldKind, ty: &SqlType, name: &str) -> Result<ValuePlan, String> {
    let fits = |scalar: Scalar| match ty {
        SqlType::Boolean => scalar == Scalar::Bool,
        SqlType::Integer | SqlType::Bigint => !matches!(
            scalar,
            Scalar::Bool | Scalar::Double | Scalar::Float | Scalar::String | Scalar::Bytes
        ),
        SqlType::Double => matches!(scalar, Scalar::Double | Scalar::Float),
        SqlType::String => scalar == Scalar::String,
        SqlType::Bytes => scalar == Scalar::Bytes,
        _ => false,
    };
    Ok(match (kind, ty) {
        (FieldKind::Scalar(scalar), _) if fits(*scalar) => ValuePlan::Scalar(*scalar),
        (FieldKind::Wrapper(scalar), _) if fits(*scalar) => ValuePlan::Wrapper(*scalar),
        (FieldKind::Decimal { .. }, SqlType::Decimal { .. }) => {
            ValuePlan::WellKnown(WellKnown::Decimal)
        }
        (FieldKind::Enum(values), SqlType::String) => ValuePlan::Enum(values.clone()),
        (FieldKind::Date, SqlType::Date) => ValuePlan::WellKnown(WellKnown::Date),
        (FieldKind::Time, SqlType::Time) => ValuePlan::WellKnown(WellKnown::Time),
        (FieldKind::Timestamp, SqlType::Timestamp) => ValuePlan::WellKnown(WellKnown::Timestamp),
        (FieldKind::Message(message), SqlType::Struct(fields)) => {
            ValuePlan::Struct(MessagePlan::new(message, fields)?)
        }
        _ => return Err(mismatch(kind, ty, name)),
    })
}

impl<'a> MessageCells<'a> {
    /// The fields of a plan, with the columns they are written from.
    pub(crate) fn new(plan: &'a MessagePlan, views: &'a [View<'a>]) -> Self {
        let field = |plan: &'a FieldPlan| {
            let view = &views[plan.column];
            let is_single = matches!(plan.shape, FieldShape::Implicit | FieldShape::Explicit);
            let cells = match (&plan.value, view) {
                (ValuePlan::Scalar(scalar), _) if is_single => match (scalar, view) {
                    (Scalar::Int32 | Scalar::Int64, View::Integer(a)) => {
                        KnownCells::Varints32(a.values())
                    }
                    (Scalar::Int32 | Scalar::Int64, View::Bigint(a)) => {
                        KnownCells::Varints64(a.values())
                    }
                    (Scalar::Double, View::Double(a)) => KnownCells::Doubles(a.values()),
                    (Scalar::String, View::String(a)) => KnownCells::Texts(a),
                    _ => KnownCells::Any(view),
                },
                (ValuePlan::Struct(plan), View::Struct(_, fields)) if is_single => {
                    KnownCells::Struct(MessageCells::new(plan, fields))
                }
                _ => KnownCells::Any(view),
            };
            FieldCells {
                plan,
                is_implicit: matches!(plan.shape, FieldShape::Implicit),
                tag: Tag::new(plan.number, plan.value.wire_type()),
                nulls: view.nulls(),
                cells,
            }
        };
        Self(plan.fields.iter().map(field).collect())
    }

    /// Appends a row as a message.
    pub(crate) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        for field in &self.0 {
            if field.nulls.is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            match &field.cells {
                KnownCells::Varints32(values) => {
                    field.write_varint(i64::from(values[row]), out);
                }
                KnownCells::Varints64(values) => field.write_varint(values[row], out),
                KnownCells::Doubles(values) => {
                    let bits = values[row].to_bits();
                    // Minus zero is written.
                    if bits != 0 || !field.is_implicit {
                        field.tag.write(out);
                        out.extend_from_slice(&bits.to_le_bytes());
                    }
                }
                KnownCells::Texts(texts) => {
                    let text = texts.value(row).as_bytes();
                    if !text.is_empty() || !field.is_implicit {
                        field.tag.write(out);
                        write_varint(text.len() as u64, out);
                        out.extend_from_slice(text);
                    }
                }
                KnownCells::Struct(fields) => {
                    field.tag.write(out);
                    write_delimited(out, |out| fields.write(row, out))?;
                }
                KnownCells::Any(view) => write_any(field.plan, view, row, out)?,
            }
        }
        Ok(())
    }
}

impl FieldCells<'_> {
    #[inline]
    fn write_varint(&self, value: i64, out: &mut Vec<u8>) {
        if value != 0 || !self.is_implicit {
            self.tag.write(out);
            write_varint(value as u64, out);
        }
    }
}

impl Tag {
    fn new(number: u32, wire_type: u32) -> Self {
        let mut tag = Vec::with_capacity(5);
        write_tag(number, wire_type, &mut tag);
        let mut bytes = [0; 5];
        bytes[..tag.len()].copy_from_slice(&tag);
        Self { bytes, length: tag.len() }
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        match self.length {
            1 => out.push(self.bytes[0]),
            length => out.extend_from_slice(&self.bytes[..length]),
        }
    }
}

impl ValuePlan {
    fn wire_type(&self) -> u32 {
        match self {
            ValuePlan::Scalar(scalar) => scalar.wire_type(),
            ValuePlan::Enum(_) => 0,
            ValuePlan::Wrapper(_)
            | ValuePlan::WellKnown(_)
            | ValuePlan::Struct(_)
            | ValuePlan::Entries => 2,
        }
    }
}

/// Appends a row as a message, cells of whatever kind.
fn write_message(
    plan: &MessagePlan,
    views: &[View<'_>],
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    for field in &plan.fields {
        let view = &views[field.column];
        if !view.is_null(row) {
            write_any(field, view, row, out)?;
        }
    }
    Ok(())
}

/// Appends a cell that is not null as a field, or as none if it is the zero of a field without
/// presence.
fn write_any(
    field: &FieldPlan,
    view: &View<'_>,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    match (&field.shape, view) {
        (FieldShape::Implicit, _) if is_zero(view, row) => Ok(()),
        (FieldShape::Implicit | FieldShape::Explicit, _) => write_field(field, view, row, out),
        (FieldShape::Array, View::Array(rows, items)) => {
            write_array(field, items, rows.range(row), out)
        }
        (FieldShape::Map(entry), View::Map(rows, entries)) => {
            rows.range(row).try_for_each(|item| {
                write_tag(field.number, 2, out);
                write_delimited(out, |out| write_message(entry, entries, item, out))
            })
        }
        _ => unreachable!("planned for this column"),
    }
}

fn write_array(
    field: &FieldPlan,
    items: &View<'_>,
    range: std::ops::Range<usize>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    if range.clone().any(|item| items.is_null(item)) {
        return Err("an ARRAY with a null in it cannot be written as PROTOBUF".to_string());
    }
    match &field.value {
        ValuePlan::Scalar(scalar) if scalar.wire_type() != 2 => {
            if range.is_empty() {
                return Ok(());
            }
            write_tag(field.number, 2, out);
            write_delimited(out, |out| {
                range.for_each(|item| write_scalar(*scalar, items, item, out));
                Ok(())
            })
        }
        _ => range.into_iter().try_for_each(|item| write_field(field, items, item, out)),
    }
}

/// Appends one value with its tag.
fn write_field(
    field: &FieldPlan,
    view: &View<'_>,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    match &field.value {
        ValuePlan::Scalar(scalar) => {
            write_tag(field.number, scalar.wire_type(), out);
            write_scalar(*scalar, view, row, out);
            Ok(())
        }
        ValuePlan::Wrapper(scalar) => {
            write_tag(field.number, 2, out);
            write_delimited(out, |out| {
                if !is_zero(view, row) {
                    write_tag(1, scalar.wire_type(), out);
                    write_scalar(*scalar, view, row, out);
                }
                Ok(())
            })
        }
        ValuePlan::WellKnown(which) => {
            write_tag(field.number, 2, out);
            write_delimited(out, |out| {
                write_well_known(*which, view, row, out);
                Ok(())
            })
        }
        ValuePlan::Enum(values) => {
            let View::String(names) = view else { unreachable!("planned for a STRING") };
            let name = names.value(row);
            let number = values.iter().find(|(_, known)| known == name).map(|(number, _)| *number);
            let number = number.ok_or_else(|| format!("'{name}' is no value of the enum"))?;
            write_tag(field.number, 0, out);
            write_varint(i64::from(number) as u64, out);
            Ok(())
        }
        ValuePlan::Struct(plan) => {
            let View::Struct(_, fields) = view else { unreachable!("planned for a STRUCT") };
            write_tag(field.number, 2, out);
            write_delimited(out, |out| write_message(plan, fields, row, out))
        }
        ValuePlan::Entries => unreachable!("maps are written entry by entry"),
    }
}

#[inline]
fn write_tag(number: u32, wire_type: u32, out: &mut Vec<u8>) {
    write_varint(u64::from(number << 3 | wire_type), out);
}

fn is_zero(view: &View<'_>, row: usize) -> bool {
    match view {
        View::Boolean(a) => !a.value(row),
        View::Integer(a) => a.value(row) == 0,
        View::Bigint(a) => a.value(row) == 0,
        // Minus zero is written.
        View::Double(a) => a.value(row).to_bits() == 0,
        View::String(a) => a.value(row).is_empty(),
        View::Bytes(a) => a.value(row).is_empty(),
        _ => false,
    }
}

#[inline]
fn write_scalar(scalar: Scalar, view: &View<'_>, row: usize, out: &mut Vec<u8>) {
    let integer = match view {
        View::String(a) => {
            let text = a.value(row).as_bytes();
            write_varint(text.len() as u64, out);
            return out.extend_from_slice(text);
        }
        View::Bytes(a) => {
            let bytes = a.value(row);
            write_varint(bytes.len() as u64, out);
            return out.extend_from_slice(bytes);
        }
        View::Double(a) => {
            return match scalar {
                Scalar::Float => out.extend_from_slice(&(a.value(row) as f32).to_le_bytes()),
                _ => out.extend_from_slice(&a.value(row).to_le_bytes()),
            };
        }
        View::Boolean(a) => i64::from(a.value(row)),
        View::Integer(a) => i64::from(a.value(row)),
        View::Bigint(a) => a.value(row),
        _ => unreachable!("planned for a scalar"),
    };
    match scalar {
        Scalar::Sint32 | Scalar::Sint64 => write_varint(zigzag(integer), out),
        Scalar::Fixed32 | Scalar::Sfixed32 => {
            out.extend_from_slice(&(integer as i32).to_le_bytes());
        }
        Scalar::Fixed64 | Scalar::Sfixed64 => out.extend_from_slice(&integer.to_le_bytes()),
        _ => write_varint(integer as u64, out),
    }
}

/// Appends the content of a message that stands for a SQL type of its own.
pub(crate) fn write_well_known(which: WellKnown, view: &View<'_>, row: usize, out: &mut Vec<u8>) {
    let number = |field: u32, value: i64, out: &mut Vec<u8>| {
        if value != 0 {
            write_tag(field, 0, out);
            write_varint(value as u64, out);
        }
    };
    match (which, view) {
        (WellKnown::Decimal, View::Decimal(a)) => {
            let value: Decimal = a.value(row);
            let bytes = value.unscaled.to_be_bytes();
            let bytes = minimal(value.unscaled, &bytes);
            write_tag(1, 2, out);
            write_varint(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
            number(2, i64::from(value.precision()), out);
            number(3, i64::from(value.scale), out);
        }
        (WellKnown::Date, View::Date(a)) => {
            let (year, month, day) = days::to_ymd(i64::from(a.value(row)));
            number(1, year, out);
            number(2, i64::from(month), out);
            number(3, i64::from(day), out);
        }
        (WellKnown::Time, View::Time(a)) => {
            let ms = i64::from(a.value(row));
            number(1, ms / 3_600_000, out);
            number(2, ms / 60_000 % 60, out);
            number(3, ms / 1000 % 60, out);
            number(4, ms % 1000 * 1_000_000, out);
        }
        (WellKnown::Timestamp, View::Timestamp(a)) => {
            let ms = a.value(row);
            number(1, ms.div_euclid(1000), out);
            number(2, ms.rem_euclid(1000) * 1_000_000, out);
        }
        _ => unreachable!("planned for this column"),
    }
}

/// The shortest two's complement form of a number, as `BigInteger.toByteArray` has it.
pub(crate) fn minimal(value: i256, bytes: &[u8; 32]) -> &[u8] {
    let fill: u8 = if value < i256::ZERO { 0xff } else { 0 };
    let mut start = 0;
    while start < 31 && bytes[start] == fill && (bytes[start + 1] ^ fill) < 0x80 {
        start += 1;
    }
    &bytes[start..]
}
