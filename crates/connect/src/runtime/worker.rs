//! One connector at work: poll, commit, wait, again.
//!
//! Records and the position behind them go into one commit of the journal, so that a crash at any
//! moment leaves either both or neither.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use journal::{Commit, Journal, partition_for_key};
use model::{Clock, Header, Record, TimestampMs, TopicPartition};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};

use super::status::{State, Status};
use crate::ledger;
use crate::pace;
use crate::source::{
    Extracted, Outcome, Pacing, Poll, PollError, Position, Rejected, Source, Target,
};

/// What a connector is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Run,
    Pause,
    Stop,
}

/// Asks for a poll now; answered when it is over.
pub(super) type PollRequest = oneshot::Sender<Status>;

/// What a connector's task and its handle share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) status: Mutex<Status>,
    /// Held while something is committed; true once the connector is dropped, when nothing may be.
    pub(super) dropped: Mutex<bool>,
}

pub(super) struct Worker {
    pub(super) name: String,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) source: Box<dyn Source>,
    pub(super) pacing: Pacing,
    pub(super) target: Target,
    pub(super) position: Option<Position>,
    pub(super) shared: Arc<Shared>,
    pub(super) wish: watch::Receiver<Wish>,
    pub(super) requests: mpsc::Receiver<PollRequest>,
}

