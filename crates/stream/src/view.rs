//! The committed rows of a table, for pull queries: a query writes its result here after each commit,
//! many look at it at once.
//!
//! Changelog key: the key's cells, then for windows start and end (8 bytes each, codec::write_wide).
//! Changelog value: event time (8 bytes, likewise), then the cells of all other columns.

use std::collections::BTreeMap;
use std::ops::Bound;

use arrow_array::ArrayRef;
use model::{Namespace, Schema, SqlType};
use parking_lot::RwLock;
use sql::plan::QueryPlan;

use crate::batch::{Batch, WindowBounds};
use crate::operators::aggregate::groups::{window_of, write_window};
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, RowWriter, read_wide, write_wide};
use crate::state::table_store::StoredRow;

/// So many changes are made before readers get a chance.
const CHANGES_PER_LOCK: usize = 256;

/// So many rows are looked at before a change gets its chance.
const ROWS_PER_LOCK: usize = 4096;

/// The committed rows of a table.
#[derive(Debug)]
pub struct View {
    id: StoreId,
    schema: Schema,
    key_types: Vec<SqlType>,
    value_types: Vec<SqlType>,
    /// Positions in the last step's schema.
    key_columns: Vec<usize>,
    value_columns: Vec<usize>,
    windowed: bool,
    retention_ms: Option<i64>,
    rows: RwLock<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    rows: BTreeMap<Box<[u8]>, StoredRow>,
    keys_by_start: BTreeMap<i64, Vec<Box<[u8]>>>,
    newest_ms: i64,
}

/// A row found in a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRow {
    /// The key's cells.
    pub key: Box<[u8]>,
    /// Its window, if windowed.
    pub window: Option<WindowBounds>,
    /// Event time and the other columns' cells.
    pub stored: StoredRow,
}

/// Changes that wait for their commit.
#[derive(Debug, Default)]
pub struct ViewChanges(Vec<(Box<[u8]>, Option<StoredRow>)>);

impl View {
    /// An empty view of a query's result.
    pub fn new(id: StoreId, plan: &QueryPlan, retention_ms: Option<i64>) -> Self {
        let positions = |namespace: Namespace| -> Vec<usize> {
            let columns = plan.output.columns.iter().zip(&plan.output_columns);
            columns.filter(|(c, _)| c.namespace == namespace).map(|(_, at)| *at).collect()
        };
        let types = |schema: &Schema, namespace| -> Vec<SqlType> {
            schema.of(namespace).map(|c| c.ty.clone()).collect()
        };
        Self {
            id,
            schema: plan.output.clone(),
            key_types: types(&plan.output, Namespace::Key),
            value_types: types(&plan.output, Namespace::Value),
            key_columns: positions(Namespace::Key),
            value_columns: positions(Namespace::Value),
            windowed: plan.window.is_some(),
            retention_ms,
            rows: RwLock::default(),
        }
    }

    /// Its store's number.
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// The table's columns.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The types of the key's columns.
    pub fn key_types(&self) -> &[SqlType] {
        &self.key_types
    }

    /// The types of the other columns.
    pub fn value_types(&self) -> &[SqlType] {
        &self.value_types
    }

    /// What a batch changes, also noted in the changelog; each key once.
    ///
    /// `read_back`: changes columns of values into what a reader of the table's topic finds.
    pub fn changes(
        &self,
        batch: &Batch,
        read_back: impl FnOnce(Vec<ArrayRef>) -> Vec<ArrayRef>,
        log: &mut Changelog,
    ) -> ViewChanges {
        let pick = |positions: &[usize]| -> Vec<_> {
            positions.iter().map(|&at| batch.new.columns[at].clone()).collect()
        };
        let (keys, values) = (pick(&self.key_columns), read_back(pick(&self.value_columns)));
        let key_writer = RowWriter::new(&self.key_types, &keys);
        let value_writer = RowWriter::new(&self.value_types, &values);
        let mut last = BTreeMap::new();
        let mut key = Vec::new();
        for row in 0..batch.rows {
            key.clear();
            key_writer.write(row, &mut key);
            if let Some(windows) = &batch.windows {
                write_window(windows[row], &mut key);
            }
            match last.get_mut(&key[..]) {
                Some(at) => *at = row,
                None => {
                    last.insert(Box::<[u8]>::from(&key[..]), row);
                }
            }
        }
        let mut changes = Vec::with_capacity(last.len());
        for (key, row) in last {
            let stored = batch.new.is_present(row).then(|| StoredRow {
                timestamp: batch.timestamps[row],
                row: value_writer.row(row),
            });
            match &stored {
                Some(stored) => {
                    let mut time = Vec::with_capacity(8);
                    write_wide(stored.timestamp, &mut time);
                    let value = Some([&time[..], &stored.row]);
                    log.put_with(self.id, |out| out.extend_from_slice(&key), value);
                }
                None => log.put(self.id, &key, None),
            }
            changes.push((key, stored));
        }
        ViewChanges(changes)
    }

