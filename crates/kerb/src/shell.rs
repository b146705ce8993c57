//! A client of the REST API for people: statements in, tables out.
//!
//! Session properties and variables live here, as in ksqlDB's own shell: SET and DEFINE hold for
//! all statements after them, and travel with each request.

mod entity;
mod help;
pub(crate) mod interactive;
mod table;

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use bytes::BytesMut;
use serde_json::{Value, json};
use sql::ast::{ParsedStatement, Query, Statement};
use sql::variables::Variables;

use crate::exit::Exit;
use crate::server_url;
use table::Table;

/// How a result was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// To its end.
    Whole,
    /// Ctrl-C was pressed meanwhile.
    Interrupted,
}

/// The shell.
pub(crate) struct Shell {
    client: reqwest::Client,
    base: String,
    json: bool,
    properties: BTreeMap<String, String>,
    variables: Variables,
}

impl Shell {
    /// A shell of the server at `base`.
    pub(crate) fn new(base: String, json: bool) -> Self {
        Self {
            client: reqwest::Client::new(),
            base,
            json,
            properties: BTreeMap::new(),
            variables: Variables::default(),
        }
    }

    /// Runs all statements of a script; stops at the first that fails.
    pub(crate) async fn run_script(&mut self, script: &str) -> Result<(), Exit> {
        let pieces = sql::parser::split_statements(script);
        for span in &pieces.complete {
            if self.run(&script[span.start..span.end]).await? == Ended::Interrupted {
                return Ok(());
            }
        }
        if let Some(rest) = pieces.rest {
            // The last statement may go without its semicolon.
            self.run(&format!("{};", &script[rest.span.start..rest.span.end])).await?;
        }
        Ok(())
    }

    /// Runs one statement.
    pub(crate) async fn run(&mut self, text: &str) -> Result<Ended> {
        let statements =
            sql::variables::parse_script(text, &self.variables).map_err(|e| anyhow!("{e}"))?;
        let Some(statement) = statements.into_iter().next() else { return Ok(Ended::Whole) };
        if self.for_session(&statement.statement).await? {
            return Ok(Ended::Whole);
        }
        tokio::select! {
            done = self.send(&statement) => done.map(|()| Ended::Whole),
            _ = tokio::signal::ctrl_c() => Ok(Ended::Interrupted),
        }
    }

    /// Carries out what concerns the session only; false if the statement is the server's.
    async fn for_session(&mut self, statement: &Statement) -> Result<bool> {
        match statement {
            Statement::Set { property, value } => {
                self.check_property(property).await?;
                self.properties.insert(property.clone(), value.clone());
            }
            Statement::Unset { property } => {
                if self.properties.remove(property).is_none() {
                    bail!("'{property}' was not set");
                }
            }
            Statement::Define { name, value } => self.variables.define(name, value),
            Statement::Undefine { name } => {
                if !self.variables.undefine(name) {
                    bail!("'{name}' was not defined");
                }
            }
            Statement::RunScript { path } => {
                let script = std::fs::read_to_string(path).with_context(|| path.clone())?;
                if let Err(Exit::Failed(error)) = Box::pin(self.run_script(&script)).await {
                    return Err(error);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    async fn check_property(&self, property: &str) -> Result<()> {
        let encoded =
            percent_encoding::utf8_percent_encode(property, percent_encoding::NON_ALPHANUMERIC);
        let request = self.client.get(format!("{}/is_valid_property/{encoded}", self.base));
        let response = request.send().await.map_err(|e| server_url::not_reached(&self.base, &e))?;
        if response.status().is_success() {
            return Ok(());
        }
        let refusal: Value = response.json().await.unwrap_or(Value::Null);
        bail!("{}", refusal["message"].as_str().unwrap_or("that property cannot be set"))
    }

    async fn send(&self, statement: &ParsedStatement) -> Result<()> {
        match &statement.statement {
            Statement::Query(query) => self.query(&statement.text, query).await,
            Statement::Print { .. } => self.print(&statement.text).await,
            _ => self.statement(&statement.text).await,
        }
    }

    fn variables(&self) -> BTreeMap<&str, &str> {
        self.variables.iter().collect()
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
            None => bail!("{} answered {status}: is it a ksqlDB or kerb server?", self.base),
        }
    }

    /// CREATE, SHOW, DESCRIBE and all others that answer with entities.
    async fn statement(&self, text: &str) -> Result<()> {
        let body = json!({
            "ksql": text,
            "streamsProperties": self.properties,
            "sessionVariables": self.variables(),
        });
        let response = self.post("/ksql", "application/vnd.ksql.v1+json", &body).await?;
        let entities: Vec<Value> = response.json().await.context("the server's answer")?;
        for entity in &entities {
            match self.json {
                true => println!("{entity}"),
                false => print!("{}", entity::render(entity)),
            }
        }
        Ok(())
    }

    /// PRINT: lines as they come.
    async fn print(&self, text: &str) -> Result<()> {
        let body = json!({ "ksql": text, "streamsProperties": self.properties });
        let mut lines = Lines::new(self.post("/query", "*/*", &body).await?, &self.base);
        while let Some(line) = lines.next().await? {
            println!("{}", String::from_utf8_lossy(&line));
        }
        Ok(())
    }

    /// SELECT: a table at once for a pull query, rows as they come for a push query.
    async fn query(&self, text: &str, query: &Query) -> Result<()> {
        let body = json!({
            "sql": text,
            "properties": self.properties,
            "sessionVariables": self.variables(),
        });
        let accept = "application/vnd.ksqlapi.delimited.v1";
        let mut lines = Lines::new(self.post("/query-stream", accept, &body).await?, &self.base);
        let header = lines.next().await?.context("the server answered nothing")?;
        let header: Value = serde_json::from_slice(&header).context("the answer's header")?;
        let names = |field: &str| -> Vec<String> {
            let all = header[field].as_array().cloned().unwrap_or_default();
            all.iter().filter_map(|v| v.as_str().map(str::to_string)).collect()
        };
        let mut table = Table::new(names("columnNames"), &names("columnTypes"));
        let live = query.emit.is_some();
        if live && !self.json {
            print!("{}", table.live_header());
        }
        while let Some(line) = lines.next().await? {
            let row: Value = serde_json::from_slice(&line).context("a row of the answer")?;
            let Value::Array(cells) = row else {
                bail!("{}", row["message"].as_str().unwrap_or("the query broke off"));
            };
            match (self.json, live) {
                (true, _) => println!("{}", table.json(&cells)),
                (false, true) => print!("{}", table.live_row(&cells)),
                (false, false) => table.push(&cells),
            }
        }
        if !self.json && !live {
            print!("{}", table.render());
        }
        Ok(())
    }
}

/// An answer line by line, empty ones left out.
struct Lines<'a> {
    response: reqwest::Response,
    base: &'a str,
    buffer: BytesMut,
}

impl<'a> Lines<'a> {
    fn new(response: reqwest::Response, base: &'a str) -> Self {
        Self { response, base, buffer: BytesMut::new() }
    }

    async fn next(&mut self) -> Result<Option<BytesMut>> {
        loop {
            if let Some(at) = self.buffer.iter().position(|b| *b == b'\n') {
                let mut line = self.buffer.split_to(at + 1);
                line.truncate(at);
                if line.is_empty() {
                    continue;
                }
                return Ok(Some(line));
            }
            let chunk = self.response.chunk().await;
            match chunk.map_err(|e| server_url::not_reached(self.base, &e))? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Ok(Some(self.buffer.split())),
            }
        }
    }
}
