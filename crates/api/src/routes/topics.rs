//! The event log over HTTP, ours: what `kerb topics`, `kerb produce` and `kerb consume` speak to a
//! running server. Keys, values and headers are bytes, in base64.
//!
//! | request | does |
//! |---|---|
//! | `GET /kerb/v1/topics` | lists topics with their partitions' bounds |
//! | `POST /kerb/v1/topics/T/records` | appends records, a JSON object a line; makes the topic |
//! | `GET /kerb/v1/topics/T/partitions/P/records?from=N&max_bytes=B` | records from an offset on |
//! | `GET /kerb/v1/topics/T/partitions/P/offset?time=MS` | the first offset at or after a time |
//! | `GET`, `POST /kerb/v1/groups/G/offsets` | what a group has committed; commits |

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use bytes::Bytes;
use journal::{Commit, GroupId, Journal, PositionError, TopicSpec, partition_for_key};
use model::text::{base64_bytes, base64_text};
use model::{Header, Offset, Partition, Record, TimestampMs, TopicPartition};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Api, blocking, with_type};
use crate::body;
use crate::error::{ApiError, journal_refused};

/// How many bytes of records one answer holds at the most.
const READ_BYTES_MAX: usize = 4 << 20;

/// A record as it stands in requests and answers.
#[derive(Debug, Serialize, Deserialize)]
struct JsonRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appended_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, Option<String>)>,
}

pub(super) async fn list(State(api): State<Api>) -> Response {
    respond(blocking(move || topics(&**api.engine.journal())).await)
}

fn topics(journal: &dyn Journal) -> Result<serde_json::Value, ApiError> {
    let mut all = Vec::new();
    for topic in journal.topics() {
        let mut partitions = Vec::new();
        for partition in 0..topic.spec.partitions {
            let place = TopicPartition::new(Arc::clone(&topic.spec.name), partition);
            // A topic may go while it is listed.
            let Ok(bounds) = journal.bounds(&place) else { continue };
            partitions.push(json!({
                "partition": partition, "start": bounds.start.0, "end": bounds.end.0,
            }));
        }
        all.push(json!({ "name": &*topic.spec.name, "partitions": partitions }));
    }
    Ok(json!({ "topics": all }))
}

pub(super) async fn produce(
    State(api): State<Api>,
    Path(topic): Path<String>,
    request: Request,
) -> Response {
    let body = match body::whole(request.into_body()).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    respond(blocking(move || append(&api, &topic, &body)).await)
}

/// Appends all lines in one commit; returns how many there were.
fn append(api: &Api, topic: &str, body: &[u8]) -> Result<serde_json::Value, ApiError> {
    let journal = api.engine.journal();
    let bad = |message: String| ApiError::typed(40_000, message);
    let target = journal::user_topic(&**journal, TopicSpec::new(topic, 1));
    let partitions = target.map_err(|e| journal_refused(40_000, e))?.spec.partitions;
    let now = api.engine.clock().now();
    let mut by_partition: Vec<Vec<Record>> = vec![Vec::new(); partitions as usize];
    let mut count = 0u64;
    for (i, line) in body.split(|b| *b == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let line: JsonRecord = serde_json::from_slice(line)
            .map_err(|e| bad(format!("line {} is not a record: {e}", i + 1)))?;
        let wanted = line.partition;
        let record =
            record(line, now).ok_or_else(|| bad(format!("line {} is not base64", i + 1)))?;
        let partition = match (wanted, &record.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_for_key(key, partitions),
            (None, None) => (count % u64::from(partitions)) as u32,
        };
        let records = by_partition.get_mut(partition as usize).ok_or_else(|| {
            bad(format!("line {}: topic '{topic}' has no partition {partition}", i + 1))
        })?;
        records.push(record);
        count += 1;
    }
    let name: Arc<str> = topic.into();
    let records = (0..partitions)
        .zip(by_partition)
        .filter(|(_, records)| !records.is_empty())
        .map(|(partition, records)| (TopicPartition::new(Arc::clone(&name), partition), records))
        .collect();
    let commit = Commit { records, offsets: Vec::new() };
    journal.commit(commit).map_err(|e| journal_refused(40_000, e))?;
    Ok(json!({ "records": count }))
}

fn record(line: JsonRecord, now: TimestampMs) -> Option<Record> {
    let bytes = |text: Option<String>| match text {
        None => Some(None),
        Some(text) => base64_bytes(&text).map(|b| Some(Bytes::from(b))),
    };
    let headers = line.headers.into_iter().map(|(name, value)| {
        let value = bytes(value)?;
        Some(Header { name, value })
    });
    Some(Record {
        key: bytes(line.key)?,
        value: bytes(line.value)?,
        timestamp: line.timestamp.map_or(now, TimestampMs),
        headers: headers.collect::<Option<Vec<_>>>()?,
    })
}

