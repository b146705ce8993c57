//! A client that closes its connection in the middle of a request ends what was done for it.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use model::{Clock, TimestampMs};
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;

use super::support::Live;

/// Nothing here takes as long as this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that stands still, tells when it is first looked at, and when nobody has it any more:
/// that is, when nothing is done for anybody any more.
#[derive(Debug)]
struct Watched {
    looked: Mutex<Option<mpsc::Sender<()>>>,
    gone: mpsc::Sender<()>,
}

impl Clock for Watched {
    fn now(&self) -> TimestampMs {
        TimestampMs(1_700_000_000_000)
    }

    fn monotonic(&self) -> Duration {
        if let Some(looked) = self.looked.lock().take() {
            let _ = looked.send(());
        }
        Duration::ZERO
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.gone.send(());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_when_its_connection_is_closed() {
    let (looked, is_looked_at) = mpsc::channel();
    let (gone, is_gone) = mpsc::channel();
    let clock = Arc::new(Watched { looked: Mutex::new(Some(looked)), gone });
    let server = Live::start(clock).await;
    let mut client = server.connect().await;
    let asked = server.post("/ksql", r#"{"ksql":"ASSERT TOPIC NOWHERE TIMEOUT 1 HOUR;"}"#);
    client.write_all(asked.as_bytes()).await.expect("written");
    let looked_at = tokio::task::spawn_blocking(move || is_looked_at.recv_timeout(PATIENCE));
    looked_at.await.expect("no panic").expect("it waits");
    drop(client);
    server.stop().await;
    let ended = tokio::task::spawn_blocking(move || is_gone.recv_timeout(PATIENCE));
    ended.await.expect("no panic").expect("nothing goes on");
}
