//! The groups of an aggregation: for each key (and window) the state of every aggregate, the newest
//! event time, and the columns carried along.
//!
//! Changelog key: the key's cells, then for windows start and end (8 bytes each,
//! codec::write_wide). Changelog value: time and partition (8 bytes each, likewise), the carried
//! columns' cells as one BYTES cell, then a cell for each aggregate's saved state; CREATE OR
//! REPLACE may have added aggregates behind, whose cells older values do not have.

use arrow_array::ArrayRef;
use functions::aggregate::{Aggregator, Creation, Limits};
use model::{SqlType, Value};
use sql::plan::AggregateCall;

use crate::batch::WindowBounds;
use crate::operators::ProcessError;
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, read_value, read_wide, write_value, write_wide};
use crate::state::key_map::KeyMap;

/// What is known of a group beside its aggregates.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Has any row been folded into it (and told)?
    pub is_live: bool,
    /// The newest event time, milliseconds.
    pub timestamp: i64,
    /// The partition it belongs to.
    pub partition: u32,
    /// Its window, if windowed.
    pub window: Option<WindowBounds>,
    /// The carried columns of its newest row.
    pub carried: Box<[u8]>,
}

/// Groups by slot.
pub struct Groups {
    id: StoreId,
    windowed: bool,
    keys: KeyMap,
    calls: Vec<(&'static str, Box<dyn Aggregator>)>,
    state_types: Vec<SqlType>,
    groups: Vec<Group>,
    is_dirty: Vec<bool>,
    dirty: Vec<u32>,
    gone: Vec<Box<[u8]>>,
}

impl Groups {
    /// No groups yet; `Err` if an aggregate refuses its literal arguments.
    pub fn new(
        id: StoreId,
        windowed: bool,
        calls: &[AggregateCall],
        limits: &Limits,
    ) -> Result<Self, String> {
        let create = |call: &AggregateCall| -> Result<_, String> {
            let creation = Creation { call: &call.resolved, literals: &call.literals, limits };
            let aggregator = (call.function.create)(&creation)?;
            Ok((call.function.name, aggregator))
        };
        let calls: Vec<_> = calls.iter().map(create).collect::<Result<_, _>>()?;
        let state_types = calls.iter().map(|(_, a)| a.state_type()).collect();
        Ok(Self {
            id,
            windowed,
            keys: KeyMap::default(),
            calls,
            state_types,
            groups: Vec::new(),
            is_dirty: Vec::new(),
            dirty: Vec::new(),
            gone: Vec::new(),
        })
    }

    /// The store's number.
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// The slot of a group, made if there is none.
    pub fn slot(&mut self, key: &[u8]) -> u32 {
        let (slot, is_new) = self.keys.insert(key);
        if is_new {
            let slots = self.keys.slots();
            self.groups.resize(slots, Group::default());
            self.is_dirty.resize(slots, false);
        }
        slot
    }

    /// A group.
    pub fn group(&self, slot: u32) -> &Group {
        &self.groups[slot as usize]
    }

    /// A group, to be changed; it will be written by the next flush.
    pub fn change(&mut self, slot: u32) -> &mut Group {
        if !self.is_dirty[slot as usize] {
            self.is_dirty[slot as usize] = true;
            self.dirty.push(slot);
        }
        &mut self.groups[slot as usize]
    }

    /// A group's key.
    pub fn key(&self, slot: u32) -> &[u8] {
        self.keys.key(slot)
    }

    /// All slots in use.
    pub fn slots(&self) -> impl Iterator<Item = u32> {
        self.keys.iter()
    }

    /// How many slots were ever in use: slots are below.
    pub fn slot_count(&self) -> usize {
        self.keys.slots()
    }

    /// Folds rows into groups, in order. `args[i]` are the columns of call `i`.
    pub fn add(&mut self, slots: &[u32], args: &[Vec<ArrayRef>]) -> Result<(), ProcessError> {
        self.each(slots, args, |aggregator, slots, args| aggregator.add(slots, args))
    }

    /// Takes rows out of groups again.
    pub fn undo(&mut self, slots: &[u32], args: &[Vec<ArrayRef>]) -> Result<(), ProcessError> {
        self.each(slots, args, |aggregator, slots, args| aggregator.undo(slots, args))
    }

    fn each(
        &mut self,
        slots: &[u32],
        args: &[Vec<ArrayRef>],
        fold: impl Fn(&mut dyn Aggregator, &[u32], &[ArrayRef]) -> functions::RowErrors,
    ) -> Result<(), ProcessError> {
        let groups = self.keys.slots();
        for ((function, aggregator), args) in self.calls.iter_mut().zip(args) {
            aggregator.grow(groups);
            let errors = fold(aggregator.as_mut(), slots, args);
            if let Some((_, reason)) = errors.iter().next() {
                return Err(ProcessError::Aggregate { function, reason: reason.to_string() });
            }
        }
        Ok(())
    }

