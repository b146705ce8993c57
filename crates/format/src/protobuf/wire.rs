//! Protobuf's wire format: varints, tags, lengths. Reading never trusts a length.

/// Why bytes are not a message, in the words the Java library has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireError {
    Truncated,
    MalformedVarint,
    NegativeSize,
    ZeroTag,
    WireType,
    EndGroup,
    TooDeep,
}

impl WireError {
    pub(crate) fn message(self) -> &'static str {
        match self {
            WireError::Truncated => {
                "While parsing a protocol message, the input ended unexpectedly in the middle of \
                 a field.  This could mean either that the input has been truncated or that an \
                 embedded message misreported its own length."
            }
            WireError::MalformedVarint => "CodedInputStream encountered a malformed varint.",
            WireError::NegativeSize => {
                "CodedInputStream encountered an embedded string or message which claimed to have \
                 negative size."
            }
            WireError::ZeroTag => "Protocol message contained an invalid tag (zero).",
            WireError::WireType => "Protocol message tag had invalid wire type.",
            WireError::EndGroup => "Protocol message end-group tag did not match expected tag.",
            WireError::TooDeep => "Protocol message had too many levels of nesting.",
        }
    }
}

/// One field's value as it lies on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

impl Wire<'_> {
    /// Its number in a tag.
    #[inline]
    pub(crate) fn wire_type(&self) -> u32 {
        match self {
            Wire::Varint(_) => 0,
            Wire::Fixed64(_) => 1,
            Wire::Bytes(_) => 2,
            Wire::Fixed32(_) => 5,
        }
    }
}

/// How deep groups may nest.
const DEPTH_MAX: usize = 100;

/// Reads fields off a message.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, WireError> {
        // Most varints have one byte, nearly all of the others two.
        match *self.rest {
            [a, ..] if a < 0x80 => {
                self.rest = &self.rest[1..];
                Ok(u64::from(a))
            }
            [a, b, ..] if b < 0x80 => {
                self.rest = &self.rest[2..];
                Ok(u64::from(a & 0x7f) | u64::from(b) << 7)
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for (i, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        match self.rest.len() < 10 {
            true => Err(WireError::Truncated),
            false => Err(WireError::MalformedVarint),
        }
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn fixed32(&mut self) -> Result<u32, WireError> {
        let (bytes, rest) = self.rest.split_first_chunk::<4>().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*bytes))
    }

    #[inline]
    pub(crate) fn fixed64(&mut self) -> Result<u64, WireError> {
        let (bytes, rest) = self.rest.split_first_chunk::<8>().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    /// The next field's number and value; `None` at the end. Groups are skipped.
    #[inline]
    pub(crate) fn field(&mut self) -> Result<Option<(u32, Wire<'a>)>, WireError> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let tag = self.varint()? as u32;
            let number = tag >> 3;
            if number == 0 {
                return Err(WireError::ZeroTag);
            }
            let value = match tag & 7 {
                0 => Wire::Varint(self.varint()?),
                1 => Wire::Fixed64(self.fixed64()?),
                2 => {
                    let length = self.varint()? as u32 as i32;
                    let length = usize::try_from(length).map_err(|_| WireError::NegativeSize)?;
                    Wire::Bytes(self.take(length)?)
                }
                3 => {
                    self.skip_group(number, 0)?;
                    continue;
                }
                4 => return Err(WireError::EndGroup),
                5 => Wire::Fixed32(self.fixed32()?),
                _ => return Err(WireError::WireType),
            };
            return Ok(Some((number, value)));
        }
    }

    fn skip_group(&mut self, group: u32, depth: usize) -> Result<(), WireError> {
        if depth > DEPTH_MAX {
            return Err(WireError::TooDeep);
        }
        loop {
            let tag = self.varint()? as u32;
            match (tag >> 3, tag & 7) {
                (0, _) => return Err(WireError::ZeroTag),
                (_, 0) => drop(self.varint()?),
                (_, 1) => drop(self.fixed64()?),
                (_, 2) => {
                    let length = self.varint()?;
                    let length = usize::try_from(length).map_err(|_| WireError::NegativeSize)?;
                    self.take(length)?;
                }
                (number, 3) => self.skip_group(number, depth + 1)?,
                (number, 4) if number == group => return Ok(()),
                (_, 4) => return Err(WireError::EndGroup),
                (_, 5) => drop(self.fixed32()?),
                _ => return Err(WireError::WireType),
            }
        }
    }
}

/// A zigzag number as it was.
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// A number in zigzag.
pub(crate) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// Appends a varint.
#[inline]
pub(crate) fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    if value < 0x80 {
        return out.push(value as u8);
    }
    let mut bytes = [0u8; 10];
    let mut length = 0;
    while value >= 0x80 {
        bytes[length] = value as u8 | 0x80;
        value >>= 7;
        length += 1;
    }
    bytes[length] = value as u8;
    out.extend_from_slice(&bytes[..=length]);
}

/// Appends what `write` writes, with its length before it.
#[inline]
pub(crate) fn write_delimited<E>(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    // Most messages are short: leave room for a length of one byte, and move the others.
    out.push(0);
    write(out)?;
    let length = out.len() - start - 1;
    if length < 0x80 {
        out[start] = length as u8;
        return Ok(());
    }
    let mut prefix = Vec::with_capacity(5);
    write_varint(length as u64, &mut prefix);
    out.splice(start..start + 1, prefix);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_round_trip_and_refuse_short_input() {
        for value in [0, 1, 127, 128, 300, 1 << 14, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            write_varint(value, &mut out);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.varint(), Ok(value));
            assert!(reader.is_empty());
            for end in 0..out.len() {
                assert_eq!(Reader::new(&out[..end]).varint(), Err(WireError::Truncated));
            }
        }
        assert_eq!(Reader::new(&[0xff; 11]).varint(), Err(WireError::MalformedVarint));
    }

    #[test]
    fn zigzag_round_trips() {
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
    }
}
