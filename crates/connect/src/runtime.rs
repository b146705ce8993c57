//! All connectors of a server: made, paused, resumed, dropped, listed.
//!
//! Flows in: names and configurations, from statements and cities. Flows out: tasks that poll and
//! append, and their status. Configurations and positions are kept in the journal (see `ledger`),
//! so that after a restart [`Connectors::restore`] makes each anew and it goes on where it
//! stopped.

mod status;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use journal::{Journal, TopicSpec};
use model::Clock;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

pub use status::{Description, State, Status};

use crate::classes::{self, CLASSES, Class, ConnectorKind, Context};
use crate::config::{ConfigError, Environment, Properties, Settings, redacted};
use crate::error::{ChangeError, CreateError, UnknownConnector};
use crate::ledger::{self, Config, Ledger, Owner};
use crate::source::{Started, Target};
use worker::{PollRequest, Shared, Wish, Worker};

/// The key that says what a connector is.
const CLASS_KEY: &str = "connector.class";

/// How many people may ask for a poll at once; more wait.
const REQUESTS_MAX: usize = 16;

/// The connectors of a server. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Connectors {
    inner: Arc<Inner>,
}

struct Inner {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    tokio: Handle,
    environment: Environment,
    classes: &'static [Class],
    state: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    connectors: BTreeMap<String, Connector>,
    /// Connectors that were remembered and could not be made again: a variable is not set, say.
    /// They are shown as failed until they are dropped.
    broken: BTreeMap<String, Description>,
    /// Read from the journal when first needed; what is remembered of a connector is taken out as
    /// it is made.
    ledger: Option<Ledger>,
    stopping: bool,
}

/// A connector's handle.
struct Connector {
    class: &'static Class,
    owner: Owner,
    /// As written, secrets and all: to be shown only redacted.
    properties: Properties,
    target: Target,
    shared: Arc<Shared>,
    wish: watch::Sender<Wish>,
    requests: mpsc::Sender<PollRequest>,
    task: JoinHandle<()>,
}

impl Connectors {
    /// No connectors yet. Tasks run on `tokio`; `environment` is what `${env:NAME}` refers to.
    pub fn new(
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        tokio: Handle,
        environment: Environment,
    ) -> Self {
        Self::with_classes(journal, clock, tokio, environment, CLASSES)
    }

    /// The same with other classes than [`CLASSES`], for tests.
    pub fn with_classes(
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        tokio: Handle,
        environment: Environment,
        classes: &'static [Class],
    ) -> Self {
        let state = Mutex::default();
        Self { inner: Arc::new(Inner { journal, clock, tokio, environment, classes, state }) }
    }

