//! Cuts a line into fields and quotes fields for writing, as Apache Commons CSV's default format
//! does: quotes double inside quotes, line ends inside quotes belong to the field, blanks count.

use std::ops::Range;

use memchr::memchr;

/// Cuts payloads into fields; its buffers are used again for every payload.
pub(crate) struct Splitter {
    delimiter: Box<[u8]>,
    fields: Vec<Field>,
    /// The fields that had quotes, without them.
    unquoted: Vec<u8>,
}

#[derive(Clone)]
enum Field {
    /// A piece of the payload.
    Plain(Range<usize>),
    /// A piece of `unquoted`.
    Unquoted(Range<usize>),
}

impl Splitter {
    pub(crate) fn new(delimiter: char) -> Self {
        let delimiter = delimiter.to_string().into_bytes().into_boxed_slice();
        Self { delimiter, fields: Vec::new(), unquoted: Vec::new() }
    }

    /// How many fields the first record of the payload has.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// One of them.
    #[inline]
    pub(crate) fn field<'a>(&'a self, payload: &'a [u8], at: usize) -> &'a [u8] {
        match &self.fields[at] {
            Field::Plain(range) => &payload[range.clone()],
            Field::Unquoted(range) => &self.unquoted[range.clone()],
        }
    }

    /// Cuts the payload's first record into fields. Further records must be well formed, and are
    /// not looked at.
    pub(crate) fn split(&mut self, payload: &[u8]) -> Result<(), String> {
        self.fields.clear();
        self.unquoted.clear();
        let mut at = self.record(payload, 0)?;
        while self.fields.is_empty() && at < payload.len() {
            at = self.record(payload, at)?;
        }
        let fields = self.fields.len();
        while at < payload.len() {
            at = self.record(payload, at)?;
            self.fields.truncate(fields);
        }
        Ok(())
    }

    /// Reads one record from `at` on and returns where the next one begins. An empty line has no
    /// fields.
    fn record(&mut self, payload: &[u8], mut at: usize) -> Result<usize, String> {
        let first = self.fields.len();
        if let [delimiter] = *self.delimiter {
            // The usual line: no quote, no line end, a delimiter of one byte.
            let rest = &payload[at..];
            if memchr::memchr3(b'"', b'\n', b'\r', rest).is_none() {
                if rest.is_empty() {
                    return Ok(at);
                }
                for end in memchr::memchr_iter(delimiter, rest) {
                    let end = end + (payload.len() - rest.len());
                    self.fields.push(Field::Plain(at..end));
                    at = end + 1;
                }
                self.fields.push(Field::Plain(at..payload.len()));
                return Ok(payload.len());
            }
        }
        loop {
            let next = match payload.get(at) {
                Some(b'"') => self.quoted(payload, at + 1)?,
                _ => {
                    let end = self.plain_end(payload, at);
                    self.fields.push(Field::Plain(at..end));
                    end
                }
            };
            at = next;
            if payload[at..].starts_with(&self.delimiter) {
                at += self.delimiter.len();
                continue;
            }
            let empty_line = self.fields.len() == first + 1
                && matches!(&self.fields[first], Field::Plain(range) if range.is_empty());
            if empty_line {
                self.fields.truncate(first);
            }
            return Ok(at + line_end(&payload[at..]));
        }
    }

    fn plain_end(&self, payload: &[u8], at: usize) -> usize {
        let rest = &payload[at..];
        let is_end = |i: &usize| {
            matches!(rest[*i], b'\n' | b'\r') || rest[*i..].starts_with(&self.delimiter)
        };
        at + (0..rest.len()).find(is_end).unwrap_or(rest.len())
    }

    /// Reads a quoted field from behind its quote; returns where its delimiter or line end is.
    fn quoted(&mut self, payload: &[u8], mut at: usize) -> Result<usize, String> {
        let start = self.unquoted.len();
        loop {
            let Some(length) = memchr(b'"', &payload[at..]) else {
                return Err(
                    "(startline 1) EOF reached before encapsulated token finished".to_string()
                );
            };
            self.unquoted.extend_from_slice(&payload[at..at + length]);
            at += length + 1;
            if payload.get(at) == Some(&b'"') {
                self.unquoted.push(b'"');
                at += 1;
                continue;
            }
            break;
        }
        self.fields.push(Field::Unquoted(start..self.unquoted.len()));
        // Between the closing quote and the delimiter there may be blanks, and nothing else.
        loop {
            let rest = &payload[at..];
            match rest.first() {
                None | Some(b'\n' | b'\r') => return Ok(at),
                _ if rest.starts_with(&self.delimiter) => return Ok(at),
                Some(b' ' | b'\t' | 0x0b | 0x0c | 0x1c..=0x1f) => at += 1,
                _ => {
                    return Err("(line 1) invalid char between encapsulated token and delimiter"
                        .to_string());
                }
            }
        }
    }
}

fn line_end(rest: &[u8]) -> usize {
    match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// Appends a field that is not null, in quotes where a reader would otherwise misunderstand it.
pub(crate) fn write_field(field: &[u8], is_first: bool, delimiter: &[u8], out: &mut Vec<u8>) {
    if !needs_quotes(field, is_first, delimiter) {
        return out.extend_from_slice(field);
    }
    out.push(b'"');
    for byte in field {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// Commons CSV's "minimal" quoting: an empty first field, a first field that does not begin with a
/// letter or a digit, and any field that begins with a byte up to `#`, ends with a blank, or holds
/// a quote, a delimiter or a line end.
fn needs_quotes(field: &[u8], is_first: bool, delimiter: &[u8]) -> bool {
    let (Some(first), Some(last)) = (field.first(), field.last()) else {
        return is_first;
    };
    (is_first && !first.is_ascii_alphanumeric())
        || *first <= b'#'
        || *last <= b' '
        || memchr::memchr3(b'"', b'\n', b'\r', field).is_some()
        || memchr::memmem::find(field, delimiter).is_some()
}
