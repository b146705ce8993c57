//! FROM: reads records of a topic into rows of its stream or table.
//!
//! A record whose key or value cannot be read is left out with an entry in the processing log, and
//! so is one without a usable event time, or without a key if it is a table's.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use bytes::Bytes;
use format::{Decoded, Decoder};
use model::{ColumnBuilder, Header, Namespace, Offset, Record, Schema, SqlType, Value};
use sql::ast::SourceKind;
use sql::catalog::Source;
use sql::plan::{TimestampColumn, WindowInfo};

use crate::batch::{Batch, Side, WindowBounds, no_headers};
use crate::operators::keys::KeyColumns;
use crate::operators::{Cycle, ProcessError};
use crate::processing_log::LogMessage;
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, RowWriter, read_rows};
use crate::state::table_store::{StoredRow, TableStore};
use crate::timestamps::TimestampReader;

/// The latest event time there may be: sums of a time and a duration stay numbers.
pub const EVENT_TIME_MS_MAX: i64 = i64::MAX / 4;

/// Records on their way into a topology, in the order in which they are processed.
#[derive(Clone, Debug, Default)]
pub struct Incoming {
    /// The records, each with its position in its partition.
    pub records: Vec<(Offset, Record)>,
    /// The partition each of them comes from.
    pub places: Vec<InputPartition>,
}

/// A partition of one of a query's topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputPartition {
    /// Which of the query's topics.
    pub topic: u32,
    /// Its partition.
    pub partition: u32,
}

impl Incoming {
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Appends a record.
    pub fn push(&mut self, place: InputPartition, offset: Offset, record: Record) {
        self.records.push((offset, record));
        self.places.push(place);
    }

    /// Appends records of one partition.
    pub fn append(&mut self, place: InputPartition, mut records: Vec<(Offset, Record)>) {
        self.places.resize(self.places.len() + records.len(), place);
        match self.records.is_empty() {
            true => self.records = records,
            false => self.records.append(&mut records),
        }
    }

    /// The newest time of any.
    pub fn newest_ms(&self) -> Option<i64> {
        self.records.iter().map(|(_, record)| record.timestamp.0).max()
    }
}

/// Those of the incoming records that are one source's.
struct Mine<'a> {
    incoming: &'a Incoming,
    /// Their places among all.
    seq: Vec<u32>,
}

impl<'a> Mine<'a> {
    fn records(&self) -> impl ExactSizeIterator<Item = &'a Record> {
        let incoming = self.incoming;
        self.seq.iter().map(move |&at| &incoming.records[at as usize].1)
    }

    fn offsets(&self) -> impl ExactSizeIterator<Item = i64> {
        self.seq.iter().map(|&at| self.incoming.records[at as usize].0.0)
    }

    fn partitions(&self) -> impl ExactSizeIterator<Item = u32> {
        self.seq.iter().map(|&at| self.incoming.places[at as usize].partition)
    }
}

/// Reads records of one stream or table.
pub struct SourceOperator {
    name: String,
    topic: Arc<str>,
    topic_index: u32,
    kind: SourceKind,
    schema: Schema,
    window: Option<WindowInfo>,
    timestamp: Option<(usize, TimestampReader)>,
    key_decoder: Box<dyn Decoder>,
    value_decoder: Box<dyn Decoder>,
    wanted: Option<Vec<bool>>,
    key: KeyColumns,
    /// The rows of a table, where old values are wanted.
    table: Option<TableStore>,
}

/// What a source operator is made of.
pub struct SourceParts<'a> {
    /// The stream or table.
    pub source: &'a Source,
    /// The step's schema: the source's columns, then the pseudo columns.
    pub schema: &'a Schema,
    /// Which of the query's topics it reads.
    pub topic_index: u32,
    /// The store for old values, where they are wanted.
    pub old_values: Option<StoreId>,
    /// Which value columns anybody looks at; `None`: all.
    pub wanted: Option<Vec<bool>>,
}

