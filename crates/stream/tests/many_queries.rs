//! Many queries on few threads: each gets its turns, and those that wait hold no thread.

mod support;

use std::sync::Arc;
use std::time::Duration;

use journal::MemoryJournal;
use model::{ManualClock, TimestampMs};
use stream::Execution;
use support::Server;

const QUERIES: usize = 60;
/// So often is it looked whether something has happened; each look waits for news a little.
const LOOKS_MAX: usize = 4_000;

fn server() -> Server {
    let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
    let journal = Arc::new(MemoryJournal::new(clock.clone()));
    Server::on(journal, clock, Execution::Threads, &[])
}

fn until(server: &Server, mut is_so: impl FnMut() -> bool) {
    let mut mark = 0;
    for _ in 0..LOOKS_MAX {
        if is_so() {
            return;
        }
        mark = server.journal.wait(mark, Duration::from_millis(5));
    }
    panic!("it never came to be so");
}

fn count(server: &Server, table: usize) -> usize {
    server.rows(&format!("SELECT * FROM T{table};")).len()
}

#[test]
fn a_chain_of_queries_and_many_beside_it_share_the_threads() {
    let server = server();
    server.run(
        "CREATE STREAM S0 (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON',
             PARTITIONS=1);",
    );
    for n in 1..QUERIES / 2 {
        server.run(&format!("CREATE STREAM S{n} AS SELECT * FROM S{};", n - 1));
    }
    for n in 0..QUERIES / 2 {
        server.run(&format!("CREATE TABLE T{n} AS SELECT K, COUNT(*) AS N FROM S{n} GROUP BY K;"));
    }
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count);
    assert!(threads.is_ok_and(|threads| threads < QUERIES), "fewer threads than queries");
    for row in 0..3 {
        server.run(&format!("INSERT INTO S0 VALUES ('k{row}', {row});"));
    }
    until(&server, || (0..QUERIES / 2).all(|n| count(&server, n) == 3));
    server.engine.shutdown();
}

#[test]
fn a_paused_query_takes_no_turn_until_it_is_resumed() {
    let server = server();
    server.run(
        "CREATE STREAM S (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON',
             PARTITIONS=1);
         CREATE TABLE T0 AS SELECT K, COUNT(*) AS N FROM S GROUP BY K;
         CREATE TABLE T1 AS SELECT K, COUNT(*) AS N FROM S GROUP BY K;
         INSERT INTO S VALUES ('a', 1);",
    );
    until(&server, || count(&server, 0) == 1 && count(&server, 1) == 1);
    let id = server.engine.catalog().queries.keys().find(|id| id.contains("T0")).cloned();
    let id = id.expect("T0 has a query");
    server.run(&format!("PAUSE {id}; INSERT INTO S VALUES ('b', 1);"));
    until(&server, || count(&server, 1) == 2);
    assert_eq!(count(&server, 0), 1);
    server.run(&format!("RESUME {id};"));
    until(&server, || count(&server, 0) == 2);
    server.engine.shutdown();
}
