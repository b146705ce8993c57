//! Bytes in, records out, as slices of those bytes; whatever contradicts itself is rejected, so
//! that bytes from a damaged disk or a hostile peer can do no more than be refused.

use std::ops::Range;

use bytes::Bytes;
use model::{Header, Offset, Record, TimestampMs};

use super::{BatchError, CRC_AT, CRC_FROM, HEADER_BYTES, LENGTH_END, SEAL_AT, seal_of, varint};

/// The smallest record: length, attributes, two deltas, key, value, headers.
const RECORD_BYTES_MIN: usize = 7;
/// Attribute bits: the compression codec; control batches.
const CODEC_MASK: i16 = 0x07;
const CONTROL_BIT: i16 = 0x20;

/// What a batch says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The offset the batch begins at.
    pub base: Offset,
    /// The last offset the batch stands for, minus `base`.
    pub last_delta: i32,
    /// The whole batch's size.
    pub bytes: usize,
    /// When it was appended.
    pub appended_at: TimestampMs,
    /// The newest event time in it.
    pub max_timestamp: TimestampMs,
    /// How many records are in it.
    pub records: usize,
    /// The seal of the base offset; 0 where there is none.
    pub seal: u32,
}

impl BatchHeader {
    /// The offset behind the batch.
    pub fn end(&self) -> Offset {
        Offset(self.base.0 + i64::from(self.last_delta) + 1)
    }

    /// Is the seal, if there is one, that of the base offset?
    pub fn is_seal_whole(&self) -> bool {
        self.seal == 0 || self.seal == seal_of(&self.base.0.to_be_bytes())
    }
}

/// Reads the header at the start of `bytes`, which may end before the batch does. The checksum is
/// not looked at.
pub fn decode_header(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
    if bytes.len() < HEADER_BYTES {
        return Err(BatchError::Truncated { need: HEADER_BYTES, have: bytes.len() });
    }
    let magic = bytes[16] as i8;
    if magic != 2 {
        return Err(BatchError::Magic(magic));
    }
    let base = i64_at(bytes, 0);
    let length = i32_at(bytes, 8);
    let last_delta = i32_at(bytes, 23);
    let records = i32_at(bytes, 57);
    let total = LENGTH_END as i64 + i64::from(length);
    if total < HEADER_BYTES as i64 {
        return Err(BatchError::Malformed("its length is less than its header's"));
    }
    if last_delta < 0 || records < 0 || i64::from(records) > i64::from(last_delta) + 1 {
        return Err(BatchError::Malformed("its number of records does not fit its offsets"));
    }
    if records as usize > (total as usize - HEADER_BYTES) / RECORD_BYTES_MIN {
        return Err(BatchError::Malformed("it is too short for its records"));
    }
    if base < 0 || base > i64::MAX - i64::from(last_delta) - 1 {
        return Err(BatchError::Malformed("its offset is out of range"));
    }
    Ok(BatchHeader {
        base: Offset(base),
        last_delta,
        bytes: total as usize,
        appended_at: TimestampMs(i64_at(bytes, 27)),
        max_timestamp: TimestampMs(i64_at(bytes, 35)),
        records: records as usize,
        seal: u32_at(bytes, SEAL_AT),
    })
}

/// Reads the batch at position `at` of `bytes`: header and checksum are checked here, each record
/// as the iterator comes to it.
pub fn decode_batch(
    bytes: &Bytes,
    at: usize,
) -> Result<(BatchHeader, BatchRecords<'_>), BatchError> {
    let rest = bytes.get(at..).unwrap_or_default();
    let header = decode_header(rest)?;
    let Some(batch) = rest.get(..header.bytes) else {
        return Err(BatchError::Truncated { need: header.bytes, have: rest.len() });
    };
    if u32_at(batch, CRC_AT) != crc32c::crc32c(&batch[CRC_FROM..]) {
        return Err(BatchError::Checksum);
    }
    let attributes = i16::from_be_bytes([batch[21], batch[22]]);
    if attributes & CODEC_MASK != 0 {
        return Err(BatchError::Compressed(attributes & CODEC_MASK));
    }
    if attributes & CONTROL_BIT != 0 {
        return Err(BatchError::Malformed("it is a control batch"));
    }
    let records = BatchRecords {
        buffer: bytes,
        bytes: &bytes[..at + header.bytes],
        at: at + HEADER_BYTES,
        left: header.records,
        header,
        last_offset_delta: -1,
    };
    Ok((header, records))
}

/// The records of a batch, in order. After an error it ends.
#[derive(Debug)]
pub struct BatchRecords<'a> {
    /// What records are slices of.
    buffer: &'a Bytes,
    /// The same up to the batch's end.
    bytes: &'a [u8],
    header: BatchHeader,
    at: usize,
    left: usize,
    last_offset_delta: i64,
}

