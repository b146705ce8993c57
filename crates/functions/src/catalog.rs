//! All functions of all kinds in one list, as SHOW FUNCTIONS, DESCRIBE FUNCTION, the shell's help
//! and the documentation page show them.

use crate::aggregate::AGGREGATES;
use crate::scalar::SCALARS;
use crate::table::TABLES;
use crate::{Doc, Signature};

/// What a function is given and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// A value for each row.
    Scalar,
    /// A value for each group.
    Aggregate,
    /// Any number of rows for each row.
    Table,
}

impl FunctionKind {
    /// The word for it in REST answers: `SCALAR`.
    pub fn name(self) -> &'static str {
        match self {
            FunctionKind::Scalar => "SCALAR",
            FunctionKind::Aggregate => "AGGREGATE",
            FunctionKind::Table => "TABLE",
        }
    }
}

/// A function, as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct CatalogEntry {
    /// Its name, upper case.
    pub name: &'static str,
    /// Which kind it is.
    pub kind: FunctionKind,
    /// Its documentation.
    pub doc: Doc,
    /// The ways to call it; [`Signature::describe`] writes one as text.
    pub signatures: &'static [Signature],
}

/// All functions in the order of their names.
pub fn catalog() -> Vec<CatalogEntry> {
    let scalars = SCALARS.iter().map(|f| (f.name, FunctionKind::Scalar, f.doc, f.signatures()));
    let aggregates =
        AGGREGATES.iter().map(|f| (f.name, FunctionKind::Aggregate, f.doc, f.signatures()));
    let tables = TABLES.iter().map(|f| (f.name, FunctionKind::Table, f.doc, f.signatures()));
    let mut entries: Vec<_> = scalars
        .chain(aggregates)
        .chain(tables)
        .map(|(name, kind, doc, signatures)| CatalogEntry { name, kind, doc, signatures })
        .collect();
    entries.sort_by_key(|entry| entry.name);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_in_the_catalog_once_with_its_documentation() {
        let entries = catalog();
        assert_eq!(entries.len(), SCALARS.len() + AGGREGATES.len() + TABLES.len());
        for pair in entries.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} is there twice", pair[1].name);
        }
        for entry in &entries {
            assert!(!entry.doc.description.is_empty() && !entry.doc.category.is_empty());
            assert!(!entry.signatures.is_empty(), "{} can be called", entry.name);
        }
        let abs = entries.iter().find(|entry| entry.name == "ABS").expect("ABS");
        let shown: Vec<_> = abs.signatures.iter().map(|s| s.describe("ABS")).collect();
        assert_eq!(shown[..2], ["ABS(val INT)", "ABS(val BIGINT)"]);
        assert_eq!(abs.signatures[3].returns.to_string(), "DECIMAL");
    }
}
