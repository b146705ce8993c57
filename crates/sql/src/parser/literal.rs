//! Literals: numbers with their sign, texts, truths, NULL.

use model::{Decimal, Value};

use crate::ast::{Interval, IntervalUnit};
use crate::error::Problem;
use crate::lexer::{Symbol, TokenKind};

use super::{Parsed, Parser};

impl Parser<'_> {
    /// Does a number begin here, sign included?
    pub(super) fn is_number(&self) -> bool {
        let ahead = usize::from(self.is_symbol_at(0, Symbol::Minus));
        matches!(
            self.peek_at(ahead).kind,
            TokenKind::Integer | TokenKind::Decimal | TokenKind::Double
        )
    }

    /// A literal, or `None` where something else stands.
    pub(super) fn eat_literal(&mut self) -> Parsed<Option<Value>> {
        if self.is_number() {
            return self.number().map(Some);
        }
        let token = self.peek();
        if let (TokenKind::Variable, Some(variables)) = (token.kind, self.variables) {
            let name = self.is_symbol_at(1, Symbol::Open) || self.is_symbol_at(1, Symbol::Dot);
            if name {
                return Ok(None);
            }
            self.take_variable(variables, true)?;
            // The values of different variables may differ, or may not: they are not compared.
            return Ok(Some(Value::String(format!("${}", self.values.len()))));
        }
        let value = match token.kind {
            TokenKind::Text => return self.quoted_text().map(|text| Some(Value::String(text))),
            TokenKind::Word if self.is_word_at(0, "NULL") => Value::Null,
            TokenKind::Word if self.is_word_at(0, "TRUE") => Value::Boolean(true),
            TokenKind::Word if self.is_word_at(0, "FALSE") => Value::Boolean(false),
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(value))
    }

    pub(super) fn literal(&mut self) -> Parsed<Value> {
        match self.eat_literal()? {
            Some(value) => Ok(value),
            None => Err(self.unexpected(&["a number", "a text in single quotes", "TRUE", "FALSE"])),
        }
    }

    /// `[-]12`, `[-]1.5`, `[-]1e3`: the smallest type that holds it.
    pub(super) fn number(&mut self) -> Parsed<Value> {
        let start = self.peek();
        let minus = self.is_symbol_at(0, Symbol::Minus);
        if minus {
            self.advance();
        }
        let token = self.peek();
        let text = format!("{}{}", if minus { "-" } else { "" }, self.token_text(token));
        let value = match token.kind {
            TokenKind::Integer => whole_number(&text).ok_or(Problem::NumberTooLarge(text)),
            TokenKind::Decimal => match text.parse::<Decimal>() {
                Ok(decimal) => Ok(Value::Decimal(decimal)),
                Err(_) => Err(Problem::TooManyDigits(text)),
            },
            TokenKind::Double => match text.parse::<f64>() {
                Ok(double) if double.is_finite() => Ok(Value::Double(double)),
                _ => Err(Problem::DoubleTooLarge(text)),
            },
            _ => return Err(self.unexpected(&["a number"])),
        };
        self.advance();
        Ok(value.unwrap_or_else(|problem| {
            let error = self.error(problem, self.span_from(start));
            self.bad_literal.get_or_insert(error);
            Value::Null
        }))
    }

    /// A whole number from 0 up, that `what` takes.
    pub(super) fn count(&mut self, what: &'static str, max: i64) -> Parsed<i64> {
        let start = self.peek();
        if !self.is_number() {
            return Err(self.unexpected(&["a whole number"]));
        }
        match self.number()?.as_i64() {
            Some(count) if (0..=max).contains(&count) => Ok(count),
            _ => {
                let span = self.span_from(start);
                let found = self.text[span.start..span.end].to_owned();
                Err(self.error(Problem::NotACount { what, max, found }, span))
            }
        }
    }

    /// `LIMIT n`, if it stands here.
    pub(super) fn limit(&mut self, word: &'static str) -> Parsed<Option<u64>> {
        if !self.eat_word(word) {
            return Ok(None);
        }
        // ksqlDB's limit is a Java int.
        self.count(word, i64::from(i32::MAX)).map(|count| Some(count.unsigned_abs()))
    }

    /// `10 MINUTES`
    pub(super) fn interval(&mut self) -> Parsed<Interval> {
        let start = self.peek();
        let count = self.count("a duration", i64::MAX)?;
        let Some(unit) = self.unit_at(0) else {
            return Err(self.unexpected(&["DAYS", "HOURS", "MINUTES", "SECONDS", "MILLISECONDS"]));
        };
        self.advance();
        let max = i64::MAX / unit.millis();
        if count > max {
            let found = count.to_string();
            let problem = Problem::NotACount { what: "a duration", max, found };
            return Err(self.error(problem, self.span_from(start)));
        }
        Ok(Interval { count, unit })
    }

    /// The unit of time that stands so far ahead, singular or plural.
    pub(super) fn unit_at(&self, ahead: usize) -> Option<IntervalUnit> {
        let token = self.peek_at(ahead);
        if token.kind != TokenKind::Word {
            return None;
        }
        Some(match self.token_text(token).to_ascii_uppercase().as_str() {
            "DAY" | "DAYS" => IntervalUnit::Days,
            "HOUR" | "HOURS" => IntervalUnit::Hours,
            "MINUTE" | "MINUTES" => IntervalUnit::Minutes,
            "SECOND" | "SECONDS" => IntervalUnit::Seconds,
            "MILLISECOND" | "MILLISECONDS" => IntervalUnit::Milliseconds,
            _ => return None,
        })
    }
}

/// INTEGER if it fits, else BIGINT if that does.
fn whole_number(text: &str) -> Option<Value> {
    let number = text.parse::<i64>().ok()?;
    Some(i32::try_from(number).map_or(Value::Bigint(number), Value::Integer))
}
