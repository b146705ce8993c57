//! Records of unknown kind as lines of text: what the bytes look like decides how they are shown.

use std::sync::Arc;

use bytes::Bytes;
use format::registry::{SchemaId, SchemaType};
use model::{Format, FormatKind, Record};
use sql::catalog::Catalog;
use sql::plan::WindowInfo;

use crate::operators::source::split_window;

/// A record to be shown.
pub(crate) struct Shown {
    pub(crate) partition: u32,
    pub(crate) record: Record,
}

/// What bytes may be; all that fit are told, and the first is how they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    Avro,
    Protobuf,
    JsonSr,
    Json,
    KafkaInt,
    KafkaBigint,
    KafkaDouble,
    KafkaString,
}

impl Look {
    fn name(self) -> &'static str {
        match self {
            Look::Avro => "AVRO",
            Look::Protobuf => "PROTOBUF",
            Look::JsonSr => "JSON_SR",
            Look::Json => "JSON",
            Look::KafkaInt => "KAFKA_INT",
            Look::KafkaBigint => "KAFKA_BIGINT",
            Look::KafkaDouble => "KAFKA_DOUBLE",
            Look::KafkaString => "KAFKA_STRING",
        }
    }
}

/// Shows records of one topic.
pub(crate) struct Printer {
    topic: String,
    window: Option<WindowInfo>,
    registry: Arc<dyn format::Registry>,
}

impl Printer {
    /// A printer for a topic; the catalog knows whether its keys are windowed.
    pub(crate) fn new(
        topic: &str,
        catalog: &Catalog,
        registry: &Arc<dyn format::Registry>,
    ) -> Self {
        let window = catalog.sources.values().find(|s| s.topic == topic).and_then(|s| s.window);
        Self { topic: topic.to_owned(), window, registry: registry.clone() }
    }

    /// The first lines: what keys and values look like.
    pub(crate) fn formats(&self, shown: &[Shown]) -> Vec<String> {
        let looks = |payloads: Vec<Option<Bytes>>| -> String {
            let mut common: Option<Vec<Look>> = None;
            for payload in payloads.iter().flatten() {
                let looks = self.looks(payload);
                common = Some(match common {
                    Some(common) => common.into_iter().filter(|l| looks.contains(l)).collect(),
                    None => looks,
                });
            }
            match common {
                None => "¯\\_(ツ)_/¯ - no data processed".to_owned(),
                Some(looks) => looks.iter().map(|l| l.name()).collect::<Vec<_>>().join(" or "),
            }
        };
        let key = |shown: &Shown| self.key(&shown.record).map(|(key, _)| key);
        let keys = looks(shown.iter().map(key).collect());
        let values = looks(shown.iter().map(|shown| shown.record.value.clone()).collect());
        let wrap = |keys: String| match self.window {
            Some(WindowInfo::Session) => format!("SESSION({keys})"),
            Some(WindowInfo::Tumbling { .. }) => format!("TUMBLING({keys})"),
            Some(WindowInfo::Hopping { .. }) => format!("HOPPING({keys})"),
            None => keys,
        };
        vec![format!("Key format: {}", wrap(keys)), format!("Value format: {values}")]
    }

    /// A line for each record.
    pub(crate) fn lines(&mut self, shown: &[Shown]) -> Vec<String> {
        shown.iter().map(|shown| self.line(shown)).collect()
    }

    fn line(&self, shown: &Shown) -> String {
        let key = match self.key(&shown.record) {
            None => "<null>".to_owned(),
            Some((key, None)) => self.text(&key, true),
            Some((key, Some((start, end)))) => {
                format!("[{}@{start}/{end}]", self.text(&key, true))
            }
        };
        let value = match &shown.record.value {
            None => "<null>".to_owned(),
            Some(value) => self.text(value, false),
        };
        let time = time_text(shown.record.timestamp.0);
        format!("rowtime: {time}, key: {key}, value: {value}, partition: {}", shown.partition)
    }

