//! Which changes of a table its topic tells: all of them, wherever anybody reads it.

mod support;

use model::{Record, TimestampMs, TopicPartition};
use support::Server;

const COUNT: usize = 3_000;

fn with_table() -> Server {
    let server = Server::manual();
    server.run(
        "CREATE STREAM S (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON',
             PARTITIONS=1);
         CREATE TABLE T WITH (KAFKA_TOPIC='t') AS
             SELECT K, LATEST_BY_OFFSET(V, 2) AS LAST FROM S GROUP BY K;",
    );
    server
}

/// Many changes of three keys, there at once; returns how many the table's topic has more by them.
fn told(server: &Server) -> usize {
    let end = |topic: &str| {
        let bounds = server.journal.bounds(&TopicPartition::new(topic, 0)).expect("it is there");
        bounds.end.0 as usize
    };
    let before = end("t");
    let record = |at: usize| Record {
        key: Some(format!("\"{}\"", at % 3).into()),
        value: Some(format!("{{\"V\":{at}}}").into()),
        timestamp: TimestampMs(at as i64),
        headers: Vec::new(),
    };
    let records = (0..COUNT).map(record).collect();
    server.journal.append(&TopicPartition::new("s", 0), records).expect("an append");
    server.engine.run_until_idle();
    end("t") - before
}

#[test]
fn what_nobody_follows_is_told_once_for_many_changes() {
    assert!(told(&with_table()) < COUNT / 10);
}

#[test]
fn a_stream_over_the_topic_misses_no_change() {
    let server = with_table();
    server.run(
        "CREATE STREAM CHANGES (K VARCHAR KEY, LAST ARRAY<INT>)
             WITH (KAFKA_TOPIC='t', FORMAT='JSON');",
    );
    assert_eq!(told(&server), COUNT);
    let server = server.reopened(&[]);
    assert_eq!(told(&server), COUNT, "nor after a restart");
    server.run("DROP STREAM CHANGES;");
    assert!(told(&server) < COUNT / 10, "when it is gone, nobody follows");
}

#[test]
fn a_query_over_the_table_misses_no_change() {
    let server = with_table();
    server.run("CREATE TABLE U AS SELECT K, LAST[1] AS L FROM T;");
    assert_eq!(told(&server), COUNT);
}

#[test]
fn who_sets_the_cache_to_nothing_is_told_everything() {
    let server = with_table();
    assert_eq!(told(&server.reopened(&[("cache.max.bytes.buffering", "0")])), COUNT);
}
