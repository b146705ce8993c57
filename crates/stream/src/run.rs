//! What moves rows: a persistent query is a task that reads, lets its topology work, and commits; a
//! push query is a task that reads and hands rows to its client.

pub mod background;
mod complaints;
pub mod log_writer;
pub mod lost;
pub mod persistent;
pub mod pool;
pub mod push_pool;
pub mod reader;
pub mod shared;
pub mod slot;
pub mod start;
pub mod transient;

use journal::{CommitError, ReadError};

use crate::operators::ProcessError;
use crate::state::codec::DecodeError;
use crate::topology::TopologyError;

/// What `work` gives, or the words of its panic: a fault stops the task it is in, and no other.
///
/// Whoever calls this lets go of what the work was done on, for nobody knows what state it is in.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("no words").to_owned()
    })
}

/// Why a task stopped.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// Its plan cannot be run.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// An operator failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Its state cannot be read.
    #[error("the query's state cannot be read: {0}")]
    State(#[from] DecodeError),
    /// Its state was written for other steps, by another version of kerb.
    #[error("the query's state was written by another version; drop and create the query again")]
    OtherOutline,
    /// Its input cannot be read.
    #[error("cannot read: {0}")]
    Read(#[from] ReadError),
    /// Its output cannot be written.
    #[error("cannot commit: {0}")]
    Commit(#[from] CommitError),
    /// A fault of ours came to light in it.
    #[error("the query stopped for a fault of kerb's own: {0}")]
    Panicked(String),
    /// Its sink's topic is gone.
    #[error("topic '{0}' does not exist any more")]
    NoTopic(String),
}

impl TaskError {
    /// May it pass when tried again?
    pub fn is_retryable(&self) -> bool {
        match self {
            TaskError::Read(_) | TaskError::Commit(_) | TaskError::NoTopic(_) => true,
            TaskError::Topology(_)
            | TaskError::Panicked(_)
            | TaskError::Process(_)
            | TaskError::State(_)
            | TaskError::OtherOutline => false,
        }
    }
}

impl From<format::CodecError> for TaskError {
    fn from(error: format::CodecError) -> Self {
        TaskError::Topology(TopologyError::Codec(error))
    }
}
