//! Dates and times as text, and the (partly written) texts that CAST reads.
//!
//! DATE is written in the proleptic Gregorian calendar with a sign for years outside 0..=9999.
//! TIMESTAMP is written as Java's old calendar does it: Julian before 1582-10-15, and the year of
//! the era without saying which era.

const MS_PER_DAY: i64 = 86_400_000;

/// The first day of the Gregorian calendar, 1582-10-15.
const GREGORIAN_START_DAYS: i64 = -141_427;

/// A day of a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year; 0 is 1 BC.
    pub year: i64,
    /// 1 to 12
    pub month: u32,
    /// 1 to 31
    pub day: u32,
}

/// The day of the proleptic Gregorian calendar so many days after 1970-01-01.
pub fn civil_from_days(days: i64) -> Civil {
    // Eras of 400 years that begin in March, so that the leap day is the last one.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    from_march(year_of_era + era * 400, day_of_year)
}

/// How many days a day of the proleptic Gregorian calendar lies after 1970-01-01. The day may be
/// beyond the end of the month.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn julian_from_days(days: i64) -> Civil {
    let shifted = days + 719_470;
    let era = shifted.div_euclid(1_461);
    let day_of_era = shifted.rem_euclid(1_461);
    let year_of_era = (day_of_era - day_of_era / 1_460) / 365;
    from_march(year_of_era + era * 4, day_of_era - 365 * year_of_era)
}

fn from_march(year: i64, day_of_year: i64) -> Civil {
    let march_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * march_month + 2) / 5 + 1) as u32;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 } as u32;
    Civil { year: if month <= 2 { year + 1 } else { year }, month, day }
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(24);
    write(&mut out);
    String::from_utf8(out).expect("digits are ASCII")
}

/// A DATE as text: `2020-02-29`, `-0001-01-01`, `+10000-01-01`.
pub fn date_text(days: i32) -> String {
    text(|out| write_date(days, out))
}

/// Appends a DATE, see [`date_text`].
pub fn write_date(days: i32, out: &mut Vec<u8>) {
    let civil = civil_from_days(i64::from(days));
    match civil.year {
        ..0 => out.push(b'-'),
        0..=9_999 => {}
        10_000.. => out.push(b'+'),
    }
    write_civil(Civil { year: civil.year.abs(), ..civil }, out);
}

/// A TIME as text: `12:34` or `12:34:56`; the fraction is dropped.
pub fn time_text(ms: i32) -> String {
    text(|out| write_time(ms, out))
}

/// Appends a TIME, see [`time_text`].
pub fn write_time(ms: i32, out: &mut Vec<u8>) {
    let seconds = i64::from(ms).rem_euclid(MS_PER_DAY) / 1_000;
    pad2(seconds / 3_600, out);
    out.push(b':');
    pad2(seconds / 60 % 60, out);
    if seconds % 60 != 0 {
        out.push(b':');
        pad2(seconds % 60, out);
    }
}

/// A TIMESTAMP as text: `2020-02-29T12:34:56.789`.
pub fn timestamp_text(ms: i64) -> String {
    text(|out| write_timestamp(ms, out))
}

/// The whole seconds of a TIMESTAMP and the milliseconds behind them. Where Java's `Timestamp` runs
/// over (within a second of the least BIGINT) so does this.
pub fn timestamp_parts(ms: i64) -> (i64, i64) {
    let seconds = ms.div_euclid(1_000).wrapping_mul(1_000).div_euclid(1_000);
    (seconds, ms.rem_euclid(1_000))
}

/// A TIMESTAMP as `CAST … AS VARCHAR` writes it: in the Gregorian calendar, and with a sign for
/// years from 10000 up.
pub fn timestamp_cast_text(ms: i64) -> String {
    let (seconds, millis) = timestamp_parts(ms);
    let (days, ms) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) * 1_000 + millis);
    let civil = civil_from_days(days);
    let year = if civil.year > 0 { civil.year } else { 1 - civil.year };
    text(|out| {
        if year >= 10_000 {
            out.push(b'+');
        }
        write_civil(Civil { year, ..civil }, out);
        write_clock(ms, out);
    })
}

