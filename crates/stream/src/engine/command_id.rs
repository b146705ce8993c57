//! What a command is called in the command log and in `/status`, and what is told of it.
//!
//! `` stream/`X`/create ``, `table/X/drop`, `type/X/create`, `stream/X/alter`,
//! `terminate/Q/execute`, `pause/ALL/execute`, `resume/Q/execute`.

use sql::analyze::Planned;
use sql::ast::{QueryRef, SourceKind, Statement};
use sql::catalog::Source;

/// The word of a kind in command ids.
pub(super) fn kind_word(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Stream => "stream",
        SourceKind::Table => "table",
    }
}

/// How a statement changes queries that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Terminate,
    Pause,
    Resume,
}

impl Change {
    /// The change that a statement asks for, and of which queries.
    pub(super) fn of(statement: &Statement) -> Option<(Self, &QueryRef)> {
        match statement {
            Statement::Terminate(target) => Some((Change::Terminate, target)),
            Statement::Pause(target) => Some((Change::Pause, target)),
            Statement::Resume(target) => Some((Change::Resume, target)),
            _ => None,
        }
    }

    /// The id of the command.
    pub(super) fn id(self, target: &QueryRef) -> String {
        let verb = match self {
            Change::Terminate => "terminate",
            Change::Pause => "pause",
            Change::Resume => "resume",
        };
        let name = match target {
            QueryRef::All => "ALL",
            QueryRef::Id(id) => id,
        };
        format!("{verb}/{name}/execute")
    }

    /// What is told when it is done.
    pub(super) fn message(self) -> &'static str {
        match self {
            Change::Terminate => "Query terminated.",
            Change::Pause => "Query paused.",
            Change::Resume => "Query resumed.",
        }
    }
}

/// What is said of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Its id.
    pub(super) id: String,
    /// What it did.
    pub(super) message: String,
    /// The query it starts.
    pub(super) query_id: Option<String>,
}

/// What is said of the command that a planned statement is; `None`: it is no command.
pub(super) fn told_of(planned: &Planned, statement: &Statement) -> Option<Told> {
    let created = |source: &Source| format!("{}/`{}`/create", kind_word(source.kind), source.name);
    let with_query = |id: String, query: &str| Told {
        id,
        message: format!("Created query with ID {query}"),
        query_id: Some(query.to_owned()),
    };
    let without = |id: String, message: String| Told { id, message, query_id: None };
    Some(match planned {
        Planned::CreateSource(plan) => match &plan.query {
            Some(query) => with_query(created(&plan.source), &query.id),
            None => {
                without(created(&plan.source), format!("{} created", kind_name(plan.source.kind)))
            }
        },
        Planned::CreateAs(plan) => with_query(created(&plan.source), &plan.query.id),
        Planned::InsertSelect(query) => {
            with_query(format!("stream/`{}`/create", query.sink), &query.id)
        }
        Planned::Alter { source, .. } => without(
            format!("{}/{}/alter", kind_word(source.kind), source.name),
            format!("{} {} altered.", kind_name(source.kind), source.name),
        ),
        Planned::Drop { name, topic, .. } => without(
            drop_id(name, statement),
            format!("Source `{name}` (topic: {topic}) was dropped."),
        ),
        Planned::Nothing { name } => match statement {
            Statement::DropType { .. } => {
                without(format!("type/{name}/drop"), format!("Type '{name}' does not exist"))
            }
            _ => without(drop_id(name, statement), format!("Source `{name}` does not exist.")),
        },
        Planned::CreateType { name, ty } => without(
            format!("type/{name}/create"),
            format!("Registered custom type with name '{name}' and SQL type {ty}"),
        ),
        Planned::DropType { name } => {
            without(format!("type/{name}/drop"), format!("Dropped type '{name}'"))
        }
        Planned::AlreadyExists { .. }
        | Planned::InsertValues(_)
        | Planned::Pull(_)
        | Planned::Push(_)
        | Planned::Other(_) => return None,
    })
}

/// The id of the command that created what the command of this id drops.
pub(super) fn creation_of(drop_id: &str) -> Option<String> {
    let entity = drop_id.strip_suffix("/drop")?;
    Some(entity.replacen('/', "/`", 1) + "`/create")
}

fn kind_name(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Stream => "Stream",
        SourceKind::Table => "Table",
    }
}

fn drop_id(name: &str, statement: &Statement) -> String {
    let kind = match statement {
        Statement::DropSource { kind, .. } => *kind,
        _ => SourceKind::Stream,
    };
    format!("{}/{name}/drop", kind_word(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_names_what_it_undoes() {
        assert_eq!(creation_of("stream/S/drop").as_deref(), Some("stream/`S`/create"));
        assert_eq!(creation_of("stream/`S`/create"), None);
    }

    #[test]
    fn changes_of_queries_have_ids() {
        let statement = Statement::Pause(QueryRef::Id("Q".to_owned()));
        let (change, target) = Change::of(&statement).expect("a change");
        assert_eq!(change.id(target), "pause/Q/execute");
        assert_eq!(Change::Terminate.id(&QueryRef::All), "terminate/ALL/execute");
    }
}
