//! GROUP BY: folds rows into groups and tells each group's new result.
//!
//! A stream's rows are added; a table's changed rows are taken out of their old group and added to
//! the new one. Where several changes of a group within a batch must all be told, the batch is
//! folded in rounds, in each of which a group occurs at most once.

pub mod groups;
pub mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, UInt32Array};
use arrow_buffer::NullBuffer;
use model::{Schema, SqlType};
use sql::expr::Expr;
use sql::plan::AggregateCall;

use crate::batch::{
    Batch, Side, WindowBounds, concat_columns, mask_column, take_column, take_nulls,
};
use crate::operators::keys::Keys;
use crate::operators::{Cycle, Operator, ProcessError, one};
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, RowWriter, read_rows};
use crate::state::stream_time::StreamTime;
use groups::{Groups, write_window};
use windows::Windows;

/// What an aggregation computes.
pub struct AggregateSpec {
    /// What to group by.
    pub keys: Vec<Expr>,
    /// Columns of the newest row.
    pub carried: Vec<Expr>,
    /// What to compute.
    pub calls: Vec<AggregateCall>,
    /// Windows, if any.
    pub windows: Option<Windows>,
    /// Are old results wanted behind it?
    pub wants_old: bool,
    /// Is the input a table?
    pub input_is_table: bool,
    /// Is each change wanted to decide what is told at a window's end?
    pub is_final: bool,
    /// Are rows grouped by the key they have already, so that they stay in their partition?
    pub keeps_partition: bool,
    /// How large results may grow.
    pub limits: functions::aggregate::Limits,
    /// The schema of what comes out.
    pub schema: Schema,
}

/// Folds rows into groups; no windows, or windows of fixed length.
pub struct Aggregate {
    spec: AggregateSpec,
    groups: Groups,
    stream_time: StreamTime,
    /// Slots of windows by their start, for forgetting the oldest.
    by_start: BTreeMap<i64, Vec<u32>>,
    occurrences: Vec<u32>,
}

/// A row's part in a group: the unit of folding.
#[derive(Clone, Copy)]
struct Entry {
    row: u32,
    slot: u32,
    add: bool,
    undo: bool,
    window: Option<WindowBounds>,
}

/// What a batch's rows are folded by.
pub(crate) struct Inputs {
    pub(crate) keys: Vec<ArrayRef>,
    pub(crate) carried: Vec<ArrayRef>,
    pub(crate) args: Vec<Vec<ArrayRef>>,
}

impl AggregateSpec {
    pub(crate) fn inputs(&self, side: &Side, rows: usize, cycle: &mut Cycle<'_>) -> Inputs {
        let evaluate = |exprs: &[Expr], cycle: &mut Cycle<'_>, step: &str| -> Vec<ArrayRef> {
            exprs.iter().map(|expr| cycle.evaluate(expr, side, rows, step)).collect()
        };
        let keys = evaluate(&self.keys, cycle, "GroupBy");
        let carried = evaluate(&self.carried, cycle, "Aggregate");
        let args = self.calls.iter().map(|call| evaluate(&call.args, cycle, "Aggregate"));
        Inputs { keys, carried, args: args.collect() }
    }

    pub(crate) fn key_types(&self) -> impl Iterator<Item = &SqlType> {
        self.keys.iter().map(|k| &k.ty)
    }

    pub(crate) fn carried_types(&self) -> Vec<SqlType> {
        self.carried.iter().map(|c| c.ty.clone()).collect()
    }

    /// Must groups remember the carried columns?
    pub(crate) fn keeps_carried(&self) -> bool {
        !self.carried.is_empty() && (self.wants_old || self.input_is_table)
    }

    pub(crate) fn partition(
        &self,
        batch: &Batch,
        row: usize,
        key: &[u8],
        cycle: &Cycle<'_>,
    ) -> u32 {
        if self.keeps_partition || cycle.single_partition {
            batch.partitions[row]
        } else {
            journal::partition_for_key(key, cycle.partitions)
        }
    }
}

