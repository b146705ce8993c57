//! What can the bot do?

use super::{Answer, Asked, COMMANDS, Command, which};
use crate::reply::{Content, Reply};

/// How alike (0 to 1, Jaro-Winkler) a command must be to what was typed to be suggested.
const SIMILARITY_MIN: f64 = 0.8;

pub(super) async fn run(asked: Asked<'_>) -> Answer {
    let parks = asked.conversation.views.parks().await?;
    let cities: Vec<&str> = asked.conversation.cities().iter().map(|c| c.title.as_str()).collect();
    let mut text = format!(
        "I know how many spaces are free in {} car parks{}.\n\n\
         Send a car park's name, or share your location.\n\n",
        parks.len(),
        if cities.is_empty() { String::new() } else { format!(" in {}", cities.join(", ")) },
    );
    for command in COMMANDS {
        text.push_str(&format!("{}\n  {}\n", command.usage, command.description));
    }
    for city in asked.conversation.cities() {
        text.push_str(&format!("\n{}", city.data_and_licence));
    }
    text.push_str(
        "\nA location that you share is forgotten after 15 minutes and written nowhere. \
         Of you I keep your alerts, also those you stopped, and nothing else.",
    );
    let button = "Or tap here:".to_string();
    let ask = Content::AskLocation { text: button, can_be_typed: false };
    let text = which::offer(Reply::text(text), parks.iter(), |id| format!("park {id}"));
    Ok(vec![text, Reply { content: ask, buttons: Vec::new() }])
}

pub(super) fn unknown(command: &str) -> Reply {
    let alike = |c: &Command| {
        let names = [c.name].into_iter().chain(c.other_names.iter().copied());
        names.map(|name| strsim::jaro_winkler(name, command)).fold(0.0, f64::max)
    };
    let alike = COMMANDS.iter().map(|c| (alike(c), c.name));
    let nearest = alike.max_by(|a, b| a.0.total_cmp(&b.0));
    Reply::text(match nearest {
        Some((alike, name)) if alike >= SIMILARITY_MIN => {
            format!("I do not know that command. Did you mean /{name}? /help lists all.")
        }
        _ => "I do not know that command. /help lists those I know.".to_string(),
    })
}
