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

/// The rows of OUT: key (without its window), window start, value, time.
fn run(query: &str, events: &[Event], batch: usize) -> Vec<(String, i64, Json, i64)> {
    let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new(clock.clone()));
    for topic in ["l", "r"] {
        journal.create_topic(TopicSpec::new(topic, 1)).expect("a new topic");
    }
    let properties = [("cache.max.bytes.buffering", "0")];
    let server = Server::on(journal.clone(), clock, Execution::Manual, &properties);
    let sources = "
        CREATE STREAM L (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='l', FORMAT='JSON');
        CREATE STREAM R (K VARCHAR KEY, W INT) WITH (KAFKA_TOPIC='r', FORMAT='JSON');";
    for text in [sources, query] {
        let request = Request::new(text).with("auto.offset.reset", "earliest");
        if let Err(error) = server.engine.execute(&request) {
            panic!("{error}");
        }
    }
    for chunk in events.chunks(batch) {
        for (topic, key, number, time) in chunk {
            let name = if *topic == "l" { "V" } else { "W" };
            let record = Record {
                key: Some(format!("\"{key}\"").into()),
                value: Some(format!("{{\"{name}\":{number}}}").into()),
                timestamp: TimestampMs(*time),
                headers: Vec::new(),
            };
            journal.append(&TopicPartition::new(*topic, 0), vec![record]).expect("an append");
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
    for (word, left_stays, right_stays) in
        [("", false, false), ("LEFT", true, false), ("FULL OUTER", true, true)]
    {
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
            let near =
                |l: &&Event, r: &&Event| l.1 == r.1 && r.3 >= l.3 - before && r.3 <= l.3 + after;
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
                if word == "FULL OUTER" { "ROWKEY" } else { "L.K" }
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
