//! Alerts to chats: to each chat in order, chats beside each other, so many under way and no more.
//!
//! Of one wish only the newest alert waits: an older one that was not sent yet is outdated. So a
//! chat has no more under way than it has wishes, and leaves room for the others.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::{error, warn};

use crate::conversation::Conversation;
use crate::reply::{Button, ChatId, Reply};
use crate::seldom::Seldom;
use crate::transports::{Delivery, Transport};
use crate::views::Alert;
use crate::words;

/// How many alerts may be under way to chats; the server's stream waits beyond.
const UNDER_WAY_MAX: usize = 1024;
/// How many may be under way to one chat, whose wishes may have come and gone meanwhile.
const UNDER_WAY_MAX_OF_CHAT: usize = 64;

/// For how long an alert waits for a transport that is not ready.
const PATIENCE: Duration = Duration::from_secs(12 * 60 * 60);

/// An alert that is to be told.
struct UnderWay {
    alert: Alert,
    /// Until when it waits.
    until: Instant,
    /// Its part of the room for those under way.
    _room: Option<Room>,
}

/// Hands alerts over.
pub(super) struct Desk<T> {
    chats: Arc<Chats<T>>,
    under_way: Arc<Semaphore>,
}

/// What the chats' tasks have in common.
struct Chats<T> {
    conversation: Arc<Conversation>,
    transport: Arc<T>,
    /// The alerts under way to each chat that has some, and a task that tells them: who puts the
    /// first one in starts it, and it ends when it has taken the last one out.
    queues: Mutex<HashMap<ChatId, VecDeque<UnderWay>>>,
    /// Alerts for which there was no room.
    dropped: Seldom,
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
        let (queues, dropped) = (Mutex::default(), Seldom::default());
        let chats = Chats { conversation, transport, queues, dropped };
        Self { chats: Arc::new(chats), under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX)) }
    }

    /// Waits until so many more alerts may be under way.
    pub(super) async fn room_for(&self, alerts: usize) -> Room {
        let alerts = alerts.min(UNDER_WAY_MAX) as u32;
        // The semaphore is never closed.
        Room(Arc::clone(&self.under_way).acquire_many_owned(alerts).await.ok())
    }

    /// Puts an alert into its chat's queue: at its end, or into the place of an older one of the
    /// same wish.
    pub(super) fn hand_over(&self, alert: Alert, room: Option<Room>) {
        let chat = alert.subscription.chat;
        let alert = UnderWay { alert, until: Instant::now() + PATIENCE, _room: room };
        let mut queues = self.chats.queues.lock();
        match queues.entry(chat) {
            Entry::Vacant(queue) => {
                queue.insert(VecDeque::from([alert]));
                tokio::spawn(Arc::clone(&self.chats).write_to(chat));
            }
            Entry::Occupied(mut queue) => {
                if put(queue.get_mut(), alert)
                    && let Some(alerts) = self.chats.dropped.happened(1)
                {
                    warn!(
                        alerts,
                        "more alerts of a chat were due than may wait; the oldest are given up"
                    );
                }
            }
        }
    }
}

/// Puts an alert into a queue; was another one dropped for it?
fn put(queue: &mut VecDeque<UnderWay>, alert: UnderWay) -> bool {
    let wish = &alert.alert.subscription.id;
    if let Some(outdated) = queue.iter_mut().find(|old| old.alert.subscription.id == *wish) {
        *outdated = alert;
        return false;
    }
    let is_full = queue.len() >= UNDER_WAY_MAX_OF_CHAT;
    if is_full {
        queue.pop_front();
    }
    queue.push_back(alert);
    is_full
}

