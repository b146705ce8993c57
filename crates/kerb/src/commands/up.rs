//! `kerb up`: the server, its cities, and the bot if there is a token.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bot::alerts;
use bot::client::Client;
use bot::conversation::{self, Conversation};
use bot::transports::telegram::Telegram;
use bot::transports::telegram::methods::{Api, TelegramError, Token};
use bot::views::Views;
use connect::Environment;
use connect::city::City;
use journal::embedded::Fsync;
use model::{Clock, SystemClock};
use tokio::sync::watch;
use tracing::{error, info};

use crate::arguments::{self, Up};
use crate::exit::Exit;
use crate::node::{Node, NodeOptions, asked_to_end, listen};
use crate::progress;

/// Where the bot's token is, if not in a file.
const TOKEN_VARIABLE: &str = "TELEGRAM_BOT_TOKEN";
/// How often "interval" flushes.
const FSYNC_INTERVAL: Duration = Duration::from_millis(100);
/// How long the bot and open connections get when the server ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

pub(crate) async fn run(arguments: Up) -> Result<(), Exit> {
    let settings = settings(&arguments.settings)?;
    let environment: Environment = Arc::new(|name| std::env::var(name).ok());
    let cities = arguments.cities.iter().map(|folder| City::load(folder, &environment));
    let cities: Vec<City> = cities.collect::<Result<_, _>>()?;
    let token = token(arguments.telegram_token_file.as_deref())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let listener = listen(arguments.listen).await?;
    let address = listener.local_addr()?;
    let node = Node::open(NodeOptions {
        data: &arguments.data,
        fsync: fsync(arguments.fsync),
        clock: Arc::clone(&clock),
        environment,
        settings,
    })?;
    if !cities.is_empty() {
        node.run_interface()?;
        for city in &cities {
            node.start_city(city, &city.feeds)?;
            println!("{}: {} ({})", city.title, city.attribution, city.licence);
        }
    }
    node.restore_connectors()?;
    println!(
        "kerb listens on http://{address} (ksqlDB's REST API; `kerb sql --server http://{address}`)"
    );
    let zone = cities.first().map_or(jiff::tz::TimeZone::UTC, |city| city.zone.clone());
    let (stopping, stop) = watch::channel(false);
    let bot = tokio::spawn(bot(
        node.router.clone(),
        clock,
        cities,
        token,
        arguments.telegram_api,
        stop.clone(),
    ));
    let mut server = {
        let mut stop = stop.clone();
        let until = async move { drop(stop.changed().await) };
        tokio::spawn(api::server::serve(listener, node.router.clone(), until))
    };
    // On a terminal somebody watches; elsewhere it would only fill a log.
    let told = std::io::stderr()
        .is_terminal()
        .then(|| tokio::spawn(progress::tell(node.engine.clone(), zone, false)));
    let ended_well = tokio::select! {
        () = asked_to_end() => true,
        () = node.maintain(stop) => false,
        _ = &mut server => false,
    };
    stopping.send_replace(true);
    if let Some(told) = told {
        told.abort();
    }
    // Each gets its time; what is not done then is cut off.
    let bot = tokio::time::timeout(LAST_WORDS, bot);
    if ended_well {
        let _ = tokio::join!(bot, tokio::time::timeout(LAST_WORDS, server));
    }
    node.shut_down().await;
    match ended_well {
        true => Ok(()),
        false => Err(anyhow::anyhow!("the server's own work ended; its log says why").into()),
    }
}

/// The bot's description of a city.
pub(crate) fn bot_city(city: &City) -> conversation::City {
    conversation::City {
        name: city.name.clone(),
        title: city.title.clone(),
        attribution: city.attribution.clone(),
        zone: city.zone.clone(),
    }
}

/// The bot, for as long as there is a token and a city to talk about.
async fn bot(
    router: axum::Router,
    clock: Arc<dyn Clock>,
    cities: Vec<City>,
    token: Option<Token>,
    api: String,
    mut stop: watch::Receiver<bool>,
) {
    let Some(token) = token else { return };
    if cities.is_empty() {
        return error!(
            "there is a bot's token but no --city to talk about; the bot does not start"
        );
    }
    let views = Views::new(Client::in_process(router));
    let cities = cities.iter().map(bot_city).collect();
    let conversation = Arc::new(Conversation::new(views.clone(), clock, cities));
    let telegram = Telegram::new(Api::new(&api, token), Arc::clone(&conversation), views);
    let mut stopped = stop.clone();
    let done = tokio::select! {
        _ = stop.changed() => return,
        introduced = telegram.introduce() => match introduced {
            Err(error) => Err(error),
            Ok(name) => {
                info!("the bot is @{name}");
                let alerts = tokio::spawn(alerts::deliver(conversation, telegram.outbox()));
                let until = async move { drop(stopped.changed().await) };
                let done = telegram.run(until).await;
                alerts.abort();
                done
            }
        },
    };
    if let Err(problem) = done {
        report(&problem);
    }
}

/// The server goes on without the bot, and says so.
fn report(problem: &TelegramError) {
    error!(error = %problem, "the bot has ended");
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
        Some((name, value)) => Ok((name.trim().to_string(), value.to_string())),
        None => Err(Exit::WrongUse(format!("--set: '{text}' is not of the form NAME=VALUE"))),
    };
    given.iter().map(setting).collect()
}

fn token(file: Option<&Path>) -> Result<Option<Token>, Exit> {
    let text = match file {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("--telegram-token-file {}", path.display()))?,
        ),
        None => std::env::var(TOKEN_VARIABLE).ok().filter(|t| !t.trim().is_empty()),
    };
    let Some(text) = text else { return Ok(None) };
    match Token::parse(&text) {
        Some(token) => Ok(Some(token)),
        None => Err(Exit::WrongUse(
            "the Telegram token has characters no token has; copy it from @BotFather again".into(),
        )),
    }
}
