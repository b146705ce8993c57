//! Every format gives back what it was given, and takes any bytes without harm.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use bytes::Bytes;
use format::{MemoryRegistry, Registry, decoder, encoder, fuzz};
use model::column::{column_of, value_at};
use model::{Decimal, Field, Format, FormatKind, ProtobufNulls, SqlType, Value};
use proptest::prelude::*;

/// What a format can tell apart.
#[derive(Clone, Copy)]
struct Abilities {
    is_nested: bool,
    /// ARRAY of ARRAY and the like.
    is_deeply_nested: bool,
    has_nulls: bool,
    has_nulls_inside: bool,
    has_empty_texts: bool,
}

fn scalar_type() -> impl Strategy<Value = SqlType> {
    prop_oneof![
        Just(SqlType::Boolean),
        Just(SqlType::Integer),
        Just(SqlType::Bigint),
        Just(SqlType::Double),
        (1u8..=38).prop_flat_map(|p| (Just(p), 0..=p)).prop_map(|(p, s)| SqlType::decimal(p, s)),
        Just(SqlType::String),
        Just(SqlType::Bytes),
        Just(SqlType::Date),
        Just(SqlType::Time),
        Just(SqlType::Timestamp),
    ]
}

fn struct_of(inner: impl Strategy<Value = SqlType>) -> impl Strategy<Value = SqlType> {
    proptest::collection::vec(inner, 1..4).prop_map(|types| {
        let name = |i: usize| format!("F{i}");
        SqlType::Struct(
            types.into_iter().enumerate().map(|(i, ty)| Field::new(name(i), ty)).collect(),
        )
    })
}

fn any_type(abilities: Abilities) -> BoxedStrategy<SqlType> {
    if !abilities.is_nested {
        return scalar_type().boxed();
    }
    if !abilities.is_deeply_nested {
        let element = prop_oneof![scalar_type(), struct_of(scalar_type())];
        return prop_oneof![
            4 => scalar_type(),
            1 => element.clone().prop_map(SqlType::array),
            1 => element.clone().prop_map(|ty| SqlType::map(SqlType::String, ty)),
            1 => struct_of(element.clone().prop_map(SqlType::array)),
        ]
        .boxed();
    }
    scalar_type()
        .prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(SqlType::array),
                inner.clone().prop_map(|ty| SqlType::map(SqlType::String, ty)),
                struct_of(inner),
            ]
        })
        .boxed()
}

fn any_value(ty: &SqlType, abilities: Abilities, is_inside: bool) -> BoxedStrategy<Value> {
    let value = some_value(ty, abilities);
    let may_be_null = if is_inside { abilities.has_nulls_inside } else { abilities.has_nulls };
    match may_be_null {
        true => prop_oneof![4 => value, 1 => Just(Value::Null)].boxed(),
        false => value,
    }
}

fn some_value(ty: &SqlType, abilities: Abilities) -> BoxedStrategy<Value> {
    let shortest = usize::from(!abilities.has_empty_texts);
    match ty {
        SqlType::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        SqlType::Integer => any::<i32>().prop_map(Value::Integer).boxed(),
        SqlType::Bigint => any::<i64>().prop_map(Value::Bigint).boxed(),
        SqlType::Double => {
            use proptest::num::f64::{NORMAL, ZERO};
            (NORMAL | ZERO).prop_map(|v| Value::Double(v + 0.0)).boxed()
        }
        SqlType::Decimal { precision, scale } => {
            let (limit, scale) = (10i128.pow(u32::from(*precision)) - 1, *scale);
            let decimal = move |n: i128| Value::Decimal(Decimal::new(i256(n), scale));
            (-limit..=limit).prop_map(decimal).boxed()
        }
        SqlType::String => {
            let text = proptest::collection::vec(any::<char>(), shortest..8);
            text.prop_map(|chars| Value::String(chars.into_iter().collect())).boxed()
        }
        SqlType::Bytes => {
            let bytes = proptest::collection::vec(any::<u8>(), shortest..8);
            bytes.prop_map(|b| Value::Bytes(Bytes::from(b))).boxed()
        }
        SqlType::Date => (-700_000i32..2_900_000).prop_map(Value::Date).boxed(),
        SqlType::Time => (0i32..86_400_000).prop_map(Value::Time).boxed(),
        SqlType::Timestamp => {
            (-62_000_000_000_000i64..253_000_000_000_000).prop_map(Value::Timestamp).boxed()
        }
        SqlType::Array(element) => {
            let items = proptest::collection::vec(any_value(element, abilities, true), 0..4);
            items.prop_map(Value::Array).boxed()
        }
        SqlType::Map(_, value) => {
            let values = proptest::collection::vec(any_value(value, abilities, true), 0..4);
            let key = |i: usize| Value::String(format!("k{i}"));
            let map = move |values: Vec<Value>| {
                Value::Map(values.into_iter().enumerate().map(|(i, v)| (key(i), v)).collect())
            };
            values.prop_map(map).boxed()
        }
        SqlType::Struct(fields) => {
            let values: Vec<_> = fields.iter().map(|f| any_value(&f.ty, abilities, true)).collect();
            values.prop_map(Value::Struct).boxed()
        }
    }
}

