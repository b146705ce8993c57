//! From HTTP/1.1 to HTTP/2 in the middle of a connection (`Upgrade: h2c`, RFC 7540 section 3.2).
//!
//! After the answer 101 the client speaks HTTP/2 and expects its request answered as stream 1. The
//! HTTP/2 server below knows nothing of that, so the request is put into the bytes it reads: behind
//! the client's preface and its first frame (its SETTINGS), as a HEADERS frame and DATA frames of
//! stream 1. The headers are literals that are not indexed, so both sides' HPACK tables stay alike.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tracing::debug;

/// `PRI * HTTP/2.0`, two empty lines, `SM`, two empty lines: what an HTTP/2 client says first.
const PREFACE_BYTES: usize = 24;
/// A frame's header: length (3), type (1), flags (1), stream (4).
const FRAME_HEADER_BYTES: usize = 9;
/// The largest frame either side may send before it is told otherwise.
const FRAME_BYTES_MAX: usize = 16_384;
/// Requests that upgrade may be this large; others are limited by their routes.
const REQUEST_BYTES_MAX: usize = 1 << 20;
const SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Does this request ask to go on in HTTP/2?
pub(super) fn is_wanted<B>(request: &Request<B>) -> bool {
    let upgrade = request.headers().get(UPGRADE).and_then(|v| v.to_str().ok());
    let wanted =
        upgrade.is_some_and(|v| v.split(',').any(|p| p.trim().eq_ignore_ascii_case("h2c")));
    wanted && request.headers().contains_key(SETTINGS)
}

