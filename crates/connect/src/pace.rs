//! When to poll next: pure functions of how it went and of chance.

use std::time::Duration;

use crate::source::{Pacing, PollError};

/// The wait after a poll that went well: the interval, stretched or shrunk by up to the jitter.
/// `chance` is from 0 to 1.
pub(crate) fn after_success(pacing: &Pacing, chance: f64) -> Duration {
    let jitter = pacing.jitter_percent as f64 / 100.0;
    pacing.interval.mul_f64((1.0 + jitter * (2.0 * chance - 1.0)).max(0.0))
}

/// The wait after `failures` polls in a row went wrong (1: the first).
///
/// It doubles from `retry_initial` to `retry_max`; chance takes off up to half, so that clients of
/// a feed that comes back do not all come at once. A longer wait that the other side asks for is
/// kept, within a day; a shorter one would have us ask again and again.
pub(crate) fn after_failure(
    pacing: &Pacing,
    failures: u32,
    error: &PollError,
    chance: f64,
) -> Duration {
    const ASKED_MAX: Duration = Duration::from_secs(24 * 60 * 60);
    let doubled = pacing.retry_initial.saturating_mul(1 << failures.saturating_sub(1).min(20));
    let ours = doubled.min(pacing.retry_max).mul_f64(1.0 - chance / 2.0);
    ours.max(error.retry_after().unwrap_or_default().min(ASKED_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACING: Pacing = Pacing {
        interval: Duration::from_secs(180),
        jitter_percent: 10,
        retry_initial: Duration::from_secs(5),
        retry_max: Duration::from_secs(600),
    };

    fn lost() -> PollError {
        PollError::NotConnected { what: "gone".to_owned() }
    }

    #[test]
    fn jitter_moves_the_interval_by_its_percentage() {
        let check = |chance, seconds| {
            assert_eq!(after_success(&PACING, chance), Duration::from_secs(seconds));
        };
        check(0.0, 162);
        check(0.5, 180);
        check(1.0, 198);
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<_> =
            (1..=9).map(|n| after_failure(&PACING, n, &lost(), 0.0).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(after_failure(&PACING, u32::MAX, &lost(), 0.0), PACING.retry_max);
    }

    #[test]
    fn chance_takes_off_up_to_half() {
        assert_eq!(after_failure(&PACING, 3, &lost(), 1.0), Duration::from_secs(10));
        assert_eq!(after_failure(&PACING, 3, &lost(), 0.5), Duration::from_secs(15));
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept() {
        let asked = |seconds| PollError::Retry {
            after: Some(Duration::from_secs(seconds)),
            what: String::new(),
            http_status: Some(429),
        };
        assert_eq!(after_failure(&PACING, 1, &asked(1234), 1.0), Duration::from_secs(1234));
        assert_eq!(after_failure(&PACING, 1, &asked(u64::MAX), 1.0), Duration::from_secs(86_400));
        // "At once", for ever, would be a hot loop.
        assert_eq!(after_failure(&PACING, 1, &asked(0), 0.0), Duration::from_secs(5));
        assert_eq!(after_failure(&PACING, 3, &asked(7), 0.0), Duration::from_secs(20));
    }
}
