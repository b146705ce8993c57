//! What a city's script said when its statements were carried out, so that a script that was edited
//! since is noticed: CREATE … IF NOT EXISTS leaves what is there as it is, without a word.
//!
//! Topic `_kerb_statements`, one partition, compacted. Keys (UTF-8): `stream NAME`, `table NAME`,
//! `query ID`; values: the statement's text.

use std::collections::BTreeMap;

use bytes::Bytes;
use journal::{CleanupPolicy, Journal, TopicSpec};
use model::{Record, TimestampMs, TopicPartition};
use sql::ast::{SourceKind, Statement};
use sql::parser::parse_script;

const TOPIC: &str = "_kerb_statements";

/// What a statement makes, as it is called here and in a warning.
pub(super) fn made_by(statement: &Statement) -> Option<String> {
    let source = |kind: SourceKind, name: &str| match kind {
        SourceKind::Stream => format!("stream {name}"),
        SourceKind::Table => format!("table {name}"),
    };
    match statement {
        Statement::CreateSource(create) => Some(source(create.kind, &create.name)),
        Statement::CreateAs(create) => Some(source(create.kind, &create.name)),
        Statement::InsertSelect { properties, .. } => {
            Some(format!("query {}", super::pipeline::query_id(properties)?))
        }
        _ => None,
    }
}

/// Do two texts say the same? Blanks and comments say nothing.
pub(super) fn same(one: &str, other: &str) -> bool {
    let statements = |text: &str| {
        let parsed = parse_script(text).ok()?;
        Some(parsed.into_iter().map(|parsed| parsed.statement).collect::<Vec<_>>())
    };
    one == other || statements(one).is_some_and(|one| statements(other) == Some(one))
}

/// All that was remembered: what was made, and by which text.
pub(super) fn load(journal: &dyn Journal) -> anyhow::Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    if journal.topic(TOPIC).is_none() {
        return Ok(all);
    }
    let text = |bytes: Option<Bytes>| String::from_utf8(bytes?.to_vec()).ok();
    journal::read_all(journal, &TopicPartition::new(TOPIC, 0), |_, record| {
        if let (Some(made), Some(by)) = (text(record.key), text(record.value)) {
            all.insert(made, by);
        }
    })?;
    Ok(all)
}

/// Remembers that something was made by this text.
pub(super) fn remember(
    journal: &dyn Journal,
    made: Vec<(String, String)>,
    now: TimestampMs,
) -> anyhow::Result<()> {
    if made.is_empty() {
        return Ok(());
    }
    if journal.topic(TOPIC).is_none() {
        let mut spec = TopicSpec::new(TOPIC, 1);
        spec.cleanup = CleanupPolicy::Compact;
        journal.create_topic(spec)?;
    }
    let record = |(made, by): (String, String)| Record {
        key: Some(Bytes::from(made)),
        value: Some(Bytes::from(by)),
        timestamp: now,
        headers: Vec::new(),
    };
    journal.append(&TopicPartition::new(TOPIC, 0), made.into_iter().map(record).collect())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn only_what_a_statement_says_counts() {
        assert!(same(
            "CREATE STREAM S (A INT) WITH (KAFKA_TOPIC='s');",
            "-- as before
            create stream s (a int)
              with (kafka_topic = 's');"
        ));
        assert!(!same("SELECT A FROM S;", "SELECT B FROM S;"));
    }
}
