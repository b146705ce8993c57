//! Tokens in, [`ast`](crate::ast) out; or a [`ParseError`] that says what should have stood where.
//!
//! Recursive descent, one function per rule of the grammar, one file per part of it. A statement ends
//! with its semicolon, so a script is cut into statements first and each is parsed by itself: memory
//! and depth are bounded by the limits here, whatever the text.

mod create;
mod expression;
mod literal;
mod names;
mod query;
mod script;
mod show;
mod statement;
mod types;

use crate::ast::{ColumnDefinition, Expr, ParsedStatement, Span, TypeName};
use crate::error::{ParseError, Problem, nearest};
use crate::lexer::{Lexer, Symbol, Token, TokenKind, Unclosed, words};
use crate::variables::{self, Variables};

pub use script::{Pieces, split_statements};

/// The longest statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// How deep parentheses, types and EXPLAIN may be nested in a text.
pub const NESTING_MAX: usize = 100;

/// The largest height of an expression's tree; `1 + 1 + 1` has height 3. Larger than
/// [`NESTING_MAX`], because chains of AND and OR are written by programs, but small enough for
/// functions that walk the tree by recursion.
pub const HEIGHT_MAX: usize = 500;

/// All statements of a script, in order.
///
/// ```
/// let statements = sql::parser::parse_script("CREATE STREAM s (a INT); SELECT * FROM s;").unwrap();
/// assert_eq!(statements.len(), 2);
/// assert_eq!(statements[1].text, "SELECT * FROM s;");
/// ```
pub fn parse_script(text: &str) -> Result<Vec<ParsedStatement>, ParseError> {
    parse_statements(text, Dialect::Server)
}

/// The same with the statements that only test scripts and the shell know: ASSERT VALUES, ASSERT NULL
/// VALUES, ASSERT STREAM, ASSERT TABLE, RUN SCRIPT.
pub fn parse_test_script(text: &str) -> Result<Vec<ParsedStatement>, ParseError> {
    parse_statements(text, Dialect::Test)
}

fn parse_statements(text: &str, dialect: Dialect) -> Result<Vec<ParsedStatement>, ParseError> {
    let mut lexer = Lexer::new(text);
    let mut statements = Vec::new();
    loop {
        let mut parser = Parser::next_statement(text, &mut lexer, dialect)?;
        if parser.peek().kind == TokenKind::End {
            return Ok(statements);
        }
        statements.push(parser.parsed_statement()?);
    }
}

/// The variables that stand in place of a name or a literal, each with its value.
pub(crate) fn find_variables(
    text: &str,
    variables: &Variables,
) -> Result<Vec<(Span, String)>, ParseError> {
    let mut lexer = Lexer::new(text);
    let mut values = Vec::new();
    loop {
        let mut parser = Parser::next_statement(text, &mut lexer, Dialect::Test)?;
        if parser.peek().kind == TokenKind::End {
            return Ok(values);
        }
        parser.variables = Some(variables);
        parser.parsed_statement()?;
        values.append(&mut parser.values);
    }
}

/// Which statements there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// What a server takes.
    Server,
    /// That and more.
    Test,
}

/// A single expression.
pub fn parse_expression(text: &str) -> Result<Expr, ParseError> {
    Parser::whole(text, |parser| parser.expression())
}

/// A single type, such as `ARRAY<STRUCT<A INT>>`.
pub fn parse_type(text: &str) -> Result<TypeName, ParseError> {
    Parser::whole(text, |parser| parser.type_name())
}

/// The columns of a source without the parentheses around them: `ID INT KEY, NAME STRING`.
pub fn parse_schema(text: &str) -> Result<Vec<ColumnDefinition>, ParseError> {
    Parser::whole(text, |parser| match parser.peek().kind {
        TokenKind::End => Ok(Vec::new()),
        _ => parser.comma_list(|parser| parser.column_definition()),
    })
}

/// Parses whatever bytes it is given; for fuzzing. Must not panic, loop or overflow the stack, and
/// what it accepts must be written back to a text with the same meaning.
pub fn fuzz_sql(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    split_statements(&text);
    for statement in parse_test_script(&text).unwrap_or_default() {
        let written = crate::text::format_statement(&statement.statement);
        let again = parse_test_script(&written).unwrap_or_else(|e| panic!("{written}\n{e}"));
        assert_eq!(again[0].statement, statement.statement, "{written}");
    }
}

/// The tokens of one statement, and how far they are read.
struct Parser<'a> {
    /// The whole script: spans count from its start.
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    dialect: Dialect,
    /// Set while variables are looked for.
    variables: Option<&'a Variables>,
    /// The variables found, with what is to stand in their place.
    values: Vec<(Span, String)>,
    /// The first literal that is well-formed but no value: told only if there is no error of syntax.
    bad_literal: Option<ParseError>,
    /// How deep the rules are nested just now.
    depth: usize,
    /// What was looked for at the current token, in vain.
    expected: Vec<&'static str>,
}

type Parsed<T> = Result<T, ParseError>;

impl<'a> Parser<'a> {
    /// The tokens up to the next semicolon, or to the end of the script.
    fn next_statement(text: &'a str, lexer: &mut Lexer<'a>, dialect: Dialect) -> Parsed<Self> {
        let mut tokens = vec![lexer.next_token()];
        let start = tokens[0].span.start;
        loop {
            let last = tokens[tokens.len() - 1];
            if last.span.end - start > STATEMENT_BYTES_MAX {
                let span = Span { start, end: start + 1 };
                let problem = Problem::TooLong(STATEMENT_BYTES_MAX);
                return Err(ParseError::new(problem, text, span, ""));
            }
            match last.kind {
                TokenKind::End | TokenKind::Unclosed(_) => break,
                TokenKind::Symbol(Symbol::Semicolon) => {
                    let end = last.span.end;
                    tokens.push(Token { kind: TokenKind::End, span: Span { start: end, end } });
                    break;
                }
                _ => tokens.push(lexer.next_token()),
            }
        }
        Ok(Self {
            text,
            tokens,
            at: 0,
            dialect,
            variables: None,
            values: Vec::new(),
            bad_literal: None,
            depth: 0,
            expected: Vec::new(),
        })
    }

