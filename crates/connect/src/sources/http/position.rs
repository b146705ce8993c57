//! What an `http` source remembers of a document, and what of the next one is new.
//!
//! The position, as it stands in the journal: `{"etag", "last_modified", "digest", "newest"}`,
//! where `digest` is of the body and `newest` are digests of its newest parts, newest first, then
//! those of the documents before. Several, because feeds take back or mend their last rows; and
//! those before, because one broken document must not make all of the next one new.

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
}

impl Seen {
    pub(crate) fn from_json(position: &Json) -> Self {
        let text = |name: &str| position.get(name).and_then(Json::as_str).map(str::to_owned);
        let newest = position.get("newest").and_then(Json::as_array).into_iter().flatten();
        Self {
            etag: text("etag"),
            last_modified: text("last_modified"),
            digest: text("digest"),
            newest: newest.filter_map(Json::as_str).map(str::to_owned).collect(),
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
        let mut records = parts.records;
        if self.newest_first {
            records.reverse();
        }
        let mut fresh = Fresh { rejected: parts.rejected, ..Fresh::default() };
        if self.is_log {
            fresh.newest = digests_of_newest(&records);
            for older in &seen.newest {
                if !fresh.newest.contains(older) {
                    fresh.newest.push(older.clone());
                }
            }
            fresh.newest.truncate(REMEMBERED_MAX);
            match known_until(&records, &seen.newest) {
                Some(at) => drop(records.drain(..at)),
                None if seen.newest.is_empty() => {}
                None => {
                    let note = "nothing of the last document is in this one; all of it is new";
                    fresh.note = Some(note.to_owned());
                }
            }
        }
        fresh.records = records.into_iter().flat_map(|part| part.records).collect();
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

fn digests_of_newest(parts: &[Part]) -> Vec<String> {
    parts.iter().rev().take(NEWEST_MAX).map(|part| digest(&part.raw)).collect()
}

/// A fingerprint that stays the same from one version of this program to the next.
pub(crate) fn digest(bytes: &Bytes) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parts(lines: &[&str]) -> Parts {
        let part = |line: &&str| {
            let raw = Bytes::copy_from_slice(line.as_bytes());
            Part { records: vec![Extracted { key: None, value: raw.clone() }], raw }
        };
        Parts { records: lines.iter().map(part).collect(), ..Parts::default() }
    }

    fn log() -> Document {
        Document { is_log: true, newest_first: true, skips_unchanged: true }
    }

    /// Plays documents one after the other and tells what was new in each.
    fn check(documents: &[&[&str]], expect: &[&[&str]]) {
        let mut seen = Seen::default();
        for (lines, expect) in documents.iter().zip(expect) {
            let fresh = log().fresh(parts(lines), &seen);
            let got: Vec<_> =
                fresh.records.iter().map(|r| String::from_utf8_lossy(&r.value)).collect();
            assert_eq!(got, *expect);
            seen = Seen::from_json(&json!({"newest": fresh.newest}));
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
