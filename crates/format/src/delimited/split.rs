//! Cuts a line into fields and quotes fields for writing, as Apache Commons CSV's default format
//! does: quotes double inside quotes, line ends inside quotes belong to the field, blanks count.

use memchr::{memchr, memchr2, memchr3};

/// Cuts payloads into fields; its buffers are used again for every payload.
pub(crate) struct Splitter {
    delimiter: Box<[u8]>,
    fields: Vec<Field>,
    /// The fields that had quotes within their quotes, without them.
    unquoted: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    /// A piece of `unquoted`, not of the payload.
    is_unquoted: bool,
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
        let field = &self.fields[at];
        let source = if field.is_unquoted { &self.unquoted } else { payload };
        &source[field.start..field.end]
    }

    /// Cuts the payload's first record into fields. Further records must be well formed, and are
    /// not looked at.
    pub(crate) fn split(&mut self, payload: &[u8]) -> Result<(), String> {
        self.fields.clear();
        self.unquoted.clear();
        if let [delimiter] = *self.delimiter {
            match memchr3(b'\n', b'\r', b'"', payload) {
                None => {
                    self.plain_line(payload, delimiter);
                    return Ok(());
                }
                Some(at)
                    if payload[at] == b'"' && memchr2(b'\n', b'\r', &payload[at..]).is_none() =>
                {
                    return self.line(payload, delimiter);
                }
                Some(_) => {}
            }
        }
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

    /// The usual payload: one line without a quote, a delimiter of one byte. Fields are short, so
    /// their ends are looked for eight bytes at a time.
    fn plain_line(&mut self, payload: &[u8], delimiter: u8) {
        if payload.is_empty() {
            return;
        }
        let mut start = 0;
        let (words, rest) = payload.as_chunks::<8>();
        for (at, word) in words.iter().enumerate() {
            let mut ends = bytes_equal(u64::from_le_bytes(*word), delimiter);
            while ends != 0 {
                let end = at * 8 + ends.trailing_zeros() as usize / 8;
                self.plain(start, end);
                start = end + 1;
                ends &= ends - 1;
            }
        }
        let rest_at = payload.len() - rest.len();
        for (at, _) in rest.iter().enumerate().filter(|(_, byte)| **byte == delimiter) {
            self.plain(start, rest_at + at);
            start = rest_at + at + 1;
        }
        self.plain(start, payload.len());
    }

    /// One line with quotes in it, a delimiter of one byte.
    fn line(&mut self, payload: &[u8], delimiter: u8) -> Result<(), String> {
        if payload.is_empty() {
            return Ok(());
        }
        let mut at = 0;
        loop {
            if payload.get(at) == Some(&b'"') {
                at = self.quoted(payload, at + 1)?;
            } else {
                let rest = &payload[at..];
                let length = memchr(delimiter, rest).unwrap_or(rest.len());
                self.plain(at, at + length);
                at += length;
            }
            if at == payload.len() {
                return Ok(());
            }
            at += 1;
        }
    }

    #[inline]
    fn plain(&mut self, start: usize, end: usize) {
        self.fields.push(Field { start, end, is_unquoted: false });
    }

    /// Reads one record from `at` on and returns where the next one begins. An empty line has no
    /// fields.
    fn record(&mut self, payload: &[u8], mut at: usize) -> Result<usize, String> {
        let first = self.fields.len();
        let start = at;
        loop {
            at = match payload.get(at) {
                Some(b'"') => self.quoted(payload, at + 1)?,
                _ => {
                    let end = self.plain_end(payload, at);
                    self.plain(at, end);
                    end
                }
            };
            if payload[at..].starts_with(&self.delimiter) {
                at += self.delimiter.len();
                continue;
            }
            if at == start {
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
    fn quoted(&mut self, payload: &[u8], start: usize) -> Result<usize, String> {
        let unfinished =
            || "(startline 1) EOF reached before encapsulated token finished".to_string();
        let length = memchr(b'"', &payload[start..]).ok_or_else(unfinished)?;
        let mut at = start + length + 1;
        if payload.get(at) != Some(&b'"') {
            self.plain(start, start + length);
        } else {
            // Quotes within the quotes are doubled: put the field together without them.
            let from = self.unquoted.len();
            self.unquoted.extend_from_slice(&payload[start..start + length]);
            while payload.get(at) == Some(&b'"') {
                at += 1;
                let length = memchr(b'"', &payload[at..]).ok_or_else(unfinished)?;
                self.unquoted.push(b'"');
                self.unquoted.extend_from_slice(&payload[at..at + length]);
                at += length + 1;
            }
            let end = self.unquoted.len();
            self.fields.push(Field { start: from, end, is_unquoted: true });
        }
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

/// The high bit of each byte of `word` that is `byte`; all other bits are 0.
#[inline]
fn bytes_equal(word: u64, byte: u8) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differs = word ^ (u64::from(byte) * 0x0101_0101_0101_0101);
    !(((differs & LOW) + LOW) | differs | LOW)
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
