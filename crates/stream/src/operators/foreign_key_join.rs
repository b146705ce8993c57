//! JOIN of a table's expression with another table's key: many left rows may share a right one.
//!
//! Each left row subscribes to the right key it names. A changed right row changes the result of
//! all who subscribe to it, in the order of their keys.
//!
//! A WHERE right behind the join is part of it: of the rows that a changed right row touches, only
//! those that pass (or passed) are written down and told, however many subscribe.
//!
//! Subscriptions' changelog key: the right key's cells, then the left key's. Value: empty.

use std::collections::BTreeSet;
use std::ops::Bound;

use arrow_array::Array;
use arrow_buffer::{BooleanBuffer, NullBuffer};
use sql::ast::JoinKind;
use sql::expr::Expr;

use crate::batch::{Batch, Side, present_bits};
use crate::operators::filter::masked;
use crate::operators::join::{
    Cell, Input, Joined, JoinedRow, Port, joined_columns, joined_meta, joined_present, merged,
};
use crate::operators::keys::Keys;
use crate::operators::{Cycle, Operator, ProcessError, passing, two};
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, RowWriter, read_rows};
use crate::state::table_store::{StoredRow, TableStore};

/// How many stores a join has.
pub const STORES: usize = 4;

/// Joins a table's expression with another table's key.
pub struct ForeignKeyJoin {
    left: Input,
    right: Input,
    foreign_key: Expr,
    keeps_unmatched: bool,
    left_table: TableStore,
    right_table: TableStore,
    subscriptions: BTreeSet<Box<[u8]>>,
    subscriptions_id: StoreId,
    changes: Vec<(Box<[u8]>, bool)>,
    /// The WHERE behind the join.
    predicate: Option<Expr>,
    /// What was told last of each left key, where old values are wanted or there is a predicate.
    results: Option<TableStore>,
    wants_old: bool,
    stays: Vec<bool>,
}

impl ForeignKeyJoin {
    /// A join of these inputs; `kind` is INNER or LEFT. `stores`: left rows, right rows,
    /// subscriptions, results.
    pub fn new(
        (left, right): (Input, Input),
        foreign_key: Expr,
        kind: JoinKind,
        predicate: Option<Expr>,
        wants_old: bool,
        stores: [StoreId; STORES],
    ) -> Self {
        let keys = left.key.positions.len();
        let columns = keys + left.types.len() + right.types.len();
        Self {
            stays: (0..columns).map(|i| i < keys).collect(),
            left,
            right,
            foreign_key,
            keeps_unmatched: kind != JoinKind::Inner,
            left_table: TableStore::new(stores[0]),
            right_table: TableStore::new(stores[1]),
            subscriptions: BTreeSet::new(),
            subscriptions_id: stores[2],
            changes: Vec::new(),
            results: (wants_old || predicate.is_some()).then(|| TableStore::new(stores[3])),
            predicate,
            wants_old,
        }
    }

    fn subscribe(&mut self, foreign: &[u8], key: &[u8]) {
        let subscription: Box<[u8]> = [foreign, key].concat().into();
        if self.subscriptions.insert(subscription.clone()) {
            self.changes.push((subscription, true));
        }
    }

    fn unsubscribe(&mut self, foreign: &[u8], key: &[u8]) {
        let subscription: Box<[u8]> = [foreign, key].concat().into();
        if self.subscriptions.remove(&subscription) {
            self.changes.push((subscription, false));
        }
    }

