//! Functions of JSON text. Numbers keep their digits (`1.50` stays `1.50`); of several documents in
//! one text the first one counts.

use model::text::{write_json_string, write_json_value};
use model::{SqlType, Value};
use serde_json::{Number, Value as Json};

use super::Eval::Rows;
use super::units::text;
use super::{Call, Overload, ScalarFunction, of};
use crate::Doc;
use crate::limits::TEXT_BYTES_MAX;

/// Defines a function of this category.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [Overload],
) -> ScalarFunction {
    ScalarFunction { name, doc: Doc { description, category: "JSON", example }, overloads }
}

/// The first document of a text; `None` for an empty one.
fn parse(input: &str) -> Result<Option<Json>, String> {
    if input.trim_ascii().is_empty() {
        return Ok(None);
    }
    let mut documents = serde_json::Deserializer::from_str(input).into_iter();
    documents.next().transpose().map_err(|e| format!("not JSON: {e}"))
}

/// A document as text, without spaces; numbers without an exponent if `plain`.
fn write(json: &Json, plain: bool, out: &mut Vec<u8>) {
    // What is longer fails its row anyway.
    if out.len() > TEXT_BYTES_MAX {
        return;
    }
    match json {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Json::Number(number) => out.extend_from_slice(number_text(number, plain).as_bytes()),
        Json::String(text) => write_json_string(text, out),
        Json::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, plain, out);
            }
            out.push(b']');
        }
        Json::Object(fields) => {
            out.push(b'{');
            for (i, (name, value)) in fields.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_json_string(name, out);
                out.push(b':');
                write(value, plain, out);
            }
            out.push(b'}');
        }
    }
}

fn json_text(json: &Json, plain: bool) -> String {
    let mut out = Vec::new();
    write(json, plain, &mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// The text inside a string, the JSON of all else.
fn plain_text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => json_text(other, false),
    }
}

/// A number as Java's `BigDecimal` writes it: `1e2` is `1E+2` (or plainly `100`), `-0` is `0`.
fn number_text(number: &Number, plain: bool) -> String {
    let text = number.to_string();
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.as_str()),
    };
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return if unsigned == "0" { "0".to_string() } else { text };
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let Ok(exponent) = exponent.parse::<i64>() else { return text };
    let all = format!("{whole}{fraction}");
    let digits = match all.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let sign = if digits == "0" { "" } else { negative };
    let scale = fraction.len() as i64 - exponent;
    let adjusted = digits.len() as i64 - 1 - scale;
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    if plain && scale < 0 && scale > -1_000 && digits != "0" {
        return format!("{sign}{digits}{}", "0".repeat(-scale as usize));
    }
    if scale > 0 && (adjusted >= -6 || (plain && scale < 1_000)) {
        let scale = scale as usize;
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        return format!("{sign}{whole}.{fraction}");
    }
    let point = if digits.len() > 1 { "." } else { "" };
    let (first, rest) = digits.split_at(1);
    match adjusted {
        0 => format!("{sign}{first}{point}{rest}"),
        _ => format!("{sign}{first}{point}{rest}E{adjusted:+}"),
    }
}

pub(super) const EXTRACTJSONFIELD: ScalarFunction = function(
    "EXTRACTJSONFIELD",
    "What lies at a path like `$.a.b[1]` in a JSON text; NULL if nothing does.",
    ("EXTRACTJSONFIELD('{\"a\": {\"b\": [10, 20]}}', '$.a.b[1]')", "20"),
    &[of("EXTRACTJSONFIELD(input VARCHAR, path VARCHAR) -> VARCHAR", Rows(extract_json_field))],
);

