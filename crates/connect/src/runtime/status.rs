//! How a connector is doing, for `SHOW CONNECTORS` and `DESCRIBE CONNECTOR`.

use std::fmt;
use std::time::Duration;

use model::TimestampMs;

use crate::classes::ConnectorKind;
use crate::config::Properties;
use crate::source::{Outcome, Poll, PollError};

/// What a connector is doing. The words of Kafka Connect, and RETRYING.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It has not polled yet.
    #[default]
    Unassigned,
    /// Its last poll went well.
    Running,
    /// Its last poll failed in a way that is likely to pass; it will try again.
    Retrying,
    /// It was told to pause.
    Paused,
    /// Its last poll was refused or could not be understood; it tries again all the same.
    Failed,
}

impl State {
    /// The word, in capitals.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Unassigned => "UNASSIGNED",
            State::Running => "RUNNING",
            State::Retrying => "RETRYING",
            State::Paused => "PAUSED",
            State::Failed => "FAILED",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A connector's figures, from when the process began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// Polls begun and ended, well or not.
    pub polls: u64,
    /// Polls that failed.
    pub polls_failed: u64,
    /// Polls that found what was there before.
    pub polls_unchanged: u64,
    /// Polls that found a document without content.
    pub polls_empty: u64,
    /// Failures since the last success.
    pub failures_in_row: u32,
    /// Records appended.
    pub records: u64,
    /// Parts of documents that were no records.
    pub rejected: u64,
    /// The last answer's HTTP status.
    pub http_status: Option<u16>,
    /// How large the last document was.
    pub document_bytes: u64,
    /// When it last polled, well or not.
    pub polled_at: Option<TimestampMs>,
    /// When it last had an answer that it understood.
    pub succeeded_at: Option<TimestampMs>,
    /// When it last found something new.
    pub changed_at: Option<TimestampMs>,
    /// When the other side says its document last changed.
    pub modified_at: Option<TimestampMs>,
    /// When it will poll next.
    pub next_poll_at: Option<TimestampMs>,
    /// What last went wrong, and when.
    pub last_error: Option<(TimestampMs, String)>,
    /// Something people should know about the last document.
    pub note: Option<String>,
    /// The same of the last one that was new: an answer that says "unchanged" is about that.
    pub(super) note_when_changed: Option<String>,
    /// There is more of the last document: its poll is not over.
    pub unfinished: bool,
}

impl Status {
    /// How old the feed's newest document is: since it says it changed, else since it was seen to.
    pub fn feed_age(&self, now: TimestampMs) -> Option<Duration> {
        let since = self.modified_at.or(self.changed_at)?;
        Some(Duration::from_millis(now.0.saturating_sub(since.0).max(0) as u64))
    }

    /// What a list shows: the state, how many of its tasks run (each connector is one), and in a
    /// few words what is not as it should be.
    pub fn summary(&self) -> String {
        let state = self.state;
        let running = u8::from(state == State::Running);
        let trouble = match (state, &self.last_error, &self.note) {
            (State::Retrying | State::Failed, Some((_, error)), _) => {
                format!(": {error}, {} in a row", self.failures_in_row)
            }
            (State::Running, _, Some(note)) => format!(": {note}"),
            _ => String::new(),
        };
        format!("{state} ({running}/1 tasks RUNNING{trouble})")
    }

    /// What DESCRIBE shows beside the summary: how its polls went, and how old the feed was at the
    /// last one.
    pub fn figures(&self) -> String {
        let mut figures = format!(
            "{} polls: {} failed, {} unchanged, {} empty; {} records, {} rejected",
            self.polls,
            self.polls_failed,
            self.polls_unchanged,
            self.polls_empty,
            self.records,
            self.rejected
        );
        if let Some(status) = self.http_status {
            figures.push_str(&format!("; HTTP {status}"));
        }
        if let Some(age) = self.polled_at.and_then(|polled_at| self.feed_age(polled_at)) {
            figures.push_str(&format!("; feed {} s old at the last poll", age.as_secs()));
        }
        figures
    }

