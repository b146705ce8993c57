//! JSON's grammar over bytes, as strict as Jackson reads it: finds where values begin and end
//! without building anything.

/// How deep values may nest: Jackson's own limit.
const DEPTH_MAX: usize = 1000;

/// A position in a text that is known to be UTF-8.
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is not a blank, without going past it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                _ => return Some(*byte),
            }
        }
        None
    }

    /// Goes past the next byte if it is this one.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn unexpected(&self, wanted: &str) -> String {
        match self.text.get(self.at) {
            None => format!("Unexpected end-of-input: expected {wanted}"),
            Some(byte) => format!(
                "Unexpected character ('{}' (code {byte})): was expecting {wanted}",
                char::from(*byte).escape_default()
            ),
        }
    }

    /// Goes past a text in quotes; answers with what is between them, and whether it has escapes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<(&'a [u8], bool), String> {
        if !self.eat(b'"') {
            return Err(self.unexpected("double-quote"));
        }
        let start = self.at;
        let mut has_escapes = false;
        loop {
            let rest = &self.text[self.at..];
            let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
                return Err("Unexpected end-of-input in a text".to_string());
            };
            // Without an early exit this is done for many bytes at once.
            if rest[..length].iter().fold(false, |found, b| found | (*b < 0x20)) {
                return Err("Illegal unquoted character: control characters have to be escaped \
                            using backslash to be included in string value"
                    .to_string());
            }
            self.at += length;
            if rest[length] == b'"' {
                let inner = &self.text[start..self.at];
                self.at += 1;
                return Ok((inner, has_escapes));
            }
            has_escapes = true;
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let digits = self.text.get(self.at + 2..self.at + 6);
                if !digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) {
                    return Err("Unexpected character: expected a hex-digit".to_string());
                }
                self.at += 6;
            }
            _ => return Err("Unrecognized character escape".to_string()),
        }
        Ok(())
    }

    /// Goes past a value; answers with its text.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<&'a [u8], String> {
        self.value_at_depth(0)
    }

    fn value_at_depth(&mut self, depth: usize) -> Result<&'a [u8], String> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'"') => drop(self.string()?),
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'n') => self.word(b"null")?,
            Some(_) => return Err(self.unrecognized()),
            None => return Err(self.unexpected("a value")),
        }
        Ok(&self.text[start..self.at])
    }

    fn unrecognized(&self) -> String {
        let rest = &self.text[self.at..];
        let is_word = |b: &u8| b.is_ascii_alphanumeric();
        let end = rest.iter().position(|b| !is_word(b)).unwrap_or(rest.len());
        match end {
            0 => self.unexpected("a value"),
            end => format!("Unrecognized token '{}'", String::from_utf8_lossy(&rest[..end])),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), String> {
        let rest = &self.text[self.at..];
        let ends = rest.get(word.len()).is_none_or(|b| !b.is_ascii_alphanumeric());
        if !rest.starts_with(word) || !ends {
            return Err(self.unrecognized());
        }
        self.at += word.len();
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let rest = &self.text[self.at..];
        let count = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        self.at += count;
        count
    }

    fn number(&mut self) -> Result<(), String> {
        self.at += usize::from(self.text[self.at] == b'-');
        let starts_with_zero = self.text.get(self.at) == Some(&b'0');
        match self.digits() {
            0 => return Err(self.unexpected("digit (0-9) to follow minus sign")),
            1 => {}
            _ if starts_with_zero => {
                return Err("Invalid numeric value: Leading zeroes not allowed".to_string());
            }
            _ => {}
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.unexpected("digit after the decimal point"));
            }
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.text.get(self.at), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.unexpected("digit of the exponent"));
            }
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), String> {
        if depth >= DEPTH_MAX {
            return Err(format!("the document nests deeper than {DEPTH_MAX}"));
        }
        self.at += 1;
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            self.value_at_depth(depth + 1)?;
            if self.eat(b']') {
                return Ok(());
            }
            if !self.eat(b',') {
                return Err(self.unexpected("comma or close marker for Array"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), String> {
        if depth >= DEPTH_MAX {
            return Err(format!("the document nests deeper than {DEPTH_MAX}"));
        }
        self.at += 1;
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            self.string()?;
            if !self.eat(b':') {
                return Err(self.unexpected("colon between field name and value"));
            }
            self.value_at_depth(depth + 1)?;
            if self.eat(b'}') {
                return Ok(());
            }
            if !self.eat(b',') {
                return Err(self.unexpected("comma or close marker for Object"));
            }
        }
    }
}

/// Appends the text between quotes with its escapes resolved. A surrogate without its other half
/// becomes U+FFFD.
pub(crate) fn unescape(inner: &[u8], out: &mut Vec<u8>) {
    let mut rest = inner;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let code = rest.get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or_default();
        match code {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let first = hex(rest);
                rest = rest.get(4..).unwrap_or_default();
                let mut units = vec![first];
                if (0xd800..0xdc00).contains(&first) && rest.starts_with(b"\\u") {
                    let second = hex(&rest[2..]);
                    if (0xdc00..0xe000).contains(&second) {
                        units.push(second);
                        rest = rest.get(6..).unwrap_or_default();
                    }
                }
                out.extend_from_slice(String::from_utf16_lossy(&units).as_bytes());
            }
            other => out.push(other),
        }
    }
    out.extend_from_slice(rest);
}

fn hex(digits: &[u8]) -> u16 {
    let digits = digits.get(..4).and_then(|d| std::str::from_utf8(d).ok());
    digits.and_then(|d| u16::from_str_radix(d, 16).ok()).unwrap_or(0xfffd)
}

/// Where values of an object's wanted members lie, or of an array's elements.
pub(crate) fn elements(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut scanner = Scanner::new(text);
    let mut open = scanner.eat(b'[') && scanner.peek() != Some(b']');
    std::iter::from_fn(move || {
        if !open {
            return None;
        }
        let value = scanner.value().ok();
        open = scanner.eat(b',');
        value
    })
}

/// The members of an object: the name between its quotes, whether that has escapes, and the value.
pub(crate) fn members(text: &[u8]) -> impl Iterator<Item = (&[u8], bool, &[u8])> {
    let mut scanner = Scanner::new(text);
    let mut open = scanner.eat(b'{') && scanner.peek() != Some(b'}');
    std::iter::from_fn(move || {
        if !open {
            return None;
        }
        let (name, has_escapes) = scanner.string().ok()?;
        scanner.eat(b':');
        let value = scanner.value().ok()?;
        open = scanner.eat(b',');
        Some((name, has_escapes, value))
    })
}

/// The first value of a document, checked as a whole; `None` if there is none. Whatever follows it
/// is not looked at.
pub(crate) fn document(payload: &[u8]) -> Result<Option<&[u8]>, String> {
    if !payload.is_ascii()
        && let Err(error) = std::str::from_utf8(payload)
    {
        let byte = payload[error.valid_up_to()];
        return Err(format!("Invalid UTF-8 start byte 0x{byte:x}"));
    }
    let payload = payload.strip_prefix(b"\xef\xbb\xbf").unwrap_or(payload);
    let mut scanner = Scanner::new(payload);
    match scanner.peek() {
        None => Ok(None),
        Some(_) => scanner.value().map(Some),
    }
}