    /// Parses `text` as one thing, with nothing behind it.
    fn whole<T>(text: &'a str, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let mut parser = Self::next_statement(text, &mut Lexer::new(text), Dialect::Server)?;
        let parsed = parse(&mut parser)?;
        match parser.peek().kind {
            TokenKind::End => parser.bad_literal.map_or(Ok(parsed), Err),
            _ => Err(parser.unexpected(&["the end"])),
        }
    }

    fn peek(&self) -> Token {
        self.peek_at(0)
    }

    /// The token so many behind the current one.
    fn peek_at(&self, ahead: usize) -> Token {
        self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    /// Takes the current token.
    fn advance(&mut self) -> Token {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        self.expected.clear();
        token
    }

    fn token_text(&self, token: Token) -> &'a str {
        &self.text[token.span.start..token.span.end]
    }

    /// From the start of `start` to the end of what was read last.
    fn span_from(&self, start: Token) -> Span {
        let end = self.tokens[self.at.saturating_sub(1)].span.end;
        Span { start: start.span.start, end: end.max(start.span.start) }
    }

    fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        let token = self.peek_at(ahead);
        token.kind == TokenKind::Word && self.token_text(token).eq_ignore_ascii_case(word)
    }

    fn is_symbol_at(&self, ahead: usize, symbol: Symbol) -> bool {
        self.peek_at(ahead).kind == TokenKind::Symbol(symbol)
    }

    /// Is the current token this word?
    fn is_word(&mut self, word: &'static str) -> bool {
        let found = self.is_word_at(0, word);
        if !found {
            self.note_expected(word);
        }
        found
    }

    /// Takes this word, if it stands here.
    fn eat_word(&mut self, word: &'static str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// Takes all of these words, or none.
    fn eat_words(&mut self, words: &[&'static str]) -> Parsed<bool> {
        if !self.eat_word(words[0]) {
            return Ok(false);
        }
        words[1..].iter().try_for_each(|word| self.expect_word(word))?;
        Ok(true)
    }

    fn expect_word(&mut self, word: &'static str) -> Parsed<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.unexpected(&[])) }
    }

    fn eat_symbol(&mut self, symbol: Symbol) -> bool {
        let found = self.is_symbol_at(0, symbol);
        if found {
            self.advance();
        } else {
            self.note_expected(symbol.as_str());
        }
        found
    }

    fn expect_symbol(&mut self, symbol: Symbol) -> Parsed<()> {
        if self.eat_symbol(symbol) { Ok(()) } else { Err(self.unexpected(&[])) }
    }

    fn note_expected(&mut self, what: &'static str) {
        if !self.expected.contains(&what) {
            self.expected.push(what);
        }
    }

    /// `item, item, …`
    fn comma_list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat_symbol(Symbol::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `(item, item, …)`, at least one.
    fn parenthesized<T>(&mut self, item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect_symbol(Symbol::Open)?;
        let items = self.comma_list(item)?;
        self.expect_symbol(Symbol::Close)?;
        Ok(items)
    }

    /// Runs a rule that may contain itself.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= NESTING_MAX {
            return Err(self.error(Problem::TooDeep(NESTING_MAX), self.peek().span));
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }

    /// Notes what is to stand in place of the variable at the current token, and takes it.
    fn take_variable(&mut self, variables: &Variables, literal: bool) -> Parsed<()> {
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

    fn error(&self, problem: Problem, span: Span) -> ParseError {
        let start = self.tokens[0].span.start;
        let end = self.tokens[self.tokens.len() - 1].span.end;
        ParseError::new(problem, self.text, span, &self.text[start..end])
    }

    /// The current token cannot stand here; `described` could have, or what was looked for in vain.
    fn unexpected(&self, described: &[&str]) -> ParseError {
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
                Problem::Unexpected { found: found.to_owned(), expected, hint }
            }
        };
        self.error(problem, token.span)
    }

    /// What may help someone who wrote `found` where one of `expected` belongs.
    fn hint(&self, kind: TokenKind, found: &str, expected: &[&str]) -> Option<String> {
        if kind != TokenKind::Word {
            let previous = self.tokens[self.at.saturating_sub(1)];
            let after_comma = self.at > 0 && previous.kind == TokenKind::Symbol(Symbol::Comma);
            return after_comma.then(|| "the comma before it is one too many".to_owned());
        }
        let keywords = expected.iter().copied().filter(|word| is_keyword(word));
        if let Some(word) = nearest(found, keywords) {
            return Some(format!("did you mean {word}?"));
        }
        let upper = found.to_ascii_uppercase();
        let name_expected =
            expected.iter().any(|what| what.contains("name") || what.contains("expression"));
        (name_expected && words::is_reserved(found)).then(|| {
            format!("{upper} is a word of the language; to use it as a name, write `{upper}`")
        })
    }
}

/// Is this expectation a keyword, not a sign or a description?
fn is_keyword(expected: &str) -> bool {
    expected.len() > 1 && expected.bytes().all(|b| b.is_ascii_uppercase())
}

/// Signs are shown in quotes, so that `','` can be told from the sentence's own commas.
fn quote_sign(expected: &str) -> String {
    let sign = expected.bytes().all(|b| b.is_ascii_punctuation());
    if sign { format!("'{expected}'") } else { expected.to_owned() }
}

#[cfg(test)]
mod tests;
