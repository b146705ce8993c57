//! Class `http`: polls a document and appends what is in it, a record for each part.
//!
//! A poll flows through: `fetch` (request, conditional; answer, bounded) → `encoding` (bytes to
//! text) → `document` (text to parts, by `csv`, `json` or `xml`) → `position` (leave out what was
//! there before) → `parts` (parts to records, a portion at a time). Meaning is SQL's part: what is
//! appended is raw.

mod csv;
mod document;
mod encoding;
mod fetch;
mod json;
mod keys;
mod parts;
mod position;
mod xml;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use model::Clock;

use crate::classes::{Class, ConnectorKind, Context};
use crate::config::Settings;
use crate::error::CreateError;
use crate::source::{Outcome, Poll, PollError, PollFuture, Source, Started};
use document::Carrier;
use fetch::{Answer, Fetcher};
use position::{Growth, Seen, Whole};

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
    let fetcher = Fetcher::new(&context.name, Arc::clone(&context.clock), settings)?;
    let reader = Reader {
        clock: Arc::clone(&context.clock),
        carrier: Carrier::from_settings(settings)?,
        encoding: encoding::Wanted::from_settings(settings)?,
        growth: Growth::from_settings(settings),
    };
    Ok(Started {
        source: Box::new(HttpSource { fetcher, reader: Arc::new(reader), unfinished: None }),
        pacing: keys::pacing(settings),
        target: keys::target(settings),
    })
}

struct HttpSource {
    fetcher: Fetcher,
    reader: Arc<Reader>,
    /// A document of which there is more.
    unfinished: Option<Arc<Fetched>>,
}

/// What makes records of an answer.
struct Reader {
    clock: Arc<dyn Clock>,
    carrier: Carrier,
    encoding: encoding::Wanted,
    growth: Growth,
}

/// A document that was fetched, and what is told of it.
struct Fetched {
    document: Whole,
    /// Without records and position.
    told: Poll,
}

impl Source for HttpSource {
    fn poll<'a>(&'a mut self, position: Option<&'a serde_json::Value>) -> PollFuture<'a> {
        Box::pin(async move {
            let seen = position.map(Seen::from_json).unwrap_or_default();
            let is_next = |fetched: &Arc<Fetched>| {
                seen.unfinished.as_ref().is_some_and(|at| at.digest == fetched.document.digest)
            };
            let fetched = match self.unfinished.take().filter(is_next) {
                Some(fetched) => fetched,
                None => {
                    let answer = self.fetcher.fetch(&seen).await?;
                    let (reader, seen) = (Arc::clone(&self.reader), seen.clone());
                    match away(move || reader.read(answer, &seen)).await?? {
                        Read::Document(fetched) => fetched,
                        Read::Nothing(poll) => return Ok(poll),
                    }
                }
            };
            let (reader, document) = (Arc::clone(&self.reader), Arc::clone(&fetched));
            let poll = away(move || reader.portion(&document, &seen)).await?;
            self.unfinished = poll.more.then_some(fetched);
            Ok(poll)
        })
    }
}

/// Does what takes a while with a large document, not on a thread that others wait for.
async fn away<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PollError> {
    let broken = |error| PollError::Rejected {
        what: format!("the document could not be read: {error}"),
        http_status: None,
    };
    tokio::task::spawn_blocking(work).await.map_err(broken)
}

/// What an answer was.
enum Read {
    Document(Arc<Fetched>),
    /// The poll is over: there is nothing new.
    Nothing(Poll),
}

impl Reader {
    /// Takes the document of an answer apart.
    fn read(&self, answer: Answer, seen: &Seen) -> Result<Read, PollError> {
        let mut poll = Poll {
            fetched_at: self.clock.now(),
            http_status: Some(answer.http_status),
            modified_at: answer.modified_at(),
            document_bytes: answer.body.as_ref().map_or(0, |body| body.len()),
            ..Poll::default()
        };
        let Some(body) = &answer.body else {
            poll.outcome = Outcome::Unchanged;
            return Ok(Read::Nothing(poll));
        };
        let (text, note) = self.encoding.decode(body, answer.content_type.as_deref());
        poll.note = note;
        if text.trim().is_empty() {
            poll.outcome = Outcome::Empty;
            poll.note = Some("the document is empty".to_owned());
            return Ok(Read::Nothing(poll));
        }
        let digest = position::digest(body);
        if seen.digest.as_deref() == Some(digest.as_str()) && self.growth.skips_unchanged {
            poll.outcome = Outcome::Unchanged;
            return Ok(Read::Nothing(poll));
        }
        let text = match text {
            Cow::Borrowed(text) => body.slice_ref(text.as_bytes()),
            Cow::Owned(text) => Bytes::from(text),
        };
        let parts = self
            .carrier
            .read(text)
            .map_err(|what| PollError::Rejected { what, http_status: Some(answer.http_status) })?;
        if parts.len() == 0 {
            poll.outcome = Outcome::Empty;
            let note = parts.note.unwrap_or_else(|| "no records in the document".to_owned());
            poll.note = Some(note);
            return Ok(Read::Nothing(poll));
        }
        poll.note = parts.note.clone().or(poll.note);
        let Answer { etag, last_modified, .. } = answer;
        let document = Whole { parts, digest, etag, last_modified };
        Ok(Read::Document(Arc::new(Fetched { document, told: poll })))
    }

    /// The next portion of a document.
    fn portion(&self, fetched: &Fetched, seen: &Seen) -> Poll {
        let portion = self.growth.portion(&fetched.document, seen);
        let mut poll = fetched.told.clone();
        poll.note = portion.note.or(poll.note);
        poll.position = Some(portion.seen.to_json());
        poll.more = portion.seen.unfinished.is_some();
        poll.records = portion.records;
        poll.rejected = portion.rejected;
        poll
    }
}

#[cfg(test)]
mod tests;
