//! Calls of functions, with units of time and lambdas among their arguments.

use crate::ast::ExprKind;
use crate::lexer::{Symbol, Token, TokenKind, words};
use crate::parser::{Parsed, Parser};

use super::Tall;

impl Parser<'_> {
    /// `(…)` behind the function's name: arguments, then lambdas.
    pub(super) fn call(&mut self, start: Token, name: &str) -> Parsed<Tall> {
        let name = name.to_uppercase();
        self.expect_symbol(Symbol::Open)?;
        let (mut args, mut height) = (Vec::new(), 0);
        if self.is_symbol_at(0, Symbol::Star) {
            self.advance();
        } else if !self.is_symbol_at(0, Symbol::Close) {
            // The first argument is what the lambdas are applied to; they all come last.
            let mut lambdas = false;
            loop {
                lambdas = lambdas || (!args.is_empty() && self.is_lambda());
                let arg = if lambdas { self.lambda()? } else { self.argument()? };
                height = height.max(arg.height);
                args.push(*arg.expr);
                if !self.eat_symbol(Symbol::Comma) {
                    break;
                }
            }
        }
        self.expect_symbol(Symbol::Close)?;
        self.grow(start, height, ExprKind::Call { name, args })
    }

    /// An expression, or a unit of time: `DAYS`. A unit that may be a name (`DAY`) is a column.
    fn argument(&mut self) -> Parsed<Tall> {
        let token = self.peek();
        match self.unit_at(0) {
            Some(unit) if words::is_reserved(self.token_text(token)) => {
                self.advance();
                self.grow(token, 0, ExprKind::Unit(unit))
            }
            _ => self.condition(),
        }
    }

    /// Does `x =>` or `(x, y) =>` stand here?
    fn is_lambda(&self) -> bool {
        if self.is_name_at(0) {
            return self.is_symbol_at(1, Symbol::FatArrow);
        }
        if !self.is_symbol_at(0, Symbol::Open) {
            return false;
        }
        let mut ahead = 1;
        while self.is_name_at(ahead) && self.is_symbol_at(ahead + 1, Symbol::Comma) {
            ahead += 2;
        }
        self.is_name_at(ahead)
            && self.is_symbol_at(ahead + 1, Symbol::Close)
            && self.is_symbol_at(ahead + 2, Symbol::FatArrow)
    }

    /// `x => body`, `(x, y) => body`
    fn lambda(&mut self) -> Parsed<Tall> {
        if !self.is_lambda() {
            return Err(self.unexpected(&["a lambda such as x => x + 1"]));
        }
        let start = self.peek();
        let params = match start.kind {
            TokenKind::Symbol(Symbol::Open) => self.parenthesized(|parser| parser.name())?,
            _ => vec![self.name()?],
        };
        self.expect_symbol(Symbol::FatArrow)?;
        let body = self.condition()?;
        self.grow(start, body.height, ExprKind::Lambda { params, body: body.expr })
    }
}
