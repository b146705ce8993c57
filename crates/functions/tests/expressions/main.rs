//! What ksqlDB's functions gave, expression by expression, against ours: a small reader of
//! expressions (calls of functions on columns, literals, CASTs and constructors) resolves and
//! evaluates them by the lists of this crate alone, without planner and engine. What it cannot read
//! is counted, not judged. The examples of the documentation are run by the same reader.

mod expression;

use std::collections::BTreeMap;
use std::path::Path;

use functions::ArgType;
use functions::scalar::SCALARS;
use model::text::{value_text, write_json_value};
use model::{Decimal, SqlType, Value};
use serde_json::Value as Json;

use expression::{Reader, Stop};

/// Where the vectors lie, seen from this crate.
const VECTORS: &str = "../../../shared/ksqldb/vectors/functions.jsonl";

/// How many of the expressions that are read must come out the same.
const PASS_RATE_MIN: f64 = 0.98;

#[test]
fn functions_give_what_ksqldb_gave() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(VECTORS);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let only = std::env::var("VECTORS_OF").ok();
    let (mut passed, mut failed, mut unread) = (0_u32, Vec::new(), 0_u32);
    let mut by_group: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for line in text.lines() {
        // Half of a surrogate pair, which one vector has, is no JSON here.
        let Ok(vector) = serde_json::from_str::<Json>(line) else {
            unread += 1;
            continue;
        };
        let group = vector["group"].as_str().unwrap_or_default().to_string();
        if only.as_ref().is_some_and(|only| !group.ends_with(&format!("/{only}"))) {
            continue;
        }
        match check(&vector) {
            None => unread += 1,
            Some(Ok(())) => {
                passed += 1;
                by_group.entry(group).or_default().0 += 1;
            }
            Some(Err(difference)) => {
                by_group.entry(group).or_default().1 += 1;
                failed.push(format!("{} {} : {difference}", vector["sql"], vector["row"]));
            }
        }
    }
    let total = f64::from(passed) + failed.len() as f64;
    for difference in failed.iter().take(400) {
        eprintln!("{difference}");
    }
    for (group, (passed, failed)) in by_group.iter().filter(|(_, (_, failed))| *failed > 0) {
        eprintln!("{group}: {passed} passed, {failed} failed");
    }
    eprintln!("{passed} passed, {} failed, {unread} not read", failed.len());
    assert!(f64::from(passed) / total >= PASS_RATE_MIN, "too many differences");
}

/// `None` if it cannot be read, else whether it is the same.
fn check(vector: &Json) -> Option<Result<(), String>> {
    let mut columns = BTreeMap::new();
    for (name, ty) in vector["columns"].as_object()? {
        let ty = Reader::new(ty.as_str()?, &BTreeMap::new()).ty().ok()?;
        let value = from_json(&ty, &vector["row"][name]);
        columns.insert(name.clone(), (ty, value));
    }
    let result = Reader::new(vector["sql"].as_str()?, &columns).whole();
    let expected_error = vector["error"].as_str();
    Some(match (result, expected_error) {
        (Err(Stop::Unread), _) => return None,
        (Err(Stop::Plan(_)), Some("plan")) | (Err(Stop::Row(_)), Some("row" | "query")) => Ok(()),
        (Err(Stop::Plan(reason)), _) => Err(format!("refused: {reason}")),
        (Err(Stop::Row(reason)), _) => Err(format!("row failed: {reason}")),
        (Ok((ty, value)), None) => same(vector, &ty, &value),
        (Ok((_, value)), Some(error)) => Err(format!("{value:?} instead of an error ({error})")),
    })
}

fn same(vector: &Json, ty: &ArgType, value: &Value) -> Result<(), String> {
    let ArgType::Sql(ty) = ty else { return Err(format!("no value: {ty}")) };
    let expected_type = vector["type"].as_str().unwrap_or_default();
    if ty.to_string() != expected_type {
        return Err(format!("type {ty} instead of {expected_type}"));
    }
    let mut out = Vec::new();
    write_json_value(ty, value, &mut out);
    let text = String::from_utf8_lossy(&out).into_owned();
    let got: Json = serde_json::from_str(&text).map_err(|e| format!("{text}: {e}"))?;
    let unordered = ["MAP_KEYS", "MAP_VALUES", "ENTRIES"]
        .iter()
        .any(|f| vector["sql"].as_str().is_some_and(|sql| sql.starts_with(f)));
    if alike(&got, &vector["result"], unordered) {
        Ok(())
    } else {
        Err(format!("{text} instead of {}", vector["result"]))
    }
}

fn alike(got: &Json, expected: &Json, unordered: bool) -> bool {
    match (got, expected) {
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.to_string(), b.to_string());
            a == b || (a.contains(['E', '.']) && close(&a, &b))
        }
        (Json::Array(a), Json::Array(b)) if unordered => {
            let sorted = |items: &[Json]| {
                let mut texts: Vec<_> = items.iter().map(Json::to_string).collect();
                texts.sort();
                texts
            };
            sorted(a) == sorted(b)
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b, false))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| alike(a, b, false)))
        }
        (a, b) => a == b,
    }
}

/// The same double written with other digits, or one unit in the last place away.
fn close(a: &str, b: &str) -> bool {
    let (Ok(x), Ok(y)) = (a.parse::<f64>(), b.parse::<f64>()) else { return false };
    let exact = a.contains('E') == b.contains('E') && x.to_bits().abs_diff(y.to_bits()) <= 1;
    exact && (a.len() > 15 || x == y)
}

