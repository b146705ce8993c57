//! What the fields of a text mean together: a date, a time of day, a moment. By the rules of Java's
//! "smart" resolver and, where fields are missing, by those of ksqlDB: 1970-01-01T00:00.

use model::text::{civil_from_days, days_from_civil};

use super::parse::Parsed;
use super::pattern::Field;
use super::zone::{Local, Zone};

pub(super) const NANOS_PER_DAY: i64 = 86_400_000_000_000;
/// The last year of Java's calendar.
const YEAR_MAX: i64 = 999_999_999;

const NANOS_PER_HOUR: i64 = 3_600_000_000_000;
const NANOS_PER_MINUTE: i64 = 60_000_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A time of day, and whether it is midnight at the end of the day (24:00).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) nanos: i64,
    pub(super) next_day: bool,
}

/// The values that a field of a time may have; 0 is tolerated on a clock that begins with 1.
fn check(parsed: &Parsed, field: Field, max: i64) -> Result<Option<i64>, String> {
    match parsed.get(field) {
        Some(value) if !(0..=max).contains(&value) => {
            Err(format!("{field:?} must lie between 0 and {max}, but is {value}"))
        }
        value => Ok(value),
    }
}

/// The hour of the day, if the fields give one: up to 24.
fn hour(parsed: &Parsed) -> Result<Option<i64>, String> {
    let half = check(parsed, Field::AmPm, 1)?;
    let clock_half = check(parsed, Field::ClockHourOfAmPm, 12)?.map(|hour| hour % 12);
    let hour_of_half = check(parsed, Field::HourOfAmPm, 11)?.or(clock_half);
    let clock = check(parsed, Field::ClockHour, 24)?.map(|hour| hour % 24);
    let from_half = half.zip(hour_of_half).map(|(half, hour)| half * 12 + hour);
    Ok(check(parsed, Field::Hour, 24)?.or(clock).or(from_half))
}

/// The time of day, if the fields give one.
pub(super) fn time(parsed: &Parsed) -> Result<Option<Time>, String> {
    if let Some(nanos) = check(parsed, Field::NanoOfDay, NANOS_PER_DAY - 1)? {
        return Ok(Some(Time { nanos, next_day: false }));
    }
    let rest = within_hour(parsed)?;
    if let Some(millis) = check(parsed, Field::MilliOfDay, 86_399_999)? {
        return Ok(Some(Time { nanos: millis * 1_000_000, next_day: false }));
    }
    match hour(parsed)? {
        None => Ok(None),
        Some(24) if rest == 0 => Ok(Some(Time { nanos: 0, next_day: true })),
        Some(24) => Err("the hour must lie between 0 and 23, but is 24".to_string()),
        Some(hour) => Ok(Some(Time { nanos: hour * NANOS_PER_HOUR + rest, next_day: false })),
    }
}

fn within_hour(parsed: &Parsed) -> Result<i64, String> {
    let minute = check(parsed, Field::Minute, 59)?.unwrap_or(0);
    let second = check(parsed, Field::Second, 59)?.unwrap_or(0);
    let nanos = check(parsed, Field::NanoOfSecond, NANOS_PER_SECOND - 1)?.unwrap_or(0);
    Ok(minute * NANOS_PER_MINUTE + second * NANOS_PER_SECOND + nanos)
}

/// Does the text have a field of a date?
pub(super) fn has_date(parsed: &Parsed) -> bool {
    use Field as F;
    let fields = [
        F::Era,
        F::Year,
        F::YearOfEra,
        F::WeekYear,
        F::Quarter,
        F::Month,
        F::Week,
        F::WeekOfMonth,
        F::DayOfMonth,
        F::DayOfYear,
        F::AlignedDay,
        F::DayOfWeek,
        F::LocalDayOfWeek,
        F::ModifiedJulianDay,
    ];
    fields.into_iter().any(|field| parsed.get(field).is_some())
}

/// The proleptic year, if the fields give one.
fn year(parsed: &Parsed) -> Result<Option<i64>, String> {
    for field in [Field::Year, Field::YearOfEra, Field::WeekYear] {
        if parsed.get(field).is_some_and(|year| !(-YEAR_MAX..=YEAR_MAX).contains(&year)) {
            return Err(format!("{field:?} is out of range"));
        }
    }
    let Some(of_era) = parsed.get(Field::YearOfEra) else { return Ok(parsed.get(Field::Year)) };
    if of_era < 1 {
        return Err(format!("the year of an era must be 1 or more, but is {of_era}"));
    }
    Ok(Some(if parsed.get(Field::Era) == Some(0) { 1 - of_era } else { of_era }))
}

/// The month and the day of the month, each if given, in the ranges of any month.
fn month_and_day(parsed: &Parsed) -> Result<(Option<i64>, Option<i64>), String> {
    let within = |field, max| match parsed.get(field) {
        Some(value) if !(1..=max).contains(&value) => {
            Err(format!("{field:?} must lie between 1 and {max}, but is {value}"))
        }
        value => Ok(value),
    };
    Ok((within(Field::Month, 12)?, within(Field::DayOfMonth, 31)?))
}

