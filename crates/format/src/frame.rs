//! Confluent's frame around payloads whose schema is registered: a zero, the schema's id in four
//! bytes, and the payload.

use crate::registry::SchemaId;

/// How long the frame is.
pub(crate) const FRAME_BYTES: usize = 5;

/// Takes the frame off.
pub(crate) fn unframe(payload: &[u8]) -> Result<(SchemaId, &[u8]), String> {
    match payload {
        [0, a, b, c, d, rest @ ..] => Ok((SchemaId(i32::from_be_bytes([*a, *b, *c, *d])), rest)),
        [0, ..] | [] => Err("the payload is shorter than its frame of 5 bytes".to_string()),
        [_, ..] => Err("Unknown magic byte!".to_string()),
    }
}

/// Appends a frame.
pub(crate) fn write_frame(id: SchemaId, out: &mut Vec<u8>) {
    out.push(0);
    out.extend_from_slice(&id.0.to_be_bytes());
}
