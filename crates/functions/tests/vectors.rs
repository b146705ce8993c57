//! What ksqlDB's functions gave, expression by expression, against ours: a small reader of expressions
//! (calls of functions on columns, literals, CASTs and constructors) resolves and evaluates them by the
//! lists of this crate alone, without planner and engine. What it cannot read is counted, not judged.

use std::collections::BTreeMap;
use std::path::Path;

use functions::scalar::{Arg, Call, IntervalUnit, scalar};
use functions::{ArgType, Evaluated};
use model::column::{column_of, value_at};
use model::text::{parse_date, parse_time, parse_timestamp, value_text, write_json_value};
use model::{Decimal, Field, SqlType, Value};
use serde_json::Value as Json;

/// Where the vectors lie, seen from this crate.
const VECTORS: &str = "../../../shared/ksqldb/vectors/functions.jsonl";

/// How many of the expressions that are read must come out the same.
const PASS_RATE_MIN: f64 = 0.98;

/// Why an expression has no value.
enum Stop {
    /// This test cannot read it.
    Unread,
    /// It is refused.
    Plan(String),
    /// The row fails.
    Row(String),
}

type Typed = (ArgType, Value);

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
        let mut reader = Reader { rest: ty.as_str()?, columns: &BTreeMap::new() };
        let ty = reader.ty().ok()?;
        let value = from_json(&ty, &vector["row"][name]);
        columns.insert(name.clone(), (ty, value));
    }
    let mut reader = Reader { rest: vector["sql"].as_str()?, columns: &columns };
    let result = reader.expression();
    if result.is_ok() && !reader.rest.trim().is_empty() {
        return None;
    }
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

struct Reader<'a> {
    rest: &'a str,
    columns: &'a BTreeMap<String, (SqlType, Value)>,
}

impl<'a> Reader<'a> {
    fn eat(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), Stop> {
        if self.eat(token) { Ok(()) } else { Err(Stop::Unread) }
    }

    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        if let Some(quoted) = rest.strip_prefix('`') {
            let (word, rest) = quoted.split_once('`')?;
            self.rest = rest;
            return Some(word);
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if !rest.starts_with(|c: char| c.is_alphabetic()) {
            return None;
        }
        self.rest = &rest[end..];
        Some(&rest[..end])
    }

    fn ty(&mut self) -> Result<SqlType, Stop> {
        let word = self.word().ok_or(Stop::Unread)?;
        Ok(match word {
            "BOOLEAN" => SqlType::Boolean,
            "INT" | "INTEGER" => SqlType::Integer,
            "BIGINT" => SqlType::Bigint,
            "DOUBLE" => SqlType::Double,
            "VARCHAR" | "STRING" => SqlType::String,
            "BYTES" => SqlType::Bytes,
            "DATE" => SqlType::Date,
            "TIME" => SqlType::Time,
            "TIMESTAMP" => SqlType::Timestamp,
            "DECIMAL" => {
                self.expect("(")?;
                let (inner, rest) = self.rest.split_once(')').ok_or(Stop::Unread)?;
                self.rest = rest;
                let (p, s) = inner.split_once(',').ok_or(Stop::Unread)?;
                let digits = |text: &str| text.trim().parse().map_err(|_| Stop::Unread);
                SqlType::decimal(digits(p)?, digits(s)?)
            }
            "ARRAY" => {
                self.expect("<")?;
                let element = self.ty()?;
                self.expect(">")?;
                SqlType::array(element)
            }
            "MAP" => {
                self.expect("<")?;
                let key = self.ty()?;
                self.expect(",")?;
                let value = self.ty()?;
                self.expect(">")?;
                SqlType::map(key, value)
            }
            "STRUCT" => {
                self.expect("<")?;
                let mut fields = Vec::new();
                while !self.eat(">") {
                    self.eat(",");
                    let name = self.word().ok_or(Stop::Unread)?;
                    fields.push(Field::new(name, self.ty()?));
                }
                SqlType::Struct(fields)
            }
            _ => return Err(Stop::Unread),
        })
    }

