//! Writes a date, a time of day or a moment by a pattern.

use std::fmt::Write;

use model::text::{civil_from_days, days_from_civil};

use super::names::names;
use super::pattern::{Field, Item, OffsetForm, Pattern, Sign};
use super::resolve::{day_of_week, week_year_start};
use super::zone::Zone;

/// What is written: a date, a time, or both in a zone.
#[derive(Clone, Copy, Default)]
pub(super) struct Moment<'a> {
    /// Days since 1970-01-01.
    pub(super) days: Option<i64>,
    /// Nanoseconds of the day.
    pub(super) nanos: Option<i64>,
    /// The zone, its offset in seconds, and the seconds since the epoch.
    pub(super) zone: Option<(&'a Zone, i32, i64)>,
}

impl<'a> Moment<'a> {
    /// A moment in a zone: seconds since the epoch and the milliseconds behind them.
    pub(super) fn at(seconds: i64, millis: i64, zone: &'a Zone) -> Self {
        let offset = zone.offset_at(seconds);
        let local = seconds.saturating_add(i64::from(offset));
        Self {
            days: Some(local.div_euclid(86_400)),
            nanos: Some(local.rem_euclid(86_400) * 1_000_000_000 + millis * 1_000_000),
            zone: Some((zone, offset, seconds)),
        }
    }

    /// A field; an error if it has no such.
    fn get(&self, field: Field) -> Result<i64, String> {
        let of_date = || self.days.ok_or_else(|| format!("a time has no {field:?}"));
        let of_time = || self.nanos.ok_or_else(|| format!("a date has no {field:?}"));
        let hour = || of_time().map(|nanos| nanos / 3_600_000_000_000);
        let civil = || of_date().map(civil_from_days);
        Ok(match field {
            Field::Era => i64::from(civil()?.year > 0),
            Field::Year => civil()?.year,
            Field::YearOfEra => {
                let year = civil()?.year;
                if year > 0 { year } else { 1 - year }
            }
            Field::WeekYear => week_year(of_date()?),
            Field::Week => {
                let days = of_date()?;
                (days - week_year_start(week_year(days))) / 7 + 1
            }
            Field::WeekOfMonth => {
                let civil = civil()?;
                let first = day_of_week(days_from_civil(civil.year, civil.month, 1)) % 7;
                (i64::from(civil.day) - 1 + first) / 7 + 1
            }
            Field::Quarter => (i64::from(civil()?.month) - 1) / 3 + 1,
            Field::Month => i64::from(civil()?.month),
            Field::DayOfMonth => i64::from(civil()?.day),
            Field::DayOfYear => of_date()? - days_from_civil(civil()?.year, 1, 1) + 1,
            Field::AlignedDay => (i64::from(civil()?.day) - 1) % 7 + 1,
            Field::DayOfWeek => day_of_week(of_date()?),
            Field::LocalDayOfWeek => day_of_week(of_date()?) % 7 + 1,
            Field::ModifiedJulianDay => of_date()? + 40_587,
            Field::AmPm => hour()? / 12,
            Field::Hour => hour()?,
            Field::ClockHour => (hour()? + 23) % 24 + 1,
            Field::HourOfAmPm => hour()? % 12,
            Field::ClockHourOfAmPm => (hour()? + 11) % 12 + 1,
            Field::Minute => of_time()? / 60_000_000_000 % 60,
            Field::Second => of_time()? / 1_000_000_000 % 60,
            Field::NanoOfSecond => of_time()? % 1_000_000_000,
            Field::MilliOfDay => of_time()? / 1_000_000,
            Field::NanoOfDay => of_time()?,
        })
    }
}

/// The year that the week of a day belongs to: the one whose 1 January lies in it or before it.
fn week_year(days: i64) -> i64 {
    let year = civil_from_days(days).year;
    if days >= week_year_start(year + 1) { year + 1 } else { year }
}

impl Pattern {
    /// The text of a moment by this pattern.
    pub(super) fn format(&self, moment: &Moment<'_>, out: &mut String) -> Result<(), String> {
        write_all(&self.items, moment, out)
    }
}

