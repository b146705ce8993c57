//! The one binary: arguments, configuration and wiring. Everything it starts lives in other crates.
//!
//! Each command is a file in [`commands`]; `kerb demo` and `kerb up` share [`node`], which wires
//! journal, registry, connectors, engine and router, and serves them beside a chat or the bot.

mod arguments;
mod bench;
mod chat;
mod commands;
mod console;
mod exit;
mod heap;
mod log_client;
mod node;
mod output;
mod progress;
mod server_url;
mod shell;
mod telegram;
mod test;

use std::io::IsTerminal;

use clap::Parser;

use arguments::{Arguments, Command};
use exit::Exit;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    start_logging(arguments.verbose);
    if matches!(arguments.command, Command::Demo(_) | Command::Up(_) | Command::Bench(_)) {
        heap::share();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Exit::from(anyhow::Error::from(error)).report(),
    };
    let done = runtime.block_on(run(arguments.command));
    // Readers of the terminal cannot be interrupted: they must not keep the process.
    runtime.shutdown_background();
    console::end_status();
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

/// The one list of what each command runs.
async fn run(command: Command) -> Result<(), Exit> {
    match command {
        Command::Demo(arguments) => commands::demo::run(arguments).await,
        Command::Up(arguments) => commands::up::run(arguments).await,
        Command::Sql(arguments) => commands::sql::run(arguments).await,
        Command::Topics(arguments) => commands::topics::run(arguments).await,
        Command::Produce(arguments) => commands::produce::run(arguments).await,
        Command::Consume(arguments) => commands::consume::run(arguments).await,
        Command::Bench(arguments) => commands::bench::run(arguments).await,
        Command::Test(arguments) => commands::test::run(arguments).await,
    }
}

/// Quiet unless told otherwise: warnings by default, `-v` and `-vv` for more, `RUST_LOG` over all.
fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let errors = std::io::stderr;
    // Colours are for people: in a file they are noise.
    let is_coloured = errors().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| console::Log)
        .with_ansi(is_coloured)
        // It would tell a full disk's error on the same disk, and panic.
        .log_internal_errors(false)
        .init();
}
