//! Recorded vectors: what a real engine gave for an expression and a row, read from JSON lines, and
//! the rules by which an answer of ours is the same.
//!
//! Numbers are compared as text, but for doubles: these are the same if they are the same number,
//! and those that trigonometry gives may differ in the last place. Maps have no order, and neither
//! has what is made from their order. Of errors only the kind must agree.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

/// An expression over a row, and what came of it.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct ExpressionVector {
    /// What it is about: `operators/IN`.
    pub group: String,
    /// The expression.
    pub sql: String,
    /// The columns it may read, each with its type, in order.
    #[serde(default)]
    pub columns: serde_json::Map<String, Json>,
    /// A JSON record with these columns; absent where the expression was refused.
    #[serde(default)]
    pub row: Json,
    /// The result's type.
    #[serde(rename = "type")]
    pub ty: Option<String>,
    /// The result as it stands in a row of an answer.
    #[serde(default)]
    pub result: Json,
    /// What went wrong.
    pub error: Option<VectorError>,
    /// How that was said.
    pub message: Option<String>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorError {
    /// The statement is refused.
    Plan,
    /// The row fails: its result is null, and the processing log says why.
    Row,
    /// The whole query broke while it wrote its answer: nothing to be imitated.
    Query,
}

/// What came of it with us.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The statement is refused.
    Refused(String),
    /// There is a value, as JSON; perhaps something went wrong.
    Value {
        /// Its type.
        ty: String,
        /// As it stands in a row of an answer.
        json: String,
        /// What the processing log says.
        error: Option<String>,
    },
}

/// The vectors of a file; `None` if it is not there. Lines that are no JSON here (a lone surrogate)
/// are left out and counted.
pub fn read(path: &Path) -> Option<(Vec<ExpressionVector>, usize)> {
    let text = std::fs::read_to_string(path).ok()?;
    let mut unreadable = 0;
    let mut vectors = Vec::new();
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(vector) => vectors.push(vector),
            Err(_) => unreadable += 1,
        }
    }
    Some((vectors, unreadable))
}

/// Is the outcome the recorded one? If not, what differs.
pub fn judge(vector: &ExpressionVector, outcome: &Outcome) -> Result<(), String> {
    match (vector.error, outcome) {
        (Some(VectorError::Query), _) | (Some(VectorError::Plan), Outcome::Refused(_)) => Ok(()),
        (Some(VectorError::Plan), Outcome::Value { json, .. }) => {
            let message = vector.message.as_deref().unwrap_or_default();
            match is_slip(message) {
                true => Ok(()),
                false => Err(format!("{json} instead of a refusal ({message})")),
            }
        }
        (_, Outcome::Refused(reason)) => Err(format!("refused: {reason}")),
        (expected, Outcome::Value { ty, json, error }) => {
            let recorded = vector.ty.as_deref().unwrap_or_default();
            if ty != recorded {
                return Err(format!("type {ty} instead of {recorded}"));
            }
            if expected.is_some() != error.is_some() {
                let message = vector.message.as_deref().unwrap_or("none");
                let ours = error.as_deref().unwrap_or("none");
                return Err(format!("error {ours:?} instead of {message:?}"));
            }
            let ours: Json = serde_json::from_str(json).map_err(|e| format!("{json}: {e}"))?;
            if same_json(&ours, &vector.result, is_unordered(&vector.sql)) {
                Ok(())
            } else {
                Err(format!("{json} instead of {}", vector.result))
            }
        }
    }
}

/// Is this the message of an engine that broke, or that refuses by mistake what it documents? There
/// the right answer is as good as a refusal.
fn is_slip(message: &str) -> bool {
    // An internal error; code it generated and cannot compile; `||`; EXPLODE in a push query.
    const SLIPS: [&str; 4] = [
        "internal error",
        "Line 1, Column",
        "Cannot get name for `concat`",
        "Can't find any functions with the name 'EXPLODE'",
    ];
    SLIPS.iter().any(|slip| message.contains(slip))
}

/// Functions that show the order of a map.
const SHOW_MAP_ORDER: [&str; 4] = ["MAP_KEYS", "MAP_VALUES", "ENTRIES", "COLLECT_SET"];