fn i256(n: i128) -> arrow_buffer::i256 {
    arrow_buffer::i256::from_i128(n)
}

type Table = (Vec<SqlType>, Vec<Vec<Value>>);

fn table(abilities: Abilities) -> impl Strategy<Value = Table> {
    proptest::collection::vec(any_type(abilities), 1..6).prop_flat_map(move |types| {
        let row: Vec<_> = types.iter().map(|ty| any_value(ty, abilities, false)).collect();
        (Just(types), proptest::collection::vec(row, 1..5))
    })
}

/// Writes and reads the rows, and compares. `None`: the format cannot hold the columns.
fn check(format: &Format, is_key: bool, (types, rows): &Table) -> Result<(), TestCaseError> {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let columns: Vec<_> =
        types.iter().enumerate().map(|(i, ty)| (format!("C{i}"), ty.clone())).collect();
    let encoder = encoder(format, &columns, is_key, "t", &registry);
    let encoder = encoder.map_err(|e| TestCaseError::fail(e.to_string()))?;
    let arrays: Vec<ArrayRef> = types
        .iter()
        .enumerate()
        .map(|(i, ty)| column_of(ty, rows.iter().map(|row| &row[i])))
        .collect();
    let encoded = encoder.encode(&arrays, None, rows.len());
    prop_assert!(encoded.errors.is_empty(), "{:?}", encoded.errors);
    let decoder = decoder(format, &columns, is_key, "t", &registry);
    let decoder = decoder.map_err(|e| TestCaseError::fail(e.to_string()))?;
    let decoded = decoder.decode(&encoded.payloads);
    prop_assert!(decoded.errors.is_empty(), "{:?}", decoded.errors);
    for (i, ty) in types.iter().enumerate() {
        for (row, values) in rows.iter().enumerate() {
            prop_assert_eq!(&value_at(ty, &decoded.columns[i], row), &values[i]);
        }
    }
    // Some columns only: they are as before, the others null.
    let wanted: Vec<_> = (0..types.len()).map(|i| i % 2 == 0).collect();
    let payloads: Vec<_> = encoded.payloads.iter().map(Option::as_deref).collect();
    let projected = decoder.decode_projected(&payloads, Some(&wanted));
    for (i, is_wanted) in wanted.iter().enumerate() {
        match is_wanted {
            true => prop_assert_eq!(&projected.columns[i], &decoded.columns[i]),
            false => prop_assert_eq!(projected.columns[i].null_count(), rows.len()),
        }
    }
    // Cut off anywhere, a payload is an error or another row, never a panic.
    let cut = |payload: &Option<Bytes>| {
        let payload = payload.as_ref()?;
        Some(payload.slice(..payload.len() / 2))
    };
    let short: Vec<_> = encoded.payloads.iter().map(cut).collect();
    let decoded = decoder.decode(&short);
    prop_assert!(decoded.columns.iter().all(|c| c.len() == rows.len()));
    Ok(())
}

