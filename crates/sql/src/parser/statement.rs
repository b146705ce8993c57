//! One statement: its first word decides which.

use crate::ast::{CreateSource, ParsedStatement, QueryRef, SourceKind, Statement};
use crate::error::{ParseError, Problem, nearest};
use crate::lexer::{Symbol, TokenKind, words};

use super::{Dialect, Parsed, Parser};

impl Parser<'_> {
    /// A statement with its semicolon.
    pub(super) fn parsed_statement(&mut self) -> Parsed<ParsedStatement> {
        let start = self.peek();
        let statement = self.statement()?;
        if !self.eat_symbol(Symbol::Semicolon) {
            return Err(self.unexpected(&[]));
        }
        let span = self.span_from(start);
        let text = self.text[span.start..span.end].to_owned();
        if let Some(mut error) = self.bad_literal.take() {
            error.statement = crate::text::format_masked(&statement).unwrap_or(text);
            return Err(error);
        }
        Ok(ParsedStatement { statement, text, span })
    }

    /// A statement without its semicolon.
    pub(super) fn statement(&mut self) -> Parsed<Statement> {
        let first = self.peek();
        let word = match first.kind {
            TokenKind::Word => self.token_text(first).to_ascii_uppercase(),
            _ => String::new(),
        };
        if word == "SELECT" {
            return self.query().map(Statement::Query);
        }
        let known = words::STATEMENTS.contains(&word.as_str());
        if !known || (word == "RUN" && self.dialect == Dialect::Server) {
            return Err(self.unknown_statement());
        }
        self.advance();
        match word.as_str() {
            "CREATE" => self.create(),
            "ALTER" => self.alter(),
            "DROP" => self.drop(),
            "INSERT" => self.insert(),
            "SHOW" | "LIST" => self.show(),
            "DESCRIBE" => self.describe(),
            "EXPLAIN" => self.explain(),
            "PRINT" => self.print(),
            "TERMINATE" => self.query_ref().map(Statement::Terminate),
            "PAUSE" => self.query_ref().map(Statement::Pause),
            "RESUME" => self.query_ref().map(Statement::Resume),
            "ASSERT" => self.assert(),
            "RUN" => {
                self.expect_word("SCRIPT")?;
                Ok(Statement::RunScript { path: self.quoted_text()? })
            }
            _ => self.session(&word),
        }
    }

    fn unknown_statement(&self) -> Box<ParseError> {
        let first = self.peek();
        if let TokenKind::Unclosed(_) | TokenKind::Variable = first.kind {
            return self.unexpected(&[]);
        }
        let found = super::complaint::quote_sign(self.token_text(first));
        let nearest = nearest(&found, words::STATEMENTS.iter().copied()).map(str::to_owned);
        self.error(Problem::UnknownStatement { found, nearest }, first.span)
    }

    /// SET, UNSET, DEFINE, UNDEFINE.
    fn session(&mut self, word: &str) -> Parsed<Statement> {
        match word {
            "SET" => {
                let property = self.quoted_text()?;
                self.expect_symbol(Symbol::Equal)?;
                Ok(Statement::Set { property, value: self.quoted_text()? })
            }
            "UNSET" => Ok(Statement::Unset { property: self.quoted_text()? }),
            "DEFINE" => {
                let name = self.variable_name()?;
                self.expect_symbol(Symbol::Equal)?;
                Ok(Statement::Define { name, value: self.quoted_text()? })
            }
            _ => Ok(Statement::Undefine { name: self.variable_name()? }),
        }
    }

    /// A variable may be called like a word of the language, but not in quotes.
    fn variable_name(&mut self) -> Parsed<String> {
        if self.peek().kind != TokenKind::Word {
            return Err(self.unexpected(&["the name of a variable"]));
        }
        let token = self.advance();
        Ok(self.token_text(token).to_owned())
    }

    /// `id` or `ALL`
    fn query_ref(&mut self) -> Parsed<QueryRef> {
        if self.eat_word("ALL") {
            return Ok(QueryRef::All);
        }
        match self.is_name_at(0) {
            true => Ok(QueryRef::Id(self.name_as_written()?)),
            false => Err(self.unexpected(&["the id of a query"])),
        }
    }

    /// Behind DROP.
    fn drop(&mut self) -> Parsed<Statement> {
        if self.eat_word("CONNECTOR") {
            let if_exists = self.if_exists()?;
            let name = self.name_called("the name of a connector")?;
            return Ok(Statement::DropConnector { if_exists, name });
        }
        if self.eat_word("TYPE") {
            let if_exists = self.if_exists()?;
            let name = self.name_called("the name of a type")?.to_uppercase();
            return Ok(Statement::DropType { if_exists, name });
        }
        let Some(kind) = self.source_kind() else { return Err(self.unexpected(&[])) };
        let if_exists = self.if_exists()?;
        let name = self.source_name()?;
        let delete_topic = self.eat_words(&["DELETE", "TOPIC"])?;
        Ok(Statement::DropSource { kind, if_exists, name, delete_topic })
    }

    /// Behind INSERT.
    fn insert(&mut self) -> Parsed<Statement> {
        self.expect_word("INTO")?;
        let target = self.source_name()?;
        if let Some(properties) = self.with(true)? {
            let query = self.query()?;
            return Ok(Statement::InsertSelect { target, properties, query });
        }
        let columns = self.column_names()?;
        if columns.is_empty() && self.is_word("SELECT") {
            let (properties, query) = (Default::default(), self.query()?);
            return Ok(Statement::InsertSelect { target, properties, query });
        }
        self.expect_word("VALUES")?;
        let values = self.row()?;
        if self.is_symbol_at(0, Symbol::Comma) {
            let hint = "each row takes an INSERT of its own";
            return Err(self.unexpected_with_hint(hint));
        }
        Ok(Statement::InsertValues { target, columns, values })
    }

    /// `(value, …)`
    fn row(&mut self) -> Parsed<Vec<crate::ast::Expr>> {
        if self.is_symbol_at(0, Symbol::Open) && self.is_symbol_at(1, Symbol::Close) {
            self.advance();
            self.advance();
            return Ok(Vec::new());
        }
        self.parenthesized(|parser| parser.value_expression())
    }

    /// Behind ASSERT.
    fn assert(&mut self) -> Parsed<Statement> {
        if self.dialect == Dialect::Test
            && let Some(statement) = self.assert_records()?
        {
            return Ok(statement);
        }
        let exists = !self.eat_words(&["NOT", "EXISTS"])?;
        if self.eat_word("TOPIC") {
            let topic = self.resource_name()?;
            let properties = self.with(true)?.unwrap_or_default();
            let timeout_ms = self.timeout()?;
            return Ok(Statement::AssertTopic { exists, topic, properties, timeout_ms });
        }
        self.expect_word("SCHEMA")?;
        let subject = match self.eat_word("SUBJECT") {
            true => Some(self.resource_name()?),
            false => None,
        };
        let id = match self.eat_word("ID") {
            true => Some(self.count("a schema's ID", i64::from(i32::MAX))?),
            false => None,
        };
        let timeout_ms = self.timeout()?;
        Ok(Statement::AssertSchema { exists, subject, id, timeout_ms })
    }

    /// The forms of ASSERT that only test scripts have, if one stands here.
    fn assert_records(&mut self) -> Parsed<Option<Statement>> {
        if self.eat_word("VALUES") {
            let target = self.source_name()?;
            let columns = self.column_names()?;
            self.expect_word("VALUES")?;
            let values = self.row()?;
            return Ok(Some(Statement::AssertValues { target, columns, values }));
        }
        if self.eat_words(&["NULL", "VALUES"])? {
            let target = self.source_name()?;
            let columns = self.column_names()?;
            self.expect_word("KEY")?;
            let values = self.row()?;
            return Ok(Some(Statement::AssertNullValues { target, columns, values }));
        }
        let Some(kind) = self.source_kind() else { return Ok(None) };
        self.assert_source(kind).map(|source| Some(Statement::AssertSource(source)))
    }

    fn assert_source(&mut self, kind: SourceKind) -> Parsed<CreateSource> {
        let name = self.source_name()?;
        let columns = match self.is_symbol_at(0, Symbol::Open) {
            true => self.parenthesized(|parser| parser.column_definition())?,
            false => Vec::new(),
        };
        let properties = self.with(true)?.unwrap_or_default();
        let (or_replace, read_only, if_not_exists) = (false, false, false);
        Ok(CreateSource { kind, or_replace, read_only, if_not_exists, name, columns, properties })
    }

    /// `TIMEOUT 10 SECONDS`, if it stands here.
    fn timeout(&mut self) -> Parsed<Option<u64>> {
        if !self.eat_word("TIMEOUT") {
            return Ok(None);
        }
        self.interval().map(|interval| Some(interval.millis().unsigned_abs()))
    }
}
