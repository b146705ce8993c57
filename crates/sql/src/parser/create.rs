//! CREATE, ALTER, and what stands in WITH.

use crate::ast::{
    ColumnDefinition, ConnectorKind, Constraint, CreateAs, CreateSource, Properties, Property,
    SourceKind, Statement,
};
use crate::error::Problem;
use crate::lexer::{Symbol, TokenKind};

use super::{Parsed, Parser};

impl Parser<'_> {
    /// Behind CREATE.
    pub(super) fn create(&mut self) -> Parsed<Statement> {
        if self.eat_word("TYPE") {
            return self.create_type();
        }
        let connector = |parser: &Self| parser.is_word_at(1, "CONNECTOR");
        if self.is_word_at(0, "SINK") && connector(self) {
            return self.create_connector(ConnectorKind::Sink);
        }
        if self.is_word_at(0, "SOURCE") && connector(self) {
            return self.create_connector(ConnectorKind::Source);
        }
        let or_replace = self.eat_words(&["OR", "REPLACE"])?;
        let read_only = self.eat_word("SOURCE");
        let Some(kind) = self.source_kind() else {
            self.note_expected(if read_only { "CONNECTOR" } else { "SINK" });
            return Err(self.unexpected(&[]));
        };
        let if_not_exists = self.if_not_exists()?;
        let name = self.source_name()?;
        let has_columns = self.is_symbol_at(0, Symbol::Open);
        let columns = match has_columns {
            true => self.parenthesized(|parser| parser.column_definition())?,
            false => Vec::new(),
        };
        let properties = self.with(true)?.unwrap_or_default();
        if !has_columns && !read_only && self.eat_word("AS") {
            let query = self.query()?;
            let create = CreateAs { kind, or_replace, if_not_exists, name, properties, query };
            return Ok(Statement::CreateAs(create));
        }
        let create =
            CreateSource { kind, or_replace, read_only, if_not_exists, name, columns, properties };
        Ok(Statement::CreateSource(create))
    }

    /// `STREAM` or `TABLE`, if one stands here.
    pub(super) fn source_kind(&mut self) -> Option<SourceKind> {
        if self.eat_word("STREAM") {
            return Some(SourceKind::Stream);
        }
        self.eat_word("TABLE").then_some(SourceKind::Table)
    }

    /// `name type [KEY | PRIMARY KEY | HEADERS | HEADER('name')]`
    pub(super) fn column_definition(&mut self) -> Parsed<ColumnDefinition> {
        let start = self.peek();
        let name = self.name_called("the name of a column")?;
        let ty = self.type_name()?;
        let constraint = if self.eat_word("PRIMARY") {
            self.expect_word("KEY")?;
            Constraint::PrimaryKey
        } else if self.eat_word("KEY") {
            Constraint::Key
        } else if self.eat_word("HEADERS") {
            Constraint::Headers
        } else if self.eat_word("HEADER") {
            self.expect_symbol(Symbol::Open)?;
            let header = self.quoted_text()?;
            self.expect_symbol(Symbol::Close)?;
            Constraint::Header(header)
        } else {
            Constraint::None
        };
        Ok(ColumnDefinition { name, ty, constraint, span: self.span_from(start) })
    }

    /// `WITH (name = literal, …)`, if it stands here.
    pub(super) fn with(&mut self, upper_case: bool) -> Parsed<Option<Properties>> {
        if !self.eat_word("WITH") {
            return Ok(None);
        }
        let mut properties = Vec::<Property>::new();
        self.parenthesized(|parser| {
            let property = parser.property(upper_case)?;
            if properties.iter().any(|other| other.name == property.name) {
                return Err(parser.error(Problem::Twice(property.name), property.span));
            }
            properties.push(property);
            Ok(())
        })?;
        Ok(Some(Properties(properties)))
    }

    fn property(&mut self, upper_case: bool) -> Parsed<Property> {
        let start = self.peek();
        let name = match start.kind {
            TokenKind::Text => self.quoted_text()?,
            _ if self.is_name_at(0) => self.name_as_written()?,
            _ => return Err(self.unexpected(&["the name of a property"])),
        };
        let name = if upper_case { name.to_uppercase() } else { name };
        self.expect_symbol(Symbol::Equal)?;
        let value = self.literal()?;
        Ok(Property { name, value, span: self.span_from(start) })
    }

    /// `[IF NOT EXISTS] name AS type`
    fn create_type(&mut self) -> Parsed<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.name_called("the name of the type")?.to_uppercase();
        self.expect_word("AS")?;
        let ty = self.type_name()?;
        Ok(Statement::CreateType { if_not_exists, name, ty })
    }

    /// `SINK|SOURCE CONNECTOR [IF NOT EXISTS] name WITH (…)`
    fn create_connector(&mut self, kind: ConnectorKind) -> Parsed<Statement> {
        self.advance();
        self.advance();
        let if_not_exists = self.if_not_exists()?;
        let name = self.name_called("the name of the connector")?;
        match self.with(false)? {
            Some(properties) => {
                Ok(Statement::CreateConnector { kind, if_not_exists, name, properties })
            }
            None => Err(self.unexpected(&[])),
        }
    }

    /// Behind ALTER.
    pub(super) fn alter(&mut self) -> Parsed<Statement> {
        if self.eat_word("SYSTEM") {
            let property = self.quoted_text()?;
            self.expect_symbol(Symbol::Equal)?;
            let value = self.quoted_text()?;
            return Ok(Statement::AlterSystem { property, value });
        }
        let Some(kind) = self.source_kind() else { return Err(self.unexpected(&[])) };
        let name = self.source_name()?;
        let columns = self.comma_list(|parser| {
            parser.expect_word("ADD")?;
            if parser.is_column_word() {
                parser.advance();
            }
            Ok((parser.name_called("the name of a column")?, parser.type_name()?))
        })?;
        Ok(Statement::AlterSource { kind, name, columns })
    }

    /// Is this the word COLUMN, and not a column of that name with its type?
    fn is_column_word(&self) -> bool {
        let word = |ahead| {
            matches!(
                self.peek_at(ahead).kind,
                TokenKind::Word | TokenKind::QuotedName | TokenKind::DigitWord
            )
        };
        self.is_word_at(0, "COLUMN") && self.is_name_at(1) && word(2)
    }
}
