//! A request is tried before any of it is carried out: each statement is planned on a copy of the
//! catalog that has what the ones before it would have made. Nothing is done here, so that a
//! request is carried out as a whole or not at all.

use sql::analyze::{Planned, Settings, analyze};
use sql::ast::{ParsedStatement, QueryRef, Statement};
use sql::catalog::Catalog;

use super::failure::{Failure, refused, told};
use super::show::connector_config;
use super::world::{Session, apply, is_command, new_topic, started_query};
use super::{Execution, Service, properties, queries};
use crate::connectors::{self, ConnectorError};
use crate::request::{RequestError, RequestErrorKind};

impl Service {
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
            if let Some(topic) = topic_of(&planned).filter(|topic| journal::is_internal(topic)) {
                let message = format!(
                    "topic '{topic}' belongs to the server; choose another one (PRINT shows what \
                     is in it)"
                );
                return Err(RequestError::statement(message, told(statement)));
            }
            match &planned {
                Planned::InsertValues(plan) => {
                    self.check_inserts()?;
                    self.record_of(plan, &catalog)
                        .map_err(|message| RequestError::statement(message, told(statement)))?;
                }
                Planned::Other(other) => {
                    self.check_other(other, statement, &catalog, &mut session)?;
                    self.check_connector(other, &mut connectors)
                        .map_err(|error| Failure::from(error).at(told(statement)))?;
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
                self.bounds
                    .persistent(catalog.queries.len())
                    .map_err(|message| RequestError::statement(message, told(statement)))?;
                queries::check(query, &catalog, &self.options.registry, &settings)
                    .map_err(|error| RequestError::statement(error.to_string(), told(statement)))?;
            }
            let is_query = started_query(&planned).is_some();
            next_query += match self.options.execution {
                Execution::Manual => u64::from(is_query),
                Execution::Threads => u64::from(is_command(&statement.statement)),
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
}

/// The topic of the source that a planned statement makes.
fn topic_of(planned: &Planned) -> Option<&str> {
    match planned {
        Planned::CreateSource(plan) => Some(&plan.source.topic),
        Planned::CreateAs(plan) => Some(&plan.source.topic),
        _ => None,
    }
}
