//! Where a query starts to read: at its committed positions, or where its settings say.

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::Journal;
use model::{Offset, TopicPartition};
use sql::ast::SourceKind;
use sql::catalog::Catalog;
use sql::plan::QueryPlan;

use crate::run::TaskError;
use crate::run::reader::ReadPartition;

/// Where a query starts to read a topic it has never read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetReset {
    /// At the oldest record.
    Earliest,
    /// Behind the newest.
    Latest,
}

/// What decides where a query starts to read.
pub struct SourceStart<'a> {
    /// What it reads.
    pub journal: &'a dyn Journal,
    /// The streams and tables.
    pub catalog: &'a Catalog,
    /// What it does.
    pub plan: &'a QueryPlan,
    /// What its settings say; `None`: tables at the oldest, streams behind the newest record.
    pub reset: Option<OffsetReset>,
    /// Where it was before.
    pub committed: BTreeMap<TopicPartition, Offset>,
    /// Does it end where the topics end now?
    pub ends_now: bool,
}

impl SourceStart<'_> {
    /// All partitions of these topics, each at its first position.
    pub fn partitions(&self, topics: &[Arc<str>]) -> Result<Vec<ReadPartition>, TaskError> {
        let mut partitions = Vec::new();
        for (index, topic) in (0u32..).zip(topics) {
            let info = self.journal.topic(topic);
            let info = info.ok_or_else(|| TaskError::NoTopic(topic.to_string()))?;
            let reset = self.reset.unwrap_or_else(|| self.default_reset(topic));
            for number in 0..info.spec.partitions {
                let partition = TopicPartition::new(topic.clone(), number);
                let bounds = self.journal.bounds(&partition)?;
                let committed = self.committed.get(&partition).copied();
                let position = committed.unwrap_or(match reset {
                    OffsetReset::Earliest => bounds.start,
                    OffsetReset::Latest => bounds.end,
                });
                let mut read = ReadPartition::new(index, partition, position);
                read.committed = committed;
                read.end = self.ends_now.then_some(bounds.end);
                partitions.push(read);
            }
        }
        Ok(partitions)
    }

    fn default_reset(&self, topic: &str) -> OffsetReset {
        let names = self.plan.sources.iter();
        let mut sources = names.filter_map(|name| self.catalog.sources.get(name));
        let is_table = sources.any(|s| s.topic == topic && s.kind == SourceKind::Table);
        if is_table { OffsetReset::Earliest } else { OffsetReset::Latest }
    }
}
