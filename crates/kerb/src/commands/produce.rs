//! `kerb produce`: lines in, records appended; kcat's `-P`.

use std::io::{BufRead, BufReader, Read};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use model::{Clock, Header, Record, SystemClock};

use crate::arguments::Produce;
use crate::exit::Exit;
use crate::log_client::LogClient;

/// How many records are appended at once.
const BATCH_RECORDS: usize = 1000;
/// And how many bytes.
const BATCH_BYTES: usize = 4 << 20;
/// The longest line that becomes a record.
const LINE_BYTES_MAX: u64 = 1 << 20;

pub(crate) async fn run(arguments: Produce) -> Result<(), Exit> {
    let headers = headers(&arguments.headers)?;
    let log = LogClient::open_or_make(&arguments.log)?;
    let mut input: Box<dyn BufRead + Send> = match &arguments.file {
        Some(path) => {
            let file = std::fs::File::open(path).map_err(|e| Exit::unreadable(path, &e))?;
            Box::new(BufReader::new(file))
        }
        None => Box::new(BufReader::new(std::io::stdin())),
    };
    let clock = SystemClock::default();
    let mut number = 0u64;
    loop {
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Some(line) = line(&mut input, number + 1)? else { break };
            number += 1;
            bytes += line.len();
            let (key, value) = split(&line, arguments.key_delim.as_deref());
            let timestamp = clock.now();
            records.push(Record { key, value: Some(value), timestamp, headers: headers.clone() });
        }
        if records.is_empty() {
            return Ok(());
        }
        log.append(&arguments.topic, records)
            .await
            .with_context(|| format!("up to line {number} of the input"))?;
    }
}

fn headers(given: &[String]) -> Result<Vec<Header>, Exit> {
    let header = |text: &String| {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Exit::WrongUse(format!("--header: '{text}' is not of the form NAME=VALUE"))
        })?;
        let value = Some(Bytes::copy_from_slice(value.as_bytes()));
        Ok(Header { name: name.to_string(), value })
    };
    given.iter().map(header).collect()
}

/// The next line without its end; `None` at the end of the input.
fn line(input: &mut dyn BufRead, number: u64) -> anyhow::Result<Option<Bytes>> {
    let mut line = Vec::new();
    let read = input.take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if read as u64 > LINE_BYTES_MAX {
        return Err(anyhow!("line {number} is longer than {} MiB", LINE_BYTES_MAX >> 20));
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    Ok(Some(Bytes::from(line)))
}

/// Key and value of a line; without the delimiter in it, all of it is the value.
fn split(line: &Bytes, delimiter: Option<&str>) -> (Option<Bytes>, Bytes) {
    let delimiter = delimiter.map(str::as_bytes).filter(|d| !d.is_empty());
    let at = delimiter.and_then(|d| line.windows(d.len()).position(|w| w == d).map(|at| (at, d)));
    match at {
        Some((at, delimiter)) => (Some(line.slice(..at)), line.slice(at + delimiter.len()..)),
        None => (None, line.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &'static str, delimiter: Option<&str>, expect: (Option<&'static str>, &str)) {
        let (key, value) = split(&Bytes::from_static(text.as_bytes()), delimiter);
        assert_eq!((key.as_deref(), &*value), (expect.0.map(str::as_bytes), expect.1.as_bytes()));
    }

    #[test]
    fn a_line_has_a_key_where_the_delimiter_is() {
        check("k|v|w", Some("|"), (Some("k"), "v|w"));
        check("v", Some("|"), (None, "v"));
        check("k::v", Some("::"), (Some("k"), "v"));
        check("k|v", None, (None, "k|v"));
    }

    #[test]
    fn a_line_ends_however_it_likes() {
        let mut input = BufReader::new(&b"a\r\nb\n\nc"[..]);
        let mut lines = Vec::new();
        while let Some(next) = line(&mut input, 1).expect("a line") {
            lines.push(next);
        }
        assert_eq!(lines, ["a", "b", "", "c"]);
    }
}
