//! A chat's alerts, each with a button that stops it.

use super::Answer;
use crate::conversation::Conversation;
use crate::reply::{Button, ChatId, Reply};
use crate::words;

pub(super) async fn run(conversation: &Conversation, chat: ChatId) -> Answer {
    let all = conversation.views.subscriptions(chat).await?;
    if all.is_empty() {
        let text = "You have no alerts. Say /alert NAME, or /alert 20 near me.";
        return Ok(vec![Reply::text(text)]);
    }
    let mut text = String::from("I will tell you when there are:\n");
    let mut reply = Reply::text("");
    for (i, s) in all.iter().enumerate() {
        let number = i + 1;
        let wish = words::wish(&s.park, s.direction, s.threshold);
        text.push_str(&format!("{number}. {wish}"));
        // One of several car parks that were asked for together.
        if !s.label.is_empty() && s.label != wish {
            text.push_str(&format!(" (you asked for {})", s.label));
        }
        text.push('\n');
        let label = format!("Stop {number}");
        reply.buttons.push(vec![Button::send(label, format!("stop {}", s.id))]);
    }
    if all.len() > 1 {
        reply.buttons.push(vec![Button::send("Stop all", "stop all")]);
    }
    reply.content = crate::reply::Content::Text(text.trim_end().to_string());
    Ok(vec![reply])
}

/// Stops one of the chat's own alerts, or all of them.
pub(super) async fn stop(conversation: &Conversation, chat: ChatId, id: &str) -> Answer {
    if id == "all" {
        let count = conversation.views.stop_all_alerts(chat).await?;
        return Ok(vec![Reply::text(format!("Stopped {count} alerts."))]);
    }
    let all = conversation.views.subscriptions(chat).await?;
    let Some(subscription) = all.iter().find(|s| s.id == id) else {
        return Ok(vec![Reply::text("That alert is stopped already.")]);
    };
    conversation.views.stop(subscription).await?;
    let s = subscription;
    let wish = words::wish(&s.park, s.direction, s.threshold);
    Ok(vec![Reply::text(format!("Stopped: {wish}."))])
}
