//! Bytes that a format writes for a row and reads into one, and the schemas it registers.
//!
//! Ids of schemas are counted by each registry for itself: they are held against the id of the
//! subject. Entries of maps have no order, so bytes with maps may also be equal by what they say.

use std::collections::BTreeMap;

use bytes::Bytes;
use format::registry::{SchemaText, SchemaType};
use model::{Record, TimestampMs};
use serde_json::Value as Json;
use sql::catalog::Source;
use stream::push::PushEvent;
use stream::{QueryAnswer, Request};
use testkit::vectors::same_json;

use super::processing_log::LogReader;
use super::text_of;
use crate::test::compare::Actual;
use crate::test::instance::Instance;
use crate::test::qtt::record::side;
use crate::test::{Finding, Job, Verdict, topics};

/// What stands for `{name}` and `{topic}`.
const NAME: &str = "BYTES_OF";
const TOPIC: &str = "bytes";

/// Schemas that are registered by statements get ids behind this one.
const ID_TAKEN: i32 = 1_000_000;

/// A vector about bytes.
pub(super) struct BytesCase {
    pub(super) name: String,
    pub(super) vector: Json,
}

impl BytesCase {
    fn check(&self) -> Result<(), String> {
        let instance = Instance::start()?;
        instance.ensure_topic(TOPIC, 1)?;
        let kind = text_of(&self.vector, "group").trim_start_matches("formats/");
        if kind.starts_with("in/") {
            return self.check_in(&instance, kind);
        }
        if kind.ends_with(" query") {
            return self.check_query(&instance);
        }
        let created = self.execute(&instance, text_of(&self.vector, "statement"));
        match (created, self.vector["error"] == "plan") {
            (Err(_), true) => return Ok(()),
            (Ok(()), true) => return Err("was not refused".to_owned()),
            (Err(reason), false) => return Err(format!("refused: {reason}")),
            (Ok(()), false) => {}
        }
        if kind.starts_with("schema/") {
            return self.check_schemas(&instance);
        }
        match (self.execute(&instance, text_of(&self.vector, "insert")), &self.vector["error"]) {
            (Err(_), Json::String(_)) => Ok(()),
            (Err(reason), _) => Err(format!("refused: {reason}")),
            (Ok(()), Json::String(_)) => Err("was written".to_owned()),
            (Ok(()), _) => {
                let record = instance.records(TOPIC).into_iter().next().ok_or("no record")?;
                let expected = (&self.vector["key"], &self.vector["value"]);
                self.same_record(&instance, TOPIC, &record, expected)
            }
        }
    }

    fn execute(&self, instance: &Instance, text: &str) -> Result<(), String> {
        let text = text.replace("{name}", NAME).replace("{topic}", TOPIC);
        let text = text.replace("{source}", "SOURCE_ROWS");
        let executed = instance.execute(&text, &BTreeMap::new());
        executed.map(drop).map_err(|error| error.to_string())
    }

    fn same_record(
        &self,
        instance: &Instance,
        topic: &str,
        record: &Record,
        (key, value): (&Json, &Json),
    ) -> Result<(), String> {
        let source = instance.source_of(topic);
        for (is_key, got, expected) in [(true, &record.key, key), (false, &record.value, value)] {
            let side_name = if is_key { "key" } else { "value" };
            let expected = expected_bytes(instance, source.as_deref(), topic, is_key, expected);
            if got.as_deref() == expected.as_deref() {
                continue;
            }
            let told = |bytes: Option<&Bytes>| {
                let decoded = side(instance, topic, source.as_deref(), is_key).decode(bytes);
                decoded.map(without_order)
            };
            let same_length = got.as_ref().map(Bytes::len) == expected.as_ref().map(Bytes::len);
            let has_map = self.vector.to_string().contains("MAP");
            if same_length && has_map && told(got.as_ref())? == told(expected.as_ref())? {
                continue;
            }
            let show = |bytes: Option<&Bytes>| bytes.map(|bytes| bytes.escape_ascii().to_string());
            let (got, expected) = (show(got.as_ref()), show(expected.as_ref()));
            return Err(format!("{side_name}: {got:?} instead of {expected:?}"));
        }
        Ok(())
    }

