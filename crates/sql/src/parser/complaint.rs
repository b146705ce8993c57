//! What a person is told whose text does not parse: what could have stood there, and what was
//! meant.

use crate::ast::Span;
use crate::error::{ParseError, Problem, nearest};
use crate::lexer::{Symbol, TokenKind, Unclosed, words};

use super::Parser;

impl Parser<'_> {
    pub(super) fn error(&self, problem: Problem, span: Span) -> Box<ParseError> {
        let start = self.tokens[0].span.start;
        let end = self.tokens[self.tokens.len() - 1].span.end;
        Box::new(ParseError::new(problem, self.text, span, &self.text[start..end]))
    }

    /// The current token cannot stand here; `described` could have, or what was looked for in vain.
    pub(super) fn unexpected(&self, described: &[&str]) -> Box<ParseError> {
        let token = self.peek();
        let found = self.token_text(token);
        let problem = match token.kind {
            TokenKind::Unclosed(Unclosed::Text) => Problem::UnclosedText,
            TokenKind::Unclosed(Unclosed::Comment) => Problem::UnclosedComment,
            TokenKind::Unclosed(Unclosed::Name) => {
                Problem::UnclosedName(found.chars().next().unwrap_or('`'))
            }
            TokenKind::Variable if self.variables.is_some() => Problem::MisplacedVariable,
            TokenKind::Variable => Problem::NotSubstituted(found.to_owned()),
            kind => {
                let mut expected: Vec<&str> = described.to_vec();
                expected.extend(self.expected.iter().filter(|word| !described.contains(word)));
                let hint = self.hint(kind, found, &expected);
                let expected = expected.into_iter().map(quote_sign).collect();
                Problem::Unexpected { found: quote_sign(found), expected, hint }
            }
        };
        self.error(problem, token.span)
    }

    /// As [`Self::unexpected`], with advice of one's own.
    pub(super) fn unexpected_with_hint(&self, advice: &str) -> Box<ParseError> {
        let mut error = self.unexpected(&[";"]);
        if let Problem::Unexpected { hint, .. } = &mut error.problem {
            *hint = Some(advice.to_owned());
        }
        error
    }

    /// What may help someone who wrote `found` where one of `expected` belongs.
    fn hint(&self, kind: TokenKind, found: &str, expected: &[&str]) -> Option<String> {
        let reserved = kind == TokenKind::Word && words::is_reserved(found);
        let previous = self.tokens[self.at.saturating_sub(1)];
        let behind_comma = self.at > 0 && previous.kind == TokenKind::Symbol(Symbol::Comma);
        if behind_comma && (reserved || matches!(kind, TokenKind::Symbol(_) | TokenKind::End)) {
            return Some("the comma before it is one too many".to_owned());
        }
        if kind != TokenKind::Word {
            return None;
        }
        let keywords = || expected.iter().copied().filter(|word| is_keyword(word));
        if let Some(word) = nearest(found, keywords()) {
            return Some(format!("did you mean {word}?"));
        }
        let before = self.token_text(previous);
        if self.at > 0 && previous.kind == TokenKind::Word && !words::is_reserved(before) {
            // `FROM x WHER a`: the slip was taken as an alias.
            if let Some(word) = nearest(before, keywords()) {
                return Some(format!("did you mean {word} instead of {before}?"));
            }
        }
        let upper = found.to_ascii_uppercase();
        if ["MONTH", "MONTHS", "YEAR", "YEARS", "WEEK", "WEEKS"].contains(&upper.as_str()) {
            let units = "units of time are DAYS, HOURS, MINUTES, SECONDS and MILLISECONDS";
            return Some(units.to_owned());
        }
        let wanted = |what: &&str| what.contains("name") || what.contains("expression");
        (reserved && expected.iter().any(wanted)).then(|| {
            format!("{upper} is a word of the language; to use it as a name, write `{upper}`")
        })
    }
}

/// Is this expectation a keyword, not a sign or a description?
fn is_keyword(expected: &str) -> bool {
    expected.len() > 1 && expected.bytes().all(|b| b.is_ascii_uppercase())
}

/// Signs are shown in quotes, so that `','` can be told from the sentence's own commas.
pub(super) fn quote_sign(text: &str) -> String {
    let sign = !text.is_empty() && text.bytes().all(|b| b.is_ascii_punctuation());
    if sign { format!("'{text}'") } else { text.to_owned() }
}
