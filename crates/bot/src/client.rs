//! A client of ksqlDB's REST API: statements whose text is fixed and whose values are bound.
//!
//! A [`Statement`]'s text is `&'static str`: what a user typed cannot become part of it. Values
//! travel as session variables, which the server puts into the places of `${name}` after it has
//! found where strings begin and end; a quote in a value stays within the string.
//!
//! The server is reached over HTTP, or in this process as a service without a socket. One that is
//! not ready, as while it starts, is asked again for a few seconds.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// The longest line of an answer that is read, so that a broken server cannot fill the memory.
const LINE_BYTES_MAX: usize = 4 << 20;
/// How long one try may take, to the end of its answer.
const TRY_TIMEOUT: Duration = Duration::from_secs(10);
/// For how long a server that is not ready is asked again.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause before the second try; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the server did not answer as asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It could not be reached, or broke off.
    #[error("the server cannot be reached: {0}")]
    NotConnected(String),
    /// It refused the statement.
    #[error("the server refused ({code}): {message}")]
    Refused {
        /// ksqlDB's error code, 40001 for a bad statement.
        code: i64,
        /// Its message.
        message: String,
    },
    /// It answered something that is not of its protocol.
    #[error("the server's answer cannot be read: {0}")]
    Protocol(String),
}

impl ClientError {
    /// May the same request succeed later?
    pub fn is_retryable(&self) -> bool {
        match self {
            ClientError::NotConnected(_) => true,
            // Not ready, or about to end. Any other code is about the statement, or a mistake of
            // the server's that it would make again.
            ClientError::Refused { code, .. } => code / 100 == 503,
            ClientError::Protocol(_) => false,
        }
    }
}

/// A statement with its values. No `Debug`: they may be a chat's.
#[derive(Clone)]
pub struct Statement {
    text: &'static str,
    variables: BTreeMap<&'static str, String>,
    properties: BTreeMap<&'static str, &'static str>,
}

impl Statement {
    /// A statement; `'${name}'` stands for a text, `${name}` for a number or a truth.
    pub fn new(text: &'static str) -> Self {
        Self { text, variables: BTreeMap::new(), properties: BTreeMap::new() }
    }

    /// Binds a text.
    pub fn text(mut self, name: &'static str, value: &str) -> Self {
        // A text may not open a variable of its own.
        self.variables.insert(name, value.replace("${", "$ {"));
        self
    }

    /// Binds a whole number.
    pub fn integer(mut self, name: &'static str, value: i64) -> Self {
        self.variables.insert(name, value.to_string());
        self
    }

    /// Binds a truth.
    pub fn boolean(mut self, name: &'static str, value: bool) -> Self {
        self.variables.insert(name, value.to_string());
        self
    }

    /// Sets a property: `auto.offset.reset`, say.
    pub fn property(mut self, name: &'static str, value: &'static str) -> Self {
        self.properties.insert(name, value);
        self
    }
}

/// A row of an answer. No `Debug`: it may tell of a chat.
#[derive(Clone)]
pub struct Row {
    names: Arc<Vec<String>>,
    values: Vec<Value>,
}

impl Row {
    fn get(&self, name: &str) -> Option<&Value> {
        let at = self.names.iter().position(|n| n == name)?;
        self.values.get(at)
    }

    /// A text, or nothing if it is null.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A whole number, or nothing if it is null.
    pub fn integer(&self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        value.as_i64().or_else(|| value.as_f64().map(|n| n as i64))
    }

    /// A number, or nothing if it is null.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.as_f64()
    }
}

type AnswerBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The server as a service in this process.
type InProcess = BoxCloneSyncService<Request<Full<Bytes>>, Response<AnswerBody>, Infallible>;

