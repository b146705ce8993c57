//! Text of a document to records, by the format it has.

use bytes::Bytes;
use serde_json::Value as Json;

use super::csv::Csv;
use super::json::Path;
use super::xml::Namespaces;
use crate::config::{ConfigError, Settings};
use crate::source::{Extracted, Rejected};

/// What a document carries records in.
#[derive(Debug)]
pub(crate) enum Carrier {
    /// A record a row.
    Csv(Csv),
    /// A record for each element at a path.
    Json(Elements),
    /// The same, of XML as JSON.
    Xml(Elements, Namespaces),
    /// A record a line.
    Lines,
}

/// Where records are in a tree, and what is their key.
#[derive(Debug, Default)]
pub(crate) struct Elements {
    path: Path,
    key: Option<Path>,
}

/// A document in parts, in its own order.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// Records, each with the part of the document that it was made of, for finding it again.
    pub(crate) records: Vec<Part>,
    /// What is no record, each with how many records stand before it.
    pub(crate) rejected: Vec<(usize, Rejected)>,
    /// Why there are no records, if there are none.
    pub(crate) note: Option<String>,
}

/// A part of a document: a row, a line, an element.
#[derive(Debug)]
pub(crate) struct Part {
    /// As it stands in the document (or as JSON).
    pub(crate) raw: Bytes,
    /// What it gives: one record, or for a wide row several.
    pub(crate) records: Vec<Extracted>,
}

impl Carrier {
    pub(crate) fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let format = settings.text("format");
        let misplaced = |key: &str, formats: &[&str]| match settings.optional(key) {
            Some(_) if !formats.contains(&format) => {
                Err(ConfigError::new(key, format!("goes with format {}", formats.join(" or "))))
            }
            _ => Ok(()),
        };
        misplaced("record.path", &["json", "xml"])?;
        misplaced("record.key", &["json", "xml", "csv"])?;
        misplaced("csv.unpivot", &["csv"])?;
        misplaced("xml.namespaces", &["xml"])?;
        match format {
            "csv" => Ok(Carrier::Csv(Csv::from_settings(settings)?)),
            "json" => Ok(Carrier::Json(Elements::from_settings(settings)?)),
            "xml" => {
                let namespaces = Namespaces::from_settings(settings)?;
                Ok(Carrier::Xml(Elements::from_settings(settings)?, namespaces))
            }
            _ => Ok(Carrier::Lines),
        }
    }

    /// Takes a document apart; `Err` says why it is none.
    pub(crate) fn read(&self, text: &str) -> Result<Parts, String> {
        match self {
            Carrier::Csv(csv) => csv.read(text),
            Carrier::Json(elements) => {
                let document = serde_json::from_str(text)
                    .map_err(|error| format!("the document is not JSON: {error}"))?;
                Ok(elements.pick(&document))
            }
            Carrier::Xml(elements, namespaces) => Ok(elements.pick(&namespaces.to_json(text)?)),
            Carrier::Lines => Ok(lines(text)),
        }
    }
}

impl Elements {
    fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let read = |name| match settings.optional(name) {
            Some(text) => Path::parse(text).map(Some).map_err(|what| ConfigError::new(name, what)),
            None => Ok(None),
        };
        Ok(Self { path: read("record.path")?.unwrap_or_default(), key: read("record.key")? })
    }

    fn pick(&self, document: &Json) -> Parts {
        let mut parts = Parts::default();
        for element in self.path.pick(document) {
            let raw = Bytes::from(element.to_string());
            let key = self.key.as_ref().and_then(|path| path.text(element)).map(Bytes::from);
            let records = vec![Extracted { key, value: raw.clone() }];
            parts.records.push(Part { raw, records });
        }
        if parts.records.is_empty() {
            parts.note = Some(format!("the document has nothing at {}", self.path));
        }
        parts
    }
}

fn lines(text: &str) -> Parts {
    let full = text.lines().filter(|line| !line.trim().is_empty());
    let part = |line: &str| {
        let raw = Bytes::copy_from_slice(line.as_bytes());
        Part { records: vec![Extracted { key: None, value: raw.clone() }], raw }
    };
    Parts { records: full.map(part).collect(), ..Parts::default() }
}
