//! What the bot says: one answer, whichever transport carries it.

use bytes::Bytes;

/// A chat: where a message came from and where its answer goes.
///
/// Never shown and never logged: `Debug` hides the number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChatId(pub i64);

impl std::fmt::Debug for ChatId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChatId(…)")
    }
}

/// A place on earth, in degrees. `Debug` hides it: it may be where somebody is.
#[derive(Clone, Copy, PartialEq)]
pub struct Location {
    /// North is positive.
    pub latitude: f64,
    /// East is positive.
    pub longitude: f64,
}

impl Location {
    /// The place with these degrees; `None` if it is not on the globe.
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        on_earth.then_some(Self { latitude, longitude })
    }
}

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Location(…)")
    }
}

/// What a person sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Words, or a command.
    Text(String),
    /// Where they are.
    Location(Location),
    /// A button pressed: its data.
    Button(String),
}

/// A message of the bot.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// What it says or shows.
    pub content: Content,
    /// Rows of buttons below it.
    pub buttons: Vec<Vec<Button>>,
}

/// What a message says or shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Plain text, and the button that shares a location.
    AskLocation {
        /// What is asked.
        text: String,
        /// Does the text say how a place is typed? If not, it is about the button, and is nothing
        /// where there is none.
        can_be_typed: bool,
    },
    /// A place on the map.
    Venue {
        /// Where.
        location: Location,
        /// Its name.
        title: String,
        /// A line below the name.
        address: String,
    },
    /// A chart.
    Chart {
        /// A name for the picture: the car park's, and the time that is shown.
        name: String,
        /// The picture.
        png: Bytes,
        /// What it shows, in words, for those who cannot see it too.
        caption: String,
        /// The same drawn with characters, for the terminal.
        drawing: String,
    },
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// What it does.
    pub action: Action,
}

/// What a button does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sends this back. Telegram takes no more than 64 bytes.
    Send(String),
    /// Opens an address.
    Open(String),
}

impl Reply {
    /// A question for a place, which can be typed as well.
    pub fn ask_location(text: impl Into<String>) -> Self {
        let content = Content::AskLocation { text: text.into(), can_be_typed: true };
        Self { content, buttons: Vec::new() }
    }

    /// A text without buttons.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: Content::Text(text.into()), buttons: Vec::new() }
    }

    /// The same with a row of buttons more.
    pub fn row(mut self, buttons: Vec<Button>) -> Self {
        if !buttons.is_empty() {
            self.buttons.push(buttons);
        }
        self
    }
}

impl Button {
    /// A button that shows the chat's alerts.
    pub fn my_alerts() -> Self {
        Self::send("My alerts", "alerts")
    }

    /// A button that sends `data` back.
    pub fn send(label: impl Into<String>, data: impl Into<String>) -> Self {
        Self { label: label.into(), action: Action::Send(data.into()) }
    }

    /// A button that opens an address.
    pub fn open(label: impl Into<String>, url: impl Into<String>) -> Self {
        Self { label: label.into(), action: Action::Open(url.into()) }
    }
}
