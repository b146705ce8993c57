//! Events of each key for a limited time: what one side of a stream-stream join remembers.
//!
//! As in Kafka Streams an event that is older than the newest one by more than the retention is not
//! found any more; one that is older still, by a whole segment, is not even stored.
//!
//! Changelog key: the key's cells, then event time and number (8 bytes each, codec::write_wide).
//! Changelog value: partition (8 bytes, likewise), then the row's cells.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::{DecodeError, read_wide, write_wide};
use crate::state::stream_time::StreamTime;

/// The shortest segment of Kafka Streams' window stores.
pub const SEGMENT_MS_MIN: i64 = 60_000;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its time, milliseconds.
    pub time: i64,
    /// Its number: of two events of one time the earlier one has the lower.
    pub number: i64,
    /// The partition it belongs to.
    pub partition: u32,
    /// The row.
    pub row: Box<[u8]>,
}

/// Events of each key for a limited time.
#[derive(Debug)]
pub struct WindowStore {
    id: StoreId,
    retention_ms: i64,
    /// By time, then number.
    events: HashMap<Box<[u8]>, Vec<Event>, ahash::RandomState>,
    keys_by_time: BTreeMap<i64, Vec<Box<[u8]>>>,
    newest: StreamTime,
    next_number: i64,
    added: Vec<(Box<[u8]>, i64, i64)>,
}

impl WindowStore {
    /// An empty store. `stores`: for the events and for their newest time.
    pub fn new(stores: [StoreId; 2], retention_ms: i64) -> Self {
        Self {
            id: stores[0],
            retention_ms,
            events: HashMap::default(),
            keys_by_time: BTreeMap::new(),
            newest: StreamTime::new(stores[1]),
            next_number: 0,
            added: Vec::new(),
        }
    }

    /// The numbers of its stores.
    pub fn ids(&self) -> [StoreId; 2] {
        [self.id, self.newest.id()]
    }

    /// Stores an event, unless it is too old.
    pub fn put(&mut self, key: &[u8], partition: u32, time: i64, row: Box<[u8]>) {
        let newest = self.newest.advance(partition, time);
        let segment_ms = (self.retention_ms / 2).max(SEGMENT_MS_MIN);
        let oldest_segment = newest.saturating_sub(self.retention_ms).div_euclid(segment_ms);
        if time.div_euclid(segment_ms) < oldest_segment {
            return;
        }
        let number = self.next_number;
        self.next_number += 1;
        self.added.push((key.into(), time, number));
        self.insert(key, Event { time, number, partition, row });
    }

    fn insert(&mut self, key: &[u8], event: Event) {
        self.keys_by_time.entry(event.time).or_default().push(key.into());
        let events = self.events.entry(key.into()).or_default();
        let at = events.partition_point(|e| (e.time, e.number) < (event.time, event.number));
        events.insert(at, event);
    }

    /// The events of a key from `from` to `to` (both included), oldest first.
    pub fn fetch(&self, key: &[u8], partition: u32, from: i64, to: i64) -> &[Event] {
        let Some(events) = self.events.get(key) else { return &[] };
        let kept_from = self
            .newest
            .get(partition)
            .map_or(i64::MIN, |newest| newest.saturating_sub(self.retention_ms).saturating_add(1));
        let from = from.max(kept_from);
        let start = events.partition_point(|e| e.time < from);
        let end = events.partition_point(|e| e.time <= to);
        &events[start.min(end)..end]
    }

    /// Writes what came in since the last time, and forgets what is too old to be found.
    pub fn flush(&mut self, log: &mut Changelog) {
        let mut head = Vec::new();
        for (key, time, number) in std::mem::take(&mut self.added) {
            let events = self.events.get(&key).map_or(&[][..], |events| events);
            let found = events.binary_search_by_key(&(time, number), |e| (e.time, e.number));
            let Ok(at) = found else { continue };
            head.clear();
            write_wide(i64::from(events[at].partition), &mut head);
            let value = Some([&head[..], &events[at].row]);
            log.put_with(self.id, |out| write_key(&key, time, number, out), value);
        }
        self.expire(log);
        self.newest.flush(log);
    }

    fn expire(&mut self, log: &mut Changelog) {
        let Some(newest) = self.newest.max() else { return };
        let kept_from = newest.saturating_sub(self.retention_ms);
        let old: Vec<i64> = self.keys_by_time.range(..=kept_from).map(|(time, _)| *time).collect();
        for time in old {
            let mut kept = Vec::new();
            for key in self.keys_by_time.remove(&time).unwrap_or_default() {
                let Some(events) = self.events.get_mut(&key) else { continue };
                let newest = &self.newest;
                events.retain(|event| {
                    let own = newest.get(event.partition).unwrap_or(i64::MIN);
                    let is_old =
                        event.time == time && event.time <= own.saturating_sub(self.retention_ms);
                    if is_old {
                        log.put_with::<0>(
                            self.id,
                            |out| write_key(&key, event.time, event.number, out),
                            None,
                        );
                    }
                    !is_old
                });
                if events.is_empty() {
                    self.events.remove(&key);
                } else if events.iter().any(|event| event.time == time) && !kept.contains(&key) {
                    kept.push(key);
                }
            }
            if !kept.is_empty() {
                self.keys_by_time.insert(time, kept);
            }
        }
    }

    /// Takes over a change that was written once.
    pub fn restore(
        &mut self,
        store: StoreId,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        if store == self.newest.id() {
            return self.newest.restore(key, value);
        }
        let (key, mut tail) = key.split_at(key.len().checked_sub(16).ok_or(DecodeError)?);
        let (time, number) = (read_wide(&mut tail)?, read_wide(&mut tail)?);
        self.next_number = self.next_number.max(number + 1);
        match value {
            Some(mut bytes) => {
                let partition = read_wide(&mut bytes)? as u32;
                self.insert(key, Event { time, number, partition, row: bytes.into() });
            }
            None => {
                if let Some(events) = self.events.get_mut(key) {
                    events.retain(|e| (e.time, e.number) != (time, number));
                }
            }
        }
        Ok(())
    }
}

fn write_key(key: &[u8], time: i64, number: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    write_wide(time, out);
    write_wide(number, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_events_are_not_found() {
        let mut store = WindowStore::new([StoreId(0), StoreId(1)], 100);
        for time in [10, 50, 30, 130] {
            store.put(b"k", 0, time, Box::new([time as u8]));
        }
        let times = |from, to| -> Vec<i64> {
            store.fetch(b"k", 0, from, to).iter().map(|e| e.time).collect()
        };
        assert_eq!(times(0, 200), [50, 130]);
        assert_eq!(times(0, 40), [0i64; 0]);
        store.flush(&mut Changelog::default());
        assert_eq!(store.events[&b"k"[..]].len(), 2);
    }
}
