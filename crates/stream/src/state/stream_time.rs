//! The newest event time seen in each partition: what "late" and "closed" are measured by.
//!
//! Changelog: key `partition (8 bytes)`, value `time (8 bytes)`, both as codec::write_wide.

use std::collections::BTreeMap;

use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, read_wide, write_wide};

/// Stream time by partition.
#[derive(Debug)]
pub struct StreamTime {
    id: StoreId,
    times: BTreeMap<u32, i64>,
    written: BTreeMap<u32, i64>,
}

impl StreamTime {
    /// Nothing seen yet.
    pub fn new(id: StoreId) -> Self {
        Self { id, times: BTreeMap::new(), written: BTreeMap::new() }
    }

    /// Its store's number.
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// Notes an event and returns the partition's time from now on.
    pub fn advance(&mut self, partition: u32, time: i64) -> i64 {
        let now = self.times.entry(partition).or_insert(time);
        *now = (*now).max(time);
        *now
    }

    /// A partition's time.
    pub fn get(&self, partition: u32) -> Option<i64> {
        self.times.get(&partition).copied()
    }

    /// The highest of all partitions' times.
    pub fn max(&self) -> Option<i64> {
        self.times.values().max().copied()
    }

    /// Writes what changed since the last time.
    pub fn flush(&mut self, log: &mut Changelog) {
        for (partition, time) in &self.times {
            if self.written.get(partition) != Some(time) {
                let mut value = Vec::with_capacity(8);
                write_wide(*time, &mut value);
                log.put_with(self.id, |out| write_wide(i64::from(*partition), out), Some([&value]));
            }
        }
        self.written.clone_from(&self.times);
    }

    /// Takes over a change that was written once.
    pub fn restore(&mut self, mut key: &[u8], value: Option<&[u8]>) -> Result<(), DecodeError> {
        let partition = read_wide(&mut key)? as u32;
        let time = read_wide(&mut value.ok_or(DecodeError)?)?;
        self.times.insert(partition, time);
        self.written.insert(partition, time);
        Ok(())
    }
}
