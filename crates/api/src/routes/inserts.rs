//! `/inserts-stream`: a line that names the target, then a row a line; an acknowledgement for each.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self as futures, StreamExt};
use http::Version;
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};

use super::{Api, blocking, not_found};
use crate::accept::{Accepted, Media, negotiate};
use crate::error::ApiError;

/// The longest line that is read.
const LINE_BYTES_MAX: usize = 4 << 20;

pub(super) async fn inserts(State(api): State<Api>, request: Request) -> Response {
    let array = match negotiate(request.headers(), &[Media::Delimited, Media::Json]) {
        Accepted::Nothing => return not_found(),
        Accepted::One(Media::Json) => true,
        Accepted::One(_) | Accepted::Anything => false,
    };
    if request.version() != Version::HTTP_2 {
        let message = "This endpoint is only available when using HTTP2";
        return ApiError::untyped(40_004, message).into_response();
    }
    let mut lines = Lines { body: request.into_body(), buffer: BytesMut::new() };
    let target = match target(&api, &mut lines).await {
        Ok(target) => target,
        Err(error) => return error.without_type().into_response(),
    };
    let state = Some((api, lines, target, 0u64));
    let acks = futures::unfold(state, |state| async move {
        let (api, mut lines, target, seq) = state?;
        let ack = match lines.next().await {
            Ok(None) => return None,
            Ok(Some(line)) => insert(&api, &target, &line).await,
            Err(error) => Err(error),
        };
        Some(match ack {
            Ok(()) => (json!({ "seq": seq, "status": "ok" }), Some((api, lines, target, seq + 1))),
            // After the first error nothing more is taken.
            Err(error) => (refusal(&error, seq), None),
        })
    });
    let framed = acks.enumerate().map(move |(i, ack)| {
        let text = match (array, i) {
            (false, _) => format!("{ack}\n"),
            (true, 0) => ack.to_string(),
            (true, _) => format!(",\n{ack}"),
        };
        Ok::<_, std::convert::Infallible>(Bytes::from(text))
    });
    let bracket = move |text: &'static str| {
        let text = if array { text } else { "" };
        futures::once(async move { Ok(Bytes::from_static(text.as_bytes())) })
    };
    Response::new(Body::from_stream(bracket("[").chain(framed).chain(bracket("]"))))
}

fn refusal(error: &ApiError, seq: u64) -> Value {
    let mut refusal = error.to_json();
    refusal["status"] = "error".into();
    refusal["seq"] = seq.into();
    refusal
}

/// Reads the first line: whose rows follow.
async fn target(api: &Api, lines: &mut Lines) -> Result<String, ApiError> {
    let missing = || ApiError::untyped(40_000, "Invalid JSON in request: no 'target'");
    let line = lines.next().await?.ok_or_else(missing)?;
    let head = object(&line)?;
    let target = head.get("target").and_then(Value::as_str).ok_or_else(missing)?.to_string();
    let (engine, name) = (api.engine.clone(), target.clone());
    blocking(move || engine.check_insert_target(&name)).await??;
    Ok(target)
}

async fn insert(api: &Api, target: &str, line: &[u8]) -> Result<(), ApiError> {
    let row = object(line)?;
    let (engine, target) = (api.engine.clone(), target.to_string());
    Ok(blocking(move || engine.insert_row(&target, &row)).await??)
}

fn object(line: &[u8]) -> Result<Map<String, Value>, ApiError> {
    serde_json::from_slice(line)
        .map_err(|e| ApiError::untyped(40_000, format!("Invalid JSON in request: {e}")))
}

/// A body line by line; empty lines are left out.
struct Lines {
    body: Body,
    buffer: BytesMut,
}

impl Lines {
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(at) = self.buffer.iter().position(|b| *b == b'\n') {
                let line = self.buffer.split_to(at + 1).freeze().slice(..at);
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Ok(Some(line));
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(ApiError::untyped(41_300, "a line of the request is too long"));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
                Some(Err(_)) => return Err(ApiError::untyped(40_000, "the request broke off")),
                None if self.buffer.iter().all(u8::is_ascii_whitespace) => return Ok(None),
                None => return Ok(Some(self.buffer.split().freeze())),
            }
        }
    }
}
