//! JOIN of two streams WITHIN a time.
//!
//! Rows that find no partner and are kept (LEFT, RIGHT, FULL) are told at once where no GRACE
//! PERIOD was given (ksqlDB's old way: the match, if it comes later, is told as well); with one
//! they wait until no partner can come any more.
//!
//! Waiting rows' changelog key: time (8 bytes, codec::write_wide), side (0 right, 1 left),
//! partition (8 bytes), number (8 bytes), the key's cells. Value: the row's cells.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use sql::ast::{self, JoinKind};

use crate::batch::{Batch, Side};
use crate::operators::join::{
    Cell, Input, Joined, JoinedRow, Port, joined_columns, joined_meta, merged,
};
use crate::operators::{Cycle, Operator, ProcessError, two};
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, read_wide, write_wide};
use crate::state::stream_time::StreamTime;
use crate::state::window_store::WindowStore;

/// How long rows are kept for a join without GRACE PERIOD.
const DEFAULT_GRACE_MS: i64 = 24 * 3600 * 1000;

/// How many stores a join has.
pub const STORES: usize = 6;

/// How far apart partners may be, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Within {
    /// How much earlier the right row may be.
    pub before_ms: i64,
    /// How much later the right row may be.
    pub after_ms: i64,
    /// How late rows may come; none: the old, eager way.
    pub grace_ms: Option<i64>,
}

impl From<ast::Within> for Within {
    fn from(within: ast::Within) -> Self {
        Self {
            before_ms: within.before.millis(),
            after_ms: within.after.millis(),
            grace_ms: within.grace.map(|grace| grace.millis()),
        }
    }
}

/// Joins two streams.
pub struct StreamStreamJoin {
    left: Input,
    right: Input,
    kind: JoinKind,
    within: Within,
    joins_sessions: bool,
    left_events: WindowStore,
    right_events: WindowStore,
    stream_time: StreamTime,
    waiting: Waiting,
}

/// A row that waits for a partner, in the order in which they are told: by time, the right side
/// first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct WaitingKey {
    time: i64,
    is_left: bool,
    key: Box<[u8]>,
}

/// Rows that wait for a partner, by partition.
struct Waiting {
    id: StoreId,
    rows: HashMap<u32, BTreeMap<WaitingKey, Vec<WaitingRow>>>,
    /// A lower bound of the oldest one's time, by partition.
    oldest: HashMap<u32, i64>,
    next_number: i64,
    /// Changes for the changelog: key, and the row if it waits.
    changes: Vec<WaitingChange>,
}

/// A key of the changelog, and the row if it waits.
type WaitingChange = (Vec<u8>, Option<Box<[u8]>>);

/// The number of a row that waits, and the row.
type WaitingRow = (i64, Box<[u8]>);

impl Waiting {
    fn change(&mut self, partition: u32, key: &WaitingKey, number: i64, row: Option<&[u8]>) {
        let mut bytes = Vec::with_capacity(25 + key.key.len());
        write_wide(key.time, &mut bytes);
        bytes.push(u8::from(key.is_left));
        write_wide(i64::from(partition), &mut bytes);
        write_wide(number, &mut bytes);
        bytes.extend_from_slice(&key.key);
        self.changes.push((bytes, row.map(Box::from)));
    }

    fn add(&mut self, partition: u32, key: WaitingKey, row: Box<[u8]>) {
        let number = self.next_number;
        self.next_number += 1;
        self.change(partition, &key, number, Some(&row));
        let oldest = self.oldest.entry(partition).or_insert(i64::MAX);
        *oldest = (*oldest).min(key.time);
        self.rows.entry(partition).or_default().entry(key).or_default().push((number, row));
    }

    fn remove(&mut self, partition: u32, key: &WaitingKey) -> Vec<WaitingRow> {
        let rows = self.rows.get_mut(&partition).and_then(|rows| rows.remove(key));
        let rows = rows.unwrap_or_default();
        for (number, _) in &rows {
            self.change(partition, key, *number, None);
        }
        rows
    }

