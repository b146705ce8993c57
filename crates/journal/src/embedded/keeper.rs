//! The thread that flushes what was written every so often (fsync `interval`).

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::shared::Shared;

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    end: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(shared: Arc<Shared>, interval: Duration) -> Self {
        let end = Arc::new((Mutex::new(false), Condvar::new()));
        let thread = {
            let end = end.clone();
            std::thread::spawn(move || keep(&shared, &end, interval))
        };
        Self { end, thread: Some(thread) }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        *self.end.0.lock() = true;
        self.end.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep(shared: &Shared, (ended, woken): &(Mutex<bool>, Condvar), interval: Duration) {
    let mut ended = ended.lock();
    while !*ended {
        woken.wait_for(&mut ended, interval);
        let mut writer = shared.writer.lock();
        if writer.is_dirty()
            && shared.check_writable().is_ok()
            && let Err(error) = writer.sync(shared)
        {
            shared.poison(&error);
        }
    }
}