impl SourceOperator {
    /// An operator that reads `parts.source`.
    pub fn new(
        parts: SourceParts<'_>,
        registry: &Arc<dyn format::Registry>,
    ) -> Result<Self, format::CodecError> {
        let source = parts.source;
        let of = |namespace| -> Vec<(String, SqlType)> {
            source.schema.of(namespace).map(|c| (c.name.clone(), c.ty.clone())).collect()
        };
        let decoder = |format, columns: &[(String, SqlType)], is_key| {
            format::decoder(format, columns, is_key, &source.topic, registry)
        };
        let timestamp = source.timestamp.as_ref().and_then(|TimestampColumn { name, format }| {
            let at = parts.schema.index_of(name)?;
            Some((at, TimestampReader::new(&parts.schema.columns[at].ty, format.as_deref())))
        });
        Ok(Self {
            name: source.name.clone(),
            topic: source.topic.as_str().into(),
            topic_index: parts.topic_index,
            kind: source.kind,
            schema: parts.schema.clone(),
            window: source.window,
            timestamp,
            key_decoder: decoder(&source.key_format, &of(Namespace::Key), true)?,
            value_decoder: decoder(&source.value_format, &of(Namespace::Value), false)?,
            wanted: parts.wanted,
            key: KeyColumns::of(parts.schema),
            table: parts.old_values.map(TableStore::new),
        })
    }

    /// The rows of those records that are this source's.
    pub fn read(
        &mut self,
        incoming: &Incoming,
        cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let is_mine = |(_, place): &(u32, &InputPartition)| place.topic == self.topic_index;
        let seq = (0u32..).zip(&incoming.places).filter(is_mine).map(|(at, _)| at).collect();
        let mine = Mine { incoming, seq };
        if mine.seq.is_empty() {
            return Ok(Batch::empty(&self.schema));
        }
        let mut keep = vec![true; mine.seq.len()];
        let (key_bytes, windows) = self.split_windows(&mine, &mut keep);
        let keys = self.key_decoder.decode_projected(&key_bytes, None);
        let value_bytes: Vec<Option<&[u8]>> = mine.records().map(|r| r.value.as_deref()).collect();
        let values = self.value_decoder.decode_projected(&value_bytes, self.wanted.as_deref());
        self.log_errors(&keys, "key", &key_bytes, &mut keep, cycle);
        self.log_errors(&values, "value", &value_bytes, &mut keep, cycle);
        if self.kind == SourceKind::Table {
            for (row, _) in key_bytes.iter().enumerate().filter(|(_, key)| key.is_none()) {
                keep[row] = false;
            }
        }
        let mut batch = self.assemble(&mine, keys, values, windows);
        if key_bytes.iter().any(Option::is_none) {
            batch.keyless = Some(key_bytes.iter().map(Option::is_none).collect());
        }
        self.extract_times(&mut batch, &mut keep, cycle);
        let batch = batch.filter(&BooleanBuffer::from(keep));
        self.remember(batch)
    }

