//! The world a statement is planned in: the catalog, the topics, the registry, and the session; and
//! how a planned statement changes the catalog. A request is tried on a copy before anything is
//! done.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::request::Client;
use format::registry::SchemaId;
use journal::{CleanupPolicy, Journal};
use model::Format;
use sql::analyze::{NewTopic, Planned, Settings};
use sql::ast::Statement;
use sql::catalog::{Catalog, Environment, RegisteredColumns, RegisteredColumnsRequest, Source};

/// Topics and registered schemas as they are, with what the request would add and remove.
pub(crate) struct TopicWorld {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) registry: Arc<dyn format::Registry>,
    /// Topics made or deleted (`None`) by earlier statements of the same request.
    pub(crate) changed: BTreeMap<String, Option<NewTopic>>,
}

impl Environment for TopicWorld {
    fn topic_partitions(&self, topic: &str) -> Option<u32> {
        match self.changed.get(topic) {
            Some(changed) => changed.as_ref().map(|t| t.partitions),
            None => self.journal.topic(topic).map(|t| t.spec.partitions),
        }
    }

    fn topic_retention_ms(&self, topic: &str) -> Option<i64> {
        match self.changed.get(topic) {
            Some(changed) => changed.as_ref().and_then(|t| t.retention_ms),
            None => {
                let retention = self.journal.topic(topic)?.spec.retention?;
                i64::try_from(retention.as_millis()).ok()
            }
        }
    }

    fn registered_columns(
        &self,
        request: &RegisteredColumnsRequest<'_>,
    ) -> Result<Option<RegisteredColumns>, String> {
        let suffix = if request.is_key { "-key" } else { "-value" };
        let topic = request.subject.strip_suffix(suffix).unwrap_or(request.subject);
        let found = match request.schema_id {
            Some(id) => self.registry.by_id(SchemaId(id), None).map(|_| id),
            None => self.registry.latest(request.subject).map(|latest| latest.id.0),
        };
        let id = match found {
            Ok(id) => id,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let format = Format { schema_id: Some(id), ..request.format.clone() };
        let columns = format::infer(&format, request.is_key, topic, &self.registry)
            .map_err(|error| error.to_string())?;
        Ok(Some(RegisteredColumns { schema_id: id, columns }))
    }
}

/// What a session has set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    /// The request's properties, and those of SET.
    pub(crate) properties: BTreeMap<String, String>,
    /// The request's variables, and those of DEFINE.
    pub(crate) variables: sql::variables::Variables,
    /// Who waits for the answer.
    pub(crate) client: Client,
}

impl Session {
    /// The server's settings with the session's over them.
    pub(crate) fn settings(&self, server: &BTreeMap<String, String>) -> Settings {
        let mut properties = server.clone();
        for (name, value) in &self.properties {
            // A property may be written with and without the prefix; the session's counts.
            let bare = name.strip_prefix("ksql.streams.").unwrap_or(name);
            properties.remove(&format!("ksql.streams.{bare}"));
            properties.remove(bare);
            properties.insert(name.clone(), value.clone());
        }
        Settings { properties }
    }
}

/// Is a statement written to the command log? It changes what exists or what runs.
pub(crate) fn is_command(statement: &Statement) -> bool {
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

/// What a planned statement does to the catalog.
pub(crate) fn apply(catalog: &mut Catalog, planned: &Planned) {
    let mut put = |source: &Source| {
        catalog.sources.insert(source.name.clone(), Arc::new(source.clone()));
    };
    match planned {
        Planned::CreateSource(plan) => {
            put(&plan.source);
            if let Some(query) = &plan.query {
                catalog.queries.insert(query.id.clone(), Arc::new(query.clone()));
            }
        }
        Planned::CreateAs(plan) => {
            put(&plan.source);
            if let Some(replaced) = &plan.replaces {
                catalog.queries.remove(replaced);
            }
            catalog.queries.insert(plan.query.id.clone(), Arc::new(plan.query.clone()));
        }
        Planned::InsertSelect(query) => {
            catalog.queries.insert(query.id.clone(), Arc::new(query.clone()));
        }
        Planned::Alter { source, .. } => put(source),
        Planned::Drop { name, ends, .. } => {
            catalog.sources.remove(name);
            for id in ends {
                catalog.queries.remove(id);
            }
        }
        Planned::CreateType { name, ty } => {
            catalog.types.insert(name.clone(), ty.clone());
        }
        Planned::DropType { name } => {
            catalog.types.remove(name);
        }
        Planned::AlreadyExists { .. }
        | Planned::Nothing { .. }
        | Planned::InsertValues(_)
        | Planned::Pull(_)
        | Planned::Push(_)
        | Planned::Other(_) => {}
    }
}

/// The query that a planned statement starts.
pub(crate) fn started_query(planned: &Planned) -> Option<&sql::catalog::QueryEntry> {
    match planned {
        Planned::CreateSource(plan) => plan.query.as_ref(),
        Planned::CreateAs(plan) => Some(&plan.query),
        Planned::InsertSelect(query) => Some(query),
        _ => None,
    }
}

/// The topic that a planned statement makes.
pub(crate) fn new_topic(planned: &Planned) -> Option<&NewTopic> {
    match planned {
        Planned::CreateSource(plan) => plan.topic.as_ref(),
        Planned::CreateAs(plan) => plan.topic.as_ref(),
        _ => None,
    }
}

/// A topic as the journal is to make it.
pub(crate) fn topic_spec(topic: &NewTopic) -> journal::TopicSpec {
    let cleanup = match topic.cleanup_policy.replace(' ', "").to_lowercase().as_str() {
        "compact" => CleanupPolicy::Compact,
        "compact,delete" | "delete,compact" => CleanupPolicy::CompactDelete,
        _ => CleanupPolicy::Delete,
    };
    let retention = topic.retention_ms.and_then(|ms| u64::try_from(ms).ok());
    journal::TopicSpec {
        cleanup,
        retention: retention.map(std::time::Duration::from_millis),
        ..journal::TopicSpec::new(topic.name.as_str(), topic.partitions)
    }
}
