//! The shell as a person sees it: a prompt, lines until a semicolon, history.

use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use super::typed::{Said, Typed};
use super::{Ended, Shell, help};
use crate::exit::{Exit, told};

/// How many statements the history keeps.
const HISTORY_MAX: usize = 1000;

type Lines = Editor<(), FileHistory>;

/// Reads statements and runs them until the person leaves.
pub(crate) async fn run(mut shell: Shell) -> Result<(), Exit> {
    let base = &shell.server.base;
    match shell.server.version().await {
        Ok(version) => println!("Connected to {base}, version {version}."),
        // It may start meanwhile.
        Err(error) => eprintln!("{}", told(&error)),
    }
    println!("Statements end with a semicolon. help tells more, exit leaves.");
    let mut editor = editor()?;
    let history = history_file();
    if let Some(path) = &history {
        if let Some(folder) = path.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        // The first time there is none.
        let _ = editor.load_history(path);
    }
    let mut typed = Typed::default();
    loop {
        let prompt = typed.prompt();
        // Reading blocks: it has a thread of its own, so that answers are received meanwhile.
        let (back, line) = tokio::task::spawn_blocking(move || {
            let line = editor.readline(prompt);
            (editor, line)
        })
        .await?;
        editor = back;
        let line = match line {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => {
                typed.clear();
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(anyhow::Error::from(error).into()),
        };
        match typed.line(&line) {
            Said::Nothing => {}
            Said::Leave => return Ok(()),
            Said::Help => print!("{}", help::HELP),
            Said::Unknown(word) => eprintln!("{}", help::unknown(&word)),
            Said::Statements(statements) => {
                let _ = editor.add_history_entry(statements.join(" "));
                if let Some(path) = &history {
                    // A history that cannot be kept is no reason to fail.
                    let _ = editor.append_history(path);
                }
                shell.screen = width(&mut editor);
                run_all(&mut shell, &statements).await;
            }
        }
    }
}

/// Runs statements until one fails or Ctrl-C is pressed; says so.
async fn run_all(shell: &mut Shell, statements: &[String]) {
    for statement in statements {
        match shell.run(statement).await {
            Ok(Ended::Whole) => {}
            Ok(Ended::Interrupted) => {
                // Behind the terminal's own ^C.
                println!("\n(interrupted)");
                return;
            }
            Err(error) => {
                eprintln!("{}", told(&error));
                return;
            }
        }
    }
}

/// How wide the terminal is that standard output goes to; none if it goes elsewhere.
pub(crate) fn screen() -> Option<usize> {
    width(&mut editor().ok()?)
}

fn width(editor: &mut Lines) -> Option<usize> {
    editor.dimensions().map(|(width, _)| usize::from(width)).filter(|width| *width > 0)
}

fn editor() -> Result<Lines, Exit> {
    let config = Config::builder()
        .max_history_size(HISTORY_MAX)
        .map_err(anyhow::Error::from)?
        .auto_add_history(false)
        .build();
    let editor = Editor::with_history(config, FileHistory::default());
    Ok(editor.map_err(anyhow::Error::from)?)
}

/// `$XDG_STATE_HOME/kerb/history`, or below the home directory.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/state"));
    Some(state.or_else(home)?.join("kerb").join("history"))
}
