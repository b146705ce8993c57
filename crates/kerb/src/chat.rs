//! The bot in this terminal: lines in, answers out. A person gets a prompt with line editing, and
//! alerts, log lines and progress above it; elsewhere lines of standard input are answered on
//! standard output, one after the other.

use std::io::{ErrorKind, IsTerminal};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bot::alerts;
use bot::client::Client;
use bot::conversation::Conversation;
use bot::transports::terminal::{self, Terminal};
use bot::views::Views;
use connect::Connectors;
use connect::city::City;
use jiff::tz::TimeZone;
use model::Clock;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use tokio::io::{AsyncBufReadExt, AsyncWrite, BufReader};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::console::{self, AbovePrompt};
use crate::progress::{Manner, Progress};
use crate::telegram::bot_city;

/// What a person sees before what is typed.
const PROMPT: &str = "> ";
/// How often feeds and queries are looked at until they are ready.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// The bot, and who is to talk with it.
pub(crate) struct Chat {
    /// What is known.
    pub(crate) views: Views,
    conversation: Arc<Conversation>,
    terminal: Arc<Terminal<Answers>>,
    zone: TimeZone,
    /// The middle of the first city, for an example.
    centre: Option<(f64, f64)>,
}

impl Chat {
    /// A chat about these cities, with what `client`'s server knows. Charts are kept in `pictures`.
    pub(crate) fn new(
        client: Client,
        clock: Arc<dyn Clock>,
        cities: &[City],
        pictures: PathBuf,
    ) -> Self {
        let views = Views::new(client);
        let told = cities.iter().map(bot_city).collect();
        let conversation = Arc::new(Conversation::new(views.clone(), clock, told));
        let terminal = Arc::new(Terminal::new(Answers::default(), pictures));
        let zone = cities.first().map_or(TimeZone::UTC, |city| city.zone.clone());
        let centre = cities.first().map(|city| city.centre);
        Self { views, conversation, terminal, zone, centre }
    }

    /// Waits until all is `ready`, then answers until there are no more lines, somebody says good
    /// bye, or `stop` changes.
    pub(crate) async fn run(
        self,
        ready: impl Future<Output = Result<()>>,
        progress: Option<Progress>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<()> {
        let is_typed = std::io::stdin().is_terminal();
        let has_prompt = is_typed && std::io::stdout().is_terminal();
        let manner = if is_typed { Manner::Aside } else { Manner::Watched };
        let progress = async {
            match progress {
                Some(progress) => progress.tell(self.zone.clone(), manner).await,
                None => std::future::pending().await,
            }
        };
        let mut alerts = JoinSet::new();
        let talk = async {
            ready.await?;
            let (conversation, terminal) = (self.conversation.clone(), self.terminal.clone());
            alerts.spawn(alerts::deliver(conversation, terminal));
            if has_prompt { self.prompt().await } else { self.lines().await }
        };
        let done = tokio::select! {
            done = talk => done,
            () = progress => Ok(()),
            _ = stop.changed() => {
                if has_prompt {
                    // Behind what was half typed.
                    console::lines("\n");
                }
                Ok(())
            }
        };
        // Before the server ends, which would break its stream off.
        alerts.shutdown().await;
        done
    }

    /// Answers a line; false if it was a good bye, or nobody reads the answers any more.
    async fn answer(&self, line: &str) -> Result<bool> {
        if terminal::is_farewell(line) {
            return Ok(false);
        }
        if let Some(question) = self.terminal.question(line) {
            let replies = self.conversation.answer(terminal::CHAT, question).await;
            match self.terminal.print(replies).await {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(false),
                printed => printed?,
            }
        }
        Ok(true)
    }

    async fn lines(&self) -> Result<()> {
        let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
        while let Some(line) = lines.next_segment().await? {
            // Whatever is typed is answered, also what is no UTF-8.
            if !self.answer(&String::from_utf8_lossy(&line)).await? {
                break;
            }
        }
        Ok(())
    }

    async fn prompt(&self) -> Result<()> {
        let near = match self.centre {
            Some((latitude, longitude)) => format!("/nearest {latitude},{longitude}"),
            None => "/nearest".to_owned(),
        };
        console::lines(&format!(
            "Say a car park's name, {near}, or /help. A number presses the button it stands at: \
             1 for [1]. exit or Ctrl-D ends.\n"
        ));
        let settings = rustyline::Config::builder()
            .auto_add_history(true)
            // A paste of several lines is several messages.
            .bracketed_paste(false)
            .build();
        let _restored = TerminalMode::kept();
        let mut prompt = Prompt::new(DefaultEditor::with_config(settings)?);
        loop {
            match prompt.line().await? {
                Ok(line) if self.answer(&line).await? => {}
                Ok(_) | Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Resolves when every feed has been polled, well or not, and queries have read what came.
pub(crate) async fn is_polled(progress: &Progress, connectors: &Connectors) {
    // Two looks: queries are looked at one after the other, and rows move on meanwhile.
    let mut looks = 0;
    while looks < 2 {
        let polled = connectors.list().iter().all(|c| c.status.polls > 0);
        let has_read = progress.totals_aside().await.is_some_and(|totals| totals.lag == 0);
        looks = if polled && has_read { looks + 1 } else { 0 };
        tokio::time::sleep(LOOK).await;
    }
}

/// Where a person types.
struct Prompt {
    /// Away while it reads. Dropped first: what is printed above it does not wait for it then.
    editor: Option<DefaultEditor>,
    _above: Option<AbovePrompt>,
}

impl Prompt {
    fn new(mut editor: DefaultEditor) -> Self {
        // A terminal that cannot do it has the prompt alone.
        let above = editor.create_external_printer().ok().map(AbovePrompt::new);
        Self { editor: Some(editor), _above: above }
    }

    async fn line(&mut self) -> Result<rustyline::Result<String>> {
        let mut editor = self.editor.take().context("the terminal's reader is gone")?;
        // Reading blocks: it has a thread of its own, so that alerts come meanwhile.
        let reading = tokio::task::spawn_blocking(move || {
            let line = editor.readline(PROMPT);
            (editor, line)
        });
        let (editor, line) = reading.await?;
        self.editor = Some(editor);
        Ok(line)
    }
}

/// Where the bot's words go: a message at a time, above the prompt if there is one.
#[derive(Default)]
struct Answers {
    message: Vec<u8>,
}

impl AsyncWrite for Answers {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.message.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        let message = std::mem::take(&mut self.message);
        Poll::Ready(console::answer(String::from_utf8_lossy(&message).into_owned()))
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.poll_flush(context)
    }
}

/// The terminal as it was: somebody may still be asked for a line when the process ends.
struct TerminalMode {
    #[cfg(unix)]
    before: Option<nix::sys::termios::Termios>,
}

impl TerminalMode {
    fn kept() -> Self {
        Self {
            #[cfg(unix)]
            before: nix::sys::termios::tcgetattr(std::io::stdin()).ok(),
        }
    }
}

impl Drop for TerminalMode {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(before) = &self.before {
            use nix::sys::termios::{SetArg, tcsetattr};
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, before);
        }
    }
}
