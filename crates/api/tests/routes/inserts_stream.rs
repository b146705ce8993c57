//! `/inserts-stream`: rows in, an acknowledgement for each out.

use serde_json::json;

use super::support::Server;

async fn with_log() -> Server {
    let server = Server::start();
    server
        .done(
            "CREATE STREAM LOG (ID INT KEY, `text` VARCHAR, D DECIMAL(4, 2), T TIMESTAMP) \
             WITH (KAFKA_TOPIC='log', VALUE_FORMAT='JSON', PARTITIONS=1);",
        )
        .await;
    server
}

async fn rows(server: &Server) -> Vec<serde_json::Value> {
    let answer = server.post("/query-stream", None, &json!({ "sql": "SELECT * FROM LOG;" })).await;
    answer.lines().split_off(1)
}

#[tokio::test]
async fn rows_are_acknowledged_one_by_one() {
    let server = with_log().await;
    let lines = "{\"target\":\"log\"}\n\
        {\"id\":1,\"`text`\":\"a\",\"D\":12.345,\"nope\":{}}\n\n\
        {\"`ID`\":2,\"t\":\"2023-11-14T22:13:20.5\"}\n";
    let answer = server.post_lines("/inserts-stream", None, lines).await;
    assert_eq!((answer.status, answer.media.as_deref()), (200, None));
    let ok = |seq| json!({ "seq": seq, "status": "ok" });
    assert_eq!(answer.lines(), [ok(0), ok(1)]);
    let expect = [json!([1, "a", 12.35, null]), json!([2, null, null, "2023-11-14T22:13:20.500"])];
    assert_eq!(
        rows(&server).await.iter().map(ToString::to_string).collect::<Vec<_>>(),
        expect.iter().map(ToString::to_string).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn acknowledgements_may_be_an_array() {
    let server = with_log().await;
    let lines = "{\"target\":\"`LOG`\"}\n{\"ID\":1}\n{\"ID\":2}";
    let answer = server.post_lines("/inserts-stream", Some("application/json"), lines).await;
    let ok = |seq| json!({ "seq": seq, "status": "ok" });
    assert_eq!(answer.json(), json!([ok(0), ok(1)]));
    let none = "{\"target\":\"log\"}\n";
    let answer = server.post_lines("/inserts-stream", Some("application/json"), none).await;
    assert_eq!(answer.text, "[]");
    let other = Some("application/vnd.ksql.v1+json");
    assert_eq!(server.post_lines("/inserts-stream", other, lines).await.status, 404);
}

#[tokio::test]
async fn the_first_bad_row_ends_it() {
    let server = with_log().await;
    for bad in ["{\"ID\":\"1\"}", "{\"text\":\"no key\"}", "[]", "nonsense", "{\"ID\":1.5}"] {
        let lines = format!("{{\"target\":\"LOG\"}}\n{{\"ID\":1}}\n{bad}\n{{\"ID\":3}}\n");
        let answers = server.post_lines("/inserts-stream", None, &lines).await.lines();
        assert_eq!(answers.len(), 2, "{bad}: {answers:?}");
        let error = &answers[1];
        assert_eq!((&error["status"], &error["seq"]), (&json!("error"), &json!(1)), "{bad}");
        assert_eq!(error["error_code"], 40_000, "{bad}");
        assert_eq!(error["@type"], "generic_error", "{bad}");
    }
}

#[tokio::test]
async fn the_target_must_take_rows() {
    let server = with_log().await;
    for head in ["{\"target\":\"NOPE\"}", "{}", "nonsense", "{\"target\":\"`LOG\"}"] {
        let answer = server.post_lines("/inserts-stream", None, &format!("{head}\n")).await;
        assert_eq!((answer.status, answer.media.as_deref()), (400, None), "{head}");
        assert_eq!(answer.json()["error_code"], 40_000, "{head}");
    }
}

#[tokio::test]
async fn only_http_2_will_do() {
    let answer = with_log().await.post_text("/inserts-stream", "{\"target\":\"LOG\"}\n").await;
    assert_eq!((answer.status, answer.json()["error_code"].clone()), (400, json!(40_004)));
}
