//! `/info`, `/healthcheck`, and paths that lead nowhere.

use axum::body::Body;
use http::Method;
use serde_json::json;

use super::support::{Server, request};

const JSON: Option<&str> = Some("application/json");

#[tokio::test]
async fn the_server_says_who_it_is() {
    let server = Server::start();
    for path in ["/info", "//info", "/info/", "/info?x=1"] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.media.as_deref()), (200, JSON), "{path}");
        let info = &answer.json()["KsqlServerInfo"];
        assert_eq!(info["ksqlServiceId"], "test_");
        assert_eq!(info["serverStatus"], "RUNNING");
    }
}

#[tokio::test]
async fn the_server_is_well() {
    let answer = Server::start().get("/healthcheck").await;
    let well = json!({ "isHealthy": true });
    let expect = json!({
        "isHealthy": true,
        "details": { "metastore": well, "kafka": well, "commandRunner": well },
        "serverState": "READY",
    });
    assert_eq!(answer.json(), expect);
}

#[tokio::test]
async fn the_root_leads_to_the_information() {
    let server = Server::start();
    assert_eq!(server.get("/").await.status, 307);
    assert_eq!(server.get("/v1/metadata/id").await.json()["id"], "");
}

#[tokio::test]
async fn other_paths_methods_and_media_types_are_not_found() {
    let server = Server::start();
    let not_found = |answer: &super::support::Answer| {
        assert_eq!((answer.status, answer.media.as_deref()), (404, None));
        assert_eq!(answer.text, "Not Found");
    };
    not_found(&server.get("/nosuch").await);
    not_found(&server.get("/INFO").await);
    not_found(&server.get("/ksql").await);
    for method in [Method::POST, Method::HEAD, Method::OPTIONS, Method::PATCH] {
        not_found(&server.call(request(method, "/info", None, Body::empty())).await);
    }
    let text = request(Method::GET, "/info", Some("text/plain"), Body::empty());
    not_found(&server.call(text).await);
}

#[tokio::test]
async fn heartbeats_are_off() {
    let answer = Server::start().get("/clusterStatus").await;
    assert_eq!((answer.status, answer.media.as_deref(), &*answer.text), (404, JSON, ""));
}
