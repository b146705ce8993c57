//! Telegram: updates by long polling flow in, messages flow out.
//!
//! The poll's offset is a row behind the API, written before an update is worked on: after a crash
//! an update may stay unanswered, but none is answered twice. (If that row cannot be written, the
//! log says so, drivers are answered all the same, and a crash may answer once more.) Answers to
//! different chats do not wait for each other; those to one chat keep their order.

mod markup;
pub mod methods;
pub mod outbox;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tracing::{debug, info, warn};

use crate::commands;
use crate::conversation::Conversation;
use crate::reply::{ChatId, Location, Question};
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

/// The bot on Telegram.
pub struct Telegram {
    api: Api,
    outbox: Arc<Outbox>,
    conversation: Arc<Conversation>,
    views: Views,
    chats: HashMap<ChatId, mpsc::Sender<Question>>,
}

impl Telegram {
    /// The bot behind `api`.
    pub fn new(api: Api, conversation: Arc<Conversation>, views: Views) -> Self {
        let outbox = Arc::new(Outbox::new(api.clone()));
        Self { api, outbox, conversation, views, chats: HashMap::new() }
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
                    let Some(last) = updates.iter().map(|u| u.id).max() else {
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
                match (message.location, message.text) {
                    (Some(place), _) => (chat, Question::Location(location(place))),
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
            warn!("a chat sends faster than it can be answered; a message was dropped");
        }
    }
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
        for reply in conversation.answer(chat, message).await {
            if outbox.answer(chat, reply).await == Delivery::Gone {
                return;
            }
        }
    }
}

fn location(place: methods::Place) -> Location {
    Location { latitude: place.latitude, longitude: place.longitude }
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
