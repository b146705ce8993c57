//! `/query-stream`: rows as they come.

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::support::{Server, next_chunk};

const JSON: Option<&str> = Some("application/json");
const DELIMITED: &str = "application/vnd.ksqlapi.delimited.v1";
const PROTOBUF: &str = "application/vnd.ksql.v1+protobuf";

fn select(text: &str) -> Value {
    json!({ "sql": text, "properties": { "auto.offset.reset": "earliest" } })
}

#[tokio::test]
async fn rows_are_lines() {
    let server = Server::with_readings(&[("a", 1), ("b", 2)]).await;
    let text = "SELECT SENSOR, N FROM READING EMIT CHANGES LIMIT 2;";
    let answer = server.post("/query-stream", None, &select(text)).await;
    assert_eq!(answer.media.as_deref(), Some(DELIMITED));
    let expect = [
        json!({
            "queryId": "transient_READING_#",
            "columnNames": ["SENSOR", "N"],
            "columnTypes": ["STRING", "INTEGER"],
        }),
        json!(["a", 1]),
        json!(["b", 2]),
    ];
    assert_eq!(answer.lines(), expect);
}

#[tokio::test]
async fn json_is_an_array_of_arrays() {
    let server = Server::with_readings(&[("a", 1)]).await;
    let answer = server.post("/query-stream", JSON, &select("SELECT N FROM NEWEST;")).await;
    assert_eq!(answer.media.as_deref(), JSON);
    let header = json!({ "queryId": "query_#", "columnNames": ["N"], "columnTypes": ["INTEGER"] });
    assert_eq!(answer.json(), json!([header, [1]]));
}