    /// Folds rows into groups, in order, and gives the aggregates right after each row.
    pub fn add_each(
        &mut self,
        slots: &[u32],
        args: &[Vec<ArrayRef>],
    ) -> Result<Vec<ArrayRef>, ProcessError> {
        let groups = self.keys.slots();
        let fold = |((function, aggregator), args): (
            &mut (&'static str, Box<dyn Aggregator>),
            &Vec<ArrayRef>,
        )| {
            aggregator.grow(groups);
            let evaluated = aggregator.add_each(slots, args);
            match evaluated.errors.iter().next() {
                None => Ok(evaluated.column),
                Some((_, reason)) => {
                    Err(ProcessError::Aggregate { function, reason: reason.to_string() })
                }
            }
        };
        self.calls.iter_mut().zip(args).map(fold).collect()
    }

    /// The aggregates of these groups, a column for each.
    pub fn results(&mut self, slots: &[u32]) -> Vec<ArrayRef> {
        let groups = self.keys.slots();
        let result = |(_, aggregator): &mut (_, Box<dyn Aggregator>)| {
            aggregator.grow(groups);
            aggregator.results(slots)
        };
        self.calls.iter_mut().map(result).collect()
    }

    /// Folds group `from` into group `into`.
    pub fn merge(&mut self, into: u32, from: u32) {
        let groups = self.keys.slots();
        for (_, aggregator) in &mut self.calls {
            aggregator.grow(groups);
            aggregator.merge(into, from);
        }
        self.change(into);
    }

    /// Gives a group another key: a session that grew.
    pub fn rename(&mut self, slot: u32, key: &[u8]) {
        self.gone.push(self.keys.key(slot).into());
        self.keys.rename(slot, key);
        self.change(slot);
    }

    /// Forgets a group.
    pub fn remove(&mut self, slot: u32) {
        self.gone.push(self.keys.key(slot).into());
        self.forget(slot);
    }

    fn forget(&mut self, slot: u32) {
        self.keys.remove(slot);
        self.groups[slot as usize] = Group::default();
        self.is_dirty[slot as usize] = false;
        let groups = self.keys.slots();
        for (_, aggregator) in &mut self.calls {
            aggregator.grow(groups);
            aggregator.reset(slot);
        }
    }

    /// Writes what changed since the last time: what is gone first, for a key may be back.
    pub fn flush(&mut self, log: &mut Changelog) {
        for key in self.gone.drain(..) {
            log.put(self.id, &key, None);
        }
        let groups = self.keys.slots();
        self.calls.iter_mut().for_each(|(_, aggregator)| aggregator.grow(groups));
        let mut value = Vec::new();
        for slot in self.dirty.drain(..) {
            if !std::mem::take(&mut self.is_dirty[slot as usize]) {
                continue;
            }
            let group = &self.groups[slot as usize];
            value.clear();
            write_wide(group.timestamp, &mut value);
            write_wide(i64::from(group.partition), &mut value);
            let carried = Value::Bytes(bytes::Bytes::copy_from_slice(&group.carried));
            write_value(&SqlType::Bytes, &carried, &mut value);
            for ((_, aggregator), ty) in self.calls.iter().zip(&self.state_types) {
                write_value(ty, &aggregator.save(slot), &mut value);
            }
            log.put(self.id, self.keys.key(slot), Some(&value));
        }
    }

    /// Takes over a change that was written once.
    pub fn restore(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), DecodeError> {
        let Some(mut bytes) = value else {
            if let Some(slot) = self.keys.get(key) {
                self.forget(slot);
            }
            return Ok(());
        };
        let slot = self.slot(key);
        let timestamp = read_wide(&mut bytes)?;
        let partition = read_wide(&mut bytes)? as u32;
        let Value::Bytes(carried) = read_value(&SqlType::Bytes, &mut bytes)? else {
            return Err(DecodeError);
        };
        let window = if self.windowed { Some(window_of(key)?) } else { None };
        let carried = carried.as_ref().into();
        self.groups[slot as usize] = Group { is_live: true, timestamp, partition, window, carried };
        let groups = self.keys.slots();
        for ((_, aggregator), ty) in self.calls.iter_mut().zip(&self.state_types) {
            aggregator.grow(groups);
            // It was added by CREATE OR REPLACE when this was written, and starts here.
            if bytes.is_empty() {
                continue;
            }
            aggregator.load(slot, &read_value(ty, &mut bytes)?);
        }
        Ok(())
    }
}

/// The window at the end of a group's key.
pub fn window_of(key: &[u8]) -> Result<WindowBounds, DecodeError> {
    let at = key.len().checked_sub(16).ok_or(DecodeError)?;
    let mut bytes = &key[at..];
    Ok(WindowBounds { start_ms: read_wide(&mut bytes)?, end_ms: read_wide(&mut bytes)? })
}

/// A key with a window's bounds behind it.
pub fn write_window(window: WindowBounds, key: &mut Vec<u8>) {
    write_wide(window.start_ms, key);
    write_wide(window.end_ms, key);
}
