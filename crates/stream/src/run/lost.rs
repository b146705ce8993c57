//! Records that retention removed before a query read them: a gap that the reader met goes in,
//! words for the program's log and the processing log come out. The query goes on without them;
//! whoever looks at what it wrote must be able to learn why it is less.

use model::{Offset, TopicPartition};

use crate::processing_log::{LogEntry, LogMessage};

/// A gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Where.
    pub partition: TopicPartition,
    /// The first offset that is gone.
    pub from: Offset,
    /// The first that is there.
    pub to: Offset,
}

impl Lost {
    /// How many records that were.
    fn records(&self) -> usize {
        usize::try_from(self.to.0 - self.from.0).unwrap_or_default()
    }
}

/// Says in the program's log what a query lost. Returns how many records that were, and what the
/// processing log is to hold of it.
pub(crate) fn told(query: &str, lost: &[Lost]) -> (usize, Vec<LogEntry>) {
    let entries = lost.iter().map(|gap| {
        let Lost { partition, from, to } = gap;
        let words = format!(
            "{} records of {partition} (offsets {from} to {}) were removed by the topic's \
             retention before they were read",
            gap.records(),
            to.0 - 1
        );
        tracing::warn!("query {query}: {words}");
        let logger = format!("processing.{query}.Source");
        LogEntry { logger, message: LogMessage::processing(words) }
    });
    (lost.iter().map(Lost::records).sum(), entries.collect())
}
