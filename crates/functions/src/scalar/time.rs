//! Functions of dates, times and timestamps.

mod format;
mod legacy;
mod names;
mod parse;
mod pattern;
mod plain;
mod resolve;
#[cfg(test)]
mod tests;
mod zone;

use std::rc::Rc;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, Int64Array, StringArray, TimestampMillisecondArray};
use model::Value;
use model::text::civil_from_days;

use self::format::Moment;
use self::pattern::Pattern;
use self::zone::Zone;
use super::Eval::{Columns, Rows};
use super::units::{int, null_if_any, text};
use super::{Arg, Call, Overload, ScalarFunction, of};
use crate::{Doc, Evaluated, RowErrors};

const MS_PER_DAY: i64 = 86_400_000;

/// The zone of patterns that name none.
const DEFAULT_ZONE: &str = "GMT";

/// A pattern of a timestamp, as STRINGTOTIMESTAMP and TIMESTAMPTOSTRING take it, for others: the
/// `TIMESTAMP_FORMAT` of a stream, for example.
///
/// ```
/// let pattern = functions::scalar::TimestampPattern::compile("dd/MM/yyyy HH:mm")?;
/// assert_eq!(pattern.parse("29/02/2020 12:34", "Europe/London")?, 1_582_979_640_000);
/// assert_eq!(pattern.format(1_582_979_640_000, "UTC")?, "29/02/2020 12:34");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct TimestampPattern(Pattern);

impl TimestampPattern {
    /// The pattern of this text; an error says what is wrong with it.
    pub fn compile(text: &str) -> Result<Self, String> {
        Pattern::compile(text).map(Self)
    }

    /// The moment that a text gives, in milliseconds since the epoch; in a time zone (`UTC`,
    /// `Europe/London`, `+05:30`), if the text names none.
    pub fn parse(&self, text: &str, zone: &str) -> Result<i64, String> {
        moment_of(&self.0, text, &*Zone::of(zone)?)
    }

    /// A moment, in milliseconds since the epoch, as text in a time zone.
    pub fn format(&self, ms: i64, zone: &str) -> Result<String, String> {
        let (seconds, millis) = model::text::timestamp_parts(ms);
        let mut out = String::new();
        self.0.format(&Moment::at(seconds, millis, &*Zone::of(zone)?), &mut out)?;
        Ok(out)
    }
}

/// The moment that a text gives by a pattern, in milliseconds since the epoch.
fn moment_of(pattern: &Pattern, text: &str, zone: &Zone) -> Result<i64, String> {
    let plain = pattern.plain.as_ref();
    match plain.and_then(|plain| plain::timestamp(plain, text.as_bytes(), zone)) {
        Some(ms) => Ok(ms),
        None => resolve::timestamp(&pattern.parse(text)?, zone),
    }
}

/// Defines a function of this category.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [Overload],
) -> ScalarFunction {
    ScalarFunction { name, doc: Doc { description, category: "DATE / TIME", example }, overloads }
}

/// What a text stands for (a pattern, a zone), looked up again only when the text changes.
struct Known<'a, T> {
    text: Option<&'a str>,
    value: Result<Rc<T>, String>,
    look_up: fn(&str) -> Result<Rc<T>, String>,
}

impl<'a, T> Known<'a, T> {
    fn new(look_up: fn(&str) -> Result<Rc<T>, String>) -> Self {
        Self { text: None, value: Err(String::new()), look_up }
    }

    fn get(&mut self, text: &'a str) -> Result<&T, String> {
        if self.text != Some(text) {
            self.text = Some(text);
            self.value = (self.look_up)(text);
        }
        self.value.as_deref().map_err(Clone::clone)
    }
}

