//! The few threads that run all persistent queries. A query holds a thread only while it has its
//! turn; those that wait for news hold none.
//!
//! ```text
//!            ┌───────── a batch was read ─────────┐
//!            ▼                                    │
//!         ready ──▶ a worker's turn ──────────────┤
//!            ▲                                    ├─ nothing to read ──▶ idle ──┐
//!            │                                    └─ paused, failed ───▶ later ─┤
//!            └── the journal has grown, the pause is over ◀─────────────────────┘
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use journal::Journal;
use model::Clock;
use parking_lot::{Condvar, Mutex};

use crate::run::background::BackgroundCommit;
use crate::run::caught;
use crate::run::slot::{Due, QuerySlot};

/// How often it is looked whether a pause is over.
const LOOK: Duration = Duration::from_millis(100);
/// Beside one worker for each core, so many that may wait for the disk.
const WORKERS_AT_DISK: usize = 2;
/// More workers than this are of no use: the journal writes one commit at a time.
const WORKERS_MAX: usize = 16;

/// Runs persistent queries.
pub struct QueryPool {
    pool: Arc<Pool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Pool {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    queue: Mutex<Queue>,
    has_jobs: Condvar,
}

#[derive(Default)]
struct Queue {
    is_closed: bool,
    /// The journal's mark as it was last seen.
    mark: u64,
    ready: VecDeque<Arc<QuerySlot>>,
    commits: VecDeque<Arc<BackgroundCommit>>,
    idle: Vec<Arc<QuerySlot>>,
    /// Not before this time of the clock.
    later: Vec<(Duration, Arc<QuerySlot>)>,
}

/// What a worker does next.
enum Job {
    /// A query's turn; the journal's mark before it.
    Turn(Arc<QuerySlot>, u64),
    /// A commit of a query that is at its next batch.
    Commit(Arc<BackgroundCommit>),
}

impl QueryPool {
    /// A pool whose workers look after queries over this journal.
    pub fn new(journal: &Arc<dyn Journal>, clock: &Arc<dyn Clock>) -> std::io::Result<Self> {
        let (journal, clock) = (Arc::clone(journal), Arc::clone(clock));
        let (queue, has_jobs) = (Mutex::default(), Condvar::new());
        let pool = Arc::new(Pool { journal, clock, queue, has_jobs });
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = (cores + WORKERS_AT_DISK).min(WORKERS_MAX);
        let spawn = |name: String, run: fn(&Pool)| {
            let pool = Arc::clone(&pool);
            Builder::new().name(name).spawn(move || run(&pool))
        };
        let mut threads = vec![spawn("queries".to_owned(), Pool::watch)?];
        for number in 0..workers {
            threads.push(spawn(format!("query {number}"), Pool::work)?);
        }
        Ok(Self { pool, threads: Mutex::new(threads) })
    }

    /// Takes over a query.
    pub fn add(&self, query: Arc<QuerySlot>) {
        self.pool.queue.lock().ready.push_back(query);
        self.pool.has_jobs.notify_one();
    }

    /// Ends the threads. Queries must have been stopped before.
    pub fn close(&self) {
        self.let_go();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of queries panicked");
            }
        }
    }

    /// Tells the threads to end.
    fn let_go(&self) {
        self.pool.queue.lock().is_closed = true;
        self.pool.has_jobs.notify_all();
    }
}

/// An engine that nobody uses any more leaves no threads behind, even if it was not shut down.
impl Drop for QueryPool {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl Pool {
    /// A worker's life.
    fn work(&self) {
        while let Some(job) = self.next() {
            let done = caught(|| match job {
                Job::Turn(query, mark) => {
                    let due = query.turn();
                    self.put_back(query, due, mark);
                }
                Job::Commit(commit) => commit.run(),
            });
            if let Err(words) = done {
                tracing::error!(words, "a thread of queries panicked; it goes on");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        loop {
            if queue.is_closed {
                return None;
            }
            if let Some(query) = queue.ready.pop_front() {
                return Some(Job::Turn(query, queue.mark));
            }
            if let Some(commit) = queue.commits.pop_front() {
                return Some(Job::Commit(commit));
            }
            // What this worker just committed is read by it as well, without anybody being woken.
            let mark = self.journal.wait(queue.mark, Duration::ZERO);
            if mark == queue.mark || queue.idle.is_empty() {
                self.has_jobs.wait(&mut queue);
            } else {
                queue.news(mark);
                self.wake(&queue, 1);
            }
        }
    }

    fn put_back(&self, query: Arc<QuerySlot>, due: Due, mark: u64) {
        let mut queue = self.queue.lock();
        match due {
            Due::InTurn(commit) => {
                queue.commits.extend(commit);
                queue.ready.push_back(query);
            }
            // It may not have seen what was written since its turn began.
            Due::WithNews if queue.mark != mark => queue.ready.push_back(query),
            Due::WithNews => queue.idle.push(query),
            Due::After(pause) => {
                queue.later.push((self.clock.monotonic().saturating_add(pause), query));
            }
            Due::Never => {}
        }
        self.wake(&queue, 1);
    }

    /// Wakes workers for all jobs but those that `taken` workers who are awake will take.
    fn wake(&self, queue: &Queue, taken: usize) {
        let jobs = queue.ready.len() + queue.commits.len();
        for _ in taken..jobs.min(WORKERS_MAX) {
            if !self.has_jobs.notify_one() {
                return;
            }
        }
    }

    /// Tells the workers of news, and of pauses that are over.
    fn watch(&self) {
        let mut mark = 0;
        loop {
            mark = self.journal.wait(mark, LOOK);
            let now = self.clock.monotonic();
            let mut queue = self.queue.lock();
            if queue.is_closed {
                return;
            }
            queue.news(mark);
            let (due, later) =
                std::mem::take(&mut queue.later).into_iter().partition(|l| l.0 <= now);
            queue.later = later;
            let due: Vec<(Duration, Arc<QuerySlot>)> = due;
            queue.ready.extend(due.into_iter().map(|(_, query)| query));
            self.wake(&queue, 0);
        }
    }
}

impl Queue {
    /// The journal has grown: whoever waits for that may look.
    fn news(&mut self, mark: u64) {
        if mark > self.mark {
            self.mark = mark;
            self.ready.extend(self.idle.drain(..));
        }
    }
}
