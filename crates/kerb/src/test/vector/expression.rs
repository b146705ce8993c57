//! Expressions over rows: a push query selects them from a stream of these rows, one by one, and
//! another one all rows at once.

use std::sync::Arc;

use bytes::Bytes;
use model::{Record, TimestampMs};
use stream::push::{PushEvent, QueryEnd};
use stream::{PushQuery, QueryAnswer, Request};
use testkit::vectors::{ExpressionVector, Outcome, judge};

use super::processing_log::LogReader;
use crate::test::instance::Instance;
use crate::test::{Finding, Job, Verdict};

/// Where the rows go in.
const TOPIC: &str = "rows";

/// Vectors of one expression over the same columns.
pub(super) struct ExpressionCases {
    pub(super) vectors: Arc<[(String, ExpressionVector)]>,
}

/// A push query over a stream of rows.
struct Running {
    instance: Instance,
    query: PushQuery,
    log: LogReader,
}

impl ExpressionCases {
    fn start(&self) -> Result<Result<Running, String>, String> {
        let instance = Instance::start()?;
        let vector = &self.vectors[0].1;
        let mut columns = String::from("RID BIGINT");
        for (name, ty) in &vector.columns {
            columns.push_str(&format!(", {name} {}", ty.as_str().unwrap_or_default()));
        }
        let create = format!(
            "CREATE STREAM INPUT_ROWS ({columns}) \
             WITH (KAFKA_TOPIC='{TOPIC}', PARTITIONS=1, VALUE_FORMAT='JSON');"
        );
        let created = instance.execute(&create, &Default::default());
        created.map_err(|error| format!("{create}: {error}"))?;
        let select = format!("SELECT RID, {} AS E0 FROM INPUT_ROWS EMIT CHANGES;", vector.sql);
        let request = Request::new(select).with("auto.offset.reset", "earliest");
        match instance.engine.query(&request) {
            Ok(QueryAnswer::Push(query)) => {
                Ok(Ok(Running { instance, query, log: LogReader::default() }))
            }
            Ok(_) => Err("no push query".to_owned()),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// What comes of each vector's row; all rows at once, if it is known what came of each alone.
    fn run_rows(&self, alone: Option<&[Outcome]>) -> Result<Vec<Outcome>, String> {
        let mut running = match self.start()? {
            Ok(running) => running,
            Err(refused) => {
                return Ok(vec![Outcome::Refused(refused); self.vectors.len()]);
            }
        };
        let ty = match running.query.header.schema.columns.get(1) {
            Some(column) => column.ty.to_string(),
            None => return Err("the query has no second column".to_owned()),
        };
        let outcome =
            |json: String, error: Option<String>| Outcome::Value { ty: ty.clone(), json, error };
        let rows = self.vectors.iter().map(|(_, vector)| &vector.row);
        let rows = rows.map(|row| if row.is_null() { "{}".to_owned() } else { row.to_string() });
        let mut outcomes = Vec::new();
        if let Some(alone) = alone {
            for row in rows {
                running.append(row)?;
            }
            let cells = running.advance()?;
            // Which row an entry of the log belongs to is not told: those that failed alone have
            // one.
            let mut errors = running.log.fresh(&running.instance).into_iter();
            for (cell, alone) in cells.into_iter().zip(alone) {
                let failed = matches!(alone, Outcome::Value { error: Some(_), .. });
                let error = if failed { errors.next() } else { None };
                outcomes.push(outcome(cell, error));
            }
            if let Some(more) = errors.next() {
                return Err(format!("more rows failed: {more}"));
            }
        } else {
            for row in rows {
                running.append(row)?;
                let cell = running.advance()?.into_iter().next();
                let error = running.log.fresh(&running.instance).into_iter().next();
                match (cell, error) {
                    (Some(cell), error) => outcomes.push(outcome(cell, error)),
                    (None, Some(error)) => outcomes.push(outcome("null".to_owned(), Some(error))),
                    (None, None) => return Err("no row came out".to_owned()),
                }
            }
        }
        match outcomes.len() == self.vectors.len() {
            true => Ok(outcomes),
            false => Err(format!("{} rows of {}", outcomes.len(), self.vectors.len())),
        }
    }
}

impl Running {
    fn append(&self, row: String) -> Result<(), String> {
        let value = Some(Bytes::from(row));
        let record = Record { value, timestamp: TimestampMs(0), ..Record::default() };
        self.instance.append(TOPIC, record).map(drop)
    }

    /// The second column of all rows that come out now.
    fn advance(&mut self) -> Result<Vec<String>, String> {
        self.instance.engine.run_until_idle();
        let mut cells = Vec::new();
        loop {
            match self.query.events.try_recv() {
                Ok(PushEvent::Rows(batch)) => {
                    let ty = &self.query.header.schema.columns[1].ty;
                    for row in 0..batch.rows {
                        let mut text = Vec::new();
                        model::text::write_json(ty, &batch.columns[1], row, &mut text);
                        cells.push(String::from_utf8_lossy(&text).into_owned());
                    }
                }
                Ok(PushEvent::End(QueryEnd::Failed(why))) => return Err(format!("failed: {why}")),
                Ok(PushEvent::End(end)) => return Err(format!("ended: {end:?}")),
                Err(_) => {
                    self.instance.engine.run_until_idle();
                    if self.query.events.is_empty() {
                        return Ok(cells);
                    }
                }
            }
        }
    }
}

impl Job for ExpressionCases {
    fn cases(&self) -> Vec<String> {
        self.vectors.iter().map(|(name, _)| name.clone()).collect()
    }

    fn run(&self) -> Vec<Finding> {
        let failed = |reason: String| {
            let finding = |name: String| Finding::new(name, Verdict::Failed(reason.clone()));
            self.cases().into_iter().map(finding).collect()
        };
        let alone = match self.run_rows(None) {
            Ok(outcomes) => outcomes,
            Err(reason) => return failed(reason),
        };
        let (in_batch, whole) = match self.run_rows(Some(&alone)) {
            Ok(outcomes) => (outcomes, None),
            Err(reason) => (Vec::new(), Some(format!("in batches: {reason}"))),
        };
        let judged = self.vectors.iter().enumerate().map(|(at, (name, vector))| {
            let mut result = judge(vector, &alone[at]);
            if result.is_ok() {
                result = match (&whole, in_batch.get(at)) {
                    (Some(reason), _) => Err(reason.clone()),
                    (None, Some(outcome)) => {
                        judge(vector, outcome).map_err(|d| format!("in batches: {d}"))
                    }
                    (None, None) => Err("in batches: no row".to_owned()),
                };
            }
            Finding::new(name, Verdict::of(result))
        });
        judged.collect()
    }
}
