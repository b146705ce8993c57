//! What the formats' speed is measured by: rows as in the pipeline the project grew out of, made
//! once, and closures that read or write all of them. The caller keeps the time.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::ArrayRef;
use bytes::Bytes;
use model::column::ColumnBuilder;
use model::{Field, Format, FormatKind, SqlType, Value};

use crate::codec::{Decoder, decoder, encoder};
use crate::error::CodecError;
use crate::registry::{MemoryRegistry, Registry};

/// Rows in one batch.
const BATCH_ROWS: usize = 1000;

/// A measured piece of work: each call does it once over all rows, and says how many there were.
pub struct Bench {
    /// What it is called.
    pub name: &'static str,
    /// Does it.
    pub run: Box<dyn FnMut() -> usize>,
}

/// All of them, over so many rows each.
pub fn benches(rows: usize) -> Result<Vec<Bench>, CodecError> {
    Ok(vec![
        bench_delimited_decode(rows)?,
        bench_protobuf_encode(rows)?,
        bench_protobuf_decode(rows)?,
        bench_json_decode(rows)?,
        bench_json_encode(rows)?,
        bench_avro_encode(rows)?,
        bench_avro_decode(rows)?,
    ])
}

/// DELIMITED rows of about 110 bytes to 9 columns.
pub fn bench_delimited_decode(rows: usize) -> Result<Bench, CodecError> {
    let format = Format::new(FormatKind::Delimited);
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let decoder = decoder(&format, &source_columns(), false, "carparks", &registry)?;
    let batches = in_batches((0..rows).map(source_row).collect());
    Ok(decoding("delimited_decode", decoder, batches, None))
}

/// 13 columns with a STRUCT to PROTOBUF.
pub fn bench_protobuf_encode(rows: usize) -> Result<Bench, CodecError> {
    encoding("protobuf_encode", FormatKind::Protobuf, rows)
}

/// PROTOBUF to 10 columns of 13.
pub fn bench_protobuf_decode(rows: usize) -> Result<Bench, CodecError> {
    round_trip("protobuf_decode", FormatKind::Protobuf, rows)
}

/// 13 columns with a STRUCT to JSON.
pub fn bench_json_encode(rows: usize) -> Result<Bench, CodecError> {
    encoding("json_encode", FormatKind::Json, rows)
}

/// JSON to 10 columns of 13.
pub fn bench_json_decode(rows: usize) -> Result<Bench, CodecError> {
    round_trip("json_decode", FormatKind::Json, rows)
}

/// 13 columns with a STRUCT to AVRO.
pub fn bench_avro_encode(rows: usize) -> Result<Bench, CodecError> {
    encoding("avro_encode", FormatKind::Avro, rows)
}

/// AVRO to 10 columns of 13.
pub fn bench_avro_decode(rows: usize) -> Result<Bench, CodecError> {
    round_trip("avro_decode", FormatKind::Avro, rows)
}

fn source_columns() -> Vec<(String, SqlType)> {
    let columns = [
        ("DATE", SqlType::String),
        ("TIME", SqlType::String),
        ("NAME", SqlType::String),
        ("CAPACITY", SqlType::Integer),
        ("EMPTY_PLACES", SqlType::Integer),
        ("STATUS", SqlType::String),
        ("LATITUDE", SqlType::Double),
        ("LONGITUDE", SqlType::Double),
        ("DIRECTIONSURL", SqlType::String),
    ];
    columns.map(|(name, ty)| (name.to_string(), ty)).to_vec()
}

fn event_columns() -> Vec<(String, SqlType)> {
    let location = SqlType::Struct(vec![
        Field::new("LATITUDE", SqlType::Double),
        Field::new("LONGITUDE", SqlType::Double),
    ]);
    let mut columns = source_columns();
    columns.push(("TS".to_string(), SqlType::Timestamp));
    columns.push(("PCT_FULL".to_string(), SqlType::Double));
    columns.push(("LOCATION".to_string(), location));
    columns.push(("SOURCE".to_string(), SqlType::String));
    columns
}

fn source_row(i: usize) -> Bytes {
    let mut row = String::new();
    let (name, free) = (i % 23, i * 7 % 400);
    let _ = write!(
        row,
        "2020-07-{:02},{:02}{:02},Car park {name} Street,{},{free},Spaces,\
         53.79{:04}89,-1.75{:04}21,\
         \"https://maps.example/?daddr=53.79{:04},-1.75{:04}\"",
        1 + i % 28,
        i % 24,
        i % 60,
        400 + name,
        i % 9973,
        i % 9967,
        i % 9973,
        i % 9967,
    );
    Bytes::from(row)
}

