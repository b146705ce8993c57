//! A chat's alerts, each with a button that stops it.

use super::{Answer, Asked};
use crate::reply::{Button, Reply};
use crate::views::Subscription;
use crate::words;

pub(super) async fn run(asked: Asked<'_>) -> Answer {
    let all = asked.conversation.views.subscriptions(asked.chat).await?;
    if all.is_empty() {
        let text = "You have no alerts. Say /alert NAME, or /alert 20 near me.";
        return Ok(vec![Reply::text(text)]);
    }
    let mut text = String::from("I will tell you when there are:");
    for (i, subscription) in all.iter().enumerate() {
        text.push_str(&format!("\n{}. {}", i + 1, wish(subscription)));
        // One of several car parks that were asked for together.
        if !subscription.label.is_empty() {
            text.push_str(&format!(" ({})", subscription.label));
        }
    }
    let mut reply = Reply::text(text);
    for (i, subscription) in all.iter().enumerate() {
        let stop = Button::send(format!("Stop {}", i + 1), format!("stop {}", subscription.id));
        reply = reply.row(vec![stop]);
    }
    if all.len() > 1 {
        reply = reply.row(vec![Button::send("Stop all", "stop all")]);
    }
    Ok(vec![reply])
}

/// `stop ID` stops one of the chat's own alerts, `stop all` all of them.
pub(super) async fn stop(asked: Asked<'_>) -> Answer {
    let views = &asked.conversation.views;
    if asked.about == "all" {
        let text = match views.stop_all_alerts(asked.chat).await? {
            1 => "Stopped 1 alert.".to_string(),
            count => format!("Stopped {count} alerts."),
        };
        return Ok(vec![Reply::text(text)]);
    }
    let all = views.subscriptions(asked.chat).await?;
    let Some(subscription) = all.iter().find(|s| s.id == asked.about) else {
        return Ok(vec![Reply::text("That alert is stopped already.")]);
    };
    views.stop(subscription).await?;
    Ok(vec![Reply::text(format!("Stopped: {}.", wish(subscription)))])
}

fn wish(subscription: &Subscription) -> String {
    words::wish_in(&subscription.park, subscription.direction, subscription.threshold)
}