    pub(crate) fn succeed(&mut self, poll: &Poll) {
        self.state = State::Running;
        self.polls += u64::from(!poll.more);
        self.failures_in_row = 0;
        self.records += poll.records.len() as u64;
        self.rejected += poll.rejected.len() as u64;
        self.http_status = poll.http_status;
        self.polled_at = Some(poll.fetched_at);
        self.succeeded_at = Some(poll.fetched_at);
        self.modified_at = poll.modified_at.or(self.modified_at);
        let is_first = !std::mem::replace(&mut self.unfinished, poll.more);
        let before = self.note.take().filter(|_| !is_first);
        self.note = poll.note.clone().or(before);
        if poll.document_bytes > 0 {
            self.document_bytes = poll.document_bytes as u64;
        }
        if let Some(rejected) = poll.rejected.last() {
            let count = poll.rejected.len();
            let note = format!("{count} parts of the document left out: {}", rejected.reason);
            self.last_error = Some((poll.fetched_at, note.clone()));
            self.note = Some(note);
        }
        match poll.outcome {
            Outcome::Changed => {
                self.changed_at = Some(poll.fetched_at);
                self.note_when_changed.clone_from(&self.note);
            }
            Outcome::Unchanged => {
                self.polls_unchanged += 1;
                self.note.clone_from(&self.note_when_changed);
            }
            Outcome::Empty => self.polls_empty += 1,
        }
    }

    pub(crate) fn fail(&mut self, error: &PollError, now: TimestampMs) {
        self.state = if error.is_transient() { State::Retrying } else { State::Failed };
        self.polls += 1;
        self.polls_failed += 1;
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        self.http_status = error.http_status().or(self.http_status);
        self.polled_at = Some(now);
        self.last_error = Some((now, error.to_string()));
    }
}

/// A connector as it may be shown: no secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Which way records go.
    pub kind: ConnectorKind,
    /// Its class.
    pub class: String,
    /// Its configuration, secrets hidden.
    pub properties: Properties,
    /// Topics it writes to or reads from.
    pub topics: Vec<String>,
    /// How it is doing.
    pub status: Status,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_what_is_not_as_it_should_be() {
        let mut status = Status::default();
        assert_eq!(status.summary(), "UNASSIGNED (0/1 tasks RUNNING)");
        status.succeed(&Poll::default());
        assert_eq!(status.summary(), "RUNNING (1/1 tasks RUNNING)");
        let note = Some("the document is empty".to_owned());
        status.succeed(&Poll { outcome: Outcome::Empty, note, ..Poll::default() });
        assert_eq!(status.summary(), "RUNNING (1/1 tasks RUNNING: the document is empty)");
        let what = "HTTP 503 Service Unavailable".to_owned();
        status
            .fail(&PollError::Retry { after: None, what, http_status: Some(503) }, TimestampMs(7));
        assert_eq!(
            status.summary(),
            "RETRYING (0/1 tasks RUNNING: HTTP 503 Service Unavailable, 1 in a row)"
        );
        assert_eq!((status.polls, status.polls_failed, status.polls_empty), (3, 1, 1));
        assert_eq!(
            status.figures(),
            "3 polls: 1 failed, 0 unchanged, 1 empty; 0 records, 0 rejected; HTTP 503; \
             feed 0 s old at the last poll"
        );
    }

    #[test]
    fn what_is_odd_is_told_as_long_as_the_document_is_there() {
        let poll = |outcome, note: Option<&str>| Poll {
            outcome,
            note: note.map(str::to_owned),
            ..Poll::default()
        };
        let mut status = Status::default();
        let mut after = |poll: Poll| {
            status.succeed(&poll);
            status.note.clone()
        };
        let odd = Some("odd".to_owned());
        assert_eq!(after(poll(Outcome::Changed, Some("odd"))), odd);
        assert_eq!(after(poll(Outcome::Unchanged, None)), odd);
        assert_eq!(after(poll(Outcome::Empty, Some("empty"))), Some("empty".to_owned()));
        assert_eq!(after(poll(Outcome::Unchanged, None)), odd);
        assert_eq!(after(poll(Outcome::Changed, None)), None);
        assert_eq!(after(poll(Outcome::Unchanged, None)), None);
    }

    #[test]
    fn age_is_since_the_feed_says_it_changed_else_since_it_was_seen_to() {
        let mut status = Status::default();
        assert_eq!(status.feed_age(TimestampMs(9_000)), None);
        status.changed_at = Some(TimestampMs(4_000));
        assert_eq!(status.feed_age(TimestampMs(9_000)), Some(Duration::from_secs(5)));
        status.modified_at = Some(TimestampMs(1_000));
        assert_eq!(status.feed_age(TimestampMs(9_000)), Some(Duration::from_secs(8)));
        assert_eq!(status.feed_age(TimestampMs(0)), Some(Duration::ZERO));
    }
}