/// Does the result of this expression show the order of a map?
pub fn is_unordered(sql: &str) -> bool {
    SHOW_MAP_ORDER.iter().any(|function| sql.contains(function))
}

/// Are two results the same? Arrays that are `unordered` are compared as bags.
pub fn same_json(ours: &Json, recorded: &Json, unordered: bool) -> bool {
    match (ours, recorded) {
        (Json::Number(a), Json::Number(b)) => same_number(&a.to_string(), &b.to_string()),
        (Json::String(a), Json::String(b)) => same_text(a, b),
        (Json::Array(a), Json::Array(b)) if unordered => {
            let mut rest: Vec<&Json> = b.iter().collect();
            a.len() == b.len()
                && a.iter().all(|a| match rest.iter().position(|b| same_json(a, b, false)) {
                    Some(at) => {
                        rest.swap_remove(at);
                        true
                    }
                    None => false,
                })
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b, false))
        }
        (Json::Object(a), Json::Object(b)) => {
            let same =
                |(key, a): (&String, &Json)| b.get(key).is_some_and(|b| same_json(a, b, unordered));
            a.len() == b.len() && a.iter().all(same)
        }
        (a, b) => a == b,
    }
}

/// The same text, or the same double: long ones may differ in the last place.
fn same_number(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let is_double = |text: &str| text.contains(['E', 'e', '.']);
    let has_exponent = |text: &str| text.contains(['E', 'e']);
    if !is_double(a) || !is_double(b) || has_exponent(a) != has_exponent(b) {
        return false;
    }
    let (Ok(x), Ok(y)) = (a.parse::<f64>(), b.parse::<f64>()) else { return false };
    let long = a.len().max(b.len()) > 15;
    match x.to_bits().abs_diff(y.to_bits()) {
        0 => long || has_exponent(a),
        ulps => long && ulps == 1,
    }
}

/// The same text, or one with the entries of maps in another order, or with such doubles.
fn same_text(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let parts = |text: &str| -> Vec<String> {
        let pieces = text.split(['{', '}', ',', '[', ']']).map(str::trim);
        let mut pieces: Vec<_> = pieces.map(str::to_string).collect();
        pieces.sort();
        pieces
    };
    if a.contains('{') || a.contains(',') && a.len() == b.len() {
        return parts(a) == parts(b);
    }
    same_number(a, b)
}

/// Passed and failed by group.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    groups: BTreeMap<String, (usize, usize)>,
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, group: &str, passed: bool) {
        let (good, bad) = self.groups.entry(group.to_string()).or_default();
        *(if passed { good } else { bad }) += 1;
    }

    /// Passed and failed.
    pub fn total(&self) -> (usize, usize) {
        self.groups.values().fold((0, 0), |(good, bad), (g, b)| (good + g, bad + b))
    }

    /// The share that passed; 1 of nothing.
    pub fn rate(&self) -> f64 {
        let (good, bad) = self.total();
        if good + bad == 0 { 1.0 } else { good as f64 / (good + bad) as f64 }
    }
}

impl std::fmt::Display for Tally {
    /// A line a group that has failures, then the sum.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (group, (good, bad)) in self.groups.iter().filter(|(_, (_, bad))| *bad > 0) {
            writeln!(f, "{group}: {good} passed, {bad} failed")?;
        }
        let (good, bad) = self.total();
        write!(f, "{good} passed, {bad} failed ({:.2} %)", self.rate() * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ours: &str, recorded: &str, same: bool) {
        let json = |text: &str| serde_json::from_str::<Json>(text).expect("JSON");
        assert_eq!(same_json(&json(ours), &json(recorded), false), same, "{ours} {recorded}");
    }

    #[test]
    fn numbers_are_compared_as_text_but_for_doubles() {
        check("1.50", "1.5", false);
        check("1", "1.0", false);
        check("9.999999999999999E22", "1.0E23", true);
        check("0.30000000000000004", "0.30000000000000005", true);
        check("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true);
        check("\"{a=1, b=2}\"", "\"{b=2, a=1}\"", true);
        check("[1,2]", "[2,1]", false);
    }
}
