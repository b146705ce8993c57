//! What statements answer, as the entities of the REST API: `currentStatus`, `sourceDescription`,
//! ….
//!
//! Each entity is an object with its kind in `@type`, the statement, its own fields, and warnings.

mod describe;
mod schema;

use serde_json::{Map, Value, json};
use sql::ast::SourceKind;
use stream::answer::{
    Answer, AnswerBody, ConnectorDescription, ConnectorInfo, ConnectorPlugin, FunctionDescription,
    FunctionSummary, PropertyEntry, SourceSummary, TopicSummary,
};

use describe::{query, query_summary, source};
pub use schema::sql_type;

/// The entity of an answer.
pub fn entity(answer: &Answer) -> Value {
    let (kind, fields) = kind_and_fields(&answer.body);
    let mut entity = Map::new();
    entity.insert("@type".into(), kind.into());
    entity.insert("statementText".into(), answer.statement.as_str().into());
    if let Value::Object(fields) = fields {
        entity.extend(fields);
    }
    let warnings: Vec<Value> = answer.warnings.iter().map(|w| json!({ "message": w })).collect();
    entity.insert("warnings".into(), warnings.into());
    Value::Object(entity)
}

fn list<T>(items: &[T], entity: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.iter().map(entity).collect())
}

/// The one list of kinds: what each answer is called, and its fields.
fn kind_and_fields(body: &AnswerBody) -> (&'static str, Value) {
    match body {
        AnswerBody::CommandStatus(status) => (
            "currentStatus",
            json!({
                "commandId": status.command_id,
                "commandStatus": {
                    "status": status.state.name(),
                    "message": status.message,
                    "queryId": status.query_id,
                },
                "commandSequenceNumber": status.sequence,
            }),
        ),
        AnswerBody::Warning { message } => ("warning_entity", json!({ "message": message })),
        AnswerBody::Properties(all) => ("properties", properties(all)),
        AnswerBody::Streams(all) => ("streams", json!({ "streams": list(all, source_summary) })),
        AnswerBody::Tables(all) => ("tables", json!({ "tables": list(all, source_summary) })),
        AnswerBody::Topics(all) => ("kafka_topics", json!({ "topics": list(all, topic) })),
        AnswerBody::TopicsExtended(all) => {
            ("kafka_topics_extended", json!({ "topics": list(all, topic_extended) }))
        }
        AnswerBody::Queries(all) => ("queries", json!({ "queries": list(all, query_summary) })),
        AnswerBody::QueryDescriptions(all) => {
            ("query_descriptions", json!({ "queryDescriptions": list(all, query) }))
        }
        AnswerBody::SourceDescription(one) => {
            ("sourceDescription", json!({ "sourceDescription": source(one) }))
        }
        AnswerBody::SourceDescriptions(all) => {
            ("source_descriptions", json!({ "sourceDescriptions": list(all, source) }))
        }
        AnswerBody::QueryDescription(one) => {
            ("queryDescription", json!({ "queryDescription": query(one) }))
        }
        AnswerBody::Functions(all) => {
            let function = |f: &FunctionSummary| {
                let (name, kind) = (&f.name, f.kind.name());
                json!({ "name": name, "type": kind, "category": f.category })
            };
            ("function_names", json!({ "functions": list(all, function) }))
        }
        AnswerBody::FunctionDescription(one) => ("describe_function", function(one)),
        AnswerBody::Types(all) => {
            let types = all.iter().map(|(name, ty)| (name.clone(), sql_type(ty)));
            ("type_list", json!({ "types": types.collect::<Map<_, _>>() }))
        }
        AnswerBody::Variables(all) => {
            let variable =
                |(name, value): &(String, String)| json!({ "name": name, "value": value });
            ("variables", json!({ "variables": list(all, variable) }))
        }
        AnswerBody::ConnectorCreated(info) => {
            ("connector_info", json!({ "info": connector(info) }))
        }
        AnswerBody::ConnectorDropped { name } => {
            ("drop_connector", json!({ "connectorName": name }))
        }
        AnswerBody::Connectors(all) => {
            let one = |c: &ConnectorInfo| {
                json!({
                    "name": c.name,
                    "type": c.kind.as_str(),
                    "className": c.class,
                    "state": c.summary,
                })
            };
            ("connector_list", json!({ "connectors": list(all, one) }))
        }
        AnswerBody::ConnectorPlugins(all) => {
            let one = |p: &ConnectorPlugin| {
                let (class, kind) = (&p.class, p.kind.as_str());
                json!({ "className": class, "type": kind, "version": p.version })
            };
            ("connector_plugins_list", json!({ "connectorPlugins": list(all, one) }))
        }
        AnswerBody::ConnectorDescription(described) => {
            ("connector_description", connector_description(described))
        }
        AnswerBody::TopicAsserted { topic, exists } => {
            ("assert_topic", json!({ "topicName": topic, "exists": exists }))
        }
        AnswerBody::SchemaAsserted { subject, id, exists } => {
            ("assert_schema", json!({ "subject": subject, "id": id, "exists": exists }))
        }
    }
}

