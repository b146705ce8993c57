//! A restart: the command log is carried out again, and at its end what ran runs again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sql::analyze::{Planned, Settings, analyze};
use sql::ast::{ParsedStatement, QueryRef};

use super::command_id::{Change, told_of};
use super::commands::{Command, LoggedCommand};
use super::failure::internal;
use super::queries::{Origin, Start};
use super::world::{Session, apply, started_query};
use super::{Service, properties, queries};
use crate::answer::{CommandState, CommandStatus};
use crate::request::RequestError;

impl Service {
    /// Carries out the command log: what exists, and at the end the queries that ran.
    pub(super) fn replay(&self) -> Result<(), RequestError> {
        // Of these counts what they were when the command was given.
        let mut server = self.options.properties.clone();
        server.retain(|name, _| !properties::PLANNING.contains(&name.as_str()));
        let mut settings_of = BTreeMap::new();
        let mut paused = BTreeSet::new();
        let mut is_whole = true;
        for LoggedCommand { sequence, id, command } in self.commands.read()? {
            let replayed =
                command.map_err(|error| internal(&error)).and_then(|c| self.replay_one(c, &server));
            let (statement, planned, settings) = match replayed {
                Ok(replayed) => replayed,
                Err(error) => {
                    tracing::error!(command = id, %error, "a command cannot be carried out again");
                    is_whole = false;
                    continue;
                }
            };
            let change = Change::of(&statement.statement);
            if let Some((change, target)) = change {
                self.replay_change(change, target, &mut paused);
            }
            if let Some(query) = started_query(&planned) {
                settings_of.insert(query.id.clone(), settings);
                // It may have the id of one that was paused and ended.
                paused.remove(&query.id);
                self.queries_made.fetch_add(1, Ordering::Relaxed);
            }
            let told = match change {
                Some((change, _)) => Some((change.message().to_owned(), None)),
                None => told_of(&planned, &statement.statement).map(|t| (t.message, t.query_id)),
            };
            if let Some((message, query_id)) = told {
                let state = CommandState::Success;
                let status = CommandStatus { command_id: id, state, message, query_id, sequence };
                self.note_status(status);
            }
        }
        let catalog = self.catalog.read().clone();
        if is_whole {
            queries::forget_orphans(&self.options, &catalog);
        }
        for (id, entry) in &catalog.queries {
            let settings = settings_of.remove(id).unwrap_or_default();
            let start = Start {
                options: &self.options,
                catalog: catalog.clone(),
                settings: &settings,
                log: self.log.clone(),
                origin: Origin::GoesOn,
                is_paused: paused.contains(id),
            };
            self.queries.start(entry, &start)?;
        }
        Ok(())
    }

    fn replay_one(
        &self,
        command: Command,
        server: &BTreeMap<String, String>,
    ) -> Result<(ParsedStatement, Planned, Settings), RequestError> {
        let session = Session { properties: command.properties, ..Session::default() };
        let settings = session.settings(server);
        let mut parsed =
            sql::parser::parse_script(&command.statement).map_err(|error| internal(&error))?;
        let (Some(statement), true) = (parsed.pop(), parsed.is_empty()) else {
            return Err(internal(&"a command is one statement"));
        };
        let catalog = self.catalog.read().clone();
        let planned = analyze(&statement, &catalog, &self.world(), &settings, command.query)
            .map_err(|error| internal(&error))?;
        apply(Arc::make_mut(&mut self.catalog.write()), &planned);
        Ok((statement, planned, settings))
    }

    fn replay_change(&self, change: Change, target: &QueryRef, paused: &mut BTreeSet<String>) {
        let mut catalog = self.catalog.write();
        let queries = &mut Arc::make_mut(&mut catalog).queries;
        let ids: Vec<String> = match target {
            QueryRef::All => queries.keys().cloned().collect(),
            QueryRef::Id(id) => vec![id.clone()],
        };
        for id in ids {
            match change {
                Change::Terminate => drop(queries.remove(&id)),
                Change::Pause => drop(paused.insert(id)),
                Change::Resume => drop(paused.remove(&id)),
            }
        }
    }
}
