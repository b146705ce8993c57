//! Sequences: statements, rows of a feed piped in that order, and every record of the sink `OUT`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use model::{Record, TimestampMs};
use serde_json::{Value as Json, json};
use sql::catalog::Source;
use testkit::vectors::{is_unordered, same_json};

use crate::test::instance::Instance;
use crate::test::pipeline::{self, Batching, Input};
use crate::test::qtt::record::split_key;
use crate::test::qtt::script;
use crate::test::{Finding, Job, Verdict, topics};

/// The sink that is looked at.
const SINK: &str = "OUT";

/// Rows by the name of their feed.
pub(super) type Feeds = Arc<BTreeMap<String, Vec<Json>>>;

/// Reads `feeds.jsonl` beside a file of sequences.
pub(super) fn read_feeds(beside: &Path) -> Result<Feeds, String> {
    let path = beside.with_file_name("feeds.jsonl");
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    let mut feeds = BTreeMap::new();
    for line in text.lines() {
        let feed: Json = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let name = feed["feed"].as_str().unwrap_or_default().to_owned();
        feeds.insert(name, feed["rows"].as_array().cloned().unwrap_or_default());
    }
    Ok(Arc::new(feeds))
}

/// A sequence.
pub(super) struct SequenceCase {
    pub(super) name: String,
    pub(super) feeds: Feeds,
    pub(super) vector: Json,
}

impl SequenceCase {
    fn check(&self, batching: Batching) -> Result<(), String> {
        let instance = Instance::start()?;
        let script = script(&self.vector);
        topics::prepare(&instance, &Json::Null, &script)?;
        let error = self.vector["error"].as_str();
        let refused = instance.execute(&script, &BTreeMap::new()).err();
        match (refused, error) {
            (Some(_), Some("plan")) => return Ok(()),
            (Some(reason), _) => return Err(format!("refused: {reason}")),
            (None, Some("plan")) => {
                let message = self.vector["message"].as_str().unwrap_or_default();
                return Err(format!("was not refused: {message}"));
            }
            (None, _) => {}
        }
        let feed = self.vector["rows"].as_str().unwrap_or_default();
        let rows = self.feeds.get(feed).ok_or_else(|| format!("there is no feed {feed}"))?;
        let inputs: Vec<Input> = rows.iter().map(input).collect();
        for input in &inputs {
            instance.ensure_topic(&input.topic, 1)?;
        }
        let piped = pipeline::run(&instance, &inputs, batching);
        match (piped, error) {
            // Where the other engine breaks down, ours may do as well or better.
            (_, Some("run")) => return Ok(()),
            (Err(reason), _) => return Err(format!("failed: {reason}")),
            (Ok(()), _) => {}
        }
        self.verify(&instance)
    }

    fn verify(&self, instance: &Instance) -> Result<(), String> {
        let catalog = instance.catalog();
        let sink = catalog.sources.get(SINK).ok_or("there is no sink OUT")?;
        let expected = self.vector["out"].as_array().cloned().unwrap_or_default();
        let records = instance.records(&sink.topic);
        let unordered = is_unordered(&script(&self.vector));
        for (at, (record, expected)) in records.iter().zip(&expected).enumerate() {
            let got = told(sink, record, expected)?;
            if !same_record(&got, expected, unordered) {
                return Err(format!("record {}: {got} instead of {expected}", at + 1));
            }
        }
        if records.len() != expected.len() {
            let (got, wanted) = (records.len(), expected.len());
            let next = match records.get(expected.len()) {
                Some(record) => format!("unexpected {}", told(sink, record, &Json::Null)?),
                None => format!("missing {}", expected[got]),
            };
            return Err(format!("{got} records instead of {wanted}; {next}"));
        }
        Ok(())
    }
}

/// Numbers are in the text of keys and values, so they are compared as such.
fn same_record(got: &Json, expected: &Json, unordered: bool) -> bool {
    let same = |name: &str| match (&got[name], &expected[name]) {
        (Json::Object(a), Json::Object(b)) => {
            // Fields that show the order of a map are compared as bags, one by one.
            let same = |(name, a): (&String, &Json)| {
                b.get(name).is_some_and(|b| same_json(a, b, unordered))
            };
            a.len() == b.len() && a.iter().all(same)
        }
        (a, b) => same_json(a, b, unordered),
    };
    ["key", "value", "window", "timestamp"].into_iter().all(same)
}

fn input(row: &Json) -> Input {
    let bytes = |json: &Json| match json {
        Json::Null => None,
        json => Some(Bytes::from(json.to_string())),
    };
    let record = Record {
        key: bytes(&row["key"]),
        value: bytes(&row["value"]),
        timestamp: TimestampMs(row["timestamp"].as_i64().unwrap_or(0)),
        headers: Vec::new(),
    };
    Input { topic: row["topic"].as_str().unwrap_or_default().to_owned(), record }
}

/// A record as the vectors tell it.
fn told(sink: &Source, record: &Record, expected: &Json) -> Result<Json, String> {
    let (key, window) = split_key(Some(sink), record)?;
    let json = |bytes: Option<&[u8]>| match bytes {
        None => Ok(Json::Null),
        Some(bytes) => serde_json::from_slice::<Json>(bytes)
            .map_err(|error| format!("{}: {error}", String::from_utf8_lossy(bytes))),
    };
    let mut told = json!({
        "key": json(key.as_deref())?,
        "value": json(record.value.as_deref())?,
        "timestamp": record.timestamp.0,
    });
    if let Some(window) = window {
        let has_end = expected["window"].get("end").is_some();
        told["window"] = window.told(has_end);
    }
    Ok(told)
}

impl Job for SequenceCase {
    fn cases(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn run(&self) -> Vec<Finding> {
        let result = Batching::ALL
            .into_iter()
            .try_for_each(|batching| self.check(batching).map_err(|d| batching.told(d)));
        vec![Finding::new(&self.name, Verdict::of(result))]
    }
}
