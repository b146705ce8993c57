//! The four questions on (a strict fake of) Telegram, on a feed that the test turns: answers,
//! alerts told once and to the chat that asked, failures of Telegram, a restart in the middle.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use parking_lot::Mutex;
use testkit::fake_telegram::{FakeTelegram, Fault, Sent, TOKEN};
use tokio::net::TcpListener;

use crate::program::{Directory, Server, kerb};

const ANN: i64 = 1001;
const BOB: i64 = 2002;

/// A feed of two car parks, whose second one never changes.
struct Feed {
    free: Arc<Mutex<(u32, i64)>>,
    url: String,
}

impl Feed {
    async fn start() -> Self {
        let free = Arc::new(Mutex::new((0, 40)));
        let shared = Arc::clone(&free);
        let router =
            Router::new().route(
                "/feed.csv",
                get(move || {
                    let (minute, free) = *shared.lock();
                    async move {
                        format!("header\nO'Hare's,{free},100,{minute}\nPier Road,7,50,{minute}\n")
                    }
                }),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/feed.csv", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { free, url }
    }

    /// The first car park has so many free spaces from now on.
    fn set(&self, free: i64) {
        let mut state = self.free.lock();
        *state = (state.0 + 1, free);
    }
}

fn city(directory: &Directory, feed: &str) -> String {
    let toml = format!(
        r#"title = "Testville"
zone = "Europe/London"
centre = {{ latitude = 50.0, longitude = 1.0 }}
attribution = "Data: Testville"
licence = "none"
pipeline = "pipeline.sql"

[feed.test_feed]
connector.class = "http"
url = "{feed}"
topic = "test_raw"
format = "csv"
csv.header = "skip"
poll.interval = "50ms"
poll.jitter = "0"
"#
    );
    // The time of a reading is the record's, a day earlier and its minute later, so that the test
    // says how time goes on: readings are a minute apart however fast the feed is polled.
    let sql = "SET 'auto.offset.reset' = 'earliest';
CREATE STREAM IF NOT EXISTS TEST_RAW (NAME VARCHAR, FREE INT, CAPACITY INT, MINUTE INT)
  WITH (KAFKA_TOPIC = 'test_raw', PARTITIONS = 1, VALUE_FORMAT = 'DELIMITED');
INSERT INTO PARKING_EVENTS WITH (QUERY_ID = 'test_to_parking_events')
SELECT NAME, 'testville' AS CITY, ROWTIME AS TS, FREE AS FREE, FREE AS FREE_RAW,
       CAPACITY AS CAPACITY, CAST(NULL AS DOUBLE) AS PCT_FULL, CAST(NULL AS VARCHAR) AS STATUS,
       CAST(NULL AS VARCHAR) AS FLAG,
       CASE WHEN NAME = 'Pier Road' THEN 50.001 ELSE 50.01 END AS LATITUDE,
       CAST(1.0 AS DOUBLE) AS LONGITUDE, CAST(NULL AS VARCHAR) AS DIRECTIONS_URL
  FROM TEST_RAW PARTITION BY NAME EMIT CHANGES;
";
    let folder = directory.0.join("testville");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("city.toml"), toml).expect("written");
    std::fs::write(
        folder.join("pipeline.sql"),
        sql.replace("50.001", "CAST(50.001 AS DOUBLE)").replace("50.01 ", "CAST(50.01 AS DOUBLE) "),
    )
    .expect("written");
    folder.display().to_string()
}

/// `kerb up` with the city, and these arguments.
fn up(city: &str, arguments: &[&str]) -> tokio::process::Command {
    let mut all = vec!["up", "--city", city];
    all.extend_from_slice(arguments);
    kerb(&all)
}

async fn start(directory: &Directory, city: &str, fake: &FakeTelegram) -> Server {
    let data = directory.path("data");
    let arguments = ["--data", &data, "--listen", "127.0.0.1:0", "--telegram-api", fake.url()];
    let mut command = up(city, &arguments);
    command.env("TELEGRAM_BOT_TOKEN", TOKEN);
    Server::start(command).await
}

/// Asks until the answer contains `wanted`: the first poll may still be on its way.
pub(crate) async fn ask_until(
    fake: &FakeTelegram,
    chat: i64,
    question: &str,
    wanted: &str,
) -> Sent {
    loop {
        let before = fake.sent().iter().filter(|s| s.chat == chat).count();
        fake.write(chat, question);
        let sent = fake.wait_for(chat, before + 1).await;
        let answer = sent[before..].iter().find(|s| s.text().contains(wanted));
        if let Some(answer) = answer {
            return answer.clone();
        }
    }
}

