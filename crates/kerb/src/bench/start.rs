//! From the start of a process to its first answer over HTTP, and the memory of the demo.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use model::{Clock, SystemClock};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::Figures;
use super::measure::{Directory, quantile_ms, rss_bytes_of};

const STARTS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run() -> Result<Vec<Figures>> {
    Ok(vec![server().await?, demo().await?])
}

/// `kerb up` on an empty directory, until `/info` is answered.
async fn server() -> Result<Figures> {
    let clock = SystemClock::default();
    let client = reqwest::Client::new();
    let mut times = Vec::new();
    let mut memory = None;
    for i in 0..STARTS {
        let directory = Directory::new(&format!("start-{i}"))?;
        let data = directory.path().display().to_string();
        let began = clock.monotonic();
        let mut child = kerb(&["up", "--data", &data, "--listen", "127.0.0.1:0"])?;
        let base = tokio::time::timeout(PATIENCE, address(&mut child)).await??;
        client.get(format!("{base}/info")).send().await?.error_for_status()?;
        times.push(clock.monotonic() - began);
        memory = memory.max(child.id().and_then(rss_bytes_of));
        child.kill().await?;
    }
    Ok(Figures {
        name: "start_server".into(),
        rows: Some(STARTS as u64),
        p50_ms: quantile_ms(&mut times, 0.5),
        p99_ms: quantile_ms(&mut times, 0.99),
        peak_rss_bytes: memory,
        ..Figures::default()
    })
}

/// `kerb demo`, until the first question is answered; then its resident memory.
async fn demo() -> Result<Figures> {
    let clock = SystemClock::default();
    let began = clock.monotonic();
    let mut child = kerb(&["demo", "--listen", "127.0.0.1:0"])?;
    let mut input = child.stdin.take().context("standard input")?;
    let output = child.stdout.take().context("standard output")?;
    input.write_all(b"Pier Road\n").await?;
    let mut lines = BufReader::new(output).lines();
    tokio::time::timeout(PATIENCE, lines.next_line()).await??.context("no answer")?;
    let took = clock.monotonic() - began;
    let memory = child.id().and_then(rss_bytes_of);
    drop(input);
    child.wait().await?;
    Ok(Figures {
        name: "start_demo".into(),
        p50_ms: quantile_ms(&mut [took], 0.5),
        peak_rss_bytes: memory,
        ..Figures::default()
    })
}

fn kerb(arguments: &[&str]) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    Ok(command.kill_on_drop(true).spawn()?)
}

/// The address in what `kerb up` says of itself.
async fn address(child: &mut Child) -> Result<String> {
    let output = child.stdout.take().context("standard output")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(at) = line.find("http://") {
            let rest = &line[at..];
            return Ok(rest.split([' ', ')']).next().unwrap_or(rest).to_string());
        }
    }
    anyhow::bail!("the server ended before it listened")
}
