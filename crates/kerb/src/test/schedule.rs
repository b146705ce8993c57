//! Jobs in, results out: several threads, a panic or a hang is a failure of its own job only.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use model::{Clock, SystemClock};

use crate::test::{FileJob, Finding, Verdict};

/// A job that takes longer is given up: its thread is left to itself.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);
/// How often jobs are looked at for that.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// Expressions are walked by recursion; the deepest cases must not end the process.
const STACK_BYTES: usize = 64 << 20;

/// How a job's case came out.
pub(crate) struct CaseResult {
    /// The job's number.
    pub(crate) job: usize,
    /// The verdict.
    pub(crate) finding: Finding,
    /// How long it took, or its share of a job of several cases.
    pub(crate) ms: u64,
}

enum Message {
    Started { worker: usize, job: usize },
    Done { worker: usize, job: usize, findings: Vec<Finding>, ms: u64 },
    Idle { worker: usize },
}

/// Runs all jobs on so many threads; results come in the order in which jobs end.
pub(crate) fn run(jobs: Arc<[FileJob]>, threads: usize, mut each: impl FnMut(CaseResult)) {
    let clock = SystemClock::default();
    let next = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = mpsc::channel();
    quieten_panics();
    let mut workers = 0;
    let mut running: BTreeMap<usize, Option<(usize, Duration)>> = BTreeMap::new();
    while workers < threads.max(1) {
        start_worker(workers, &jobs, &next, &sender, clock);
        running.insert(workers, None);
        workers += 1;
    }
    while !running.is_empty() {
        match receiver.recv_timeout(LOOK_INTERVAL) {
            Ok(Message::Started { worker, job }) => {
                if let Some(state) = running.get_mut(&worker) {
                    *state = Some((job, clock.monotonic()));
                }
            }
            Ok(Message::Done { worker, job, findings, ms }) => {
                // A worker that was given up may still come to an end.
                if let Some(state) = running.get_mut(&worker) {
                    *state = None;
                    tell(job, findings, ms, &mut each);
                }
            }
            Ok(Message::Idle { worker }) => {
                running.remove(&worker);
            }
            Err(_) => {}
        }
        let now = clock.monotonic();
        let is_late = |state: &Option<(usize, Duration)>| {
            state.is_some_and(|(_, since)| now.saturating_sub(since) > TIMEOUT)
        };
        let late: Vec<_> = running.iter().filter(|(_, s)| is_late(s)).map(|(w, _)| *w).collect();
        for worker in late {
            if let Some(Some((job, _))) = running.remove(&worker) {
                let reason = format!("no end after {} s", TIMEOUT.as_secs());
                let failed = |case| Finding::new(case, Verdict::Failed(reason.clone()));
                let findings = jobs[job].job.cases().into_iter().map(failed).collect();
                tell(job, findings, TIMEOUT.as_millis() as u64, &mut each);
            }
            start_worker(workers, &jobs, &next, &sender, clock);
            running.insert(workers, None);
            workers += 1;
        }
    }
}

fn tell(job: usize, findings: Vec<Finding>, ms: u64, each: &mut impl FnMut(CaseResult)) {
    let share = ms / findings.len().max(1) as u64;
    for finding in findings {
        each(CaseResult { job, finding, ms: share });
    }
}

fn start_worker(
    worker: usize,
    jobs: &Arc<[FileJob]>,
    next: &Arc<AtomicUsize>,
    sender: &mpsc::Sender<Message>,
    clock: SystemClock,
) {
    let (jobs, next, to) = (jobs.clone(), next.clone(), sender.clone());
    let work = move || {
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            let Some(FileJob { job: work, .. }) = jobs.get(job) else { break };
            let started = clock.monotonic();
            let _ = to.send(Message::Started { worker, job });
            let findings = catch_unwind(AssertUnwindSafe(|| work.run()));
            let findings = findings.unwrap_or_else(|panic| {
                let reason = format!("panicked: {}", panic_text(&*panic));
                let failed = |case| Finding::new(case, Verdict::Failed(reason.clone()));
                work.cases().into_iter().map(failed).collect()
            });
            let ms = (clock.monotonic() - started).as_millis() as u64;
            let _ = to.send(Message::Done { worker, job, findings, ms });
        }
        let _ = to.send(Message::Idle { worker });
    };
    let builder = std::thread::Builder::new().name(format!("test-{worker}"));
    if builder.stack_size(STACK_BYTES).spawn(work).is_err() {
        let _ = sender.send(Message::Idle { worker });
    }
}

thread_local! {
    static PANIC_PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics are told as findings: with their place, and not on standard error.
fn quieten_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        PANIC_PLACE.with(|cell| *cell.borrow_mut() = place);
    }));
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
    let place = PANIC_PLACE.with(|cell| cell.borrow().clone());
    format!("{text} ({place})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::Job;

    struct Fixed(&'static str);

    impl Job for Fixed {
        fn cases(&self) -> Vec<String> {
            vec![self.0.to_owned()]
        }

        fn run(&self) -> Vec<Finding> {
            assert_ne!(self.0, "bad", "broke");
            vec![Finding::new(self.0, Verdict::Passed)]
        }
    }

    #[test]
    fn a_panic_is_the_failure_of_one_case() {
        let jobs =
            ["a", "bad", "c"].map(|name| FileJob { file: "f".into(), job: Box::new(Fixed(name)) });
        let mut results = BTreeMap::new();
        run(Arc::new(jobs), 2, |r| {
            results.insert(r.finding.case, r.finding.verdict);
        });
        assert_eq!(results.len(), 3);
        assert_eq!(results["a"], Verdict::Passed);
        assert!(matches!(&results["bad"], Verdict::Failed(reason) if reason.contains("broke")));
    }
}
