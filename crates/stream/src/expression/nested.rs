//! ARRAY, MAP and STRUCT: made, and taken apart. An element that fails while one is made is null,
//! and the row goes on.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray, UInt32Array};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use functions::{RowErrors, limits};
use model::column::{arrow_type, value_at};
use model::{ColumnBuilder, SqlType, Value};
use sql::expr::{Expr, ExprKind};

use super::Scope;
use super::compare::equal_values;
use super::part::{Part, fail_nulls, failures, without};

/// `base[index]`
pub(super) fn subscript(scope: &Scope<'_>, base: &Expr, index: &Expr) -> Part {
    let rows = scope.rows;
    let (mut a, mut b) = (scope.evaluate(base), scope.evaluate(index));
    let (mut failed, logged) = failures(&mut a, &mut b);
    let array = match &base.ty {
        SqlType::Map(key, _) => map_values(&a, &b, key, rows),
        _ => {
            let valid = b.validity(rows);
            let mut nulls = RowErrors::none();
            fail_nulls(&mut nulls, valid.as_ref(), "the index of an array is null");
            nulls.retain(|row| !a.is_null(row));
            failed.merge(nulls);
            array_elements(&a, &b, &index.ty, rows)
        }
    };
    Part { array, constant: false, failed, logged }
}

/// Elements count from 1, or from the end backwards below 0; where there is none it is null.
fn array_elements(base: &Part, index: &Part, index_type: &SqlType, rows: usize) -> ArrayRef {
    let lists = base.array.as_list::<i32>();
    let offsets = lists.value_offsets();
    let position = |row: usize| -> i64 {
        let at = index.at(row);
        match index_type {
            SqlType::Integer => i64::from(index.array.as_primitive::<Int32Type>().value(at)),
            _ => index.array.as_primitive::<Int64Type>().value(at),
        }
    };
    let element = |row: usize| -> Option<u32> {
        let at = base.at(row);
        if lists.is_null(at) {
            return None;
        }
        let (start, end) = (i64::from(offsets[at]), i64::from(offsets[at + 1]));
        let element = match position(row) {
            0 => return None,
            n if n > 0 => start.checked_add(n - 1)?,
            n => end.checked_add(n)?,
        };
        (start..end).contains(&element).then_some(element as u32)
    };
    let elements: UInt32Array = (0..rows).map(element).collect();
    arrow_select::take::take(lists.values(), &elements, None).expect("within the values")
}

/// The value of the key, or null.
fn map_values(base: &Part, index: &Part, key_type: &SqlType, rows: usize) -> ArrayRef {
    let maps = base.array.as_map();
    let offsets = maps.value_offsets();
    let texts = (*key_type == SqlType::String)
        .then(|| (maps.keys().as_string::<i32>(), index.array.as_string::<i32>()));
    let entry = |row: usize| -> Option<u32> {
        let at = base.at(row);
        if maps.is_null(at) || index.is_null(row) {
            return None;
        }
        let mut entries = offsets[at] as usize..offsets[at + 1] as usize;
        let found = match texts {
            Some((keys, wanted)) => {
                let wanted = wanted.value(index.at(row));
                entries.find(|entry| keys.value(*entry) == wanted)
            }
            None => {
                let wanted = value_at(key_type, &index.array, index.at(row));
                let key = |entry: &usize| value_at(key_type, maps.keys(), *entry);
                entries.find(|entry| equal_values(&key(entry), &wanted))
            }
        };
        found.map(|entry| entry as u32)
    };
    let entries: UInt32Array = (0..rows).map(entry).collect();
    arrow_select::take::take(maps.values(), &entries, None).expect("within the values")
}

/// `base->field`
pub(super) fn field(scope: &Scope<'_>, base: &Expr, index: usize) -> Part {
    let mut part = scope.evaluate(base);
    let structs = part.array.as_struct();
    let column = structs.column(index);
    part.array = match structs.nulls() {
        Some(nulls) if nulls.null_count() > 0 => {
            let gone = arrow_array::BooleanArray::new(!nulls.inner(), None);
            arrow_select::nullif::nullif(column, &gone).expect("as long as its struct")
        }
        _ => column.clone(),
    };
    part
}

/// The elements' columns; failures are logged, and null.
fn elements<'e>(
    scope: &Scope<'_>,
    items: impl Iterator<Item = &'e Expr>,
    logged: &mut RowErrors,
) -> Vec<Part> {
    let mut parts = Vec::new();
    for item in items {
        let mut part = scope.evaluate(item);
        if !part.failed.is_empty() {
            let array = without(&part.full(scope.rows), &part.failed);
            logged.merge(std::mem::take(&mut part.failed));
            part = Part { logged: part.logged, ..Part::column(array) };
        }
        logged.merge(std::mem::take(&mut part.logged));
        parts.push(part);
    }
    parts
}

