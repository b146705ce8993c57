//! A web server that plays recorded feeds as their sites would serve them: for the clock's now, the
//! newest document, with ETag and Last-Modified; and on demand with the faults that feeds have.
//!
//! Flows in: recordings, a clock, faults. Flows out: HTTP on loopback. The clock may run fast (the
//! demo) or only when told to (tests).

mod fault;
mod recording;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    RETRY_AFTER,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use md5::{Digest as _, Md5};
use model::{Clock, TimestampMs};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use fault::Fault;
use recording::Document;
pub use recording::{Recording, RecordingError};

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct FeedServer {
    address: SocketAddr,
    site: Arc<Site>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Site {
    clock: Arc<dyn Clock>,
    feeds: BTreeMap<String, Recording>,
    faults: Mutex<BTreeMap<String, VecDeque<Fault>>>,
    requests: Mutex<Vec<Request>>,
    keeps_requests: bool,
}

/// A request that was answered, for tests to look at.
#[derive(Clone, Debug)]
pub struct Request {
    /// The path asked for.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// The status answered.
    pub status: u16,
}

impl FeedServer {
    /// Serves `feeds`, each under its path (`/parking-spaces.csv`), on a free port of loopback.
    pub async fn start(
        clock: Arc<dyn Clock>,
        feeds: BTreeMap<String, Recording>,
    ) -> io::Result<Self> {
        Self::serve(clock, feeds, false).await
    }

    /// The same, and remembers every request.
    pub async fn start_recording_requests(
        clock: Arc<dyn Clock>,
        feeds: BTreeMap<String, Recording>,
    ) -> io::Result<Self> {
        Self::serve(clock, feeds, true).await
    }

    async fn serve(
        clock: Arc<dyn Clock>,
        feeds: BTreeMap<String, Recording>,
        keeps_requests: bool,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let site = Arc::new(Site {
            clock,
            feeds,
            faults: Mutex::default(),
            requests: Mutex::default(),
            keeps_requests,
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&site));
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            // Both ends of the channel mean the same: whoever started the server has had enough.
            let until_stopped = async { drop(stopped.await) };
            let serving = axum::serve(listener, router);
            tokio::select! {
                // It only ends with an error if the listener does, and then nobody can be told.
                served = async { serving.await } => drop(served),
                () = until_stopped => {}
            }
        });
        Ok(Self { address, site, stop: Some(stop), task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of one of its feeds.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers the next requests for `path` with these faults, one each, then well again.
    pub fn fault(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        self.site.faults.lock().entry(path.to_owned()).or_default().extend(faults);
    }

    /// What was asked for since the last call, if requests are remembered.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.site.requests.lock())
    }

    /// Ends the server and waits for it.
    pub async fn stop(mut self) {
        self.stop = None;
        // A task that panicked has said so itself.
        drop((&mut self.task).await);
    }
}

impl Drop for FeedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State(site): State<Arc<Site>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let path = uri.path().to_owned();
    let fault = site.faults.lock().get_mut(&path).and_then(VecDeque::pop_front);
    if fault == Some(Fault::Stall) {
        std::future::pending::<()>().await;
    }
    let document = site.feeds.get(&path).map(|recording| recording.at(site.clock.now()));
    let response = match document {
        _ if method != Method::GET && method != Method::HEAD => {
            StatusCode::METHOD_NOT_ALLOWED.into_response()
        }
        None => (StatusCode::NOT_FOUND, "no such feed\n").into_response(),
        // The site is not up yet.
        Some(None) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Some(document)) => match fault {
            Some(Fault::Status(status, retry_after)) => refusal(status, retry_after),
            Some(Fault::Redirect(to)) => Redirect::temporary(&to).into_response(),
            Some(fault) => spoiled(&fault, &document),
            None => clean(&document, &headers),
        },
    };
    if site.keeps_requests {
        let status = response.status().as_u16();
        site.requests.lock().push(Request { path, headers, status });
    }
    response
}

/// The document, or that it is still the one the client has.
fn clean(document: &Document, asked: &HeaderMap) -> Response {
    let digest = Md5::digest(&document.body);
    let start: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{}-{start}\"", document.version);
    let modified = document.modified_at.and_then(http_date);
    let text = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_known = match (text(IF_NONE_MATCH), text(IF_MODIFIED_SINCE)) {
        (Some(etags), _) => etags.split(',').any(|other| other.trim() == etag || other == "*"),
        (None, Some(since)) => modified.as_deref().is_some_and(|modified| modified == since),
        (None, None) => false,
    };
    let (status, body) = match is_known {
        true => (StatusCode::NOT_MODIFIED, Body::empty()),
        false => (StatusCode::OK, Body::from(document.body.clone())),
    };
    let mut response = (status, [(CONTENT_TYPE, document.content_type)], body).into_response();
    set(&mut response, ETAG, &etag);
    if let Some(modified) = &modified {
        set(&mut response, LAST_MODIFIED, modified);
    }
    response
}

fn spoiled(fault: &Fault, document: &Document) -> Response {
    let body = fault.spoil(&document.body);
    let content_type = match fault {
        Fault::LoginPage => "text/html",
        _ => document.content_type,
    };
    let length = body.len() + 1;
    let mut response = ([(CONTENT_TYPE, content_type)], Body::from(body)).into_response();
    if *fault == Fault::CutOff {
        // One byte more is promised than comes.
        set(&mut response, CONTENT_LENGTH, &length.to_string());
    }
    response
}

fn refusal(status: u16, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = status.into_response();
    if let Some(seconds) = retry_after {
        set(&mut response, RETRY_AFTER, &seconds.to_string());
    }
    response
}

fn set(response: &mut Response, name: axum::http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A time as HTTP writes it: `Sun, 27 Oct 2024 00:04:51 GMT`.
fn http_date(time: TimestampMs) -> Option<String> {
    let timestamp = jiff::Timestamp::from_millisecond(time.0).ok()?;
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).ok()
}
