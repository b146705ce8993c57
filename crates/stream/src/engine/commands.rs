//! The command log: every statement that changes what exists, in the order it was carried out. At
//! the start it is carried out again, so that everything is as it was.
//!
//! Record key: the command's id (`` stream/`X`/create ``). Record value, JSON:
//! `{"statement": text, "properties": {…}, "query": number}`, where `query` is the number that the
//! id of a query it started ends with.

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::{CreateTopicError, Journal, ReadError, TopicSpec};
use model::{Clock, Offset, Record, TopicPartition};
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::request::RequestError;

/// The log's topic.
pub(crate) const COMMANDS_TOPIC: &str = "_kerb_commands";

/// A command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Command {
    pub(crate) statement: String,
    #[serde(default)]
    pub(crate) properties: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) query: u64,
}

/// A command as it stands in the log.
pub(crate) struct LoggedCommand {
    /// Its number.
    pub(crate) sequence: i64,
    pub(crate) id: String,
    /// Why it cannot be read, if so.
    pub(crate) command: Result<Command, serde_json::Error>,
}

/// The log.
pub(crate) struct CommandLog {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    partition: TopicPartition,
}

impl CommandLog {
    /// Opens the log, and makes it if there is none.
    pub(crate) fn open(
        journal: &Arc<dyn Journal>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, RequestError> {
        match journal.create_topic(TopicSpec::new(COMMANDS_TOPIC, 1)) {
            Ok(_) | Err(CreateTopicError::Exists(_)) => {}
            Err(error) => return Err(Failure::from(error).of_request()),
        }
        Ok(Self {
            journal: journal.clone(),
            clock: clock.clone(),
            partition: TopicPartition::new(COMMANDS_TOPIC, 0),
        })
    }

    /// The number of the next command.
    pub(crate) fn next_sequence(&self) -> Result<u64, RequestError> {
        let bounds = self.journal.bounds(&self.partition).map_err(unreadable)?;
        Ok(bounds.end.0.max(0) as u64)
    }

    /// Writes a command and returns its number.
    pub(crate) fn append(&self, id: &str, command: &Command) -> Result<i64, Failure> {
        let value = serde_json::to_vec(command).map_err(|error| error.to_string())?;
        let record = Record {
            key: Some(id.to_owned().into()),
            value: Some(value.into()),
            timestamp: self.clock.now(),
            headers: Vec::new(),
        };
        Ok(self.journal.append(&self.partition, vec![record])?.0)
    }

    /// All commands so far. One that cannot be read is among them, as an error: who carries them
    /// out must know that not all are there.
    pub(crate) fn read(&self) -> Result<Vec<LoggedCommand>, RequestError> {
        let mut commands = Vec::new();
        let keep = |offset: Offset, record: Record| {
            let id = record.key.map(|k| String::from_utf8_lossy(&k).into_owned());
            commands.push(LoggedCommand {
                sequence: offset.0,
                id: id.unwrap_or_default(),
                command: serde_json::from_slice(&record.value.unwrap_or_default()),
            });
        };
        journal::read_all(self.journal.as_ref(), &self.partition, keep).map_err(unreadable)?;
        Ok(commands)
    }
}

fn unreadable(error: ReadError) -> RequestError {
    Failure::from(error).of_request()
}
