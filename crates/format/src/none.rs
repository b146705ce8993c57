//! NONE: no data at all. Reads nothing from anything, writes nulls.

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use model::SqlType;

use crate::codec::{Decoded, Decoder, Encoded, Encoder, listed};
use crate::error::CodecError;

struct NoneCodec;

pub(crate) fn decoder(columns: &[(String, SqlType)]) -> Result<Box<dyn Decoder>, CodecError> {
    check(columns)?;
    Ok(Box::new(NoneCodec))
}

pub(crate) fn encoder(columns: &[(String, SqlType)]) -> Result<Box<dyn Encoder>, CodecError> {
    check(columns)?;
    Ok(Box::new(NoneCodec))
}

fn check(columns: &[(String, SqlType)]) -> Result<(), CodecError> {
    match columns {
        [] => Ok(()),
        some => Err(CodecError::NotEmpty(listed(some))),
    }
}

impl Decoder for NoneCodec {
    fn decode_projected(&self, payloads: &[Option<&[u8]>], _: Option<&[bool]>) -> Decoded {
        let present = payloads.iter().any(Option::is_none);
        let present = present.then(|| payloads.iter().map(Option::is_some).collect());
        Decoded { columns: Vec::new(), present, errors: Vec::new() }
    }
}

impl Encoder for NoneCodec {
    fn encode(&self, _: &[ArrayRef], _: Option<&NullBuffer>, rows: usize) -> Encoded {
        Encoded { payloads: vec![None; rows], errors: Vec::new() }
    }
}
