//! Questions about what there is: SHOW, LIST; and the small statements of a session.

use std::sync::Arc;

use model::Value;
use sql::ast::{Describe, Explain, ParsedStatement, Properties, Show, SourceKind, Statement};
use sql::catalog::{Catalog, Source};

use super::carry_out::answer;
use super::describe::function_summary;
use super::failure::{Failure, told};
use super::world::Session;
use super::{Service, properties};
use crate::answer::{
    Answer, AnswerBody, ConnectorDescription, ConnectorInfo, SourceSummary, TopicSummary,
};
use crate::connectors::{ConnectorError, Connectors};
use crate::processing_log;
use crate::request::{RequestError, RequestErrorKind};

/// A stream or table in a list.
pub(super) fn source_summary(source: &Source) -> SourceSummary {
    SourceSummary {
        kind: source.kind,
        name: source.name.clone(),
        topic: source.topic.clone(),
        key_format: source.key_format.kind,
        value_format: source.value_format.kind,
        windowed: source.window.is_some(),
    }
}

impl Service {
    /// Answers what only asks or belongs to the session.
    pub(super) fn answer_other(
        &self,
        other: &Statement,
        statement: &ParsedStatement,
        catalog: &Arc<Catalog>,
        session: &mut Session,
    ) -> Result<Option<Answer>, RequestError> {
        let refuse = |message: String| RequestError::statement(message, told(statement));
        let body = match other {
            Statement::Set { property, value } => {
                session.properties.insert(property.clone(), value.clone());
                return Ok(None);
            }
            Statement::Unset { property } => {
                session.properties.remove(property);
                return Ok(None);
            }
            Statement::Define { name, value } => {
                session.variables.define(name.clone(), value.clone());
                return Ok(None);
            }
            Statement::Undefine { name } => {
                if session.variables.undefine(name) {
                    return Ok(None);
                }
                let message = format!("Cannot undefine variable '{name}' which was never defined");
                AnswerBody::Warning { message }
            }
            Statement::Show(_) | Statement::Describe(_) | Statement::Explain(_) => {
                return self.answer_question(statement, catalog, session).map(Some);
            }
            Statement::CreateConnector { kind, if_not_exists, name, properties } => {
                if *if_not_exists && self.options.connectors.describe(name).is_some() {
                    let message = format!("Connector {name} already exists");
                    return Ok(Some(answer(&told(statement), AnswerBody::Warning { message })));
                }
                let config = connector_config(properties);
                let created = self.options.connectors.create(*kind, name, &config);
                AnswerBody::ConnectorCreated(
                    created.map_err(|error| Failure::from(error).at(told(statement)))?,
                )
            }
            Statement::DropConnector { if_exists, name } => {
                let dropped = Connectors::drop(self.options.connectors.as_ref(), name);
                match dropped {
                    Ok(note) => {
                        let dropped = AnswerBody::ConnectorDropped { name: name.clone() };
                        let warnings = note.into_iter().collect();
                        return Ok(Some(Answer { warnings, ..answer(&told(statement), dropped) }));
                    }
                    Err(error @ ConnectorError::NotFound(_)) if *if_exists => {
                        AnswerBody::Warning { message: error.to_string() }
                    }
                    Err(error) => return Err(Failure::from(error).at(told(statement))),
                }
            }
            Statement::AssertTopic { exists, topic, properties, timeout_ms } => {
                self.assert_topic(topic, *exists, properties, *timeout_ms, &session.client)?
                    .map_err(|message| assertion_failed(message, statement))?;
                AnswerBody::TopicAsserted { topic: topic.clone(), exists: *exists }
            }
            Statement::AssertSchema { exists, subject, id, timeout_ms } => {
                self.assert_schema(subject.as_deref(), *id, *exists, *timeout_ms, &session.client)?
                    .map_err(|message| assertion_failed(message, statement))?;
                AnswerBody::SchemaAsserted { subject: subject.clone(), id: *id, exists: *exists }
            }
            _ => return Err(refuse("this statement cannot be carried out here".to_owned())),
        };
        Ok(Some(answer(&told(statement), body)))
    }

    /// Answers SHOW, DESCRIBE and EXPLAIN.
    pub(super) fn answer_question(
        &self,
        statement: &ParsedStatement,
        catalog: &Catalog,
        session: &Session,
    ) -> Result<Answer, RequestError> {
        let refuse = |message: String| RequestError::statement(message, told(statement));
        let body = match &statement.statement {
            Statement::Show(show) => self.show(show, catalog, session),
            Statement::Describe(Describe::Source { name, extended }) => {
                let source = self.described(name, catalog).map_err(refuse)?;
                let description = self.source_description(&source, catalog, *extended);
                AnswerBody::SourceDescription(Box::new(description))
            }
            Statement::Describe(Describe::Function(name)) => {
                // Names of functions are not quoted.
                let is_quoted = statement.text.contains(['`', '"']);
                let described = super::describe::function_description(name);
                let described = described.filter(|_| !is_quoted);
                let described = described.ok_or_else(|| {
                    let message = format!("Can't find any functions with the name '{name}'");
                    RequestError::new(RequestErrorKind::BadRequest, message)
                })?;
                AnswerBody::FunctionDescription(Box::new(described))
            }
            Statement::Describe(Describe::Connector(name)) => {
                let info = self.options.connectors.describe(name);
                let info: ConnectorInfo =
                    info.ok_or_else(|| refuse(format!("there is no connector '{name}'")))?;
                let over = |source: &&Arc<Source>| info.topics.contains(&source.topic);
                let sources = catalog.sources.values().filter(over);
                let sources = sources.map(|s| self.source_description(s, catalog, false)).collect();
                AnswerBody::ConnectorDescription(Box::new(ConnectorDescription { info, sources }))
            }
            Statement::Explain(Explain::Query(id)) => {
                AnswerBody::QueryDescription(Box::new(self.explain_query(id).map_err(refuse)?))
            }
            Statement::Explain(Explain::Statement(explained)) => {
                let description = self.explain_statement(explained, catalog, session);
                AnswerBody::QueryDescription(Box::new(description.map_err(refuse)?))
            }
            _ => return Err(refuse("this is not a question".to_owned())),
        };
        Ok(answer(&statement.text, body))
    }

