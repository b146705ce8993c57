//! The latest row of each key: a table, as joins, filters and views remember it.
//!
//! Changelog value: `timestamp (8 bytes, see codec::write_wide), row (see codec)`.

use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, read_wide, write_wide};
use crate::state::key_map::KeyMap;

/// A row and its event time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// Milliseconds.
    pub timestamp: i64,
    /// The cells; see [`crate::state::codec`].
    pub row: Box<[u8]>,
}

/// The latest row of each key.
#[derive(Debug)]
pub struct TableStore {
    id: StoreId,
    keys: KeyMap,
    rows: Vec<Option<StoredRow>>,
    is_dirty: Vec<bool>,
    dirty: Vec<u32>,
}

impl TableStore {
    /// An empty store of this number.
    pub fn new(id: StoreId) -> Self {
        Self { id, keys: KeyMap::default(), rows: vec![], is_dirty: vec![], dirty: vec![] }
    }

    /// Its number.
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// The row of a key.
    pub fn get(&self, key: &[u8]) -> Option<&StoredRow> {
        self.keys.get(key).and_then(|slot| self.rows[slot as usize].as_ref())
    }

    /// Sets or removes the row of a key, and returns the one it had.
    pub fn put(&mut self, key: &[u8], row: Option<StoredRow>) -> Option<StoredRow> {
        if row.is_none() && self.keys.get(key).is_none() {
            return None;
        }
        let slot = self.slot(key);
        if !self.is_dirty[slot as usize] {
            self.is_dirty[slot as usize] = true;
            self.dirty.push(slot);
        }
        std::mem::replace(&mut self.rows[slot as usize], row)
    }

    fn slot(&mut self, key: &[u8]) -> u32 {
        let (slot, _) = self.keys.insert(key);
        self.rows.resize(self.keys.slots(), None);
        self.is_dirty.resize(self.keys.slots(), false);
        slot
    }

    /// Writes what changed since the last time, each key once.
    pub fn flush(&mut self, log: &mut Changelog) {
        for slot in self.dirty.drain(..) {
            self.is_dirty[slot as usize] = false;
            let key = self.keys.key(slot);
            match &self.rows[slot as usize] {
                Some(stored) => {
                    let mut time = Vec::with_capacity(8);
                    write_wide(stored.timestamp, &mut time);
                    let value = Some([&time[..], &stored.row]);
                    log.put_with(self.id, |out| out.extend_from_slice(key), value);
                }
                None => {
                    log.put(self.id, key, None);
                    self.keys.remove(slot);
                }
            }
        }
    }

    /// Takes over a change that was written once.
    pub fn restore(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), DecodeError> {
        match value {
            Some(mut bytes) => {
                let timestamp = read_wide(&mut bytes)?;
                let slot = self.slot(key);
                self.rows[slot as usize] = Some(StoredRow { timestamp, row: bytes.into() });
            }
            None => {
                if let Some(slot) = self.keys.get(key) {
                    self.rows[slot as usize] = None;
                    self.keys.remove(slot);
                }
            }
        }
        Ok(())
    }

    /// How many keys have a row.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::changelog::Entry;
    use model::TimestampMs;

    #[test]
    fn a_store_is_a_fold_of_its_changelog() {
        let row = |n: u8| Some(StoredRow { timestamp: 5, row: Box::new([n]) });
        let mut store = TableStore::new(StoreId(1));
        let mut copy = TableStore::new(StoreId(1));
        for step in [vec![(b"a", row(1)), (b"b", row(2))], vec![(b"a", None), (b"b", row(3))]] {
            for (key, row) in step {
                store.put(key, row);
            }
            let mut log = Changelog::default();
            store.flush(&mut log);
            for record in log.into_records(TimestampMs(0)) {
                let Some(Entry::Change { key, value, .. }) = Entry::read(&record) else {
                    panic!("not a change");
                };
                copy.restore(key, value).unwrap();
            }
        }
        assert_eq!((copy.get(b"a"), copy.get(b"b")), (None, row(3).as_ref()));
        assert_eq!((copy.len(), store.len()), (1, 1));
    }
}
