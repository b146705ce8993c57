//! `/query`: rows as the older clients read them.

use serde_json::json;

use super::support::Server;

const KSQL: Option<&str> = Some("application/vnd.ksql.v1+json");

fn select(text: &str) -> serde_json::Value {
    json!({ "ksql": text, "streamsProperties": { "auto.offset.reset": "earliest" } })
}

#[tokio::test]
async fn a_pull_query_is_an_array_of_objects() {
    let server = Server::with_readings(&[("a", 1), ("b", 2), ("a", 3)]).await;
    let text = "SELECT * FROM NEWEST WHERE SENSOR = 'a';";
    for accept in [None, KSQL, Some("application/json")] {
        let answer = server.post("/query", accept, &select(text)).await;
        assert_eq!((answer.status, answer.media.as_deref()), (200, KSQL));
        let expect = json!([
            { "header": { "queryId": "query_#", "schema": "`SENSOR` STRING KEY, `N` INTEGER" } },
            { "row": { "columns": ["a", 3] } },
        ]);
        assert_eq!(answer.json(), expect);
        assert!(answer.text.ends_with("}}]"), "{}", answer.text);
    }
    let none = server.post("/query", None, &select("SELECT * FROM NEWEST WHERE SENSOR='x';")).await;
    assert_eq!(none.json().as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_push_query_ends_with_a_message() {
    let server = Server::with_readings(&[("a", 1), ("b", 2)]).await;
    let text = "SELECT N FROM READING EMIT CHANGES LIMIT 2;";
    let answer = server.post("/query", None, &select(text)).await;
    let expect = json!([
        { "header": { "queryId": "transient_READING_#", "schema": "`N` INTEGER" } },
        { "row": { "columns": [1] } },
        { "row": { "columns": [2] } },
        { "finalMessage": "Limit Reached" },
    ]);
    assert_eq!(answer.json(), expect);
}

#[tokio::test]
async fn wildcards_mean_lines() {
    let server = Server::with_readings(&[("a", 1)]).await;
    let answer = server.post("/query", Some("*/*"), &select("SELECT N FROM NEWEST;")).await;
    assert_eq!(answer.media.as_deref(), Some("application/vnd.ksqlapi.delimited.v1"));
    assert_eq!(answer.lines()[1], json!([1]));
}

#[tokio::test]
async fn variables_are_not_looked_at() {
    let server = Server::with_readings(&[]).await;
    let body = json!({ "ksql": "SELECT * FROM ${t};", "sessionVariables": { "t": "NEWEST" } });
    let answer = server.post("/query", None, &body).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["statementText"], "SELECT * FROM ${t};");
}

#[tokio::test]
async fn what_is_no_query_is_refused() {
    let server = Server::with_readings(&[]).await;
    let codes = [
        ("", 40_000, "generic_error"),
        ("LIST STREAMS;", 40_000, "generic_error"),
        ("PRINT 'nope';", 40_000, "generic_error"),
        ("SELEC 1;", 40_001, "statement_error"),
        ("SELECT * FROM NOPE;", 40_001, "statement_error"),
        ("SELECT * FROM NEWEST; SELECT * FROM NEWEST;", 40_001, "statement_error"),
    ];
    for (text, code, kind) in codes {
        let answer = server.post("/query", None, &select(text)).await;
        assert_eq!(answer.media.as_deref(), Some("application/json"), "{text}");
        let error = answer.json();
        assert_eq!((error["error_code"].as_i64(), &error["@type"]), (Some(code), &json!(kind)));
        if kind == "statement_error" {
            assert_eq!(error["statementText"], text);
        }
    }
}

#[tokio::test]
async fn print_says_what_it_found() {
    let server = Server::with_readings(&[("a", 1)]).await;
    let text = "PRINT 'reading' FROM BEGINNING LIMIT 1;";
    let answer = server.post("/query", None, &select(text)).await;
    let lines: Vec<&str> = answer.text.lines().collect();
    assert!(lines[0].starts_with("Key format: "), "{lines:?}");
    assert!(lines[1].starts_with("Value format: "), "{lines:?}");
    assert!(lines[2].contains("key: a, value: {\"N\":1}"), "{lines:?}");
    let none = server.post("/query", None, &select("PRINT 'reading' LIMIT 0;")).await;
    assert_eq!((none.status, &*none.text), (200, ""));
}
