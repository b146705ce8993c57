//! Records as cases write them: to bytes for inputs, and held against what came out.

use bytes::Bytes;
use model::{Header, Record, TimestampMs};
use serde_json::Value as Json;
use sql::catalog::Source;
use sql::plan::WindowInfo;

use crate::test::compare::{Precision, matches};
use crate::test::instance::Instance;
use crate::test::payload::Side;
use crate::test::pipeline::Input;

/// A window beside a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    start_ms: i64,
    end_ms: i64,
    is_session: bool,
}

impl Window {
    /// The window as vectors tell it.
    pub(crate) fn told(self, has_end: bool) -> Json {
        match has_end || self.is_session {
            true => serde_json::json!({ "start": self.start_ms, "end": self.end_ms }),
            false => serde_json::json!({ "start": self.start_ms }),
        }
    }
}

/// A record of `inputs` or `outputs`.
#[derive(Clone, Debug)]
pub(crate) struct RecordCase {
    pub(crate) topic: String,
    key: Json,
    value: Json,
    timestamp_ms: Option<i64>,
    window: Option<Window>,
    headers: Vec<Header>,
}

impl RecordCase {
    /// Reads one.
    pub(crate) fn of_json(json: &Json) -> Result<Self, String> {
        let topic = json["topic"].as_str().ok_or("a record without a topic")?.to_owned();
        let window = match &json["window"] {
            Json::Null => None,
            window => Some(Window {
                start_ms: window["start"].as_i64().ok_or("a window without a start")?,
                end_ms: window["end"].as_i64().unwrap_or_default(),
                is_session: window["type"]
                    .as_str()
                    .is_some_and(|t| t.eq_ignore_ascii_case("session")),
            }),
        };
        let headers = json["headers"].as_array().into_iter().flatten();
        Ok(Self {
            topic,
            key: json["key"].clone(),
            value: json["value"].clone(),
            timestamp_ms: json["timestamp"].as_i64(),
            window,
            headers: headers.map(header).collect::<Result<_, _>>()?,
        })
    }

    /// The record in bytes, as the stream or table over its topic wants it.
    pub(crate) fn encode(&self, instance: &Instance) -> Result<Input, String> {
        let topic = instance.topic_name(&self.topic).unwrap_or_else(|| self.topic.clone());
        let source = instance.source_of(&topic);
        let side = |is_key| side(instance, &topic, source.as_deref(), is_key);
        let mut key = side(true).encode(&self.key)?;
        if let Some(window) = self.window {
            let mut bytes = key.unwrap_or_default().to_vec();
            if window.is_session {
                bytes.extend_from_slice(&window.end_ms.to_be_bytes());
            }
            bytes.extend_from_slice(&window.start_ms.to_be_bytes());
            key = Some(Bytes::from(bytes));
        }
        let value = side(false).encode(&self.value)?;
        let timestamp = TimestampMs(self.timestamp_ms.unwrap_or(0));
        let record = Record { key, value, timestamp, headers: self.headers.clone() };
        Ok(Input { topic, record })
    }
}

/// A side of a topic, by the stream or table over it.
pub(crate) fn side<'a>(
    instance: &'a Instance,
    topic: &'a str,
    source: Option<&Source>,
    is_key: bool,
) -> Side<'a> {
    match source {
        Some(source) => Side::of_source(instance, topic, source, is_key),
        None => Side::undeclared(instance, topic, is_key),
    }
}

fn header(json: &Json) -> Result<Header, String> {
    let name = json["KEY"].as_str().ok_or("a header without KEY")?.to_owned();
    let value = match json["VALUE"].as_str() {
        None => None,
        Some(text) => {
            let bytes = model::text::base64_bytes(text);
            Some(Bytes::from(bytes.ok_or_else(|| format!("header {text} is not base64"))?))
        }
    };
    Ok(Header { name, value })
}

/// By which rules records are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpectedRecord {
    /// How exact numbers are.
    pub(crate) precision: Precision,
    /// Timestamp 0 stands for any: the case has no inputs, only INSERT statements.
    pub(crate) zero_is_any_time: bool,
}