    /// Takes out the rows for which no partner can come any more, in order. `closes_after_ms`: for
    /// a right and for a left row, how long after it that is.
    fn closed(
        &mut self,
        partition: u32,
        stream_time: i64,
        closes_after_ms: [i64; 2],
    ) -> Vec<(WaitingKey, Box<[u8]>)> {
        let mut closed = Vec::new();
        let mut open = [false; 2];
        for key in self.rows.get(&partition).into_iter().flat_map(BTreeMap::keys) {
            if open == [true, true] {
                break;
            }
            let side = usize::from(key.is_left);
            if key.time.saturating_add(closes_after_ms[side]) >= stream_time {
                open[side] = true;
            } else {
                closed.push(key.clone());
            }
        }
        let mut told = Vec::new();
        for key in closed {
            let rows = self.remove(partition, &key);
            told.extend(rows.into_iter().map(|(_, row)| (key.clone(), row)));
        }
        let first = self.rows.get(&partition).and_then(|rows| rows.keys().next());
        self.oldest.insert(partition, first.map_or(i64::MAX, |key| key.time));
        told
    }
}

impl StreamStreamJoin {
    /// A join of these inputs. `stores`: left events and times, right events and times, stream
    /// time, waiting rows.
    pub fn new(
        left: Input,
        right: Input,
        kind: JoinKind,
        within: Within,
        stores: [StoreId; STORES],
    ) -> Self {
        // ksqlDB runs a RIGHT join as a LEFT join of the right with the left, and leaves WITHIN as
        // it is: "before" and "after" then count from the right row.
        let within = match kind {
            JoinKind::Right => {
                Within { before_ms: within.after_ms, after_ms: within.before_ms, ..within }
            }
            _ => within,
        };
        let grace_ms = within.grace_ms.unwrap_or(DEFAULT_GRACE_MS);
        let retention_ms =
            within.before_ms.saturating_add(within.after_ms).saturating_add(grace_ms);
        let [l, lt, r, rt, time, waiting] = stores;
        Self {
            left,
            right,
            kind,
            within,
            joins_sessions: false,
            left_events: WindowStore::new([l, lt], retention_ms),
            right_events: WindowStore::new([r, rt], retention_ms),
            stream_time: StreamTime::new(time),
            waiting: Waiting {
                id: waiting,
                rows: HashMap::new(),
                oldest: HashMap::new(),
                next_number: 0,
                changes: Vec::new(),
            },
        }
    }

    fn keeps(&self, port: Port) -> bool {
        match self.kind {
            JoinKind::Inner => false,
            JoinKind::Left => port == Port::Left,
            JoinKind::Right => port == Port::Right,
            JoinKind::Full => true,
        }
    }

    /// How much earlier and later the partner of a row of `port` may be.
    fn reach(&self, port: Port) -> (i64, i64) {
        match port {
            Port::Left => (self.within.before_ms, self.within.after_ms),
            Port::Right => (self.within.after_ms, self.within.before_ms),
        }
    }

    /// The same for keys with sessions, which are the same only if they end alike too.
    pub fn of_sessions(mut self, joins_sessions: bool) -> Self {
        self.joins_sessions = joins_sessions;
        self
    }

    /// Tells the waiting rows whose time is over.
    fn tell_closed(&mut self, port: Port, row: &JoinedRow, partition: u32, joined: &mut Joined) {
        let Some(grace_ms) = self.within.grace_ms else { return };
        let stream_time = row.timestamp;
        let oldest = self.waiting.oldest.get(&partition).copied().unwrap_or(i64::MAX);
        let (_, after_ms) = self.reach(port);
        if oldest >= stream_time.saturating_sub(after_ms).saturating_sub(grace_ms) {
            return;
        }
        let closes_after_ms = [self.within.before_ms, self.within.after_ms]
            .map(|reach_ms| reach_ms.saturating_add(grace_ms));
        for (key, stored) in self.waiting.closed(partition, stream_time, closes_after_ms) {
            let (left, right, key_from) = if key.is_left {
                (joined.store_left(&stored), Cell::None, Port::Left)
            } else {
                (Cell::None, joined.store_right(&stored), Port::Right)
            };
            let timestamp = key.time;
            joined.rows.push(JoinedRow { left, right, key_from, timestamp, ..row.clone() });
        }
    }
}

