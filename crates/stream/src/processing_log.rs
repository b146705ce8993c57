//! The processing log: rows that failed, as rows of a stream that can be queried like any other.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use model::{Field, SqlType, Value};

/// The stream's name.
pub const STREAM: &str = "KSQL_PROCESSING_LOG";

/// A row that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// Where: `processing.CSAS_X_1.Project`.
    pub logger: String,
    /// What.
    pub message: LogMessage,
}

/// What happened to a row.
#[derive(Clone, Debug, PartialEq)]
pub enum LogMessage {
    /// A record could not be read.
    Deserialization {
        /// `key` or `value`.
        target: &'static str,
        /// What failed.
        message: String,
        /// The bytes.
        record: Option<Bytes>,
        /// Why.
        cause: Vec<String>,
        /// Where it came from.
        topic: Arc<str>,
    },
    /// An expression failed, or a row was left out.
    Processing {
        /// What failed.
        message: String,
        /// Why.
        cause: Vec<String>,
    },
    /// A row could not be written.
    Serialization {
        /// `key` or `value`.
        target: &'static str,
        /// What failed.
        message: String,
        /// Why.
        cause: Vec<String>,
        /// Where it was to go.
        topic: Arc<str>,
    },
    /// A query stopped, or tries again.
    Query {
        /// What failed.
        message: String,
    },
}

impl LogMessage {
    /// A row for which an expression failed, or that was left out.
    pub fn processing(message: impl Into<String>) -> Self {
        LogMessage::Processing { message: message.into(), cause: Vec::new() }
    }

    /// What happened, and why, in a line.
    pub(crate) fn reason(&self) -> String {
        let (message, cause) = match self {
            LogMessage::Deserialization { message, cause, .. }
            | LogMessage::Processing { message, cause }
            | LogMessage::Serialization { message, cause, .. } => (message, cause.as_slice()),
            LogMessage::Query { message } => (message, [].as_slice()),
        };
        let because = cause.iter().filter(|cause| !message.contains(cause.as_str()));
        let all: Vec<&str> = std::iter::once(message).chain(because).map(String::as_str).collect();
        all.join(": ")
    }

    fn kind(&self) -> i32 {
        match self {
            LogMessage::Deserialization { .. } => 0,
            LogMessage::Processing { .. } => 1,
            LogMessage::Serialization { .. } => 3,
            LogMessage::Query { .. } => 4,
        }
    }
}

fn field(name: &str, ty: SqlType) -> Field {
    Field::new(name, ty)
}

/// The stream's columns: names and types.
pub fn columns() -> Vec<(String, SqlType)> {
    let text = || SqlType::String;
    let causes = || field("CAUSE", SqlType::array(SqlType::String));
    let deserialization = SqlType::Struct(vec![
        field("TARGET", text()),
        field("ERRORMESSAGE", text()),
        field("RECORDB64", text()),
        causes(),
        field("TOPIC", text()),
    ]);
    let processing =
        SqlType::Struct(vec![field("ERRORMESSAGE", text()), field("RECORD", text()), causes()]);
    let production = SqlType::Struct(vec![field("ERRORMESSAGE", text())]);
    let serialization = SqlType::Struct(vec![
        field("TARGET", text()),
        field("ERRORMESSAGE", text()),
        field("RECORD", text()),
        causes(),
        field("TOPIC", text()),
    ]);
    let thread =
        SqlType::Struct(vec![field("ERRORMESSAGE", text()), field("THREADNAME", text()), causes()]);
    let message = SqlType::Struct(vec![
        field("TYPE", SqlType::Integer),
        field("DESERIALIZATIONERROR", deserialization),
        field("RECORDPROCESSINGERROR", processing),
        field("PRODUCTIONERROR", production),
        field("SERIALIZATIONERROR", serialization),
        field("KAFKASTREAMSTHREADERROR", thread),
    ]);
    vec![
        ("LOGGER".to_owned(), text()),
        ("LEVEL".to_owned(), text()),
        ("TIME".to_owned(), SqlType::Bigint),
        ("MESSAGE".to_owned(), message),
    ]
}

/// An entry as a row of the stream.
pub fn row(entry: &LogEntry, now_ms: i64) -> Vec<Value> {
    let text = |t: &str| Value::String(t.to_owned());
    let causes = |c: &[String]| Value::Array(c.iter().map(|c| text(c)).collect());
    let mut message = vec![Value::Integer(entry.message.kind())];
    message.resize(6, Value::Null);
    match &entry.message {
        LogMessage::Deserialization { target, message: what, record, cause, topic } => {
            let bytes =
                record.as_ref().map_or(Value::Null, |b| Value::String(BASE64_STANDARD.encode(b)));
            let cells = vec![text(target), text(what), bytes, causes(cause), text(topic)];
            message[1] = Value::Struct(cells);
        }
        LogMessage::Processing { message: what, cause } => {
            message[2] = Value::Struct(vec![text(what), Value::Null, causes(cause)]);
        }
        LogMessage::Serialization { target, message: what, cause, topic } => {
            let cells = vec![text(target), text(what), Value::Null, causes(cause), text(topic)];
            message[4] = Value::Struct(cells);
        }
        LogMessage::Query { message: what } => {
            let cells = vec![text(what), text(&entry.logger), causes(&[])];
            message[5] = Value::Struct(cells);
        }
    }
    vec![text(&entry.logger), text("ERROR"), Value::Bigint(now_ms), Value::Struct(message)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_row_of_the_streams_columns() {
        let entry = LogEntry {
            logger: "processing.Q.Project".into(),
            message: LogMessage::Deserialization {
                target: "value",
                message: "no".into(),
                record: Some(Bytes::from_static(b"ab")),
                cause: vec![],
                topic: "t".into(),
            },
        };
        let row = row(&entry, 5);
        for ((_, ty), value) in columns().iter().zip(&row) {
            model::column::column_of(ty, [value]);
        }
    }
}