    /// The left keys that subscribe to a right one.
    fn subscribers<'a>(&'a self, foreign: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.subscriptions
            .range::<[u8], _>((Bound::Included(foreign), Bound::Unbounded))
            .take_while(|subscription| subscription.starts_with(foreign))
            .map(|subscription| &subscription[foreign.len()..])
    }

    /// Leaves out rows that do not pass and did not before, and adds the old values.
    fn tell_changes(
        &mut self,
        mut out: Batch,
        keys: &[Box<[u8]>],
        cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let Some(results) = &mut self.results else { return Ok(out) };
        let new = match &self.predicate {
            Some(predicate) => passing(predicate, &out.new, out.rows, cycle, "WhereFilter"),
            None => present_bits(out.new.present.as_ref(), out.rows),
        };
        let (key, left, right) = (&self.left.key.types, &self.left.types, &self.right.types);
        let types: Vec<_> = key.iter().chain(left).chain(right).cloned().collect();
        let writer = RowWriter::new(&types, &out.new.columns);
        let tell = |row: usize| {
            let timestamp = out.timestamps[row];
            let stored = new.value(row).then(|| StoredRow { timestamp, row: writer.row(row) });
            results.put(&keys[row], stored)
        };
        let old: Vec<Option<StoredRow>> = (0..out.rows).map(tell).collect();
        let was_told: BooleanBuffer = old.iter().map(Option::is_some).collect();
        if self.wants_old {
            let rows = old.iter().map(|old| old.as_ref().map(|old| &*old.row));
            let columns = read_rows(&types, rows)?;
            out.old = Some(Side { columns, present: Some(NullBuffer::new(was_told.clone())) });
        }
        if self.predicate.is_none() {
            return Ok(out);
        }
        let changed = &new | &was_told;
        out.new = masked(out.new, NullBuffer::new(new), &self.stays);
        Ok(out.filter(&changed))
    }

    /// A changed right row changes the results of all left rows that name it.
    fn tell_subscribers(&self, key: &[u8], right: &Batch, row: usize, told: &mut Told) {
        let is_new = right.new.is_present(row);
        for left_key in self.subscribers(key) {
            let Some(stored) = self.left_table.get(left_key) else { continue };
            let left = told.joined.store_left(&stored.row);
            told.joined.rows.push(JoinedRow {
                from: (Port::Right, row as u32),
                left,
                right: if is_new { Cell::Row(row as u32) } else { Cell::None },
                present: is_new || self.keeps_unmatched,
                timestamp: right.timestamps[row],
                window: None,
                key_from: Port::Left,
            });
            told.keys.push(left_key.into());
        }
    }

    /// A changed left row subscribes to the right row it names now, and has its result told.
    fn left_changed(
        &mut self,
        change: LeftChange<'_>,
        left: &Batch,
        row: usize,
        told: &mut Told,
        cycle: &Cycle<'_>,
    ) -> Result<(), DecodeError> {
        let LeftChange { key, foreign, before } = change;
        let old_foreign = match &before {
            Some(before) => self.stored_foreign_key(&before.row, cycle)?,
            None => None,
        };
        if let Some(old) = &old_foreign
            && foreign != Some(old)
        {
            self.unsubscribe(old, key);
        }
        if let Some(new) = foreign {
            self.subscribe(new, key);
        }
        let partner = foreign.and_then(|new| self.right_table.get(new));
        // What was told before has to be taken back; what was not need not.
        let was_told = old_foreign.is_some() || (self.keeps_unmatched && before.is_some());
        let is_new = left.new.is_present(row);
        let present = is_new && (partner.is_some() || self.keeps_unmatched);
        if !present && !was_told {
            return Ok(());
        }
        let timestamp = left.timestamps[row];
        let right = partner.map_or(Cell::None, |p| told.joined.store_right(&p.row));
        told.joined.rows.push(JoinedRow {
            from: (Port::Left, row as u32),
            left: Cell::Row(row as u32),
            right,
            present,
            timestamp: partner.map_or(timestamp, |p| p.timestamp.max(timestamp)),
            window: None,
            key_from: Port::Left,
        });
        told.keys.push(key.into());
        Ok(())
    }

    /// The foreign key of a stored left row; `None`: null.
    fn stored_foreign_key(
        &self,
        row: &[u8],
        cycle: &Cycle<'_>,
    ) -> Result<Option<Box<[u8]>>, DecodeError> {
        let columns = read_rows(&self.left.types, [Some(row)].into_iter())?;
        let mut silent = Vec::new();
        let mut quiet = Cycle { log: &mut silent, ..*cycle };
        let side = Side { columns, present: None };
        let column = quiet.evaluate(&self.foreign_key, &side, 1, "ForeignKey");
        let columns = [column];
        let writer = RowWriter::new([&self.foreign_key.ty], &columns);
        Ok((!columns[0].is_null(0)).then(|| writer.row(0)))
    }
}

