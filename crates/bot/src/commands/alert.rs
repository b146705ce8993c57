//! Tell me when there is space.

mod order;

use super::{Answer, Asked, nearest, which};
use crate::client::ClientError;
use crate::conversation::Conversation;
use crate::places;
use crate::reply::{Button, ChatId, Location, Reply};
use crate::views::{Direction, Park, Subscription};
use crate::words;
use order::{Order, SPACES_DEFAULT};

/// How many car parks an alert "near me" watches.
const NEAR_PARKS: usize = 3;
/// How far away they may be.
const NEAR_METRES: f64 = 2_000.0;
/// How many subscriptions a chat may have.
const SUBSCRIPTIONS_MAX: usize = 50;

pub(super) async fn run(asked: Asked<'_>) -> Answer {
    match order::parse(asked.about) {
        Err(text) => Ok(vec![Reply::text(text)]),
        Ok(Order::Near { place, threshold }) => near_place(asked, &place, threshold).await,
        Ok(Order::Park { typed, direction, threshold }) => {
            let parks = asked.conversation.views.parks().await?;
            // A number at the end may be a part of the name.
            let named = parks.iter().find(|park| places::is_named(&park.name, asked.about));
            if let Some(park) = named {
                return at(asked, park, Direction::Above, SPACES_DEFAULT).await;
            }
            let then = |id: &str| format!("alert {id} {} {threshold}", direction.as_str());
            match which::choose(&parks, &typed, then) {
                Ok(park) => at(asked, park, direction, threshold).await,
                Err(question) => Ok(vec![*question]),
            }
        }
    }
}

/// `alert ID [ABOVE|BELOW N]`
pub(super) async fn button(asked: Asked<'_>) -> Answer {
    let (id, order) = asked.about.split_once(' ').unwrap_or((asked.about, ""));
    let order = order.split_once(' ').and_then(|(direction, threshold)| {
        Some((Direction::parse(direction)?, threshold.parse().ok()?))
    });
    let (direction, threshold) = order.unwrap_or((Direction::Above, SPACES_DEFAULT));
    let parks = asked.conversation.views.parks().await?;
    match which::with_id(&parks, id) {
        Some(park) => at(asked, park, direction, threshold).await,
        None => Ok(vec![which::gone()]),
    }
}

/// Watches one car park.
async fn at(asked: Asked<'_>, park: &Park, direction: Direction, threshold: i64) -> Answer {
    let conversation = asked.conversation;
    let pointless = park.capacity.and_then(|capacity| match direction {
        Direction::Above if threshold >= capacity => Some((capacity, "never more")),
        Direction::Below if threshold > capacity => Some((capacity, "always fewer")),
        _ => None,
    });
    if let Some((capacity, problem)) = pointless {
        let text = format!("{} has {capacity} spaces: there are {problem} free.", park.name);
        return Ok(vec![Reply::text(text)]);
    }
    let subscription = subscription(conversation, asked.chat, park, direction, threshold, "");
    if let Some(refusal) = add(conversation, asked.chat, &[subscription]).await? {
        return Ok(vec![refusal]);
    }
    let wish = words::wish_in(&park.name, direction, threshold);
    let met = park.count.is_some_and(|count| direction.is_met(count.free, threshold));
    let text = match (met, direction) {
        (false, _) => format!("I will tell you when there are {wish}."),
        (true, Direction::Above) => format!(
            "There are {wish} already. I will tell you the next time, once it has been fuller."
        ),
        (true, Direction::Below) => format!(
            "There are {wish} already. I will tell you the next time, once it has been emptier."
        ),
    };
    let zone = conversation.zone(&park.city);
    let now = words::park(park, &zone, conversation.now_ms());
    let text =
        words::with_attribution(format!("{text}\n{now}"), [conversation.attribution(&park.city)]);
    Ok(vec![Reply::text(text).row(vec![Button::my_alerts()])])
}

async fn near_place(asked: Asked<'_>, place: &str, threshold: i64) -> Answer {
    let conversation = asked.conversation;
    if place.is_empty() || place.eq_ignore_ascii_case("me") || place.eq_ignore_ascii_case("here") {
        return match conversation.recent_location(asked.chat).await {
            Some(here) => near(conversation, asked.chat, here, "near you", threshold).await,
            None => {
                conversation.await_location(asked.chat, threshold).await;
                let example = conversation.example_place();
                let text =
                    format!("Where is that? Share your location, or send it, such as {example}.");
                Ok(vec![Reply::ask_location(text)])
            }
        };
    }
    if let Some(here) = places::parse_location(place) {
        // What is kept says nothing of where that is.
        let label = "near the place you gave";
        return near(conversation, asked.chat, here, label, threshold).await;
    }
    match nearest::place_of(&conversation.views.parks().await?, place) {
        Some((park, here)) => {
            let label = format!("near {}", park.name);
            near(conversation, asked.chat, here, &label, threshold).await
        }
        None => {
            conversation.await_location(asked.chat, threshold).await;
            Ok(vec![nearest::not_a_place(conversation)])
        }
    }
}

/// Watches the car parks near a place, which the chat calls `label`.
pub(super) async fn near(
    conversation: &Conversation,
    chat: ChatId,
    here: Location,
    label: &str,
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
    let wishes: Vec<Subscription> = near
        .iter()
        .map(|(_, park)| subscription(conversation, chat, park, Direction::Above, threshold, label))
        .collect();
    if let Some(refusal) = add(conversation, chat, &wishes).await? {
        return Ok(vec![refusal]);
    }
    let wish = words::wish(Direction::Above, threshold);
    let mut text = format!("I will tell you when one of these comes to have {wish}:\n");
    for (metres, park) in &near {
        text.push_str(&nearest::line(conversation, *metres, park));
        text.push('\n');
    }
    text.push_str("I keep the names of these car parks, not where you are.");
    let attributions = near.iter().map(|(_, park)| conversation.attribution(&park.city));
    let text = words::with_attribution(text, attributions);
    Ok(vec![Reply::text(text).row(vec![Button::my_alerts()])])
}

/// Stores subscriptions; answers with a refusal if the chat has too many.
async fn add(
    conversation: &Conversation,
    chat: ChatId,
    wishes: &[Subscription],
) -> Result<Option<Reply>, ClientError> {
    let existing = conversation.views.subscriptions(chat).await?;
    let new = wishes.iter().filter(|wish| existing.iter().all(|old| old.id != wish.id)).count();
    if new > 0 && existing.len() + new > SUBSCRIPTIONS_MAX {
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
    let key = format!("{}|{}|{}|{threshold}", chat.0, park.key, direction.as_str());
    let now_ms = conversation.now_ms();
    Subscription {
        id: which::short_id(&key),
        chat,
        park_key: park.key.clone(),
        park: park.name.clone(),
        direction,
        threshold,
        label: label.to_string(),
        since_ms: park.count.map_or(now_ms, |count| count.time_ms.min(now_ms)),
    }
}
