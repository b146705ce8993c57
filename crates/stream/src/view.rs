//! The committed rows of a table, for pull queries: a query writes its result here after each
//! commit, many look at it at once.
//!
//! A commit's changes become visible together: they are laid over the rows in one step, and sink in
//! from there while readers go on looking at both.
//!
//! ```text
//! readers ──▶ waiting (the last commit's changes, by key)
//!                │ CHANGES_PER_LOCK at a time
//!                ▼
//!             rows
//! ```
//!
//! Changelog key: the key's cells, then for windows start and end (8 bytes each,
//! codec::write_wide). Changelog value: event time (8 bytes, likewise), then the cells of all other
//! columns.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::time::Duration;

use arrow_array::ArrayRef;
use model::{Namespace, Schema, SqlType};
use parking_lot::{Condvar, Mutex, RwLock};
use sql::plan::QueryPlan;

use crate::batch::{Batch, WindowBounds};
use crate::operators::aggregate::groups::{window_of, write_window};
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, RowWriter, read_wide, write_wide};
use crate::state::table_store::StoredRow;

/// So many changes are made before readers get a chance.
const CHANGES_PER_LOCK: usize = 256;

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
    /// Has it been filled with what was committed before?
    is_restored: Mutex<bool>,
    restored: Condvar,
}

#[derive(Debug, Default)]
struct Rows {
    rows: BTreeMap<Box<[u8]>, StoredRow>,
    /// What was committed last and is not in `rows` yet; counts more than they do.
    waiting: BTreeMap<Box<[u8]>, Option<StoredRow>>,
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

/// Changes that wait for their commit, by key.
#[derive(Debug, Default)]
pub struct ViewChanges(BTreeMap<Box<[u8]>, Option<StoredRow>>);

/// The rows of a view that is being read back from its changelog; nobody sees them yet.
#[derive(Debug, Default)]
pub struct Restoring(Rows);

impl View {
    /// An empty view of a query's result.
    pub fn new(id: StoreId, plan: &QueryPlan, retention_ms: Option<i64>) -> Self {
        let types = |schema: &Schema, namespace| -> Vec<SqlType> {
            schema.of(namespace).map(|c| c.ty.clone()).collect()
        };
        Self {
            id,
            schema: plan.output.clone(),
            key_types: types(&plan.output, Namespace::Key),
            value_types: types(&plan.output, Namespace::Value),
            key_columns: plan.positions(Namespace::Key),
            value_columns: plan.positions(Namespace::Value),
            windowed: plan.window.is_some(),
            retention_ms,
            rows: RwLock::default(),
            is_restored: Mutex::default(),
            restored: Condvar::new(),
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
        let mut time = Vec::with_capacity(8);
        for (key, row) in last {
            let stored = batch.new.is_present(row).then(|| StoredRow {
                timestamp: batch.timestamps[row],
                row: value_writer.row(row),
            });
            match &stored {
                Some(stored) => {
                    time.clear();
                    write_wide(stored.timestamp, &mut time);
                    let value = Some([&time[..], &stored.row]);
                    log.put_with(self.id, |out| out.extend_from_slice(&key), value);
                }
                None => log.put(self.id, &key, None),
            }
            changes.push((key, stored));
        }
        ViewChanges(changes.into_iter().collect())
    }

    /// Notes in the changelog which windows are too old; they leave the view with the commit.
    pub fn expired(&self, log: &mut Changelog, changes: &mut ViewChanges) {
        let Some(retention_ms) = self.retention_ms else { return };
        let rows = self.rows.read();
        let newest_ms = changes
            .0
            .values()
            .filter_map(|stored| stored.as_ref().map(|s| s.timestamp))
            .fold(rows.newest_ms, i64::max);
        let kept_from = newest_ms.saturating_sub(retention_ms);
        for key in rows.keys_by_start.range(..kept_from).flat_map(|(_, keys)| keys) {
            if rows.rows.contains_key(key) {
                log.put(self.id, key, None);
                changes.0.insert(key.clone(), None);
            }
        }
    }

    /// Makes committed changes visible, all at once.
    pub fn apply(&self, changes: ViewChanges) {
        self.rows.write().waiting = changes.0;
        loop {
            let mut rows = self.rows.write();
            for _ in 0..CHANGES_PER_LOCK {
                let Some((key, stored)) = rows.waiting.pop_first() else { return };
                rows.set(key, stored, self.windowed);
            }
            parking_lot::RwLockWriteGuard::unlock_fair(rows);
        }
    }

    /// Takes over a change that was written once.
    pub fn restore(
        &self,
        restoring: &mut Restoring,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        let stored = match value {
            Some(mut bytes) => {
                let timestamp = read_wide(&mut bytes)?;
                Some(StoredRow { timestamp, row: bytes.into() })
            }
            None => None,
        };
        restoring.0.set(key.into(), stored, self.windowed);
        Ok(())
    }

    /// Shows what was restored, in place of all there was.
    pub fn restored(&self, restoring: Restoring) {
        *self.rows.write() = restoring.0;
        *self.is_restored.lock() = true;
        self.restored.notify_all();
    }

    /// Waits until the view holds what was committed, at most so long; false: it does not yet.
    pub fn wait_restored(&self, timeout: Duration) -> bool {
        let mut is_restored = self.is_restored.lock();
        self.restored.wait_while_for(&mut is_restored, |is_restored| !*is_restored, timeout);
        *is_restored
    }

    /// The rows of these keys as of one moment: for each one, or one for each window that `wanted`
    /// accepts.
    pub fn get<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        wanted: impl Fn(WindowBounds) -> bool,
    ) -> Vec<FoundRow> {
        let rows = self.rows.read();
        let mut found = Vec::new();
        for key in keys {
            let key = key.as_ref();
            if self.windowed {
                let rows = rows
                    .range((Bound::Included(key), Bound::Unbounded))
                    .take_while(|(full, _)| full.len() == key.len() + 16 && full.starts_with(key));
                found.extend(rows.filter_map(|(full, stored)| self.found(full, stored, &wanted)));
            } else if let Some(stored) = rows.get(key) {
                found.push(FoundRow { key: key.into(), window: None, stored: stored.clone() });
            }
        }
        found
    }

