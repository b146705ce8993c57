//! The commands, one file each, in one list: Telegram's menu and /help are made from it.

pub mod alert;
pub mod alerts;
pub mod help;
pub mod history;
pub mod nearest;
pub mod spaces;

use crate::client::ClientError;
use crate::conversation::Conversation;
use crate::reply::{ChatId, Reply};

/// What a command answers.
pub type Answer = Result<Vec<Reply>, ClientError>;

/// A command of the menu.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Lower case, without the slash.
    pub name: &'static str,
    /// What the menu says of it.
    pub description: &'static str,
    /// How it is called.
    pub usage: &'static str,
}

/// All of them, in the order of the menu.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "nearest",
        description: "Car parks with space near you",
        usage: "/nearest, or /nearest LATITUDE,LONGITUDE",
    },
    Command {
        name: "spaces",
        description: "How many spaces a car park has",
        usage: "/spaces NAME, or just its name",
    },
    Command {
        name: "alert",
        description: "Tell me when there is space",
        usage: "/alert NAME [more than N | below N], or /alert N near me",
    },
    Command { name: "alerts", description: "Your alerts, and how to stop them", usage: "/alerts" },
    Command {
        name: "history",
        description: "How full it was today or this week",
        usage: "/history NAME [day | week]",
    },
    Command { name: "help", description: "What I can do", usage: "/help" },
];

/// Runs a command.
pub(crate) async fn run(
    conversation: &Conversation,
    chat: ChatId,
    name: &str,
    arguments: &str,
) -> Answer {
    match name {
        "nearest" => nearest::run(conversation, chat, arguments).await,
        "spaces" => spaces::by_name(conversation, arguments).await,
        "alert" => alert::run(conversation, chat, arguments).await,
        "alerts" => alerts::run(conversation, chat).await,
        "history" => history::run(conversation, arguments).await,
        "start" | "help" => help::run(conversation).await,
        other => Ok(vec![help::unknown(other)]),
    }
}

/// Does what a button says. Its data is a word and what it is about.
pub(crate) async fn button(conversation: &Conversation, chat: ChatId, data: &str) -> Answer {
    let (word, about) = data.split_once(' ').unwrap_or((data, ""));
    match word {
        "park" => spaces::by_id(conversation, about).await,
        "alert" => alert::by_id(conversation, chat, about).await,
        "alerts" => alerts::run(conversation, chat).await,
        "stop" => alerts::stop(conversation, chat, about).await,
        "day" => history::by_id(conversation, about, history::Span::Day).await,
        "week" => history::by_id(conversation, about, history::Span::Week).await,
        _ => Ok(vec![Reply::text("That button is from an older version. Send /help.")]),
    }
}
