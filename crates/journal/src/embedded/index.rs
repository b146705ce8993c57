//! Where in a segment an offset or a time is found, roughly: positions of some batches, learned as
//! readers come by. It lives in memory only; what is not known yet is found by hopping from batch
//! to batch, which teaches the index.

use std::collections::VecDeque;

use model::{Offset, TimestampMs};

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
    /// Where readers stopped last, and so will go on: (offset, position).
    hints: VecDeque<(Offset, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: Offset,
    position: u64,
    /// The newest event time before `position`; `None` at the start.
    max_timestamp_before: Option<TimestampMs>,
}

impl Index {
    /// Learns of the batch at `position`, unless there is a hole before it.
    pub(crate) fn learn(&mut self, position: u64, header: &BatchHeader) {
        if position != self.covered {
            return;
        }
        let due = self.entries.last().is_none_or(|e| position >= e.position + INTERVAL_BYTES);
        if due {
            self.entries.push(Entry {
                offset: header.base,
                position,
                max_timestamp_before: self.max_timestamp,
            });
        }
        self.covered += header.bytes as u64;
        self.max_timestamp = self.max_timestamp.max(Some(header.max_timestamp));
    }

    /// Remembers that `offset` begins at `position`.
    pub(crate) fn hint(&mut self, offset: Offset, position: u64) {
        self.hints.retain(|hint| hint.0 != offset);
        if self.hints.len() == HINTS_MAX {
            self.hints.pop_front();
        }
        self.hints.push_back((offset, position));
    }

    /// Where exactly a reader stopped before `offset`, if one did.
    pub(crate) fn hinted(&self, offset: Offset) -> Option<u64> {
        self.hints.iter().rev().find(|hint| hint.0 == offset).map(|hint| hint.1)
    }

    /// The last known position of a batch at or before the one with `offset`.
    pub(crate) fn before_offset(&self, offset: Offset) -> u64 {
        let behind = self.entries.partition_point(|entry| entry.offset <= offset);
        behind.checked_sub(1).map_or(0, |at| self.entries[at].position)
    }

    /// The last known position before which all event times are older than `time`.
    pub(crate) fn before_time(&self, time: TimestampMs) -> u64 {
        let older = |entry: &Entry| entry.max_timestamp_before < Some(time);
        let behind = self.entries.partition_point(older);
        behind.checked_sub(1).map_or(0, |at| self.entries[at].position)
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
        }
    }

    #[test]
    fn offsets_and_times_are_found_at_or_before_their_place() {
        let mut index = Index::default();
        let size = INTERVAL_BYTES as usize;
        for (n, newest) in [50, 20, 70, 60].into_iter().enumerate() {
            index.learn((n * size) as u64, &header(n as i64 * 10, size, newest));
        }
        let at = |n: u64| n * INTERVAL_BYTES;
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
        assert_eq!(index.before_offset(Offset(10)), 0);
    }

    #[test]
    fn the_newest_hints_are_kept() {
        let mut index = Index::default();
        for n in 0..HINTS_MAX as i64 + 1 {
            index.hint(Offset(n), n as u64);
        }
        assert_eq!(index.hinted(Offset(0)), None);
        assert_eq!(index.hinted(Offset(1)), Some(1));
    }
}