/// The rows that come out, each with the left key it is told under.
#[derive(Default)]
struct Told {
    joined: Joined,
    keys: Vec<Box<[u8]>>,
}

/// A left row that changed.
struct LeftChange<'a> {
    key: &'a [u8],
    /// The right key it names now, if any.
    foreign: Option<&'a [u8]>,
    /// What it was.
    before: Option<StoredRow>,
}

impl Operator for ForeignKeyJoin {
    fn process(
        &mut self,
        inputs: Vec<Batch>,
        cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let (left, right) = two(inputs);
        let (left_input, right_input) = (self.left.clone(), self.right.clone());
        let (left_keys, right_keys) = (left_input.key.keys(&left), right_input.key.keys(&right));
        let (left_rows, right_rows) =
            (left_input.writer(&left.new), right_input.writer(&right.new));
        let foreign = [cycle.evaluate(&self.foreign_key, &left.new, left.rows, "ForeignKey")];
        let foreign_keys = Keys::of([&self.foreign_key.ty], &foreign, None, left.rows);
        let mut told = Told::default();
        for (port, row) in merged(&left, &right) {
            let (input, batch) = match port {
                Port::Left => (&left_input, &left),
                Port::Right => (&right_input, &right),
            };
            if input.key.is_null(&batch.new.columns, row) {
                continue;
            }
            let is_new = batch.new.is_present(row);
            let stored = |writer: &RowWriter<'_>| {
                let timestamp = batch.timestamps[row];
                is_new.then(|| StoredRow { timestamp, row: writer.row(row) })
            };
            match port {
                Port::Right => {
                    self.right_table.put(right_keys.get(row), stored(&right_rows));
                    self.tell_subscribers(right_keys.get(row), batch, row, &mut told);
                }
                Port::Left => {
                    let before = self.left_table.put(left_keys.get(row), stored(&left_rows));
                    let names_one = is_new && !foreign[0].is_null(row);
                    let change = LeftChange {
                        key: left_keys.get(row),
                        foreign: names_one.then(|| foreign_keys.get(row)),
                        before,
                    };
                    self.left_changed(change, batch, row, &mut told, cycle)?;
                }
            }
        }
        let Told { joined, keys: told_keys } = told;
        // The key of the result is the left's.
        let mut out = joined_meta(&joined.rows, &left, &right);
        let all_left = (&left_input, &right_input);
        let columns = joined_columns(all_left, (&left, &right), &joined)?;
        out.new = match joined_present(&joined.rows) {
            Some(present) => masked(Side { columns, present: None }, present, &self.stays),
            None => Side { columns, present: None },
        };
        self.tell_changes(out, &told_keys, cycle)
    }

    fn flush(&mut self, log: &mut Changelog) {
        self.left_table.flush(log);
        self.right_table.flush(log);
        if let Some(results) = &mut self.results {
            results.flush(log);
        }
        for (subscription, is_there) in self.changes.drain(..) {
            let value: Option<&[u8]> = is_there.then_some(&[]);
            log.put(self.subscriptions_id, &subscription, value);
        }
    }

    fn stores(&self) -> Vec<StoreId> {
        let mut stores = vec![self.left_table.id(), self.right_table.id(), self.subscriptions_id];
        stores.extend(self.results.as_ref().map(TableStore::id));
        stores
    }

    fn restore(
        &mut self,
        store: StoreId,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        if store == self.left_table.id() {
            return self.left_table.restore(key, value);
        }
        if store == self.right_table.id() {
            return self.right_table.restore(key, value);
        }
        if store == self.subscriptions_id {
            match value {
                Some(_) => self.subscriptions.insert(key.into()),
                None => self.subscriptions.remove(key),
            };
            return Ok(());
        }
        self.results.as_mut().ok_or(DecodeError)?.restore(key, value)
    }
}
