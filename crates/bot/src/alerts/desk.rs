//! Alerts to chats: to each chat in order, chats beside each other, so many under way and no more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tracing::warn;

use crate::conversation::Conversation;
use crate::reply::{Button, ChatId, Reply};
use crate::transports::{Delivery, Transport};
use crate::views::Alert;
use crate::words;

/// How many alerts may be under way to chats; the server's stream waits beyond.
const UNDER_WAY_MAX: usize = 1024;
/// A chat's task ends after so long a silence.
const SILENCE: Duration = Duration::from_secs(60);

/// For how long an alert waits for a transport that is not ready.
const PATIENCE: Duration = Duration::from_secs(12 * 60 * 60);

/// An alert, and its part of the room for those under way.
type UnderWay = (Alert, Option<OwnedSemaphorePermit>);

/// Hands alerts over.
pub(super) struct Desk<T> {
    chats: Arc<Chats<T>>,
    under_way: Arc<Semaphore>,
}

/// What the chats' tasks have in common.
struct Chats<T> {
    conversation: Arc<Conversation>,
    transport: Arc<T>,
    /// Each chat's task takes itself out, while its queue is empty and this is locked: nothing is
    /// put into a queue that nobody reads.
    queues: Mutex<HashMap<ChatId, mpsc::UnboundedSender<UnderWay>>>,
}

/// Room for some alerts.
pub(super) struct Room(Option<OwnedSemaphorePermit>);

impl Room {
    /// A part of it.
    pub(super) fn split(&mut self, alerts: usize) -> Option<Room> {
        Some(Room(Some(self.0.as_mut()?.split(alerts)?)))
    }
}

impl<T: Transport + 'static> Desk<T> {
    pub(super) fn new(conversation: Arc<Conversation>, transport: Arc<T>) -> Self {
        let chats = Chats { conversation, transport, queues: Mutex::default() };
        Self { chats: Arc::new(chats), under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX)) }
    }

    /// Waits until so many more alerts may be under way.
    pub(super) async fn room_for(&self, alerts: usize) -> Room {
        let alerts = alerts.min(UNDER_WAY_MAX) as u32;
        // The semaphore is never closed.
        Room(Arc::clone(&self.under_way).acquire_many_owned(alerts).await.ok())
    }

    /// Puts an alert into its chat's queue.
    pub(super) fn hand_over(&self, alert: Alert, room: Option<Room>) {
        let chat = alert.subscription.chat;
        let mut queues = self.chats.queues.lock();
        let queue = queues.entry(chat).or_insert_with(|| self.open(chat));
        if let Err(SendError(alert)) = queue.send((alert, room.and_then(|room| room.0))) {
            // Its task is gone without a word: it panicked.
            *queue = self.open(chat);
            let _ = queue.send(alert);
        }
    }

    /// Starts the task that writes to one chat.
    fn open(&self, chat: ChatId) -> mpsc::UnboundedSender<UnderWay> {
        let (sender, queue) = mpsc::unbounded_channel();
        tokio::spawn(Arc::clone(&self.chats).write_to(chat, queue));
        sender
    }
}

impl<T: Transport + 'static> Chats<T> {
    async fn write_to(self: Arc<Self>, chat: ChatId, mut queue: mpsc::UnboundedReceiver<UnderWay>) {
        loop {
            let alert = tokio::time::timeout(SILENCE, queue.recv()).await;
            match alert {
                Ok(Some((alert, _room))) => {
                    if self.tell(chat, &alert).await == Delivery::Gone {
                        self.queues.lock().remove(&chat);
                        return self.stop_alerts(chat).await;
                    }
                }
                Ok(None) => return,
                Err(_silence) => {
                    let mut queues = self.queues.lock();
                    if queue.is_empty() {
                        queues.remove(&chat);
                        return;
                    }
                }
            }
        }
    }

    /// Tells a chat, however long the transport makes it wait.
    async fn tell(&self, chat: ChatId, alert: &Alert) -> Delivery {
        let until = Instant::now() + PATIENCE;
        loop {
            // Not worded before it can be sent: it says how long ago things were.
            self.transport.ready().await;
            let delivery = self.transport.send(chat, message(&self.conversation, alert)).await;
            if delivery != Delivery::Postponed {
                return delivery;
            }
            if Instant::now() >= until {
                warn!("an alert was given up: it could not be sent for {PATIENCE:?}");
                return delivery;
            }
        }
    }

    async fn stop_alerts(&self, chat: ChatId) {
        if let Err(error) = self.conversation.views.stop_all_alerts(chat).await {
            warn!(%error, "alerts of a chat that is gone could not be stopped");
        }
    }
}

