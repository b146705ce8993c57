//! Which format a topic's keys or values are in, and its settings: what WITH says, what `format`
//! does.

use std::fmt;

use crate::SqlType;

/// The formats of the dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FormatKind {
    /// Text, columns between delimiters.
    Delimited,
    /// JSON without a registered schema.
    Json,
    /// JSON with a registered schema.
    JsonSr,
    /// Avro with a registered schema.
    Avro,
    /// Protobuf with a registered schema.
    Protobuf,
    /// Protobuf without one.
    ProtobufNosr,
    /// Kafka's own serializers for single values.
    Kafka,
    /// No data at all.
    None,
}

impl FormatKind {
    /// All of them.
    pub const ALL: [FormatKind; 8] = [
        FormatKind::Delimited,
        FormatKind::Json,
        FormatKind::JsonSr,
        FormatKind::Avro,
        FormatKind::Protobuf,
        FormatKind::ProtobufNosr,
        FormatKind::Kafka,
        FormatKind::None,
    ];

    /// The name in WITH: `JSON_SR`.
    pub fn name(self) -> &'static str {
        match self {
            FormatKind::Delimited => "DELIMITED",
            FormatKind::Json => "JSON",
            FormatKind::JsonSr => "JSON_SR",
            FormatKind::Avro => "AVRO",
            FormatKind::Protobuf => "PROTOBUF",
            FormatKind::ProtobufNosr => "PROTOBUF_NOSR",
            FormatKind::Kafka => "KAFKA",
            FormatKind::None => "NONE",
        }
    }

    /// The format of this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name().eq_ignore_ascii_case(name))
    }

    /// Are its schemas kept in the registry?
    pub fn uses_registry(self) -> bool {
        match self {
            FormatKind::JsonSr | FormatKind::Avro | FormatKind::Protobuf => true,
            FormatKind::Delimited
            | FormatKind::Json
            | FormatKind::ProtobufNosr
            | FormatKind::Kafka
            | FormatKind::None => false,
        }
    }

    /// Is it Protobuf's bytes, whose fields have no null of their own?
    pub fn is_protobuf(self) -> bool {
        match self {
            FormatKind::Protobuf | FormatKind::ProtobufNosr => true,
            FormatKind::Delimited
            | FormatKind::Json
            | FormatKind::JsonSr
            | FormatKind::Avro
            | FormatKind::Kafka
            | FormatKind::None => false,
        }
    }

    /// How a single value may be written: may it be wrapped into a record, or stand by itself?
    pub fn wrapping(self) -> Wrapping {
        match self {
            FormatKind::Json | FormatKind::JsonSr | FormatKind::Avro | FormatKind::ProtobufNosr => {
                Wrapping::Either
            }
            FormatKind::Protobuf => Wrapping::Always,
            FormatKind::Kafka | FormatKind::Delimited | FormatKind::None => Wrapping::Never,
        }
    }

    /// May a value of this type stand in a column of it?
    pub fn holds(self, ty: &SqlType) -> bool {
        match self {
            FormatKind::Delimited => {
                !matches!(ty, SqlType::Array(_) | SqlType::Map(_, _) | SqlType::Struct(_))
            }
            FormatKind::Kafka => matches!(
                ty,
                SqlType::Integer
                    | SqlType::Bigint
                    | SqlType::Double
                    | SqlType::String
                    | SqlType::Bytes
            ),
            FormatKind::Json
            | FormatKind::JsonSr
            | FormatKind::Avro
            | FormatKind::Protobuf
            | FormatKind::ProtobufNosr
            | FormatKind::None => true,
        }
    }

    /// Must names of columns and fields be identifiers (letters, digits and `_`) at CREATE?
    pub fn wants_identifiers(self) -> bool {
        match self {
            FormatKind::Avro | FormatKind::Protobuf => true,
            FormatKind::Delimited
            | FormatKind::Json
            | FormatKind::JsonSr
            // Refused when a row is written, not before.
            | FormatKind::ProtobufNosr
            | FormatKind::Kafka
            | FormatKind::None => false,
        }
    }
}

impl fmt::Display for FormatKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What WRAP_SINGLE_VALUE may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// TRUE and FALSE.
    Either,
    /// Only TRUE.
    Always,
    /// Only FALSE.
    Never,
}

impl Wrapping {
    /// May WRAP_SINGLE_VALUE be this?
    pub fn allows(self, wrap: bool) -> bool {
        match self {
            Wrapping::Either => true,
            Wrapping::Always => wrap,
            Wrapping::Never => !wrap,
        }
    }
}

/// A format with its settings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// Which.
    pub kind: FormatKind,
    /// DELIMITED: what stands between columns; `None`: a comma.
    pub delimiter: Option<char>,
    /// AVRO, PROTOBUF, JSON_SR: the record's full name.
    pub schema_full_name: Option<String>,
    /// AVRO, PROTOBUF, JSON_SR: the id of the registered schema to use.
    pub schema_id: Option<i32>,
    /// Is a single column wrapped into a record? `None`: as the format does by itself.
    pub wrap_single: Option<bool>,
    /// PROTOBUF: how nulls are represented: `OPTIONAL` or `WRAPPER`; `None`: not at all.
    pub protobuf_nulls: Option<ProtobufNulls>,
}

/// How PROTOBUF represents null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProtobufNulls {
    /// proto3 `optional` fields.
    Optional,
    /// `google.protobuf.*Value` wrappers.
    Wrapper,
}

impl Format {
    /// A format with nothing set.
    pub fn new(kind: FormatKind) -> Self {
        Self {
            kind,
            delimiter: None,
            schema_full_name: None,
            schema_id: None,
            wrap_single: None,
            protobuf_nulls: None,
        }
    }
}
