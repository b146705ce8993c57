//! Why a text is not a statement, and where: in words for the person who wrote it.
//!
//! A [`ParseError`] knows its place; `Display` tells line and column, what was found and what could
//! have stood there, then shows the line with a caret under the place. [`caret`] does the latter
//! for the errors of analysis, too.

mod suggest;

use std::borrow::Cow;
use std::fmt;

use crate::ast::Span;
pub use suggest::nearest;

/// A text that is not a script of the language.
#[derive(Clone, Debug, PartialEq)]
pub struct ParseError {
    /// What is wrong.
    pub problem: Problem,
    /// Where, in the text that was parsed.
    pub span: Span,
    /// The same, for people.
    pub place: Box<Place>,
    /// The statement it is in, as far as it goes.
    pub statement: String,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Something else should stand here.
    #[error("{}", unexpected(found, expected, hint.as_deref()))]
    Unexpected {
        /// What stands there, as it is written; empty at the end of the text.
        found: String,
        /// What could stand there: words, signs, or descriptions such as `a name`.
        expected: Vec<String>,
        /// Advice, a whole clause.
        hint: Option<String>,
    },
    /// No statement begins so.
    #[error("{}", unknown_statement(found, nearest.as_deref()))]
    UnknownStatement {
        /// How it begins.
        found: String,
        /// The word it may have been meant to be.
        nearest: Option<String>,
    },
    /// A text in quotes without its second quote.
    #[error("this text is never closed: a ' is missing")]
    UnclosedText,
    /// A name in quotes without its second quote.
    #[error("this name is never closed: a second {0} is missing")]
    UnclosedName(char),
    /// `/*` without `*/`.
    #[error("this comment is never closed: a */ is missing")]
    UnclosedComment,
    /// `${name}` that nobody defined.
    #[error("the variable {0} is not defined")]
    UndefinedVariable(String),
    /// `${name}` where nobody defined any variable, so that it is read as it stands.
    #[error("the variable {0} is not defined")]
    NotSubstituted(String),
    /// A variable where only a word or sign can stand.
    #[error("a variable may stand for a name or a literal, not here")]
    MisplacedVariable,
    /// A variable with a value that cannot stand in its place.
    #[error("the variable ${{{name}}} is {value:?}, which is not {wanted}")]
    VariableValue {
        /// The variable.
        name: String,
        /// What it stands for.
        value: String,
        /// What can stand there.
        wanted: &'static str,
    },
    /// A whole number that fits no type.
    #[error(
        "the number {0} is too large for BIGINT; write it with a point for DECIMAL, \
         or with an exponent for DOUBLE"
    )]
    NumberTooLarge(String),
    /// A number beyond what a DOUBLE can hold.
    #[error("the number {0} is too large for DOUBLE")]
    DoubleTooLarge(String),
    /// A DECIMAL literal with too many digits.
    #[error("the number {0} has too many digits")]
    TooManyDigits(String),
    /// Something other than a whole number from 0 up.
    #[error("{what} must be a whole number from 0 to {max}, not {found}")]
    NotACount {
        /// What it is for: `LIMIT`.
        what: &'static str,
        /// The largest.
        max: i64,
        /// What was written.
        found: String,
    },
    /// DECIMAL(4, 5) and the like.
    #[error("DECIMAL({precision}, {scale}) is no type: {why}")]
    DecimalType {
        /// Digits in all.
        precision: String,
        /// Digits behind the point.
        scale: String,
        /// What should hold.
        why: &'static str,
    },
    /// `X'ff'`: ksqlDB has literals with a prefix in its grammar, but none in its types.
    #[error("{0} '…' is no literal; to make a text another type, write CAST('…' AS type)")]
    PrefixedText(String),
    /// ESCAPE takes one character.
    #[error("ESCAPE takes a single character, not '{0}'")]
    Escape(String),
    /// A name of a stream or table with a character that is not allowed.
    #[error("a name of a stream or table may hold only letters, digits, '_' and '-', not {0}")]
    SourceName(String),
    /// The same name twice where each may stand once.
    #[error("{0} is given twice")]
    Twice(String),
    /// Too deep.
    #[error("this is nested too deeply: at most {0} levels are allowed")]
    TooDeep(usize),
    /// Too long.
    #[error("the statement is longer than {0} bytes")]
    TooLong(usize),
    /// Too long with the values of variables.
    #[error("with the values of its variables this is longer than {0} bytes")]
    FilledTooLong(usize),
}