    fn check_schemas(&self, instance: &Instance) -> Result<(), String> {
        for (side, is_key) in [("key", true), ("value", false)] {
            let Some(expected) = self.vector["schemas"][side]["schema"].as_str() else { continue };
            let latest = instance.registry.latest(&format::codec::subject(TOPIC, is_key));
            let got = latest.map_err(|error| format!("{side}: {error}"))?.text.schema.clone();
            // The engine that recorded named a key's record after its source.
            if named_alike(&got) != named_alike(expected) {
                return Err(format!("{side} schema {got} instead of {expected}"));
            }
        }
        Ok(())
    }

    fn check_query(&self, instance: &Instance) -> Result<(), String> {
        let columns = self.vector["source_columns"].as_object().into_iter().flatten();
        let columns = columns.map(|(name, ty)| format!("{name} {}", ty.as_str().unwrap_or("")));
        let columns: Vec<_> = columns.collect();
        let create = format!(
            "CREATE STREAM SOURCE_ROWS ({}) WITH (KAFKA_TOPIC='source_rows', PARTITIONS=1, \
             KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON');",
            columns.join(", ")
        );
        self.execute(instance, &create)?;
        self.execute(instance, text_of(&self.vector, "statement"))?;
        for row in self.vector["source_rows"].as_array().into_iter().flatten() {
            let value = row[1].as_str().map(|text| Bytes::from(text.to_owned()));
            let key = row[0].as_str().map(unhex);
            let record = Record { key, value, timestamp: TimestampMs(0), headers: Vec::new() };
            instance.append("source_rows", record)?;
        }
        instance.engine.run_until_idle();
        let records = instance.records(TOPIC);
        let expected = self.vector["out"].as_array().cloned().unwrap_or_default();
        for (at, (record, expected)) in records.iter().zip(&expected).enumerate() {
            self.same_record(instance, TOPIC, record, (&expected[0], &expected[1]))
                .map_err(|difference| format!("record {}: {difference}", at + 1))?;
        }
        match records.len() == expected.len() {
            true => self.check_schemas(instance),
            false => Err(format!("{} records instead of {}", records.len(), expected.len())),
        }
    }

    fn check_in(&self, instance: &Instance, kind: &str) -> Result<(), String> {
        // The ids in the bytes must be free when their schemas come.
        let text = SchemaText::new(SchemaType::Avro, "\"string\"");
        topics::register_as(instance, "ids", text, ID_TAKEN)?;
        let statement = text_of(&self.vector, "statement");
        let has_columns = statement.contains("{name} (");
        if !has_columns {
            self.register_writer(instance, kind)?;
        }
        self.execute(instance, statement).map_err(|error| format!("refused: {error}"))?;
        if has_columns {
            self.register_writer(instance, kind)?;
        }
        let select = format!("SELECT * FROM {NAME} EMIT CHANGES;");
        let request = Request::new(select).with("auto.offset.reset", "earliest");
        let answer = instance.engine.query(&request).map_err(|error| error.to_string())?;
        let QueryAnswer::Push(mut query) = answer else { return Err("no push query".to_owned()) };
        let bytes = |name: &str| self.vector[name].as_str().map(unhex);
        let (key, value) = (bytes("key"), bytes("value"));
        instance
            .append(TOPIC, Record { key, value, timestamp: TimestampMs(0), headers: Vec::new() })?;
        instance.engine.run_until_idle();
        let row = loop {
            match query.events.try_recv() {
                Ok(PushEvent::Rows(batch)) if batch.rows > 0 => {
                    let mut cells = Vec::new();
                    for (column, array) in query.header.schema.columns.iter().zip(&batch.columns) {
                        let mut text = Vec::new();
                        model::text::write_json(&column.ty, array, 0, &mut text);
                        let cell = serde_json::from_slice::<Json>(&text);
                        cells.push(cell.map_err(|error| error.to_string())?);
                    }
                    break Some(Json::from(cells));
                }
                Ok(PushEvent::Rows(_)) => {}
                Ok(PushEvent::End(end)) => return Err(format!("ended: {end:?}")),
                Err(_) => break None,
            }
        };
        let log = LogReader::default().fresh(instance);
        let error = self.vector["error"].as_str();
        match (row, error) {
            // The row could be read and not written: nothing to be imitated.
            (_, Some("query")) => Ok(()),
            (None, Some(_)) if log.is_empty() => Err("nothing in the log".to_owned()),
            (None, Some(_)) => Ok(()),
            (None, None) if !self.vector["note"].is_null() && log.is_empty() => Ok(()),
            (None, None) => Err(format!("no row: {}", log.join("; "))),
            (Some(row), Some(_)) => Err(format!("was read as {row}")),
            (Some(row), None) => match same_json(&row, &self.vector["result"], false) {
                true => Ok(()),
                false => Err(format!("{row} instead of {}", self.vector["result"])),
            },
        }
    }

