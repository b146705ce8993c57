//! One server in this process: its parts wired together, in the order data moves.
//!
//! ```text
//! journal ─► registry ─► connectors ─► engine ─► API's router ─► server on a port
//! ```
//!
//! [`Node::open`] wires them, [`Node::serve`] runs them beside a company that the caller brings:
//! the bot, a chat in the terminal, a line of progress.

mod connectors;
mod pipeline;
mod statements;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use connect::city::{City, Feed, INTERFACE_SQL, Script};
use connect::{Environment, Owner};
use journal::Journal;
use journal::embedded::{EmbeddedJournal, EmbeddedOptions, Fsync};
use model::{Clock, ConnectorKind, Offset, TimestampMs, TopicPartition};
use stream::{Engine, EngineOptions, Execution};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::warn;

use crate::console;
use crate::progress::Progress;

/// Names consumer groups and internal topics, as in a ksqlDB server that was given no other.
const SERVICE_ID: &str = "default_";
/// How long connectors, and then queries, get to finish what they are at.
const SHUT_DOWN: Duration = Duration::from_secs(1);
/// How long answers under way, and the company, get when the server ends.
pub(crate) const LAST_WORDS: Duration = Duration::from_millis(1200);
/// How often retention and compaction are looked after.
const MAINTENANCE: Duration = Duration::from_secs(60);

/// How a node is to be.
pub(crate) struct NodeOptions<'a> {
    /// Where the data is kept.
    pub(crate) data: &'a Path,
    /// When commits reach the disk.
    pub(crate) fsync: Fsync,
    /// Time, also that of records.
    pub(crate) clock: Arc<dyn Clock>,
    /// What `${env:NAME}` refers to.
    pub(crate) environment: Environment,
    /// The server's settings.
    pub(crate) settings: BTreeMap<String, String>,
}

/// A server.
pub(crate) struct Node {
    /// The engine.
    pub(crate) engine: Engine,
    /// The journal.
    journal: Arc<EmbeddedJournal>,
    clock: Arc<dyn Clock>,
    /// The connectors.
    pub(crate) connectors: connect::Connectors,
    /// The REST API, also without a socket.
    pub(crate) router: Router,
}

impl Node {
    /// Opens the data directory; all that was there goes on.
    pub(crate) fn open(options: NodeOptions<'_>) -> Result<Self> {
        let journal = Arc::new(EmbeddedJournal::open(
            options.data,
            EmbeddedOptions {
                fsync: options.fsync,
                clock: Arc::clone(&options.clock),
                ..EmbeddedOptions::default()
            },
        )?);
        let log: Arc<dyn Journal> = Arc::clone(&journal) as Arc<dyn Journal>;
        let registry = stream::schema_topic::open_registry(&log, &options.clock)?;
        let connectors = connect::Connectors::new(
            Arc::clone(&log),
            Arc::clone(&options.clock),
            tokio::runtime::Handle::current(),
            options.environment,
        );
        let clock = Arc::clone(&options.clock);
        let engine = Engine::open(EngineOptions {
            service_id: SERVICE_ID.to_string(),
            journal: log,
            registry,
            clock: options.clock,
            connectors: Arc::new(connectors::Runtime(connectors.clone())),
            execution: Execution::Threads,
            properties: options.settings,
        })
        .context("the command log cannot be carried out")?;
        let router =
            api::router(api::Api { engine: engine.clone(), service_id: SERVICE_ID.to_string() });
        Ok(Self { engine, journal, clock, connectors, router })
    }

    /// Runs the views that all cities share.
    pub(crate) fn run_interface(&self) -> Result<()> {
        let script = Script { file: "interface.sql".into(), text: INTERFACE_SQL.into() };
        self.run_script("interface", &script)?;
        Ok(())
    }

    /// Starts a city: its pipeline, then its feeds. A feed that was there before goes on where it
    /// stopped, with the configuration it has now.
    pub(crate) fn start_city(&self, city: &City, feeds: &[Feed]) -> Result<()> {
        self.run_script(&city.name, &city.pipeline)?;
        for feed in feeds {
            self.connectors
                .configure(&feed.name, ConnectorKind::Source, &feed.properties, Owner::City)
                .with_context(|| format!("feed {} of {}", feed.name, city.name))?;
        }
        Ok(())
    }

