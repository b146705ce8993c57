//! A commit that is made durable in the background, while its query goes on with the next batch.
//!
//! Whoever is free first carries it out: a worker of the pool, or the query itself when it has to
//! wait for it. So it needs no thread of its own, and nobody waits for a worker to become free.

use std::sync::Arc;

use journal::{Commit, Journal};
use parking_lot::{Condvar, Mutex};

use crate::run::{TaskError, caught};

/// A commit on its way.
pub struct BackgroundCommit {
    journal: Arc<dyn Journal>,
    stage: Mutex<Stage>,
    done: Condvar,
}

enum Stage {
    /// Nobody has begun.
    Waiting(Commit),
    /// Somebody is at it.
    UnderWay,
    /// It is committed, or it failed; nothing, once that was told.
    Done(Option<TaskError>),
}

impl BackgroundCommit {
    /// A commit that nobody has begun yet.
    pub fn new(journal: Arc<dyn Journal>, commit: Commit) -> Arc<Self> {
        Arc::new(Self { journal, stage: Mutex::new(Stage::Waiting(commit)), done: Condvar::new() })
    }

    /// Carries it out, unless somebody has begun.
    pub fn run(&self) {
        let commit = {
            let mut stage = self.stage.lock();
            match std::mem::replace(&mut *stage, Stage::UnderWay) {
                Stage::Waiting(commit) => commit,
                begun => {
                    *stage = begun;
                    return;
                }
            }
        };
        let error = match caught(|| self.journal.commit(commit)) {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(TaskError::Commit(error)),
            Err(_) => Some(TaskError::Panicked("the journal panicked".to_owned())),
        };
        *self.stage.lock() = Stage::Done(error);
        self.done.notify_all();
    }

    /// Waits until it is carried out, and tells how it went.
    pub fn finish(&self) -> Result<(), TaskError> {
        self.run();
        let mut stage = self.stage.lock();
        loop {
            match &mut *stage {
                Stage::Done(error) => return error.take().map_or(Ok(()), Err),
                Stage::Waiting(_) | Stage::UnderWay => self.done.wait(&mut stage),
            }
        }
    }
}
