//! A client of the REST API for people: statements in, tables out.
//!
//! Session properties and variables live here, as in ksqlDB's own shell: SET and DEFINE hold for
//! all statements after them, and travel with each request.

mod entity;
mod help;
pub(crate) mod interactive;
pub(crate) mod piped;
mod server;
mod table;
mod typed;

use std::io::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sql::ast::{ParsedStatement, Query, Statement};

use crate::output::Output;
use server::{Server, Session};
use table::Table;

/// How deep RUN SCRIPT may run scripts that run scripts.
const SCRIPTS_MAX: usize = 16;

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
    server: Server,
    session: Session,
    /// Answers as JSON.
    json: bool,
    out: Output,
    /// How wide the terminal is; none: what is said goes elsewhere.
    screen: Option<usize>,
    /// The scripts that are being run, each by the one before.
    scripts: usize,
}

impl Shell {
    /// A shell of the server at `base`, which writes to standard output.
    pub(crate) fn new(base: String, json: bool) -> Self {
        Self {
            server: Server::new(base),
            session: Session::default(),
            json,
            out: Output::new(),
            screen: None,
            scripts: 0,
        }
    }

    /// The same on a terminal of this width.
    pub(crate) fn on_screen(mut self, screen: Option<usize>) -> Self {
        self.screen = screen;
        self
    }

    /// Runs all statements of a script; stops at the first that fails.
    pub(crate) async fn run_script(&mut self, script: &str) -> Result<Ended> {
        let statements = typed::statements(script);
        for (at, statement) in statements.iter().enumerate() {
            if self.run(statement).await? == Ended::Interrupted {
                return match statements.len() - at - 1 {
                    0 => Ok(Ended::Interrupted),
                    1 => bail!("interrupted; the statement behind it was not carried out"),
                    left => {
                        bail!("interrupted; the {left} statements behind it were not carried out")
                    }
                };
            }
        }
        Ok(Ended::Whole)
    }

    /// Runs one statement.
    pub(crate) async fn run(&mut self, text: &str) -> Result<Ended> {
        let Some(statement) = self.parsed(text)? else { return Ok(Ended::Whole) };
        let done = tokio::select! {
            // First: a script within knows better what was interrupted.
            biased;
            done = self.carry_out(&statement) => done,
            _ = tokio::signal::ctrl_c() => Ok(Ended::Interrupted),
        };
        self.out.flush()?;
        done
    }

    /// Says something to whoever reads the answers.
    fn say(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    fn parsed(&self, text: &str) -> Result<Option<ParsedStatement>> {
        let properties = &self.session.properties;
        let is_plain = properties.get("ksql.variable.substitution.enable");
        let text = match is_plain.is_some_and(|on| on.eq_ignore_ascii_case("false")) {
            true => text.into(),
            false => sql::variables::substitute(text, &self.session.variables)?,
        };
        Ok(sql::parser::parse_test_script(&text)?.into_iter().next())
    }

    async fn carry_out(&mut self, parsed: &ParsedStatement) -> Result<Ended> {
        match &parsed.statement {
            Statement::Set { property, value } => {
                // The server knows which properties there are, and which of their values.
                self.server.statement(&parsed.text, &Session::default()).await?;
                self.session.properties.insert(property.clone(), value.clone());
            }
            Statement::Unset { property } => {
                if self.session.properties.remove(property).is_none() {
                    bail!("'{property}' was not set");
                }
            }
            Statement::Define { name, value } => self.session.variables.define(name, value),
            Statement::Undefine { name } => {
                if !self.session.variables.undefine(name) {
                    bail!("'{name}' was not defined");
                }
            }
            Statement::RunScript { path } => return self.run_file(path).await,
            Statement::Query(query) => self.query(&parsed.text, query).await?,
            Statement::Print { .. } => self.print(&parsed.text).await?,
            _ => self.statement(&parsed.text).await?,
        }
        Ok(Ended::Whole)
    }

    async fn run_file(&mut self, path: &str) -> Result<Ended> {
        let script = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
        if self.scripts == SCRIPTS_MAX {
            bail!("{path}: scripts run scripts {SCRIPTS_MAX} deep; does one run itself?");
        }
        self.scripts += 1;
        let done = Box::pin(self.run_script(&script)).await;
        self.scripts -= 1;
        done.with_context(|| path.to_owned())
    }

    /// CREATE, SHOW, DESCRIBE and all others that answer with entities.
    async fn statement(&mut self, text: &str) -> Result<()> {
        for entity in &self.server.statement(text, &self.session).await? {
            match self.json {
                true => writeln!(self.out, "{entity}")?,
                false => write!(self.out, "{}", entity::render(entity, self.screen))?,
            }
        }
        Ok(())
    }

    /// PRINT: lines as they come.
    async fn print(&mut self, text: &str) -> Result<()> {
        let mut lines = self.server.print(text, &self.session).await?;
        while let Some(line) = lines.next().await? {
            writeln!(self.out, "{}", String::from_utf8_lossy(&line))?;
            while let Some(line) = lines.arrived() {
                writeln!(self.out, "{}", String::from_utf8_lossy(&line))?;
            }
            self.out.flush()?;
            if self.out.is_gone() {
                break;
            }
        }
        Ok(())
    }

    /// SELECT: a table at once for a pull query, rows as they come for a push query.
    async fn query(&mut self, text: &str, query: &Query) -> Result<()> {
        let mut lines = self.server.query(text, &self.session).await?;
        let header = lines.next().await?.context("the server answered nothing")?;
        let header: Value = serde_json::from_slice(&header).context("the answer's header")?;
        let names = |field: &str| -> Vec<String> {
            let all = header[field].as_array().cloned().unwrap_or_default();
            all.iter().filter_map(|v| v.as_str().map(str::to_string)).collect()
        };
        let mut table = Table::new(names("columnNames"), &names("columnTypes"), self.screen);
        let live = query.emit.is_some();
        if live && !self.json {
            write!(self.out, "{}", table.live_header())?;
            self.out.flush()?;
        }
        let mut line = lines.next().await?;
        while let Some(row) = line {
            let row: Value = serde_json::from_slice(&row).context("a row of the answer")?;
            let Value::Array(cells) = row else {
                self.out.flush()?;
                bail!("{}", row["message"].as_str().unwrap_or("the query broke off"));
            };
            match (self.json, live) {
                (true, _) => writeln!(self.out, "{}", table.json(&cells))?,
                (false, true) => write!(self.out, "{}", table.live_row(&cells))?,
                (false, false) => table.push(&cells),
            }
            line = lines.arrived();
            if line.is_none() {
                self.out.flush()?;
                if self.out.is_gone() {
                    return Ok(());
                }
                line = lines.next().await?;
            }
        }
        if !self.json && !live {
            write!(self.out, "{}", table.render())?;
        }
        Ok(())
    }
}
