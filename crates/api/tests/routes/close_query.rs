//! `/close-query`: one connection ends the query of another.

use serde_json::{Value, json};

use super::support::{Server, next_chunk};

#[tokio::test]
async fn a_query_ends_when_it_is_closed() {
    let server = Server::with_readings(&[("a", 1)]).await;
    let text = json!({ "sql": "SELECT N FROM READING EMIT CHANGES;" });
    let mut body = server.open("/query-stream", &text).await;
    let header = next_chunk(&mut body).await.expect("a header");
    let header: Value = serde_json::from_str(&header).expect("JSON");
    let close = json!({ "queryId": header["queryId"] });
    let answer = server.post("/close-query", None, &close).await;
    assert_eq!((answer.status, &*answer.text), (200, ""));
    server.engine.run_until_idle();
    assert_eq!(next_chunk(&mut body).await, None);

    let again = server.post("/close-query", None, &close).await;
    assert_eq!((again.status, again.json()["error_code"].clone()), (400, json!(40_000)));
}

#[tokio::test]
async fn a_query_without_a_client_is_gone() {
    let server = Server::with_readings(&[]).await;
    let text = json!({ "sql": "SELECT N FROM READING EMIT CHANGES;" });
    let body = server.open("/query-stream", &text).await;
    let queries = async || {
        let answer = server.ksql("LIST QUERIES;").await.json();
        answer[0]["queries"].as_array().map(Vec::len)
    };
    assert_eq!(queries().await, Some(2));
    drop(body);
    server.engine.run_until_idle();
    assert_eq!(queries().await, Some(1));
}