impl Worker {
    /// Works until told to stop, or until the connector's handle is gone.
    pub(super) async fn run(mut self) {
        let mut asked: Vec<PollRequest> = Vec::new();
        loop {
            let wish = *self.wish.borrow_and_update();
            match wish {
                Wish::Stop => return,
                Wish::Pause => {
                    self.shared.status.lock().state = State::Paused;
                    self.shared.status.lock().next_poll_at = None;
                    self.answer(&mut asked);
                    tokio::select! {
                        changed = self.wish.changed() => if changed.is_err() { return },
                        request = self.requests.recv() => match request {
                            None => return,
                            // Paused means paused: it is told how things are, and no more.
                            Some(request) => asked.push(request),
                        },
                    }
                    continue;
                }
                Wish::Run => {}
            }
            let polled = {
                let poll = self.source.poll(self.position.as_ref());
                tokio::select! {
                    polled = poll => polled,
                    changed = self.wish.changed() => {
                        if changed.is_err() { return }
                        continue;
                    }
                }
            };
            let Some(wait) = self.settle(polled).await else { continue };
            self.answer(&mut asked);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                changed = self.wish.changed() => if changed.is_err() { return },
                request = self.requests.recv() => match request {
                    None => return,
                    Some(request) => asked.push(request),
                },
            }
        }
    }

    /// Tells all who asked how things are; who has gone meanwhile does not mind.
    fn answer(&self, asked: &mut Vec<PollRequest>) {
        for request in asked.drain(..) {
            drop(request.send(self.shared.status.lock().clone()));
        }
    }

    /// Commits what a poll brought, notes how it went, and says how long to wait; not at all if
    /// there is more of the document.
    async fn settle(&mut self, polled: Result<Poll, PollError>) -> Option<Duration> {
        let settled = match polled {
            Ok(poll) => self.commit(poll).await,
            Err(error) => Err(error),
        };
        let chance: f64 = rand::random();
        let now = self.clock.now();
        let mut status = self.shared.status.lock();
        let wait = match settled {
            Ok(poll) => {
                report_success(&self.name, &status, &poll);
                status.succeed(&poll);
                if poll.more {
                    return None;
                }
                pace::after_success(&self.pacing, chance)
            }
            Err(error) => {
                tracing::warn!(connector = %self.name, "connector {}: {error}", self.name);
                status.fail(&error, now);
                pace::after_failure(&self.pacing, status.failures_in_row, &error, chance)
            }
        };
        status.next_poll_at = Some(TimestampMs(now.0.saturating_add(wait.as_millis() as i64)));
        Some(wait)
    }

    /// Appends records and position, all or nothing. Blocks a thread of its own, not the runtime's.
    async fn commit(&mut self, poll: Poll) -> Result<Poll, PollError> {
        if poll.position.is_none() && poll.records.is_empty() && poll.rejected.is_empty() {
            return Ok(poll);
        }
        let commit = self.commit_of(&poll);
        let (journal, shared) = (Arc::clone(&self.journal), Arc::clone(&self.shared));
        let committing = tokio::task::spawn_blocking(move || {
            let dropped = shared.dropped.lock();
            if *dropped { Ok(()) } else { journal.commit(commit).map(|_| ()) }
        });
        match committing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(PollError::NotAppended { what: error.to_string() }),
            Err(error) => return Err(PollError::NotAppended { what: error.to_string() }),
        }
        if poll.position.is_some() {
            self.position.clone_from(&poll.position);
        }
        Ok(poll)
    }

    fn commit_of(&self, poll: &Poll) -> Commit {
        let partitions = self.journal.topic(&self.target.topic).map_or(1, |t| t.spec.partitions);
        let polls = self.shared.status.lock().polls;
        let mut by_partition = vec![Vec::new(); partitions as usize];
        for extracted in &poll.records {
            // Records without key stay together, so that a document's order is kept.
            let partition = match &extracted.key {
                Some(key) => partition_for_key(key, partitions),
                None => (polls % u64::from(partitions)) as u32,
            };
            by_partition[partition as usize].push(self.record(extracted, poll.fetched_at));
        }
        let mut commit = Commit::default();
        for (partition, records) in by_partition.into_iter().enumerate() {
            if !records.is_empty() {
                let partition = TopicPartition::new(self.target.topic.as_str(), partition as u32);
                commit.records.push((partition, records));
            }
        }
        if let (Some(topic), false) = (&self.target.dead_letters, poll.rejected.is_empty()) {
            let letter = |rejected| self.dead_letter(rejected, poll.fetched_at);
            let letters = poll.rejected.iter().map(letter).collect();
            commit.records.push((TopicPartition::new(topic.as_str(), 0), letters));
        }
        if let Some(position) = &poll.position {
            let record = ledger::position(&self.name, position, poll.fetched_at);
            commit.records.push((ledger::partition(), vec![record]));
        }
        commit
    }

    fn record(&self, extracted: &Extracted, fetched_at: TimestampMs) -> Record {
        Record {
            key: extracted.key.clone(),
            value: Some(extracted.value.clone()),
            timestamp: fetched_at,
            headers: self.headers(fetched_at),
        }
    }

    fn dead_letter(&self, rejected: &Rejected, fetched_at: TimestampMs) -> Record {
        let mut headers = self.headers(fetched_at);
        headers.push(header("kerb.error", &rejected.reason));
        Record { key: None, value: Some(rejected.raw.clone()), timestamp: fetched_at, headers }
    }

    /// Where a record comes from, and when it was fetched (milliseconds since 1970, as text).
    fn headers(&self, fetched_at: TimestampMs) -> Vec<Header> {
        vec![header("kerb.source", &self.name), header("kerb.fetched_at", &fetched_at.to_string())]
    }
}

fn header(name: &str, value: &str) -> Header {
    Header { name: name.to_owned(), value: Some(Bytes::copy_from_slice(value.as_bytes())) }
}

fn report_success(name: &str, before: &Status, poll: &Poll) {
    if before.failures_in_row > 0 {
        let failures = before.failures_in_row;
        tracing::info!(
            connector = %name,
            failures,
            "connector {name}: back after {failures} failures"
        );
    }
    if let Some(rejected) = poll.rejected.last() {
        let count = poll.rejected.len();
        tracing::warn!(
            connector = %name,
            "connector {name}: {count} parts of the document left out, the last because {}",
            rejected.reason
        );
    }
    if poll.outcome == Outcome::Empty && before.note != poll.note {
        let note = poll.note.as_deref().unwrap_or("the document is empty");
        tracing::warn!(connector = %name, "connector {name}: {note}; what was known stays");
    }
    let records = poll.records.len();
    tracing::debug!(connector = %name, records, "connector {name}: polled, {records} records");
}
