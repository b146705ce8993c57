//! A server that is killed again and again while rows are inserted and three queries run: what was
//! acknowledged is in the log once, and every view and derived stream is the fold of that log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::program::{Directory, Server, kerb};

const KILLS: u64 = 50;
const WRITERS: u64 = 3;
const KEYS: u64 = 4;
/// Views that have not caught up after so long never will.
const PATIENCE: Duration = Duration::from_secs(60);

const STATEMENTS: &str = "SET 'auto.offset.reset' = 'earliest';
    CREATE STREAM S (K VARCHAR KEY, N BIGINT)
        WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);
    CREATE STREAM DOUBLED WITH (VALUE_FORMAT='PROTOBUF') AS SELECT K, N * 2 AS M FROM S;
    CREATE TABLE TOTALS AS SELECT K, COUNT(*) AS C, SUM(N) AS TOTAL FROM S GROUP BY K;
    CREATE TABLE BY_MINUTE AS
        SELECT K, COUNT(*) AS C FROM DOUBLED WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY K;";

/// Rows that a server acknowledged, and the next number to insert.
#[derive(Default)]
struct Log {
    acknowledged: Mutex<BTreeSet<u64>>,
    next: Mutex<u64>,
    news: Notify,
}

impl Log {
    fn take(&self) -> u64 {
        let mut next = self.next.lock().expect("no writer panics");
        *next += 1;
        *next
    }

    fn acknowledge(&self, number: u64) {
        self.acknowledged.lock().expect("no writer panics").insert(number);
        self.news.notify_one();
    }

    fn count(&self) -> u64 {
        self.acknowledged.lock().expect("no writer panics").len() as u64
    }
}

fn key_of(number: u64) -> String {
    format!("k{}", number % KEYS)
}

/// Inserts one row after the other until the server is gone.
async fn write(client: &reqwest::Client, url: &str, log: &Log) {
    loop {
        let number = log.take();
        let key = key_of(number);
        let insert = format!("INSERT INTO S (K, N) VALUES ('{key}', {number});");
        let request = client.post(format!("{url}/ksql")).json(&json!({ "ksql": insert }));
        match request.send().await {
            Ok(answer) if answer.status().is_success() => log.acknowledge(number),
            Ok(answer) => panic!("{}: {:?}", answer.status(), answer.text().await),
            Err(_) => return,
        }
    }
}

/// The rows of a pull query, each an array of columns.
async fn rows(client: &reqwest::Client, url: &str, sql: &str) -> Option<Vec<Vec<Value>>> {
    let request = client.post(format!("{url}/query-stream")).json(&json!({ "sql": sql }));
    let answer = request.send().await.expect("an answer");
    if !answer.status().is_success() {
        // A view that is not restored yet says so.
        return None;
    }
    let text = answer.text().await.expect("its body");
    let lines = text.lines().filter(|line| line.starts_with('['));
    Some(lines.map(|line| serde_json::from_str(line).expect("a row")).collect())
}

/// Numbers in the log, by key: each once, and among them all that were acknowledged.
async fn check_log(client: &reqwest::Client, url: &str, log: &Log) -> BTreeMap<String, Vec<u64>> {
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut all = BTreeSet::new();
    for row in rows(client, url, "SELECT K, N FROM S;").await.expect("a stream can be read") {
        let (key, number) = (row[0].as_str().expect("a key"), row[1].as_u64().expect("a number"));
        assert!(all.insert(number), "{number} is there twice");
        assert_eq!(key, key_of(number));
        found.entry(key.to_owned()).or_default().push(number);
    }
    let acknowledged = log.acknowledged.lock().expect("no writer panics");
    let lost: Vec<_> = acknowledged.difference(&all).collect();
    assert!(lost.is_empty(), "acknowledged, and lost: {lost:?}");
    found
}

/// Looks at a view, whose rows are put together by `fold`, until it is as expected.
async fn check_view<T: PartialEq + std::fmt::Debug>(
    (client, url, sql): (&reqwest::Client, &str, &str),
    fold: impl Fn(Vec<Vec<Value>>) -> T,
    expected: &T,
) {
    let mut seen = None;
    let caught_up = async {
        while seen.as_ref() != Some(expected) {
            seen = rows(client, url, sql).await.map(&fold);
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, caught_up).await;
    assert!(in_time.is_ok(), "{sql}: {seen:?} instead of {expected:?}");
}

/// Rows in the order of their first column.
fn sorted(mut rows: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    rows.sort_by_key(|row| row[0].to_string());
    rows
}

/// How many rows there are of each key, over all windows.
fn counted(rows: Vec<Vec<Value>>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let key = row[0].as_str().expect("a key").to_owned();
        *counts.entry(key).or_default() += row[1].as_u64().expect("a count");
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_fifty_times_nothing_is_lost_or_doubled_in_log_and_views() {
    let directory = Directory::new("kills");
    let data = directory.path("data");
    let start = || Server::start(kerb(&["up", "--data", &data, "--listen", "127.0.0.1:0"]));
    let client = reqwest::Client::new();
    let log = Log::default();
    for round in 0..KILLS {
        let server = start().await;
        if round == 0 {
            let request = client.post(format!("{}/ksql", server.url));
            let answer = request.json(&json!({ "ksql": STATEMENTS })).send().await;
            let answer = answer.expect("an answer");
            assert!(answer.status().is_success(), "{:?}", answer.text().await);
        }
        check_log(&client, &server.url, &log).await;
        // After so many rows more, while the writers and the queries are at whatever they are at.
        let enough = log.count() + 1 + round * 7 % 23;
        let url = server.url.clone();
        let writers = (0..WRITERS).map(|_| write(&client, &url, &log));
        let killed = async {
            while log.count() < enough {
                log.news.notified().await;
            }
            server.kill().await;
        };
        tokio::join!(futures_util::future::join_all(writers), killed);
    }
    let server = start().await;
    let found = check_log(&client, &server.url, &log).await;
    assert!(log.count() > KILLS, "only {} rows were written", log.count());

    let totals = |(key, numbers): (&String, &Vec<u64>)| {
        vec![json!(key), json!(numbers.len()), json!(numbers.iter().sum::<u64>())]
    };
    let expected: Vec<_> = found.iter().map(totals).collect();
    let look = |sql| (&client, &*server.url, sql);
    check_view(look("SELECT K, C, TOTAL FROM TOTALS;"), sorted, &expected).await;

    let doubled = found.values().flatten().map(|number| vec![json!(number * 2)]);
    check_view(look("SELECT M FROM DOUBLED;"), sorted, &sorted(doubled.collect())).await;

    let counts = found.iter().map(|(key, numbers)| (key.clone(), numbers.len() as u64)).collect();
    check_view(look("SELECT K, C FROM BY_MINUTE;"), counted, &counts).await;
    assert!(server.terminate().await);
}
