//! What the pipeline is measured beside: a plain, single-threaded loop that parses the same rows
//! and keeps the same table, with neither journal nor SQL.

use std::collections::HashMap;

use anyhow::{Context, Result};
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A car park's row of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row {
    pub(crate) time_ms: i64,
    pub(crate) capacity: i32,
    pub(crate) empty: i32,
    pub(crate) pct_full: f64,
    pub(crate) empty_sum: i64,
    pub(crate) count: i64,
    pub(crate) status: String,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    pub(crate) url: String,
}

/// The table.
pub(crate) struct Table {
    pub(crate) rows: HashMap<String, Row>,
    zone: TimeZone,
}

impl Table {
    /// An empty table.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { rows: HashMap::new(), zone: TimeZone::get("Europe/London")? })
    }

    /// Takes a row of the feed in.
    pub(crate) fn add(&mut self, line: &str) -> Result<()> {
        let mut cells = line.split(',');
        let mut cell = || cells.next().context("a row is too short");
        let time_ms = self.time_ms(cell()?, cell()?)?;
        let name = cell()?;
        let capacity: i32 = cell()?.parse()?;
        let empty: i32 = cell()?.parse()?;
        let (status, latitude, longitude, url) = (cell()?, cell()?, cell()?, cell()?);
        let row = match self.rows.get_mut(name) {
            Some(row) => row,
            None => self.rows.entry(name.to_string()).or_default(),
        };
        row.time_ms = time_ms;
        row.capacity = capacity;
        row.empty = empty;
        row.pct_full = f64::from(capacity - empty) / f64::from(capacity) * 100.0;
        row.empty_sum += i64::from(empty);
        row.count += 1;
        row.status.clear();
        row.status.push_str(status);
        row.latitude = latitude.parse()?;
        row.longitude = longitude.parse()?;
        row.url.clear();
        row.url.push_str(url);
        Ok(())
    }

    fn time_ms(&self, date: &str, time: &str) -> Result<i64> {
        let number = |text: Option<&str>| -> Result<i16> { Ok(text.context("a time")?.parse()?) };
        let mut parts = date.split('-');
        let (year, month, day) =
            (number(parts.next())?, number(parts.next())?, number(parts.next())?);
        let (hour, minute) = time.split_once(':').context("a time")?;
        let (hour, minute): (i8, i8) = (hour.parse()?, minute.parse()?);
        let date = Date::new(year, month as i8, day as i8)?;
        let local = date.at(hour, minute, 0, 0);
        Ok(self.zone.to_ambiguous_timestamp(local).compatible()?.as_millisecond())
    }

    /// `LATEST_TS` of a row.
    pub(crate) fn latest_ts(&self, row: &Row) -> Result<String> {
        let time = jiff::Timestamp::from_millisecond(row.time_ms)?;
        let local = time.to_zoned_datetime(self.zone.clone());
        Ok(local.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }
}
