//! Where in a segment an offset or a time is found, roughly: positions of some batches, learned as
//! readers come by. It lives in memory only; what is not known yet is found by hopping from batch
//! to batch, which teaches the index.

use std::collections::VecDeque;

use model::{Offset, TimestampMs};

use super::walk::Place;
use crate::record_batch::BatchHeader;

/// An entry for about every so many bytes.
const INTERVAL_BYTES: u64 = 64 << 10;
/// How many places where readers stopped are remembered.
const HINTS_MAX: usize = 16;

/// Positions in one segment.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: Vec<Entry>,
    /// How many bytes of the segment the entries tell of.
    covered: u64,
    /// The newest event time in them.
    max_timestamp: Option<TimestampMs>,
    /// Where readers stopped last, and so will go on: an offset, and the place of its batch.
    hints: VecDeque<(Offset, Place)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    place: Place,
    /// The newest event time before it; `None` at the start.
    max_timestamp_before: Option<TimestampMs>,
}

impl Index {
    /// Learns of the batch at `position`, unless there is a hole before it.
    pub(crate) fn learn(&mut self, position: u64, header: &BatchHeader) {
        if position != self.covered {
            return;
        }
        let due = self.entries.last().is_none_or(|e| position >= e.place.position + INTERVAL_BYTES);
        if due {
            self.entries.push(Entry {
                place: Place { position, offset: header.base },
                max_timestamp_before: self.max_timestamp,
            });
        }
        self.covered += header.bytes as u64;
        self.max_timestamp = self.max_timestamp.max(Some(header.max_timestamp));
    }

    /// Remembers that the batch with `offset` begins at `place`.
    pub(crate) fn hint(&mut self, offset: Offset, place: Place) {
        self.hints.retain(|hint| hint.0 != offset);
        if self.hints.len() == HINTS_MAX {
            self.hints.pop_front();
        }
        self.hints.push_back((offset, place));
    }

    /// Where exactly a reader stopped before `offset`, if one did.
    pub(crate) fn hinted(&self, offset: Offset) -> Option<Place> {
        self.hints.iter().rev().find(|hint| hint.0 == offset).map(|hint| hint.1)
    }

    /// The last known place of a batch at or before the one with `offset`.
    pub(crate) fn before_offset(&self, offset: Offset) -> Option<Place> {
        let behind = self.entries.partition_point(|entry| entry.place.offset <= offset);
        behind.checked_sub(1).map(|at| self.entries[at].place)
    }

    /// The last known place before which all event times are older than `time`.
    pub(crate) fn before_time(&self, time: TimestampMs) -> Option<Place> {
        let older = |entry: &Entry| entry.max_timestamp_before < Some(time);
        let behind = self.entries.partition_point(older);
        behind.checked_sub(1).map(|at| self.entries[at].place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(base: i64, bytes: usize, newest: i64) -> BatchHeader {
        BatchHeader {
            base: Offset(base),
            last_delta: 9,
            bytes,
            appended_at: TimestampMs(0),
            max_timestamp: TimestampMs(newest),
            records: 10,
            seal: 0,
        }
    }

    #[test]
    fn offsets_and_times_are_found_at_or_before_their_place() {
        let mut index = Index::default();
        let size = INTERVAL_BYTES as usize;
        for (n, newest) in [50, 20, 70, 60].into_iter().enumerate() {
            index.learn((n * size) as u64, &header(n as i64 * 10, size, newest));
        }
        let at =
            |n: u64| Some(Place { position: n * INTERVAL_BYTES, offset: Offset(n as i64 * 10) });
        assert_eq!(index.before_offset(Offset(0)), at(0));
        assert_eq!(index.before_offset(Offset(19)), at(1));
        assert_eq!(index.before_offset(Offset(1000)), at(3));
        assert_eq!(index.before_time(TimestampMs(10)), at(0));
        assert_eq!(index.before_time(TimestampMs(50)), at(0));
        assert_eq!(index.before_time(TimestampMs(51)), at(2));
        assert_eq!(index.before_time(TimestampMs(71)), at(3));
    }

    #[test]
    fn a_hole_is_not_learned_over() {
        let mut index = Index::default();
        index.learn(INTERVAL_BYTES, &header(10, 100, 0));
        assert_eq!(index.before_offset(Offset(10)), None);
    }

    #[test]
    fn the_newest_hints_are_kept() {
        let mut index = Index::default();
        let place = |n: i64| Place { position: n as u64, offset: Offset(n) };
        for n in 0..HINTS_MAX as i64 + 1 {
            index.hint(Offset(n), place(n));
        }
        assert_eq!(index.hinted(Offset(0)), None);
        assert_eq!(index.hinted(Offset(1)), Some(place(1)));
    }
}
