//! Statements, expressions and types written back, in the one way the server does: `statementText`,
//! `queryString`, and what names an unnamed column.
//!
//! Everything is in parentheses that could be misread, names are quoted where they must be,
//! selected things stand one a line. What is written here parses to the same again.

mod expression;
mod masked;
mod query;
mod statement;

use std::fmt::{self, Write};

use model::SqlType;

use crate::ast::{Expr, Properties, Statement, TypeName};
use crate::lexer::words;

/// A statement with its semicolon.
///
/// ```
/// let parsed = sql::parser::parse_script("create stream s as select a+1 b from t;").unwrap();
/// let text = sql::text::format_statement(&parsed[0].statement);
/// assert_eq!(text, "CREATE STREAM S AS SELECT (A + 1) B\nFROM T;");
/// ```
pub fn format_statement(statement: &Statement) -> String {
    written(|out| {
        statement::write(out, statement)?;
        out.push(';');
        Ok(())
    })
}

/// A statement that holds people's data or passwords, without them: what may be told in errors and
/// logs. `None` if it holds none.
pub fn format_masked(statement: &Statement) -> Option<String> {
    masked::masked(statement)
}

/// An expression: `(A + B)`.
pub fn format_expr(expr: &Expr) -> String {
    written(|out| expression::write(out, expr))
}

/// A type: `STRUCT<A INTEGER, B ARRAY<STRING>>`, with names quoted only where they must be.
pub fn format_type(ty: &TypeName) -> String {
    written(|out| write_type(out, ty))
}

/// A name: in backticks, if it would mean something else without them.
pub fn format_name(name: &str) -> String {
    written(|out| write_name(out, name))
}

/// Collects what is written to a text. Writing to one cannot fail.
fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    let result = write(&mut out);
    debug_assert!(result.is_ok());
    out
}

fn write_name(out: &mut String, name: &str) -> fmt::Result {
    if words::is_plain_name(name) {
        return out.write_str(name);
    }
    write!(out, "`{}`", name.replace('`', "``"))
}

fn write_text(out: &mut String, text: &str) -> fmt::Result {
    write!(out, "'{}'", text.replace('\'', "''"))
}

/// `item, item, …`
fn write_list<T>(
    out: &mut String,
    items: &[T],
    mut write: impl FnMut(&mut String, &T) -> fmt::Result,
) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        write(out, item)?;
    }
    Ok(())
}

fn write_type(out: &mut String, ty: &TypeName) -> fmt::Result {
    match ty {
        TypeName::Sql(ty) => write_sql_type(out, ty),
        TypeName::Array(element) => {
            out.push_str("ARRAY<");
            write_type(out, element)?;
            out.push('>');
            Ok(())
        }
        TypeName::Map(key, value) => {
            out.push_str("MAP<");
            write_type(out, key)?;
            out.push_str(", ");
            write_type(out, value)?;
            out.push('>');
            Ok(())
        }
        TypeName::Struct(fields) if fields.is_empty() => out.write_str("STRUCT< >"),
        TypeName::Struct(fields) => {
            out.push_str("STRUCT<");
            write_list(out, fields, |out, (name, ty)| {
                write_name(out, name)?;
                out.push(' ');
                write_type(out, ty)
            })?;
            out.push('>');
            Ok(())
        }
        TypeName::Named(name, _) => write_name(out, name),
    }
}

/// As [`write_type`]: a [`SqlType`]'s own `Display` quotes all names.
fn write_sql_type(out: &mut String, ty: &SqlType) -> fmt::Result {
    match ty {
        SqlType::Array(element) => {
            out.push_str("ARRAY<");
            write_sql_type(out, element)?;
        }
        SqlType::Map(key, value) => {
            out.push_str("MAP<");
            write_sql_type(out, key)?;
            out.push_str(", ");
            write_sql_type(out, value)?;
        }
        SqlType::Struct(fields) if !fields.is_empty() => {
            out.push_str("STRUCT<");
            write_list(out, fields, |out, field| {
                write_name(out, &field.name)?;
                out.push(' ');
                write_sql_type(out, &field.ty)
            })?;
        }
        simple => return write!(out, "{simple}"),
    }
    out.push('>');
    Ok(())
}

/// ` WITH (NAME=value, …)` in the order they stand; nothing if there are none.
fn write_properties(out: &mut String, properties: &Properties, quote_names: bool) -> fmt::Result {
    if properties.0.is_empty() {
        return Ok(());
    }
    out.push_str(" WITH (");
    write_list(out, &properties.0, |out, property| {
        match quote_names {
            true => write_text(out, &property.name)?,
            false => write_name(out, &property.name)?,
        }
        out.push('=');
        expression::write_value(out, &property.value)
    })?;
    out.push(')');
    Ok(())
}

#[cfg(test)]
mod tests;
