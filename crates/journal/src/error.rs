//! What can go wrong with the event log, an enum for each operation.

use std::path::PathBuf;

use model::{Offset, TopicPartition};

/// Opening a journal failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the lock.
    #[error(
        "{} is in use by another kerb process; stop that one, or choose another directory \
         with --data",
        .0.display()
    )]
    Locked(PathBuf),
    /// The directory cannot be made or written to.
    #[error("cannot write to {}: {source}; choose another directory with --data", .path.display())]
    NotWritable {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is on disk cannot be understood.
    #[error(
        "{} is damaged: {what}; put back the whole data directory from a backup, or begin anew in \
         another one with --data",
        .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found there.
        what: String,
    },
    /// The disk refused while the journal was brought in order.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Creating a topic failed.
#[derive(Debug, thiserror::Error)]
pub enum CreateTopicError {
    /// There is one of that name.
    #[error("topic '{0}' already exists")]
    Exists(String),
    /// The name is not a legal one.
    #[error(
        "'{0}' is not a topic name: use letters, digits, '.', '_' and '-', at most 249 of them"
    )]
    BadName(String),
    /// The number of partitions is not from 1 to 10,000.
    #[error("topic '{name}' cannot have {partitions} partitions: use 1 to 10000")]
    BadPartitions {
        /// The topic.
        name: String,
        /// What was asked for.
        partitions: u32,
    },
    /// The disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Somebody outside may not append to a topic, or not read it.
#[derive(Debug, thiserror::Error)]
pub enum UserTopicError {
    /// It is one of the server's own.
    #[error("topic '{0}' belongs to the server; choose another one")]
    Internal(String),
    /// There are secrets in it.
    #[error(
        "topic '{0}' is not shown: connectors' secrets are in it. SHOW CONNECTORS and DESCRIBE \
         CONNECTOR say what is in it without them"
    )]
    Secret(String),
    /// There is none, and none can be made.
    #[error(transparent)]
    Topic(#[from] CreateTopicError),
}

/// Deleting a topic failed.
#[derive(Debug, thiserror::Error)]
pub enum DeleteTopicError {
    /// There is none of that name.
    #[error("there is no topic '{0}'")]
    NotFound(String),
    /// The disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Appending failed; nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// There is no such partition.
    #[error("there is no partition {0}")]
    NotFound(TopicPartition),
    /// A record is larger than allowed.
    #[error("a record of {bytes} bytes for {partition} is over the limit of {limit_bytes}")]
    TooLarge {
        /// Where it was to go.
        partition: TopicPartition,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A commit failed; nothing of it will ever be seen.
pub type CommitError = AppendError;

/// Reading failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such partition.
    #[error("there is no partition {0}")]
    NotFound(TopicPartition),
    /// Nothing was ever written there.
    #[error("offset {offset} is behind the end {end} of {partition}")]
    OutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The offset asked for.
        offset: Offset,
        /// Its end.
        end: Offset,
    },
    /// The bytes on disk are not what was written.
    #[error("{partition} is damaged at offset {offset}: {what}")]
    Damaged {
        /// The partition.
        partition: TopicPartition,
        /// Where.
        offset: Offset,
        /// What was found.
        what: String,
    },
    /// The disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The disk refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// A write or read failed.
    #[error("disk: {what}: {reason}")]
    Io {
        /// What was being done, and to which file.
        what: String,
        /// What the system said.
        reason: String,
    },
    /// A write failed before, and what is on disk is no longer known: reading goes on, writing does
    /// not until the process is started again.
    #[error(
        "the journal is read-only since the disk failed ({0}); what was written before is safe. \
         Free space or mend the disk, then restart kerb"
    )]
    Poisoned(String),
}
