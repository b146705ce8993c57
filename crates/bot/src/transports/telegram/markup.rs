//! The bot's messages in the words of the Bot API.

use serde_json::{Value, json};

use super::limits::{self, CAPTION_UNITS_MAX, TEXT_UNITS_MAX, VENUE_UNITS_MAX};
use crate::reply::{Action, Button, ChatId, Content, Reply};

/// A call of a method: its name and its body, or a picture. No `Debug`: the chat is in it.
pub(super) enum Call {
    /// A method with a JSON body.
    Json(&'static str, Value),
    /// A picture with its caption and markup.
    Photo { png: bytes::Bytes, caption: String, markup: Option<String> },
}

impl Call {
    /// Takes the buttons off; were there any?
    pub(super) fn take_markup(&mut self) -> bool {
        match self {
            Call::Json(_, body) => {
                body.as_object_mut().is_some_and(|body| body.remove("reply_markup").is_some())
            }
            Call::Photo { markup, .. } => markup.take().is_some(),
        }
    }
}

/// The call that sends `reply` to `chat`: as much of it as Telegram takes.
pub(super) fn call(chat: ChatId, reply: Reply) -> Call {
    let markup = keyboard(&limits::buttons(reply.buttons));
    let message = |text: String, markup: Option<Value>| {
        let mut body = json!({
            "chat_id": chat.0,
            "text": limits::text(text, TEXT_UNITS_MAX),
            "link_preview_options": { "is_disabled": true },
        });
        if let Some(markup) = markup {
            body["reply_markup"] = markup;
        }
        Call::Json("sendMessage", body)
    };
    match reply.content {
        Content::Text(text) => message(text, markup),
        Content::AskLocation { text, .. } => {
            let ask = json!({
                "keyboard": [[{ "text": "Share my location", "request_location": true }]],
                "resize_keyboard": true,
                "one_time_keyboard": true,
            });
            message(text, Some(ask))
        }
        Content::Venue { location, title, address } => {
            let mut body = json!({
                "chat_id": chat.0,
                "latitude": location.latitude,
                "longitude": location.longitude,
                "title": limits::text(title, VENUE_UNITS_MAX),
                "address": limits::text(address, VENUE_UNITS_MAX),
            });
            if let Some(markup) = markup {
                body["reply_markup"] = markup;
            }
            Call::Json("sendVenue", body)
        }
        Content::Chart { png, caption, .. } => {
            let caption = limits::text(caption, CAPTION_UNITS_MAX);
            Call::Photo { png, caption, markup: markup.map(|m| m.to_string()) }
        }
    }
}

fn keyboard(rows: &[Vec<Button>]) -> Option<Value> {
    let button = |button: &Button| match &button.action {
        Action::Send(data) => json!({ "text": button.label, "callback_data": data }),
        Action::Open(url) => json!({ "text": button.label, "url": url }),
    };
    let rows: Vec<Vec<Value>> = rows.iter().map(|r| r.iter().map(button).collect()).collect();
    (!rows.is_empty()).then(|| json!({ "inline_keyboard": rows }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Location;

    #[test]
    fn buttons_stand_below_the_text() {
        let reply = Reply::text("Which?").row(vec![Button::send("Pier Road", "park 5")]);
        let Call::Json("sendMessage", body) = call(ChatId(7), reply) else { panic!("a message") };
        assert_eq!(body["chat_id"], 7);
        let button = &body["reply_markup"]["inline_keyboard"][0][0];
        assert_eq!(button["callback_data"], "park 5");
    }

    #[test]
    fn a_venue_carries_its_directions() {
        let location = Location { latitude: 49.18, longitude: -2.1 };
        let content =
            Content::Venue { location, title: "Pier Road".into(), address: "12 free".into() };
        let reply = Reply { content, buttons: vec![vec![Button::open("Directions", "https://x")]] };
        let Call::Json("sendVenue", body) = call(ChatId(7), reply) else { panic!("a venue") };
        assert_eq!(body["latitude"], 49.18);
        assert_eq!(body["reply_markup"]["inline_keyboard"][0][0]["url"], "https://x");
    }
}
