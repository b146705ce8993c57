//! `/start` and `/help`.

use super::{Answer, COMMANDS};
use crate::conversation::Conversation;
use crate::reply::{Button, Content, Reply};
use crate::views::Park;

/// How many car parks are offered as buttons.
const OFFERED_MAX: usize = 12;

pub(super) async fn run(conversation: &Conversation) -> Answer {
    let parks = conversation.views.parks().await?;
    let cities: Vec<&str> = conversation.cities().iter().map(|c| c.title.as_str()).collect();
    let mut text = format!(
        "I know how many spaces are free in {} car parks{}.\n\n\
         Send a car park's name, or share your location.\n\n",
        parks.len(),
        if cities.is_empty() { String::new() } else { format!(" in {}", cities.join(", ")) },
    );
    for command in COMMANDS {
        text.push_str(&format!("{}\n  {}\n", command.usage, command.description));
    }
    for city in conversation.cities().iter().filter(|c| !c.attribution.is_empty()) {
        text.push_str(&format!("\n{}", city.attribution));
    }
    text.push_str(
        "\nA location that you share is forgotten after 15 minutes and written nowhere. \
         /alerts shows all that I keep of you.",
    );
    let ask = Reply { content: Content::AskLocation("Or tap here:".into()), buttons: Vec::new() };
    Ok(vec![offer(Reply::text(text), parks.iter().take(OFFERED_MAX)), ask])
}

/// Adds a button for each car park, two in a row.
pub(super) fn offer<'a>(reply: Reply, parks: impl Iterator<Item = &'a Park>) -> Reply {
    let buttons: Vec<Button> = parks
        .map(|p| Button::send(&p.name, format!("park {}", super::spaces::short_id(&p.name))))
        .collect();
    buttons.chunks(2).fold(reply, |reply, pair| reply.row(pair.to_vec()))
}

pub(super) fn unknown(command: &str) -> Reply {
    let near = COMMANDS.iter().max_by(|a, b| {
        let like = |name: &str| strsim::jaro_winkler(name, command);
        like(a.name).total_cmp(&like(b.name))
    });
    let near = near.map_or("help", |c| c.name);
    Reply::text(format!("I do not know that command. Did you mean /{near}? /help lists all."))
}
