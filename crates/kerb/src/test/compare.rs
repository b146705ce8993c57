//! Is what came out what was expected? ksqlDB's own rules: what kind of JSON is expected decides
//! how the actual value is looked at.

use serde_json::Value as Json;

use crate::test::number::{Exact, same_long_double};

/// A key or value as it came out of a topic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Actual {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number of a type that has only such.
    Integer(i64),
    /// A double out of a format that keeps doubles (AVRO, PROTOBUF, JSON_SR).
    Double(f64),
    /// A number as it was written: a DECIMAL, or any number with a point in JSON.
    Exact(String),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Elements in order.
    Array(Vec<Actual>),
    /// Fields or entries in order.
    Object(Vec<(String, Actual)>),
}

impl Actual {
    /// What a JSON document says.
    pub(crate) fn of_json(json: &Json) -> Self {
        match json {
            Json::Null => Actual::Null,
            Json::Bool(truth) => Actual::Boolean(*truth),
            Json::Number(number) => {
                let text = number.to_string();
                match text.parse() {
                    Ok(whole) => Actual::Integer(whole),
                    Err(_) => Actual::Exact(text),
                }
            }
            Json::String(text) => Actual::Text(text.clone()),
            Json::Array(elements) => Actual::Array(elements.iter().map(Self::of_json).collect()),
            Json::Object(fields) => Actual::Object(
                fields.iter().map(|(name, value)| (name.clone(), Self::of_json(value))).collect(),
            ),
        }
    }
}

impl std::fmt::Display for Actual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Actual::Null => f.write_str("null"),
            Actual::Boolean(truth) => truth.fmt(f),
            Actual::Integer(n) => n.fmt(f),
            Actual::Double(n) => f.write_str(&model::text::double_text(*n)),
            Actual::Exact(text) => f.write_str(text),
            Actual::Text(text) => f.write_str(&Json::from(text.as_str()).to_string()),
            Actual::Bytes(bytes) => write!(f, "\"{}\"", model::text::base64_text(bytes)),
            Actual::Array(elements) => {
                f.write_str("[")?;
                for (i, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if i == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Actual::Object(fields) => {
                f.write_str("{")?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "," };
                    write!(f, "{comma}{}:{value}", Json::from(name.as_str()))?;
                }
                f.write_str("}")
            }
        }
    }
}

/// How numbers with a point are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    /// To the digit.
    Exact,
    /// To a millionth: what a case asks for by `use.exact.numeric.comparison`.
    Loose,
}

/// How far two doubles may be apart.
const DOUBLE_TOLERANCE: f64 = 1e-6;

/// Is this what was expected?
pub(crate) fn matches(actual: &Actual, expected: &Json, precision: Precision) -> bool {
    match expected {
        Json::Null => match actual {
            Actual::Null => true,
            // An empty array of bytes counts as null.
            Actual::Bytes(bytes) => bytes.is_empty(),
            _ => false,
        },
        Json::Bool(truth) => *actual == Actual::Boolean(*truth),
        Json::Number(number) => matches_number(actual, &number.to_string(), precision),
        Json::String(text) => matches_text(actual, text),
        Json::Array(elements) => match actual {
            Actual::Array(actual) => {
                actual.len() == elements.len()
                    && actual.iter().zip(elements).all(|(a, e)| matches(a, e, precision))
            }
            _ => false,
        },
        Json::Object(fields) => match actual {
            Actual::Object(actual) => {
                actual.len() == fields.len()
                    && fields.iter().all(|(name, expected)| match field(actual, name) {
                        Some(actual) => matches(actual, expected, precision),
                        None => expected.is_null(),
                    })
            }
            _ => false,
        },
    }
}

/// The field of this name, or of this name in upper case.
fn field<'a>(fields: &'a [(String, Actual)], name: &str) -> Option<&'a Actual> {
    let find = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, value)| value);
    find(name).or_else(|| find(&name.to_uppercase()))
}

fn matches_number(actual: &Actual, text: &str, precision: Precision) -> bool {
    let Some(expected) = Exact::parse(text) else { return false };
    match actual {
        Actual::Integer(n) => Exact::parse(&n.to_string()) == Some(expected.truncated()),
        Actual::Double(n) => {
            text.parse::<f64>().is_ok_and(|e| (n - e).abs() < DOUBLE_TOLERANCE || *n == e)
        }
        Actual::Exact(actual_text) => {
            let Some(actual) = Exact::parse(actual_text) else { return false };
            let is_equal = match Exact::is_integer(text) {
                true => actual.is_whole() && actual.same_value(&expected),
                false => actual == expected || same_long_double(actual_text, text),
            };
            is_equal || precision == Precision::Loose && is_near(actual_text, text)
        }
        _ => false,
    }
}

fn is_near(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() < DOUBLE_TOLERANCE,
        _ => false,
    }
}

fn matches_text(actual: &Actual, text: &str) -> bool {
    match actual {
        Actual::Text(actual) => actual == text,
        Actual::Exact(actual) => Exact::parse(actual) == Exact::parse(text),
        Actual::Bytes(bytes) => model::text::base64_text(bytes) == text,
        Actual::Double(n) => model::text::double_text(*n) == text,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(actual: &Actual, expected: &str, same: bool) {
        let expected: Json = serde_json::from_str(expected).expect("JSON");
        assert_eq!(matches(actual, &expected, Precision::Exact), same, "{actual} {expected}");
    }

    fn json(text: &str) -> Actual {
        Actual::of_json(&serde_json::from_str(text).expect("JSON"))
    }

    #[test]
    fn the_expected_kind_decides() {
        check(&json("5"), "5.0", true);
        check(&json("5.0"), "5", false);
        check(&json("5.0"), "5.0", true);
        check(&json("5.00"), "5.0", false);
        check(&json("1.0E10"), "1.0E10", true);
        check(&json("2147483648"), "2147483648", true);
        check(&Actual::Double(5.000_000_1), "5", true);
        check(&Actual::Double(5.1), "5", false);
        check(&Actual::Exact("1.10".into()), "\"1.10\"", true);
        check(&Actual::Exact("1.10".into()), "\"1.1\"", false);
        check(&Actual::Bytes(b"ab".to_vec()), "\"YWI=\"", true);
        check(&Actual::Bytes(Vec::new()), "null", true);
        check(&json("9.999999999999999E22"), "1.0E23", true);
        check(&json("0.30000000000000004"), "0.30000000000000004", true);
    }

    #[test]
    fn fields_are_found_in_upper_case_too_and_must_be_as_many() {
        check(&json("{\"FOO\":1,\"b\":null}"), "{\"foo\":1,\"b\":null}", true);
        check(&json("{\"FOO\":1,\"B\":null}"), "{\"foo\":1}", false);
        check(&json("{\"foo\":1}"), "{\"FOO\":1}", false);
        check(&json("[1,2]"), "[2,1]", false);
    }
}
