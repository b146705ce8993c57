//! Recorded vectors: JSON lines of what a real engine gave, run by this one.
//!
//! | a line with | is | file |
//! |---|---|---|
//! | `sql` | an expression over a row | [`expression`] |
//! | `statements` and `rows` | a pipeline, its inputs (a feed of `feeds.jsonl`) and its outputs | [`sequence`] |
//! | `statement` | bytes that a format writes or reads, schemas | [`bytes`] |
//! | `insert` and `columns` | INSERT … VALUES and the record's value | [`insert`] |

mod bytes;
mod expression;
mod insert;
mod processing_log;
mod sequence;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;
use testkit::vectors::ExpressionVector;

use crate::test::{Job, SkippedCase};

/// The jobs of a file of vectors.
pub(crate) fn jobs(path: &Path, text: &str) -> Result<Vec<Box<dyn Job>>, String> {
    let mut jobs: Vec<Box<dyn Job>> = Vec::new();
    let mut expressions: BTreeMap<String, Vec<(String, ExpressionVector)>> = BTreeMap::new();
    let mut feeds: Option<sequence::Feeds> = None;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = number + 1;
        let vector: Json = match serde_json::from_str(line) {
            Ok(vector) => vector,
            // Half of a surrogate pair is text in Java and nowhere else.
            Err(error) if line.contains("\\ud") || line.contains("\\uD") => {
                let reason = format!("cannot be told in UTF-8: {error}");
                jobs.push(Box::new(SkippedCase { case: format!("line {number}"), reason }));
                continue;
            }
            Err(error) => return Err(format!("line {number}: {error}")),
        };
        let name = |what: &str| format!("line {number}: {} {what}", text_of(&vector, "group"));
        if vector.get("feed").is_some() {
            continue;
        } else if let Some(sql) = vector["sql"].as_str() {
            let name = format!("{} {}", name(sql), used_cells(sql, &vector["row"]));
            let key = format!("{sql} {}", vector["columns"]);
            let vector: ExpressionVector =
                serde_json::from_str(line).map_err(|e| format!("line {number}: {e}"))?;
            expressions.entry(key).or_default().push((name, vector));
        } else if vector.get("rows").is_some() {
            if feeds.is_none() {
                feeds = Some(sequence::read_feeds(path)?);
            }
            let feeds = feeds.clone().unwrap_or_default();
            let statements = vector["statements"].as_array().into_iter().flatten();
            let last = statements.last().and_then(Json::as_str).unwrap_or_default();
            jobs.push(Box::new(sequence::SequenceCase { name: name(last), feeds, vector }));
        } else if vector.get("statement").is_some() {
            let name =
                name(&format!("{} {}", text_of(&vector, "statement"), text_of(&vector, "insert")));
            jobs.push(Box::new(bytes::BytesCase { name, vector }));
        } else if vector.get("insert").is_some() {
            let name = name(text_of(&vector, "insert"));
            jobs.push(Box::new(insert::InsertCase { name, vector }));
        } else {
            return Err(format!("line {number}: no kind of vector that is known"));
        }
    }
    for vectors in expressions.into_values() {
        jobs.push(Box::new(expression::ExpressionCases { vectors: Arc::from(vectors) }));
    }
    Ok(jobs)
}

fn text_of<'a>(json: &'a Json, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

/// The cells of a row that an expression may read.
fn used_cells(sql: &str, row: &Json) -> String {
    let words: Vec<_> = sql.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let cells = row.as_object().into_iter().flatten();
    let used = cells.filter(|(name, _)| words.iter().any(|w| w.eq_ignore_ascii_case(name)));
    let used: Vec<_> = used.map(|(name, value)| format!("{name}={value}")).collect();
    used.join(" ")
}
