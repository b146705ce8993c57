//! INSERT … VALUES into a stream of these columns, and the value of the record that it makes.

use serde_json::Value as Json;
use testkit::vectors::same_json;

use super::text_of;
use crate::test::instance::Instance;
use crate::test::{Finding, Job, Verdict};

/// A vector of INSERT.
pub(super) struct InsertCase {
    pub(super) name: String,
    pub(super) vector: Json,
}

impl InsertCase {
    fn check(&self) -> Result<(), String> {
        let instance = Instance::start()?;
        let columns = self.vector["columns"].as_object().into_iter().flatten();
        let columns =
            columns.map(|(name, ty)| format!("{name} {}", ty.as_str().unwrap_or_default()));
        let columns: Vec<_> = columns.collect();
        let create = format!(
            "CREATE STREAM T ({}) WITH (KAFKA_TOPIC='t', PARTITIONS=1, VALUE_FORMAT='JSON');",
            columns.join(", ")
        );
        let none = Default::default();
        instance.execute(&create, &none).map_err(|error| format!("{create}: {error}"))?;
        let insert = text_of(&self.vector, "insert").replace("{name}", "T");
        let refused = instance.execute(&insert, &none).err();
        match (refused, self.vector.get("error").is_some()) {
            (Some(_), true) => return Ok(()),
            (Some(reason), false) => return Err(format!("refused: {reason}")),
            (None, true) => {
                let message = text_of(&self.vector, "message");
                return Err(format!("was not refused: {message}"));
            }
            (None, false) => {}
        }
        let record = instance.records("t").into_iter().next().ok_or("no record")?;
        let written = &self.vector["written"][0];
        if let Some(key) = written.get("key") {
            let got = record.key.as_deref().map(String::from_utf8_lossy);
            if got.as_deref() != key.as_str() {
                return Err(format!("key {got:?} instead of {key}"));
            }
        }
        let value = record.value.as_deref().map_or(Ok(Json::Null), serde_json::from_slice);
        let value = value.map_err(|error| error.to_string())?;
        let recorded = if written.is_null() { &self.vector } else { written };
        let expected = match &recorded["value"] {
            // The record's text, or the JSON itself.
            Json::String(text) => serde_json::from_str(text).unwrap_or(Json::Null),
            json => json.clone(),
        };
        match same_json(&value, &expected, false) {
            true => Ok(()),
            false => Err(format!("{value} instead of {expected}")),
        }
    }
}

impl Job for InsertCase {
    fn cases(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn run(&self) -> Vec<Finding> {
        vec![Finding::new(&self.name, Verdict::of(self.check()))]
    }
}
