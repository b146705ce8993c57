//! Telegram: updates by long polling flow in, messages flow out.
//!
//! The poll's offset is a row behind the API, written before an update is worked on: after a crash
//! an update may stay unanswered, but none is answered twice. (If that row cannot be written, the
//! log says so, drivers are answered all the same, and a crash may answer once more.) Answers to
//! different chats do not wait for each other; those to one chat keep their order.

mod limits;
mod markup;
pub mod methods;
pub mod outbox;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tracing::{debug, error, info, warn};

use crate::commands;
use crate::conversation::Conversation;
use crate::reply::{ChatId, Location, Question};
use crate::seldom::Seldom;
use crate::transports::Delivery;
use crate::views::Views;
use methods::{Api, Event, TelegramError, Update};
use outbox::Outbox;

/// How many messages of one chat may wait for their answer; more are dropped, the newest first.
const CHAT_QUEUE_MAX: usize = 16;
/// The pause behind a poll that brought nothing.
const EMPTY_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause between polls that fail.
const BACK_OFF_MAX: Duration = Duration::from_secs(60);
/// How far below the asked offset an update's number may be to be an old one again. Behind a week
/// without updates Telegram may begin anew, at any number.
const REPEATED_MAX: i64 = 1_000_000;

/// The bot on Telegram.
pub struct Telegram {
    api: Api,
    outbox: Arc<Outbox>,
    conversation: Arc<Conversation>,
    views: Views,
    chats: HashMap<ChatId, mpsc::Sender<Question>>,
    /// Messages that came faster than they could be answered.
    dropped: Seldom,
}

impl Telegram {
    /// The bot behind `api`.
    pub fn new(api: Api, conversation: Arc<Conversation>, views: Views) -> Self {
        let outbox = Arc::new(Outbox::new(api.clone()));
        Self { api, outbox, conversation, views, chats: HashMap::new(), dropped: Seldom::default() }
    }

    /// Where alerts are handed to.
    pub fn outbox(&self) -> Arc<Outbox> {
        Arc::clone(&self.outbox)
    }

    /// Sets the command menu; returns the bot's user name.
    ///
    /// Fails only if Telegram refuses the token; while it is out of reach this keeps trying.
    pub async fn introduce(&self) -> Result<String, TelegramError> {
        let menu: Vec<_> = commands::COMMANDS
            .iter()
            .map(|c| json!({ "command": c.name, "description": c.description }))
            .collect();
        let mut pause = Duration::from_secs(1);
        loop {
            let menu = json!({ "commands": menu });
            let answer = match self.api.get_me().await {
                Ok(name) => self.api.call("setMyCommands", &menu).await.map(|_| name),
                Err(e) => Err(e),
            };
            match answer {
                Err(e) if e.is_retryable() => {
                    warn!(error = %e, "Telegram does not answer yet");
                    pause = wait(&e, pause).await;
                }
                decided => return decided,
            }
        }
    }

    /// Polls until `stop` resolves.
    ///
    /// Fails if the token stops being valid.
    pub async fn run(
        mut self,
        stop: impl std::future::Future<Output = ()>,
    ) -> Result<(), TelegramError> {
        let mut stop = std::pin::pin!(stop);
        let mut offset = self.first_offset(&mut stop).await;
        let mut pause = Duration::from_secs(1);
        loop {
            let polled = tokio::select! {
                () = &mut stop => return Ok(()),
                polled = self.api.get_updates(offset) => polled,
            };
            match polled {
                Ok(updates) => {
                    pause = Duration::from_secs(1);
                    let updates = unseen(updates, offset);
                    self.tell_of_dropped(self.dropped.due());
                    let Some(last) = updates.last().map(|update| update.id) else {
                        // A poll without updates takes its time; if not, this does.
                        tokio::select! {
                            () = &mut stop => return Ok(()),
                            () = tokio::time::sleep(EMPTY_PAUSE) => continue,
                        }
                    };
                    offset = last + 1;
                    if let Err(e) = self.views.save_position("telegram", offset).await {
                        warn!(error = %e, "the poll's position could not be saved");
                    }
                    for update in updates {
                        self.accept(update).await;
                    }
                }
                Err(e) if e.is_retryable() => {
                    warn!(error = %e, "polling failed");
                    tokio::select! {
                        () = &mut stop => return Ok(()),
                        next = wait(&e, pause) => pause = next,
                    }
                }
                Err(e) => return Err(e),
            }
        }
    }

    async fn first_offset(&self, stop: &mut (impl Future<Output = ()> + Unpin)) -> i64 {
        let mut pause = Duration::from_secs(1);
        loop {
            match self.views.position("telegram").await {
                Ok(offset) => return offset.unwrap_or(0),
                Err(e) => {
                    warn!(error = %e, "the poll's position cannot be read yet");
                    tokio::select! {
                        () = &mut *stop => return 0,
                        () = tokio::time::sleep(pause) => pause = (pause * 2).min(BACK_OFF_MAX),
                    }
                }
            }
        }
    }