    /// Registers the schema of whoever wrote the value, under the id that is in it.
    fn register_writer(&self, instance: &Instance, kind: &str) -> Result<(), String> {
        let payload = self.vector["value"].as_str().map(unhex).unwrap_or_default();
        let writer = text_of(&self.vector, "writer");
        let schema_type = match kind.trim_start_matches("in/").split(' ').next() {
            Some("AVRO") => SchemaType::Avro,
            Some("PROTOBUF") => SchemaType::Protobuf,
            Some("JSON_SR") => SchemaType::Json,
            _ => return Ok(()),
        };
        if payload.len() < 5 || writer == "unknown id" {
            return Ok(());
        }
        let id = i32::from_be_bytes([payload[1], payload[2], payload[3], payload[4]]);
        let is_schema = writer.starts_with(['{', '"', '[']) || writer.starts_with("syntax");
        let text = match (is_schema, schema_type) {
            (true, _) => writer,
            // A damaged payload: its writer had the usual columns I and S.
            (false, SchemaType::Avro) => {
                r#"{"type":"record","name":"W1","fields":[{"name":"I","type":"int"},{"name":"S","type":"string"}]}"#
            }
            (false, SchemaType::Protobuf) => {
                "syntax = \"proto3\"; message W { int32 I = 1; string S = 2; }"
            }
            (false, SchemaType::Json) => {
                let subject = format::codec::subject(TOPIC, false);
                match instance.registry.latest(&subject) {
                    Ok(latest) => {
                        let text = SchemaText::clone(&latest.text);
                        return self.register_at(instance, kind, text, id);
                    }
                    Err(_) => return Ok(()),
                }
            }
        };
        self.register_at(instance, kind, SchemaText::new(schema_type, text), id)
    }

    fn register_at(
        &self,
        instance: &Instance,
        kind: &str,
        text: SchemaText,
        id: i32,
    ) -> Result<(), String> {
        let own = format::codec::subject(TOPIC, false);
        let subject = if kind.ends_with("other subject") { "elsewhere-value" } else { &own };
        // Ids are ours to choose: the one that was registered at CREATE makes room.
        if instance.registry.latest(&own).is_ok() {
            let deleted = instance.registry.delete_subject(&own, false);
            let deleted = deleted.and_then(|_| instance.registry.delete_subject(&own, true));
            deleted.map_err(|error| error.to_string())?;
        }
        topics::register_as(instance, subject, text, id)
    }
}

/// The bytes that were recorded, with the id that their schema has here.
fn expected_bytes(
    instance: &Instance,
    source: Option<&Source>,
    topic: &str,
    is_key: bool,
    expected: &Json,
) -> Option<Bytes> {
    let mut bytes = expected.as_str().map(unhex)?.to_vec();
    let format = source.map(|s| if is_key { &s.key_format } else { &s.value_format });
    if format.is_some_and(|format| format.kind.uses_registry()) && bytes.len() >= 5 {
        let latest = instance.registry.latest(&format::codec::subject(topic, is_key));
        let id = latest.map_or(0, |schema| schema.id.0);
        bytes[1..5].copy_from_slice(&id.to_be_bytes());
    }
    Some(Bytes::from(bytes))
}

/// The same with entries and fields by name.
fn without_order(actual: Actual) -> Actual {
    match actual {
        Actual::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, without_order(value)));
            let mut fields: Vec<_> = fields.collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Actual::Object(fields)
        }
        Actual::Array(elements) => Actual::Array(elements.into_iter().map(without_order).collect()),
        other => other,
    }
}

/// A schema without the name that comes from the source's.
fn named_alike(schema: &str) -> String {
    let Ok(mut json) = serde_json::from_str::<Json>(schema) else { return schema.to_owned() };
    if let Some(fields) = json.as_object_mut() {
        for name in ["name", "connect.name"] {
            if fields.get(name).is_some_and(|n| n.as_str().is_some_and(|n| n.ends_with("Key"))) {
                fields.insert(name.to_owned(), Json::from("Key"));
            }
        }
    }
    json.to_string()
}

fn unhex(text: &str) -> Bytes {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

impl Job for BytesCase {
    fn cases(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn run(&self) -> Vec<Finding> {
        vec![Finding::new(&self.name, Verdict::of(self.check()))]
    }
}
