//! Functions of arrays.

use std::cmp::Ordering;
use std::collections::HashSet;

use model::Value;
use model::text::value_text;

use super::Eval::Rows;
use super::equality::Same;
use super::strings::check_joined;
use super::units::{int, text};
use super::{Call, Overload, ScalarFunction, of};
use crate::Doc;
use crate::limits::{ELEMENTS_MAX, check_elements};

/// Defines a function of this category.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [Overload],
) -> ScalarFunction {
    ScalarFunction { name, doc: Doc { description, category: "ARRAY", example }, overloads }
}

/// The elements of a cell.
fn items(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

/// Both arrays, if neither is NULL.
fn pair(args: &[Value]) -> Option<(&[Value], &[Value])> {
    Some((items(&args[0])?, items(&args[1])?))
}

fn array(items: Option<Vec<Value>>) -> Result<Value, String> {
    Ok(items.map_or(Value::Null, Value::Array))
}

/// Each element once, where it is first.
fn distinct<'a>(items: impl Iterator<Item = &'a Value>) -> Vec<Value> {
    let mut seen = HashSet::new();
    items.filter(|item| seen.insert(Same(item))).cloned().collect()
}

/// The elements of the first array, once each, that are (or are not) in the second.
fn chosen(args: &[Value], wanted: bool) -> Option<Vec<Value>> {
    let (left, right) = pair(args)?;
    let right: HashSet<_> = right.iter().map(Same).collect();
    Some(distinct(left.iter().filter(|item| right.contains(&Same(item)) == wanted)))
}

pub(super) const ARRAY_CONCAT: ScalarFunction = function(
    "ARRAY_CONCAT",
    "The elements of the first array, then those of the second; NULL counts as empty unless both \
     are.",
    ("ARRAY_CONCAT(ARRAY[1, 2], ARRAY[2])", "[1, 2, 2]"),
    &[of("ARRAY_CONCAT(left ARRAY<T>, right ARRAY<T>) -> ARRAY<T>", Rows(array_concat))],
);

fn array_concat(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let length = |arg| items(arg).map_or(0, <[Value]>::len);
    check_elements(length(&args[0]) + length(&args[1]))?;
    array(match (items(&args[0]), items(&args[1])) {
        (None, None) => None,
        (left, right) => Some([left.unwrap_or_default(), right.unwrap_or_default()].concat()),
    })
}

pub(super) const ARRAY_CONTAINS: ScalarFunction = function(
    "ARRAY_CONTAINS",
    "Is the value among the elements? A NULL array contains nothing.",
    ("ARRAY_CONTAINS(ARRAY[1, 2], 2)", "true"),
    &[of("ARRAY_CONTAINS(array ARRAY<T>, val T) -> BOOLEAN", Rows(array_contains))],
);

fn array_contains(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let wanted = Same(&args[1]);
    let items = items(&args[0]).unwrap_or_default();
    Ok(Value::Boolean(items.iter().any(|item| Same(item) == wanted)))
}

pub(super) const ARRAY_DISTINCT: ScalarFunction = function(
    "ARRAY_DISTINCT",
    "Each element once, in the order in which they first appear.",
    ("ARRAY_DISTINCT(ARRAY[2, 1, 2])", "[2, 1]"),
    &[of("ARRAY_DISTINCT(input ARRAY<T>) -> ARRAY<T>", Rows(array_distinct))],
);

fn array_distinct(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    array(items(&args[0]).map(|items| distinct(items.iter())))
}

pub(super) const ARRAY_EXCEPT: ScalarFunction = function(
    "ARRAY_EXCEPT",
    "Each element of the first array that is not in the second, once.",
    ("ARRAY_EXCEPT(ARRAY[1, 2, 2, 3], ARRAY[3])", "[1, 2]"),
    &[of("ARRAY_EXCEPT(left ARRAY<T>, right ARRAY<T>) -> ARRAY<T>", Rows(array_except))],
);

fn array_except(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    array(chosen(args, false))
}

pub(super) const ARRAY_INTERSECT: ScalarFunction = function(
    "ARRAY_INTERSECT",
    "Each element of the first array that is also in the second, once.",
    ("ARRAY_INTERSECT(ARRAY[3, 1, 2], ARRAY[2, 3])", "[3, 2]"),
    &[of("ARRAY_INTERSECT(left ARRAY<T>, right ARRAY<T>) -> ARRAY<T>", Rows(array_intersect))],
);

