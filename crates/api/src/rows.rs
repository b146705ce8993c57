//! What queries answer: a header and rows, in the shape the client asked for, a row a chunk.
//!
//! | shape | header | row | end |
//! |---|---|---|---|
//! | delimited | `{"queryId":…,"columnNames":…}` | `[1,"a"]` | nothing, or an error's line |
//! | JSON array | the same, within `[` `]` | `,[1,"a"]` | `]` |
//! | streamed rows | `[{"header":{…}},` | `{"row":{"columns":[1,"a"]}},` | `{"finalMessage":…}]` |
//!
//! Tombstones are rows of the last shape only; in the others they are left out.

use std::fmt::Write as _;

use bytes::Bytes;
use model::{Column, Namespace};
use serde_json::{Value, json};
use stream::answer::ResultHeader;
use stream::rows::RowBatch;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A line each.
    Delimited,
    /// One array of arrays.
    JsonArray,
    /// One array of objects.
    StreamedRows,
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
#[derive(Debug)]
pub struct RowWriter {
    shape: Shape,
    ends: Ends,
    columns: Vec<Column>,
}

impl RowWriter {
    /// A writer, and the chunk with the header.
    pub fn start(shape: Shape, ends: Ends, header: &ResultHeader) -> (Self, Bytes) {
        let columns = header.schema.columns.clone();
        let id = &header.query_id;
        let comma = if ends == Ends::Open { ",\n" } else { "" };
        let chunk = match shape {
            Shape::Delimited => format!("{}\n", meta(id, &columns)),
            Shape::JsonArray => format!("[{}", meta(id, &columns)),
            Shape::StreamedRows => {
                let schema = schema_text(&columns);
                let header = json!({ "header": { "queryId": id, "schema": schema } });
                format!("[{header}{comma}")
            }
        };
        (Self { shape, ends, columns }, Bytes::from(chunk))
    }

    /// Appends one row to a chunk; nothing if this shape leaves it out.
    pub fn row(&self, batch: &RowBatch, row: usize, out: &mut Vec<u8>) {
        let tombstone = batch.is_tombstone(row);
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
            Shape::StreamedRows => {
                if self.ends == Ends::Known {
                    out.extend_from_slice(b",\n");
                }
                out.extend_from_slice(b"{\"row\":{\"columns\":");
                self.cells(batch, row, out);
                out.extend_from_slice(if tombstone { b",\"tombstone\":true}}" } else { b"}}" });
                if self.ends == Ends::Open {
                    out.extend_from_slice(b",\n");
                }
            }
        }
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
            (Shape::JsonArray, _) | (Shape::StreamedRows, Ends::Known) => Bytes::from_static(b"]"),
            (Shape::StreamedRows, Ends::Open) => {
                Bytes::from(format!("{}]", json!({ "finalMessage": message })))
            }
        }
    }

    /// The last chunk of an answer that broke off: the error, where the shape has a place.
    pub fn fail(&self, error: &Value) -> Bytes {
        Bytes::from(match (self.shape, self.ends) {
            (Shape::Delimited, _) => format!("{error}\n"),
            (Shape::JsonArray, _) => format!(",{error}]"),
            (Shape::StreamedRows, Ends::Known) => {
                format!(",\n{}]", json!({ "errorMessage": error }))
            }
            (Shape::StreamedRows, Ends::Open) => format!("{}]", json!({ "errorMessage": error })),
        })
    }
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
        let (writer, first) = RowWriter::start(shape, ends, &header);
        let mut out = first.to_vec();
        for row in 0..rows.len() {
            writer.row(&batch, row, &mut out);
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
    }
}
