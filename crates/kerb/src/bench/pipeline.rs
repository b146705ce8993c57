//! The talk's pipeline over generated rows: CARPARK_SRC (DELIMITED) -> CARPARK_EVENTS (PROTOBUF) ->
//! CARPARK, with the durable journal, from a filled topic to the finished view.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use connect::city::City;
use journal::embedded::{EmbeddedJournal, EmbeddedOptions, Fsync};
use journal::{Journal, TopicSpec};
use model::{Clock, Record, SystemClock, TimestampMs, TopicPartition, Value};
use stream::answer::AnswerBody;
use stream::connectors::NoConnectors;
use stream::{Engine, EngineOptions, Execution, QueryAnswer, Request};

use super::measure::{Directory, cpu_s, peak_rss_bytes, reset_peak_rss};
use super::plain::{Row, Table};
use super::{Figures, rows};

/// How many rows go into one append while the topic is filled.
const BATCH_ROWS: u64 = 1000;
/// How often the view is looked at.
const LOOK: Duration = Duration::from_millis(2);
/// A run that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) async fn run(count: u64) -> Result<Figures> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let (baseline_s, table) = plain(count, &*clock)?;
    let directory = Directory::new("pipeline")?;
    let journal: Arc<dyn Journal> = Arc::new(EmbeddedJournal::open(
        directory.path(),
        EmbeddedOptions { fsync: Fsync::Group, clock: Arc::clone(&clock), ..Default::default() },
    )?);
    fill(&*journal, count)?;
    let engine = Engine::open(EngineOptions {
        service_id: "bench_".into(),
        journal,
        registry: Arc::new(format::registry::MemoryRegistry::new()),
        clock: Arc::clone(&clock),
        connectors: Arc::new(NoConnectors),
        execution: Execution::Threads,
        properties: BTreeMap::new(),
    })?;
    reset_peak_rss();
    let (cpu_before, began) = (cpu_s(), clock.monotonic());
    engine.execute(&Request::new(statements()?).with("auto.offset.reset", "earliest"))?;
    while !finished(&engine, count)? {
        if clock.monotonic() - began > PATIENCE {
            bail!("the view was not finished in {PATIENCE:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
    let took_s = (clock.monotonic() - began).as_secs_f64();
    let cpu = cpu_before.and_then(|before| Some(cpu_s()? - before));
    let peak = peak_rss_bytes();
    let equal = same(&engine, &table)?;
    engine.shutdown();
    let (rate, baseline_rate) = (count as f64 / took_s, count as f64 / baseline_s);
    Ok(Figures {
        name: "pipeline".into(),
        rows: Some(count),
        rows_per_s: Some(rate),
        baseline: Some("a plain loop over the same rows"),
        baseline_rows_per_s: Some(baseline_rate),
        ratio: Some(rate / baseline_rate),
        cpu_s: cpu,
        peak_rss_bytes: peak,
        answers_equal: Some(equal),
        ..Figures::default()
    })
}

/// The plain loop over rows that lie in memory, as the topic's lie in the file cache.
fn plain(count: u64, clock: &dyn Clock) -> Result<(f64, Table)> {
    let mut table = Table::new()?;
    let mut took = Duration::ZERO;
    let mut from = 0;
    while from < count {
        let until = (from + 100 * BATCH_ROWS).min(count);
        let mut lines = Vec::new();
        rows::lines(from..until, |line| lines.push(line));
        let began = clock.monotonic();
        for line in &lines {
            table.add(line)?;
        }
        took += clock.monotonic() - began;
        from = until;
    }
    Ok((took.as_secs_f64(), table))
}

fn fill(journal: &dyn Journal, count: u64) -> Result<()> {
    journal.create_topic(TopicSpec::new("carparks", 1))?;
    let place = TopicPartition::new("carparks", 0);
    let mut from = 0;
    while from < count {
        let until = (from + BATCH_ROWS).min(count);
        let mut records = Vec::new();
        rows::lines(from..until, |line| {
            let timestamp = TimestampMs(1_600_000_000_000 + (from as i64));
            let value = Some(Bytes::from(line));
            records.push(Record { key: None, value, timestamp, headers: Vec::new() });
        });
        journal.append(&place, records)?;
        from = until;
    }
    Ok(())
}

/// The talk's three statements, as the city of the talk has them.
fn statements() -> Result<String> {
    let city = City::built_in("bradford", &(Arc::new(|_: &str| None) as connect::Environment))?;
    let text = city.pipeline.text;
    let pieces = sql::parser::split_statements(&text).complete;
    let wanted = ["CARPARK_SRC", "CARPARK_EVENTS", "CARPARK AS"];
    let statement = |name: &str| {
        let all = pieces.iter().map(|span| &text[span.start..span.end]);
        all.filter(|s| s.starts_with("CREATE")).find(|s| {
            s.split('(').next().is_some_and(|head| format!("{head} ").contains(&format!("{name} ")))
        })
    };
    let found: Option<Vec<&str>> = wanted.iter().map(|name| statement(name)).collect();
    Ok(found.context("the talk's statements are not where they were")?.join("\n"))
}

/// Have both queries read all of their rows?
fn finished(engine: &Engine, count: u64) -> Result<bool> {
    let mut done = 0;
    for answer in engine.execute(&Request::new("SHOW QUERIES EXTENDED;"))? {
        let AnswerBody::QueryDescriptions(queries) = answer.body else { continue };
        for progress in queries.iter().filter_map(|q| q.progress.as_ref()) {
            if let Some(error) = &progress.last_error {
                bail!("a query failed: {error}");
            }
            done += u64::from(progress.rows_in >= count);
        }
    }
    Ok(done == 2)
}

/// Is the view what the plain loop has?
fn same(engine: &Engine, table: &Table) -> Result<bool> {
    let QueryAnswer::Pull(pull) = engine.query(&Request::new("SELECT * FROM CARPARK;"))? else {
        bail!("a pull query was not answered as one");
    };
    if pull.rows.rows != table.rows.len() {
        return Ok(false);
    }
    for row in 0..pull.rows.rows {
        let cells = pull.rows.row(&pull.header.schema, row);
        let name = cells[0].as_str().context("a name")?;
        let Some(expect) = table.rows.get(name) else { return Ok(false) };
        if cells[1..] != expected(expect, &table.latest_ts(expect)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn expected(row: &Row, latest_ts: &str) -> Vec<Value> {
    vec![
        Value::String(latest_ts.to_string()),
        Value::Integer(row.capacity),
        Value::Integer(row.empty),
        Value::Double(row.pct_full),
        Value::Double(row.empty_sum as f64 / row.count as f64),
        Value::String(row.status.clone()),
        Value::Double(row.latitude),
        Value::Double(row.longitude),
        Value::String(row.url.clone()),
    ]
}
