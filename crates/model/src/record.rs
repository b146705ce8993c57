//! A record of the event log: what is appended to a topic and read back from it.

use bytes::Bytes;

use crate::TimestampMs;

/// A record's header; names may repeat, and order counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name.
    pub name: String,
    /// The value, possibly null.
    pub value: Option<Bytes>,
}

/// A record without its position: key, value, time and headers as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The key, possibly null.
    pub key: Option<Bytes>,
    /// The value; null is a tombstone.
    pub value: Option<Bytes>,
    /// The event time.
    pub timestamp: TimestampMs,
    /// The headers.
    pub headers: Vec<Header>,
}
