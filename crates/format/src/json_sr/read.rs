//! JSON by a registered schema into columns, as Connect reads it: names count in their case, a
//! value of another type is its zero rather than an error, and what is missing is null.

use model::decimal::Rounding;
use model::{Field, SqlType};

use super::schema::{JsonType, Schema};
use crate::cells::Cells;
use crate::json::read::{distinct_members, integer, read_base64};
use crate::json::scan::{elements, members, unescape};
use crate::protobuf::connect_name;
use crate::text::{parse_decimal, parse_f64, write_f64, write_i64};

/// How a value is read into a cell.
pub(crate) struct Plan {
    kind: Kind,
    is_nullable: bool,
}

enum Kind {
    Boolean,
    Int32,
    Int64,
    Float64,
    Decimal,
    String,
    Bytes,
    Array(Box<Plan>),
    ObjectMap(Box<Plan>),
    EntryMap(Box<StructPlan>),
    Struct(StructPlan),
}

/// How an object's members fill columns.
pub(crate) struct StructPlan {
    /// For each column the member's name and how it is read; `None`: always null.
    columns: Vec<Option<(String, Plan)>>,
}

impl StructPlan {
    /// A plan to read the schema as a row of these columns.
    pub(crate) fn of_row(schema: &Schema, columns: &[Field]) -> Result<Self, String> {
        match &schema.ty {
            JsonType::Struct(fields) => struct_plan(fields, columns, ""),
            other => Err(mismatch(other, "struct", "")),
        }
    }
}

fn mismatch(from: &JsonType, to: &str, path: &str) -> String {
    format!("Cannot deserialize type {} as type {to} for path: {path}", from.base_name())
}

fn struct_plan(
    fields: &[(String, Schema)],
    columns: &[Field],
    path: &str,
) -> Result<StructPlan, String> {
    let column = |target: &Field| {
        let exact = fields.iter().find(|(name, _)| *name == target.name);
        let any_case =
            || fields.iter().find(|(name, _)| name.to_uppercase() == target.name.to_uppercase());
        let Some((name, schema)) = exact.or_else(any_case) else { return Ok(None) };
        let path = format!("{path}->{}", target.name);
        Ok(Some((name.clone(), Plan::new(schema, &target.ty, &path)?)))
    };
    Ok(StructPlan { columns: columns.iter().map(column).collect::<Result<_, String>>()? })
}

impl Plan {
    /// A plan to read values of the schema as cells of this type.
    pub(crate) fn new(schema: &Schema, target: &SqlType, path: &str) -> Result<Self, String> {
        let kind = match (&schema.ty, target) {
            (JsonType::Boolean, SqlType::Boolean | SqlType::String) => Kind::Boolean,
            (
                JsonType::Int32(_),
                SqlType::Integer
                | SqlType::Bigint
                | SqlType::Date
                | SqlType::Time
                | SqlType::String,
            ) => Kind::Int32,
            (JsonType::Int64(_), SqlType::Bigint | SqlType::Timestamp | SqlType::String) => {
                Kind::Int64
            }
            (JsonType::Float64, SqlType::Double | SqlType::String) => Kind::Float64,
            (JsonType::Decimal { .. }, SqlType::Decimal { .. }) => Kind::Decimal,
            (JsonType::String, SqlType::String) => Kind::String,
            (JsonType::Bytes, SqlType::Bytes) => Kind::Bytes,
            (JsonType::Array(items), SqlType::Array(element)) => {
                Kind::Array(Box::new(Plan::new(items, element, path)?))
            }
            (JsonType::ObjectMap(values), SqlType::Map(key, value)) if **key == SqlType::String => {
                Kind::ObjectMap(Box::new(Plan::new(values, value, path)?))
            }
            (JsonType::EntryMap(key, value), SqlType::Map(key_type, value_type)) => {
                let key = Plan::new(key, key_type, path)?;
                let value = Plan::new(value, value_type, path)?;
                let columns =
                    vec![Some(("key".to_string(), key)), Some(("value".to_string(), value))];
                Kind::EntryMap(Box::new(StructPlan { columns }))
            }
            (JsonType::Struct(inner), SqlType::Struct(fields)) => {
                Kind::Struct(struct_plan(inner, fields, path)?)
            }
            (other, _) => return Err(mismatch(other, connect_name(target), path)),
        };
        Ok(Self { kind, is_nullable: schema.is_nullable })
    }
}

