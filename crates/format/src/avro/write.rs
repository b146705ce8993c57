//! Columns into Avro's binary encoding, by a plan made of the registered schema and the columns.

use model::{Field, SqlType};
use serde_json::Value as Json;

use super::read::entry;
use super::schema::{Avro, Logical, NamedKind, Schema};
use crate::protobuf::minimal;
use crate::view::View;

/// How a cell is written as a value of the schema.
pub(crate) enum Plan {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    /// A decimal in as many bytes as it needs, or in a fixed number of them.
    Decimal(Option<usize>),
    Fixed(usize),
    Enum(Vec<String>),
    Array(Box<Plan>),
    Map(Box<Plan>),
    Entries(RecordPlan),
    Record(RecordPlan),
    /// Null or a value, by the positions of the two.
    Nullable {
        null: u8,
        value: u8,
        plan: Box<Plan>,
    },
}

/// The fields of a record in the order of the schema.
pub(crate) struct RecordPlan {
    fields: Vec<FieldPlan>,
}

enum FieldPlan {
    Column(usize, Plan),
    /// The same; where the column is null, these bytes, the default's of a field that may not be.
    ColumnOrDefault(usize, Plan, Vec<u8>),
    /// No column fills it: always these bytes, its default's.
    Default(Vec<u8>),
}

impl Plan {
    /// A plan to write rows of these columns.
    pub(crate) fn of_row(schema: &Schema, columns: &[Field]) -> Result<RecordPlan, String> {
        match &schema.root {
            Avro::Named(at) => record(schema, *at, columns),
            other => Err(format!("the schema is no record, but {}", other.primitive_name())),
        }
    }

    /// A plan to write a single cell.
    pub(crate) fn of_cell(schema: &Schema, ty: &SqlType) -> Result<Plan, String> {
        plan(schema, &schema.root, ty)
    }
}

fn record(schema: &Schema, at: usize, columns: &[Field]) -> Result<RecordPlan, String> {
    let NamedKind::Record { fields, .. } = &schema.named(at).kind else {
        return Err(format!("{} is no record", schema.named(at).full_name));
    };
    let column_of = |name: &str| {
        let exact = columns.iter().position(|c| c.name == name);
        exact.or_else(|| columns.iter().position(|c| c.name.to_uppercase() == name.to_uppercase()))
    };
    let mut used = vec![false; columns.len()];
    let mut plans = Vec::new();
    for field in fields {
        match (column_of(&field.name).filter(|c| !used[*c]), &field.ty) {
            (Some(column), ty) => {
                used[column] = true;
                let plan = plan(schema, ty, &columns[column].ty)?;
                let takes_null = matches!(plan, Plan::Nullable { null, .. } if null != u8::MAX);
                plans.push(match &field.default {
                    Some(default) if !takes_null => {
                        let mut bytes = Vec::new();
                        write_default(schema, ty, default, &mut bytes, 0)?;
                        FieldPlan::ColumnOrDefault(column, plan, bytes)
                    }
                    _ => FieldPlan::Column(column, plan),
                });
            }
            (None, ty) => {
                let mut bytes = Vec::new();
                match (&field.default, ty) {
                    (Some(default), _) => write_default(schema, ty, default, &mut bytes, 0)?,
                    (None, Avro::Union(branches)) if null_branch(branches).is_some() => {
                        let null = null_branch(branches).unwrap_or_default();
                        write_long(i64::from(null), &mut bytes);
                    }
                    _ => return Err(format!("the schema's field {} has no column", field.name)),
                }
                plans.push(FieldPlan::Default(bytes));
            }
        }
    }
    match used.iter().position(|used| !used) {
        Some(column) => Err(format!("the schema has no field {}", columns[column].name)),
        None => Ok(RecordPlan { fields: plans }),
    }
}

fn null_branch(branches: &[Avro]) -> Option<u8> {
    branches.iter().position(|b| matches!(b, Avro::Null)).map(|at| at as u8)
}

