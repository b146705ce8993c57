//! What the bot sends to Telegram: at a pace it allows, again when it asks for patience, never twice.
//!
//! A call that certainly did not arrive (refused, 429, no connection) is made again; one whose answer
//! was lost on the way may have arrived and is not.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tracing::warn;

use super::markup::{self, Call};
use super::methods::{Api, TelegramError};
use crate::reply::{ChatId, Reply};
use crate::transports::{Delivery, Transport};

/// How many calls may be under way at once.
const CALLS_MAX: usize = 16;
/// The pause between two messages to one chat: Telegram allows about one a second.
const CHAT_PAUSE: Duration = Duration::from_millis(1000);
/// The first messages of a burst to one chat need not wait.
const CHAT_BURST: u32 = 4;
/// How often a call is made before it is given up.
const TRIES_MAX: u32 = 8;
/// The longest pause between two tries.
const BACK_OFF_MAX: Duration = Duration::from_secs(60);
/// Above so many remembered chats, those that may send at once are forgotten.
const CHATS_MAX: usize = 10_000;

/// Sends messages, for answers and alerts alike.
pub struct Outbox {
    api: Api,
    calls: Semaphore,
    /// Per chat: when the burst's last message is paid for.
    paid_until: Mutex<HashMap<ChatId, Instant>>,
    /// Telegram asked all of us to wait until then.
    quiet_until: Mutex<Option<Instant>>,
}

impl Outbox {
    /// An outbox for the bot behind `api`.
    pub fn new(api: Api) -> Self {
        Self {
            api,
            calls: Semaphore::new(CALLS_MAX),
            paid_until: Mutex::default(),
            quiet_until: Mutex::default(),
        }
    }

    /// Waits until a message to this chat is within its pace.
    async fn pace(&self, chat: ChatId) {
        let now = Instant::now();
        let wait_until = {
            let mut paid_until = self.paid_until.lock().await;
            if paid_until.len() > CHATS_MAX {
                paid_until.retain(|_, until| *until > now);
            }
            let until = paid_until.entry(chat).or_insert(now);
            *until = (*until).max(now) + CHAT_PAUSE;
            *until - CHAT_PAUSE * CHAT_BURST
        };
        tokio::time::sleep_until(wait_until).await;
        let quiet_until = *self.quiet_until.lock().await;
        if let Some(until) = quiet_until {
            tokio::time::sleep_until(until).await;
        }
    }

    async fn perform(&self, chat: ChatId, call: &Call) -> Result<(), TelegramError> {
        let Ok(_permit) = self.calls.acquire().await else { return Ok(()) };
        match call {
            Call::Json(method, body) => self.api.call(method, body).await.map(drop),
            Call::Photo { png, caption, markup } => {
                self.api.send_photo(chat.0, png, caption, markup.clone()).await.map(drop)
            }
        }
    }
}

impl Transport for Outbox {
    async fn send(&self, chat: ChatId, reply: Reply) -> Delivery {
        let call = markup::call(chat, reply);
        let mut pause = Duration::from_secs(1);
        for _ in 0..TRIES_MAX {
            self.pace(chat).await;
            match self.perform(chat, &call).await {
                Ok(()) => return Delivery::Sent,
                Err(TelegramError::Gone) => return Delivery::Gone,
                Err(TelegramError::Wait { after }) => {
                    *self.quiet_until.lock().await = Some(Instant::now() + after);
                }
                Err(e @ TelegramError::AnswerLost { .. }) => {
                    warn!(error = %e, "a message may not have arrived");
                    return Delivery::Sent;
                }
                Err(e) if e.is_retryable() => {
                    warn!(error = %e, "a message could not be sent yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACK_OFF_MAX);
                }
                Err(e) => {
                    warn!(error = %e, "a message was refused");
                    return Delivery::Refused;
                }
            }
        }
        warn!("a message was given up after {TRIES_MAX} tries");
        Delivery::Refused
    }
}
