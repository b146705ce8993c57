//! EMIT FINAL: holds a window's result back until no row can change it any more.
//!
//! Kafka Streams looks for closed windows in its store, where those are not found any more whose
//! start lies further behind the newest one's than the store's retention: when time leaps, they are
//! lost. So it is here, unless a property asks for all.
//!
//! Changelog key: partition and window end (8 bytes each, codec::write_wide), then the key with its
//! window. Value: time (8 bytes, likewise), then the row's cells. Headers are not kept over a
//! restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_buffer::NullBuffer;
use hashbrown::HashMap;
use model::column::null_column;
use model::{Header, Schema, SqlType};

use crate::batch::{Batch, Side, WindowBounds, headers_or_none, no_headers};
use crate::operators::aggregate::groups::window_of;
use crate::operators::keys::KeyColumns;
use crate::operators::{Cycle, Operator, ProcessError, one};
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, RowWriter, read_rows, read_wide, write_wide};
use crate::state::stream_time::StreamTime;
use crate::state::window_store::SEGMENT_MS_MIN;

/// Holds results back until their window is closed.
pub struct Suppress {
    schema: Schema,
    key: KeyColumns,
    types: Vec<SqlType>,
    timing: Timing,
    wants_old: bool,
    id: StoreId,
    newest: StreamTime,
    held: HashMap<u32, BTreeMap<HeldKey, Held>>,
    stream_time: StreamTime,
    changes: Vec<Change>,
}

/// When windows are told.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long after its end a window is closed; for sessions the gap is part of it.
    pub grace_ms: i64,
    /// How long Kafka Streams' store keeps a window; none: none is lost.
    pub retention_ms: Option<i64>,
    /// Are windows sessions?
    pub is_session: bool,
}

impl Timing {
    /// Is a window over at this time? A session's end is still part of it.
    fn is_closed(&self, end_ms: i64, stream_time: i64) -> bool {
        let over = stream_time.saturating_sub(self.grace_ms);
        if self.is_session { end_ms < over } else { end_ms <= over }
    }

    /// Where a window is in the store: the start of a time window, the end of a session.
    fn place(&self, window: WindowBounds) -> i64 {
        if self.is_session { window.end_ms } else { window.start_ms }
    }

    /// Is a window lost, now that the newest one is at `newest`? Time windows are lost one by one,
    /// sessions by whole segments.
    fn is_lost(&self, window: WindowBounds, newest: i64) -> bool {
        let Some(retention_ms) = self.retention_ms else { return false };
        let kept_from = newest.saturating_sub(retention_ms);
        if self.is_session {
            let segment_ms = (retention_ms / 2).max(SEGMENT_MS_MIN);
            window.end_ms.div_euclid(segment_ms) < kept_from.div_euclid(segment_ms)
        } else {
            window.start_ms < kept_from
        }
    }
}

/// A change for the changelog: the key, and time and row, if they are still held.
type Change = (Box<[u8]>, Option<(i64, Box<[u8]>)>);

/// By the window's end, then by key: the order in which results are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct HeldKey {
    end_ms: i64,
    key: Box<[u8]>,
}

struct Held {
    timestamp: i64,
    row: Box<[u8]>,
    headers: Arc<[Header]>,
}

/// A result whose window is closed.
struct Closed {
    /// The row that closed it.
    by: u32,
    window: WindowBounds,
    held: Held,
}

impl Suppress {
    /// Nothing held yet. `stores`: for what is held, for stream time, for the newest window.
    pub fn new(schema: &Schema, timing: Timing, wants_old: bool, stores: [StoreId; 3]) -> Self {
        Self {
            schema: schema.clone(),
            key: KeyColumns::of(schema),
            types: schema.columns.iter().map(|c| c.ty.clone()).collect(),
            timing,
            wants_old,
            newest: StreamTime::new(stores[2]),
            id: stores[0],
            held: HashMap::new(),
            stream_time: StreamTime::new(stores[1]),
            changes: Vec::new(),
        }
    }
}

fn changelog_key(partition: u32, key: &HeldKey) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(16 + key.key.len());
    write_wide(i64::from(partition), &mut bytes);
    write_wide(key.end_ms, &mut bytes);
    bytes.extend_from_slice(&key.key);
    bytes.into()
}

