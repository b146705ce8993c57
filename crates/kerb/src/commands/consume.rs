//! `kerb consume`: records of a topic, as they come or up to its end; kcat's `-C`.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use model::{Offset, TimestampMs};
use serde_json::json;

use crate::arguments::Consume;
use crate::exit::Exit;
use crate::log_client::{LogClient, Placed, Topic};

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
    let mut positions = positions(&log, &topic, from, arguments.group.as_deref()).await?;
    let stop = tokio::signal::ctrl_c();
    let mut stop = std::pin::pin!(stop);
    let mut left = arguments.count.unwrap_or(u64::MAX);
    loop {
        let mut read_any = false;
        for (partition, next) in &mut positions {
            if left == 0 {
                break;
            }
            let (records, end) = log.read(&topic.name, *partition, *next).await?;
            let mut out = std::io::stdout().lock();
            for placed in &records {
                if left == 0 {
                    break;
                }
                if print(&mut out, placed, arguments.json).is_err() {
                    // Whoever read our output has gone.
                    return Ok(());
                }
                left -= 1;
                *next = placed.offset.next();
                read_any = true;
            }
            out.flush().ok();
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

/// The offset to begin with, for each partition.
async fn positions(
    log: &LogClient,
    topic: &Topic,
    from: From,
    group: Option<&str>,
) -> Result<Vec<(u32, Offset)>> {
    let committed = match group {
        Some(group) => log.committed(group, &topic.name).await?,
        None => Vec::new(),
    };
    let mut positions = Vec::new();
    for (partition, (start, end)) in topic.bounds.iter().enumerate() {
        let partition = partition as u32;
        let committed = committed.iter().find(|(p, _)| *p == partition).map(|(_, o)| *o);
        let position = match (committed, from) {
            (Some(offset), _) => offset,
            (None, From::Beginning) => *start,
            (None, From::End) => *end,
            (None, From::Offset(offset)) => offset.min(*end),
            (None, From::Time(time)) => log.offset_at(&topic.name, partition, time).await?,
        };
        positions.push((partition, position.max(*start)));
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

fn print(out: &mut impl Write, placed: &Placed, as_json: bool) -> Result<()> {
    let record = &placed.record;
    if !as_json {
        out.write_all(record.value.as_deref().unwrap_or(b"(null)"))?;
        return out.write_all(b"\n").context("standard output");
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
    writeln!(out, "{line}").map_err(|e| anyhow!(e))
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