impl Aggregate {
    /// No groups yet. `stores`: for the groups and for stream time.
    pub fn new(spec: AggregateSpec, stores: [StoreId; 2]) -> Result<Self, String> {
        let groups = Groups::new(stores[0], spec.windows.is_some(), &spec.calls, &spec.limits)?;
        let stream_time = StreamTime::new(stores[1]);
        Ok(Self { spec, groups, stream_time, by_start: BTreeMap::new(), occurrences: Vec::new() })
    }

    /// What a stream's rows mean to the groups.
    fn entries(&mut self, batch: &Batch, inputs: &Inputs, cycle: &Cycle<'_>) -> Vec<Entry> {
        let keys = Keys::of(self.spec.key_types(), &inputs.keys, None, batch.rows);
        let mut entries = Vec::with_capacity(batch.rows);
        let mut windows = Vec::new();
        let mut key_with_window = Vec::new();
        for row in 0..batch.rows {
            if !batch.new.is_present(row) || has_null(&inputs.keys, row) {
                continue;
            }
            let key = keys.get(row);
            let entry = Entry { row: row as u32, slot: 0, add: true, undo: false, window: None };
            let Some(spec) = self.spec.windows else {
                entries.push(Entry { slot: self.groups.slot(key), ..entry });
                continue;
            };
            let time = batch.timestamps[row];
            let partition = self.spec.partition(batch, row, key, cycle);
            let stream_time = self.stream_time.advance(partition, time);
            windows.clear();
            spec.of_event(time, stream_time, &mut windows);
            for &window in &windows {
                key_with_window.clear();
                key_with_window.extend_from_slice(key);
                write_window(window, &mut key_with_window);
                let slot = self.groups.slot(&key_with_window);
                let group = self.groups.change(slot);
                group.partition = partition;
                if group.window.replace(window).is_none() {
                    self.by_start.entry(window.start_ms).or_default().push(slot);
                }
                entries.push(Entry { slot, window: Some(window), ..entry });
            }
        }
        entries
    }

    /// What a table's changes mean to the groups.
    fn table_entries(&mut self, batch: &Batch, new: &Inputs, old: &Inputs) -> Vec<Entry> {
        let old_side = batch.old.as_ref().expect("a table's aggregation asks for old values");
        let new_keys = Keys::of(self.spec.key_types(), &new.keys, None, batch.rows);
        let old_keys = Keys::of(self.spec.key_types(), &old.keys, None, batch.rows);
        let mut entries = Vec::with_capacity(batch.rows);
        for row in 0..batch.rows {
            let add = batch.new.is_present(row) && !has_null(&new.keys, row);
            let undo = old_side.is_present(row) && !has_null(&old.keys, row);
            let entry = Entry { row: row as u32, slot: 0, add, undo, window: None };
            if add && undo && new_keys.get(row) == old_keys.get(row) {
                entries.push(Entry { slot: self.groups.slot(new_keys.get(row)), ..entry });
                continue;
            }
            if undo {
                let slot = self.groups.slot(old_keys.get(row));
                entries.push(Entry { slot, add: false, ..entry });
            }
            if add {
                let slot = self.groups.slot(new_keys.get(row));
                entries.push(Entry { slot, undo: false, ..entry });
            }
        }
        entries
    }

    /// Folds all entries and tells each group's last result.
    fn merged(
        &mut self,
        batch: &Batch,
        entries: &[Entry],
        sides: Sides<'_>,
    ) -> Result<Outcome, ProcessError> {
        let told: Vec<Entry> =
            self.last_of_each(entries).iter().map(|&at| entries[at as usize]).collect();
        let slots: Vec<u32> = told.iter().map(|e| e.slot).collect();
        let old = self.spec.wants_old.then(|| self.old_results(&slots));
        if sides.old.is_some() {
            for round in self.rounds(entries) {
                let entries: Vec<Entry> = round.iter().map(|&at| entries[at as usize]).collect();
                self.change_table(batch, &entries, sides)?;
            }
        } else {
            self.groups
                .add(&slots_of(entries), &take_args(&sides.new.args, entries, batch.rows))?;
        }
        self.note(batch, entries, sides.new);
        let times = slots.iter().map(|&slot| self.groups.group(slot).timestamp).collect();
        Ok(Outcome { told, results: self.groups.results(&slots), times, old })
    }