fn write_all(items: &[Item], moment: &Moment<'_>, out: &mut String) -> Result<(), String> {
    items.iter().try_for_each(|item| write_item(item, moment, out))
}

fn write_item(item: &Item, moment: &Moment<'_>, out: &mut String) -> Result<(), String> {
    let zone = || moment.zone.ok_or("it has no zone or offset");
    match item {
        Item::Literal(text) => out.push_str(text),
        Item::Number { field, min, max, sign, .. } => {
            let value = moment.get(*field)?;
            write_number(value, *min, *max, *sign, out)
                .ok_or_else(|| format!("{field:?} {value} does not fit into the pattern"))?;
        }
        Item::ReducedYear { field, .. } => {
            push(out, format_args!("{:02}", moment.get(*field)?.rem_euclid(100)));
        }
        Item::Fraction { digits } => {
            let nanos = moment.get(Field::NanoOfSecond)?;
            let width = *digits;
            push(out, format_args!("{:0width$}", nanos / 10_i64.pow(9 - width as u32)));
        }
        Item::Text { field, style } => {
            let value = moment.get(*field)?;
            let (first, names) = names(*field, *style).ok_or("the field has no names")?;
            out.push_str(names[(value - first) as usize]);
        }
        Item::ZoneId => out.push_str(zone()?.0.id()),
        Item::ZoneName => {
            let (zone, _, seconds) = zone()?;
            out.push_str(&zone.short_name(seconds));
        }
        Item::LocalizedOffset { full } => write_localized(zone()?.1, *full, out),
        Item::Offset(form) => write_offset(zone()?.1, form, out),
        Item::Optional(items) => {
            let mut attempt = String::new();
            if write_all(items, moment, &mut attempt).is_ok() {
                out.push_str(&attempt);
            }
        }
    }
    Ok(())
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes everything");
}

fn write_number(value: i64, min: usize, max: usize, sign: Sign, out: &mut String) -> Option<()> {
    let magnitude = value.unsigned_abs();
    let digits = magnitude.checked_ilog10().map_or(1, |log| log as usize + 1);
    if digits > max {
        return None;
    }
    match sign {
        Sign::Never if value < 0 => return None,
        Sign::ExceedsPad if value >= 0 && digits > min => out.push('+'),
        _ if value < 0 => out.push('-'),
        _ => {}
    }
    push(out, format_args!("{magnitude:0min$}"));
    Some(())
}

fn write_offset(offset: i32, form: &OffsetForm, out: &mut String) {
    let all = offset.abs();
    let (hours, minutes, seconds) = (all / 3_600, all / 60 % 60, all % 60);
    let seconds = if form.seconds { seconds } else { 0 };
    // An offset of seconds only is none, but keeps its sign.
    if offset == 0 {
        return out.push_str(form.zero);
    }
    let colon = if form.colon { ":" } else { "" };
    push(out, format_args!("{}{hours:02}", if offset < 0 { '-' } else { '+' }));
    if !form.minutes_optional || minutes != 0 {
        push(out, format_args!("{colon}{minutes:02}"));
    }
    if seconds != 0 {
        push(out, format_args!("{colon}{seconds:02}"));
    }
}

/// `GMT`, `GMT+8`, `GMT+5:30`, or in full `GMT+08:00`.
fn write_localized(offset: i32, full: bool, out: &mut String) {
    out.push_str("GMT");
    if offset == 0 {
        return;
    }
    let all = offset.abs();
    let (hours, minutes, seconds) = (all / 3_600, all / 60 % 60, all % 60);
    out.push(if offset < 0 { '-' } else { '+' });
    if full {
        push(out, format_args!("{hours:02}:{minutes:02}"));
    } else {
        push(out, format_args!("{hours}"));
        if minutes != 0 || seconds != 0 {
            push(out, format_args!(":{minutes:02}"));
        }
    }
    if seconds != 0 {
        push(out, format_args!(":{seconds:02}"));
    }
}
