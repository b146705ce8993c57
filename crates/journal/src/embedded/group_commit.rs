//! One disk write for many: callers queue here, the first of them writes what all have brought,
//! and while it waits for the disk the next group gathers.

use std::collections::HashMap;

use parking_lot::{Condvar, Mutex};

/// A queue of `T`s, each to be answered with an `R`.
#[derive(Debug)]
pub(crate) struct GroupCommit<T, R> {
    state: Mutex<State<T, R>>,
    turn: Condvar,
}

#[derive(Debug)]
struct State<T, R> {
    waiting: Vec<(u64, T)>,
    answers: HashMap<u64, R>,
    tickets: u64,
    /// Whether a caller is writing now.
    writing: bool,
}

impl<T, R> Default for GroupCommit<T, R> {
    fn default() -> Self {
        let state =
            State { waiting: Vec::new(), answers: HashMap::new(), tickets: 0, writing: false };
        Self { state: Mutex::new(state), turn: Condvar::new() }
    }
}

impl<T, R> GroupCommit<T, R> {
    /// Brings `item` and waits for its answer. `write` is called, by one caller at a time, with all
    /// that wait, and answers each of them in order.
    pub(crate) fn submit(&self, item: T, write: impl Fn(Vec<T>) -> Vec<R>) -> R {
        let mut state = self.state.lock();
        state.tickets += 1;
        let ticket = state.tickets;
        state.waiting.push((ticket, item));
        loop {
            if let Some(answer) = state.answers.remove(&ticket) {
                return answer;
            }
            if state.writing {
                self.turn.wait(&mut state);
                continue;
            }
            assert!(!state.waiting.is_empty(), "the caller that wrote this one's item panicked");
            state.writing = true;
            let (tickets, items): (Vec<_>, Vec<_>) = state.waiting.drain(..).unzip();
            drop(state);
            let turn = Turn(self);
            let answers = write(items);
            self.state.lock().answers.extend(tickets.into_iter().zip(answers));
            drop(turn);
            state = self.state.lock();
        }
    }
}

/// A caller's turn to write. It ends even if the caller panics, so that the others need not wait
/// for ever.
struct Turn<'a, T, R>(&'a GroupCommit<T, R>);

impl<T, R> Drop for Turn<'_, T, R> {
    fn drop(&mut self) {
        self.0.state.lock().writing = false;
        self.0.turn.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn everyone_gets_their_own_answer() {
        let queue = GroupCommit::default();
        let writes = AtomicUsize::new(0);
        thread::scope(|scope| {
            for caller in 0..4u64 {
                let (queue, writes) = (&queue, &writes);
                scope.spawn(move || {
                    for n in 0..100 {
                        let item = caller * 1000 + n;
                        let answer = queue.submit(item, |items: Vec<u64>| {
                            writes.fetch_add(1, Ordering::Relaxed);
                            items.into_iter().map(|item| item + 7).collect()
                        });
                        assert_eq!(answer, item + 7);
                    }
                });
            }
        });
        assert!(writes.load(Ordering::Relaxed) <= 400);
        assert!(queue.state.lock().answers.is_empty());
    }
}
