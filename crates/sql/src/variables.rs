//! Variables: `${name}` in a statement stands for a text that was defined before.
//!
//! A statement's text goes in, the text with the values in their places comes out, to be parsed as
//! usual. A variable may stand for a name or a literal, and may occur inside a text in single
//! quotes; it never becomes a word of the language or more than one token, so a value cannot change
//! what a statement does.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::ast::{ParsedStatement, Span, Statement};
use crate::error::{ParseError, Problem};
use crate::lexer::{self, Lexer, Token, TokenKind, words};
use crate::parser;

/// Defined variables. Their names are told apart regardless of case, and listed as they were
/// written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, (String, String)>);

impl Variables {
    /// DEFINE: gives `name` a value, a new one if it has one already.
    pub fn define(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let name = name.into();
        self.0.insert(name.to_lowercase(), (name, value.into()));
    }

    /// UNDEFINE; whether it was defined.
    pub fn undefine(&mut self, name: &str) -> bool {
        self.0.remove(&name.to_lowercase()).is_some()
    }

    /// What `name` stands for.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_lowercase()).map(|(_, value)| value.as_str())
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.values().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut variables = Self::default();
        pairs.into_iter().for_each(|(name, value)| variables.define(name, value));
        variables
    }
}

/// The text of a script with the values of its variables filled in.
///
/// Statements of the script that define variables do not count: substitute one statement after the
/// other. Where none is defined the text is left as it is, and the parser refuses variables. Inside
/// single quotes an unknown variable stays as it is, and `$${name}` is `${name}`.
///
/// ```
/// use sql::variables::{Variables, substitute};
///
/// let variables = Variables::from_iter([("topic", "cars"), ("n", "4")]);
/// let text = substitute("PRINT '${topic}' LIMIT 2;", &variables).unwrap();
/// assert_eq!(text, "PRINT 'cars' LIMIT 2;");
/// ```
pub fn substitute<'a>(text: &'a str, variables: &Variables) -> Result<Cow<'a, str>, ParseError> {
    if variables.0.is_empty() || !text.contains("${") {
        return Ok(Cow::Borrowed(text));
    }
    let filled = text.len().saturating_add(added(text, variables));
    if filled > FILLED_BYTES_MAX.max(text.len()) {
        return Err(too_long(text));
    }
    let mut values = parser::find_variables(text, variables)?;
    let mut lexer = Lexer::new(text);
    loop {
        let token = lexer.next_token();
        let written = &text[token.span.start..token.span.end];
        match token.kind {
            TokenKind::End | TokenKind::Unclosed(_) => break,
            TokenKind::Text if written.contains("${") => {
                values.push((token.span, fill(written, variables)));
            }
            _ => {}
        }
    }
    values.sort_by_key(|(span, _)| span.start);
    let mut filled = String::with_capacity(text.len());
    let mut at = 0;
    for (span, value) in values {
        filled.push_str(&text[at..span.start]);
        filled.push_str(&value);
        at = span.end;
    }
    filled.push_str(&text[at..]);
    Ok(Cow::Owned(filled))
}

/// The most bytes of a text with the values of its variables filled in: a few references to a long
/// value would make any length of it.
const FILLED_BYTES_MAX: usize = 4 * parser::STATEMENT_BYTES_MAX;

fn too_long(text: &str) -> ParseError {
    let problem = Problem::FilledTooLong(FILLED_BYTES_MAX);
    ParseError::new(problem, text, Span { start: 0, end: text.len().min(1) }, "")
}

/// How many bytes the values of all variables in a text have at most, with their quotes doubled.
fn added(text: &str, variables: &Variables) -> usize {
    let references = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
    let values = references.filter_map(|(name, _)| variables.get(name));
    values.map(|value| value.len() + value.matches('\'').count()).fold(0, usize::saturating_add)
}