/// What a chat is told.
fn message(conversation: &Conversation, alert: &Alert) -> Reply {
    let zone = conversation.zone(&alert.city);
    let attribution = conversation.attribution(&alert.city);
    let text = words::alert(alert, &zone, conversation.now_ms());
    let mut buttons = Vec::new();
    if let Some(location) = alert.location {
        buttons.push(Button::open("Directions", words::directions_url(location)));
    }
    buttons.push(Button::send("Stop this alert", format!("stop {}", alert.subscription.id)));
    Reply::text(words::with_attribution(text, [attribution])).row(buttons)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::{BodyExt, Full};
    use model::{Clock, ManualClock, TimestampMs};

    use super::*;
    use crate::client::Client;
    use crate::views::{Count, Direction, Subscription, Views};

    const CHAT: ChatId = ChatId(7);
    const NOW_MS: i64 = 1_730_000_000_000;
    const HOUR: Duration = Duration::from_secs(3600);

    /// A server that has one subscription, and tells what it is asked for.
    fn server(statements: mpsc::UnboundedSender<String>) -> Client {
        Client::in_process(tower::service_fn(move |request: Request<Full<Bytes>>| {
            let statements = statements.clone();
            async move {
                let body = request.into_body().collect().await.expect("a body").to_bytes();
                let _ = statements.send(String::from_utf8_lossy(&body).into_owned());
                let answer = "{\"columnNames\":[\"ID\",\"CHAT\",\"NAME\",\"DIRECTION\",\"THRESHOLD\"]}\n\
                              [\"a\",7,\"Pier Road\",\"ABOVE\",10]\n";
                Ok(Response::new(Full::new(Bytes::from(answer))))
            }
        }))
    }

    /// Decides as it was told to; while it is not ready, hours pass.
    struct Moody {
        clock: Arc<ManualClock>,
        moods: Mutex<VecDeque<Delivery>>,
        sent: mpsc::UnboundedSender<Reply>,
    }

    impl Transport for Moody {
        async fn send(&self, _: ChatId, reply: Reply) -> Delivery {
            let mood = self.moods.lock().pop_front().unwrap_or(Delivery::Sent);
            match mood {
                Delivery::Postponed => self.clock.advance(HOUR),
                _ => drop(self.sent.send(reply)),
            }
            mood
        }
    }

    fn alert() -> Alert {
        Alert {
            position: 1,
            subscription: Subscription {
                id: "a".into(),
                chat: CHAT,
                park: "Pier Road".into(),
                direction: Direction::Above,
                threshold: 10,
                label: String::new(),
                since_ms: 0,
            },
            city: "jersey".into(),
            count: Count { free: 11, time_ms: NOW_MS },
            capacity: None,
            location: None,
        }
    }

    /// Hands an alert over to a transport of these moods; what it got, and what the server was
    /// asked.
    async fn hand_over(
        moods: &[Delivery],
    ) -> (mpsc::UnboundedReceiver<Reply>, mpsc::UnboundedReceiver<String>) {
        let clock = Arc::new(ManualClock::at(TimestampMs(NOW_MS)));
        let (statement, statements) = mpsc::unbounded_channel();
        let (sent, replies) = mpsc::unbounded_channel();
        let views = Views::new(server(statement));
        let now: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let conversation = Arc::new(Conversation::new(views, now, Vec::new()));
        let moods = Mutex::new(moods.iter().copied().collect());
        let desk = Desk::new(conversation, Arc::new(Moody { clock, moods, sent }));
        let room = desk.room_for(1).await;
        desk.hand_over(alert(), Some(room));
        (replies, statements)
    }

    #[tokio::test]
    async fn an_alert_that_is_postponed_is_worded_anew() {
        let (mut replies, _) = hand_over(&[Delivery::Postponed, Delivery::Postponed]).await;
        let Some(Reply { content: crate::reply::Content::Text(text), .. }) = replies.recv().await
        else {
            panic!("a text")
        };
        assert!(text.starts_with("There is space: Pier Road, 11 spaces free"), "{text}");
        assert!(text.contains("(2 h ago). This is old"), "{text}");
    }

    #[tokio::test]
    async fn a_chat_that_is_gone_has_no_alerts_any_more() {
        let (_, mut statements) = hand_over(&[Delivery::Gone]).await;
        let asked = statements.recv().await.expect("its subscriptions are looked up");
        assert!(asked.contains("WHERE CHAT = ${chat}"), "{asked}");
        let stopped = statements.recv().await.expect("one is stopped");
        assert!(stopped.contains("INSERT INTO SUBSCRIPTION_CHANGES"), "{stopped}");
        assert!(stopped.contains("\"active\":\"false\""), "{stopped}");
    }
}
