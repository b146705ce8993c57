//! Windows and joins against slow and obvious versions of themselves, on random timed inputs.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use journal::{Journal, MemoryJournal, TopicSpec};
use model::{ManualClock, Offset, Record, TimestampMs, TopicPartition};
use serde_json::Value as Json;
use stream::{Execution, Request};
use support::Server;

/// An event: topic, key, number, time.
type Event = (&'static str, &'static str, i64, i64);

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn events(seed: u64, topics: &[&'static str]) -> Vec<Event> {
    let mut numbers = Numbers(seed);
    let mut time = 50;
    (0..200)
        .map(|number| {
            time += numbers.below(5) as i64;
            let late = if numbers.below(3) == 0 { numbers.below(45) as i64 } else { 0 };
            let topic = topics[numbers.below(topics.len() as u64) as usize];
            let key = ["a", "b", "c"][numbers.below(3) as usize];
            (topic, key, number, time - late)
        })
        .collect()
}

const STREAMS: &str = "
    CREATE STREAM L (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='l', FORMAT='JSON');
    CREATE STREAM R (K VARCHAR KEY, W INT) WITH (KAFKA_TOPIC='r', FORMAT='JSON');";

/// The rows of OUT: key (without its window), window start, value, time.
fn run(query: &str, events: &[Event], batch: usize) -> Vec<(String, i64, Json, i64)> {
    let record = |(topic, key, number, time): &Event| {
        let name = if *topic == "l" { "V" } else { "W" };
        (*topic, record(key, Some(format!("{{\"{name}\":{number}}}")), *time))
    };
    run_on(STREAMS, query, events.iter().map(record).collect(), batch)
}

fn record(key: &str, value: Option<String>, time: i64) -> Record {
    Record {
        key: Some(format!("\"{key}\"").into()),
        value: value.map(Into::into),
        timestamp: TimestampMs(time),
        headers: Vec::new(),
    }
}

/// The same of records of any kind.
fn run_on(
    sources: &str,
    query: &str,
    records: Vec<(&'static str, Record)>,
    batch: usize,
) -> Vec<(String, i64, Json, i64)> {
    let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new(clock.clone()));
    for topic in ["l", "r"] {
        journal.create_topic(TopicSpec::new(topic, 1)).expect("a new topic");
    }
    let properties = [("cache.max.bytes.buffering", "0")];
    let server = Server::on(journal.clone(), clock, Execution::Manual, &properties);
    for text in [sources, query] {
        let request = Request::new(text).with("auto.offset.reset", "earliest");
        if let Err(error) = server.engine.execute(&request) {
            panic!("{error}");
        }
    }
    for chunk in records.chunks(batch) {
        for (topic, record) in chunk {
            let partition = TopicPartition::new(*topic, 0);
            journal.append(&partition, vec![record.clone()]).expect("an append");
        }
        server.engine.run_until_idle();
    }
    let out = TopicPartition::new("OUT", 0);
    let fetched = journal.read(&out, Offset::ZERO, 1 << 24).expect("the sink is there");
    let row = |record: &Record| {
        let key = record.key.clone().unwrap_or_default();
        let (text, tail) = key.split_at(3.min(key.len()));
        let start = tail.last_chunk::<8>().map_or(0, |bytes| i64::from_be_bytes(*bytes));
        let value =
            record.value.as_ref().map_or(Json::Null, |v| serde_json::from_slice(v).expect("JSON"));
        (String::from_utf8_lossy(text).into_owned(), start, value, record.timestamp.0)
    };
    fetched.records.iter().map(|(_, record)| row(record)).collect()
}

#[test]
fn time_windows_count_every_row_that_is_not_too_late() {
    for (size, advance, grace) in [(10, 10, 0), (20, 20, 15), (30, 10, 5)] {
        for seed in 1..=6 {
            let events = events(seed, &["l"]);
            // Obvious: each row, each window around it that is still open.
            let mut expected: BTreeMap<(String, i64), i64> = BTreeMap::new();
            let mut stream_time = i64::MIN;
            for (_, key, _, time) in &events {
                stream_time = stream_time.max(*time);
                for start in (0..=*time).filter(|start| start % advance == 0) {
                    if start + size > *time && start + size > stream_time - grace {
                        *expected.entry((format!("\"{key}\""), start)).or_default() += 1;
                    }
                }
            }
            let query = format!(
                "CREATE TABLE OUT AS SELECT K, COUNT(*) AS C FROM L WINDOW HOPPING
                 (SIZE {size} MILLISECONDS, ADVANCE BY {advance} MILLISECONDS,
                  GRACE PERIOD {grace} MILLISECONDS) GROUP BY K;"
            );
            for batch in [1, 13, 500] {
                let mut last = BTreeMap::new();
                for (key, start, value, _) in run(&query, &events, batch) {
                    last.insert((key, start), value["C"].as_i64().unwrap_or(-1));
                }
                assert_eq!(last, expected, "size {size} advance {advance} grace {grace}, {batch}");
            }
        }
    }
}

#[test]
fn sessions_are_rows_with_no_silence_between_them() {
    let gap = 4;
    for seed in 10..=16 {
        let mut events = events(seed, &["l"]);
        // In the order of time nothing is late, and sessions are what anybody would draw.
        events.sort_by_key(|event| event.3);
        let mut expected: BTreeMap<(String, i64), i64> = BTreeMap::new();
        let mut open: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for (_, key, _, time) in &events {
            let (start, end) = open.get(key).copied().unwrap_or((*time, *time));
            let start = if time - end <= gap { start } else { *time };
            open.insert(key, (start, *time));
            *expected.entry((format!("\"{key}\""), start)).or_default() += 1;
        }
        let query = format!(
            "CREATE TABLE OUT AS SELECT K, COUNT(*) AS C FROM L
             WINDOW SESSION ({gap} MILLISECONDS) GROUP BY K;"
        );
        for batch in [1, 13, 500] {
            let mut last: BTreeMap<(String, i64), i64> = BTreeMap::new();
            for (key, start, value, _) in run(&query, &events, batch) {
                match value["C"].as_i64() {
                    Some(count) => last.insert((key, start), count),
                    None => last.remove(&(key, start)),
                };
            }
            assert_eq!(last, expected, "seed {seed}, batches of {batch}");
        }
    }
}

#[test]
fn stream_joins_pair_all_rows_that_are_near_enough() {
    let (before, after) = (12, 7);
    for (word, left_stays, right_stays) in [
        ("", false, false),
        ("LEFT", true, false),
        ("RIGHT", false, true),
        ("FULL OUTER", true, true),
    ] {
        for seed in 20..=25 {
            let mut events = events(seed, &["l", "r"]);
            // Times that rise, so that nothing is too late and every row's fate is plain.
            let mut time = 0;
            for event in &mut events {
                time = event.3.max(time + 1);
                event.3 = time;
            }
            // The last event closes everything.
            events.push(("l", "z", 1000, time + 10_000));
            let of = |topic| events.iter().filter(move |event| event.0 == topic);
            // As in ksqlDB: WITHIN is seen from the side whose rows all stay.
            let near = |l: &&Event, r: &&Event| {
                let (from, to) = if word == "RIGHT" { (r.3, l.3) } else { (l.3, r.3) };
                l.1 == r.1 && to >= from - before && to <= from + after
            };
            let mut expected: BTreeSet<(Option<i64>, Option<i64>)> = BTreeSet::new();
            for l in of("l") {
                let partners: Vec<&Event> = of("r").filter(|r| near(&l, r)).collect();
                expected.extend(partners.iter().map(|r| (Some(l.2), Some(r.2))));
                if partners.is_empty() && left_stays && l.1 != "z" {
                    expected.insert((Some(l.2), None));
                }
            }
            for r in of("r").filter(|r| right_stays && !of("l").any(|l| near(&l, r))) {
                expected.insert((None, Some(r.2)));
            }
            let query = format!(
                "CREATE STREAM OUT AS SELECT {} AS K, V, W FROM L {word} JOIN R
                 WITHIN ({before} MILLISECONDS, {after} MILLISECONDS)
                 GRACE PERIOD 5 MILLISECONDS ON L.K = R.K;",
                match word {
                    "FULL OUTER" => "ROWKEY",
                    "RIGHT" => "R.K",
                    _ => "L.K",
                }
            );
            for batch in [1, 13, 500] {
                let rows = run(&query, &events, batch);
                let pairs: BTreeSet<_> =
                    rows.iter().map(|(_, _, v, _)| (v["V"].as_i64(), v["W"].as_i64())).collect();
                assert_eq!(pairs.len(), rows.len(), "nothing is told twice");
                assert_eq!(pairs, expected, "{word} join, seed {seed}, batches of {batch}");
            }
        }
    }
}

/// A row of either table, or that it is gone: topic, key, (foreign key, number).
type Change = (&'static str, &'static str, Option<(&'static str, i64)>);

fn changes(seed: u64) -> Vec<Change> {
    let mut numbers = Numbers(seed);
    let keys = ["a", "b", "c", "d"];
    let mut change = |number| {
        let mut any = |of: &[&'static str]| of[numbers.below(of.len() as u64) as usize];
        let (topic, key, foreign) = (any(&["l", "r"]), any(&keys), any(&keys));
        (topic, key, (numbers.below(4) > 0).then_some((foreign, number)))
    };
    (0..200).map(&mut change).collect()
}

fn records_of(changes: &[Change]) -> Vec<(&'static str, Record)> {
    let record = |(time, (topic, key, row)): (i64, &Change)| {
        let value = row.map(|(foreign, number)| match *topic {
            "l" => format!("{{\"F\":\"{foreign}\",\"V\":{number}}}"),
            _ => format!("{{\"W\":{number}}}"),
        });
        (*topic, record(key, value, time))
    };
    (0..).zip(changes).map(record).collect()
}

/// The rows of one of the tables as they are in the end.
fn newest(changes: &[Change], of: &str) -> BTreeMap<&'static str, (&'static str, i64)> {
    let mut rows = BTreeMap::new();
    for (_, key, row) in changes.iter().filter(|(topic, ..)| *topic == of) {
        match row {
            Some(row) => rows.insert(*key, *row),
            None => rows.remove(key),
        };
    }
    rows
}

type Joined = BTreeMap<String, (Option<i64>, Option<i64>)>;

/// What a table's topic comes to.
fn folded(rows: Vec<(String, i64, Json, i64)>) -> Joined {
    let mut table = Joined::new();
    for (key, _, value, _) in rows {
        let key = key.trim_matches('"').to_owned();
        match value {
            Json::Null => table.remove(&key),
            value => table.insert(key, (value["V"].as_i64(), value["W"].as_i64())),
        };
    }
    table
}

const TABLES: &str = "
    CREATE TABLE L (K VARCHAR PRIMARY KEY, F VARCHAR, V INT) WITH (KAFKA_TOPIC='l', FORMAT='JSON');
    CREATE TABLE R (K VARCHAR PRIMARY KEY, W INT) WITH (KAFKA_TOPIC='r', FORMAT='JSON');";

#[test]
fn table_joins_are_the_joins_of_their_newest_rows() {
    for (word, key, left_stays, right_stays) in [
        ("INNER", "L.K", false, false),
        ("LEFT", "L.K", true, false),
        ("RIGHT", "R.K", false, true),
        ("FULL OUTER", "ROWKEY", true, true),
    ] {
        let query = format!(
            "CREATE TABLE OUT AS SELECT {key} AS K, V, W FROM L {word} JOIN R ON L.K = R.K;"
        );
        for seed in 40..=45 {
            let changes = changes(seed);
            let (left, right) = (newest(&changes, "l"), newest(&changes, "r"));
            let mut expected = Joined::new();
            for key in left.keys().chain(right.keys()) {
                let (l, r) = (left.get(key), right.get(key));
                if (l.is_some() || right_stays) && (r.is_some() || left_stays) {
                    let pair = (l.map(|(_, v)| *v), r.map(|(_, w)| *w));
                    expected.insert((*key).to_owned(), pair);
                }
            }
            for batch in [1, 13, 500] {
                let found = folded(run_on(TABLES, &query, records_of(&changes), batch));
                assert_eq!(found, expected, "{word} join, seed {seed}, batches of {batch}");
            }
        }
    }
}

#[test]
fn foreign_key_joins_find_the_newest_row_a_row_points_to() {
    for (word, left_stays) in [("INNER", false), ("LEFT", true)] {
        let query =
            format!("CREATE TABLE OUT AS SELECT L.K AS K, V, W FROM L {word} JOIN R ON F = R.K;");
        for seed in 50..=55 {
            let changes = changes(seed);
            let (left, right) = (newest(&changes, "l"), newest(&changes, "r"));
            let mut expected = Joined::new();
            for (key, (foreign, v)) in &left {
                let w = right.get(foreign).map(|(_, w)| *w);
                if w.is_some() || left_stays {
                    expected.insert((*key).to_owned(), (Some(*v), w));
                }
            }
            for batch in [1, 13, 500] {
                let found = folded(run_on(TABLES, &query, records_of(&changes), batch));
                assert_eq!(found, expected, "{word} join, seed {seed}, batches of {batch}");
            }
        }
    }
}

#[test]
fn a_stream_joins_the_row_a_table_has_at_that_time() {
    let sources = "
        CREATE STREAM L (K VARCHAR KEY, F VARCHAR, V INT) WITH (KAFKA_TOPIC='l', FORMAT='JSON');
        CREATE TABLE R (K VARCHAR PRIMARY KEY, W INT) WITH (KAFKA_TOPIC='r', FORMAT='JSON');";
    for (word, left_stays) in [("INNER", false), ("LEFT", true)] {
        let query = format!(
            "CREATE STREAM OUT AS SELECT L.K AS K, V, W FROM L {word} JOIN R ON L.K = R.K;"
        );
        for seed in 60..=65 {
            let changes = changes(seed);
            let mut expected = Vec::new();
            for (at, (topic, key, row)) in changes.iter().enumerate() {
                let (Some((_, v)), "l") = (row, *topic) else { continue };
                let w = newest(&changes[..at], "r").get(key).map(|(_, w)| *w);
                if w.is_some() || left_stays {
                    expected.push(((*key).to_owned(), (Some(*v), w)));
                }
            }
            for batch in [1, 13, 500] {
                let rows = run_on(sources, &query, records_of(&changes), batch);
                let pair = |(key, _, value, _): (String, i64, Json, i64)| {
                    let key = key.trim_matches('"').to_owned();
                    (key, (value["V"].as_i64(), value["W"].as_i64()))
                };
                let found: Vec<_> = rows.into_iter().map(pair).collect();
                assert_eq!(found, expected, "{word} join, seed {seed}, batches of {batch}");
            }
        }
    }
}
