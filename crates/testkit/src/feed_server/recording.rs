//! What was recorded of a feed, and what it looked like at a moment.

use bytes::Bytes;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::TimestampMs;

/// A feed as it was recorded.
#[derive(Clone, Debug)]
pub struct Recording {
    content_type: &'static str,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// One document that never changes.
    Static(Bytes),
    /// Documents, each with the moment from which on it was served, in order.
    Snapshots(Vec<(TimestampMs, Bytes)>),
    /// One document that grows at its top.
    Log(Log),
}

/// A table whose newest row stands first, below the header.
#[derive(Clone, Debug)]
struct Log {
    /// The header row, with its line break.
    header: Bytes,
    /// All rows, newest first.
    rows: Bytes,
    /// For each row, oldest first: when it came, and where in `rows` it begins.
    starts: Vec<(TimestampMs, usize)>,
}

/// A document as it stood at a moment.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) body: Bytes,
    /// Counts what has changed before: different documents of one recording have different
    /// versions.
    pub(super) version: usize,
    pub(super) modified_at: Option<TimestampMs>,
    pub(super) content_type: &'static str,
}

/// A recording that cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// It has no header or no row.
    #[error("the recording is empty")]
    Empty,
    /// Its header has no column of this name.
    #[error("the recording has no column '{0}'")]
    NoColumn(String),
    /// A row's time cannot be read.
    #[error("line {line} of the recording: {text:?} is not a time such as 2024-10-27 01:04:42")]
    BadTime {
        /// From 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone '{0}'")]
    NoZone(String),
}

impl Recording {
    /// One document that never changes, JSON or other.
    pub fn document(body: impl Into<Bytes>, content_type: &'static str) -> Self {
        Self { content_type, kind: Kind::Static(body.into()) }
    }

    /// Whole documents, each with the moment from which on it was served.
    pub fn snapshots(mut documents: Vec<(TimestampMs, Bytes)>, content_type: &'static str) -> Self {
        documents.sort_by_key(|(from, _)| *from);
        Self { content_type, kind: Kind::Snapshots(documents) }
    }

    /// A CSV file that grows: a header, then rows whose column `time` says in local time of `zone`
    /// when they came. It is served as such files are, newest row first, in whatever order `text`
    /// is.
    ///
    /// An hour that the clock shows twice is taken for its first, as nothing in a row says which.
    pub fn csv_log(text: &str, time: &str, zone: &str) -> Result<Self, RecordingError> {
        let zone = TimeZone::get(zone).map_err(|_| RecordingError::NoZone(zone.to_owned()))?;
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (_, header) = lines.next().ok_or(RecordingError::Empty)?;
        let column = header
            .split(',')
            .position(|name| name.trim() == time)
            .ok_or_else(|| RecordingError::NoColumn(time.to_owned()))?;
        let mut rows = Vec::new();
        for (i, line) in lines {
            let text = line.split(',').nth(column).unwrap_or_default();
            let came = local_time(text, &zone)
                .ok_or_else(|| RecordingError::BadTime { line: i + 1, text: text.to_owned() })?;
            rows.push((came, line));
        }
        if rows.is_empty() {
            return Err(RecordingError::Empty);
        }
        // Stable, and newest first: rows of one moment keep the order they were recorded in.
        rows.sort_by_key(|(came, _)| std::cmp::Reverse(*came));
        let mut all = String::with_capacity(text.len());
        let mut starts = Vec::with_capacity(rows.len());
        for (came, line) in rows {
            starts.push((came, all.len()));
            all.push_str(line);
            all.push('\n');
        }
        starts.reverse();
        let log =
            Log { header: Bytes::from(format!("{header}\n")), rows: Bytes::from(all), starts };
        Ok(Self { content_type: "text/csv; charset=utf-8", kind: Kind::Log(log) })
    }

