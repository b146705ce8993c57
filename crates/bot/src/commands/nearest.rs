//! Where is the nearest car park with spaces?

use super::{Answer, spaces};
use crate::conversation::Conversation;
use crate::places;
use crate::reply::{Button, ChatId, Content, Location, Reply};
use crate::views::Park;
use crate::words;

/// How many are told.
pub(crate) const TOLD: usize = 3;
/// How many spaces are enough, if nothing else is said: one may be gone on arrival.
const ENOUGH: i64 = 5;

pub(super) async fn run(conversation: &Conversation, chat: ChatId, arguments: &str) -> Answer {
    let (place, wanted) = match arguments.rsplit_once(char::is_whitespace) {
        Some((place, n)) if !place.trim_end().ends_with(',') && place.contains(',') => {
            (place, n.parse().ok())
        }
        _ => (arguments, None),
    };
    if let Some(location) = places::parse_location(place) {
        return around(conversation, location, wanted).await;
    }
    match conversation.recent_location(chat).await {
        Some(location) if arguments.is_empty() => around(conversation, location, None).await,
        _ => Ok(vec![Reply {
            content: Content::AskLocation(
                "Where are you? Share your location, or send it as LATITUDE,LONGITUDE.".into(),
            ),
            buttons: Vec::new(),
        }]),
    }
}

/// The nearest open ones with enough spaces, each as a place with directions.
pub(crate) async fn around(
    conversation: &Conversation,
    here: Location,
    wanted: Option<i64>,
) -> Answer {
    let parks = conversation.views.parks().await?;
    let enough = wanted.unwrap_or(ENOUGH).max(1);
    let near = nearest(&parks, here, enough);
    if near.is_empty() {
        let text = format!("No car park that I know has {enough} or more spaces free right now.");
        return Ok(vec![Reply::text(text)]);
    }
    let mut text = String::from("The nearest with space:\n");
    for (i, (metres, park)) in near.iter().enumerate() {
        let zone = conversation.zone(&park.city);
        text.push_str(&format!(
            "{}. {}, {} as the crow flies: {}{}.\n   {}\n",
            i + 1,
            park.name,
            words::distance(*metres),
            words::spaces(park.free, park.capacity),
            words::trend(park).map(|t| format!(", {t}")).unwrap_or_default(),
            words::age(park.time_ms, &zone, conversation.now_ms()),
        ));
    }
    let attributions = near.iter().map(|(_, park)| conversation.attribution(&park.city));
    let text = words::with_attribution(text.trim_end().to_string(), attributions);
    let mut replies = vec![Reply::text(text)];
    replies.extend(near.into_iter().filter_map(|(metres, park)| venue(metres, park)));
    Ok(replies)
}

fn venue(metres: f64, park: &Park) -> Option<Reply> {
    let content = Content::Venue {
        location: park.location?,
        title: park.name.clone(),
        address: format!("{}, {} free", words::distance(metres), park.free),
    };
    let directions = Button::open("Directions", spaces::directions(park)?);
    Some(Reply { content, buttons: vec![vec![directions]] })
}

/// The nearest open car parks with at least `enough` spaces: metres and car park.
pub(crate) fn nearest(parks: &[Park], here: Location, enough: i64) -> Vec<(f64, &Park)> {
    let mut near = by_distance(parks, here);
    near.retain(|(_, park)| !park.closed && park.free >= enough);
    near.truncate(TOLD);
    near
}

/// All car parks whose place is known, the nearest first.
pub(crate) fn by_distance(parks: &[Park], here: Location) -> Vec<(f64, &Park)> {
    let mut all: Vec<(f64, &Park)> = parks
        .iter()
        .filter_map(|park| Some((places::distance_m(here, park.location?), park)))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}
