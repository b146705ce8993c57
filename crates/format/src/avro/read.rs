//! Avro's binary encoding into columns, by a plan made of the writer's schema and the columns
//! wanted of it: fields are found by name in any case, types must be the same but for a few.

use std::sync::Arc;

use model::decimal::Rounding;
use model::{Field, SqlType};

use super::schema::{Avro, Logical, NamedKind, Schema};
use crate::cells::Cells;
use crate::protobuf::{connect_name, decimal_of};
use crate::text::{write_f64, write_i64};

/// How one value of the writer's schema is read into a cell.
pub(crate) enum Plan {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    /// A decimal of this scale, in as many bytes as it needs or in a fixed number of them.
    Decimal(u8, Option<usize>),
    Enum(Arc<[String]>),
    Array(Box<Plan>),
    Map(Box<Plan>),
    /// An array of records with key and value.
    Entries(RecordPlan),
    /// One of several, of which all but null are the same to the reader.
    Union(Vec<Plan>),
    /// One of several types: a struct with a field for each, of which one is set. For each branch
    /// the field it goes to; without one it is skipped.
    Choice(Vec<(Option<usize>, Plan)>),
    Record(RecordPlan),
    /// Not wanted: read past.
    Skip(Avro),
}

/// The fields of a record in the order of the writer.
pub(crate) struct RecordPlan {
    fields: Vec<FieldPlan>,
    /// The columns that the writer does not have.
    missing: Vec<usize>,
}

struct FieldPlan {
    /// Which column it fills.
    column: Option<usize>,
    plan: Plan,
    /// To read past it when the column is not wanted.
    ty: Avro,
}

impl Plan {
    /// A plan to read the schema as a row of these columns.
    pub(crate) fn of_row(schema: &Schema, columns: &[Field]) -> Result<RecordPlan, String> {
        if let Avro::Named(at) = &schema.root
            && let NamedKind::Record { .. } = schema.named(*at).kind
        {
            return record(schema, *at, columns, "");
        }
        Err(mismatch(base_name(schema, &schema.root), "struct", ""))
    }

    /// A plan to read the schema as a single cell.
    pub(crate) fn of_cell(schema: &Schema, ty: &SqlType) -> Result<Plan, String> {
        plan(schema, &schema.root, ty, "")
    }
}

fn mismatch(from: &str, to: &str, path: &str) -> String {
    format!("Cannot deserialize type {from} as type {to} for path: {path}")
}

/// What Connect calls the writer's type.
fn base_name(schema: &Schema, ty: &Avro) -> &'static str {
    match ty {
        Avro::Null => "null",
        Avro::Boolean => "boolean",
        Avro::Int(_) => "int32",
        Avro::Long(_) => "int64",
        Avro::Float => "float32",
        Avro::Double => "float64",
        Avro::Bytes(_) => "bytes",
        Avro::String => "string",
        Avro::Array(items) => match entry(schema, items) {
            Some(_) => "map",
            None => "array",
        },
        Avro::Map(_) => "map",
        Avro::Union(_) => "struct",
        Avro::Named(at) => match &schema.named(*at).kind {
            NamedKind::Record { .. } => "struct",
            NamedKind::Enum { .. } => "string",
            NamedKind::Fixed { .. } => "bytes",
        },
    }
}

/// The record of a map's entries, if that is what these items are.
pub(crate) fn entry(schema: &Schema, items: &Avro) -> Option<usize> {
    match items {
        Avro::Named(at) => match &schema.named(*at).kind {
            NamedKind::Record { fields, is_map_entry: true } if fields.len() == 2 => Some(*at),
            _ => None,
        },
        _ => None,
    }
}

fn record(schema: &Schema, at: usize, columns: &[Field], path: &str) -> Result<RecordPlan, String> {
    let NamedKind::Record { fields, .. } = &schema.named(at).kind else {
        return Err(mismatch(base_name(schema, &Avro::Named(at)), "struct", path));
    };
    // Each column takes one field: the one of its name, else the first one in another case.
    let mut column_of = vec![None; fields.len()];
    let mut missing = Vec::new();
    for (column, target) in columns.iter().enumerate() {
        let exact = fields.iter().position(|f| f.name == target.name);
        let any_case =
            || fields.iter().position(|f| f.name.to_uppercase() == target.name.to_uppercase());
        match exact.or_else(any_case).filter(|at| column_of[*at].is_none()) {
            Some(at) => column_of[at] = Some(column),
            None => missing.push(column),
        }
    }
    let mut plans = Vec::new();
    for (field, column) in fields.iter().zip(column_of) {
        let plan = match column {
            Some(column) => {
                let target = &columns[column];
                plan(schema, &field.ty, &target.ty, &format!("{path}->{}", target.name))?
            }
            None => Plan::Skip(field.ty.clone()),
        };
        plans.push(FieldPlan { column, plan, ty: field.ty.clone() });
    }
    Ok(RecordPlan { fields: plans, missing })
}

