//! How messages travel: Telegram, or this terminal. The conversation is the same.

pub mod telegram;
pub mod terminal;

use std::future::Future;

use crate::reply::{ChatId, Reply};

/// What became of a message that the bot sent by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It was handed over.
    Sent,
    /// It may have arrived, or not: it must not be sent again.
    Unsure,
    /// It did not arrive, and is not going to for a while. Wait until the transport is ready, and
    /// say it anew: it may speak of time.
    Postponed,
    /// This chat can no longer be written to: the bot was blocked, or the chat is gone.
    Gone,
    /// It was refused, and would be refused again.
    Refused,
}

/// Carries messages to a chat. Waits and retries as its service demands; returns when it is
/// decided, or would take too long.
pub trait Transport: Send + Sync {
    /// Sends a message to a chat.
    fn send(&self, chat: ChatId, reply: Reply) -> impl Future<Output = Delivery> + Send;

    /// Resolves when messages are likely to arrive: at once, unless its service is known to be out
    /// of reach, or has asked for silence. Whoever can wait elsewhere should, before handing over.
    fn ready(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}