    /// All classes, in their order: `SHOW CONNECTOR PLUGINS`.
    pub fn classes(&self) -> &'static [Class] {
        self.inner.classes
    }

    /// Checks a configuration without doing anything: for trying a statement before it is run.
    pub fn check(&self, kind: ConnectorKind, properties: &Properties) -> Result<(), CreateError> {
        self.read(kind, properties).map(|_| ())
    }

    /// Makes a connector, writes it down and starts it. Its first poll follows at once. Names
    /// differ by more than case.
    pub fn create(
        &self,
        name: &str,
        kind: ConnectorKind,
        properties: &Properties,
    ) -> Result<Description, CreateError> {
        self.create_for(name, kind, properties, Owner::Statement)
    }

    fn create_for(
        &self,
        name: &str,
        kind: ConnectorKind,
        properties: &Properties,
        owner: Owner,
    ) -> Result<Description, CreateError> {
        let mut running = self.inner.state.lock();
        if running.stopping {
            return Err(CreateError::Stopping);
        }
        if let Some(existing) = running.name_of(name) {
            return Err(CreateError::Exists(existing));
        }
        if running.ledger.is_none() {
            running.ledger = Some(Ledger::load(&*self.inner.journal)?);
        }
        let (class, settings) = self.read(kind, properties)?;
        let started = self.prepare(name, class, &settings)?;
        let config = Config { kind, owner, properties: properties.clone() };
        ledger::remember(&*self.inner.journal, name, &config, self.inner.clock.now())
            .map_err(|source| CreateError::NotRemembered { name: name.to_owned(), source })?;
        Ok(self.start(&mut running, name, class, properties, started, owner))
    }

    /// Makes a connector, or gives the one of this name another configuration: it goes on where it
    /// stopped. One that is configured so already just goes on.
    pub fn configure(
        &self,
        name: &str,
        kind: ConnectorKind,
        properties: &Properties,
        owner: Owner,
    ) -> Result<Description, CreateError> {
        let mut running = self.inner.state.lock();
        let Some(existing) = running.name_of(name) else {
            drop(running);
            return self.create_for(name, kind, properties, owner);
        };
        if let Some(connector) = running.connectors.get(&existing)
            && connector.class.kind == kind
            && connector.properties == *properties
        {
            return Ok(connector.describe(&existing));
        }
        let (class, settings) = self.read(kind, properties)?;
        let started = self.prepare(&existing, class, &settings)?;
        let now = self.inner.clock.now();
        let config = Config { kind, owner, properties: properties.clone() };
        ledger::remember(&*self.inner.journal, &existing, &config, now)
            .map_err(|source| CreateError::NotRemembered { name: existing.clone(), source })?;
        running.broken.remove(&existing);
        if let Some(connector) = running.connectors.remove(&existing) {
            connector.retire();
        }
        running.ledger = Some(Ledger::load(&*self.inner.journal)?);
        Ok(self.start(&mut running, &existing, class, properties, started, owner))
    }

    /// Makes all connectors that statements made, after a restart. One that cannot be made any
    /// more is listed as failed, with the reason. A city's feeds are made by
    /// [`Connectors::configure`] for a city that is there; those of others are remembered, and no
    /// more.
    pub fn restore(&self) -> Result<Vec<Description>, CreateError> {
        let mut running = self.inner.state.lock();
        let mut ledger = Ledger::load(&*self.inner.journal)?;
        let configs = std::mem::take(&mut ledger.configs);
        running.ledger = Some(ledger);
        let mut restored = Vec::new();
        for (name, Config { kind, owner, properties }) in configs {
            if running.name_of(&name).is_some() {
                continue;
            }
            if owner == Owner::City {
                tracing::info!(connector = %name, "feed {name} rests: its city is not here");
                continue;
            }
            let made = self
                .read(kind, &properties)
                .and_then(|(class, settings)| Ok((class, self.prepare(&name, class, &settings)?)));
            restored.push(match made {
                Ok((class, started)) => {
                    self.start(&mut running, &name, class, &properties, started, owner)
                }
                Err(error) => {
                    tracing::error!(connector = %name, "connector {name} cannot start: {error}");
                    let broken = self.broken(&name, kind, &properties, &error);
                    running.broken.insert(name, broken.clone());
                    broken
                }
            });
        }
        Ok(restored)
    }

    /// Everything that can fail, before anything is written or runs.
    fn prepare(
        &self,
        name: &str,
        class: &'static Class,
        settings: &Settings,
    ) -> Result<Started, CreateError> {
        let context = Context { name: name.to_owned(), clock: Arc::clone(&self.inner.clock) };
        let started = (class.start)(&context, settings)?;
        self.ensure_topics(&started.target)?;
        Ok(started)
    }

    fn start(
        &self,
        running: &mut Running,
        name: &str,
        class: &'static Class,
        properties: &Properties,
        started: Started,
        owner: Owner,
    ) -> Description {
        let ledger = running.ledger.get_or_insert_default();
        let position = ledger.positions.remove(name);
        let is_paused = ledger.paused.remove(name);
        let (wish, wishes) = watch::channel(if is_paused { Wish::Pause } else { Wish::Run });
        let (requests, requested) = mpsc::channel(REQUESTS_MAX);
        let state = if is_paused { State::Paused } else { State::Unassigned };
        let status = Mutex::new(Status { state, ..Status::default() });
        let shared = Arc::new(Shared { status, dropped: Mutex::new(false) });
        let worker = Worker {
            name: name.to_owned(),
            journal: Arc::clone(&self.inner.journal),
            clock: Arc::clone(&self.inner.clock),
            source: started.source,
            pacing: started.pacing,
            target: started.target.clone(),
            position,
            shared: Arc::clone(&shared),
            wish: wishes,
            requests: requested,
        };
        let connector = Connector {
            class,
            owner,
            properties: properties.clone(),
            target: started.target,
            shared,
            wish,
            requests,
            task: self.inner.tokio.spawn(worker.run()),
        };
        let description = connector.describe(name);
        running.connectors.insert(name.to_owned(), connector);
        description
    }

    fn broken(
        &self,
        name: &str,
        kind: ConnectorKind,
        properties: &Properties,
        error: &CreateError,
    ) -> Description {
        let class = properties.get(CLASS_KEY).cloned().unwrap_or_default();
        let keys = classes::find(self.inner.classes, kind, &class).map_or(&[][..], |c| c.keys);
        let now = self.inner.clock.now();
        Description {
            name: name.to_owned(),
            kind,
            class,
            properties: redacted(keys, properties),
            topics: properties.get("topic").cloned().into_iter().collect(),
            status: Status {
                state: State::Failed,
                failures_in_row: 1,
                last_error: Some((now, error.to_string())),
                ..Status::default()
            },
        }
    }

    /// Stops a connector and forgets it and its position; its topic stays. Returns whose it was: a
    /// city's feed is made again when its city is started.
    pub fn drop(&self, name: &str) -> Result<Owner, ChangeError> {
        let mut running = self.inner.state.lock();
        let name = running.name_of(name).ok_or_else(|| UnknownConnector(name.to_owned()))?;
        ledger::forget(&*self.inner.journal, &name, self.inner.clock.now())?;
        running.broken.remove(&name);
        if let Some(ledger) = &mut running.ledger {
            ledger.positions.remove(&name);
            ledger.paused.remove(&name);
        }
        // Broken ones are those that statements made.
        let Some(connector) = running.connectors.remove(&name) else { return Ok(Owner::Statement) };
        let owner = connector.owner;
        connector.retire();
        // What was committed since the connector was forgotten is forgotten as well.
        ledger::forget(&*self.inner.journal, &name, self.inner.clock.now())?;
        Ok(owner)
    }

    /// Stops polling until [`Connectors::resume`], over restarts.
    pub fn pause(&self, name: &str) -> Result<(), ChangeError> {
        self.change(name, true, |connector| {
            connector.wish.send_replace(Wish::Pause);
            connector.shared.status.lock().state = State::Paused;
        })
    }

    /// Polls again, at once.
    pub fn resume(&self, name: &str) -> Result<(), ChangeError> {
        self.change(name, false, |connector| {
            if *connector.wish.borrow() == Wish::Pause {
                connector.shared.status.lock().state = State::Unassigned;
                connector.wish.send_replace(Wish::Run);
            }
        })
    }

    /// Writes down whether a connector is to pause, then does it.
    fn change(
        &self,
        name: &str,
        is_paused: bool,
        change: impl FnOnce(&Connector),
    ) -> Result<(), ChangeError> {
        let running = self.inner.state.lock();
        let unknown = || UnknownConnector(name.to_owned());
        let name = running.name_of(name).ok_or_else(unknown)?;
        let connector = running.connectors.get(&name).ok_or_else(unknown)?;
        ledger::pause(&*self.inner.journal, &name, is_paused, self.inner.clock.now())?;
        change(connector);
        Ok(())
    }

    /// Polls now and says how it went, once what it brought is committed. A paused connector does
    /// not poll and says so.
    pub async fn poll_now(&self, name: &str) -> Result<Status, UnknownConnector> {
        let requests = self.with(name, |connector| connector.requests.clone())?;
        let gone = || UnknownConnector(name.to_owned());
        let (answer, answered) = oneshot::channel();
        requests.send(answer).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }

    /// All connectors, by name.
    pub fn list(&self) -> Vec<Description> {
        let running = self.inner.state.lock();
        let mut all: Vec<_> = running.connectors.iter().map(|(n, c)| c.describe(n)).collect();
        all.extend(running.broken.values().cloned());
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// One connector; its name in any case.
    pub fn describe(&self, name: &str) -> Result<Description, UnknownConnector> {
        let wanted = self.list().into_iter().find(|c| c.name.eq_ignore_ascii_case(name));
        wanted.ok_or_else(|| UnknownConnector(name.to_owned()))
    }

    /// Stops all connectors and waits for what they are committing. None can be made afterwards.
    pub async fn stop(&self) {
        let connectors = {
            let mut running = self.inner.state.lock();
            running.stopping = true;
            std::mem::take(&mut running.connectors)
        };
        for connector in connectors.values() {
            connector.wish.send_replace(Wish::Stop);
        }
        for connector in connectors.into_values() {
            // A task that panicked has said so itself.
            drop(connector.task.await);
        }
    }

    fn with<T>(
        &self,
        name: &str,
        then: impl FnOnce(&Connector) -> T,
    ) -> Result<T, UnknownConnector> {
        let running = self.inner.state.lock();
        match running.name_of(name).and_then(|name| running.connectors.get(&name)) {
            Some(connector) => Ok(then(connector)),
            None => Err(UnknownConnector(name.to_owned())),
        }
    }

    fn read(
        &self,
        kind: ConnectorKind,
        properties: &Properties,
    ) -> Result<(&'static Class, Settings), CreateError> {
        let Some(class) = properties.get(CLASS_KEY) else {
            let known: Vec<_> = self.inner.classes.iter().map(|class| class.name).collect();
            let problem = format!("is needed: one of {}", known.join(", "));
            return Err(ConfigError::new(CLASS_KEY, problem).into());
        };
        let class = classes::find(self.inner.classes, kind, class)?;
        let settings = Settings::read(class.keys, properties, &*self.inner.environment)?;
        (class.check)(&settings)?;
        Ok((class, settings))
    }

    fn ensure_topics(&self, target: &Target) -> Result<(), CreateError> {
        let journal = &*self.inner.journal;
        journal::user_topic(journal, TopicSpec::new(target.topic.as_str(), target.partitions))?;
        if let Some(topic) = &target.dead_letters {
            journal::user_topic(journal, TopicSpec::new(topic.as_str(), 1))?;
        }
        Ok(())
    }
}

impl Running {
    /// The name of the connector that is called so in any case.
    fn name_of(&self, name: &str) -> Option<String> {
        let names = self.connectors.keys().chain(self.broken.keys());
        names.into_iter().find(|other| other.eq_ignore_ascii_case(name)).cloned()
    }
}

impl Connector {
    /// Ends it. What is being committed is waited for; nothing is committed afterwards.
    fn retire(&self) {
        *self.shared.dropped.lock() = true;
        self.wish.send_replace(Wish::Stop);
    }

    fn describe(&self, name: &str) -> Description {
        let mut topics = vec![self.target.topic.clone()];
        topics.extend(self.target.dead_letters.clone());
        Description {
            name: name.to_owned(),
            kind: self.class.kind,
            class: self.class.name.to_owned(),
            properties: redacted(self.class.keys, &self.properties),
            topics,
            status: self.shared.status.lock().clone(),
        }
    }
}

impl fmt::Debug for Connectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.inner.state.lock().connectors.keys().cloned().collect();
        f.debug_struct("Connectors").field("names", &names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