impl Operator for Suppress {
    fn process(
        &mut self,
        inputs: Vec<Batch>,
        _cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let batch = one(inputs);
        let Some(windows) = &batch.windows else { return Ok(Batch::empty(&self.schema)) };
        let keys = self.key.keys(&batch);
        let writer = RowWriter::new(&self.types, &batch.new.columns);
        let mut closed: Vec<Closed> = Vec::new();
        for (row, &window) in windows.iter().enumerate() {
            let (partition, timestamp) = (batch.partitions[row], batch.timestamps[row]);
            let stream_time = self.stream_time.advance(partition, timestamp);
            let held = self.held.entry(partition).or_default();
            let key = HeldKey { end_ms: window.end_ms, key: keys.get(row).into() };
            let log_key = changelog_key(partition, &key);
            if batch.new.is_present(row) {
                let bytes = writer.row(row);
                self.changes.push((log_key, Some((timestamp, bytes.clone()))));
                let headers = batch.headers_of(row);
                held.insert(key, Held { timestamp, row: bytes, headers });
            } else if held.remove(&key).is_some() {
                self.changes.push((log_key, None));
            }
            let newest = self.newest.advance(partition, self.timing.place(window));
            if batch.seq.get(row + 1) == Some(&batch.seq[row]) {
                // An event's windows are all updated before any is closed.
                continue;
            }
            let timing = self.timing;
            let is_closed = |key: &HeldKey| timing.is_closed(key.end_ms, stream_time);
            while let Some(first) = held.first_entry().filter(|e| is_closed(e.key())) {
                let (key, held) = first.remove_entry();
                self.changes.push((changelog_key(partition, &key), None));
                let window = window_of(&key.key)?;
                if !timing.is_lost(window, newest) {
                    closed.push(Closed { by: row as u32, window, held });
                }
            }
        }
        let by: Vec<u32> = closed.iter().map(|c| c.by).collect();
        let mut out = batch.meta(&by);
        let rows = closed.iter().map(|c| Some(&*c.held.row));
        out.new = Side { columns: read_rows(&self.types, rows)?, present: None };
        out.timestamps = closed.iter().map(|c| c.held.timestamp).collect();
        out.windows = Some(closed.iter().map(|c| c.window).collect());
        out.headers = headers_or_none(closed.into_iter().map(|c| c.held.headers).collect());
        if self.wants_old {
            // Nothing was told of a window before.
            let columns = self.types.iter().map(|ty| null_column(ty, out.rows)).collect();
            out.old = Some(Side { columns, present: Some(NullBuffer::new_null(out.rows)) });
        }
        Ok(out)
    }

    fn flush(&mut self, log: &mut Changelog) {
        for (key, value) in self.changes.drain(..) {
            match value {
                Some((timestamp, row)) => {
                    let mut time = Vec::with_capacity(8);
                    write_wide(timestamp, &mut time);
                    let value = Some([&time[..], &row]);
                    log.put_with(self.id, |out| out.extend_from_slice(&key), value);
                }
                None => log.put(self.id, &key, None),
            }
        }
        self.stream_time.flush(log);
        self.newest.flush(log);
    }

    fn stores(&self) -> Vec<StoreId> {
        vec![self.id, self.stream_time.id(), self.newest.id()]
    }

    fn restore(
        &mut self,
        store: StoreId,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        if store == self.stream_time.id() {
            return self.stream_time.restore(key, value);
        }
        if store == self.newest.id() {
            return self.newest.restore(key, value);
        }
        let mut bytes = key;
        let partition = read_wide(&mut bytes)? as u32;
        let end_ms = read_wide(&mut bytes)?;
        let key = HeldKey { end_ms, key: bytes.into() };
        let held = self.held.entry(partition).or_default();
        match value {
            Some(mut bytes) => {
                let timestamp = read_wide(&mut bytes)?;
                held.insert(key, Held { timestamp, row: bytes.into(), headers: no_headers() });
            }
            None => {
                held.remove(&key);
            }
        }
        Ok(())
    }
}
