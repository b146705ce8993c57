//! The talk's pipeline over generated rows: CARPARK_SRC (DELIMITED) -> CARPARK_EVENTS (PROTOBUF) ->
//! CARPARK, with the durable journal, from a filled topic to the finished view.

use std::sync::Arc;

use anyhow::{Context, Result};
use connect::city::City;
use model::Value;

use super::Figures;
use super::engine::{Line, MeasuredEngine, time_plain};
use super::plain::{Row, Table};
use super::rows;

const START_MS: i64 = 1_600_000_000_000;

pub(super) async fn run(count: u64) -> Result<Figures> {
    let mut table = Table::new()?;
    let took = time_plain(count, line, |line| table.add(&line.value))?;
    let engine = MeasuredEngine::open("pipeline")?;
    engine.fill("carparks", count, line)?;
    let figures = engine.measure(&statements()?, 2, count, count).await?;
    let equal = same(engine.pull("SELECT * FROM CARPARK;")?, &table)?;
    engine.shut_down();
    Ok(figures.beside("pipeline", "a plain loop over the same rows", took, equal))
}

fn line(row: u64) -> Line {
    Line { key: None, value: rows::line(row), time_ms: START_MS + row as i64 }
}

/// The talk's three statements, as the city of the talk has them.
fn statements() -> Result<String> {
    let city = City::built_in("bradford", &(Arc::new(|_: &str| None) as connect::Environment))?;
    let text = city.pipeline.text;
    let pieces = sql::parser::split_statements(&text).complete;
    let wanted = ["CARPARK_SRC (", "CARPARK_EVENTS WITH", "CARPARK AS"];
    // Comments stand before a statement.
    let bare = |statement: &str| -> String {
        let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        words.join(" ").trim_end_matches(';').to_string()
    };
    let statement = |name: &str| {
        let all = pieces.iter().map(|span| bare(&text[span.start..span.end]));
        let made = format!(" {name}");
        all.into_iter().find(|s| s.starts_with("CREATE ") && s[..80.min(s.len())].contains(&made))
    };
    let found: Option<Vec<String>> = wanted.iter().map(|name| statement(name)).collect();
    Ok(found.context("the talk's statements are not where they were")?.join(";\n") + ";")
}

/// Is the view what the plain loop has?
fn same(view: Vec<Vec<Value>>, table: &Table) -> Result<bool> {
    if view.len() != table.rows.len() {
        return Ok(false);
    }
    for cells in view {
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
