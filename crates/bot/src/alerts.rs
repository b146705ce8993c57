//! Alerts: crossings come from the server by one push query for all chats, messages go to a
//! transport.
//!
//! Each alert is told at most once. Its position is saved before it is handed over, so that a crash
//! can lose the messages under way but never repeats one; the transport itself retries what did not
//! arrive. While the transport is out of reach nothing more is taken: alerts wait in the server's
//! log.
//!
//! An alert about old data is another matter: a feed that is published once a day tells all of
//! yesterday at once, and a bot that was stopped for long finds all that happened meanwhile. Such
//! alerts are held for a moment, the newest of each subscription, and told only if what they tell
//! is still so by the newest reading there is. That is one message for a wish, and never a flood.

mod desk;
mod late;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tracing::{error, info, warn};

use crate::client::ClientError;
use crate::conversation::Conversation;
use crate::transports::Transport;
use desk::Desk;
use late::Late;

/// The name under which the position in the stream of alerts is saved.
const POSITION: &str = "alerts";
/// How many alerts share one saved position.
const BATCH_MAX: usize = 256;
/// The pause before the stream is opened again, the first time.
const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
/// The longest such pause.
const BACK_OFF_MAX: Duration = Duration::from_secs(30);

/// Reads alerts and hands them to `transport`, for ever; the caller drops the future to stop it. A
/// panic does not: the stream is opened again, as when it broke off.
pub async fn deliver<T: Transport + 'static>(conversation: Arc<Conversation>, transport: Arc<T>) {
    let mut pause = BACK_OFF_FIRST;
    let mut reader = AlertStream {
        desk: Desk::new(Arc::clone(&conversation), Arc::clone(&transport)),
        conversation,
        transport,
        position: None,
        late: Late::default(),
    };
    loop {
        match AssertUnwindSafe(reader.read(&mut pause)).catch_unwind().await {
            Ok(Ok(())) => info!("the server ended the stream of alerts; opening it again"),
            Ok(Err(error)) => warn!(%error, "the stream of alerts broke off; opening it again"),
            // A fault of ours. Its batch is lost; the position is behind it.
            Err(_) => error!("reading the alerts broke down; opening their stream again"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(BACK_OFF_MAX);
    }
}

/// Reads the stream.
struct AlertStream<T> {
    conversation: Arc<Conversation>,
    transport: Arc<T>,
    desk: Desk<T>,
    /// Behind which alert to go on, once that is known.
    position: Option<i64>,
    /// Alerts about old data.
    late: Late,
}

impl<T: Transport + 'static> AlertStream<T> {
    /// Reads until the stream ends. `pause` is the first one again as soon as it brings something.
    async fn read(&mut self, pause: &mut Duration) -> Result<(), ClientError> {
        let views = self.conversation.views.clone();
        let position = match self.position {
            Some(position) => position,
            None => views.position(POSITION).await?.unwrap_or(-1),
        };
        self.position = Some(position);
        let alerts = views.alerts(position).await?;
        let mut batches = std::pin::pin!(alerts.ready_chunks(BATCH_MAX));
        loop {
            let batch = tokio::select! {
                batch = batches.next() => batch,
                () = self.late.due() => {
                    self.tell_late().await?;
                    continue;
                }
            };
            let Some(batch) = batch else { return Ok(()) };
            *pause = BACK_OFF_FIRST;
            let mut alerts = Vec::with_capacity(batch.len());
            let mut end = Ok(());
            for alert in batch {
                match alert {
                    Ok(alert) => alerts.push(alert),
                    Err(error) => end = Err(error),
                }
            }
            if let Some(last) = alerts.last() {
                // Until there is room for them, they are not ours: the log keeps them.
                self.transport.ready().await;
                let mut room = self.desk.room_for(alerts.len()).await;
                views.save_position(POSITION, last.position).await?;
                self.position = Some(last.position);
                let now_ms = self.conversation.now_ms();
                for alert in alerts {
                    if let Some(alert) = self.late.keep(alert, now_ms) {
                        self.desk.hand_over(alert, room.split(1));
                    }
                }
            }
            end?;
        }
    }

    /// Tells what is still so of the alerts that were held.
    async fn tell_late(&mut self) -> Result<(), ClientError> {
        let parks = self.conversation.views.parks().await?;
        for alert in self.late.still_so(&parks, self.conversation.now_ms()) {
            let room = self.desk.room_for(1).await;
            self.desk.hand_over(alert, Some(room));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::Ready;

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use model::{ManualClock, TimestampMs};
    use tokio::sync::mpsc;

    use super::*;
    use crate::client::Client;
    use crate::reply::{ChatId, Reply};
    use crate::transports::Delivery;
    use crate::views::Views;

    type Answer = Ready<Result<Response<Full<Bytes>>, Infallible>>;

    struct Nobody;

    impl Transport for Nobody {
        async fn send(&self, _: ChatId, _: Reply) -> Delivery {
            Delivery::Sent
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_does_not_end_the_alerts() {
        let (asked, mut requests) = mpsc::unbounded_channel();
        let server = move |_: Request<Full<Bytes>>| -> Answer {
            let _ = asked.send(());
            panic!("a mistake")
        };
        let views = Views::new(Client::in_process(tower::service_fn(server)));
        let clock = Arc::new(ManualClock::at(TimestampMs(0)));
        let conversation = Arc::new(Conversation::new(views, clock, Vec::new()));
        let delivery = tokio::spawn(deliver(conversation, Arc::new(Nobody)));
        for _ in 0..3 {
            requests.recv().await.expect("it asks again");
        }
        delivery.abort();
    }
}
