//! Values as text, the way ksqlDB (that is, Java) writes them: in rows of JSON, in `CAST … AS
//! VARCHAR`, and back again for dates and times.
//!
//! | type | in a JSON row | as VARCHAR |
//! |---|---|---|
//! | DOUBLE | `1.0E10`, `"NaN"` | `1.0E10`, `NaN` |
//! | DECIMAL | `1.50` | `1.50` |
//! | DATE | `"2020-02-29"`, `"+10000-01-01"` | the same |
//! | TIME | `"12:34"`, `"12:34:56"`, never a fraction | the same |
//! | TIMESTAMP | `"2020-02-29T12:34:56.789"` | the same; old ones differ, see [`timestamp_text`] |
//! | BYTES | base64 | base64 |
//! | ARRAY, MAP, STRUCT | JSON | `[1, null]`, `{k=v}`, `Struct{A=1}` (without null fields) |

mod json;
mod number;
mod time;

pub use json::{write_json, write_json_string, write_json_value};
pub use number::{double_text, write_double, write_integer};
pub use time::{
    Civil, ParseTimeError, civil_from_days, date_text, days_from_civil, parse_date, parse_time,
    parse_timestamp, time_text, timestamp_cast_text, timestamp_parts, timestamp_text, write_date,
    write_time, write_timestamp,
};

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use crate::{SqlType, Value};

/// Base64 with padding.
pub fn base64_text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of a base64 text, with or without padding; `None` if it is none.
pub fn base64_bytes(text: &str) -> Option<Vec<u8>> {
    /// As lenient as Java's decoder.
    const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    ANY_PADDING.decode(text).ok()
}

/// A value as `CAST … AS VARCHAR` writes it; NULL (also inside) is `null`.
pub fn value_text(ty: &SqlType, value: &Value) -> String {
    let mut text = String::new();
    push_value(ty, value, &mut text);
    text
}

fn push_value(ty: &SqlType, value: &Value, text: &mut String) {
    match (ty, value) {
        (_, Value::Null) => text.push_str("null"),
        (_, Value::Boolean(truth)) => text.push_str(if *truth { "true" } else { "false" }),
        (_, Value::Integer(n)) => text.push_str(&n.to_string()),
        (_, Value::Bigint(n)) => text.push_str(&n.to_string()),
        (_, Value::Double(n)) => text.push_str(&double_text(*n)),
        (_, Value::Decimal(n)) => text.push_str(&n.to_string()),
        (_, Value::String(s)) => text.push_str(s),
        (_, Value::Bytes(bytes)) => text.push_str(&base64_text(bytes)),
        (_, Value::Date(days)) => text.push_str(&date_text(*days)),
        (_, Value::Time(ms)) => text.push_str(&time_text(*ms)),
        (_, Value::Timestamp(ms)) => text.push_str(&timestamp_cast_text(*ms)),
        (SqlType::Array(element), Value::Array(items)) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                text.push_str(if i == 0 { "" } else { ", " });
                push_value(element, item, text);
            }
            text.push(']');
        }
        (SqlType::Map(key_type, value_type), Value::Map(entries)) => {
            text.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                text.push_str(if i == 0 { "" } else { ", " });
                push_value(key_type, key, text);
                text.push('=');
                push_value(value_type, value, text);
            }
            text.push('}');
        }
        (SqlType::Struct(fields), Value::Struct(values)) => {
            text.push_str("Struct{");
            let present = fields.iter().zip(values).filter(|(_, v)| !v.is_null());
            for (i, (field, value)) in present.enumerate() {
                text.push_str(if i == 0 { "" } else { "," });
                text.push_str(&field.name);
                text.push('=');
                push_value(&field.ty, value, text);
            }
            text.push('}');
        }
        (ty, value) => unreachable!("{value:?} is no {ty}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;

    #[test]
    fn nested_values_are_written_as_java_writes_them() {
        let ints = SqlType::array(SqlType::Integer);
        let list = Value::Array(vec![Value::Integer(1), Value::Null]);
        assert_eq!(value_text(&ints, &list), "[1, null]");
        let map = SqlType::map(SqlType::String, ints.clone());
        let entries = Value::Map(vec![(Value::String("x".into()), list.clone())]);
        assert_eq!(value_text(&map, &entries), "{x=[1, null]}");
        let ty = SqlType::Struct(vec![
            Field::new("X", SqlType::Integer),
            Field::new("Y", SqlType::String),
            Field::new("low", ints),
        ]);
        let value = Value::Struct(vec![Value::Integer(1), Value::Null, list]);
        assert_eq!(value_text(&ty, &value), "Struct{X=1,low=[1, null]}");
    }
}
