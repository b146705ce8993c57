//! `kerb up`: the server, its cities, and the bot if there is a token; or, with `--server`, the bot
//! alone, of a server elsewhere.

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
use crate::exit::Exit;
use crate::node::{LAST_WORDS, Node, NodeOptions, asked_to_end, listen};
use crate::telegram::{Bot, bot_city, token};
use crate::{progress, server_url};

/// How often "interval" flushes.
const FSYNC_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) async fn run(arguments: Up) -> Result<(), Exit> {
    let settings = settings(&arguments.settings)?;
    let environment: Environment = Arc::new(|name| std::env::var(name).ok());
    let cities = arguments.cities.iter().map(|folder| City::load(folder, &environment));
    let cities: Vec<City> = cities.collect::<Result<_, _>>()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let bot = token(arguments.telegram_token_file.as_deref())?.map(|token| Bot {
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
        clock,
        environment,
        settings,
    })?;
    if !cities.is_empty() {
        node.run_interface()?;
        for city in &cities {
            node.start_city(city, &city.feeds)?;
            println!("{}: {}", city.title, city.data_and_licence());
        }
    }
    node.restore_connectors()?;
    println!(
        "kerb listens on http://{address} (ksqlDB's REST API; `kerb sql --server http://{address}`)"
    );
    let zone = cities.first().map_or(jiff::tz::TimeZone::UTC, |city| city.zone.clone());
    let client = Client::in_process(node.router.clone());
    let engine = node.engine.clone();
    let company = async |mut stop: watch::Receiver<bool>| {
        // On a terminal somebody watches; elsewhere it would only fill a log.
        let told = std::io::stderr()
            .is_terminal()
            .then(|| tokio::spawn(progress::tell(engine, zone, false)));
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
    };
    Ok(node.serve(listener, company).await?)
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
