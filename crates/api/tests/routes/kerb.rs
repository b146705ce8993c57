//! `/kerb/v1`: the log itself.

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
    let request = super::support::request(http::Method::POST, path, None, place.to_string().into());
    let (mut head, body) = request.into_parts();
    head.headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    let committed = server.call(http::Request::from_parts(head, body)).await;
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