#[derive(Clone)]
enum Endpoint {
    InProcess(InProcess),
    Http { client: reqwest::Client, base: String },
}

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    endpoint: Endpoint,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Client {
    /// A client of the server in this process: an `axum` router, say.
    pub fn in_process<S, B>(service: S) -> Self
    where
        S: tower::Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let service = service.map_response(|response: Response<B>| {
            response.map(|body| body.map_err(Into::into).boxed_unsync())
        });
        Self { endpoint: Endpoint::InProcess(BoxCloneSyncService::new(service)) }
    }

    /// A client of the server at `base`: `http://127.0.0.1:8088`.
    pub fn http(base: &str) -> Self {
        let base = base.trim_end_matches('/').to_string();
        // Without a TLS backend there is no client at all; with one this cannot fail.
        let client = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).build();
        Self { endpoint: Endpoint::Http { client: client.unwrap_or_default(), base } }
    }

    /// All rows of a query that ends by itself.
    pub async fn query(&self, statement: Statement) -> Result<Vec<Row>, ClientError> {
        let mut patience = Patience::new();
        loop {
            match patience.one_try(self.query_once(statement.clone())).await {
                Err(error) => patience.wait(error).await?,
                rows => return rows,
            }
        }
    }

    /// Runs a statement that answers no rows: INSERT INTO … VALUES. If the server breaks off it may
    /// be run twice, so that it must mean the same then.
    pub async fn execute(&self, statement: Statement) -> Result<(), ClientError> {
        let mut patience = Patience::new();
        loop {
            match patience.one_try(self.execute_once(&statement)).await {
                Err(error) => patience.wait(error).await?,
                done => return done,
            }
        }
    }

    async fn query_once(&self, statement: Statement) -> Result<Vec<Row>, ClientError> {
        let mut rows = std::pin::pin!(self.stream(statement).await?);
        let mut all = Vec::new();
        while let Some(row) = rows.next().await {
            all.push(row?);
        }
        Ok(all)
    }

    /// The rows of a push query as they come; the stream ends when the server ends it.
    pub async fn stream(
        &self,
        statement: Statement,
    ) -> Result<impl Stream<Item = Result<Row, ClientError>> + Send + use<>, ClientError> {
        let body = json!({
            "sql": statement.text,
            "properties": statement.properties,
            "sessionVariables": statement.variables,
        });
        let (status, chunks) = self.post("/query-stream", &body).await?;
        let mut lines = Lines { chunks, buffer: BytesMut::new() };
        let Some(first) = lines.next().await? else {
            return Err(no_answer(status));
        };
        let names = Arc::new(column_names(status, &first)?);
        Ok(futures_util::stream::try_unfold(lines, move |mut lines| {
            let names = Arc::clone(&names);
            async move {
                let Some(line) = lines.next().await? else { return Ok(None) };
                Ok(Some((row(&names, &line)?, lines)))
            }
        }))
    }

    async fn execute_once(&self, statement: &Statement) -> Result<(), ClientError> {
        let body = json!({
            "ksql": statement.text,
            "streamsProperties": statement.properties,
            "sessionVariables": statement.variables,
        });
        let (status, chunks) = self.post("/ksql", &body).await?;
        let mut lines = Lines { chunks, buffer: BytesMut::new() };
        let mut answer = Vec::new();
        while let Some(line) = lines.next().await? {
            answer.extend_from_slice(&line);
        }
        if (200..300).contains(&status) {
            return Ok(());
        }
        let answer: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
        Err(refusal(&answer).unwrap_or_else(|| no_answer(status)))
    }

    async fn post(&self, path: &str, body: &Value) -> Result<(u16, Chunks), ClientError> {
        let body = body.to_string();
        match &self.endpoint {
            Endpoint::InProcess(service) => {
                let request = Request::post(path)
                    .header(http::header::ACCEPT, "application/vnd.ksqlapi.delimited.v1, */*")
                    .body(Full::new(Bytes::from(body)))
                    .map_err(|e| ClientError::Protocol(e.to_string()))?;
                let answer = service.clone().oneshot(request).await;
                let response = match answer {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
                Ok((response.status().as_u16(), Chunks::InProcess(response.into_body())))
            }
            Endpoint::Http { client, base } => {
                let response = client
                    .post(format!("{base}{path}"))
                    .header(http::header::ACCEPT, "application/vnd.ksqlapi.delimited.v1, */*")
                    .body(body)
                    .send()
                    .await
                    .map_err(not_connected)?;
                Ok((response.status().as_u16(), Chunks::Http(response)))
            }
        }
    }
}

/// For how long the same request is made again.
struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, pause: PAUSE_FIRST }
    }

    /// One try, which may not take for ever.
    async fn one_try<T>(
        &self,
        request: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let done = tokio::time::timeout(TRY_TIMEOUT, request).await;
        done.unwrap_or_else(|_| Err(not_connected("it takes too long to answer")))
    }

    /// Waits before the next try; gives the error back if there is to be none.
    async fn wait(&mut self, error: ClientError) -> Result<(), ClientError> {
        if !error.is_retryable() || Instant::now() + self.pause >= self.until {
            return Err(error);
        }
        tokio::time::sleep(self.pause).await;
        self.pause *= 2;
        Ok(())
    }
}

/// The pieces an answer arrives in.
enum Chunks {
    InProcess(AnswerBody),
    Http(reqwest::Response),
}

impl Chunks {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        match self {
            Chunks::InProcess(body) => loop {
                match body.frame().await {
                    None => return Ok(None),
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            return Ok(Some(data));
                        }
                    }
                    Some(Err(e)) => return Err(not_connected(e)),
                }
            },
            Chunks::Http(response) => response.chunk().await.map_err(not_connected),
        }
    }
}

fn not_connected(reason: impl std::fmt::Display) -> ClientError {
    ClientError::NotConnected(reason.to_string())
}

