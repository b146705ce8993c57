//! Statements from a pipe or a file: each is run as soon as it is whole; the first that fails ends
//! it.

use anyhow::Result;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::typed::{Said, Typed};
use super::{Ended, Shell, help};
use crate::exit::Exit;

/// Runs what comes in on standard input.
pub(crate) async fn run(mut shell: Shell) -> Result<(), Exit> {
    let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
    let mut typed = Typed::default();
    while let Some(line) = lines.next_segment().await? {
        let statements = match typed.line(&String::from_utf8_lossy(&line)) {
            Said::Nothing => continue,
            Said::Statements(statements) => statements,
            Said::Leave => return Ok(()),
            Said::Help => {
                shell.say(help::HELP)?;
                continue;
            }
            Said::Unknown(word) => return Err(anyhow::anyhow!(help::unknown(&word)).into()),
        };
        if all(&mut shell, &statements).await? == Ended::Interrupted {
            return Ok(());
        }
    }
    all(&mut shell, &typed.rest()).await?;
    Ok(())
}

async fn all(shell: &mut Shell, statements: &[String]) -> Result<Ended> {
    for statement in statements {
        if shell.run(statement).await? == Ended::Interrupted {
            return Ok(Ended::Interrupted);
        }
    }
    Ok(Ended::Whole)
}
