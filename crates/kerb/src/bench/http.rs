//! Pull queries by key over HTTP on loopback; beside a bare handler that returns the same bytes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::post;
use journal::embedded::Fsync;
use model::{Clock, SystemClock};
use serde_json::json;
use stream::Request;

use super::Figures;
use super::measure::{Directory, cpu_s, peak_rss_bytes, quantile_ms};
use crate::node::{Node, NodeOptions, listen};

/// How many requests are measured.
const REQUESTS: usize = 20_000;
/// And how many go ahead, not measured.
const WARM_UP: usize = 1_000;
/// How many clients ask at the same time.
const CLIENTS: usize = 4;
const KEYS: usize = 100;

pub(super) async fn run() -> Result<Figures> {
    let directory = Directory::new("pull")?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let node = Node::open(NodeOptions {
        data: directory.path(),
        fsync: Fsync::None,
        clock: Arc::clone(&clock),
        environment: Arc::new(|_| None),
        settings: Default::default(),
    })?;
    let setup = "CREATE STREAM R (NAME VARCHAR KEY, FREE INT) \
         WITH (KAFKA_TOPIC='r', VALUE_FORMAT='JSON', PARTITIONS=1); \
         CREATE TABLE V AS SELECT NAME, LATEST_BY_OFFSET(FREE) AS FREE, COUNT(*) AS N \
         FROM R GROUP BY NAME;";
    let engine = node.engine.clone();
    engine.execute(&Request::new(setup).with("auto.offset.reset", "earliest"))?;
    for key in 0..KEYS {
        let row = json!({ "NAME": format!("park {key}"), "FREE": key });
        engine.insert_row("R", row.as_object().context("a row")?)?;
    }
    let ours = serve(node.router.clone()).await?;
    let client = reqwest::Client::new();
    let answer = loop {
        let answer = ask(&client, &ours, KEYS - 1).await?;
        if answer.lines().count() == 2 {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let bare = Router::new().route("/query-stream", post(move || async move { answer }));
    let bare = serve(bare).await?;
    let (baseline, _) = load(&client, &bare, &*clock).await?;
    let cpu_before = cpu_s();
    let (rate, mut times) = load(&client, &ours, &*clock).await?;
    let cpu = cpu_before.and_then(|before| Some(cpu_s()? - before));
    let figures = Figures {
        name: "pull".into(),
        rows: Some(REQUESTS as u64),
        rows_per_s: Some(rate),
        baseline: Some("a handler that returns the same bytes"),
        baseline_rows_per_s: Some(baseline),
        ratio: Some(rate / baseline),
        cpu_s: cpu,
        peak_rss_bytes: peak_rss_bytes(),
        p50_ms: quantile_ms(&mut times, 0.5),
        p99_ms: quantile_ms(&mut times, 0.99),
        ..Figures::default()
    };
    node.shut_down().await;
    Ok(figures)
}

async fn serve(router: Router) -> Result<String> {
    let listener = listen(([127, 0, 0, 1], 0).into()).await?;
    let base = format!("http://{}", listener.local_addr()?);
    tokio::spawn(api::server::serve(listener, router, std::future::pending()));
    Ok(base)
}

async fn ask(client: &reqwest::Client, base: &str, key: usize) -> Result<String> {
    let body = json!({ "sql": format!("SELECT * FROM V WHERE NAME = 'park {key}';") });
    let request = client.post(format!("{base}/query-stream")).body(body.to_string());
    Ok(request.send().await?.error_for_status()?.text().await?)
}

/// Requests a second, and how long each took.
async fn load(
    client: &reqwest::Client,
    base: &str,
    clock: &dyn Clock,
) -> Result<(f64, Vec<Duration>)> {
    for i in 0..WARM_UP {
        ask(client, base, i % KEYS).await?;
    }
    let timer = SystemClock::default();
    let began = clock.monotonic();
    let clients = (0..CLIENTS).map(|_| {
        let (client, base) = (client.clone(), base.to_string());
        tokio::spawn(async move {
            let mut times = Vec::with_capacity(REQUESTS / CLIENTS);
            for i in 0..REQUESTS / CLIENTS {
                let began = timer.monotonic();
                ask(&client, &base, i % KEYS).await?;
                times.push(timer.monotonic() - began);
            }
            anyhow::Ok(times)
        })
    });
    let mut times = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        times.extend(client.await??);
    }
    let took = clock.monotonic() - began;
    Ok((times.len() as f64 / took.as_secs_f64(), times))
}
