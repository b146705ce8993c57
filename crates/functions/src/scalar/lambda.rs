//! Functions that call a lambda for every element: the elements of all rows are one column, so that
//! a body is evaluated once for a batch and not once for a row.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, ListArray, MapArray, StructArray, UInt32Array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field};
use arrow_select::filter::filter;
use arrow_select::interleave::interleave;
use arrow_select::take::take;
use model::column::{arrow_type, null_column, value_at};

use super::Eval::Columns;
use super::equality::Same;
use super::{Arg, Call, Lambda, Overload, ScalarFunction, of};
use crate::{Doc, Evaluated, RowErrors};

/// Defines a function of this category.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [Overload],
) -> ScalarFunction {
    ScalarFunction { name, doc: Doc { description, category: "LAMBDA", example }, overloads }
}

pub(super) const FILTER: ScalarFunction = function(
    "FILTER",
    "The elements of an array, or the entries of a map, for which the lambda is true.",
    ("FILTER(ARRAY[1, 2, 3], x => x > 1)", "[2, 3]"),
    &[
        of(
            "FILTER(array ARRAY<T>, function LAMBDA (T)=>BOOLEAN) -> ARRAY<T>",
            Columns(filter_elements),
        ),
        of(
            "FILTER(map MAP<K,V>, biFunction LAMBDA (K,V)=>BOOLEAN) -> MAP<K,V>",
            Columns(filter_elements),
        ),
    ],
);

pub(super) const TRANSFORM: ScalarFunction = function(
    "TRANSFORM",
    "What the lambda makes of each element of an array, or two lambdas of the key and the value of \
     each entry of a map.",
    ("TRANSFORM(ARRAY[1, 2, 3], x => x * 2)", "[2, 4, 6]"),
    &[
        of(
            "TRANSFORM(array ARRAY<T>, function LAMBDA (T)=>R) -> ARRAY<R>",
            Columns(transform_array),
        ),
        of(
            "TRANSFORM(map MAP<K,V>, biFunction1 LAMBDA (K,V)=>R, biFunction2 LAMBDA (K,V)=>T) -> \
             MAP<R,T>",
            Columns(transform_map),
        ),
    ],
);

pub(super) const REDUCE: ScalarFunction = function(
    "REDUCE",
    "One value from all elements: the lambda is given the value so far, the initial one at first, \
     and an element (or a key and a value).",
    ("REDUCE(ARRAY[1, 2, 3], 10, (total, x) => total + x)", "16"),
    &[
        of(
            "REDUCE(list ARRAY<T>, initialState S, biFunction LAMBDA (S,T)=>S) -> S",
            Columns(reduce),
        ),
        of(
            "REDUCE(map MAP<K,V>, initialState S, triFunction LAMBDA (S,K,V)=>S) -> S",
            Columns(reduce),
        ),
    ],
);

/// The elements of all rows of an array or a map, one after the other.
struct Elements {
    /// One column for an array, keys and values for a map.
    columns: Vec<ArrayRef>,
    /// The row that each element belongs to.
    parents: Vec<u32>,
    /// How many elements each row has.
    lengths: Vec<usize>,
}

