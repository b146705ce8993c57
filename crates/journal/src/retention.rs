//! Which old records may go: pure decisions, the same for every backend.
//!
//! The extents of a partition (segments, or appends in memory) go in, oldest first; how many of
//! them may be forgotten comes out. Age counts from when a record was appended, not from its event
//! time, so that a replay of last year's feed is not thrown away as it arrives. The newest extent
//! is the one being written and always stays.

use std::time::Duration;

use model::TimestampMs;

use crate::journal::{CleanupPolicy, TopicSpec};

/// The rules of retention and compaction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetentionOptions {
    /// How long a tombstone stays after compaction first saw it, so that a reader on its way
    /// through learns of the deletion.
    pub tombstone_delay: Duration,
    /// An extent of a topic that forgets is ended when its oldest record is so old, or half as old
    /// as the topic's retention.
    pub segment_age: Duration,
    /// Compaction runs when at least this part of a partition's bytes is new since the last time.
    pub dirty_ratio_min: f64,
}

impl Default for RetentionOptions {
    fn default() -> Self {
        Self {
            tombstone_delay: Duration::from_secs(24 * 3600),
            segment_age: Duration::from_secs(7 * 24 * 3600),
            dirty_ratio_min: 0.5,
        }
    }
}

impl RetentionOptions {
    /// Whether tombstones may go from an extent that compaction first passed over at `cleaned_at`.
    pub(crate) fn tombstones_expired(
        &self,
        cleaned_at: Option<TimestampMs>,
        now: TimestampMs,
    ) -> bool {
        cleaned_at.is_some_and(|at| age_ms(at, now) >= self.tombstone_delay.as_millis() as i64)
    }
}

/// Whether there is anything to be done for a topic, ever.
pub(crate) fn forgets(spec: &TopicSpec) -> bool {
    spec.cleanup != CleanupPolicy::Delete
        || spec.retention.is_some()
        || spec.retention_bytes.is_some()
}

/// Whether the extent being written is to be ended, so that its records can be forgotten or
/// compacted: then nothing stays for more than one and a half times as long as it must.
pub(crate) fn roll_due(
    spec: &TopicSpec,
    options: &RetentionOptions,
    first_appended_at: TimestampMs,
    now: TimestampMs,
) -> bool {
    let half = spec.retention.map_or(options.segment_age, |retention| retention / 2);
    forgets(spec)
        && age_ms(first_appended_at, now) > half.min(options.segment_age).as_millis() as i64
}

/// A stretch of a partition that goes as a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) bytes: u64,
    pub(crate) last_appended_at: TimestampMs,
}

/// How many of the oldest extents may go.
pub(crate) fn retired(spec: &TopicSpec, extents: &[Extent], now: TimestampMs) -> usize {
    if spec.cleanup == CleanupPolicy::Compact {
        return 0;
    }
    let mut bytes: u64 = extents.iter().map(|extent| extent.bytes).sum();
    let sealed = extents.len().saturating_sub(1);
    let may_go = |extent: &Extent| {
        let too_old = spec.retention.is_some_and(|retention| {
            age_ms(extent.last_appended_at, now) > retention.as_millis() as i64
        });
        let left = bytes - extent.bytes;
        let too_many = spec.retention_bytes.is_some_and(|limit| left >= limit);
        bytes = left;
        too_old || too_many
    };
    extents[..sealed].iter().map(may_go).take_while(|goes| *goes).count()
}

fn age_ms(then: TimestampMs, now: TimestampMs) -> i64 {
    now.0.saturating_sub(then.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spec: TopicSpec, extents: &[(u64, i64)], now: i64, expect: usize) {
        let extent =
            |&(bytes, at): &(u64, i64)| Extent { bytes, last_appended_at: TimestampMs(at) };
        let extents: Vec<_> = extents.iter().map(extent).collect();
        assert_eq!(retired(&spec, &extents, TimestampMs(now)), expect);
    }

    #[test]
    fn old_extents_go_and_the_newest_stays() {
        let spec =
            TopicSpec { retention: Some(Duration::from_millis(10)), ..TopicSpec::new("t", 1) };
        check(spec.clone(), &[(1, 0), (1, 5), (1, 20)], 12, 1);
        check(spec, &[(1, 0), (1, 5), (1, 20)], 1000, 2);
    }

    #[test]
    fn size_leaves_at_least_what_was_promised() {
        let spec = TopicSpec { retention_bytes: Some(10), ..TopicSpec::new("t", 1) };
        check(spec.clone(), &[(5, 0), (5, 0), (5, 0)], 0, 1);
        check(spec, &[(5, 0), (6, 0), (5, 0)], 0, 1);
    }

    #[test]
    fn a_compacted_topic_forgets_nothing_by_age() {
        let spec = TopicSpec {
            retention: Some(Duration::ZERO),
            cleanup: CleanupPolicy::Compact,
            ..TopicSpec::new("t", 1)
        };
        check(spec, &[(1, 0), (1, 0)], 1000, 0);
    }
}
