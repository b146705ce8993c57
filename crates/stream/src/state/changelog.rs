//! The changes of a commit's stores, on their way to the query's changelog topic and back.
//!
//! One topic holds all stores of a query, compacted by key:
//!
//! ```text
//! record key   = store number (1 byte), the store's own key
//! record value = what the store writes; null: the key is gone
//! ```
//!
//! Store numbers are given out by the topology: from 0 up in the order of its operators, from `fd`
//! down for the stores of sources, `fe` for the view. The key `ff` holds the layout version and the
//! topology's outline, so that state is never read for another plan: it is the first record of the
//! commit that first writes state, and is written anew with the first state of a plan that goes on
//! with another's.

use std::ops::Range;

use bytes::Bytes;
use model::{Record, TimestampMs};

/// The version of everything that stores write.
pub const LAYOUT_VERSION: u8 = 1;

/// The store number of the outline.
const OUTLINE: u8 = 0xff;

/// The number of a store within its query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(pub u8);

/// Changes of one commit, in order.
#[derive(Debug, Default)]
pub struct Changelog {
    bytes: Vec<u8>,
    entries: Vec<(Range<usize>, Option<Range<usize>>)>,
}

impl Changelog {
    /// Notes that `key` of a store holds `value` now, or is gone.
    pub fn put(&mut self, store: StoreId, key: &[u8], value: Option<&[u8]>) {
        self.put_with(store, |out| out.extend_from_slice(key), value.map(|v| [v]));
    }

    /// The same, with the value in parts.
    pub fn put_with<const N: usize>(
        &mut self,
        store: StoreId,
        key: impl FnOnce(&mut Vec<u8>),
        value: Option<[&[u8]; N]>,
    ) {
        let start = self.bytes.len();
        self.bytes.push(store.0);
        key(&mut self.bytes);
        let key_end = self.bytes.len();
        let value = value.map(|parts| {
            parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
            key_end..self.bytes.len()
        });
        self.entries.push((start..key_end, value));
    }

    /// Notes what the state is for, ahead of all changes.
    pub fn put_outline(&mut self, outline: &str) {
        self.put(StoreId(OUTLINE), &[], Some(&[&[LAYOUT_VERSION], outline.as_bytes()].concat()));
        self.entries.rotate_right(1);
    }

    /// Did nothing change?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The records for the changelog topic.
    pub fn into_records(self, timestamp: TimestampMs) -> Vec<Record> {
        let bytes = Bytes::from(self.bytes);
        let record = |(key, value): (Range<usize>, Option<Range<usize>>)| Record {
            key: Some(bytes.slice(key)),
            value: value.map(|range| bytes.slice(range)),
            timestamp,
            headers: Vec::new(),
        };
        self.entries.into_iter().map(record).collect()
    }
}

/// A record of a changelog topic.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// What the state is for.
    Outline {
        /// The version of the layout.
        version: u8,
        /// The topology's outline.
        outline: &'a [u8],
    },
    /// A change of a store.
    Change {
        /// Which store.
        store: StoreId,
        /// Its key.
        key: &'a [u8],
        /// The value; `None`: gone.
        value: Option<&'a [u8]>,
    },
}

impl<'a> Entry<'a> {
    /// Reads a record; `None` if it is not one of ours.
    pub fn read(record: &'a Record) -> Option<Self> {
        let (&store, key) = record.key.as_ref()?.split_first()?;
        if store == OUTLINE {
            let (&version, outline) = record.value.as_ref()?.split_first()?;
            return Some(Entry::Outline { version, outline });
        }
        Some(Entry::Change { store: StoreId(store), key, value: record.value.as_deref() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_back_as_written() {
        let mut log = Changelog::default();
        log.put(StoreId(3), b"k", Some(b"v"));
        log.put(StoreId(3), b"k", None);
        log.put_outline("source");
        let records = log.into_records(TimestampMs(7));
        let entries: Vec<_> = records.iter().map(|r| Entry::read(r).unwrap()).collect();
        assert_eq!(entries[0], Entry::Outline { version: LAYOUT_VERSION, outline: b"source" });
        let change = |value| Entry::Change { store: StoreId(3), key: &b"k"[..], value };
        assert_eq!(entries[1..], [change(Some(&b"v"[..])), change(None)]);
    }
}
