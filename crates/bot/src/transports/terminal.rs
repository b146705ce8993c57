//! The terminal: a line in is a message, answers are printed; buttons are numbers that go on
//! counting, so that an alert in between takes no button away and gives no number another meaning.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::reply::{Action, ChatId, Content, Incoming, Reply};
use crate::transports::{Delivery, Transport};

/// The chat of whoever sits at the terminal.
pub const CHAT: ChatId = ChatId(0);

/// How many of the last buttons can be pressed: more than anybody scrolls back for.
const BUTTONS_MAX: usize = 1000;

/// Prints messages, and knows which buttons were printed last.
pub struct Terminal<W> {
    out: tokio::sync::Mutex<W>,
    buttons: Mutex<Buttons>,
    pictures: PathBuf,
}

impl<W: AsyncWrite + Unpin + Send> Terminal<W> {
    /// Prints to `out`; charts are written as files into `pictures`.
    pub fn new(out: W, pictures: PathBuf) -> Self {
        Self { out: tokio::sync::Mutex::new(out), buttons: Mutex::default(), pictures }
    }

    /// What a line means: a button's number if such a button was printed, else a text. `None`:
    /// blank.
    pub fn incoming(&self, line: &str) -> Option<Incoming> {
        let line = line.trim();
        if line.is_empty() {
            return None;
        }
        let buttons = self.buttons.lock().unwrap_or_else(|e| e.into_inner());
        let pressed = line.parse().ok().and_then(|number| buttons.pressed(number));
        Some(pressed.map_or_else(|| Incoming::Text(line.to_string()), Incoming::Button))
    }

    /// Prints the answers to one message.
    pub async fn print(&self, replies: Vec<Reply>) -> io::Result<()> {
        let mut text = String::new();
        for reply in replies {
            self.render(&mut text, reply).await?;
        }
        let mut out = self.out.lock().await;
        out.write_all(text.as_bytes()).await?;
        out.flush().await
    }

    async fn render(&self, text: &mut String, reply: Reply) -> io::Result<()> {
        match reply.content {
            Content::Text(words) => text.push_str(&words),
            // There is no button for it here.
            Content::AskLocation { can_be_typed: false, .. } => return Ok(()),
            Content::AskLocation { text: question, .. } => text.push_str(&question),
            Content::Venue { location, title, address } => {
                let (lat, lon) = (location.latitude, location.longitude);
                let _ = write!(text, "[{title}, {address}: {lat:.5},{lon:.5}]");
            }
            Content::Chart { name, png, caption, drawing } => {
                let path = self.pictures.join(file_name(&name));
                tokio::fs::create_dir_all(&self.pictures).await?;
                tokio::fs::write(&path, &png).await?;
                let _ = write!(text, "{caption}\n{drawing}\nPicture: {}", path.display());
            }
        }
        text.push('\n');
        let mut buttons = self.buttons.lock().unwrap_or_else(|e| e.into_inner());
        for button in reply.buttons.into_iter().flatten() {
            match button.action {
                Action::Open(url) => {
                    let _ = writeln!(text, "  {}: {url}", button.label);
                }
                Action::Send(data) => {
                    let number = buttons.add(data);
                    let _ = writeln!(text, "  [{number}] {}", button.label);
                }
            }
        }
        Ok(())
    }
}

/// The last buttons: their numbers and data, the oldest first.
#[derive(Default)]
struct Buttons {
    printed: usize,
    last: VecDeque<(usize, String)>,
}

impl Buttons {
    fn add(&mut self, data: String) -> usize {
        self.printed += 1;
        if self.last.len() == BUTTONS_MAX {
            self.last.pop_front();
        }
        self.last.push_back((self.printed, data));
        self.printed
    }

    fn pressed(&self, number: usize) -> Option<String> {
        self.last.iter().find(|(n, _)| *n == number).map(|(_, data)| data.clone())
    }
}

impl<W: AsyncWrite + Unpin + Send> Transport for Terminal<W> {
    async fn send(&self, _: ChatId, reply: Reply) -> Delivery {
        match self.print(vec![reply]).await {
            Ok(()) => Delivery::Sent,
            Err(_) => Delivery::Gone,
        }
    }
}

/// A file's name from a picture's: its letters and digits.
fn file_name(name: &str) -> String {
    let simple: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    format!("{}.png", simple.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Button;

    #[tokio::test]
    async fn a_number_presses_the_button_that_was_printed() {
        let terminal = Terminal::new(Vec::new(), PathBuf::new());
        let reply = Reply::text("Which?")
            .row(vec![Button::send("Pier Road", "park 1"), Button::open("Map", "https://x")]);
        terminal.print(vec![reply]).await.expect("printed");
        let printed = String::from_utf8(terminal.out.lock().await.clone()).expect("text");
        assert_eq!(printed, "Which?\n  [1] Pier Road\n  Map: https://x\n");
        assert_eq!(terminal.incoming("1"), Some(Incoming::Button("park 1".into())));
        assert_eq!(terminal.incoming("2"), Some(Incoming::Text("2".into())));
        assert_eq!(terminal.incoming("  "), None);
        // An alert arrives: its button has a number of its own, and the earlier ones stay.
        let alert = Reply::text("There is space").row(vec![Button::send("Stop", "stop 7")]);
        terminal.send(CHAT, alert).await;
        assert_eq!(terminal.incoming("1"), Some(Incoming::Button("park 1".into())));
        assert_eq!(terminal.incoming("2"), Some(Incoming::Button("stop 7".into())));
        for _ in 0..BUTTONS_MAX {
            terminal.send(CHAT, Reply::text("x").row(vec![Button::send("y", "z")])).await;
        }
        assert_eq!(terminal.incoming("2"), Some(Incoming::Text("2".into())));
    }
}