/// Appends a TIMESTAMP, see [`timestamp_text`].
pub fn write_timestamp(ms: i64, out: &mut Vec<u8>) {
    let (days, ms) = (ms.div_euclid(MS_PER_DAY), ms.rem_euclid(MS_PER_DAY));
    let civil = if days < GREGORIAN_START_DAYS {
        let julian = julian_from_days(days);
        let year = if julian.year > 0 { julian.year } else { 1 - julian.year };
        Civil { year, ..julian }
    } else {
        civil_from_days(days)
    };
    write_civil(civil, out);
    write_clock(ms, out);
}

/// `T12:34:56.789`
fn write_clock(ms: i64, out: &mut Vec<u8>) {
    out.push(b'T');
    pad2(ms / 3_600_000, out);
    out.push(b':');
    pad2(ms / 60_000 % 60, out);
    out.push(b':');
    pad2(ms / 1_000 % 60, out);
    out.push(b'.');
    out.push(b'0' + (ms % 1_000 / 100) as u8);
    pad2(ms % 100, out);
}

fn write_civil(civil: Civil, out: &mut Vec<u8>) {
    if civil.year >= 10_000 {
        super::write_integer(civil.year, out);
    } else {
        pad2(civil.year / 100, out);
        pad2(civil.year % 100, out);
    }
    out.push(b'-');
    pad2(i64::from(civil.month), out);
    out.push(b'-');
    pad2(i64::from(civil.day), out);
}

fn pad2(n: i64, out: &mut Vec<u8>) {
    out.push(b'0' + (n / 10 % 10) as u8);
    out.push(b'0' + (n % 10) as u8);
}

/// Why a text is no DATE, TIME or TIMESTAMP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Failed to parse {what} '{text}': required format is {format}")]
pub struct ParseTimeError {
    what: &'static str,
    text: String,
    format: &'static str,
}

/// Reads a DATE, in days since 1970-01-01: `2020-02-29`, `2020-02`, `2020`; spaces around it are
/// skipped.
pub fn parse_date(text: &str) -> Result<i32, ParseTimeError> {
    let date = read_date(text.trim(), true).and_then(|(civil, rest)| {
        let whole = rest.is_empty() && civil.day <= month_days(civil.year, civil.month);
        whole.then(|| days_from_civil(civil.year, civil.month, civil.day))
    });
    date.and_then(|days| i32::try_from(days).ok()).ok_or_else(|| ParseTimeError {
        what: "date",
        text: text.to_string(),
        format: "yyyy-MM-dd, with an optional partial component",
    })
}

/// Reads a TIME, in milliseconds of the day: `12:34`, `12:34:56`, `12:34:56.789`.
pub fn parse_time(text: &str) -> Result<i32, ParseTimeError> {
    let read = || {
        let (hour, rest) = two_digits(text.trim(), 23)?;
        let (minute, rest) = two_digits(rest.strip_prefix(':')?, 59)?;
        let minutes = (hour * 60 + minute) * 60_000;
        let Some(rest) = rest.strip_prefix(':') else {
            return rest.is_empty().then_some(minutes);
        };
        let (second, rest) = two_digits(rest, 59)?;
        let ms = match rest.strip_prefix('.') {
            Some(fraction) => millis(fraction, 1, 9)?,
            None if rest.is_empty() => 0,
            None => return None,
        };
        Some(minutes + second * 1_000 + ms)
    };
    read().ok_or_else(|| ParseTimeError {
        what: "time",
        text: text.to_string(),
        format: "HH:mm:ss.SSS, with optional seconds and fraction",
    })
}

