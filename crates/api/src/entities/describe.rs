//! Sources and queries described: DESCRIBE, EXPLAIN, LIST … EXTENDED.

use serde_json::{Map, Value, json};
use sql::plan::WindowInfo;
use stream::answer::{
    FieldDescription, QueryDescription, QueryOffsets, QuerySummary, QueryType, SourceDescription,
};

use super::{list, schema, source_kind};

/// Queries run here and nowhere else, whatever address clients know this server by.
const THIS_SERVER: &str = "localhost:8088";

fn query_type(ty: QueryType) -> &'static str {
    match ty {
        QueryType::Persistent => "PERSISTENT",
        QueryType::Push => "PUSH",
    }
}

fn window_type(window: Option<WindowInfo>) -> Option<&'static str> {
    window.map(|window| match window {
        WindowInfo::Tumbling { .. } => "TUMBLING",
        WindowInfo::Hopping { .. } => "HOPPING",
        WindowInfo::Session => "SESSION",
    })
}

/// A query in a list. A paused one is still RUNNING in `state`, as on the real server.
pub(super) fn query_summary(query: &QuerySummary) -> Value {
    let counted = query.state.name();
    let state = if counted == "ERROR" { "ERROR" } else { "RUNNING" };
    json!({
        "queryString": query.statement,
        "sinks": query.sinks,
        "sinkKafkaTopics": query.sink_topics,
        "id": query.id,
        "statusCount": { counted: 1 },
        "queryType": query_type(query.query_type),
        "state": state,
    })
}

fn field(field: &FieldDescription) -> Value {
    let mut described = json!({ "name": field.name, "schema": schema::sql_type(&field.ty) });
    if field.is_key {
        described["type"] = "KEY".into();
    }
    if let Some(header) = &field.header {
        described["type"] = "HEADER".into();
        if let Some(name) = header {
            described["headerKey"] = name.as_str().into();
        }
    }
    described
}

/// A stream or table.
pub(super) fn source(source: &SourceDescription) -> Value {
    json!({
        "name": source.summary.name,
        "windowType": window_type(source.window),
        "readQueries": list(&source.read_queries, query_summary),
        "writeQueries": list(&source.write_queries, query_summary),
        "fields": list(&source.fields, field),
        "type": source_kind(source.summary.kind),
        "timestamp": source.timestamp,
        "statistics": source.statistics,
        "errorStats": source.error_statistics,
        "extended": source.extended,
        "keyFormat": source.summary.key_format.name(),
        "valueFormat": source.summary.value_format.name(),
        "topic": source.summary.topic,
        "partitions": source.partitions,
        "replication": source.replicas,
        "statement": source.statement,
        "queryOffsetSummaries": list(&source.offsets, offsets),
        "sourceConstraints": source.constraints,
        "clusterStatistics": [],
        "clusterErrorStats": [],
    })
}

fn offsets(offsets: &QueryOffsets) -> Value {
    let topics = list(&offsets.topics, |topic| {
        let partitions = list(&topic.partitions, |(partition, start, end, next)| {
            json!({
                "partition": partition.0,
                "logStartOffset": start,
                "logEndOffset": end,
                "consumerOffset": next,
            })
        });
        json!({ "kafkaTopic": topic.topic, "offsets": partitions })
    });
    json!({ "groupId": offsets.group, "topicSummaries": topics })
}

/// A query, running or explained.
pub(super) fn query(query: &QueryDescription) -> Value {
    let status = query.state.map(|s| json!({ THIS_SERVER: s.name() })).unwrap_or(json!({}));
    let errors: Vec<&str> =
        query.progress.as_ref().and_then(|p| p.last_error.as_deref()).into_iter().collect();
    let errors = list(&errors, |e| json!({ "timestamp": 0, "errorMessage": e, "type": "UNKNOWN" }));
    let properties: Map<String, Value> = query
        .properties
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    json!({
        "id": query.id,
        "statementText": query.statement,
        "windowType": window_type(query.window),
        "fields": list(&query.fields, field),
        "sources": query.sources,
        "sinks": query.sinks,
        "topology": query.topology,
        "executionPlan": query.execution_plan,
        "overriddenProperties": properties,
        "ksqlHostQueryStatus": status,
        "queryType": query.query_type.map(query_type),
        "queryErrors": errors,
        "tasksMetadata": [],
        "consumerGroupId": query.group,
        "state": query.state.map(|s| s.name()),
    })
}
