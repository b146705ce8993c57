//! What can be said on the command line. Names stay: scripts and people rely on them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Where can I park right now?
#[derive(Debug, Parser)]
#[command(name = "kerb", version, about, long_about = None, propagate_version = true)]
pub(crate) struct Arguments {
    /// Say more about what is going on (-v, -vv)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play a recorded feed faster than life, with the bot in this terminal
    Demo(Demo),
    /// Run the server: feeds, SQL, REST API, and the bot if there is a token
    Up(Up),
    /// Talk SQL to a server
    Sql(Sql),
    /// List topics
    Topics(Topics),
    /// Append records to a topic, one a line
    Produce(Produce),
    /// Read records of a topic
    Consume(Consume),
    /// Measure, each thing beside something plain
    Bench(Bench),
    /// Run test cases for pipelines: statements, inputs, expected outputs
    Test(Test),
}

/// `kerb demo`
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many times faster than life the feed is played; as the city says, if not given: 60
    #[arg(long, value_name = "N")]
    pub(crate) speed: Option<f64>,
    /// Where the data is kept; without it, in a directory that is removed at the end
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where the REST API listens
    #[arg(long, default_value = "127.0.0.1:8088", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
}

/// `kerb up`
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// A city's folder (city.toml and pipeline.sql); may be repeated
    #[arg(long = "city", value_name = "DIR")]
    pub(crate) cities: Vec<PathBuf>,
    /// Where the data is kept
    #[arg(long, default_value = "kerb-data", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Where the REST API listens; port 0 takes a free one and says which
    #[arg(long, default_value = "127.0.0.1:8088", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// A file with the bot's token (instead of TELEGRAM_BOT_TOKEN in the environment)
    #[arg(long, value_name = "FILE")]
    pub(crate) telegram_token_file: Option<PathBuf>,
    /// The Bot API's server
    #[arg(long, default_value = "https://api.telegram.org", value_name = "URL")]
    pub(crate) telegram_api: String,
    /// Talk with the bot in this terminal instead of on Telegram
    #[arg(long, conflicts_with_all = ["server", "telegram_token_file"])]
    pub(crate) chat: bool,
    /// Run the bot alone, of the server at this address, which runs the cities already
    #[arg(long, value_name = "URL", conflicts_with_all = ["data", "listen", "fsync", "settings"])]
    pub(crate) server: Option<String>,
    /// When commits reach the disk: none, interval or group
    #[arg(long, default_value = "group", value_name = "POLICY")]
    pub(crate) fsync: Fsync,
    /// A setting of the server: NAME=VALUE; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<String>,
}

/// When commits reach the disk.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Fsync {
    /// When the system likes
    None,
    /// Ten times a second
    Interval,
    /// Before a commit returns
    Group,
}

/// `kerb sql`
#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// The server, if not that of KERB_SERVER in the environment, nor http://127.0.0.1:8088
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Run this and end; may be repeated. Without it and --file, what comes in by a pipe is run
    #[arg(short, long = "execute", value_name = "SQL")]
    pub(crate) execute: Vec<String>,
    /// Run this file and end
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Answers as JSON, one object or row a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which log a command speaks to.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The running server, if not that of KERB_SERVER in the environment, nor http://127.0.0.1:8088
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// A data directory that no server runs on
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    pub(crate) data: Option<PathBuf>,
}

/// `kerb topics`
#[derive(Debug, Args)]
pub(crate) struct Topics {
    #[command(flatten)]
    pub(crate) log: Log,
    /// Internal topics too
    #[arg(long)]
    pub(crate) all: bool,
    /// A JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// `kerb produce`
#[derive(Debug, Args)]
pub(crate) struct Produce {
    /// The topic; made (with one partition) if there is none
    pub(crate) topic: String,
    #[command(flatten)]
    pub(crate) log: Log,
    /// Read records from this file instead of standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// A line is KEY, this, VALUE
    #[arg(long, value_name = "TEXT")]
    pub(crate) key_delim: Option<String>,
    /// A header of every record: NAME=VALUE; may be repeated
    #[arg(long = "header", value_name = "NAME=VALUE")]
    pub(crate) headers: Vec<String>,
}

/// `kerb consume`
#[derive(Debug, Args)]
pub(crate) struct Consume {
    /// The topic
    pub(crate) topic: String,
    #[command(flatten)]
    pub(crate) log: Log,
    /// Where to begin: beginning, end, an offset, or a time (2024-10-27T01:30:00Z) [default: end;
    /// with --group: beginning]. A group goes on where it stopped, wherever that is
    #[arg(long, value_name = "WHERE")]
    pub(crate) from: Option<String>,
    /// Read as this consumer group: go on where it stopped, and remember how far this one came
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Stop after so many records
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Stop at the end instead of waiting for more
    #[arg(long)]
    pub(crate) exit: bool,
    /// Show keys: a line is KEY, this, VALUE; only VALUE where there is no key
    #[arg(long, value_name = "TEXT")]
    pub(crate) key_delim: Option<String>,
    /// A JSON object a line, with offset, time, key and headers
    #[arg(long, conflicts_with = "key_delim")]
    pub(crate) json: bool,
}

/// `kerb bench`
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Which; all of them if none is named
    pub(crate) names: Vec<String>,
    /// How many rows
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    pub(crate) rows: u64,
    /// A JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// In this process (used by the command itself)
    #[arg(long, hide = true)]
    pub(crate) alone: bool,
}

/// `kerb test`
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Files or folders: query tests (.json), SQL scripts with ASSERT (.sql), vectors (.jsonl)
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only cases with this in their name or their file's
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// A JSON object a case: file, case, status, reason, ms
    #[arg(long)]
    pub(crate) json: bool,
    /// So many cases at once; 0: as many as there are processors
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) jobs: usize,
    /// The share of cases, from 0 to 1, that must pass for the command to succeed
    #[arg(long, default_value_t = 1.0, value_name = "SHARE")]
    pub(crate) min_rate: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_makes_sense() {
        Arguments::command().debug_assert();
    }
}
