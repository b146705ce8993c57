//! What an `http` source remembers of a document, and what of the next one is new.
//!
//! The position, as it stands in the journal: `{"etag", "last_modified", "digest", "newest",
//! "equals", "rejected"}`, and while there is more of a document `"unfinished": {"digest", "parts",
//! "damaged"}`, where `digest` is of the body and `newest` are digests of its newest parts, newest
//! first, then those of the documents before. `equals` says how many parts in a row are equal to
//! the newest one, as another one like them would be new. Several, because feeds take back or mend
//! their last rows; and those before, because one broken document must not make all of the next one
//! new. `rejected` are digests of what was no record, likewise: it is told once.

use std::collections::VecDeque;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use serde_json::{Value as Json, json};

use super::parts::Parts;
use crate::config::Settings;
use crate::source::{Extracted, Rejected};

/// How many of a document's newest parts are remembered.
const NEWEST_MAX: usize = 8;

/// How many parts are remembered, those of earlier documents among them.
const REMEMBERED_MAX: usize = 32;

/// So many records are made of a document at once …
const PORTION_RECORDS: usize = 10_000;
/// … of about so many bytes of it: what the parts of one portion cost stays small.
const PORTION_BYTES: usize = 4 << 20;

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
    /// How many parts in a row are equal to the newest; none: nobody counted them.
    equals: Option<usize>,
    /// Digests of its newest parts that are no records.
    rejected: Vec<String>,
    /// How far a document was read of which there is more.
    pub(crate) unfinished: Option<Unfinished>,
}

/// How far a document was read of which there is more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// The digest of its body.
    pub(crate) digest: String,
    /// How many of its parts were read, oldest first.
    parts: usize,
    /// Was any of them no record?
    damaged: bool,
}

impl Seen {
    pub(crate) fn from_json(position: &Json) -> Self {
        let text = |name: &str| position.get(name).and_then(Json::as_str).map(str::to_owned);
        let texts = |name: &str| {
            let texts = position.get(name).and_then(Json::as_array).into_iter().flatten();
            texts.filter_map(Json::as_str).map(str::to_owned).collect()
        };
        let unfinished = position.get("unfinished").and_then(|unfinished| {
            Some(Unfinished {
                digest: unfinished.get("digest")?.as_str()?.to_owned(),
                parts: usize::try_from(unfinished.get("parts")?.as_u64()?).ok()?,
                damaged: unfinished.get("damaged")?.as_bool()?,
            })
        });
        Self {
            etag: text("etag"),
            last_modified: text("last_modified"),
            digest: text("digest"),
            newest: texts("newest"),
            equals: position.get("equals").and_then(Json::as_u64).map(|n| n as usize),
            rejected: texts("rejected"),
            unfinished,
        }
    }

    pub(crate) fn to_json(&self) -> Json {
        let mut position = json!({
            "etag": self.etag,
            "last_modified": self.last_modified,
            "digest": self.digest,
            "newest": self.newest,
            "equals": self.equals,
            "rejected": self.rejected,
        });
        if let Some(Unfinished { digest, parts, damaged }) = &self.unfinished {
            position["unfinished"] = json!({"digest": digest, "parts": parts, "damaged": damaged});
        }
        position
    }
}

/// How documents follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    /// It grows: only what is behind the newest known part is new.
    is_log: bool,
    /// Its newest part stands first.
    newest_first: bool,
    /// The same bytes again are nothing new.
    pub(crate) skips_unchanged: bool,
}

/// A document that was fetched, and who it is.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) parts: Parts,
    /// The digest of its body.
    pub(crate) digest: String,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

/// Some of what is new.
#[derive(Debug, Default)]
pub(crate) struct Portion {
    /// Oldest first.
    pub(crate) records: Vec<Extracted>,
    pub(crate) rejected: Vec<Rejected>,
    /// What was seen with this portion; it says whether there is more of the document.
    pub(crate) seen: Seen,
    pub(crate) note: Option<String>,
}

impl Growth {
    pub(crate) fn from_settings(settings: &Settings) -> Self {
        Self {
            is_log: settings.text("document.kind") == "log",
            newest_first: settings.text("document.order") == "newest-first",
            skips_unchanged: settings.text("unchanged") != "emit",
        }
    }

