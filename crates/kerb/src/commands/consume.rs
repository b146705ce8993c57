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
    let remarks = remark(&arguments, from, &begin).into_iter().chain(gone(&topic.name, &begin));
    for remark in remarks {
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
    /// Where it would have begun if all were there still.
    asked: Offset,
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

/// What is said of records that retention has removed before they were read.
fn gone(topic: &str, begin: &[Begin]) -> Vec<String> {
    let gone = begin.iter().filter(|begin| begin.asked < begin.at);
    let words = gone.map(|begin| {
        let Begin { partition, at, asked, .. } = begin;
        let records = at.0 - asked.0;
        format!(
            "{topic}: {records} records of partition {partition} are gone, removed by the topic's \
             retention: it begins at {at}, not at {asked}"
        )
    });
    words.collect()
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
        let (asked, at) = (at, at.max(start));
        positions.push(Begin { partition, at, asked, start, end, is_committed });
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
    use std::sync::Arc;

    use journal::{Journal, MemoryJournal, TopicSpec};
    use model::{ManualClock, Record, TopicPartition};

    use super::*;

    #[test]
    fn places_to_begin_are_read() {
        assert_eq!(parse("beginning"), Ok(From::Beginning));
        assert_eq!(parse("42"), Ok(From::Offset(Offset(42))));
        assert_eq!(parse("1970-01-01T00:00:01Z"), Ok(From::Time(TimestampMs(1000))));
        assert!(parse("yesterday").is_err());
    }

    #[tokio::test]
    async fn a_group_is_told_of_records_that_are_gone() {
        let hour = TimestampMs(3_600_000);
        let clock = Arc::new(ManualClock::at(TimestampMs(0)));
        let journal = MemoryJournal::new(clock.clone());
        let kept = TopicSpec { retention: Some(Duration::from_secs(5)), ..TopicSpec::new("t", 2) };
        journal.create_topic(kept).unwrap();
        let place = |n| TopicPartition::new("t", n);
        for n in 0..20 {
            journal.append(&place(n / 10), vec![Record::default()]).unwrap();
        }
        let stands = [(place(0), Offset(4)), (place(1), Offset(10))];
        journal::keep_positions(&journal, "readers", stands).unwrap();
        clock.set(hour);
        journal.maintain().unwrap();
        let log = LogClient::Local(Arc::new(journal));
        let topic = log.topic("t").await.unwrap();
        let begin = positions(&log, &topic, From::Beginning, Some("readers")).await.unwrap();
        let words = "t: 6 records of partition 0 are gone, removed by the topic's retention: \
                     it begins at 10, not at 4";
        assert_eq!(gone("t", &begin), [words]);
    }
}
