//! The shell as a person sees it: a prompt, lines until a semicolon, history.

use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use super::{Ended, Shell, help};
use crate::exit::Exit;

/// How many statements the history keeps.
const HISTORY_MAX: usize = 1000;

/// Reads statements and runs them until the person leaves.
pub(crate) async fn run(mut shell: Shell) -> Result<(), Exit> {
    println!("kerb sql, connected to {}. Type help; for help, exit to leave.", shell.base);
    let config = Config::builder()
        .max_history_size(HISTORY_MAX)
        .map_err(anyhow::Error::from)?
        .auto_add_history(false)
        .build();
    let mut editor = Editor::<(), FileHistory>::with_history(config, FileHistory::default())
        .map_err(anyhow::Error::from)?;
    let history = history_file();
    if let Some(path) = &history {
        // The first time there is none.
        let _ = editor.load_history(path);
    }
    let mut typed = String::new();
    loop {
        let prompt = if typed.is_empty() { "kerb> " } else { "  ... " };
        // Reading blocks: it has a thread of its own, so that answers are received meanwhile.
        let (back, line) = tokio::task::spawn_blocking(move || {
            let line = editor.readline(prompt);
            (editor, line)
        })
        .await?;
        editor = back;
        match line {
            Ok(line) => typed.push_str(&line),
            Err(ReadlineError::Interrupted) => {
                typed.clear();
                continue;
            }
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(anyhow::Error::from(error).into()),
        }
        let word = typed.trim().trim_end_matches(';').trim().to_ascii_lowercase();
        match word.as_str() {
            "" => {
                typed.clear();
                continue;
            }
            "exit" | "quit" => break,
            "help" => {
                print!("{}", help::HELP);
                typed.clear();
                continue;
            }
            _ => {}
        }
        typed.push('\n');
        let pieces = sql::parser::split_statements(&typed);
        let Some(last) = pieces.complete.last() else { continue };
        let _ = editor.add_history_entry(typed.trim());
        for span in &pieces.complete {
            match shell.run(&typed[span.start..span.end]).await {
                Ok(Ended::Whole) => {}
                Ok(Ended::Interrupted) => {
                    println!("(interrupted)");
                    break;
                }
                Err(error) => {
                    eprintln!("{error:#}");
                    break;
                }
            }
        }
        typed = typed[last.end..].trim_start().to_string();
    }
    if let Some(path) = &history {
        if let Some(folder) = path.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        // A history that cannot be kept is no reason to fail at the end.
        let _ = editor.save_history(path);
    }
    Ok(())
}

/// `$XDG_STATE_HOME/kerb/history`, or below the home directory.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/state"));
    Some(state.or_else(home)?.join("kerb").join("history"))
}
