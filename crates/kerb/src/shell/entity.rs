//! What statements answer, for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::table::Table;

/// An entity as text, with its line end, for a terminal of a width (or none).
pub(crate) fn render(entity: &Value, screen: Option<usize>) -> String {
    let list = |items: &Value, columns: &Columns| list(items, columns, screen);
    let mut out = match entity["@type"].as_str().unwrap_or_default() {
        "currentStatus" => line(&entity["commandStatus"]["message"]),
        "warning_entity" => line(&entity["message"]),
        "streams" => list(&entity["streams"], SOURCES),
        "tables" => list(&entity["tables"], SOURCES),
        "kafka_topics" => {
            list(&entity["topics"], &[("Topic", "name"), ("Partitions", "replicaInfo")])
        }
        "kafka_topics_extended" => list(&entity["topics"], TOPICS),
        "queries" => list(&entity["queries"], QUERIES),
        "function_names" => {
            let columns = [("Function", "name"), ("Type", "type"), ("Category", "category")];
            list(&entity["functions"], &columns)
        }
        "properties" => list(&entity["properties"], &[("Property", "name"), ("Value", "value")]),
        "variables" => list(&entity["variables"], &[("Variable", "name"), ("Value", "value")]),
        "connector_list" => list(&entity["connectors"], CONNECTORS),
        "connector_plugins_list" => {
            let columns = [("Class", "className"), ("Type", "type"), ("Version", "version")];
            list(&entity["connectorPlugins"], &columns)
        }
        "sourceDescription" => source(&entity["sourceDescription"]),
        "queryDescription" => query(&entity["queryDescription"]),
        "source_descriptions" => each(&entity["sourceDescriptions"], source),
        "query_descriptions" => each(&entity["queryDescriptions"], query),
        "describe_function" => function(entity),
        "type_list" => types(&entity["types"]),
        "connector_info" => format!("Created connector {}\n", bare(&entity["info"]["name"])),
        "drop_connector" => format!("Dropped connector {}\n", bare(&entity["connectorName"])),
        "connector_description" => connector(entity),
        _ => format!("{entity:#}\n"),
    };
    for warning in entity["warnings"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "Note: {}", bare(&warning["message"]));
    }
    out
}

type Columns = [(&'static str, &'static str)];

const SOURCES: &Columns = &[
    ("Name", "name"),
    ("Topic", "topic"),
    ("Key format", "keyFormat"),
    ("Value format", "valueFormat"),
    ("Windowed", "isWindowed"),
];
const TOPICS: &Columns = &[
    ("Topic", "name"),
    ("Partitions", "replicaInfo"),
    ("Consumers", "consumerCount"),
    ("Groups", "consumerGroupCount"),
];
const QUERIES: &Columns =
    &[("Query", "id"), ("Type", "queryType"), ("State", "statusCount"), ("Writes to", "sinks")];
const CONNECTORS: &Columns =
    &[("Connector", "name"), ("Type", "type"), ("Class", "className"), ("Status", "state")];

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

fn line(value: &Value) -> String {
    format!("{}\n", bare(value))
}

fn list(items: &Value, columns: &Columns, screen: Option<usize>) -> String {
    let names = columns.iter().map(|(title, _)| (*title).to_string()).collect();
    let mut table = Table::new(names, &[], screen);
    let mut rows: Vec<Vec<Value>> = items
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| columns.iter().map(|(_, field)| cell(&item[*field])).collect())
        .collect();
    rows.sort_by_key(|row| row.first().map(bare));
    rows.iter().for_each(|row| table.push(row));
    table.render()
}

/// Lists of texts are joined, replica lists counted, maps of counts told in words.
fn cell(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.iter().all(Value::is_number) => items.len().into(),
        Value::Array(items) => items.iter().map(bare).collect::<Vec<_>>().join(", ").into(),
        Value::Object(counts) => {
            let states: Vec<String> = counts.iter().map(|(k, v)| format!("{k}:{v}")).collect();
            states.join(", ").into()
        }
        other => other.clone(),
    }
}

fn each(items: &Value, render: impl Fn(&Value) -> String) -> String {
    let all: Vec<String> = items.as_array().into_iter().flatten().map(render).collect();
    if all.is_empty() { "(none)\n".to_string() } else { all.join("\n") }
}

fn fields(fields: &Value) -> String {
    let mut table = Table::new(vec!["Field".into(), "Type".into()], &[], None);
    for field in fields.as_array().into_iter().flatten() {
        let key = match field["type"].as_str() {
            Some("KEY") => " (key)",
            Some("HEADER") => " (header)",
            _ => "",
        };
        let ty = format!("{}{key}", type_text(&field["schema"]));
        table.push(&[field["name"].clone(), ty.into()]);
    }
    table.render()
}

