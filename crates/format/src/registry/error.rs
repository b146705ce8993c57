//! Why the registry refuses, with the codes of Confluent's REST API.

use super::SchemaId;

/// The registry refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// 40401: no such subject.
    #[error("Subject '{0}' not found.")]
    SubjectNotFound(String),
    /// 40402: the subject has no such version.
    #[error("Version {0} not found.")]
    VersionNotFound(i32),
    /// 40403: no such schema, or not under this subject.
    #[error("Schema not found")]
    SchemaNotFound,
    /// 40403: no schema of this id.
    #[error("Schema {0} not found")]
    IdNotFound(SchemaId),
    /// 40404: the subject is softly deleted already.
    #[error("Subject '{0}' was soft deleted. Set permanent=true to delete permanently")]
    SubjectSoftDeleted(String),
    /// 40405: the subject must be softly deleted first.
    #[error("Subject '{0}' was not deleted first before being permanently deleted")]
    SubjectNotSoftDeleted(String),
    /// 40406: the version is softly deleted already.
    #[error("Subject '{0}' Version {1} was soft deleted. Set permanent=true to delete permanently")]
    VersionSoftDeleted(String, i32),
    /// 40407: the version must be softly deleted first.
    #[error("Subject '{0}' Version {1} was not deleted first before being permanently deleted")]
    VersionNotSoftDeleted(String, i32),
    /// 40408: the subject has no level of its own.
    #[error("Subject '{0}' does not have subject-level compatibility configured")]
    CompatibilityNotConfigured(String),
    /// 40409: the subject has no mode of its own.
    #[error("Subject '{0}' does not have subject-level mode configured")]
    ModeNotConfigured(String),
    /// 40901: not compatible with an earlier version; the reasons.
    #[error(
        "Schema being registered is incompatible with an earlier schema for subject \"{subject}\", \
         details: [{}]", .reasons.join(", ")
    )]
    Incompatible {
        /// The subject.
        subject: String,
        /// What is wrong.
        reasons: Vec<String>,
    },
    /// 42201: not a schema of its language.
    #[error("Invalid schema: {0}")]
    InvalidSchema(String),
    /// 42202: not a version.
    #[error(
        "The specified version '{0}' is not a valid version id. Allowed values are between \
         [1, 2^31-1] and the string \"latest\""
    )]
    InvalidVersion(String),
    /// 42203: not a level.
    #[error(
        "Invalid compatibility level. Valid values are none, backward, forward, full, \
         backward_transitive, forward_transitive, and full_transitive"
    )]
    InvalidCompatibility,
    /// 42204: not a mode.
    #[error("Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD.")]
    InvalidMode,
    /// 42205: the mode forbids it.
    #[error("{0}")]
    NotPermitted(String),
    /// 42206: others refer to this version.
    #[error("One or more references exist to the schema {{subject={subject},version={version}}}.")]
    ReferenceExists {
        /// The subject.
        subject: String,
        /// The version.
        version: i32,
    },
    /// 50001: the record could not be kept.
    #[error("Error while writing to the registry's log: {0}")]
    Store(String),
    /// 50003: another registry was asked and did not answer.
    #[error("the schema registry cannot be reached: {0}")]
    Unreachable(String),
}

impl RegistryError {
    /// Confluent's `error_code`; its first three digits are the HTTP status.
    pub fn code(&self) -> u32 {
        match self {
            RegistryError::SubjectNotFound(_) => 40401,
            RegistryError::VersionNotFound(_) => 40402,
            RegistryError::SchemaNotFound | RegistryError::IdNotFound(_) => 40403,
            RegistryError::SubjectSoftDeleted(_) => 40404,
            RegistryError::SubjectNotSoftDeleted(_) => 40405,
            RegistryError::VersionSoftDeleted(..) => 40406,
            RegistryError::VersionNotSoftDeleted(..) => 40407,
            RegistryError::CompatibilityNotConfigured(_) => 40408,
            RegistryError::ModeNotConfigured(_) => 40409,
            RegistryError::Incompatible { .. } => 40901,
            RegistryError::InvalidSchema(_) => 42201,
            RegistryError::InvalidVersion(_) => 42202,
            RegistryError::InvalidCompatibility => 42203,
            RegistryError::InvalidMode => 42204,
            RegistryError::NotPermitted(_) => 42205,
            RegistryError::ReferenceExists { .. } => 42206,
            RegistryError::Store(_) => 50001,
            RegistryError::Unreachable(_) => 50003,
        }
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        (self.code() / 100) as u16
    }

    /// Is what was asked for just not there?
    pub fn is_not_found(&self) -> bool {
        matches!(
            self,
            RegistryError::SubjectNotFound(_)
                | RegistryError::VersionNotFound(_)
                | RegistryError::SchemaNotFound
                | RegistryError::IdNotFound(_)
        )
    }

    /// May the same call succeed later, unchanged?
    pub fn is_retryable(&self) -> bool {
        self.code() >= 50000
    }
}
