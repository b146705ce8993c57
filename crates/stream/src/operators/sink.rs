//! INTO: writes rows as records of the sink's topic.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use bytes::Bytes;
use format::{Decoder, Encoder};
use model::{
    Format, FormatKind, Namespace, Partition, Record, Schema, SqlType, TimestampMs, TopicPartition,
};
use sql::plan::{QueryPlan, Sink, WindowInfo};

use crate::batch::Batch;
use crate::operators::Cycle;
use crate::operators::source::join_window;
use crate::processing_log::LogMessage;
use crate::timestamps::TimestampReader;

/// Writes rows as records.
pub struct SinkWriter {
    topic: Arc<str>,
    partitions: u32,
    window: Option<WindowInfo>,
    key_encoder: Box<dyn Encoder>,
    value_encoder: Box<dyn Encoder>,
    /// Positions in the last step's schema.
    key_columns: Vec<usize>,
    value_columns: Vec<usize>,
    timestamp: Option<(usize, TimestampReader)>,
}

/// The columns of one namespace: names and types.
pub fn columns_of(schema: &Schema, namespace: Namespace) -> Vec<(String, SqlType)> {
    schema.of(namespace).map(|c| (c.name.clone(), c.ty.clone())).collect()
}

impl SinkWriter {
    /// A writer for a query's sink, whose topic has so many partitions.
    pub fn new(
        plan: &QueryPlan,
        sink: &Sink,
        partitions: u32,
        registry: &Arc<dyn format::Registry>,
    ) -> Result<Self, format::CodecError> {
        let encoder = |format, namespace, is_key| {
            let columns = columns_of(&plan.output, namespace);
            format::encoder(format, &columns, is_key, &sink.topic, registry)
        };
        let timestamp = sink.timestamp.as_ref().and_then(|timestamp| {
            let column = plan.output.index_of(&timestamp.name)?;
            let ty = &plan.output.columns[column].ty;
            let reader = TimestampReader::new(ty, timestamp.format.as_deref());
            Some((plan.output_columns[column], reader))
        });
        Ok(Self {
            topic: sink.topic.as_str().into(),
            partitions: partitions.max(1),
            window: plan.window,
            key_encoder: encoder(&sink.key_format, Namespace::Key, true)?,
            value_encoder: encoder(&sink.value_format, Namespace::Value, false)?,
            key_columns: plan.positions(Namespace::Key),
            value_columns: plan.positions(Namespace::Value),
            timestamp,
        })
    }

    /// The records of a batch, partition by partition.
    pub fn write(
        &self,
        batch: &Batch,
        cycle: &mut Cycle<'_>,
    ) -> Vec<(TopicPartition, Vec<Record>)> {
        let pick = |positions: &[usize]| -> Vec<ArrayRef> {
            positions.iter().map(|&at| batch.new.columns[at].clone()).collect()
        };
        let (keys, values) = (pick(&self.key_columns), pick(&self.value_columns));
        let key_present = key_presence(&keys, batch);
        let keys = self.key_encoder.encode(&keys, key_present.as_ref(), batch.rows);
        let values = self.value_encoder.encode(&values, batch.new.present.as_ref(), batch.rows);
        let mut failed = vec![false; batch.rows];
        for (target, errors) in [("key", &keys.errors), ("value", &values.errors)] {
            for error in errors {
                failed[error.row] = true;
                let message = LogMessage::Serialization {
                    target,
                    message: error.message.clone(),
                    cause: vec![error.cause.clone()],
                    topic: self.topic.clone(),
                };
                cycle.failed("Sink.serializer", message);
            }
        }
        let mut out: Vec<Vec<Record>> = vec![Vec::new(); self.partitions as usize];
        let rows = keys.payloads.into_iter().zip(values.payloads).enumerate();
        for (row, (key, value)) in rows {
            if failed[row] {
                continue;
            }
            let Some(timestamp) = self.time(batch, row, cycle) else { continue };
            let key: Option<Bytes> = match (self.window, &batch.windows, key) {
                (Some(window), Some(windows), Some(key)) => {
                    Some(join_window(&key, window, windows[row]))
                }
                (_, _, key) => key,
            };
            let partition = self.partition(key.as_deref(), batch.partitions[row], cycle);
            let headers = match &batch.headers {
                Some(headers) => headers[row].to_vec(),
                None => Vec::new(),
            };
            out[partition as usize].push(Record { key, value, timestamp, headers });
        }
        out.into_iter()
            .enumerate()
            .filter(|(_, records)| !records.is_empty())
            .map(|(partition, records)| {
                let topic = self.topic.clone();
                (TopicPartition { topic, partition: Partition(partition as u32) }, records)
            })
            .collect()
    }

