//! GROUP BY in SESSION windows: rows of a key that are near each other in time form a session. A
//! row that touches sessions makes one of them all: each is told as gone, then the grown one.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, UInt32Array};
use arrow_buffer::NullBuffer;
use hashbrown::{HashMap, HashSet};
use model::SqlType;
use model::column::null_column;

use crate::batch::{Batch, Side, WindowBounds, mask_column, take_column};
use crate::operators::aggregate::groups::{Groups, write_window};
use crate::operators::aggregate::windows::WindowKind;
use crate::operators::aggregate::{
    AggregateSpec, Inputs, bound_columns, has_null, keys_and_bounds,
};
use crate::operators::keys::Keys;
use crate::operators::{Cycle, Operator, ProcessError, one};
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, RowWriter, read_rows};
use crate::state::stream_time::StreamTime;

/// Folds rows into sessions.
pub struct SessionAggregate {
    spec: AggregateSpec,
    gap_ms: i64,
    groups: Groups,
    stream_time: StreamTime,
    /// The sessions of a key, oldest first.
    sessions: HashMap<Box<[u8]>, Vec<Session>, ahash::RandomState>,
    /// Keys of sessions by their end, for forgetting the oldest; an end may be out of date.
    by_end: BTreeMap<i64, Vec<Box<[u8]>>>,
}

#[derive(Clone, Copy)]
struct Session {
    window: WindowBounds,
    slot: u32,
}

/// What is told of a session.
struct Told {
    row: u32,
    partition: u32,
    window: WindowBounds,
    /// The session; `None`: it is gone.
    slot: Option<u32>,
    /// The results: new ones, or for a session that is gone its last ones (where they are wanted).
    results: Option<Vec<ArrayRef>>,
    carried: Option<Vec<ArrayRef>>,
}

impl SessionAggregate {
    /// No sessions yet. `stores`: for the sessions and for stream time.
    pub fn new(spec: AggregateSpec, stores: [StoreId; 2]) -> Result<Self, String> {
        let gap_ms = match spec.windows.map(|w| w.kind) {
            Some(WindowKind::Session { gap_ms }) => gap_ms,
            _ => return Err("sessions need a SESSION window".to_owned()),
        };
        Ok(Self {
            gap_ms,
            groups: Groups::new(stores[0], true, &spec.calls, &spec.limits)?,
            stream_time: StreamTime::new(stores[1]),
            sessions: HashMap::default(),
            by_end: BTreeMap::new(),
            spec,
        })
    }

    /// Takes the sessions that an event at `time` touches out of the key's list.
    /// Those that are older than the retention at `before`, the time before the event, are not
    /// seen.
    fn touched(&mut self, key: &[u8], time: i64, before: Option<i64>) -> Vec<Session> {
        let Some(sessions) = self.sessions.get_mut(key) else { return Vec::new() };
        let (from, to) = (time.saturating_sub(self.gap_ms), time.saturating_add(self.gap_ms));
        let retention_ms = self.spec.windows.map_or(0, |w| w.retention_ms);
        let kept_from = before.map_or(i64::MIN, |before| before.saturating_sub(retention_ms));
        let touches = |s: &Session| {
            s.window.end_ms >= from && s.window.start_ms <= to && s.window.end_ms > kept_from
        };
        let (touched, rest) = sessions.iter().partition(|s| touches(s));
        *sessions = rest;
        touched
    }

    fn put_back(&mut self, key: &[u8], session: Session) {
        let sessions = self.sessions.entry(key.into()).or_default();
        let at = sessions.partition_point(|s| s.window.start_ms < session.window.start_ms);
        sessions.insert(at, session);
    }

    /// Makes one session of those touched and the event; they are merged oldest first.
    fn grow(&mut self, key: &[u8], touched: &[Session], window: WindowBounds) -> Session {
        let mut full_key = key.to_vec();
        write_window(window, &mut full_key);
        let slot = match touched {
            [] => self.groups.slot(&full_key),
            [first, others @ ..] => {
                for other in others {
                    self.groups.merge(first.slot, other.slot);
                    self.groups.remove(other.slot);
                }
                if first.window != window {
                    self.groups.rename(first.slot, &full_key);
                }
                first.slot
            }
        };
        self.by_end.entry(window.end_ms).or_default().push(key.into());
        Session { window, slot }
    }