fn properties(all: &[PropertyEntry]) -> Value {
    let property = |p: &PropertyEntry| {
        json!({
            "name": p.name,
            "scope": p.scope,
            "value": p.value,
            "editable": p.editable,
            "level": p.level,
        })
    };
    json!({
        "properties": list(all, property),
        "overwrittenProperties": [],
        "defaultProperties": [],
    })
}

fn source_kind(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Stream => "STREAM",
        SourceKind::Table => "TABLE",
    }
}

fn source_summary(summary: &SourceSummary) -> Value {
    json!({
        "type": source_kind(summary.kind),
        "name": summary.name,
        "topic": summary.topic,
        "keyFormat": summary.key_format.name(),
        "valueFormat": summary.value_format.name(),
        "isWindowed": summary.windowed,
    })
}

fn topic(topic: &TopicSummary) -> Value {
    json!({ "name": topic.name, "replicaInfo": topic.replicas })
}

fn topic_extended(topic: &TopicSummary) -> Value {
    json!({
        "name": topic.name,
        "replicaInfo": topic.replicas,
        "consumerCount": topic.consumers,
        "consumerGroupCount": topic.consumer_groups,
    })
}

fn function(function: &FunctionDescription) -> Value {
    let signature = |s: &stream::answer::SignatureDescription| {
        let arguments = list(&s.params, |p| {
            json!({
                "name": p.name,
                "type": p.ty,
                "description": p.description,
                "isVariadic": p.variadic,
            })
        });
        json!({
            "arguments": arguments,
            "returnType": s.returns,
            "description": "",
            "argumentTypes": list(&s.params, |p| p.ty.as_str().into()),
        })
    };
    json!({
        "name": function.summary.name,
        "description": function.description,
        "author": "kerb",
        "version": "",
        "path": "internal",
        "functions": list(&function.signatures, signature),
        "type": function.summary.kind.name(),
    })
}

fn connector(info: &ConnectorInfo) -> Value {
    let config = info.config.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
    json!({
        "name": info.name,
        "config": config.collect::<Map<_, _>>(),
        "tasks": [{ "connector": info.name, "task": 0 }],
        "type": info.kind.as_str(),
    })
}

fn connector_description(described: &ConnectorDescription) -> Value {
    let info = &described.info;
    json!({
        "connectorClass": info.class,
        "status": {
            "name": info.name,
            "connector": { "state": info.state, "worker_id": "kerb", "trace": info.summary },
            "tasks": [
                { "id": 0, "state": info.state, "worker_id": "kerb", "trace": info.figures },
            ],
            "type": info.kind.as_str(),
        },
        "sources": list(&described.sources, source),
        "topics": info.topics,
    })
}