/// A described type as SQL.
fn type_text(schema: &Value) -> String {
    match schema["type"].as_str().unwrap_or("?") {
        "ARRAY" => format!("ARRAY<{}>", type_text(&schema["memberSchema"])),
        "MAP" => format!("MAP<STRING, {}>", type_text(&schema["memberSchema"])),
        "DECIMAL" => {
            let p = &schema["parameters"];
            format!("DECIMAL({}, {})", p["precision"], p["scale"])
        }
        "STRUCT" => {
            let fields = schema["fields"].as_array().cloned().unwrap_or_default();
            let field = |f: &Value| format!("{} {}", bare(&f["name"]), type_text(&f["schema"]));
            format!("STRUCT<{}>", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        simple => simple.to_string(),
    }
}

fn source(source: &Value) -> String {
    let mut out = format!(
        "{} {} on topic {} ({} keys, {} values)\n{}",
        bare(&source["type"]),
        bare(&source["name"]),
        bare(&source["topic"]),
        bare(&source["keyFormat"]),
        bare(&source["valueFormat"]),
        fields(&source["fields"]),
    );
    for (title, field) in [("Read by", "readQueries"), ("Written by", "writeQueries")] {
        for query in source[field].as_array().into_iter().flatten() {
            let _ = writeln!(out, "{title} {}", bare(&query["id"]));
        }
    }
    if source["extended"] == Value::Bool(true) {
        for field in ["statement", "statistics", "errorStats"] {
            let _ = writeln!(out, "{}", bare(&source[field]));
        }
    }
    out
}

fn query(query: &Value) -> String {
    let id = bare(&query["id"]);
    let title = if id.is_empty() { String::new() } else { format!("{id}\n") };
    format!(
        "{title}{}\n{}{}\n",
        bare(&query["statementText"]),
        fields(&query["fields"]),
        bare(&query["executionPlan"]),
    )
}

fn function(entity: &Value) -> String {
    let name = bare(&entity["name"]);
    let mut out = format!("{name}: {}\n", bare(&entity["description"]));
    for signature in entity["functions"].as_array().into_iter().flatten() {
        let argument = |a: &Value| {
            let dots = if a["isVariadic"] == Value::Bool(true) { "..." } else { "" };
            format!("{} {}{dots}", bare(&a["name"]), bare(&a["type"]))
        };
        let arguments = signature["arguments"].as_array().cloned().unwrap_or_default();
        let arguments: Vec<String> = arguments.iter().map(argument).collect();
        let returns = bare(&signature["returnType"]);
        let _ = writeln!(out, "  {name}({}) -> {returns}", arguments.join(", "));
    }
    out
}

/// What a connector is, how it is, and who reads its topics.
fn connector(entity: &Value) -> String {
    let status = &entity["status"];
    let mut table = Table::new(vec!["Connector".into(), bare(&status["name"])], &[], None);
    let mut row = |name: &str, value: &Value| table.push(&[name.into(), cell(value)]);
    row("Type", &status["type"]);
    row("Class", &entity["connectorClass"]);
    row("State", &status["connector"]["state"]);
    if let Some(trace) = status["connector"]["trace"].as_str() {
        row("Says", &trace.into());
    }
    if let Some(figures) = status["tasks"][0]["trace"].as_str() {
        row("Figures", &figures.into());
    }
    let sources = entity["sources"].as_array().map_or(&[][..], Vec::as_slice);
    for topic in entity["topics"].as_array().into_iter().flatten() {
        row("Topic", topic);
        for source in sources.iter().filter(|source| source["topic"] == *topic) {
            let source = format!("{} {}", bare(&source["type"]), bare(&source["name"]));
            row("Read by", &source.into());
        }
    }
    table.body()
}

fn types(types: &Value) -> String {
    let mut table = Table::new(vec!["Type".into(), "Schema".into()], &[], None);
    for (name, schema) in types.as_object().into_iter().flatten() {
        table.push(&[name.as_str().into(), type_text(schema).into()]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_status_is_its_message() {
        let entity = json!({
            "@type": "currentStatus", "commandStatus": { "message": "Stream created" },
            "warnings": [{ "message": "mind this" }],
        });
        assert_eq!(render(&entity, None), "Stream created\nNote: mind this\n");
    }

    #[test]
    fn a_connector_tells_its_topics_and_who_reads_them() {
        let entity = json!({
            "@type": "connector_description", "connectorClass": "http",
            "status": {
                "name": "SPACES", "type": "source",
                "connector": { "state": "RUNNING", "trace": "RUNNING" },
                "tasks": [{ "id": 0, "trace": "3 polls well" }],
            },
            "sources": [{ "type": "STREAM", "name": "SPACES_SRC", "topic": "spaces" }],
            "topics": ["spaces", "other"],
        });
        let expect = " Connector | SPACES\n-----------+-------------------\n \
             Type      | source\n Class     | http\n State     | RUNNING\n \
             Says      | RUNNING\n Figures   | 3 polls well\n Topic     | spaces\n \
             Read by   | STREAM SPACES_SRC\n Topic     | other\n";
        assert_eq!(render(&entity, None), expect);
    }

    #[test]
    fn a_description_shows_types_as_sql() {
        let schema = json!({ "type": "ARRAY", "memberSchema": { "type": "STRUCT", "fields": [
            { "name": "A", "schema": { "type": "DECIMAL",
                "parameters": { "precision": 4, "scale": 2 } } },
        ]}});
        assert_eq!(type_text(&schema), "ARRAY<STRUCT<A DECIMAL(4, 2)>>");
    }
}