    /// Folds a stream's entries and tells the result after each.
    fn each(
        &mut self,
        batch: &Batch,
        entries: Vec<Entry>,
        sides: Sides<'_>,
    ) -> Result<Outcome, ProcessError> {
        let slots = slots_of(&entries);
        // Old results: those before the batch, for a group's first entry, and then its last
        // entry's.
        let mut first = Vec::new();
        let previous = self.previous(&entries, &mut first);
        let before = self.spec.wants_old.then(|| self.old_results(&first));
        let args = take_args(&sides.new.args, &entries, batch.rows);
        let results = self.groups.add_each(&slots, &args)?;
        let mut times = Vec::with_capacity(entries.len());
        for entry in &entries {
            self.note(batch, std::slice::from_ref(entry), sides.new);
            times.push(self.groups.group(entry.slot).timestamp);
        }
        let old = before.map(|before| {
            let carried: Vec<ArrayRef> = {
                let rows = UInt32Array::from_iter_values(entries.iter().map(|e| e.row));
                sides.new.carried.iter().map(|c| take_column(c, &rows)).collect()
            };
            let rowtime: ArrayRef = Arc::new(Int64Array::from(times.clone()));
            let present = NullBuffer::new_valid(entries.len());
            let after = OldResults { carried, results: results.clone(), rowtime, present };
            let count = first.len() as u32;
            let index = |p: &Previous| match p {
                Previous::Before(at) => *at,
                Previous::Entry(at) => count + at,
            };
            let index = UInt32Array::from_iter_values(previous.iter().map(index));
            OldResults::concat(&[before, after]).take(&index)
        });
        Ok(Outcome { told: entries, results, times, old })
    }

    /// Folds a table's entries and tells the result after each.
    fn each_change(
        &mut self,
        batch: &Batch,
        entries: &[Entry],
        sides: Sides<'_>,
    ) -> Result<Outcome, ProcessError> {
        let rounds = self.rounds(entries);
        let mut parts = Vec::with_capacity(rounds.len());
        for round in &rounds {
            let told: Vec<Entry> = round.iter().map(|&at| entries[at as usize]).collect();
            let slots = slots_of(&told);
            let old = self.spec.wants_old.then(|| self.old_results(&slots));
            self.change_table(batch, &told, sides)?;
            self.note(batch, &told, sides.new);
            let carried = self.carried(&slots);
            let times: Vec<i64> =
                slots.iter().map(|&slot| self.groups.group(slot).timestamp).collect();
            let rowtime: ArrayRef = Arc::new(Int64Array::from(times));
            let present = NullBuffer::new_valid(slots.len());
            let results = self.groups.results(&slots);
            parts.push((OldResults { carried, results, rowtime, present }, old));
        }
        let mut order = vec![0u32; entries.len()];
        for (at, &entry) in (0u32..).zip(rounds.iter().flatten()) {
            order[entry as usize] = at;
        }
        let order = UInt32Array::from(order);
        let (new, old): (Vec<OldResults>, Vec<Option<OldResults>>) = parts.into_iter().unzip();
        let new = OldResults::concat(&new).take(&order);
        let old: Vec<OldResults> = old.into_iter().flatten().collect();
        Ok(Outcome {
            told: entries.to_vec(),
            results: new.results,
            times: new.rowtime.as_primitive::<Int64Type>().values().to_vec(),
            old: self.spec.wants_old.then(|| OldResults::concat(&old).take(&order)),
        })
    }

    /// Takes old rows out of their groups and puts new ones in; no group occurs twice in `entries`.
    fn change_table(
        &mut self,
        batch: &Batch,
        entries: &[Entry],
        sides: Sides<'_>,
    ) -> Result<(), ProcessError> {
        let Some(old) = sides.old else { return Ok(()) };
        let only =
            |of: fn(&Entry) -> bool| -> Vec<Entry> { entries.iter().copied().filter(of).collect() };
        let undone = only(|e| e.undo);
        self.groups.undo(&slots_of(&undone), &take_args(&old.args, &undone, batch.rows))?;
        let added = only(|e| e.add);
        self.groups.add(&slots_of(&added), &take_args(&sides.new.args, &added, batch.rows))
    }

