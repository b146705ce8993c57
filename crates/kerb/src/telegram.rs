//! The bot on Telegram, wired: a client of some server's API, the conversation, the alerts.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use bot::alerts;
use bot::client::Client;
use bot::conversation::{self, Conversation};
use bot::reply::Location;
use bot::transports::telegram::Telegram;
use bot::transports::telegram::methods::{Api, TelegramError, Token};
use bot::views::Views;
use connect::city::City;
use model::Clock;
use tokio::sync::watch;
use tracing::info;

use crate::exit::Exit;

/// Where the bot's token is, if not in a file.
const TOKEN_VARIABLE: &str = "TELEGRAM_BOT_TOKEN";

/// What the bot needs beside a server.
pub(crate) struct Bot {
    /// Who it is.
    pub(crate) token: Token,
    /// The Bot API's address.
    pub(crate) api: String,
    /// What it talks about.
    pub(crate) cities: Vec<conversation::City>,
    /// The time of the data.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Bot {
    /// Answers drivers with what `client`'s server knows, until `stop` changes. Ends earlier if
    /// Telegram refuses the token.
    pub(crate) async fn run(
        self,
        client: Client,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), TelegramError> {
        let views = Views::new(client);
        let conversation = Arc::new(Conversation::new(views.clone(), self.clock, self.cities));
        let api = Api::new(&self.api, self.token);
        let telegram = Telegram::new(api, Arc::clone(&conversation), views);
        let mut stopped = stop.clone();
        let name = tokio::select! {
            _ = stop.changed() => return Ok(()),
            introduced = telegram.introduce() => introduced?,
        };
        info!("the bot is @{name}");
        let alerts = tokio::spawn(alerts::deliver(conversation, telegram.outbox()));
        let done = telegram.run(async move { drop(stopped.changed().await) }).await;
        alerts.abort();
        // Before the server ends, which would break its stream off.
        let _ = alerts.await;
        done
    }
}

/// The bot's description of a city.
pub(crate) fn bot_city(city: &City) -> conversation::City {
    conversation::City {
        name: city.name.clone(),
        title: city.title.clone(),
        centre: Location { latitude: city.centre.0, longitude: city.centre.1 },
        attribution: city.attribution.clone(),
        data_and_licence: city.data_and_licence(),
        zone: city.zone.clone(),
    }
}

/// The token in a file, or in the environment; none if there is neither.
pub(crate) fn token(file: Option<&Path>) -> Result<Option<Token>, Exit> {
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
