//! A server in memory for tests: statements in, rows out, a clock that stands still.

#![expect(dead_code, reason = "each test uses its own part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::{Journal, MemoryJournal};
use model::{ManualClock, TimestampMs, Value};
use stream::answer::Answer;
use stream::connectors::NoConnectors;
use stream::schema_topic::open_registry;
use stream::{Engine, EngineOptions, Execution, PushEvent, QueryAnswer, QueryEnd, Request};

/// A server in memory.
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) clock: Arc<ManualClock>,
    execution: Execution,
}

impl Server {
    /// One whose rows move when asked to.
    pub(crate) fn manual() -> Self {
        let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new(clock.clone()));
        Self::on(journal, clock, Execution::Manual, &[])
    }

    /// One on this journal.
    pub(crate) fn on(
        journal: Arc<dyn Journal>,
        clock: Arc<ManualClock>,
        execution: Execution,
        properties: &[(&str, &str)],
    ) -> Self {
        let dyn_clock: Arc<dyn model::Clock> = clock.clone();
        let registry = open_registry(&journal, &dyn_clock).expect("the registry opens");
        let properties =
            properties.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let engine = Engine::open(EngineOptions {
            service_id: "default_".to_owned(),
            journal: journal.clone(),
            registry,
            clock: dyn_clock,
            connectors: Arc::new(NoConnectors),
            execution,
            properties,
        })
        .expect("the engine opens");
        Self { engine, journal, clock, execution }
    }

    /// The same journal in a new engine, as after a crash.
    pub(crate) fn reopened(&self, properties: &[(&str, &str)]) -> Self {
        self.engine.shutdown();
        Self::on(self.journal.clone(), self.clock.clone(), self.execution, properties)
    }

    /// Carries out statements, reading from the start.
    pub(crate) fn run(&self, text: &str) -> Vec<Answer> {
        match self.engine.execute(&request(text)) {
            Ok(answers) => answers,
            Err(error) => panic!("{error}\nin: {text}"),
        }
    }

    /// The rows of a query: all that come until it ends or has nothing to do.
    pub(crate) fn rows(&self, text: &str) -> Vec<Vec<Value>> {
        self.rows_and_end(text).0
    }

    /// The rows of a query, and why it ended, if it did. A tombstone has one more cell: NULL.
    pub(crate) fn rows_and_end(&self, text: &str) -> (Vec<Vec<Value>>, Option<QueryEnd>) {
        let answer = match self.engine.query(&request(text)) {
            Ok(answer) => answer,
            Err(error) => panic!("{error}\nin: {text}"),
        };
        match answer {
            QueryAnswer::Pull(pull) => {
                let rows = (0..pull.rows.rows).map(|i| pull.rows.row(&pull.header.schema, i));
                (rows.collect(), None)
            }
            QueryAnswer::Push(mut push) => {
                let mut rows = Vec::new();
                self.engine.run_until_idle();
                while let Ok(event) = push.events.try_recv() {
                    match event {
                        PushEvent::Rows(batch) => {
                            for i in 0..batch.rows {
                                let mut row = batch.row(&push.header.schema, i);
                                if batch.is_tombstone(i) {
                                    row.push(Value::Null);
                                }
                                rows.push(row);
                            }
                        }
                        PushEvent::End(end) => return (rows, Some(end)),
                    }
                    self.engine.run_until_idle();
                }
                (rows, None)
            }
            QueryAnswer::Print(_) => panic!("PRINT has lines, not rows"),
        }
    }
}

/// A request that reads from the start.
pub(crate) fn request(text: &str) -> Request {
    let properties = BTreeMap::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]);
    Request { properties, ..Request::new(text) }
}
