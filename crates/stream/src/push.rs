//! The client's end of a query that goes on: rows come through a bounded queue and end with a word
//! why they ended. Dropping it ends the query.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::answer::ResultHeader;
use crate::engine::Permit;
use crate::rows::RowBatch;

/// How many messages wait for a client before its query stops reading for it.
pub const QUEUE_MESSAGES: usize = 64;

/// A push query (or a pull query on a stream), as its client sees it.
#[derive(Debug)]
pub struct PushQuery {
    /// Its id and columns.
    pub header: ResultHeader,
    /// Rows, and as the last message the end.
    pub events: mpsc::Receiver<PushEvent>,
    /// Dropped with the query: tells the engine that nobody listens any more.
    pub guard: CloseGuard,
    /// Its place among those that run at once.
    pub permit: Permit,
}

/// A message to a push query's client.
#[derive(Clone, Debug)]
pub enum PushEvent {
    /// Rows.
    Rows(RowBatch),
    /// The last message.
    End(QueryEnd),
}

/// Why a query ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryEnd {
    /// LIMIT was reached.
    LimitReached,
    /// All there was to tell was told (pull queries on streams).
    Completed,
    /// Somebody closed it: `/close-query`, TERMINATE, its source was dropped.
    Terminated,
    /// Its client read too slowly.
    TooSlow(String),
    /// It failed.
    Failed(String),
}

/// Ends a query when dropped.
#[derive(Debug)]
pub struct CloseGuard {
    closed: Arc<AtomicBool>,
}

impl CloseGuard {
    /// A guard over this flag, which is set when the guard is dropped.
    pub fn new(closed: Arc<AtomicBool>) -> Self {
        Self { closed }
    }
}

impl Drop for CloseGuard {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// PRINT: lines of text.
#[derive(Debug)]
pub struct PrintQuery {
    /// `Key format: …` and `Value format: …`, for those who want them.
    pub formats: Vec<String>,
    /// Lines; the channel closes behind the last. An error says that the topic cannot be read any
    /// more, and is the last.
    pub lines: mpsc::Receiver<Result<String, String>>,
    /// Dropped with the query.
    pub guard: CloseGuard,
    /// Its place among those that run at once.
    pub permit: Permit,
}
