//! SQL types as ksqlDB has them, and how they are written.

use std::fmt;

/// The largest precision a DECIMAL may be declared with.
pub const DECIMAL_PRECISION_MAX: u8 = 38;

/// The most parts (see [`SqlType::size`]) of a type that is spelt out from named ones: from CREATE
/// TYPE, or from a registered schema. Each of two fields of the one before doubles it.
pub const TYPE_SIZE_MAX: usize = 10_000;

/// A type of the SQL dialect.
///
/// `Display` writes it as ksqlDB does in schemas: `` STRUCT<`A` INTEGER, `B` ARRAY<STRING>> ``.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// `BOOLEAN`
    Boolean,
    /// `INT`, 32 bits
    Integer,
    /// `BIGINT`, 64 bits
    Bigint,
    /// `DOUBLE`, IEEE 754 with 64 bits
    Double,
    /// `DECIMAL(precision, scale)`; literals may exceed [`DECIMAL_PRECISION_MAX`]
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// `VARCHAR`
    String,
    /// `BYTES`
    Bytes,
    /// `DATE`, days since 1970-01-01
    Date,
    /// `TIME`, milliseconds of the day
    Time,
    /// `TIMESTAMP`, milliseconds since 1970-01-01T00:00Z
    Timestamp,
    /// `ARRAY<element>`
    Array(Box<SqlType>),
    /// `MAP<key, value>`
    Map(Box<SqlType>, Box<SqlType>),
    /// `STRUCT<name type, …>`
    Struct(Vec<Field>),
}

/// A named member of a STRUCT.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The name, in the case it was declared with.
    pub name: String,
    /// Its type.
    pub ty: SqlType,
}

impl Field {
    /// A field of this name and type.
    pub fn new(name: impl Into<String>, ty: SqlType) -> Self {
        Self { name: name.into(), ty }
    }
}

impl SqlType {
    /// `ARRAY<element>`
    pub fn array(element: SqlType) -> Self {
        SqlType::Array(Box::new(element))
    }

    /// `MAP<key, value>`
    pub fn map(key: SqlType, value: SqlType) -> Self {
        SqlType::Map(Box::new(key), Box::new(value))
    }

    /// `DECIMAL(precision, scale)`
    pub fn decimal(precision: u8, scale: u8) -> Self {
        SqlType::Decimal { precision, scale }
    }

    /// How many types it is made of, itself included: `ARRAY<INT>` of two. Every 64 bytes of a
    /// field's name count as one more.
    pub fn size(&self) -> usize {
        1 + match self {
            SqlType::Array(element) => element.size(),
            SqlType::Map(key, value) => key.size() + value.size(),
            SqlType::Struct(fields) => fields.iter().map(|f| f.ty.size() + f.name.len() / 64).sum(),
            _ => 0,
        }
    }

    /// How many levels it has, itself included: `ARRAY<INT>` two.
    pub fn depth(&self) -> usize {
        1 + match self {
            SqlType::Array(element) => element.depth(),
            SqlType::Map(key, value) => key.depth().max(value.depth()),
            SqlType::Struct(fields) => fields.iter().map(|f| f.ty.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// INTEGER, BIGINT, DECIMAL or DOUBLE.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            SqlType::Integer | SqlType::Bigint | SqlType::Decimal { .. } | SqlType::Double
        )
    }

    /// DATE, TIME or TIMESTAMP.
    pub fn is_time(&self) -> bool {
        matches!(self, SqlType::Date | SqlType::Time | SqlType::Timestamp)
    }

    /// The name without parameters, as it stands in REST answers: `INTEGER`, `STRING`, `STRUCT`.
    pub fn base_name(&self) -> &'static str {
        match self {
            SqlType::Boolean => "BOOLEAN",
            SqlType::Integer => "INTEGER",
            SqlType::Bigint => "BIGINT",
            SqlType::Double => "DOUBLE",
            SqlType::Decimal { .. } => "DECIMAL",
            SqlType::String => "STRING",
            SqlType::Bytes => "BYTES",
            SqlType::Date => "DATE",
            SqlType::Time => "TIME",
            SqlType::Timestamp => "TIMESTAMP",
            SqlType::Array(_) => "ARRAY",
            SqlType::Map(_, _) => "MAP",
            SqlType::Struct(_) => "STRUCT",
        }
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SqlType::Decimal { precision, scale } => write!(f, "DECIMAL({precision}, {scale})"),
            SqlType::Array(element) => write!(f, "ARRAY<{element}>"),
            SqlType::Map(key, value) => write!(f, "MAP<{key}, {value}>"),
            SqlType::Struct(fields) => {
                f.write_str("STRUCT<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}`{}` {}", field.name, field.ty)?;
                }
                // ksqlDB puts a blank between the brackets of an empty struct.
                f.write_str(if fields.is_empty() { " >" } else { ">" })
            }
            simple => f.write_str(simple.base_name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_ksqldb_writes_them() {
        let ty = SqlType::Struct(vec![
            Field::new("a", SqlType::array(SqlType::String)),
            Field::new("B", SqlType::map(SqlType::String, SqlType::decimal(4, 2))),
        ]);
        assert_eq!(ty.to_string(), "STRUCT<`a` ARRAY<STRING>, `B` MAP<STRING, DECIMAL(4, 2)>>");
        assert_eq!((ty.size(), ty.depth()), (6, 3));
    }
}
