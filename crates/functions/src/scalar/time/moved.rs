//! Dates, times and timestamps moved: by intervals, between time zones, between types.

use model::Value;

use super::super::Eval::Rows;
use super::super::units::{int, null_if_any, text};
use super::super::{Arg, Call, ScalarFunction, of};
use super::zone::Zone;
use super::{MS_PER_DAY, function};

pub(in super::super) const CONVERT_TZ: ScalarFunction = function(
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

/// The milliseconds of `count` units, positive to add and negative to subtract them; `None` for
/// NULL.
fn interval(args: &[Value], call: &Call<'_>, sign: i64) -> Option<i64> {
    let Arg::Unit(unit) = &call.args[0] else { return None };
    Some(i64::from(int(&args[1])?) * unit.as_ref()?.millis() * sign)
}

pub(in super::super) const DATEADD: ScalarFunction = function(
    "DATEADD",
    "A DATE so many units later; parts of a day are dropped.",
    ("DATEADD(DAYS, 1, FROM_DAYS(18320))", "2020-02-29"),
    &[of("DATEADD(unit INTERVALUNIT, interval INT, date DATE) -> DATE", Rows(date_add))],
);

pub(in super::super) const DATESUB: ScalarFunction = function(
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

pub(in super::super) const TIMEADD: ScalarFunction = function(
    "TIMEADD",
    "A TIME so many units later, on a clock of 24 hours.",
    ("TIMEADD(MINUTES, 61, PARSE_TIME('23:00', 'HH:mm'))", "00:01"),
    &[of("TIMEADD(unit INTERVALUNIT, interval INT, time TIME) -> TIME", Rows(time_add))],
);

pub(in super::super) const TIMESUB: ScalarFunction = function(
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

pub(in super::super) const TIMESTAMPADD: ScalarFunction = function(
    "TIMESTAMPADD",
    "A TIMESTAMP so many units later.",
    ("TIMESTAMPADD(HOURS, 1, FROM_UNIXTIME(0))", "1970-01-01T01:00:00.000"),
    &[of(
        "TIMESTAMPADD(unit INTERVALUNIT, interval INT, timestamp TIMESTAMP) -> TIMESTAMP",
        Rows(timestamp_add),
    )],
);

pub(in super::super) const TIMESTAMPSUB: ScalarFunction = function(
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

pub(in super::super) const FROM_DAYS: ScalarFunction = function(
    "FROM_DAYS",
    "The DATE so many days after 1970-01-01.",
    ("FROM_DAYS(18321)", "2020-02-29"),
    &[of("FROM_DAYS(days INT) -> DATE", Rows(from_days))],
);

fn from_days(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    int(&args[0]).map(Value::Date).ok_or_else(|| "the number of days must not be null".to_string())
}

pub(in super::super) const FROM_UNIXTIME: ScalarFunction = function(
    "FROM_UNIXTIME",
    "The TIMESTAMP so many milliseconds after the epoch.",
    ("FROM_UNIXTIME(1582979696789)", "2020-02-29T12:34:56.789"),
    &[of("FROM_UNIXTIME(epochMilli BIGINT) -> TIMESTAMP", Rows(from_unixtime))],
);

fn from_unixtime(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(args[0].as_i64().map_or(Value::Null, Value::Timestamp))
}

pub(in super::super) const UNIX_DATE: ScalarFunction = function(
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

pub(in super::super) const UNIX_TIMESTAMP: ScalarFunction = function(
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
