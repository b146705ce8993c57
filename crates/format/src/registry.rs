//! The schema registry: which schemas a subject has had, under which ids, and what may follow them.
//!
//! [`Registry`] is what the codecs and the REST front speak to. The built-in one,
//! [`MemoryRegistry`], keeps its state as a fold of [`RegistryRecord`]s, so that it can live in a
//! topic, in the layout of Confluent's `_schemas`.
//!
//! A subject `:.context:name` belongs to a context with ids of its own; others to the default one.

pub mod compatibility;
mod error;
mod memory;
mod record;

use std::fmt;
use std::sync::Arc;

pub use error::RegistryError;
pub use memory::{MemoryRegistry, SchemaLog};
pub use record::RegistryRecord;

/// A schema's id: the same for the same schema under every subject of a context.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct SchemaId(pub i32);

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The language a schema is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SchemaType {
    /// Avro, as JSON.
    Avro,
    /// JSON Schema.
    Json,
    /// A `.proto` file.
    Protobuf,
}

impl SchemaType {
    /// The name in requests and answers: `AVRO`.
    pub fn name(self) -> &'static str {
        match self {
            SchemaType::Avro => "AVRO",
            SchemaType::Json => "JSON",
            SchemaType::Protobuf => "PROTOBUF",
        }
    }

    /// The type of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [SchemaType::Avro, SchemaType::Json, SchemaType::Protobuf];
        all.into_iter().find(|ty| ty.name() == name)
    }
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

impl SchemaText {
    /// A schema without references.
    pub fn new(schema_type: SchemaType, schema: impl Into<String>) -> Self {
        Self { schema_type, schema: schema.into(), references: Vec::new() }
    }
}

/// A schema with the texts of everything it refers to, directly or not.
#[derive(Clone, Debug)]
pub struct ResolvedSchema {
    /// The schema.
    pub text: Arc<SchemaText>,
    /// Name and text of what it refers to, the deepest first.
    pub references: Vec<(String, String)>,
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

/// Which version of a subject is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionSelector {
    /// The highest one.
    Latest,
    /// This one.
    Number(i32),
}

impl VersionSelector {
    /// Reads `latest`, `-1` or a number from 1 up.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        match text {
            "latest" | "-1" => Ok(VersionSelector::Latest),
            _ => match text.parse::<i32>() {
                Ok(number) if number > 0 => Ok(VersionSelector::Number(number)),
                _ => Err(RegistryError::InvalidVersion(text.to_string())),
            },
        }
    }
}

/// What a subject's next schema must be to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Compatibility {
    /// Anything goes.
    None,
    /// The new one reads what the last one wrote.
    Backward,
    /// The new one reads what any earlier one wrote.
    BackwardTransitive,
    /// The last one reads what the new one writes.
    Forward,
    /// All earlier ones read what the new one writes.
    ForwardTransitive,
    /// Both, with the last one.
    Full,
    /// Both, with all earlier ones.
    FullTransitive,
}

impl Compatibility {
    /// All of them.
    pub const ALL: [Compatibility; 7] = [
        Compatibility::None,
        Compatibility::Backward,
        Compatibility::BackwardTransitive,
        Compatibility::Forward,
        Compatibility::ForwardTransitive,
        Compatibility::Full,
        Compatibility::FullTransitive,
    ];

    /// The name in requests and answers: `BACKWARD_TRANSITIVE`.
    pub fn name(self) -> &'static str {
        match self {
            Compatibility::None => "NONE",
            Compatibility::Backward => "BACKWARD",
            Compatibility::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Compatibility::Forward => "FORWARD",
            Compatibility::ForwardTransitive => "FORWARD_TRANSITIVE",
            Compatibility::Full => "FULL",
            Compatibility::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// The level of this name, in any case.
    pub fn from_name(name: &str) -> Result<Self, RegistryError> {
        let found = Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name));
        found.ok_or(RegistryError::InvalidCompatibility)
    }

    pub(crate) fn is_backward(self) -> bool {
        use Compatibility::{Backward, BackwardTransitive, Full, FullTransitive};
        matches!(self, Backward | BackwardTransitive | Full | FullTransitive)
    }

    pub(crate) fn is_forward(self) -> bool {
        use Compatibility::{Forward, ForwardTransitive, Full, FullTransitive};
        matches!(self, Forward | ForwardTransitive | Full | FullTransitive)
    }

    pub(crate) fn is_transitive(self) -> bool {
        use Compatibility::{BackwardTransitive, ForwardTransitive, FullTransitive};
        matches!(self, BackwardTransitive | ForwardTransitive | FullTransitive)
    }
}

/// What may be done with a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// Everything but choosing ids.
    ReadWrite,
    /// Nothing.
    ReadOnly,
    /// Registering with ids and versions of the caller's choice.
    Import,
    /// As READONLY here: another registry would be asked.
    Forward,
}

impl Mode {
    /// The name in requests and answers: `READWRITE`.
    pub fn name(self) -> &'static str {
        match self {
            Mode::ReadWrite => "READWRITE",
            Mode::ReadOnly => "READONLY",
            Mode::Import => "IMPORT",
            Mode::Forward => "FORWARD",
        }
    }

    /// The mode of this name, in any case.
    pub fn from_name(name: &str) -> Result<Self, RegistryError> {
        let all = [Mode::ReadWrite, Mode::ReadOnly, Mode::Import, Mode::Forward];
        let found = all.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(name));
        found.ok_or(RegistryError::InvalidMode)
    }
}