    fn expression(&mut self) -> Result<Typed, Stop> {
        let rest = self.rest.trim_start();
        let first = rest.chars().next().ok_or(Stop::Unread)?;
        if first == '\'' {
            return self.text();
        }
        if first.is_ascii_digit() || first == '-' {
            return self.number();
        }
        let word = self.word().ok_or(Stop::Unread)?;
        match word.to_ascii_uppercase().as_str() {
            "NULL" => Ok((ArgType::Null, Value::Null)),
            "TRUE" => Ok((ArgType::Sql(SqlType::Boolean), Value::Boolean(true))),
            "FALSE" => Ok((ArgType::Sql(SqlType::Boolean), Value::Boolean(false))),
            "ARRAY" if self.eat("[") => self.array(),
            "CAST" if self.eat("(") => {
                let (from, value) = self.expression()?;
                self.expect("AS")?;
                let ty = self.ty()?;
                self.expect(")")?;
                let value = cast(&from, &value, &ty)?;
                Ok((ArgType::Sql(ty), value))
            }
            "MAP" | "STRUCT" | "CASE" => Err(Stop::Unread),
            _ if self.eat("(") => self.call(&word.to_ascii_uppercase()),
            "DAYS" | "HOURS" | "MINUTES" | "SECONDS" | "MILLISECONDS" => {
                Ok((ArgType::IntervalUnit, Value::String(word.to_ascii_uppercase())))
            }
            name => match self.columns.get(name) {
                Some((ty, value)) => Ok((ArgType::Sql(ty.clone()), value.clone())),
                None if self.rest.trim_start().starts_with("=>") => Err(Stop::Unread),
                None => Err(Stop::Plan(format!("no column {name}"))),
            },
        }
    }

    fn text(&mut self) -> Result<Typed, Stop> {
        let rest = &self.rest.trim_start()[1..];
        let (mut text, mut at) = (String::new(), 0);
        loop {
            let end = rest[at..].find('\'').ok_or(Stop::Unread)?;
            text.push_str(&rest[at..at + end]);
            at += end + 1;
            if !rest[at..].starts_with('\'') {
                break;
            }
            text.push('\'');
            at += 1;
        }
        self.rest = &rest[at..];
        Ok((ArgType::Sql(SqlType::String), Value::String(text)))
    }