    /// Notes times, and the carried columns where they must be remembered.
    fn note(&mut self, batch: &Batch, entries: &[Entry], inputs: &Inputs) {
        for entry in entries {
            let time = batch.timestamps[entry.row as usize];
            let group = self.groups.change(entry.slot);
            group.timestamp = if group.is_live { group.timestamp.max(time) } else { time };
            group.is_live = true;
        }
        if self.spec.keeps_carried() {
            let types = self.spec.carried_types();
            let writer = RowWriter::new(&types, &inputs.carried);
            for entry in entries.iter().filter(|e| e.add) {
                self.groups.change(entry.slot).carried = writer.row(entry.row as usize);
            }
        }
    }

    fn batch_of(&mut self, batch: &Batch, outcome: Outcome, sides: Sides<'_>) -> Batch {
        let Outcome { told, results, times, old } = outcome;
        let rows: Vec<u32> = told.iter().map(|e| e.row).collect();
        let indices = UInt32Array::from(rows.clone());
        let take = |columns: &[ArrayRef]| -> Vec<ArrayRef> {
            columns.iter().map(|c| take_column(c, &indices)).collect()
        };
        let keys = match sides.old {
            None => take(&sides.new.keys),
            // The key of a row that is only taken out is the old one.
            Some(old) => {
                let is_new: arrow_array::BooleanArray = told.iter().map(|e| Some(e.add)).collect();
                let pick = |(new, old): (ArrayRef, ArrayRef)| {
                    arrow_select::zip::zip(&is_new, &new, &old).expect("equal types")
                };
                take(&sides.new.keys).into_iter().zip(take(&old.keys)).map(pick).collect()
            }
        };
        let carried = if self.spec.input_is_table {
            self.carried(&slots_of(&told))
        } else {
            take(&sides.new.carried)
        };
        let mut out = batch.meta(&rows);
        out.keyless = None;
        out.timestamps = times;
        if self.spec.windows.is_some() {
            out.windows = Some(told.iter().filter_map(|e| e.window).collect());
            out.partitions = told.iter().map(|e| self.groups.group(e.slot).partition).collect();
        }
        let bounds = bound_columns(out.windows.as_deref());
        let rowtime: ArrayRef = Arc::new(Int64Array::from(out.timestamps.clone()));
        let ends = |rowtime| bounds.iter().cloned().chain([rowtime]).collect::<Vec<_>>();
        out.new.columns = [keys.clone(), carried, results, ends(rowtime)].concat();
        out.old = old.map(|old| {
            let columns = [keys, old.carried, old.results, ends(old.rowtime)].concat();
            let stays = keys_and_bounds(&self.spec);
            let mask = |(column, stays): (ArrayRef, bool)| {
                if stays { column } else { mask_column(&column, &old.present) }
            };
            let columns = columns.into_iter().zip(stays).map(mask).collect();
            Side { columns, present: Some(old.present.clone()) }
        });
        out
    }

    fn carried(&self, slots: &[u32]) -> Vec<ArrayRef> {
        let types = self.spec.carried_types();
        let rows = slots.iter().map(|&slot| {
            let carried = &self.groups.group(slot).carried;
            (!carried.is_empty()).then_some(&**carried)
        });
        read_rows(&types, rows).expect("carried columns were written by ourselves")
    }

    fn old_results(&mut self, slots: &[u32]) -> OldResults {
        let live = |&slot: &u32| self.groups.group(slot).is_live;
        let present = NullBuffer::from_iter(slots.iter().map(live));
        let times = slots.iter().map(|&slot| self.groups.group(slot).timestamp);
        let rowtime: ArrayRef = Arc::new(Int64Array::from_iter_values(times));
        let carried = self.carried(slots);
        OldResults { results: self.groups.results(slots), carried, rowtime, present }
    }