    /// Forgets sessions that are over for long.
    fn expire(&mut self) {
        let (Some(windows), Some(newest)) = (self.spec.windows, self.stream_time.max()) else {
            return;
        };
        let kept_from = newest.saturating_sub(windows.retention_ms);
        let old: Vec<i64> = self.by_end.range(..kept_from).map(|(end, _)| *end).collect();
        for end in old {
            let mut kept = Vec::new();
            for key in self.by_end.remove(&end).unwrap_or_default() {
                let Some(sessions) = self.sessions.get_mut(&key) else { continue };
                let (groups, times) = (&mut self.groups, &self.stream_time);
                let before = sessions.len();
                sessions.retain(|session| {
                    let time = times.get(groups.group(session.slot).partition);
                    let expired = time.is_some_and(|t| windows.is_expired(session.window, t));
                    if expired {
                        groups.remove(session.slot);
                    }
                    !expired
                });
                let is_behind = sessions.len() == before
                    && sessions.iter().any(|session| session.window.end_ms == end);
                if is_behind {
                    kept.push(key.clone());
                } else if sessions.is_empty() {
                    self.sessions.remove(&key);
                }
            }
            if !kept.is_empty() {
                self.by_end.insert(end, kept);
            }
        }
    }

    fn row(
        &mut self,
        batch: &Batch,
        inputs: &Inputs,
        (row, key): (usize, &[u8]),
        cycle: &Cycle<'_>,
        told: &mut Vec<Told>,
    ) -> Result<(), ProcessError> {
        let windows = self.spec.windows.expect("sessions have a window");
        let time = batch.timestamps[row];
        let partition = self.spec.partition(batch, row, key, cycle);
        let before = self.stream_time.get(partition);
        let stream_time = self.stream_time.advance(partition, time);
        let touched = self.touched(key, time, before);
        let alone = WindowBounds { start_ms: time, end_ms: time };
        let window = touched.iter().fold(alone, |window, s| WindowBounds {
            start_ms: window.start_ms.min(s.window.start_ms),
            end_ms: window.end_ms.max(s.window.end_ms),
        });
        let closed = stream_time.saturating_sub(windows.grace_ms).saturating_sub(self.gap_ms);
        if window.end_ms < closed {
            touched.into_iter().for_each(|session| self.put_back(key, session));
            return Ok(());
        }
        let row_number = row as u32;
        if window != alone {
            for session in &touched {
                let old = self.spec.wants_old.then(|| self.last(session.slot));
                let (results, carried) = old.unzip();
                let window = session.window;
                let gone =
                    Told { row: row_number, partition, window, slot: None, results, carried };
                told.push(gone);
            }
        }
        let session = self.grow(key, &touched, window);
        let slots = UInt32Array::from(vec![row_number]);
        let take = |columns: &Vec<ArrayRef>| -> Vec<ArrayRef> {
            columns.iter().map(|c| take_column(c, &slots)).collect()
        };
        let args: Vec<Vec<ArrayRef>> = inputs.args.iter().map(take).collect();
        self.groups.add(&[session.slot], &args)?;
        let keeps_carried = self.spec.keeps_carried();
        let group = self.groups.change(session.slot);
        group.is_live = true;
        group.timestamp = window.end_ms;
        group.partition = partition;
        group.window = Some(window);
        if keeps_carried {
            let types = self.spec.carried_types();
            group.carried = RowWriter::new(&types, &inputs.carried).row(row);
        }
        self.put_back(key, session);
        let tells_now = !cycle.merge || self.spec.is_final;
        let results = tells_now.then(|| self.groups.results(&[session.slot]));
        let slot = Some(session.slot);
        told.push(Told { row: row_number, partition, window, slot, results, carried: None });
        Ok(())
    }

    /// A session's last results and carried columns.
    fn last(&mut self, slot: u32) -> (Vec<ArrayRef>, Vec<ArrayRef>) {
        let types = self.spec.carried_types();
        let carried = &self.groups.group(slot).carried;
        let row = (!carried.is_empty()).then_some(&**carried);
        let carried = read_rows(&types, [row].into_iter());
        let carried = carried.expect("carried columns were written by ourselves");
        (self.groups.results(&[slot]), carried)
    }

    /// Leaves out what the batch itself overtook: results of sessions that changed again, and
    /// sessions that came and went.
    fn only_last(&self, told: Vec<Told>, keys: &Keys) -> Vec<Told> {
        let id = |t: &Told| (keys.get(t.row as usize).to_vec(), t.window);
        let mut first_seen = HashMap::new();
        for t in &told {
            first_seen.entry(id(t)).or_insert(t.slot.is_some());
        }
        let mut seen = HashSet::new();
        let mut last: Vec<Told> = told.into_iter().rev().filter(|t| seen.insert(id(t))).collect();
        last.reverse();
        last.retain(|t| t.slot.is_some() || !first_seen[&id(t)]);
        last
    }