/// Where to read.
#[derive(Debug, Deserialize)]
pub(super) struct ReadQuery {
    from: i64,
    max_bytes: Option<usize>,
}

pub(super) async fn read(
    State(api): State<Api>,
    Path((topic, partition)): Path<(String, u32)>,
    Query(query): Query<ReadQuery>,
) -> Response {
    let max_bytes = query.max_bytes.unwrap_or(READ_BYTES_MAX).min(READ_BYTES_MAX);
    let place = TopicPartition::new(topic, partition);
    let from = Offset(query.from.max(0));
    if let Err(error) = journal::check_shown(&place.topic) {
        return journal_refused(40_300, error).into_response();
    }
    let read = blocking(move || api.engine.journal().read(&place, from, max_bytes)).await;
    let fetched = match read {
        Ok(Ok(fetched)) => fetched,
        Ok(Err(error)) => return journal_refused(40_400, error).into_response(),
        Err(error) => return error.into_response(),
    };
    let mut lines = Vec::new();
    let appended = fetched.appended_at.iter().map(|t| Some(t.0)).chain(std::iter::repeat(None));
    for ((offset, record), appended_at) in fetched.records.iter().zip(appended) {
        let text = |bytes: &Option<Bytes>| bytes.as_deref().map(base64_text);
        let line = JsonRecord {
            partition: None,
            offset: Some(offset.0),
            key: text(&record.key),
            value: text(&record.value),
            timestamp: Some(record.timestamp.0),
            appended_at,
            headers: record.headers.iter().map(|h| (h.name.clone(), text(&h.value))).collect(),
        };
        if serde_json::to_writer(&mut lines, &line).is_ok() {
            lines.push(b'\n');
        }
    }
    let end = json!({ "next": fetched.next.0 });
    lines.extend_from_slice(format!("{end}\n").as_bytes());
    with_type(Body::from(lines), "application/x-ndjson")
}

/// When to read from.
#[derive(Debug, Deserialize)]
pub(super) struct OffsetQuery {
    time: i64,
}

pub(super) async fn offset_at(
    State(api): State<Api>,
    Path((topic, partition)): Path<(String, u32)>,
    Query(query): Query<OffsetQuery>,
) -> Response {
    let place = TopicPartition::new(topic, partition);
    let time = TimestampMs(query.time);
    let found = blocking(move || {
        let found = api.engine.journal().offset_at(&place, time);
        let found = found.map_err(|e| journal_refused(40_400, e))?;
        Ok(json!({ "offset": found.0 }))
    });
    respond(found.await)
}

/// A group's position in one partition.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct JsonOffset {
    topic: String,
    partition: u32,
    offset: i64,
}

pub(super) async fn committed(State(api): State<Api>, Path(group): Path<String>) -> Response {
    let offsets = blocking(move || {
        let committed = api.engine.journal().committed(&GroupId(group.into()));
        let offset = |(place, offset): (TopicPartition, Offset)| JsonOffset {
            topic: place.topic.to_string(),
            partition: place.partition.0,
            offset: offset.0,
        };
        let all: Vec<JsonOffset> = committed.into_iter().map(offset).collect();
        Ok(json!({ "offsets": all }))
    });
    respond(offsets.await)
}

pub(super) async fn commit(
    State(api): State<Api>,
    Path(group): Path<String>,
    request: Request,
) -> Response {
    let offsets = match body::whole(request.into_body()).await.and_then(|body| offsets_of(&body)) {
        Ok(offsets) => offsets,
        Err(error) => return error.into_response(),
    };
    let committed = blocking(move || {
        let position = |o: JsonOffset| {
            let topic: Arc<str> = o.topic.into();
            (TopicPartition { topic, partition: Partition(o.partition) }, Offset(o.offset))
        };
        let positions = offsets.into_iter().map(position);
        match journal::keep_positions(api.engine.journal().as_ref(), &group, positions) {
            Ok(()) => Ok(json!({})),
            Err(PositionError::Commit(error)) => Err(journal_refused(40_000, error)),
            Err(PositionError::Partition(error)) => Err(journal_refused(40_400, error)),
            Err(error) => Err(ApiError::typed(40_000, error.to_string())),
        }
    });
    respond(committed.await)
}

fn offsets_of(body: &[u8]) -> Result<Vec<JsonOffset>, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("not a list of {{\"topic\", \"partition\", \"offset\"}}: {error}");
        ApiError::typed(40_000, message)
    })
}

fn respond(answer: Result<Result<serde_json::Value, ApiError>, ApiError>) -> Response {
    match answer.and_then(|answer| answer) {
        Ok(value) => with_type(Body::from(value.to_string()), "application/json"),
        Err(error) => error.into_response(),
    }
}
