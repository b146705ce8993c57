//! What the bot reads and writes: the views that every city's pipeline provides, as plain structs.
//!
//! All statements of the bot are in this file, each a fixed text with bound values. What the views
//! hold is described in `cities/README.md`. It comes from feeds, and is cleaned here, once: nothing
//! behind this file looks at it with suspicion.

mod clean;

use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use tracing::warn;

use crate::client::{Client, ClientError, Row, Statement};
use crate::reply::{ChatId, Location};
use crate::seldom::Seldom;

/// A car park as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Park {
    /// Its name in the views, unique in the server, as the feed writes it. Not to be shown.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The city it belongs to: the name of its folder.
    pub city: String,
    /// The newest count; `None`: the feed has told none yet.
    pub count: Option<Count>,
    /// Spaces in all, if known.
    pub capacity: Option<i64>,
    /// Free spaces 10 to 40 minutes before, if known.
    pub free_before: Option<i64>,
    /// Is it known to be closed?
    pub closed: bool,
    /// What is odd about the reading, if anything.
    pub flag: Option<String>,
    /// Where it is, if known.
    pub location: Option<Location>,
    /// Where directions are, if the city gives an address of its own.
    pub directions_url: Option<String>,
}

/// How many spaces were free at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Free spaces.
    pub free: i64,
    /// When they were counted, milliseconds since the epoch.
    pub time_ms: i64,
}

/// Half an hour of a car park's history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HalfHour {
    /// When it began, milliseconds since the epoch.
    pub start_ms: i64,
    /// Free spaces on average.
    pub free: f64,
}

/// Which way a threshold is to be crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From at most so many free spaces to more.
    Above,
    /// From at least so many free spaces to fewer.
    Below,
}

impl Direction {
    /// As it stands in the views.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Above => "ABOVE",
            Direction::Below => "BELOW",
        }
    }

    /// The one that stands so in the views.
    pub fn parse(text: &str) -> Option<Self> {
        [Direction::Above, Direction::Below].into_iter().find(|d| d.as_str() == text)
    }

    /// Is a threshold met? `cities/interface.sql` says the same of crossings (ALERT_CROSSINGS).
    pub fn is_met(self, free: i64, threshold: i64) -> bool {
        match self {
            Direction::Above => free > threshold,
            Direction::Below => free < threshold,
        }
    }
}

/// Somebody wants to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// Its id: letters and digits.
    pub id: String,
    /// Whom to tell.
    pub chat: ChatId,
    /// The car park's name in the views. Not to be shown.
    pub park_key: String,
    /// The car park.
    pub park: String,
    /// Which crossing.
    pub direction: Direction,
    /// Of how many free spaces.
    pub threshold: i64,
    /// What the bot calls it: the request it belongs to.
    pub label: String,
    /// The data's time when it was made, milliseconds since the epoch.
    pub since_ms: i64,
}

/// A threshold was crossed, and somebody is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Its place in the stream of alerts.
    pub position: i64,
    /// Whose it is.
    pub subscription: Subscription,
    /// The city that the car park belongs to: the name of its folder.
    pub city: String,
    /// Free spaces now.
    pub count: Count,
    /// Spaces in all, if known.
    pub capacity: Option<i64>,
    /// Where it is, if known.
    pub location: Option<Location>,
}

const PARKS: &str = "SELECT NAME, CITY, TS, FREE, CAPACITY, FREE_BEFORE, STATUS, FLAG, LATITUDE, \
    LONGITUDE, DIRECTIONS_URL FROM PARKING_NOW;";
const HISTORY: &str = "SELECT WINDOWSTART AS STARTED, FREE_AVG FROM PARKING_HISTORY \
    WHERE NAME = '${name}' AND WINDOWSTART >= ${from} AND WINDOWSTART < ${until};";
const SUBSCRIPTIONS: &str = "SELECT ID, CHAT, NAME, DIRECTION, THRESHOLD, LABEL, SINCE \
    FROM SUBSCRIPTION WHERE CHAT = ${chat} AND ACTIVE = TRUE;";
const SUBSCRIBE: &str = "INSERT INTO SUBSCRIPTION_CHANGES \
    (ID, CHAT, NAME, DIRECTION, THRESHOLD, ACTIVE, LABEL, SINCE) VALUES \
    ('${id}', ${chat}, '${name}', '${direction}', ${threshold}, ${active}, '${label}', ${since});";