    async fn accept(&mut self, update: Update) {
        let (chat, question) = match update.event {
            Some(Event::Message(message)) => {
                let chat = ChatId(message.chat.id);
                let place = message.location.and_then(|p| Location::new(p.latitude, p.longitude));
                match (place, message.text) {
                    (Some(place), _) => (chat, Question::Location(place)),
                    (None, Some(text)) => (chat, Question::Text(text)),
                    (None, None) => return,
                }
            }
            Some(Event::CallbackQuery(query)) => {
                let answered = json!({ "callback_query_id": query.id });
                let api = self.api.clone();
                // Only takes the waiting sign off the button: of no consequence if it fails.
                tokio::spawn(async move {
                    if let Err(e) = api.call("answerCallbackQuery", &answered).await {
                        debug!(error = %e, "a button's press could not be acknowledged");
                    }
                });
                let (Some(message), Some(data)) = (query.message, query.data) else { return };
                (ChatId(message.chat.id), Question::Button(data))
            }
            Some(Event::MyChatMember(change)) => {
                if change.new_chat_member.status == "kicked" {
                    self.forget(ChatId(change.chat.id)).await;
                }
                return;
            }
            None => return,
        };
        self.hand_over(chat, question);
    }

    async fn forget(&mut self, chat: ChatId) {
        self.chats.remove(&chat);
        match self.views.stop_all_alerts(chat).await {
            Ok(_) => info!("a chat blocked the bot; its alerts are stopped"),
            Err(e) => warn!(error = %e, "a blocked chat's alerts could not be stopped"),
        }
    }

    /// Gives a message to its chat's own task, so that chats do not wait for each other.
    fn hand_over(&mut self, chat: ChatId, question: Question) {
        self.chats.retain(|_, queue| !queue.is_closed());
        let open = || {
            let (sender, receiver) = mpsc::channel(CHAT_QUEUE_MAX);
            let conversation = Arc::clone(&self.conversation);
            let outbox = Arc::clone(&self.outbox);
            tokio::spawn(talk(chat, conversation, outbox, receiver));
            sender
        };
        let queue = self.chats.entry(chat).or_insert_with(open);
        let mut sent = queue.try_send(question);
        if let Err(TrySendError::Closed(question)) = sent {
            // Its task has ended just now.
            *queue = open();
            sent = queue.try_send(question);
        }
        if sent.is_err() {
            self.tell_of_dropped(self.dropped.happened(1));
        }
    }

    fn tell_of_dropped(&self, messages: Option<u64>) {
        if let Some(messages) = messages {
            warn!(messages, "chats send faster than they can be answered; messages were dropped");
        }
    }
}

/// The updates that were not seen yet, each once and in order. What comes again, though more was
/// asked for, was seen.
fn unseen(mut updates: Vec<Update>, offset: i64) -> Vec<Update> {
    updates.sort_by_key(|update| update.id);
    updates.dedup_by_key(|update| update.id);
    let has_more = updates.last().is_some_and(|update| update.id >= offset);
    let oldest = if has_more { offset } else { i64::MIN };
    updates.retain(|u| {
        u.id >= oldest && !(offset.saturating_sub(REPEATED_MAX)..offset).contains(&u.id)
    });
    updates
}

/// Answers one chat's messages in order.
async fn talk(
    chat: ChatId,
    conversation: Arc<Conversation>,
    outbox: Arc<Outbox>,
    mut messages: mpsc::Receiver<Question>,
) {
    /// A chat's task ends after so long a silence; the next message starts another.
    const SILENCE: Duration = Duration::from_secs(600);
    loop {
        let message = match tokio::time::timeout(SILENCE, messages.recv()).await {
            Ok(message) => message,
            Err(_silence) => {
                // Nothing more comes in; what came in just now is answered.
                messages.close();
                messages.recv().await
            }
        };
        let Some(message) = message else { return };
        let answering = async {
            for reply in conversation.answer(chat, message).await {
                if outbox.answer(chat, reply).await == Delivery::Gone {
                    return Delivery::Gone;
                }
            }
            Delivery::Sent
        };
        // A mistake of ours takes this answer, and not those that wait behind it.
        match AssertUnwindSafe(answering).catch_unwind().await {
            Ok(Delivery::Gone) => return,
            Ok(_) => {}
            Err(_) => error!("a question is not answered: there is a mistake in the program"),
        }
    }
}

