//! One value of a SQL type: what a literal holds, what a single cell of a column is read as.
//!
//! Columns travel as Arrow arrays; a `Value` is for the places where one cell is looked at:
//! literals, keys, INSERT VALUES, rows written as JSON, and functions for which a loop over cells
//! is fast enough.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::Decimal;

/// A single value. Which variants may stand where is said by the [`SqlType`](crate::SqlType) beside
/// it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL, of any type.
    Null,
    /// BOOLEAN
    Boolean(bool),
    /// INTEGER
    Integer(i32),
    /// BIGINT
    Bigint(i64),
    /// DOUBLE
    Double(f64),
    /// DECIMAL, with a scale of its own
    Decimal(Decimal),
    /// STRING
    String(String),
    /// BYTES
    Bytes(Bytes),
    /// DATE, days since 1970-01-01
    Date(i32),
    /// TIME, milliseconds of the day
    Time(i32),
    /// TIMESTAMP, milliseconds since the epoch
    Timestamp(i64),
    /// ARRAY
    Array(Vec<Value>),
    /// MAP, entries in order of insertion; keys are distinct
    Map(Vec<(Value, Value)>),
    /// STRUCT, values in the order of the type's fields
    Struct(Vec<Value>),
}

impl Value {
    /// Is this SQL NULL?
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text of a STRING.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth of a BOOLEAN.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Boolean(truth) => Some(*truth),
            _ => None,
        }
    }

    /// An INTEGER or BIGINT (also the number inside DATE, TIME, TIMESTAMP) as 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Integer(n) | Value::Date(n) | Value::Time(n) => Some(i64::from(*n)),
            Value::Bigint(n) | Value::Timestamp(n) => Some(*n),
            _ => None,
        }
    }

    /// Any number as a double.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Integer(n) => Some(f64::from(*n)),
            Value::Bigint(n) => Some(*n as f64),
            Value::Double(n) => Some(*n),
            Value::Decimal(n) => Some(n.to_f64()),
            _ => None,
        }
    }

    /// The order of two values of one type; `None` where there is none (null, arrays, maps,
    /// structs).
    ///
    /// Text is ordered by UTF-16 units, doubles by Java's `Double.compare`, bytes as signed.
    pub fn sql_cmp(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Boolean(a), Value::Boolean(b)) => Some(a.cmp(b)),
            (Value::Integer(a), Value::Integer(b))
            | (Value::Date(a), Value::Date(b))
            | (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
            (Value::Bigint(a), Value::Bigint(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => {
                Some(a.cmp(b))
            }
            (Value::Double(a), Value::Double(b)) => Some(a.total_cmp(b)),
            (Value::Decimal(a), Value::Decimal(b)) => Some(a.cmp_value(b)),
            (Value::String(a), Value::String(b)) => Some(utf16_cmp(a, b)),
            (Value::Bytes(a), Value::Bytes(b)) => Some(bytes_cmp(a, b)),
            _ => None,
        }
    }
}

/// Orders text by UTF-16 units, as Java does.
///
/// Differs from the order of code points only where one side has a character beyond the BMP and the
/// other one from U+E000 up: `'😀' < '￮'`.
pub fn utf16_cmp(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let Some(at) = a.iter().zip(b).position(|(a, b)| a != b) else {
        return a.len().cmp(&b.len());
    };
    // First bytes of characters beyond the BMP, and of those from U+E000 to its end.
    match (a[at], b[at]) {
        (0xf0.., 0xee | 0xef) => Ordering::Less,
        (0xee | 0xef, 0xf0..) => Ordering::Greater,
        (a, b) => a.cmp(&b),
    }
}

/// Orders bytes as signed numbers, as Java's `ByteBuffer` does: 0xff comes before 0x7f.
pub fn bytes_cmp(a: &[u8], b: &[u8]) -> Ordering {
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((a, b)) => (*a as i8).cmp(&(*b as i8)),
        None => a.len().cmp(&b.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_ordered_by_utf16_units() {
        assert_eq!(utf16_cmp("😀", "\u{ffee}"), Ordering::Less);
        assert_eq!(utf16_cmp("\u{e000}", "\u{10000}"), Ordering::Greater);
        assert_eq!(utf16_cmp("\u{d7ff}", "\u{10000}"), Ordering::Less);
        assert_eq!(utf16_cmp("ab", "a"), Ordering::Greater);
        assert_eq!(utf16_cmp("a", "b"), Ordering::Less);
        assert_eq!(utf16_cmp("ä", "ä"), Ordering::Equal);
    }

    #[test]
    fn bytes_are_ordered_as_signed_numbers() {
        assert_eq!(bytes_cmp(&[0x7f], &[0xff]), Ordering::Greater);
        assert_eq!(bytes_cmp(&[1], &[1, 0]), Ordering::Less);
    }
}
