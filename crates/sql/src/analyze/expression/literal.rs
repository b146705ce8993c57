//! Literals: their types, and their conversion to another type while planning.

use model::decimal::Rounding;
use model::{Decimal, SqlType, Value};

use super::super::types::common_number;

/// Milliseconds in a day. 24:00 is the end of a day in timestamps, but no TIME.
const DAY_MS: i32 = 86_400_000;

/// The type of a literal; NULL counts as text.
pub fn type_of(value: &Value) -> SqlType {
    match value {
        Value::Boolean(_) => SqlType::Boolean,
        Value::Integer(_) => SqlType::Integer,
        Value::Bigint(_) => SqlType::Bigint,
        Value::Double(_) => SqlType::Double,
        // 0.05 has three digits here: the zero in front of the point counts.
        Value::Decimal(d) => {
            SqlType::decimal(d.precision().max(d.scale.saturating_add(1)), d.scale)
        }
        Value::Null | Value::String(_) => SqlType::String,
        Value::Bytes(_) => SqlType::Bytes,
        Value::Date(_) => SqlType::Date,
        Value::Time(_) => SqlType::Time,
        Value::Timestamp(_) => SqlType::Timestamp,
        Value::Array(items) => SqlType::array(items.first().map_or(SqlType::String, type_of)),
        Value::Map(entries) => {
            let first = entries.first();
            let key = first.map_or(SqlType::String, |(key, _)| type_of(key));
            SqlType::map(key, first.map_or(SqlType::String, |(_, value)| type_of(value)))
        }
        Value::Struct(_) => SqlType::Struct(Vec::new()),
    }
}

/// The type that a text literal has as a number: at least `ty`, wider if its digits need it.
pub fn number_in_text(text: &str, ty: &SqlType) -> Option<SqlType> {
    if *ty == SqlType::Double {
        return text.trim().parse::<f64>().ok().map(|_| SqlType::Double);
    }
    let found = match (text.parse::<i32>(), text.parse::<i64>()) {
        (Ok(_), _) => SqlType::Integer,
        (_, Ok(_)) => SqlType::Bigint,
        _ => type_of(&Value::Decimal(text.parse().ok()?)),
    };
    common_number(ty, &found)
}

/// A literal as a value of `ty`: `None` if it is none.
pub fn convert(value: &Value, ty: &SqlType) -> Option<Value> {
    match (value, ty) {
        (Value::Null, _) => Some(Value::Null),
        (value, ty) if type_of(value) == *ty => Some(value.clone()),
        (Value::String(text), SqlType::Boolean) => boolean(text).map(Value::Boolean),
        (Value::String(text), SqlType::Double) => text.trim().parse().ok().map(Value::Double),
        (Value::String(text), ty) if ty.is_number() => {
            convert(&Value::Decimal(text.parse().ok()?), ty)
        }
        (Value::String(text), SqlType::Date) => date(text).map(Value::Date),
        (Value::String(text), SqlType::Time) => time(text).map(Value::Time),
        (Value::String(text), SqlType::Timestamp) => timestamp(text).map(Value::Timestamp),
        (Value::Boolean(truth), SqlType::String) => Some(Value::String(truth.to_string())),
        (Value::Integer(_) | Value::Bigint(_), SqlType::String) => {
            Some(Value::String(value.as_i64()?.to_string()))
        }
        (Value::Decimal(number), SqlType::String) => Some(Value::String(number.to_string())),
        (Value::Integer(_) | Value::Bigint(_), SqlType::Bigint) => {
            value.as_i64().map(Value::Bigint)
        }
        (Value::Bigint(n), SqlType::Integer) => i32::try_from(*n).ok().map(Value::Integer),
        (Value::Integer(_) | Value::Bigint(_) | Value::Decimal(_), SqlType::Double) => {
            value.as_f64().map(Value::Double)
        }
        (Value::Integer(_) | Value::Bigint(_), SqlType::Decimal { .. }) => {
            convert(&Value::Decimal(Decimal::new(i128::from(value.as_i64()?), 0)), ty)
        }
        (Value::Decimal(number), SqlType::Decimal { precision, scale }) => {
            let number = number.with_scale(*scale, Rounding::Unnecessary)?;
            number.fits(*precision).then_some(Value::Decimal(number))
        }
        (Value::Decimal(number), SqlType::Integer | SqlType::Bigint) => {
            let whole = number.with_scale(0, Rounding::Unnecessary)?.to_i128()?;
            match ty {
                SqlType::Integer => i32::try_from(whole).ok().map(Value::Integer),
                _ => i64::try_from(whole).ok().map(Value::Bigint),
            }
        }
        (Value::Double(number), SqlType::Decimal { .. }) => {
            convert(&Value::Decimal(number.to_string().parse().ok()?), ty)
        }
        _ => None,
    }
}

