//! A client that closes its connection in the middle of a request ends what was done for it.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use api::{Api, router};
use format::MemoryRegistry;
use journal::MemoryJournal;
use model::{Clock, ManualClock, TimestampMs};
use parking_lot::Mutex;
use stream::connectors::NoConnectors;
use stream::{Engine, EngineOptions, Execution};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

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
    let engine = Engine::open(EngineOptions {
        service_id: "test_".into(),
        journal: Arc::new(MemoryJournal::new(Arc::new(ManualClock::default()))),
        registry: Arc::new(MemoryRegistry::new()),
        clock,
        connectors: Arc::new(NoConnectors),
        execution: Execution::Threads,
        properties: BTreeMap::new(),
    })
    .expect("an engine");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let until = async move {
        let _ = stopped.await;
    };
    let router = router(Api { engine, service_id: "test_".into() });
    let server = tokio::spawn(api::server::serve(listener, router, until));

    let body = r#"{"ksql":"ASSERT TOPIC NOWHERE TIMEOUT 1 HOUR;"}"#;
    let head = format!("POST /ksql HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut client = TcpStream::connect(address).await.expect("a connection");
    client.write_all((head + body).as_bytes()).await.expect("written");
    let looked_at = tokio::task::spawn_blocking(move || is_looked_at.recv_timeout(PATIENCE));
    looked_at.await.expect("no panic").expect("it waits");
    drop(client);
    stop.send(()).expect("it runs");
    server.await.expect("it ends");
    let ended = tokio::task::spawn_blocking(move || is_gone.recv_timeout(PATIENCE));
    ended.await.expect("no panic").expect("nothing goes on");
}