    /// For each entry, where its group's result before it is: `first` becomes the groups' slots in
    /// the order of their first entries.
    fn previous(&mut self, entries: &[Entry], first: &mut Vec<u32>) -> Vec<Previous> {
        // 0: not seen yet; otherwise the last entry, counted from 1.
        self.occurrences.resize(self.groups.slot_count(), 0);
        let mut previous = Vec::with_capacity(entries.len());
        for (at, entry) in (0u32..).zip(entries) {
            let seen = std::mem::replace(&mut self.occurrences[entry.slot as usize], at + 1);
            previous.push(match seen {
                0 => {
                    first.push(entry.slot);
                    Previous::Before(first.len() as u32 - 1)
                }
                seen => Previous::Entry(seen - 1),
            });
        }
        entries.iter().for_each(|e| self.occurrences[e.slot as usize] = 0);
        previous
    }

    /// Splits entries into rounds, in each of which a group occurs at most once.
    fn rounds(&mut self, entries: &[Entry]) -> Vec<Vec<u32>> {
        self.occurrences.resize(self.groups.slot_count(), 0);
        let mut rounds: Vec<Vec<u32>> = Vec::new();
        for (at, entry) in (0u32..).zip(entries) {
            let occurrence = &mut self.occurrences[entry.slot as usize];
            if *occurrence as usize == rounds.len() {
                rounds.push(Vec::new());
            }
            rounds[*occurrence as usize].push(at);
            *occurrence += 1;
        }
        entries.iter().for_each(|e| self.occurrences[e.slot as usize] = 0);
        rounds
    }

    /// Positions of each group's last entry.
    fn last_of_each(&mut self, entries: &[Entry]) -> Vec<u32> {
        self.occurrences.resize(self.groups.slot_count(), 0);
        let mut last = Vec::new();
        for (at, entry) in entries.iter().enumerate().rev() {
            if std::mem::replace(&mut self.occurrences[entry.slot as usize], 1) == 0 {
                last.push(at as u32);
            }
        }
        entries.iter().for_each(|e| self.occurrences[e.slot as usize] = 0);
        last.reverse();
        last
    }

    /// Forgets windows that are over for long.
    fn expire(&mut self) {
        let (Some(windows), Some(newest)) = (self.spec.windows, self.stream_time.max()) else {
            return;
        };
        let kept_from = newest.saturating_sub(windows.retention_ms);
        let old: Vec<i64> = self.by_start.range(..kept_from).map(|(start, _)| *start).collect();
        for start in old {
            let slots = self.by_start.remove(&start).unwrap_or_default();
            // Another partition's time may be behind, and its windows stay.
            let is_expired = |&slot: &u32| {
                let group = self.groups.group(slot);
                let time = self.stream_time.get(group.partition);
                group.window.zip(time).is_none_or(|(window, time)| windows.is_expired(window, time))
            };
            let (expired, kept): (Vec<u32>, Vec<u32>) = slots.iter().partition(|s| is_expired(s));
            expired.into_iter().for_each(|slot| self.groups.remove(slot));
            if !kept.is_empty() {
                self.by_start.insert(start, kept);
            }
        }
    }
}

/// What a batch's rows are folded by: new values, and a table's old ones.
#[derive(Clone, Copy)]
struct Sides<'a> {
    new: &'a Inputs,
    old: Option<&'a Inputs>,
}

/// What is told of a batch: entries, and the results right after each.
struct Outcome {
    told: Vec<Entry>,
    results: Vec<ArrayRef>,
    times: Vec<i64>,
    old: Option<OldResults>,
}

/// Where a group's result before an entry is.
enum Previous {
    /// It is the group's first entry: the result before the batch, at this position.
    Before(u32),
    /// That of an earlier entry.
    Entry(u32),
}

/// Results that were told before.
struct OldResults {
    carried: Vec<ArrayRef>,
    results: Vec<ArrayRef>,
    rowtime: ArrayRef,
    present: NullBuffer,
}

