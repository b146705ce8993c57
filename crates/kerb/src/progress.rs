//! What a running server says of itself on standard error: records in, rows out, lag, data time.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use jiff::tz::TimeZone;
use stream::answer::{AnswerBody, QueryProgress};
use stream::{Engine, Request};

/// How often it is said on a terminal (on one line, written over) and elsewhere (a line each).
const EVERY_TERMINAL: Duration = Duration::from_millis(500);
const EVERY_FILE: Duration = Duration::from_secs(10);

/// All queries' progress together.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Totals {
    /// Records read.
    pub(crate) rows_in: u64,
    /// Rows written.
    pub(crate) rows_out: u64,
    /// Records that failed.
    pub(crate) errors: u64,
    /// Records still to be read.
    pub(crate) lag: u64,
    /// The newest event time.
    pub(crate) data_time_ms: Option<i64>,
}

/// Asks the engine.
pub(crate) fn totals(engine: &Engine) -> Totals {
    let answers = engine.execute(&Request::new("SHOW QUERIES EXTENDED;")).unwrap_or_default();
    let mut totals = Totals::default();
    for answer in answers {
        let AnswerBody::QueryDescriptions(queries) = answer.body else { continue };
        queries.iter().filter_map(|q| q.progress.as_ref()).for_each(|p| totals.add(p));
    }
    totals
}

impl Totals {
    fn add(&mut self, progress: &QueryProgress) {
        self.rows_in += progress.rows_in;
        self.rows_out += progress.rows_out;
        self.errors += progress.row_errors;
        self.lag += progress.lag;
        self.data_time_ms = self.data_time_ms.max(progress.stream_time_ms);
    }

    /// One line.
    fn line(&self, zone: &TimeZone) -> String {
        let time = match self.data_time_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        {
            Some(time) => {
                let time = time.to_zoned_datetime(zone.clone());
                format!(", data time {}", time.strftime("%Y-%m-%d %H:%M:%S"))
            }
            None => String::new(),
        };
        let errors = if self.errors > 0 { format!(", {} bad", self.errors) } else { String::new() };
        format!(
            "events in {}, rows out {}, lag {}{errors}{time}",
            self.rows_in, self.rows_out, self.lag
        )
    }
}

/// Tells for ever; the caller drops the future to stop it. `quiet` while a person types on the
/// same terminal.
pub(crate) async fn tell(engine: Engine, zone: TimeZone, quiet: bool) {
    let terminal = std::io::stderr().is_terminal();
    let every = if terminal && !quiet { EVERY_TERMINAL } else { EVERY_FILE };
    let mut told = Totals::default();
    loop {
        tokio::time::sleep(every).await;
        let engine = engine.clone();
        let Ok(now) = tokio::task::spawn_blocking(move || totals(&engine)).await else { return };
        if now == told {
            continue;
        }
        let line = now.line(&zone);
        let mut out = std::io::stderr().lock();
        // Nobody to tell is no reason to end.
        let _ = match terminal && !quiet {
            true => write!(out, "\r\x1b[K{line}"),
            false => writeln!(out, "{line}"),
        };
        let _ = out.flush();
        told = now;
    }
}