impl Elements {
    fn of(column: &ArrayRef) -> Self {
        let (offsets, all): (&[i32], Vec<ArrayRef>) = match column.data_type() {
            DataType::Map(..) => {
                let map = column.as_map();
                (map.value_offsets(), vec![map.keys().clone(), map.values().clone()])
            }
            _ => {
                let list = column.as_list::<i32>();
                (list.value_offsets(), vec![list.values().clone()])
            }
        };
        let (mut picked, mut parents, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..column.len() {
            let range = if column.is_valid(row) { offsets[row]..offsets[row + 1] } else { 0..0 };
            lengths.push(range.len());
            parents.extend(std::iter::repeat_n(row as u32, range.len()));
            picked.extend(range.map(|at| at as u32));
        }
        let picked = UInt32Array::from(picked);
        let columns = all.iter().map(|c| take(c, &picked, None).expect("within the column"));
        Self { columns: columns.collect(), parents, lengths }
    }
}

fn lambda<'a>(call: &'a Call<'_>, at: usize) -> &'a dyn Lambda {
    match &call.args[at] {
        Arg::Lambda(lambda) => *lambda,
        _ => unreachable!("the signature says that argument {at} is a lambda"),
    }
}

/// The failures of elements as failures of their rows.
fn row_errors(errors: &RowErrors, parents: &[u32]) -> RowErrors {
    let mut rows = RowErrors::none();
    for (element, reason) in errors.iter() {
        rows.add(parents[element] as usize, reason.clone());
    }
    rows
}

/// Which rows are not null: those of the argument that did not fail.
fn validity(column: &ArrayRef, errors: &RowErrors) -> arrow_buffer::NullBuffer {
    (0..column.len()).map(|row| column.is_valid(row) && !errors.contains(row)).collect()
}

fn list_of(call: &Call<'_>, items: ArrayRef, lengths: &[usize], errors: RowErrors) -> Evaluated {
    let DataType::List(item) = arrow_type(call.returns) else {
        unreachable!("the signature returns an ARRAY")
    };
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    let nulls = validity(call.column(0), &errors);
    let list = ListArray::new(item, offsets, items, Some(nulls));
    Evaluated { column: Arc::new(list), errors }
}

fn map_of(
    call: &Call<'_>,
    columns: Vec<ArrayRef>,
    lengths: &[usize],
    errors: RowErrors,
) -> Evaluated {
    let DataType::Map(entries, sorted) = arrow_type(call.returns) else {
        unreachable!("the signature returns a MAP")
    };
    let DataType::Struct(fields) = entries.data_type().clone() else {
        unreachable!("the entries of a map are structs")
    };
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    let nulls = validity(call.column(0), &errors);
    let cells = StructArray::new(fields, columns, None);
    let field: Arc<Field> = entries;
    let map = MapArray::new(field, offsets, cells, Some(nulls), sorted);
    Evaluated { column: Arc::new(map), errors }
}

fn filter_elements(call: &Call<'_>) -> Evaluated {
    let elements = Elements::of(call.column(0));
    let kept = lambda(call, 1).call(&elements.parents, &elements.columns);
    let mut errors = row_errors(&kept.errors, &elements.parents);
    let truths = kept.column.as_boolean();
    for (element, row) in elements.parents.iter().enumerate() {
        if truths.is_null(element) {
            errors.add(*row as usize, "the lambda of FILTER gave null");
        }
    }
    let keep: BooleanArray = truths.iter().map(|truth| Some(truth == Some(true))).collect();
    let mut lengths = vec![0; call.rows];
    for (row, keep) in elements.parents.iter().zip(keep.iter()) {
        lengths[*row as usize] += usize::from(keep == Some(true));
    }
    no_null_values(elements.columns.get(1), &keep, &elements.parents, &mut errors);
    let columns: Vec<ArrayRef> = (elements.columns.iter())
        .map(|column| filter(column, &keep).expect("as many as elements"))
        .collect();
    match columns.as_slice() {
        [items] => list_of(call, items.clone(), &lengths, errors),
        _ => map_of(call, columns, &lengths, errors),
    }
}

/// As in ksqlDB, a NULL value in a map that a lambda makes fails its row.
fn no_null_values(
    values: Option<&ArrayRef>,
    keep: &BooleanArray,
    parents: &[u32],
    errors: &mut RowErrors,
) {
    let Some(values) = values.filter(|values| values.null_count() > 0) else { return };
    for (element, row) in parents.iter().enumerate() {
        if keep.value(element) && values.is_null(element) {
            errors.add(*row as usize, "a value of a map that a lambda gives must not be null");
        }
    }
}

fn transform_array(call: &Call<'_>) -> Evaluated {
    let elements = Elements::of(call.column(0));
    let made = lambda(call, 1).call(&elements.parents, &elements.columns);
    let errors = row_errors(&made.errors, &elements.parents);
    list_of(call, made.column, &elements.lengths, errors)
}

fn transform_map(call: &Call<'_>) -> Evaluated {
    let elements = Elements::of(call.column(0));
    let keys = lambda(call, 1).call(&elements.parents, &elements.columns);
    let values = lambda(call, 2).call(&elements.parents, &elements.columns);
    let mut errors = row_errors(&keys.errors, &elements.parents);
    errors.merge(row_errors(&values.errors, &elements.parents));
    let all = BooleanArray::from(vec![true; elements.parents.len()]);
    no_null_values(Some(&values.column), &all, &elements.parents, &mut errors);
    // A key that is null or comes twice fails the row, and its entries are left out.
    let key_type = lambda(call, 1).returns();
    let mut start = 0;
    for (row, length) in elements.lengths.iter().enumerate() {
        let made: Vec<_> = (start..start + length)
            .map(|element| value_at(key_type, &keys.column, element))
            .collect();
        let mut seen = HashSet::new();
        for key in &made {
            if key.is_null() {
                errors.add(row, "a key of a map must not be null");
            } else if !seen.insert(Same(key)) {
                errors.add(row, format!("the lambda of TRANSFORM gave the key {key:?} twice"));
            }
        }
        start += length;
    }
    let keep: BooleanArray =
        elements.parents.iter().map(|row| Some(!errors.contains(*row as usize))).collect();
    let lengths: Vec<_> = (elements.lengths.iter().enumerate())
        .map(|(row, length)| if errors.contains(row) { 0 } else { *length })
        .collect();
    let columns = [keys.column, values.column];
    let columns = columns.iter().map(|c| filter(c, &keep).expect("as many as elements"));
    map_of(call, columns.collect(), &lengths, errors)
}

/// The positions of a row's entries in the order in which Java's `HashMap` walks over them; as they
/// are for an array, and for keys that are no text.
fn walk(elements: &Elements, start: usize, length: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (start..start + length).map(|at| at as u32).collect();
    let keys = (elements.columns.len() > 1).then(|| elements.columns[0].as_string_opt::<i32>());
    if let Some(keys) = keys.flatten() {
        let mut buckets = length.next_power_of_two();
        if length > buckets * 3 / 4 {
            buckets *= 2;
        }
        order.sort_by_cached_key(|at| {
            let units = keys.value(*at as usize).encode_utf16();
            let hash = units.fold(0_u32, |h, unit| h.wrapping_mul(31).wrapping_add(unit.into()));
            (hash ^ (hash >> 16)) as usize & (buckets - 1)
        });
    }
    order
}

/// Folds all rows at once: in step `n` every row that has an `n`-th element.
fn reduce(call: &Call<'_>) -> Evaluated {
    let elements = Elements::of(call.column(0));
    let initial = call.column(1).clone();
    let mut errors = RowErrors::none();
    let mut states = initial.clone();
    let mut start = 0;
    let mut walks = Vec::with_capacity(call.rows);
    for length in &elements.lengths {
        walks.push(walk(&elements, start, *length));
        start += length;
    }
    let steps = elements.lengths.iter().copied().max().unwrap_or(0);
    #[expect(clippy::needless_range_loop, reason = "each row walks its own way")]
    for step in 0..steps {
        let rows: Vec<u32> = (0..call.rows)
            .filter(|row| step < elements.lengths[*row] && initial.is_valid(*row))
            .filter(|row| !errors.contains(*row))
            .map(|row| row as u32)
            .collect();
        if rows.is_empty() {
            break;
        }
        let at: UInt32Array = rows.iter().map(|row| walks[*row as usize][step]).collect();
        let mut args =
            vec![take(&states, &UInt32Array::from(rows.clone()), None).expect("a state a row")];
        for column in &elements.columns {
            args.push(take(column, &at, None).expect("within the elements"));
        }
        let next = lambda(call, 2).call(&rows, &args);
        errors.merge(row_errors(&next.errors, &rows));
        let mut choice: Vec<(usize, usize)> = (0..call.rows).map(|row| (0, row)).collect();
        for (i, row) in rows.iter().enumerate() {
            choice[*row as usize] = (1, i);
        }
        states = interleave(&[&*states, &*next.column], &choice).expect("both are states");
    }
    if !errors.is_empty() {
        let nulls = null_column(call.returns, 1);
        let choice: Vec<(usize, usize)> = (0..call.rows)
            .map(|row| if errors.contains(row) { (1, 0) } else { (0, row) })
            .collect();
        states = interleave(&[&*states, &*nulls], &choice).expect("both are states");
    }
    Evaluated { column: states, errors }
}
