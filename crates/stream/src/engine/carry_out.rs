//! Statements are carried out: their topics, schemas and queries made, and written to the command
//! log. The request they are part of was tried before (see `trial`).
//!
//! A command is written down before what cannot be taken back is done: queries that end, a query
//! that takes over another's state, topics that are deleted. What a CREATE makes comes first, as
//! nobody misses it if it is never written down: a query that was started is ended again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use format::registry::RegistryError;
use journal::{CreateTopicError, DeleteTopicError};
use model::Namespace;
use sql::analyze::{CreateSourcePlan, Planned, Settings, analyze};
use sql::ast::{ParsedStatement, QueryRef, Statement};
use sql::catalog::{Catalog, QueryEntry};

use super::command_id::{Change, creation_of, told_of};
use super::commands::Command;
use super::failure::{Failure, internal, refused, told};
use super::queries::{Origin, Start};
use super::world::{Session, TopicWorld, apply, new_topic, started_query, topic_spec};
use super::{Execution, Service, properties};
use crate::answer::{Answer, AnswerBody, CommandState, CommandStatus};
use crate::operators::sink::columns_of;
use crate::request::RequestError;

impl Service {
    pub(super) fn world(&self) -> TopicWorld {
        TopicWorld {
            journal: self.options.journal.clone(),
            registry: self.options.registry.clone(),
            changed: Default::default(),
        }
    }

    /// The number that the next query's id ends with.
    pub(super) fn next_query(&self) -> Result<u64, RequestError> {
        match self.options.execution {
            Execution::Manual => Ok(self.queries_made.load(Ordering::Relaxed)),
            Execution::Threads => self.commands.next_sequence(),
        }
    }

    /// Carries out one statement.
    pub(super) fn carry_out(
        &self,
        statement: &ParsedStatement,
        session: &mut Session,
    ) -> Result<Option<Answer>, RequestError> {
        let catalog = self.catalog.read().clone();
        let settings = session.settings(&self.options.properties);
        let query = self.next_query()?;
        let world = self.world();
        let planned = analyze(statement, &catalog, &world, &settings, query)
            .map_err(|error| refused(statement, &error, &catalog, &world, &settings))?;
        match &planned {
            Planned::InsertValues(plan) => {
                let inserted = self.insert_values(plan, &catalog);
                inserted.map_err(|failure| failure.at(told(statement)))?;
                return Ok(None);
            }
            Planned::AlreadyExists { message, .. } => {
                let body = AnswerBody::Warning { message: message.clone() };
                return Ok(Some(answer(&statement.text, body)));
            }
            Planned::Other(other) => {
                return match Change::of(other) {
                    Some((change, target)) => {
                        self.change_queries(change, target, statement, session).map(Some)
                    }
                    None => self.answer_other(other, statement, &catalog, session),
                };
            }
            _ => {}
        }
        let Some(of_command) = told_of(&planned, &statement.statement) else {
            unreachable!("queries were refused when the request was tried")
        };
        let mut changed = Catalog::clone(&catalog);
        apply(&mut changed, &planned);
        let changed = Arc::new(changed);
        let command = Command {
            statement: logged(&planned, statement),
            properties: self.written_properties(session),
            query,
        };
        let log = || {
            let appended = self.commands.append(&of_command.id, &command);
            appended.map_err(|failure| failure.at(told(statement)))
        };
        let made = || self.make(&planned).map_err(|failure| failure.at(told(statement)));
        let sequence = match (&planned, started_query(&planned)) {
            (Planned::Drop { topic, delete_topic, ends, .. }, _) => {
                let sequence = log()?;
                *self.catalog.write() = changed;
                self.end_queries(ends);
                if *delete_topic {
                    let deleted = self.delete_topic(topic);
                    deleted.map_err(|failure| failure.at(told(statement)))?;
                }
                sequence
            }
            (_, Some(entry)) => {
                made()?;
                self.start(&planned, entry, &changed, &settings, log)?
            }
            (_, None) => {
                made()?;
                let sequence = log()?;
                *self.catalog.write() = changed;
                sequence
            }
        };
        let status = CommandStatus {
            command_id: of_command.id,
            state: CommandState::Success,
            message: of_command.message,
            query_id: of_command.query_id,
            sequence,
        };
        self.note_status(status.clone());
        let text = answered(&planned, statement);
        Ok(Some(answer(&text, AnswerBody::CommandStatus(status))))
    }