#[tokio::test]
async fn rows_may_be_protobuf() {
    let server = Server::with_readings(&[("a", 5)]).await;
    let answer =
        server.post("/query-stream", Some(PROTOBUF), &select("SELECT N FROM NEWEST;")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let rows = answer.json();
    let schema = rows[0]["header"]["protoSchema"].as_str().expect("a schema");
    assert!(schema.contains("message ConnectDefault1 {\n  int32 N = 1;\n}"), "{schema}");
    assert_eq!(rows[1], json!({ "row": { "protobufBytes": "CAU=" } }));
}

#[tokio::test]
async fn a_row_is_a_chunk() {
    let server = Server::with_readings(&[("a", 1), ("b", 2)]).await;
    for text in ["SELECT N FROM NEWEST;", "SELECT N FROM READING EMIT CHANGES LIMIT 2;"] {
        let mut body = server.open("/query-stream", &select(text)).await;
        let mut chunks = Vec::new();
        while let Some(chunk) = next_chunk(&mut body).await {
            chunks.push(chunk);
        }
        assert_eq!(chunks.len(), 3, "{chunks:?}");
        for chunk in chunks {
            assert!(chunk.ends_with('\n'), "{chunk}");
            serde_json::from_str::<Value>(&chunk).expect("one JSON value");
        }
    }
}

#[tokio::test]
async fn rows_are_told_when_they_come() {
    let server = Server::with_readings(&[]).await;
    let text = json!({ "sql": "SELECT N FROM READING EMIT CHANGES;" });
    let mut body = server.open("/query-stream", &text).await;
    let header = next_chunk(&mut body).await.expect("a header");
    assert!(header.contains("columnNames"), "{header}");
    for n in 1..=3 {
        server.done(&format!("INSERT INTO READING VALUES ('a', {n});")).await;
        server.engine.run_until_idle();
        assert_eq!(next_chunk(&mut body).await, Some(format!("[{n}]\n")));
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off_and_told() {
    let server = Server::with_readings(&[]).await;
    let text = json!({ "sql": "SELECT N FROM READING EMIT CHANGES;" });
    let mut slow = server.open("/query-stream", &text).await;
    let mut quick = server.open("/query-stream", &text).await;
    next_chunk(&mut quick).await.expect("a header");
    for n in 0..200 {
        server.done(&format!("INSERT INTO READING VALUES ('a', {n});")).await;
        server.engine.run_until_idle();
        assert_eq!(next_chunk(&mut quick).await, Some(format!("[{n}]\n")));
    }
    server.wait(Duration::from_secs(31));
    server.done("INSERT INTO READING VALUES ('a', 200);").await;
    server.engine.run_until_idle();
    assert_eq!(next_chunk(&mut quick).await.as_deref(), Some("[200]\n"));

    let mut chunks = Vec::new();
    while let Some(chunk) = next_chunk(&mut slow).await {
        chunks.push(chunk);
    }
    let last: Value = serde_json::from_str(chunks.last().expect("chunks")).expect("JSON");
    assert_eq!(last["error_code"], 50_000, "{last}");
    assert!(last["message"].as_str().expect("words").contains("took no row"), "{last}");
    assert!(chunks.len() < 100, "{} rows waited for a client that does not read", chunks.len());
}

#[tokio::test]
async fn a_server_that_ends_says_that_it_cut_the_query_off() {
    const ERROR: &str = "{\"@type\":\"generic_error\",\"error_code\":50303,\"message\":";
    let shapes = [
        (Some(DELIMITED), ERROR.to_owned()),
        (JSON, format!(",{ERROR}")),
        (Some("application/vnd.ksql.v1+json"), format!("{{\"errorMessage\":{ERROR}")),
    ];
    for (accept, expect) in shapes {
        let server = Server::with_readings(&[("a", 1)]).await;
        let text = json!({ "sql": "SELECT N FROM READING EMIT CHANGES;" });
        let mut body = server.open_as("/query-stream", accept, &text).await;
        next_chunk(&mut body).await.expect("a header");
        server.engine.shutdown();
        let last = next_chunk(&mut body).await.expect("why it ends");
        assert!(last.starts_with(&expect) && last.contains("shutting down"), "{last}");
        assert_eq!(next_chunk(&mut body).await, None);
    }
    // Lines of PRINT have no shape for an error: the answer breaks off.
    let server = Server::with_readings(&[("a", 1)]).await;
    let print = json!({ "sql": "PRINT 'reading' FROM BEGINNING;" });
    let mut body = server.open("/query-stream", &print).await;
    next_chunk(&mut body).await.expect("a line");
    server.engine.shutdown();
    assert!(body.frame().await.expect("an end").is_err());
}

#[tokio::test]
async fn errors_have_no_content_type() {
    let server = Server::with_readings(&[]).await;
    let codes = [
        ("", 40_001, "statement_error"),
        ("LIST STREAMS;", 40_001, "statement_error"),
        ("PRINT 'nope';", 40_001, "generic_error"),
        ("SELECT * FROM NOPE;", 40_001, "statement_error"),
    ];
    for (text, code, kind) in codes {
        let answer = server.post("/query-stream", None, &select(text)).await;
        assert_eq!((answer.status, answer.media.as_deref()), (400, None), "{text}");
        let error = answer.json();
        assert_eq!((error["error_code"].as_i64(), &error["@type"]), (Some(code), &json!(kind)));
    }
    let answer = server.post("/query-stream", None, &json!({})).await;
    assert_eq!((answer.status, answer.media.as_deref()), (400, None));
}

#[tokio::test]
async fn variables_are_filled_in() {
    let server = Server::with_readings(&[("a", 1)]).await;
    let body = json!({ "sql": "SELECT N FROM ${t};", "sessionVariables": { "t": "NEWEST" } });
    let answer = server.post("/query-stream", None, &body).await;
    assert_eq!(answer.lines()[1], json!([1]));
}

#[tokio::test]
async fn print_has_lines_only() {
    let server = Server::with_readings(&[("a", 1)]).await;
    let text = select("PRINT 'reading' FROM BEGINNING LIMIT 1;");
    assert_eq!(server.post("/query-stream", JSON, &text).await.status, 406);
    let answer = server.post("/query-stream", None, &text).await;
    assert!(answer.text.starts_with("rowtime: "), "{}", answer.text);
}
