//! `kerb sql`: statements from the command line, a file, or a person.

use anyhow::Context;

use crate::arguments::Sql;
use crate::exit::Exit;
use crate::shell::Shell;
use crate::{server_url, shell};

pub(crate) async fn run(arguments: Sql) -> Result<(), Exit> {
    let base = server_url::named(arguments.server.as_deref())?;
    let mut shell = Shell::new(base, arguments.json);
    let mut scripts = arguments.execute;
    if let Some(path) = &arguments.file {
        scripts.push(std::fs::read_to_string(path).with_context(|| path.display().to_string())?);
    }
    if scripts.is_empty() {
        return shell::interactive::run(shell).await;
    }
    for script in scripts {
        shell.run_script(&script).await?;
    }
    Ok(())
}
