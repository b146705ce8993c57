//! The event log as `topics`, `produce` and `consume` see it: through a running server, or straight
//! from a data directory that none runs on.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use journal::embedded::{EmbeddedJournal, EmbeddedOptions};
use journal::{Commit, GroupId, Journal, TopicSpec, partition_for_key};
use model::text::{base64_bytes, base64_text};
use model::{Header, Offset, Record, TimestampMs, TopicPartition};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::arguments::Log;
use crate::exit::Exit;
use crate::server_url;

/// How many bytes are read at once.
const READ_BYTES: usize = 1 << 20;

/// The event log.
pub(crate) enum LogClient {
    /// This directory, which is ours alone while we are here.
    Local(Arc<dyn Journal>),
    /// A server.
    Remote {
        /// Speaks HTTP.
        client: reqwest::Client,
        /// Its address, without a slash behind it.
        base: String,
    },
}

/// A topic with the bounds of its partitions.
pub(crate) struct Topic {
    /// Its name.
    pub(crate) name: String,
    /// First offset, and one behind the last, of each partition.
    pub(crate) bounds: Vec<(Offset, Offset)>,
}

/// A record with its place.
pub(crate) struct Placed {
    /// Its partition.
    pub(crate) partition: u32,
    /// Its offset.
    pub(crate) offset: Offset,
    /// Itself.
    pub(crate) record: Record,
}

impl LogClient {
    /// Opens the log that the command line names. A directory without one is an error.
    pub(crate) fn open(log: &Log) -> Result<Self, Exit> {
        match &log.data {
            Some(directory) if !EmbeddedJournal::exists(directory) => {
                Err(anyhow!("--data: no such data directory: {}", directory.display()).into())
            }
            _ => Self::open_or_make(log),
        }
    }

    /// The same; a directory that is not there is made.
    pub(crate) fn open_or_make(log: &Log) -> Result<Self, Exit> {
        match &log.data {
            Some(directory) => {
                let journal = EmbeddedJournal::open(directory, EmbeddedOptions::default())?;
                Ok(LogClient::Local(Arc::new(journal)))
            }
            None => {
                let base = server_url::named(log.server.as_deref())?;
                Ok(LogClient::Remote { client: reqwest::Client::new(), base })
            }
        }
    }

    /// All topics, by name.
    pub(crate) async fn topics(&self) -> Result<Vec<Topic>> {
        match self {
            LogClient::Local(journal) => {
                journal.topics().iter().map(|t| local(journal, t)).collect()
            }
            LogClient::Remote { .. } => {
                let answer = self.get("/kerb/v1/topics").await?;
                let topics = answer["topics"].as_array().cloned().unwrap_or_default();
                topics.iter().map(remote_topic).collect()
            }
        }
    }

    /// The topic of this name.
    pub(crate) async fn topic(&self, name: &str) -> Result<Topic> {
        let all = self.topics().await?;
        let names: Vec<String> = all.iter().map(|t| t.name.clone()).collect();
        all.into_iter().find(|t| t.name == name).ok_or_else(|| {
            let known: Vec<&str> =
                names.iter().map(String::as_str).filter(|n| !n.starts_with('_')).collect();
            anyhow!("there is no topic '{name}'; there are: {}", known.join(", "))
        })
    }

    /// Appends records, and makes the topic if there is none.
    pub(crate) async fn append(&self, topic: &str, records: Vec<Record>) -> Result<()> {
        match self {
            LogClient::Local(journal) => {
                let target = journal::user_topic(&**journal, TopicSpec::new(topic, 1))?;
                let partitions = target.spec.partitions;
                let mut by_partition = vec![Vec::new(); partitions as usize];
                for (i, record) in records.into_iter().enumerate() {
                    let partition = match &record.key {
                        Some(key) => partition_for_key(key, partitions) as usize,
                        None => i % partitions as usize,
                    };
                    by_partition[partition].push(record);
                }
                let place = |p| TopicPartition::new(topic, p);
                let records = (0..partitions).map(place).zip(by_partition);
                let records = records.filter(|(_, r)| !r.is_empty()).collect();
                journal.commit(Commit { records, offsets: Vec::new() })?;
                Ok(())
            }
            LogClient::Remote { .. } => {
                let path = format!("/kerb/v1/topics/{}/records", encoded(topic));
                let lines: Vec<String> =
                    records.iter().map(|r| json_record(r).to_string()).collect();
                self.post(&path, lines.join("\n")).await?;
                Ok(())
            }
        }
    }

    /// Records from an offset on, and where to read on.
    pub(crate) async fn read(
        &self,
        topic: &str,
        partition: u32,
        from: Offset,
    ) -> Result<(Vec<Placed>, Offset)> {
        match self {
            LogClient::Local(journal) => {
                journal::check_shown(topic)?;
                let place = TopicPartition::new(topic, partition);
                let fetched = journal.read(&place, from, READ_BYTES)?;
                let placed = |(offset, record)| Placed { partition, offset, record };
                Ok((fetched.records.into_iter().map(placed).collect(), fetched.next))
            }
            LogClient::Remote { .. } => {
                let path = format!(
                    "/kerb/v1/topics/{}/partitions/{partition}/records?from={}&max_bytes={READ_BYTES}",
                    encoded(topic),
                    from.0
                );
                remote_records(partition, &self.get_text(&path).await?)
            }
        }
    }

    /// The first offset at or after a time.
    pub(crate) async fn offset_at(
        &self,
        topic: &str,
        partition: u32,
        time: TimestampMs,
    ) -> Result<Offset> {
        match self {
            LogClient::Local(journal) => {
                Ok(journal.offset_at(&TopicPartition::new(topic, partition), time)?)
            }
            LogClient::Remote { .. } => {
                let topic = encoded(topic);
                let path =
                    format!("/kerb/v1/topics/{topic}/partitions/{partition}/offset?time={time}");
                let answer = self.get(&path).await?;
                answer["offset"].as_i64().map(Offset).context("the server's answer has no offset")
            }
        }
    }

