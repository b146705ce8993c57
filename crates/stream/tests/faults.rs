//! A journal that fails as told: a fault stops the query it is in, tells why, and nothing else; a
//! disk that fails is no statement's fault, and what could not be written down was never done.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use journal::{
    AppendError, Commit, CommitError, CreateTopicError, DeleteTopicError, Fetched, GroupId,
    Journal, MemoryJournal, PartitionBounds, ReadError, StorageError, TopicInfo, TopicSpec,
};
use model::{ManualClock, Offset, Record, TimestampMs, TopicPartition};
use parking_lot::{Condvar, Mutex};
use stream::answer::{AnswerBody, QueryState};
use stream::request::RequestErrorKind;
use stream::{Execution, PushEvent, QueryAnswer, QueryEnd, Request};
use support::{Server, request};

/// So often is it looked whether something has happened; each look waits for news a little.
const LOOKS_MAX: usize = 2_000;

/// A journal whose reads of some topics panic, fail, or wait, and whose writes fail.
#[derive(Debug)]
struct Faulty {
    inner: MemoryJournal,
    panics_at: Mutex<Option<String>>,
    panics_over: Mutex<Option<usize>>,
    refuses_at: Mutex<Option<String>>,
    stalls_at: Mutex<Option<String>>,
    full_at: Mutex<Option<String>>,
    gate: Condvar,
}

