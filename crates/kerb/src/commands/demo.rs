//! `kerb demo`: a recorded feed as the live site would serve it, faster than life, and the bot in
//! this terminal. On a terminal a person talks to it; elsewhere it reads lines and answers them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bot::client::Client;
use bot::views::Views;
use connect::city::{City, Feed};
use connect::{Connectors, Environment};
use journal::embedded::Fsync;
use model::{Clock, SystemClock};
use testkit::{FeedServer, Recording, ScaledClock};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::arguments::Demo;
use crate::chat::{Chat, LOOK, is_polled};
use crate::exit::Exit;
use crate::node::{Node, NodeOptions, listen};
use crate::progress::Progress;

/// The city that is played.
const CITY: &str = "jersey";
/// How long the first poll may take to be in the views.
const FIRST_POLL: Duration = Duration::from_secs(60);

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
    let client = Client::in_process(node.router.clone());
    let chat = Chat::new(client, clock, std::slice::from_ref(&city), directory.pictures());
    let (progress, connectors) = (node.progress(), node.connectors.clone());
    let company = async |stop: watch::Receiver<bool>| {
        let views = chat.views.clone();
        let ready = async {
            let ready = is_in_the_views(&views, &progress, &connectors);
            tokio::time::timeout(FIRST_POLL, ready)
                .await
                .context("the first poll did not come into the views; see SHOW CONNECTORS")
        };
        chat.run(ready, Some(progress.clone()), stop).await
    };
    let done = node.serve(listener, company).await;
    feeds.stop().await;
    Ok(done?)
}

/// Resolves when the first poll of every feed is in the views.
async fn is_in_the_views(views: &Views, progress: &Progress, connectors: &Connectors) {
    // Not every car park's capacity is known, so that the views alone do not show it.
    loop {
        is_polled(progress, connectors).await;
        if views.parks().await.is_ok_and(|parks| !parks.is_empty()) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
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
