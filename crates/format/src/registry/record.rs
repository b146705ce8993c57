//! What is written down of the registry: a key and a value for each change, as Confluent's
//! registry keeps them in its compacted topic `_schemas`.
//!
//! ```text
//! {"keytype":"SCHEMA","subject":"a-value","version":1,"magic":1}
//!     -> {"subject":"a-value","version":1,"id":1,"schemaType":"AVRO","schema":"…","deleted":false}
//! {"keytype":"CONFIG","subject":null,"magic":0}  -> {"compatibilityLevel":"NONE"}
//! {"keytype":"MODE","subject":"a-value","magic":0}  -> {"mode":"READONLY"}
//! ```
//! A null value takes the key back: a version deleted for good, a level or mode unset.

use serde_json::{Value, json};

use super::{Compatibility, Mode, Reference, SchemaId, SchemaText, SchemaType};

/// One change of the registry's state.
#[derive(Clone, Debug, PartialEq)]
pub enum RegistryRecord {
    /// A version is there, or is now softly deleted.
    Schema {
        /// The subject.
        subject: String,
        /// The version.
        version: i32,
        /// The schema's id.
        id: SchemaId,
        /// The schema, in the registry's own writing.
        text: SchemaText,
        /// Softly deleted?
        is_deleted: bool,
    },
    /// A version is gone for good.
    Gone {
        /// The subject.
        subject: String,
        /// The version.
        version: i32,
    },
    /// The level of a subject, or of the registry.
    Config {
        /// The subject; `None`: the registry.
        subject: Option<String>,
        /// The level; `None`: unset.
        level: Option<Compatibility>,
    },
    /// The mode of a subject, or of the registry.
    Mode {
        /// The subject; `None`: the registry.
        subject: Option<String>,
        /// The mode; `None`: unset.
        mode: Option<Mode>,
    },
}

impl RegistryRecord {
    /// The record's key.
    pub fn key(&self) -> String {
        let key = match self {
            RegistryRecord::Schema { subject, version, .. }
            | RegistryRecord::Gone { subject, version } => {
                json!({"keytype": "SCHEMA", "subject": subject, "version": version, "magic": 1})
            }
            RegistryRecord::Config { subject, .. } => {
                json!({"keytype": "CONFIG", "subject": subject, "magic": 0})
            }
            RegistryRecord::Mode { subject, .. } => {
                json!({"keytype": "MODE", "subject": subject, "magic": 0})
            }
        };
        key.to_string()
    }

    /// The record's value; `None` is a tombstone.
    pub fn value(&self) -> Option<String> {
        let value = match self {
            RegistryRecord::Schema { subject, version, id, text, is_deleted } => {
                let mut value = json!({
                    "subject": subject,
                    "version": version,
                    "id": id,
                    "schemaType": text.schema_type,
                });
                if !text.references.is_empty() {
                    value["references"] = json!(text.references);
                }
                value["schema"] = json!(text.schema);
                value["deleted"] = json!(is_deleted);
                value
            }
            RegistryRecord::Gone { .. } => return None,
            RegistryRecord::Config { level, .. } => json!({"compatibilityLevel": (*level)?}),
            RegistryRecord::Mode { mode, .. } => json!({"mode": (*mode)?}),
        };
        Some(value.to_string())
    }

    /// Reads a record back; `None` if it is none of ours (`NOOP` and other key types).
    pub fn parse(key: &str, value: Option<&str>) -> Option<Self> {
        let key: Value = serde_json::from_str(key).ok()?;
        let value: Option<Value> = match value {
            Some(text) => Some(serde_json::from_str(text).ok()?),
            None => None,
        };
        let subject = key.get("subject").and_then(Value::as_str).map(str::to_string);
        let read = |name: &str| value.as_ref().and_then(|v| v.get(name)).cloned();
        match key.get("keytype")?.as_str()? {
            "SCHEMA" => {
                let subject = subject?;
                let version = i32::try_from(key.get("version")?.as_i64()?).ok()?;
                if value.is_none() {
                    return Some(RegistryRecord::Gone { subject, version });
                }
                let schema_type = match read("schemaType") {
                    Some(name) => serde_json::from_value(name).ok()?,
                    None => SchemaType::Avro,
                };
                let references: Vec<Reference> = match read("references") {
                    Some(list) => serde_json::from_value(list).ok()?,
                    None => Vec::new(),
                };
                let schema = read("schema")?.as_str()?.to_string();
                Some(RegistryRecord::Schema {
                    subject,
                    version,
                    id: serde_json::from_value(read("id")?).ok()?,
                    text: SchemaText { schema_type, schema, references },
                    is_deleted: read("deleted").and_then(|d| d.as_bool()).unwrap_or(false),
                })
            }
            "CONFIG" => {
                let level = read("compatibilityLevel").map(serde_json::from_value);
                Some(RegistryRecord::Config { subject, level: level.transpose().ok()? })
            }
            "MODE" => {
                let mode = read("mode").map(serde_json::from_value);
                Some(RegistryRecord::Mode { subject, mode: mode.transpose().ok()? })
            }
            _ => None,
        }
    }
}
