//! Statements are carried out: planned against the catalog, their topics, schemas and queries made,
//! and written to the command log. [`Inner::validate`] is the same without doing anything.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use journal::{CreateTopicError, DeleteTopicError, TopicSpec};
use model::{Column, Format, FormatKind, Namespace, Schema};
use sql::analyze::{AnalyzeError, CreateSourcePlan, Planned, Settings, analyze, refused_text};
use sql::ast::{ParsedStatement, QueryRef, SourceKind, Statement};
use sql::catalog::{Catalog, Source};

use super::commands::{Command, internal};
use super::queries::{self, Origin, Start};
use super::show::connector_config;
use super::world::{Session, TopicWorld, apply, new_topic, started_query, topic_spec};
use super::{EngineOptions, Execution, Inner, properties};
use crate::answer::{Answer, AnswerBody, CommandState, CommandStatus};
use crate::connectors::{self, ConnectorError};
use crate::operators::sink::{columns_of, named_key_format};
use crate::processing_log;
use crate::request::{RequestError, RequestErrorKind};
use crate::run::log_writer::LogWriter;

/// The word of a kind in command ids.
pub(super) fn kind_word(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Stream => "stream",
        SourceKind::Table => "table",
    }
}

/// Does a statement change what exists?
pub(super) fn changes_catalog(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::CreateSource(_)
            | Statement::CreateAs(_)
            | Statement::InsertSelect { .. }
            | Statement::DropSource { .. }
            | Statement::CreateType { .. }
            | Statement::DropType { .. }
            | Statement::AlterSource { .. }
            | Statement::Terminate(_)
            | Statement::Pause(_)
            | Statement::Resume(_)
    )
}

/// A statement as it may be told in errors: without people's data.
pub(super) fn told(statement: &ParsedStatement) -> String {
    sql::text::format_masked(&statement.statement).unwrap_or_else(|| statement.text.clone())
}

/// The refusal of a statement that means nothing; it tells the statement as the server writes it.
fn refused(
    statement: &ParsedStatement,
    error: &AnalyzeError,
    catalog: &Catalog,
    world: &TopicWorld,
    settings: &Settings,
) -> RequestError {
    let text = refused_text(statement, error, catalog, world, settings);
    RequestError::analysis(error, text.unwrap_or_else(|| told(statement)))
}

