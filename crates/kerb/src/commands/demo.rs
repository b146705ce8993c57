//! `kerb demo`: a recorded feed as the live site would serve it, faster than life, and the bot in
//! this terminal. On a terminal a person talks to it; elsewhere it reads lines and answers them.

use std::collections::BTreeMap;
use std::io::{ErrorKind, IsTerminal};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bot::alerts;
use bot::client::Client;
use bot::conversation::Conversation;
use bot::transports::terminal::{self, Terminal};
use bot::views::Views;
use connect::city::{City, Feed};
use connect::{Connectors, Environment};
use journal::embedded::Fsync;
use model::{Clock, SystemClock};
use stream::Engine;
use testkit::{FeedServer, Recording, ScaledClock};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::arguments::Demo;
use crate::exit::Exit;
use crate::node::{Node, NodeOptions, listen};
use crate::progress;
use crate::telegram::bot_city;

/// The city that is played.
const CITY: &str = "jersey";
/// How long the first poll may take to be in the views.
const FIRST_POLL: Duration = Duration::from_secs(60);
/// How often the views are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) async fn run(arguments: Demo) -> Result<(), Exit> {
    if arguments.speed.is_some_and(|speed| !(speed.is_finite() && speed > 0.0)) {
        return Err(Exit::WrongUse("--speed: a number above 0".into()));
    }
    let environment: Environment = Arc::new(|name| std::env::var(name).ok());
    let city = City::built_in(CITY, &environment)?;
    let played = city.demo.as_ref().context("the city has nothing to play")?;
    let speed = arguments.speed.unwrap_or(played.speed);
    let real: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let played_clock = Arc::new(ScaledClock::new(real, played.start, speed));
    let clock: Arc<dyn Clock> = Arc::clone(&played_clock) as Arc<dyn Clock>;
    let feeds = FeedServer::start(Arc::clone(&clock), recordings(&city)?).await?;
    let directory = Directory::new(arguments.data.as_deref())?;
    let listener = listen_nearby(arguments.listen).await?;
    let address = listener.local_addr()?;
    let node = Node::open(NodeOptions {
        data: &directory.data,
        // What is played can be played again: a flush now and then is enough.
        fsync: if arguments.data.is_some() { Fsync::Group } else { Fsync::None },
        clock: Arc::clone(&clock),
        environment,
        settings: BTreeMap::new(),
    })?;
    // What was played before is not played again.
    if let Some(newest) = node.newest_record(city.feeds.iter().filter_map(Feed::topic))? {
        played_clock.advance_to(newest);
    }
    node.run_interface()?;
    node.start_city(&city, &city.demo_feeds(&format!("http://{}", feeds.address())))?;
    node.restore_connectors()?;
    eprintln!("{}.", city.data_and_licence());
    eprintln!(
        "Playing {speed} times faster than life. REST API on http://{address}: \
         kerb sql --server http://{address}"
    );
    let views = Views::new(Client::in_process(node.router.clone()));
    let conversation = Arc::new(Conversation::new(views.clone(), clock, vec![bot_city(&city)]));
    let terminal = Arc::new(Terminal::new(tokio::io::stdout(), directory.pictures()));
    let person = std::io::stdin().is_terminal();
    let zone = city.zone.clone();
    let (engine, connectors) = (node.engine.clone(), node.connectors.clone());
    let chat = async |mut stop: watch::Receiver<bool>| {
        let polled = is_in_the_views(&views, &engine, &connectors);
        tokio::select! {
            talked = talk(&conversation, &terminal, polled, person) => talked,
            () = progress::tell(engine.clone(), zone, person) => Ok(()),
            _ = stop.changed() => Ok(()),
        }
    };
    let done = node.serve(listener, chat).await;
    feeds.stop().await;
    Ok(done?)
}

/// The chat: waits until the first poll is in the views, then answers line by line.
async fn talk(
    conversation: &Arc<Conversation>,
    terminal: &Arc<Terminal<tokio::io::Stdout>>,
    polled: impl Future<Output = ()>,
    person: bool,
) -> Result<()> {
    tokio::time::timeout(FIRST_POLL, polled)
        .await
        .context("the first poll did not come into the views; see SHOW CONNECTORS")?;
    if person {
        eprintln!("Say a car park's name, /nearest 49.1858,-2.1100, or /help. Ctrl-D ends.");
    }
    tokio::select! {
        answered = answer_lines(conversation, terminal) => match answered {
            // Nobody reads the answers any more.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            answered => Ok(answered?),
        },
        () = alerts::deliver(Arc::clone(conversation), Arc::clone(terminal)) => Ok(()),
    }
}

