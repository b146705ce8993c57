//! Kafka's record batches, version 2: records in, the bytes that lie on disk (and go over the wire)
//! out, and back.
//!
//! ```text
//!  0 base offset    i64   given by the journal when the batch gets its place; outside the checksum
//!  8 length         i32   of all that follows
//! 12 leader epoch   i32   0, or (after compaction) a seal of the base offset; outside the checksum
//! 16 magic          i8    2
//! 17 crc            u32   CRC-32C of all that follows
//! 21 attributes     i16   0: not compressed, create time, no transaction
//! 23 last delta     i32   last offset - base offset; compaction leaves it as it was
//! 27 base timestamp i64   WHEN THE BATCH WAS APPENDED; event times are counted from it
//! 35 max timestamp  i64   of the records' event times
//! 43 producer id i64, 51 epoch i16, 53 sequence i32: all -1
//! 57 records        i32   how many
//! 61 the records, each: length, attributes 0, time delta, offset delta, key, value, headers
//! ```
//!
//! The base timestamp may be any time at all, since the records carry signed differences to it; so
//! it holds the append time, and one batch keeps both times of each record without a byte of ours.
//!
//! The codec is our own because it is a hot path: it writes and reads records without the
//! intermediate maps of the `kafka-protocol` crate, which the tests use as the judge.

mod decode;
mod varint;

pub use decode::{BatchHeader, BatchRecords, decode_batch, decode_header, fuzz_record_batches};

use bytes::Bytes;
use model::{Offset, Record, TimestampMs};

/// The bytes of a batch before its records.
pub const HEADER_BYTES: usize = 61;
/// The bytes of a batch that its length does not count.
const LENGTH_END: usize = 12;
/// Where the seal of the base offset lies.
const SEAL_AT: usize = 12;
/// Where the checksum lies, and where what it covers begins.
const CRC_AT: usize = 17;
const CRC_FROM: usize = 21;

/// Bytes that are not a record batch we can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end before the batch does.
    #[error("the batch is cut off: {have} of {need} bytes")]
    Truncated {
        /// Bytes needed, as far as known.
        need: usize,
        /// Bytes there.
        have: usize,
    },
    /// The checksum is not that of the bytes.
    #[error("the checksum is wrong")]
    Checksum,
    /// Another version of the format.
    #[error("record format {0} is not supported, only 2")]
    Magic(i8),
    /// The records are compressed.
    #[error("compressed batches (codec {0}) are not supported")]
    Compressed(i16),
    /// The bytes contradict themselves.
    #[error("the batch is malformed: {0}")]
    Malformed(&'static str),
}

/// Appends one batch of all `records` to `out`, with base offset 0 (see [`set_base_offset`]).
///
/// # Panics
/// If `records` is empty: a batch holds at least one record.
pub fn encode_batch(out: &mut Vec<u8>, appended_at: TimestampMs, records: &[Record]) {
    let numbered = records.iter().enumerate().map(|(delta, record)| (delta as i32, record));
    encode_sparse_batch(out, Offset::ZERO, records.len() as i32 - 1, appended_at, numbered);
}

/// Appends one batch to `out` whose records have the given distances to `base`, in ascending order;
/// `last_delta` is the distance of the last offset the batch stands for.
///
/// # Panics
/// If `records` is empty.
pub fn encode_sparse_batch<'a>(
    out: &mut Vec<u8>,
    base: Offset,
    last_delta: i32,
    appended_at: TimestampMs,
    records: impl Iterator<Item = (i32, &'a Record)>,
) {
    let start = out.len();
    out.resize(start + HEADER_BYTES, 0);
    let mut count = 0i32;
    let mut max_timestamp = i64::MIN;
    for (offset_delta, record) in records {
        encode_record(out, record.timestamp.0.wrapping_sub(appended_at.0), offset_delta, record);
        max_timestamp = max_timestamp.max(record.timestamp.0);
        count += 1;
    }
    assert!(count > 0, "a batch holds at least one record");
    let length = (out.len() - start - LENGTH_END) as i32;
    let header = &mut out[start..start + HEADER_BYTES];
    header[0..8].copy_from_slice(&base.0.to_be_bytes());
    header[8..12].copy_from_slice(&length.to_be_bytes());
    header[16] = 2;
    header[23..27].copy_from_slice(&last_delta.to_be_bytes());
    header[27..35].copy_from_slice(&appended_at.0.to_be_bytes());
    header[35..43].copy_from_slice(&max_timestamp.to_be_bytes());
    header[43..57].fill(0xff);
    header[57..61].copy_from_slice(&count.to_be_bytes());
    let crc = crc32c::crc32c(&out[start + CRC_FROM..]);
    out[start + CRC_AT..start + CRC_FROM].copy_from_slice(&crc.to_be_bytes());
}

/// Gives an encoded batch its place in the partition.
pub fn set_base_offset(batch: &mut [u8], base: Offset) {
    batch[0..8].copy_from_slice(&base.0.to_be_bytes());
}

/// Marks the base offset of an encoded batch, which its own checksum does not cover, so that a
/// change of it is seen where offsets have gaps and the batch before tells nothing of it.
pub fn seal_base_offset(batch: &mut [u8]) {
    let seal = seal_of(&batch[0..8]);
    batch[SEAL_AT..SEAL_AT + 4].copy_from_slice(&seal.to_be_bytes());
}

/// The seal of these bytes of a base offset. Never 0, which is no seal, nor negative, so that it
/// stays an epoch by its looks.
fn seal_of(base: &[u8]) -> u32 {
    (crc32c::crc32c(base) >> 1).max(1)
}

fn encode_record(out: &mut Vec<u8>, time_delta: i64, offset_delta: i32, record: &Record) {
    let headers: usize = record
        .headers
        .iter()
        .map(|header| {
            varint::length(header.name.len() as i64)
                + header.name.len()
                + nullable_length(&header.value)
        })
        .sum();
    let length = 1
        + varint::length(time_delta)
        + varint::length(i64::from(offset_delta))
        + nullable_length(&record.key)
        + nullable_length(&record.value)
        + varint::length(record.headers.len() as i64)
        + headers;
    varint::write(out, length as i64);
    out.push(0);
    varint::write(out, time_delta);
    varint::write(out, i64::from(offset_delta));
    write_nullable(out, &record.key);
    write_nullable(out, &record.value);
    varint::write(out, record.headers.len() as i64);
    for header in &record.headers {
        varint::write(out, header.name.len() as i64);
        out.extend_from_slice(header.name.as_bytes());
        write_nullable(out, &header.value);
    }
}

fn nullable_length(bytes: &Option<Bytes>) -> usize {
    match bytes {
        None => 1,
        Some(bytes) => varint::length(bytes.len() as i64) + bytes.len(),
    }
}

fn write_nullable(out: &mut Vec<u8>, bytes: &Option<Bytes>) {
    match bytes {
        None => varint::write(out, -1),
        Some(bytes) => {
            varint::write(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