    /// Cuts the window off windowed keys.
    fn split_windows<'a>(
        &self,
        mine: &Mine<'a>,
        keep: &mut [bool],
    ) -> (Vec<Option<&'a [u8]>>, Option<Vec<WindowBounds>>) {
        let plain = mine.records().map(|record| record.key.as_deref());
        let Some(window) = self.window else { return (plain.collect(), None) };
        let nowhere = WindowBounds { start_ms: 0, end_ms: 0 };
        let split = |(row, key): (usize, Option<&'a [u8]>)| match key {
            Some(key) => match split_window(key, window) {
                Some((key, bounds)) => (Some(key), bounds),
                None => {
                    keep[row] = false;
                    (None, nowhere)
                }
            },
            None => (None, nowhere),
        };
        let (keys, windows) = plain.enumerate().map(split).unzip();
        (keys, Some(windows))
    }

    fn log_errors(
        &self,
        decoded: &Decoded,
        target: &'static str,
        payloads: &[Option<&[u8]>],
        keep: &mut [bool],
        cycle: &mut Cycle<'_>,
    ) {
        for error in &decoded.errors {
            keep[error.row] = false;
            let message = LogMessage::Deserialization {
                target,
                message: error.message.clone(),
                record: payloads[error.row].map(Bytes::copy_from_slice),
                cause: vec![error.cause.clone()],
                topic: self.topic.clone(),
            };
            cycle.failed(&format!("{}.Source.deserializer", self.name), message);
        }
    }

    fn assemble(
        &self,
        mine: &Mine<'_>,
        keys: Decoded,
        values: Decoded,
        windows: Option<Vec<WindowBounds>>,
    ) -> Batch {
        let (mut keys, mut value_columns) = (keys.columns.into_iter(), values.columns.into_iter());
        let column = |column: &model::Column| -> ArrayRef {
            let bounds = |of: fn(&WindowBounds) -> i64| -> ArrayRef {
                let rows = mine.seq.len();
                Arc::new(match &windows {
                    Some(windows) => Int64Array::from_iter_values(windows.iter().map(of)),
                    None => Int64Array::from_value(0, rows),
                })
            };
            match (column.namespace, column.name.as_str()) {
                (Namespace::Key, _) => keys.next().expect("a column for each of the key's"),
                (Namespace::Value, _) => {
                    value_columns.next().expect("a column for each of the value's")
                }
                (Namespace::Headers, _) => header_column(column, mine),
                (Namespace::Pseudo, "ROWPARTITION") => {
                    Arc::new(Int32Array::from_iter_values(mine.partitions().map(|p| p as i32)))
                }
                (Namespace::Pseudo, "ROWOFFSET") => {
                    Arc::new(Int64Array::from_iter_values(mine.offsets()))
                }
                (Namespace::Pseudo, "WINDOWSTART") => bounds(|window| window.start_ms),
                (Namespace::Pseudo, "WINDOWEND") => bounds(|window| window.end_ms),
                (Namespace::Pseudo, _) => {
                    Arc::new(Int64Array::from_iter_values(mine.records().map(|r| r.timestamp.0)))
                }
            }
        };
        let columns: Vec<ArrayRef> = self.schema.columns.iter().map(column).collect();
        let headers = mine.records().any(|record| !record.headers.is_empty()).then(|| {
            let headers = mine.records().map(|record| match record.headers.as_slice() {
                [] => no_headers(),
                some => Arc::<[Header]>::from(some),
            });
            headers.collect()
        });
        Batch {
            rows: mine.seq.len(),
            new: Side { columns, present: values.present.filter(|p| p.null_count() > 0) },
            old: None,
            timestamps: mine.records().map(|record| record.timestamp.0).collect(),
            partitions: mine.partitions().collect(),
            seq: mine.seq.clone(),
            windows,
            keyless: None,
            headers,
        }
    }

    /// Sets event times from the column WITH names, and leaves out rows that have none.
    fn extract_times(&self, batch: &mut Batch, keep: &mut [bool], cycle: &mut Cycle<'_>) {
        if let Some((at, reader)) = &self.timestamp {
            let column = batch.new.columns[*at].clone();
            for (row, keep) in keep.iter_mut().enumerate() {
                if !*keep || !batch.new.is_present(row) {
                    continue;
                }
                match reader.read(&column, row) {
                    Ok(time) => batch.timestamps[row] = time,
                    Err(reason) => {
                        *keep = false;
                        let step = format!("{}.Source", self.name);
                        cycle.failed(&step, LogMessage::processing(reason));
                    }
                }
            }
            if let Some(rowtime) = self.schema.index_of("ROWTIME") {
                let times = Int64Array::from(batch.timestamps.clone());
                batch.new.columns[rowtime] = Arc::new(times);
            }
        }
        let impossible = |time: i64| !(0..=EVENT_TIME_MS_MAX).contains(&time);
        for (row, time) in batch.timestamps.iter().enumerate().filter(|(_, t)| impossible(**t)) {
            if keep[row] {
                keep[row] = false;
                let what = if *time < 0 { "negative" } else { "impossible" };
                let reason = format!("{what} event time {time}; the record was left out");
                cycle.failed(&format!("{}.Source", self.name), LogMessage::processing(reason));
            }
        }
    }

    /// Puts a table's rows into its store and adds the old values.
    fn remember(&mut self, mut batch: Batch) -> Result<Batch, ProcessError> {
        let Some(table) = &mut self.table else { return Ok(batch) };
        let keys = self.key.keys(&batch);
        let rest = self.key.rest_columns(&batch.new.columns);
        let writer = RowWriter::new(&self.key.rest_types, &rest);
        let mut old: Vec<Option<Box<[u8]>>> = Vec::with_capacity(batch.rows);
        for row in 0..batch.rows {
            let stored = batch
                .new
                .is_present(row)
                .then(|| StoredRow { timestamp: batch.timestamps[row], row: writer.row(row) });
            old.push(table.put(keys.get(row), stored).map(|stored| stored.row));
        }
        let rows = old.iter().map(|row| row.as_deref());
        let old_rest = read_rows(&self.key.rest_types, rows)?;
        let key_columns = self.key.columns(&batch.new.columns);
        batch.old = Some(Side {
            columns: self.key.assemble(&key_columns, &old_rest),
            present: Some(NullBuffer::from_iter(old.iter().map(Option::is_some))),
        });
        Ok(batch)
    }

    /// Writes what changed in its store.
    pub fn flush(&mut self, log: &mut Changelog) {
        if let Some(table) = &mut self.table {
            table.flush(log);
        }
    }

    /// Its store, if it has one.
    pub fn store(&self) -> Option<StoreId> {
        self.table.as_ref().map(TableStore::id)
    }

    /// Takes over a change of its store.
    pub fn restore(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), DecodeError> {
        self.table.as_mut().ok_or(DecodeError)?.restore(key, value)
    }

    /// The topic it reads.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }
}

