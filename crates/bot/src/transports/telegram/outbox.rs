//! What the bot sends to Telegram: at a pace it allows, again when it asks for patience, never
//! twice.
//!
//! A call that certainly did not arrive (429, 5xx, no connection) is made again for a while; one
//! whose answer was lost on the way may have arrived and is not. What still has not arrived is
//! given back. A message that is refused as a whole is tried once more without its buttons, as one
//! of them may be to blame. An answer is dropped if it did not arrive, as its question
//! was asked long ago; an alert waits until the outbox is ready, and is put into words anew.

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
/// For how long the same words of an alert are tried: they say how long ago things were.
const ALERT_PATIENCE: Duration = Duration::from_secs(60);
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

    /// Waits until a message to this chat is within its pace, unless Telegram asked for silence
    /// beyond `until`: then this is false at once.
    async fn pace(&self, chat: ChatId, until: Instant) -> bool {
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
        match self.silence().await {
            Some(silent_until) if silent_until > until => return false,
            Some(silent_until) => tokio::time::sleep_until(silent_until).await,
            None => {}
        }
        true
    }

    /// The end of the silence that Telegram asked for, if it is still to come.
    async fn silence(&self) -> Option<Instant> {
        self.quiet_until.lock().await.filter(|until| *until > Instant::now())
    }

    async fn perform(&self, chat: ChatId, call: &Call) -> Result<(), TelegramError> {
        let Ok(_permit) = self.calls.acquire().await else {
            return Err(TelegramError::NotConnected { reason: "the outbox is closed".into() });
        };
        match call {
            Call::Json(method, body) => self.api.call(method, body).await.map(drop),
            Call::Photo { png, caption, markup } => {
                self.api.send_photo(chat.0, png, caption, markup.clone()).await.map(drop)
            }
        }
    }

    /// Answers a question.
    pub async fn answer(&self, chat: ChatId, reply: Reply) -> Delivery {
        let delivery = self.deliver(chat, reply, ANSWER_PATIENCE).await;
        if delivery == Delivery::Postponed {
            warn!("an answer was given up: Telegram did not take it in time");
        }
        delivery
    }

    async fn deliver(&self, chat: ChatId, reply: Reply, patience: Duration) -> Delivery {
        let mut call = markup::call(chat, reply);
        let until = Instant::now() + patience;
        let mut pause = BACK_OFF_FIRST;
        loop {
            if !self.pace(chat, until).await {
                return Delivery::Postponed;
            }
            let done = self.perform(chat, &call).await;
            let out_of_reach = matches!(done, Err(TelegramError::NotConnected { .. }));
            self.out_of_reach.store(out_of_reach, Ordering::Relaxed);
            match done {
                Ok(()) => return Delivery::Sent,
                Err(TelegramError::Gone) => return Delivery::Gone,
                Err(e @ TelegramError::AnswerLost { .. }) => {
                    warn!(error = %e, "a message may not have arrived");
                    return Delivery::Unsure;
                }
                Err(e) if e.is_retryable() && Instant::now() >= until => {
                    warn!(error = %e, "a message did not arrive within {patience:?}");
                    return Delivery::Postponed;
                }
                Err(TelegramError::Wait { after }) => {
                    warn!("Telegram asks for silence for {after:?}");
                    let mut quiet_until = self.quiet_until.lock().await;
                    *quiet_until = (*quiet_until).max(Some(Instant::now() + after));
                }
                Err(e) if e.is_retryable() => {
                    warn!(error = %e, "a message could not be sent yet");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(BACK_OFF_MAX);
                }
                Err(e @ TelegramError::Refused { code: 400, .. }) if call.take_markup() => {
                    warn!(error = %e, "a message was refused; it is tried without its buttons");
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
        while let Some(until) = self.silence().await {
            tokio::time::sleep_until(until).await;
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use testkit::fake_telegram::{FakeTelegram, Fault, TOKEN};

    use super::super::methods::Token;
    use super::*;
    use crate::reply::{Button, Content};

    const CHAT: ChatId = ChatId(7);
    const MOMENT: Duration = Duration::from_millis(20);

    async fn outbox(fake: &FakeTelegram) -> Arc<Outbox> {
        let token = Token::parse(TOKEN).expect("a token");
        Arc::new(Outbox::new(Api::new(fake.url(), token)))
    }

    /// Turns the clock of pauses, and lets it run again: calls take real time.
    async fn turn(by: Duration) {
        tokio::time::pause();
        tokio::time::advance(by).await;
        tokio::time::resume();
    }

    async fn is_ready(outbox: &Outbox) -> bool {
        tokio::time::timeout(MOMENT, outbox.ready()).await.is_ok()
    }

    #[tokio::test]
    async fn a_silence_of_hours_is_kept_and_nothing_stale_is_sent_behind_it() {
        const HOURS: u64 = 5;
        let fake = FakeTelegram::start().await.expect("a fake");
        let outbox = outbox(&fake).await;
        fake.fail_next("sendMessage", Fault::TooManyRequests { retry_after_s: HOURS * 3600 });
        // Both an alert and an answer are given back at once.
        assert_eq!(outbox.send(CHAT, Reply::text("alert")).await, Delivery::Postponed);
        assert_eq!(outbox.answer(CHAT, Reply::text("answer")).await, Delivery::Postponed);
        assert!(!is_ready(&outbox).await);
        turn(Duration::from_secs(HOURS * 3600 - 60)).await;
        assert!(!is_ready(&outbox).await, "a minute is left");
        assert_eq!(fake.calls("sendMessage"), 1, "no call was made meanwhile");
        turn(Duration::from_secs(60)).await;
        assert!(is_ready(&outbox).await);
        assert_eq!(outbox.send(CHAT, Reply::text("worded anew")).await, Delivery::Sent);
        let sent: Vec<String> = fake.sent().iter().map(|sent| sent.text().to_string()).collect();
        assert_eq!(sent, ["worded anew"]);
    }

    #[tokio::test]
    async fn a_short_silence_is_waited_for() {
        let fake = FakeTelegram::start().await.expect("a fake");
        let outbox = outbox(&fake).await;
        fake.fail_next("sendMessage", Fault::TooManyRequests { retry_after_s: 30 });
        let sending = tokio::spawn({
            let outbox = Arc::clone(&outbox);
            async move { outbox.send(CHAT, Reply::text("alert")).await }
        });
        while is_ready(&outbox).await {}
        turn(Duration::from_secs(30)).await;
        assert_eq!(sending.await.expect("sent"), Delivery::Sent);
        assert_eq!(fake.calls("sendMessage"), 2);
    }

    #[tokio::test]
    async fn no_silence_is_so_long_that_nothing_is_sent_any_more() {
        let fake = FakeTelegram::start().await.expect("a fake");
        let outbox = outbox(&fake).await;
        for retry_after_s in [i64::MAX as u64, u64::MAX] {
            fake.fail_next("sendMessage", Fault::TooManyRequests { retry_after_s });
            assert_eq!(outbox.send(CHAT, Reply::text("alert")).await, Delivery::Postponed);
            assert!(!is_ready(&outbox).await);
            turn(Duration::from_secs(24 * 3600)).await;
            assert!(is_ready(&outbox).await, "a day is enough");
        }
        assert_eq!(outbox.send(CHAT, Reply::text("alert")).await, Delivery::Sent);
    }

    #[tokio::test]
    async fn what_is_refused_is_tried_once_more_without_its_buttons() {
        let fake = FakeTelegram::start().await.expect("a fake");
        let outbox = outbox(&fake).await;
        let reply = Reply::text("Which?").row(vec![Button::send("Pier Road", "park 5")]);
        fake.fail_next("sendMessage", Fault::Refused);
        assert_eq!(outbox.answer(CHAT, reply.clone()).await, Delivery::Sent);
        let sent = fake.sent();
        assert_eq!(sent[0].text(), "Which?");
        assert!(sent[0].body["reply_markup"].is_null());
        // Once: without buttons it is not to blame on them.
        fake.fail_next("sendMessage", Fault::Refused);
        fake.fail_next("sendMessage", Fault::Refused);
        assert_eq!(outbox.answer(CHAT, reply).await, Delivery::Refused);
        fake.fail_next("sendMessage", Fault::Refused);
        assert_eq!(outbox.answer(CHAT, Reply::text("words")).await, Delivery::Refused);
        assert_eq!(fake.calls("sendMessage"), 5);
    }

    #[tokio::test]
    async fn what_the_limits_let_through_is_taken() {
        let fake = FakeTelegram::start().await.expect("a fake");
        let outbox = outbox(&fake).await;
        let long = "😀".repeat(4000);
        let buttons = vec![vec![Button::send(&long, "park 1"), Button::send("", "park 2")]];
        let chart = Content::Chart {
            name: "x".into(),
            png: bytes::Bytes::from_static(b"png"),
            caption: long.clone(),
            drawing: String::new(),
        };
        for content in [Content::Text(long), chart] {
            let reply = Reply { content, buttons: buttons.clone() };
            assert_eq!(outbox.answer(CHAT, reply).await, Delivery::Sent);
        }
        let calls = fake.calls("sendMessage") + fake.calls("sendPhoto");
        assert_eq!(calls, 2, "nothing had to be tried twice");
    }

    #[tokio::test]
    async fn a_lost_answer_may_have_been_sent_and_a_blocked_chat_is_gone() {
        let fake = FakeTelegram::start().await.expect("a fake");
        let outbox = outbox(&fake).await;
        fake.fail_next("sendMessage", Fault::AnswerLost);
        fake.fail_next("sendMessage", Fault::Blocked);
        assert_eq!(outbox.send(CHAT, Reply::text("one")).await, Delivery::Unsure);
        assert_eq!(outbox.send(CHAT, Reply::text("two")).await, Delivery::Gone);
        assert_eq!(fake.sent().len(), 1);
    }
}