    /// The time of the newest record of these topics.
    pub(crate) fn newest_record<'a>(
        &self,
        topics: impl Iterator<Item = &'a str>,
    ) -> Result<Option<TimestampMs>> {
        let mut newest = None;
        for topic in topics {
            let Some(info) = self.journal.topic(topic) else { continue };
            for partition in 0..info.spec.partitions {
                let partition = TopicPartition::new(topic, partition);
                let end = self.journal.bounds(&partition)?.end;
                let last = Offset(end.0.saturating_sub(1));
                let read = self.journal.read(&partition, last, 1)?;
                newest = newest.max(read.records.last().map(|(_, record)| record.timestamp));
            }
        }
        Ok(newest)
    }

    /// Starts the connectors that statements made before the last stop. After the cities, whose
    /// feeds may have another address by now. Feeds of cities that were not started stay where they
    /// stopped, until their city is started again.
    pub(crate) fn restore_connectors(&self) -> Result<()> {
        self.connectors.restore().context("connectors cannot be started again")?;
        Ok(())
    }

    /// Serves the API on `listener`, with `company` beside it, which is told when to stop; until
    /// the company ends or the process is asked to. Then everything ends in order.
    pub(crate) async fn serve<C: Future<Output = Result<()>>>(
        self,
        listener: TcpListener,
        company: impl FnOnce(watch::Receiver<bool>) -> C,
    ) -> Result<()> {
        let (stopping, stop) = watch::channel(false);
        let mut server = {
            let mut stop = stop.clone();
            let until = async move { drop(stop.changed().await) };
            tokio::spawn(api::server::serve(listener, self.router.clone(), until))
        };
        let mut company = std::pin::pin!(company(stop.clone()));
        let ended = tokio::select! {
            () = asked_to_end() => None,
            done = &mut company => Some(done),
            () = self.maintain(stop) => None,
            _ = &mut server => Some(Err(anyhow!("the server's own work ended; its log says why"))),
        };
        console::end_status();
        stopping.send_replace(true);
        // First the company's last words, then the engine's: it tells push clients that it ends.
        // So open connections can end well. Each gets its time; what takes longer is cut off.
        let done = match ended {
            Some(done) => done,
            None => tokio::time::timeout(LAST_WORDS, company).await.unwrap_or(Ok(())),
        };
        self.shut_down().await;
        if !server.is_finished() {
            let _ = tokio::time::timeout(LAST_WORDS, server).await;
        }
        done
    }

    /// Whom to ask how far everything is.
    pub(crate) fn progress(&self) -> Progress {
        let journal = Arc::clone(&self.journal) as Arc<dyn Journal>;
        Progress { engine: self.engine.clone(), journal }
    }

    /// Looks after retention and compaction until `stop` changes.
    async fn maintain(&self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(MAINTENANCE) => {}
            }
            let journal = Arc::clone(&self.journal);
            match tokio::task::spawn_blocking(move || journal.maintain()).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => warn!(%error, "old records could not be removed"),
                Err(error) => warn!(%error, "maintenance"),
            }
        }
    }

    /// Ends in order: no more records in, work under way committed. Work that takes too long is not
    /// waited for: what is not committed never was, and is done again after the next start.
    pub(crate) async fn shut_down(self) {
        if tokio::time::timeout(SHUT_DOWN, self.connectors.stop()).await.is_err() {
            warn!("a connector did not end in time");
        }
        let engine = self.engine.clone();
        let ended = tokio::task::spawn_blocking(move || engine.shutdown());
        match tokio::time::timeout(SHUT_DOWN, ended).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "the engine did not end in order"),
            Err(_) => warn!("a query did not end in time; its last batch will be done again"),
        }
    }
}

/// Listens where asked. A port that is taken is said with its name.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; choose another address with --listen")
    })
}

/// Resolves when the process is asked to end; a second request ends it at once.
pub(crate) async fn asked_to_end() {
    wait_for_signal().await;
    tokio::spawn(async {
        wait_for_signal().await;
        // Whoever asks twice does not want to wait: what is not committed yet never was.
        std::process::exit(1);
    });
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    drop(tokio::signal::ctrl_c().await);
}

#[cfg(test)]
mod tests;
