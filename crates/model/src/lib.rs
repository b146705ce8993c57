//! The words every other crate speaks: SQL types and values, schemas, the mapping of both onto
//! Arrow columns, records of the event log, ids, and time.
//!
//! Nothing here does IO, blocks or is asynchronous, and nothing here knows another crate of ours.

pub mod clock;
pub mod column;
pub mod connector_kind;
pub mod decimal;
pub mod format;
pub mod ids;
pub mod record;
pub mod schema;
pub mod text;
pub mod types;
pub mod value;

pub use clock::{Clock, ManualClock, SystemClock};
pub use column::ColumnBuilder;
pub use connector_kind::ConnectorKind;
pub use decimal::Decimal;
pub use format::{Format, FormatKind, ProtobufNulls, Wrapping};
pub use ids::{Offset, Partition, TimestampMs, TopicPartition};
pub use record::{Header, Record};
pub use schema::{Column, Namespace, Schema};
pub use types::{Field, SqlType};
pub use value::Value;
