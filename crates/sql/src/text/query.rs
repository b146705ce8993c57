//! SELECT written back: one clause a line.

use std::fmt::{self, Write};

use crate::ast::{
    Emit, Expr, Interval, JoinKind, Query, Relation, SelectItem, Window, WindowKind, Within,
};

use super::{expression, write_list, write_name};

pub(super) fn write(out: &mut String, query: &Query) -> fmt::Result {
    out.push_str("SELECT");
    for (i, item) in query.select.iter().enumerate() {
        out.push_str(match (i, query.select.len()) {
            (0, 1) => " ",
            (0, _) => "\n  ",
            _ => ",\n  ",
        });
        write_item(out, item)?;
    }
    out.push_str("\nFROM ");
    write_relation(out, &query.from)?;
    if let Some(window) = &query.window {
        write_window(out, window)?;
    }
    write_clause(out, "WHERE", query.filter.as_ref())?;
    write_list_clause(out, "GROUP BY", &query.group_by)?;
    write_list_clause(out, "PARTITION BY", &query.partition_by)?;
    write_clause(out, "HAVING", query.having.as_ref())?;
    if !query.order_by.is_empty() {
        out.push_str("\nORDER BY ");
        write_list(out, &query.order_by, |out, (expr, descending)| {
            expression::write(out, expr)?;
            out.write_str(if *descending { " DESC" } else { "" })
        })?;
    }
    match query.emit {
        Some(Emit::Changes) => out.push_str("\nEMIT CHANGES"),
        Some(Emit::Final) => out.push_str("\nEMIT FINAL"),
        None => {}
    }
    if let Some(limit) = query.limit {
        write!(out, "\nLIMIT {limit}")?;
    }
    if let Some(offset) = query.offset {
        write!(out, "\nOFFSET {offset}")?;
    }
    Ok(())
}

fn write_item(out: &mut String, item: &SelectItem) -> fmt::Result {
    match item {
        SelectItem::Star { source: None, .. } => out.write_str("*"),
        SelectItem::Star { source: Some(source), .. } => {
            write_name(out, source)?;
            out.write_str(".*")
        }
        SelectItem::StructStar { base, .. } => {
            expression::write_base(out, base)?;
            out.write_str("->*")
        }
        SelectItem::Expr { expr, alias } => {
            expression::write(out, expr)?;
            let Some(alias) = alias else { return Ok(()) };
            out.push(' ');
            write_name(out, alias)
        }
    }
}

fn write_relation(out: &mut String, relation: &Relation) -> fmt::Result {
    match relation {
        Relation::Source { name, alias, .. } => {
            write_name(out, name)?;
            let Some(alias) = alias else { return Ok(()) };
            out.push(' ');
            write_name(out, alias)
        }
        Relation::Join { left, right, kind, within, on, .. } => {
            write_relation(out, left)?;
            out.push_str(match kind {
                JoinKind::Inner => "\nINNER JOIN ",
                JoinKind::Left => "\nLEFT OUTER JOIN ",
                JoinKind::Right => "\nRIGHT OUTER JOIN ",
                JoinKind::Full => "\nFULL OUTER JOIN ",
            });
            write_relation(out, right)?;
            if let Some(within) = within {
                write_within(out, within)?;
            }
            out.push_str(" ON (");
            expression::write(out, on)?;
            out.push(')');
            Ok(())
        }
    }
}

fn write_interval(out: &mut String, interval: Interval) -> fmt::Result {
    write!(out, "{} {}", interval.count, interval.unit.word())
}

fn write_within(out: &mut String, within: &Within) -> fmt::Result {
    out.push_str(" WITHIN ");
    if within.before == within.after {
        write_interval(out, within.before)?;
    } else {
        out.push('(');
        write_interval(out, within.before)?;
        out.push_str(", ");
        write_interval(out, within.after)?;
        out.push(')');
    }
    if let Some(grace) = within.grace {
        out.push_str(" GRACE PERIOD ");
        write_interval(out, grace)?;
    }
    Ok(())
}

fn write_window(out: &mut String, window: &Window) -> fmt::Result {
    match window.kind {
        WindowKind::Tumbling { size } => {
            out.push_str("\nWINDOW TUMBLING ( SIZE ");
            write_interval(out, size)?;
        }
        WindowKind::Hopping { size, advance } => {
            out.push_str("\nWINDOW HOPPING ( SIZE ");
            write_interval(out, size)?;
            out.push_str(" , ADVANCE BY ");
            write_interval(out, advance)?;
        }
        WindowKind::Session { gap } => {
            out.push_str("\nWINDOW SESSION ( ");
            write_interval(out, gap)?;
        }
    }
    if let Some(retention) = window.retention {
        out.push_str(" , RETENTION ");
        write_interval(out, retention)?;
    }
    if let Some(grace) = window.grace {
        out.push_str(" , GRACE PERIOD ");
        write_interval(out, grace)?;
    }
    // The server leaves a blank behind.
    out.write_str(" ) ")
}

fn write_clause(out: &mut String, words: &str, expr: Option<&Expr>) -> fmt::Result {
    let Some(expr) = expr else { return Ok(()) };
    write!(out, "\n{words} ")?;
    expression::write(out, expr)
}

fn write_list_clause(out: &mut String, words: &str, list: &[Expr]) -> fmt::Result {
    if list.is_empty() {
        return Ok(());
    }
    write!(out, "\n{words} ")?;
    write_list(out, list, expression::write)
}