fn array_intersect(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    array(chosen(args, true))
}

pub(super) const ARRAY_UNION: ScalarFunction = function(
    "ARRAY_UNION",
    "Each element of both arrays, once.",
    ("ARRAY_UNION(ARRAY[1, 2], ARRAY[2, 3])", "[1, 2, 3]"),
    &[of("ARRAY_UNION(left ARRAY<T>, right ARRAY<T>) -> ARRAY<T>", Rows(array_union))],
);

fn array_union(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    array(pair(args).map(|(left, right)| distinct(left.iter().chain(right))))
}

pub(super) const ARRAY_JOIN: ScalarFunction = function(
    "ARRAY_JOIN",
    "The elements as text, with a delimiter (a comma, if not given) between them.",
    ("ARRAY_JOIN(ARRAY[1, NULL, 3], '-')", "1-null-3"),
    &[
        of("ARRAY_JOIN(array ARRAY<T>) -> VARCHAR", Rows(array_join)),
        of("ARRAY_JOIN(array ARRAY<T>, delimiter VARCHAR) -> VARCHAR", Rows(array_join)),
    ],
);

fn array_join(args: &[Value], call: &Call<'_>) -> Result<Value, String> {
    let Some(items) = items(&args[0]) else { return Ok(Value::Null) };
    let delimiter = args.get(1).map_or(",", |delimiter| text(delimiter).unwrap_or_default());
    let model::SqlType::Array(element) = call.type_of(0) else {
        unreachable!("the signature says ARRAY");
    };
    let scalar = |item: &Value| {
        use Value::{Bigint, Boolean, Decimal, Double, Integer, Null, String};
        matches!(
            item,
            Null | Boolean(_) | Integer(_) | Bigint(_) | Double(_) | Decimal(_) | String(_)
        )
    };
    if !items.iter().all(scalar) {
        return Err(format!("ARRAY_JOIN cannot join elements of type {element}"));
    }
    let texts: Vec<_> = items.iter().map(|item| value_text(element, item)).collect();
    check_joined(texts.iter().map(String::len), delimiter.len())?;
    Ok(Value::String(texts.join(delimiter)))
}

pub(super) const ARRAY_LENGTH: ScalarFunction = function(
    "ARRAY_LENGTH",
    "How many elements there are.",
    ("ARRAY_LENGTH(ARRAY[1, NULL])", "2"),
    &[of("ARRAY_LENGTH(array ARRAY<T>) -> INT", Rows(array_length))],
);

fn array_length(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(items(&args[0]).map_or(Value::Null, |items| Value::Integer(items.len() as i32)))
}

pub(super) const ARRAY_MAX: ScalarFunction = function(
    "ARRAY_MAX",
    "The largest element; NULLs are left out.",
    ("ARRAY_MAX(ARRAY[1, NULL, 3])", "3"),
    &[of("ARRAY_MAX(input ARRAY<T>) -> T", Rows(array_max))],
);

pub(super) const ARRAY_MIN: ScalarFunction = function(
    "ARRAY_MIN",
    "The smallest element; NULLs are left out.",
    ("ARRAY_MIN(ARRAY[1, NULL, 3])", "1"),
    &[of("ARRAY_MIN(input ARRAY<T>) -> T", Rows(array_min))],
);

fn array_max(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    extreme(&args[0], Ordering::Greater)
}

fn array_min(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    extreme(&args[0], Ordering::Less)
}

fn extreme(array: &Value, wanted: Ordering) -> Result<Value, String> {
    let mut best = &Value::Null;
    for item in items(array).unwrap_or_default().iter().filter(|item| !item.is_null()) {
        if item.sql_cmp(item).is_none() {
            return Err("these elements have no order".to_string());
        }
        if best.is_null() || item.sql_cmp(best) == Some(wanted) {
            best = item;
        }
    }
    Ok(best.clone())
}

pub(super) const ARRAY_REMOVE: ScalarFunction = function(
    "ARRAY_REMOVE",
    "The elements that are not equal to a value.",
    ("ARRAY_REMOVE(ARRAY[1, 2, 1], 1)", "[2]"),
    &[of("ARRAY_REMOVE(array ARRAY<T>, victim T) -> ARRAY<T>", Rows(array_remove))],
);

fn array_remove(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let kept =
        |items: &[Value]| items.iter().filter(|i| Same(i) != Same(&args[1])).cloned().collect();
    array(items(&args[0]).map(kept))
}