/// Answers line by line, until there are no more.
async fn answer_lines(
    conversation: &Conversation,
    terminal: &Terminal<tokio::io::Stdout>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
    while let Some(line) = lines.next_segment().await? {
        // Whatever is typed is answered, also what is no UTF-8.
        let line = String::from_utf8_lossy(&line);
        let Some(question) = terminal.question(&line) else { continue };
        let replies = conversation.answer(terminal::CHAT, question).await;
        terminal.print(replies).await?;
    }
    Ok(())
}

/// Resolves when the first poll of every feed is in the views.
async fn is_in_the_views(views: &Views, engine: &Engine, connectors: &Connectors) {
    // Not every car park's capacity is known, so that the views alone do not show it. Two
    // looks: queries are looked at one after the other, and rows move on meanwhile.
    let mut looks = 0;
    while looks < 2 || !views.parks().await.is_ok_and(|parks| !parks.is_empty()) {
        looks = if is_polled(engine, connectors).await { looks + 1 } else { 0 };
        tokio::time::sleep(LOOK).await;
    }
}

/// Has every feed been polled to its document's end, and have the queries read all that came?
async fn is_polled(engine: &Engine, connectors: &Connectors) -> bool {
    let polled = connectors
        .list()
        .iter()
        .all(|connector| connector.status.succeeded_at.is_some() && !connector.status.unfinished);
    let engine = engine.clone();
    let totals = tokio::task::spawn_blocking(move || progress::totals(&engine));
    polled && totals.await.is_ok_and(|totals| totals.lag == 0)
}

fn recordings(city: &City) -> Result<BTreeMap<String, Recording>> {
    let zone = city.zone.iana_name().unwrap_or("UTC");
    let recorded = city.demo.iter().flat_map(|demo| &demo.recordings);
    recorded
        .map(|recorded| {
            let recording = match &recorded.time_column {
                None => Recording::document(recorded.content.clone(), "application/json"),
                Some(column) => {
                    let text = std::str::from_utf8(&recorded.content)?;
                    Recording::csv_log(text, column, zone)?
                }
            };
            Ok((recorded.path.clone(), recording))
        })
        .collect()
}

/// Listens where asked; if that is taken and nobody asked for it in particular, on a free port.
async fn listen_nearby(address: SocketAddr) -> Result<TcpListener> {
    match listen(address).await {
        Err(_) if address.port() != 0 => {
            eprintln!("{address} is taken; taking a free port instead.");
            listen(SocketAddr::new(address.ip(), 0)).await
        }
        done => done,
    }
}

/// Where the demo's data is: the directory that was named, or one that goes with the process.
struct Directory {
    data: PathBuf,
    /// What is removed at the end, but for the pictures in it.
    temporary: Option<PathBuf>,
}

impl Directory {
    fn new(named: Option<&Path>) -> Result<Self> {
        if let Some(path) = named {
            return Ok(Self { data: path.to_path_buf(), temporary: None });
        }
        let path = made_anew(&std::env::temp_dir())?;
        Ok(Self { data: path.join("data"), temporary: Some(path) })
    }

    /// Pictures are looked at after the demo has ended, too.
    fn pictures(&self) -> PathBuf {
        self.temporary.as_ref().unwrap_or(&self.data).join("charts")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let Some(temporary) = &self.temporary else { return };
        // What is left behind lies where temporary things are cleared away.
        let _ = std::fs::remove_dir_all(&self.data);
        if std::fs::remove_dir(temporary).is_err() {
            eprintln!("The charts are in {}.", self.pictures().display());
        }
    }
}

/// A directory that was not there before and is nobody else's.
fn made_anew(parent: &Path) -> Result<PathBuf> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let mut number = 0;
    loop {
        let path = parent.join(format!("kerb-demo-{}-{number}", std::process::id()));
        match builder.create(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            done => return done.map(|()| path.clone()).with_context(|| path.display().to_string()),
        }
    }
}
