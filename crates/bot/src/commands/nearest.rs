//! Where is the nearest car park with spaces?

use super::{Answer, Asked};
use crate::conversation::Conversation;
use crate::places::{self, Match};
use crate::reply::{Button, Content, Location, Reply};
use crate::views::Park;
use crate::words;

/// How many are told.
const TOLD: usize = 3;
/// How many spaces are enough, if nothing else is said: one may be gone on arrival.
const ENOUGH: i64 = 5;
/// Whoever is farther away than this has typed something wrong, or is not on the way yet.
const FAR_METRES: f64 = 50_000.0;

/// What is meant by what stands behind the command.
#[derive(Debug, PartialEq)]
enum Around<'a> {
    /// This place, and so many spaces.
    Place(Location, Option<i64>),
    /// Where the chat said it is.
    Chat,
    /// A car park, perhaps.
    Named(&'a str),
}

pub(super) async fn run(asked: Asked<'_>) -> Answer {
    let conversation = asked.conversation;
    match parse(asked.about) {
        Err(NoNumber) => Ok(vec![Reply::text(format!(
            "What stands behind the place should be a number of spaces, such as /nearest {} 20.",
            conversation.example_place()
        ))]),
        Ok(Around::Place(location, wanted)) => around(conversation, location, wanted, None).await,
        Ok(Around::Chat) => match conversation.recent_location(asked.chat).await {
            Some(location) => around(conversation, location, None, None).await,
            None => Ok(vec![Reply::ask_location(format!(
                "Where are you? Share your location, or send it, such as {}.",
                conversation.example_place()
            ))]),
        },
        Ok(Around::Named(typed)) => match place_of(&conversation.views.parks().await?, typed) {
            Some((park, location)) => around(conversation, location, None, Some(park)).await,
            None => Ok(vec![not_a_place(conversation)]),
        },
    }
}

/// Behind the place stands something that is no number.
#[derive(Debug, PartialEq)]
struct NoNumber;

fn parse(about: &str) -> Result<Around<'_>, NoNumber> {
    if about.is_empty() || about.eq_ignore_ascii_case("me") {
        return Ok(Around::Chat);
    }
    if let Some(location) = places::parse_location(about) {
        return Ok(Around::Place(location, None));
    }
    let with_number = about.rsplit_once(char::is_whitespace);
    let location = with_number.and_then(|(place, _)| places::parse_location(place));
    match (location, with_number) {
        (Some(location), Some((_, number))) => match number.parse() {
            Ok(number) => Ok(Around::Place(location, Some(number))),
            Err(_) => Err(NoNumber),
        },
        _ => Ok(Around::Named(about)),
    }
}

/// What is said of a place that cannot be understood.
pub(super) fn not_a_place(conversation: &Conversation) -> Reply {
    Reply::ask_location(format!(
        "I do not know where that is. Share your location, or send it as LATITUDE,LONGITUDE, such \
         as {}.",
        conversation.example_place()
    ))
}

/// The one car park that is meant by what was typed, and where it is.
pub(super) fn place_of<'a>(parks: &'a [Park], typed: &str) -> Option<(&'a Park, Location)> {
    let names: Vec<&str> = parks.iter().map(|p| p.name.as_str()).collect();
    let Match::One(at) = places::find(&names, typed) else { return None };
    Some((&parks[at], parks[at].location?))
}

/// The nearest open ones with enough spaces, each as a place with directions; around a car park,
/// the others.
pub(super) async fn around(
    conversation: &Conversation,
    here: Location,
    wanted: Option<i64>,
    beside: Option<&Park>,
) -> Answer {
    let mut parks = conversation.views.parks().await?;
    parks.retain(|park| beside.is_none_or(|beside| park.key != beside.key));
    let enough = wanted.unwrap_or(ENOUGH).max(1);
    let near = nearest(&parks, here, enough);
    let Some((metres, first)) = near.first() else {
        let text = format!("No car park that I know has {enough} or more spaces free right now.");
        return Ok(vec![Reply::text(text)]);
    };
    if *metres > FAR_METRES {
        return Ok(vec![Reply::text(format!(
            "The nearest that I know with space is {}, {} from there. (The latitude stands first, \
             such as {}.)",
            first.name,
            words::distance(*metres),
            conversation.example_place(),
        ))]);
    }
    let mut text = match beside {
        Some(park) => format!("The nearest to {} with space:\n", park.name),
        None => "The nearest with space:\n".to_string(),
    };
    for (i, (metres, park)) in near.iter().enumerate() {
        text.push_str(&format!("{}. {}\n", i + 1, line(conversation, *metres, park)));
    }
    let attributions = near.iter().map(|(_, park)| conversation.attribution(&park.city));
    let text = words::with_attribution(text.trim_end().to_string(), attributions);
    let mut replies = vec![Reply::text(text)];
    replies.extend(near.into_iter().filter_map(|(metres, park)| venue(metres, park)));
    Ok(replies)
}

/// `Sand Street, 80 m as the crow flies: 415 of 551 spaces free (25 % full), steady.` and its age.
pub(super) fn line(conversation: &Conversation, metres: f64, park: &Park) -> String {
    let mut line = format!(
        "{}, {} as the crow flies: {}.",
        park.name,
        words::distance(metres),
        words::free_now(park)
    );
    if let Some(count) = park.count {
        let zone = conversation.zone(&park.city);
        line.push_str("\n   ");
        line.push_str(&words::age(count.time_ms, &zone, conversation.now_ms()));
    }
    line
}

fn venue(metres: f64, park: &Park) -> Option<Reply> {
    let content = Content::Venue {
        location: park.location?,
        title: park.name.clone(),
        address: format!("{}, {} free", words::distance(metres), park.count?.free),
    };
    let directions = Button::open("Directions", words::directions(park)?);
    Some(Reply { content, buttons: vec![vec![directions]] })
}

/// The nearest open car parks with at least `enough` spaces: metres and car park.
fn nearest(parks: &[Park], here: Location, enough: i64) -> Vec<(f64, &Park)> {
    let mut near = by_distance(parks, here);
    near.retain(|(_, park)| !park.closed && park.count.is_some_and(|count| count.free >= enough));
    near.truncate(TOLD);
    near
}

/// All car parks whose place is known, the nearest first.
pub(super) fn by_distance(parks: &[Park], here: Location) -> Vec<(f64, &Park)> {
    let mut all: Vec<(f64, &Park)> = parks
        .iter()
        .filter_map(|park| Some((places::distance_m(here, park.location?), park)))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_a_number_or_a_name_may_follow() {
        let here = Location { latitude: 49.18, longitude: -2.11 };
        assert_eq!(parse(""), Ok(Around::Chat));
        assert_eq!(parse("49.18,-2.11"), Ok(Around::Place(here, None)));
        assert_eq!(parse("49.18 -2.11"), Ok(Around::Place(here, None)));
        assert_eq!(parse("49.18, -2.11 300"), Ok(Around::Place(here, Some(300))));
        assert_eq!(parse("Pier Road"), Ok(Around::Named("Pier Road")));
        assert!(parse("49.18,-2.11 lots").is_err());
    }
}
