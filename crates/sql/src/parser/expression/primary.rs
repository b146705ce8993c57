//! Operands: literals, columns, constructors, CASE, CAST; and what may be put behind them.

use crate::ast::{Expr, ExprKind};
use crate::error::Problem;
use crate::lexer::{Symbol, TokenKind};
use crate::parser::{Parsed, Parser};

use super::{Binding, Tall};

impl Parser<'_> {
    /// `operand[index]->field…`; stops before `->*`.
    pub(super) fn postfixed(&mut self) -> Parsed<Tall> {
        let start = self.peek();
        let mut base = self.operand()?;
        loop {
            if self.is_symbol_at(0, Symbol::OpenBracket) {
                self.advance();
                let index = self.nested(|parser| parser.value(Binding::Concat))?;
                self.expect_symbol(Symbol::CloseBracket)?;
                base = self
                    .join(start, base, index, |base, index| ExprKind::Subscript { base, index })?;
            } else if self.is_symbol_at(0, Symbol::Arrow) && !self.is_symbol_at(1, Symbol::Star) {
                self.advance();
                let name = self.name_called("the name of a field")?;
                let kind = ExprKind::Field { base: base.expr, name };
                base = self.grow(start, base.height, kind)?;
            } else {
                return Ok(base);
            }
        }
    }

    fn operand(&mut self) -> Parsed<Tall> {
        if self.is_symbol_at(0, Symbol::Open) {
            self.advance();
            let inner = self.condition()?;
            self.expect_symbol(Symbol::Close)?;
            return Ok(inner);
        }
        if self.is_word_at(0, "CASE") {
            return self.case();
        }
        if self.is_word_at(0, "CAST") {
            return self.cast();
        }
        if self.is_word_at(0, "ARRAY") && self.is_symbol_at(1, Symbol::OpenBracket) {
            return self.make_array();
        }
        if self.is_word_at(0, "MAP") && self.is_symbol_at(1, Symbol::Open) {
            return self.make_map();
        }
        if self.is_word_at(0, "STRUCT") && self.is_symbol_at(1, Symbol::Open) {
            return self.make_struct();
        }
        self.literal_or_name()
    }

    fn literal_or_name(&mut self) -> Parsed<Tall> {
        let start = self.peek();
        match self.eat_literal()? {
            Some(value) => self.grow(start, 0, ExprKind::Literal(value)),
            None => self.column_or_call(),
        }
    }

    /// `name(…)`, `source.name`, `name`
    fn column_or_call(&mut self) -> Parsed<Tall> {
        let start = self.peek();
        if !self.is_name_at(0) {
            return Err(self.unexpected(&["an expression"]));
        }
        let name = self.name()?;
        if self.peek().kind == TokenKind::Text {
            let span = self.span_from(start);
            return Err(self.error(Problem::PrefixedText(name), span));
        }
        if self.is_symbol_at(0, Symbol::Open) {
            return self.call(start, &name);
        }
        if self.is_symbol_at(0, Symbol::Dot) {
            self.advance();
            let column = self.name_called("the name of a column")?;
            return self.grow(start, 0, ExprKind::Column { source: Some(name), name: column });
        }
        self.grow(start, 0, ExprKind::Column { source: None, name })
    }

    /// `CASE [operand] WHEN … THEN … [ELSE …] END`
    fn case(&mut self) -> Parsed<Tall> {
        let start = self.advance();
        let mut height = 0;
        let mut operand = None;
        if !self.is_word("WHEN") {
            let tall = self.nested(|parser| parser.value(Binding::Concat))?;
            height = tall.height;
            operand = Some(tall.expr);
        }
        let mut branches = Vec::new();
        while self.eat_word("WHEN") {
            let when = self.condition()?;
            self.expect_word("THEN")?;
            let then = self.condition()?;
            height = height.max(when.height).max(then.height);
            branches.push((*when.expr, *then.expr));
        }
        if branches.is_empty() {
            return Err(self.unexpected(&[]));
        }
        let mut otherwise = None;
        if self.eat_word("ELSE") {
            let tall = self.condition()?;
            height = height.max(tall.height);
            otherwise = Some(tall.expr);
        }
        self.expect_word("END")?;
        self.grow(start, height, ExprKind::Case { operand, branches, otherwise })
    }

    /// `CAST(operand AS type)`
    fn cast(&mut self) -> Parsed<Tall> {
        let start = self.advance();
        self.expect_symbol(Symbol::Open)?;
        let operand = self.condition()?;
        self.expect_word("AS")?;
        let ty = self.type_name()?;
        self.expect_symbol(Symbol::Close)?;
        let kind = ExprKind::Cast { operand: operand.expr, ty };
        self.grow(start, operand.height, kind)
    }

    /// `ARRAY[item, …]`
    fn make_array(&mut self) -> Parsed<Tall> {
        let start = self.advance();
        self.expect_symbol(Symbol::OpenBracket)?;
        let (mut items, mut height) = (Vec::new(), 0);
        if !self.is_symbol_at(0, Symbol::CloseBracket) {
            (items, height) = self.list(|parser| parser.condition())?;
        }
        self.expect_symbol(Symbol::CloseBracket)?;
        self.grow(start, height, ExprKind::MakeArray(items))
    }

    /// `MAP(key := value, …)`
    fn make_map(&mut self) -> Parsed<Tall> {
        let start = self.advance();
        let (mut entries, mut height) = (Vec::<(Expr, Expr)>::new(), 0);
        self.constructor(|parser| {
            let key_token = parser.peek();
            let key = parser.condition()?;
            if entries.iter().any(|(other, _)| *other == *key.expr) {
                let span = parser.span_from(key_token);
                let name = format!("the key {}", &parser.text[span.start..span.end]);
                return Err(parser.error(Problem::Twice(name), span));
            }
            parser.expect_symbol(Symbol::Assign)?;
            let value = parser.condition()?;
            height = height.max(key.height).max(value.height);
            entries.push((*key.expr, *value.expr));
            Ok(())
        })?;
        self.grow(start, height, ExprKind::MakeMap(entries))
    }

    /// `STRUCT(name := value, …)`
    fn make_struct(&mut self) -> Parsed<Tall> {
        let start = self.advance();
        let (mut fields, mut height) = (Vec::<(String, Expr)>::new(), 0);
        self.constructor(|parser| {
            let token = parser.peek();
            let name = parser.name_called("the name of a field")?;
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(parser.error(Problem::Twice(format!("the field {name}")), token.span));
            }
            parser.expect_symbol(Symbol::Assign)?;
            let value = parser.condition()?;
            height = height.max(value.height);
            fields.push((name, *value.expr));
            Ok(())
        })?;
        self.grow(start, height, ExprKind::MakeStruct(fields))
    }

    /// `([entry, …])`
    fn constructor(&mut self, entry: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        self.expect_symbol(Symbol::Open)?;
        if !self.is_symbol_at(0, Symbol::Close) {
            self.comma_list(entry)?;
        }
        self.expect_symbol(Symbol::Close)
    }
}
