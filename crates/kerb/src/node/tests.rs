//! What the views of all cities make of readings and wishes, by the server's own account.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bot::client::Client;
use bot::views::Views;
use futures_util::StreamExt;
use journal::embedded::Fsync;
use model::{Clock, ManualClock, TimestampMs};
use serde_json::{Value, json};

use connect::city::Script;

use super::pipeline::Differences;
use super::{Node, NodeOptions};

const HOUR_MS: i64 = 60 * 60 * 1000;
const BEGIN_MS: i64 = 1_730_000_000_000;
/// How long something may take.
const PATIENCE: Duration = Duration::from_secs(30);

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kerb-node-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn open(&self) -> Node {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(TimestampMs(BEGIN_MS)));
        let node = Node::open(NodeOptions {
            data: &self.0,
            fsync: Fsync::None,
            clock,
            environment: Arc::new(|_| None),
            settings: BTreeMap::new(),
        })
        .expect("a server");
        node.run_interface().expect("the views");
        node
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn insert(node: &Node, into: &str, row: &Value) {
    node.engine.insert_row(into, row.as_object().expect("an object")).expect("a row");
}

/// A reading of so many hours later.
fn reading(node: &Node, hours: i64, free: i64) {
    let row = json!({
        "NAME": "Pier Road", "CITY": "jersey", "TS": BEGIN_MS + hours * HOUR_MS, "FREE": free,
        "FREE_RAW": free, "CAPACITY": 100,
    });
    insert(node, "PARKING_EVENTS", &row);
}

