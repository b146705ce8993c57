//! How many spaces are in this one?

use super::{Answer, Asked, which};
use crate::conversation::Conversation;
use crate::reply::{Button, Reply};
use crate::views::Park;
use crate::words;

pub(super) async fn run(asked: Asked<'_>) -> Answer {
    let parks = asked.conversation.views.parks().await?;
    Ok(vec![match which::choose(&parks, asked.about, |id| format!("park {id}")) {
        Ok(park) => tell(asked.conversation, park),
        Err(question) => *question,
    }])
}

/// `park ID`
pub(super) async fn button(asked: Asked<'_>) -> Answer {
    let parks = asked.conversation.views.parks().await?;
    Ok(vec![match which::with_id(&parks, asked.about) {
        Some(park) => tell(asked.conversation, park),
        None => which::gone(),
    }])
}

fn tell(conversation: &Conversation, park: &Park) -> Reply {
    let zone = conversation.zone(&park.city);
    let id = which::short_id(&park.key);
    let mut first = Vec::new();
    if let Some(url) = words::directions(park) {
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
