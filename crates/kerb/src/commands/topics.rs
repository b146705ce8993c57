//! `kerb topics`: which topics there are, and how many records they hold.

use std::io::Write as _;

use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::arguments::Topics;
use crate::exit::Exit;
use crate::log_client::LogClient;
use crate::output::Output;

pub(crate) async fn run(arguments: Topics) -> Result<(), Exit> {
    let log = LogClient::open(&arguments.log)?;
    let mut topics = log.topics().await?;
    topics.retain(|t| arguments.all || !t.name.starts_with('_'));
    let mut out = Output::new();
    if arguments.json {
        for topic in &topics {
            let partitions: Vec<_> = topic
                .bounds
                .iter()
                .map(|(start, end)| json!({ "start": start.0, "end": end.0 }))
                .collect();
            writeln!(out, "{}", json!({ "topic": topic.name, "partitions": partitions }))?;
        }
        return Ok(out.flush()?);
    }
    let width = topics.iter().map(|t| t.name.width()).max().unwrap_or(0).max(5);
    writeln!(out, "{:width$}  partitions  records", "topic")?;
    for topic in &topics {
        let records: i64 = topic.bounds.iter().map(|(start, end)| end.0 - start.0).sum();
        let blanks = " ".repeat(width - topic.name.width());
        writeln!(out, "{}{blanks}  {:>10}  {records:>7}", topic.name, topic.bounds.len())?;
    }
    Ok(out.flush()?)
}
