//! `/status` and `/is_valid_property`.

use serde_json::json;

use super::support::Server;

#[tokio::test]
async fn commands_are_known_by_their_ids() {
    let server = Server::with_readings(&[]).await;
    let created = server.get("/status/stream/%60READING%60/create").await;
    assert_eq!(created.status, 200);
    let expect = json!({ "status": "SUCCESS", "message": "Stream created", "queryId": null });
    assert_eq!(created.json(), expect);
    let all = server.get("/status").await.json();
    assert_eq!(all["commandStatuses"]["stream/`READING`/create"], "SUCCESS");

    let unknown = server.get("/status/stream/NOPE/create").await;
    assert_eq!((unknown.status, unknown.json()["error_code"].clone()), (404, json!(40_400)));
}

#[tokio::test]
async fn the_creation_of_what_was_dropped_is_forgotten() {
    let server = Server::with_readings(&[]).await;
    server.done("DROP TABLE NEWEST; DROP STREAM READING;").await;
    assert_eq!(server.get("/status/stream/%60READING%60/create").await.status, 404);
    assert_eq!(server.get("/status/stream/READING/drop").await.status, 200);
}

#[tokio::test]
async fn properties_are_valid_or_not() {
    let server = Server::start();
    assert_eq!(server.get("/is_valid_property/auto.offset.reset").await.json(), json!(true));
    let refused = server.get("/is_valid_property/bootstrap.servers").await;
    assert_eq!((refused.status, refused.json()["error_code"].clone()), (400, json!(40_000)));
}
