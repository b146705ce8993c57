//! The thread of a persistent query: steps as long as there is something to do, waits otherwise,
//! and starts anew after errors that may pass.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::run::persistent::{PersistentTask, TaskSpec};
use crate::run::{TaskError, caught};

/// How long a query waits for news before it looks whether it is to end.
const IDLE: Duration = Duration::from_millis(100);
/// The first wait after an error; it doubles each time.
const BACK_OFF_FIRST: Duration = Duration::from_millis(250);
/// The longest wait after an error.
const BACK_OFF_MAX: Duration = Duration::from_secs(15);

/// Runs a query on a thread of its own until it is closed.
pub fn spawn(spec: TaskSpec, first: Option<PersistentTask>) -> std::io::Result<JoinHandle<()>> {
    let name = format!("query {}", spec.id);
    std::thread::Builder::new().name(name).spawn(move || run(&spec, first))
}

fn run(spec: &TaskSpec, mut first: Option<PersistentTask>) {
    let shared = &spec.shared;
    let mut back_off = BACK_OFF_FIRST;
    while !shared.is_closed() {
        let first = first.take();
        let result = caught(|| {
            let mut task = first.map_or_else(|| PersistentTask::open(spec.clone()), Ok)?;
            shared.running();
            work(spec, &mut task, &mut back_off)
        });
        let result = result.unwrap_or_else(|words| Err(TaskError::Panicked(words)));
        let Err(error) = result else { return };
        let tries_again = error.is_retryable();
        tracing::warn!(query = spec.id, %error, tries_again, "query stopped");
        shared.failed(error.to_string(), tries_again);
        if !tries_again {
            while !shared.is_closed() {
                shared.wait(BACK_OFF_MAX);
            }
            return;
        }
        shared.wait(back_off);
        back_off = (back_off * 2).min(BACK_OFF_MAX);
    }
}

fn work(
    spec: &TaskSpec,
    task: &mut PersistentTask,
    back_off: &mut Duration,
) -> Result<(), TaskError> {
    let journal = Arc::clone(&spec.journal);
    let mut mark = 0;
    while !spec.shared.is_closed() {
        if spec.shared.is_paused() {
            task.finish()?;
            spec.shared.wait(IDLE);
            continue;
        }
        if task.step()? == 0 {
            mark = journal.wait(mark, IDLE);
        } else {
            *back_off = BACK_OFF_FIRST;
        }
    }
    Ok(())
}
