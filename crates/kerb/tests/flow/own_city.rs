//! A city of one's own, made as `cities/README.md` says: what its drivers are told in the terminal,
//! and how whoever makes it learns what is wrong.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::program::{Directory, PATIENCE, Server, err, kerb, out, run};

const ROWS: &str = "name,free,spaces,counted\n\
    Wayne Tower,12,300,2024-11-08 08:10\n\
    Wayne Tower,-4,300,2024-11-08 08:15\n\
    Arkham,77,80,2024-11-08 08:15\n";

/// A feed whose document a test can change.
struct Feed {
    document: Arc<Mutex<&'static str>>,
    url: String,
}

impl Feed {
    async fn start(document: &'static str) -> Self {
        let document = Arc::new(Mutex::new(document));
        let shared = Arc::clone(&document);
        let router = Router::new().route("/cars", get(async move || *shared.lock()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/cars", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { document, url }
    }
}

/// The folder of a city whose pipeline is the usual one with `change` made to it.
fn city(directory: &Directory, feed: &Feed, change: (&str, &str)) -> String {
    let toml = format!(
        r#"title = "Gotham"
zone = "Europe/London"
centre = {{ latitude = 40.0, longitude = -74.0 }}
attribution = "Data: Gotham"
licence = "none"
pipeline = "pipeline.sql"

[feed.gotham_cars]
connector.class = "http"
url = "{}"
topic = "gotham_cars"
format = "csv"
poll.interval = "50ms"
poll.jitter = "0"
"#,
        feed.url
    );
    let sql = "SET 'auto.offset.reset' = 'earliest';
CREATE STREAM IF NOT EXISTS GOTHAM_SRC (NAME VARCHAR, FREE INT, SPACES INT, COUNTED VARCHAR)
  WITH (KAFKA_TOPIC = 'gotham_cars', PARTITIONS = 1, VALUE_FORMAT = 'DELIMITED');
INSERT INTO PARKING_EVENTS WITH (QUERY_ID = 'gotham_to_parking_events')
SELECT NAME, 'gotham' AS CITY,
       STRINGTOTIMESTAMP(COUNTED, 'yyyy-MM-dd HH:mm', 'Europe/London') AS TS,
       FREE AS FREE, FREE AS FREE_RAW, SPACES AS CAPACITY, CAST(NULL AS DOUBLE) AS PCT_FULL,
       CAST(NULL AS VARCHAR) AS STATUS, CAST(NULL AS VARCHAR) AS FLAG,
       CAST(NULL AS DOUBLE) AS LATITUDE, CAST(NULL AS DOUBLE) AS LONGITUDE,
       CAST(NULL AS VARCHAR) AS DIRECTIONS_URL
  FROM GOTHAM_SRC PARTITION BY NAME EMIT CHANGES;
";
    assert!(sql.contains(change.0));
    let folder = directory.0.join("gotham");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("city.toml"), toml).expect("written");
    std::fs::write(folder.join("pipeline.sql"), sql.replace(change.0, change.1)).expect("written");
    folder.display().to_string()
}

/// Asks until the answer has `expect` in it.
async fn shown(server: &Server, sql: &str, expect: &str) -> String {
    let mut last = String::new();
    let asking = async {
        while !last.contains(expect) {
            last = out(&run(&["sql", "--server", &server.url, "-e", sql], "").await);
        }
    };
    let answered = tokio::time::timeout(PATIENCE, asking).await;
    assert!(answered.is_ok(), "{expect} was awaited, and is not in\n{last}");
    last
}

const UNCHANGED: (&str, &str) = ("", "");
/// The feed has no seconds.
const WRONG_TIMES: (&str, &str) = ("yyyy-MM-dd HH:mm", "yyyy-MM-dd HH:mm:ss");

#[tokio::test]
async fn a_chat_about_any_city_needs_no_token_and_tells_no_negative_number() {
    let directory = Directory::new("city-chat");
    let feed = Feed::start(ROWS).await;
    let (folder, data) = (city(&directory, &feed, UNCHANGED), directory.path("data"));
    let chat = ["up", "--chat", "--city", &folder, "--data", &data, "--listen", "127.0.0.1:0"];
    let output = run(&chat, "wayne tower\n2\narkham\n/exit\nnobody answers this\n").await;
    let answers = out(&output);
    assert!(output.status.success(), "{answers}{}", err(&output));
    assert!(answers.starts_with("Wayne Tower: 12 of 300 spaces free (96 % full)"), "{answers}");
    assert!(answers.contains("Note: the feed does not know the number at the moment"), "{answers}");
    assert!(answers.contains("Arkham: 77 of 80 spaces free"), "{answers}");
    assert!(!answers.contains("-4") && !answers.contains("I do not know"), "{answers}");
    let chart = directory.0.join("data/charts/wayne-tower-day.png");
    assert!(answers.contains(&format!("Picture: {}", chart.display())) && chart.exists());
    assert!(!err(&output).contains("WARN"), "{}", err(&output));

    let output = run(&["up", "--chat", "--data", &data], "").await;
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("--chat needs a --city"), "{}", err(&output));
}