fn plan(schema: &Schema, ty: &Avro, target: &SqlType, path: &str) -> Result<Plan, String> {
    let wrong = || Err(mismatch(base_name(schema, ty), connect_name(target), path));
    Ok(match (ty, target) {
        (Avro::Union(branches), _) => return union(schema, branches, target, path),
        (Avro::Null, _) => Plan::Null,
        (Avro::Boolean, SqlType::Boolean | SqlType::String) => Plan::Boolean,
        (
            Avro::Int(_),
            SqlType::Integer
            | SqlType::Bigint
            | SqlType::Date
            | SqlType::Time
            | SqlType::String
            | SqlType::Timestamp,
        ) => Plan::Int,
        (Avro::Long(_), SqlType::Bigint | SqlType::Timestamp | SqlType::String) => Plan::Long,
        (Avro::Float, SqlType::Double | SqlType::String) => Plan::Float,
        (Avro::Double, SqlType::Double | SqlType::String) => Plan::Double,
        (Avro::Bytes(Logical::Decimal { scale, .. }), SqlType::Decimal { .. }) => {
            Plan::Decimal(*scale, None)
        }
        (Avro::Bytes(_), SqlType::Bytes) => Plan::Bytes,
        (Avro::String, SqlType::String) => Plan::Text,
        (Avro::Array(items), SqlType::Map(key, value)) => match entry(schema, items) {
            Some(at) => {
                let columns =
                    [Field::new("key", *key.clone()), Field::new("value", *value.clone())];
                Plan::Entries(record(schema, at, &columns, path)?)
            }
            None => return wrong(),
        },
        (Avro::Array(items), SqlType::Array(element)) if entry(schema, items).is_none() => {
            Plan::Array(Box::new(plan(schema, items, element, path)?))
        }
        (Avro::Map(values), SqlType::Map(key, value)) if **key == SqlType::String => {
            Plan::Map(Box::new(plan(schema, values, value, path)?))
        }
        (Avro::Named(at), _) => match (&schema.named(*at).kind, target) {
            (NamedKind::Record { .. }, SqlType::Struct(fields)) => {
                Plan::Record(record(schema, *at, fields, path)?)
            }
            (NamedKind::Enum { symbols, .. }, SqlType::String) => Plan::Enum(symbols.clone()),
            (
                NamedKind::Fixed { size, logical: Logical::Decimal { scale, .. } },
                SqlType::Decimal { .. },
            ) => Plan::Decimal(*scale, Some(*size)),
            (NamedKind::Fixed { size, .. }, SqlType::Bytes) => Plan::Fixed(*size),
            _ => return wrong(),
        },
        _ => return wrong(),
    })
}

fn union(schema: &Schema, branches: &[Avro], target: &SqlType, path: &str) -> Result<Plan, String> {
    let others = branches.iter().filter(|b| !matches!(b, Avro::Null)).count();
    if others <= 1 {
        let plans = branches.iter().map(|b| plan(schema, b, target, path));
        return plans.collect::<Result<_, _>>().map(Plan::Union);
    }
    let SqlType::Struct(fields) = target else {
        return Err(mismatch("struct", connect_name(target), path));
    };
    let mut plans = Vec::new();
    for branch in branches {
        let name = schema.branch_name(branch);
        let at = fields.iter().position(|f| f.name.eq_ignore_ascii_case(&name));
        plans.push(match (branch, at) {
            (Avro::Null, _) => (None, Plan::Null),
            (_, Some(at)) => (Some(at), plan(schema, branch, &fields[at].ty, path)?),
            (_, None) => (None, Plan::Skip(branch.clone())),
        });
    }
    Ok(Plan::Choice(plans))
}

/// How deep values that nobody wants may nest.
const SKIP_DEPTH_MAX: usize = 200;

/// How many items that take no bytes an array may claim to have.
const EMPTY_ITEMS_MAX: u64 = 1 << 16;

/// Reads values off a payload.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    schema: &'a Schema,
}

const SHORT: &str = "the payload ends within a value";

