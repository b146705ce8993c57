//! What several writers share when standard error is a person's terminal: log lines, progress that
//! is written over itself, and a prompt at which somebody types. Each of them hands its text over
//! here, and none lands within another's. Elsewhere, text goes where it always went.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard};
use std::thread::JoinHandle;

use rustyline::ExternalPrinter;

/// Clears the line the cursor is in.
const CLEAR: &str = "\r\x1b[K";
const GREY: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

static SCREEN: Mutex<Screen> = Mutex::new(Screen { status: String::new(), above: None });

/// What stands in the last line of the terminal.
struct Screen {
    /// Progress that the next text is written over; empty: none.
    status: String,
    /// Prints above a prompt, if there is one.
    above: Option<Sender<String>>,
}

fn screen() -> MutexGuard<'static, Screen> {
    SCREEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Writes whole lines to standard error.
pub(crate) fn lines(text: &str) {
    let screen = screen();
    match &screen.above {
        Some(above) if std::io::stderr().is_terminal() => drop(above.send(text.to_owned())),
        _ => {
            let mut out = std::io::stderr().lock();
            // Nobody to tell is no reason to end.
            let _ = match screen.status.as_str() {
                "" => out.write_all(text.as_bytes()),
                status => write!(out, "{CLEAR}{text}{status}"),
            };
            let _ = out.flush();
        }
    }
}

/// Shows progress in the last line, over what was shown there before.
pub(crate) fn status(text: String) {
    let mut screen = screen();
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "{CLEAR}{text}");
    let _ = out.flush();
    screen.status = text;
}

/// Leaves the progress that was shown last where it is.
pub(crate) fn end_status() {
    let mut screen = screen();
    if !std::mem::take(&mut screen.status).is_empty() {
        let _ = writeln!(std::io::stderr());
    }
}

/// Writes a line of no weight: grey on a terminal.
pub(crate) fn aside(text: &str) {
    match std::io::stderr().is_terminal() {
        true => lines(&format!("{GREY}{text}{PLAIN}\n")),
        false => lines(&format!("{text}\n")),
    }
}

/// Writes an answer to standard output, above the prompt if there is one.
pub(crate) fn answer(text: String) -> std::io::Result<()> {
    if let Some(above) = &screen().above {
        return above.send(text).map_err(|_| std::io::ErrorKind::BrokenPipe.into());
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// From now on there is a prompt, and everything is printed above it until this is dropped.
pub(crate) struct AbovePrompt(Option<JoinHandle<()>>);

impl AbovePrompt {
    /// Prints with `printer`. It may wait for the prompt, so it has a thread of its own.
    pub(crate) fn new(mut printer: impl ExternalPrinter + Send + 'static) -> Self {
        let (above, texts) = channel::<String>();
        let printing = std::thread::spawn(move || {
            while let Ok(text) = texts.recv() {
                if printer.print(text).is_err() {
                    return;
                }
            }
        });
        screen().above = Some(above);
        Self(Some(printing))
    }
}

impl Drop for AbovePrompt {
    fn drop(&mut self) {
        screen().above = None;
        // What was handed over is still printed.
        if let Some(printing) = self.0.take() {
            let _ = printing.join();
        }
    }
}

/// Where log lines are written.
#[derive(Clone, Copy)]
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        lines(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
