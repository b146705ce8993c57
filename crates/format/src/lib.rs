//! Bytes of records in, columns out, and back: DELIMITED, JSON, JSON_SR, AVRO, PROTOBUF,
//! PROTOBUF_NOSR, KAFKA and NONE, for keys and values; and the schema registry some of them need.
//!
//! ```text
//!  payloads ──► Decoder::decode ──► Arrow columns + rows that failed, with the reason
//!  columns  ──► Encoder::encode ──► payloads, slices of one buffer
//! ```
//!
//! A row that cannot be read is data (a null row and a [`RowError`]), never a failed batch.

pub mod avro;
pub mod bench;
mod cells;
pub mod codec;
mod days;
mod delimited;
pub mod error;
mod frame;
pub mod fuzz;
mod infer;
mod json;
mod json_sr;
mod kafka;
mod none;
mod protobuf;
pub mod registry;
mod rows;
pub mod schema;
mod text;
mod view;
mod writers;

pub use codec::{
    Decoded, Decoder, Encoded, Encoder, RowError, decoder, encoder, infer, register_if_absent,
    schema_of,
};
pub use error::CodecError;
pub use registry::{MemoryRegistry, Registry, RegistryError};