const ALERTS: &str = "SELECT ID, CHAT, NAME, CITY, DIRECTION, THRESHOLD, LABEL, FREE, CAPACITY, TS, \
    LATITUDE, LONGITUDE, ROWOFFSET AS POSITION FROM ALERT WHERE ROWOFFSET > ${position} \
    EMIT CHANGES;";
const POSITIONS_SAVED: &str = "SELECT POSITION FROM BOT_STATE_CHANGES WHERE NAME = '${name}';";
const POSITION: &str = "SELECT POSITION FROM BOT_STATE WHERE NAME = '${name}';";
const SAVE_POSITION: &str =
    "INSERT INTO BOT_STATE_CHANGES (NAME, POSITION) VALUES ('${name}', ${position});";

/// The views, through the API. Cheap to clone.
#[derive(Clone)]
pub struct Views {
    client: Client,
    /// Rows that could not be read.
    left_out: Arc<Seldom>,
}

impl Views {
    /// The views behind this client.
    pub fn new(client: Client) -> Self {
        Self { client, left_out: Arc::default() }
    }

    /// All car parks, by name.
    pub async fn parks(&self) -> Result<Vec<Park>, ClientError> {
        let rows = self.client.query(Statement::new(PARKS)).await?;
        let mut parks = self.read(&rows, "a car park", park);
        parks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(parks)
    }

    /// The half hours, of the car park with this key, that began in a time, oldest first.
    pub async fn history(
        &self,
        key: &str,
        from_ms: i64,
        until_ms: i64,
    ) -> Result<Vec<HalfHour>, ClientError> {
        let statement = Statement::new(HISTORY)
            .text("name", key)
            .integer("from", from_ms)
            .integer("until", until_ms);
        let rows = self.client.query(statement).await?;
        let mut history = self.read(&rows, "half an hour", half_hour);
        history.sort_by_key(|h| h.start_ms);
        Ok(history)
    }

    /// A chat's subscriptions, oldest first.
    pub async fn subscriptions(&self, chat: ChatId) -> Result<Vec<Subscription>, ClientError> {
        let statement = Statement::new(SUBSCRIPTIONS).integer("chat", chat.0);
        let rows = self.client.query(statement).await?;
        let mut all = self.read(&rows, "a subscription", subscription);
        // The view is asked for this chat only; a row of another one must not be shown even so.
        all.retain(|s| s.chat == chat);
        let order = |s: &Subscription| (s.since_ms, s.park.clone(), s.threshold, s.id.clone());
        all.sort_by_cached_key(order);
        Ok(all)
    }

    /// Starts a subscription.
    pub async fn subscribe(&self, subscription: &Subscription) -> Result<(), ClientError> {
        self.change(subscription, true).await
    }

    /// Stops a subscription.
    pub async fn stop(&self, subscription: &Subscription) -> Result<(), ClientError> {
        self.change(subscription, false).await
    }

    /// Stops all of a chat's subscriptions; returns how many there were.
    pub async fn stop_all_alerts(&self, chat: ChatId) -> Result<usize, ClientError> {
        let all = self.subscriptions(chat).await?;
        for subscription in &all {
            self.stop(subscription).await?;
        }
        Ok(all.len())
    }

    async fn change(&self, s: &Subscription, active: bool) -> Result<(), ClientError> {
        let statement = Statement::new(SUBSCRIBE)
            .text("id", &s.id)
            .integer("chat", s.chat.0)
            .text("name", &s.park_key)
            .text("direction", s.direction.as_str())
            .integer("threshold", s.threshold)
            .boolean("active", active)
            .text("label", &s.label)
            .integer("since", s.since_ms);
        self.client.execute(statement).await
    }

    /// The alerts behind `position`, and all that come.
    pub async fn alerts(
        &self,
        position: i64,
    ) -> Result<impl Stream<Item = Result<Alert, ClientError>> + Send + use<>, ClientError> {
        let statement = Statement::new(ALERTS)
            .integer("position", position)
            .property("auto.offset.reset", "earliest");
        let rows = self.client.stream(statement).await?;
        let views = self.clone();
        Ok(rows.filter_map(move |row| {
            std::future::ready(match row {
                // The tombstones of the table behind the stream are no alerts.
                Ok(row) if row.integer("CHAT").is_none() => None,
                Ok(row) => views.read(&[row], "an alert", alert).pop().map(Ok),
                Err(e) => Some(Err(e)),
            })
        }))
    }

