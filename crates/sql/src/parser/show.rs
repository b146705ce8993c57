//! SHOW, LIST, DESCRIBE, EXPLAIN, PRINT: the statements that only look.

use crate::ast::{ConnectorKind, Describe, Explain, ParsedStatement, Show, Statement};
use crate::error::Problem;
use crate::lexer::{Symbol, TokenKind};

use super::{Parsed, Parser};

/// How often EXPLAIN may explain an EXPLAIN.
const EXPLAINS_MAX: usize = 4;

impl Parser<'_> {
    /// Behind SHOW or LIST.
    pub(super) fn show(&mut self) -> Parsed<Statement> {
        let show = if self.eat_word("STREAMS") {
            Show::Streams { extended: self.eat_word("EXTENDED"), describe: false }
        } else if self.eat_word("TABLES") {
            Show::Tables { extended: self.eat_word("EXTENDED"), describe: false }
        } else if self.eat_word("TOPICS") {
            Show::Topics { all: false, extended: self.eat_word("EXTENDED") }
        } else if self.eat_word("ALL") {
            self.expect_word("TOPICS")?;
            Show::Topics { all: true, extended: self.eat_word("EXTENDED") }
        } else if self.eat_word("QUERIES") {
            Show::Queries { extended: self.eat_word("EXTENDED") }
        } else if self.eat_word("FUNCTIONS") {
            Show::Functions
        } else if self.eat_word("TYPES") {
            Show::Types
        } else if self.eat_word("VARIABLES") {
            Show::Variables
        } else if self.eat_word("PROPERTIES") {
            Show::Properties
        } else if self.eat_word("CONNECTORS") {
            Show::Connectors(None)
        } else if self.eat_words(&["SOURCE", "CONNECTORS"])? {
            Show::Connectors(Some(ConnectorKind::Source))
        } else if self.eat_words(&["SINK", "CONNECTORS"])? {
            Show::Connectors(Some(ConnectorKind::Sink))
        } else if self.eat_words(&["CONNECTOR", "PLUGINS"])? {
            Show::ConnectorPlugins
        } else {
            return Err(self.unexpected(&[]));
        };
        Ok(Statement::Show(show))
    }

    /// Behind DESCRIBE.
    pub(super) fn describe(&mut self) -> Parsed<Statement> {
        if self.eat_word("STREAMS") {
            let extended = self.eat_word("EXTENDED");
            return Ok(Statement::Show(Show::Streams { extended, describe: true }));
        }
        if self.eat_word("TABLES") {
            let extended = self.eat_word("EXTENDED");
            return Ok(Statement::Show(Show::Tables { extended, describe: true }));
        }
        if self.is_word("FUNCTION") && self.is_name_at(1) {
            self.advance();
            let name = self.name_called("the name of a function")?.to_uppercase();
            return Ok(Statement::Describe(Describe::Function(name)));
        }
        if self.eat_word("CONNECTOR") {
            let name = self.name_called("the name of a connector")?;
            return Ok(Statement::Describe(Describe::Connector(name)));
        }
        let name = self.source_name()?;
        let extended = self.eat_word("EXTENDED");
        Ok(Statement::Describe(Describe::Source { name, extended }))
    }

    /// Behind EXPLAIN: a query's id, or any statement.
    pub(super) fn explain(&mut self) -> Parsed<Statement> {
        let ends = |kind| matches!(kind, TokenKind::Symbol(Symbol::Semicolon) | TokenKind::End);
        if self.is_name_at(0) && ends(self.peek_at(1).kind) {
            return Ok(Statement::Explain(Explain::Query(self.name_as_written()?)));
        }
        let start = self.peek();
        // Nothing else is nested here: a statement is not part of an expression.
        if self.depth >= EXPLAINS_MAX {
            return Err(self.error(Problem::TooDeep(EXPLAINS_MAX), start.span));
        }
        let statement = self.nested(|parser| parser.statement())?;
        let mut span = self.span_from(start);
        let mut text = self.text[span.start..span.end].to_owned();
        if self.is_symbol_at(0, Symbol::Semicolon) {
            span.end = self.peek().span.end;
            text = self.text[span.start..span.end].to_owned();
        }
        let statement = Box::new(ParsedStatement { statement, text, span });
        Ok(Statement::Explain(Explain::Statement(statement)))
    }

    /// Behind PRINT.
    pub(super) fn print(&mut self) -> Parsed<Statement> {
        let topic = self.resource_name()?;
        let from_beginning = self.eat_words(&["FROM", "BEGINNING"])?;
        let interval = match self.limit("INTERVAL")? {
            Some(interval) => Some(interval),
            None => self.limit("SAMPLE")?,
        };
        let limit = self.limit("LIMIT")?;
        Ok(Statement::Print { topic, from_beginning, interval, limit })
    }
}