/// A cell of a JSON record.
fn from_json(ty: &SqlType, json: &Json) -> Value {
    let number = || json.to_string();
    match (ty, json) {
        (_, Json::Null) => Value::Null,
        (SqlType::Boolean, json) => Value::Boolean(json.as_bool().unwrap_or_default()),
        (SqlType::Integer, _) => Value::Integer(number().parse().unwrap_or_default()),
        (SqlType::Bigint, _) => Value::Bigint(number().parse().unwrap_or_default()),
        (SqlType::Double, Json::String(text)) => Value::Double(text.parse().unwrap_or_default()),
        // The records' reader goes by decimals, which know no -0.0.
        (SqlType::Double, _) => Value::Double(number().parse().unwrap_or(0.0) + 0.0),
        (SqlType::Decimal { scale, .. }, _) => {
            let decimal: Decimal = number().parse().expect("a decimal");
            let scaled = decimal.with_scale(*scale, model::decimal::Rounding::HalfUp);
            Value::Decimal(scaled.expect("fits"))
        }
        (SqlType::String, Json::String(text)) => Value::String(text.clone()),
        (SqlType::String, other) => Value::String(other.to_string()),
        (SqlType::Bytes, json) => {
            let bytes = model::text::base64_bytes(json.as_str().unwrap_or_default());
            Value::Bytes(bytes.unwrap_or_default().into())
        }
        (SqlType::Date, _) => Value::Date(number().parse().unwrap_or_default()),
        (SqlType::Time, _) => Value::Time(number().parse().unwrap_or_default()),
        (SqlType::Timestamp, _) => Value::Timestamp(number().parse().unwrap_or_default()),
        (SqlType::Array(element), json) => {
            let items = json.as_array().map(Vec::as_slice).unwrap_or_default();
            Value::Array(items.iter().map(|item| from_json(element, item)).collect())
        }
        (SqlType::Map(_, inner), Json::Object(fields)) => Value::Map(
            (fields.iter())
                .map(|(key, value)| (Value::String(key.clone()), from_json(inner, value)))
                .collect(),
        ),
        (SqlType::Struct(fields), json) => {
            Value::Struct(fields.iter().map(|f| from_json(&f.ty, &json[&f.name])).collect())
        }
        (ty, json) => panic!("{json} for {ty}"),
    }
}

#[test]
fn the_examples_of_the_documentation_are_true() {
    let columns = BTreeMap::new();
    for function in SCALARS {
        let (call, expected) = function.doc.example;
        assert!(call.contains(function.name), "the example of {} shows it", function.name);
        let result = Reader::new(call, &columns).whole();
        let (ty, value) = match result {
            Ok((ArgType::Sql(ty), value)) => (ty, value),
            Ok((ty, _)) => panic!("{call} gives no value but {ty}"),
            Err(stop) => panic!("{call}: {stop:?}"),
        };
        assert_eq!(value_text(&ty, &value), expected, "{call}");
    }
}

/// The folder of our own expressions: one a line, with what it gives behind ` -> `: type and value,
/// `fails` (the row) or `refused` (the call). With `ACCEPT=1` in the environment they are written
/// anew.
const GOLDEN: &str = "tests/golden";

#[test]
fn golden_expressions_give_what_they_gave() {
    let columns = BTreeMap::new();
    let accept = std::env::var_os("ACCEPT").is_some();
    let mut covered = std::collections::BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    let mut files: Vec<_> = (std::fs::read_dir(folder).expect("the folder is there"))
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a text");
        let mut lines = String::new();
        for line in text.lines() {
            let call = line.rsplit_once(" -> ").map_or(line, |(call, _)| call);
            covered.insert(call.split('(').next().unwrap_or_default().to_string());
            let result = match Reader::new(call, &columns).whole() {
                Ok((ArgType::Sql(ty), Value::Null)) => format!("{ty} null"),
                Ok((ArgType::Sql(ty), value)) => format!("{ty} {}", value_text(&ty, &value)),
                Ok((ty, _)) => panic!("{call} gives no value but {ty}"),
                Err(Stop::Row(_)) => "fails".to_string(),
                Err(Stop::Plan(_)) => "refused".to_string(),
                Err(Stop::Unread) => panic!("{call} cannot be read"),
            };
            lines.push_str(&format!("{call} -> {result}\n"));
        }
        if accept {
            std::fs::write(&path, lines).expect("it can be written");
        } else {
            similar(&path, &text, &lines);
        }
    }
    for function in SCALARS {
        assert!(covered.contains(function.name), "no golden expression of {}", function.name);
    }
}

/// Panics with the first line that differs.
fn similar(path: &Path, expected: &str, got: &str) {
    for (expected, got) in expected.lines().zip(got.lines()) {
        assert_eq!(got, expected, "in {}", path.display());
    }
}

#[test]
fn every_function_is_documented_and_in_order() {
    for pair in SCALARS.windows(2) {
        assert!(pair[0].name < pair[1].name, "{} before {}", pair[0].name, pair[1].name);
    }
    for function in SCALARS {
        assert!(!function.doc.description.is_empty(), "{} is described", function.name);
        assert!(!function.signatures().is_empty(), "{} can be called", function.name);
    }
}
