//! An engine that is dropped at any point and opened again on the same journal goes on as if
//! nothing had happened: the same rows, none missing, none twice. And how rows fall into batches
//! changes nothing.

mod support;

use std::sync::Arc;

use journal::{Journal, MemoryJournal};
use model::{ManualClock, Offset, Record, TimestampMs, TopicPartition};
use stream::{Execution, Request};
use support::Server;

const SOURCES: &str = "
    CREATE STREAM L (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='l', FORMAT='JSON', PARTITIONS=1);
    CREATE STREAM R (K VARCHAR KEY, W INT) WITH (KAFKA_TOPIC='r', FORMAT='JSON', PARTITIONS=1);
    CREATE TABLE LT (K VARCHAR PRIMARY KEY, V INT, F VARCHAR)
        WITH (KAFKA_TOPIC='lt', FORMAT='JSON', PARTITIONS=1);
    CREATE TABLE RT (K VARCHAR PRIMARY KEY, W INT)
        WITH (KAFKA_TOPIC='rt', FORMAT='JSON', PARTITIONS=1);";

/// What is run: each writes to OUT.
const QUERIES: &[&str] = &[
    "CREATE STREAM OUT AS SELECT K, V * 2 AS V2 FROM L WHERE V > 3;",
    "CREATE TABLE OUT AS SELECT K, COUNT(*) AS C, SUM(V) AS S, COLLECT_LIST(V) AS A FROM L
     GROUP BY K HAVING COUNT(*) > 1;",
    "CREATE TABLE OUT AS SELECT K, MAX(V) AS M FROM L WINDOW TUMBLING (SIZE 20 MILLISECONDS)
     GROUP BY K;",
    "CREATE TABLE OUT AS SELECT K, COUNT(*) AS C FROM L
     WINDOW HOPPING (SIZE 30 MILLISECONDS, ADVANCE BY 10 MILLISECONDS,
                     GRACE PERIOD 20 MILLISECONDS) GROUP BY K;",
    "CREATE TABLE OUT AS SELECT K, COUNT(*) AS C, SUM(V) AS S FROM L
     WINDOW SESSION (8 MILLISECONDS, GRACE PERIOD 30 MILLISECONDS) GROUP BY K;",
    "CREATE TABLE OUT AS SELECT K, COUNT(*) AS C FROM L
     WINDOW TUMBLING (SIZE 20 MILLISECONDS, GRACE PERIOD 10 MILLISECONDS) GROUP BY K EMIT FINAL;",
    "CREATE STREAM OUT AS SELECT L.K AS K, V, W FROM L JOIN R
     WITHIN 10 MILLISECONDS GRACE PERIOD 5 MILLISECONDS ON L.K = R.K;",
    "CREATE STREAM OUT AS SELECT ROWKEY AS K, L.V, R.W FROM L FULL OUTER JOIN R
     WITHIN 10 MILLISECONDS GRACE PERIOD 5 MILLISECONDS ON L.K = R.K;",
    "CREATE STREAM OUT AS SELECT L.K AS K, V, W FROM L LEFT JOIN RT ON L.K = RT.K;",
    "CREATE TABLE OUT AS SELECT LT.K AS K, V, W FROM LT LEFT JOIN RT ON LT.K = RT.K;",
    "CREATE TABLE OUT AS SELECT ROWKEY AS K, V, W FROM LT FULL OUTER JOIN RT ON LT.K = RT.K;",
    "CREATE TABLE OUT AS SELECT LT.K AS K, V, W FROM LT JOIN RT ON LT.F = RT.K;",
    "CREATE TABLE OUT AS SELECT F, COUNT(*) AS C, SUM(V) AS S FROM LT GROUP BY F;",
    "CREATE TABLE OUT AS SELECT K, V FROM LT WHERE V > 4;",
];

/// A generator of numbers that are always the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Records for all topics, mostly in the order of time.
fn records(seed: u64, count: usize) -> Vec<(&'static str, Record)> {
    let mut numbers = Numbers(seed);
    let mut time = 100;
    (0..count)
        .map(|_| {
            time += numbers.below(6) as i64;
            let late = if numbers.below(4) == 0 { numbers.below(40) as i64 } else { 0 };
            let key = ["a", "b", "c"][numbers.below(3) as usize];
            let number = numbers.below(10);
            let (topic, value) = match numbers.below(4) {
                0 => ("l", Some(format!("{{\"V\":{number}}}"))),
                1 => ("r", Some(format!("{{\"W\":{number}}}"))),
                2 => {
                    let other = ["a", "b", "x"][numbers.below(3) as usize];
                    let row = format!("{{\"V\":{number},\"F\":\"{other}\"}}");
                    ("lt", (number > 1).then_some(row))
                }
                _ => ("rt", (number > 1).then(|| format!("{{\"W\":{number}}}"))),
            };
            let record = Record {
                key: Some(format!("\"{key}\"").into()),
                value: value.map(Into::into),
                timestamp: TimestampMs((time - late).max(0)),
                headers: Vec::new(),
            };
            (topic, record)
        })
        .collect()
}

