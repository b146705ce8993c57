//! A clock for replays: starts at some moment of the past and runs faster than life.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use model::{Clock, TimestampMs};

/// Shows `origin` when made, and from then on `speed` seconds for each second of the clock beneath.
///
/// Only the wall-clock time is scaled: deadlines and measurements ([`Clock::monotonic`]) are real.
#[derive(Debug)]
pub struct ScaledClock {
    beneath: Arc<dyn Clock>,
    began: Duration,
    /// In milliseconds since 1970.
    origin: AtomicI64,
    speed: f64,
}

impl ScaledClock {
    /// A clock that shows `origin` now. A speed that is not a positive number is taken for 1.
    pub fn new(beneath: Arc<dyn Clock>, origin: TimestampMs, speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        Self { began: beneath.monotonic(), beneath, origin: AtomicI64::new(origin.0), speed }
    }

    /// Goes on from `time`, if that is still to come; a clock is never put back.
    pub fn advance_to(&self, time: TimestampMs) {
        let ahead = time.0.saturating_sub(self.now().0);
        if ahead > 0 {
            self.origin.fetch_add(ahead, Ordering::Relaxed);
        }
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> TimestampMs {
        let passed = self.beneath.monotonic().saturating_sub(self.began);
        let passed_ms = (passed.as_secs_f64() * 1e3 * self.speed) as i64;
        TimestampMs(self.origin.load(Ordering::Relaxed).saturating_add(passed_ms))
    }

    fn monotonic(&self) -> Duration {
        self.beneath.monotonic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ManualClock;

    #[test]
    fn time_runs_by_its_factor_from_its_origin() {
        let beneath = Arc::new(ManualClock::at(TimestampMs(5_000)));
        let clock = ScaledClock::new(beneath.clone(), TimestampMs(1_000_000), 60.0);
        assert_eq!(clock.now(), TimestampMs(1_000_000));
        beneath.advance(Duration::from_millis(500));
        assert_eq!(clock.now(), TimestampMs(1_030_000));
        assert_eq!(clock.monotonic(), Duration::from_millis(5_500));
    }

    #[test]
    fn it_goes_on_from_a_later_time_and_never_back() {
        let beneath = Arc::new(ManualClock::at(TimestampMs(0)));
        let clock = ScaledClock::new(beneath.clone(), TimestampMs(1_000), 10.0);
        beneath.advance(Duration::from_secs(1));
        clock.advance_to(TimestampMs(5_000));
        assert_eq!(clock.now(), TimestampMs(11_000));
        clock.advance_to(TimestampMs(50_000));
        assert_eq!(clock.now(), TimestampMs(50_000));
        beneath.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), TimestampMs(60_000));
    }

    #[test]
    fn a_speed_that_is_none_is_life() {
        let beneath = Arc::new(ManualClock::default());
        let clock = ScaledClock::new(beneath.clone(), TimestampMs(0), f64::NAN);
        beneath.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), TimestampMs(1_000));
    }
}