fn plan(schema: &Schema, ty: &Avro, column: &SqlType) -> Result<Plan, String> {
    let wrong =
        || Err(format!("a column of type {column} cannot be written as {}", ty.primitive_name()));
    Ok(match (ty, column) {
        (Avro::Union(branches), _) => {
            let plans = branches.iter().enumerate().filter(|(_, b)| !matches!(b, Avro::Null));
            let fitting =
                plans.filter_map(|(i, b)| Some((i, plan(schema, b, column).ok()?))).next();
            let Some((value, inner)) = fitting else { return wrong() };
            // Without a null branch a null cell cannot be written; `u8::MAX` says so.
            let null = null_branch(branches).unwrap_or(u8::MAX);
            Plan::Nullable { null, value: value as u8, plan: Box::new(inner) }
        }
        (Avro::Boolean, SqlType::Boolean) => Plan::Boolean,
        (Avro::Int(_), SqlType::Integer | SqlType::Date | SqlType::Time) => Plan::Int,
        (Avro::Long(_), SqlType::Bigint | SqlType::Integer | SqlType::Timestamp) => Plan::Long,
        (Avro::Float, SqlType::Double) => Plan::Float,
        (Avro::Double, SqlType::Double) => Plan::Double,
        (
            Avro::Bytes(Logical::Decimal { scale, .. }),
            SqlType::Decimal { scale: column_scale, .. },
        ) if scale == column_scale => Plan::Decimal(None),
        (Avro::Bytes(_), SqlType::Bytes) => Plan::Bytes,
        (Avro::String, SqlType::String) => Plan::Text,
        (Avro::Array(items), SqlType::Map(key, value)) => {
            let Some(at) = entry(schema, items) else { return wrong() };
            let columns = [Field::new("key", *key.clone()), Field::new("value", *value.clone())];
            Plan::Entries(record(schema, at, &columns)?)
        }
        (Avro::Array(items), SqlType::Array(element)) => {
            Plan::Array(Box::new(plan(schema, items, element)?))
        }
        (Avro::Map(values), SqlType::Map(key, value)) if **key == SqlType::String => {
            Plan::Map(Box::new(plan(schema, values, value)?))
        }
        (Avro::Named(at), _) => match (&schema.named(*at).kind, column) {
            (NamedKind::Record { .. }, SqlType::Struct(fields)) => {
                Plan::Record(record(schema, *at, fields)?)
            }
            (NamedKind::Enum { symbols, .. }, SqlType::String) => Plan::Enum(symbols.to_vec()),
            (
                NamedKind::Fixed { size, logical: Logical::Decimal { scale, .. } },
                SqlType::Decimal { scale: column_scale, .. },
            ) if scale == column_scale => Plan::Decimal(Some(*size)),
            (NamedKind::Fixed { size, .. }, SqlType::Bytes) => Plan::Fixed(*size),
            _ => return wrong(),
        },
        _ => return wrong(),
    })
}

