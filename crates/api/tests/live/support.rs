//! A server on a port of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use api::{Api, router};
use format::MemoryRegistry;
use journal::MemoryJournal;
use model::{Clock, ManualClock};
use stream::connectors::NoConnectors;
use stream::{Engine, EngineOptions, Execution};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server that listens; nothing here holds its engine.
pub(crate) struct Live {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<()>,
}

impl Live {
    pub(crate) async fn start(clock: Arc<dyn Clock>) -> Self {
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
        let done = tokio::spawn(api::server::serve(listener, router, until));
        Self { address, stop, done }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// The head and body of a POST.
    pub(crate) fn post(&self, path: &str, body: &str) -> String {
        let (host, length) = (self.address, body.len());
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
    }

    /// Lets it end.
    pub(crate) async fn stop(self) {
        self.stop.send(()).expect("it runs");
        self.done.await.expect("it ends");
    }
}