impl ExpectedRecord {
    /// Holds the records of all topics that are named against what is in these topics.
    pub(crate) fn verify(
        &self,
        instance: &Instance,
        expected: &[RecordCase],
    ) -> Result<(), String> {
        let mut topics: Vec<&str> = Vec::new();
        for record in expected {
            if !topics.contains(&record.topic.as_str()) {
                topics.push(&record.topic);
            }
        }
        for topic in topics {
            let expected: Vec<_> = expected.iter().filter(|r| r.topic == topic).collect();
            let Some(name) = instance.topic_name(topic) else {
                return Err(format!("there is no topic {topic}"));
            };
            let actual = instance.records(&name);
            let source = instance.source_of(&name);
            for (at, (expected, actual)) in expected.iter().zip(&actual).enumerate() {
                self.compare(instance, &name, source.as_deref(), expected, actual)
                    .map_err(|difference| format!("{topic}, record {}: {difference}", at + 1))?;
            }
            if expected.len() != actual.len() {
                let next = match actual.get(expected.len()) {
                    Some(record) => show(instance, &name, source.as_deref(), record),
                    None => {
                        let missing = expected[actual.len()];
                        format!("missing: key {} value {}", missing.key, missing.value)
                    }
                };
                let (wanted, got) = (expected.len(), actual.len());
                return Err(format!("{topic}: {got} records instead of {wanted}; {next}"));
            }
        }
        Ok(())
    }

    fn compare(
        &self,
        instance: &Instance,
        topic: &str,
        source: Option<&Source>,
        expected: &RecordCase,
        actual: &Record,
    ) -> Result<(), String> {
        let (key, window) = split_key(source, actual)?;
        let key = side(instance, topic, source, true).decode(key.as_ref())?;
        let value = side(instance, topic, source, false).decode(actual.value.as_ref())?;
        let same_key = matches(&key, &expected.key, self.precision);
        let same_value = matches(&value, &expected.value, self.precision);
        if !same_key || !same_value {
            let (wanted_key, wanted) = (&expected.key, &expected.value);
            return Err(format!(
                "{}key {key} value {value} instead of key {wanted_key} value {wanted}",
                if same_key { "" } else { "(key) " }
            ));
        }
        if window != expected.window {
            return Err(format!("window {window:?} instead of {:?}", expected.window));
        }
        let is_any = self.zero_is_any_time && expected.timestamp_ms == Some(0);
        if let Some(wanted) = expected.timestamp_ms
            && wanted != actual.timestamp.0
            && !is_any
        {
            return Err(format!("timestamp {} instead of {wanted}", actual.timestamp));
        }
        if expected.headers != actual.headers {
            let (got, wanted) = (&actual.headers, &expected.headers);
            return Err(format!("headers {got:?} instead of {wanted:?}"));
        }
        Ok(())
    }
}

/// The key without its window, and that.
pub(crate) fn split_key(
    source: Option<&Source>,
    record: &Record,
) -> Result<(Option<Bytes>, Option<Window>), String> {
    let (Some(info), Some(key)) = (source.and_then(|s| s.window), &record.key) else {
        return Ok((record.key.clone(), None));
    };
    let number = |from: usize| -> Option<i64> {
        Some(i64::from_be_bytes(key.get(from..from + 8)?.try_into().ok()?))
    };
    let split = || {
        let behind = if info == WindowInfo::Session { 16 } else { 8 };
        let at = key.len().checked_sub(behind)?;
        let start_ms = number(key.len() - 8)?;
        let end_ms = match info {
            WindowInfo::Session => number(at)?,
            WindowInfo::Tumbling { size_ms } | WindowInfo::Hopping { size_ms } => {
                start_ms.saturating_add(size_ms)
            }
        };
        let is_session = info == WindowInfo::Session;
        Some((Some(key.slice(..at)), Some(Window { start_ms, end_ms, is_session })))
    };
    split().ok_or_else(|| format!("key {key:?} has no window"))
}

fn show(instance: &Instance, topic: &str, source: Option<&Source>, record: &Record) -> String {
    let shown = || {
        let (key, _) = split_key(source, record)?;
        let key = side(instance, topic, source, true).decode(key.as_ref())?;
        let value = side(instance, topic, source, false).decode(record.value.as_ref())?;
        Ok(format!("unexpected: key {key} value {value}"))
    };
    shown().unwrap_or_else(|error: String| error)
}
