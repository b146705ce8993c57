//! `kerb` as a child process.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// A process that says nothing for so long has hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The program with these arguments.
pub(crate) fn kerb(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kerb"));
    command.args(arguments).env_remove("TELEGRAM_BOT_TOKEN").env_remove("KERB_SERVER");
    command.kill_on_drop(true);
    command
}

/// Runs it to its end with this on standard input.
pub(crate) async fn run(arguments: &[&str], input: &str) -> Output {
    run_command(kerb(arguments), input).await
}

/// Runs a program to its end with this on standard input.
pub(crate) async fn run_command(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kerb starts");
    let mut stdin = child.stdin.take().expect("standard input");
    // A program that has ended already reads nothing.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("kerb ends")
        .expect("its output")
}

/// What it said on standard output.
pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it said on standard error.
pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running `kerb up`.
pub(crate) struct Server {
    child: Child,
    /// Its address.
    pub(crate) url: String,
}

impl Server {
    /// Starts one and waits until it listens.
    pub(crate) async fn start(mut command: Command) -> Self {
        command.stderr(Stdio::null());
        Self::start_telling(command).await
    }

    /// The same; what it says on standard error goes where the command says.
    pub(crate) async fn start_telling(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("kerb starts");
        let output = child.stdout.take().expect("standard output");
        let mut lines = BufReader::new(output).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.expect("a line") {
                if let Some(at) = line.find("http://") {
                    let url = line[at..].split(' ').next().unwrap_or_default();
                    return url.to_string();
                }
            }
            panic!("kerb ended before it listened");
        };
        let url = tokio::time::timeout(PATIENCE, listening).await.expect("kerb listens");
        Self { child, url }
    }

    /// Asks it to end, as an operator does, and waits; whether it ended well.
    pub(crate) async fn terminate(mut self) -> bool {
        let pid = self.child.id().expect("a process").to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill");
        assert!(killed.success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("kerb ends");
        ended.expect("its status").success()
    }

    /// Ends it without asking.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }
}

/// A directory that goes with the test.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    /// A new, empty one.
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kerb-flow-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    /// A path in it, as an argument.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
