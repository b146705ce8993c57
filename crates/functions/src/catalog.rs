//! All functions of all kinds in one list, as SHOW FUNCTIONS, DESCRIBE FUNCTION, the shell's help
//! and the documentation page show them.

use std::sync::LazyLock;

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
    /// Of so many arguments, how many at the front are columns that an aggregate folds.
    folded: fn(usize) -> usize,
}

impl CatalogEntry {
    /// The ways to call it that are shown: `COUNT()`, as which COUNT(*) is resolved, is not.
    pub fn shown(&self) -> impl Iterator<Item = &'static Signature> {
        let is_aggregate = self.kind == FunctionKind::Aggregate;
        self.signatures.iter().filter(move |s| !is_aggregate || !s.params.is_empty())
    }

    /// The name of parameter `at` of one of its signatures. Clients know the columns that an
    /// aggregate folds as `val1`, `val2`, …
    pub fn param_name(&self, signature: &Signature, at: usize) -> String {
        if at < (self.folded)(signature.params.len()) {
            format!("val{}", at + 1)
        } else {
            signature.params[at].name.clone()
        }
    }
}

/// All functions in the order of their names.
pub fn catalog() -> &'static [CatalogEntry] {
    static CATALOG: LazyLock<Vec<CatalogEntry>> = LazyLock::new(|| {
        let entry = |name, kind, doc, signatures, folded| CatalogEntry {
            name,
            kind,
            doc,
            signatures,
            folded,
        };
        let scalars = SCALARS
            .iter()
            .map(|f| entry(f.name, FunctionKind::Scalar, f.doc, f.signatures(), |_| 0));
        let aggregates = AGGREGATES
            .iter()
            .map(|f| entry(f.name, FunctionKind::Aggregate, f.doc, f.signatures(), f.column_args));
        let tables =
            TABLES.iter().map(|f| entry(f.name, FunctionKind::Table, f.doc, f.signatures(), |_| 0));
        let mut entries: Vec<_> = scalars.chain(aggregates).chain(tables).collect();
        entries.sort_by_key(|entry| entry.name);
        entries
    });
    &CATALOG
}

/// The function of this name (upper case), of whichever kind.
pub fn find(name: &str) -> Option<&'static CatalogEntry> {
    let entries = catalog();
    entries.binary_search_by_key(&name, |entry| entry.name).ok().map(|at| &entries[at])
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
        for entry in entries {
            assert!(!entry.doc.description.is_empty() && !entry.doc.category.is_empty());
            assert!(!entry.signatures.is_empty(), "{} can be called", entry.name);
        }
        let abs = find("ABS").expect("ABS");
        let shown: Vec<_> = abs.signatures.iter().map(|s| s.describe("ABS")).collect();
        assert_eq!(shown[..2], ["ABS(val INT)", "ABS(val BIGINT)"]);
        assert_eq!(abs.signatures[3].returns.to_string(), "DECIMAL");
    }

    #[test]
    fn columns_that_an_aggregate_folds_are_shown_by_number() {
        let check = |name: &str, expected: &[&[&str]]| {
            let entry = find(name).expect("listed");
            let names: Vec<Vec<_>> = (entry.shown())
                .map(|s| (0..s.params.len()).map(|at| entry.param_name(s, at)).collect())
                .collect();
            assert_eq!(names, expected, "{name}");
        };
        check("COUNT", &[&["val1"][..]]);
        check("CORRELATION", &[&["val1", "val2"][..]; 3]);
        check("TOPK", &[&["val1", "val2", "k"][..]; 4]);
        check("PI", &[&[][..]]);
        let latest = [
            &["val1"][..],
            &["val1", "ignoreNulls"],
            &["val1", "latestN"],
            &["val1", "latestN", "ignoreNulls"],
        ];
        check("LATEST_BY_OFFSET", &latest);
    }
}