    fn key(&self, record: &Record) -> Option<(Bytes, Option<(i64, i64)>)> {
        let key = record.key.clone()?;
        match self.window.and_then(|window| split_window(&key, window)) {
            Some((own, bounds)) => {
                Some((key.slice_ref(own), Some((bounds.start_ms, bounds.end_ms))))
            }
            None => Some((key, None)),
        }
    }

    fn looks(&self, bytes: &Bytes) -> Vec<Look> {
        if let Some((look, _)) = self.registered(bytes) {
            return vec![look];
        }
        let mut looks = Vec::new();
        if matches!(bytes.first(), Some(b'{' | b'['))
            && serde_json::from_slice::<serde_json::Value>(bytes).is_ok()
        {
            looks.push(Look::Json);
        }
        if bytes.len() == 4 {
            looks.push(Look::KafkaInt);
        }
        if bytes.len() == 8 {
            looks.extend([Look::KafkaBigint, Look::KafkaDouble]);
        }
        looks.push(Look::KafkaString);
        looks
    }

    /// Bytes behind the frame of the schema registry: a zero, then a schema's id.
    fn registered(&self, bytes: &Bytes) -> Option<(Look, SchemaId)> {
        let id = match bytes.get(..5)? {
            [0, id @ ..] => SchemaId(i32::from_be_bytes(id.try_into().ok()?)),
            _ => return None,
        };
        let look = match self.registry.by_id(id, None).ok()?.schema_type {
            SchemaType::Avro => Look::Avro,
            SchemaType::Protobuf => Look::Protobuf,
            SchemaType::Json => Look::JsonSr,
        };
        Some((look, id))
    }

    fn text(&self, bytes: &Bytes, is_key: bool) -> String {
        if let Some((look, id)) = self.registered(bytes)
            && let Some(text) = self.decoded(bytes, look, id, is_key)
        {
            return text;
        }
        let looks = self.looks(bytes);
        let number = match (looks.first(), bytes.len()) {
            (Some(Look::KafkaInt), 4) => {
                bytes[..].try_into().ok().map(|b| i64::from(i32::from_be_bytes(b)))
            }
            (Some(Look::KafkaBigint), 8) => bytes[..].try_into().ok().map(i64::from_be_bytes),
            _ => None,
        };
        match number {
            // Four or eight letters are more likely text than a number.
            Some(_) if is_text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Some(number) => number.to_string(),
            None => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// A framed payload, read by its schema and written as JSON.
    fn decoded(&self, bytes: &Bytes, look: Look, id: SchemaId, is_key: bool) -> Option<String> {
        let kind = match look {
            Look::Avro => FormatKind::Avro,
            Look::Protobuf => FormatKind::Protobuf,
            _ => FormatKind::JsonSr,
        };
        let format = Format { schema_id: Some(id.0), ..Format::new(kind) };
        let columns = format::infer(&format, is_key, &self.topic, &self.registry).ok()?;
        let decoder =
            format::decoder(&format, &columns, is_key, &self.topic, &self.registry).ok()?;
        let decoded = decoder.decode(&[Some(bytes.clone())]);
        if !decoded.errors.is_empty() {
            return None;
        }
        let json = Format::new(FormatKind::Json);
        let encoder = format::encoder(&json, &columns, is_key, &self.topic, &self.registry).ok()?;
        let payload = encoder.encode(&decoded.columns, None, 1).payloads.pop().flatten()?;
        Some(String::from_utf8_lossy(&payload).into_owned())
    }
}

fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(|c| !c.is_control()))
}

/// `2023/11/14 22:13:20.000 Z`
fn time_text(ms: i64) -> String {
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Days since 0000-03-01, in eras of 400 years; see Howard Hinnant's "chrono-compatible dates".
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hours, minutes) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (seconds, millis) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}/{month:02}/{day:02} {hours:02}:{minutes:02}:{seconds:02}.{millis:03} Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_print_writes_them() {
        assert_eq!(time_text(1_700_000_000_000), "2023/11/14 22:13:20.000 Z");
        assert_eq!(time_text(951_782_400_000), "2000/02/29 00:00:00.000 Z");
        assert_eq!(time_text(-1), "1969/12/31 23:59:59.999 Z");
    }
}
