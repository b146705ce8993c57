//! What the bot sends to Telegram: at a pace it allows, again when it asks for patience, never
//! twice.
//!
//! A call that certainly did not arrive (refused, 429, no connection) is made again; one whose
//! answer was lost on the way may have arrived and is not. While Telegram is out of reach alerts
//! are tried for hours, in the order of each chat; an answer, whose question was asked long ago by
//! then, for minutes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
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
/// For how long an answer to a question is tried.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5 * 60);
/// For how long an alert is tried.
const ALERT_PATIENCE: Duration = Duration::from_secs(12 * 60 * 60);
/// The pause before the second try.
const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
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
    /// The last call did not reach Telegram.
    out_of_reach: AtomicBool,
    /// Held by the one who looks whether Telegram is back.
    looking: Mutex<()>,
}

impl Outbox {
    /// An outbox for the bot behind `api`.
    pub fn new(api: Api) -> Self {
        Self {
            api,
            calls: Semaphore::new(CALLS_MAX),
            paid_until: Mutex::default(),
            quiet_until: Mutex::default(),
            out_of_reach: AtomicBool::new(false),
            looking: Mutex::default(),
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

    /// Answers a question.
    pub async fn answer(&self, chat: ChatId, reply: Reply) -> Delivery {
        self.deliver(chat, reply, ANSWER_PATIENCE).await
    }

    async fn deliver(&self, chat: ChatId, reply: Reply, patience: Duration) -> Delivery {
        let call = markup::call(chat, reply);
        let until = Instant::now() + patience;
        let mut pause = BACK_OFF_FIRST;
        loop {
            self.pace(chat).await;
            let done = self.perform(chat, &call).await;
            let out_of_reach = matches!(done, Err(TelegramError::NotConnected { .. }));
            self.out_of_reach.store(out_of_reach, Ordering::Relaxed);
            match done {
                Ok(()) => return Delivery::Sent,
                Err(TelegramError::Gone) => return Delivery::Gone,
                Err(e @ TelegramError::AnswerLost { .. }) => {
                    warn!(error = %e, "a message may not have arrived");
                    return Delivery::Sent;
                }
                Err(e) if e.is_retryable() && Instant::now() >= until => {
                    warn!(error = %e, "a message was given up after {patience:?}");
                    return Delivery::Refused;
                }
                Err(TelegramError::Wait { after }) => {
                    *self.quiet_until.lock().await = Some(Instant::now() + after);
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
    }
}

impl Transport for Outbox {
    async fn send(&self, chat: ChatId, reply: Reply) -> Delivery {
        self.deliver(chat, reply, ALERT_PATIENCE).await
    }

    async fn ready(&self) {
        if !self.out_of_reach.load(Ordering::Relaxed) {
            return;
        }
        let _looking = self.looking.lock().await;
        let mut pause = BACK_OFF_FIRST;
        while self.out_of_reach.load(Ordering::Relaxed) {
            match self.api.get_me().await {
                Err(e) if e.is_retryable() => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACK_OFF_MAX);
                }
                // Whatever it says, it is there.
                _ => self.out_of_reach.store(false, Ordering::Relaxed),
            }
        }
    }
}