pub(super) const ARRAY_SORT: ScalarFunction = function(
    "ARRAY_SORT",
    "The elements in order, ascending (ASC) unless DESC is asked for; NULLs come last.",
    ("ARRAY_SORT(ARRAY[3, NULL, 1], 'DESC')", "[3, 1, null]"),
    &[
        of("ARRAY_SORT(input ARRAY<T>) -> ARRAY<T>", Rows(array_sort)),
        of("ARRAY_SORT(input ARRAY<T>, direction VARCHAR) -> ARRAY<T>", Rows(array_sort)),
    ],
);

fn array_sort(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let descending = match args.get(1).map(|d| text(d).unwrap_or_default().to_ascii_uppercase()) {
        None => false,
        Some(direction) => match direction.as_str() {
            "ASC" | "ASCENDING" => false,
            "DESC" | "DESCENDING" => true,
            _ => return Ok(Value::Null),
        },
    };
    let Some(items) = items(&args[0]) else { return Ok(Value::Null) };
    let mut sorted: Vec<_> = items.iter().filter(|item| !item.is_null()).cloned().collect();
    if sorted.len() > 1 && sorted.iter().any(|item| item.sql_cmp(item).is_none()) {
        return Err("these elements have no order".to_string());
    }
    sorted.sort_by(|a, b| {
        let order = a.sql_cmp(b).unwrap_or(Ordering::Equal);
        if descending { order.reverse() } else { order }
    });
    sorted.resize(items.len(), Value::Null);
    Ok(Value::Array(sorted))
}

pub(super) const GENERATE_SERIES: ScalarFunction = function(
    "GENERATE_SERIES",
    "The numbers from start to end, both included, by a step (1 or -1, if not given).",
    ("GENERATE_SERIES(1, 10, 3)", "[1, 4, 7, 10]"),
    &[
        of("GENERATE_SERIES(start INT, end INT) -> ARRAY<INT>", Rows(generate_series)),
        of("GENERATE_SERIES(start INT, end INT, step INT) -> ARRAY<INT>", Rows(generate_series)),
        of("GENERATE_SERIES(start BIGINT, end BIGINT) -> ARRAY<BIGINT>", Rows(generate_series)),
        of(
            "GENERATE_SERIES(start BIGINT, end BIGINT, step INT) -> ARRAY<BIGINT>",
            Rows(generate_series),
        ),
    ],
);

fn generate_series(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let null = "start, end and step of GENERATE_SERIES must not be null";
    let (start, end) = (args[0].as_i64().ok_or(null)?, args[1].as_i64().ok_or(null)?);
    let step = match args.get(2) {
        Some(step) => i64::from(int(step).ok_or(null)?),
        None if start <= end => 1,
        None => -1,
    };
    if step == 0 {
        return Err("the step of GENERATE_SERIES must not be 0".to_string());
    }
    let span = i128::from(end) - i128::from(start);
    if span != 0 && (span > 0) != (step > 0) {
        return Err("the step of GENERATE_SERIES leads away from the end".to_string());
    }
    let count = span / i128::from(step) + 1;
    if count > ELEMENTS_MAX as i128 {
        return Err(format!("GENERATE_SERIES gives at most {ELEMENTS_MAX} numbers"));
    }
    let wide = matches!(args[0], Value::Bigint(_));
    let at = |i: i128| (i128::from(start) + i * i128::from(step)) as i64;
    let number = |n: i64| if wide { Value::Bigint(n) } else { Value::Integer(n as i32) };
    Ok(Value::Array((0..count).map(|i| number(at(i))).collect()))
}

pub(super) const SLICE: ScalarFunction = function(
    "SLICE",
    "The elements from one position to another, both included and counted from 1.",
    ("SLICE(ARRAY[1, 2, 3, 4], 2, 3)", "[2, 3]"),
    &[of("SLICE(in ARRAY<T>, from INT, to INT) -> ARRAY<T>", Rows(slice))],
);

fn slice(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let Some(items) = items(&args[0]) else { return Ok(Value::Null) };
    let length = items.len() as i64;
    let start = int(&args[1]).map_or(0, |from| i64::from(from) - 1);
    let end = int(&args[2]).map_or(length, i64::from);
    if start < 0 || end > length || end < start {
        return Ok(Value::Null);
    }
    Ok(Value::Array(items.get(start as usize..end as usize).unwrap_or_default().to_vec()))
}