/// Waits until the newest reading in the view is that of so many hours later.
async fn seen(views: &Views, hours: i64) {
    let there = async {
        loop {
            let parks = views.parks().await.expect("the view");
            if parks.iter().any(|park| {
                park.count.is_some_and(|count| count.time_ms == BEGIN_MS + hours * HOUR_MS)
            }) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, there).await.expect("the reading comes into the view");
}

/// Plays readings (hours, free) to somebody who waits for more than 10, and tells which were news.
async fn check(name: &str, readings: &[(i64, i64)], expect: &[i64]) {
    let directory = Directory::new(name);
    let node = directory.open();
    let views = Views::new(Client::in_process(node.router.clone()));
    let (first, rest) = readings.split_first().expect("readings");
    reading(&node, first.0, first.1);
    seen(&views, first.0).await;
    let wish = json!({
        "ID": "a", "CHAT": 1, "NAME": "Pier Road", "DIRECTION": "ABOVE", "THRESHOLD": 10,
        "ACTIVE": true, "LABEL": "", "SINCE": BEGIN_MS,
    });
    insert(&node, "SUBSCRIPTION_CHANGES", &wish);
    let wished = async {
        while views.subscriptions(bot::reply::ChatId(1)).await.expect("the view").is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wished).await.expect("the wish comes into the view");
    for (hours, free) in rest {
        reading(&node, *hours, *free);
    }
    let alerts = views.alerts(-1).await.expect("a stream").take(expect.len());
    let told = tokio::time::timeout(PATIENCE, alerts.collect::<Vec<_>>()).await;
    let told: Vec<_> =
        told.expect("alerts").into_iter().map(|alert| alert.expect("an alert")).collect();
    assert_eq!(told.iter().map(|alert| alert.count.free).collect::<Vec<_>>(), expect, "{name}");
    assert!(told.iter().all(|alert| alert.city == "jersey"));
    node.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_silent_for_a_day_loses_no_alert() {
    // Told, then nothing for 25 hours, full again, and space.
    check("silent", &[(0, 3), (1, 25), (26, 3), (27, 30), (28, 2), (29, 40)], &[25, 30, 40]).await;
    // It crosses in the silence itself.
    check("crossing", &[(0, 3), (30, 25), (31, 4), (32, 12)], &[25, 12]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_comes_late_neither_tells_nor_loses_an_alert() {
    check("late", &[(0, 3), (2, 25), (1, 2), (3, 3), (4, 30)], &[25, 30]).await;
    check("late-2", &[(0, 3), (2, 5), (1, 50), (3, 6), (4, 30)], &[30]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_was_edited_is_noticed_at_the_next_start() {
    let directory = Directory::new("edited");
    let script = |filter: &str| Script {
        file: "pipeline.sql".into(),
        text: format!(
            "CREATE STREAM IF NOT EXISTS RAW (NAME VARCHAR, FREE INT) \
               WITH (KAFKA_TOPIC = 'raw', PARTITIONS = 1, VALUE_FORMAT = 'JSON'); \
             CREATE STREAM IF NOT EXISTS GOOD AS SELECT * FROM RAW WHERE {filter}; \
             INSERT INTO GOOD WITH (QUERY_ID = 'more') SELECT * FROM RAW WHERE {filter};"
        ),
    };
    let check = async |filter: &str, expect: &[&str]| {
        let node = directory.open();
        let differences = node.run_script("here", &script(filter)).expect("it runs");
        assert_eq!(differences.changed, expect, "{filter}");
        assert_eq!((&*differences.gone, &*differences.renamed), (&[][..], &[][..]), "{filter}");
        node.shut_down().await;
    };
    check("FREE > 0", &[]).await;
    check("FREE  >\n 0 -- as before\n", &[]).await;
    // What runs is still the first one, however often the script is run.
    for _ in 0..2 {
        check("FREE > 1", &["stream GOOD", "query MORE"]).await;
    }
    check("FREE > 0", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_in_a_pipeline_is_told_and_what_was_renamed_is_not_done_twice() {
    let directory = Directory::new("gone");
    let node = directory.open();
    let run = |owner: &str, rest: &str| {
        let create = |name: &str| {
            format!(
                "CREATE STREAM IF NOT EXISTS {name} (NAME VARCHAR, FREE INT) \
                 WITH (KAFKA_TOPIC = '{name}', PARTITIONS = 1, VALUE_FORMAT = 'JSON');"
            )
        };
        let text = format!("{} {} {rest}", create("RAW"), create("GOOD"));
        let script = Script { file: "pipeline.sql".into(), text };
        node.run_script(owner, &script).expect("it runs")
    };
    let insert = |id: &str, filter: &str| {
        format!("INSERT INTO GOOD WITH (QUERY_ID = '{id}') SELECT * FROM RAW WHERE {filter};")
    };
    let queries = || node.engine.catalog().queries.keys().cloned().collect::<Vec<_>>();
    let (one, two) = (insert("one", "FREE > 0"), insert("two", "FREE < 0"));
    assert_eq!(run("here", &format!("{one}{two}")), Differences::default());
    let before = queries();
    // Another city's script is not asked for it.
    assert_eq!(run("there", ""), Differences::default());
    let gone = Differences { gone: vec!["query TWO".to_owned()], ..Differences::default() };
    assert_eq!(run("here", &one), gone);
    let renamed = vec![("query UNO".to_owned(), "query ONE".to_owned())];
    let expect = Differences { renamed, ..gone };
    for _ in 0..2 {
        assert_eq!(run("here", &insert("uno", "FREE > 0")), expect);
    }
    assert_eq!(queries(), before);
    node.engine.execute(&stream::Request::new("TERMINATE TWO;")).expect("it is there");
    assert_eq!(run("here", &one), Differences::default());
    node.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_a_negative_number() {
    let directory = Directory::new("negative");
    let node = directory.open();
    let views = Views::new(Client::in_process(node.router.clone()));
    for (hours, free) in [(0, 30), (1, 40), (2, -4)] {
        reading(&node, hours, free);
    }
    // A reading of another car park, behind them in the same stream, and its only one.
    let other = json!({ "NAME": "Wayne Tower", "CITY": "gotham", "TS": BEGIN_MS, "FREE": -1,
        "FREE_RAW": -1, "CAPACITY": 300 });
    insert(&node, "PARKING_EVENTS", &other);
    let both = async {
        loop {
            let parks = views.parks().await.expect("the view");
            if let [pier, tower] = &parks[..] {
                return (pier.clone(), tower.clone());
            }
            tokio::task::yield_now().await;
        }
    };
    let (pier, tower) = tokio::time::timeout(PATIENCE, both).await.expect("both are seen");
    let count = pier.count.expect("the last known number");
    assert_eq!((count.free, count.time_ms), (40, BEGIN_MS + HOUR_MS));
    let unknown = Some("the feed does not know the number at the moment");
    assert_eq!((pier.flag.as_deref(), tower.flag.as_deref()), (unknown, unknown));
    assert_eq!((tower.count, tower.capacity), (None, Some(300)));
    let history = async {
        // The history is another query's work: the last reading may not be in it yet.
        loop {
            let history = views.history("Pier Road", 0, i64::MAX).await.expect("the view");
            if history.len() > 1 {
                return history;
            }
            tokio::task::yield_now().await;
        }
    };
    let history = tokio::time::timeout(PATIENCE, history).await.expect("the history is there");
    assert_eq!(history.iter().map(|half_hour| half_hour.free).collect::<Vec<_>>(), [30.0, 40.0]);
    node.shut_down().await;
}