fn opened(journal: &Arc<dyn Journal>, clock: &Arc<ManualClock>) -> Server {
    Server::on(
        journal.clone(),
        clock.clone(),
        Execution::Manual,
        &[("cache.max.bytes.buffering", "0")],
    )
}

fn start(query: &str) -> (Arc<dyn Journal>, Arc<ManualClock>, Server) {
    let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new(clock.clone()));
    let server = opened(&journal, &clock);
    for text in [SOURCES, query] {
        let request = Request::new(text).with("auto.offset.reset", "earliest");
        if let Err(error) = server.engine.execute(&request) {
            panic!("{error}\nin {text}");
        }
    }
    (journal, clock, server)
}

fn output(journal: &dyn Journal) -> Vec<(Option<String>, Option<String>, i64)> {
    let text = |bytes: Option<bytes::Bytes>| bytes.map(|b| b.escape_ascii().to_string());
    let out = TopicPartition::new("OUT", 0);
    let fetched = journal.read(&out, Offset::ZERO, usize::MAX / 2).expect("the sink is there");
    fetched.records.into_iter().map(|(_, r)| (text(r.key), text(r.value), r.timestamp.0)).collect()
}

fn append(journal: &dyn Journal, records: &[(&'static str, Record)]) {
    for (topic, record) in records {
        let partition = TopicPartition::new(*topic, 0);
        journal.append(&partition, vec![record.clone()]).expect("an append");
    }
}

/// One record after the other, in one go.
fn undisturbed(
    query: &str,
    records: &[(&'static str, Record)],
) -> Vec<(Option<String>, Option<String>, i64)> {
    let (journal, _, server) = start(query);
    for record in records {
        append(journal.as_ref(), std::slice::from_ref(record));
        server.engine.run_until_idle();
    }
    output(journal.as_ref())
}

#[test]
fn a_restart_changes_nothing() {
    for (number, query) in QUERIES.iter().enumerate() {
        let seed = number as u64 + 1;
        let records = records(seed, 160);
        let expected = undisturbed(query, &records);
        assert!(!expected.is_empty(), "{query} gives rows");
        let (journal, clock, mut server) = start(query);
        let mut numbers = Numbers(seed * 77);
        for record in &records {
            append(journal.as_ref(), std::slice::from_ref(record));
            // Dropped before or behind its work.
            match numbers.below(6) {
                0 => server = opened(&journal, &clock),
                1 => {
                    server.engine.run_until_idle();
                    server = opened(&journal, &clock);
                    server.engine.run_until_idle();
                }
                _ => {}
            }
            server.engine.run_until_idle();
        }
        assert_eq!(output(journal.as_ref()), expected, "{query}");
    }
}

#[test]
fn batches_change_nothing() {
    for (number, query) in QUERIES.iter().enumerate() {
        let records = records(number as u64 + 50, 160);
        // Where several topics are read, what is there is read by time: one topic's rows in one
        // batch are those that come before the next row of the other.
        let mut sorted = records.clone();
        let mut time = 0;
        for (_, record) in &mut sorted {
            time = time.max(record.timestamp.0) + 1;
            record.timestamp = TimestampMs(time);
        }
        let expected = undisturbed(query, &sorted);
        let (journal, _, server) = start(query);
        for chunk in sorted.chunks(17) {
            append(journal.as_ref(), chunk);
            server.engine.run_until_idle();
        }
        assert_eq!(output(journal.as_ref()), expected, "{query}");
    }
}

#[test]
fn a_paused_query_is_paused_after_a_restart_and_a_new_one_of_its_name_is_not() {
    let insert = "INSERT INTO OUT WITH (QUERY_ID='Q') SELECT * FROM L;";
    let sink = "CREATE STREAM OUT (K VARCHAR KEY, V INT)
        WITH (KAFKA_TOPIC='OUT', FORMAT='JSON', PARTITIONS=1);";
    let (journal, clock, server) = start(&format!("{sink}{insert}"));
    let tell = |server: &Server, text: &str| {
        let request = Request::new(text).with("auto.offset.reset", "earliest");
        server.engine.execute(&request).expect(text);
    };
    let record = Record {
        key: Some("\"a\"".into()),
        value: Some("{\"V\":1}".into()),
        timestamp: TimestampMs(1),
        headers: Vec::new(),
    };
    let rows = |server: &Server| {
        append(journal.as_ref(), &[("l", record.clone())]);
        server.engine.run_until_idle();
        output(journal.as_ref()).len()
    };
    assert_eq!(rows(&server), 1);
    tell(&server, "PAUSE Q;");
    assert_eq!(rows(&server), 1);
    drop(server);
    let server = opened(&journal, &clock);
    assert_eq!(rows(&server), 1);
    tell(&server, "RESUME Q;");
    assert_eq!(rows(&server), 4);
    tell(&server, "PAUSE ALL;");
    tell(&server, "TERMINATE Q;");
    tell(&server, insert);
    assert_eq!(rows(&server), 4 + 5);
    drop(server);
    let server = opened(&journal, &clock);
    assert_eq!(rows(&server), 4 + 5 + 1);
}