    /// The position that was saved last under this name.
    ///
    /// The last row of the stream, which has all that was ever acknowledged: the table of it may be
    /// behind. The table is for what the stream no longer keeps.
    pub async fn position(&self, name: &'static str) -> Result<Option<i64>, ClientError> {
        let saved = self.client.query(Statement::new(POSITIONS_SAVED).text("name", name)).await?;
        if let Some(position) = saved.last().and_then(|row| row.integer("POSITION")) {
            return Ok(Some(position));
        }
        let rows = self.client.query(Statement::new(POSITION).text("name", name)).await?;
        Ok(rows.first().and_then(|row| row.integer("POSITION")))
    }

    /// Saves a position under this name.
    pub async fn save_position(
        &self,
        name: &'static str,
        position: i64,
    ) -> Result<(), ClientError> {
        let statement =
            Statement::new(SAVE_POSITION).text("name", name).integer("position", position);
        self.client.execute(statement).await
    }

    /// The rows that can be read; of the others the log tells.
    fn read<T>(&self, rows: &[Row], what: &str, read: impl Fn(&Row) -> Option<T>) -> Vec<T> {
        let all: Vec<T> = rows.iter().filter_map(read).collect();
        let left_out = (rows.len() - all.len()) as u64;
        if let Some(rows) = self.left_out.happened(left_out) {
            warn!(
                rows,
                "rows of the views are left out: what the bot must know (of {what}) is null in \
                 them, or makes no sense"
            );
        }
        all
    }
}

fn place(row: &Row) -> Option<Location> {
    Location::new(row.number("LATITUDE")?, row.number("LONGITUDE")?)
}

fn half_hour(row: &Row) -> Option<HalfHour> {
    Some(HalfHour {
        start_ms: clean::time_ms(row.integer("STARTED")?)?,
        free: clean::spaces_on_average(row.number("FREE_AVG")?)?,
    })
}

fn park(row: &Row) -> Option<Park> {
    Some(Park {
        key: row.text("NAME")?.to_string(),
        name: clean::name(row.text("NAME")?)?,
        city: row.text("CITY").unwrap_or_default().to_string(),
        count: count(row),
        capacity: capacity(row),
        free_before: row.integer("FREE_BEFORE").and_then(clean::spaces),
        closed: row.text("STATUS").is_some_and(|s| s.eq_ignore_ascii_case("closed")),
        flag: row.text("FLAG").and_then(clean::remark),
        location: place(row),
        directions_url: row.text("DIRECTIONS_URL").and_then(clean::web_address),
    })
}

fn count(row: &Row) -> Option<Count> {
    // Views made before `interface.sql` saw to it may hold negative numbers.
    let free = row.integer("FREE").and_then(clean::spaces)?;
    Some(Count { free, time_ms: clean::time_ms(row.integer("TS")?)? })
}

fn capacity(row: &Row) -> Option<i64> {
    row.integer("CAPACITY").and_then(clean::spaces).filter(|capacity| *capacity > 0)
}

fn subscription(row: &Row) -> Option<Subscription> {
    Some(Subscription {
        id: row.text("ID")?.to_string(),
        chat: ChatId(row.integer("CHAT")?),
        park_key: row.text("NAME")?.to_string(),
        // It can be stopped, whatever it was called.
        park: clean::name(row.text("NAME")?).unwrap_or_else(|| "a car park without a name".into()),
        direction: Direction::parse(row.text("DIRECTION")?)?,
        threshold: row.integer("THRESHOLD")?,
        label: row.text("LABEL").and_then(clean::remark).unwrap_or_default(),
        since_ms: row.integer("SINCE").unwrap_or(0),
    })
}

fn alert(row: &Row) -> Option<Alert> {
    Some(Alert {
        position: row.integer("POSITION")?,
        subscription: subscription(row)?,
        city: row.text("CITY").unwrap_or_default().to_string(),
        count: count(row)?,
        capacity: capacity(row),
        location: place(row),
    })
}
