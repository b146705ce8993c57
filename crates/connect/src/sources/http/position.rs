//! What an `http` source remembers of a document, and what of the next one is new.
//!
//! The position, as it stands in the journal: `{"etag", "last_modified", "digest", "newest",
//! "rejected"}`, where `digest` is of the body and `newest` are digests of its newest parts, newest
//! first, then those of the documents before. Several, because feeds take back or mend their last
//! rows; and those before, because one broken document must not make all of the next one new.
//! `rejected` are digests of what was no record, likewise: it is told once.

use bytes::Bytes;
use md5::{Digest as _, Md5};
use serde_json::Value as Json;

use super::document::{Part, Parts};
use crate::config::Settings;
use crate::source::{Extracted, Rejected};

/// How many of a document's newest parts are remembered.
const NEWEST_MAX: usize = 8;

/// How many parts are remembered, those of earlier documents among them.
const REMEMBERED_MAX: usize = 32;

/// A position, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The document's ETag.
    pub(crate) etag: Option<String>,
    /// Its Last-Modified.
    pub(crate) last_modified: Option<String>,
    /// The digest of its body.
    pub(crate) digest: Option<String>,
    /// Digests of its newest parts.
    newest: Vec<String>,
    /// Digests of its newest parts that are no records.
    rejected: Vec<String>,
}

impl Seen {
    pub(crate) fn from_json(position: &Json) -> Self {
        let text = |name: &str| position.get(name).and_then(Json::as_str).map(str::to_owned);
        let texts = |name: &str| {
            let texts = position.get(name).and_then(Json::as_array).into_iter().flatten();
            texts.filter_map(Json::as_str).map(str::to_owned).collect()
        };
        Self {
            etag: text("etag"),
            last_modified: text("last_modified"),
            digest: text("digest"),
            newest: texts("newest"),
            rejected: texts("rejected"),
        }
    }
}

/// How documents follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document {
    /// It grows: only what is behind the newest known part is new.
    is_log: bool,
    /// Its newest part stands first.
    newest_first: bool,
    /// The same bytes again are nothing new.
    pub(crate) skips_unchanged: bool,
}

/// What is new.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    pub(crate) records: Vec<Extracted>,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) newest: Vec<String>,
    pub(crate) rejected_newest: Vec<String>,
    pub(crate) note: Option<String>,
}

impl Document {
    pub(crate) fn from_settings(settings: &Settings) -> Self {
        Self {
            is_log: settings.text("document.kind") == "log",
            newest_first: settings.text("document.order") == "newest-first",
            skips_unchanged: settings.text("unchanged") != "emit",
        }
    }

    /// The records of `parts` that are new, oldest first.
    pub(crate) fn fresh(self, parts: Parts, seen: &Seen) -> Fresh {
        let (mut records, mut rejected) = (parts.records, parts.rejected);
        if self.newest_first {
            records.reverse();
            rejected.reverse();
            rejected.iter_mut().for_each(|(before, _)| *before = records.len() - *before);
        }
        let mut fresh = Fresh::default();
        if self.is_log {
            let newest = records.iter().rev().take(NEWEST_MAX).map(|part| digest(&part.raw));
            fresh.newest = remembered(newest, &seen.newest);
            let newest = rejected.iter().rev().take(REMEMBERED_MAX).map(|(_, r)| digest(&r.raw));
            fresh.rejected_newest = remembered(newest, &seen.rejected);
            let known = known_until(&records, &seen.newest);
            // Beside the newest known record it may be old or new: then its bytes decide.
            rejected.retain(|(before, rejected)| {
                *before >= known.unwrap_or(0) && !seen.rejected.contains(&digest(&rejected.raw))
            });
            match known {
                Some(at) => drop(records.drain(..at)),
                None if seen.newest.is_empty() => {}
                None => {
                    let note = "nothing of the last document is in this one; all of it is new";
                    fresh.note = Some(note.to_owned());
                }
            }
        }
        fresh.records = records.into_iter().flat_map(|part| part.records).collect();
        fresh.rejected = rejected.into_iter().map(|(_, rejected)| rejected).collect();
        fresh
    }
}

/// How many of `parts` (oldest first) were there before: all up to the newest that is remembered.
fn known_until(parts: &[Part], newest: &[String]) -> Option<usize> {
    if newest.is_empty() {
        return None;
    }
    parts.iter().rposition(|part| newest.contains(&digest(&part.raw))).map(|at| at + 1)
}

