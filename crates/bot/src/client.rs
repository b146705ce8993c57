//! A client of ksqlDB's REST API: statements whose text is fixed and whose values are bound.
//!
//! A [`Statement`]'s text is `&'static str`: what a user typed cannot become part of it. Values
//! travel as session variables, which the server puts into the places of `${name}` after it has
//! found where strings begin and end; a quote in a value stays within the string.
//!
//! The server is reached over HTTP, or in this process as a service without a socket.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// The longest line of an answer that is read, so that a broken server cannot fill the memory.
const LINE_BYTES_MAX: usize = 4 << 20;

/// Why the server did not answer as asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It could not be reached, or broke off.
    #[error("the server at {endpoint} cannot be reached: {reason}")]
    NotConnected {
        /// Where it was looked for.
        endpoint: String,
        /// What happened.
        reason: String,
    },
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
            ClientError::NotConnected { .. } => true,
            ClientError::Refused { code, .. } => *code >= 50_000,
            ClientError::Protocol(_) => false,
        }
    }
}

/// A statement with its values.
#[derive(Clone, Debug)]
pub struct Statement {
    text: &'static str,
    variables: BTreeMap<&'static str, String>,
    properties: BTreeMap<&'static str, &'static str>,
}

impl Statement {
    /// A statement; `'${name}'` stands for a text, `${name}` for a number.
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

    /// Binds a number. It must be finite.
    pub fn number(mut self, name: &'static str, value: f64) -> Self {
        debug_assert!(value.is_finite(), "{name} is not a number");
        self.variables.insert(name, format!("{value:?}"));
        self
    }

    /// Sets a property: `auto.offset.reset`, say.
    pub fn property(mut self, name: &'static str, value: &'static str) -> Self {
        self.properties.insert(name, value);
        self
    }
}

/// A row of an answer.
#[derive(Clone, Debug)]
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

    /// A truth, or nothing if it is null.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
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
        Self { endpoint: Endpoint::Http { client: reqwest::Client::new(), base } }
    }

    /// All rows of a query that ends by itself.
    pub async fn query(&self, statement: Statement) -> Result<Vec<Row>, ClientError> {
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
            return Err(ClientError::Protocol(format!("status {status} and no answer")));
        };
        let names = Arc::new(column_names(&first)?);
        Ok(futures_util::stream::try_unfold(lines, move |mut lines| {
            let names = Arc::clone(&names);
            async move {
                let Some(line) = lines.next().await? else { return Ok(None) };
                Ok(Some((row(&names, &line)?, lines)))
            }
        }))
    }

    /// Runs a statement that answers no rows: INSERT INTO … VALUES.
    pub async fn execute(&self, statement: Statement) -> Result<(), ClientError> {
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
        Err(refusal(&answer).unwrap_or_else(|| ClientError::Protocol(format!("status {status}"))))
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
                let not_connected = |e: reqwest::Error| ClientError::NotConnected {
                    endpoint: base.clone(),
                    reason: e.to_string(),
                };
                let response = client
                    .post(format!("{base}{path}"))
                    .header(http::header::ACCEPT, "application/vnd.ksqlapi.delimited.v1, */*")
                    .body(body)
                    .send()
                    .await
                    .map_err(not_connected)?;
                Ok((response.status().as_u16(), Chunks::Http(response, base.clone())))
            }
        }
    }
}

/// The pieces an answer arrives in.
enum Chunks {
    InProcess(AnswerBody),
    Http(reqwest::Response, String),
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
                    Some(Err(e)) => return Err(broken_off("this process", &e)),
                }
            },
            Chunks::Http(response, base) => {
                response.chunk().await.map_err(|e| broken_off(base, &e))
            }
        }
    }
}

fn broken_off(endpoint: &str, reason: &dyn std::fmt::Display) -> ClientError {
    ClientError::NotConnected { endpoint: endpoint.to_string(), reason: reason.to_string() }
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

fn column_names(line: &[u8]) -> Result<Vec<String>, ClientError> {
    let header: Value =
        serde_json::from_slice(line).map_err(|e| ClientError::Protocol(e.to_string()))?;
    if let Some(error) = refusal(&header) {
        return Err(error);
    }
    let names = header.get("columnNames").and_then(Value::as_array);
    let names = names.ok_or_else(|| ClientError::Protocol("no columnNames".into()))?;
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
        let row = row(&names, br#"["Pier Road",12]"#).expect("a row");
        assert_eq!(row.text("NAME"), Some("Pier Road"));
        assert_eq!(row.integer("FREE"), Some(12));
        assert_eq!(row.text("NONE"), None);
    }

    #[test]
    fn a_refusal_is_an_error_wherever_it_comes() {
        let line = br#"{"@type":"generic_error","error_code":40001,"message":"no"}"#;
        let error = column_names(line).expect_err("refused");
        assert!(!error.is_retryable(), "{error}");
        assert!(row(&Arc::new(vec![]), line).is_err());
    }

    #[test]
    fn a_bound_text_cannot_open_a_variable() {
        let statement = Statement::new("SELECT '${a}'").text("a", "${b}");
        assert_eq!(statement.variables["a"], "$ {b}");
    }
}