/// The values of row 0, those of row 1, …
fn row_by_row(parts: &[Part], ty: &SqlType, rows: usize, logged: &mut RowErrors) -> ArrayRef {
    if parts.is_empty() {
        return model::column::null_column(ty, 0);
    }
    let arrays: Vec<&dyn Array> = parts.iter().map(|part| part.array.as_ref()).collect();
    let places = (0..rows)
        .flat_map(|row| parts.iter().enumerate().map(move |(at, part)| (at, part.at(row))));
    let places: Vec<_> = places.collect();
    let bytes = |part: &Part| match part.constant {
        true => limits::bytes_in(&part.array, 0..1).saturating_mul(rows),
        false => limits::bytes_in(&part.array, 0..rows),
    };
    let all = parts.iter().map(bytes).fold(0, usize::saturating_add);
    if all > limits::COLUMN_BYTES_MAX {
        super::part::fail_all(logged, rows);
        return model::column::null_column(ty, places.len());
    }
    arrow_select::interleave::interleave(&arrays, &places).expect("elements are of one type")
}

/// As many offsets as rows and one, each `step` further.
fn offsets(rows: usize, step: usize) -> OffsetBuffer<i32> {
    let offsets: Vec<i32> = (0..=rows).map(|row| (row * step) as i32).collect();
    OffsetBuffer::new(ScalarBuffer::from(offsets))
}

/// `ARRAY[…]`
pub(super) fn make_array(scope: &Scope<'_>, items: &[Expr], ty: &SqlType) -> Part {
    let mut logged = RowErrors::none();
    let parts = elements(scope, items.iter(), &mut logged);
    let values = row_by_row(&parts, super::element_type(ty), scope.rows, &mut logged);
    let DataType::List(field) = arrow_type(ty) else { unreachable!("an array is a list") };
    let list = ListArray::new(field, offsets(scope.rows, items.len()), values, None);
    Part { logged, ..Part::column(Arc::new(list)) }
}

/// `STRUCT(…)`
pub(super) fn make_struct(scope: &Scope<'_>, fields: &[Expr], ty: &SqlType) -> Part {
    let mut logged = RowErrors::none();
    let mut parts = elements(scope, fields.iter(), &mut logged);
    let DataType::Struct(types) = arrow_type(ty) else { unreachable!("a struct is one") };
    let array = if parts.is_empty() {
        StructArray::new_empty_fields(scope.rows, None)
    } else {
        let mut columns = Vec::with_capacity(parts.len());
        for part in &mut parts {
            columns.push(part.full(scope.rows));
            logged.merge(std::mem::take(&mut part.failed));
        }
        StructArray::new(types, columns, None)
    };
    Part { logged, ..Part::column(Arc::new(array)) }
}

/// `MAP(…)`: of equal keys the last one counts, a null as a key is the text `null`.
pub(super) fn make_map(scope: &Scope<'_>, entries: &[(Expr, Expr)], ty: &SqlType) -> Part {
    let mut logged = RowErrors::none();
    let keys = elements(scope, entries.iter().map(|(key, _)| key), &mut logged);
    let values = elements(scope, entries.iter().map(|(_, value)| value), &mut logged);
    let SqlType::Map(key_type, value_type) = ty else { unreachable!("a map is one") };
    let literal = |(key, _): &(Expr, Expr)| match &key.kind {
        ExprKind::Literal(value) if !value.is_null() => Some(value.clone()),
        _ => None,
    };
    let literals: Vec<_> = entries.iter().filter_map(literal).collect();
    let distinct = literals.len() == entries.len()
        && (1..literals.len()).all(|at| !literals[..at].contains(&literals[at]));
    if distinct {
        let values = row_by_row(&values, value_type, scope.rows, &mut logged);
        let keys = row_by_row(&keys, key_type, scope.rows, &mut logged);
        let DataType::Map(field, ordered) = arrow_type(ty) else { unreachable!("a map is one") };
        let DataType::Struct(fields) = field.data_type() else { unreachable!("of entries") };
        let pairs = StructArray::new(fields.clone(), vec![keys, values], None);
        let offsets = offsets(scope.rows, entries.len());
        let map = MapArray::new(field, offsets, pairs, None, ordered);
        return Part { logged, ..Part::column(Arc::new(map)) };
    }
    let mut builder = ColumnBuilder::new(ty, scope.rows);
    for row in 0..scope.rows {
        let mut map: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
        for (key, value) in keys.iter().zip(&values) {
            let key = match value_at(key_type, &key.array, key.at(row)) {
                Value::Null if **key_type == SqlType::String => Value::String("null".to_string()),
                Value::Null => {
                    logged.add(row, "the key of a map is null");
                    continue;
                }
                key => key,
            };
            let value = value_at(value_type, &value.array, value.at(row));
            match map.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => *known = value,
                None => map.push((key, value)),
            }
        }
        builder.append(&Value::Map(map));
    }
    Part { logged, ..Part::column(builder.finish()) }
}
