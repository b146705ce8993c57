//! What a row of a source or of a step looks like: named, typed columns, each in a namespace.

use std::fmt;

use crate::SqlType;

/// Where in a record a column lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// The record's key.
    Key,
    /// The record's value.
    Value,
    /// The record's headers: `HEADERS` (all) or `HEADER('name')` (one).
    Headers,
    /// Nothing stored: `ROWTIME`, `ROWPARTITION`, `ROWOFFSET`, `WINDOWSTART`, `WINDOWEND`.
    Pseudo,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    /// The name, without quotes, in the case it is stored with.
    pub name: String,
    /// Its type.
    pub ty: SqlType,
    /// Where it lives.
    pub namespace: Namespace,
    /// For `HEADER('name')`: that name. `None` for all headers and for other namespaces.
    pub header: Option<String>,
}

impl Column {
    /// A column of the key.
    pub fn key(name: impl Into<String>, ty: SqlType) -> Self {
        Self { name: name.into(), ty, namespace: Namespace::Key, header: None }
    }

    /// A column of the value.
    pub fn value(name: impl Into<String>, ty: SqlType) -> Self {
        Self { name: name.into(), ty, namespace: Namespace::Value, header: None }
    }

    /// A pseudo column.
    pub fn pseudo(name: impl Into<String>, ty: SqlType) -> Self {
        Self { name: name.into(), ty, namespace: Namespace::Pseudo, header: None }
    }
}

/// An ordered list of columns.
///
/// `Display` writes it as ksqlDB does: `` `K` STRING KEY, `V` INTEGER ``.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// All columns, in the order they were declared in.
    pub columns: Vec<Column>,
}

impl Schema {
    /// A schema of these columns.
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns }
    }

    /// The columns of one namespace, in order.
    pub fn of(&self, namespace: Namespace) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(move |c| c.namespace == namespace)
    }

    /// The key's columns.
    pub fn key(&self) -> impl Iterator<Item = &Column> {
        self.of(Namespace::Key)
    }

    /// The value's columns.
    pub fn value(&self) -> impl Iterator<Item = &Column> {
        self.of(Namespace::Value)
    }

    /// The position of the column of exactly this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// The column of exactly this name.
    pub fn find(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, column) in self.columns.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}`{}` {}", column.name, column.ty)?;
            match (column.namespace, &column.header) {
                (Namespace::Key, _) => f.write_str(" KEY")?,
                (Namespace::Headers, None) => f.write_str(" HEADERS")?,
                (Namespace::Headers, Some(name)) => write!(f, " HEADER('{name}')")?,
                (Namespace::Value | Namespace::Pseudo, _) => {}
            }
        }
        Ok(())
    }
}