    /// When its first and its last document came; none if it never changes.
    pub fn span(&self) -> Option<(TimestampMs, TimestampMs)> {
        let span = |first: Option<TimestampMs>, last: Option<TimestampMs>| Some((first?, last?));
        match &self.kind {
            Kind::Static(_) => None,
            Kind::Snapshots(documents) => {
                let at = |entry: Option<&(TimestampMs, Bytes)>| entry.map(|(from, _)| *from);
                span(at(documents.first()), at(documents.last()))
            }
            Kind::Log(log) => {
                let at = |entry: Option<&(TimestampMs, usize)>| entry.map(|(came, _)| *came);
                span(at(log.starts.first()), at(log.starts.last()))
            }
        }
    }

    /// The document as it stood at `now`; none before there was any.
    pub(super) fn at(&self, now: TimestampMs) -> Option<Document> {
        let document = |body, version, modified_at| Document {
            body,
            version,
            modified_at,
            content_type: self.content_type,
        };
        match &self.kind {
            Kind::Static(body) => Some(document(body.clone(), 0, None)),
            Kind::Snapshots(documents) => {
                let version = documents.partition_point(|(from, _)| *from <= now).checked_sub(1)?;
                let (from, body) = &documents[version];
                Some(document(body.clone(), version, Some(*from)))
            }
            Kind::Log(log) => {
                let count = log.starts.partition_point(|(came, _)| *came <= now);
                let newest = count.checked_sub(1).map(|at| log.starts[at]);
                let rows = newest.map_or(Bytes::new(), |(_, start)| log.rows.slice(start..));
                let body = [&log.header[..], &rows[..]].concat();
                Some(document(Bytes::from(body), count, newest.map(|(came, _)| came)))
            }
        }
    }
}

fn local_time(text: &str, zone: &TimeZone) -> Option<TimestampMs> {
    let local: DateTime = text.trim().parse().ok()?;
    let zoned = zone.to_ambiguous_zoned_datetime(local).compatible().ok()?;
    Some(TimestampMs(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "date,A\n2024-10-27 02:04:51,4\n2024-10-27 01:04:51,3\n\
                       2024-10-27 01:04:42,2\n2024-10-27 00:59:59,1\n";

    fn check(recording: &Recording, now: i64, expect: &str) {
        let document = recording.at(TimestampMs(now)).expect("there is a document");
        assert_eq!(String::from_utf8_lossy(&document.body), expect);
    }

    #[test]
    fn a_log_grows_at_its_top_and_an_hour_shown_twice_is_its_first() {
        let log = Recording::csv_log(LOG, "date", "Europe/Jersey").expect("it is a log");
        let first = 1_729_987_199_000; // 2024-10-26T23:59:59Z, 00:59:59 in Jersey's summer
        assert_eq!(log.span(), Some((TimestampMs(first), TimestampMs(1_729_994_691_000))));
        check(&log, first - 1, "date,A\n");
        check(&log, first, "date,A\n2024-10-27 00:59:59,1\n");
        check(&log, first + 283_000, "date,A\n2024-10-27 01:04:42,2\n2024-10-27 00:59:59,1\n");
        check(&log, first + 9_000_000, LOG);
    }

    #[test]
    fn a_snapshot_is_served_until_the_next() {
        let documents = vec![
            (TimestampMs(20), Bytes::from_static(b"two")),
            (TimestampMs(10), Bytes::from_static(b"one")),
        ];
        let recording = Recording::snapshots(documents, "text/plain");
        assert!(recording.at(TimestampMs(9)).is_none());
        check(&recording, 10, "one");
        check(&recording, 19, "one");
        check(&recording, 99, "two");
    }

    #[test]
    fn a_recording_that_cannot_be_played_says_why() {
        let error = |text, time, zone| Recording::csv_log(text, time, zone).expect_err("refused");
        assert_eq!(error("", "date", "UTC"), RecordingError::Empty);
        assert_eq!(error("date,A\n", "date", "UTC"), RecordingError::Empty);
        assert_eq!(error(LOG, "day", "UTC"), RecordingError::NoColumn("day".to_owned()));
        assert_eq!(error(LOG, "date", "Moon"), RecordingError::NoZone("Moon".to_owned()));
        let bad = error("date,A\n2024-10-27 01:04:42,1\nyesterday,2\n", "date", "UTC");
        assert_eq!(bad, RecordingError::BadTime { line: 3, text: "yesterday".to_owned() });
    }
}