impl Operator for StreamStreamJoin {
    fn process(
        &mut self,
        inputs: Vec<Batch>,
        _cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let (left, right) = two(inputs);
        let keys = match self.joins_sessions {
            true => [self.left.key.keys(&left), self.right.key.keys(&right)],
            false => [self.left.key.keys_by_start(&left), self.right.key.keys_by_start(&right)],
        };
        let (left_input, right_input) = (self.left.clone(), self.right.clone());
        let writers = [left_input.writer(&left.new), right_input.writer(&right.new)];
        let mut joined = Joined::default();
        for (port, row) in merged(&left, &right) {
            let (batch, input) =
                if port == Port::Left { (&left, &left_input) } else { (&right, &right_input) };
            let (time, partition) = (batch.timestamps[row], batch.partitions[row]);
            let stream_time = self.stream_time.advance(partition, time);
            let alone = |port: Port, cell: Cell| {
                let (left, right) =
                    if port == Port::Left { (cell, Cell::None) } else { (Cell::None, cell) };
                JoinedRow {
                    from: (port, row as u32),
                    left,
                    right,
                    present: true,
                    timestamp: time,
                    window: batch.windows.as_ref().map(|w| w[row]),
                    key_from: port,
                }
            };
            let mine = alone(port, Cell::Row(row as u32));
            if !batch.new.is_present(row) {
                continue;
            }
            if input.key.is_null(&batch.new.columns, row) {
                if self.keeps(port) {
                    joined.rows.push(mine);
                }
                continue;
            }
            let key = keys[port as usize].get(row);
            if time == stream_time {
                self.tell_closed(port, &mine, partition, &mut joined);
            }
            let (before_ms, after_ms) = self.reach(port);
            let from = time.saturating_sub(before_ms).max(0);
            let to = time.saturating_add(after_ms).max(0);
            let stored = writers[port as usize].row(row);
            let (events, others) = match port {
                Port::Left => (&mut self.left_events, &self.right_events),
                Port::Right => (&mut self.right_events, &self.left_events),
            };
            events.put(key, partition, time, stored.clone());
            let partners = others.fetch(key, partition, from, to);
            for partner in partners {
                let timestamp = time.max(partner.time);
                let mut pair = JoinedRow { timestamp, ..mine.clone() };
                match port {
                    Port::Left => pair.right = joined.store_right(&partner.row),
                    Port::Right => pair.left = joined.store_left(&partner.row),
                }
                joined.rows.push(pair);
                let is_left = port == Port::Right;
                let key = WaitingKey { time: partner.time, is_left, key: key.into() };
                self.waiting.remove(partition, &key);
            }
            if partners.is_empty() && self.keeps(port) {
                if self.within.grace_ms.is_none() || to < stream_time {
                    joined.rows.push(mine);
                } else {
                    let is_left = port == Port::Left;
                    self.waiting.add(
                        partition,
                        WaitingKey { time, is_left, key: key.into() },
                        stored,
                    );
                }
            }
        }
        let mut out = joined_meta(&joined.rows, &left, &right);
        let columns = joined_columns((&left_input, &right_input), (&left, &right), &joined)?;
        out.new = Side { columns, present: None };
        Ok(out)
    }

    fn flush(&mut self, log: &mut Changelog) {
        self.left_events.flush(log);
        self.right_events.flush(log);
        self.stream_time.flush(log);
        for (key, row) in self.waiting.changes.drain(..) {
            log.put(self.waiting.id, &key, row.as_deref());
        }
    }

    fn stores(&self) -> Vec<StoreId> {
        let events = [self.left_events.ids(), self.right_events.ids()].concat();
        [events, vec![self.stream_time.id(), self.waiting.id]].concat()
    }

    fn restore(
        &mut self,
        store: StoreId,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        if self.left_events.ids().contains(&store) {
            return self.left_events.restore(store, key, value);
        }
        if self.right_events.ids().contains(&store) {
            return self.right_events.restore(store, key, value);
        }
        if store == self.stream_time.id() {
            return self.stream_time.restore(key, value);
        }
        let mut bytes = key;
        let time = read_wide(&mut bytes)?;
        let (&is_left, mut bytes) = bytes.split_first().ok_or(DecodeError)?;
        let (partition, number) = (read_wide(&mut bytes)? as u32, read_wide(&mut bytes)?);
        let key = WaitingKey { time, is_left: is_left == 1, key: bytes.into() };
        let waiting = &mut self.waiting;
        waiting.next_number = waiting.next_number.max(number + 1);
        let rows = waiting.rows.entry(partition).or_default();
        match value {
            Some(row) => {
                rows.entry(key).or_default().push((number, row.into()));
                let oldest = waiting.oldest.entry(partition).or_insert(i64::MAX);
                *oldest = (*oldest).min(time);
            }
            None => {
                let is_gone = rows.get_mut(&key).is_some_and(|list| {
                    list.retain(|(n, _)| *n != number);
                    list.is_empty()
                });
                if is_gone {
                    rows.remove(&key);
                }
            }
        }
        Ok(())
    }
}
