//! What a running server says of itself on standard error: events in, rows out, lag, data time.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use journal::Journal;
use model::TopicPartition;
use stream::answer::{AnswerBody, QueryProgress};
use stream::{Engine, Request};

use crate::console;

/// How often it is said on one line that is written over.
const EVERY_STATUS: Duration = Duration::from_millis(500);
/// How often elsewhere: a line each.
const EVERY_LINE: Duration = Duration::from_secs(10);
/// How often while a person chats.
const EVERY_CHAT: Duration = Duration::from_secs(60);

/// How it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Over what was said before, if there is a terminal.
    Watched,
    /// Seldom, in grey, above what somebody types.
    Aside,
}

/// The events that came in and what all queries together made of them.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Totals {
    /// Records in the topics that no query writes: what came from feeds, clients and the bot.
    pub(crate) events_in: u64,
    /// Rows that queries wrote.
    pub(crate) rows_out: u64,
    /// Records that failed.
    pub(crate) errors: u64,
    /// Records that queries are still to read.
    pub(crate) lag: u64,
    /// The newest event time.
    pub(crate) data_time_ms: Option<i64>,
}

/// Whom to ask.
#[derive(Clone)]
pub(crate) struct Progress {
    /// Knows the queries.
    pub(crate) engine: Engine,
    /// Knows the topics.
    pub(crate) journal: Arc<dyn Journal>,
}

impl Progress {
    /// How far everything is.
    pub(crate) fn totals(&self) -> Totals {
        let request = Request::new("SHOW QUERIES; SHOW QUERIES EXTENDED;");
        let mut totals = Totals::default();
        let mut written = BTreeSet::new();
        for answer in self.engine.execute(&request).unwrap_or_default() {
            match answer.body {
                AnswerBody::Queries(queries) => {
                    written.extend(queries.into_iter().flat_map(|query| query.sink_topics));
                }
                AnswerBody::QueryDescriptions(queries) => {
                    queries.iter().filter_map(|q| q.progress.as_ref()).for_each(|p| totals.add(p));
                }
                _ => {}
            }
        }
        totals.events_in = self.events_in(&written);
        totals
    }

    fn events_in(&self, written: &BTreeSet<String>) -> u64 {
        let topics = self.journal.topics().into_iter().filter(|topic| {
            let name = &*topic.spec.name;
            !journal::is_internal(name) && !written.contains(name)
        });
        let partitions = topics.flat_map(|topic| {
            (0..topic.spec.partitions).map(move |p| TopicPartition::new(&*topic.spec.name, p))
        });
        let end = |partition| self.journal.bounds(&partition).map_or(0, |bounds| bounds.end.0);
        partitions.map(|partition| u64::try_from(end(partition)).unwrap_or(0)).sum()
    }

    /// The same, for those who must not be kept from other work.
    pub(crate) async fn totals_aside(&self) -> Option<Totals> {
        let progress = self.clone();
        tokio::task::spawn_blocking(move || progress.totals()).await.ok()
    }

    /// Tells for ever; the caller drops the future to stop it.
    pub(crate) async fn tell(self, zone: TimeZone, manner: Manner) {
        let over_itself = manner == Manner::Watched && std::io::stderr().is_terminal();
        let every = match manner {
            Manner::Watched if over_itself => EVERY_STATUS,
            Manner::Watched => EVERY_LINE,
            Manner::Aside => EVERY_CHAT,
        };
        let mut told = Totals::default();
        loop {
            tokio::time::sleep(every).await;
            let Some(now) = self.totals_aside().await else { return };
            if now == told {
                continue;
            }
            let line = now.line(&zone);
            match manner {
                Manner::Watched if over_itself => console::status(line),
                Manner::Watched => console::lines(&format!("{line}\n")),
                Manner::Aside => console::aside(&line),
            }
            told = now;
        }
    }
}

impl Totals {
    fn add(&mut self, progress: &QueryProgress) {
        self.rows_out += progress.rows_out;
        self.errors += progress.row_errors;
        self.lag += progress.lag;
        self.data_time_ms = self.data_time_ms.max(progress.stream_time_ms);
    }

    /// One line.
    pub(crate) fn line(&self, zone: &TimeZone) -> String {
        let time = match self.data_time_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        {
            Some(time) => {
                let time = time.to_zoned_datetime(zone.clone());
                format!(", data time {}", time.strftime("%Y-%m-%d %H:%M:%S"))
            }
            None => String::new(),
        };
        let errors = match self.errors {
            0 => String::new(),
            errors => format!(", {errors} bad (SELECT * FROM KSQL_PROCESSING_LOG;)"),
        };
        format!(
            "events in {}, rows out {}, lag {}{errors}{time}",
            self.events_in, self.rows_out, self.lag
        )
    }
}
