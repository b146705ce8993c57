//! The shell's end of the REST API: requests out, answers line by line back.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use bytes::BytesMut;
use serde_json::{Value, json};

use crate::server_url;

/// The media type of rows, a line each.
const DELIMITED: &str = "application/vnd.ksqlapi.delimited.v1";

/// What a session has set: it travels with each statement.
#[derive(Default)]
pub(crate) struct Session {
    /// SET.
    pub(crate) properties: BTreeMap<String, String>,
    /// DEFINE.
    pub(crate) variables: sql::variables::Variables,
}

/// A server.
pub(crate) struct Server {
    client: reqwest::Client,
    /// Its address, without a slash behind it.
    pub(crate) base: String,
}

impl Server {
    /// The server at `base`.
    pub(crate) fn new(base: String) -> Self {
        Self { client: reqwest::Client::new(), base }
    }

    /// What it says it is: `0.1.0`, or ksqlDB's version.
    pub(crate) async fn version(&self) -> Result<String> {
        let request = self.client.get(format!("{}/info", self.base));
        let response = request.send().await.map_err(|e| server_url::not_reached(&self.base, &e))?;
        let info: Value = response.json().await.unwrap_or(Value::Null);
        let version = info["KsqlServerInfo"]["version"].as_str();
        version.map(str::to_owned).with_context(|| no_server_of_ours(&self.base, "its /info"))
    }

    /// CREATE, SHOW, DESCRIBE and all others that answer with entities.
    pub(crate) async fn statement(&self, text: &str, session: &Session) -> Result<Vec<Value>> {
        let body = json!({
            "ksql": text,
            "streamsProperties": session.properties,
            "sessionVariables": variables(session),
        });
        let response = self.post("/ksql", "application/vnd.ksql.v1+json", &body).await?;
        response.json().await.context("the server's answer")
    }

    /// PRINT.
    pub(crate) async fn print(&self, text: &str, session: &Session) -> Result<Lines<'_>> {
        let body = json!({ "ksql": text, "streamsProperties": session.properties });
        self.lines(self.post("/query", "*/*", &body).await?)
    }

    /// SELECT.
    pub(crate) async fn query(&self, text: &str, session: &Session) -> Result<Lines<'_>> {
        let body = json!({
            "sql": text,
            "properties": session.properties,
            "sessionVariables": variables(session),
        });
        self.lines(self.post("/query-stream", DELIMITED, &body).await?)
    }

    fn lines(&self, response: reqwest::Response) -> Result<Lines<'_>> {
        Ok(Lines { response, base: &self.base, buffer: BytesMut::new(), searched: 0 })
    }

    async fn post(&self, path: &str, accept: &str, body: &Value) -> Result<reqwest::Response> {
        let request = self.client.post(format!("{}{path}", self.base));
        let request = request.header(http::header::ACCEPT, accept).body(body.to_string());
        let response = request.send().await.map_err(|e| server_url::not_reached(&self.base, &e))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        let refusal: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        match refusal["message"].as_str() {
            Some(message) => bail!("{message}"),
            None => bail!("{}", no_server_of_ours(&self.base, &status.to_string())),
        }
    }
}

fn no_server_of_ours(base: &str, answer: &str) -> String {
    format!("{base} answered {answer}: is it a ksqlDB or kerb server?")
}

fn variables(session: &Session) -> BTreeMap<&str, &str> {
    session.variables.iter().collect()
}

/// An answer line by line, empty ones left out.
pub(crate) struct Lines<'a> {
    response: reqwest::Response,
    base: &'a str,
    buffer: BytesMut,
    /// So much of the buffer has no line's end in it.
    searched: usize,
}

impl Lines<'_> {
    /// The next line that has arrived already.
    pub(crate) fn arrived(&mut self) -> Option<BytesMut> {
        loop {
            let Some(at) = self.buffer[self.searched..].iter().position(|b| *b == b'\n') else {
                self.searched = self.buffer.len();
                return None;
            };
            let mut line = self.buffer.split_to(self.searched + at + 1);
            self.searched = 0;
            line.truncate(line.len() - 1);
            if !line.is_empty() {
                return Some(line);
            }
        }
    }

    /// The next line, waited for; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<BytesMut>> {
        loop {
            if let Some(line) = self.arrived() {
                return Ok(Some(line));
            }
            let chunk = self.response.chunk().await;
            match chunk.map_err(|e| server_url::not_reached(self.base, &e))? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    self.searched = 0;
                    return Ok(Some(self.buffer.split()));
                }
            }
        }
    }
}