/// Reads an object into one cell of each (wanted) column.
pub(crate) fn read_row(
    plan: &StructPlan,
    text: &[u8],
    cells: &mut [Cells],
    wanted: Option<&[bool]>,
) -> Result<(), String> {
    if text.first() != Some(&b'{') {
        return Err("Structs should be encoded as JSON objects".to_string());
    }
    let mut found: Vec<Option<&[u8]>> = vec![None; plan.columns.len()];
    let mut unescaped = Vec::new();
    for (name, has_escapes, value) in members(text) {
        let name = match has_escapes {
            true => {
                unescaped.clear();
                unescape(name, &mut unescaped);
                &unescaped[..]
            }
            false => name,
        };
        // Several columns may be read from one member: they only differ in case.
        for (column, found) in plan.columns.iter().zip(&mut found) {
            if column.as_ref().is_some_and(|(n, _)| n.as_bytes() == name) {
                *found = Some(value);
            }
        }
    }
    for (i, cells) in cells.iter_mut().enumerate() {
        if wanted.is_some_and(|w| !w[i]) {
            continue;
        }
        match (&plan.columns[i], found[i]) {
            (Some((_, plan)), Some(value)) => read_value(plan, value, cells)?,
            _ => cells.push_null(),
        }
    }
    Ok(())
}

/// Reads a value into a cell.
pub(crate) fn read_value(plan: &Plan, text: &[u8], cells: &mut Cells) -> Result<(), String> {
    let first = text.first().copied().unwrap_or(b'n');
    if first == b'n' {
        return match plan.is_nullable {
            true => {
                cells.push_null();
                Ok(())
            }
            false => Err("Invalid null value for required field".to_string()),
        };
    }
    let is_number = matches!(first, b'-' | b'0'..=b'9');
    let whole = || if is_number { integer(text) } else { 0 };
    let double = || if is_number { parse_f64(text).unwrap_or_default() } else { 0.0 };
    match (&plan.kind, cells) {
        (Kind::Boolean, Cells::Boolean(cells)) => cells.push(first == b't'),
        (Kind::Boolean, Cells::String(cells)) => {
            cells.push(if first == b't' { b"true" } else { b"false" });
        }
        (Kind::Int32, Cells::Integer(cells) | Cells::Date(cells) | Cells::Time(cells)) => {
            cells.push(whole() as i32);
        }
        (Kind::Int32, Cells::Bigint(cells)) => cells.push(i64::from(whole() as i32)),
        (Kind::Int64, Cells::Bigint(cells) | Cells::Timestamp(cells)) => cells.push(whole()),
        (Kind::Int32 | Kind::Int64, Cells::String(cells)) => {
            write_i64(whole(), cells.open());
            cells.close();
        }
        (Kind::Float64, Cells::Double(cells)) => cells.push(double()),
        (Kind::Float64, Cells::String(cells)) => {
            write_f64(double(), cells.open());
            cells.close();
        }
        (Kind::Decimal, Cells::Decimal(cells)) => {
            let number = if is_number { text } else { b"0" };
            let value = std::str::from_utf8(number).ok().and_then(parse_decimal);
            let fitted = value.and_then(|v| v.with_scale(cells.scale, Rounding::Unnecessary));
            let fitted = fitted.filter(|d| d.fits(cells.precision)).ok_or_else(|| {
                format!("the number does not fit DECIMAL({}, {})", cells.precision, cells.scale)
            })?;
            cells.push(fitted);
        }
        (Kind::String, cells) if first != b'"' => cells.push_null(),
        (Kind::String, Cells::String(cells)) => {
            unescape(&text[1..text.len() - 1], cells.open());
            cells.close();
        }
        (Kind::Bytes, Cells::Bytes(cells)) => {
            if first != b'"' {
                return Err("Invalid bytes field".to_string());
            }
            read_base64(&text[1..text.len() - 1], cells.open())?;
            cells.close();
        }
        (Kind::Array(items), Cells::Array(list)) => {
            if first != b'[' {
                return Err("Invalid type for ARRAY".to_string());
            }
            elements(text).try_for_each(|item| read_value(items, item, &mut list.items))?;
            list.close();
        }
        (Kind::ObjectMap(values), Cells::Map(map)) => {
            if first != b'{' {
                return Err("Maps with string fields should be encoded as JSON objects".into());
            }
            for (name, _, value) in distinct_members(text) {
                let [Cells::String(keys), cells] = &mut map.entries[..] else {
                    unreachable!("planned for texts as keys");
                };
                unescape(name, keys.open());
                keys.close();
                read_value(values, value, cells)?;
            }
            map.close();
        }
        (Kind::EntryMap(entry), Cells::Map(map)) => {
            if first != b'[' {
                return Err("Maps should be encoded as arrays of entries".to_string());
            }
            for item in elements(text) {
                read_row(entry, item, &mut map.entries, None)?;
                if map.entries[0].is_last_null() {
                    return Err("a map has an entry without a key".to_string());
                }
            }
            map.close();
        }
        (Kind::Struct(plan), Cells::Struct(cells)) => {
            read_row(plan, text, &mut cells.fields, None)?;
            cells.close();
        }
        _ => unreachable!("planned for this column"),
    }
    Ok(())
}
