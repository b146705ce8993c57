//! Text of a document to its parts, by the format it has.

use bytes::Bytes;
use serde_json::Value as Json;

use super::csv::Csv;
use super::json::Path;
use super::parts::{Kind, Parts};
use super::xml::Namespaces;
use crate::config::{ConfigError, Settings};

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
    pub(crate) fn read(&self, text: Bytes) -> Result<Parts, String> {
        match self {
            // Every line of it would be a row.
            Carrier::Csv(_) | Carrier::Lines if is_web_page(&text) => {
                Err("the document is a web page (HTML)".to_owned())
            }
            Carrier::Csv(csv) => csv.read(text),
            Carrier::Json(elements) => {
                let document = serde_json::from_slice(&text)
                    .map_err(|error| format!("the document is not JSON: {error}"))?;
                elements.pick(&document)
            }
            Carrier::Xml(elements, namespaces) => {
                let text = std::str::from_utf8(&text).map_err(|error| error.to_string())?;
                elements.pick(&namespaces.to_json(text)?)
            }
            Carrier::Lines => Parts::lines(text, 0, Kind::Lines),
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

    fn pick(&self, document: &Json) -> Result<Parts, String> {
        let parts = Parts::elements(self.path.pick(document), self.key.clone())?;
        Ok(parts.or_note(|| format!("the document has nothing at {}", self.path)))
    }
}

/// Does it begin as web pages do?
fn is_web_page(text: &[u8]) -> bool {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text).trim_ascii_start();
    let begins = |with: &[u8]| text.get(..with.len()).is_some_and(|b| b.eq_ignore_ascii_case(with));
    begins(b"<!doctype html") || begins(b"<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_page_in_the_documents_place_is_no_rows() {
        let read = |text: &'static str| Carrier::Lines.read(Bytes::from_static(text.as_bytes()));
        assert!(read("\u{feff}\n<!DOCTYPE html>\n<html><body>Back soon</body></html>\n").is_err());
        assert!(read("<html lang=\"en\">").is_err());
        assert_eq!(read("a,1\n<html>,2\n").map(|parts| parts.len()), Ok(2));
    }
}
