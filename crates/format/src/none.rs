//! NONE: no data at all. Reads nothing from anything, writes nulls.

use arrow_array::ArrayRef;
use arrow_buffer::NullBuffer;
use bytes::Bytes;
use model::{FormatKind, SqlType};

use crate::codec::{Decoded, Decoder, Encoded, Encoder};
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
    match columns.first() {
        None => Ok(()),
        Some((_, ty)) => Err(CodecError::UnsupportedType {
            format: FormatKind::None,
            ty: ty.to_string(),
            hint: ", as it holds no columns".to_string(),
        }),
    }
}

impl Decoder for NoneCodec {
    fn decode_projected(&self, payloads: &[Option<Bytes>], _: Option<&[bool]>) -> Decoded {
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
