//! LIKE: `%` stands for any text, `_` for one character, and the escape character takes the next
//! one's meaning away. A null on either side fails the row, or is unknown by the standard's
//! semantics.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, BooleanArray};
use arrow_buffer::BooleanBuffer;
use sql::expr::Expr;

use super::part::{Part, both_valid, fail_nulls, failures};
use super::{Scope, Semantics};

const NULL_OPERAND: &str = "an operand of LIKE is null";
const LONE_ESCAPE: &str = "LIKE pattern must not end with escape character";

/// `operand LIKE pattern`
pub(super) fn like(
    scope: &Scope<'_>,
    operand: &Expr,
    pattern: &Expr,
    escape: Option<char>,
    negated: bool,
) -> Part {
    let rows = scope.rows;
    let (mut a, mut b) = (scope.evaluate(operand), scope.evaluate(pattern));
    let (mut failed, logged) = failures(&mut a, &mut b);
    let valid = both_valid(&a, &b, rows);
    if scope.semantics == Semantics::Ksql {
        fail_nulls(&mut failed, valid.as_ref(), NULL_OPERAND);
    }
    let (texts, patterns) = (a.array.as_string::<i32>(), b.array.as_string::<i32>());
    let bits = if b.constant || rows == 1 {
        match Pattern::compile(if patterns.is_null(0) { "" } else { patterns.value(0) }, escape) {
            Some(pattern) => BooleanBuffer::collect_bool(rows, |row| {
                pattern.matches(texts.value(a.at(row))) != negated
            }),
            None => {
                (0..rows).for_each(|row| failed.add(row, LONE_ESCAPE));
                BooleanBuffer::new_unset(rows)
            }
        }
    } else {
        BooleanBuffer::collect_bool(rows, |row| {
            match Pattern::compile(patterns.value(row), escape) {
                Some(pattern) => pattern.matches(texts.value(a.at(row))) != negated,
                None => {
                    failed.add(row, LONE_ESCAPE);
                    false
                }
            }
        })
    };
    let valid = valid.filter(|_| scope.semantics == Semantics::Standard);
    Part { array: Arc::new(BooleanArray::new(bits, valid)), constant: false, failed, logged }
}

/// A pattern, read once.
enum Pattern {
    /// Texts with any text before, between and after.
    Pieces {
        /// In order.
        pieces: Vec<String>,
        /// The first piece may stand anywhere, not only at the start.
        open_start: bool,
        /// The last piece may stand anywhere, not only at the end.
        open_end: bool,
    },
    /// With `_`, so that characters count.
    Units(Vec<Unit>),
}

#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Exactly(char),
    One,
    Any,
}

impl Pattern {
    /// `None` if the escape character stands at the end.
    fn compile(text: &str, escape: Option<char>) -> Option<Pattern> {
        let mut pieces = vec![String::new()];
        let mut units = Vec::new();
        let mut single = false;
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let (c, literal) = match c {
                c if Some(c) == escape => (chars.next()?, true),
                c => (c, false),
            };
            match c {
                '%' if !literal => {
                    units.push(Unit::Any);
                    pieces.push(String::new());
                }
                '_' if !literal => {
                    units.push(Unit::One);
                    single = true;
                }
                c => {
                    units.push(Unit::Exactly(c));
                    if let Some(piece) = pieces.last_mut() {
                        piece.push(c);
                    }
                }
            }
        }
        if single {
            return Some(Pattern::Units(units));
        }
        let open_start = pieces.len() > 1 && pieces[0].is_empty();
        let open_end = pieces.len() > 1 && pieces.last().is_some_and(String::is_empty);
        if pieces.len() > 1 {
            pieces.retain(|piece| !piece.is_empty());
        }
        Some(Pattern::Pieces { pieces, open_start, open_end })
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Pieces { pieces, open_start, open_end } => {
                pieces_match(pieces, *open_start, *open_end, text)
            }
            Pattern::Units(units) if text.is_ascii() => {
                units_match(units, text.len(), |at| char::from(text.as_bytes()[at]))
            }
            Pattern::Units(units) => {
                let wide: Vec<char> = text.chars().collect();
                units_match(units, wide.len(), |at| wide[at])
            }
        }
    }
}

fn pieces_match(pieces: &[String], open_start: bool, open_end: bool, text: &str) -> bool {
    let (mut middle, mut rest) = (pieces, text);
    if !open_start {
        let Some((first, others)) = middle.split_first() else { return true };
        if !open_end && others.is_empty() {
            return text == first;
        }
        let Some(after) = rest.strip_prefix(first.as_str()) else { return false };
        (middle, rest) = (others, after);
    }
    let mut last = None;
    if !open_end && let Some((end, others)) = middle.split_last() {
        (last, middle) = (Some(end), others);
    }
    for piece in middle {
        match rest.find(piece.as_str()) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    last.is_none_or(|last| rest.ends_with(last.as_str()))
}

/// The classic: on a mismatch go back to the last `%` and let it take one more.
fn units_match(units: &[Unit], length: usize, unit: impl Fn(usize) -> char) -> bool {
    let (mut at, mut in_pattern) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while at < length {
        match units.get(in_pattern) {
            Some(Unit::Any) => {
                back = Some((at, in_pattern + 1));
                in_pattern += 1;
            }
            Some(Unit::One) => {
                at += 1;
                in_pattern += 1;
            }
            Some(Unit::Exactly(u)) if *u == unit(at) => {
                at += 1;
                in_pattern += 1;
            }
            _ => match &mut back {
                Some((start, resume)) => {
                    *start += 1;
                    at = *start;
                    in_pattern = *resume;
                }
                None => return false,
            },
        }
    }
    units[in_pattern..].iter().all(|u| *u == Unit::Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, pattern: &str, expected: bool) {
        let compiled = Pattern::compile(pattern, Some('!')).expect("a pattern");
        assert_eq!(compiled.matches(text), expected, "{text} LIKE {pattern}");
    }

    #[test]
    fn patterns_match_whole_texts() {
        for (text, pattern, expected) in [
            ("hello", "hello", true),
            ("hello", "hell", false),
            ("hello", "h%", true),
            ("hello", "%o", true),
            ("hello", "%l%l%", true),
            ("hello", "%l%l%l%", false),
            ("hello", "h%o", true),
            ("ho", "ho%ho", false),
            ("hoho", "ho%ho", true),
            ("", "%", true),
            ("", "", true),
            ("x", "", false),
            ("abc", "___", true),
            ("abc", "_b%", true),
            ("abcbd", "%b_", true),
            ("a%c", "a!%c", true),
            ("abc", "a!%c", false),
            ("a!b", "a!!b", true),
            ("😀", "_", true),
            ("😀", "__", false),
            ("ä", "_", true),
        ] {
            check(text, pattern, expected);
        }
        assert!(Pattern::compile("abc!", Some('!')).is_none());
    }
}
