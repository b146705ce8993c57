//! CREATE OR REPLACE of what a query fills: it goes on with its state, or nothing is changed.

mod support;

use journal::TopicSpec;
use model::{Record, TimestampMs, TopicPartition, Value};
use stream::Execution;
use support::{Server, request};

/// The same journal in a new engine.
fn crashed(server: &Server) -> Server {
    Server::on(server.journal.clone(), server.clock.clone(), Execution::Manual, &[])
}

fn with_table() -> Server {
    let server = Server::manual();
    server.run(
        "CREATE STREAM S (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON',
             PARTITIONS=1);
         CREATE TABLE T AS SELECT K, COUNT(V) AS C FROM S GROUP BY K;",
    );
    insert(&server, 3);
    server
}

fn insert(server: &Server, v: i32) {
    server.run(&format!("INSERT INTO S VALUES ('a', {v});"));
    server.engine.run_until_idle();
}

const REPLACED: &str = "CREATE OR REPLACE TABLE T AS SELECT K, COUNT(V) AS C, SUM(V) AS N FROM S
    GROUP BY K;";

fn row(c: i64, n: Option<i32>) -> Vec<Vec<Value>> {
    let n = n.map_or(Value::Null, Value::Integer);
    vec![vec![Value::String("a".to_owned()), Value::Bigint(c), n]]
}

#[test]
fn an_aggregate_is_added_and_the_others_go_on() {
    let server = with_table();
    server.run(REPLACED);
    assert_eq!(server.rows("SELECT * FROM T;"), row(1, None));
    insert(&server, 5);
    assert_eq!(server.rows("SELECT * FROM T;"), row(2, Some(5)));
    let server = crashed(&server);
    assert_eq!(server.rows("SELECT * FROM T;"), row(2, Some(5)));
    insert(&server, 7);
    assert_eq!(server.rows("SELECT * FROM T;"), row(3, Some(12)));
}

#[test]
fn a_restart_right_behind_the_replacement_goes_on_too() {
    let server = with_table();
    server.run(REPLACED);
    let server = crashed(&crashed(&server));
    assert_eq!(server.rows("SELECT * FROM T;"), row(1, None));
    insert(&server, 5);
    assert_eq!(server.rows("SELECT * FROM T;"), row(2, Some(5)));
}

#[test]
fn sessions_get_aggregates_as_well() {
    let server = Server::manual();
    server.run(
        "CREATE STREAM S (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON',
             PARTITIONS=1);
         CREATE TABLE T AS SELECT K, COUNT(V) AS C FROM S WINDOW SESSION (1 DAY) GROUP BY K;",
    );
    insert(&server, 3);
    server.run(
        "CREATE OR REPLACE TABLE T AS SELECT K, COUNT(V) AS C, SUM(V) AS N FROM S
             WINDOW SESSION (1 DAY) GROUP BY K;",
    );
    insert(&server, 5);
    let rows = crashed(&server).rows("SELECT K, C, N FROM T WHERE K = 'a';");
    assert_eq!(rows, row(2, Some(5)));
}

#[test]
fn a_query_that_cannot_go_on_is_refused_and_the_old_one_stays() {
    let server = Server::manual();
    server.run(
        "CREATE TABLE S (K VARCHAR PRIMARY KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON',
             PARTITIONS=1);
         CREATE TABLE T AS SELECT K, V FROM S WHERE V > 1;",
    );
    insert(&server, 3);
    server.run("ALTER TABLE S ADD COLUMN W INT;");
    let replaced = "CREATE OR REPLACE TABLE T AS SELECT K, V, W FROM S WHERE V > 1;";
    let error = server.engine.execute(&request(replaced)).expect_err("the rows kept have no W");
    assert!(error.message.contains("cannot go on with the state"), "{}", error.message);
    server.run("INSERT INTO S (K, V) VALUES ('a', 4);");
    server.engine.run_until_idle();
    let expected = vec![vec![Value::String("a".to_owned()), Value::Integer(4)]];
    assert_eq!(server.rows("SELECT * FROM T;"), expected);
    assert_eq!(crashed(&server).rows("SELECT * FROM T;"), expected);
}

#[test]
fn what_a_statement_left_that_was_never_logged_is_not_read() {
    let server = Server::manual();
    let changelog = "_confluent-ksql-default_query_CTAS_T_0-state-changelog";
    server.journal.create_topic(TopicSpec::new(changelog, 1)).expect("a topic");
    let record = Record {
        key: Some(vec![0, 1, 2].into()),
        value: Some("of another plan".into()),
        timestamp: TimestampMs(0),
        headers: Vec::new(),
    };
    let partition = TopicPartition::new(changelog, 0);
    server.journal.append(&partition, vec![record]).expect("an append");
    server.run(
        "CREATE STREAM S (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON',
             PARTITIONS=1);
         CREATE TABLE T AS SELECT K, COUNT(V) AS C, SUM(V) AS N FROM S GROUP BY K;",
    );
    insert(&server, 3);
    assert_eq!(server.rows("SELECT * FROM T;"), row(1, Some(3)));
}
