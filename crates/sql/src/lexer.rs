//! Text in, tokens out: words, quoted names, literals and symbols, each with its byte range.
//!
//! Blanks and comments are dropped here. Tokens are made one by one, so that a long script never is
//! held as tokens as a whole. Letters are ASCII, as in ksqlDB; anything else outside quotes is
//! [`TokenKind::Unknown`] and left for the parser to refuse.

pub mod words;

use crate::ast::Span;

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

/// What a token is. Its text is that of its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword or an unquoted name.
    Word,
    /// A name that begins with a digit: `2ND`.
    DigitWord,
    /// `` `name` `` or `"name"`
    QuotedName,
    /// `'text'`
    Text,
    /// `42`
    Integer,
    /// `4.2`, `.5`, `5.`
    Decimal,
    /// `4.2e1`
    Double,
    /// `${name}`
    Variable,
    /// `=`, `->`, `(`, …
    Symbol(Symbol),
    /// A character that means nothing.
    Unknown,
    /// Something in quotes, or a comment, that never ends.
    Unclosed(Unclosed),
    /// Behind the last token.
    End,
}

/// What was opened and not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclosed {
    /// `'…`
    Text,
    /// `` `… `` or `"…`
    Name,
    /// `/* …`
    Comment,
}

/// The signs of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// `;`
    Semicolon,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `=`
    Equal,
    /// `<>`, `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Star,
    /// `/`
    Slash,
    /// `%`
    Percent,
    /// `||`
    Concat,
    /// `:=`
    Assign,
    /// `->`
    Arrow,
    /// `=>`
    FatArrow,
}

impl Symbol {
    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Symbol::Semicolon => ";",
            Symbol::Comma => ",",
            Symbol::Dot => ".",
            Symbol::Open => "(",
            Symbol::Close => ")",
            Symbol::OpenBracket => "[",
            Symbol::CloseBracket => "]",
            Symbol::Equal => "=",
            Symbol::NotEqual => "<>",
            Symbol::Less => "<",
            Symbol::LessOrEqual => "<=",
            Symbol::Greater => ">",
            Symbol::GreaterOrEqual => ">=",
            Symbol::Plus => "+",
            Symbol::Minus => "-",
            Symbol::Star => "*",
            Symbol::Slash => "/",
            Symbol::Percent => "%",
            Symbol::Concat => "||",
            Symbol::Assign => ":=",
            Symbol::Arrow => "->",
            Symbol::FatArrow => "=>",
        }
    }
}

