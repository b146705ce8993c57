//! `kerb consume`: records of a topic, as they come or up to its end; kcat's `-C`. Records go to
//! standard output, where it begins to standard error.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use model::{Offset, TimestampMs};
use serde_json::json;

use crate::arguments::Consume;
use crate::exit::Exit;
use crate::log_client::{LogClient, Placed, Topic};
use crate::output::Output;

/// How long to wait at the end before looking again.
const POLL: Duration = Duration::from_millis(200);

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    Beginning,
    End,
    Offset(Offset),
    Time(TimestampMs),
}

pub(crate) async fn run(arguments: Consume) -> Result<(), Exit> {
    let from = match &arguments.from {
        Some(text) => parse(text).map_err(Exit::WrongUse)?,
        None if arguments.group.is_some() => From::Beginning,
        None => From::End,
    };
    let log = LogClient::open(&arguments.log)?;
    let topic = log.topic(&arguments.topic).await?;
    let begin = positions(&log, &topic, from, arguments.group.as_deref()).await?;
    if let Some(remark) = remark(&arguments, from, &begin) {
        let _ = writeln!(std::io::stderr(), "{remark}");
    }
    let mut positions: Vec<_> =
        begin.into_iter().map(|begin| (begin.partition, begin.at)).collect();
    let stop = tokio::signal::ctrl_c();
    let mut stop = std::pin::pin!(stop);
    let mut left = arguments.count.unwrap_or(u64::MAX);
    let mut out = Output::new();
    loop {
        let mut read_any = false;
        for (partition, next) in &mut positions {
            if left == 0 {
                break;
            }
            let (records, end) = log.read(&topic.name, *partition, *next).await?;
            for placed in &records {
                if left == 0 {
                    break;
                }
                print(&mut out, placed, &arguments)?;
                left -= 1;
                *next = placed.offset.next();
                read_any = true;
            }
            out.flush()?;
            if out.is_gone() {
                // What was not read by anybody is not committed either.
                return Ok(());
            }
            if left > 0 {
                *next = end.max(*next);
            }
        }
        if let (true, Some(group)) = (read_any, &arguments.group) {
            log.commit(group, &topic.name, &positions).await?;
        }
        if left == 0 || (arguments.exit && !read_any) {
            return Ok(());
        }
        if !read_any {
            tokio::select! {
                _ = &mut stop => return Ok(()),
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
}

/// Where reading begins in a partition.
#[derive(Clone, Copy, Debug)]
struct Begin {
    partition: u32,
    at: Offset,
    /// Its first record.
    start: Offset,
    /// One behind its last record.
    end: Offset,
    /// The group has been here before.
    is_committed: bool,
}

/// What is said of where it begins, if that is not what was asked for, or was not asked for.
fn remark(arguments: &Consume, from: From, begin: &[Begin]) -> Option<String> {
    let topic = &arguments.topic;
    if begin.iter().any(|begin| begin.is_committed) {
        let is_asked = arguments.from.is_some();
        return is_asked.then(|| {
            format!(
                "{topic}: the group goes on where it stopped; --from is for a group's first time"
            )
        });
    }
    match from {
        From::End if arguments.from.is_none() => {
            let records: i64 = begin.iter().map(|begin| begin.end.0 - begin.start.0).sum();
            let what = match arguments.exit {
                true => "there is nothing behind it",
                false => "waiting for what comes (Ctrl-C ends)",
            };
            Some(format!(
                "{topic}: from its end: {what}; --from beginning reads the {records} there are"
            ))
        }
        From::Offset(offset) => {
            let short = begin.iter().find(|begin| begin.end < offset)?;
            Some(format!(
                "{topic}: from its end: partition {} ends at {}, ahead of {}",
                short.partition, short.end.0, offset.0
            ))
        }
        _ => None,
    }
}

/// The offset to begin with, for each partition.
async fn positions(
    log: &LogClient,
    topic: &Topic,
    from: From,
    group: Option<&str>,
) -> Result<Vec<Begin>> {
    let committed = match group {
        Some(group) => log.committed(group, &topic.name).await?,
        None => Vec::new(),
    };
    let mut positions = Vec::new();
    for (partition, (start, end)) in topic.bounds.iter().enumerate() {
        let partition = partition as u32;
        let committed = committed.iter().find(|(p, _)| *p == partition).map(|(_, o)| *o);
        let at = match (committed, from) {
            (Some(offset), _) => offset,
            (None, From::Beginning) => *start,
            (None, From::End) => *end,
            (None, From::Offset(offset)) => offset.min(*end),
            (None, From::Time(time)) => log.offset_at(&topic.name, partition, time).await?,
        };
        let (start, end, is_committed) = (*start, *end, committed.is_some());
        positions.push(Begin { partition, at: at.max(start), start, end, is_committed });
    }
    Ok(positions)
}

fn parse(text: &str) -> Result<From, String> {
    match text {
        "beginning" => return Ok(From::Beginning),
        "end" => return Ok(From::End),
        _ => {}
    }
    if let Ok(offset) = text.parse() {
        return Ok(From::Offset(Offset(offset)));
    }
    let time: Result<Timestamp, _> = text.parse();
    time.map(|t| From::Time(TimestampMs(t.as_millisecond()))).map_err(|_| {
        format!("--from: '{text}' is none of beginning, end, an offset, 2024-10-27T01:30:00Z")
    })
}

fn print(out: &mut Output, placed: &Placed, arguments: &Consume) -> std::io::Result<()> {
    let record = &placed.record;
    if !arguments.json {
        if let (Some(delimiter), Some(key)) = (&arguments.key_delim, &record.key) {
            out.write_all(key)?;
            out.write_all(delimiter.as_bytes())?;
        }
        out.write_all(record.value.as_deref().unwrap_or(b"(null)"))?;
        return out.write_all(b"\n");
    }
    let text = |bytes: &Option<bytes::Bytes>| {
        bytes.as_deref().map(|b| String::from_utf8_lossy(b).into_owned())
    };
    let headers: Vec<_> = record.headers.iter().map(|h| json!([h.name, text(&h.value)])).collect();
    let line = json!({
        "partition": placed.partition,
        "offset": placed.offset.0,
        "timestamp": record.timestamp.0,
        "key": text(&record.key),
        "value": text(&record.value),
        "headers": headers,
    });
    writeln!(out, "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_to_begin_are_read() {
        assert_eq!(parse("beginning"), Ok(From::Beginning));
        assert_eq!(parse("42"), Ok(From::Offset(Offset(42))));
        assert_eq!(parse("1970-01-01T00:00:01Z"), Ok(From::Time(TimestampMs(1000))));
        assert!(parse("yesterday").is_err());
    }
}
