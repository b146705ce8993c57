//! A document taken apart: where its parts are, and each of them as records when it is asked for.
//!
//! A small document may have millions of parts, and records are a hundred times larger than the
//! bytes they are made of. So only places are kept (8 bytes a part), and records are made portion
//! by portion.

use bytes::Bytes;

use super::csv::Rows;
use super::json::Path;
use crate::source::{Extracted, Rejected};

/// A document in parts, in its own order.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// The document; of a tree, its elements one after the other as JSON.
    text: Bytes,
    /// Where in `text` each part begins and ends.
    places: Vec<(u32, u32)>,
    kind: Kind,
    /// Why there are no parts, or what is odd about them.
    pub(crate) note: Option<String>,
}

/// What makes records of a part.
#[derive(Debug, Default)]
pub(crate) enum Kind {
    /// A line is a record.
    #[default]
    Lines,
    /// A row of a table.
    Rows(Rows),
    /// An element is a record; its key is at this path.
    Elements(Option<Path>),
}

/// A part of a document: a row, a line, an element.
#[derive(Debug)]
pub(crate) struct Part {
    /// As it stands in the document (or as JSON).
    pub(crate) raw: Bytes,
    /// What it gives: one record, or for a wide row several; or what is wrong with it.
    pub(crate) records: Result<Vec<Extracted>, String>,
}

impl Part {
    /// The part as what is no record.
    pub(crate) fn rejected(self, reason: String) -> Rejected {
        Rejected { raw: self.raw, reason }
    }
}

impl Parts {
    /// The lines of `text`, from its byte `start` on, that are not blank.
    pub(crate) fn lines(text: Bytes, start: usize, kind: Kind) -> Result<Self, String> {
        let whole = std::str::from_utf8(&text).map_err(|error| error.to_string())?;
        place(whole.len())?;
        let mut places = Vec::new();
        for line in whole.get(start..).unwrap_or_default().lines() {
            if !line.trim().is_empty() {
                let at = line.as_ptr() as usize - whole.as_ptr() as usize;
                places.push((at as u32, (at + line.len()) as u32));
            }
        }
        Ok(Self { text, places, kind, note: None })
    }

    /// Elements of a tree.
    pub(crate) fn elements<'a>(
        elements: impl IntoIterator<Item = &'a serde_json::Value>,
        key: Option<Path>,
    ) -> Result<Self, String> {
        let mut text = Vec::new();
        let mut places = Vec::new();
        for element in elements {
            let start = text.len();
            serde_json::to_writer(&mut text, element).map_err(|error| error.to_string())?;
            places.push((place(start)?, place(text.len())?));
        }
        Ok(Self { text: text.into(), places, kind: Kind::Elements(key), note: None })
    }

    /// The same with a word on why there is nothing, if there is nothing.
    pub(crate) fn or_note(mut self, note: impl FnOnce() -> String) -> Self {
        self.note = self.places.is_empty().then(note);
        self
    }

    /// How many parts there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// A part as it stands in the document.
    pub(crate) fn raw(&self, at: usize) -> Bytes {
        let (start, end) = self.places[at];
        self.text.slice(start as usize..end as usize)
    }

    /// A part, with its records.
    pub(crate) fn part(&self, at: usize) -> Part {
        let raw = self.raw(at);
        // Records are copies: they must not hold on to the whole document.
        let one = |key| Ok(vec![Extracted { key, value: Bytes::copy_from_slice(&raw) }]);
        let records = match &self.kind {
            Kind::Lines => one(None),
            Kind::Rows(rows) => match std::str::from_utf8(&raw) {
                Ok(line) => rows.records(line),
                Err(error) => Err(error.to_string()),
            },
            Kind::Elements(None) => one(None),
            Kind::Elements(Some(path)) => {
                let element = serde_json::from_slice(&raw).unwrap_or_default();
                one(path.text(&element).map(Bytes::from))
            }
        };
        Part { raw, records }
    }
}

fn place(at: usize) -> Result<u32, String> {
    u32::try_from(at).map_err(|_| "the document is larger than 4 GiB".to_owned())
}