fn event_row(i: usize) -> Vec<Value> {
    let text = |text: String| Value::String(text);
    let (latitude, longitude) = (53.79 + i as f64 / 1e7, -1.75 - i as f64 / 1e7);
    vec![
        text(format!("2020-07-{:02}", 1 + i % 28)),
        text(format!("{:02}{:02}", i % 24, i % 60)),
        text(format!("Car park {} Street", i % 23)),
        Value::Integer(400),
        Value::Integer((i * 7 % 400) as i32),
        text("Spaces".to_string()),
        Value::Double(latitude),
        Value::Double(longitude),
        text(format!("https://maps.example/?daddr={latitude:.6},{longitude:.6}")),
        Value::Timestamp(1_595_350_000_000 + i as i64 * 1000),
        Value::Double(i as f64 % 100.0),
        Value::Struct(vec![Value::Double(latitude), Value::Double(longitude)]),
        text("v2/carparks".to_string()),
    ]
}

fn event_batches(rows: usize) -> Vec<(Vec<ArrayRef>, usize)> {
    let columns = event_columns();
    let batch = |start: usize| {
        let end = rows.min(start + BATCH_ROWS);
        let builders = columns.iter().map(|(_, ty)| ColumnBuilder::new(ty, end - start));
        let mut builders: Vec<_> = builders.collect();
        for i in start..end {
            builders.iter_mut().zip(event_row(i)).for_each(|(b, value)| b.append(&value));
        }
        let arrays = builders.into_iter().map(ColumnBuilder::finish).collect();
        (arrays, end - start)
    };
    (0..rows).step_by(BATCH_ROWS).map(batch).collect()
}

fn encoding(name: &'static str, kind: FormatKind, rows: usize) -> Result<Bench, CodecError> {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let columns = event_columns();
    let encoder = encoder(&Format::new(kind), &columns, false, "events", &registry)?;
    let batches = event_batches(rows);
    let run = move || {
        let encode = |(arrays, rows): &(Vec<ArrayRef>, usize)| {
            encoder.encode(arrays, None, *rows).payloads.len()
        };
        batches.iter().map(encode).sum()
    };
    Ok(Bench { name, run: Box::new(run) })
}

/// Three columns that a table does not look at.
const UNWANTED: [&str; 3] = ["DATE", "TIME", "SOURCE"];

fn round_trip(name: &'static str, kind: FormatKind, rows: usize) -> Result<Bench, CodecError> {
    let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
    let columns = event_columns();
    let format = Format::new(kind);
    let encoder = encoder(&format, &columns, false, "events", &registry)?;
    let payloads = event_batches(rows)
        .iter()
        .flat_map(|(arrays, rows)| encoder.encode(arrays, None, *rows).payloads)
        .flatten()
        .collect();
    let decoder = decoder(&format, &columns, false, "events", &registry)?;
    let wanted = columns.iter().map(|(name, _)| !UNWANTED.contains(&name.as_str())).collect();
    Ok(decoding(name, decoder, in_batches(payloads), Some(wanted)))
}

fn decoding(
    name: &'static str,
    decoder: Box<dyn Decoder>,
    batches: Vec<Vec<Option<Bytes>>>,
    wanted: Option<Vec<bool>>,
) -> Bench {
    let run = move || {
        let decode = |batch: &Vec<Option<Bytes>>| {
            let batch: Vec<_> = batch.iter().map(Option::as_deref).collect();
            let decoded = decoder.decode_projected(&batch, wanted.as_deref());
            assert!(decoded.errors.is_empty(), "all rows are good: {:?}", decoded.errors);
            decoded.columns.first().map_or(0, |column| column.len())
        };
        batches.iter().map(decode).sum()
    };
    Bench { name, run: Box::new(run) }
}

fn in_batches(payloads: Vec<Bytes>) -> Vec<Vec<Option<Bytes>>> {
    payloads.chunks(BATCH_ROWS).map(|c| c.iter().cloned().map(Some).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bench_handles_all_its_rows() {
        for mut bench in benches(2500).unwrap_or_else(|e| panic!("{e}")) {
            assert_eq!((bench.run)(), 2500, "{}", bench.name);
        }
    }
}