    /// The rows whose keys are within these bounds (of the key's cells), in the order of keys,
    /// handed to `take` in portions, each of at most `portion` rows, until it breaks off. A long
    /// scan lets changes pass in between, so that it holds up no query; what is in one portion is
    /// as of one moment.
    pub fn scan<B>(
        &self,
        (low, high): (Bound<&[u8]>, Bound<&[u8]>),
        wanted: impl Fn(WindowBounds) -> bool,
        portion: usize,
        mut take: impl FnMut(Vec<FoundRow>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let tail = if self.windowed { 16 } else { 0 };
        let mut next: Bound<Box<[u8]>> = match low {
            Bound::Included(low) | Bound::Excluded(low) => Bound::Included(low.into()),
            Bound::Unbounded => Bound::Unbounded,
        };
        loop {
            let mut found = Vec::new();
            let mut is_over = false;
            let rows = self.rows.read();
            let from = (next.as_ref().map(|key| &**key), Bound::Unbounded);
            let mut last: Option<&[u8]> = None;
            for (full, stored) in rows.range(from).take(portion) {
                last = Some(full);
                let key = &full[..full.len().saturating_sub(tail)];
                is_over = match high {
                    Bound::Included(high) => key > high,
                    Bound::Excluded(high) => key >= high,
                    Bound::Unbounded => false,
                };
                if is_over {
                    break;
                }
                if !matches!(low, Bound::Excluded(low) if key == low) {
                    found.extend(self.found(full, stored, &wanted));
                }
            }
            match last {
                Some(last) => next = Bound::Excluded(last.into()),
                None => is_over = true,
            }
            drop(rows);
            take(found)?;
            if is_over {
                return ControlFlow::Continue(());
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
}

impl Rows {
    fn get(&self, key: &[u8]) -> Option<&StoredRow> {
        match self.waiting.get(key) {
            Some(changed) => changed.as_ref(),
            None => self.rows.get(key),
        }
    }

    /// The rows whose keys are within these bounds, in the order of keys, with what waits.
    fn range<'a>(
        &'a self,
        bounds: (Bound<&'a [u8]>, Bound<&'a [u8]>),
    ) -> impl Iterator<Item = (&'a [u8], &'a StoredRow)> {
        let mut settled = self.rows.range::<[u8], _>(bounds).peekable();
        let mut waiting = self.waiting.range::<[u8], _>(bounds).peekable();
        std::iter::from_fn(move || {
            loop {
                let is_settled = match (settled.peek(), waiting.peek()) {
                    (Some((settled, _)), Some((waiting, _))) => settled < waiting,
                    (settled, _) => settled.is_some(),
                };
                if is_settled {
                    return settled.next().map(|(key, stored)| (&**key, stored));
                }
                let (key, changed) = waiting.next()?;
                settled.next_if(|(settled, _)| *settled == key);
                if let Some(stored) = changed {
                    return Some((&**key, stored));
                }
            }
        })
    }

    fn set(&mut self, key: Box<[u8]>, stored: Option<StoredRow>, windowed: bool) {
        let start = if windowed { window_of(&key).ok().map(|w| w.start_ms) } else { None };
        match stored {
            Some(stored) => {
                self.newest_ms = self.newest_ms.max(stored.timestamp);
                if let Some(row) = self.rows.get_mut(&key) {
                    *row = stored;
                    return;
                }
                if let Some(start) = start {
                    self.keys_by_start.entry(start).or_default().push(key.clone());
                }
                self.rows.insert(key, stored);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row(timestamp: i64) -> Option<StoredRow> {
        Some(StoredRow { timestamp, row: Box::default() })
    }

    #[test]
    fn what_waits_is_seen_as_if_it_were_there() {
        let mut rows = Rows::default();
        let mut expected = BTreeMap::new();
        for at in 0..64u8 {
            if at % 3 == 0 {
                rows.set([at].into(), row(1), false);
                expected.insert([at], 1);
            }
        }
        for at in 0..64u8 {
            match at % 4 {
                0 => {
                    rows.waiting.insert([at].into(), row(2));
                    expected.insert([at], 2);
                }
                1 => {
                    rows.waiting.insert([at].into(), None);
                    expected.remove(&[at]);
                }
                _ => {}
            }
        }
        loop {
            for (low, high) in [(0, 64), (3, 50), (63, 64), (64, 64)] {
                let (low_key, high_key) = ([low], [high]);
                let bounds = (Bound::Included(&low_key[..]), Bound::Excluded(&high_key[..]));
                let found: Vec<(u8, i64)> =
                    rows.range(bounds).map(|(key, row)| (key[0], row.timestamp)).collect();
                let wanted = expected.range([low]..[high.max(low)]);
                assert_eq!(found, wanted.map(|(key, time)| (key[0], *time)).collect::<Vec<_>>());
            }
            for at in 0..64 {
                assert_eq!(rows.get(&[at]).map(|row| row.timestamp), expected.get(&[at]).copied());
            }
            let Some((key, stored)) = rows.waiting.pop_first() else { return };
            rows.set(key, stored, false);
        }
    }
}
