//! One conversation for all transports: a message in, answers out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use model::Clock;
use tokio::sync::Mutex;
use tracing::warn;

use crate::commands;
use crate::places;
use crate::reply::{ChatId, Location, Question, Reply};
use crate::views::Views;
use crate::words;

/// How long a shared location and an unfinished question are remembered, in memory only; using them
/// does not make it longer. /help says so.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// Longer messages are not looked at.
const TEXT_BYTES_MAX: usize = 512;

/// What the bot must know of a city beside its data.
#[derive(Clone, Debug)]
pub struct City {
    /// The name of its folder, as in the views.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Its middle: the example of a place.
    pub centre: Location,
    /// Whose data it is, as the licence asks to be shown.
    pub attribution: String,
    /// The same with the licence: for /help.
    pub data_and_licence: String,
    /// Its time zone.
    pub zone: TimeZone,
}

/// What is remembered of a chat for a short while.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    /// Where they are, and when they said so (by the monotonic clock).
    location: Option<(Location, Duration)>,
    /// They want to be told when so many spaces are free near them; the place is still to come.
    alert_near: Option<(i64, Duration)>,
}

impl Memory {
    fn forget(&mut self, now: Duration) {
        let is_fresh = |since: Duration| now < since + REMEMBERED;
        self.location = self.location.filter(|(_, since)| is_fresh(*since));
        self.alert_near = self.alert_near.filter(|(_, since)| is_fresh(*since));
    }

    fn is_empty(&self) -> bool {
        self.location.is_none() && self.alert_near.is_none()
    }
}

/// The conversation.
pub struct Conversation {
    /// What is known.
    pub(crate) views: Views,
    /// The time of the data.
    pub(crate) clock: Arc<dyn Clock>,
    cities: Vec<City>,
    memories: Mutex<HashMap<ChatId, Memory>>,
}

impl Conversation {
    /// A conversation about these cities.
    pub fn new(views: Views, clock: Arc<dyn Clock>, cities: Vec<City>) -> Self {
        Self { views, clock, cities, memories: Mutex::default() }
    }

    /// The answers to a message. Never fails: what goes wrong is said in words.
    pub async fn answer(&self, chat: ChatId, question: Question) -> Vec<Reply> {
        forget(&mut *self.memories.lock().await, self.clock.monotonic());
        let answer = match &question {
            Question::Text(text) if text.len() > TEXT_BYTES_MAX => {
                Ok(vec![Reply::text("That is too long for me. Send a car park's name, or /help.")])
            }
            Question::Text(text) => self.text(chat, text.trim()).await,
            Question::Location(location) => self.location(chat, *location).await,
            Question::Button(data) => commands::button(self, chat, data).await,
        };
        answer.unwrap_or_else(|error| {
            warn!(%error, "a question could not be answered");
            vec![Reply::text("I cannot reach my data right now. Please try again in a minute.")]
        })
    }

    async fn text(&self, chat: ChatId, text: &str) -> commands::Answer {
        if let Some(rest) = text.strip_prefix('/') {
            let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            // In groups a command may be addressed: /nearest@kerb_bot
            let name = name.split('@').next().unwrap_or(name).to_lowercase();
            return commands::run(self, chat, &name, arguments.trim()).await;
        }
        match places::parse_location(text) {
            Some(location) => self.location(chat, location).await,
            None => commands::name(self, chat, text).await,
        }
    }

    async fn location(&self, chat: ChatId, location: Location) -> commands::Answer {
        let wanted = self
            .with_memory(chat, |memory, now| {
                memory.location = Some((location, now));
                memory.alert_near.take().map(|(spaces, _)| spaces)
            })
            .await;
        commands::location(self, chat, location, wanted).await
    }

    /// Where the chat said it is, a short while ago.
    pub(crate) async fn recent_location(&self, chat: ChatId) -> Option<Location> {
        self.with_memory(chat, |memory, _| memory.location.map(|(location, _)| location)).await
    }

    /// Remembers that an alert near the chat's location is wanted, once it is known.
    pub(crate) async fn await_location(&self, chat: ChatId, spaces: i64) {
        self.with_memory(chat, |memory, now| memory.alert_near = Some((spaces, now))).await;
    }

    /// What is remembered of a chat, and now. What is to be forgotten, of any chat, is.
    async fn with_memory<T>(
        &self,
        chat: ChatId,
        then: impl FnOnce(&mut Memory, Duration) -> T,
    ) -> T {
        let now = self.clock.monotonic();
        let mut memories = self.memories.lock().await;
        forget(&mut memories, now);
        let mut memory = memories.remove(&chat).unwrap_or_default();
        let done = then(&mut memory, now);
        if !memory.is_empty() {
            memories.insert(chat, memory);
        }
        done
    }

    /// The cities spoken of.
    pub(crate) fn cities(&self) -> &[City] {
        &self.cities
    }

    /// `49.18,-2.11`: how a place is typed, in a city that is spoken of.
    pub(crate) fn example_place(&self) -> String {
        let place = self.cities.first().map(|city| city.centre);
        place.map_or("49.18,-2.11".to_string(), words::place)
    }

    /// The zone of a city, by the name of its folder.
    pub(crate) fn zone(&self, city: &str) -> TimeZone {
        let city = self.cities.iter().find(|c| c.name == city).or(self.cities.first());
        city.map_or(TimeZone::UTC, |c| c.zone.clone())
    }

    /// Whose data a city's is.
    pub(crate) fn attribution(&self, city: &str) -> &str {
        self.cities.iter().find(|c| c.name == city).map_or("", |c| &c.attribution)
    }

    /// Now, as the data sees it.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now().0
    }
}

fn forget(memories: &mut HashMap<ChatId, Memory>, now: Duration) {
    memories.retain(|_, memory| {
        memory.forget(now);
        !memory.is_empty()
    });
}