    fn batch_of(&mut self, batch: &Batch, inputs: &Inputs, mut told: Vec<Told>) -> Batch {
        for t in told.iter_mut().filter(|t| t.slot.is_some() && t.results.is_none()) {
            t.results = t.slot.map(|slot| self.groups.results(&[slot]));
        }
        let rows: Vec<u32> = told.iter().map(|t| t.row).collect();
        let indices = UInt32Array::from(rows.clone());
        let take = |columns: &[ArrayRef]| -> Vec<ArrayRef> {
            columns.iter().map(|c| take_column(c, &indices)).collect()
        };
        let mut out = batch.meta(&rows);
        out.keyless = None;
        out.timestamps = told.iter().map(|t| t.window.end_ms).collect();
        out.windows = Some(told.iter().map(|t| t.window).collect());
        out.partitions = told.iter().map(|t| t.partition).collect();
        let keys = take(&inputs.keys);
        let mut ends = bound_columns(out.windows.as_deref());
        ends.push(Arc::new(Int64Array::from(out.timestamps.clone())));
        let new: NullBuffer = told.iter().map(|t| t.slot.is_some()).collect::<Vec<_>>().into();
        let old: NullBuffer = told.iter().map(|t| t.slot.is_none()).collect::<Vec<_>>().into();
        let carried_types = self.spec.carried_types();
        let first = self.spec.keys.len() + carried_types.len();
        let results = &self.spec.schema.columns[first..first + self.spec.calls.len()];
        let result_types: Vec<SqlType> = results.iter().map(|c| c.ty.clone()).collect();
        let live = |t: &'_ Told| t.slot.is_some();
        let results =
            self.columns(&told, &result_types, |t| t.results.as_ref().filter(|_| live(t)));
        let columns = [keys.clone(), take(&inputs.carried), results, ends.clone()].concat();
        out.new = self.masked(columns, new);
        if self.spec.wants_old {
            let gone = |t: &Told| t.slot.is_none();
            let results =
                self.columns(&told, &result_types, |t| t.results.as_ref().filter(|_| gone(t)));
            let carried = self.columns(&told, &carried_types, |t| t.carried.as_ref());
            out.old = Some(self.masked([keys, carried, results, ends].concat(), old));
        }
        out
    }

    /// Columns made of what is told, a row of each; null where `of` has none.
    fn columns<'a>(
        &self,
        told: &'a [Told],
        types: &[SqlType],
        of: impl Fn(&'a Told) -> Option<&'a Vec<ArrayRef>>,
    ) -> Vec<ArrayRef> {
        let column = |(i, ty): (usize, &SqlType)| -> ArrayRef {
            let null = null_column(ty, 1);
            let cell = |t: &'a Told| of(t).map_or(null.clone(), |cells| cells[i].clone());
            let cells: Vec<ArrayRef> = told.iter().map(cell).collect();
            let cells: Vec<&dyn Array> = cells.iter().map(|c| c.as_ref()).collect();
            arrow_select::concat::concat(&cells).expect("equal types")
        };
        types.iter().enumerate().map(column).collect()
    }

    fn masked(&self, columns: Vec<ArrayRef>, present: NullBuffer) -> Side {
        let stays = keys_and_bounds(&self.spec);
        let mask = |(column, stays): (ArrayRef, bool)| {
            if stays { column } else { mask_column(&column, &present) }
        };
        let columns = columns.into_iter().zip(stays).map(mask).collect();
        Side { columns, present: Some(present).filter(|p| p.null_count() > 0) }
    }
}

impl Operator for SessionAggregate {
    fn process(
        &mut self,
        inputs: Vec<Batch>,
        cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let batch = one(inputs);
        let inputs = self.spec.inputs(&batch.new, batch.rows, cycle);
        let keys = Keys::of(self.spec.key_types(), &inputs.keys, None, batch.rows);
        let mut told = Vec::new();
        for row in 0..batch.rows {
            if batch.new.is_present(row) && !has_null(&inputs.keys, row) {
                self.row(&batch, &inputs, (row, keys.get(row)), cycle, &mut told)?;
            }
        }
        if cycle.merge && !self.spec.is_final && !self.spec.wants_old {
            told = self.only_last(told, &keys);
        }
        if told.is_empty() {
            return Ok(Batch::empty(&self.spec.schema));
        }
        Ok(self.batch_of(&batch, &inputs, told))
    }

    fn flush(&mut self, log: &mut Changelog) {
        self.expire();
        self.groups.flush(log);
        self.stream_time.flush(log);
    }

    fn stores(&self) -> Vec<StoreId> {
        vec![self.groups.id(), self.stream_time.id()]
    }

    fn restore(
        &mut self,
        store: StoreId,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        if store == self.groups.id() {
            self.groups.restore(key, value)
        } else {
            self.stream_time.restore(key, value)
        }
    }

    fn restored(&mut self) -> Result<(), DecodeError> {
        let all: Vec<(Box<[u8]>, Session)> = self
            .groups
            .slots()
            .filter_map(|slot| {
                let key = self.groups.key(slot);
                let window = self.groups.group(slot).window?;
                Some((key[..key.len() - 16].into(), Session { window, slot }))
            })
            .collect();
        for (key, session) in all {
            self.by_end.entry(session.window.end_ms).or_default().push(key.clone());
            self.put_back(&key, session);
        }
        Ok(())
    }
}
