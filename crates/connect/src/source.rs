//! What a source connector is to the runtime: something that can be asked for what is new.
//!
//! Flows in: the position of the last poll that was committed. Flows out: records and the position
//! behind them, which the runtime commits together, or a [`PollError`] that says whether and when
//! to ask again. A source keeps no state that must survive: that is the position's part.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use model::TimestampMs;
use serde_json::Value as Json;

/// How far a source has read, in words of its own; kept in the journal.
pub type Position = Json;

/// The answer to a poll, to come.
pub type PollFuture<'a> = Pin<Box<dyn Future<Output = Result<Poll, PollError>> + Send + 'a>>;

/// A running source.
pub trait Source: Send {
    /// Asks for what is new since `position` (none: the first time). May be dropped at any await.
    fn poll<'a>(&'a mut self, position: Option<&'a Position>) -> PollFuture<'a>;
}

/// A source as its class has made it of its settings.
pub struct Started {
    /// The source itself.
    pub source: Box<dyn Source>,
    /// How often it is polled.
    pub pacing: Pacing,
    /// Where its records go.
    pub target: Target,
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started")
            .field("pacing", &self.pacing)
            .field("target", &self.target)
            .finish()
    }
}

/// How often a source is polled, when all is well and when not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pacing {
    /// From the end of one poll to the start of the next.
    pub interval: Duration,
    /// How far the interval is stretched or shrunk by chance, in percent, so that many clients of
    /// one feed do not ask at the same moment.
    pub jitter_percent: u64,
    /// The wait after a first failure; it doubles with each further one …
    pub retry_initial: Duration,
    /// … up to this.
    pub retry_max: Duration,
}

/// Where a source's records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The topic.
    pub topic: String,
    /// How many partitions it gets, if it is not there yet.
    pub partitions: u32,
    /// Where parts of a document that cannot be read go, as they were.
    pub dead_letters: Option<String>,
}

/// What a poll brought.
#[derive(Clone, Debug, Default)]
pub struct Poll {
    /// What was found, in a word.
    pub outcome: Outcome,
    /// What is to be appended, oldest first.
    pub records: Vec<Extracted>,
    /// Parts of the document that are no records.
    pub rejected: Vec<Rejected>,
    /// There is more of the document: the next poll, which is due at once, goes on with it.
    pub more: bool,
    /// The position behind all this; none leaves the old one.
    pub position: Option<Position>,
    /// When the answer came.
    pub fetched_at: TimestampMs,
    /// The answer's HTTP status, where there is HTTP.
    pub http_status: Option<u16>,
    /// How large the document was, in bytes.
    pub document_bytes: usize,
    /// When the other side says it last changed.
    pub modified_at: Option<TimestampMs>,
    /// Something people should know, though it is no error.
    pub note: Option<String>,
}

/// What a poll found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Something new.
    #[default]
    Changed,
    /// The same as the last time.
    Unchanged,
    /// A document without content: no reason to forget what was known.
    Empty,
}

/// A record before it gets its time and headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Its key, if the configuration names one.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Bytes,
}

/// A part of a document that is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// As it came.
    pub raw: Bytes,
    /// What is wrong with it.
    pub reason: String,
}

/// A poll that brought nothing. None of these ends a connector: feeds go and come back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    /// The other side was not reached, or the connection was lost: name, network, TLS, time-out.
    #[error("not connected: {what}")]
    NotConnected {
        /// What happened.
        what: String,
    },
    /// The other side asks for patience, or is broken for now.
    #[error("{what}")]
    Retry {
        /// How long it asks to be left alone, if it says so.
        after: Option<Duration>,
        /// What happened.
        what: String,
        /// The answer's HTTP status.
        http_status: Option<u16>,
    },
    /// What the poll brought could not be appended: our own disk, or a topic that is gone.
    #[error("cannot append: {what}")]
    NotAppended {
        /// What happened.
        what: String,
    },
    /// The other side refuses, or its document cannot be understood. Somebody should have a look.
    #[error("{what}")]
    Rejected {
        /// What happened.
        what: String,
        /// The answer's HTTP status.
        http_status: Option<u16>,
    },
}

impl PollError {
    /// The wait the other side asks for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            PollError::Retry { after, .. } => *after,
            PollError::NotConnected { .. }
            | PollError::NotAppended { .. }
            | PollError::Rejected { .. } => None,
        }
    }

    /// The answer's HTTP status, if there was an answer.
    pub fn http_status(&self) -> Option<u16> {
        match self {
            PollError::NotConnected { .. } | PollError::NotAppended { .. } => None,
            PollError::Retry { http_status, .. } | PollError::Rejected { http_status, .. } => {
                *http_status
            }
        }
    }

    /// Is it likely to pass by itself?
    pub fn is_transient(&self) -> bool {
        matches!(self, PollError::NotConnected { .. } | PollError::Retry { .. })
    }
}