/// Makes tokens of a text, from the front.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Begins at the start of `text`, behind its byte order mark, if a Windows editor left one.
    pub fn new(text: &'a str) -> Self {
        const BYTE_ORDER_MARK: char = '\u{feff}';
        let at = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        Self { text, at }
    }

    /// The next token; at the end [`TokenKind::End`], again and again.
    pub fn next_token(&mut self) -> Token {
        if let Err(start) = self.skip_blanks_and_comments() {
            self.at = self.text.len();
            return self.token(TokenKind::Unclosed(Unclosed::Comment), start);
        }
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return self.token(TokenKind::End, start);
        };
        let kind = match first {
            '\'' => self.quoted('\'', TokenKind::Text, Unclosed::Text),
            '"' | '`' => self.quoted(first, TokenKind::QuotedName, Unclosed::Name),
            'a'..='z' | 'A'..='Z' | '_' => {
                self.skip_while(is_word_byte);
                TokenKind::Word
            }
            '0'..='9' => self.number_or_digit_word(),
            '.' if self.byte(1).is_some_and(|b| b.is_ascii_digit()) => self.number(),
            '$' => self.variable(),
            _ => self.symbol(first),
        };
        self.token(kind, start)
    }

    /// Skips blanks, `-- …` and `/* … */`; where an unclosed comment starts, if there is one.
    fn skip_blanks_and_comments(&mut self) -> Result<(), usize> {
        loop {
            self.skip_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
            let rest = self.rest();
            if rest.starts_with("--") {
                self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(end) = comment.find("*/") else { return Err(self.at) };
                self.at += 2 + end + 2;
            } else {
                return Ok(());
            }
        }
    }

    /// A text or name in quotes; a doubled quote is one quote of its content.
    fn quoted(&mut self, quote: char, kind: TokenKind, unclosed: Unclosed) -> TokenKind {
        self.at += 1;
        loop {
            match self.rest().find(quote) {
                None => {
                    self.at = self.text.len();
                    return TokenKind::Unclosed(unclosed);
                }
                Some(end) => self.at += end + 1,
            }
            if !self.rest().starts_with(quote) {
                return kind;
            }
            self.at += 1;
        }
    }

    /// The longest of a number and a name beginning with a digit: `1e3` is a number, `1e` a name.
    fn number_or_digit_word(&mut self) -> TokenKind {
        let mut word = self.clone();
        word.skip_while(is_word_byte);
        let kind = self.number();
        if word.at > self.at {
            self.at = word.at;
            return TokenKind::DigitWord;
        }
        kind
    }

    fn number(&mut self) -> TokenKind {
        let mut kind = TokenKind::Integer;
        self.skip_while(|b| b.is_ascii_digit());
        if self.byte(0) == Some(b'.') {
            self.at += 1;
            self.skip_while(|b| b.is_ascii_digit());
            kind = TokenKind::Decimal;
        }
        if matches!(self.byte(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(1), Some(b'+' | b'-')));
            if self.byte(1 + sign).is_some_and(|b| b.is_ascii_digit()) {
                self.at += 1 + sign;
                self.skip_while(|b| b.is_ascii_digit());
                kind = TokenKind::Double;
            }
        }
        kind
    }

    fn variable(&mut self) -> TokenKind {
        let rest = self.rest();
        let name = rest.strip_prefix("${").and_then(|r| r.split_once('}')).map(|(name, _)| name);
        match name {
            Some(name) if is_variable_name(name) => {
                self.at += name.len() + 3;
                TokenKind::Variable
            }
            _ => {
                self.at += 1;
                TokenKind::Unknown
            }
        }
    }

    fn symbol(&mut self, first: char) -> TokenKind {
        let second = self.byte(1);
        let (symbol, length) = match (first, second) {
            ('<', Some(b'>')) | ('!', Some(b'=')) => (Symbol::NotEqual, 2),
            ('<', Some(b'=')) => (Symbol::LessOrEqual, 2),
            ('>', Some(b'=')) => (Symbol::GreaterOrEqual, 2),
            ('|', Some(b'|')) => (Symbol::Concat, 2),
            (':', Some(b'=')) => (Symbol::Assign, 2),
            ('-', Some(b'>')) => (Symbol::Arrow, 2),
            ('=', Some(b'>')) => (Symbol::FatArrow, 2),
            (';', _) => (Symbol::Semicolon, 1),
            (',', _) => (Symbol::Comma, 1),
            ('.', _) => (Symbol::Dot, 1),
            ('(', _) => (Symbol::Open, 1),
            (')', _) => (Symbol::Close, 1),
            ('[', _) => (Symbol::OpenBracket, 1),
            (']', _) => (Symbol::CloseBracket, 1),
            ('=', _) => (Symbol::Equal, 1),
            ('<', _) => (Symbol::Less, 1),
            ('>', _) => (Symbol::Greater, 1),
            ('+', _) => (Symbol::Plus, 1),
            ('-', _) => (Symbol::Minus, 1),
            ('*', _) => (Symbol::Star, 1),
            ('/', _) => (Symbol::Slash, 1),
            ('%', _) => (Symbol::Percent, 1),
            _ => {
                self.at += first.len_utf8();
                return TokenKind::Unknown;
            }
        };
        self.at += length;
        TokenKind::Symbol(symbol)
    }

    fn token(&self, kind: TokenKind, start: usize) -> Token {
        Token { kind, span: Span { start, end: self.at } }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|b| !belongs(*b)).unwrap_or(rest.len());
    }
}

/// May this byte stand within a name?
fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'@'
}

/// May a variable be called so?
pub(crate) fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.as_bytes()[0].is_ascii_digit()
        && name.bytes().all(is_word_byte)
        && !name.starts_with('@')
}

#[cfg(test)]
mod tests;
