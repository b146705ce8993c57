//! `/ksql`: statements and their entities.

use serde_json::json;

use super::support::Server;

#[tokio::test]
async fn a_statement_is_answered_as_the_server_writes_it() {
    let server = Server::start();
    let text = "create stream S (a int key, b varchar) with (kafka_topic='s', \
                value_format='json', partitions=2);";
    let answer = server.ksql(text).await;
    assert_eq!(answer.media.as_deref(), Some("application/json"));
    let expect = json!([{
        "@type": "currentStatus",
        "statementText": "CREATE STREAM S (A INTEGER KEY, B STRING) WITH \
            (CLEANUP_POLICY='delete', KAFKA_TOPIC='s', KEY_FORMAT='KAFKA', PARTITIONS=2, \
            VALUE_FORMAT='json');",
        "commandId": "stream/`S`/create",
        "commandStatus": { "status": "SUCCESS", "message": "Stream created", "queryId": null },
        "commandSequenceNumber": 0,
        "warnings": [],
    }]);
    assert_eq!(answer.json(), expect);
}

#[tokio::test]
async fn no_statements_are_answered_by_nothing() {
    let server = Server::start();
    for body in ["{}", "{\"ksql\":null}", "{\"ksql\":\"\"}", "{\"ksql\":\"-- nothing\"}"] {
        let answer = server.post_text("/ksql", body).await;
        assert_eq!((answer.status, &*answer.text), (200, "[]"), "{body}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_requests_are_refused_without_a_type() {
    let server = Server::start();
    for body in ["", "LIST STREAMS;", "[]", "null", "{\"ksql\":[]}"] {
        let answer = server.post_text("/ksql", body).await;
        assert_eq!((answer.status, answer.media.as_deref()), (400, None), "{body}");
        assert_eq!(answer.json()["@type"], "generic_error", "{body}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let text = format!("{{\"ksql\":\"{}\"}}", " ".repeat(17 << 20));
    assert_eq!(Server::start().post_text("/ksql", &text).await.status, 413);
}

#[tokio::test]
async fn one_bad_statement_and_none_is_carried_out() {
    let server = Server::start();
    let text = "CREATE STREAM S (A INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', \
                PARTITIONS=1); CREATE STREAM T AS SELECT * FROM NOPE;";
    let answer = server.ksql(text).await;
    let error = answer.json();
    assert_eq!((answer.status, error["error_code"].clone()), (400, json!(40_001)));
    assert_eq!(error["@type"], "statement_error");
    assert_eq!(error["statementText"], "CREATE STREAM T AS SELECT * FROM NOPE;");
    assert_eq!(error["entities"], json!([]));
    assert_eq!(server.ksql("LIST STREAMS;").await.json()[0]["streams"], json!([]));
}

#[tokio::test]
async fn refused_statements_are_told_as_far_as_they_were_completed() {
    let server = Server::with_readings(&[]).await;
    let text = async |statement: &str| {
        let answer = server.ksql(statement).await;
        assert_eq!(answer.status, 400, "{statement}: {}", answer.text);
        answer.json()["statementText"].as_str().expect("a text").replace('\n', " ")
    };
    assert_eq!(
        text("CREATE STREAM X AS SELECT N, COUNT(*) FROM READING GROUP BY N;").await,
        "CREATE STREAM X WITH (CLEANUP_POLICY='delete', KAFKA_TOPIC='X', PARTITIONS=1, \
         REPLICAS=1, RETENTION_MS=604800000) AS SELECT   READING.N N,   COUNT(*) KSQL_COL_0 \
         FROM READING READING GROUP BY READING.N EMIT CHANGES;"
    );
    assert_eq!(
        text("CREATE TABLE T (A INT) WITH (KAFKA_TOPIC='reading', VALUE_FORMAT='JSON');").await,
        "CREATE TABLE T (A INTEGER) WITH (CLEANUP_POLICY='compact', KAFKA_TOPIC='reading', \
         KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON');"
    );
    assert_eq!(
        text("CREATE TABLE T (A INT KEY) WITH (KAFKA_TOPIC='reading', VALUE_FORMAT='JSON');").await,
        "`A`"
    );
    assert_eq!(
        text("CREATE STREAM T (A INT) WITH (KAFKA_TOPIC='reading', NOPE='JSON');").await,
        "CREATE STREAM T (A INT) WITH (KAFKA_TOPIC='reading', NOPE='JSON');"
    );
    assert_eq!(
        text("INSERT INTO READING (N) VALUES ('secret');").await,
        "INSERT INTO `READING` (`N`) VALUES ('[value]');"
    );
}

#[tokio::test]
async fn some_refusals_blame_the_request() {
    let server = Server::start();
    for text in [
        "INSERT INTO NOPE VALUES (1);",
        "CREATE STREAM S (A INT) WITH (KAFKA_TOPIC='nope', VALUE_FORMAT='JSON');",
        "DESCRIBE FUNCTION NOPE;",
    ] {
        let answer = server.ksql(text).await;
        assert_eq!(answer.status, 400, "{text}");
        let error = answer.json();
        assert_eq!(
            (&error["@type"], &error["error_code"]),
            (&json!("generic_error"), &json!(40_000))
        );
        assert!(error.get("statementText").is_none(), "{text}");
    }
}

#[tokio::test]
async fn queries_belong_elsewhere() {
    let server = Server::with_readings(&[]).await;
    for text in ["SELECT * FROM READING EMIT CHANGES;", "PRINT 'reading';"] {
        let answer = server.ksql(text).await;
        assert_eq!((answer.status, answer.json()["error_code"].clone()), (400, json!(40_002)));
        assert_eq!(answer.json()["statementText"], text);
    }
}

#[tokio::test]
async fn variables_and_properties_come_with_the_request() {
    let server = Server::with_readings(&[]).await;
    let request = |properties: serde_json::Value| {
        json!({
            "ksql": "DESCRIBE ${name};",
            "sessionVariables": { "name": "READING" },
            "streamsProperties": properties,
        })
    };
    let known = request(json!({ "auto.offset.reset": "earliest" }));
    let answer = server.post("/ksql", None, &known).await;
    assert_eq!(answer.json()[0]["statementText"], "DESCRIBE READING;");
    let unknown = server.post("/ksql", None, &request(json!({ "nosuch": "x" }))).await;
    assert!(unknown.status >= 400, "{}", unknown.text);
    let denied = request(json!({ "bootstrap.servers": "x:1" }));
    assert_eq!(server.post("/ksql", None, &denied).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_come_is_waited_for_a_while() {
    let server = Server::with_readings(&[]).await;
    let after = |number: i64| json!({ "ksql": "LIST TYPES;", "commandSequenceNumber": number });
    assert_eq!(server.post("/ksql", None, &after(0)).await.status, 200);
    let answer = server.post("/ksql", None, &after(1_000)).await;
    assert_eq!((answer.status, answer.json()["error_code"].clone()), (503, json!(50_301)));
}

#[tokio::test]
async fn sources_are_described_with_what_reads_them() {
    let server = Server::with_readings(&[]).await;
    let answer = server.ksql("DESCRIBE READING;").await.json();
    let described = &answer[0]["sourceDescription"];
    assert_eq!(described["sourceConstraints"], json!(["NEWEST"]));
    assert_eq!(described["readQueries"][0]["sinks"], json!(["NEWEST"]));
    let fields = json!([
        {
            "name": "SENSOR",
            "schema": { "type": "STRING", "fields": null, "memberSchema": null },
            "type": "KEY",
        },
        { "name": "N", "schema": { "type": "INTEGER", "fields": null, "memberSchema": null } },
    ]);
    assert_eq!(described["fields"], fields);
}

#[tokio::test]
async fn queries_are_explained() {
    let server = Server::with_readings(&[]).await;
    let explain = async |what: &str| {
        let answer = server.ksql(&format!("EXPLAIN {what};")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()[0]["queryDescription"].clone()
    };
    let names = |query: &serde_json::Value| -> Vec<(String, bool)> {
        let fields = query["fields"].as_array().expect("fields").iter();
        let field = |f: &serde_json::Value| {
            (f["name"].as_str().expect("a name").to_owned(), f["type"] == "KEY")
        };
        fields.map(field).collect()
    };
    let push = explain("SELECT SENSOR, N FROM READING EMIT CHANGES").await;
    assert_eq!((&push["id"], &push["queryType"]), (&json!("transient_READING_#"), &json!("PUSH")));
    // As from ksqlDB: the key stands among the values, too.
    let expect = [("SENSOR", true), ("SENSOR", false), ("N", false)];
    assert_eq!(names(&push), expect.map(|(name, key)| (name.to_owned(), key)));
    assert_eq!((&push["sinks"], &push["state"]), (&json!([]), &json!(null)));

    let view =
        explain("CREATE TABLE T AS SELECT SENSOR, COUNT(*) AS C FROM READING GROUP BY SENSOR");
    let view = view.await;
    assert_eq!(view["queryType"], "PERSISTENT");
    assert_eq!(view["sinks"], json!(["T"]));
    assert_eq!(names(&view), [("SENSOR".to_owned(), true), ("C".to_owned(), false)]);

    let queries = server.ksql("LIST QUERIES;").await.json();
    let running = explain(queries[0]["queries"][0]["id"].as_str().expect("an id")).await;
    assert_eq!((&running["state"], &running["sources"]), (&json!("RUNNING"), &json!(["READING"])));
    for query in [push, view, running] {
        for text in ["topology", "executionPlan", "consumerGroupId"] {
            assert_ne!(query[text], "", "{text}");
        }
    }
}
