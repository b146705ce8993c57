//! A server without a socket: statements and rows go in by requests, time stands still.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::{Api, router};
use axum::Router;
use axum::body::Body;
use format::MemoryRegistry;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request, Version};
use http_body_util::BodyExt;
use journal::MemoryJournal;
use model::{ManualClock, TimestampMs};
use serde_json::{Value, json};
use stream::connectors::NoConnectors;
use stream::{Engine, EngineOptions, Execution};
use tower::ServiceExt;

/// A server and what drives it.
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<ManualClock>,
    router: Router,
}

/// A whole answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Its content type.
    pub(crate) media: Option<String>,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON, ids without their numbers.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&without_numbers(&self.text)).unwrap_or_else(|e| {
            panic!("{e}: {}", self.text);
        })
    }

    /// Each line as JSON, ids without their numbers.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = without_numbers(&self.text);
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

/// Numbers of many digits behind `_` are made up: they become `#`.
fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits >= 10 {
            out.push('#');
            rest = &rest[digits..];
        }
    }
    out + rest
}

impl Server {
    pub(crate) fn start() -> Self {
        let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
        let engine = Engine::open(EngineOptions {
            service_id: "test_".into(),
            journal: Arc::new(MemoryJournal::new(clock.clone())),
            registry: Arc::new(MemoryRegistry::new()),
            clock: clock.clone(),
            connectors: Arc::new(NoConnectors),
            execution: Execution::Manual,
            properties: BTreeMap::new(),
        })
        .expect("an engine");
        let api = Api { engine: engine.clone(), service_id: "test_".into() };
        Self { engine, clock, router: router(api) }
    }

    /// With a stream `READING` and a view `NEWEST` of it, and these (sensor, value) in it.
    pub(crate) async fn with_readings(readings: &[(&str, i32)]) -> Self {
        let server = Self::start();
        server
            .done(
                "CREATE STREAM READING (SENSOR VARCHAR KEY, N INT) WITH (KAFKA_TOPIC='reading', \
                 VALUE_FORMAT='JSON', PARTITIONS=1); \
                 SET 'auto.offset.reset'='earliest'; \
                 CREATE TABLE NEWEST AS SELECT SENSOR, LATEST_BY_OFFSET(N) AS N FROM READING \
                 GROUP BY SENSOR;",
            )
            .await;
        for (sensor, n) in readings {
            server.done(&format!("INSERT INTO READING VALUES ('{sensor}', {n});")).await;
        }
        server.engine.run_until_idle();
        server
    }

    /// Sends a request without a body.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(request(Method::GET, path, None, Body::empty())).await
    }

    /// Sends JSON.
    pub(crate) async fn post(&self, path: &str, accept: Option<&str>, body: &Value) -> Answer {
        self.call(request(Method::POST, path, accept, Body::from(body.to_string()))).await
    }

    /// Sends a text.
    pub(crate) async fn post_text(&self, path: &str, body: &str) -> Answer {
        self.call(request(Method::POST, path, None, Body::from(body.to_owned()))).await
    }

    /// Sends lines over HTTP/2.
    pub(crate) async fn post_lines(&self, path: &str, accept: Option<&str>, body: &str) -> Answer {
        let mut request = request(Method::POST, path, accept, Body::from(body.to_owned()));
        *request.version_mut() = Version::HTTP_2;
        self.call(request).await
    }

    /// Sends statements to `/ksql`.
    pub(crate) async fn ksql(&self, text: &str) -> Answer {
        self.post("/ksql", None, &json!({ "ksql": text })).await
    }

    /// Sends statements that are accepted.
    pub(crate) async fn done(&self, text: &str) {
        let answer = self.ksql(text).await;
        assert_eq!(answer.status, 200, "{text}: {}", answer.text);
    }

    /// An answer whose body is left to the caller.
    pub(crate) async fn open(&self, path: &str, body: &Value) -> Body {
        self.open_as(path, None, body).await
    }

    /// The same in the shape that `accept` names.
    pub(crate) async fn open_as(&self, path: &str, accept: Option<&str>, body: &Value) -> Body {
        let request = request(Method::POST, path, accept, Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), 200);
        response.into_body()
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status().as_u16();
        let media = response.headers().get(CONTENT_TYPE);
        let media = media.map(|m| m.to_str().expect("a media type").to_owned());
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(body.to_vec()).expect("text");
        Answer { status, media, text }
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, duration: Duration) {
        self.clock.advance(duration);
        self.engine.run_until_idle();
    }
}

pub(crate) fn request(
    method: Method,
    path: &str,
    accept: Option<&str>,
    body: Body,
) -> Request<Body> {
    let builder = Request::builder().method(method).uri(path);
    let builder = match accept {
        Some(accept) => builder.header(ACCEPT, accept),
        None => builder,
    };
    builder.body(body).expect("a request")
}

/// The next piece of a body, as text; none at its end.
pub(crate) async fn next_chunk(body: &mut Body) -> Option<String> {
    let frame = body.frame().await?.expect("a frame");
    let data = frame.into_data().expect("data");
    Some(String::from_utf8(data.to_vec()).expect("text"))
}
