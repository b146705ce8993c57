//! The few threads that run all push queries: each looks after a share of them, and sleeps while
//! the journal does not grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use journal::Journal;
use parking_lot::Mutex;

use crate::run::caught;
use crate::run::transient::{Stepped, TransientTask};

/// How long a thread waits for news; also how long a full client queue is left alone.
const IDLE: Duration = Duration::from_millis(25);
/// How long a thread without queries sleeps.
const EMPTY: Duration = Duration::from_millis(200);

/// Runs push queries.
pub struct PushPool {
    shares: Vec<Arc<Share>>,
    next: AtomicUsize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Share {
    is_closed: AtomicBool,
    arrivals: Mutex<Vec<TransientTask>>,
}

impl PushPool {
    /// A pool of so many threads; with none, [`PushPool::run_until_idle`] does the work.
    pub fn new(journal: &Arc<dyn Journal>, threads: usize) -> std::io::Result<Self> {
        let shares: Vec<Arc<Share>> = (0..threads.max(1)).map(|_| Arc::default()).collect();
        let mut handles = Vec::new();
        for (number, share) in shares.iter().take(threads).enumerate() {
            let (journal, share) = (journal.clone(), share.clone());
            let name = format!("push {number}");
            let run = move || run(journal.as_ref(), &share);
            handles.push(std::thread::Builder::new().name(name).spawn(run)?);
        }
        Ok(Self { shares, next: AtomicUsize::new(0), threads: Mutex::new(handles) })
    }

    /// Takes over a query.
    pub fn add(&self, task: TransientTask) {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.shares.len();
        self.shares[at].arrivals.lock().push(task);
    }

    /// Steps through all queries until none has anything to do (without threads).
    pub fn run_until_idle(&self) -> bool {
        let mut has_worked = false;
        for share in &self.shares {
            let mut tasks = std::mem::take(&mut *share.arrivals.lock());
            while round(&mut tasks) {
                has_worked = true;
            }
            share.arrivals.lock().append(&mut tasks);
        }
        has_worked
    }

    /// Ends the threads; queries that still run are dropped.
    pub fn close(&self) {
        self.let_go();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of push queries panicked");
            }
        }
        self.shares.iter().for_each(|share| share.arrivals.lock().clear());
    }

    /// Tells the threads to end.
    fn let_go(&self) {
        self.shares.iter().for_each(|share| share.is_closed.store(true, Ordering::Release));
    }
}

/// As with persistent queries: no threads are left behind.
impl Drop for PushPool {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Steps each query once; true if any had something to do.
fn round(tasks: &mut Vec<TransientTask>) -> bool {
    let mut has_worked = false;
    tasks.retain_mut(|task| {
        let stepped = task.step();
        has_worked |= stepped == Stepped::Worked;
        stepped != Stepped::Ended
    });
    has_worked
}

fn run(journal: &dyn Journal, share: &Share) {
    let mut tasks: Vec<TransientTask> = Vec::new();
    let mut mark = 0;
    while !share.is_closed.load(Ordering::Acquire) {
        // A query's own panic is its own end; any other must not end those it shares the thread
        // with.
        let turn = caught(|| {
            tasks.append(&mut share.arrivals.lock());
            if !round(&mut tasks) {
                mark = journal.wait(mark, if tasks.is_empty() { EMPTY } else { IDLE });
            }
        });
        if let Err(words) = turn {
            tracing::error!(words, "a thread of push queries panicked; it goes on");
            std::thread::park_timeout(IDLE);
        }
    }
}