    /// The next portion of `document` that is new.
    pub(crate) fn portion(self, document: &Whole, seen: &Seen) -> Portion {
        let parts = &document.parts;
        let mut portion = Portion::default();
        let going_on = seen.unfinished.as_ref().filter(|at| at.digest == document.digest);
        let first = match going_on {
            Some(unfinished) => {
                Begin { at: unfinished.parts.min(parts.len()), equals: seen.equals }
            }
            None if self.is_log && !seen.newest.is_empty() => {
                let begin = self.behind_known(parts, seen);
                if begin.is_none() {
                    let note = "nothing of the last document is in this one; all of it is new";
                    portion.note = Some(note.to_owned());
                }
                begin.unwrap_or_default()
            }
            None => Begin::default(),
        };
        let (mut next, mut equals) = (first.at, first.equals);
        let mut newest = VecDeque::new();
        let mut bytes = 0;
        while next < parts.len()
            && portion.records.len() + portion.rejected.len() < PORTION_RECORDS
            && bytes < PORTION_BYTES
        {
            let mut part = parts.part(self.place(parts, next));
            next += 1;
            bytes += part.raw.len();
            match std::mem::replace(&mut part.records, Ok(Vec::new())) {
                Ok(records) => {
                    portion.records.extend(records);
                    let is_equal = match newest.front() {
                        Some(newest) => *newest == part.raw,
                        None => seen.newest.first() == Some(&digest(&part.raw)),
                    };
                    equals = Some(if is_equal { equals.unwrap_or(0) + 1 } else { 1 });
                    newest.push_front(part.raw);
                    newest.truncate(NEWEST_MAX);
                }
                // Beside the newest known record it may be old or new: its bytes decide.
                Err(_) if self.is_log && seen.rejected.contains(&digest(&part.raw)) => {}
                Err(reason) => portion.rejected.push(part.rejected(reason)),
            }
        }
        let damaged =
            !portion.rejected.is_empty() || going_on.is_some_and(|unfinished| unfinished.damaged);
        portion.seen = if next < parts.len() {
            let digest = document.digest.clone();
            Seen {
                unfinished: Some(Unfinished { digest, parts: next, damaged }),
                ..Seen::default()
            }
        } else {
            // A document that was damaged on its way has the tag of the whole one: ask for all of
            // it again.
            Seen {
                etag: document.etag.clone().filter(|_| !damaged),
                last_modified: document.last_modified.clone().filter(|_| !damaged),
                digest: Some(document.digest.clone()),
                ..Seen::default()
            }
        };
        if self.is_log {
            portion.seen.equals = equals;
            portion.seen.newest = remembered(newest.iter().map(digest), &seen.newest);
            let rejected = portion.rejected.iter().rev().take(REMEMBERED_MAX);
            portion.seen.rejected = remembered(rejected.map(|r| digest(&r.raw)), &seen.rejected);
        }
        portion
    }
}

/// Where what is new begins.
#[derive(Debug, Default)]
struct Begin {
    /// The first part that is new.
    at: usize,
    /// How many parts before it are equal to the newest known one.
    equals: Option<usize>,
}

impl Begin {
    /// Behind as many of these parts, newest first, as there were.
    fn behind(alike: &[usize], seen: &Seen) -> Self {
        // The log may have lost some of them at its old end.
        let equals = alike.len().min(seen.equals.unwrap_or(usize::MAX).max(1));
        Self { at: alike[alike.len() - equals] + 1, equals: Some(equals) }
    }
}

impl Growth {
    /// Where in the document the part stands that comes so manieth, oldest first.
    fn place(self, parts: &Parts, at: usize) -> usize {
        if self.newest_first { parts.len() - 1 - at } else { at }
    }

    /// Behind the newest part that is known, and as many like it as there were.
    fn behind_known(self, parts: &Parts, seen: &Seen) -> Option<Begin> {
        let digest_at = |at: usize| digest(&parts.raw(self.place(parts, at)));
        if let Some(alike) = self.newest_with_neighbour(parts, seen, digest_at) {
            return Some(Begin::behind(&alike, seen));
        }
        let known = (0..parts.len()).rev().find(|at| seen.newest.contains(&digest_at(*at)))?;
        Some(match seen.newest.first() == Some(&digest_at(known)) {
            true => Begin::behind(&self.alike(parts, known), seen),
            // What was the newest is gone; it may come back.
            false => Begin { at: known + 1, equals: seen.equals },
        })
    }