/// Reads a TIMESTAMP, in milliseconds since the epoch: `2020`, `2020-02`, `2020-02-29`, and with a
/// time `2020-02-29T12`, `…T12:34`, `…T12:34:56`, `…T12:34:56.7`, each with an optional `Z`,
/// `+01:00` or `+0100`; UTC without one. A day beyond the end of its month is the last of it.
pub fn parse_timestamp(text: &str) -> Result<i64, ParseTimeError> {
    let read = || {
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, time),
            None => (text.trim(), ""),
        };
        let (civil, rest) = read_date(date.trim_start(), false)?;
        if !rest.is_empty() || civil.year < 1 || civil.day > 31 {
            return None;
        }
        let day = civil.day.min(month_days(civil.year, civil.month));
        let days = days_from_civil(civil.year, civil.month, day);
        let (time, offset_ms) = split_offset(time.trim_end())?;
        days.checked_mul(MS_PER_DAY)?.checked_add(partial_time(time)?)?.checked_sub(offset_ms)
    };
    read().ok_or_else(|| ParseTimeError {
        what: "timestamp",
        text: text.to_string(),
        format: "yyyy-MM-ddTHH:mm:ss.SSS, with optional partial component and zone",
    })
}

/// A date from the start of a text, and what follows. `yyyy` is four digits, or more with a sign.
fn read_date(text: &str, signed: bool) -> Option<(Civil, &str)> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) if signed => (true, rest),
        _ => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let plain = unsigned.len() == text.len();
    let end = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    if end < 4 || (plain && end > 4) || end > 9 || (text.starts_with('+') && end < 5) {
        return None;
    }
    let year: i64 = unsigned[..end].parse().ok()?;
    let year = if negative { -year } else { year };
    let Some(rest) = unsigned[end..].strip_prefix('-') else {
        return Some((Civil { year, month: 1, day: 1 }, &unsigned[end..]));
    };
    let (month, rest) = two_digits(rest, 12)?;
    if month == 0 {
        return None;
    }
    let (day, rest) = match rest.strip_prefix('-') {
        Some(rest) => two_digits(rest, 31)?,
        None => (1, rest),
    };
    (day > 0).then_some((Civil { year, month: month as u32, day: day as u32 }, rest))
}

/// `12`, `12:34`, `12:34:56`, `12:34:56.7` as milliseconds of the day.
fn partial_time(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let (hour, rest) = two_digits(text, 23)?;
    let mut ms = i64::from(hour) * 3_600_000;
    let Some(rest) = rest.strip_prefix(':') else {
        return rest.is_empty().then_some(ms);
    };
    let (minute, rest) = two_digits(rest, 59)?;
    ms += i64::from(minute) * 60_000;
    let Some(rest) = rest.strip_prefix(':') else {
        return rest.is_empty().then_some(ms);
    };
    let (second, rest) = two_digits(rest, 59)?;
    ms += i64::from(second) * 1_000;
    match rest.strip_prefix('.') {
        Some(fraction) => Some(ms + i64::from(millis(fraction, 1, 3)?)),
        None => rest.is_empty().then_some(ms),
    }
}

/// The time without its offset, and the offset in milliseconds.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix('Z') {
        return Some((time, 0));
    }
    let Some(at) = time.find(['+', '-']) else { return Some((time, 0)) };
    let (time, offset) = time.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = two_digits(&offset[1..], 18)?;
    let minutes = match rest.strip_prefix(':').unwrap_or(rest) {
        "" => 0,
        rest => two_digits(rest, 59).filter(|(_, rest)| rest.is_empty())?.0,
    };
    Some((time, sign * i64::from(hours * 60 + minutes) * 60_000))
}

fn two_digits(text: &str, max: i32) -> Option<(i32, &str)> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).filter(|b| b.is_ascii_digit()).map(|b| b - b'0');
    let n = i32::from(digit(0)?) * 10 + i32::from(digit(1)?);
    (n <= max).then(|| (n, &text[2..]))
}

