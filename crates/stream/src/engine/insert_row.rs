//! A row as a JSON object in (`/inserts-stream`), a value for each column out.
//!
//! The rules are narrower than those of the JSON format: a text is no number and a number no text;
//! whole numbers widen, decimals are rounded to the column's scale, times and bytes are texts.
//! Names are those of SQL: in any case, or quoted; what the target does not have is left out.

use model::decimal::Rounding;
use model::{Column, Decimal, SqlType, Value};
use serde_json::{Map, Value as Json};

/// The values of `columns` in `row`; null where it has none.
pub(super) fn values(columns: &[&Column], row: &Map<String, Json>) -> Result<Vec<Value>, String> {
    let row = named(row)?;
    let value = |column: &&Column| {
        let json = row.iter().rev().find(|(name, _)| *name == column.name).map(|(_, json)| *json);
        let json = json.unwrap_or(&Json::Null);
        value_of(json, &column.ty)
            .ok_or_else(|| format!("`{}` is {}, and does not take {json}", column.name, column.ty))
    };
    columns.iter().map(value).collect()
}

/// What a name in JSON means: quoted as it stands, otherwise in upper case.
pub(super) fn identifier(text: &str) -> Result<String, String> {
    for quote in ['`', '"'] {
        if let Some(rest) = text.strip_prefix(quote) {
            let name = rest.strip_suffix(quote).filter(|name| !name.is_empty());
            return name.map(str::to_owned).ok_or_else(|| format!("{text} is no name"));
        }
    }
    Ok(text.to_uppercase())
}

fn named(object: &Map<String, Json>) -> Result<Vec<(String, &Json)>, String> {
    object.iter().map(|(name, json)| Ok((identifier(name)?, json))).collect()
}

/// The value as the type; none: it does not fit.
fn value_of(json: &Json, ty: &SqlType) -> Option<Value> {
    Some(match (ty, json) {
        (_, Json::Null) => Value::Null,
        (SqlType::Boolean, Json::Bool(truth)) => Value::Boolean(*truth),
        (SqlType::Integer, Json::Number(n)) => Value::Integer(i32::try_from(n.as_i64()?).ok()?),
        (SqlType::Bigint, Json::Number(n)) => Value::Bigint(n.as_i64()?),
        (SqlType::Double, Json::Number(n)) => Value::Double(n.as_f64()?),
        (SqlType::Decimal { precision, scale }, Json::Number(_) | Json::String(_)) => {
            let text = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
            let number: Decimal = text.parse().ok()?;
            let number = number.with_scale(*scale, Rounding::HalfUp)?;
            Value::Decimal(number.fits(*precision).then_some(number)?)
        }
        (SqlType::String, Json::String(text)) => Value::String(text.clone()),
        (SqlType::Bytes, Json::String(text)) => {
            Value::Bytes(model::text::base64_bytes(text)?.into())
        }
        (SqlType::Date, Json::String(text)) => Value::Date(model::text::parse_date(text).ok()?),
        (SqlType::Time, Json::String(text)) => Value::Time(model::text::parse_time(text).ok()?),
        (SqlType::Timestamp, Json::String(text)) => {
            Value::Timestamp(model::text::parse_timestamp(text).ok()?)
        }
        (SqlType::Array(element), Json::Array(items)) => {
            let items = items.iter().map(|item| value_of(item, element));
            Value::Array(items.collect::<Option<_>>()?)
        }
        (SqlType::Map(key, value), Json::Object(entries)) => {
            let entries = entries.iter().map(|(name, json)| {
                let name = value_of(&Json::String(name.clone()), key)?;
                Some((name, value_of(json, value)?))
            });
            Value::Map(entries.collect::<Option<_>>()?)
        }
        (SqlType::Struct(fields), Json::Object(object)) => {
            let object = named(object).ok()?;
            let field = |field: &model::Field| {
                let found = object.iter().rev().find(|(name, _)| *name == field.name);
                found.map_or(Some(Value::Null), |(_, json)| value_of(json, &field.ty))
            };
            Value::Struct(fields.iter().map(field).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Field;

    fn check(ty: SqlType, json: &str, expect: Option<Value>) {
        let json: Json = serde_json::from_str(json).expect("JSON");
        assert_eq!(value_of(&json, &ty), expect, "{json} as {ty}");
    }

    #[test]
    fn values_are_taken_as_they_are() {
        check(SqlType::Bigint, "5", Some(Value::Bigint(5)));
        check(SqlType::Bigint, "5.0", None);
        check(SqlType::Bigint, "\"5\"", None);
        check(SqlType::Integer, "3000000000", None);
        check(SqlType::Double, "5", Some(Value::Double(5.0)));
        check(SqlType::String, "5", None);
        check(SqlType::Boolean, "\"true\"", None);
        check(SqlType::Date, "\"1970-01-02\"", Some(Value::Date(1)));
        check(SqlType::Bytes, "\"IQ==\"", Some(Value::Bytes(b"!".as_slice().into())));
    }

    #[test]
    fn decimals_are_rounded_and_must_fit() {
        let decimal = |unscaled: i128| {
            Some(Value::Decimal(Decimal::new(arrow_buffer::i256::from_i128(unscaled), 2)))
        };
        let ty = || SqlType::decimal(4, 2);
        check(ty(), "12.345", decimal(1235));
        check(ty(), "\"1.2\"", decimal(120));
        check(ty(), "7", decimal(700));
        check(ty(), "123", None);
        check(ty(), "\"x\"", None);
    }

    #[test]
    fn names_are_those_of_sql() {
        let ty = SqlType::Struct(vec![
            Field::new("A", SqlType::Integer),
            Field::new("b", SqlType::Integer),
        ]);
        let expect = |a, b| Some(Value::Struct(vec![a, b]));
        let one = || Value::Integer(1);
        check(ty.clone(), r#"{"a":1,"`b`":1,"c":[]}"#, expect(one(), one()));
        check(ty.clone(), r#"{"\"A\"":1}"#, expect(one(), Value::Null));
        check(ty, r#"{"`a":1}"#, None);
        assert_eq!(identifier("`x`").as_deref(), Ok("x"));
        assert!(identifier("`x").is_err());
    }
}