/// All statements of a script in which DEFINE and UNDEFINE hold for what follows them. Places in
/// errors, spans and texts are those of the script with values filled in.
///
/// `variables` are those defined before; whoever runs the statements defines the others again.
pub fn parse_script(text: &str, variables: &Variables) -> Result<Vec<ParsedStatement>, ParseError> {
    if !text.contains("${") {
        return parser::parse_script(text);
    }
    let mut variables = variables.clone();
    let mut statements: Vec<ParsedStatement> = Vec::new();
    let mut filled = String::new();
    let mut at = 0;
    let pieces = parser::split_statements(text);
    for span in pieces.complete.into_iter().chain(pieces.rest.map(|rest| rest.span)) {
        filled.push_str(&text[at..span.start]);
        let moved = |error: ParseError, piece: &str, behind: usize| {
            error.within(&format!("{filled}{piece}{}", &text[behind..]), filled.len())
        };
        let written = &text[span.start..span.end];
        let piece = substitute(written, &variables).map_err(|e| moved(e, written, span.end))?;
        if filled.len() + piece.len() > FILLED_BYTES_MAX.max(text.len()) {
            return Err(too_long(text));
        }
        let parsed = parser::parse_script(&piece).map_err(|e| moved(e, &piece, span.end))?;
        for mut parsed in parsed {
            match &parsed.statement {
                Statement::Define { name, value } => variables.define(name, value),
                Statement::Undefine { name } => {
                    variables.undefine(name);
                }
                _ => {}
            }
            parsed.span.start += filled.len();
            parsed.span.end += filled.len();
            statements.push(parsed);
        }
        filled.push_str(&piece);
        at = span.end;
    }
    Ok(statements)
}

/// The value of the variable that stands at `token` in place of a name.
pub(crate) fn name_value(
    text: &str,
    token: Token,
    variables: &Variables,
) -> Result<String, Problem> {
    let (name, value) = lookup(text, token, variables)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if !value.is_empty() && value.bytes().all(plain) && !words::is_reserved(value) {
        return Ok(value.to_owned());
    }
    Err(Problem::VariableValue { name, value: value.to_owned(), wanted: "a name" })
}

/// The value of the variable that stands at `token` in place of a literal or a column.
pub(crate) fn literal_value(
    text: &str,
    token: Token,
    variables: &Variables,
) -> Result<String, Problem> {
    let (name, value) = lookup(text, token, variables)?;
    let unsigned = value.strip_prefix('-');
    let mut lexer = Lexer::new(unsigned.unwrap_or(value));
    let (first, second) = (lexer.next_token(), lexer.next_token());
    let first_text = &unsigned.unwrap_or(value)[first.span.start..first.span.end];
    let fits = match first.kind {
        TokenKind::Integer | TokenKind::Decimal | TokenKind::Double => true,
        TokenKind::Word => {
            let literal = ["TRUE", "FALSE", "NULL"];
            let literal = literal.iter().any(|word| first_text.eq_ignore_ascii_case(word));
            unsigned.is_none() && (literal || !words::is_reserved(first_text))
        }
        TokenKind::Text | TokenKind::DigitWord | TokenKind::QuotedName => unsigned.is_none(),
        _ => false,
    };
    if fits && second.kind == TokenKind::End {
        return Ok(value.to_owned());
    }
    Err(Problem::VariableValue { name, value: value.to_owned(), wanted: "a name or a literal" })
}

fn lookup<'a>(
    text: &str,
    token: Token,
    variables: &'a Variables,
) -> Result<(String, &'a str), Problem> {
    let reference = &text[token.span.start..token.span.end];
    let name = &reference[2..reference.len() - 1];
    match variables.get(name) {
        Some(value) => Ok((name.to_owned(), value)),
        None => Err(Problem::UndefinedVariable(reference.to_owned())),
    }
}

/// The variables inside a text in single quotes; values get their quotes doubled.
fn fill(quoted: &str, variables: &Variables) -> String {
    let mut filled = String::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some(at) = rest.find("${") {
        let escaped = rest[..at].ends_with('$');
        let reference = rest[at + 2..].split_once('}');
        let name = reference.map(|(name, _)| name).filter(|name| lexer::is_variable_name(name));
        let Some(name) = name else {
            filled.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
            continue;
        };
        let end = at + name.len() + 3;
        match variables.get(name) {
            _ if escaped => {
                filled.push_str(&rest[..at - 1]);
                filled.push_str(&rest[at..end]);
            }
            Some(value) => {
                filled.push_str(&rest[..at]);
                filled.push_str(&value.replace('\'', "''"));
            }
            None => filled.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests;