    /// The newest part that was seen, and those like it, behind the part that was before it then.
    /// What is remembered may come again as something new: these two are surer than any other.
    fn newest_with_neighbour(
        self,
        parts: &Parts,
        seen: &Seen,
        digest_at: impl Fn(usize) -> String,
    ) -> Option<Vec<usize>> {
        let newest = seen.newest.first()?;
        let neighbour = seen.newest.iter().find(|other| *other != newest)?;
        let mut end = parts.len();
        loop {
            let last = (0..end).rev().find(|at| digest_at(*at) == *newest)?;
            let alike = self.alike(parts, last);
            end = *alike.last()?;
            if end.checked_sub(1).is_some_and(|before| digest_at(before) == *neighbour) {
                return Some(alike);
            }
        }
    }

    /// The part that comes so manieth, and those in a row before it that are equal to it, newest
    /// first. Some that are no records may stand between.
    fn alike(self, parts: &Parts, last: usize) -> Vec<usize> {
        let raw = |at: usize| parts.raw(self.place(parts, at));
        let newest = raw(last);
        let is_record = |at: usize| parts.part(self.place(parts, at)).records.is_ok();
        let in_row = (0..=last).rev().take_while(|at| raw(*at) == newest || !is_record(*at));
        in_row.filter(|at| raw(*at) == newest).collect()
    }
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
    use super::super::csv::Csv;
    use super::super::keys;
    use super::*;

    /// Lines that begin with `!` are no records: they have a cell less.
    fn document(lines: &[&str]) -> Whole {
        let text: String = lines.iter().map(|line| line.to_string() + "\n").collect();
        let given = [("connector.class", "http"), ("url", "http://x/"), ("topic", "t")];
        let given =
            given.iter().chain(&[("format", "csv"), ("csv.header", "none"), ("record.key", "1")]);
        let given = given.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let settings = Settings::read(keys::KEYS, &given, &|_| None).expect("right");
        let csv = Csv::from_settings(&settings).expect("right");
        let body = Bytes::from(text.replace('!', "\""));
        let digest = digest(&body);
        let parts = csv.read(body).expect("a table");
        Whole { parts, digest, etag: None, last_modified: None }
    }

    fn log() -> Growth {
        Growth { is_log: true, newest_first: true, skips_unchanged: true }
    }

    /// Plays documents one after the other and tells what was new in each.
    fn check(documents: &[&[&str]], expect: &[&[&str]]) {
        let mut seen = Seen::default();
        for (lines, expect) in documents.iter().zip(expect) {
            let portion = log().portion(&document(lines), &seen);
            let records = portion.records.iter().map(|r| String::from_utf8_lossy(&r.value));
            let rejected = portion.rejected.iter().map(|r| String::from_utf8_lossy(&r.raw));
            let got: Vec<_> = records.chain(rejected).map(|t| t.replace('"', "!")).collect();
            assert_eq!(got, *expect);
            assert_eq!(portion.seen.unfinished, None);
            seen = Seen::from_json(&portion.seen.to_json());
        }
    }

    /// Reads a document portion by portion, each from the position alone.
    fn portions(growth: Growth, document: &Whole) -> (Vec<String>, usize, Seen) {
        let (mut all, mut count, mut seen) = (Vec::new(), 0, Seen::default());
        loop {
            let portion = growth.portion(document, &seen);
            assert!(portion.records.len() + portion.rejected.len() <= PORTION_RECORDS);
            let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
            all.extend(portion.records.iter().map(|record| text(&record.value)));
            all.extend(portion.rejected.iter().map(|rejected| text(&rejected.raw)));
            seen = Seen::from_json(&portion.seen.to_json());
            count += 1;
            if seen.unfinished.is_none() {
                return (all, count, seen);
            }
        }
    }

