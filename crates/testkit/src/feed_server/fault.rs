//! What feeds do wrong, on demand: documents in, dirty documents or refusals out.

use bytes::Bytes;

/// A way for a feed to misbehave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 200 and nothing.
    EmptyBody,
    /// The document breaks off in the middle of a row, behind a quote that is never closed.
    BrokenCsv,
    /// The document in Latin-1, said to be UTF-8.
    Latin1,
    /// Every number that stands alone in a cell is -1.
    MinusOne,
    /// Every number that stands alone in a cell is larger than any car park.
    AboveCapacity,
    /// An HTML page with status 200, as portals do.
    LoginPage,
    /// This status, and no document; with it a Retry-After in seconds, if given.
    Status(u16, Option<u64>),
    /// The document is elsewhere: at this address.
    Redirect(String),
    /// No answer, until the client has had enough.
    Stall,
    /// The connection ends in the middle of the document.
    CutOff,
}

/// More spaces than any car park has.
const ABOVE_CAPACITY: &str = "99999";

impl Fault {
    /// What becomes of a document; those faults that are not about documents leave it.
    pub(super) fn spoil(&self, body: &Bytes) -> Bytes {
        match self {
            Fault::EmptyBody => Bytes::new(),
            Fault::BrokenCsv => broken(body),
            Fault::Latin1 => {
                let text = String::from_utf8_lossy(body);
                let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
                Bytes::from(bytes.into_owned())
            }
            Fault::MinusOne => numbers_become(body, "-1"),
            Fault::AboveCapacity => numbers_become(body, ABOVE_CAPACITY),
            Fault::LoginPage => Bytes::from_static(b"<!doctype html><title>Please sign in</title>"),
            Fault::Status(..) | Fault::Redirect(_) | Fault::Stall | Fault::CutOff => body.clone(),
        }
    }
}

/// The first line as it is, half of the second with a quote before it, and no more.
fn broken(body: &Bytes) -> Bytes {
    let text = String::from_utf8_lossy(body);
    let mut lines = text.lines();
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let half: String = second.chars().take(second.chars().count() / 2).collect();
    Bytes::from(format!("{first}\n\"{half}"))
}

/// Replaces cells that are whole numbers, below the header.
fn numbers_become(body: &Bytes, replacement: &str) -> Bytes {
    let text = String::from_utf8_lossy(body);
    let is_number = |cell: &str| !cell.is_empty() && cell.bytes().all(|b| b.is_ascii_digit());
    let spoil_row = |row: &str| {
        let cells = row.split(',').map(|cell| if is_number(cell) { replacement } else { cell });
        cells.collect::<Vec<_>>().join(",")
    };
    let rows = text.lines().enumerate();
    let rows = rows.map(|(i, row)| if i == 0 { row.to_owned() } else { spoil_row(row) });
    Bytes::from(rows.map(|row| row + "\n").collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fault: &Fault, expect: &[u8]) {
        let body = Bytes::from("date,Café\n2024-10-27 00:59:59,12\n");
        assert_eq!(fault.spoil(&body), expect, "{fault:?}");
    }

    #[test]
    fn faults_spoil_what_they_say() {
        check(&Fault::EmptyBody, b"");
        check(&Fault::BrokenCsv, "date,Café\n\"2024-10-27 ".as_bytes());
        check(&Fault::Latin1, b"date,Caf\xe9\n2024-10-27 00:59:59,12\n");
        check(&Fault::MinusOne, "date,Café\n2024-10-27 00:59:59,-1\n".as_bytes());
        check(&Fault::AboveCapacity, "date,Café\n2024-10-27 00:59:59,99999\n".as_bytes());
        check(&Fault::Stall, "date,Café\n2024-10-27 00:59:59,12\n".as_bytes());
    }
}