fn extract_json_field(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(input), Some(path)) = (text(&args[0]), text(&args[1])) else {
        return Ok(Value::Null);
    };
    let steps = path_steps(path).ok_or_else(|| format!("'{path}' is not a JSON path"))?;
    let Some(root) = parse(input)? else { return Ok(Value::Null) };
    let mut at = &root;
    for step in &steps {
        let next = match at {
            Json::Object(fields) => fields.get(step),
            Json::Array(items) => step.parse().ok().and_then(|i: usize| items.get(i)),
            _ => None,
        };
        let Some(next) = next else { return Ok(Value::Null) };
        at = next;
    }
    Ok(Value::String(plain_text(at)))
}

/// `$.a["b c"][1]` as `a`, `b c`, `1`.
fn path_steps(path: &str) -> Option<Vec<String>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let step;
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let end = quoted.find("\"]")?;
            step = &quoted[..end];
            rest = &quoted[end + 2..];
        } else if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']')?;
            step = &inner[..end];
            rest = &inner[end + 1..];
            if step.is_empty() || !step.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return None;
            }
        } else {
            let field = rest.strip_prefix('.')?;
            let in_name = |c: char| c.is_alphanumeric() || "_:-$/@|".contains(c);
            let end = field.find(|c| !in_name(c)).unwrap_or(field.len());
            step = &field[..end];
            rest = &field[end..];
            if step.is_empty() {
                return None;
            }
        }
        steps.push(step.to_string());
    }
    Some(steps)
}

pub(super) const IS_JSON_STRING: ScalarFunction = function(
    "IS_JSON_STRING",
    "Is the text JSON? NULL is not.",
    ("IS_JSON_STRING('[1, 2]')", "true"),
    &[of("IS_JSON_STRING(input VARCHAR) -> BOOLEAN", Rows(is_json_string))],
);

fn is_json_string(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let valid = text(&args[0]).is_some_and(|t| matches!(parse(t), Ok(Some(_))));
    Ok(Value::Boolean(valid))
}

pub(super) const JSON_ARRAY_CONTAINS: ScalarFunction = function(
    "JSON_ARRAY_CONTAINS",
    "Is the value, of the same kind, among the elements of a JSON array?",
    ("JSON_ARRAY_CONTAINS('[1, 2, 3]', 2)", "true"),
    &[of("JSON_ARRAY_CONTAINS(jsonArray VARCHAR, val T) -> BOOLEAN", Rows(json_array_contains))],
);

fn json_array_contains(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let mut rest = text(&args[0]).ok_or("the JSON text must not be null")?.trim_ascii_start();
    let whole = |n: &Number| n.to_string().parse::<i64>().ok();
    let same = |item: &Json| match (item, &args[1]) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(a), Value::Boolean(b)) => a == b,
        (Json::String(a), Value::String(b)) => a == b,
        (Json::Number(a), Value::Integer(b)) => whole(a) == Some(i64::from(*b)),
        (Json::Number(a), Value::Bigint(b)) => whole(a) == Some(*b),
        (Json::Number(a), Value::Double(b)) => {
            a.to_string().contains(['.', 'e', 'E']) && a.as_f64() == Some(*b)
        }
        _ => false,
    };
    // Element by element: what follows the one looked for, even if it is not JSON, does not matter.
    while let Some(elements) = rest.strip_prefix(['[', ',']) {
        let mut elements = serde_json::Deserializer::from_str(elements).into_iter::<Json>();
        match elements.next() {
            Some(Ok(element)) if same(&element) => return Ok(Value::Boolean(true)),
            Some(Ok(_)) => rest = rest[1 + elements.byte_offset()..].trim_ascii_start(),
            _ => break,
        }
    }
    Ok(Value::Boolean(false))
}

pub(super) const JSON_ARRAY_LENGTH: ScalarFunction = function(
    "JSON_ARRAY_LENGTH",
    "How many elements a JSON array has; NULL if the text is no array.",
    ("JSON_ARRAY_LENGTH('[1, 2, 3]')", "3"),
    &[of("JSON_ARRAY_LENGTH(jsonArray VARCHAR) -> INT", Rows(json_array_length))],
);

