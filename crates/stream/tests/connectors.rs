//! A request with connectors in it is carried out as a whole, or not at all.

use std::sync::Arc;

use journal::{Journal, MemoryJournal};
use model::{Clock, ManualClock, TimestampMs};
use parking_lot::Mutex;
use sql::ast::ConnectorKind;
use stream::answer::{ConnectorInfo, ConnectorPlugin};
use stream::connectors::{ConnectorError, Connectors};
use stream::schema_topic::open_registry;
use stream::{Engine, EngineOptions, Execution, Request};

/// Connectors that do nothing but exist; `good` is their only class.
#[derive(Default)]
struct Named(Mutex<Vec<String>>);

impl Connectors for Named {
    fn check(
        &self,
        _kind: ConnectorKind,
        config: &[(String, String)],
    ) -> Result<(), ConnectorError> {
        match config.iter().find(|(name, _)| name.eq_ignore_ascii_case("connector.class")) {
            Some((_, class)) if class == "good" => Ok(()),
            _ => Err(ConnectorError::BadConfig("its class is not good".to_owned())),
        }
    }

    fn create(
        &self,
        kind: ConnectorKind,
        name: &str,
        config: &[(String, String)],
    ) -> Result<ConnectorInfo, ConnectorError> {
        self.check(kind, config)?;
        self.0.lock().push(name.to_owned());
        Ok(self.describe(name).expect("it was made just now"))
    }

    fn drop(&self, name: &str) -> Result<Option<String>, ConnectorError> {
        if name == "KEPT" {
            return Err(ConnectorError::Storage("the disk is full".to_owned()));
        }
        let mut names = self.0.lock();
        let before = names.len();
        names.retain(|other| other != name);
        if names.len() == before {
            return Err(ConnectorError::NotFound(name.to_owned()));
        }
        Ok(None)
    }

    fn list(&self) -> Vec<ConnectorInfo> {
        let names = self.0.lock().clone();
        names.iter().filter_map(|name| self.describe(name)).collect()
    }

    fn describe(&self, name: &str) -> Option<ConnectorInfo> {
        self.0.lock().iter().any(|other| other == name).then(|| ConnectorInfo {
            name: name.to_owned(),
            kind: ConnectorKind::Source,
            class: "good".to_owned(),
            config: Vec::new(),
            state: "RUNNING".to_owned(),
            summary: "RUNNING (1/1 tasks RUNNING)".to_owned(),
            figures: "3 polls".to_owned(),
            topics: Vec::new(),
        })
    }

    fn plugins(&self) -> Vec<ConnectorPlugin> {
        Vec::new()
    }
}

#[test]
fn all_of_a_request_or_nothing() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(TimestampMs(0)));
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new(clock.clone()));
    let connectors = Arc::new(Named::default());
    let engine = Engine::open(EngineOptions {
        service_id: "default_".to_owned(),
        registry: open_registry(&journal, &clock).expect("the registry opens"),
        journal,
        clock,
        connectors: connectors.clone(),
        execution: Execution::Manual,
        properties: Default::default(),
    })
    .expect("the engine opens");
    let check = |text: &str, refused: Option<&str>, names: &[&str]| {
        let answer = engine.execute(&Request::new(text));
        match (answer, refused) {
            (Ok(_), None) => {}
            (Err(error), Some(words)) => {
                assert!(error.message.contains(words), "{text}: {}", error.message);
                assert!(error.answers.is_empty(), "{text}: nothing was done");
            }
            (answer, _) => panic!("{text}: {answer:?}"),
        }
        assert_eq!(*connectors.0.lock(), names, "{text}");
    };
    let good =
        |name: &str| format!("CREATE SOURCE CONNECTOR {name} WITH ('connector.class'='good');");
    let bad = "CREATE SOURCE CONNECTOR B WITH ('connector.class'='bad');";
    check(&(good("A") + bad), Some("not good"), &[]);
    check(&(good("A") + &good("A")), Some("already exists"), &[]);
    check(&(good("A") + "DROP CONNECTOR C;"), Some("no connector"), &[]);
    check(&good("A"), None, &["A"]);
    check(&good("A"), Some("already exists"), &["A"]);
    check(&("DROP CONNECTOR A;".to_owned() + &good("A") + &good("D")), None, &["A", "D"]);
    check(&("DROP CONNECTOR IF EXISTS X;".to_owned() + bad), Some("not good"), &["A", "D"]);
    // Only one that is not there is dropped without a word.
    check(&good("KEPT"), None, &["A", "D", "KEPT"]);
    check("DROP CONNECTOR IF EXISTS KEPT;", Some("disk is full"), &["A", "D", "KEPT"]);
    check("DROP CONNECTOR IF EXISTS NOWHERE;", None, &["A", "D", "KEPT"]);
}