    /// How far a group has read one topic, by partition.
    pub(crate) async fn committed(&self, group: &str, topic: &str) -> Result<Vec<(u32, Offset)>> {
        match self {
            LogClient::Local(journal) => {
                let committed = journal.committed(&GroupId(group.into()));
                let ours = committed.into_iter().filter(|(place, _)| &*place.topic == topic);
                Ok(ours.map(|(place, offset)| (place.partition.0, offset)).collect())
            }
            LogClient::Remote { .. } => {
                let path = format!("/kerb/v1/groups/{}/offsets", encoded(group));
                let answer = self.get(&path).await?;
                let all = answer["offsets"].as_array().cloned().unwrap_or_default();
                let ours = all.iter().filter(|o| o["topic"].as_str() == Some(topic));
                Ok(ours
                    .filter_map(|o| {
                        let partition = u32::try_from(o["partition"].as_u64()?).ok()?;
                        Some((partition, Offset(o["offset"].as_i64()?)))
                    })
                    .collect())
            }
        }
    }

    /// Remembers how far a group has read one topic.
    pub(crate) async fn commit(
        &self,
        group: &str,
        topic: &str,
        offsets: &[(u32, Offset)],
    ) -> Result<()> {
        match self {
            LogClient::Local(journal) => {
                let position = |(partition, offset): &(u32, Offset)| {
                    (TopicPartition::new(topic, *partition), *offset)
                };
                let positions = offsets.iter().map(position);
                Ok(journal::keep_positions(journal.as_ref(), group, positions)?)
            }
            LogClient::Remote { client, base } => {
                let offset = |offset: &(u32, Offset)| {
                    let (partition, Offset(offset)) = offset;
                    json!({ "topic": topic, "partition": partition, "offset": offset })
                };
                let offsets: Vec<Value> = offsets.iter().map(offset).collect();
                let path = format!("{base}/kerb/v1/groups/{}/offsets", encoded(group));
                finish(base, client.post(path).json(&offsets)).await?;
                Ok(())
            }
        }
    }

    async fn get(&self, path: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.get_text(path).await?)?)
    }

    async fn get_text(&self, path: &str) -> Result<String> {
        let LogClient::Remote { client, base } = self else { bail!("no server is asked here") };
        finish(base, client.get(format!("{base}{path}"))).await
    }

    async fn post(&self, path: &str, body: String) -> Result<String> {
        let LogClient::Remote { client, base } = self else { bail!("no server is asked here") };
        finish(base, client.post(format!("{base}{path}")).body(body)).await
    }
}

/// Sends a request; what the server refuses becomes an error with its message.
async fn finish(base: &str, request: reqwest::RequestBuilder) -> Result<String> {
    let response = request.send().await.map_err(|e| server_url::not_reached(base, &e))?;
    let status = response.status();
    let text = response.text().await.map_err(|e| server_url::not_reached(base, &e))?;
    if status.is_success() {
        return Ok(text);
    }
    let refusal: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    match refusal["message"].as_str() {
        Some(message) => bail!("{message}"),
        None => bail!("{base} answered {status}: is it a kerb server?"),
    }
}

fn local(journal: &Arc<dyn Journal>, topic: &journal::TopicInfo) -> Result<Topic> {
    let bounds = (0..topic.spec.partitions).map(|partition| {
        let place = TopicPartition::new(Arc::clone(&topic.spec.name), partition);
        let bounds = journal.bounds(&place)?;
        Ok((bounds.start, bounds.end))
    });
    Ok(Topic { name: topic.spec.name.to_string(), bounds: bounds.collect::<Result<_>>()? })
}

fn remote_topic(topic: &Value) -> Result<Topic> {
    let name = topic["name"].as_str().context("a topic without a name")?.to_string();
    let partitions = topic["partitions"].as_array().cloned().unwrap_or_default();
    let bound = |p: &Value, side: &str| p[side].as_i64().map(Offset);
    let bounds = partitions.iter().filter_map(|p| Some((bound(p, "start")?, bound(p, "end")?)));
    Ok(Topic { name, bounds: bounds.collect() })
}

fn remote_records(partition: u32, lines: &str) -> Result<(Vec<Placed>, Offset)> {
    let mut placed = Vec::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line)?;
        if let Some(next) = line["next"].as_i64() {
            return Ok((placed, Offset(next)));
        }
        let bytes = |v: &Value| v.as_str().and_then(base64_bytes).map(Bytes::from);
        let headers = line["headers"].as_array().cloned().unwrap_or_default();
        let header =
            |h: &Value| Some(Header { name: h[0].as_str()?.to_string(), value: bytes(&h[1]) });
        placed.push(Placed {
            partition,
            offset: Offset(line["offset"].as_i64().context("a record without an offset")?),
            record: Record {
                key: bytes(&line["key"]),
                value: bytes(&line["value"]),
                timestamp: TimestampMs(line["timestamp"].as_i64().unwrap_or_default()),
                headers: headers.iter().filter_map(header).collect(),
            },
        });
    }
    bail!("the server's answer broke off")
}

fn json_record(record: &Record) -> Value {
    let text = |bytes: &Option<Bytes>| bytes.as_deref().map(base64_text);
    let headers: Vec<Value> =
        record.headers.iter().map(|h| json!([h.name, text(&h.value)])).collect();
    json!({ "key": text(&record.key), "value": text(&record.value), "headers": headers })
}

fn encoded(part: &str) -> String {
    utf8_percent_encode(part, NON_ALPHANUMERIC).to_string()
}