fn json_array_length(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(match text(&args[0]).map(parse).transpose()?.flatten() {
        Some(Json::Array(items)) => Value::Integer(items.len() as i32),
        _ => Value::Null,
    })
}

pub(super) const JSON_CONCAT: ScalarFunction = function(
    "JSON_CONCAT",
    "JSON texts put together: the fields of objects, the elements of arrays, all else as an array.",
    ("JSON_CONCAT('[1]', '[2, 3]')", "[1,2,3]"),
    &[of("JSON_CONCAT(jsonStrings VARCHAR...) -> VARCHAR", Rows(json_concat))],
);

fn json_concat(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    if args.is_empty() {
        return Err("JSON_CONCAT needs an argument".to_string());
    }
    let mut documents = Vec::with_capacity(args.len());
    for arg in args {
        match text(arg).map(parse).transpose()?.flatten() {
            Some(document) => documents.push(document),
            None => return Ok(Value::Null),
        }
    }
    if let [document] = documents.as_slice() {
        return Ok(Value::String(json_text(document, true)));
    }
    let joined = if documents.iter().all(Json::is_object) {
        let mut fields = serde_json::Map::new();
        for document in documents {
            if let Json::Object(more) = document {
                fields.extend(more);
            }
        }
        Json::Object(fields)
    } else {
        let mut items = Vec::new();
        for document in documents {
            match document {
                Json::Array(more) => items.extend(more),
                other => items.push(other),
            }
        }
        Json::Array(items)
    };
    Ok(Value::String(json_text(&joined, true)))
}

pub(super) const JSON_ITEMS: ScalarFunction = function(
    "JSON_ITEMS",
    "The elements of a JSON array, each as JSON text.",
    ("JSON_ITEMS('[{\"a\": 1}, 2]')", "[{\"a\":1}, 2]"),
    &[of("JSON_ITEMS(jsonItems VARCHAR) -> ARRAY<VARCHAR>", Rows(json_items))],
);

fn json_items(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let Some(input) = text(&args[0]) else { return Ok(Value::Null) };
    match parse(input)? {
        Some(Json::Array(items)) => {
            let texts = items.iter().map(|item| Value::String(json_text(item, false)));
            Ok(Value::Array(texts.collect()))
        }
        _ => Err("JSON_ITEMS needs a JSON array".to_string()),
    }
}

pub(super) const JSON_KEYS: ScalarFunction = function(
    "JSON_KEYS",
    "The names of a JSON object's fields; NULL if the text is no object.",
    ("JSON_KEYS('{\"b\": 1, \"a\": 2}')", "[b, a]"),
    &[of("JSON_KEYS(jsonObj VARCHAR) -> ARRAY<VARCHAR>", Rows(json_keys))],
);

fn json_keys(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(match text(&args[0]).map(parse).transpose()?.flatten() {
        Some(Json::Object(fields)) => {
            Value::Array(fields.keys().map(|name| Value::String(name.clone())).collect())
        }
        _ => Value::Null,
    })
}

pub(super) const JSON_RECORDS: ScalarFunction = function(
    "JSON_RECORDS",
    "The fields of a JSON object as a map of texts; NULL if the text is no object.",
    ("JSON_RECORDS('{\"a\": \"x\", \"b\": [1]}')", "{a=x, b=[1]}"),
    &[of("JSON_RECORDS(jsonObj VARCHAR) -> MAP<VARCHAR,VARCHAR>", Rows(json_records))],
);

fn json_records(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(match text(&args[0]).map(parse).transpose()?.flatten() {
        Some(Json::Object(fields)) => Value::Map(
            (fields.iter())
                .map(|(name, v)| (Value::String(name.clone()), Value::String(plain_text(v))))
                .collect(),
        ),
        _ => Value::Null,
    })
}

