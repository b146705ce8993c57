//! A city as data: a folder with `city.toml` (what it is called, whose data it is, its feeds) and
//! `pipeline.sql` (what the feeds mean). Text goes in, a checked [`City`] comes out, or a
//! [`CityError`] that names file, line and key.
//!
//! What all cities have in common, `cities/interface.sql`, is [`INTERFACE_SQL`]: it is run once,
//! before their pipelines. The cities of this project are in the binary ([`City::built_in`]).

mod built_in;
mod toml_reader;

use std::io;
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::TimestampMs;

use crate::classes::{self, CLASSES, ConnectorKind};
use crate::config::{self, ConfigError, Environment, Properties, Settings};
use toml_reader::{Document, Table};

/// The views that every city fills and the bot reads; see `cities/README.md`.
pub const INTERFACE_SQL: &str = include_str!("../../../cities/interface.sql");

/// The file that makes a folder a city.
const CITY_FILE: &str = "city.toml";

/// A city.
#[derive(Clone, Debug)]
pub struct City {
    /// The name of its folder, as in the views' column CITY.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Its time zone.
    pub zone: TimeZone,
    /// Its middle, latitude and longitude in degrees: the bot's example of a place.
    pub centre: (f64, f64),
    /// Whose data it is, to be shown wherever it is.
    pub attribution: String,
    /// Under what licence.
    pub licence: String,
    /// Where that licence can be read.
    pub licence_url: Option<String>,
    /// Its feeds, in the order of the file: each a source connector.
    pub feeds: Vec<Feed>,
    /// What its feeds mean, in SQL.
    pub pipeline: Script,
    /// How to play it without a network.
    pub demo: Option<Demo>,
}

/// A feed: a source connector to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The connector's name.
    pub name: String,
    /// Its configuration, as in WITH.
    pub properties: Properties,
}

impl Feed {
    /// The topic that its records go to.
    pub fn topic(&self) -> Option<&str> {
        self.properties.get("topic").map(String::as_str)
    }
}

/// A file of statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The file, for error texts.
    pub file: String,
    /// The statements.
    pub text: String,
}

/// Recordings of a city's feeds.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The moment of the data at which it starts.
    pub start: TimestampMs,
    /// Seconds of the data for each second of life, unless the demo is told otherwise.
    pub speed: f64,
    /// How often feeds are polled, in life's time; as in `poll.interval`.
    pub poll_interval: String,
    /// What is played.
    pub recordings: Vec<Recorded>,
}

/// A recorded feed.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Which feed it is.
    pub feed: String,
    /// Under which path it is served: `/` and the file's name.
    pub path: String,
    /// The file's content.
    pub content: Vec<u8>,
    /// For a table that grows: the column with the local time at which a row came. None: a document
    /// that never changes.
    pub time_column: Option<String>,
}

/// A city that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CityError {
    /// A file cannot be read.
    #[error("{file} cannot be read")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A file is not UTF-8.
    #[error("{0} is not UTF-8 text")]
    NotText(String),
    /// It is not TOML.
    #[error("{file}:{line}: {problem}")]
    NotToml {
        /// The file.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What the parser said.
        problem: String,
    },
    /// A key is missing, unknown or has a bad value.
    #[error("{file}:{line}: {error}")]
    Key {
        /// The file.
        file: String,
        /// Counted from 1; of the table, where a key is missing.
        line: usize,
        /// Which key, and what is wrong with it.
        error: ConfigError,
    },
    /// No city of this project is called so.
    #[error("there is no city '{name}' in this binary; there are {}", known.join(", "))]
    NotBuiltIn {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
}

/// Reads a file of a city by its path within the folder.
type Files<'a> = &'a dyn Fn(&str) -> io::Result<Vec<u8>>;

impl City {
    /// The city in a folder. Feeds are checked with `environment`, which `${env:NAME}` refers to.
    pub fn load(folder: &Path, environment: &Environment) -> Result<Self, CityError> {
        let absolute = folder.canonicalize();
        let name = absolute.as_deref().unwrap_or(folder).file_name().unwrap_or_default();
        let files = |path: &str| std::fs::read(folder.join(path));
        let name = name.to_string_lossy().to_lowercase();
        Self::read(&name, &folder.display().to_string(), &files, environment)
    }

    /// A city that is part of this project.
    pub fn built_in(name: &str, environment: &Environment) -> Result<Self, CityError> {
        let files = built_in::files(name).ok_or_else(|| CityError::NotBuiltIn {
            name: name.to_owned(),
            known: built_in::names(),
        })?;
        let read = |path: &str| {
            let found = files.iter().find(|(file, _)| *file == path);
            found.map(|(_, content)| content.to_vec()).ok_or(io::ErrorKind::NotFound.into())
        };
        Self::read(name, &format!("cities/{name}"), &read, environment)
    }

    /// Whose data it is and under what licence, as is to be shown where the data is.
    pub fn data_and_licence(&self) -> String {
        match &self.licence_url {
            Some(url) => format!("{} ({}, {url})", self.attribution, self.licence),
            None => format!("{} ({})", self.attribution, self.licence),
        }
    }

