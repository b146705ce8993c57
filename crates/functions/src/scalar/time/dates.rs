//! Dates and times of day from text and as text.

use model::Value;
use model::text::civil_from_days;

use super::super::Eval::Rows;
use super::super::units::{int, text};
use super::super::{Call, ScalarFunction, of};
use super::format::Moment;
use super::pattern::Pattern;
use super::{MS_PER_DAY, function, legacy, resolve};

pub(in super::super) const STRINGTODATE: ScalarFunction = function(
    "STRINGTODATE",
    "The date that a text gives by a pattern, in days since 1970-01-01.",
    ("STRINGTODATE('2020-02-29', 'yyyy-MM-dd')", "18321"),
    &[of(
        "STRINGTODATE(formattedDate VARCHAR, formatPattern VARCHAR) -> INT",
        Rows(string_to_date),
    )],
);

fn string_to_date(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(date), Some(pattern)) = (text(&args[0]), text(&args[1])) else {
        return Err("neither text nor pattern may be null".to_string());
    };
    let parsed = Pattern::of(pattern)?.parse(date)?;
    let next_day = resolve::time(&parsed)?.is_some_and(|time| time.next_day);
    let days = resolve::date(&parsed)?.ok_or_else(|| format!("'{date}' gives no whole date"))?;
    let days = i32::try_from(days + i64::from(next_day));
    days.map(Value::Integer).map_err(|_| format!("'{date}' is out of the range of dates"))
}

pub(in super::super) const DATETOSTRING: ScalarFunction = function(
    "DATETOSTRING",
    "A date, in days since 1970-01-01, written by a pattern.",
    ("DATETOSTRING(18321, 'dd/MM/yyyy')", "29/02/2020"),
    &[of("DATETOSTRING(epochDays INT, formatPattern VARCHAR) -> VARCHAR", Rows(date_to_string))],
);

fn date_to_string(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let days = int(&args[0]).ok_or("the date must not be null")?;
    let Some(pattern) = text(&args[1]) else { return Ok(Value::Null) };
    let moment = Moment { days: Some(i64::from(days)), ..Moment::default() };
    written(pattern, &moment)
}

fn written(pattern: &str, moment: &Moment<'_>) -> Result<Value, String> {
    let mut out = String::new();
    Pattern::of(pattern)?.format(moment, &mut out)?;
    Ok(Value::String(out))
}

pub(in super::super) const FORMAT_DATE: ScalarFunction = function(
    "FORMAT_DATE",
    "A DATE written by a pattern.",
    ("FORMAT_DATE(FROM_DAYS(18321), 'dd/MM/yyyy')", "29/02/2020"),
    &[of("FORMAT_DATE(date DATE, formatPattern VARCHAR) -> VARCHAR", Rows(format_date))],
);

fn format_date(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Value::Date(days), Some(pattern)) = (&args[0], text(&args[1])) else {
        return Ok(Value::Null);
    };
    written(pattern, &Moment { days: Some(i64::from(*days)), ..Moment::default() })
}

pub(in super::super) const FORMAT_TIME: ScalarFunction = function(
    "FORMAT_TIME",
    "A TIME written by a pattern.",
    ("FORMAT_TIME(PARSE_TIME('1234', 'HHmm'), 'h:mm a')", "12:34 PM"),
    &[of("FORMAT_TIME(time TIME, formatPattern VARCHAR) -> VARCHAR", Rows(format_time))],
);

fn format_time(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Value::Time(ms), Some(pattern)) = (&args[0], text(&args[1])) else {
        return Ok(Value::Null);
    };
    let nanos = i64::from(*ms).rem_euclid(MS_PER_DAY) * 1_000_000;
    written(pattern, &Moment { nanos: Some(nanos), ..Moment::default() })
}

pub(in super::super) const PARSE_DATE: ScalarFunction = function(
    "PARSE_DATE",
    "The DATE that a text gives by a pattern, read leniently: 30 February is 1 or 2 March.",
    ("PARSE_DATE('29.2.2020', 'd.M.yyyy')", "2020-02-29"),
    &[of("PARSE_DATE(formattedDate VARCHAR, formatPattern VARCHAR) -> DATE", Rows(parse_date))],
);

fn parse_date(args: &[Value], call: &Call<'_>) -> Result<Value, String> {
    let (Some(date), Some(pattern)) = (text(&args[0]), text(&args[1])) else {
        return Ok(Value::Null);
    };
    let year_now = civil_from_days(call.now_ms.div_euclid(MS_PER_DAY)).year;
    let days = legacy::parse_date(date, pattern, year_now)?;
    let days = i32::try_from(days).map_err(|_| format!("'{date}' is out of the range of dates"))?;
    Ok(Value::Date(days))
}

pub(in super::super) const PARSE_TIME: ScalarFunction = function(
    "PARSE_TIME",
    "The TIME that a text gives by a pattern.",
    ("PARSE_TIME('12:34 PM', 'hh:mm a')", "12:34"),
    &[of("PARSE_TIME(formattedTime VARCHAR, formatPattern VARCHAR) -> TIME", Rows(parse_time))],
);

fn parse_time(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(time), Some(pattern)) = (text(&args[0]), text(&args[1])) else {
        return Ok(Value::Null);
    };
    let parsed = Pattern::of(pattern)?.parse(time)?;
    if resolve::has_date(&parsed) {
        return Err("the pattern of a time has a date in it".to_string());
    }
    let resolved = resolve::time(&parsed)?.ok_or_else(|| format!("'{time}' gives no time"))?;
    Ok(Value::Time((resolved.nanos / 1_000_000) as i32))
}