/// Appends a number in zigzag.
#[inline]
pub(crate) fn write_long(value: i64, out: &mut Vec<u8>) {
    let mut rest = (value << 1 ^ value >> 63) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Appends bytes with their length before them.
pub(crate) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

/// How deep a default may nest.
const DEFAULT_DEPTH_MAX: usize = 32;

/// Appends a default as the schema's text has it: that of a union is of its first branch.
fn write_default(
    schema: &Schema,
    ty: &Avro,
    default: &Json,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), String> {
    let wrong = || format!("{default} is no default for {}", ty.primitive_name());
    if depth > DEFAULT_DEPTH_MAX {
        return Err(wrong());
    }
    // Bytes are written as characters up to U+00FF.
    let bytes = || {
        let text = default.as_str().ok_or_else(wrong)?;
        let byte = |c: char| u8::try_from(u32::from(c)).map_err(|_| wrong());
        text.chars().map(byte).collect::<Result<Vec<_>, _>>()
    };
    let number = || default.as_f64().ok_or_else(wrong);
    match ty {
        Avro::Null => {}
        Avro::Boolean => out.push(u8::from(default.as_bool().ok_or_else(wrong)?)),
        Avro::Int(_) | Avro::Long(_) => write_long(default.as_i64().ok_or_else(wrong)?, out),
        Avro::Float => out.extend_from_slice(&(number()? as f32).to_le_bytes()),
        Avro::Double => out.extend_from_slice(&number()?.to_le_bytes()),
        Avro::Bytes(_) => write_bytes(&bytes()?, out),
        Avro::String => write_bytes(default.as_str().ok_or_else(wrong)?.as_bytes(), out),
        Avro::Array(items) => {
            let list = default.as_array().ok_or_else(wrong)?;
            if !list.is_empty() {
                write_long(list.len() as i64, out);
            }
            for item in list {
                write_default(schema, items, item, out, depth + 1)?;
            }
            out.push(0);
        }
        Avro::Map(values) => {
            let members = default.as_object().ok_or_else(wrong)?;
            if !members.is_empty() {
                write_long(members.len() as i64, out);
            }
            for (name, value) in members {
                write_bytes(name.as_bytes(), out);
                write_default(schema, values, value, out, depth + 1)?;
            }
            out.push(0);
        }
        Avro::Union(branches) => {
            let first = branches.first().ok_or_else(wrong)?;
            write_long(0, out);
            write_default(schema, first, default, out, depth + 1)?;
        }
        Avro::Named(at) => match &schema.named(*at).kind {
            NamedKind::Record { fields, .. } => {
                for field in fields {
                    let value = default.get(&field.name).or(field.default.as_ref());
                    let value = value.ok_or_else(wrong)?;
                    write_default(schema, &field.ty, value, out, depth + 1)?;
                }
            }
            NamedKind::Enum { symbols, .. } => {
                let symbol = default.as_str().ok_or_else(wrong)?;
                let index = symbols.iter().position(|s| s == symbol).ok_or_else(wrong)?;
                write_long(index as i64, out);
            }
            NamedKind::Fixed { size, .. } => {
                let bytes = bytes()?;
                if bytes.len() != *size {
                    return Err(wrong());
                }
                out.extend_from_slice(&bytes);
            }
        },
    }
    Ok(())
}

/// Appends a row as a record.
pub(crate) fn write_record(
    plan: &RecordPlan,
    views: &[View<'_>],
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    for field in &plan.fields {
        match field {
            FieldPlan::Column(column, plan) => write_value(plan, &views[*column], row, out)?,
            FieldPlan::ColumnOrDefault(column, _, bytes) if views[*column].is_null(row) => {
                out.extend_from_slice(bytes);
            }
            FieldPlan::ColumnOrDefault(column, plan, _) => {
                write_value(plan, &views[*column], row, out)?;
            }
            FieldPlan::Default(bytes) => out.extend_from_slice(bytes),
        }
    }
    Ok(())
}

/// Appends a cell as a whole payload: bytes without their length.
pub(crate) fn write_payload(
    plan: &Plan,
    view: &View<'_>,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    match (plan, view) {
        (Plan::Bytes, View::Bytes(a)) => out.extend_from_slice(a.value(row)),
        (Plan::Decimal(None), View::Decimal(a)) => {
            let value = a.value(row).unscaled;
            out.extend_from_slice(minimal(value, &value.to_be_bytes()));
        }
        _ => return write_value(plan, view, row, out),
    }
    Ok(())
}

/// Appends a cell as a value.
pub(crate) fn write_value(
    plan: &Plan,
    view: &View<'_>,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    if let Plan::Nullable { null, value, plan } = plan {
        if !view.is_null(row) {
            write_long(i64::from(*value), out);
            return write_value(plan, view, row, out);
        }
        if *null != u8::MAX {
            write_long(i64::from(*null), out);
            return Ok(());
        }
    }
    if view.is_null(row) {
        return Err("Invalid value: null used for required field".to_string());
    }
    match (plan, view) {
        (Plan::Boolean, View::Boolean(a)) => out.push(u8::from(a.value(row))),
        (Plan::Int | Plan::Long, View::Integer(a)) => write_long(i64::from(a.value(row)), out),
        (Plan::Int, View::Date(a)) => write_long(i64::from(a.value(row)), out),
        (Plan::Int, View::Time(a)) => write_long(i64::from(a.value(row)), out),
        (Plan::Long, View::Bigint(a)) => write_long(a.value(row), out),
        (Plan::Long, View::Timestamp(a)) => write_long(a.value(row), out),
        (Plan::Float, View::Double(a)) => {
            out.extend_from_slice(&(a.value(row) as f32).to_le_bytes());
        }
        (Plan::Double, View::Double(a)) => out.extend_from_slice(&a.value(row).to_le_bytes()),
        (Plan::Bytes, View::Bytes(a)) => write_bytes(a.value(row), out),
        (Plan::Text, View::String(a)) => write_bytes(a.value(row).as_bytes(), out),
        (Plan::Decimal(size), View::Decimal(a)) => {
            let value = a.value(row).unscaled;
            let all = value.to_be_bytes();
            let bytes = minimal(value, &all);
            match size {
                None => write_bytes(bytes, out),
                Some(size) if bytes.len() <= *size => {
                    let fill = if bytes[0] >= 0x80 { 0xff } else { 0 };
                    out.resize(out.len() + size - bytes.len(), fill);
                    out.extend_from_slice(bytes);
                }
                Some(size) => return Err(format!("the decimal needs more than {size} bytes")),
            }
        }
        (Plan::Fixed(size), View::Bytes(a)) => {
            let bytes = a.value(row);
            if bytes.len() != *size {
                return Err(format!("a fixed of {size} bytes got {}", bytes.len()));
            }
            out.extend_from_slice(bytes);
        }
        (Plan::Enum(symbols), View::String(a)) => {
            let symbol = a.value(row);
            let index = symbols.iter().position(|s| s == symbol);
            let index = index.ok_or_else(|| format!("the enum has no symbol '{symbol}'"))?;
            write_long(index as i64, out);
        }
        (Plan::Array(items), View::Array(rows, view)) => {
            write_items(rows.range(row), out, |item, out| write_value(items, view, item, out))?;
        }
        (Plan::Entries(entry), View::Map(rows, views)) => {
            write_items(rows.range(row), out, |item, out| write_record(entry, views, item, out))?;
        }
        (Plan::Map(values), View::Map(rows, views)) => {
            let [View::String(keys), view] = &views[..] else {
                unreachable!("planned for texts as keys");
            };
            write_items(rows.range(row), out, |item, out| {
                write_bytes(keys.value(item).as_bytes(), out);
                write_value(values, view, item, out)
            })?;
        }
        (Plan::Record(record), View::Struct(_, fields)) => {
            write_record(record, fields, row, out)?;
        }
        _ => unreachable!("planned for this column"),
    }
    Ok(())
}

/// Appends items as one block.
fn write_items(
    range: std::ops::Range<usize>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(usize, &mut Vec<u8>) -> Result<(), String>,
) -> Result<(), String> {
    if !range.is_empty() {
        write_long(range.len() as i64, out);
        range.into_iter().try_for_each(|item| write(item, out))?;
    }
    out.push(0);
    Ok(())
}
