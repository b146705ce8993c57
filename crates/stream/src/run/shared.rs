//! What a running query and those who look at it share: whether it is to run, and what it has done.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::answer::{QueryProgress, QueryState};

/// Shared between a query's task and the engine.
#[derive(Debug, Default)]
pub struct Shared {
    is_closed: AtomicBool,
    is_paused: AtomicBool,
    /// Nobody reads what the query writes: then its topic need not tell every change.
    is_unread: AtomicBool,
    state: Mutex<Health>,
    rows_in: AtomicU64,
    rows_out: AtomicU64,
    row_errors: AtomicU64,
    stream_time_ms: AtomicI64,
}

#[derive(Debug, Default)]
struct Health {
    has_failed: bool,
    is_restarting: bool,
    last_error: Option<String>,
}

impl Shared {
    /// Ends the query.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    /// Is it to end?
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Lets it wait, or go on.
    pub fn pause(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Release);
    }

    /// Is it to wait?
    pub fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    /// Notes whether anybody reads what the query writes. Until this is said, somebody may.
    pub fn set_unread(&self, is_unread: bool) {
        self.is_unread.store(is_unread, Ordering::Release);
    }

    /// Does nobody read what the query writes?
    pub fn is_unread(&self) -> bool {
        self.is_unread.load(Ordering::Acquire)
    }

    /// Notes that it runs.
    pub fn running(&self) {
        let mut health = self.state.lock();
        (health.has_failed, health.is_restarting) = (false, false);
    }

    /// Notes an error after which it tries again (or not).
    pub fn failed(&self, error: String, tries_again: bool) {
        let mut health = self.state.lock();
        (health.has_failed, health.is_restarting) = (!tries_again, tries_again);
        health.last_error = Some(error);
    }

    /// Notes what a batch did.
    pub fn progressed(&self, rows_in: usize, rows_out: usize, errors: usize, newest: Option<i64>) {
        self.rows_in.fetch_add(rows_in as u64, Ordering::Relaxed);
        self.rows_out.fetch_add(rows_out as u64, Ordering::Relaxed);
        self.row_errors.fetch_add(errors as u64, Ordering::Relaxed);
        if let Some(newest) = newest {
            // 0 says "none yet", so times are kept one higher.
            self.stream_time_ms.fetch_max(newest.saturating_add(1), Ordering::Relaxed);
        }
    }

    /// How it is.
    pub fn state(&self) -> QueryState {
        let health = self.state.lock();
        match () {
            () if health.has_failed => QueryState::Error,
            () if self.is_paused() => QueryState::Paused,
            () if health.is_restarting => QueryState::Restarting,
            () => QueryState::Running,
        }
    }

    /// What it has done; how many records wait, the journal alone knows.
    pub fn progress(&self) -> QueryProgress {
        let time = self.stream_time_ms.load(Ordering::Relaxed);
        QueryProgress {
            rows_in: self.rows_in.load(Ordering::Relaxed),
            rows_out: self.rows_out.load(Ordering::Relaxed),
            row_errors: self.row_errors.load(Ordering::Relaxed),
            lag: 0,
            stream_time_ms: (time > 0).then(|| time - 1),
            last_error: self.state.lock().last_error.clone(),
        }
    }
}