/// A schema on its way into a subject.
#[derive(Clone, Debug)]
pub struct NewSchema {
    /// The schema.
    pub text: SchemaText,
    /// The id it must get: only in IMPORT mode.
    pub id: Option<SchemaId>,
    /// The version it must get: the next one, or any in IMPORT mode.
    pub version: Option<i32>,
}

impl From<SchemaText> for NewSchema {
    fn from(text: SchemaText) -> Self {
        Self { text, id: None, version: None }
    }
}

/// A schema registry. Methods that take `subject: Option<&str>` mean the whole registry by `None`.
pub trait Registry: Send + Sync {
    /// Registers a schema; if the subject has it already, answers with that version.
    fn register(&self, subject: &str, schema: NewSchema)
    -> Result<RegisteredSchema, RegistryError>;

    /// The version under which a subject has this schema.
    fn find(
        &self,
        subject: &str,
        schema: &SchemaText,
        with_deleted: bool,
    ) -> Result<RegisteredSchema, RegistryError>;

    /// The schema of this id; with a subject, only if it is (or was) registered under it or another
    /// one of its context.
    fn by_id(&self, id: SchemaId, subject: Option<&str>) -> Result<Arc<SchemaText>, RegistryError>;

    /// One version of a subject.
    fn version(
        &self,
        subject: &str,
        version: VersionSelector,
        with_deleted: bool,
    ) -> Result<RegisteredSchema, RegistryError>;

    /// A subject's versions, in order.
    fn versions(&self, subject: &str, with_deleted: bool) -> Result<Vec<i32>, RegistryError>;

    /// All subjects whose name begins with `prefix`, in order.
    fn subjects(&self, prefix: &str, with_deleted: bool) -> Result<Vec<String>, RegistryError>;

    /// Under which subjects and versions this id is registered.
    fn uses(&self, id: SchemaId, with_deleted: bool) -> Result<Vec<(String, i32)>, RegistryError>;

    /// The ids of the schemas that refer to this version.
    fn referenced_by(
        &self,
        subject: &str,
        version: VersionSelector,
    ) -> Result<Vec<SchemaId>, RegistryError>;

    /// What is wrong with a schema as the successor of a version (`None`: of all that the subject's
    /// level asks for); nothing, if it is compatible.
    fn check(
        &self,
        subject: &str,
        version: Option<VersionSelector>,
        schema: &SchemaText,
    ) -> Result<Vec<String>, RegistryError>;

    /// Deletes a version: softly, or what is softly deleted for good. Answers with its number.
    fn delete_version(
        &self,
        subject: &str,
        version: VersionSelector,
        is_permanent: bool,
    ) -> Result<i32, RegistryError>;

    /// Deletes a subject: softly, or one softly deleted for good. Answers with its versions.
    fn delete_subject(&self, subject: &str, is_permanent: bool) -> Result<Vec<i32>, RegistryError>;

    /// The compatibility level; for a subject without one the registry's, if `or_global`.
    fn compatibility(
        &self,
        subject: Option<&str>,
        or_global: bool,
    ) -> Result<Compatibility, RegistryError>;

    /// Sets the level; `None` takes it back. Answers with the one before, if there was one.
    fn set_compatibility(
        &self,
        subject: Option<&str>,
        level: Option<Compatibility>,
    ) -> Result<Option<Compatibility>, RegistryError>;

    /// The mode; for a subject without one the registry's, if `or_global`.
    fn mode(&self, subject: Option<&str>, or_global: bool) -> Result<Mode, RegistryError>;

    /// Sets the mode; `None` takes it back. Answers with the one before, if there was one.
    fn set_mode(
        &self,
        subject: Option<&str>,
        mode: Option<Mode>,
        is_forced: bool,
    ) -> Result<Option<Mode>, RegistryError>;

    /// All contexts, the default one (`.`) first.
    fn contexts(&self) -> Result<Vec<String>, RegistryError>;

    /// A schema with the texts of all it refers to.
    fn resolve(&self, text: &Arc<SchemaText>) -> Result<ResolvedSchema, RegistryError> {
        let mut references = Vec::new();
        let version = |subject: &str, selector| self.version(subject, selector, true);
        collect_references(&version, &text.references, &mut references, 0)?;
        Ok(ResolvedSchema { text: Arc::clone(text), references })
    }

    /// The latest version of a subject.
    fn latest(&self, subject: &str) -> Result<RegisteredSchema, RegistryError> {
        self.version(subject, VersionSelector::Latest, false)
    }
}

/// How deep references may go: enough for any schema, too little to run away.
const REFERENCE_DEPTH_MAX: usize = 32;

type FindVersion<'a> = &'a dyn Fn(&str, VersionSelector) -> Result<RegisteredSchema, RegistryError>;

fn collect_references(
    find: FindVersion<'_>,
    references: &[Reference],
    into: &mut Vec<(String, String)>,
    depth: usize,
) -> Result<(), RegistryError> {
    if depth > REFERENCE_DEPTH_MAX {
        return Err(RegistryError::InvalidSchema("references are too deep".to_string()));
    }
    for reference in references {
        if into.iter().any(|(name, _)| *name == reference.name) {
            continue;
        }
        let selector = match reference.version {
            -1 => VersionSelector::Latest,
            number => VersionSelector::Number(number),
        };
        let found = find(&reference.subject, selector).map_err(|_| {
            RegistryError::InvalidSchema(format!(
                "No schema reference found for subject \"{}\" and version {}",
                reference.subject, reference.version
            ))
        })?;
        collect_references(find, &found.text.references, into, depth + 1)?;
        into.push((reference.name.clone(), found.text.schema.clone()));
    }
    Ok(())
}
