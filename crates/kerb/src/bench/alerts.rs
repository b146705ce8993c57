//! From the append of a reading to the alert in the transport's hands, through all of the views:
//! with one subscription, and with ten thousand of which one is met.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bot::client::Client;
use bot::conversation::Conversation;
use bot::reply::{ChatId, Reply};
use bot::transports::{Delivery, Transport};
use bot::views::{Direction, Subscription, Views};
use journal::embedded::Fsync;
use model::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Figures;
use super::measure::{Directory, peak_rss_bytes, quantile_ms};
use crate::node::{Node, NodeOptions};

/// How many alerts are measured.
const ALERTS: usize = 200;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(60);
const PARK: &str = "Pier Road";

/// Says when it is given a message.
struct Hand(mpsc::UnboundedSender<()>);

impl Transport for Hand {
    async fn send(&self, _: ChatId, _: Reply) -> Delivery {
        // The measurement has ended if nobody listens.
        let _ = self.0.send(());
        Delivery::Sent
    }
}

pub(super) async fn run() -> Result<Vec<Figures>> {
    let mut all = Vec::new();
    for subscriptions in [1, 10_000] {
        all.push(measure(subscriptions).await?);
    }
    Ok(all)
}

async fn measure(subscriptions: usize) -> Result<Figures> {
    let directory = Directory::new(&format!("alerts-{subscriptions}"))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let node = Node::open(NodeOptions {
        data: directory.path(),
        fsync: Fsync::Group,
        clock: Arc::clone(&clock),
        environment: Arc::new(|_| None),
        settings: Default::default(),
    })?;
    node.run_interface()?;
    let views = Views::new(Client::in_process(node.router.clone()));
    let now_ms = clock.now().0;
    let reading = |minute: i64, free: i64| -> Value {
        json!({
            "NAME": PARK, "CITY": "bench", "TS": now_ms + minute, "FREE": free, "FREE_RAW": free,
            "CAPACITY": 1_000_000,
        })
    };
    let engine = node.engine.clone();
    let append = |minute, free| -> Result<()> {
        let row = reading(minute, free);
        Ok(engine.insert_row("PARKING_EVENTS", row.as_object().context("a row")?)?)
    };
    append(0, 0)?;
    for i in 0..subscriptions {
        let row = row_of(i, now_ms);
        engine.insert_row("SUBSCRIPTION_CHANGES", row.as_object().context("a row")?)?;
    }
    wait_for(&views, subscriptions).await?;
    let conversation = Arc::new(Conversation::new(views, Arc::clone(&clock), Vec::new()));
    let (hand, mut told) = mpsc::unbounded_channel();
    let delivery = tokio::spawn(bot::alerts::deliver(conversation, Arc::new(Hand(hand))));
    let mut times = Vec::new();
    for i in 0..ALERTS as i64 {
        // Up over the threshold of the first subscription, and down again to arm it.
        let began = clock.monotonic();
        append(2 * i + 1, 20)?;
        tokio::time::timeout(PATIENCE, told.recv()).await.context("an alert did not come")?;
        times.push(clock.monotonic() - began);
        append(2 * i + 2, 0)?;
    }
    delivery.abort();
    let figures = Figures {
        name: format!("alerts_{subscriptions}"),
        rows: Some(ALERTS as u64),
        p50_ms: quantile_ms(&mut times, 0.5),
        p99_ms: quantile_ms(&mut times, 0.99),
        peak_rss_bytes: peak_rss_bytes(),
        ..Figures::default()
    };
    node.shut_down().await;
    Ok(figures)
}

/// The first one is met by twenty free spaces; the others by more than there ever are.
fn row_of(i: usize, now_ms: i64) -> Value {
    let threshold = if i == 0 { 10 } else { 1000 + i };
    json!({
        "ID": format!("s{i}"), "CHAT": i, "NAME": PARK, "DIRECTION": Direction::Above.as_str(),
        "THRESHOLD": threshold, "ACTIVE": true, "LABEL": "", "SINCE": now_ms,
    })
}

/// Waits until the last subscription is in the view.
async fn wait_for(views: &Views, subscriptions: usize) -> Result<()> {
    let last = ChatId(subscriptions as i64 - 1);
    let there = async {
        loop {
            let found: Vec<Subscription> = views.subscriptions(last).await?;
            if !found.is_empty() {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, there).await.context("the subscriptions did not arrive")?
}
