//! Alerts: crossings come from the server by one push query for all chats, messages go to a transport.
//!
//! Each alert is told once. Its position is saved before it is handed over, so that a crash can lose
//! the messages under way but never repeats one; the transport itself retries what did not arrive.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{Semaphore, mpsc};
use tracing::{info, warn};

use crate::client::ClientError;
use crate::conversation::Conversation;
use crate::reply::{Button, ChatId, Reply};
use crate::transports::{Delivery, Transport};
use crate::views::Alert;
use crate::words;

/// The name under which the position in the stream of alerts is saved.
const POSITION: &str = "alerts";
/// How many alerts may be under way to chats; the server's stream waits beyond.
const UNDER_WAY_MAX: usize = 1024;
/// How many alerts share one saved position.
const BATCH_MAX: usize = 256;
/// The longest pause before the stream is opened again.
const BACK_OFF_MAX: Duration = Duration::from_secs(30);
/// An alert about data older than this is no news any more, and is not told.
const STALE_MS: i64 = 60 * 60 * 1000;

/// Reads alerts and hands them to `transport`, for ever; the caller drops the future to stop it.
pub async fn deliver<T: Transport + 'static>(conversation: Arc<Conversation>, transport: Arc<T>) {
    let mut pause = Duration::from_secs(1);
    let desk = Desk::new(Arc::clone(&conversation), transport);
    loop {
        match run(&desk).await {
            Ok(()) => info!("the server ended the stream of alerts; opening it again"),
            Err(error) => warn!(%error, "the stream of alerts broke off; opening it again"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(BACK_OFF_MAX);
    }
}

async fn run<T: Transport + 'static>(desk: &Desk<T>) -> Result<(), ClientError> {
    let views = &desk.conversation.views;
    let position = views.position(POSITION).await?.unwrap_or(-1);
    let alerts = views.alerts(position).await?;
    let mut batches = std::pin::pin!(alerts.ready_chunks(BATCH_MAX));
    while let Some(batch) = batches.next().await {
        let mut alerts = Vec::with_capacity(batch.len());
        let mut end = Ok(());
        for alert in batch {
            match alert {
                Ok(alert) => alerts.push(alert),
                Err(error) => end = Err(error),
            }
        }
        if let Some(last) = alerts.last() {
            views.save_position(POSITION, last.position).await?;
        }
        for alert in alerts {
            desk.hand_over(alert).await;
        }
        end?;
    }
    Ok(())
}

/// Hands alerts over: to each chat in order, chats beside each other.
struct Desk<T> {
    conversation: Arc<Conversation>,
    transport: Arc<T>,
    under_way: Arc<Semaphore>,
    chats: tokio::sync::Mutex<HashMap<ChatId, mpsc::UnboundedSender<Alert>>>,
}

impl<T: Transport + 'static> Desk<T> {
    fn new(conversation: Arc<Conversation>, transport: Arc<T>) -> Self {
        Self {
            conversation,
            transport,
            under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
            chats: tokio::sync::Mutex::default(),
        }
    }

    async fn hand_over(&self, alert: Alert) {
        let now_ms = self.conversation.now_ms();
        if now_ms - alert.time_ms > STALE_MS {
            return;
        }
        // Bounds the messages waiting in all chats' queues together.
        let Ok(permit) = Arc::clone(&self.under_way).acquire_owned().await else { return };
        permit.forget();
        let chat = alert.subscription.chat;
        let mut chats = self.chats.lock().await;
        chats.retain(|_, queue| !queue.is_closed());
        let queue = chats.entry(chat).or_insert_with(|| self.open(chat));
        if queue.send(alert).is_err() {
            self.under_way.add_permits(1);
        }
    }

    /// Starts the task that writes to one chat.
    fn open(&self, chat: ChatId) -> mpsc::UnboundedSender<Alert> {
        /// A chat's task ends after so long a silence.
        const SILENCE: Duration = Duration::from_secs(60);
        let (sender, mut queue) = mpsc::unbounded_channel::<Alert>();
        let conversation = Arc::clone(&self.conversation);
        let transport = Arc::clone(&self.transport);
        let under_way = Arc::clone(&self.under_way);
        tokio::spawn(async move {
            while let Ok(Some(alert)) = tokio::time::timeout(SILENCE, queue.recv()).await {
                let delivery = transport.send(chat, message(&conversation, &alert)).await;
                under_way.add_permits(1);
                if delivery == Delivery::Gone {
                    if let Err(error) = conversation.views.stop_all_alerts(chat).await {
                        warn!(%error, "alerts of a chat that is gone could not be stopped");
                    }
                    break;
                }
            }
            queue.close();
            while queue.recv().await.is_some() {
                under_way.add_permits(1);
            }
        });
        sender
    }
}

/// What a chat is told.
fn message(conversation: &Conversation, alert: &Alert) -> Reply {
    let zone = conversation.cities().first().map(|c| c.zone.clone());
    let zone = zone.unwrap_or(jiff::tz::TimeZone::UTC);
    let text = words::alert(alert, &zone, conversation.now_ms());
    let mut buttons = Vec::new();
    if let Some(location) = alert.location {
        buttons.push(Button::open("Directions", words::directions_url(location)));
    }
    buttons.push(Button::send("Stop this alert", format!("stop {}", alert.subscription.id)));
    Reply::text(text).row(buttons)
}