const FLAT: Abilities = Abilities {
    is_nested: false,
    is_deeply_nested: false,
    has_nulls: true,
    has_nulls_inside: false,
    has_empty_texts: false,
};
const NESTED: Abilities = Abilities {
    is_nested: true,
    is_deeply_nested: true,
    has_nulls: true,
    has_nulls_inside: true,
    has_empty_texts: true,
};
const PLAIN_PROTOBUF: Abilities = Abilities {
    is_nested: true,
    is_deeply_nested: false,
    has_nulls: false,
    has_nulls_inside: false,
    has_empty_texts: true,
};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn delimited_round_trips(table in table(FLAT)) {
        // A row of nothing but a null is an empty line, which is no row.
        let (mut types, mut rows) = table;
        types.push(SqlType::Integer);
        rows.iter_mut().for_each(|row| row.push(Value::Integer(-1)));
        let table = (types, rows);
        check(&Format::new(FormatKind::Delimited), false, &table)?;
        let mut tabs = Format::new(FormatKind::Delimited);
        tabs.delimiter = Some('\t');
        check(&tabs, true, &table)?;
    }

    #[test]
    fn json_round_trips(table in table(NESTED)) {
        check(&Format::new(FormatKind::Json), false, &table)?;
        check(&Format::new(FormatKind::Json), true, &table)?;
    }

    #[test]
    fn json_sr_round_trips(table in table(NESTED)) {
        check(&Format::new(FormatKind::JsonSr), false, &table)?;
        check(&Format::new(FormatKind::JsonSr), true, &table)?;
    }

    #[test]
    fn avro_round_trips(table in table(NESTED)) {
        check(&Format::new(FormatKind::Avro), false, &table)?;
        check(&Format::new(FormatKind::Avro), true, &table)?;
    }

    #[test]
    fn protobuf_round_trips_but_for_nulls(table in table(PLAIN_PROTOBUF)) {
        check(&Format::new(FormatKind::Protobuf), false, &table)?;
        check(&Format::new(FormatKind::Protobuf), true, &table)?;
        check(&Format::new(FormatKind::ProtobufNosr), false, &table)?;
    }

    #[test]
    fn protobuf_round_trips_nulls_where_it_has_them(
        table in table(Abilities { has_nulls: true, is_nested: false, ..PLAIN_PROTOBUF }),
    ) {
        for nulls in [ProtobufNulls::Optional, ProtobufNulls::Wrapper] {
            let mut format = Format::new(FormatKind::Protobuf);
            format.protobuf_nulls = Some(nulls);
            check(&format, false, &table)?;
        }
    }

    #[test]
    fn kafka_round_trips(n in any::<i64>(), d in proptest::num::f64::NORMAL, s in ".*") {
        let format = Format::new(FormatKind::Kafka);
        let rows = |value: Value| vec![vec![value], vec![Value::Null]];
        check(&format, true, &(vec![SqlType::Bigint], rows(Value::Bigint(n))))?;
        check(&format, true, &(vec![SqlType::Integer], rows(Value::Integer(n as i32))))?;
        check(&format, false, &(vec![SqlType::Double], rows(Value::Double(d))))?;
        check(&format, false, &(vec![SqlType::String], rows(Value::String(s))))?;
    }

    #[test]
    fn any_bytes_are_taken_without_harm(data in proptest::collection::vec(any::<u8>(), 0..64)) {
        fuzz::fuzz_delimited(&data);
        fuzz::fuzz_json(&data);
        fuzz::fuzz_avro(&data);
        fuzz::fuzz_protobuf(&data);
    }

    #[test]
    fn any_text_is_taken_for_a_schema_without_harm(
        words in proptest::collection::vec(0..WORDS.len(), 0..24),
    ) {
        let text: String = words.into_iter().map(|i| WORDS[i]).collect();
        fuzz::fuzz_avro_schema(text.as_bytes());
        fuzz::fuzz_json_schema(text.as_bytes());
        fuzz::fuzz_protobuf_schema(text.as_bytes());
    }
}

/// What schemas are made of.
const WORDS: [&str; 28] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"type\":",
    "\"record\"",
    "\"name\":",
    "\"A\"",
    "\"fields\":",
    "\"int\"",
    "\"null\"",
    "\"items\":",
    "\"array\"",
    "\"$ref\":\"#\"",
    "\"properties\":",
    "\"object\"",
    "\"oneOf\":",
    "syntax = \"proto3\";",
    "message A ",
    "int32 a = 1;",
    "repeated A b = 2;",
    "oneof c ",
    "map<string, A> d = 3;",
    "enum E ",
    "\0",
    "\"size\":9",
];

#[test]
fn hostile_lengths_do_not_take_memory() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    for tag in 0..=u8::MAX {
        let data = [&[tag][..], &huge].concat();
        fuzz::fuzz_avro(&data);
        fuzz::fuzz_protobuf(&data);
    }
    fuzz::fuzz_json("[".repeat(100_000).as_bytes());
    fuzz::fuzz_json("{\"C13\":".repeat(50_000).as_bytes());
    fuzz::fuzz_avro_schema("{\"type\":".repeat(10_000).as_bytes());
    fuzz::fuzz_json_schema(b"{\"$ref\":\"#\"}");
    let endless = b"{\"type\":\"array\",\"items\":\"null\"}\0\xfe\xff\xff\xff\xff\xff\xff\xff\x7f";
    fuzz::fuzz_avro_schema(endless);
}
