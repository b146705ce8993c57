//! The terminal: a line in is a message, answers are printed; buttons are numbers that go on
//! counting (the same button keeps its own), so that an alert in between takes no button away and
//! gives no number another meaning.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::reply::{Action, ChatId, Content, Question, Reply};
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
    pub fn question(&self, line: &str) -> Option<Question> {
        let line = line.trim();
        if line.is_empty() {
            return None;
        }
        let buttons = self.buttons.lock().unwrap_or_else(|e| e.into_inner());
        let pressed = line.parse().ok().and_then(|number| buttons.pressed(number));
        Some(pressed.map_or_else(|| Question::Text(line.to_string()), Question::Button))
    }

    /// Prints the answers to one message.
    pub async fn print(&self, replies: Vec<Reply>) -> io::Result<()> {
        let mut text = String::new();
        for reply in replies {
            self.render(&mut text, reply).await;
        }
        let mut out = self.out.lock().await;
        out.write_all(text.as_bytes()).await?;
        out.flush().await
    }

    async fn render(&self, text: &mut String, reply: Reply) {
        match reply.content {
            Content::Text(words) => text.push_str(&words),
            // There is no button for it here.
            Content::AskLocation { can_be_typed: false, .. } => return,
            Content::AskLocation { text: question, .. } => text.push_str(&question),
            Content::Venue { location, title, address } => {
                let (lat, lon) = (location.latitude, location.longitude);
                let _ = write!(text, "[{title}, {address}: {lat:.5},{lon:.5}]");
            }
            Content::Chart { name, png, caption, drawing } => {
                let path = self.pictures.join(file_name(&name));
                let _ = write!(text, "{caption}\n{drawing}\nPicture: {}", path.display());
                // Without the picture, the answer is still one.
                if let Err(error) = self.keep(&path, &png).await {
                    let _ = write!(text, " could not be written: {error}");
                }
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
    }

    async fn keep(&self, path: &Path, png: &[u8]) -> io::Result<()> {
        tokio::fs::create_dir_all(&self.pictures).await?;
        tokio::fs::write(path, png).await
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
        let number = match self.last.iter().position(|(_, known)| *known == data) {
            Some(at) => self.last.remove(at).map_or(self.printed, |(number, _)| number),
            None => {
                self.printed += 1;
                self.printed
            }
        };
        if self.last.len() == BUTTONS_MAX {
            self.last.pop_front();
        }
        self.last.push_back((number, data));
        number
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

/// Does this line end the chat?
pub fn is_farewell(line: &str) -> bool {
    let word = line.trim().trim_start_matches(['/', '\\']).to_lowercase();
    matches!(word.as_str(), "exit" | "quit" | "bye") || line.trim() == "\\q"
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
        assert_eq!(terminal.question("1"), Some(Question::Button("park 1".into())));
        assert_eq!(terminal.question("2"), Some(Question::Text("2".into())));
        assert_eq!(terminal.question("  "), None);
        // An alert arrives: its button has a number of its own, and the earlier ones stay.
        let alert = Reply::text("There is space").row(vec![Button::send("Stop", "stop 7")]);
        terminal.send(CHAT, alert).await;
        assert_eq!(terminal.question("1"), Some(Question::Button("park 1".into())));
        assert_eq!(terminal.question("2"), Some(Question::Button("stop 7".into())));
        for i in 0..BUTTONS_MAX {
            let button = Button::send("y", format!("z {i}"));
            terminal.send(CHAT, Reply::text("x").row(vec![button])).await;
        }
        assert_eq!(terminal.question("2"), Some(Question::Text("2".into())));
    }

    #[test]
    fn whoever_wants_to_leave_finds_the_word() {
        for line in ["exit", " Quit\n", "/quit", "/exit", "\\q", "bye"] {
            assert!(is_farewell(line), "{line}");
        }
        for line in ["", "q", "exit 5", "Pier Road", "/q"] {
            assert!(!is_farewell(line), "{line}");
        }
    }

    #[test]
    fn the_same_button_keeps_its_number() {
        let mut buttons = Buttons::default();
        let numbers = ["park 1", "day 1", "park 1", "week 1", "day 1"];
        assert_eq!(numbers.map(|data| buttons.add(data.into())), [1, 2, 1, 3, 2]);
        assert_eq!(buttons.pressed(2), Some("day 1".into()));
    }

    #[tokio::test]
    async fn a_picture_that_cannot_be_written_is_left_out() {
        let directory = std::env::temp_dir().join(format!("kerb-terminal-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let file = directory.join("file");
        std::fs::write(&file, "in the way").expect("written");
        let chart = Content::Chart {
            name: "Pier Road day".into(),
            png: b"png".as_slice().into(),
            caption: "Pier Road".into(),
            drawing: "▁█".into(),
        };
        let chart = Reply { content: chart, buttons: Vec::new() };
        let refused = Terminal::new(Vec::new(), file.join("charts"));
        refused.print(vec![chart.clone()]).await.expect("printed");
        let written = Terminal::new(Vec::new(), directory.join("charts"));
        written.print(vec![chart]).await.expect("printed");
        let read = std::fs::read(directory.join("charts/pier-road-day.png"));
        std::fs::remove_dir_all(&directory).expect("removed");
        assert_eq!(read.expect("the picture"), b"png");
        let printed = String::from_utf8(refused.out.lock().await.clone()).expect("text");
        assert!(printed.starts_with("Pier Road\n▁█\nPicture: "), "{printed}");
        assert!(printed.contains(" could not be written: "), "{printed}");
    }
}
