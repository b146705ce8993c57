//! Types as they are written.

use model::SqlType;

use crate::ast::TypeName;
use crate::error::Problem;
use crate::lexer::{Symbol, TokenKind};

use super::{Parsed, Parser};

impl Parser<'_> {
    /// A type: `INT`, `DECIMAL(4, 2)`, `ARRAY<INT>`, `INT ARRAY`, `VARCHAR(10)`, `MY_TYPE`, …
    pub(super) fn type_name(&mut self) -> Parsed<TypeName> {
        let mut ty = self.nested(|parser| parser.type_without_suffix())?;
        let mut suffixes = 0;
        while self.is_word_at(0, "ARRAY") {
            suffixes += 1;
            if self.depth + suffixes > super::NESTING_MAX {
                return Err(self.error(Problem::TooDeep(super::NESTING_MAX), self.peek().span));
            }
            self.advance();
            ty = TypeName::Array(Box::new(ty));
        }
        Ok(ty)
    }

    fn type_without_suffix(&mut self) -> Parsed<TypeName> {
        let start = self.peek();
        let bracket = self.is_symbol_at(1, Symbol::Less);
        // `STRUCT<>` is one token, like `a <> b`.
        if self.is_word_at(0, "STRUCT") && self.is_symbol_at(1, Symbol::NotEqual) {
            self.advance();
            self.advance();
            return Ok(TypeName::Struct(Vec::new()));
        }
        if bracket && self.is_word_at(0, "ARRAY") {
            self.angle_bracket()?;
            let element = self.type_name()?;
            self.expect_symbol(Symbol::Greater)?;
            return Ok(TypeName::Array(Box::new(element)));
        }
        if bracket && self.is_word_at(0, "MAP") {
            self.angle_bracket()?;
            let key = self.type_name()?;
            self.expect_symbol(Symbol::Comma)?;
            let value = self.type_name()?;
            self.expect_symbol(Symbol::Greater)?;
            return Ok(TypeName::Map(Box::new(key), Box::new(value)));
        }
        if bracket && self.is_word_at(0, "STRUCT") {
            return self.struct_type();
        }
        if self.is_word_at(0, "DECIMAL") {
            self.advance();
            return self.decimal_type();
        }
        let name = self.name_called("a type")?;
        let span = self.span_from(start);
        if self.eat_symbol(Symbol::Open) {
            // `VARCHAR(10)`: accepted, without meaning.
            self.comma_list(|parser| parser.type_parameter())?;
            self.expect_symbol(Symbol::Close)?;
        }
        Ok(match primitive(&name) {
            Some(ty) => TypeName::Sql(ty),
            None => TypeName::Named(name, span),
        })
    }

    /// The word before the bracket, and the bracket.
    fn angle_bracket(&mut self) -> Parsed<()> {
        self.advance();
        self.expect_symbol(Symbol::Less)
    }

    fn struct_type(&mut self) -> Parsed<TypeName> {
        self.angle_bracket()?;
        if self.eat_symbol(Symbol::Greater) {
            return Ok(TypeName::Struct(Vec::new()));
        }
        let fields = self.comma_list(|parser| {
            Ok((parser.name_called("the name of a field")?, parser.type_name()?))
        })?;
        self.expect_symbol(Symbol::Greater)?;
        Ok(TypeName::Struct(fields))
    }

    fn type_parameter(&mut self) -> Parsed<()> {
        if self.peek().kind == TokenKind::Integer || self.is_word_at(0, "STRING") {
            self.advance();
            return Ok(());
        }
        Err(self.unexpected(&["a whole number", "STRING"]))
    }

    /// `(precision, scale)`
    fn decimal_type(&mut self) -> Parsed<TypeName> {
        let start = self.peek();
        self.expect_symbol(Symbol::Open)?;
        let precision = self.digits()?;
        self.expect_symbol(Symbol::Comma)?;
        let scale = self.digits()?;
        self.expect_symbol(Symbol::Close)?;
        let bad = |why| {
            let (precision, scale) = (precision.clone(), scale.clone());
            Err(self.error(Problem::DecimalType { precision, scale, why }, self.span_from(start)))
        };
        let (Ok(p), Ok(s)) = (precision.parse::<u8>(), scale.parse::<u8>()) else {
            return bad("both must be whole numbers from 0 to 255");
        };
        match (p, s) {
            (0, _) => bad("the precision must be at least 1"),
            (p, s) if s > p => bad("the scale must not exceed the precision"),
            (precision, scale) => Ok(TypeName::Sql(SqlType::Decimal { precision, scale })),
        }
    }

    fn digits(&mut self) -> Parsed<String> {
        let start = self.peek();
        self.number()?;
        let span = self.span_from(start);
        Ok(self.text[span.start..span.end].to_owned())
    }
}

/// The built-in type of this name, in any case.
fn primitive(name: &str) -> Option<SqlType> {
    Some(match name.to_ascii_uppercase().as_str() {
        "BOOLEAN" => SqlType::Boolean,
        "INT" | "INTEGER" => SqlType::Integer,
        "BIGINT" => SqlType::Bigint,
        "DOUBLE" => SqlType::Double,
        "VARCHAR" | "STRING" => SqlType::String,
        "BYTES" => SqlType::Bytes,
        "DATE" => SqlType::Date,
        "TIME" => SqlType::Time,
        "TIMESTAMP" => SqlType::Timestamp,
        _ => return None,
    })
}