/// The date in days since 1970-01-01, if the fields give a whole one.
pub(super) fn date(parsed: &Parsed) -> Result<Option<i64>, String> {
    let year = year(parsed)?;
    let (month, day) = month_and_day(parsed)?;
    for (field, max) in [
        (Field::Quarter, 4),
        (Field::Week, 53),
        (Field::WeekOfMonth, 6),
        (Field::DayOfYear, 366),
        (Field::AlignedDay, 7),
        (Field::DayOfWeek, 7),
        (Field::LocalDayOfWeek, 7),
        (Field::ModifiedJulianDay, 365_243_219_162),
    ] {
        if parsed.get(field).is_some_and(|value| value > max) {
            return Err(format!("{field:?} must be {max} at most"));
        }
    }
    let days = match (year, month, day, parsed.get(Field::DayOfYear)) {
        _ if parsed.get(Field::ModifiedJulianDay).is_some() => {
            parsed.get(Field::ModifiedJulianDay).map(|day| day - 40_587)
        }
        (Some(year), Some(month), Some(day), _) => Some(clamped(year, month, day)),
        (Some(year), _, _, Some(day)) => {
            let start = days_from_civil(year, 1, 1);
            let length = days_from_civil(year + 1, 1, 1) - start;
            if !(1..=length).contains(&day) {
                return Err(format!("the year {year} has no day {day}"));
            }
            Some(start + day - 1)
        }
        _ => week_date(parsed),
    };
    if let Some(days) = days {
        agree(parsed, days)?;
    }
    Ok(days)
}

/// The day, or the last one of its month.
fn clamped(year: i64, month: i64, day: i64) -> i64 {
    let (month, next) = (month as u32, month as u32 % 12 + 1);
    let next_year = if next == 1 { year + 1 } else { year };
    let length = days_from_civil(next_year, next, 1) - days_from_civil(year, month, 1);
    days_from_civil(year, month, day.min(length) as u32)
}

/// The date of a day in a week of a week-based year.
fn week_date(parsed: &Parsed) -> Option<i64> {
    let (year, week) = (parsed.get(Field::WeekYear)?, parsed.get(Field::Week)?);
    let day = match parsed.get(Field::LocalDayOfWeek) {
        Some(day) => day,
        None => parsed.get(Field::DayOfWeek)? % 7 + 1,
    };
    Some(week_year_start(year) + (week - 1) * 7 + day - 1)
}

/// The Sunday with which the week-based year begins: the week of 1 January.
pub(super) fn week_year_start(year: i64) -> i64 {
    let start = days_from_civil(year, 1, 1);
    start - day_of_week(start) % 7
}

/// 1 for Monday to 7 for Sunday.
pub(super) fn day_of_week(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// Fails if a field says something else than the date.
fn agree(parsed: &Parsed, days: i64) -> Result<(), String> {
    let civil = civil_from_days(days);
    let expected = [
        (Field::DayOfWeek, day_of_week(days)),
        (Field::LocalDayOfWeek, day_of_week(days) % 7 + 1),
        (Field::Quarter, i64::from(civil.month - 1) / 3 + 1),
        (Field::DayOfYear, days - days_from_civil(civil.year, 1, 1) + 1),
    ];
    for (field, value) in expected {
        if parsed.get(field).is_some_and(|given| given != value) {
            return Err(format!("{field:?} is {value} on that date, not as the text says"));
        }
    }
    Ok(())
}

/// The moment in milliseconds since the epoch; what is missing is that of 1970-01-01T00:00.
pub(super) fn timestamp(parsed: &Parsed, zone: &Zone) -> Result<i64, String> {
    let time = time(parsed)?;
    let days = match date(parsed)? {
        Some(days) => days + i64::from(time.is_some_and(|time| time.next_day)),
        None => default_date(parsed)?,
    };
    let nanos = match time {
        Some(time) => time.nanos,
        None => {
            let half = parsed.get(Field::AmPm).unwrap_or(0) * 12;
            let clock = parsed.get(Field::ClockHourOfAmPm).map(|hour| hour % 12);
            let hour = half + parsed.get(Field::HourOfAmPm).or(clock).unwrap_or(0);
            hour * NANOS_PER_HOUR + within_hour(parsed)?
        }
    };
    let seconds = days * 86_400 + nanos / NANOS_PER_SECOND;
    let millis = nanos % NANOS_PER_SECOND / 1_000_000;
    let utc = match &parsed.zone {
        Some(zone) => zone.utc_of(seconds),
        None => utc_like_1970(zone, seconds),
    };
    let ms = utc.checked_mul(1_000).and_then(|ms| ms.checked_add(millis));
    ms.ok_or_else(|| "the moment is out of range".to_string())
}

/// 1970-01-01 with those fields of a date that are given.
fn default_date(parsed: &Parsed) -> Result<i64, String> {
    let (month, day) = month_and_day(parsed)?;
    let year = year(parsed)?.unwrap_or(1970);
    let mut day = day.unwrap_or(1);
    if let Some(wanted) = parsed.get(Field::DayOfWeek)
        && parsed.get(Field::DayOfMonth).is_none()
    {
        // 1970-01-01 was a Thursday; its week began on 1969-12-29.
        day = (wanted - 3).max(1);
    }
    if let Some(day_of_year) = parsed.get(Field::DayOfYear) {
        if !(1..=365).contains(&day_of_year) {
            return Err(format!("the year 1970 has no day {day_of_year}"));
        }
        return Ok(day_of_year - 1);
    }
    Ok(clamped(year, month.unwrap_or(1), day))
}

/// The moment of a local time. Of two, the one with the offset that the zone had in 1970, if one
/// has it, else the earlier.
pub(super) fn utc_like_1970(zone: &Zone, local: i64) -> i64 {
    let offset = match zone.offsets_of(local) {
        Local::One(offset) | Local::Gap(offset, _) => offset,
        Local::Overlap(earlier, later) => {
            let in_1970 = zone.offset_at(0);
            if in_1970 == later { later } else { earlier }
        }
    };
    local - i64::from(offset)
}
