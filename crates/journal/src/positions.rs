//! Where readers from outside stand: what they may say of their own groups' positions.
//!
//! Queries keep their positions in groups, too, and commit them together with their results. Nobody
//! else may move those: results would be doubled or lost.

use std::sync::Arc;

use model::{Offset, TopicPartition};

use crate::error::{CommitError, ReadError};
use crate::journal::{Commit, GroupId, Journal};
use crate::topic::is_legal_name;

/// Why a position is not kept.
#[derive(Debug, thiserror::Error)]
pub enum PositionError {
    /// Not a name as Kafka allows it.
    #[error(
        "'{0}' is no name for a consumer group: 1 to 249 letters, digits, '.', '_' and '-' make one"
    )]
    BadName(String),
    /// A group of a query.
    #[error("the consumer group '{0}' belongs to the server; choose another name")]
    Internal(String),
    /// There is nothing there to read next.
    #[error("offset {offset} of {partition} is not between {start} and {end}")]
    OutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The offset to be kept.
        offset: Offset,
        /// The oldest.
        start: Offset,
        /// One behind the newest.
        end: Offset,
    },
    /// There is no such partition, or it cannot be read.
    #[error(transparent)]
    Partition(#[from] ReadError),
    /// The journal refuses.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Keeps the offsets that a group of somebody outside is to read next, all or none.
pub fn keep_positions(
    journal: &dyn Journal,
    group: &str,
    positions: impl IntoIterator<Item = (TopicPartition, Offset)>,
) -> Result<(), PositionError> {
    if !is_legal_name(group) {
        return Err(PositionError::BadName(group.to_owned()));
    }
    if group.starts_with('_') {
        return Err(PositionError::Internal(group.to_owned()));
    }
    let group = GroupId(Arc::from(group));
    let mut offsets = Vec::new();
    for (partition, offset) in positions {
        let bounds = journal.bounds(&partition)?;
        // Behind the start is where a slow reader may stand.
        if offset < Offset::ZERO || offset > bounds.end {
            let (start, end) = (Offset::ZERO, bounds.end);
            return Err(PositionError::OutOfRange { partition, offset, start, end });
        }
        offsets.push((group.clone(), partition, offset));
    }
    journal.commit(Commit { records: Vec::new(), offsets })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{ManualClock, Record};

    use super::*;
    use crate::{MemoryJournal, TopicSpec};

    #[test]
    fn positions_of_queries_and_nonsense_are_refused() {
        let journal = MemoryJournal::new(Arc::new(ManualClock::default()));
        journal.create_topic(TopicSpec::new("t", 1)).expect("a topic");
        let place = TopicPartition::new("t", 0);
        journal.append(&place, vec![Record::default(); 3]).expect("records");
        let keep =
            |group: &str, at: i64| keep_positions(&journal, group, [(place.clone(), Offset(at))]);
        for at in [0, 2, 3] {
            keep("readers", at).expect("a place in the log");
        }
        for at in [-1, 4, i64::MIN, i64::MAX] {
            assert!(matches!(keep("readers", at), Err(PositionError::OutOfRange { .. })), "{at}");
        }
        let query = "_confluent-ksql-default_query_CTAS_T_1";
        assert!(matches!(keep(query, 0), Err(PositionError::Internal(_))));
        for name in ["", "a\nb", "a/b", &"g".repeat(250)] {
            assert!(matches!(keep(name, 0), Err(PositionError::BadName(_))), "{name}");
        }
        let nowhere = [(TopicPartition::new("nope", 0), Offset(0))];
        assert!(matches!(
            keep_positions(&journal, "readers", nowhere),
            Err(PositionError::Partition(_))
        ));
        let kept = journal.committed(&GroupId("readers".into()));
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), [(place, Offset(3))]);
    }
}
