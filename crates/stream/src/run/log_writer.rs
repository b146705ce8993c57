//! Writes the processing log: entries in, records of its topic out.

use std::sync::Arc;

use arrow_array::ArrayRef;
use format::Encoder;
use model::{ColumnBuilder, Format, FormatKind, Record, SqlType, TimestampMs, TopicPartition};

use crate::processing_log::{self, LogEntry};

/// Writes the processing log.
pub struct LogWriter {
    partition: TopicPartition,
    types: Vec<SqlType>,
    encoder: Box<dyn Encoder>,
}

impl LogWriter {
    /// A writer into this topic, as JSON.
    pub fn new(
        topic: &str,
        registry: &Arc<dyn format::Registry>,
    ) -> Result<Self, format::CodecError> {
        let columns = processing_log::columns();
        let format = Format::new(FormatKind::Json);
        Ok(Self {
            partition: TopicPartition::new(topic, 0),
            encoder: format::encoder(&format, &columns, false, topic, registry)?,
            types: columns.into_iter().map(|(_, ty)| ty).collect(),
        })
    }

    /// The entries as records of the log's only partition.
    pub fn records(&self, entries: &[LogEntry], now: TimestampMs) -> (TopicPartition, Vec<Record>) {
        let mut builders: Vec<_> =
            self.types.iter().map(|ty| ColumnBuilder::new(ty, entries.len())).collect();
        for entry in entries {
            let row = processing_log::row(entry, now.0);
            builders.iter_mut().zip(&row).for_each(|(builder, cell)| builder.append(cell));
        }
        let columns: Vec<ArrayRef> = builders.into_iter().map(ColumnBuilder::finish).collect();
        let encoded = self.encoder.encode(&columns, None, entries.len());
        let record = |value| Record { key: None, value, timestamp: now, headers: Vec::new() };
        (self.partition.clone(), encoded.payloads.into_iter().map(record).collect())
    }
}
