//! Moments from text and as text: whole columns at a time, for a feed's every row has one.

use std::rc::Rc;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, Int64Array, StringArray, TimestampMillisecondArray};

use super::super::Eval::Columns;
use super::super::{Call, ScalarFunction, of};
use super::format::Moment;
use super::pattern::Pattern;
use super::zone::Zone;
use super::{function, moment_of};
use crate::{Evaluated, RowErrors};

/// The zone of patterns that name none.
const DEFAULT_ZONE: &str = "GMT";

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

pub(in super::super) const STRINGTOTIMESTAMP: ScalarFunction = function(
    "STRINGTOTIMESTAMP",
    "The moment that a text gives by a pattern, in milliseconds since the epoch; in a time \
     zone, if the text names none.",
    ("STRINGTOTIMESTAMP('2020-02-29 12:34', 'yyyy-MM-dd HH:mm', 'UTC')", "1582979640000"),
    &[
        of(
            "STRINGTOTIMESTAMP(formattedTimestamp VARCHAR, formatPattern VARCHAR) -> BIGINT",
            Columns(string_to_timestamp),
        ),
        of(
            "STRINGTOTIMESTAMP(formattedTimestamp VARCHAR, formatPattern VARCHAR, timeZone \
             VARCHAR) -> BIGINT",
            Columns(string_to_timestamp),
        ),
    ],
);

fn string_to_timestamp(call: &Call<'_>) -> Evaluated {
    let (cells, errors) = parse_timestamps(call, true);
    Evaluated { column: Arc::new(Int64Array::from(cells)), errors }
}

pub(in super::super) const PARSE_TIMESTAMP: ScalarFunction = function(
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

pub(in super::super) const TIMESTAMPTOSTRING: ScalarFunction = function(
    "TIMESTAMPTOSTRING",
    "A moment, in milliseconds since the epoch, written by a pattern, in a time zone.",
    ("TIMESTAMPTOSTRING(1582979696789, 'yyyy-MM-dd HH:mm', 'UTC')", "2020-02-29 12:34"),
    &[
        of(
            "TIMESTAMPTOSTRING(epochMilli BIGINT, formatPattern VARCHAR) -> VARCHAR",
            Columns(timestamp_to_string),
        ),
        of(
            "TIMESTAMPTOSTRING(epochMilli BIGINT, formatPattern VARCHAR, timeZone VARCHAR) -> \
             VARCHAR",
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

pub(in super::super) const FORMAT_TIMESTAMP: ScalarFunction = function(
    "FORMAT_TIMESTAMP",
    "A TIMESTAMP written by a pattern, in a time zone.",
    ("FORMAT_TIMESTAMP(FROM_UNIXTIME(1582979696789), 'dd/MM/yyyy HH:mm')", "29/02/2020 12:34"),
    &[
        of(
            "FORMAT_TIMESTAMP(timestamp TIMESTAMP, formatPattern VARCHAR) -> VARCHAR",
            Columns(format_timestamp),
        ),
        of(
            "FORMAT_TIMESTAMP(timestamp TIMESTAMP, formatPattern VARCHAR, timeZone VARCHAR) -> \
             VARCHAR",
            Columns(format_timestamp),
        ),
    ],
);

fn format_timestamp(call: &Call<'_>) -> Evaluated {
    let moments = call.column(0).as_primitive::<TimestampMillisecondType>();
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
