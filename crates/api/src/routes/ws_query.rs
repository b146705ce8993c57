//! `/ws/query?request=…`: a query's rows over a web socket.
//!
//! Out come text frames: the columns, then a row a frame (of PRINT: a line a frame), at the end
//! `{"error":"done"}` or what went wrong, and a close with a code that says whose fault it was.

use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use stream::answer::ResultHeader;
use stream::rows::RowBatch;
use stream::{PrintQuery, PullAnswer, PushEvent, PushQuery, QueryAnswer, QueryEnd};

use super::{Api, blocking};
use crate::body;
use crate::entities::sql_type;
use crate::error::ApiError;
use crate::rows::{Ends, RowWriter, Shape};

/// A client that takes no frame for so long is gone.
const SLOW_CLIENT: Duration = Duration::from_secs(60);
/// Clients have nothing to say but that they leave.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// The longest reason that a close frame holds.
const REASON_BYTES_MAX: usize = 123;

const DONE: u16 = 1000;
const BAD_REQUEST: u16 = 1003;
const OUR_FAULT: u16 = 1011;
const TRY_AGAIN: u16 = 1013;

/// What stands behind the path's question mark.
#[derive(Debug, Deserialize)]
struct Asked {
    request: Option<String>,
}

pub(super) async fn query(State(api): State<Api>, request: Request) -> Response {
    let (mut head, _) = request.into_parts();
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut head, &api).await else {
        let message = "this path is for web sockets: ask with 'Connection: Upgrade'; rows over HTTP \
                       come from /query-stream";
        let mut response = Response::new(Body::from(message));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    let asked = Query::<Asked>::try_from_uri(&head.uri).ok().and_then(|Query(asked)| asked.request);
    upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .on_upgrade(async move |socket| serve(api, Client { socket }, asked).await)
}

/// Answers one query and closes the socket.
async fn serve(api: Api, mut client: Client, asked: Option<String>) {
    let (code, words) = match run(&api, &mut client, asked).await {
        Ok(()) => (DONE, "done".to_owned()),
        Err(Broken::Gone) => return,
        Err(Broken::Refused(error)) => (close_code(&error), error.message().to_owned()),
    };
    let told = client.tell(json!({ "error": words }).to_string()).await;
    if told.is_ok() {
        client.close(code, &words).await;
    }
}

/// Whose fault an error was.
fn close_code(error: &ApiError) -> u16 {
    match error.code() {
        40_003 | 42_900 | 50_300..=50_399 => TRY_AGAIN,
        40_000..50_000 => BAD_REQUEST,
        _ => OUR_FAULT,
    }
}

/// Why nothing more is told.
enum Broken {
    /// The client has left.
    Gone,
    /// It is told why.
    Refused(ApiError),
}

impl From<ApiError> for Broken {
    fn from(error: ApiError) -> Self {
        Broken::Refused(error)
    }
}

async fn run(api: &Api, client: &mut Client, asked: Option<String>) -> Result<(), Broken> {
    let asked =
        asked.ok_or_else(|| ApiError::untyped(40_000, "Invalid request: 'request' is missing"))?;
    let object = body::object_of(asked.as_bytes())?;
    let request = body::request(&object, "ksql", "streamsProperties", true)?
        .ok_or_else(|| ApiError::untyped(40_000, "\"ksql\" field must be populated"))?;
    body::wait_for_command(&api.engine, &object).await?;
    let here = request.client.guard();
    let engine = api.engine.clone();
    let answer = tokio::select! {
        answer = blocking(move || engine.query(&request)) => answer?.map_err(ApiError::from)?,
        () = client.left() => return Err(Broken::Gone),
    };
    drop(here);
    match answer {
        QueryAnswer::Pull(pull) => pulled(client, pull).await,
        QueryAnswer::Push(push) => pushed(client, push).await,
        QueryAnswer::Print(print) => printed(client, print).await,
    }
}

async fn pulled(client: &mut Client, pull: PullAnswer) -> Result<(), Broken> {
    let rows = Rows::start(client, &pull.header).await?;
    rows.tell(client, &pull.rows).await
}

async fn pushed(client: &mut Client, mut push: PushQuery) -> Result<(), Broken> {
    let rows = Rows::start(client, &push.header).await?;
    loop {
        let event = tokio::select! {
            event = push.events.recv() => event,
            () = client.left() => return Err(Broken::Gone),
        };
        match event {
            Some(PushEvent::Rows(batch)) => rows.tell(client, &batch).await?,
            Some(PushEvent::End(QueryEnd::TooSlow(why) | QueryEnd::Failed(why))) => {
                return Err(ApiError::untyped(50_000, why).into());
            }
            Some(PushEvent::End(
                QueryEnd::LimitReached | QueryEnd::Completed | QueryEnd::Terminated,
            ))
            | None => return Ok(()),
        }
    }
}

async fn printed(client: &mut Client, mut print: PrintQuery) -> Result<(), Broken> {
    for format in std::mem::take(&mut print.formats) {
        client.tell(format).await?;
    }
    loop {
        let line = tokio::select! {
            line = print.lines.recv() => line,
            () = client.left() => return Err(Broken::Gone),
        };
        match line {
            Some(Ok(line)) => client.tell(line).await?,
            Some(Err(why)) => return Err(ApiError::untyped(50_000, why).into()),
            None => return Ok(()),
        }
    }
}

/// Rows as `/query` writes them, each for itself.
struct Rows {
    writer: RowWriter,
}

impl Rows {
    /// Tells the columns.
    async fn start(client: &mut Client, header: &ResultHeader) -> Result<Self, Broken> {
        let (writer, _) = RowWriter::start(Shape::StreamedRows, Ends::Open, header)?;
        let column = |column: &model::Column| {
            let mut field = json!({ "name": column.name, "schema": sql_type(&column.ty) });
            if column.namespace == model::Namespace::Key {
                field["type"] = "KEY".into();
            }
            field
        };
        let columns: Vec<Value> = header.schema.columns.iter().map(column).collect();
        client.tell(Value::Array(columns).to_string()).await?;
        Ok(Self { writer })
    }

    async fn tell(&self, client: &mut Client, batch: &RowBatch) -> Result<(), Broken> {
        for row in 0..batch.rows {
            let mut chunk = Vec::with_capacity(128);
            self.writer.row(batch, row, &mut chunk)?;
            let text = String::from_utf8_lossy(chunk.strip_suffix(b",\n").unwrap_or(&chunk));
            client.tell(text.into_owned()).await?;
        }
        Ok(())
    }
}

/// Whom we tell.
struct Client {
    socket: WebSocket,
}

impl Client {
    async fn tell(&mut self, text: String) -> Result<(), Broken> {
        let sent = self.socket.send(Message::Text(text.into()));
        match tokio::time::timeout(SLOW_CLIENT, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Broken::Gone),
        }
    }

    /// Waits until it has left. What it says meanwhile does not matter.
    async fn left(&mut self) {
        while let Some(Ok(message)) = self.socket.recv().await {
            if matches!(message, Message::Close(_)) {
                return;
            }
        }
    }

    async fn close(mut self, code: u16, reason: &str) {
        let mut end = reason.len().min(REASON_BYTES_MAX);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let frame = CloseFrame { code, reason: reason[..end].into() };
        let closed = async {
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                self.left().await;
            }
        };
        // Whoever does not answer the close is left all the same.
        let _ = tokio::time::timeout(SLOW_CLIENT, closed).await;
    }
}
