//! Alerts about old data: the newest of each subscription is held for a moment, and told if it is
//! still so.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::views::{Alert, Park};

/// An alert about data older than this is old.
const FRESH_MS: i64 = 60 * 60 * 1000;
/// Where the newest reading is older than this, nothing can be said of now.
const KNOWN_MS: i64 = 48 * 60 * 60 * 1000;
/// How long old alerts are held: more may come behind them, from the same document.
const HELD: Duration = Duration::from_secs(3);

/// Alerts about old data.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// By subscription.
    held: HashMap<String, Alert>,
    until: Option<Instant>,
}

impl Late {
    /// Gives back an alert that is news. One about old data is kept here; either replaces an older
    /// one of its subscription.
    pub(super) fn keep(&mut self, alert: Alert, now_ms: i64) -> Option<Alert> {
        self.held.remove(&alert.subscription.id);
        if now_ms - alert.count.time_ms <= FRESH_MS {
            return Some(alert);
        }
        self.until.get_or_insert_with(|| Instant::now() + HELD);
        self.held.insert(alert.subscription.id.clone(), alert);
        None
    }

    /// Resolves when what is held has been held long enough.
    pub(super) fn due(&self) -> impl Future<Output = ()> + Send + use<> {
        let until = self.until;
        async move {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        }
    }

    /// What is still so of all that is held, by the newest readings and with their numbers.
    pub(super) fn still_so(&mut self, parks: &[Park], now_ms: i64) -> Vec<Alert> {
        self.until = None;
        let mut all: Vec<Alert> = self.held.drain().map(|(_, alert)| alert).collect();
        all.sort_by_key(|alert| alert.position);
        all.into_iter().filter_map(|alert| by_now(alert, parks, now_ms)).collect()
    }
}

fn by_now(alert: Alert, parks: &[Park], now_ms: i64) -> Option<Alert> {
    let wish = &alert.subscription;
    let park = parks.iter().find(|park| park.key == wish.park_key)?;
    let count = park.count?;
    let met = wish.direction.is_met(count.free, wish.threshold);
    let known = count.time_ms >= alert.count.time_ms && now_ms - count.time_ms <= KNOWN_MS;
    (met && known).then_some(Alert { count, capacity: park.capacity, ..alert })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::ChatId;
    use crate::views::{Count, Direction, Subscription};

    const HOUR_MS: i64 = 60 * 60 * 1000;
    const NOW: i64 = 1_730_000_000_000;

    fn alert(id: &str, position: i64, hours_ago: i64) -> Alert {
        Alert {
            position,
            subscription: Subscription {
                id: id.into(),
                chat: ChatId(1),
                park_key: "Pier Road".into(),
                park: "Pier Road".into(),
                direction: Direction::Above,
                threshold: 10,
                label: String::new(),
                since_ms: 0,
            },
            city: "jersey".into(),
            count: Count { free: 11, time_ms: NOW - hours_ago * HOUR_MS },
            capacity: None,
            location: None,
        }
    }

    fn park(free: i64, hours_ago: i64) -> Park {
        Park {
            key: "Pier Road".into(),
            name: "Pier Road".into(),
            city: "jersey".into(),
            count: Some(Count { free, time_ms: NOW - hours_ago * HOUR_MS }),
            capacity: Some(100),
            free_before: None,
            closed: false,
            flag: None,
            location: None,
            directions_url: None,
        }
    }

    #[test]
    fn news_passes_and_supersedes_what_is_held() {
        let mut late = Late::default();
        assert!(late.keep(alert("a", 1, 9), NOW).is_none());
        assert!(late.keep(alert("a", 2, 0), NOW).is_some());
        assert!(late.still_so(&[park(50, 0)], NOW).is_empty());
    }

    #[test]
    fn of_a_day_that_comes_at_once_the_newest_is_told_if_it_is_still_so() {
        let mut late = Late::default();
        for (position, hours) in [(1, 20), (2, 15), (3, 10)] {
            assert!(late.keep(alert("a", position, hours), NOW).is_none());
        }
        assert!(late.until.is_some(), "they are looked at soon");
        let told = late.still_so(&[park(50, 8)], NOW);
        let told: Vec<_> =
            told.iter().map(|a| (a.position, a.count.free, a.count.time_ms)).collect();
        assert_eq!(told, [(3, 50, NOW - 8 * HOUR_MS)]);
        assert!(late.still_so(&[park(50, 8)], NOW).is_empty(), "once");
    }

    #[test]
    fn what_is_over_or_too_old_is_not_told() {
        let check = |park: Park| {
            let mut late = Late::default();
            late.keep(alert("a", 1, 72), NOW);
            assert!(late.still_so(&[park], NOW).is_empty());
        };
        check(park(3, 1));
        check(park(50, 49));
        check(Park { key: "Minden".into(), ..park(50, 1) });
    }
}
