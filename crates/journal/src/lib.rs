//! The event log: topics of partitions of records, consumer groups, and one atomic `commit`.
//!
//! Records flow in from sources, INSERTs and queries; they flow out, in order and as often as
//! wanted, to queries, sinks, push clients and people with `kerb consume`. The log is the truth:
//! every table, index and position elsewhere is a fold over it and can be rebuilt.
//!
//! [`journal`] has the trait; [`embedded`] the backend that keeps segments on this machine's disk,
//! [`memory`] the one for tests.

pub mod bench;
pub mod embedded;
pub mod error;
pub mod journal;
pub mod memory;
pub mod positions;
pub mod record_batch;
pub mod retention;
mod topic;

pub use embedded::{EmbeddedJournal, EmbeddedOptions, Fsync};
pub use error::{
    AppendError, CommitError, CreateTopicError, DeleteTopicError, OpenError, ReadError,
    StorageError, UserTopicError,
};
pub use journal::{
    CleanupPolicy, Commit, Fetched, GroupId, Journal, PartitionBounds, TopicInfo, TopicSpec,
    partition_for_key, read_all,
};
pub use memory::MemoryJournal;
pub use positions::{PositionError, keep_positions};
pub use retention::RetentionOptions;
pub use topic::{
    CONNECTORS_TOPIC, check_shown, check_user_topic, ensure_topic, is_internal, user_topic,
};
