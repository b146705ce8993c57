//! One port for HTTP/1.1 and HTTP/2: the first bytes of a connection tell which (prior knowledge),
//! and an HTTP/1.1 request may ask to go on in HTTP/2 (`Upgrade: h2c`).

mod guard;
mod upgrade;

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use http::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use guard::Reach;

/// How many connections are served at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 4096;
/// How long a client may take to send its first byte, and then a request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an HTTP/2 client may be silent before it is asked whether it is there, and to answer.
const PING: Duration = Duration::from_secs(20);
/// How many streams one HTTP/2 connection may have open.
const STREAMS_MAX: u32 = 1024;
/// How long answers under way get to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(3);

/// Serves `router` on `listener` until `stop` resolves, then lets answers under way finish.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let reach = listener.local_addr().map_or(Reach::Network, |address| Reach::of(address.ip()));
    let router = router.layer(from_fn_with_state(reach, guard::check));
    let mut stop = std::pin::pin!(stop);
    let connections = std::sync::Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        let Ok(permit) = std::sync::Arc::clone(&connections).acquire_owned().await else { break };
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, _) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: wait for some to come back.
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (router, watcher) = (router.clone(), graceful.watcher());
        tokio::spawn(async move {
            // Whoever says nothing does not keep the place of others.
            let spoke = tokio::time::timeout(HEADER_TIMEOUT, stream.peek(&mut [0])).await;
            if let Ok(Ok(1..)) = spoke
                && let Err(error) = watcher.watch(connection(stream, router)).await
            {
                debug!(%error, "a connection broke off");
            }
            drop(permit);
        });
    }
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        debug!("answers still under way were cut off");
    }
}

fn connection(
    stream: TcpStream,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<
    Error = Box<dyn std::error::Error + Send + Sync>,
> + Send {
    // Rows are small and must not wait for more.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY");
    }
    let service = tower::service_fn(move |request| answer(request, router.clone()));
    let builder = builder();
    builder
        .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service))
        .into_owned()
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(STREAMS_MAX);
    builder
}

async fn answer(
    request: Request<hyper::body::Incoming>,
    router: Router,
) -> Result<Response<Body>, Infallible> {
    if upgrade::is_wanted(&request) {
        return Ok(upgrade::accept(request, router).await);
    }
    route(request.map(Body::new), router).await
}

async fn route(request: Request<Body>, router: Router) -> Result<Response<Body>, Infallible> {
    tower::ServiceExt::oneshot(router, request).await
}
