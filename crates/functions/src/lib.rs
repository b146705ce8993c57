//! Every function of the dialect, each with its signatures, its documentation and its evaluation
//! over columns.
//!
//! `sql` asks a function which of its signatures fits the arguments and what it returns; `stream`
//! hands it columns and gets a column back. SHOW FUNCTIONS, DESCRIBE FUNCTION, the shell's help and
//! the documentation page read the same lists: [`scalar::SCALARS`], [`aggregate::AGGREGATES`] and
//! [`table::TABLES`], put together in [`catalog`]. To add a function is to add an entry to one of
//! them.

pub mod aggregate;
pub mod catalog;
pub mod errors;
pub mod limits;
pub mod scalar;
pub mod signature;
pub mod table;

pub use errors::{Evaluated, RowErrors};
pub use signature::{ArgType, Doc, Param, ParamType, ResolveError, Resolved, Returns, Signature};
