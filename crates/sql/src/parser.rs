//! Tokens in, [`ast`](crate::ast) out; or a [`ParseError`] that says what should have stood where.
//!
//! Recursive descent, one function per rule of the grammar, one file per part of it. A statement
//! ends with its semicolon, so a script is cut into statements first and each is parsed by itself:
//! memory and depth are bounded by the limits here, whatever the text.

mod complaint;
mod create;
mod expression;
mod literal;
mod names;
mod query;
mod script;
mod show;
mod statement;
mod tokens;
mod types;

use crate::ast::{ColumnDefinition, Explain, Expr, ParsedStatement, Span, Statement, TypeName};
use crate::error::{ParseError, Problem};
use crate::lexer::{Lexer, Symbol, Token, TokenKind};
use crate::variables::Variables;

pub use script::{Pieces, split_statements};

/// The longest statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 1 << 20;

/// The largest height of an expression's tree, so that functions may walk it by recursion:
/// `1 + 1 + 1` has height 3.
pub const HEIGHT_MAX: usize = 128;

/// How deep parentheses, types and EXPLAIN may be nested in a text. What is accepted once must be
/// accepted again when it is written back with all its parentheses, at most two for a level.
pub const NESTING_MAX: usize = 2 * HEIGHT_MAX;

/// All statements of a script, in order.
///
/// ```
/// use sql::parser::parse_script;
///
/// let statements = parse_script("CREATE STREAM s (a INT); SELECT * FROM s;").unwrap();
/// assert_eq!(statements.len(), 2);
/// assert_eq!(statements[1].text, "SELECT * FROM s;");
/// ```
pub fn parse_script(text: &str) -> Result<Vec<ParsedStatement>, ParseError> {
    parse_statements(text, Dialect::Server)
}

/// The same with the statements that only test scripts and the shell know: ASSERT VALUES, ASSERT
/// NULL VALUES, ASSERT STREAM, ASSERT TABLE, RUN SCRIPT.
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
        assert_eq!(explained(&again[0].statement), explained(&statement.statement), "{written}");
    }
}

/// What EXPLAIN explains, which is all that counts: its text differs in blanks.
fn explained(mut statement: &Statement) -> &Statement {
    while let Statement::Explain(Explain::Statement(inner)) = statement {
        statement = &inner.statement;
    }
    statement
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
    /// The first literal that is well-formed but no value: told only if there is no error of
    /// syntax.
    bad_literal: Option<Box<ParseError>>,
    /// How deep the rules are nested just now.
    depth: usize,
    /// What was looked for at the current token, in vain.
    expected: Vec<&'static str>,
}

/// Errors are boxed within the parser, for the stack's sake.
type Parsed<T> = Result<T, Box<ParseError>>;

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
                return Err(Box::new(ParseError::new(problem, text, span, "")));
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
    fn whole<T>(
        text: &'a str,
        parse: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Result<T, ParseError> {
        let mut parser = Self::next_statement(text, &mut Lexer::new(text), Dialect::Server)?;
        let parsed = parse(&mut parser)?;
        match parser.peek().kind {
            TokenKind::End => parser.bad_literal.map_or(Ok(parsed), |error| Err(*error)),
            _ => Err(*parser.unexpected(&["the end"])),
        }
    }
}

#[cfg(test)]
mod tests;
