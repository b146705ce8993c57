//! Table functions: any number of rows for each row. A column of lists comes out, whose elements
//! become rows.

use std::sync::{Arc, LazyLock};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, UInt32Array};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::Field;
use model::SqlType;

use crate::scalar::Call;
use crate::{
    ArgType, Doc, ParamType, ResolveError, Resolved, Returns, RowErrors, Signature, signature,
};

/// A table function. Its calls return the type of one of the rows.
pub struct TableFunction {
    /// Its name, upper case.
    pub name: &'static str,
    /// Its documentation.
    pub doc: Doc,
    /// The ways to call it (see [`Signature::parse`]).
    overloads: &'static [&'static str],
    /// Evaluates a call: for each row the list of values that become rows (null: none).
    pub evaluate: fn(&Call<'_>) -> (ListArray, RowErrors),
}

impl TableFunction {
    /// The ways to call it.
    pub fn signatures(&self) -> &'static [Signature] {
        TABLES.binary_search_by_key(&self.name, |f| f.name).map_or(&[], |at| &SIGNATURES[at])
    }

    /// Which signature fits these arguments.
    pub fn resolve(&self, args: &[ArgType]) -> Result<Resolved, ResolveError> {
        signature::resolve(self.name, self.signatures(), args)
    }
}

/// All table functions, in the order of their names.
pub static TABLES: &[TableFunction] = &[
    TableFunction {
        name: "CUBE_EXPLODE",
        doc: Doc {
            description: "A row for each combination of the elements, where each one is there or \
                          null; elements that are null anyway make no further rows.",
            category: "TABLE",
            example: ("CUBE_EXPLODE(ARRAY[1, 2])", "[null, null], [null, 2], [1, null], [1, 2]"),
        },
        overloads: &["CUBE_EXPLODE(columns ARRAY<T>) -> ARRAY<T>"],
        evaluate: cube_explode,
    },
    TableFunction {
        name: "EXPLODE",
        doc: Doc {
            description: "A row for each element.",
            category: "TABLE",
            example: ("EXPLODE(ARRAY[1, 2])", "1, 2"),
        },
        overloads: &["EXPLODE(list ARRAY<T>) -> T", "EXPLODE(input ARRAY<DECIMAL>) -> DECIMAL"],
        evaluate: |call| (call.column(0).as_list::<i32>().clone(), RowErrors::none()),
    },
];

/// Their signatures, read once.
static SIGNATURES: LazyLock<Vec<Vec<Signature>>> = LazyLock::new(|| {
    let read = |text: &&str| {
        let signature = Signature::parse(text).expect("checked by a test");
        match signature.returns {
            Returns::Type(ParamType::Decimal) => signature.returning(element_type),
            _ => signature,
        }
    };
    TABLES.iter().map(|f| f.overloads.iter().map(read).collect()).collect()
});

/// The text of a signature does not say which DECIMAL the elements are.
fn element_type(args: &[ArgType]) -> Result<SqlType, String> {
    match args.first().and_then(ArgType::sql) {
        Some(SqlType::Array(element)) => Ok((**element).clone()),
        _ => Err("CAST the NULL to the type it stands for".to_string()),
    }
}

/// The table function of this name (upper case).
pub fn table(name: &str) -> Option<&'static TableFunction> {
    TABLES.iter().find(|f| f.name == name)
}

/// More elements than this that are not null would make more rows than anyone wants.
const CUBE_ELEMENTS_MAX: usize = 20;

fn cube_explode(call: &Call<'_>) -> (ListArray, RowErrors) {
    let lists = call.column(0).as_list::<i32>();
    let items = lists.values();
    let mut errors = RowErrors::none();
    // The element taken for each place of each combination; none: null.
    let mut taken: Vec<Option<u32>> = Vec::new();
    let mut inner = vec![0];
    let mut outer = vec![0];
    for row in 0..lists.len() {
        let (start, end) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
        let places: Vec<u32> = (start as u32..end as u32).collect();
        let given: Vec<_> = places.iter().filter(|&&at| items.is_valid(at as usize)).collect();
        if given.len() > CUBE_ELEMENTS_MAX {
            errors.add(row, format!("CUBE_EXPLODE of more than {CUBE_ELEMENTS_MAX} elements"));
        } else if lists.is_valid(row) {
            for combination in 0..1_usize << given.len() {
                let mut bit = given.len();
                for &place in &places {
                    let valid = items.is_valid(place as usize);
                    bit -= usize::from(valid);
                    let here = valid && (combination >> bit) & 1 == 1;
                    taken.push(here.then_some(place));
                }
                inner.push(taken.len() as i32);
            }
        }
        outer.push(inner.len() as i32 - 1);
    }
    let list = |items: ArrayRef, offsets: Vec<i32>, nulls: Option<NullBuffer>| {
        let field = Arc::new(Field::new("item", items.data_type().clone(), true));
        ListArray::new(field, OffsetBuffer::new(ScalarBuffer::from(offsets)), items, nulls)
    };
    let chosen = arrow_select::take::take(items, &UInt32Array::from(taken), None)
        .expect("places are those of the items");
    let combinations = Arc::new(list(chosen, inner, None));
    (list(combinations, outer, lists.nulls().cloned()), errors)
}

#[cfg(test)]
mod tests {
    use model::Value;
    use model::column::{column_of, value_at};

    use super::*;
    use crate::scalar::Arg;

    fn check(name: &str, list: Value, expected: &[Value]) {
        let function = table(name).expect("listed");
        let ty = SqlType::array(SqlType::Integer);
        let resolved = function.resolve(&[ArgType::Sql(ty.clone())]).expect("fits");
        let call = Call {
            args: &[Arg::Column(column_of(&ty, [&list]))],
            arg_types: &resolved.args,
            returns: &resolved.returns,
            rows: 1,
            now_ms: 0,
        };
        let (lists, errors) = (function.evaluate)(&call);
        assert!(errors.is_empty());
        let rows: ArrayRef =
            if lists.is_null(0) { lists.values().slice(0, 0) } else { lists.value(0) };
        let rows: Vec<_> =
            (0..rows.len()).map(|row| value_at(&resolved.returns, &rows, row)).collect();
        assert_eq!(rows, expected);
    }

    fn ints(values: &[Option<i32>]) -> Value {
        Value::Array(values.iter().map(|v| v.map_or(Value::Null, Value::Integer)).collect())
    }

    #[test]
    fn each_element_becomes_a_row() {
        check("EXPLODE", ints(&[Some(1), None]), &[Value::Integer(1), Value::Null]);
        check("EXPLODE", ints(&[]), &[]);
        check("EXPLODE", Value::Null, &[]);
    }

    #[test]
    fn a_cube_has_every_combination_once() {
        let rows = [
            ints(&[None, None, None]),
            ints(&[None, None, Some(2)]),
            ints(&[Some(1), None, None]),
            ints(&[Some(1), None, Some(2)]),
        ];
        check("CUBE_EXPLODE", ints(&[Some(1), None, Some(2)]), &rows);
        check("CUBE_EXPLODE", ints(&[]), &[ints(&[])]);
        check("CUBE_EXPLODE", Value::Null, &[]);
    }

    #[test]
    fn signatures_can_be_read() {
        assert_eq!(SIGNATURES.len(), TABLES.len());
        assert!(TABLES.is_sorted_by_key(|f| f.name));
        assert!(
            table("EXPLODE").expect("listed").resolve(&[ArgType::Sql(SqlType::Integer)]).is_err()
        );
    }
}