impl Iterator for BatchRecords<'_> {
    type Item = Result<(Offset, Record), BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            if self.at == self.bytes.len() {
                return None;
            }
            self.at = self.bytes.len();
            return Some(Err(BatchError::Malformed("there are bytes behind its last record")));
        }
        let record = self.record();
        self.left -= 1;
        if record.is_err() {
            self.left = 0;
            self.at = self.bytes.len();
        }
        Some(record)
    }
}

impl BatchRecords<'_> {
    fn record(&mut self) -> Result<(Offset, Record), BatchError> {
        let length = self.length("a record's length is out of range")?;
        let record_end = self.at + length;
        self.at += 1;
        let time_delta = self.varint()?;
        let offset_delta = self.varint()?;
        if offset_delta <= self.last_offset_delta
            || offset_delta > i64::from(self.header.last_delta)
        {
            return Err(BatchError::Malformed("its offsets are not in order"));
        }
        self.last_offset_delta = offset_delta;
        let key = self.nullable()?;
        let value = self.nullable()?;
        let headers = self.headers()?;
        if self.at != record_end {
            return Err(BatchError::Malformed("a record's length is not that of its parts"));
        }
        let timestamp = TimestampMs(self.header.appended_at.0.wrapping_add(time_delta));
        let record = Record {
            key: key.map(|range| self.buffer.slice(range)),
            value: value.map(|range| self.buffer.slice(range)),
            timestamp,
            headers,
        };
        Ok((Offset(self.header.base.0 + offset_delta), record))
    }

    fn headers(&mut self) -> Result<Vec<Header>, BatchError> {
        let count = self.length("its number of headers is out of range")?;
        if count == 0 {
            return Ok(Vec::new());
        }
        // A header takes two bytes at least, so `count` is bounded by the bytes that are there.
        let mut headers = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            let length = self.length("a header's name is out of range")?;
            let name = std::str::from_utf8(&self.bytes[self.at..self.at + length])
                .map_err(|_| BatchError::Malformed("a header's name is not UTF-8"))?
                .to_owned();
            self.at += length;
            let value = self.nullable()?.map(|range| self.buffer.slice(range));
            headers.push(Header { name, value });
        }
        Ok(headers)
    }

    #[inline]
    fn varint(&mut self) -> Result<i64, BatchError> {
        varint::read(self.bytes, &mut self.at).ok_or(BatchError::Malformed("a number is cut off"))
    }

    /// A length or count that is not negative and not more than the bytes left.
    #[inline]
    fn length(&mut self, complaint: &'static str) -> Result<usize, BatchError> {
        let length = self.varint()?;
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.bytes.len() - self.at)
            .ok_or(BatchError::Malformed(complaint))
    }

    #[inline]
    fn nullable(&mut self) -> Result<Option<Range<usize>>, BatchError> {
        let length = self.varint()?;
        if length == -1 {
            return Ok(None);
        }
        let from = self.at;
        let length =
            usize::try_from(length).ok().filter(|length| *length <= self.bytes.len() - from);
        let length = length.ok_or(BatchError::Malformed("a key or value is out of range"))?;
        self.at += length;
        Ok(Some(from..self.at))
    }
}

/// The entry point of the fuzzer: no bytes may make the decoder panic, and what it accepts must
/// survive being written and read again.
pub fn fuzz_record_batches(data: &[u8]) {
    let mut data = data.to_vec();
    check_batch(Bytes::copy_from_slice(&data));
    // A random checksum is never right; put the right one in, to get at what is behind it.
    if let Ok(header) = decode_header(&data)
        && header.bytes <= data.len()
    {
        let crc = crc32c::crc32c(&data[CRC_FROM..header.bytes]);
        data[CRC_AT..CRC_FROM].copy_from_slice(&crc.to_be_bytes());
        check_batch(Bytes::from(data));
    }
}

fn check_batch(bytes: Bytes) {
    let Ok((header, records)) = decode_batch(&bytes, 0) else { return };
    let Ok(records) = records.collect::<Result<Vec<_>, _>>() else { return };
    if records.is_empty() {
        return;
    }
    let mut out = Vec::new();
    let base = header.base;
    let deltas = records.iter().map(|(offset, record)| ((offset.0 - base.0) as i32, record));
    super::encode_sparse_batch(&mut out, base, header.last_delta, header.appended_at, deltas);
    let out = Bytes::from(out);
    let again = decode_batch(&out, 0).expect("our own bytes are a batch");
    assert_eq!(again.0.last_delta, header.last_delta);
    let again: Vec<_> = again.1.map(|record| record.expect("our own record")).collect();
    assert_eq!(again, records);
}

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    i64::from_be_bytes(value)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    u32_at(bytes, at) as i32
}