#[tokio::test]
async fn rows_that_fail_are_told_with_the_reason_and_not_counted_as_written() {
    let directory = Directory::new("city-times");
    let feed = Feed::start(ROWS).await;
    let (folder, data) = (city(&directory, &feed, WRONG_TIMES), directory.path("data"));
    let arguments = ["up", "--city", &folder, "--data", &data, "--listen", "127.0.0.1:0"];
    let server = Server::start(kerb(&arguments)).await;
    let describe = "DESCRIBE PARKING_EVENTS EXTENDED;";
    let told = shown(&server, describe, "failures in the processing log: 6").await;
    assert!(told.contains("rows read: 3, rows written: 0"), "{told}");
    let log = "SELECT LOGGER, MESSAGE FROM KSQL_PROCESSING_LOG;";
    shown(&server, log, "GOTHAM_TO_PARKING_EVENTS").await;
    assert!(server.terminate().await);

    // Whoever looks at the server's own log learns of it, too.
    let data = directory.path("other");
    let chat = ["up", "--chat", "--city", &folder, "--data", &data, "--listen", "127.0.0.1:0"];
    let output = run(&chat, "arkham\n").await;
    let said = err(&output);
    let warnings: Vec<&str> = said.lines().filter(|line| line.contains("WARN")).collect();
    let [warning] = &warnings[..] else { panic!("one warning, not {warnings:?} in {said}") };
    assert!(warning.contains("query GOTHAM_TO_PARKING_EVENTS"), "{warning}");
    assert!(warning.contains("'2024-11-08 08:1"), "{warning}");
    assert!(warning.contains("SELECT * FROM KSQL_PROCESSING_LOG;"), "{warning}");
}

#[tokio::test]
async fn what_is_odd_about_a_feed_is_shown_and_who_drops_it_is_told_that_it_comes_back() {
    let directory = Directory::new("city-feed");
    let feed = Feed::start("name,free,spaces,counted\nArkham,7\nX,1,2,2024-11-08 08:10\n").await;
    let (folder, data) = (city(&directory, &feed, UNCHANGED), directory.path("data"));
    let arguments = ["up", "--city", &folder, "--data", &data, "--listen", "127.0.0.1:0"];
    let server = Server::start(kerb(&arguments)).await;
    let connectors = "SHOW CONNECTORS;";
    shown(&server, connectors, "RUNNING (1/1 tasks RUNNING: 1 of 2 rows are odd").await;
    *feed.document.lock() = "<!DOCTYPE html><html><body>Back soon</body></html>";
    shown(&server, connectors, "FAILED (0/1 tasks RUNNING: the document is a web page (HTML)")
        .await;
    *feed.document.lock() = "";
    shown(&server, connectors, "RUNNING (1/1 tasks RUNNING: the document is empty)").await;
    shown(&server, "DROP CONNECTOR gotham_cars;", "take it out of city.toml").await;
    assert!(server.terminate().await);
}

#[tokio::test]
async fn a_pipeline_that_would_run_twice_after_a_restart_is_refused() {
    let directory = Directory::new("city-twice");
    let feed = Feed::start(ROWS).await;
    let unnamed = (" WITH (QUERY_ID = 'gotham_to_parking_events')", "");
    let (folder, data) = (city(&directory, &feed, unnamed), directory.path("data"));
    let arguments = ["up", "--city", &folder, "--data", &data, "--listen", "127.0.0.1:0"];
    let output = run(&arguments, "").await;
    assert_eq!(output.status.code(), Some(1));
    let said = err(&output);
    assert!(said.contains("pipeline.sql: line 4: INSERT INTO PARKING_EVENTS"), "{said}");
    assert!(said.contains("WITH (QUERY_ID = "), "{said}");
}
