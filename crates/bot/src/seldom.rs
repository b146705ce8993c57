//! What may happen very often is told in the log at once, and from then on once a minute, with how
//! often it was.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The shortest time between two words about the same.
const PAUSE: Duration = Duration::from_secs(60);

/// Counts what is not told yet.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    untold: u64,
    told: Option<Instant>,
}

impl Seldom {
    /// It happened so many times; how often it did since it was told, if that is to be told now.
    pub(crate) fn happened(&self, times: u64) -> Option<u64> {
        self.0.lock().untold += times;
        self.due()
    }

    /// How often it happened since it was told, if it did and that is to be told now.
    pub(crate) fn due(&self) -> Option<u64> {
        let mut state = self.0.lock();
        let now = Instant::now();
        let is_due = state.told.is_none_or(|told| now >= told + PAUSE);
        if state.untold == 0 || !is_due {
            return None;
        }
        state.told = Some(now);
        Some(std::mem::take(&mut state.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_told_once_and_then_counted() {
        let seldom = Seldom::default();
        assert_eq!(seldom.due(), None, "nothing happened");
        let told: Vec<u64> = (0..2000).filter_map(|_| seldom.happened(1)).collect();
        assert_eq!(told, [1]);
        assert_eq!(seldom.due(), None);
        tokio::time::advance(PAUSE).await;
        assert_eq!(seldom.due(), Some(1999));
        tokio::time::advance(PAUSE).await;
        assert_eq!(seldom.due(), None, "it is over");
    }
}