fn alerts(sent: &[Sent], chat: i64) -> usize {
    sent.iter().filter(|s| s.chat == chat && s.text().contains("There is space")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_four_questions_and_alerts_told_once() {
    let directory = Directory::new("telegram");
    let feed = Feed::start().await;
    let city = city(&directory, &feed.url);
    let fake = FakeTelegram::start().await.expect("a fake");
    // Telegram is not well at first.
    fake.fail_next("getMe", Fault::BadGateway);
    fake.fail_next("getUpdates", Fault::Internal);
    let server = start(&directory, &city, &fake).await;

    // How many spaces are in this one? However typed; a quote in a name breaks nothing.
    let answer = ask_until(&fake, ANN, "o'hares", "40 of 100 spaces free").await;
    assert!(answer.text().starts_with("O'Hare's: "), "{}", answer.text());
    assert!(fake.commands().iter().all(|c| c["command"] != "Alert"), "lower case only");

    // Where is the nearest with space?
    fake.share_location(ANN, 50.0, 1.0);
    let sent = fake
        .wait_until("venues", |sent| sent.iter().filter(|s| s.method == "sendVenue").count() == 2)
        .await;
    let venue = sent.iter().find(|s| s.method == "sendVenue").expect("a venue");
    assert_eq!(venue.body["title"], "Pier Road", "the nearest first");

    // How was it over time?
    ask_until(&fake, ANN, "/history pier", "7 of 50").await;
    assert!(fake.sent().iter().any(|s| s.method == "sendPhoto"));

    // Tell me when there is space: two chats, two thresholds.
    ask_until(&fake, ANN, "/alert O'Hare's more than 50", "I will tell you").await;
    ask_until(&fake, BOB, "/alert O'Hare's more than 90", "I will tell you").await;
    feed.set(60);
    fake.wait_until("an alert for one", |sent| alerts(sent, ANN) == 1).await;
    // It trembles about the threshold, is told nothing, falls, and is told again.
    feed.set(49);
    ask_until(&fake, ANN, "O'Hare's", "49 of 100").await;
    feed.set(52);
    ask_until(&fake, ANN, "O'Hare's", "52 of 100").await;
    assert_eq!(alerts(&fake.sent(), ANN), 1, "told once while it trembles");
    feed.set(10);
    ask_until(&fake, ANN, "O'Hare's", "10 of 100").await;

    // A restart forgets nothing, and repeats nothing.
    assert!(server.terminate().await);
    let server = start(&directory, &city, &fake).await;
    ask_until(&fake, ANN, "O'Hare's", "10 of 100").await;
    fake.fail_next("sendMessage", Fault::TooManyRequests { retry_after_s: 1 });
    feed.set(95);
    fake.wait_until("alerts for both", |sent| alerts(sent, ANN) == 2 && alerts(sent, BOB) == 1)
        .await;

    // Nor does an end without warning, right behind an alert.
    let mut server = server;
    for told in 3..=5 {
        server.kill().await;
        server = start(&directory, &city, &fake).await;
        feed.set(10);
        ask_until(&fake, ANN, "O'Hare's", "10 of 100").await;
        match told {
            3 => fake.fail_next("sendMessage", Fault::BadGateway),
            4 => fake.fail_next("sendMessage", Fault::AnswerLost),
            _ => {}
        }
        feed.set(60 + told);
        let told = usize::try_from(told).expect("a count");
        fake.wait_until("an alert", |sent| alerts(sent, ANN) == told).await;
    }
    server.kill().await;
    let server = start(&directory, &city, &fake).await;
    feed.set(20);
    ask_until(&fake, ANN, "O'Hare's", "20 of 100").await;
    assert_eq!((alerts(&fake.sent(), ANN), alerts(&fake.sent(), BOB)), (5, 1));

    // Stopped is stopped; a button of another chat's alert stops nothing.
    let list = ask_until(&fake, ANN, "/alerts", "more than 50").await;
    let stop = list.button("Stop 1").expect("a button");
    fake.press(BOB, &stop);
    let already =
        |sent: &[Sent]| sent.iter().any(|s| s.chat == BOB && s.text().contains("already"));
    fake.wait_until("a refusal", already).await;
    fake.press(ANN, &stop);
    let stopped =
        |sent: &[Sent]| sent.iter().any(|s| s.chat == ANN && s.text().contains("Stopped"));
    fake.wait_until("a confirmation", stopped).await;
    // Somebody who blocked the bot is not written to any more.
    fake.block(BOB);
    ask_until(&fake, ANN, "/alerts", "You have no alerts").await;
    feed.set(1);
    ask_until(&fake, ANN, "O'Hare's", "1 of 100").await;
    feed.set(99);
    ask_until(&fake, ANN, "O'Hare's", "99 of 100").await;
    assert_eq!(alerts(&fake.sent(), ANN), 5);
    assert_eq!(alerts(&fake.sent(), BOB), 1);
    // Nor is one who did so unnoticed, but for once; and asks again later.
    ask_until(&fake, BOB, "/alert O'Hare's below 50", "I will tell you").await;
    fake.fail_next("sendMessage", Fault::Blocked);
    let calls = fake.calls("sendMessage");
    feed.set(20);
    fake.wait_until("the alert is refused", |_| fake.calls("sendMessage") > calls).await;
    ask_until(&fake, BOB, "/alerts", "You have no alerts").await;
    assert!(server.terminate().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bot_may_run_apart_from_its_server_and_outlives_it() {
    let directory = Directory::new("apart");
    let feed = Feed::start().await;
    let city = city(&directory, &feed.url);
    let data = directory.path("data");
    let server = Server::start(up(&city, &["--data", &data, "--listen", "127.0.0.1:0"])).await;
    let fake = FakeTelegram::start().await.expect("a fake");
    let mut command = up(&city, &["--server", &server.url, "--telegram-api", fake.url()]);
    command.env("TELEGRAM_BOT_TOKEN", TOKEN);
    let bot = Server::start(command).await;
    assert_eq!(bot.url, server.url, "it says whose bot it is");

    ask_until(&fake, ANN, "o'hares", "40 of 100 spaces free").await;
    ask_until(&fake, ANN, "/alert O'Hare's more than 50", "I will tell you").await;
    feed.set(60);
    fake.wait_until("an alert", |sent| alerts(sent, ANN) == 1).await;

    // The server goes and comes back at the same address; the bot waits for it.
    let address = server.url.trim_start_matches("http://").to_string();
    server.kill().await;
    feed.set(10);
    let server = Server::start(up(&city, &["--data", &data, "--listen", &address])).await;
    ask_until(&fake, ANN, "O'Hare's", "10 of 100").await;
    feed.set(70);
    fake.wait_until("an alert", |sent| alerts(sent, ANN) == 2).await;
    assert!(bot.terminate().await);
    assert!(server.terminate().await);
}
