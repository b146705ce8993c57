//! Says in the program's log that rows of a query fail: the entries of the processing log flow in,
//! of each minute the first comes out, with its reason. Whoever looks for rows that never came
//! learns why, and a feed that is wrong from end to end does not fill the log.

use std::time::Duration;

use crate::processing_log::{LogEntry, STREAM};

/// So long nothing more is said of a query.
const QUIET: Duration = Duration::from_secs(60);

/// What was said of a query, and what is still to be said.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    quiet_until: Option<Duration>,
    untold: usize,
}

impl Complaints {
    /// Takes in what a batch wrote to the processing log.
    pub(crate) fn take(&mut self, query: &str, entries: &[LogEntry], now: Duration) {
        if let Some(words) = self.words(entries, now) {
            tracing::warn!("query {query}: {words}");
        }
    }

    fn words(&mut self, entries: &[LogEntry], now: Duration) -> Option<String> {
        self.untold += entries.len();
        let first = entries.first()?;
        if self.quiet_until.is_some_and(|until| now < until) {
            return None;
        }
        self.quiet_until = Some(now + QUIET);
        let (count, reason) = (std::mem::take(&mut self.untold), first.message.reason());
        let failures = if count == 1 { "a failure" } else { &format!("{count} failures") };
        Some(format!("{failures}: {reason}. All are in SELECT * FROM {STREAM};"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processing_log::LogMessage;

    #[test]
    fn a_query_is_complained_of_once_a_minute_and_nothing_goes_uncounted() {
        let entry = |message: &str| LogEntry {
            logger: "processing.Q.Project".into(),
            message: LogMessage::processing(message),
        };
        let mut complaints = Complaints::default();
        let mut at =
            |seconds, entries: &[LogEntry]| complaints.words(entries, Duration::from_secs(seconds));
        assert_eq!(at(0, &[]), None);
        let first = at(5, &[entry("no time")]).expect("told");
        assert_eq!(first, "a failure: no time. All are in SELECT * FROM KSQL_PROCESSING_LOG;");
        assert_eq!(at(6, &[entry("no time"), entry("no place")]), None);
        assert_eq!(at(64, &[entry("no time")]), None);
        let second = at(65, &[entry("no place")]).expect("told again");
        assert!(second.starts_with("4 failures: no place."), "{second}");
    }
}
