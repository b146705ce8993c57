//! How the process ends: 0 done, 1 failed, 2 wrong use (clap's own code, too).

use std::io::Write as _;
use std::process::ExitCode;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Exit {
    /// It failed.
    Failed(anyhow::Error),
    /// It was asked for something that makes no sense.
    WrongUse(String),
}

impl Exit {
    /// What is said when a file that the command line names cannot be read.
    pub(crate) fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Self {
        Exit::WrongUse(format!("{}: {error}", path.display()))
    }

    /// Says why, and gives the code.
    pub(crate) fn report(self) -> ExitCode {
        let (message, code) = match self {
            Exit::Failed(error) => (told(&error), 1),
            Exit::WrongUse(message) => (message, 2),
        };
        // Nobody to tell is no reason to end otherwise.
        let _ = writeln!(std::io::stderr(), "kerb: {message}");
        ExitCode::from(code)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Exit {
    fn from(error: E) -> Self {
        Exit::Failed(error.into())
    }
}

/// An error and the causes behind it, on one line. Some errors tell their cause themselves: it is
/// not told twice.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn a_cause_is_told_once() {
        let cause = || anyhow!("No such file");
        assert_eq!(told(&cause().context("x.toml: No such file")), "x.toml: No such file");
        assert_eq!(
            told(&cause().context("x.toml").context("a city")),
            "a city: x.toml: No such file"
        );
    }
}
