//! The fast reader of plain patterns (`yyyy-MM-dd HH:mm:ss.SSS` and the like): digits straight into
//! a moment, for the texts that fit exactly. Whatever does not is left to the reader of all
//! patterns.

use model::text::days_from_civil;

use super::pattern::{Field, Plain};
use super::resolve::utc_like_1970;
use super::zone::Zone;

const MONTH_DAYS: [u8; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The moment in milliseconds since the epoch; `None` if the text is not as plain as the pattern.
pub(super) fn timestamp(pattern: &[Plain], text: &[u8], zone: &Zone) -> Option<i64> {
    let (mut year, mut month, mut day) = (1970, 1, 1);
    let (mut hour, mut minute, mut second, mut millis) = (0, 0, 0, 0);
    let mut at = 0;
    for part in pattern {
        match part {
            Plain::Byte(byte) => {
                if text.get(at) != Some(byte) {
                    return None;
                }
                at += 1;
            }
            Plain::Digits(field, width) => {
                let end = at + usize::from(*width);
                let mut value = 0_u32;
                for byte in text.get(at..end)? {
                    let digit = byte.wrapping_sub(b'0');
                    if digit > 9 {
                        return None;
                    }
                    value = value * 10 + u32::from(digit);
                }
                at = end;
                match field {
                    Field::Year | Field::YearOfEra => year = value,
                    Field::Month => month = value,
                    Field::DayOfMonth => day = value,
                    Field::Hour => hour = value,
                    Field::Minute => minute = value,
                    Field::Second => second = value,
                    _ => millis = value,
                }
            }
        }
    }
    // Days that have to be moved, 24:00, and errors, are not for here.
    let month_end = u32::from(*MONTH_DAYS.get(month as usize)?);
    let fits = at == text.len() && year > 0 && day > 0 && day <= month_end;
    if !fits || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(i64::from(year), month, day);
    let local = days * 86_400 + i64::from(hour * 3_600 + minute * 60 + second);
    Some(utc_like_1970(zone, local) * 1_000 + i64::from(millis))
}
