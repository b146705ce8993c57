//! What a city's script said when its statements were carried out, so that a script that was edited
//! since is noticed: CREATE … IF NOT EXISTS leaves what is there as it is, without a word.
//!
//! Topic `_kerb_statements`, one partition, compacted. Keys (UTF-8): `stream NAME`, `table NAME`,
//! `query ID`; values: the statement's text. Header `owner`: whose script it was, the city's name
//! or `interface` (records of earlier versions have none).

use std::collections::BTreeMap;

use bytes::Bytes;
use journal::{CleanupPolicy, Journal, TopicSpec};
use model::{Header, Record, TimestampMs, TopicPartition};
use sql::ast::{SourceKind, Statement};
use sql::parser::parse_script;

const TOPIC: &str = "_kerb_statements";
/// The header that says whose script a statement is in.
const OWNER: &str = "owner";

/// What a statement makes, as it is called here and in a warning.
pub(super) fn made_by(statement: &Statement) -> Option<String> {
    match statement {
        Statement::CreateSource(create) => Some(source(create.kind, &create.name)),
        Statement::CreateAs(create) => Some(source(create.kind, &create.name)),
        Statement::InsertSelect { properties, .. } => {
            Some(query(&super::pipeline::query_id(properties)?))
        }
        _ => None,
    }
}

/// What a stream or table is called here.
pub(super) fn source(kind: SourceKind, name: &str) -> String {
    match kind {
        SourceKind::Stream => format!("stream {name}"),
        SourceKind::Table => format!("table {name}"),
    }
}

/// What a query is called here.
pub(super) fn query(id: &str) -> String {
    format!("query {}", id.to_uppercase())
}

/// What was made by a script.
pub(super) struct Known {
    /// By which text.
    pub(super) text: String,
    /// Whose script it was.
    pub(super) owner: Option<String>,
}

/// Do two texts say the same? Blanks and comments say nothing.
pub(super) fn same(one: &str, other: &str) -> bool {
    let statements = |text: &str| {
        let parsed = parse_script(text).ok()?;
        Some(parsed.into_iter().map(|parsed| parsed.statement).collect::<Vec<_>>())
    };
    one == other || statements(one).is_some_and(|one| statements(other) == Some(one))
}

/// All that was remembered, by what it is called.
pub(super) fn load(journal: &dyn Journal) -> anyhow::Result<BTreeMap<String, Known>> {
    let mut all = BTreeMap::new();
    if journal.topic(TOPIC).is_none() {
        return Ok(all);
    }
    let text = |bytes: Option<Bytes>| String::from_utf8(bytes?.to_vec()).ok();
    journal::read_all(journal, &TopicPartition::new(TOPIC, 0), |_, record| {
        let owner = record.headers.into_iter().find(|header| header.name == OWNER);
        let owner = owner.and_then(|header| text(header.value));
        if let (Some(made), Some(by)) = (text(record.key), text(record.value)) {
            all.insert(made, Known { text: by, owner });
        }
    })?;
    Ok(all)
}

/// Remembers that something was made by this text of `owner`'s script.
pub(super) fn remember(
    journal: &dyn Journal,
    owner: &str,
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
        headers: vec![Header {
            name: OWNER.to_owned(),
            value: Some(Bytes::copy_from_slice(owner.as_bytes())),
        }],
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
