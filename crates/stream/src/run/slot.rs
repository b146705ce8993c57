//! A persistent query as the pool sees it: something that takes turns. A turn is one batch, and
//! says when the next one is due; errors that may pass are followed by a pause and a new start.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::run::background::BackgroundCommit;
use crate::run::persistent::{PersistentTask, TaskSpec};
use crate::run::{TaskError, caught};

/// The first pause after an error; it doubles each time.
const BACK_OFF_FIRST: Duration = Duration::from_millis(250);
/// The longest pause after an error.
const BACK_OFF_MAX: Duration = Duration::from_secs(15);

/// A query that takes turns.
pub struct QuerySlot {
    spec: TaskSpec,
    work: Mutex<Work>,
}

struct Work {
    /// Opened by the turn that finds none.
    task: Option<PersistentTask>,
    back_off: Duration,
    /// It panicked over a batch, so it takes small ones.
    is_careful: bool,
}

/// When a query's next turn is due.
pub enum Due {
    /// As soon as all others that wait have had theirs. Meanwhile a commit may be carried out.
    InTurn(Option<Arc<BackgroundCommit>>),
    /// When the journal has grown.
    WithNews,
    /// After a pause.
    After(Duration),
    /// Never: it has ended.
    Never,
}

impl QuerySlot {
    /// A query, with its task if that is open already.
    pub fn new(spec: TaskSpec, first: Option<PersistentTask>) -> Arc<Self> {
        let work = Work { task: first, back_off: BACK_OFF_FIRST, is_careful: false };
        Arc::new(Self { spec, work: Mutex::new(work) })
    }

    /// Reads, processes and commits a batch, if there is one. A panic may be due to the size of
    /// what many rows made together: they are tried again a few at a time. A second one ends the
    /// query, and nothing else.
    pub fn turn(&self) -> Due {
        let mut work = self.work.lock();
        if self.spec.shared.is_closed() {
            return Due::Never;
        }
        match caught(|| self.step(&mut work))
            .unwrap_or_else(|words| Err(TaskError::Panicked(words)))
        {
            Ok(due) => due,
            Err(error) => self.failed(&mut work, &error),
        }
    }

    fn step(&self, work: &mut Work) -> Result<Due, TaskError> {
        let task = match &mut work.task {
            Some(task) => task,
            none => {
                let mut task = PersistentTask::open(self.spec.clone())?;
                if work.is_careful {
                    task.take_small_batches();
                }
                let task = none.insert(task);
                self.spec.shared.running();
                task
            }
        };
        if self.spec.shared.is_paused() {
            task.finish()?;
            return Ok(Due::After(Duration::ZERO));
        }
        if task.step()? == 0 {
            return Ok(Due::WithNews);
        }
        work.back_off = BACK_OFF_FIRST;
        Ok(Due::InTurn(task.under_way()))
    }

    fn failed(&self, work: &mut Work, error: &TaskError) -> Due {
        drop_caught(work.task.take());
        if matches!(error, TaskError::Panicked(_)) && !work.is_careful {
            tracing::warn!(query = self.spec.id, %error, "query begins anew, with small batches");
            work.is_careful = true;
            return Due::InTurn(None);
        }
        let tries_again = error.is_retryable();
        tracing::warn!(query = self.spec.id, %error, tries_again, "query stopped");
        self.spec.shared.failed(error.to_string(), tries_again);
        if !tries_again {
            return Due::Never;
        }
        let pause = work.back_off;
        work.back_off = (pause * 2).min(BACK_OFF_MAX);
        Due::After(pause)
    }

    /// Waits for the turn it may have now.
    pub fn settle(&self) {
        drop(self.work.lock());
    }

    /// Ends the query: waits for the turn it may have now, and for its last commit.
    pub fn stop(&self) {
        self.spec.shared.close();
        drop_caught(self.work.lock().task.take());
    }
}

/// Lets go of a task, whatever state it is in.
fn drop_caught(task: Option<PersistentTask>) {
    if let Err(words) = caught(|| drop(task)) {
        tracing::error!(words, "a query panicked at its end");
    }
}
