//! A walk through the batches of a segment file: a file and where to begin go in, batches come out,
//! read in chunks of which their records are slices.

use std::io;

use bytes::Bytes;

use super::storage::StoredFile;
use crate::record_batch::{
    BatchError, BatchHeader, BatchRecords, HEADER_BYTES, decode_batch, decode_header,
};

/// The walk cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalkError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What was read is no batch.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The file ends before what was committed does.
    #[error("the file ends at {0}, before what was committed")]
    Short(u64),
}

/// A walk.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    file: &'a dyn StoredFile,
    position: u64,
    limit: u64,
    chunk_bytes: usize,
    buffer: Bytes,
    buffer_position: u64,
}

impl<'a> Walk<'a> {
    /// A walk from `position`, where a batch begins, to `limit`, where one ends.
    pub(crate) fn new(
        file: &'a dyn StoredFile,
        position: u64,
        limit: u64,
        chunk_bytes: usize,
    ) -> Self {
        let buffer = Bytes::new();
        Self { file, position, limit, chunk_bytes, buffer, buffer_position: position }
    }

    /// Where the next batch begins.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The header of the next batch, if there is one more. Does not move on.
    pub(crate) fn header(&mut self) -> Result<Option<BatchHeader>, WalkError> {
        if self.position >= self.limit {
            return Ok(None);
        }
        self.fill(HEADER_BYTES)?;
        Ok(Some(decode_header(&self.buffer[self.at()..])?))
    }

    /// Moves on behind the batch with this header.
    pub(crate) fn skip(&mut self, header: &BatchHeader) {
        self.position += header.bytes as u64;
    }

    /// The next batch, if there is one more: its header and its records.
    pub(crate) fn batch(&mut self) -> Result<Option<(BatchHeader, BatchRecords<'_>)>, WalkError> {
        let Some(header) = self.header()? else { return Ok(None) };
        self.fill(header.bytes)?;
        let at = self.at();
        self.position += header.bytes as u64;
        Ok(Some(decode_batch(&self.buffer, at)?))
    }

    /// The bytes of the batch that [`Walk::batch`] returned last.
    pub(crate) fn last_batch(&self, header: &BatchHeader) -> Bytes {
        let end = self.at();
        self.buffer.slice(end - header.bytes..end)
    }

    fn at(&self) -> usize {
        (self.position - self.buffer_position) as usize
    }

    /// Makes sure that the buffer holds the next `need` bytes.
    fn fill(&mut self, need: usize) -> Result<(), WalkError> {
        if self.at() + need <= self.buffer.len() {
            return Ok(());
        }
        let left = self.limit - self.position;
        if need as u64 > left {
            return Err(BatchError::Truncated { need, have: left as usize }.into());
        }
        let mut buffer = vec![0; (need.max(self.chunk_bytes) as u64).min(left) as usize];
        let read = self.file.read_at(&mut buffer, self.position)?;
        if read < need {
            return Err(WalkError::Short(self.position + read as u64));
        }
        buffer.truncate(read);
        self.buffer = Bytes::from(buffer);
        self.buffer_position = self.position;
        Ok(())
    }
}
