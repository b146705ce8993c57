//! Class `http`: polls a document and appends what is in it, a record for each part.
//!
//! A poll flows through: `fetch` (request, conditional; answer, bounded) → `encoding` (bytes
//! to text) → `document` (text to records, by `csv`, `json` or `xml`) → `position`
//! (leave out what was there before). Meaning is SQL's part: what is appended is raw.

mod csv;
mod document;
mod encoding;
mod fetch;
mod json;
mod keys;
mod position;
mod xml;

use std::sync::Arc;

use model::Clock;
use serde_json::json;

use crate::classes::{Class, ConnectorKind, Context};
use crate::config::Settings;
use crate::error::CreateError;
use crate::source::{Outcome, Poll, PollError, PollFuture, Source, Started};
use document::Carrier;
use fetch::{Answer, Fetcher};
use position::{Document, Seen};

/// The class, as it stands in the list of all.
pub(crate) const CLASS: Class = Class {
    name: "http",
    aliases: &["HttpSource", "kerb.http.HttpSourceConnector"],
    kind: ConnectorKind::Source,
    help: "Polls a document over HTTP: CSV, JSON, XML or lines, each part a record.",
    keys: keys::KEYS,
    check: keys::check,
    start,
};

fn start(context: &Context, settings: &Settings) -> Result<Started, CreateError> {
    let fetcher = Fetcher::new(&context.name, settings)?;
    let reader = Reader {
        clock: Arc::clone(&context.clock),
        carrier: Carrier::from_settings(settings)?,
        encoding: encoding::Wanted::from_settings(settings)?,
        document: Document::from_settings(settings),
    };
    Ok(Started {
        source: Box::new(HttpSource { fetcher, reader: Arc::new(reader) }),
        pacing: keys::pacing(settings),
        target: keys::target(settings),
    })
}

struct HttpSource {
    fetcher: Fetcher,
    reader: Arc<Reader>,
}

/// What makes records of an answer.
struct Reader {
    clock: Arc<dyn Clock>,
    carrier: Carrier,
    encoding: encoding::Wanted,
    document: Document,
}

impl Source for HttpSource {
    fn poll<'a>(&'a mut self, position: Option<&'a serde_json::Value>) -> PollFuture<'a> {
        Box::pin(async move {
            let seen = position.map(Seen::from_json).unwrap_or_default();
            let answer = self.fetcher.fetch(&seen).await?;
            // A large document takes a while: not on a thread that others wait for.
            let reader = Arc::clone(&self.reader);
            let reading = tokio::task::spawn_blocking(move || reader.read(answer, &seen));
            let broken = |error| PollError::Rejected {
                what: format!("the document could not be read: {error}"),
                http_status: None,
            };
            reading.await.map_err(broken)?
        })
    }
}

impl Reader {
    /// Makes records of an answer.
    fn read(&self, answer: Answer, seen: &Seen) -> Result<Poll, PollError> {
        let mut poll = Poll {
            fetched_at: self.clock.now(),
            http_status: Some(answer.http_status),
            modified_at: answer.modified_at(),
            document_bytes: answer.body.as_ref().map_or(0, |body| body.len()),
            ..Poll::default()
        };
        let Some(body) = &answer.body else {
            poll.outcome = Outcome::Unchanged;
            return Ok(poll);
        };
        let (text, note) = self.encoding.decode(body, answer.content_type.as_deref());
        poll.note = note;
        if text.trim().is_empty() {
            poll.outcome = Outcome::Empty;
            poll.note = Some("the document is empty".to_owned());
            return Ok(poll);
        }
        let digest = position::digest(body);
        if seen.digest.as_deref() == Some(digest.as_str()) && self.document.skips_unchanged {
            poll.outcome = Outcome::Unchanged;
            return Ok(poll);
        }
        let parts = self
            .carrier
            .read(&text)
            .map_err(|what| PollError::Rejected { what, http_status: Some(answer.http_status) })?;
        if parts.records.is_empty() && parts.rejected.is_empty() {
            poll.outcome = Outcome::Empty;
            poll.note = Some(parts.note.unwrap_or_else(|| "no records in the document".to_owned()));
            return Ok(poll);
        }
        let fresh = self.document.fresh(parts, seen);
        poll.note = fresh.note.or(poll.note);
        // A document that was damaged on its way has the tag of the whole one: ask for all of it
        // again.
        let whole = fresh.rejected.is_empty();
        poll.position = Some(json!({
            "etag": answer.etag.filter(|_| whole),
            "last_modified": answer.last_modified.filter(|_| whole),
            "digest": digest,
            "newest": fresh.newest,
            "rejected": fresh.rejected_newest,
        }));
        poll.records = fresh.records;
        poll.rejected = fresh.rejected;
        Ok(poll)
    }
}

#[cfg(test)]
mod tests;
