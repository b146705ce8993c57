//! Functions of maps.

use model::Value;

use super::Eval::Rows;
use super::equality::TextMap;
use super::{Call, Overload, ScalarFunction, of};
use crate::Doc;

/// Defines a function of this category.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [Overload],
) -> ScalarFunction {
    ScalarFunction { name, doc: Doc { description, category: "MAP", example }, overloads }
}

pub(super) const AS_MAP: ScalarFunction = function(
    "AS_MAP",
    "A map from an array of keys and one of values. Values that are missing are NULL.",
    ("AS_MAP(ARRAY['a', 'b'], ARRAY[1, 2])", "{a=1, b=2}"),
    &[of("AS_MAP(keys ARRAY<VARCHAR>, values ARRAY<T>) -> MAP<VARCHAR,T>", Rows(as_map))],
);

fn as_map(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Value::Array(keys), Value::Array(values)) = (&args[0], &args[1]) else {
        return Ok(Value::Null);
    };
    let mut map = TextMap::default();
    for (at, key) in keys.iter().enumerate() {
        let key = key.as_str().ok_or("a key of a map must not be null")?;
        map.put(key, values.get(at).cloned().unwrap_or(Value::Null));
    }
    Ok(map.finish())
}

pub(super) const ENTRIES: ScalarFunction = function(
    "ENTRIES",
    "The entries of a map as an array of structs with the fields K and V, sorted by key if asked.",
    ("ENTRIES(MAP('b' := 1, 'a' := 2), TRUE)", "[Struct{K=a,V=2}, Struct{K=b,V=1}]"),
    &[
        of(
            "ENTRIES(map MAP<VARCHAR,INT>, sorted BOOLEAN) -> ARRAY<STRUCT<K STRING, V INT>>",
            Rows(entries),
        ),
        of(
            "ENTRIES(map MAP<VARCHAR,BIGINT>, sorted BOOLEAN) -> \
             ARRAY<STRUCT<K STRING, V BIGINT>>",
            Rows(entries),
        ),
        of(
            "ENTRIES(map MAP<VARCHAR,DOUBLE>, sorted BOOLEAN) -> \
             ARRAY<STRUCT<K STRING, V DOUBLE>>",
            Rows(entries),
        ),
        of(
            "ENTRIES(map MAP<VARCHAR,BOOLEAN>, sorted BOOLEAN) -> \
             ARRAY<STRUCT<K STRING, V BOOLEAN>>",
            Rows(entries),
        ),
        of(
            "ENTRIES(map MAP<VARCHAR,VARCHAR>, sorted BOOLEAN) -> \
             ARRAY<STRUCT<K STRING, V STRING>>",
            Rows(entries),
        ),
    ],
);

fn entries(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let sorted = args[1].as_bool().ok_or("ENTRIES must be told whether to sort, not null")?;
    let Value::Map(map) = &args[0] else { return Ok(Value::Null) };
    let mut map: Vec<_> = map.iter().collect();
    if sorted {
        map.sort_by(|(a, _), (b, _)| a.sql_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    }
    let entry = |(key, value): &(Value, Value)| Value::Struct(vec![key.clone(), value.clone()]);
    Ok(Value::Array(map.into_iter().map(entry).collect()))
}

pub(super) const MAP_KEYS: ScalarFunction = function(
    "MAP_KEYS",
    "The keys of a map.",
    ("MAP_KEYS(MAP('a' := 1, 'b' := 2))", "[a, b]"),
    &[of("MAP_KEYS(input MAP<VARCHAR,T>) -> ARRAY<VARCHAR>", Rows(map_keys))],
);

fn map_keys(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let Value::Map(map) = &args[0] else { return Ok(Value::Null) };
    Ok(Value::Array(map.iter().map(|(key, _)| key.clone()).collect()))
}

pub(super) const MAP_VALUES: ScalarFunction = function(
    "MAP_VALUES",
    "The values of a map.",
    ("MAP_VALUES(MAP('a' := 1, 'b' := 2))", "[1, 2]"),
    &[of("MAP_VALUES(input MAP<VARCHAR,T>) -> ARRAY<T>", Rows(map_values))],
);

fn map_values(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let Value::Map(map) = &args[0] else { return Ok(Value::Null) };
    Ok(Value::Array(map.iter().map(|(_, value)| value.clone()).collect()))
}

pub(super) const MAP_UNION: ScalarFunction = function(
    "MAP_UNION",
    "The entries of both maps; where both have a key, the second's. NULL counts as empty unless \
     both are.",
    ("MAP_UNION(MAP('a' := 1), MAP('a' := 2, 'b' := 3))", "{a=2, b=3}"),
    &[of("MAP_UNION(map1 MAP<VARCHAR,T>, map2 MAP<VARCHAR,T>) -> MAP<VARCHAR,T>", Rows(map_union))],
);

fn map_union(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    if args.iter().all(Value::is_null) {
        return Ok(Value::Null);
    }
    let mut union = TextMap::default();
    for map in args {
        let Value::Map(map) = map else { continue };
        for (key, value) in map {
            union.put(key.as_str().ok_or("a key of a map must not be null")?, value.clone());
        }
    }
    Ok(union.finish())
}
