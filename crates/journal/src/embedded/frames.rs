//! How changes lie in a commit log or checkpoint: in frames that tell whether they are whole.
//!
//! ```text
//! file:   "kerbmeta", number u64, then frames
//! frame:  length u32 of the payload, CRC-32C u32 of the payload, payload
//! payload: sequence u64 (1, 2, 3, … in each file), synced_to u64, the change
//! ```
//!
//! `synced_to` says up to where the log, and all data it speaks of, was flushed when the frame was
//! written. A frame that is not whole is the torn end of the log if nothing behind it was written
//! later than it should have been flushed; else the disk has lost something it had promised to
//! keep.

use bytes::Bytes;

use super::change::Change;

const MAGIC: &[u8; 8] = b"kerbmeta";
/// The bytes before the first frame.
pub(crate) const FILE_HEADER_BYTES: u64 = 16;
/// Length and checksum.
const FRAME_HEADER_BYTES: usize = 8;
/// Sequence, synced_to, and a change of one byte.
const PAYLOAD_BYTES_MIN: usize = 17;

/// A whole frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// Where it begins in its file.
    pub(crate) position: u64,
    pub(crate) synced_to: u64,
    pub(crate) change: Change,
}

/// What a file was found to hold.
#[derive(Debug, PartialEq)]
pub(crate) struct Scan {
    pub(crate) frames: Vec<Frame>,
    /// Whether bytes that were flushed are not there any more.
    pub(crate) damaged: bool,
}

/// The first bytes of file `number`.
pub(crate) fn file_header(number: u64) -> Vec<u8> {
    [&MAGIC[..], &number.to_le_bytes()].concat()
}

/// Appends a frame to `out`.
pub(crate) fn put_frame(out: &mut Vec<u8>, sequence: u64, synced_to: u64, change: &Change) {
    let start = out.len();
    out.resize(start + FRAME_HEADER_BYTES, 0);
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&synced_to.to_le_bytes());
    change.encode(out);
    let payload = &out[start + FRAME_HEADER_BYTES..];
    let length = payload.len() as u32;
    let crc = crc32c::crc32c(payload);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// Reads the frames of file `number`, up to the first that is not whole. `None`: it has not even
/// the header of that file.
pub(crate) fn scan(bytes: &Bytes, number: u64) -> Option<Scan> {
    if !bytes.starts_with(&file_header(number)) {
        return None;
    }
    let mut frames = Vec::new();
    let mut at = FILE_HEADER_BYTES as usize;
    while let Some((frame, end)) = frame_at(bytes, at, |sequence| sequence == frames_next(&frames))
    {
        frames.push(frame);
        at = end;
    }
    // Frames written later tell what was to be there.
    let next = frames_next(&frames);
    let later = (at + 1..bytes.len())
        .filter_map(|at| frame_at(bytes, at, |sequence| sequence > next))
        .any(|(frame, _)| frame.synced_to > at as u64);
    Some(Scan { frames, damaged: later })
}

fn frames_next(frames: &[Frame]) -> u64 {
    frames.len() as u64 + 1
}

/// The frame at `at` and where it ends, if it is whole and its sequence is a likely one.
fn frame_at(bytes: &Bytes, at: usize, likely: impl Fn(u64) -> bool) -> Option<(Frame, usize)> {
    let header = bytes.get(at..at + FRAME_HEADER_BYTES)?;
    let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    let crc = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let from = at + FRAME_HEADER_BYTES;
    let payload = bytes.get(from..from.checked_add(length)?)?;
    if payload.len() < PAYLOAD_BYTES_MIN {
        return None;
    }
    let number = |at: usize| {
        payload[at..at + 8].iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte))
    };
    // A log never has more frames than bytes; so most noise is told without its checksum.
    if number(0) > bytes.len() as u64 || !likely(number(0)) || crc32c::crc32c(payload) != crc {
        return None;
    }
    let change = Change::decode(&bytes.slice(from + 16..from + length))?;
    Some((Frame { position: at as u64, synced_to: number(8), change }, from + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three frames; the third was written when all before it was flushed.
    fn log() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = file_header(7);
        let mut starts = Vec::new();
        for n in 1..=3u64 {
            starts.push(bytes.len());
            let synced_to = if n == 3 { bytes.len() as u64 } else { 16 };
            put_frame(&mut bytes, n, synced_to, &Change::Incarnations { given: n });
        }
        (bytes, starts)
    }

    fn check(bytes: Vec<u8>, frames: usize, damaged: bool) {
        let scan = scan(&Bytes::from(bytes), 7).unwrap();
        assert_eq!((scan.frames.len(), scan.damaged), (frames, damaged));
    }

    #[test]
    fn whole_frames_are_read() {
        check(log().0, 3, false);
        assert_eq!(scan(&Bytes::from(log().0), 8), None);
        assert_eq!(scan(&Bytes::from_static(b"kerb"), 7), None);
    }

    #[test]
    fn a_torn_end_is_left_out_wherever_it_is_torn() {
        let (bytes, starts) = log();
        for cut in 16..bytes.len() {
            let whole = starts.iter().skip(1).filter(|start| **start <= cut).count();
            check(bytes[..cut].to_vec(), whole, false);
        }
    }

    #[test]
    fn zeros_at_the_end_are_a_torn_end() {
        let mut bytes = log().0;
        bytes.extend([0; 100]);
        check(bytes, 3, false);
    }

    #[test]
    fn damage_before_what_was_flushed_is_no_torn_end() {
        let (mut bytes, starts) = log();
        bytes[starts[1] + 10] ^= 1;
        check(bytes, 1, true);
    }

    #[test]
    fn damage_behind_what_was_flushed_is_a_torn_end() {
        let (mut bytes, starts) = log();
        bytes.truncate(starts[2]);
        bytes[starts[0] + 10] ^= 1;
        check(bytes, 0, false);
    }
}
