//! What is gone before a query comes to it is told: records that retention removed. And what is
//! left of queries that are no more goes when the server starts.

mod support;

use std::sync::Arc;
use std::time::Duration;

use journal::{Commit, GroupId, Journal, MemoryJournal, TopicSpec};
use model::{ManualClock, Offset, Record, TimestampMs, TopicPartition};
use stream::answer::{AnswerBody, QueryProgress};
use stream::{Execution, Request};
use support::Server;

/// What the only query has done.
fn progress(server: &Server) -> QueryProgress {
    let answers = server.run("SHOW QUERIES EXTENDED;");
    let AnswerBody::QueryDescriptions(queries) = &answers[0].body else {
        panic!("queries are described")
    };
    queries[0].progress.clone().expect("it runs")
}

/// What the processing log says.
fn complaints(server: &Server) -> Vec<String> {
    let rows = server.rows("SELECT MESSAGE FROM KSQL_PROCESSING_LOG;");
    rows.iter().map(|row| format!("{row:?}")).collect()
}

fn insert(server: &Server, count: usize) {
    (0..count).for_each(|_| drop(server.run("INSERT INTO R VALUES ('a', 1);")));
}

fn server() -> (Arc<ManualClock>, Server) {
    let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
    let journal = Arc::new(MemoryJournal::new(clock.clone()));
    (clock.clone(), Server::on(journal, clock, Execution::Manual, &[]))
}

fn a_minute_later(clock: &ManualClock, server: &Server) {
    clock.advance(Duration::from_secs(65));
    server.journal.maintain().expect("cleaned up");
}

#[test]
fn a_query_tells_what_retention_removed_before_it_was_read() {
    let (clock, server) = server();
    let kept = TopicSpec { retention: Some(Duration::from_secs(5)), ..TopicSpec::new("r", 1) };
    server.journal.create_topic(kept).expect("a topic");
    server.run(
        "CREATE STREAM R (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='r', FORMAT='JSON');
         CREATE TABLE RC AS SELECT K, COUNT(*) AS N FROM R GROUP BY K;",
    );
    insert(&server, 3);
    server.engine.run_until_idle();
    assert_eq!((progress(&server).row_errors, complaints(&server).len()), (0, 0));
    server.run("PAUSE ALL;");
    insert(&server, 10);
    a_minute_later(&clock, &server);
    server.run("RESUME ALL;");
    // Nothing is left to be read.
    for _ in 0..2 {
        server.engine.run_until_idle();
        assert_eq!(progress(&server).row_errors, 10);
        let complaints = complaints(&server);
        let words = "10 records of r-0 (offsets 3 to 12) were removed by the topic's retention";
        assert!(complaints.len() == 1 && complaints[0].contains(words), "{complaints:?}");
    }
    // It is not told again, and what comes later is read.
    let server = server.reopened(&[]);
    insert(&server, 2);
    server.engine.run_until_idle();
    assert_eq!((progress(&server).row_errors, complaints(&server).len()), (0, 1));
    // Some is gone, some is left.
    server.run("PAUSE ALL;");
    insert(&server, 4);
    a_minute_later(&clock, &server);
    insert(&server, 1);
    server.run("RESUME ALL;");
    server.engine.run_until_idle();
    let progress = progress(&server);
    assert_eq!((progress.row_errors, progress.rows_in), (4, 3));
    assert_eq!(complaints(&server).len(), 2);
}

fn names(journal: &dyn Journal) -> Vec<String> {
    journal.topics().iter().map(|topic| topic.spec.name.to_string()).collect()
}

#[test]
fn what_is_left_of_queries_that_are_no_more_goes_at_the_start() {
    let (_, server) = server();
    server.run(
        "CREATE STREAM R (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='r', FORMAT='JSON',
             PARTITIONS=1);
         CREATE TABLE RC AS SELECT K, COUNT(*) AS N FROM R GROUP BY K;",
    );
    insert(&server, 3);
    server.engine.run_until_idle();
    let (topics, groups) = (names(&*server.journal), server.journal.groups());
    // As if the process had died between the end of a query and that of its state.
    let orphan = "_confluent-ksql-default_query_CTAS_GONE_9";
    // Another service's, and one that is no query's at all.
    let others = ["_confluent-ksql-other_query_CTAS_X_1-state-changelog", "mine-state-changelog"];
    for name in [&format!("{orphan}-state-changelog"), others[0], others[1]] {
        server.journal.create_topic(TopicSpec::new(name, 1)).expect("a topic");
    }
    let position = (GroupId(orphan.into()), TopicPartition::new("r", 0), Offset(1));
    let commit = Commit { records: Vec::new(), offsets: vec![position] };
    server.journal.commit(commit).expect("a position");
    let server = server.reopened(&[]);
    let left: Vec<_> =
        names(&*server.journal).into_iter().filter(|n| !others.contains(&n.as_str())).collect();
    assert_eq!((left, server.journal.groups()), (topics, groups));
    assert!(others.iter().all(|name| server.journal.topic(name).is_some()));
    insert(&server, 1);
    server.engine.run_until_idle();
    assert!(format!("{:?}", server.rows("SELECT N FROM RC;")).contains("4"));
}

#[test]
fn a_command_that_cannot_be_read_costs_no_query_its_state() {
    let (_, server) = server();
    server.run(
        "CREATE STREAM R (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='r', FORMAT='JSON',
             PARTITIONS=1);
         CREATE TABLE RC AS SELECT K, COUNT(*) AS N FROM R GROUP BY K;",
    );
    insert(&server, 3);
    server.engine.run_until_idle();
    let (topics, groups) = (names(&*server.journal), server.journal.groups());
    let commands = TopicPartition::new("_kerb_commands", 0);
    let fetched = server.journal.read(&commands, Offset::ZERO, usize::MAX / 2).expect("commands");
    let mut logged: Vec<_> = fetched.records.into_iter().map(|(_, record)| record).collect();
    let made_table = logged.last_mut().expect("the table's command");
    let whole = made_table.value.replace("{\"statement\": \"CREATE TAB".into());
    // The log again, the last command broken off.
    let log_again = |records: Vec<Record>| {
        server.journal.delete_topic("_kerb_commands").expect("no log");
        server.journal.create_topic(TopicSpec::new("_kerb_commands", 1)).expect("a log");
        server.journal.append(&commands, records).expect("commands");
    };
    log_again(logged.clone());
    let broken = server.reopened(&[]);
    assert!(broken.engine.execute(&Request::new("DESCRIBE RC;")).is_err(), "it is not there");
    assert_eq!((names(&*broken.journal), broken.journal.groups()), (topics, groups));
    // Once the log is mended, the table goes on where it stopped.
    logged.last_mut().expect("the table's command").value = whole;
    log_again(logged);
    let server = broken.reopened(&[]);
    insert(&server, 1);
    server.engine.run_until_idle();
    assert!(format!("{:?}", server.rows("SELECT N FROM RC;")).contains("4"));
}
