//! `/kerb/v1`: the log itself.

use std::convert::Infallible;
use std::time::Duration;

use serde_json::json;

use super::support::Server;

#[tokio::test]
async fn records_go_in_and_come_out() {
    let server = Server::start();
    // "k", "v" and "w" in base64.
    let lines = "{\"key\":\"aw==\",\"value\":\"dg==\",\"headers\":[[\"h\",\"dg==\"]]}\n{\"value\":\"dw==\"}\n";
    let produced = server.post_text("/kerb/v1/topics/t/records", lines).await;
    assert_eq!(produced.json(), json!({ "records": 2 }));
    let topics = server.get("/kerb/v1/topics").await.json();
    let listed = topics["topics"].as_array().expect("topics");
    let expect = json!({ "name": "t", "partitions": [{ "partition": 0, "start": 0, "end": 2 }] });
    assert!(listed.contains(&expect), "{topics}");
    let records = server.get("/kerb/v1/topics/t/partitions/0/records?from=1").await.lines();
    assert_eq!(records[0]["value"], "dw==");
    assert_eq!(records[0]["offset"], 1);
    assert_eq!(records[1], json!({ "next": 2 }));
}

#[tokio::test]
async fn groups_keep_their_place() {
    let server = Server::start();
    server.post_text("/kerb/v1/topics/t/records", "{\"value\":\"dg==\"}\n").await;
    let place = json!([{ "topic": "t", "partition": 0, "offset": 1 }]);
    let path = "/kerb/v1/groups/g/offsets";
    let committed = server.post_text(path, &place.to_string()).await;
    assert_eq!(committed.status, 200, "{}", committed.text);
    assert_eq!(server.get(path).await.json(), json!({ "offsets": place }));
}

#[tokio::test]
async fn records_that_cannot_be_read_are_refused() {
    let server = Server::start();
    for line in ["nonsense", "{\"value\":\"%\"}", "{\"partition\":7,\"value\":\"dg==\"}"] {
        let answer = server.post_text("/kerb/v1/topics/t/records", line).await;
        assert_eq!(answer.status, 400, "{line}");
    }
    assert_eq!(server.get("/kerb/v1/topics/nope/partitions/0/records?from=0").await.status, 404);
}

#[tokio::test]
async fn the_servers_own_topics_are_not_written_to_and_those_with_secrets_not_shown() {
    let server = Server::start();
    for topic in ["_kerb_commands", "_schemas", "test_ksql_processing_log", "a%2Fb"] {
        let path = format!("/kerb/v1/topics/{topic}/records");
        let answer = server.post_text(&path, "{\"value\":\"dg==\"}").await;
        assert_eq!(answer.status, 400, "{topic}: {}", answer.text);
    }
    let commands = server.get("/kerb/v1/topics/_kerb_commands/partitions/0/records?from=0").await;
    assert_eq!(commands.lines(), [json!({ "next": 0 })]);
    let path = "/kerb/v1/topics/_kerb_connectors/partitions/0/records?from=0";
    let answer = server.get(path).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    let print = json!({ "ksql": "PRINT '_kerb_connectors' FROM BEGINNING LIMIT 1;" });
    let answer = server.post("/query", None, &print).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(answer.text.contains("is not shown"), "{}", answer.text);
}

#[tokio::test(start_paused = true)]
async fn no_body_is_waited_for_for_ever() {
    let server = Server::start();
    for path in [
        "/ksql",
        "/query",
        "/query-stream",
        "/close-query",
        "/kerb/v1/topics/t/records",
        "/kerb/v1/groups/g/offsets",
    ] {
        let nothing = futures_util::stream::pending::<Result<bytes::Bytes, Infallible>>();
        let body = axum::body::Body::from_stream(nothing);
        let request = super::support::request(http::Method::POST, path, None, body);
        let answer = tokio::time::timeout(Duration::from_secs(90), server.call(request)).await;
        assert_eq!(answer.expect(path).status, 408, "{path}");
    }
}
