//! Conversions value by value: decimals, dates and times, text, and everything nested.

use model::decimal::Rounding;
use model::text::{base64_bytes, parse_date, parse_time, parse_timestamp, value_text};
use model::{Decimal, SqlType, Value};

use super::number;

/// A day in milliseconds.
pub(super) const DAY_MS: i64 = 86_400_000;

/// The value as another type, or why there is none. NULL is NULL.
pub(super) fn convert(value: &Value, from: &SqlType, to: &SqlType) -> Result<Value, String> {
    use Value as V;
    let converted = match (value, to) {
        (V::Null, _) => Some(V::Null),
        (value, _) if from == to => Some(value.clone()),
        (V::Array(items), SqlType::Array(target)) => {
            let element = super::super::element_type(from);
            let items = items.iter().map(|item| convert(item, element, target));
            Some(V::Array(items.collect::<Result<_, _>>()?))
        }
        (V::Map(entries), SqlType::Map(key_target, value_target)) => {
            let SqlType::Map(key_type, value_type) = from else { return Err(refused(from, to)) };
            let mut converted = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let key = convert(key, key_type, key_target)?;
                converted.push((key, convert(value, value_type, value_target)?));
            }
            Some(V::Map(converted))
        }
        (V::Struct(values), SqlType::Struct(targets)) => {
            let SqlType::Struct(fields) = from else { return Err(refused(from, to)) };
            let mut converted = Vec::with_capacity(targets.len());
            for target in targets {
                let at = fields.iter().position(|field| field.name == target.name);
                converted.push(match at {
                    Some(at) => convert(&values[at], &fields[at].ty, &target.ty)?,
                    None => V::Null,
                });
            }
            Some(V::Struct(converted))
        }
        (value, SqlType::String) => Some(V::String(value_text(from, value))),
        (V::String(text), to) => return of_text(text, to),
        (V::Timestamp(ms), SqlType::Date) => i32::try_from(ms.div_euclid(DAY_MS)).ok().map(V::Date),
        (V::Timestamp(ms), SqlType::Time) => Some(V::Time(ms.rem_euclid(DAY_MS) as i32)),
        (V::Date(days), SqlType::Timestamp) => Some(V::Timestamp(i64::from(*days) * DAY_MS)),
        (value, to) => of_number(value, to),
    };
    converted.ok_or_else(|| format!("{} does not fit into {to}", value_text(from, value)))
}

fn refused(from: &SqlType, to: &SqlType) -> String {
    format!("{from} cannot be converted to {to}")
}

fn of_text(text: &str, to: &SqlType) -> Result<Value, String> {
    let number = match to {
        SqlType::Boolean => Some(Value::Boolean(number::parse_boolean(text))),
        SqlType::Integer => {
            let whole = number::parse_whole(text).and_then(|n| i32::try_from(n).ok());
            whole.map(Value::Integer)
        }
        SqlType::Bigint => number::parse_whole(text).map(Value::Bigint),
        SqlType::Double => number::parse_double(text).map(Value::Double),
        SqlType::Decimal { precision, scale } => number::parse_decimal(text, *precision, *scale)
            .map(|unscaled| Value::Decimal(Decimal { unscaled, scale: *scale })),
        SqlType::Bytes => base64_bytes(text).map(|bytes| Value::Bytes(bytes.into())),
        SqlType::Date => return parse_date(text).map(Value::Date).map_err(|e| e.to_string()),
        SqlType::Time => return parse_time(text).map(Value::Time).map_err(|e| e.to_string()),
        SqlType::Timestamp => {
            return parse_timestamp(text).map(Value::Timestamp).map_err(|e| e.to_string());
        }
        _ => None,
    };
    number.ok_or_else(|| format!("'{text}' is no {to}"))
}

fn of_number(value: &Value, to: &SqlType) -> Option<Value> {
    match (value, to) {
        (Value::Decimal(n), SqlType::Integer) => Some(Value::Integer(low_bits(*n)? as i32)),
        (Value::Decimal(n), SqlType::Bigint) => Some(Value::Bigint(low_bits(*n)?)),
        (Value::Decimal(n), SqlType::Double) => Some(Value::Double(number::decimal_to_double(*n))),
        (Value::Decimal(n), SqlType::Decimal { precision, scale }) => {
            number::resized(*n, *precision, *scale).map(Value::Decimal)
        }
        (Value::Double(n), SqlType::Decimal { precision, scale }) => {
            let unscaled = number::double_to_decimal(*n, *precision, *scale)?;
            Some(Value::Decimal(Decimal { unscaled, scale: *scale }))
        }
        (value, SqlType::Decimal { precision, scale }) => {
            let whole = Decimal::new(i128::from(value.as_i64()?), 0);
            let scaled = whole.with_scale(*scale, Rounding::Unnecessary)?;
            scaled.fits(*precision).then_some(Value::Decimal(scaled))
        }
        (Value::Double(n), SqlType::Integer) => Some(Value::Integer(*n as i32)),
        (Value::Double(n), SqlType::Bigint) => Some(Value::Bigint(*n as i64)),
        (value, SqlType::Integer) => Some(Value::Integer(value.as_i64()? as i32)),
        (value, SqlType::Bigint) => Some(Value::Bigint(value.as_i64()?)),
        (value, SqlType::Double) => Some(Value::Double(value.as_f64()?)),
        _ => None,
    }
}

/// The low 64 bits of the whole part: a number that is too large wraps.
fn low_bits(number: Decimal) -> Option<i64> {
    let whole = number.with_scale(0, Rounding::Down)?;
    Some(whole.unscaled.as_i128() as i64)
}
