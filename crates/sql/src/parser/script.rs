//! Scripts cut into statements, for those who send them on: the shell, the REST client.

use crate::ast::Span;
use crate::lexer::{Lexer, Symbol, TokenKind, Unclosed};

/// A text cut at its semicolons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// The statements that are complete, each with its semicolon, in order.
    pub complete: Vec<Span>,
    /// What is left behind the last semicolon, if it is more than blanks and comments.
    pub rest: Option<Rest>,
}

/// The beginning of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Where it stands.
    pub span: Span,
    /// What must be closed before a semicolon counts; none: only the semicolon is missing.
    pub unclosed: Option<Unclosed>,
}

/// Cuts a text at the semicolons outside quotes and comments. Nothing is parsed.
///
/// ```
/// let pieces = sql::parser::split_statements("SHOW TOPICS; SELECT ';");
/// assert_eq!(pieces.complete.len(), 1);
/// assert!(pieces.rest.unwrap().unclosed.is_some());
/// ```
pub fn split_statements(text: &str) -> Pieces {
    let mut lexer = Lexer::new(text);
    let mut pieces = Pieces { complete: Vec::new(), rest: None };
    let mut start = None;
    loop {
        let token = lexer.next_token();
        let first = *start.get_or_insert(token.span.start);
        let span = Span { start: first, end: token.span.end };
        match token.kind {
            TokenKind::Symbol(Symbol::Semicolon) => {
                pieces.complete.push(span);
                start = None;
            }
            TokenKind::Unclosed(unclosed) => {
                pieces.rest = Some(Rest { span, unclosed: Some(unclosed) });
                return pieces;
            }
            TokenKind::End => {
                let empty = first == token.span.start;
                let span = Span { start: first, end: text.trim_end().len().max(first) };
                pieces.rest = (!empty).then_some(Rest { span, unclosed: None });
                return pieces;
            }
            _ => {}
        }
    }
}