/// Where something stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The whole line.
    pub text: String,
    /// How many characters of the line are meant, at least 1.
    pub width: usize,
}

impl Place {
    /// The place of `span` in `text`. Spans beyond the text are moved to its end.
    pub fn of(text: &str, span: Span) -> Self {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            text: text[line_start..line_end].trim_end_matches('\r').to_owned(),
            width: text[start..end.min(line_end)].chars().count().max(1),
        }
    }
}

impl fmt::Display for Place {
    /// The line, and under it a caret. Long lines are shown around the place only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 100;
        let skip = if self.column > SHOWN { self.column - SHOWN / 2 } else { 0 };
        let shown: String = self.text.chars().skip(skip).take(SHOWN).collect();
        let before = self.column - 1 - skip;
        // Tabs stay tabs, so that the caret lines up however wide they are.
        let blanks: String =
            shown.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let padding = " ".repeat(before.saturating_sub(blanks.chars().count()));
        let width = self.width.min(SHOWN - before.min(SHOWN - 1)).max(1);
        write!(f, "  {shown}\n  {blanks}{padding}{}", "^".repeat(width))
    }
}

/// The line of `text` in which `span` starts, and under it carets below the span.
pub fn caret(text: &str, span: Span) -> String {
    Place::of(text, span).to_string()
}

impl ParseError {
    /// The error of this problem at this place of `text`.
    pub(crate) fn new(problem: Problem, text: &str, span: Span, statement: &str) -> Self {
        Self {
            problem,
            span,
            place: Box::new(Place::of(text, span)),
            statement: statement.to_owned(),
        }
    }

    /// The same error in a longer text, in which the text that was parsed starts at `offset`.
    pub(crate) fn within(mut self, text: &str, offset: usize) -> Self {
        self.span.start += offset;
        self.span.end += offset;
        self.place = Box::new(Place::of(text, self.span));
        self
    }

    /// The text that the server's answer calls `statementText`: for errors of syntax the line with
    /// the error, for a bad name the name, otherwise the statement.
    pub fn statement_text(&self) -> Cow<'_, str> {
        let text = match &self.problem {
            // A name in upper case, to the server.
            Problem::NotSubstituted(reference) => return reference.to_uppercase().into(),
            Problem::SourceName(name) => name,
            Problem::Unexpected { .. }
            | Problem::UnknownStatement { .. }
            | Problem::UnclosedText
            | Problem::UnclosedName(_)
            | Problem::UnclosedComment => &self.place.text,
            _ => &self.statement,
        };
        Cow::Borrowed(text)
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column, .. } = *self.place;
        write!(f, "line {line}:{column}: {}\n{}", self.problem, self.place)
    }
}

impl std::error::Error for ParseError {}

impl From<Box<ParseError>> for ParseError {
    fn from(boxed: Box<ParseError>) -> Self {
        *boxed
    }
}

fn unexpected(found: &str, expected: &[String], hint: Option<&str>) -> String {
    let found = match found {
        "" => "the text ends here".to_owned(),
        found => format!("found {}", shorten(found)),
    };
    let expected = match expected {
        // A long list hides the advice, which is the likely answer.
        [_, _, _, _, ..] if hint.is_some_and(|hint| hint.starts_with("did you mean")) => {
            String::new()
        }
        [] => String::new(),
        [one] => format!(", expected {one}"),
        [first @ .., last] => format!(", expected {} or {last}", first.join(", ")),
    };
    let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{found}{expected}{hint}")
}

fn unknown_statement(found: &str, nearest: Option<&str>) -> String {
    let found = shorten(found);
    match nearest {
        Some(word) => format!("no statement begins with {found}; did you mean {word}?"),
        None => format!(
            "no statement begins with {found}; try SELECT, CREATE, INSERT, DROP, SHOW or DESCRIBE"
        ),
    }
}

/// A token as it is shown: in one line, not too long.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    if line.len() == text.len() && line.chars().count() <= SHOWN {
        return line.to_owned();
    }
    format!("{}…", line.chars().take(SHOWN).collect::<String>())
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests;
