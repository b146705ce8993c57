//! What queries answer: a header and rows, in the shape the client asked for, a row a chunk.
//!
//! | shape | header | row | end |
//! |---|---|---|---|
//! | delimited | `{"queryId":…,"columnNames":…}` | `[1,"a"]` | nothing, or an error's line |
//! | JSON array | the same, within `[` `]` | `,[1,"a"]` | `]` |
//! | streamed rows | `[{"header":{…}},` | `{"row":{"columns":[1,"a"]}},` | `{"finalMessage":…}]` |
//! | protobuf | the same with `protoSchema` | `{"row":{"protobufBytes":"CAE="}},` | the same |
//!
//! Tombstones are rows of the last two shapes only; in the others they are left out.

use std::fmt::Write as _;

use std::sync::Arc;

use bytes::Bytes;
use format::Encoder;
use format::registry::MemoryRegistry;
use model::text::base64_text;
use model::{Column, Format, FormatKind, Namespace};
use serde_json::{Value, json};
use stream::answer::ResultHeader;
use stream::rows::RowBatch;

use crate::error::ApiError;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A line each.
    Delimited,
    /// One array of arrays.
    JsonArray,
    /// One array of objects.
    StreamedRows,
    /// The same, each row a message in PROTOBUF.
    Protobuf,
}

impl Shape {
    fn is_array_of_objects(self) -> bool {
        matches!(self, Shape::StreamedRows | Shape::Protobuf)
    }
}

/// Does the writer know when the last row comes?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Yes: a pull query on a table. No comma stands behind the last row, and no message ends it.
    Known,
    /// No: rows come while they come, each whole with its comma, and a message ends them.
    Open,
}

/// Writes one answer.
pub struct RowWriter {
    shape: Shape,
    ends: Ends,
    columns: Vec<Column>,
    messages: Option<Box<dyn Encoder>>,
}

impl RowWriter {
    /// A writer, and the chunk with the header. Columns that PROTOBUF cannot hold are an error.
    pub fn start(
        shape: Shape,
        ends: Ends,
        header: &ResultHeader,
    ) -> Result<(Self, Bytes), ApiError> {
        let columns = header.schema.columns.clone();
        let id = &header.query_id;
        let comma = if ends == Ends::Open { ",\n" } else { "" };
        let mut messages = None;
        let chunk = match shape {
            Shape::Delimited => format!("{}\n", meta(id, &columns)),
            Shape::JsonArray => format!("[{}", meta(id, &columns)),
            Shape::StreamedRows => {
                let schema = schema_text(&columns);
                let header = json!({ "header": { "queryId": id, "schema": schema } });
                format!("[{header}{comma}")
            }
            Shape::Protobuf => {
                let (proto, encoder) = protobuf(&columns)?;
                messages = Some(encoder);
                let schema = schema_text(&columns);
                let header = json!({
                    "header": { "queryId": id, "schema": schema, "protoSchema": proto },
                });
                format!("[{header}{comma}")
            }
        };
        Ok((Self { shape, ends, columns, messages }, Bytes::from(chunk)))
    }

    /// Appends one row to a chunk; nothing if this shape leaves it out. A row that PROTOBUF cannot
    /// hold (a null in an array) is an error, and nothing is appended.
    pub fn row(&self, batch: &RowBatch, row: usize, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let tombstone = batch.is_tombstone(row);
        let message = match &self.messages {
            Some(encoder) => message(encoder.as_ref(), batch, row)?,
            None => String::new(),
        };
        match self.shape {
            Shape::Delimited | Shape::JsonArray if tombstone => {}
            Shape::Delimited => {
                self.cells(batch, row, out);
                out.push(b'\n');
            }
            Shape::JsonArray => {
                out.push(b',');
                self.cells(batch, row, out);
            }
            Shape::StreamedRows | Shape::Protobuf => {
                if self.ends == Ends::Known {
                    out.extend_from_slice(b",\n");
                }
                if self.messages.is_some() {
                    out.extend_from_slice(b"{\"row\":{\"protobufBytes\":\"");
                    out.extend_from_slice(message.as_bytes());
                    out.push(b'"');
                } else {
                    out.extend_from_slice(b"{\"row\":{\"columns\":");
                    self.cells(batch, row, out);
                }
                out.extend_from_slice(if tombstone { b",\"tombstone\":true}}" } else { b"}}" });
                if self.ends == Ends::Open {
                    out.extend_from_slice(b",\n");
                }
            }
        }
        Ok(())
    }

    fn cells(&self, batch: &RowBatch, row: usize, out: &mut Vec<u8>) {
        out.push(b'[');
        for (i, (column, array)) in self.columns.iter().zip(&batch.columns).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            model::text::write_json(&column.ty, array, row, out);
        }
        out.push(b']');
    }

    /// The last chunk of an answer that ended well; `message` is told where the shape has a place.
    pub fn finish(&self, message: &str) -> Bytes {
        match (self.shape, self.ends) {
            (Shape::Delimited, _) => Bytes::new(),
            (shape, Ends::Open) if shape.is_array_of_objects() => {
                Bytes::from(format!("{}]", json!({ "finalMessage": message })))
            }
            _ => Bytes::from_static(b"]"),
        }
    }

    /// The last chunk of an answer that broke off: the error, where the shape has a place.
    pub fn fail(&self, error: &Value) -> Bytes {
        Bytes::from(match (self.shape, self.ends) {
            (Shape::Delimited, _) => format!("{error}\n"),
            (Shape::JsonArray, _) => format!(",{error}]"),
            (_, Ends::Known) => format!(",\n{}]", json!({ "errorMessage": error })),
            (_, Ends::Open) => format!("{}]", json!({ "errorMessage": error })),
        })
    }
}