    #[test]
    fn a_document_of_many_parts_comes_in_portions_and_each_part_once() {
        // Each line again and again, so that none is known by its bytes.
        let lines: Vec<String> = (0..25_000).map(|i| (i % 7).to_string()).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let document = document(&lines);
        for (is_log, newest_first) in [(true, true), (true, false), (false, true), (false, false)] {
            let growth = Growth { is_log, newest_first, skips_unchanged: true };
            let (all, count, seen) = portions(growth, &document);
            let mut expect: Vec<String> = lines.iter().map(|line| line.to_string()).collect();
            if newest_first {
                expect.reverse();
            }
            assert!(all == expect, "each part once, in order");
            assert_eq!(count, 3);
            assert_eq!(seen.digest, Some(document.digest.clone()));
        }
    }

    #[test]
    fn a_damaged_document_is_asked_for_again_however_many_portions_it_had() {
        let mut lines = vec!["!"];
        lines.resize(PORTION_RECORDS + 1, "1");
        let mut whole = document(&lines);
        whole.etag = Some("tag".to_owned());
        let snapshot = Growth { is_log: false, newest_first: false, skips_unchanged: true };
        assert_eq!(portions(snapshot, &whole).2.etag, None);
        whole.parts = document(&["1"]).parts;
        assert_eq!(portions(snapshot, &whole).2.etag.as_deref(), Some("tag"));
    }

    #[test]
    fn another_document_is_begun_before_the_last_was_finished() {
        let lines: Vec<String> = (0..PORTION_RECORDS + 2).map(|i| i.to_string()).collect();
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let growth = Growth { is_log: true, newest_first: false, skips_unchanged: true };
        let seen = growth.portion(&document(&lines), &Seen::default()).seen;
        lines.push("new");
        let portion = growth.portion(&document(&lines), &seen);
        let got: Vec<_> = portion.records.iter().map(|record| &record.value[..]).collect();
        assert_eq!(got, [&b"10000"[..], b"10001", b"new"]);
    }

    #[test]
    fn only_what_a_log_grew_by_is_new() {
        check(
            &[&["b", "a"], &["d", "c", "b", "a"], &["d", "c", "b", "a"]],
            &[&["a", "b"], &["c", "d"], &[]],
        );
    }

    #[test]
    fn rows_that_are_equal_to_the_newest_are_counted() {
        check(
            &[
                &["1", "1", "1", "2", "2"],
                &["1", "1", "1", "1", "2", "2"],
                &["1", "1", "1", "1", "2"],
            ],
            &[&["2", "2", "1", "1", "1"], &["1"], &[]],
        );
        check(
            &[&["a"], &["a", "a"], &["b", "a", "a", "a"], &["b", "b"]],
            &[&["a"], &["a"], &["a", "b"], &["b"]],
        );
        // The old end is lost, and later there are as many again.
        check(&[&["a", "a", "a"], &["a", "a"], &["a", "a", "a"]], &[&["a", "a", "a"], &[], &["a"]]);
        // One that is no record stands between.
        check(&[&["!1", "a", "a"], &["a", "!1", "a", "a"]], &[&["a", "a", "!1"], &["a"]]);
        // The newest is taken back, and comes again.
        check(&[&["b", "b", "a"], &["a"], &["b", "b", "b", "a"]], &[&["a", "b", "b"], &[], &["b"]]);
        // What is remembered comes again behind it.
        check(
            &[&["b", "a"], &["a", "b", "a"], &["b", "b", "a", "b", "a"]],
            &[&["a", "b"], &["a"], &["b", "b"]],
        );
        // Positions of earlier versions have no count.
        let mut seen = log().portion(&document(&["a", "a"]), &Seen::default()).seen;
        seen.equals = None;
        let portion = log().portion(&document(&["a", "a", "a"]), &seen);
        assert_eq!((portion.records.len(), portion.seen.equals), (0, Some(3)));
    }

    #[test]
    fn equal_rows_are_counted_over_portions() {
        let lines = vec!["1"; PORTION_RECORDS * 2 + 3];
        let (_, _, seen) = portions(log(), &document(&lines));
        assert_eq!(seen.equals, Some(lines.len()));
        let more = vec!["1"; lines.len() + 2];
        assert_eq!(log().portion(&document(&more), &seen).records.len(), 2);
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
        seen.newest = log().portion(&document(&first), &seen).seen.newest;
        assert!(log().portion(&document(&second), &seen).rejected.is_empty());
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