pub(super) const TO_JSON_STRING: ScalarFunction = function(
    "TO_JSON_STRING",
    "The value as JSON text, with the fields of structs and the keys of maps in order.",
    ("TO_JSON_STRING(ARRAY[1, NULL])", "[1,null]"),
    &[of("TO_JSON_STRING(input T) -> VARCHAR", Rows(to_json_string))],
);

fn to_json_string(args: &[Value], call: &Call<'_>) -> Result<Value, String> {
    let mut out = Vec::new();
    let (ty, value) = sorted(call.type_of(0), &args[0]);
    write_json_value(&ty, &value, &mut out);
    Ok(Value::String(String::from_utf8(out).expect("JSON is UTF-8")))
}

/// The same value with the fields of structs and the keys of maps in order, and timestamps as text.
fn sorted(ty: &SqlType, value: &Value) -> (SqlType, Value) {
    match (ty, value) {
        (SqlType::Array(element), Value::Array(items)) => {
            let sorted_type = sorted(element, &Value::Null).0;
            let items = items.iter().map(|item| sorted(element, item).1).collect();
            (SqlType::array(sorted_type), Value::Array(items))
        }
        (SqlType::Map(key, inner), Value::Map(entries)) => {
            let sorted_type = sorted(inner, &Value::Null).0;
            let mut entries: Vec<_> =
                entries.iter().map(|(k, v)| (k.clone(), sorted(inner, v).1)).collect();
            entries.sort_by(|(a, _), (b, _)| a.sql_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
            (SqlType::Map(key.clone(), Box::new(sorted_type)), Value::Map(entries))
        }
        (SqlType::Struct(fields), value) => {
            let mut order: Vec<usize> = (0..fields.len()).collect();
            order.sort_by(|a, b| model::value::utf16_cmp(&fields[*a].name, &fields[*b].name));
            let values = match value {
                Value::Struct(values) => Some(values),
                _ => None,
            };
            let (mut types, mut cells) = (Vec::new(), Vec::new());
            for at in order {
                let cell = values.map_or(&Value::Null, |values| &values[at]);
                let (ty, cell) = sorted(&fields[at].ty, cell);
                types.push(model::Field::new(fields[at].name.clone(), ty));
                cells.push(cell);
            }
            let value = if values.is_some() { Value::Struct(cells) } else { Value::Null };
            (SqlType::Struct(types), value)
        }
        (SqlType::Array(element), _) => {
            (SqlType::array(sorted(element, &Value::Null).0), Value::Null)
        }
        (SqlType::Map(key, inner), _) => {
            let inner = sorted(inner, &Value::Null).0;
            (SqlType::Map(key.clone(), Box::new(inner)), Value::Null)
        }
        (SqlType::Timestamp, Value::Timestamp(ms)) => {
            (SqlType::String, Value::String(model::text::timestamp_cast_text(*ms)))
        }
        (SqlType::Timestamp, _) => (SqlType::String, Value::Null),
        (ty, value) => (ty.clone(), value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let check = |text: &str, expect: &str| {
            let json = parse(text).ok().flatten().expect("a number");
            assert_eq!(json_text(&json, false), expect);
        };
        check("1.50", "1.50");
        check("1e2", "1E+2");
        check("12.5e3", "1.25E+4");
        check("0.0000001", "1E-7");
        check("123456789012345678901234567890", "123456789012345678901234567890");
        check("-0.5", "-0.5");
        check("1.5E-10", "1.5E-10");
        check("10e-1", "1.0");
    }

    #[test]
    fn paths_are_taken_apart() {
        let check = |path: &str, expect: Option<&[&str]>| {
            let steps = path_steps(path);
            assert_eq!(
                steps.as_ref().map(|s| s.iter().map(String::as_str).collect()),
                expect.map(<[_]>::to_vec)
            );
        };
        check("$", Some(&[]));
        check("$.a[0].b", Some(&["a", "0", "b"]));
        check("$[\"a b\"]", Some(&["a b"]));
        check("$.", None);
        check("a", None);
        check("$[-1]", None);
        check("$['a']", None);
    }
}
