//! How the process ends: 0 done, 1 failed, 2 wrong use (clap's own code, too).

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
    /// Says why, and gives the code.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Exit::Failed(error) => {
                // Alternate: the causes behind it, on one line.
                eprintln!("kerb: {error:#}");
                ExitCode::from(1)
            }
            Exit::WrongUse(message) => {
                eprintln!("kerb: {message}");
                ExitCode::from(2)
            }
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Exit {
    fn from(error: E) -> Self {
        Exit::Failed(error.into())
    }
}
