//! The commands, one file each, in one list: Telegram's menu and /help are made from it. So are the
//! buttons, in another.

mod alert;
mod alerts;
mod help;
mod history;
mod nearest;
mod spaces;
mod which;

use std::pin::Pin;

use crate::client::ClientError;
use crate::conversation::Conversation;
use crate::reply::{ChatId, Location, Reply};

/// What a command answers.
pub(crate) type Answer = Result<Vec<Reply>, ClientError>;

/// An answer that is being worked out.
type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// What works out an answer.
type Handler = for<'a> fn(Asked<'a>) -> Answering<'a>;

/// A question.
#[derive(Clone, Copy)]
struct Asked<'a> {
    conversation: &'a Conversation,
    /// Who asks.
    chat: ChatId,
    /// What stands behind the command's or the button's name.
    about: &'a str,
}

/// A command of the menu.
pub struct Command {
    /// Lower case, without the slash.
    pub name: &'static str,
    /// What else people call it.
    other_names: &'static [&'static str],
    /// What the menu says of it.
    pub description: &'static str,
    /// How it is called.
    pub usage: &'static str,
    answer: Handler,
}

/// All of them, in the order of the menu.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "nearest",
        other_names: &["near"],
        description: "Car parks with space near you",
        usage: "/nearest, /nearest LATITUDE,LONGITUDE or /nearest NAME",
        answer: |asked| Box::pin(nearest::run(asked)),
    },
    Command {
        name: "spaces",
        other_names: &[],
        description: "How many spaces a car park has",
        usage: "/spaces NAME, or just its name",
        answer: |asked| Box::pin(spaces::run(asked)),
    },
    Command {
        name: "alert",
        other_names: &[],
        description: "Tell me when there is space",
        usage: "/alert NAME [more than N | below N], or /alert N near me",
        answer: |asked| Box::pin(alert::run(asked)),
    },
    Command {
        name: "alerts",
        other_names: &["stop"],
        description: "Your alerts, and how to stop them",
        usage: "/alerts",
        answer: |asked| Box::pin(alerts::run(asked)),
    },
    Command {
        name: "history",
        other_names: &[],
        description: "How full it was today or this week",
        usage: "/history NAME [day | week]",
        answer: |asked| Box::pin(history::run(asked)),
    },
    Command {
        name: "help",
        other_names: &["start"],
        description: "What I can do",
        usage: "/help",
        answer: |asked| Box::pin(help::run(asked)),
    },
];

/// What buttons do: the first word of a button's data, and who answers for the rest of it.
const BUTTONS: &[(&str, Handler)] = &[
    ("park", |asked| Box::pin(spaces::button(asked))),
    ("alert", |asked| Box::pin(alert::button(asked))),
    ("alerts", |asked| Box::pin(alerts::run(asked))),
    ("stop", |asked| Box::pin(alerts::stop(asked))),
    (history::Span::Day.word(), |asked| Box::pin(history::button(asked, history::Span::Day))),
    (history::Span::Week.word(), |asked| Box::pin(history::button(asked, history::Span::Week))),
];

/// Runs a command, by its name without the slash.
pub(crate) async fn run(
    conversation: &Conversation,
    chat: ChatId,
    name: &str,
    about: &str,
) -> Answer {
    let command = COMMANDS.iter().find(|c| c.name == name || c.other_names.contains(&name));
    match command {
        Some(command) => (command.answer)(Asked { conversation, chat, about }).await,
        None => Ok(vec![help::unknown(name)]),
    }
}

/// Does what a button says.
pub(crate) async fn button(conversation: &Conversation, chat: ChatId, data: &str) -> Answer {
    let (word, about) = data.split_once(' ').unwrap_or((data, ""));
    match BUTTONS.iter().find(|(button, _)| *button == word) {
        Some((_, answer)) => answer(Asked { conversation, chat, about }).await,
        None => Ok(vec![Reply::text("That button is from an older version. Send /help.")]),
    }
}

/// Answers a text that is no command: a car park's name.
pub(crate) async fn name(conversation: &Conversation, chat: ChatId, typed: &str) -> Answer {
    spaces::run(Asked { conversation, chat, about: typed }).await
}

/// Answers a shared location: with what an alert waited for, or with what is near.
pub(crate) async fn location(
    conversation: &Conversation,
    chat: ChatId,
    here: Location,
    alert_spaces: Option<i64>,
) -> Answer {
    match alert_spaces {
        Some(spaces) => alert::near(conversation, chat, here, "near you", spaces).await,
        None => nearest::around(conversation, here, None, None).await,
    }
}