    fn number(&mut self) -> Result<Typed, Stop> {
        let rest = self.rest.trim_start();
        let mut end = 1;
        let bytes = rest.as_bytes();
        while let Some(b) = bytes.get(end) {
            let sign = matches!(b, b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E');
            if !(b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E') || sign) {
                break;
            }
            end += 1;
        }
        let (text, rest) = rest.split_at(end);
        self.rest = rest;
        if text.contains(['e', 'E']) {
            let number = text.parse().map_err(|_| Stop::Unread)?;
            return Ok((ArgType::Sql(SqlType::Double), Value::Double(number)));
        }
        if text.contains('.') {
            let decimal: Decimal = text.parse().map_err(|_| Stop::Unread)?;
            let precision = decimal.precision().max(decimal.scale + 1);
            let ty = SqlType::decimal(precision, decimal.scale);
            return Ok((ArgType::Sql(ty), Value::Decimal(decimal)));
        }
        let number: i64 = text.parse().map_err(|_| Stop::Unread)?;
        Ok(match i32::try_from(number) {
            Ok(small) => (ArgType::Sql(SqlType::Integer), Value::Integer(small)),
            Err(_) => (ArgType::Sql(SqlType::Bigint), Value::Bigint(number)),
        })
    }

    fn array(&mut self) -> Result<Typed, Stop> {
        let mut items = Vec::new();
        while !self.eat("]") {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(self.expression()?);
        }
        let element = items.iter().find_map(|(ty, _)| ty.sql().cloned());
        let element = element.ok_or(Stop::Plan("an empty array".to_string()))?;
        if items.iter().any(|(ty, _)| ty.sql().is_some_and(|ty| *ty != element)) {
            return Err(Stop::Unread);
        }
        let values = items.into_iter().map(|(_, value)| value).collect();
        Ok((ArgType::Sql(SqlType::array(element)), Value::Array(values)))
    }

    fn call(&mut self, name: &str) -> Result<Typed, Stop> {
        let function = scalar(name).ok_or(Stop::Unread)?;
        let mut args: Vec<Typed> = Vec::new();
        while !self.eat(")") {
            if !args.is_empty() {
                self.expect(",")?;
            }
            args.push(self.expression()?);
            if self.rest.trim_start().starts_with("=>") {
                return Err(Stop::Unread);
            }
        }
        let types: Vec<_> = args.iter().map(|(ty, _)| ty.clone()).collect();
        let resolved = function.resolve(&types).map_err(|e| Stop::Plan(e.to_string()))?;
        let mut cells = Vec::new();
        for ((from, value), to) in args.iter().zip(&resolved.args) {
            cells.push(match to {
                ArgType::Sql(ty) => {
                    let value = match cast(from, value, ty) {
                        Err(Stop::Row(_)) => Value::Null,
                        other => other?,
                    };
                    // Two rows, so that nothing depends on there being one.
                    Arg::Column(column_of(ty, [&value, &value]))
                }
                ArgType::IntervalUnit => Arg::Unit(Some(match value.as_str() {
                    Some("DAYS") => IntervalUnit::Days,
                    Some("HOURS") => IntervalUnit::Hours,
                    Some("MINUTES") => IntervalUnit::Minutes,
                    Some("SECONDS") => IntervalUnit::Seconds,
                    _ => IntervalUnit::Milliseconds,
                })),
                _ => Arg::Unit(None),
            });
        }
        let call = Call {
            args: &cells,
            arg_types: &resolved.args,
            returns: &resolved.returns,
            rows: 2,
            now_ms: 1_700_000_000_000,
        };
        let Evaluated { column, errors } = function.evaluate(resolved.signature, &call);
        if let Some((_, reason)) = errors.iter().next() {
            return Err(Stop::Row(reason.to_string()));
        }
        let value = value_at(&resolved.returns, &column, 1);
        Ok((ArgType::Sql(resolved.returns), value))
    }
}

/// The casts that the vectors of functions need.
fn cast(from: &ArgType, value: &Value, to: &SqlType) -> Result<Value, Stop> {
    let failed = |what: &str| Stop::Row(what.to_string());
    if value.is_null() || from.sql() == Some(to) {
        return Ok(value.clone());
    }
    Ok(match (value, to) {
        (Value::Integer(n), SqlType::Bigint) => Value::Bigint(i64::from(*n)),
        (Value::Integer(_) | Value::Bigint(_) | Value::Decimal(_), SqlType::Double) => {
            Value::Double(value.as_f64().unwrap_or_default())
        }
        (Value::Integer(_) | Value::Bigint(_), SqlType::Decimal { scale, .. }) => {
            let n = value.as_i64().unwrap_or_default();
            let decimal = Decimal::new(n, 0);
            let scaled = decimal.with_scale(*scale, model::decimal::Rounding::HalfUp);
            Value::Decimal(scaled.ok_or(failed("too large"))?)
        }
        (Value::Decimal(n), SqlType::Decimal { scale, .. }) => {
            let scaled = n.with_scale(*scale, model::decimal::Rounding::HalfUp);
            Value::Decimal(scaled.ok_or(failed("too large"))?)
        }
        (Value::String(text), SqlType::Date) => {
            Value::Date(parse_date(text).map_err(|e| failed(&e.to_string()))?)
        }
        (Value::String(text), SqlType::Time) => {
            Value::Time(parse_time(text).map_err(|e| failed(&e.to_string()))?)
        }
        (Value::String(text), SqlType::Timestamp) => {
            Value::Timestamp(parse_timestamp(text).map_err(|e| failed(&e.to_string()))?)
        }
        (Value::String(text), SqlType::Bytes) => {
            let bytes = model::text::base64_bytes(text).ok_or(failed("no base64"))?;
            Value::Bytes(bytes.into())
        }
        (Value::String(text), SqlType::Decimal { scale, .. }) => {
            let decimal: Decimal = text.parse().map_err(|_| failed("no decimal"))?;
            let scaled = decimal.with_scale(*scale, model::decimal::Rounding::HalfUp);
            Value::Decimal(scaled.ok_or(failed("too large"))?)
        }
        (Value::String(text), SqlType::Double) => match text.parse::<f64>() {
            Ok(n) if n.is_finite() => Value::Double(n),
            Ok(_) => return Ok(Value::Null),
            Err(_) => return Err(Stop::Unread),
        },
        (value, SqlType::String) => {
            let ty = from.sql().ok_or(Stop::Unread)?;
            Value::String(value_text(ty, value))
        }
        _ => return Err(Stop::Unread),
    })
}
