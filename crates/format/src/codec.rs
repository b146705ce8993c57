//! The two doors of this crate: a [`Decoder`] reads payloads into columns, an [`Encoder`] writes
//! columns as payloads; both are made for the columns of one key or one value.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use bytes::Bytes;
use model::{Format, FormatKind, SqlType};

use crate::error::CodecError;
use crate::registry::Registry;
use crate::{delimited, kafka, none};

/// What became of a batch of payloads.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// A column for each the decoder was made for, each with a row for every payload.
    pub columns: Vec<ArrayRef>,
    /// `false` where the payload was null (a tombstone); `None`: none was. The cells of a null
    /// payload, and of one that failed, are null.
    pub present: Option<NullBuffer>,
    /// The rows that could not be read, in order.
    pub errors: Vec<RowError>,
}

/// What became of a batch of rows.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// A payload for each row; `None` for a null row, and for one that failed.
    pub payloads: Vec<Option<Bytes>>,
    /// The rows that could not be written, in order.
    pub errors: Vec<RowError>,
}

/// A row that could not be read or written: an entry for the processing log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// Which row of the batch.
    pub row: usize,
    /// What failed, with the topic's name.
    pub message: String,
    /// Why.
    pub cause: String,
}

/// Reads payloads of one format into columns.
pub trait Decoder: Send + Sync {
    /// Reads all columns.
    fn decode(&self, payloads: &[Option<Bytes>]) -> Decoded {
        self.decode_projected(payloads, None)
    }

    /// Reads the columns marked in `wanted` (`None`: all); the others are nulls throughout, and
    /// what is wrong with them alone may go unnoticed.
    fn decode_projected(&self, payloads: &[Option<Bytes>], wanted: Option<&[bool]>) -> Decoded;
}

/// Writes columns as payloads of one format.
pub trait Encoder: Send + Sync {
    /// Writes `rows` rows; those that are not `present` become null payloads.
    fn encode(&self, columns: &[ArrayRef], present: Option<&NullBuffer>, rows: usize) -> Encoded;
}

/// A decoder for these columns of a topic's keys (`is_key`) or values.
pub fn decoder(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
    registry: &Arc<dyn Registry>,
) -> Result<Box<dyn Decoder>, CodecError> {
    let _ = (registry, is_key);
    match format.kind {
        FormatKind::Delimited => delimited::decoder(format, columns, topic),
        FormatKind::Kafka => kafka::decoder(columns, topic),
        FormatKind::None => none::decoder(columns),
        kind => Err(unsupported(kind)),
    }
}

/// An encoder for these columns of a topic's keys (`is_key`) or values. The schema, where the
/// format has one, is registered under `<topic>-key` or `<topic>-value`.
pub fn encoder(
    format: &Format,
    columns: &[(String, SqlType)],
    is_key: bool,
    topic: &str,
    registry: &Arc<dyn Registry>,
) -> Result<Box<dyn Encoder>, CodecError> {
    let _ = (registry, is_key);
    match format.kind {
        FormatKind::Delimited => delimited::encoder(format, columns),
        FormatKind::Kafka => kafka::encoder(columns, topic),
        FormatKind::None => none::encoder(columns),
        kind => Err(unsupported(kind)),
    }
}

fn unsupported(kind: FormatKind) -> CodecError {
    CodecError::Schema(format!("the '{kind}' format is not available"))
}

/// The subject a topic's schema is registered under.
pub fn subject(topic: &str, is_key: bool) -> String {
    format!("{topic}-{}", if is_key { "key" } else { "value" })
}
