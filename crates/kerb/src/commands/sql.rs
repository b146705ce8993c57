//! `kerb sql`: statements from the command line, a file, a pipe, or a person.

use std::io::IsTerminal;

use crate::arguments::Sql;
use crate::exit::Exit;
use crate::server_url;
use crate::shell::{Ended, Shell, interactive, piped};

pub(crate) async fn run(arguments: Sql) -> Result<(), Exit> {
    let base = server_url::named(arguments.server.as_deref())?;
    let mut scripts = arguments.execute;
    if let Some(path) = &arguments.file {
        let script = std::fs::read_to_string(path);
        scripts.push(script.map_err(|error| Exit::unreadable(path, &error))?);
    }
    let mut shell = Shell::new(base, arguments.json);
    if std::io::stdout().is_terminal() {
        shell = shell.on_screen(interactive::screen());
    }
    if scripts.is_empty() {
        return match std::io::stdin().is_terminal() {
            true => interactive::run(shell).await,
            false => piped::run(shell).await,
        };
    }
    let last = scripts.len() - 1;
    for (at, script) in scripts.iter().enumerate() {
        if shell.run_script(script).await? == Ended::Interrupted && at < last {
            return Err(anyhow::anyhow!("interrupted; what follows was not carried out").into());
        }
    }
    Ok(())
}
