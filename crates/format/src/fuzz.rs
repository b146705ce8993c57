//! Entry points for fuzzers: any bytes, which must neither panic nor take memory out of proportion.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use model::{Field, Format, FormatKind, ProtobufNulls, SqlType};

use crate::codec::{Decoder, decoder, subject};
use crate::registry::{
    MemoryRegistry, NewSchema, Registry, ResolvedSchema, SchemaId, SchemaText, SchemaType,
};
use crate::{avro, infer, json_sr, protobuf, schema};

const TOPIC: &str = "fuzz";

/// A column of each type, nested ones too.
fn columns(with_nested: bool) -> Vec<(String, SqlType)> {
    let mut types = vec![
        SqlType::Boolean,
        SqlType::Integer,
        SqlType::Bigint,
        SqlType::Double,
        SqlType::decimal(10, 2),
        SqlType::String,
        SqlType::Bytes,
        SqlType::Date,
        SqlType::Time,
        SqlType::Timestamp,
    ];
    if with_nested {
        let inner = vec![
            Field::new("P", SqlType::Integer),
            Field::new("Q", SqlType::array(SqlType::String)),
        ];
        types.push(SqlType::array(SqlType::Integer));
        types.push(SqlType::map(SqlType::String, SqlType::Bigint));
        types.push(SqlType::Struct(inner.clone()));
        types.push(SqlType::array(SqlType::Struct(inner)));
    }
    types.into_iter().enumerate().map(|(i, ty)| (format!("C{i}"), ty)).collect()
}

/// The decoder of a format for these columns. It is made once: making it takes longer than what a
/// fuzzer is after.
fn decoder_of(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
) -> Option<Arc<dyn Decoder>> {
    type Made = HashMap<(Format, Vec<(String, SqlType)>, bool), Option<Arc<dyn Decoder>>>;
    static MADE: LazyLock<Mutex<Made>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let decoder = made.entry((format.clone(), columns.to_vec(), is_key)).or_insert_with(|| {
        let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
        if let Ok(Some(text)) = crate::codec::schema_of(format, columns, is_key) {
            let registered = registry.register(&subject(TOPIC, is_key), text.into());
            assert!(registered.is_ok(), "the schema of columns is one: {registered:?}");
        }
        decoder(format, columns, is_key, TOPIC, &registry).ok().map(Arc::from)
    });
    decoder.clone()
}

fn decode(format: &Format, columns: &[(String, SqlType)], is_key: bool, data: &[u8]) {
    let Some(decoder) = decoder_of(format, columns, is_key) else { return };
    // With and without the frame in front, so that the fuzzer need not find it.
    let framed = [&[0, 0, 0, 0, 1, 0][..], data].concat();
    for payload in [Bytes::copy_from_slice(data), framed.into()] {
        let decoded = decoder.decode(&[Some(payload), None]);
        assert!(decoded.columns.iter().all(|column| column.len() == 2));
    }
}

/// DELIMITED payloads.
pub fn fuzz_delimited(data: &[u8]) {
    for delimiter in [',', '|', '\t', 'ä'] {
        let mut format = Format::new(FormatKind::Delimited);
        format.delimiter = Some(delimiter);
        decode(&format, &columns(false), false, data);
        decode(&format, &columns(false)[5..6], true, data);
    }
}

/// JSON payloads, also as JSON_SR reads them.
pub fn fuzz_json(data: &[u8]) {
    for kind in [FormatKind::Json, FormatKind::JsonSr] {
        decode(&Format::new(kind), &columns(true), false, data);
        for column in columns(true) {
            decode(&Format::new(kind), &[column], true, data);
        }
    }
}

/// AVRO payloads of the schema that is made of columns.
pub fn fuzz_avro(data: &[u8]) {
    decode(&Format::new(FormatKind::Avro), &columns(true), false, data);
    for column in columns(true) {
        decode(&Format::new(FormatKind::Avro), &[column], true, data);
    }
}

/// PROTOBUF payloads of the schemas that are made of columns.
pub fn fuzz_protobuf(data: &[u8]) {
    for nulls in [None, Some(ProtobufNulls::Optional), Some(ProtobufNulls::Wrapper)] {
        for kind in [FormatKind::Protobuf, FormatKind::ProtobufNosr] {
            let mut format = Format::new(kind);
            format.protobuf_nulls = nulls;
            decode(&format, &columns(true), false, data);
        }
    }
}

/// Avro schemas: parsed, written, taken for columns, and payloads read by them.
pub fn fuzz_avro_schema(data: &[u8]) {
    fuzz_schema(SchemaType::Avro, FormatKind::Avro, data);
}

/// Protobuf schemas.
pub fn fuzz_protobuf_schema(data: &[u8]) {
    fuzz_schema(SchemaType::Protobuf, FormatKind::Protobuf, data);
}

/// JSON Schemas.
pub fn fuzz_json_schema(data: &[u8]) {
    fuzz_schema(SchemaType::Json, FormatKind::JsonSr, data);
}

/// What is before a zero byte is the schema, what is behind it a payload.
fn fuzz_schema(schema_type: SchemaType, kind: FormatKind, data: &[u8]) {
    let mut parts = data.splitn(2, |b| *b == 0);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let payload = parts.next().unwrap_or_default();
    let text = SchemaText::new(schema_type, text);
    let resolved = ResolvedSchema { text: Arc::new(text.clone()), references: Vec::new() };
    let Ok(canonical) = schema::canonical(&resolved) else { return };
    let again = ResolvedSchema {
        text: Arc::new(SchemaText { schema: canonical.clone(), ..text.clone() }),
        references: Vec::new(),
    };
    assert_eq!(schema::canonical(&again).as_ref(), Ok(&canonical), "written twice it is the same");
    let format = Format::new(kind);
    match schema_type {
        SchemaType::Avro => drop(avro::schema::parse(&canonical, &[])),
        SchemaType::Json => drop(json_sr::schema::parse(&canonical, &[])),
        SchemaType::Protobuf => drop(protobuf::compile(&canonical, &[])),
    }
    let Ok(columns) = infer::columns_of(&format, false, &resolved) else { return };
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let new = NewSchema::from(text);
    let Ok(registered) = registry.register(&subject(TOPIC, false), new) else { return };
    assert_eq!(registered.id, SchemaId(1));
    if let Ok(decoder) = decoder(&format, &columns, false, TOPIC, &registry) {
        let framed = [&[0, 0, 0, 0, 1, 0][..], payload].concat();
        decoder.decode(&[Some(framed.into())]);
    }
}