    /// The streams or tables that are listed.
    pub(super) fn listed(&self, kind: SourceKind, catalog: &Catalog) -> Vec<Arc<Source>> {
        let tells_log = self
            .options
            .properties
            .get("ksql.logging.processing.stream.auto.create")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let sources = catalog.sources.values().filter(|source| source.kind == kind);
        let sources = sources.filter(|source| tells_log || source.name != processing_log::STREAM);
        sources.cloned().collect()
    }

    fn show(&self, show: &Show, catalog: &Catalog, session: &Session) -> AnswerBody {
        let summaries = |kind| {
            let sources = self.listed(kind, catalog);
            sources.iter().map(|source| source_summary(source)).collect()
        };
        let descriptions = |kind, extended| {
            let sources = self.listed(kind, catalog);
            let described = |s: &Arc<Source>| self.source_description(s, catalog, extended);
            AnswerBody::SourceDescriptions(sources.iter().map(described).collect())
        };
        match show {
            Show::Properties => AnswerBody::Properties(properties::list(
                &self.options.properties,
                &session.properties,
            )),
            Show::Topics { all, extended: false } => AnswerBody::Topics(self.topics(*all)),
            Show::Topics { all, extended: true } => AnswerBody::TopicsExtended(self.topics(*all)),
            Show::Streams { extended, describe } if *extended || *describe => {
                descriptions(SourceKind::Stream, *extended)
            }
            Show::Streams { .. } => AnswerBody::Streams(summaries(SourceKind::Stream)),
            Show::Tables { extended, describe } if *extended || *describe => {
                descriptions(SourceKind::Table, *extended)
            }
            Show::Tables { .. } => AnswerBody::Tables(summaries(SourceKind::Table)),
            Show::Functions => AnswerBody::Functions(
                functions::catalog::catalog().iter().map(function_summary).collect(),
            ),
            Show::Connectors(kind) => {
                let all = self.options.connectors.list();
                let wanted = |info: &ConnectorInfo| kind.is_none_or(|kind| info.kind == kind);
                AnswerBody::Connectors(all.into_iter().filter(wanted).collect())
            }
            Show::ConnectorPlugins => {
                AnswerBody::ConnectorPlugins(self.options.connectors.plugins())
            }
            Show::Types => {
                let types = catalog.types.iter();
                AnswerBody::Types(types.map(|(n, ty)| (n.clone(), ty.clone())).collect())
            }
            Show::Variables => {
                let variables = session.variables.iter();
                AnswerBody::Variables(
                    variables.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
                )
            }
            Show::Queries { extended: false } => AnswerBody::Queries(self.query_summaries()),
            Show::Queries { extended: true } => {
                AnswerBody::QueryDescriptions(self.query_descriptions())
            }
        }
    }

    /// Topics by name; internal ones only if asked for.
    fn topics(&self, all: bool) -> Vec<TopicSummary> {
        let is_internal = |name: &str| {
            name.starts_with("_confluent-ksql-")
                || name.starts_with("__")
                || journal::is_internal(name)
        };
        let topics = self.options.journal.topics().into_iter();
        let listed = topics.filter(|topic| all || !is_internal(&topic.spec.name));
        listed
            .map(|topic| {
                let (consumers, consumer_groups) = self.consumers(&topic.spec.name);
                TopicSummary {
                    name: topic.spec.name.to_string(),
                    replicas: vec![1; topic.spec.partitions as usize],
                    consumers,
                    consumer_groups,
                }
            })
            .collect()
    }

    fn consumers(&self, topic: &str) -> (usize, usize) {
        let journal = &self.options.journal;
        let reads = |group: &journal::GroupId| {
            journal.committed(group).keys().filter(|p| *p.topic == *topic).count()
        };
        let counts = journal.groups();
        let counts: Vec<usize> = counts.iter().map(reads).filter(|count| *count > 0).collect();
        (counts.iter().sum(), counts.len())
    }
}

fn assertion_failed(message: String, statement: &ParsedStatement) -> RequestError {
    RequestError {
        kind: RequestErrorKind::AssertionFailed,
        ..RequestError::statement(message, told(statement))
    }
}

/// A connector's configuration, as WITH has it.
pub(super) fn connector_config(properties: &Properties) -> Vec<(String, String)> {
    let properties = properties.0.iter();
    properties.map(|property| (property.name.clone(), value_text(&property.value))).collect()
}

/// A literal of WITH as a text.
pub(super) fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Integer(n) => n.to_string(),
        Value::Bigint(n) => n.to_string(),
        Value::Double(n) => n.to_string(),
        Value::Decimal(n) => n.to_string(),
        other => format!("{other:?}"),
    }
}
