//! What the server's properties do: bounds on what is under way at once, what is turned off, what
//! sinks are called; and that a restart, also under other properties, changes nothing of what was
//! done.

mod support;

use std::sync::Arc;

use journal::{Journal, MemoryJournal};
use model::{ManualClock, TimestampMs};
use stream::request::RequestErrorKind;
use stream::{Execution, QueryAnswer, RequestError};
use support::{Server, request};

fn server(properties: &[(&str, &str)]) -> Server {
    let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new(clock.clone()));
    let server = Server::on(journal, clock, Execution::Manual, properties);
    server.run(
        "CREATE STREAM S (K INT KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON', PARTITIONS=1);
         CREATE TABLE T AS SELECT K, COUNT(*) AS N FROM S GROUP BY K;",
    );
    server
}

fn query(server: &Server, text: &str) -> Result<QueryAnswer, RequestError> {
    server.engine.query(&request(text))
}

fn refused(server: &Server, text: &str) -> RequestError {
    server.engine.execute(&request(text)).expect_err(text)
}

#[test]
fn push_queries_are_bounded_and_told_what_to_do() {
    let server = server(&[("ksql.max.push.queries", "2")]);
    let first = query(&server, "SELECT * FROM S EMIT CHANGES;").expect("a place");
    let second = query(&server, "PRINT 's';").expect("a place");
    for text in ["SELECT * FROM S EMIT CHANGES;", "SELECT * FROM S;", "PRINT 's';"] {
        let error = query(&server, text).expect_err("no place");
        assert_eq!(error.kind, RequestErrorKind::TooManyQueries);
        assert!(error.message.contains("'ksql.max.push.queries'"), "{error}");
    }
    // Pull queries on tables have places of their own.
    query(&server, "SELECT * FROM T;").expect("an answer");
    drop(first);
    query(&server, "SELECT * FROM S;").expect("a place again");
    drop(second);
}

#[test]
fn pull_queries_are_bounded_while_their_answers_are_written() {
    let server = server(&[("ksql.query.pull.max.concurrent.requests", "1")]);
    let answer = query(&server, "SELECT * FROM T;").expect("a place");
    let error = query(&server, "SELECT * FROM T;").expect_err("no place");
    assert_eq!(error.kind, RequestErrorKind::TooManyRequests);
    assert!(error.message.contains("Try again"), "{error}");
    drop(answer);
    query(&server, "SELECT * FROM T;").expect("a place again");
}

#[test]
fn persistent_queries_are_bounded() {
    let server = server(&[("ksql.query.persistent.active.limit", "2")]);
    let create = |name: &str| format!("CREATE STREAM {name} AS SELECT * FROM S;");
    // Both or none.
    let error = refused(&server, &(create("A") + &create("B")));
    assert!(error.message.contains("TERMINATE"), "{error}");
    assert!(!server.engine.catalog().sources.contains_key("A"));
    server.run(&create("A"));
    refused(&server, &create("B"));
    server.run("CREATE OR REPLACE STREAM A AS SELECT * FROM S WHERE V > 1;");
    server.run("DROP STREAM A;");
    server.run(&create("B"));
}

#[test]
fn inserts_may_be_turned_off_by_the_server_and_not_by_a_session() {
    let insert = "INSERT INTO S VALUES (1, 1);";
    let off = ("ksql.insert.into.values.enabled", "false");
    let server_off = server(&[off]);
    let error = refused(&server_off, insert);
    assert_eq!(error.kind, RequestErrorKind::BadRequest);
    let row = serde_json::Map::new();
    server_off.engine.insert_row("S", &row).expect_err("no rows");
    server(&[]).run(&format!("SET '{}'='false'; {insert}", off.0));
}

#[test]
fn range_scans_may_be_turned_off() {
    let (ranges, tables) =
        ("ksql.query.pull.range.scan.enabled", "ksql.query.pull.table.scan.enabled");
    let check = |properties: &[(&str, &str)], refuses: bool| {
        let server = server(properties);
        server.run(
            "CREATE STREAM W (K VARCHAR KEY) WITH (KAFKA_TOPIC='w', FORMAT='JSON', PARTITIONS=1);
             CREATE TABLE BY_WORD AS SELECT K, COUNT(*) AS N FROM W GROUP BY K;
             INSERT INTO W VALUES ('a'); INSERT INTO W VALUES ('b');",
        );
        server.engine.run_until_idle();
        match query(&server, "SELECT * FROM BY_WORD WHERE K > 'a';") {
            Ok(QueryAnswer::Pull(pull)) => assert_eq!((pull.rows.rows, refuses), (1, false)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert!(refuses, "{properties:?}: {error}"),
        }
    };
    check(&[], false);
    check(&[(tables, "false")], false);
    check(&[(ranges, "false")], false);
    check(&[(ranges, "false"), (tables, "false")], true);
}

#[test]
fn sinks_topics_may_have_a_prefix_that_a_restart_keeps() {
    let prefix = ("ksql.output.topic.name.prefix", "pre-");
    let topic_of =
        |server: &Server, name: &str| server.engine.catalog().sources[name].topic.clone();
    let server = server(&[prefix]);
    assert_eq!(topic_of(&server, "T"), "pre-T");
    assert!(server.journal.topic("pre-T").is_some());
    server.run("CREATE STREAM A WITH (KAFKA_TOPIC='a') AS SELECT * FROM S;");
    assert_eq!(topic_of(&server, "A"), "a");
    let server = server.reopened(&[]);
    assert_eq!(topic_of(&server, "T"), "pre-T");
    server.run("CREATE STREAM B AS SELECT * FROM S;");
    let server = server.reopened(&[prefix]);
    assert_eq!(topic_of(&server, "B"), "B");
}

#[test]
fn a_value_for_a_column_of_headers_blames_the_request() {
    let server = server(&[]);
    server.run(
        "CREATE STREAM H (K INT KEY, H BYTES HEADER('h')) WITH (KAFKA_TOPIC='h', FORMAT='JSON',
             PARTITIONS=1);",
    );
    let error = refused(&server, "INSERT INTO H (K, H) VALUES (1, 'aa');");
    assert_eq!(error.kind, RequestErrorKind::BadRequest, "{error}");
    let error = refused(&server, "INSERT INTO H SELECT * FROM S;");
    assert_eq!(error.kind, RequestErrorKind::BadStatement, "{error}");
}

#[test]
fn commands_are_told_of_after_a_restart_as_before() {
    let server = server(&[]);
    server.run(
        "CREATE TYPE A AS STRUCT<X INT>; DROP TYPE A; DROP TYPE IF EXISTS B;
         DROP STREAM IF EXISTS C;
         CREATE STREAM D AS SELECT * FROM S; PAUSE ALL; RESUME ALL; TERMINATE ALL; DROP STREAM D;
         ALTER STREAM S ADD COLUMN W INT; CREATE STREAM D AS SELECT K, V FROM S;",
    );
    let before = server.engine.command_statuses();
    assert_eq!(server.reopened(&[]).engine.command_statuses(), before);
}
