//! `kerb bench`: each benchmark in a process of its own, so that its figures are its own.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::Context;

use crate::arguments::Bench;
use crate::bench::{self, BENCHES};
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(arguments: Bench) -> Result<(), Exit> {
    for name in &arguments.names {
        if !BENCHES.iter().any(|b| b.name == name) {
            let known: Vec<&str> = BENCHES.iter().map(|b| b.name).collect();
            let known = known.join(", ");
            return Err(Exit::WrongUse(format!(
                "there is no benchmark '{name}'; there are: {known}"
            )));
        }
    }
    let mut out = Output::new();
    if let (true, [name]) = (arguments.alone, &arguments.names[..]) {
        let figures = bench::run(name, arguments.rows).await?;
        for figures in figures {
            writeln!(out, "{}", figures.to_json())?;
        }
        return Ok(out.flush()?);
    }
    let wanted =
        |name: &str| arguments.names.is_empty() || arguments.names.iter().any(|n| n == name);
    for bench in BENCHES.iter().filter(|b| wanted(b.name)) {
        eprintln!("{}: {}", bench.name, bench.about);
        let program = std::env::current_exe().context("where this program is")?;
        let mut child = tokio::process::Command::new(program);
        child.args(["bench", bench.name, "--alone", "--rows", &arguments.rows.to_string()]);
        let output = child.stdin(Stdio::null()).stderr(Stdio::inherit()).output().await?;
        if !output.status.success() {
            return Err(anyhow::anyhow!("benchmark {} failed", bench.name).into());
        }
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            match arguments.json {
                true => writeln!(out, "{line}")?,
                false => writeln!(out, "  {}", bench::readable(line))?,
            }
        }
        out.flush()?;
    }
    Ok(())
}