/// The newest, then those that were remembered before.
fn remembered(newest: impl Iterator<Item = String>, before: &[String]) -> Vec<String> {
    let mut all: Vec<String> = newest.collect();
    for older in before {
        if !all.contains(older) {
            all.push(older.clone());
        }
    }
    all.truncate(REMEMBERED_MAX);
    all
}

/// A fingerprint that stays the same from one version of this program to the next.
pub(crate) fn digest(bytes: &Bytes) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Lines that begin with `!` are no records.
    fn parts(lines: &[&str]) -> Parts {
        let mut parts = Parts::default();
        for line in lines {
            let raw = Bytes::copy_from_slice(line.as_bytes());
            if line.starts_with('!') {
                let rejected = Rejected { raw, reason: "it is bad".to_owned() };
                parts.rejected.push((parts.records.len(), rejected));
            } else {
                let records = vec![Extracted { key: None, value: raw.clone() }];
                parts.records.push(Part { raw, records });
            }
        }
        parts
    }

    fn log() -> Document {
        Document { is_log: true, newest_first: true, skips_unchanged: true }
    }

    /// Plays documents one after the other and tells what was new in each.
    fn check(documents: &[&[&str]], expect: &[&[&str]]) {
        let mut seen = Seen::default();
        for (lines, expect) in documents.iter().zip(expect) {
            let fresh = log().fresh(parts(lines), &seen);
            let records = fresh.records.iter().map(|r| String::from_utf8_lossy(&r.value));
            let rejected = fresh.rejected.iter().map(|r| String::from_utf8_lossy(&r.raw));
            let got: Vec<_> = records.chain(rejected).collect();
            assert_eq!(got, *expect);
            seen = Seen::from_json(&json!({
                "newest": fresh.newest,
                "rejected": fresh.rejected_newest,
            }));
        }
    }

    #[test]
    fn only_what_a_log_grew_by_is_new() {
        check(
            &[&["b", "a"], &["d", "c", "b", "a"], &["d", "c", "b", "a"]],
            &[&["a", "b"], &["c", "d"], &[]],
        );
    }

    #[test]
    fn a_bad_row_of_a_log_is_told_once() {
        check(
            &[&["b", "!1", "a"], &["c", "b", "!1", "a"], &["d", "!2", "c", "b", "!1", "a"]],
            &[&["a", "b", "!1"], &["c"], &["d", "!2"]],
        );
        // The newest row of all, and one that stands between what is known and what is new.
        check(
            &[&["!1", "a"], &["!1", "a"], &["b", "!2", "!1", "a"], &["c", "b", "!2", "!1", "a"]],
            &[&["a", "!1"], &[], &["b", "!2"], &["c"]],
        );
        // However many there are: what is older than the newest known record was told.
        let bad: Vec<String> = (0..100).map(|i| format!("!{i}")).collect();
        let mut first: Vec<&str> = bad.iter().map(String::as_str).collect();
        first.insert(0, "b");
        let second: Vec<&str> = ["c"].into_iter().chain(first.clone()).collect();
        let mut seen = Seen::default();
        seen.newest = log().fresh(parts(&first), &seen).newest;
        assert!(log().fresh(parts(&second), &seen).rejected.is_empty());
    }

    #[test]
    fn a_mended_newest_row_is_new_and_the_rest_is_not() {
        check(&[&["b", "a"], &["c", "B", "a"]], &[&["a", "b"], &["B", "c"]]);
    }

    #[test]
    fn a_log_that_was_begun_anew_is_all_new() {
        check(&[&["b", "a"], &["y", "x"], &["z", "y"]], &[&["a", "b"], &["x", "y"], &["z"]]);
    }

    #[test]
    fn a_broken_document_in_between_makes_nothing_new_again() {
        check(&[&["b", "a"], &["<html>"], &["c", "b", "a"]], &[&["a", "b"], &["<html>"], &["c"]]);
        check(&[&["b", "a"], &[], &["c", "b", "a"]], &[&["a", "b"], &[], &["c"]]);
    }

    #[test]
    fn a_log_that_lost_its_old_end_goes_on() {
        check(&[&["c", "b", "a"], &["d", "c"]], &[&["a", "b", "c"], &["d"]]);
    }
}