/// An answer line by line.
struct Lines {
    chunks: Chunks,
    buffer: BytesMut,
}

impl Lines {
    /// The next line without its end, empty ones left out.
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|b| *b == b'\n') {
                let line = self.buffer.split_to(searched + at + 1).freeze();
                let line = line.slice(..line.len() - 1);
                searched = 0;
                if line.is_empty() {
                    continue;
                }
                return Ok(Some(line));
            }
            searched = self.buffer.len();
            if searched > LINE_BYTES_MAX {
                return Err(ClientError::Protocol("a line is too long".into()));
            }
            match self.chunks.next().await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Ok(Some(self.buffer.split().freeze())),
            }
        }
    }
}

/// An answer that is none of the protocol: of something between here and the server, perhaps.
fn no_answer(status: u16) -> ClientError {
    match status {
        502..=504 => not_connected(format!("status {status}")),
        _ => ClientError::Protocol(format!("status {status} and no answer")),
    }
}

fn column_names(status: u16, line: &[u8]) -> Result<Vec<String>, ClientError> {
    let header: Value = serde_json::from_slice(line).map_err(|_| no_answer(status))?;
    if let Some(error) = refusal(&header) {
        return Err(error);
    }
    let names = header.get("columnNames").and_then(Value::as_array);
    let names = names.ok_or_else(|| no_answer(status))?;
    Ok(names.iter().filter_map(Value::as_str).map(str::to_string).collect())
}

fn row(names: &Arc<Vec<String>>, line: &[u8]) -> Result<Row, ClientError> {
    match serde_json::from_slice(line) {
        Ok(Value::Array(values)) => Ok(Row { names: Arc::clone(names), values }),
        Ok(other) => Err(refusal(&other)
            .unwrap_or_else(|| ClientError::Protocol("a row that is not an array".into()))),
        Err(e) => Err(ClientError::Protocol(e.to_string())),
    }
}

/// The error object of the protocol, if this is one.
fn refusal(answer: &Value) -> Option<ClientError> {
    Some(ClientError::Refused {
        code: answer.get("error_code")?.as_i64()?,
        message: answer.get("message").and_then(Value::as_str).unwrap_or("").to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_by_name() {
        let names = Arc::new(vec!["NAME".to_string(), "FREE".to_string()]);
        let Ok(row) = row(&names, br#"["Pier Road",12]"#) else { panic!("a row") };
        assert_eq!(row.text("NAME"), Some("Pier Road"));
        assert_eq!(row.integer("FREE"), Some(12));
        assert_eq!(row.text("NONE"), None);
    }

    #[test]
    fn a_refusal_is_an_error_wherever_it_comes() {
        let line = br#"{"@type":"generic_error","error_code":40001,"message":"no"}"#;
        let error = column_names(400, line).expect_err("refused");
        assert!(!error.is_retryable(), "{error}");
        assert!(row(&Arc::new(vec![]), line).is_err());
    }

    #[test]
    fn a_bound_text_cannot_open_a_variable() {
        let statement = Statement::new("SELECT '${a}'").text("a", "${b}");
        assert_eq!(statement.variables["a"], "$ {b}");
    }

    /// A server in this process that answers so, once for each, and then well.
    fn server(failures: &'static [(u16, &'static str)]) -> Client {
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let answer = move |_: Request<Full<Bytes>>| {
            let at = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let well = (200, "{\"columnNames\":[\"FREE\"]}\n[12]\n");
            let (status, body) = failures.get(at).copied().unwrap_or(well);
            let mut response = Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
            std::future::ready(Ok(response))
        };
        Client::in_process(tower::service_fn(answer))
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_not_ready_is_asked_again() {
        static STARTING: &[(u16, &str)] = &[
            (503, r#"{"error_code":50303,"message":"not ready"}"#),
            (502, "<html>Bad Gateway</html>"),
            (503, ""),
        ];
        let rows = server(STARTING).query(Statement::new("SELECT")).await;
        let Ok(rows) = rows else { panic!("an answer") };
        assert_eq!(rows[0].integer("FREE"), Some(12));
        assert!(server(STARTING).execute(Statement::new("INSERT")).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_wrong_is_not_asked_again_and_patience_ends() {
        static WRONG: &[(u16, &str)] = &[(400, r#"{"error_code":40001,"message":"no"}"#)];
        let refused = server(WRONG).query(Statement::new("SELECT")).await;
        assert!(matches!(refused, Err(ClientError::Refused { code: 40001, .. })));
        static NEVER: &[(u16, &str)] = &[(503, ""); 1000];
        let given_up = server(NEVER).execute(Statement::new("INSERT")).await;
        assert!(matches!(given_up, Err(ClientError::NotConnected(_))));
    }
}