/// A statement as its answer tells it: DELETE TOPIC is left out.
fn answered(statement: &ParsedStatement) -> String {
    match &statement.statement {
        Statement::DropSource { kind, if_exists, name, delete_topic: true } => {
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

/// The topic of the processing log.
pub(super) fn processing_log_topic(options: &EngineOptions) -> String {
    format!("{}ksql_processing_log", options.service_id)
}

/// Opens the processing log and makes its topic.
pub(super) fn open_processing_log(
    options: &EngineOptions,
) -> Result<Option<Arc<LogWriter>>, RequestError> {
    let topic = processing_log_topic(options);
    let day = std::time::Duration::from_secs(7 * 24 * 3600);
    let spec = TopicSpec { retention: Some(day), ..TopicSpec::new(topic.as_str(), 1) };
    match options.journal.create_topic(spec) {
        Ok(_) | Err(CreateTopicError::Exists(_)) => {}
        Err(error) => return Err(internal(&error)),
    }
    let writer = LogWriter::new(&topic, &options.registry).map_err(|e| internal(&e))?;
    Ok(Some(Arc::new(writer)))
}

/// The catalog of an empty server: the processing log alone.
pub(super) fn first_catalog(options: &EngineOptions) -> Catalog {
    let columns = processing_log::columns();
    let columns = columns.into_iter().map(|(name, ty)| Column::value(name, ty)).collect();
    let schema = Schema::new(columns);
    let topic = processing_log_topic(options);
    let name = processing_log::STREAM;
    let statement = format!(
        "CREATE STREAM {name} ({schema}) WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON');"
    );
    let source = Source {
        name: name.to_owned(),
        kind: SourceKind::Stream,
        schema,
        topic,
        key_format: Format::new(FormatKind::Kafka),
        value_format: Format::new(FormatKind::Json),
        window: None,
        timestamp: None,
        read_only: true,
        created_by: None,
        statement,
    };
    let mut catalog = Catalog::default();
    catalog.sources.insert(name.to_owned(), Arc::new(source));
    catalog
}

impl Inner {
    pub(super) fn world(&self) -> TopicWorld {
        TopicWorld {
            journal: self.options.journal.clone(),
            registry: self.options.registry.clone(),
            changed: Default::default(),
        }
    }

    /// The number that the next query's id ends with.
    fn next_query(&self) -> Result<u64, RequestError> {
        match self.options.execution {
            Execution::Manual => Ok(self.queries_made.load(Ordering::Relaxed)),
            Execution::Threads => self.commands.next_sequence(),
        }
    }

    /// May no source be put on this topic?
    fn is_reserved(&self, topic: &str) -> bool {
        journal::is_internal(topic) || topic == processing_log_topic(&self.options)
    }

    /// Tries statements on a copy of the catalog: an error says which makes no sense.
    pub(super) fn validate(
        &self,
        statements: &[ParsedStatement],
        mut session: Session,
    ) -> Result<(), RequestError> {
        let mut catalog = Catalog::clone(&self.catalog.read());
        let mut world = self.world();
        let mut next_query = self.next_query()?;
        let mut connectors = connectors::Trial::default();
        for statement in statements {
            if let Statement::Query(_) | Statement::Print { .. } = statement.statement {
                let message = "SELECT and PRINT are answered by /query and /query-stream only";
                return Err(RequestError {
                    kind: RequestErrorKind::QueryEndpoint,
                    ..RequestError::statement(message, told(statement))
                });
            }
            let settings = session.settings(&self.options.properties);
            let planned = analyze(statement, &catalog, &world, &settings, next_query)
                .map_err(|error| refused(statement, &error, &catalog, &world, &settings))?;
            if let Some(topic) = topic_of(&planned).filter(|t| self.is_reserved(t)) {
                let message = format!(
                    "topic '{topic}' belongs to the server; choose another one (PRINT shows what is in it)"
                );
                return Err(RequestError::statement(message, told(statement)));
            }
            match &planned {
                Planned::InsertValues(plan) => {
                    self.record_of(plan, &catalog)
                        .map_err(|message| RequestError::statement(message, told(statement)))?;
                }
                Planned::Other(other) => {
                    self.check_other(other, statement, &catalog, &mut session)?;
                    self.check_connector(other, &mut connectors).map_err(|error| {
                        RequestError::statement(error.to_string(), told(statement))
                    })?;
                    if let Statement::Terminate(QueryRef::Id(id)) = other {
                        catalog.queries.remove(id);
                    }
                }
                _ => {}
            }
            if let Some(topic) = new_topic(&planned) {
                world.changed.insert(topic.name.clone(), Some(topic.clone()));
            }
            if let Planned::Drop { topic, delete_topic: true, .. } = &planned {
                world.changed.insert(topic.clone(), None);
            }
            self.check_replacement(&planned, &catalog, &settings)
                .map_err(|message| RequestError::statement(message, told(statement)))?;
            apply(&mut catalog, &planned);
            if let Some(query) = started_query(&planned) {
                queries::check(query, &catalog, &self.options.registry, &settings)
                    .map_err(|error| RequestError::statement(error.to_string(), told(statement)))?;
            }
            let is_query = started_query(&planned).is_some();
            next_query += match self.options.execution {
                Execution::Manual => u64::from(is_query),
                Execution::Threads => u64::from(changes_catalog(&statement.statement)),
            };
        }
        Ok(())
    }

    /// Checks that a query which replaces another can go on with its state.
    fn check_replacement(
        &self,
        planned: &Planned,
        catalog: &Catalog,
        settings: &Settings,
    ) -> Result<(), String> {
        let Planned::CreateAs(plan) = planned else { return Ok(()) };
        let old = plan.replaces.as_ref().and_then(|id| catalog.queries.get(id));
        old.map_or(Ok(()), |old| {
            let registry = &self.options.registry;
            queries::check_replacement(old, &plan.query, catalog, registry, settings)
        })
    }

    /// Checks CREATE and DROP CONNECTOR.
    fn check_connector(
        &self,
        other: &Statement,
        trial: &mut connectors::Trial,
    ) -> Result<(), ConnectorError> {
        let connectors = self.options.connectors.as_ref();
        match other {
            Statement::CreateConnector { kind, if_not_exists, name, properties } => {
                let config = connector_config(properties);
                trial.create(connectors, *kind, (name, *if_not_exists), &config)
            }
            Statement::DropConnector { if_exists, name } => {
                trial.drop(connectors, name, *if_exists)
            }
            _ => Ok(()),
        }
    }

    /// Checks a statement that needs no plan.
    fn check_other(
        &self,
        other: &Statement,
        statement: &ParsedStatement,
        catalog: &Catalog,
        session: &mut Session,
    ) -> Result<(), RequestError> {
        let refuse = |message: String| Err(RequestError::statement(message, told(statement)));
        match other {
            Statement::Terminate(QueryRef::Id(id))
                if !catalog.queries.contains_key(id) && !self.open.contains(id) =>
            {
                refuse(format!("Unknown queryId: {id}"))
            }
            Statement::Pause(QueryRef::Id(id)) | Statement::Resume(QueryRef::Id(id))
                if !catalog.queries.contains_key(id) =>
            {
                refuse(format!("Unknown queryId: {id}"))
            }
            Statement::Set { property, value } => {
                let checked = properties::check(property)
                    .and_then(|()| properties::check_value(property, value));
                checked.map_err(|error| RequestError::statement(error.message, told(statement)))?;
                session.properties.insert(property.clone(), value.clone());
                Ok(())
            }
            Statement::Unset { property } => properties::check(property)
                .map_err(|error| RequestError::statement(error.message, told(statement))),
            Statement::Define { name, value } => {
                session.variables.define(name.clone(), value.clone());
                Ok(())
            }
            Statement::AlterSystem { .. } => refuse(
                "ALTER SYSTEM is not available; set properties when the server starts".into(),
            ),
            Statement::RunScript { .. }
            | Statement::AssertValues { .. }
            | Statement::AssertNullValues { .. }
            | Statement::AssertSource(_) => {
                refuse("this statement is for test scripts and the shell".to_owned())
            }
            Statement::Show(_) | Statement::Describe(_) | Statement::Explain(_) => {
                self.answer_question(statement, catalog, session).map(drop)
            }
            _ => Ok(()),
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
        let query_number = self.next_query()?;
        let refuse = |message: String| RequestError::statement(message, told(statement));
        let world = self.world();
        let planned = analyze(statement, &catalog, &world, &settings, query_number)
            .map_err(|error| refused(statement, &error, &catalog, &world, &settings))?;
        let text = match &planned {
            Planned::InsertValues(plan) => {
                self.insert_values(plan, &catalog).map_err(refuse)?;
                return Ok(None);
            }
            Planned::AlreadyExists { message, .. } => {
                let body = AnswerBody::Warning { message: message.clone() };
                return Ok(Some(answer(&statement.text, body)));
            }
            Planned::Other(other) => {
                return self.carry_out_other(other, statement, &catalog, session);
            }
            Planned::Pull(_) | Planned::Push(_) => {
                unreachable!("queries were refused when the request was validated")
            }
            Planned::CreateSource(plan) => {
                self.make_topic(&planned)?;
                self.register_schemas(plan).map_err(refuse)?;
                plan.source.statement.clone()
            }
            Planned::CreateAs(plan) => {
                self.make_topic(&planned)?;
                plan.source.statement.clone()
            }
            Planned::Alter { .. } => statement.text.clone(),
            Planned::Drop { topic, delete_topic, ends, .. } => {
                for id in ends {
                    self.queries.stop(id, true, self.options.journal.as_ref());
                }
                if *delete_topic {
                    self.delete_topic(topic)?;
                }
                answered(statement)
            }
            Planned::InsertSelect(_)
            | Planned::Nothing { .. }
            | Planned::CreateType { .. }
            | Planned::DropType { .. } => answered(statement),
        };
        let mut changed = Catalog::clone(&catalog);
        apply(&mut changed, &planned);
        let changed = Arc::new(changed);
        let (command_id, message, query_id) = command_of(&planned, &statement.statement);
        // Columns that came from the registry are written out, so that a replay finds the same.
        let logged = match (&planned, &statement.statement) {
            (Planned::CreateSource(_), Statement::CreateSource(create))
                if create.columns.is_empty() =>
            {
                text.clone()
            }
            _ => statement.text.clone(),
        };
        // What replaces a query is written down first: from then on nothing reads the state for the
        // old plan. Any other query is written down when it has started, or was never there.
        let replaced = match &planned {
            Planned::CreateAs(plan) => plan.replaces.as_ref(),
            _ => None,
        };
        let (origin, logged_before) = match replaced {
            Some(id) => {
                let sequence =
                    self.log_command(&command_id, logged.clone(), session, query_number)?;
                self.queries.stop(id, false, self.options.journal.as_ref());
                (Origin::GoesOn, Some(sequence))
            }
            None => (Origin::New, None),
        };
        if let Some(query) = started_query(&planned) {
            let entry = changed.queries.get(&query.id).cloned();
            let entry = entry.ok_or_else(|| internal(&"a planned query is not in the catalog"))?;
            let start = Start {
                options: &self.options,
                catalog: changed.clone(),
                settings: &settings,
                log: self.log.clone(),
                origin,
            };
            self.queries.start(&entry, &start)?;
            self.queries_made.fetch_add(1, Ordering::Relaxed);
        }
        let sequence = match logged_before {
            Some(sequence) => sequence,
            None => self.log_command(&command_id, logged, session, query_number)?,
        };
        *self.catalog.write() = changed;
        let status =
            CommandStatus { command_id, state: CommandState::Success, message, query_id, sequence };
        self.note_status(status.clone());
        Ok(Some(answer(&text, AnswerBody::CommandStatus(status))))
    }

    fn log_command(
        &self,
        id: &str,
        statement: String,
        session: &Session,
        query: u64,
    ) -> Result<i64, RequestError> {
        let properties = session.properties.clone();
        self.commands.append(id, &Command { statement, properties, query })
    }

    fn note_status(&self, status: CommandStatus) {
        let mut statuses = self.statuses.write();
        // The status of a source's creation is gone once it is dropped.
        if let Some(entity) = status.command_id.strip_suffix("/drop") {
            let quoted = entity.replacen('/', "/`", 1) + "`/create";
            statuses.retain(|s| s.command_id != quoted);
        }
        statuses.retain(|s| s.command_id != status.command_id);
        statuses.push(status);
    }

    fn carry_out_other(
        &self,
        other: &Statement,
        statement: &ParsedStatement,
        catalog: &Arc<Catalog>,
        session: &mut Session,
    ) -> Result<Option<Answer>, RequestError> {
        let (verb, done, target) = match other {
            Statement::Terminate(target) => ("terminate", "Query terminated.", target),
            Statement::Pause(target) => ("pause", "Query paused.", target),
            Statement::Resume(target) => ("resume", "Query resumed.", target),
            _ => return self.answer_other(other, statement, catalog, session),
        };
        let ids: Vec<String> = match target {
            QueryRef::All => catalog.queries.keys().cloned().collect(),
            QueryRef::Id(id) => vec![id.clone()],
        };
        for id in &ids {
            self.change_query(verb, id);
        }
        let name = match target {
            QueryRef::All => "ALL",
            QueryRef::Id(id) => id,
        };
        let command_id = format!("{verb}/{name}/execute");
        let text = statement.text.clone();
        let sequence = self.log_command(&command_id, text.clone(), session, 0)?;
        let status = CommandStatus {
            command_id,
            state: CommandState::Success,
            message: done.to_owned(),
            query_id: None,
            sequence,
        };
        self.note_status(status.clone());
        Ok(Some(answer(&text, AnswerBody::CommandStatus(status))))
    }

    fn change_query(&self, verb: &str, id: &str) {
        match verb {
            "terminate" => {
                if self.open.close(id) {
                    return;
                }
                self.queries.stop(id, true, self.options.journal.as_ref());
                let mut catalog = self.catalog.write();
                Arc::make_mut(&mut catalog).queries.remove(id);
            }
            _ => {
                if let Some(query) = self.queries.get(id) {
                    query.shared().pause(verb == "pause");
                }
            }
        }
    }

    fn make_topic(&self, planned: &Planned) -> Result<(), RequestError> {
        let Some(topic) = new_topic(planned) else { return Ok(()) };
        match self.options.journal.create_topic(topic_spec(topic)) {
            Ok(_) | Err(CreateTopicError::Exists(_)) => Ok(()),
            Err(error) => Err(RequestError::new(RequestErrorKind::BadStatement, error.to_string())),
        }
    }

    fn delete_topic(&self, topic: &str) -> Result<(), RequestError> {
        match self.options.journal.delete_topic(topic) {
            Ok(()) | Err(DeleteTopicError::NotFound(_)) => {}
            Err(error) => return Err(internal(&error)),
        }
        for is_key in [true, false] {
            // Nothing may be registered there; then there is nothing to delete.
            let subject = format::codec::subject(topic, is_key);
            if self.options.registry.delete_subject(&subject, false).is_ok() {
                let _ = self.options.registry.delete_subject(&subject, true);
            }
        }
        Ok(())
    }

    /// Registers the schemas of a new source under its topic's subjects, unless there are some.
    fn register_schemas(&self, plan: &CreateSourcePlan) -> Result<(), String> {
        let source = &plan.source;
        let registry = &self.options.registry;
        let key_format = named_key_format(&source.key_format, &source.name);
        let sides =
            [(&key_format, Namespace::Key, true), (&source.value_format, Namespace::Value, false)];
        for (format, namespace, is_key) in sides {
            let columns = columns_of(&source.schema, namespace);
            let subject = format::codec::subject(&source.topic, is_key);
            let has_schema = !format.kind.uses_registry()
                || format.schema_id.is_some()
                || columns.is_empty()
                || registry.latest(&subject).is_ok();
            if !has_schema {
                format::encoder(format, &columns, is_key, &source.topic, registry)
                    .map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    /// Carries out the command log: what exists, and at the end the queries that ran.
    pub(super) fn replay(&self) -> Result<(), RequestError> {
        let mut settings_of = std::collections::BTreeMap::new();
        let mut paused = std::collections::BTreeSet::new();
        for (sequence, id, command) in self.commands.read()? {
            match self.replay_one(&command) {
                Ok(Some(planned)) => {
                    if let Some(query) = started_query(&planned) {
                        let session = Session {
                            properties: command.properties.clone(),
                            ..Session::default()
                        };
                        let settings = session.settings(&self.options.properties);
                        settings_of.insert(query.id.clone(), settings);
                        self.queries_made.fetch_add(1, Ordering::Relaxed);
                    }
                    let (_, message, query_id) = command_of(&planned, &no_statement());
                    let state = CommandState::Success;
                    let status =
                        CommandStatus { command_id: id, state, message, query_id, sequence };
                    self.note_status(status);
                }
                Ok(None) => self.replay_change(&id, &mut paused),
                Err(error) => {
                    tracing::error!(command = id, %error, "a command cannot be carried out again");
                }
            }
        }
        let catalog = self.catalog.read().clone();
        for (id, entry) in &catalog.queries {
            let settings = settings_of.remove(id).unwrap_or_default();
            let start = Start {
                options: &self.options,
                catalog: catalog.clone(),
                settings: &settings,
                log: self.log.clone(),
                origin: Origin::GoesOn,
            };
            self.queries.start(entry, &start)?;
            if let (true, Some(query)) = (paused.contains(id), self.queries.get(id)) {
                query.shared().pause(true);
            }
        }
        Ok(())
    }

    /// `None`: the command is TERMINATE, PAUSE or RESUME.
    fn replay_one(&self, command: &Command) -> Result<Option<Planned>, RequestError> {
        let parsed =
            sql::parser::parse_script(&command.statement).map_err(|error| internal(&error))?;
        let [statement] = parsed.as_slice() else {
            return Err(internal(&"a command is one statement"));
        };
        let session = Session { properties: command.properties.clone(), ..Session::default() };
        let settings = session.settings(&self.options.properties);
        let catalog = self.catalog.read().clone();
        let planned = analyze(statement, &catalog, &self.world(), &settings, command.query)
            .map_err(|error| internal(&error))?;
        if matches!(planned, Planned::Other(_)) {
            return Ok(None);
        }
        apply(Arc::make_mut(&mut self.catalog.write()), &planned);
        Ok(Some(planned))
    }

    fn replay_change(&self, id: &str, paused: &mut std::collections::BTreeSet<String>) {
        let mut parts = id.splitn(3, '/');
        let (Some(verb), Some(name)) = (parts.next(), parts.next()) else { return };
        let mut catalog = self.catalog.write();
        let queries = &mut Arc::make_mut(&mut catalog).queries;
        let ids: Vec<String> = match name {
            "ALL" => queries.keys().cloned().collect(),
            one => vec![one.to_owned()],
        };
        for id in ids {
            match verb {
                "terminate" => {
                    queries.remove(&id);
                }
                "pause" => {
                    paused.insert(id);
                }
                _ => {
                    paused.remove(&id);
                }
            }
        }
    }
}

/// An answer without warnings.
pub(super) fn answer(statement: &str, body: AnswerBody) -> Answer {
    Answer { statement: statement.to_owned(), body, warnings: Vec::new() }
}

/// A statement that says nothing, for commands whose plan says it all.
fn no_statement() -> Statement {
    Statement::Unset { property: String::new() }
}

/// The topic of the source that a planned statement makes.
fn topic_of(planned: &Planned) -> Option<&str> {
    match planned {
        Planned::CreateSource(plan) => Some(&plan.source.topic),
        Planned::CreateAs(plan) => Some(&plan.source.topic),
        _ => None,
    }
}

/// A command's id, its message of success, and the query it starts.
fn command_of(planned: &Planned, statement: &Statement) -> (String, String, Option<String>) {
    let created = |source: &Source| format!("{}/`{}`/create", kind_word(source.kind), source.name);
    let with_query = |id: &str| (format!("Created query with ID {id}"), Some(id.to_owned()));
    match planned {
        Planned::CreateSource(plan) => {
            let kind = if plan.source.kind == SourceKind::Stream { "Stream" } else { "Table" };
            let (message, query) = match &plan.query {
                Some(query) => with_query(&query.id),
                None => (format!("{kind} created"), None),
            };
            (created(&plan.source), message, query)
        }
        Planned::CreateAs(plan) => {
            let (message, query) = with_query(&plan.query.id);
            (created(&plan.source), message, query)
        }
        Planned::InsertSelect(query) => {
            let (message, id) = with_query(&query.id);
            (format!("stream/`{}`/create", query.sink), message, id)
        }
        Planned::Alter { source, .. } => {
            let kind = if source.kind == SourceKind::Stream { "Stream" } else { "Table" };
            let id = format!("{}/{}/alter", kind_word(source.kind), source.name);
            (id, format!("{kind} {} altered.", source.name), None)
        }
        Planned::Drop { name, topic, .. } => {
            let id = format!("{}/{name}/drop", dropped_kind(statement));
            (id, format!("Source `{name}` (topic: {topic}) was dropped."), None)
        }
        Planned::Nothing { name } => match statement {
            Statement::DropType { .. } => {
                (format!("type/{name}/drop"), format!("Type '{name}' does not exist"), None)
            }
            _ => {
                let id = format!("{}/{name}/drop", dropped_kind(statement));
                (id, format!("Source `{name}` does not exist."), None)
            }
        },
        Planned::CreateType { name, ty } => {
            let message = format!("Registered custom type with name '{name}' and SQL type {ty}");
            (format!("type/{name}/create"), message, None)
        }
        Planned::DropType { name } => {
            (format!("type/{name}/drop"), format!("Dropped type '{name}'"), None)
        }
        Planned::AlreadyExists { .. }
        | Planned::InsertValues(_)
        | Planned::Pull(_)
        | Planned::Push(_)
        | Planned::Other(_) => (String::new(), String::new(), None),
    }
}

fn dropped_kind(statement: &Statement) -> &'static str {
    match statement {
        Statement::DropSource { kind, .. } => kind_word(*kind),
        _ => "stream",
    }
}