/// `true`, `yes`, `false`, `no` or the beginning of one, in any case.
pub fn boolean(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let begins = |words: [&str; 2]| !text.is_empty() && words.iter().any(|w| w.starts_with(&text));
    match (begins(["true", "yes"]), begins(["false", "no"])) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// Is this standard Base64, padded?
pub fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

/// `2020-02-29`, `2020-02` or `2020` as days since 1970.
pub fn date(text: &str) -> Option<i32> {
    let (year, month, day) = date_parts(text)?;
    (day <= days_in_month(year, month)).then(|| days_since_epoch(year, month, day))
}

/// `23:59`, `23:59:58` or `23:59:58.999` as milliseconds of the day.
pub fn time(text: &str) -> Option<i32> {
    if text.split(':').count() < 2 {
        return None;
    }
    time_parts(text).filter(|ms| *ms < DAY_MS)
}

/// A time as text, in parts or whole, with or without zone, as milliseconds since 1970.
///
/// A day beyond the end of its month is the month's last day.
pub fn timestamp(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once('T').unwrap_or((text, ""));
    let (year, month, day) = date_parts(date)?;
    let day = day.min(days_in_month(year, month));
    let (time, zone_ms) = match rest.find(['+', '-', 'Z']) {
        Some(at) => (&rest[..at], zone(&rest[at..])?),
        None => (rest, 0),
    };
    let time_ms = if time.is_empty() { 0 } else { time_parts(time)? };
    let days = i64::from(days_since_epoch(year, month, day));
    Some(days * 86_400_000 + i64::from(time_ms) - zone_ms)
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>, max: u32) -> Option<u32> {
    let plain = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| plain && *n <= max)
}

fn date_parts(text: &str) -> Option<(i32, u32, u32)> {
    let parts: Vec<_> = text.split('-').collect();
    let year = number(parts.first()?, 4..=4, 9999)? as i32;
    let month = parts.get(1).map_or(Some(1), |m| number(m, 1..=2, 12).filter(|m| *m > 0))?;
    let day = parts.get(2).map_or(Some(1), |d| number(d, 1..=2, 31).filter(|d| *d > 0))?;
    (parts.len() <= 3).then_some((year, month, day))
}

fn time_parts(text: &str) -> Option<i32> {
    let mut parts = text.split(':');
    let hour = number(parts.next()?, 1..=2, 24)?;
    let minute = parts.next().map_or(Some(0), |m| number(m, 1..=2, 59))?;
    let seconds = parts.next().unwrap_or("0");
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let second = number(second, 1..=2, 59)?;
    let thousandths: String = format!("{fraction:0<3}").chars().take(3).collect();
    let fraction = number(&thousandths, 3..=3, 999)?;
    let ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    (parts.next().is_none() && ms as i32 <= DAY_MS).then_some(ms as i32)
}

/// `Z`, `+0200` or `+02:00` in milliseconds.
fn zone(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let digits = text[1..].replace(':', "");
    let hours = number(digits.get(..2)?, 2..=2, 18)?;
    let minutes = number(digits.get(2..)?, 2..=2, 59)?;
    let ms = i64::from(hours * 60 + minutes) * 60_000;
    Some(if text.starts_with('-') { -ms } else { ms })
}

fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar. Years begin in March: the leap day is last.
fn days_since_epoch(year: i32, month: u32, day: u32) -> i32 {
    let (month, year) = (month as i32, if month <= 2 { year - 1 } else { year });
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day as i32 - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_parts() {
        assert_eq!(date("1970-01-01"), Some(0));
        assert_eq!(date("2020-02-29"), Some(18_321));
        assert_eq!(date("2021-02-29"), None);
        assert_eq!(date("1"), None);
        assert_eq!(time("10:00"), Some(36_000_000));
        assert_eq!(time("1"), None);
        assert_eq!(timestamp("2023-11-14T22:13:20"), Some(1_700_000_000_000));
        assert_eq!(timestamp("2023-11-15T00:13:20.5+0200"), Some(1_700_000_000_500));
        assert_eq!(timestamp("2020"), Some(1_577_836_800_000));
        assert_eq!(timestamp("2023-11-14 22:15:00"), None);
        assert_eq!(timestamp("yesterday"), None);
        assert_eq!(timestamp("2020-01-01T10:00:00.a€"), None);
    }

    #[test]
    fn text_becomes_numbers_and_truths() {
        let text = |t: &str| Value::String(t.into());
        assert_eq!(convert(&text("2e1"), &SqlType::Integer), Some(Value::Integer(20)));
        assert_eq!(convert(&text("x"), &SqlType::Integer), None);
        assert_eq!(convert(&text("no"), &SqlType::Boolean), Some(Value::Boolean(false)));
        assert_eq!(number_in_text("2147483648", &SqlType::Integer), Some(SqlType::Bigint));
        assert_eq!(number_in_text("2e1", &SqlType::Bigint), Some(SqlType::decimal(19, 0)));
        assert!(is_base64("true") && !is_base64("1"));
    }
}