/// A fraction of a second of `min` to `max` digits, cut to milliseconds.
fn millis(digits: &str, min: usize, max: usize) -> Option<i32> {
    let fits = (min..=max).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let mut places = digits.bytes().map(|b| i32::from(b - b'0')).chain(std::iter::repeat(0));
    fits.then(|| (0..3).fold(0, |ms, _| ms * 10 + places.next().unwrap_or(0)))
}

/// How many days a month has.
fn month_days(year: i64, month: u32) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_convert_both_ways() {
        for days in (-1_000_000..1_000_000).step_by(97) {
            let civil = civil_from_days(days);
            assert_eq!(days_from_civil(civil.year, civil.month, civil.day), days);
        }
        assert_eq!(date_text(18_321), "2020-02-29");
        assert_eq!(date_text(-719_528), "0000-01-01");
        assert_eq!(date_text(i32::MAX), "+5881580-07-11");
        assert_eq!(date_text(i32::MIN), "-5877641-06-23");
    }

    #[test]
    fn timestamps_are_written_in_the_calendar_of_their_time() {
        assert_eq!(timestamp_text(1_582_979_696_789), "2020-02-29T12:34:56.789");
        assert_eq!(timestamp_text(-1), "1969-12-31T23:59:59.999");
        assert_eq!(timestamp_text(-12_219_292_800_000), "1582-10-15T00:00:00.000");
        assert_eq!(timestamp_text(-12_219_292_800_000 - MS_PER_DAY), "1582-10-04T00:00:00.000");
        assert_eq!(timestamp_text(-62_135_596_800_000), "0001-01-03T00:00:00.000");
        assert_eq!(timestamp_text(-62_167_219_200_000), "0001-01-03T00:00:00.000");
        assert_eq!(timestamp_text(i64::MAX), "292278994-08-17T07:12:55.807");
        assert_eq!(timestamp_text(i64::MIN), "292269055-12-02T16:47:04.192");
    }

    #[test]
    fn times_drop_what_is_zero() {
        assert_eq!(time_text(0), "00:00");
        assert_eq!(time_text(45_296_789), "12:34:56");
        assert_eq!(time_text(3_600_000), "01:00");
    }

    #[test]
    fn partial_texts_are_read() {
        let date = |text: &str| parse_date(text).ok().map(date_text);
        assert_eq!(date("2020-02").as_deref(), Some("2020-02-01"));
        assert_eq!(date("2020").as_deref(), Some("2020-01-01"));
        assert_eq!(date("-0001-01-01").as_deref(), Some("-0001-01-01"));
        for bad in ["2021-02-29", "2020-2-9", "", "2020-02-29T12", "1582979696789", "2020-060"] {
            assert_eq!(date(bad), None, "{bad}");
        }
        let timestamp = |text: &str| parse_timestamp(text).ok().map(timestamp_text);
        let check = |text: &str, expect: &str| {
            assert_eq!(timestamp(text).as_deref(), Some(expect), "{text}");
        };
        check("2020", "2020-01-01T00:00:00.000");
        check("2020-06-31", "2020-06-30T00:00:00.000");
        check("2020-02-29T12:34", "2020-02-29T12:34:00.000");
        check("2020-02-29T12:34:56+05:30", "2020-02-29T07:04:56.000");
        check("2020-02-29T12:34:56.789Z", "2020-02-29T12:34:56.789");
        check("+10000-01-01", "10000-01-01T00:00:00.000");
        check(" 2020-02-29 ", "2020-02-29T00:00:00.000");
        for bad in ["0000-01-01", "-0001-01-01", "2020-02-29T12:34:56.789123", "2020-02-29Z", "12"]
        {
            assert_eq!(timestamp(bad), None, "{bad}");
        }
        let time = |text: &str| parse_time(text).ok();
        assert_eq!(time("12:34"), Some(45_240_000));
        assert_eq!(time("12:34:56.789123456"), Some(45_296_789));
        for bad in ["12", "24:00:00", "T12:34", "12:34:56+01:00", "12:34.5", "23:59:60"] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }
}