/// Answers 101 and goes on in HTTP/2 with this request as stream 1.
pub(super) async fn accept(
    mut request: Request<hyper::body::Incoming>,
    router: Router,
) -> Response<Body> {
    let upgraded = hyper::upgrade::on(&mut request);
    let (head, body) = request.into_parts();
    let body = Limited::new(body, REQUEST_BYTES_MAX).collect();
    let body = match tokio::time::timeout(super::HEADER_TIMEOUT, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return status(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => return status(StatusCode::REQUEST_TIMEOUT),
    };
    let Some(stream_one) = frames(&head, body) else {
        return status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    };
    tokio::spawn(async move {
        let upgraded = match upgraded.await {
            Ok(upgraded) => upgraded,
            Err(error) => return debug!(%error, "an upgrade did not come about"),
        };
        let io = Injecting::new(TokioIo::new(upgraded), stream_one);
        let service = tower::service_fn(move |request: Request<hyper::body::Incoming>| {
            super::route(request.map(Body::new), router.clone())
        });
        let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        server
            .timer(TokioTimer::new())
            .keep_alive_interval(super::PING)
            .keep_alive_timeout(super::PING)
            .max_concurrent_streams(super::STREAMS_MAX);
        let connection =
            server.serve_connection(TokioIo::new(io), TowerToHyperService::new(service));
        if let Err(error) = connection.await {
            debug!(%error, "an upgraded connection broke off");
        }
    });
    let mut response = status(StatusCode::SWITCHING_PROTOCOLS);
    response.headers_mut().insert(CONNECTION, http::HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert(UPGRADE, http::HeaderValue::from_static("h2c"));
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The request as frames of stream 1; `None` if its headers do not fit into one frame.
fn frames(head: &request::Parts, body: Bytes) -> Option<Bytes> {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;
    let mut block = BytesMut::new();
    let path = head.uri.path_and_query().map_or("/", |p| p.as_str());
    let authority = head.headers.get(HOST).and_then(|v| v.to_str().ok()).unwrap_or("localhost");
    for (name, value) in [
        (":method", head.method.as_str()),
        (":scheme", "http"),
        (":path", path),
        (":authority", authority),
    ] {
        literal(&mut block, name.as_bytes(), value.as_bytes());
    }
    for (name, value) in end_to_end(&head.headers) {
        literal(&mut block, name.as_str().as_bytes(), value.as_bytes());
    }
    if block.len() > FRAME_BYTES_MAX {
        return None;
    }
    let mut out = BytesMut::new();
    let last = |empty: bool| if empty { END_STREAM } else { 0 };
    frame(&mut out, HEADERS, END_HEADERS | last(body.is_empty()), &block);
    let mut rest = body;
    while !rest.is_empty() {
        let piece = rest.split_to(rest.len().min(FRAME_BYTES_MAX));
        frame(&mut out, DATA, last(rest.is_empty()), &piece);
    }
    Some(out.freeze())
}

fn end_to_end(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &http::HeaderValue)> {
    let hop = [CONNECTION, UPGRADE, HOST, TRANSFER_ENCODING, SETTINGS];
    headers.iter().filter(move |(name, _)| !hop.contains(name) && name.as_str() != "keep-alive")
}

fn frame(out: &mut BytesMut, kind: u8, flags: u8, payload: &[u8]) {
    out.put_uint(payload.len() as u64, 3);
    out.put_u8(kind);
    out.put_u8(flags);
    out.put_u32(1);
    out.put_slice(payload);
}

/// A header that is not indexed (RFC 7541 section 6.2.2), without Huffman coding.
fn literal(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    out.put_u8(0);
    for text in [name, value] {
        length(out, text.len());
        out.put_slice(text);
    }
}

/// An integer with a prefix of 7 bits (RFC 7541 section 5.1).
fn length(out: &mut BytesMut, n: usize) {
    const PREFIX_MAX: usize = 127;
    if n < PREFIX_MAX {
        return out.put_u8(n as u8);
    }
    out.put_u8(PREFIX_MAX as u8);
    let mut rest = n - PREFIX_MAX;
    while rest >= 128 {
        out.put_u8((rest % 128) as u8 | 128);
        rest /= 128;
    }
    out.put_u8(rest as u8);
}

/// A connection whose reader finds other bytes put in behind the client's first frame.
struct Injecting<I> {
    inner: I,
    /// What is put in, until it has been.
    pending: Option<Bytes>,
    /// What was read before the place was reached.
    seen: BytesMut,
    /// What the reader gets next.
    ready: BytesMut,
}

impl<I> Injecting<I> {
    fn new(inner: I, pending: Bytes) -> Self {
        Self { inner, pending: Some(pending), seen: BytesMut::new(), ready: BytesMut::new() }
    }

    /// Puts the bytes in if the first frame has been read as a whole.
    fn try_inject(&mut self) {
        let header = self.seen.get(PREFACE_BYTES..PREFACE_BYTES + FRAME_HEADER_BYTES);
        let Some(header) = header else { return };
        let payload = usize::from(header[0]) << 16 | usize::from(header[1]) << 8;
        let first = PREFACE_BYTES + FRAME_HEADER_BYTES + payload + usize::from(header[2]);
        if self.seen.len() < first {
            return;
        }
        if let Some(pending) = self.pending.take() {
            let rest = self.seen.split_off(first);
            self.ready = std::mem::take(&mut self.seen);
            self.ready.extend_from_slice(&pending);
            self.ready.extend_from_slice(&rest);
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Injecting<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.pending.is_some() {
            let mut piece = [0; 4096];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut piece))?;
            let end = piece.filled().is_empty();
            self.seen.extend_from_slice(piece.filled());
            // A first frame larger than any SETTINGS is not HTTP/2: the server shall say so.
            if end || self.seen.len() > FRAME_BYTES_MAX {
                self.pending = None;
                self.ready = std::mem::take(&mut self.seen);
                break;
            }
            self.try_inject();
        }
        if self.ready.has_remaining() {
            let n = self.ready.len().min(buf.remaining());
            buf.put_slice(&self.ready.split_to(n));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Injecting<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[test]
    fn lengths_are_written_as_hpack_wants() {
        let written = |n| {
            let mut out = BytesMut::new();
            length(&mut out, n);
            out.to_vec()
        };
        assert_eq!(written(10), [10]);
        assert_eq!(written(127), [127, 0]);
        assert_eq!(written(1337), [127, 0b1011_1010, 9]);
    }

    #[tokio::test]
    async fn the_request_stands_behind_the_first_frame() {
        let mut client = vec![b'P'; PREFACE_BYTES];
        client.extend_from_slice(&[0, 0, 2, 4, 0, 0, 0, 0, 0, 7, 7]);
        client.extend_from_slice(b"rest");
        let mut io = Injecting::new(io::Cursor::new(client.clone()), Bytes::from_static(b"ONE"));
        let mut read = Vec::new();
        io.read_to_end(&mut read).await.expect("read");
        let (first, rest) = client.split_at(PREFACE_BYTES + 11);
        assert_eq!(read, [first, b"ONE", rest].concat());
    }

    #[tokio::test]
    async fn a_client_that_breaks_off_is_passed_on_as_it_is() {
        let mut io = Injecting::new(io::Cursor::new(b"GET".to_vec()), Bytes::from_static(b"ONE"));
        let mut read = Vec::new();
        io.read_to_end(&mut read).await.expect("read");
        assert_eq!(read, b"GET");
    }
}