/// A cell of a text column.
fn cell(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

pub(super) const STRINGTOTIMESTAMP: ScalarFunction = function(
    "STRINGTOTIMESTAMP",
    "The moment that a text gives by a pattern, in milliseconds since the epoch; in a time zone, if the \
     text names none.",
    ("STRINGTOTIMESTAMP('2020-02-29 12:34', 'yyyy-MM-dd HH:mm', 'UTC')", "1582979640000"),
    &[
        of(
            "STRINGTOTIMESTAMP(formattedTimestamp VARCHAR, formatPattern VARCHAR) -> BIGINT",
            Columns(string_to_timestamp),
        ),
        of(
            "STRINGTOTIMESTAMP(formattedTimestamp VARCHAR, formatPattern VARCHAR, timeZone VARCHAR) \
             -> BIGINT",
            Columns(string_to_timestamp),
        ),
    ],
);

fn string_to_timestamp(call: &Call<'_>) -> Evaluated {
    let (cells, errors) = parse_timestamps(call, true);
    Evaluated { column: Arc::new(Int64Array::from(cells)), errors }
}

pub(super) const PARSE_TIMESTAMP: ScalarFunction = function(
    "PARSE_TIMESTAMP",
    "The TIMESTAMP that a text gives by a pattern; in a time zone, if the text names none.",
    ("PARSE_TIMESTAMP('29/02/2020 12:34', 'dd/MM/yyyy HH:mm')", "2020-02-29T12:34:00.000"),
    &[
        of(
            "PARSE_TIMESTAMP(formattedTimestamp VARCHAR, formatPattern VARCHAR) -> TIMESTAMP",
            Columns(parse_timestamp),
        ),
        of(
            "PARSE_TIMESTAMP(formattedTimestamp VARCHAR, formatPattern VARCHAR, timeZone VARCHAR) \
             -> TIMESTAMP",
            Columns(parse_timestamp),
        ),
    ],
);

fn parse_timestamp(call: &Call<'_>) -> Evaluated {
    let (cells, errors) = parse_timestamps(call, false);
    Evaluated { column: Arc::new(TimestampMillisecondArray::from(cells)), errors }
}

/// The moments of all rows. A NULL argument fails the row, or makes it NULL.
fn parse_timestamps(call: &Call<'_>, null_fails: bool) -> (Vec<Option<i64>>, RowErrors) {
    let texts = call.column(0).as_string::<i32>();
    let patterns = call.column(1).as_string::<i32>();
    let zones = call.args.get(2).map(|_| call.column(2).as_string::<i32>());
    let (mut known_pattern, mut known_zone) = (Known::new(Pattern::of), Known::new(Zone::of));
    let mut errors = RowErrors::none();
    let mut cells = Vec::with_capacity(call.rows);
    // Neighbouring rows often have the same text: those of one poll of a feed.
    let mut last: Option<([&str; 3], i64)> = None;
    for row in 0..call.rows {
        let zone = zones.map_or(Some(DEFAULT_ZONE), |zones| cell(zones, row));
        let (Some(text), Some(pattern), Some(zone)) = (cell(texts, row), cell(patterns, row), zone)
        else {
            if null_fails {
                errors.add(row, "neither text, pattern nor time zone may be null");
            }
            cells.push(None);
            continue;
        };
        let key = [text, pattern, zone];
        if let Some((known, ms)) = &last
            && *known == key
        {
            cells.push(Some(*ms));
            continue;
        }
        let parsed = known_pattern
            .get(pattern)
            .and_then(|pattern| moment_of(pattern, text, known_zone.get(zone)?));
        match parsed {
            Ok(ms) => {
                last = Some((key, ms));
                cells.push(Some(ms));
            }
            Err(reason) => {
                errors.add(row, reason);
                cells.push(None);
            }
        }
    }
    (cells, errors)
}

pub(super) const TIMESTAMPTOSTRING: ScalarFunction = function(
    "TIMESTAMPTOSTRING",
    "A moment, in milliseconds since the epoch, written by a pattern, in a time zone.",
    ("TIMESTAMPTOSTRING(1582979696789, 'yyyy-MM-dd HH:mm', 'UTC')", "2020-02-29 12:34"),
    &[
        of(
            "TIMESTAMPTOSTRING(epochMilli BIGINT, formatPattern VARCHAR) -> VARCHAR",
            Columns(timestamp_to_string),
        ),
        of(
            "TIMESTAMPTOSTRING(epochMilli BIGINT, formatPattern VARCHAR, timeZone VARCHAR) -> VARCHAR",
            Columns(timestamp_to_string),
        ),
    ],
);

fn timestamp_to_string(call: &Call<'_>) -> Evaluated {
    let numbers = call.column(0).as_primitive::<Int64Type>();
    let at = |row| numbers.is_valid(row).then(|| numbers.value(row));
    let parts = model::text::timestamp_parts;
    format_timestamps(call, |row| at(row).map(parts), "UTC", true)
}

pub(super) const FORMAT_TIMESTAMP: ScalarFunction = function(
    "FORMAT_TIMESTAMP",
    "A TIMESTAMP written by a pattern, in a time zone.",
    ("FORMAT_TIMESTAMP(FROM_UNIXTIME(1582979696789), 'dd/MM/yyyy HH:mm')", "29/02/2020 12:34"),
    &[
        of(
            "FORMAT_TIMESTAMP(timestamp TIMESTAMP, formatPattern VARCHAR) -> VARCHAR",
            Columns(format_timestamp),
        ),
        of(
            "FORMAT_TIMESTAMP(timestamp TIMESTAMP, formatPattern VARCHAR, timeZone VARCHAR) -> VARCHAR",
            Columns(format_timestamp),
        ),
    ],
);

fn format_timestamp(call: &Call<'_>) -> Evaluated {
    let moments = call.column(0).as_primitive::<arrow_array::types::TimestampMillisecondType>();
    let at = |row| moments.is_valid(row).then(|| moments.value(row));
    let parts = model::text::timestamp_parts;
    format_timestamps(call, |row| at(row).map(parts), DEFAULT_ZONE, false)
}

fn format_timestamps(
    call: &Call<'_>,
    at: impl Fn(usize) -> Option<(i64, i64)>,
    default_zone: &str,
    null_fails: bool,
) -> Evaluated {
    let patterns = call.column(1).as_string::<i32>();
    let zones = call.args.get(2).map(|_| call.column(2).as_string::<i32>());
    let (mut known_pattern, mut known_zone) = (Known::new(Pattern::of), Known::new(Zone::of));
    let mut errors = RowErrors::none();
    let mut builder = arrow_array::builder::StringBuilder::with_capacity(call.rows, call.rows * 24);
    let mut out = String::new();
    for row in 0..call.rows {
        let zone = zones.map_or(Some(default_zone), |zones| cell(zones, row));
        let Some((seconds, millis)) = at(row) else {
            if null_fails {
                errors.add(row, "the moment must not be null");
            }
            builder.append_null();
            continue;
        };
        let (Some(pattern), Some(zone)) = (cell(patterns, row), zone) else {
            builder.append_null();
            continue;
        };
        out.clear();
        let written = known_pattern.get(pattern).and_then(|pattern| {
            let zone = known_zone.get(zone)?;
            pattern.format(&Moment::at(seconds, millis, zone), &mut out)
        });
        match written {
            Ok(()) => builder.append_value(&out),
            Err(reason) => {
                errors.add(row, reason);
                builder.append_null();
            }
        }
    }
    Evaluated { column: Arc::new(builder.finish()), errors }
}

pub(super) const STRINGTODATE: ScalarFunction = function(
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

pub(super) const DATETOSTRING: ScalarFunction = function(
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

pub(super) const FORMAT_DATE: ScalarFunction = function(
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

pub(super) const FORMAT_TIME: ScalarFunction = function(
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

pub(super) const PARSE_DATE: ScalarFunction = function(
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

pub(super) const PARSE_TIME: ScalarFunction = function(
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

pub(super) const CONVERT_TZ: ScalarFunction = function(
    "CONVERT_TZ",
    "The clock in one time zone when the clock in another shows a TIMESTAMP.",
    ("CONVERT_TZ(FROM_UNIXTIME(1582979696789), 'UTC', 'Asia/Tokyo')", "2020-02-29T21:34:56.789"),
    &[of(
        "CONVERT_TZ(timestamp TIMESTAMP, fromTimeZone VARCHAR, toTimeZone VARCHAR) -> TIMESTAMP",
        Rows(convert_tz),
    )],
);

fn convert_tz(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Value::Timestamp(ms), Some(from), Some(to)) = (&args[0], text(&args[1]), text(&args[2]))
    else {
        return Ok(Value::Null);
    };
    let (from, to) = (Zone::of(from)?, Zone::of(to)?);
    let at = ms.div_euclid(1_000);
    let moved = i64::from(to.modern_offset_at(at)) - i64::from(from.modern_offset_at(at));
    Ok(Value::Timestamp(ms.wrapping_add(moved * 1_000)))
}

/// The milliseconds of `count` units, positive to add and negative to subtract them; `None` for NULL.
fn interval(args: &[Value], call: &Call<'_>, sign: i64) -> Option<i64> {
    let Arg::Unit(unit) = &call.args[0] else { return None };
    Some(i64::from(int(&args[1])?) * unit.as_ref()?.millis() * sign)
}

pub(super) const DATEADD: ScalarFunction = function(
    "DATEADD",
    "A DATE so many units later; parts of a day are dropped.",
    ("DATEADD(DAYS, 1, FROM_DAYS(18320))", "2020-02-29"),
    &[of("DATEADD(unit INTERVALUNIT, interval INT, date DATE) -> DATE", Rows(date_add))],
);

pub(super) const DATESUB: ScalarFunction = function(
    "DATESUB",
    "A DATE so many units earlier; parts of a day are dropped.",
    ("DATESUB(DAYS, 1, FROM_DAYS(18322))", "2020-02-29"),
    &[of("DATESUB(unit INTERVALUNIT, interval INT, date DATE) -> DATE", Rows(date_sub))],
);

fn date_add(args: &[Value], call: &Call<'_>) -> Result<Value, String> {
    moved_date(args, call, 1)
}

fn date_sub(args: &[Value], call: &Call<'_>) -> Result<Value, String> {
    moved_date(args, call, -1)
}

fn moved_date(args: &[Value], call: &Call<'_>, sign: i64) -> Result<Value, String> {
    let (Some(by), Value::Date(days)) = (interval(args, call, sign), &args[2]) else {
        return Ok(Value::Null);
    };
    // Towards 1970, as ksqlDB does it.
    let days = (i64::from(*days) * MS_PER_DAY + by) / MS_PER_DAY;
    let days = i32::try_from(days).map_err(|_| "the date is out of range".to_string())?;
    Ok(Value::Date(days))
}

pub(super) const TIMEADD: ScalarFunction = function(
    "TIMEADD",
    "A TIME so many units later, on a clock of 24 hours.",
    ("TIMEADD(MINUTES, 61, PARSE_TIME('23:00', 'HH:mm'))", "00:01"),
    &[of("TIMEADD(unit INTERVALUNIT, interval INT, time TIME) -> TIME", Rows(time_add))],
);

pub(super) const TIMESUB: ScalarFunction = function(
    "TIMESUB",
    "A TIME so many units earlier, on a clock of 24 hours.",
    ("TIMESUB(HOURS, 2, PARSE_TIME('01:30', 'HH:mm'))", "23:30"),
    &[of("TIMESUB(unit INTERVALUNIT, interval INT, time TIME) -> TIME", Rows(time_sub))],
);

fn time_add(args: &[Value], call: &Call<'_>) -> Result<Value, String> {
    Ok(moved_time(args, call, 1))
}

fn time_sub(args: &[Value], call: &Call<'_>) -> Result<Value, String> {
    Ok(moved_time(args, call, -1))
}

fn moved_time(args: &[Value], call: &Call<'_>, sign: i64) -> Value {
    match (interval(args, call, sign), &args[2]) {
        (Some(by), Value::Time(ms)) => {
            // Nanoseconds are counted, and at most as many as a BIGINT holds.
            let by = by.saturating_mul(1_000_000) % (MS_PER_DAY * 1_000_000);
            let nanos = i64::from(*ms) * 1_000_000 + by;
            Value::Time(nanos.div_euclid(1_000_000).rem_euclid(MS_PER_DAY) as i32)
        }
        _ => Value::Null,
    }
}

pub(super) const TIMESTAMPADD: ScalarFunction = function(
    "TIMESTAMPADD",
    "A TIMESTAMP so many units later.",
    ("TIMESTAMPADD(HOURS, 1, FROM_UNIXTIME(0))", "1970-01-01T01:00:00.000"),
    &[of(
        "TIMESTAMPADD(unit INTERVALUNIT, interval INT, timestamp TIMESTAMP) -> TIMESTAMP",
        Rows(timestamp_add),
    )],
);

pub(super) const TIMESTAMPSUB: ScalarFunction = function(
    "TIMESTAMPSUB",
    "A TIMESTAMP so many units earlier.",
    ("TIMESTAMPSUB(HOURS, 1, FROM_UNIXTIME(0))", "1969-12-31T23:00:00.000"),
    &[of(
        "TIMESTAMPSUB(unit INTERVALUNIT, interval INT, timestamp TIMESTAMP) -> TIMESTAMP",
        Rows(timestamp_sub),
    )],
);

fn timestamp_add(args: &[Value], call: &Call<'_>) -> Result<Value, String> {
    Ok(moved_timestamp(args, call, 1))
}

fn timestamp_sub(args: &[Value], call: &Call<'_>) -> Result<Value, String> {
    Ok(moved_timestamp(args, call, -1))
}

fn moved_timestamp(args: &[Value], call: &Call<'_>, sign: i64) -> Value {
    match (interval(args, call, sign), &args[2]) {
        (Some(by), Value::Timestamp(ms)) => Value::Timestamp(ms.wrapping_add(by)),
        _ => Value::Null,
    }
}

pub(super) const FROM_DAYS: ScalarFunction = function(
    "FROM_DAYS",
    "The DATE so many days after 1970-01-01.",
    ("FROM_DAYS(18321)", "2020-02-29"),
    &[of("FROM_DAYS(days INT) -> DATE", Rows(from_days))],
);

fn from_days(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    int(&args[0]).map(Value::Date).ok_or_else(|| "the number of days must not be null".to_string())
}

pub(super) const FROM_UNIXTIME: ScalarFunction = function(
    "FROM_UNIXTIME",
    "The TIMESTAMP so many milliseconds after the epoch.",
    ("FROM_UNIXTIME(1582979696789)", "2020-02-29T12:34:56.789"),
    &[of("FROM_UNIXTIME(epochMilli BIGINT) -> TIMESTAMP", Rows(from_unixtime))],
);

fn from_unixtime(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(args[0].as_i64().map_or(Value::Null, Value::Timestamp))
}

pub(super) const UNIX_DATE: ScalarFunction = function(
    "UNIX_DATE",
    "How many days a DATE, or today, is after 1970-01-01.",
    ("UNIX_DATE(FROM_DAYS(18321))", "18321"),
    &[
        of("UNIX_DATE() -> INT", Rows(unix_date_now)),
        of("UNIX_DATE(date DATE) -> INT", Rows(unix_date)),
    ],
);

fn unix_date_now(_: &[Value], call: &Call<'_>) -> Result<Value, String> {
    Ok(Value::Integer(call.now_ms.div_euclid(MS_PER_DAY) as i32))
}

fn unix_date(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    if null_if_any(args) {
        return Ok(Value::Null);
    }
    Ok(args[0].as_i64().map_or(Value::Null, |days| Value::Integer(days as i32)))
}

pub(super) const UNIX_TIMESTAMP: ScalarFunction = function(
    "UNIX_TIMESTAMP",
    "How many milliseconds a TIMESTAMP, or now, is after the epoch.",
    ("UNIX_TIMESTAMP(FROM_UNIXTIME(1000))", "1000"),
    &[
        of("UNIX_TIMESTAMP() -> BIGINT", Rows(unix_timestamp_now)),
        of("UNIX_TIMESTAMP(timestamp TIMESTAMP) -> BIGINT", Rows(unix_timestamp)),
    ],
);

fn unix_timestamp_now(_: &[Value], call: &Call<'_>) -> Result<Value, String> {
    Ok(Value::Bigint(call.now_ms))
}

fn unix_timestamp(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(args[0].as_i64().map_or(Value::Null, Value::Bigint))
}
