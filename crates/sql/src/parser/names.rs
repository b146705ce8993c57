//! Names: unquoted ones in upper case, quoted ones as they are.

use crate::ast::Span;
use crate::error::Problem;
use crate::lexer::{Symbol, TokenKind, words};

use super::{Parsed, Parser};

impl Parser<'_> {
    /// Could a name begin here?
    pub(super) fn is_name_at(&self, ahead: usize) -> bool {
        let token = self.peek_at(ahead);
        match token.kind {
            TokenKind::Word => !words::is_reserved(self.token_text(token)),
            TokenKind::QuotedName | TokenKind::DigitWord => true,
            TokenKind::Variable => self.variables.is_some(),
            _ => false,
        }
    }

    /// A name of a column, field, type or function.
    pub(super) fn name(&mut self) -> Parsed<String> {
        self.name_called("a name")
    }

    /// A name, called `what` if there is none.
    pub(super) fn name_called(&mut self, what: &'static str) -> Parsed<String> {
        let name = self.name_as_written_called(what)?;
        let quoted = self.tokens[self.at - 1].kind == TokenKind::QuotedName;
        Ok(if quoted { name } else { name.to_ascii_uppercase() })
    }

    /// A name in the case it was written in: queries, topics, connectors' properties.
    pub(super) fn name_as_written(&mut self) -> Parsed<String> {
        self.name_as_written_called("a name")
    }

    fn name_as_written_called(&mut self, what: &'static str) -> Parsed<String> {
        if !self.is_name_at(0) {
            return Err(self.unexpected(&[what]));
        }
        if let (TokenKind::Variable, Some(variables)) = (self.peek().kind, self.variables) {
            self.take_variable(variables, false)?;
            // Any name will do while variables are looked for, but each only once.
            return Ok(format!("VARIABLE_{}", self.values.len()));
        }
        let token = self.advance();
        let text = self.token_text(token);
        Ok(match token.kind {
            TokenKind::QuotedName => unquote(text),
            _ => text.to_owned(),
        })
    }

    /// A name of a stream or table, or what a query calls it.
    pub(super) fn source_name(&mut self) -> Parsed<String> {
        let token = self.peek();
        let name = self.name_called("the name of a stream or table")?;
        self.check_source_name(&name, token.span)?;
        Ok(name)
    }

    pub(super) fn check_source_name(&self, name: &str, span: Span) -> Parsed<()> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if name.bytes().all(allowed) {
            return Ok(());
        }
        Err(self.error(Problem::SourceName(name.to_owned()), span))
    }

    /// `name` or `'name'`: a topic or subject, in the case it was written in.
    pub(super) fn resource_name(&mut self) -> Parsed<String> {
        if self.peek().kind == TokenKind::Text {
            return self.quoted_text();
        }
        self.name_as_written_called("a name, or a text in single quotes")
    }

    /// `'text'`
    pub(super) fn quoted_text(&mut self) -> Parsed<String> {
        if self.peek().kind != TokenKind::Text {
            return Err(self.unexpected(&["a text in single quotes"]));
        }
        let token = self.advance();
        Ok(unquote(self.token_text(token)))
    }

    /// `[IF EXISTS]`
    pub(super) fn if_exists(&mut self) -> Parsed<bool> {
        if self.is_if() { self.eat_words(&["IF", "EXISTS"]) } else { Ok(false) }
    }

    /// `[IF NOT EXISTS]`
    pub(super) fn if_not_exists(&mut self) -> Parsed<bool> {
        if self.is_if() { self.eat_words(&["IF", "NOT", "EXISTS"]) } else { Ok(false) }
    }

    /// IF may be a name, too, if it is followed by what follows a name.
    fn is_if(&self) -> bool {
        let follows_name = ["DELETE", "WITH", "AS"].iter().any(|word| self.is_word_at(1, word));
        self.is_word_at(0, "IF") && self.peek_at(1).kind == TokenKind::Word && !follows_name
    }

    /// `(name, …)`
    pub(super) fn column_names(&mut self) -> Parsed<Vec<String>> {
        match self.is_symbol_at(0, Symbol::Open) {
            true => self.parenthesized(|parser| parser.name_called("the name of a column")),
            false => Ok(Vec::new()),
        }
    }
}

/// The content of a text in quotes: without them, doubled ones made single.
pub(crate) fn unquote(quoted: &str) -> String {
    let quote = &quoted[..1];
    let content = &quoted[1..quoted.len() - 1];
    content.replace(&quote.repeat(2), quote)
}