impl OldResults {
    fn concat(parts: &[OldResults]) -> OldResults {
        let columns = |of: fn(&OldResults) -> &[ArrayRef]| -> Vec<ArrayRef> {
            (0..of(&parts[0]).len())
                .map(|i| concat_columns(parts.iter().map(|part| &of(part)[i])))
                .collect()
        };
        let bits = parts.iter().flat_map(|p| p.present.iter());
        OldResults {
            carried: columns(|p| &p.carried),
            results: columns(|p| &p.results),
            rowtime: concat_columns(parts.iter().map(|p| &p.rowtime)),
            present: NullBuffer::from_iter(bits),
        }
    }

    fn take(&self, rows: &UInt32Array) -> OldResults {
        let take = |columns: &[ArrayRef]| columns.iter().map(|c| take_column(c, rows)).collect();
        OldResults {
            carried: take(&self.carried),
            results: take(&self.results),
            rowtime: take_column(&self.rowtime, rows),
            present: take_nulls(&self.present, rows),
        }
    }
}

impl Operator for Aggregate {
    fn process(
        &mut self,
        inputs: Vec<Batch>,
        cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let batch = one(inputs);
        if batch.rows == 0 {
            return Ok(Batch::empty(&self.spec.schema));
        }
        let new = self.spec.inputs(&batch.new, batch.rows, cycle);
        let old = batch.old.as_ref().filter(|_| self.spec.input_is_table).map(|side| {
            let mut silent = Vec::new();
            let mut quiet = Cycle { log: &mut silent, ..*cycle };
            self.spec.inputs(side, batch.rows, &mut quiet)
        });
        let entries = match &old {
            Some(old) => self.table_entries(&batch, &new, old),
            None => self.entries(&batch, &new, cycle),
        };
        if entries.is_empty() {
            return Ok(Batch::empty(&self.spec.schema));
        }
        let sides = Sides { new: &new, old: old.as_ref() };
        let outcome = if cycle.merge && !self.spec.is_final {
            self.merged(&batch, &entries, sides)?
        } else if sides.old.is_some() {
            self.each_change(&batch, &entries, sides)?
        } else {
            self.each(&batch, entries, sides)?
        };
        Ok(self.batch_of(&batch, outcome, sides))
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
        for slot in self.groups.slots() {
            if let Some(window) = self.groups.group(slot).window {
                self.by_start.entry(window.start_ms).or_default().push(slot);
            }
        }
        Ok(())
    }
}

/// Is any column of the key null?
pub(crate) fn has_null(keys: &[ArrayRef], row: usize) -> bool {
    keys.iter().any(|key| key.is_null(row))
}

/// WINDOWSTART and WINDOWEND, if windowed.
pub(crate) fn bound_columns(windows: Option<&[WindowBounds]>) -> Vec<ArrayRef> {
    let Some(windows) = windows else { return Vec::new() };
    let column = |of: fn(&WindowBounds) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(windows.iter().map(of)))
    };
    vec![column(|w| w.start_ms), column(|w| w.end_ms)]
}

/// For each column that comes out: does a tombstone keep it?
pub(crate) fn keys_and_bounds(spec: &AggregateSpec) -> Vec<bool> {
    let columns = spec.schema.columns.len();
    let bounds = if spec.windows.is_some() { 2 } else { 0 };
    let is_bound = |i: usize| i + 1 < columns && i + 1 + bounds >= columns;
    (0..columns).map(|i| i < spec.keys.len() || is_bound(i)).collect()
}

fn slots_of(entries: &[Entry]) -> Vec<u32> {
    entries.iter().map(|e| e.slot).collect()
}

/// The arguments of these entries' rows.
fn take_args(args: &[Vec<ArrayRef>], entries: &[Entry], all: usize) -> Vec<Vec<ArrayRef>> {
    let is_identity =
        entries.len() == all && entries.iter().enumerate().all(|(i, e)| i == e.row as usize);
    if is_identity {
        return args.to_vec();
    }
    let rows = UInt32Array::from_iter_values(entries.iter().map(|e| e.row));
    let take = |columns: &Vec<ArrayRef>| columns.iter().map(|c| take_column(c, &rows)).collect();
    args.iter().map(take).collect()
}
