//! Tell me when there is space.

use super::{Answer, nearest, spaces};
use crate::client::ClientError;
use crate::conversation::Conversation;
use crate::places;
use crate::reply::{Button, ChatId, Content, Location, Reply};
use crate::views::{Direction, Park, Subscription};
use crate::words;

/// The threshold if none is given.
const SPACES_DEFAULT: i64 = 10;
/// The largest threshold that makes sense.
const SPACES_MAX: i64 = 100_000;
/// How many car parks an alert "near me" watches.
const NEAR_PARKS: usize = 3;
/// How far away they may be.
const NEAR_METRES: f64 = 2_000.0;
/// How many subscriptions a chat may have.
const SUBSCRIPTIONS_MAX: usize = 50;

/// What is wished for.
#[derive(Debug, PartialEq)]
enum Wish<'a> {
    /// In this car park.
    Park { typed: &'a str, direction: Direction, threshold: i64 },
    /// Around the chat, or this place.
    Near { place: &'a str, threshold: i64 },
}

pub(super) async fn run(conversation: &Conversation, chat: ChatId, arguments: &str) -> Answer {
    match parse(arguments) {
        Err(text) => Ok(vec![Reply::text(text)]),
        Ok(Wish::Near { place, threshold }) => {
            let here = match places::parse_location(place) {
                Some(here) => Some(here),
                None => conversation.recent_location(chat).await,
            };
            match here {
                Some(here) => near(conversation, chat, here, threshold).await,
                None => {
                    conversation.await_location(chat, threshold).await;
                    let text = "Where is that? Share your location, or send LATITUDE,LONGITUDE.";
                    let content = Content::AskLocation(text.into());
                    Ok(vec![Reply { content, buttons: Vec::new() }])
                }
            }
        }
        Ok(Wish::Park { typed, direction, threshold }) => {
            let parks = conversation.views.parks().await?;
            match spaces::choose(&parks, typed) {
                Ok(park) => at(conversation, chat, park, direction, threshold).await,
                Err(question) => Ok(vec![question]),
            }
        }
    }
}

/// The button below a car park.
pub(super) async fn by_id(conversation: &Conversation, chat: ChatId, id: &str) -> Answer {
    let parks = conversation.views.parks().await?;
    match spaces::with_id(&parks, id) {
        Some(park) => at(conversation, chat, park, Direction::Above, SPACES_DEFAULT).await,
        None => Ok(vec![spaces::gone()]),
    }
}

async fn at(
    conversation: &Conversation,
    chat: ChatId,
    park: &Park,
    direction: Direction,
    threshold: i64,
) -> Answer {
    let wish = words::wish(&park.name, direction, threshold);
    let subscription = subscription(conversation, chat, park, direction, threshold, &wish);
    if let Some(refusal) = add(conversation, chat, &[subscription]).await? {
        return Ok(vec![refusal]);
    }
    let met = match direction {
        Direction::Above => park.free > threshold,
        Direction::Below => park.free < threshold,
    };
    let now = words::spaces(park.free, park.capacity);
    let text = match met {
        true => format!(
            "It is so already: {now}. I will tell you the next time it comes to {wish}, \
             after it was not so for a while."
        ),
        false => format!("I will tell you when there are {wish}. Now: {now}."),
    };
    let text = words::with_attribution(text, [conversation.attribution(&park.city)]);
    Ok(vec![Reply::text(text).row(vec![Button::send("My alerts", "alerts")])])
}

/// Watches the car parks near a place.
pub(crate) async fn near(
    conversation: &Conversation,
    chat: ChatId,
    here: Location,
    threshold: i64,
) -> Answer {
    let parks = conversation.views.parks().await?;
    let mut near = nearest::by_distance(&parks, here);
    near.retain(|(metres, _)| *metres <= NEAR_METRES);
    near.truncate(NEAR_PARKS);
    if near.is_empty() {
        let text = "No car park that I know is within 2 km of there.";
        return Ok(vec![Reply::text(text)]);
    }
    let label = format!("more than {threshold} spaces free near you");
    let wishes: Vec<Subscription> = near
        .iter()
        .map(|(_, p)| subscription(conversation, chat, p, Direction::Above, threshold, &label))
        .collect();
    if let Some(refusal) = add(conversation, chat, &wishes).await? {
        return Ok(vec![refusal]);
    }
    let names: Vec<String> =
        near.iter().map(|(m, p)| format!("{} ({})", p.name, words::distance(*m))).collect();
    Ok(vec![Reply::text(format!(
        "I will tell you when there are more than {threshold} spaces free in one of: {}. \
         I keep the names of these car parks, not where you are.",
        names.join(", ")
    ))])
}

/// Stores subscriptions; answers with a refusal if the chat has too many.
async fn add(
    conversation: &Conversation,
    chat: ChatId,
    wishes: &[Subscription],
) -> Result<Option<Reply>, ClientError> {
    let existing = conversation.views.subscriptions(chat).await?;
    if existing.len() + wishes.len() > SUBSCRIPTIONS_MAX {
        let text = format!("You have {} alerts, which is as many as I keep. ", existing.len());
        return Ok(Some(Reply::text(text + "Stop some with /alerts first.")));
    }
    for wish in wishes {
        conversation.views.subscribe(wish).await?;
    }
    Ok(None)
}

/// The same wish of the same chat has the same id, so that asking twice is told once.
fn subscription(
    conversation: &Conversation,
    chat: ChatId,
    park: &Park,
    direction: Direction,
    threshold: i64,
    label: &str,
) -> Subscription {
    let key = format!("{}|{}|{}|{threshold}", chat.0, park.name, direction.as_str());
    Subscription {
        id: spaces::short_id(&key),
        chat,
        park: park.name.clone(),
        direction,
        threshold,
        label: label.to_string(),
        since_ms: conversation.now_ms().min(park.time_ms),
    }
}

/// Reads `NAME [more than N | below N]` and `N near me`.
fn parse(arguments: &str) -> Result<Wish<'_>, String> {
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let usage = "Say /alert NAME, /alert NAME more than 20, /alert NAME below 5, \
                 or /alert 20 near me.";
    let Some(last) = words.last() else { return Err(usage.into()) };
    let near = words.iter().position(|w| w.eq_ignore_ascii_case("near"));
    if let (Some(at), Ok(threshold)) = (near, words[0].parse()) {
        let threshold = checked(threshold)?;
        if at == 1 {
            let place = arguments.split_once("near").map_or("", |(_, place)| place.trim());
            return Ok(Wish::Near { place, threshold });
        }
    }
    let lower = arguments.to_lowercase();
    let forms = [
        (" more than ", Direction::Above),
        (" above ", Direction::Above),
        (" over ", Direction::Above),
        (" fewer than ", Direction::Below),
        (" less than ", Direction::Below),
        (" below ", Direction::Below),
        (" under ", Direction::Below),
    ];
    if lower.len() == arguments.len() {
        for (form, direction) in forms {
            if let Some(at) = lower.rfind(form) {
                let threshold = last.parse().map_err(|_| usage.to_string())?;
                let threshold = checked(threshold)?;
                return Ok(Wish::Park { typed: arguments[..at].trim(), direction, threshold });
            }
        }
    }
    let direction = Direction::Above;
    Ok(Wish::Park { typed: arguments, direction, threshold: SPACES_DEFAULT })
}

fn checked(threshold: i64) -> Result<i64, String> {
    match threshold {
        0..=SPACES_MAX => Ok(threshold),
        _ => Err(format!("A number of spaces is from 0 to {SPACES_MAX}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn park(typed: &str, direction: Direction, threshold: i64) -> Result<Wish<'_>, String> {
        Ok(Wish::Park { typed, direction, threshold })
    }

    #[test]
    fn wishes_are_read_in_plain_words() {
        assert_eq!(parse("Pier Road"), park("Pier Road", Direction::Above, 10));
        assert_eq!(parse("pier more than 20"), park("pier", Direction::Above, 20));
        assert_eq!(parse("pier below 5"), park("pier", Direction::Below, 5));
        assert_eq!(parse("20 near me"), Ok(Wish::Near { place: "me", threshold: 20 }));
        assert_eq!(
            parse("20 near 49.1,-2.1"),
            Ok(Wish::Near { place: "49.1,-2.1", threshold: 20 })
        );
        assert!(parse("").is_err());
        assert!(parse("pier more than lots").is_err());
        assert!(parse("-3 near me").is_err());
        assert!(parse("pier more than 99999999999").is_err());
    }
}
