//! SELECT, and what it selects from.

use crate::ast::{
    Emit, Expr, Interval, JoinKind, Query, Relation, SelectItem, Window, WindowKind, Within,
};
use crate::lexer::{Symbol, TokenKind};

use super::{Parsed, Parser};

/// The most joins in one query; the relation leans to the left and is walked by recursion.
const JOINS_MAX: usize = 100;

impl Parser<'_> {
    /// `SELECT … FROM … [WINDOW] [WHERE] [GROUP BY] [PARTITION BY] [HAVING] [ORDER BY] [EMIT]
    /// [LIMIT] [OFFSET]`
    pub(super) fn query(&mut self) -> Parsed<Query> {
        let start = self.peek();
        self.expect_word("SELECT")?;
        let select = self.comma_list(|parser| parser.select_item())?;
        self.expect_word("FROM")?;
        let from = self.relation()?;
        let window = if self.eat_word("WINDOW") { Some(self.window()?) } else { None };
        let filter = if self.eat_word("WHERE") { Some(self.expression()?) } else { None };
        let group_by = self.clause_list(&["GROUP", "BY"])?;
        let partition_by = self.clause_list(&["PARTITION", "BY"])?;
        let having = if self.eat_word("HAVING") { Some(self.expression()?) } else { None };
        let order_by = match self.eat_words(&["ORDER", "BY"])? {
            true => self.comma_list(|parser| parser.order_item())?,
            false => Vec::new(),
        };
        let emit = self.emit()?;
        let limit = self.limit("LIMIT")?;
        let offset = self.limit("OFFSET")?;
        let span = self.span_from(start);
        Ok(Query {
            select,
            from,
            window,
            filter,
            group_by,
            partition_by,
            having,
            order_by,
            emit,
            limit,
            offset,
            span,
        })
    }

    fn select_item(&mut self) -> Parsed<SelectItem> {
        let start = self.peek();
        if self.is_symbol_at(0, Symbol::Star) {
            self.advance();
            return Ok(SelectItem::Star { source: None, span: self.span_from(start) });
        }
        if self.is_name_at(0)
            && self.is_symbol_at(1, Symbol::Dot)
            && self.is_symbol_at(2, Symbol::Star)
        {
            let source = Some(self.source_name()?);
            self.advance();
            self.advance();
            return Ok(SelectItem::Star { source, span: self.span_from(start) });
        }
        if let Some(base) = self.struct_star()? {
            return Ok(SelectItem::StructStar { base, span: self.span_from(start) });
        }
        let expr = self.expression()?;
        let alias = match self.eat_word("AS") || self.is_name_at(0) {
            true => Some(self.name()?),
            false => None,
        };
        Ok(SelectItem::Expr { expr, alias })
    }

    /// `operand->*`, or nothing is read.
    fn struct_star(&mut self) -> Parsed<Option<Expr>> {
        // Most lists have no `->*` at all: look for one before trying.
        let ahead = |parser: &Self, i| {
            parser.is_symbol_at(i, Symbol::Arrow) && parser.is_symbol_at(i + 1, Symbol::Star)
        };
        let rest = self.tokens.len() - self.at;
        if !(0..rest).any(|i| ahead(self, i)) {
            return Ok(None);
        }
        let mark = self.mark();
        match self.primary_expression() {
            Ok(base) if ahead(self, 0) => {
                self.advance();
                self.advance();
                Ok(Some(base))
            }
            _ => {
                self.return_to(mark);
                Ok(None)
            }
        }
    }

    /// `source [join source …]`
    fn relation(&mut self) -> Parsed<Relation> {
        let start = self.peek();
        let mut left = self.aliased_source()?;
        let mut joins = 0;
        while let Some(kind) = self.join_kind()? {
            joins += 1;
            if joins > JOINS_MAX {
                let problem = crate::error::Problem::TooDeep(JOINS_MAX);
                return Err(self.error(problem, self.peek().span));
            }
            let right = self.aliased_source()?;
            let within = if self.eat_word("WITHIN") { Some(self.within()?) } else { None };
            self.expect_word("ON")?;
            let on = self.expression()?;
            let span = self.span_from(start);
            let (left_side, right) = (Box::new(left), Box::new(right));
            left = Relation::Join { left: left_side, right, kind, within, on, span };
        }
        Ok(left)
    }

    /// `name [[AS] alias]`
    fn aliased_source(&mut self) -> Parsed<Relation> {
        let start = self.peek();
        let name = self.source_name()?;
        let alias = match self.eat_word("AS") || self.is_alias() {
            true => Some(self.source_name()?),
            false => None,
        };
        Ok(Relation::Source { name, alias, span: self.span_from(start) })
    }

    /// Is this name an alias? Some clauses begin with a word that may be one.
    fn is_alias(&self) -> bool {
        // `EMIT EMIT CHANGES` and `EMIT ORDER BY` have an alias, `EMIT CHNAGES` has a slip.
        let clauses = ["EMIT", "PARTITION", "ORDER", "OFFSET"];
        let other_clause = clauses.iter().any(|word| self.is_word_at(1, word));
        let clause = (self.is_word_at(0, "EMIT") && self.is_name_at(1) && !other_clause)
            || (self.is_word_at(0, "PARTITION") && self.is_word_at(1, "BY"))
            || (self.is_word_at(0, "ORDER") && self.is_word_at(1, "BY"))
            || (self.is_word_at(0, "OFFSET") && self.peek_at(1).kind == TokenKind::Integer);
        self.is_name_at(0) && !clause
    }

    /// `[INNER | LEFT [OUTER] | RIGHT [OUTER] | FULL [OUTER]] JOIN`, if it stands here.
    fn join_kind(&mut self) -> Parsed<Option<JoinKind>> {
        let kinds =
            [("LEFT", JoinKind::Left), ("RIGHT", JoinKind::Right), ("FULL", JoinKind::Full)];
        for (word, kind) in kinds {
            if self.is_word_at(0, word) {
                self.advance();
                self.eat_word("OUTER");
                self.expect_word("JOIN")?;
                return Ok(Some(kind));
            }
        }
        if self.is_word_at(0, "INNER") {
            self.advance();
            self.expect_word("JOIN")?;
            return Ok(Some(JoinKind::Inner));
        }
        Ok(self.eat_word("JOIN").then_some(JoinKind::Inner))
    }

    /// `10 SECONDS` or `(10 SECONDS, 20 SECONDS)`, then perhaps `GRACE PERIOD 5 SECONDS`.
    fn within(&mut self) -> Parsed<Within> {
        let (before, after) = if self.eat_symbol(Symbol::Open) {
            let before = self.interval()?;
            self.expect_symbol(Symbol::Comma)?;
            let after = self.interval()?;
            self.expect_symbol(Symbol::Close)?;
            (before, after)
        } else {
            let both = self.interval()?;
            (both, both)
        };
        let grace = match self.eat_words(&["GRACE", "PERIOD"])? {
            true => Some(self.interval()?),
            false => None,
        };
        Ok(Within { before, after, grace })
    }

    /// `[name] TUMBLING|HOPPING|SESSION (…)`
    fn window(&mut self) -> Parsed<Window> {
        let start = self.peek();
        let kinds = ["TUMBLING", "HOPPING", "SESSION"];
        let kind_at = |parser: &Self, i| kinds.iter().any(|kind| parser.is_word_at(i, kind));
        if !kind_at(self, 0) && self.is_name_at(0) && kind_at(self, 1) {
            self.advance();
        }
        let kind = if self.eat_word("TUMBLING") {
            self.expect_symbol(Symbol::Open)?;
            self.expect_word("SIZE")?;
            WindowKind::Tumbling { size: self.interval()? }
        } else if self.eat_word("HOPPING") {
            self.expect_symbol(Symbol::Open)?;
            self.expect_word("SIZE")?;
            let size = self.interval()?;
            self.expect_symbol(Symbol::Comma)?;
            self.expect_word("ADVANCE")?;
            self.expect_word("BY")?;
            WindowKind::Hopping { size, advance: self.interval()? }
        } else {
            self.expect_word("SESSION")?;
            self.expect_symbol(Symbol::Open)?;
            WindowKind::Session { gap: self.interval()? }
        };
        let (retention, grace) = self.window_keeping()?;
        self.expect_symbol(Symbol::Close)?;
        Ok(Window { kind, retention, grace, span: self.span_from(start) })
    }

    /// `[, RETENTION …] [, GRACE PERIOD …]`
    fn window_keeping(&mut self) -> Parsed<(Option<Interval>, Option<Interval>)> {
        let (mut retention, mut grace) = (None, None);
        if !self.eat_symbol(Symbol::Comma) {
            return Ok((retention, grace));
        }
        if self.eat_word("RETENTION") {
            retention = Some(self.interval()?);
            if !self.eat_symbol(Symbol::Comma) {
                return Ok((retention, grace));
            }
        }
        self.expect_word("GRACE")?;
        self.expect_word("PERIOD")?;
        grace = Some(self.interval()?);
        Ok((retention, grace))
    }

    /// `GROUP BY a, b`, `GROUP BY (a, b)`; empty if it does not stand here.
    fn clause_list(&mut self, words: &[&'static str]) -> Parsed<Vec<Expr>> {
        if !self.eat_words(words)? {
            return Ok(Vec::new());
        }
        let mark = self.mark();
        if let Some(list) = self.parenthesized_clause_list() {
            return Ok(list);
        }
        // `(a + b) * c` begins like a list in parentheses, too.
        self.return_to(mark);
        self.comma_list(|parser| parser.value_expression())
    }

    /// `(a, b)` with nothing behind it that would make it part of an expression.
    fn parenthesized_clause_list(&mut self) -> Option<Vec<Expr>> {
        if !self.eat_symbol(Symbol::Open) {
            return None;
        }
        let list = self.comma_list(|parser| parser.value_expression()).ok()?;
        if !self.is_symbol_at(0, Symbol::Close) {
            return None;
        }
        self.advance();
        let goes_on = !matches!(
            self.peek().kind,
            TokenKind::Symbol(Symbol::Semicolon | Symbol::Close) | TokenKind::Word | TokenKind::End
        );
        (!goes_on).then_some(list)
    }

    fn order_item(&mut self) -> Parsed<(Expr, bool)> {
        let expr = self.value_expression()?;
        if self.eat_word("DESC") {
            return Ok((expr, true));
        }
        self.eat_word("ASC");
        Ok((expr, false))
    }

    /// `EMIT CHANGES|FINAL`, if it stands here.
    fn emit(&mut self) -> Parsed<Option<Emit>> {
        if !self.eat_word("EMIT") {
            return Ok(None);
        }
        if self.eat_word("CHANGES") {
            return Ok(Some(Emit::Changes));
        }
        self.expect_word("FINAL")?;
        Ok(Some(Emit::Final))
    }
}
