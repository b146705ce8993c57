//! Why a codec cannot be made for these columns.

use model::FormatKind;

use crate::registry::RegistryError;

/// Making a decoder or an encoder, or deriving a schema, failed: a statement is refused for it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CodecError {
    /// The format cannot hold a column of this type.
    #[error("The '{format}' format does not support type '{ty}'{hint}")]
    UnsupportedType {
        /// The format.
        format: FormatKind,
        /// The type, as ksqlDB names it.
        ty: String,
        /// What else to do, beginning with a comma; or nothing.
        hint: String,
    },
    /// The format holds one column and there are several, or none.
    #[error("The '{format}' format only supports a single field. Got: [{columns}]")]
    NotSingle {
        /// The format.
        format: FormatKind,
        /// The columns there are.
        columns: String,
    },
    /// The format holds no columns, and there are some.
    #[error("The 'NONE' format can only be used when no columns are defined. Got: [{0}]")]
    NotEmpty(String),
    /// Maps whose keys are no texts.
    #[error("{0} only supports MAP types with STRING keys")]
    MapKeys(&'static str),
    /// The columns cannot be written as a schema of this format.
    #[error("{0}")]
    Schema(String),
    /// The registered schema is not one that columns can be made of.
    #[error("schema {id} of subject '{subject}' cannot be used: {reason}")]
    Registered {
        /// Its id.
        id: i32,
        /// Where it is registered.
        subject: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The registry refused.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}
