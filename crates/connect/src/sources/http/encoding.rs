//! Bytes of a document to text.
//!
//! Feeds say one encoding and send another, so that what cannot be UTF-8 is read as Windows-1252
//! (which has Latin-1 in it) and a note says so; no document is lost to a wrong label.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::config::{ConfigError, Settings};

/// The encoding that the configuration asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// Look for signs.
    Auto,
    /// This one, whatever the signs.
    Named(&'static Encoding),
}

impl Wanted {
    pub(crate) fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        match settings.text("encoding") {
            "" | "auto" => Ok(Wanted::Auto),
            label => by_label(label).map(Wanted::Named).ok_or_else(|| {
                ConfigError::new(
                    "encoding",
                    format!("{label:?} is no encoding; try auto, utf-8, latin-1"),
                )
            }),
        }
    }

    /// The text, and a note if it was not what it should have been.
    pub(crate) fn decode<'a>(
        self,
        body: &'a [u8],
        content_type: Option<&str>,
    ) -> (Cow<'a, str>, Option<String>) {
        let encoding = match self {
            Wanted::Named(encoding) => encoding,
            Wanted::Auto => declared(body, content_type).unwrap_or(UTF_8),
        };
        let (text, used, had_errors) = encoding.decode(body);
        if !had_errors {
            return (text, None);
        }
        let (text, _, _) = WINDOWS_1252.decode(body);
        (text, Some(format!("the document is not {}; read as Windows-1252", used.name())))
    }
}

/// What the XML declaration says, or the Content-Type; a byte order mark is heeded when decoding.
fn declared(body: &[u8], content_type: Option<&str>) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(&body[..body.len().min(200)]);
    let in_xml = start.trim_start_matches('\u{feff}').strip_prefix("<?xml").and_then(|rest| {
        let declaration = &rest[..rest.find("?>")?];
        let value = declaration[declaration.find("encoding")?..].split(['"', '\'']).nth(1)?;
        by_label(value)
    });
    in_xml.or_else(|| {
        let lower = content_type?.to_ascii_lowercase();
        let value = lower.split("charset=").nth(1)?;
        by_label(value.split(';').next()?.trim_matches(['"', ' ']))
    })
}

fn by_label(label: &str) -> Option<&'static Encoding> {
    let label = label.trim().to_ascii_lowercase();
    let label = if label == "latin-1" { "latin1" } else { &label };
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &[u8], content_type: Option<&str>, expect: &str, noted: bool) {
        let (text, note) = Wanted::Auto.decode(body, content_type);
        assert_eq!(text, expect);
        assert_eq!(note.is_some(), noted, "{note:?}");
    }

    #[test]
    fn signs_are_heeded_and_wrong_ones_survived() {
        check("Zürich".as_bytes(), None, "Zürich", false);
        check("\u{feff}Zürich".as_bytes(), None, "Zürich", false);
        check(b"Z\xfcrich", Some("text/csv; charset=ISO-8859-1"), "Zürich", false);
        check(b"Z\xfcrich", Some("text/csv; charset=\"utf-8\""), "Zürich", true);
        check(b"Z\xfcrich", None, "Zürich", true);
        check(
            b"<?xml version='1.0' encoding='latin1'?><a>\xfc</a>",
            None,
            "<?xml version='1.0' encoding='latin1'?><a>ü</a>",
            false,
        );
        check(b"\xff\xfeZ\0", None, "Z", false);
        check(b"", None, "", false);
    }

    #[test]
    fn a_named_encoding_is_used_against_all_signs() {
        let latin = Wanted::Named(by_label("latin-1").expect("it is known"));
        assert_eq!(latin.decode(b"M\xfcnster", Some("text/csv; charset=utf-8")).0, "Münster");
    }
}
