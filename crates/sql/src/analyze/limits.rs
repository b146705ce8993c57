//! How much a statement may ask for: columns, the size of types, windows for a record.
//!
//! A few lines can ask for more than any machine has: each type of two fields of the one before
//! doubles it, and a window of a year that advances by a millisecond puts a record into 31 billion.
//! Everything is counted before it is built.

use std::collections::BTreeMap;

use model::{Column, SqlType};

/// The most parts of a type, spelt out, and of all columns together.
pub use model::types::TYPE_SIZE_MAX;

use super::error::{AnalyzeError, LimitError};
use crate::ast::Span;

type Result<T> = std::result::Result<T, AnalyzeError>;

/// The most columns that a source or a query's result may have.
pub const COLUMNS_MAX: usize = 2_000;

/// How deep types may be nested, spelt out.
pub const TYPE_DEPTH_MAX: usize = 64;

/// The most parts of all types together that CREATE TYPE makes.
pub const TYPES_SIZE_MAX: usize = 100_000;

/// The most parts of types that the expressions over one input may be made of, all together.
pub const EXPRESSION_TYPES_MAX: usize = 2_000_000;

/// The most windows that one record may be in.
pub const WINDOWS_PER_RECORD_MAX: i64 = 10_000;

/// Takes the parts of a type from what is `left` of a budget.
pub fn spend(left: &mut usize, parts: usize, span: Span) -> Result<()> {
    match left.checked_sub(parts) {
        Some(rest) => {
            *left = rest;
            Ok(())
        }
        None => Err(AnalyzeError::at(span, LimitError::TypeSize(TYPE_SIZE_MAX))),
    }
}

/// Are there too many columns?
pub fn check_count(columns: usize, span: Span) -> Result<()> {
    if columns > COLUMNS_MAX {
        let kind = LimitError::Columns { found: columns, max: COLUMNS_MAX };
        return Err(AnalyzeError::at(span, kind));
    }
    Ok(())
}

/// Are there too many columns, or are their types too large together?
pub fn check_columns(columns: &[Column], span: Span) -> Result<()> {
    check_count(columns.len(), span)?;
    let mut left = TYPE_SIZE_MAX;
    for column in columns {
        check_depth(column.ty.depth(), span)?;
        spend(&mut left, column.ty.size(), span)?;
    }
    Ok(())
}

/// Is a type nested too deep?
pub fn check_depth(depth: usize, span: Span) -> Result<()> {
    if depth > TYPE_DEPTH_MAX {
        return Err(AnalyzeError::at(span, LimitError::TypeDepth(TYPE_DEPTH_MAX)));
    }
    Ok(())
}

/// Is there room for one more type?
pub fn check_types(types: &BTreeMap<String, SqlType>, added: &SqlType) -> Result<()> {
    let size = types.values().map(SqlType::size).sum::<usize>() + added.size();
    if size > TYPES_SIZE_MAX {
        return Err(LimitError::Types(TYPES_SIZE_MAX).into());
    }
    Ok(())
}
