//! Which windows an event belongs to, and when a window is over: pure arithmetic.

use sql::ast::{self, Window};

use crate::batch::WindowBounds;

/// Grace and window length together are a day, where GRACE PERIOD is not given: as in Kafka
/// Streams.
const DEFAULT_SIZE_AND_GRACE_MS: i64 = 24 * 3600 * 1000;

/// TUMBLING, HOPPING or SESSION, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowKind {
    /// Windows side by side.
    Tumbling {
        /// Their length.
        size_ms: i64,
    },
    /// Windows that overlap.
    Hopping {
        /// Their length.
        size_ms: i64,
        /// From one's start to the next one's.
        advance_ms: i64,
    },
    /// Rows that are near each other.
    Session {
        /// The longest silence within one.
        gap_ms: i64,
    },
}

/// The windows of an aggregation: their kind, grace and retention.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Kind and sizes.
    pub kind: WindowKind,
    /// How late rows may come.
    pub grace_ms: i64,
    /// How long a window is kept behind its start (sessions: its end).
    pub retention_ms: i64,
}

impl Windows {
    /// What a WINDOW clause means. Where results are told once, at a window's end (`is_final`),
    /// rows may not be late unless it says so.
    pub fn of(window: &Window, is_final: bool) -> Self {
        let kind = match window.kind {
            ast::WindowKind::Tumbling { size } => WindowKind::Tumbling { size_ms: size.millis() },
            ast::WindowKind::Hopping { size, advance } => {
                WindowKind::Hopping { size_ms: size.millis(), advance_ms: advance.millis() }
            }
            ast::WindowKind::Session { gap } => WindowKind::Session { gap_ms: gap.millis() },
        };
        let size_ms = match kind {
            WindowKind::Tumbling { size_ms } | WindowKind::Hopping { size_ms, .. } => size_ms,
            WindowKind::Session { gap_ms } => gap_ms,
        };
        let default_grace_ms =
            if is_final { 0 } else { (DEFAULT_SIZE_AND_GRACE_MS - size_ms).max(0) };
        let grace_ms = window.grace.map_or(default_grace_ms, |grace| grace.millis());
        let needed_ms = size_ms.saturating_add(grace_ms);
        let retention_ms = window.retention.map_or(needed_ms, |r| r.millis()).max(needed_ms);
        Self { kind, grace_ms, retention_ms }
    }

    /// The time windows an event falls into, oldest first, those that are closed at `stream_time`
    /// left out; and whether any was.
    pub fn of_event(&self, time: i64, stream_time: i64, out: &mut Vec<WindowBounds>) -> bool {
        let (size, advance) = match self.kind {
            WindowKind::Tumbling { size_ms } => (size_ms, size_ms),
            WindowKind::Hopping { size_ms, advance_ms } => (size_ms, advance_ms),
            WindowKind::Session { .. } => return false,
        };
        let first = time.saturating_sub(size).saturating_add(advance).max(0) / advance * advance;
        let mut next = Some(first);
        let mut is_late = false;
        while let Some(start_ms) = next.filter(|start| *start <= time) {
            let window = WindowBounds { start_ms, end_ms: start_ms.saturating_add(size) };
            if window.end_ms > stream_time.saturating_sub(self.grace_ms) {
                out.push(window);
            } else {
                is_late = true;
            }
            next = start_ms.checked_add(advance);
        }
        is_late
    }

    /// How many windows an event belongs to, at most.
    pub fn per_event(&self) -> u64 {
        match self.kind {
            WindowKind::Hopping { size_ms, advance_ms } => {
                (size_ms / advance_ms.max(1)).max(0).unsigned_abs() + 1
            }
            WindowKind::Tumbling { .. } | WindowKind::Session { .. } => 1,
        }
    }

    /// Is a window so old at `stream_time` that it may be forgotten?
    pub fn is_expired(&self, window: WindowBounds, stream_time: i64) -> bool {
        let kept_from = stream_time.saturating_sub(self.retention_ms);
        match self.kind {
            WindowKind::Session { .. } => window.end_ms < kept_from,
            _ => window.start_ms < kept_from,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: WindowKind, grace_ms: i64, time: i64, stream_time: i64, starts: &[i64]) {
        let mut windows = Vec::new();
        let spec = Windows { kind, grace_ms, retention_ms: 1000 };
        spec.of_event(time, stream_time, &mut windows);
        assert_eq!(windows.iter().map(|w| w.start_ms).collect::<Vec<_>>(), starts);
    }

    #[test]
    fn an_event_falls_into_every_window_around_it_that_is_still_open() {
        check(WindowKind::Tumbling { size_ms: 10 }, 0, 25, 25, &[20]);
        check(WindowKind::Tumbling { size_ms: 10 }, 0, 25, 30, &[]);
        check(WindowKind::Tumbling { size_ms: 10 }, 1, 25, 30, &[20]);
        let hopping = WindowKind::Hopping { size_ms: 30, advance_ms: 10 };
        check(hopping, 0, 25, 25, &[0, 10, 20]);
        check(hopping, 0, 25, 35, &[10, 20]);
        check(hopping, 0, 5, 5, &[0]);
    }

    #[test]
    fn no_time_and_no_size_is_too_large_to_count_with() {
        check(WindowKind::Tumbling { size_ms: i64::MAX }, 0, 25, 25, &[0]);
        check(WindowKind::Tumbling { size_ms: 1 << 62 }, 0, i64::MAX, i64::MAX - 1, &[1 << 62]);
    }
}
