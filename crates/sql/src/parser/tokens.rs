//! Reading tokens: look at them, take them, ask for them; and how deep that has got.

use crate::ast::Span;
use crate::error::Problem;
use crate::lexer::{Symbol, Token, TokenKind};
use crate::variables::{self, Variables};

use super::{NESTING_MAX, Parsed, Parser};

impl<'a> Parser<'a> {
    pub(super) fn peek(&self) -> Token {
        self.peek_at(0)
    }

    /// The token so many behind the current one.
    pub(super) fn peek_at(&self, ahead: usize) -> Token {
        self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    /// Takes the current token.
    pub(super) fn advance(&mut self) -> Token {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        self.expected.clear();
        token
    }

    pub(super) fn token_text(&self, token: Token) -> &'a str {
        &self.text[token.span.start..token.span.end]
    }

    /// From the start of `start` to the end of what was read last.
    pub(super) fn span_from(&self, start: Token) -> Span {
        let end = self.tokens[self.at.saturating_sub(1)].span.end;
        Span { start: start.span.start, end: end.max(start.span.start) }
    }

    pub(super) fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        let token = self.peek_at(ahead);
        token.kind == TokenKind::Word && self.token_text(token).eq_ignore_ascii_case(word)
    }

    pub(super) fn is_symbol_at(&self, ahead: usize, symbol: Symbol) -> bool {
        self.peek_at(ahead).kind == TokenKind::Symbol(symbol)
    }

    /// Is the current token this word?
    pub(super) fn is_word(&mut self, word: &'static str) -> bool {
        let found = self.is_word_at(0, word);
        if !found {
            self.note_expected(word);
        }
        found
    }

    /// Takes this word, if it stands here.
    pub(super) fn eat_word(&mut self, word: &'static str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// Takes all of these words, or none.
    pub(super) fn eat_words(&mut self, words: &[&'static str]) -> Parsed<bool> {
        if !self.eat_word(words[0]) {
            return Ok(false);
        }
        words[1..].iter().try_for_each(|word| self.expect_word(word))?;
        Ok(true)
    }

    pub(super) fn expect_word(&mut self, word: &'static str) -> Parsed<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.unexpected(&[])) }
    }

    pub(super) fn eat_symbol(&mut self, symbol: Symbol) -> bool {
        let found = self.is_symbol_at(0, symbol);
        if found {
            self.advance();
        } else {
            self.note_expected(symbol.as_str());
        }
        found
    }

    pub(super) fn expect_symbol(&mut self, symbol: Symbol) -> Parsed<()> {
        if self.eat_symbol(symbol) { Ok(()) } else { Err(self.unexpected(&[])) }
    }

    pub(super) fn note_expected(&mut self, what: &'static str) {
        if !self.expected.contains(&what) {
            self.expected.push(what);
        }
    }

    /// `item, item, …`
    pub(super) fn comma_list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat_symbol(Symbol::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `(item, item, …)`, at least one.
    pub(super) fn parenthesized<T>(
        &mut self,
        item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.expect_symbol(Symbol::Open)?;
        let items = self.comma_list(item)?;
        self.expect_symbol(Symbol::Close)?;
        Ok(items)
    }

    /// Where to return to if what is tried does not fit.
    pub(super) fn mark(&self) -> (usize, usize, usize) {
        (self.at, self.depth, self.values.len())
    }

    pub(super) fn return_to(&mut self, (at, depth, values): (usize, usize, usize)) {
        (self.at, self.depth) = (at, depth);
        self.values.truncate(values);
        self.expected.clear();
    }

    /// Runs a rule that may contain itself.
    pub(super) fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.enter()?;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    /// One level deeper, if that is allowed.
    pub(super) fn enter(&mut self) -> Parsed<()> {
        if self.depth >= NESTING_MAX {
            return Err(self.error(Problem::TooDeep(NESTING_MAX), self.peek().span));
        }
        self.depth += 1;
        Ok(())
    }

    /// Notes what is to stand in place of the variable at the current token, and takes it.
    pub(super) fn take_variable(&mut self, variables: &Variables, literal: bool) -> Parsed<()> {
        let token = self.peek();
        let value = match literal {
            true => variables::literal_value(self.text, token, variables),
            false => variables::name_value(self.text, token, variables),
        };
        let value = value.map_err(|problem| self.error(problem, token.span))?;
        self.values.push((token.span, value));
        self.advance();
        Ok(())
    }
}
