//! Text of ksqlDB's dialect in, checked plans out.
//!
//! The life of a statement:
//!
//! 1. [`lexer`] turns text into tokens, each with its position.
//! 2. [`parser`] turns tokens into [`ast`] statements, or an error with a caret.
//! 3. [`analyze`] resolves names and types against a [`catalog::Catalog`] and
//! 4. makes a [`plan`]: what to store in the catalog, or which steps rows go through.
//! 5. [`text`] writes statements and expressions back, in the one way the server does.
//!
//! Everything here is pure: no IO, no clock, nothing that blocks. Running a plan is `stream`'s.

pub mod analyze;
pub mod ast;
pub mod catalog;
pub mod error;
pub mod explain;
pub mod expr;
pub mod lexer;
pub mod parser;
pub mod plan;
pub mod text;
pub mod variables;
