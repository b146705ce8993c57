//! Expressions, by precedence: OR, AND, NOT, one comparison, `||`, `+ -`, `* / %`, sign, `[] ->`.
//!
//! What stands right of OR … NOT and the comparisons is a *condition*, the rest a *value*: ksqlDB
//! takes only values in GROUP BY, INSERT VALUES and between the operands of a comparison.

mod call;
mod primary;

use crate::ast::{ArithmeticOp, ComparisonOp, Expr, ExprKind, Span};
use crate::error::Problem;
use crate::lexer::{Symbol, Token, TokenKind};

use super::{HEIGHT_MAX, Parsed, Parser};

/// An expression and the height of its tree. Boxed, because the functions here call each other in
/// circles and their results lie on the stack.
struct Tall {
    expr: Box<Expr>,
    height: usize,
}

/// How strongly operators between values bind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Concat,
    Sum,
    Product,
    Sign,
}

/// An operator between two values.
#[derive(Clone, Copy)]
enum Between {
    Arithmetic(ArithmeticOp),
    Concat,
}

impl Parser<'_> {
    /// Any expression.
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        Ok(*self.condition()?.expr)
    }

    /// An expression without comparison, AND, OR and NOT, unless in parentheses.
    pub(super) fn value_expression(&mut self) -> Parsed<Expr> {
        Ok(*self.nested(|parser| parser.value(Binding::Concat))?.expr)
    }

    /// An expression of operands and postfixes only, or nothing read.
    pub(super) fn primary_expression(&mut self) -> Parsed<Expr> {
        Ok(*self.postfixed()?.expr)
    }

    fn condition(&mut self) -> Parsed<Tall> {
        // As `nested`, with fewer frames on the stack.
        self.enter()?;
        let result = self.joined(false);
        self.depth -= 1;
        result
    }

    /// Comparisons joined by AND and, unless `only_and`, by OR.
    fn joined(&mut self, only_and: bool) -> Parsed<Tall> {
        let start = self.peek();
        let mut left = self.not()?;
        loop {
            if self.is_word_at(0, "AND") {
                self.advance();
                let right = self.not()?;
                left = self.join(start, left, right, ExprKind::And)?;
            } else if !only_and && self.is_word_at(0, "OR") {
                self.advance();
                let right = self.joined(true)?;
                left = self.join(start, left, right, ExprKind::Or)?;
            } else {
                return Ok(left);
            }
        }
    }

    /// `NOT NOT … comparison`
    fn not(&mut self) -> Parsed<Tall> {
        if !self.is_word_at(0, "NOT") {
            return self.comparison();
        }
        let mut nots = Vec::new();
        while self.is_word_at(0, "NOT") {
            nots.push(self.advance());
        }
        let operand = self.comparison()?;
        nots.into_iter().rev().try_fold(operand, |operand, start| self.negated(start, operand))
    }

    /// NOT before `operand`; `NOT (a LIKE b)` is `a NOT LIKE b`, because that is written back so.
    fn negated(&self, start: Token, mut operand: Tall) -> Parsed<Tall> {
        match &mut operand.expr.kind {
            ExprKind::Like { negated, .. }
            | ExprKind::Between { negated, .. }
            | ExprKind::In { negated, .. }
                if !*negated =>
            {
                *negated = true;
                operand.expr.span = self.span_from(start);
                Ok(operand)
            }
            _ => self.grow(start, operand.height, ExprKind::Not(operand.expr)),
        }
    }

    /// A value, and at most one comparison of it: `1 < 2 < 3` is none.
    fn comparison(&mut self) -> Parsed<Tall> {
        let start = self.peek();
        let left = self.value(Binding::Concat)?;
        if let Some(op) = self.comparison_op() {
            self.advance();
            let right = self.value(Binding::Concat)?;
            return self.join(start, left, right, |left, right| ExprKind::Comparison {
                op,
                left,
                right,
            });
        }
        if self.is_word_at(0, "IS") {
            self.advance();
            return self.is_predicate(start, left);
        }
        let negated = self.is_word_at(0, "NOT");
        let word = usize::from(negated);
        let starts = |parser: &Self, keyword| parser.is_word_at(word, keyword);
        if !(starts(self, "BETWEEN") || starts(self, "IN") || starts(self, "LIKE")) {
            return Ok(left);
        }
        if negated {
            self.advance();
        }
        if self.eat_word("BETWEEN") {
            return self.between(start, left, negated);
        }
        if self.eat_word("IN") {
            return self.in_list(start, left, negated);
        }
        self.expect_word("LIKE")?;
        self.like(start, left, negated)
    }

    fn comparison_op(&self) -> Option<ComparisonOp> {
        let TokenKind::Symbol(symbol) = self.peek().kind else { return None };
        Some(match symbol {
            Symbol::Equal => ComparisonOp::Equal,
            Symbol::NotEqual => ComparisonOp::NotEqual,
            Symbol::Less => ComparisonOp::LessThan,
            Symbol::LessOrEqual => ComparisonOp::LessThanOrEqual,
            Symbol::Greater => ComparisonOp::GreaterThan,
            Symbol::GreaterOrEqual => ComparisonOp::GreaterThanOrEqual,
            _ => return None,
        })
    }

    /// `IS [NOT] NULL`, `IS [NOT] DISTINCT FROM right`
    fn is_predicate(&mut self, start: Token, left: Tall) -> Parsed<Tall> {
        let not = self.eat_word("NOT");
        if self.eat_word("NULL") {
            let operand = left.expr;
            let kind = if not { ExprKind::IsNotNull(operand) } else { ExprKind::IsNull(operand) };
            return self.grow(start, left.height, kind);
        }
        if !self.eat_word("DISTINCT") {
            return Err(self.unexpected(&[]));
        }
        self.expect_word("FROM")?;
        let right = self.value(Binding::Concat)?;
        let op = match not {
            true => ComparisonOp::IsNotDistinctFrom,
            false => ComparisonOp::IsDistinctFrom,
        };
        self.join(start, left, right, |left, right| ExprKind::Comparison { op, left, right })
    }

    fn between(&mut self, start: Token, operand: Tall, negated: bool) -> Parsed<Tall> {
        let low = self.value(Binding::Concat)?;
        self.expect_word("AND")?;
        let high = self.value(Binding::Concat)?;
        let height = operand.height.max(low.height).max(high.height);
        let (operand, low, high) = (operand.expr, low.expr, high.expr);
        self.grow(start, height, ExprKind::Between { operand, low, high, negated })
    }

    fn in_list(&mut self, start: Token, operand: Tall, negated: bool) -> Parsed<Tall> {
        self.expect_symbol(Symbol::Open)?;
        let (list, height) = self.list(|parser| parser.condition())?;
        self.expect_symbol(Symbol::Close)?;
        let height = height.max(operand.height);
        let operand = operand.expr;
        self.grow(start, height, ExprKind::In { operand, list, negated })
    }

    fn like(&mut self, start: Token, operand: Tall, negated: bool) -> Parsed<Tall> {
        let pattern = self.value(Binding::Concat)?;
        let mut escape = None;
        if self.is_word_at(0, "ESCAPE") && self.peek_at(1).kind == TokenKind::Text {
            self.advance();
            let span = self.peek().span;
            let text = self.quoted_text()?;
            let mut chars = text.chars();
            escape = match (chars.next(), chars.next()) {
                // Characters beyond the BMP are two for ksqlDB.
                (Some(escape), None) if escape.len_utf16() == 1 => Some(escape),
                _ => return Err(self.error(Problem::Escape(text), span)),
            };
        }
        let height = operand.height.max(pattern.height);
        let (operand, pattern) = (operand.expr, pattern.expr);
        self.grow(start, height, ExprKind::Like { operand, pattern, escape, negated })
    }

    /// Operands and the operators between them that bind at least as strongly as `lowest`.
    fn value(&mut self, lowest: Binding) -> Parsed<Tall> {
        let start = self.peek();
        let mut left = self.signed()?;
        while let Some((between, binding)) = self.value_op() {
            if binding < lowest {
                break;
            }
            self.advance();
            let above = match binding {
                Binding::Concat => Binding::Sum,
                Binding::Sum => Binding::Product,
                Binding::Product | Binding::Sign => Binding::Sign,
            };
            let right = self.value(above)?;
            left = self.join(start, left, right, |left, right| match between {
                Between::Arithmetic(op) => ExprKind::Arithmetic { op, left, right },
                Between::Concat => {
                    ExprKind::Call { name: "CONCAT".to_owned(), args: vec![*left, *right] }
                }
            })?;
        }
        Ok(left)
    }

    fn value_op(&self) -> Option<(Between, Binding)> {
        let TokenKind::Symbol(symbol) = self.peek().kind else { return None };
        Some(match symbol {
            Symbol::Concat => (Between::Concat, Binding::Concat),
            Symbol::Plus => (Between::Arithmetic(ArithmeticOp::Add), Binding::Sum),
            Symbol::Minus => (Between::Arithmetic(ArithmeticOp::Subtract), Binding::Sum),
            Symbol::Star => (Between::Arithmetic(ArithmeticOp::Multiply), Binding::Product),
            Symbol::Slash => (Between::Arithmetic(ArithmeticOp::Divide), Binding::Product),
            Symbol::Percent => (Between::Arithmetic(ArithmeticOp::Modulus), Binding::Product),
            _ => return None,
        })
    }

    /// `-operand`, `+operand`; a minus before a number belongs to the number.
    fn signed(&mut self) -> Parsed<Tall> {
        if self.sign().is_none() {
            return self.postfixed();
        }
        let mut signs = Vec::new();
        while let Some(minus) = self.sign() {
            signs.push((self.advance(), minus));
        }
        let operand = self.postfixed()?;
        signs.into_iter().rev().try_fold(operand, |operand, (start, minus)| {
            let Tall { expr, height } = operand;
            let kind = if minus { ExprKind::Negate(expr) } else { ExprKind::Plus(expr) };
            self.grow(start, height, kind)
        })
    }

    /// Whether the sign that stands here is a minus, if one does.
    fn sign(&self) -> Option<bool> {
        match self.peek().kind {
            TokenKind::Symbol(Symbol::Minus) if !self.is_number() => Some(true),
            TokenKind::Symbol(Symbol::Plus) => Some(false),
            _ => None,
        }
    }

    /// `left kind right`
    fn join(
        &mut self,
        start: Token,
        left: Tall,
        right: Tall,
        kind: impl FnOnce(Box<Expr>, Box<Expr>) -> ExprKind,
    ) -> Parsed<Tall> {
        let height = left.height.max(right.height);
        self.grow(start, height, kind(left.expr, right.expr))
    }

    /// An expression from `start` to here, whose parts are `height` high.
    fn grow(&self, start: Token, height: usize, kind: ExprKind) -> Parsed<Tall> {
        let span: Span = self.span_from(start);
        if height >= HEIGHT_MAX {
            return Err(self.error(Problem::TooDeep(HEIGHT_MAX), span));
        }
        Ok(Tall { expr: Box::new(Expr { kind, span }), height: height + 1 })
    }

    /// `item, item, …`, and the height of the highest.
    fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Parsed<Tall>,
    ) -> Parsed<(Vec<Expr>, usize)> {
        let items = self.comma_list(|parser| item(parser))?;
        let height = items.iter().map(|tall| tall.height).max().unwrap_or_default();
        Ok((items.into_iter().map(|tall| *tall.expr).collect(), height))
    }
}
