//! One port, three ways to speak HTTP on it, over real sockets.

use axum::body::Body;
use axum::routing::{get, post};
use http::{Request, Version};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A server that says in which version it was asked, and repeats what it was sent.
struct Server {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    done: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        let version = async |request: Request<Body>| format!("{:?}", request.version());
        let repeat = async |body: axum::body::Bytes| body;
        let router =
            axum::Router::new().route("/version", get(version)).route("/repeat", post(repeat));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let until = async move {
            let _ = stopped.await;
        };
        let done = tokio::spawn(api::server::serve(listener, router, until));
        Self { address, stop, done }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }
}

#[tokio::test]
async fn http_1() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    for _ in 0..2 {
        stream
            .write_all(b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .expect("written");
        let mut answer = Vec::new();
        while !answer.ends_with(b"HTTP/1.1") || answer.len() < 20 {
            answer.push(stream.read_u8().await.expect("a byte"));
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
}

#[tokio::test]
async fn a_page_of_somebody_else_gets_nothing() {
    let server = Server::start().await;
    for header in ["Host: evil.example", "Host: localhost\r\nOrigin: https://evil.example"] {
        let mut stream = server.connect().await;
        let request = format!("GET /version HTTP/1.1\r\n{header}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.contains("\"error_code\":40300") && answer.contains("evil"), "{answer}");
    }
}

#[tokio::test]
async fn http_2_with_prior_knowledge() {
    let server = Server::start().await;
    let io = TokioIo::new(server.connect().await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let request = Request::get("http://localhost/version").version(Version::HTTP_2);
        let request = request.body(Body::empty()).expect("a request");
        answers.push(client.send_request(request).await.expect("an answer"));
    }
    for answer in answers {
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(body, "HTTP/2.0");
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;

/// Asks to go on in HTTP/2 and returns what stream 1 carries: its headers' block, its data.
async fn upgraded(server: &Server, request: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut stream = server.connect().await;
    stream.write_all(request).await.expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a byte"));
    }
    let head = String::from_utf8(head).expect("text").to_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(head.contains("upgrade: h2c"), "{head}");

    // The client's preface and its settings, none of which differs from the usual.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("sent");
    let (mut headers, mut data) = (Vec::new(), Vec::new());
    loop {
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).await.expect("a frame");
        let length = u32::from_be_bytes([0, frame[0], frame[1], frame[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await.expect("its payload");
        let (kind, flags) = (frame[3], frame[4]);
        let of_stream_1 = frame[5..] == [0, 0, 0, 1];
        match kind {
            HEADERS if of_stream_1 => headers.extend(payload),
            DATA if of_stream_1 => data.extend(payload),
            _ => continue,
        }
        if flags & END_STREAM != 0 {
            return (headers, data);
        }
    }
}

#[tokio::test]
async fn http_2_by_upgrade() {
    /// `:status: 200`, indexed.
    const OK: u8 = 0x88;
    let server = Server::start().await;
    let asked =
        b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let (headers, data) = upgraded(&server, asked).await;
    assert_eq!(headers.first(), Some(&OK));
    assert_eq!(data, b"HTTP/2.0");
}

#[tokio::test]
async fn a_body_survives_the_upgrade() {
    let server = Server::start().await;
    let body = "0123456789".repeat(2_000);
    let asked = format!(
        "POST /repeat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: \r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (_, data) = upgraded(&server, asked.as_bytes()).await;
    assert_eq!(String::from_utf8(data).expect("text"), body);
}

#[tokio::test]
async fn a_server_that_stops_finishes_its_answers() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let head = b"POST /repeat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n12";
    stream.write_all(head).await.expect("written");
    // Another request and its answer: by then the first one has been taken up.
    let mut other = server.connect().await;
    let asked = b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    other.write_all(asked).await.expect("written");
    other.read_to_end(&mut Vec::new()).await.expect("an answer");

    server.stop.send(()).expect("it runs");
    stream.write_all(b"34").await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.ends_with("1234"), "{answer}");
    server.done.await.expect("it ends");
    assert!(TcpStream::connect(server.address).await.is_err());
}