    /// The feeds as [`City::demo`] plays them: from `server` (`http://127.0.0.1:4711`), polled as
    /// often as the demo says. Feeds without a recording are left out.
    pub fn demo_feeds(&self, server: &str) -> Vec<Feed> {
        let Some(demo) = &self.demo else { return Vec::new() };
        let played = |feed: &Feed| {
            let recorded = demo.recordings.iter().find(|recorded| recorded.feed == feed.name)?;
            let mut feed = feed.clone();
            let mut set = |key: &str, value: &str| {
                feed.properties.insert(key.to_owned(), value.to_owned());
            };
            set("url", &format!("{server}{}", recorded.path));
            set("poll.interval", &demo.poll_interval);
            set("poll.jitter", "0");
            set("retry.initial", &demo.poll_interval);
            Some(feed)
        };
        self.feeds.iter().filter_map(played).collect()
    }

    fn read(
        name: &str,
        folder: &str,
        files: Files<'_>,
        environment: &Environment,
    ) -> Result<Self, CityError> {
        let file = format!("{folder}/{CITY_FILE}");
        let text = text_of(&file, files(CITY_FILE))?;
        let document = Document::parse(&file, &text)?;
        let root = document.root();
        root.only(&[
            "title",
            "zone",
            "centre",
            "attribution",
            "licence",
            "licence_url",
            "pipeline",
            "feed",
            "demo",
        ])?;
        let zone = root.parsed("zone", "is not a time zone such as Europe/London", |text| {
            TimeZone::get(text).ok()
        })?;
        let centre = root.table("centre")?;
        centre.only(&["latitude", "longitude"])?;
        let pipeline = root.text("pipeline")?;
        let path = format!("{folder}/{pipeline}");
        let feeds = feeds(&root, environment)?;
        let demo = match root.optional_table("demo")? {
            Some(table) => Some(demo(&table, &zone, &feeds, files)?),
            None => None,
        };
        Ok(Self {
            name: name.to_owned(),
            title: root.text("title")?,
            centre: (centre.degrees("latitude", 90.0)?, centre.degrees("longitude", 180.0)?),
            attribution: root.text("attribution")?,
            licence: root.text("licence")?,
            licence_url: root.optional_text("licence_url")?,
            pipeline: Script { text: text_of(&path, files(&pipeline))?, file: path },
            zone,
            feeds,
            demo,
        })
    }
}

fn text_of(file: &str, read: io::Result<Vec<u8>>) -> Result<String, CityError> {
    let bytes = read.map_err(|source| CityError::Unreadable { file: file.to_owned(), source })?;
    let text = String::from_utf8(bytes).map_err(|_| CityError::NotText(file.to_owned()))?;
    // Editors on Windows leave a byte order mark.
    match text.strip_prefix('\u{feff}') {
        Some(rest) => Ok(rest.to_owned()),
        None => Ok(text),
    }
}

fn feeds(root: &Table<'_>, environment: &Environment) -> Result<Vec<Feed>, CityError> {
    let table = root.table("feed")?;
    let mut feeds = Vec::new();
    for name in table.keys() {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if !name.chars().all(legal) {
            return Err(table.error(&name, "use letters, digits, '_' and '-'"));
        }
        let feed = table.table(&name)?;
        let properties = feed.properties()?;
        check(&feed, &properties, environment)?;
        feeds.push(Feed { name, properties });
    }
    if feeds.is_empty() {
        return Err(root.error("feed", "has no feed in it: add a table [feed.NAME]"));
    }
    Ok(feeds)
}

/// Checks a feed as CREATE SOURCE CONNECTOR would.
fn check(
    feed: &Table<'_>,
    properties: &Properties,
    environment: &Environment,
) -> Result<(), CityError> {
    let class = feed.text_at("connector.class", properties)?;
    let class = classes::find(CLASSES, ConnectorKind::Source, class)
        .map_err(|error| feed.error("connector.class", &error.to_string()))?;
    let checked = Settings::read(class.keys, properties, &**environment);
    checked.and_then(|settings| (class.check)(&settings)).map_err(|error| feed.config_error(error))
}

fn demo(
    table: &Table<'_>,
    zone: &TimeZone,
    feeds: &[Feed],
    files: Files<'_>,
) -> Result<Demo, CityError> {
    table.only(&["start", "speed", "poll", "recording"])?;
    let start =
        table.parsed("start", "is not a local time such as 2024-11-08T08:15:00", |text| {
            let local: DateTime = text.parse().ok()?;
            zone.to_ambiguous_zoned_datetime(local).compatible().ok()
        })?;
    let poll = table.table("poll")?;
    poll.only(&["interval"])?;
    let is_time = |text: &str| config::parse_duration(text).map(|_| text.to_owned());
    let poll_interval = poll.parsed("interval", "is not a time such as 500ms or 1s", is_time)?;
    let recording = table.table("recording")?;
    let mut recordings = Vec::new();
    for feed in recording.keys() {
        if !feeds.iter().any(|other| other.name == feed) {
            return Err(recording.error(&feed, "is not one of the city's feeds"));
        }
        let one = recording.table(&feed)?;
        one.only(&["file", "time"])?;
        let file = one.text("file")?;
        let content =
            files(&file).map_err(|source| CityError::Unreadable { file: file.clone(), source })?;
        let name = file.rsplit('/').next().unwrap_or(&file);
        let path = format!("/{name}");
        recordings.push(Recorded { path, feed, content, time_column: one.optional_text("time")? });
    }
    let start = TimestampMs(start.timestamp().as_millisecond());
    Ok(Demo { start, speed: table.positive("speed")?, poll_interval, recordings })
}

#[cfg(test)]
mod tests;