impl<'a> Reader<'a> {
    pub(crate) fn new(payload: &'a [u8], schema: &'a Schema) -> Self {
        Self { rest: payload, schema }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    #[inline]
    fn long(&mut self) -> Result<i64, String> {
        let mut value = 0u64;
        for (i, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[i + 1..];
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        match self.rest.len() < 10 {
            true => Err(SHORT.to_string()),
            false => Err("Invalid long encoding".to_string()),
        }
    }

    fn int(&mut self) -> Result<i32, String> {
        i32::try_from(self.long()?).map_err(|_| "Invalid int encoding".to_string())
    }

    fn double(&mut self) -> Result<f64, String> {
        let bytes = self.take(8)?.try_into().map_err(|_| SHORT)?;
        Ok(f64::from_le_bytes(bytes))
    }

    fn float(&mut self) -> Result<f32, String> {
        let bytes = self.take(4)?.try_into().map_err(|_| SHORT)?;
        Ok(f32::from_le_bytes(bytes))
    }

    fn bytes(&mut self) -> Result<&'a [u8], String> {
        let length = self.long()?;
        let length = usize::try_from(length)
            .map_err(|_| "Malformed data. Length is negative".to_string())?;
        self.take(length)
    }

    fn branch(&mut self, count: usize) -> Result<usize, String> {
        let index = self.long()?;
        let index = usize::try_from(index).ok().filter(|i| *i < count);
        index.ok_or_else(|| format!("a union has no branch of that number, but {count}"))
    }

    /// Calls `item` for each item of an array or map.
    fn blocks(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut empty_items = 0;
        loop {
            let count = self.long()?;
            let count = match count {
                0 => return Ok(()),
                1.. => count as u64,
                _ => {
                    // The block's size in bytes follows.
                    self.long()?;
                    count.unsigned_abs()
                }
            };
            for _ in 0..count {
                let before = self.rest.len();
                item(self)?;
                if self.rest.len() == before {
                    empty_items += 1;
                    if empty_items > EMPTY_ITEMS_MAX {
                        return Err("an array claims to have too many empty items".to_string());
                    }
                }
            }
        }
    }

    fn skip(&mut self, ty: &Avro, depth: usize) -> Result<(), String> {
        if depth > SKIP_DEPTH_MAX {
            return Err("a value nests too deep".to_string());
        }
        let schema = self.schema;
        match ty {
            Avro::Null => {}
            Avro::Boolean => drop(self.take(1)?),
            Avro::Int(_) | Avro::Long(_) => drop(self.long()?),
            Avro::Float => drop(self.take(4)?),
            Avro::Double => drop(self.take(8)?),
            Avro::Bytes(_) | Avro::String => drop(self.bytes()?),
            Avro::Array(items) => self.blocks(|reader| reader.skip(items, depth + 1))?,
            Avro::Map(values) => self.blocks(|reader| {
                reader.bytes()?;
                reader.skip(values, depth + 1)
            })?,
            Avro::Union(branches) => {
                let branch = self.branch(branches.len())?;
                self.skip(&branches[branch], depth + 1)?;
            }
            Avro::Named(at) => match &schema.named(*at).kind {
                NamedKind::Record { fields, .. } => {
                    fields.iter().try_for_each(|f| self.skip(&f.ty, depth + 1))?;
                }
                NamedKind::Enum { .. } => drop(self.long()?),
                NamedKind::Fixed { size, .. } => drop(self.take(*size)?),
            },
        }
        Ok(())
    }

    /// Reads a record into one cell of each (wanted) column.
    pub(crate) fn record(
        &mut self,
        plan: &RecordPlan,
        cells: &mut [Cells],
        wanted: Option<&[bool]>,
    ) -> Result<(), String> {
        let is_wanted = |column: usize| wanted.is_none_or(|w| w[column]);
        for field in &plan.fields {
            match field.column.filter(|column| is_wanted(*column)) {
                Some(column) => self.value(&field.plan, &mut cells[column])?,
                None => self.skip(&field.ty, 0)?,
            }
        }
        for column in plan.missing.iter().filter(|column| is_wanted(**column)) {
            cells[*column].push_null();
        }
        Ok(())
    }

    /// Reads a value into a cell.
    pub(crate) fn value(&mut self, plan: &Plan, cells: &mut Cells) -> Result<(), String> {
        match (plan, cells) {
            (Plan::Union(branches), cells) => {
                let branch = self.branch(branches.len())?;
                self.value(&branches[branch], cells)?;
            }
            (Plan::Null, cells) => cells.push_null(),
            (Plan::Boolean, Cells::Boolean(cells)) => cells.push(self.byte()? != 0),
            (Plan::Boolean, Cells::String(cells)) => {
                cells.push(if self.byte()? != 0 { b"true" } else { b"false" });
            }
            (Plan::Int, Cells::Integer(cells) | Cells::Date(cells) | Cells::Time(cells)) => {
                cells.push(self.int()?);
            }
            (Plan::Int, Cells::Bigint(cells) | Cells::Timestamp(cells)) => {
                cells.push(i64::from(self.int()?));
            }
            (Plan::Long, Cells::Bigint(cells) | Cells::Timestamp(cells)) => {
                cells.push(self.long()?);
            }
            (Plan::Int | Plan::Long, Cells::String(cells)) => {
                write_i64(self.long()?, cells.open());
                cells.close();
            }
            (Plan::Float, Cells::Double(cells)) => cells.push(f64::from(self.float()?)),
            (Plan::Double, Cells::Double(cells)) => cells.push(self.double()?),
            (Plan::Float, Cells::String(cells)) => {
                // The digits of the float, not of the double it would become.
                let text = format!("{}", self.float()?);
                let value = text.parse().unwrap_or(f64::NAN);
                write_f64(value, cells.open());
                cells.close();
            }
            (Plan::Double, Cells::String(cells)) => {
                write_f64(self.double()?, cells.open());
                cells.close();
            }
            (Plan::Bytes, Cells::Bytes(cells)) => cells.push(self.bytes()?),
            (Plan::Fixed(size), Cells::Bytes(cells)) => cells.push(self.take(*size)?),
            (Plan::Text, Cells::String(cells)) => cells.push_text(self.bytes()?),
            (Plan::Decimal(scale, size), Cells::Decimal(cells)) => {
                let bytes = match size {
                    Some(size) => self.take(*size)?,
                    None => self.bytes()?,
                };
                let value = decimal_of(bytes, i64::from(*scale))?;
                let fitted = value.with_scale(cells.scale, Rounding::Unnecessary);
                let fitted = fitted.filter(|d| d.fits(cells.precision)).ok_or_else(|| {
                    format!(
                        "Cannot fit decimal '{value}' into DECIMAL({}, {}) without rounding.",
                        cells.precision, cells.scale
                    )
                })?;
                cells.push(fitted);
            }
            (Plan::Enum(symbols), Cells::String(cells)) => {
                let index = self.branch(symbols.len())?;
                cells.push(symbols[index].as_bytes());
            }
            (Plan::Array(items), Cells::Array(list)) => {
                self.blocks(|reader| reader.value(items, &mut list.items))?;
                list.close();
            }
            (Plan::Map(values), Cells::Map(map)) => {
                self.blocks(|reader| {
                    let key = reader.bytes()?;
                    let [keys, cells] = &mut map.entries[..] else {
                        unreachable!("a MAP has keys and values");
                    };
                    let Cells::String(keys) = keys else { unreachable!("planned for texts") };
                    keys.push_text(key);
                    reader.value(values, cells)
                })?;
                map.close();
            }
            (Plan::Entries(entry), Cells::Map(map)) => {
                self.blocks(|reader| {
                    reader.record(entry, &mut map.entries, None)?;
                    match map.entries[0].is_last_null() {
                        true => Err("a map has an entry without a key".to_string()),
                        false => Ok(()),
                    }
                })?;
                map.close();
            }
            (Plan::Record(record), Cells::Struct(cells)) => {
                self.record(record, &mut cells.fields, None)?;
                cells.close();
            }
            (Plan::Choice(branches), cells) => {
                let branch = self.branch(branches.len())?;
                let (field, plan) = &branches[branch];
                if matches!(plan, Plan::Null) {
                    cells.push_null();
                    return Ok(());
                }
                let Cells::Struct(cells) = cells else { unreachable!("planned for a STRUCT") };
                for (i, cell) in cells.fields.iter_mut().enumerate() {
                    match Some(i) == *field {
                        true => self.value(plan, cell)?,
                        false => cell.push_null(),
                    }
                }
                if let (None, Plan::Skip(ty)) = (field, plan) {
                    self.skip(ty, 0)?;
                }
                cells.close();
            }
            (Plan::Skip(ty), cells) => {
                self.skip(ty, 0)?;
                cells.push_null();
            }
            _ => unreachable!("planned for this column"),
        }
        Ok(())
    }
}
