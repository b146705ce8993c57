//! The event log: topics of partitions of records, consumer groups, and one atomic `commit`.
//!
//! Records flow in from sources, INSERTs and queries; they flow out, in order and as often as wanted,
//! to queries, sinks, push clients and people with `kerb consume`. The log is the truth: every table,
//! index and position elsewhere is a fold over it and can be rebuilt.
//!
//! [`journal`] has the trait, [`embedded`] the backend that keeps segments on this machine's disk.

pub mod error;
pub mod journal;

pub use error::{
    AppendError, CommitError, CreateTopicError, DeleteTopicError, OpenError, ReadError,
};
pub use journal::{
    CleanupPolicy, Commit, Fetched, GroupId, Journal, PartitionBounds, TopicInfo, TopicSpec,
};
