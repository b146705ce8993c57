//! Table functions: any number of rows for each row.

use arrow_array::ListArray;

use crate::scalar::Call;
use crate::{ArgType, Doc, ResolveError, Resolved, RowErrors, Signature};

/// A table function.
pub struct TableFunction {
    /// Its name, upper case.
    pub name: &'static str,
    /// Its documentation.
    pub doc: Doc,
    /// The ways to call it.
    pub signatures: fn() -> Vec<Signature>,
    /// Evaluates a call: for each row the list of values that become rows (null: none).
    pub evaluate: fn(&Call<'_>) -> (ListArray, RowErrors),
}

impl TableFunction {
    /// Which signature fits these arguments.
    pub fn resolve(&self, _args: &[ArgType]) -> Result<Resolved, ResolveError> {
        Err(ResolveError(format!("{} cannot be called yet", self.name)))
    }
}

/// All table functions, in the order of their names.
pub static TABLES: &[TableFunction] = &[];

/// The table function of this name (upper case).
pub fn table(name: &str) -> Option<&'static TableFunction> {
    TABLES.iter().find(|f| f.name == name)
}