    fn time(&self, batch: &Batch, row: usize, cycle: &mut Cycle<'_>) -> Option<TimestampMs> {
        let Some((column, reader)) = &self.timestamp else {
            return Some(TimestampMs(batch.timestamps[row]));
        };
        if !batch.new.is_present(row) {
            return Some(TimestampMs(batch.timestamps[row]));
        }
        match reader.read(&batch.new.columns[*column], row) {
            Ok(time) if time >= 0 => Some(TimestampMs(time)),
            Ok(time) => {
                let reason = format!("negative event time {time}; the row was left out");
                cycle.failed("Sink", LogMessage::processing(reason));
                None
            }
            Err(reason) => {
                cycle.failed("Sink", LogMessage::processing(reason));
                None
            }
        }
    }

    fn partition(&self, key: Option<&[u8]>, own: u32, cycle: &Cycle<'_>) -> u32 {
        match key {
            _ if cycle.single_partition || self.partitions == 1 => 0,
            Some(key) => journal::partition_for_key(key, self.partitions),
            None => own % self.partitions,
        }
    }
}

/// Which rows have a key: a key of one column that is null is none, one of several is one unless
/// the record it comes from had none.
fn key_presence(keys: &[ArrayRef], batch: &Batch) -> Option<NullBuffer> {
    match keys {
        [] => Some(NullBuffer::new_null(batch.rows)),
        [key] => key.nulls().cloned(),
        _ => {
            let keyless = batch.keyless.as_ref()?;
            Some(keyless.iter().map(|is_keyless| !is_keyless).collect::<Vec<_>>().into())
        }
    }
}

/// What becomes of values on their way through a format that cannot hold them all: in PROTOBUF a
/// null is an empty text or 0. A view shows what is in its topic, as ksqlDB's do; but a row that
/// cannot be encoded at all is in the view, and in the processing log, and not in the topic.
pub struct ReadBack {
    encoder: Box<dyn Encoder>,
    decoder: Box<dyn Decoder>,
}

impl ReadBack {
    /// `None` for formats that hold everything.
    pub fn new(
        plan: &QueryPlan,
        sink: &Sink,
        registry: &Arc<dyn format::Registry>,
    ) -> Result<Option<Self>, format::CodecError> {
        let loses =
            sink.value_format.kind.is_protobuf() && sink.value_format.protobuf_nulls.is_none();
        if !loses {
            return Ok(None);
        }
        let columns = columns_of(&plan.output, Namespace::Value);
        let format = Format::new(FormatKind::ProtobufNosr);
        Ok(Some(Self {
            encoder: format::encoder(&format, &columns, false, &sink.topic, registry)?,
            decoder: format::decoder(&format, &columns, false, &sink.topic, registry)?,
        }))
    }

    /// The columns as they are read back; rows that are not `present` stay null.
    pub fn columns(
        &self,
        columns: Vec<ArrayRef>,
        present: Option<&NullBuffer>,
        rows: usize,
    ) -> Vec<ArrayRef> {
        let encoded = self.encoder.encode(&columns, present, rows);
        self.decoder.decode(&encoded.payloads).columns
    }
}