impl Faulty {
    fn new(clock: &Arc<ManualClock>) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryJournal::new(clock.clone()),
            panics_at: Mutex::default(),
            panics_over: Mutex::default(),
            refuses_at: Mutex::default(),
            stalls_at: Mutex::default(),
            full_at: Mutex::default(),
            gate: Condvar::new(),
        })
    }

    /// Reads of topics with this in their names panic.
    fn panic_at(&self, topic: Option<&str>) {
        *self.panics_at.lock() = topic.map(str::to_owned);
    }

    /// Reads of topics with this in their names fail.
    fn refuse_at(&self, topic: Option<&str>) {
        *self.refuses_at.lock() = topic.map(str::to_owned);
    }

    /// Reads of topics with this in their names wait until they are let go.
    fn stall_at(&self, topic: Option<&str>) {
        *self.stalls_at.lock() = topic.map(str::to_owned);
        self.gate.notify_all();
    }

    /// Writes to topics with this in their names fail.
    fn full_at(&self, topic: Option<&str>) {
        *self.full_at.lock() = topic.map(str::to_owned);
    }

    fn check_space(&self, topic: &str) -> Result<(), StorageError> {
        match &*self.full_at.lock() {
            Some(full) if topic.contains(full.as_str()) => {
                Err(StorageError::Poisoned("disk: writing data/x: no space".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Waits until this is so.
    fn until(&self, mut is_so: impl FnMut() -> bool) {
        let mut mark = 0;
        for _ in 0..LOOKS_MAX {
            if is_so() {
                return;
            }
            mark = self.inner.wait(mark, Duration::from_millis(5));
        }
        panic!("it never came to be so");
    }
}

impl Journal for Faulty {
    fn create_topic(&self, spec: TopicSpec) -> Result<TopicInfo, CreateTopicError> {
        self.check_space(&spec.name)?;
        self.inner.create_topic(spec)
    }

    fn delete_topic(&self, name: &str) -> Result<(), DeleteTopicError> {
        self.check_space(name)?;
        self.inner.delete_topic(name)
    }

    fn topic(&self, name: &str) -> Option<TopicInfo> {
        self.inner.topic(name)
    }

    fn topics(&self) -> Vec<TopicInfo> {
        self.inner.topics()
    }

    fn bounds(&self, partition: &TopicPartition) -> Result<PartitionBounds, ReadError> {
        self.inner.bounds(partition)
    }

    fn append(
        &self,
        partition: &TopicPartition,
        records: Vec<Record>,
    ) -> Result<Offset, AppendError> {
        self.check_space(&partition.topic)?;
        self.inner.append(partition, records)
    }

    fn commit(&self, commit: Commit) -> Result<Vec<Offset>, CommitError> {
        for (partition, _) in &commit.records {
            self.check_space(&partition.topic)?;
        }
        self.inner.commit(commit)
    }

    fn read(
        &self,
        partition: &TopicPartition,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Fetched, ReadError> {
        let named = |topic: &Option<String>| {
            topic.as_ref().is_some_and(|topic| partition.topic.contains(topic.as_str()))
        };
        if named(&self.panics_at.lock()) {
            panic!("a fault in {}", partition.topic);
        }
        let is_too_much = self.panics_over.lock().is_some_and(|most| max_bytes > most);
        if is_too_much && &*partition.topic == "s" {
            panic!("{max_bytes} bytes at once are too much");
        }
        if named(&self.refuses_at.lock()) {
            return Err(ReadError::NotFound(partition.clone()));
        }
        let mut stalls_at = self.stalls_at.lock();
        while named(&stalls_at) {
            self.gate.wait(&mut stalls_at);
        }
        drop(stalls_at);
        self.inner.read(partition, from, max_bytes)
    }

    fn wait(&self, seen: u64, timeout: Duration) -> u64 {
        self.inner.wait(seen, timeout)
    }

    fn offset_at(
        &self,
        partition: &TopicPartition,
        time: TimestampMs,
    ) -> Result<Offset, ReadError> {
        self.inner.offset_at(partition, time)
    }

    fn committed(&self, group: &GroupId) -> BTreeMap<TopicPartition, Offset> {
        self.inner.committed(group)
    }

    fn groups(&self) -> Vec<GroupId> {
        self.inner.groups()
    }

    fn delete_group(&self, group: &GroupId) -> Result<(), CommitError> {
        self.check_space(&group.0)?;
        self.inner.delete_group(group)
    }

    fn maintain(&self) -> Result<(), StorageError> {
        self.inner.maintain()
    }
}

fn server() -> (Arc<Faulty>, Server) {
    let clock = Arc::new(ManualClock::at(TimestampMs(1_700_000_000_000)));
    let journal = Faulty::new(&clock);
    let server = Server::on(journal.clone(), clock, Execution::Threads, &[]);
    server.run(
        "CREATE STREAM S (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', FORMAT='JSON',
             PARTITIONS=1);
         CREATE STREAM OTHER (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='other', FORMAT='JSON',
             PARTITIONS=1);
         CREATE TABLE T AS SELECT K, SUM(V) AS N FROM S GROUP BY K;
         CREATE TABLE U AS SELECT K, SUM(V) AS N FROM OTHER GROUP BY K;",
    );
    (journal, server)
}

/// The state of the query whose id starts so, and its last error.
fn state_of(server: &Server, id: &str) -> (QueryState, Option<String>) {
    let answers = server.run("SHOW QUERIES EXTENDED;");
    let AnswerBody::QueryDescriptions(queries) = &answers[0].body else {
        panic!("queries are described")
    };
    let query = queries.iter().find(|query| query.id.starts_with(id)).expect("a query");
    let error = query.progress.as_ref().and_then(|progress| progress.last_error.clone());
    (query.state.expect("it runs"), error)
}

fn table(server: &Server, name: &str) -> usize {
    server.rows(&format!("SELECT * FROM {name};")).len()
}

#[test]
fn a_panic_stops_its_query_and_is_told() {
    let (journal, server) = server();
    journal.panic_at(Some("s"));
    server.run("INSERT INTO S VALUES ('a', 1);");
    journal.until(|| state_of(&server, "CTAS_T").0 == QueryState::Error);
    let (_, error) = state_of(&server, "CTAS_T");
    assert!(error.as_ref().is_some_and(|e| e.contains("a fault in ")), "{error:?}");
    journal.panic_at(None);
    // The others go on, and after a restart so does this one.
    server.run("INSERT INTO OTHER VALUES ('a', 1);");
    journal.until(|| table(&server, "U") == 1);
    let server = server.reopened(&[]);
    journal.until(|| table(&server, "T") == 1);
    assert_eq!(state_of(&server, "CTAS_T").0, QueryState::Running);
}

#[test]
fn a_query_that_panics_over_much_goes_on_with_little() {
    let (journal, server) = server();
    *journal.panics_over.lock() = Some(64 << 10);
    server.run("INSERT INTO S VALUES ('a', 1);");
    // Pull queries read views, and so are not concerned.
    journal.until(|| table(&server, "T") == 1);
    assert_eq!(state_of(&server, "CTAS_T").0, QueryState::Running);
}

#[test]
fn a_query_tries_again_after_a_pause_when_it_cannot_read() {
    let (journal, server) = server();
    journal.refuse_at(Some("s"));
    server.run("INSERT INTO S VALUES ('a', 1);");
    journal.until(|| state_of(&server, "CTAS_T").0 == QueryState::Restarting);
    journal.refuse_at(None);
    // The others go on meanwhile.
    server.run("INSERT INTO OTHER VALUES ('a', 1);");
    journal.until(|| table(&server, "U") == 1);
    assert_eq!(table(&server, "T"), 0, "the clock stands still, and so does the pause");
    server.clock.advance(Duration::from_secs(1));
    journal.until(|| table(&server, "T") == 1);
    assert_eq!(state_of(&server, "CTAS_T").0, QueryState::Running);
}

#[test]
fn a_panic_ends_a_push_query_and_its_thread_goes_on() {
    let (journal, server) = server();
    let push = |text: &str| match server.engine.query(&request(text)) {
        Ok(QueryAnswer::Push(push)) => push,
        other => panic!("{other:?}"),
    };
    for _ in 0..3 {
        let mut ill = push("SELECT * FROM OTHER EMIT CHANGES;");
        journal.panic_at(Some("other"));
        let mut end = None;
        journal.until(|| {
            if let Ok(PushEvent::End(reason)) = ill.events.try_recv() {
                end = Some(reason);
            }
            end.is_some()
        });
        journal.panic_at(None);
        assert!(matches!(&end, Some(QueryEnd::Failed(why)) if why.contains("other")), "{end:?}");
        // Both threads serve new queries.
        for _ in 0..2 {
            let mut well = push("SELECT * FROM S EMIT CHANGES;");
            server.run("INSERT INTO S VALUES ('a', 1);");
            journal.until(|| matches!(well.events.try_recv(), Ok(PushEvent::Rows(_))));
        }
    }
}

#[test]
fn a_pull_query_waits_until_its_rows_are_back() {
    let (journal, server) = server();
    server.run("INSERT INTO S VALUES ('a', 1); INSERT INTO S VALUES ('b', 2);");
    journal.until(|| table(&server, "T") == 2);
    journal.stall_at(Some("CTAS_T"));
    let server = server.reopened(&[]);
    std::thread::scope(|scope| {
        let pull = scope.spawn(|| table(&server, "T"));
        let other = scope.spawn(|| table(&server, "U"));
        assert_eq!(other.join().expect("an answer"), 0, "other tables answer meanwhile");
        assert!(!pull.is_finished(), "there is nothing to answer from yet");
        journal.stall_at(None);
        assert_eq!(pull.join().expect("an answer"), 2);
    });
}

#[test]
fn a_table_that_cannot_be_read_back_says_so_at_once() {
    let (journal, server) = server();
    server.run("INSERT INTO S VALUES ('a', 1);");
    journal.until(|| table(&server, "T") == 1);
    journal.panic_at(Some("CTAS_T"));
    let server = server.reopened(&[]);
    let error = server.engine.query(&request("SELECT * FROM T;")).expect_err("no rows");
    assert_eq!(error.kind, RequestErrorKind::NotReady);
    assert!(error.message.contains("a fault in"), "{}", error.message);
}

/// The ids of the queries that the catalog has.
fn queries(server: &Server) -> Vec<String> {
    server.engine.catalog().queries.keys().cloned().collect()
}

#[test]
fn a_full_disk_is_no_statements_fault() {
    let (journal, server) = server();
    let before = (queries(&server), server.engine.command_sequence());
    journal.full_at(Some(""));
    for statement in [
        "INSERT INTO S VALUES ('a', 1);",
        "CREATE STREAM N (K VARCHAR KEY) WITH (KAFKA_TOPIC='n', FORMAT='JSON', PARTITIONS=1);",
        "CREATE STREAM N (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='AVRO');",
        "CREATE TABLE N AS SELECT K, COUNT(*) AS N FROM S GROUP BY K;",
        "INSERT INTO OTHER SELECT * FROM S;",
        "ALTER STREAM S ADD COLUMN W INT;",
        "CREATE TYPE A AS STRUCT<X INT>;",
        "DROP TABLE T DELETE TOPIC;",
        "TERMINATE ALL;",
        "PAUSE ALL;",
    ] {
        let error = server.engine.execute(&request(statement)).expect_err(statement);
        assert_eq!(error.kind, RequestErrorKind::Storage, "{statement}: {error}");
        let says = |what: &str| error.message.contains(what);
        assert!(says("data/x") && says("restart kerb"), "{statement}: {error}");
        assert!(error.statement.is_some(), "{statement}");
    }
    let row = serde_json::json!({ "K": "a", "V": 1 });
    let row = row.as_object().expect("an object");
    let error = server.engine.insert_row("S", row).expect_err("no space");
    assert_eq!(error.kind, RequestErrorKind::Storage);
    // Nothing came of any of them.
    assert_eq!((queries(&server), server.engine.command_sequence()), before);
    journal.full_at(None);
    server.run("INSERT INTO S VALUES ('a', 1);");
    journal.until(|| table(&server, "T") == 1);
}

#[test]
fn a_query_that_cannot_be_written_down_is_ended_again() {
    let (journal, server) = server();
    let groups = journal.groups();
    let topics = journal.topics().len();
    journal.full_at(Some("_kerb_commands"));
    let create = "CREATE TABLE N AS SELECT K, COUNT(*) AS N FROM S GROUP BY K;";
    let error = server.engine.execute(&request(create)).expect_err("no space");
    assert_eq!(error.kind, RequestErrorKind::Storage);
    assert_eq!(journal.groups(), groups);
    let changelogs = |t: &TopicInfo| t.spec.name.contains("CTAS_N");
    assert!(!journal.topics().iter().any(changelogs));
    // Its sink's topic stays, as of any CREATE that fails later.
    assert_eq!(journal.topics().len(), topics + 1);
}

#[test]
fn a_drop_that_cannot_be_written_down_ends_nothing() {
    let (journal, server) = server();
    journal.full_at(Some("_kerb_commands"));
    for statement in ["DROP TABLE T DELETE TOPIC;", "TERMINATE ALL;", "PAUSE ALL;"] {
        server.engine.execute(&request(statement)).expect_err(statement);
    }
    server.run("INSERT INTO S VALUES ('a', 1);");
    journal.until(|| table(&server, "T") == 1);
}

#[test]
fn a_new_query_does_not_go_on_with_old_state() {
    let (journal, server) = server();
    let id = server.engine.command_sequence() + 1;
    let left = format!("_confluent-ksql-default_query_CTAS_N_{id}-state-changelog");
    journal.create_topic(TopicSpec::new(left.as_str(), 1)).expect("a topic");
    journal.full_at(Some("CTAS_N"));
    let create = "CREATE TABLE N AS SELECT K, COUNT(*) AS N FROM S GROUP BY K;";
    let error = server.engine.execute(&request(create)).expect_err("its state is there still");
    assert_eq!(error.kind, RequestErrorKind::Storage);
    assert_eq!(queries(&server).len(), 2);
}

#[test]
fn a_wait_ends_when_its_client_leaves() {
    let (_, server) = server();
    let wait = request("ASSERT TOPIC NOWHERE TIMEOUT 1 HOUR;");
    let here = wait.client.guard();
    let text =
        "CREATE STREAM N (K VARCHAR KEY) WITH (KAFKA_TOPIC='n', FORMAT='JSON', PARTITIONS=1);";
    let both = Request { text: format!("{} {text}", wait.text), ..wait };
    std::thread::scope(|scope| {
        // The clock stands still: by itself this never ends.
        let waiting = scope.spawn(|| server.engine.execute(&both).expect_err("it left"));
        // Meanwhile nobody else has to wait.
        server.run("CREATE TYPE A AS STRUCT<X INT>;");
        drop(here);
        assert_eq!(waiting.join().expect("an answer").kind, RequestErrorKind::ClientLeft);
    });
    assert!(!server.engine.catalog().sources.contains_key("N"));
}

#[test]
fn a_pull_query_ends_when_its_client_leaves() {
    let (journal, server) = server();
    server.run("INSERT INTO S VALUES ('a', 1);");
    journal.until(|| table(&server, "T") == 1);
    let pull = request("SELECT * FROM T;");
    drop(pull.client.guard());
    let error = server.engine.query(&pull).expect_err("it left");
    assert_eq!(error.kind, RequestErrorKind::ClientLeft);
    // Also while it waits for its rows.
    journal.stall_at(Some("CTAS_T"));
    let server = server.reopened(&[]);
    let pull = request("SELECT * FROM T;");
    let here = pull.client.guard();
    std::thread::scope(|scope| {
        let pulling = scope.spawn(|| server.engine.query(&pull).expect_err("it left"));
        drop(here);
        assert_eq!(pulling.join().expect("an answer").kind, RequestErrorKind::ClientLeft);
    });
    journal.stall_at(None);
}

#[test]
fn print_says_when_its_topic_cannot_be_read() {
    let (journal, server) = server();
    server.run("INSERT INTO S VALUES ('a', 1);");
    let print = || server.engine.query(&request("PRINT 's' FROM BEGINNING;"));
    journal.refuse_at(Some("s"));
    assert!(print().is_err(), "its first records cannot be read");
    journal.refuse_at(None);
    let Ok(QueryAnswer::Print(mut printed)) = print() else { panic!("it prints") };
    printed.lines.blocking_recv().expect("a line").expect("it can be read");
    journal.refuse_at(Some("s"));
    let last = printed.lines.blocking_recv().expect("a word why");
    assert!(last.is_err(), "the answer breaks off");
    assert!(printed.lines.blocking_recv().is_none());
}
