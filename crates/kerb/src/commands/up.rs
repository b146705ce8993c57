//! `kerb up`: the server, its cities, and the bot if there is a token or, with `--chat`, in this
//! terminal; or, with `--server`, the bot alone, of a server elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bot::client::Client;
use connect::Environment;
use connect::city::City;
use journal::embedded::Fsync;
use model::{Clock, SystemClock};
use tokio::sync::watch;
use tracing::error;

use crate::arguments::{self, Up};
use crate::chat::{Chat, is_polled};
use crate::console;
use crate::exit::Exit;
use crate::node::{LAST_WORDS, Node, NodeOptions, asked_to_end, listen};
use crate::progress::{Manner, Progress};
use crate::server_url;
use crate::telegram::{Bot, bot_city, token};

/// How long a chat waits for the first poll.
const FIRST_POLL: Duration = Duration::from_secs(15);
/// How often "interval" flushes.
const FSYNC_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) async fn run(arguments: Up) -> Result<(), Exit> {
    if arguments.chat && arguments.cities.is_empty() {
        return Err(Exit::WrongUse("--chat needs a --city to talk about".into()));
    }
    let settings = settings(&arguments.settings)?;
    let environment: Environment = Arc::new(|name| std::env::var(name).ok());
    let cities = arguments.cities.iter().map(|folder| City::load(folder, &environment));
    let cities: Vec<City> = cities.collect::<Result<_, _>>()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let token =
        if arguments.chat { None } else { token(arguments.telegram_token_file.as_deref())? };
    let bot = token.map(|token| Bot {
        token,
        api: arguments.telegram_api,
        cities: cities.iter().map(bot_city).collect(),
        clock: Arc::clone(&clock),
    });
    if let Some(server) = &arguments.server {
        return bot_alone(bot, server).await;
    }
    let listener = listen(arguments.listen).await?;
    let address = listener.local_addr()?;
    let node = Node::open(NodeOptions {
        data: &arguments.data,
        fsync: fsync(arguments.fsync),
        clock: Arc::clone(&clock),
        environment,
        settings,
    })?;
    // What a chat answers is alone on standard output.
    let say = |text: String| match arguments.chat {
        true => console::lines(&(text + "\n")),
        false => println!("{text}"),
    };
    if !cities.is_empty() {
        node.run_interface()?;
        for city in &cities {
            node.start_city(city, &city.feeds)?;
            say(format!("{}: {}", city.title, city.data_and_licence()));
        }
    }
    node.restore_connectors()?;
    say(format!(
        "kerb listens on http://{address} (ksqlDB's REST API; `kerb sql --server http://{address}`)"
    ));
    let client = Client::in_process(node.router.clone());
    let progress = node.progress();
    let done = if arguments.chat {
        let chat = Chat::new(client, clock, &cities, arguments.data.join("charts"));
        let connectors = node.connectors.clone();
        let company = async |stop| {
            let ready = async {
                // A feed that does not answer keeps nobody from asking.
                let _ = tokio::time::timeout(FIRST_POLL, is_polled(&progress, &connectors)).await;
                Ok(())
            };
            chat.run(ready, Some(progress.clone()), stop).await
        };
        node.serve(listener, company).await
    } else {
        let zone = cities.first().map_or(jiff::tz::TimeZone::UTC, |city| city.zone.clone());
        node.serve(listener, async |stop| unattended(bot, client, progress, zone, stop).await).await
    };
    Ok(done?)
}

/// Progress for whoever watches, and the bot on Telegram, until `stop` changes.
async fn unattended(
    bot: Option<Bot>,
    client: Client,
    progress: Progress,
    zone: jiff::tz::TimeZone,
    mut stop: watch::Receiver<bool>,
) -> Result<()> {
    // On a terminal somebody watches; elsewhere it would only fill a log.
    let told =
        std::io::stderr().is_terminal().then(|| tokio::spawn(progress.tell(zone, Manner::Watched)));
    match bot {
        Some(bot) if bot.cities.is_empty() => {
            error!("there is a bot's token but no --city to talk about; no bot starts");
        }
        Some(bot) => {
            // The server goes on without it.
            if let Err(problem) = bot.run(client, stop.clone()).await {
                error!(error = %problem, "the bot has ended");
            }
        }
        None => {}
    }
    let _ = stop.wait_for(|stopping| *stopping).await;
    if let Some(told) = told {
        told.abort();
    }
    Ok(())
}

/// The bot of a server elsewhere, whose cities run there already.
async fn bot_alone(bot: Option<Bot>, server: &str) -> Result<(), Exit> {
    let Some(bot) = bot.filter(|bot| !bot.cities.is_empty()) else {
        return Err(Exit::WrongUse(
            "--server runs the bot alone: it needs a token, and a --city to talk about".into(),
        ));
    };
    let server = server_url::named(Some(server))?;
    println!("The bot answers with what {server} knows.");
    let (stopping, stop) = watch::channel(false);
    let mut running = std::pin::pin!(bot.run(Client::http(&server), stop));
    tokio::select! {
        done = &mut running => return Ok(done?),
        () = asked_to_end() => {}
    }
    stopping.send_replace(true);
    match tokio::time::timeout(LAST_WORDS, running).await {
        Ok(done) => Ok(done?),
        Err(_) => Ok(()),
    }
}

fn fsync(policy: arguments::Fsync) -> Fsync {
    match policy {
        arguments::Fsync::None => Fsync::None,
        arguments::Fsync::Interval => Fsync::Interval(FSYNC_INTERVAL),
        arguments::Fsync::Group => Fsync::Group,
    }
}

fn settings(given: &[String]) -> Result<BTreeMap<String, String>, Exit> {
    let setting = |text: &String| match text.split_once('=') {
        Some((name, value)) => match stream::check_setting(name.trim(), value) {
            Ok(()) => Ok((name.trim().to_string(), value.to_string())),
            Err(refusal) => Err(Exit::WrongUse(format!("--set: {refusal}"))),
        },
        None => Err(Exit::WrongUse(format!("--set: '{text}' is not of the form NAME=VALUE"))),
    };
    given.iter().map(setting).collect()
}