/// A row as a message, in base64.
fn message(encoder: &dyn Encoder, batch: &RowBatch, row: usize) -> Result<String, ApiError> {
    let cells: Vec<_> = batch.columns.iter().map(|column| column.slice(row, 1)).collect();
    let mut encoded = encoder.encode(&cells, None, 1);
    match encoded.errors.pop() {
        Some(error) => {
            let message = format!("a row cannot be written as PROTOBUF: {}", error.cause);
            Err(ApiError::untyped(50_000, message))
        }
        None => Ok(base64_text(&encoded.payloads.pop().flatten().unwrap_or_default())),
    }
}

/// The schema of a message with these columns, and what writes it.
fn protobuf(columns: &[Column]) -> Result<(String, Box<dyn Encoder>), ApiError> {
    let named: Vec<_> = columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect();
    let refuse = |error: format::CodecError| ApiError::untyped(40_000, error.to_string());
    let schema = format::schema_of(&Format::new(FormatKind::Protobuf), &named, false);
    let schema = schema.map_err(refuse)?.map(|text| text.schema).unwrap_or_default();
    // Messages stand alone: nothing is registered, and nothing stands before them.
    let bare = Format { wrap_single: Some(true), ..Format::new(FormatKind::ProtobufNosr) };
    let nothing: Arc<dyn format::Registry> = Arc::new(MemoryRegistry::new());
    let encoder = format::encoder(&bare, &named, false, "", &nothing).map_err(refuse)?;
    Ok((schema, encoder))
}

fn meta(query_id: &str, columns: &[Column]) -> Value {
    let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    let types: Vec<String> = columns.iter().map(|c| c.ty.to_string()).collect();
    json!({ "queryId": query_id, "columnNames": names, "columnTypes": types })
}

/// `` `A` BIGINT KEY, `B` STRING ``
fn schema_text(columns: &[Column]) -> String {
    let mut text = String::new();
    for (i, column) in columns.iter().enumerate() {
        let comma = if i == 0 { "" } else { ", " };
        let key = if column.namespace == Namespace::Key { " KEY" } else { "" };
        let _ = write!(text, "{comma}`{}` {}{key}", column.name, column.ty);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::column::column_of;
    use model::{Schema, SqlType, Value as SqlValue};

    fn written(shape: Shape, ends: Ends, rows: &[i32]) -> String {
        let schema = Schema::new(vec![Column::key("K", SqlType::Integer)]);
        let header = ResultHeader { query_id: "q".into(), schema };
        let values: Vec<SqlValue> = rows.iter().map(|n| SqlValue::Integer(*n)).collect();
        let batch = RowBatch {
            columns: vec![column_of(&SqlType::Integer, &values)],
            rows: rows.len(),
            present: None,
        };
        let (writer, first) = RowWriter::start(shape, ends, &header).expect("a shape for all");
        let mut out = first.to_vec();
        for row in 0..rows.len() {
            writer.row(&batch, row, &mut out).expect("a row");
        }
        out.extend_from_slice(&writer.finish("Limit Reached"));
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_shape_is_whole() {
        assert_eq!(
            written(Shape::Delimited, Ends::Open, &[1, 2]),
            "{\"queryId\":\"q\",\"columnNames\":[\"K\"],\"columnTypes\":[\"INTEGER\"]}\n[1]\n[2]\n"
        );
        assert_eq!(
            written(Shape::JsonArray, Ends::Known, &[1]),
            "[{\"queryId\":\"q\",\"columnNames\":[\"K\"],\"columnTypes\":[\"INTEGER\"]},[1]]"
        );
        assert_eq!(
            written(Shape::StreamedRows, Ends::Known, &[1, 2]),
            "[{\"header\":{\"queryId\":\"q\",\"schema\":\"`K` INTEGER KEY\"}},\n\
             {\"row\":{\"columns\":[1]}},\n{\"row\":{\"columns\":[2]}}]"
        );
        assert_eq!(
            written(Shape::StreamedRows, Ends::Known, &[]),
            "[{\"header\":{\"queryId\":\"q\",\"schema\":\"`K` INTEGER KEY\"}}]"
        );
        assert_eq!(
            written(Shape::StreamedRows, Ends::Open, &[1]),
            "[{\"header\":{\"queryId\":\"q\",\"schema\":\"`K` INTEGER KEY\"}},\n\
             {\"row\":{\"columns\":[1]}},\n{\"finalMessage\":\"Limit Reached\"}]"
        );
        let text = written(Shape::Protobuf, Ends::Known, &[5]);
        let rows: Value = serde_json::from_str(&text).expect("JSON");
        let schema = rows[0]["header"]["protoSchema"].as_str().expect("a schema");
        assert!(schema.contains("message ConnectDefault1"), "{schema}");
        // Field 1, a varint: 5.
        assert_eq!(rows[1], json!({ "row": { "protobufBytes": "CAU=" } }));
    }
}