/// Cuts the window off a windowed key: the start (time windows), or end and start (sessions), each
/// 8 bytes, behind the key's own bytes, as Kafka Streams writes them.
pub fn split_window(key: &[u8], window: WindowInfo) -> Option<(&[u8], WindowBounds)> {
    let number = |from: usize| -> Option<i64> {
        Some(i64::from_be_bytes(key.get(from..from + 8)?.try_into().ok()?))
    };
    match window {
        WindowInfo::Tumbling { size_ms } | WindowInfo::Hopping { size_ms } => {
            let at = key.len().checked_sub(8)?;
            let start_ms = number(at)?;
            Some((&key[..at], WindowBounds { start_ms, end_ms: start_ms.saturating_add(size_ms) }))
        }
        WindowInfo::Session => {
            let at = key.len().checked_sub(16)?;
            let bounds = WindowBounds { start_ms: number(at + 8)?, end_ms: number(at)? };
            Some((&key[..at], bounds))
        }
    }
}

/// A key's bytes with its window's behind them; the opposite of [`split_window`].
pub fn join_window(key: &[u8], window: WindowInfo, bounds: WindowBounds) -> Bytes {
    let mut bytes = Vec::with_capacity(key.len() + 16);
    bytes.extend_from_slice(key);
    if window == WindowInfo::Session {
        bytes.extend_from_slice(&bounds.end_ms.to_be_bytes());
    }
    bytes.extend_from_slice(&bounds.start_ms.to_be_bytes());
    bytes.into()
}

fn header_column(column: &model::Column, mine: &Mine<'_>) -> ArrayRef {
    let bytes = |value: &Option<Bytes>| value.clone().map_or(Value::Null, Value::Bytes);
    let mut builder = ColumnBuilder::new(&column.ty, mine.seq.len());
    for headers in mine.records().map(|record| &record.headers) {
        let value = match &column.header {
            // The last one of that name counts.
            Some(name) => headers
                .iter()
                .rev()
                .find(|h| h.name == *name)
                .map_or(Value::Null, |h| bytes(&h.value)),
            None => Value::Array(
                headers
                    .iter()
                    .map(|h| Value::Struct(vec![Value::String(h.name.clone()), bytes(&h.value)]))
                    .collect(),
            ),
        };
        builder.append(&value);
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_keys_are_cut_off_as_they_were_added() {
        let bounds = WindowBounds { start_ms: 10, end_ms: 15 };
        for window in [WindowInfo::Session, WindowInfo::Tumbling { size_ms: 5 }] {
            let key = join_window(b"key", window, bounds);
            assert_eq!(split_window(&key, window), Some((&b"key"[..], bounds)));
        }
        assert_eq!(split_window(b"short", WindowInfo::Session), None);
    }
}
