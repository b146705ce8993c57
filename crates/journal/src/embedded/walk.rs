//! A walk through the batches of a segment file: a file and where to begin go in, batches come out,
//! read in chunks of which their records are slices.
//!
//! A batch's own checksum does not cover the offset it begins at, so the walk sees to it that each
//! begins where the one before ended. In what compaction has written there may be gaps: there it
//! must not go back, nor beyond the end, and its seal tells the rest (segments that were compacted
//! before there were seals have none).

use std::io;

use bytes::Bytes;
use model::Offset;

use super::catalog::SegmentMeta;
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
    /// A batch is not the one that follows.
    #[error("a batch says that it begins at offset {found}, where {expected} comes next")]
    Misplaced {
        /// What it says.
        found: Offset,
        /// What the batches before it say.
        expected: Offset,
    },
    /// Batches are missing.
    #[error("the last batch ends at offset {found}, not at {expected}")]
    Incomplete {
        /// Where.
        found: Offset,
        /// Where it should.
        expected: Offset,
    },
}

/// A place in a segment between two batches, or at its start or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where in the file.
    pub(crate) position: u64,
    /// The offset that the next batch begins at; where there may be gaps, at or behind which.
    pub(crate) offset: Offset,
}

/// A walk.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    file: &'a dyn StoredFile,
    at: Place,
    limit: Place,
    has_gaps: bool,
    chunk_bytes: usize,
    buffer: Bytes,
    buffer_position: u64,
}

impl<'a> Walk<'a> {
    /// A walk from one place to another, through batches between which there may be gaps.
    pub(crate) fn new(
        file: &'a dyn StoredFile,
        at: Place,
        limit: Place,
        has_gaps: bool,
        chunk_bytes: usize,
    ) -> Self {
        let buffer = Bytes::new();
        let buffer_position = at.position;
        Self { file, at, limit, has_gaps, chunk_bytes, buffer, buffer_position }
    }

    /// A walk through a segment, from `at` on.
    pub(crate) fn through(
        file: &'a dyn StoredFile,
        segment: &SegmentMeta,
        at: Place,
        chunk_bytes: usize,
    ) -> Self {
        let limit = Place { position: segment.bytes, offset: segment.end };
        Self::new(file, at, limit, segment.generation > 0, chunk_bytes)
    }

    /// Where the next batch begins.
    pub(crate) fn place(&self) -> Place {
        self.at
    }

    /// The header of the next batch, if there is one more. Does not move on.
    pub(crate) fn header(&mut self) -> Result<Option<BatchHeader>, WalkError> {
        if self.at.position >= self.limit.position {
            return self.check_end().map(|()| None);
        }
        self.fill(HEADER_BYTES)?;
        let header = decode_header(&self.buffer[self.buffered()..])?;
        self.check(&header)?;
        Ok(Some(header))
    }

    /// Is this the batch that comes next?
    fn check(&self, header: &BatchHeader) -> Result<(), WalkError> {
        let expected = self.at.offset;
        let follows = match self.has_gaps {
            true => header.base >= expected && header.is_seal_whole(),
            false => header.base == expected,
        };
        match follows && header.end() <= self.limit.offset {
            true => Ok(()),
            false => Err(WalkError::Misplaced { found: header.base, expected }),
        }
    }

    /// Did the last batch end where it should?
    fn check_end(&self) -> Result<(), WalkError> {
        let (found, expected) = (self.at.offset, self.limit.offset);
        // Who knows of a segment's end of before may be sent to a place behind it.
        match self.has_gaps || self.at.position > self.limit.position || found == expected {
            true => Ok(()),
            false => Err(WalkError::Incomplete { found, expected }),
        }
    }

    /// Moves on behind the batch with this header.
    pub(crate) fn skip(&mut self, header: &BatchHeader) {
        self.at.position += header.bytes as u64;
        self.at.offset = header.end();
    }

    /// The next batch, if there is one more: its header and its records.
    pub(crate) fn batch(&mut self) -> Result<Option<(BatchHeader, BatchRecords<'_>)>, WalkError> {
        let Some(header) = self.header()? else { return Ok(None) };
        self.fill(header.bytes)?;
        let at = self.buffered();
        self.skip(&header);
        Ok(Some(decode_batch(&self.buffer, at)?))
    }

    /// The bytes of the batch that [`Walk::batch`] returned last.
    pub(crate) fn last_batch(&self, header: &BatchHeader) -> Bytes {
        let end = self.buffered();
        self.buffer.slice(end - header.bytes..end)
    }

    /// Where the next batch begins in the buffer.
    fn buffered(&self) -> usize {
        (self.at.position - self.buffer_position) as usize
    }

    /// Makes sure that the buffer holds the next `need` bytes.
    fn fill(&mut self, need: usize) -> Result<(), WalkError> {
        if self.buffered() + need <= self.buffer.len() {
            return Ok(());
        }
        let left = self.limit.position - self.at.position;
        if need as u64 > left {
            return Err(BatchError::Truncated { need, have: left as usize }.into());
        }
        let mut buffer = vec![0; (need.max(self.chunk_bytes) as u64).min(left) as usize];
        let read = self.file.read_at(&mut buffer, self.at.position)?;
        if read < need {
            return Err(WalkError::Short(self.at.position + read as u64));
        }
        buffer.truncate(read);
        // So slices of it are counted without a look at how it is kept.
        self.buffer = Bytes::from_owner(buffer);
        self.buffer_position = self.at.position;
        Ok(())
    }
}