    /// Notes in the changelog which windows are too old; they leave the view with the commit.
    pub fn expired(&self, log: &mut Changelog, changes: &mut ViewChanges) {
        let Some(retention_ms) = self.retention_ms else { return };
        let rows = self.rows.read();
        let newest_ms = changes
            .0
            .iter()
            .filter_map(|(_, stored)| stored.as_ref().map(|s| s.timestamp))
            .fold(rows.newest_ms, i64::max);
        let kept_from = newest_ms.saturating_sub(retention_ms);
        for key in rows.keys_by_start.range(..kept_from).flat_map(|(_, keys)| keys) {
            if rows.rows.contains_key(key) {
                log.put(self.id, key, None);
                changes.0.push((key.clone(), None));
            }
        }
    }

    /// Makes committed changes visible.
    pub fn apply(&self, changes: ViewChanges) {
        let mut changes = changes.0.into_iter().peekable();
        while changes.peek().is_some() {
            let mut rows = self.rows.write();
            for (key, stored) in changes.by_ref().take(CHANGES_PER_LOCK) {
                rows.set(key, stored, self.windowed);
            }
            parking_lot::RwLockWriteGuard::unlock_fair(rows);
        }
    }

    /// Takes over a change that was written once.
    pub fn restore(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), DecodeError> {
        let stored = match value {
            Some(mut bytes) => {
                let timestamp = read_wide(&mut bytes)?;
                Some(StoredRow { timestamp, row: bytes.into() })
            }
            None => None,
        };
        self.rows.write().set(key.into(), stored, self.windowed);
        Ok(())
    }

    /// Forgets everything, before it is restored anew.
    pub fn clear(&self) {
        *self.rows.write() = Rows::default();
    }

    /// The rows of one key: one, or one for each window that `wanted` accepts.
    pub fn get(&self, key: &[u8], wanted: impl Fn(WindowBounds) -> bool) -> Vec<FoundRow> {
        let rows = self.rows.read();
        if !self.windowed {
            let found = |stored: &StoredRow| FoundRow {
                key: key.into(),
                window: None,
                stored: stored.clone(),
            };
            return rows.rows.get(key).map(found).into_iter().collect();
        }
        rows.rows
            .range::<[u8], _>((Bound::Included(key), Bound::Unbounded))
            .take_while(|(full, _)| full.len() == key.len() + 16 && full.starts_with(key))
            .filter_map(|(full, stored)| self.found(full, stored, &wanted))
            .collect()
    }

    /// The rows whose keys are within these bounds (of the key's cells), in the order of keys, at
    /// most so many. A long scan lets changes pass in between, so that it holds up no query.
    pub fn scan(
        &self,
        low: Bound<&[u8]>,
        high: Bound<&[u8]>,
        wanted: impl Fn(WindowBounds) -> bool,
        most: usize,
    ) -> Vec<FoundRow> {
        let tail = if self.windowed { 16 } else { 0 };
        let mut found = Vec::new();
        let mut next: Bound<Box<[u8]>> = match low {
            Bound::Included(low) | Bound::Excluded(low) => Bound::Included(low.into()),
            Bound::Unbounded => Bound::Unbounded,
        };
        loop {
            let rows = self.rows.read();
            let from = (next.as_ref().map(|key| &**key), Bound::Unbounded);
            let mut last: Option<&Box<[u8]>> = None;
            for (full, stored) in rows.rows.range::<[u8], _>(from).take(ROWS_PER_LOCK) {
                last = Some(full);
                let key = &full[..full.len().saturating_sub(tail)];
                let is_over = match high {
                    Bound::Included(high) => key > high,
                    Bound::Excluded(high) => key >= high,
                    Bound::Unbounded => false,
                };
                if is_over || found.len() >= most {
                    return found;
                }
                if !matches!(low, Bound::Excluded(low) if key == low) {
                    found.extend(self.found(full, stored, &wanted));
                }
            }
            match last {
                Some(last) => next = Bound::Excluded(last.clone()),
                None => return found,
            }
        }
    }

    fn found(
        &self,
        full: &[u8],
        stored: &StoredRow,
        wanted: &impl Fn(WindowBounds) -> bool,
    ) -> Option<FoundRow> {
        if !self.windowed {
            return Some(FoundRow { key: full.into(), window: None, stored: stored.clone() });
        }
        let window = window_of(full).ok()?;
        wanted(window).then(|| FoundRow {
            key: full[..full.len() - 16].into(),
            window: Some(window),
            stored: stored.clone(),
        })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.read().rows.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Rows {
    fn set(&mut self, key: Box<[u8]>, stored: Option<StoredRow>, windowed: bool) {
        let start = if windowed { window_of(&key).ok().map(|w| w.start_ms) } else { None };
        match stored {
            Some(stored) => {
                self.newest_ms = self.newest_ms.max(stored.timestamp);
                let is_new = self.rows.insert(key.clone(), stored).is_none();
                if let (Some(start), true) = (start, is_new) {
                    self.keys_by_start.entry(start).or_default().push(key);
                }
            }
            None => {
                self.rows.remove(&key);
                let Some(start) = start else { return };
                if let Some(keys) = self.keys_by_start.get_mut(&start) {
                    keys.retain(|k| *k != key);
                    if keys.is_empty() {
                        self.keys_by_start.remove(&start);
                    }
                }
            }
        }
    }
}
