//! `/ws/query`: rows over a web socket, a frame each.

use std::sync::Arc;

use model::{ManualClock, TimestampMs};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::Live;

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

async fn server() -> Live {
    let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
    let server = Live::start(clock).await;
    let create = "CREATE STREAM S (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON', \
                  PARTITIONS=1); INSERT INTO S VALUES ('a', 1); INSERT INTO S VALUES ('b', 2);";
    let mut client = server.connect().await;
    let asked = server.post("/ksql", &json!({ "ksql": create }).to_string());
    client.write_all(asked.as_bytes()).await.expect("written");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server
}

/// A web socket whose server was asked for this.
struct Socket(TcpStream);

impl Socket {
    async fn open(server: &Live, request: &str) -> Self {
        let mut stream = server.connect().await;
        let host = stream.peer_addr().expect("an address");
        let query: String = request.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let asked = format!(
            "GET /ws/query?version=1&request={query} HTTP/1.1\r\nHost: {host}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(asked.as_bytes()).await.expect("written");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a byte"));
        }
        let head = String::from_utf8(head).expect("text");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        // The answer to that key, as RFC 6455 has it.
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Self(stream)
    }

    /// The next frame: what it is, and what is in it.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).await.expect("a frame");
        let length = match head[1] {
            126 => usize::from(self.0.read_u16().await.expect("a length")),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await.expect("its payload");
        (head[0], payload)
    }

    async fn json(&mut self) -> Value {
        let (kind, payload) = self.frame().await;
        assert_eq!(kind, TEXT, "{}", String::from_utf8_lossy(&payload));
        serde_json::from_slice(&payload).expect("JSON")
    }

    /// The code and reason of the close that comes next.
    async fn closed(&mut self) -> (u16, String) {
        let (kind, payload) = self.frame().await;
        assert_eq!(kind, CLOSE);
        let code = u16::from_be_bytes([payload[0], payload[1]]);
        (code, String::from_utf8_lossy(&payload[2..]).into_owned())
    }
}

fn select(text: &str) -> String {
    let properties = json!({ "auto.offset.reset": "earliest" });
    json!({ "ksql": text, "streamsProperties": properties }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_frames_and_the_end_is_told() {
    let server = server().await;
    let mut socket =
        Socket::open(&server, &select("SELECT K, V FROM S EMIT CHANGES LIMIT 2;")).await;
    let column = |name: &str, ty: &str| json!({ "name": name, "schema": { "type": ty, "fields": null, "memberSchema": null } });
    let columns = json!([column("K", "STRING"), column("V", "INTEGER")]);
    assert_eq!(socket.json().await, columns);
    assert_eq!(socket.json().await, json!({ "row": { "columns": ["a", 1] } }));
    assert_eq!(socket.json().await, json!({ "row": { "columns": ["b", 2] } }));
    assert_eq!(socket.json().await, json!({ "error": "done" }));
    assert_eq!(socket.closed().await, (1000, "done".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_told_and_closed() {
    let server = server().await;
    let long = format!("SELECT {} FROM S EMIT CHANGES;", "NOPE".repeat(100));
    for request in [select("SELEKT"), select(&long), "no JSON".to_owned()] {
        let mut socket = Socket::open(&server, &request).await;
        let told = socket.json().await;
        assert!(told["error"].as_str().is_some_and(|error| !error.is_empty()), "{told}");
        let (code, reason) = socket.closed().await;
        assert_eq!(code, 1003, "{reason}");
        assert!(reason.len() <= 123);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_request_is_told_what_the_path_is_for() {
    let server = server().await;
    let mut client = server.connect().await;
    let host = client.peer_addr().expect("an address");
    let asked = format!("GET /ws/query HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    client.write_all(asked.as_bytes()).await.expect("written");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("Upgrade"), "{answer}");
}
