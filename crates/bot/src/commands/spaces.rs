//! How many spaces are in this one? Also where every command finds the car park somebody means.

use super::{Answer, help};
use crate::conversation::Conversation;
use crate::places::{self, Match};
use crate::reply::{Button, Reply};
use crate::views::Park;
use crate::words;

/// Answers for a name as it was typed.
pub(crate) async fn by_name(conversation: &Conversation, typed: &str) -> Answer {
    let parks = conversation.views.parks().await?;
    Ok(vec![match choose(&parks, typed) {
        Ok(park) => tell(conversation, park),
        Err(question) => question,
    }])
}

/// Answers for a button's id.
pub(super) async fn by_id(conversation: &Conversation, id: &str) -> Answer {
    let parks = conversation.views.parks().await?;
    Ok(vec![match with_id(&parks, id) {
        Some(park) => tell(conversation, park),
        None => gone(),
    }])
}

/// The car park that was meant, or the question which one.
pub(super) fn choose<'a>(parks: &'a [Park], typed: &str) -> Result<&'a Park, Reply> {
    let names: Vec<&str> = parks.iter().map(|p| p.name.as_str()).collect();
    match places::find(&names, typed) {
        Match::One(at) => Ok(&parks[at]),
        Match::Several(which) => {
            let question = Reply::text("Which one do you mean?");
            Err(help::offer(question, which.into_iter().map(|i| &parks[i])))
        }
        Match::None(near) if near.is_empty() => {
            let text = match typed.trim() {
                "" => "Which car park? Send its name.".to_string(),
                _ => "I do not know a car park of that name. These are the ones I know:".into(),
            };
            Err(help::offer(Reply::text(text), parks.iter().take(12)))
        }
        Match::None(near) => {
            let question = Reply::text("I do not know that one. Did you mean:");
            Err(help::offer(question, near.into_iter().map(|i| &parks[i])))
        }
    }
}

/// The car park of a button.
pub(super) fn with_id<'a>(parks: &'a [Park], id: &str) -> Option<&'a Park> {
    parks.iter().find(|p| short_id(&p.name) == id)
}

/// What is said when a button's car park is no longer known.
pub(super) fn gone() -> Reply {
    Reply::text("I no longer know that car park. Send /help for the ones I know.")
}

fn tell(conversation: &Conversation, park: &Park) -> Reply {
    let zone = conversation.zone(&park.city);
    let id = short_id(&park.name);
    let mut first = Vec::new();
    if let Some(url) = directions(park) {
        first.push(Button::open("Directions", url));
    }
    first.push(Button::send("Tell me when there is space", format!("alert {id}")));
    let text = words::park(park, &zone, conversation.now_ms());
    let text = words::with_attribution(text, [conversation.attribution(&park.city)]);
    Reply::text(text).row(first).row(vec![
        Button::send("Today", format!("day {id}")),
        Button::send("This week", format!("week {id}")),
    ])
}

/// Where directions to a car park are.
pub(super) fn directions(park: &Park) -> Option<String> {
    park.directions_url.clone().or_else(|| park.location.map(words::directions_url))
}

/// A name in 16 characters, for a button's data: FNV-1a of it, the same after every restart.
pub(super) fn short_id(name: &str) -> String {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}
