//! Inputs at the edge of what can be counted harm nobody: neither the query nor the rows beside
//! them.

mod support;

use model::{Record, TimestampMs, TopicPartition, Value};
use support::{Server, request};

const QUERIES: &[&str] = &[
    "CREATE STREAM OUT AS SELECT K, V FROM S;",
    "CREATE TABLE OUT AS SELECT K, COUNT(*) AS C FROM S GROUP BY K;",
    "CREATE TABLE OUT AS SELECT K, COUNT(*) AS C FROM S WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY K;",
    "CREATE TABLE OUT AS SELECT K, COUNT(*) AS C FROM S
     WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 20 MINUTES) GROUP BY K;",
    "CREATE TABLE OUT AS SELECT K, COUNT(*) AS C FROM S WINDOW SESSION (1 HOUR) GROUP BY K;",
    "CREATE STREAM OUT AS SELECT S.K AS K, S.V, T.V FROM S JOIN T WITHIN 1 HOUR ON S.K = T.K;",
];

fn append(server: &Server, topic: &str, time: i64) {
    let record = Record {
        key: Some("\"a\"".into()),
        value: Some("{\"V\":1}".into()),
        timestamp: TimestampMs(time),
        headers: Vec::new(),
    };
    let partition = TopicPartition::new(topic, 0);
    server.journal.append(&partition, vec![record]).expect("an append");
}

#[test]
fn impossible_event_times_are_left_out_and_told() {
    for query in QUERIES {
        let server = Server::manual();
        server.run(
            "CREATE STREAM S (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON',
                 PARTITIONS=1);
             CREATE STREAM T (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='t', FORMAT='JSON',
                 PARTITIONS=1);",
        );
        server.run(query);
        for time in [1_000, i64::MIN, -1, i64::MAX, 2_000] {
            append(&server, "s", time);
            append(&server, "t", time);
            server.engine.run_until_idle();
        }
        let rows = server.rows("SELECT * FROM S;");
        assert_eq!(rows.len(), 2, "{query}");
        let out = server.journal.bounds(&TopicPartition::new("OUT", 0)).expect("the sink");
        assert!(out.end.0 >= 2, "{query} goes on");
        let log = server.rows("SELECT MESSAGE FROM KSQL_PROCESSING_LOG;");
        assert!(log.len() >= 3, "{query}: {log:?}");
    }
}

#[test]
fn windows_without_number_are_refused() {
    let server = Server::manual();
    server.run(
        "CREATE STREAM S (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON',
             PARTITIONS=1);",
    );
    let query = "CREATE TABLE OUT AS SELECT K, COUNT(*) AS C FROM S
         WINDOW HOPPING (SIZE 365 DAYS, ADVANCE BY 1 MILLISECOND) GROUP BY K;";
    let error = server.engine.execute(&request(query)).expect_err("far too many windows");
    assert!(error.message.contains("in more than"), "{}", error.message);
    assert!(server.journal.topic("OUT").is_none(), "nothing is left of what was refused");
    let push = "SELECT K, COUNT(*) FROM S
         WINDOW HOPPING (SIZE 365 DAYS, ADVANCE BY 1 MILLISECOND) GROUP BY K EMIT CHANGES;";
    assert!(server.engine.query(&request(push)).is_err());
}

#[test]
fn a_row_may_belong_to_thousands_of_windows() {
    let server = Server::manual();
    server.run(
        "CREATE STREAM S (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON',
             PARTITIONS=1);
         CREATE TABLE OUT AS SELECT K, COUNT(*) AS C FROM S
             WINDOW HOPPING (SIZE 5 SECONDS, ADVANCE BY 1 MILLISECOND) GROUP BY K;",
    );
    for time in [10_000, 10_001] {
        append(&server, "s", time);
    }
    server.engine.run_until_idle();
    let rows = server.rows("SELECT C FROM OUT WHERE K = 'a';");
    assert_eq!(rows.len(), 5_001);
    assert_eq!(rows.iter().filter(|row| row[0] == Value::Bigint(2)).count(), 4_999);
}