    /// The properties that a command is carried out with again: the session's, and those of the
    /// server that change what it means.
    fn written_properties(&self, session: &Session) -> BTreeMap<String, String> {
        let mut properties = session.properties.clone();
        for name in properties::PLANNING {
            if let Some(value) = self.options.properties.get(*name) {
                properties.entry((*name).to_owned()).or_insert_with(|| value.clone());
            }
        }
        properties
    }

    /// Makes the topic and the schemas of a new source.
    fn make(&self, planned: &Planned) -> Result<(), Failure> {
        if let Some(topic) = new_topic(planned) {
            match self.options.journal.create_topic(topic_spec(topic)) {
                Ok(_) | Err(CreateTopicError::Exists(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match planned {
            Planned::CreateSource(plan) => self.register_schemas(plan),
            _ => Ok(()),
        }
    }

    /// Starts the query of a planned statement, and writes the statement down with `log`; returns
    /// the command's number.
    fn start(
        &self,
        planned: &Planned,
        entry: &QueryEntry,
        changed: &Arc<Catalog>,
        settings: &Settings,
        log: impl FnOnce() -> Result<i64, RequestError>,
    ) -> Result<i64, RequestError> {
        let entry = changed.queries.get(&entry.id).cloned();
        let entry = entry.ok_or_else(|| internal(&"a planned query is not in the catalog"))?;
        let start = |origin| Start {
            options: &self.options,
            catalog: changed.clone(),
            settings,
            log: self.log.clone(),
            origin,
            is_paused: false,
        };
        let replaced = match planned {
            Planned::CreateAs(plan) => plan.replaces.as_ref(),
            _ => None,
        };
        let sequence = match replaced {
            Some(replaced) => {
                // From now on nothing reads the state for the old plan.
                let sequence = log()?;
                *self.catalog.write() = changed.clone();
                self.queries.stop(replaced);
                self.queries.start(&entry, &start(Origin::GoesOn))?;
                sequence
            }
            None => {
                self.queries.start(&entry, &start(Origin::New))?;
                // A query that is not written down was never there.
                let sequence =
                    log().inspect_err(|_| self.end_queries(std::slice::from_ref(&entry.id)))?;
                *self.catalog.write() = changed.clone();
                sequence
            }
        };
        self.queries_made.fetch_add(1, Ordering::Relaxed);
        Ok(sequence)
    }

    /// Ends queries and lets go of their state. What cannot be deleted now is in nobody's way: a
    /// query that is made under the same id later deletes it first.
    fn end_queries(&self, ids: &[String]) {
        for query in ids.iter().filter_map(|id| self.queries.stop(id)) {
            if let Err(failure) = query.forget() {
                tracing::warn!(query = query.entry.id, %failure, "its state could not be deleted");
            }
        }
    }

    pub(super) fn note_status(&self, status: CommandStatus) {
        let mut statuses = self.statuses.write();
        // The status of a source's creation is gone once it is dropped.
        if let Some(creation) = creation_of(&status.command_id) {
            statuses.retain(|s| s.command_id != creation);
        }
        statuses.retain(|s| s.command_id != status.command_id);
        statuses.push(status);
    }

    /// TERMINATE, PAUSE, RESUME.
    fn change_queries(
        &self,
        change: Change,
        target: &QueryRef,
        statement: &ParsedStatement,
        session: &Session,
    ) -> Result<Answer, RequestError> {
        let command_id = change.id(target);
        let text = statement.text.clone();
        let properties = session.properties.clone();
        let command = Command { statement: text.clone(), properties, query: 0 };
        let sequence = self.commands.append(&command_id, &command);
        let sequence = sequence.map_err(|failure| failure.at(told(statement)))?;
        let ids: Vec<String> = match target {
            QueryRef::All => self.catalog.read().queries.keys().cloned().collect(),
            QueryRef::Id(id) => vec![id.clone()],
        };
        match change {
            Change::Terminate => {
                let persistent: Vec<String> =
                    ids.into_iter().filter(|id| !self.open.close(id)).collect();
                {
                    let mut catalog = self.catalog.write();
                    let queries = &mut Arc::make_mut(&mut catalog).queries;
                    persistent.iter().for_each(|id| drop(queries.remove(id)));
                }
                self.end_queries(&persistent);
            }
            Change::Pause | Change::Resume => {
                for query in ids.iter().filter_map(|id| self.queries.get(id)) {
                    query.pause(change == Change::Pause);
                }
            }
        }
        let status = CommandStatus {
            command_id,
            state: CommandState::Success,
            message: change.message().to_owned(),
            query_id: None,
            sequence,
        };
        self.note_status(status.clone());
        Ok(answer(&text, AnswerBody::CommandStatus(status)))
    }

    fn delete_topic(&self, topic: &str) -> Result<(), Failure> {
        match self.options.journal.delete_topic(topic) {
            Ok(()) | Err(DeleteTopicError::NotFound(_)) => {}
            Err(error) => {
                let kept = |why| format!("The source was dropped, its topic '{topic}' not: {why}");
                return Err(Failure::from(error).worded(kept));
            }
        }
        for is_key in [true, false] {
            let (subject, registry) =
                (format::codec::subject(topic, is_key), &self.options.registry);
            let softly = registry.delete_subject(&subject, false);
            match softly.and_then(|_| registry.delete_subject(&subject, true)) {
                Ok(_) | Err(RegistryError::SubjectSoftDeleted(_)) => {}
                // Nothing is registered there.
                Err(error) if error.is_not_found() => {}
                Err(error) => tracing::warn!(subject, %error, "its schemas could not be deleted"),
            }
        }
        Ok(())
    }

    /// Registers the schemas of a new source under its topic's subjects, unless there are some.
    fn register_schemas(&self, plan: &CreateSourcePlan) -> Result<(), Failure> {
        let source = &plan.source;
        let sides = [
            (&source.key_format, Namespace::Key, true),
            (&source.value_format, Namespace::Value, false),
        ];
        for (format, namespace, is_key) in sides {
            let columns = columns_of(&source.schema, namespace);
            let (topic, registry) = (&source.topic, &self.options.registry);
            format::register_if_absent(format, &columns, is_key, topic, registry)?;
        }
        Ok(())
    }
}

/// An answer without warnings.
pub(super) fn answer(statement: &str, body: AnswerBody) -> Answer {
    Answer { statement: statement.to_owned(), body, warnings: Vec::new() }
}

/// A statement as its answer tells it: CREATE as the server writes it, DROP without DELETE TOPIC.
fn answered(planned: &Planned, statement: &ParsedStatement) -> String {
    match (planned, &statement.statement) {
        (Planned::CreateSource(plan), _) => plan.source.statement.clone(),
        (Planned::CreateAs(plan), _) => plan.source.statement.clone(),
        (_, Statement::DropSource { kind, if_exists, name, delete_topic: true }) => {
            sql::text::format_statement(&Statement::DropSource {
                kind: *kind,
                if_exists: *if_exists,
                name: name.clone(),
                delete_topic: false,
            })
        }
        _ => statement.text.clone(),
    }
}

/// A statement as it is written down: columns that came from the registry are written out, so that
/// a replay finds the same.
fn logged(planned: &Planned, statement: &ParsedStatement) -> String {
    match (planned, &statement.statement) {
        (Planned::CreateSource(plan), Statement::CreateSource(create))
            if create.columns.is_empty() =>
        {
            plan.source.statement.clone()
        }
        _ => statement.text.clone(),
    }
}