impl<T: Transport + 'static> Chats<T> {
    /// Tells a chat what is under way to it, until nothing is.
    async fn write_to(self: Arc<Self>, chat: ChatId) {
        while let Some(_waiting) = self.first(chat) {
            self.transport.ready().await;
            // Not taken before it can be sent, as a newer one may have come; nor worded: it says
            // how long ago things were.
            let Some((alert, until)) = self.first(chat) else { return };
            match self.tell(chat, &alert).await {
                Delivery::Gone => {
                    self.queues.lock().remove(&chat);
                    return self.stop_alerts(chat).await;
                }
                Delivery::Postponed if Instant::now() < until => {}
                delivery => {
                    if delivery == Delivery::Postponed {
                        warn!("an alert was given up: it could not be sent for {PATIENCE:?}");
                    }
                    self.done(chat, &alert);
                }
            }
        }
    }

    /// The first alert under way to a chat, and until when it waits. If there is none the chat's
    /// queue is gone, and its task has to end.
    fn first(&self, chat: ChatId) -> Option<(Alert, Instant)> {
        let mut queues = self.queues.lock();
        let first = queues.get(&chat)?.front();
        let first = first.map(|first| (first.alert.clone(), first.until));
        if first.is_none() {
            queues.remove(&chat);
        }
        first
    }

    /// An alert is no longer under way. One that took its place meanwhile is.
    fn done(&self, chat: ChatId, alert: &Alert) {
        if let Some(queue) = self.queues.lock().get_mut(&chat) {
            queue.retain(|under_way| under_way.alert.position != alert.position);
        }
    }

    async fn tell(&self, chat: ChatId, alert: &Alert) -> Delivery {
        let telling = async { self.transport.send(chat, message(&self.conversation, alert)).await };
        // A mistake of ours takes this alert, and not those that wait behind it.
        AssertUnwindSafe(telling).catch_unwind().await.unwrap_or_else(|_| {
            error!("an alert may not have been told: there is a mistake in the program");
            Delivery::Unsure
        })
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
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::{BodyExt, Full};
    use model::{Clock, ManualClock, TimestampMs};
    use tokio::sync::mpsc;

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

    /// An alert of this wish of this chat.
    fn alert(chat: ChatId, wish: &str, position: i64) -> Alert {
        Alert {
            position,
            subscription: Subscription {
                id: wish.into(),
                chat,
                park_key: "Pier Road".into(),
                park: "Pier Road".into(),
                direction: Direction::Above,
                threshold: 10,
                label: String::new(),
                since_ms: 0,
            },
            city: "jersey".into(),
            count: Count { free: 10 + position, time_ms: NOW_MS },
            capacity: None,
            location: None,
        }
    }

    /// A desk before such a transport, and what the server behind it is asked.
    fn desk<T: Transport + 'static>(
        transport: impl FnOnce(Arc<ManualClock>) -> T,
    ) -> (Desk<T>, mpsc::UnboundedReceiver<String>) {
        let clock = Arc::new(ManualClock::at(TimestampMs(NOW_MS)));
        let (statement, statements) = mpsc::unbounded_channel();
        let now: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let conversation = Conversation::new(Views::new(server(statement)), now, Vec::new());
        (Desk::new(Arc::new(conversation), Arc::new(transport(clock))), statements)
    }

    /// Hands an alert over to a transport of these moods; what it got, and what the server was
    /// asked.
    async fn hand_over(
        moods: &[Delivery],
    ) -> (mpsc::UnboundedReceiver<Reply>, mpsc::UnboundedReceiver<String>) {
        let (sent, replies) = mpsc::unbounded_channel();
        let moods = Mutex::new(moods.iter().copied().collect());
        let (desk, statements) = desk(|clock| Moody { clock, moods, sent });
        let room = desk.room_for(1).await;
        desk.hand_over(alert(CHAT, "a", 1), Some(room));
        (replies, statements)
    }

    /// Takes a message when it is let to; the first one may end in a panic.
    struct Slow {
        turns: Semaphore,
        panics: std::sync::atomic::AtomicBool,
        sent: mpsc::UnboundedSender<(ChatId, String)>,
    }

    impl Transport for Slow {
        async fn send(&self, chat: ChatId, reply: Reply) -> Delivery {
            assert!(!self.panics.swap(false, std::sync::atomic::Ordering::Relaxed), "a mistake");
            let crate::reply::Content::Text(text) = reply.content else { panic!("a text") };
            let free = text.split(' ').nth(5).unwrap_or_default().to_string();
            drop(self.sent.send((chat, free)));
            Delivery::Sent
        }

        async fn ready(&self) {
            self.turns.acquire().await.expect("open").forget();
        }
    }

    fn slow(panics: bool) -> (Desk<Slow>, mpsc::UnboundedReceiver<(ChatId, String)>) {
        let (sent, replies) = mpsc::unbounded_channel();
        let turns = Semaphore::new(0);
        (desk(|_| Slow { turns, panics: panics.into(), sent }).0, replies)
    }

    #[tokio::test]
    async fn of_one_wish_the_newest_is_told_and_a_chat_leaves_room_for_others() {
        const WISHES: i64 = 28;
        const OTHER: ChatId = ChatId(8);
        let (desk, mut told) = slow(false);
        // A feed that swings: a thousand more than there is room for, of one chat.
        let alerts = UNDER_WAY_MAX as i64 + 1000;
        for position in 0..alerts {
            let room = desk.room_for(1).await;
            let wish = (position % WISHES).to_string();
            desk.hand_over(alert(CHAT, &wish, position), Some(room));
        }
        assert_eq!(desk.under_way.available_permits(), UNDER_WAY_MAX - WISHES as usize);
        let room = desk.room_for(1).await;
        desk.hand_over(alert(OTHER, "b", 1), Some(room));
        desk.chats.transport.turns.add_permits(WISHES as usize + 1);
        let mut free = Vec::new();
        for _ in 0..=WISHES {
            let (chat, told) = told.recv().await.expect("told");
            match chat {
                CHAT => free.push(told.parse::<i64>().expect("a number") - 10),
                _ => assert_eq!(told, "11"),
            }
        }
        free.sort_unstable();
        assert_eq!(free, (alerts - WISHES..alerts).collect::<Vec<_>>(), "the newest of each");
        while desk.under_way.available_permits() < UNDER_WAY_MAX {
            tokio::task::yield_now().await;
        }
        assert!(desk.chats.queues.lock().is_empty(), "no task is left");
    }

    #[tokio::test]
    async fn wishes_that_come_and_go_do_not_fill_everybodys_places() {
        let (desk, _told) = slow(false);
        for position in 0..1000 {
            let room = desk.room_for(1).await;
            desk.hand_over(alert(CHAT, &position.to_string(), position), Some(room));
        }
        let under_way = UNDER_WAY_MAX - desk.under_way.available_permits();
        assert_eq!(under_way, UNDER_WAY_MAX_OF_CHAT);
    }

    #[tokio::test]
    async fn a_panic_takes_one_alert_and_no_more() {
        let (desk, mut told) = slow(true);
        for (wish, position) in [("a", 1), ("b", 2), ("c", 3)] {
            let room = desk.room_for(1).await;
            desk.hand_over(alert(CHAT, wish, position), Some(room));
        }
        desk.chats.transport.turns.add_permits(3);
        for free in ["12", "13"] {
            assert_eq!(told.recv().await, Some((CHAT, free.to_string())));
        }
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