/// Waits as `error` asks, else for `pause`; returns the next pause.
async fn wait(error: &TelegramError, pause: Duration) -> Duration {
    let time = match error {
        TelegramError::Wait { after } => *after,
        _ => pause,
    };
    tokio::time::sleep(time).await;
    (pause * 2).min(BACK_OFF_MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use model::{ManualClock, TimestampMs};
    use testkit::fake_telegram::{FakeTelegram, TOKEN};

    use super::*;
    use crate::client::Client;

    const CHAT: ChatId = ChatId(7);

    /// The conversation with a server that answers so, from the first time it is asked.
    fn conversation(
        answer: impl Fn(usize) -> &'static str + Clone + Send + Sync + 'static,
    ) -> Arc<Conversation> {
        let asked = Arc::new(AtomicUsize::new(0));
        let server = tower::service_fn(move |_: Request<Full<Bytes>>| {
            let (asked, answer) = (Arc::clone(&asked), answer.clone());
            async move {
                let answer = answer(asked.fetch_add(1, Ordering::Relaxed));
                Ok(Response::new(Full::new(Bytes::from_static(answer.as_bytes()))))
            }
        });
        let views = Views::new(Client::in_process(server));
        let clock = Arc::new(ManualClock::at(TimestampMs(1_730_000_000_000)));
        Arc::new(Conversation::new(views, clock, Vec::new()))
    }

    async fn outbox(fake: &FakeTelegram) -> Arc<Outbox> {
        let token = methods::Token::parse(TOKEN).expect("a token");
        Arc::new(Outbox::new(Api::new(fake.url(), token)))
    }

    #[test]
    fn an_update_that_comes_again_is_not_looked_at() {
        let check = |ids: &[i64], offset: i64, expect: &[i64]| {
            let updates = ids.iter().map(|id| Update { id: *id, event: None }).collect();
            let seen: Vec<i64> = unseen(updates, offset).iter().map(|update| update.id).collect();
            assert_eq!(seen, expect, "{ids:?} of {offset}");
        };
        check(&[7, 8], 7, &[7, 8]);
        check(&[8, 7, 8, 8, 7], 7, &[7, 8]);
        check(&[5, 6, 7], 7, &[7]);
        check(&[5, 6], 7, &[]);
        // Telegram began anew.
        check(&[12, 13], 900_000_000, &[12, 13]);
        check(&[12, 900_000_000], 900_000_000, &[900_000_000]);
        check(&[0, i64::MAX - 1], 0, &[0, i64::MAX - 1]);
    }

    #[tokio::test]
    async fn a_panic_takes_one_answer_and_no_more() {
        let fake = FakeTelegram::start().await.expect("a fake");
        let conversation = conversation(|asked| match asked {
            0 => panic!("a mistake"),
            _ => "{\"columnNames\":[\"NAME\"]}\n[\"Pier Road\"]\n",
        });
        let (sender, messages) = mpsc::channel(CHAT_QUEUE_MAX);
        for text in ["pier road", "pier road"] {
            sender.try_send(Question::Text(text.into())).expect("there is room");
        }
        drop(sender);
        talk(CHAT, conversation, outbox(&fake).await, messages).await;
        let sent = fake.sent();
        assert_eq!(sent.len(), 1);
        assert!(sent[0].text().starts_with("Pier Road: "), "{}", sent[0].text());
    }

    #[tokio::test]
    async fn what_a_feed_writes_cannot_spoil_an_answer() {
        const ROWS: &str = concat!(
            r#"{"columnNames":["NAME","FREE","TS","FLAG","LATITUDE","LONGITUDE","DIRECTIONS_URL"]}"#,
            "\n",
            r#"["",1,1,null,1.0,1.0,null]"#,
            "\n",
            r#"["   ",1,1,null,1.0,1.0,null]"#,
            "\n",
            r#"["Line\nYou won!\r\n/alert: 50 of 100",1,1,"X\n\nPAY",1e308,91.0,"http://"]"#,
            "\n",
            r#"["\u202eRoad",9223372036854775807,-9223372036854775808,"",1.0,1.0,"javascript:1"]"#,
            "\n",
        );
        let fake = FakeTelegram::start().await.expect("a fake");
        let conversation = conversation(|_| ROWS);
        let outbox = outbox(&fake).await;
        for text in ["/help", "line", "road", "/nearest 1,1", "no such name"] {
            for reply in conversation.answer(CHAT, Question::Text(text.into())).await {
                assert_eq!(outbox.answer(CHAT, reply).await, Delivery::Sent, "{text}");
            }
        }
        let sent = fake.sent();
        let calls = fake.calls("sendMessage") + fake.calls("sendVenue");
        assert_eq!(calls, sent.len(), "nothing was refused");
        let help = &sent[0].body["reply_markup"]["inline_keyboard"];
        let labels: Vec<&str> = help[0]
            .as_array()
            .expect("a row")
            .iter()
            .filter_map(|button| button["text"].as_str())
            .collect();
        assert_eq!(labels, ["Line You won! /alert: 50 of 100", "Road"]);
        let told = sent.iter().find(|s| s.text().starts_with("Line You won!")).expect("told");
        assert!(told.text().contains("\nNote: X PAY."), "{}", told.text());
        assert_eq!(told.button("Directions"), None);
    }
}
