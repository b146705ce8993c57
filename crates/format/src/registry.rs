//! The schema registry: which schemas a subject has had, under which ids, and what may follow them.
//!
//! [`Registry`] is what the codecs and the REST front speak to. The built-in one keeps its state as
//! a fold of an event log, so that it can live in a topic.

use std::sync::Arc;

/// A schema's id: the same for the same schema under every subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub i32);

/// The language a schema is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaType {
    /// Avro, as JSON.
    Avro,
    /// JSON Schema.
    Json,
    /// A `.proto` file.
    Protobuf,
}

/// Another registered schema that a schema names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Reference {
    /// How the schema names it: an Avro full name, an imported file, a `$ref`.
    pub name: String,
    /// The subject it is registered under.
    pub subject: String,
    /// The version there.
    pub version: i32,
}

/// A schema that is to be registered or looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SchemaText {
    /// The language.
    pub schema_type: SchemaType,
    /// The schema.
    pub schema: String,
    /// What it refers to.
    pub references: Vec<Reference>,
}

/// A version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredSchema {
    /// The subject.
    pub subject: String,
    /// From 1 up; numbers of deleted versions are not used again.
    pub version: i32,
    /// The schema's id.
    pub id: SchemaId,
    /// The schema, in the registry's own writing.
    pub text: Arc<SchemaText>,
    /// Deleted softly: only seen by those who ask for deleted versions.
    pub is_deleted: bool,
}

/// Why the registry refused, with Confluent's error codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// No such subject.
    #[error("Subject '{0}' not found.")]
    SubjectNotFound(String),
    /// No such version.
    #[error("Version {0} not found.")]
    VersionNotFound(i32),
    /// No such schema.
    #[error("Schema not found")]
    SchemaNotFound,
}

/// A schema registry.
pub trait Registry: Send + Sync {
    /// Registers a schema under a subject; the version it has there already, if it has one.
    fn register(
        &self,
        subject: &str,
        schema: &SchemaText,
    ) -> Result<RegisteredSchema, RegistryError>;

    /// The schema of this id.
    fn by_id(&self, id: SchemaId) -> Result<Arc<SchemaText>, RegistryError>;

    /// The subject's latest version.
    fn latest(&self, subject: &str) -> Result<RegisteredSchema, RegistryError>;
}
