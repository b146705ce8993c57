//! Statements written back.

use std::fmt::{self, Write};

use crate::ast::{
    ColumnDefinition, ConnectorKind, Constraint, CreateAs, CreateSource, Describe, Explain, Expr,
    QueryRef, Show, SourceKind, Statement,
};

use super::{expression, query, write_list, write_name, write_properties, write_text, write_type};

pub(super) fn write(out: &mut String, statement: &Statement) -> fmt::Result {
    match statement {
        Statement::Query(query) => query::write(out, query),
        Statement::CreateSource(create) => write_create(out, create),
        Statement::CreateAs(create) => write_create_as(out, create),
        Statement::InsertSelect { target, properties, query } => {
            out.push_str("INSERT INTO ");
            write_name(out, target)?;
            write_properties(out, properties, false)?;
            out.push(' ');
            query::write(out, query)
        }
        Statement::InsertValues { target, columns, values } => {
            out.push_str("INSERT INTO ");
            write_row(out, target, columns, "VALUES", values)
        }
        Statement::DropSource { kind, if_exists, name, delete_topic } => {
            write!(out, "DROP {} ", source_word(*kind))?;
            write_if(out, *if_exists, "IF EXISTS ")?;
            write_name(out, name)?;
            write_if(out, *delete_topic, " DELETE TOPIC")
        }
        Statement::CreateConnector { kind, if_not_exists, name, properties } => {
            write!(out, "CREATE {} CONNECTOR ", connector_word(*kind))?;
            write_if(out, *if_not_exists, "IF NOT EXISTS ")?;
            write_name(out, name)?;
            write_properties(out, properties, true)
        }
        Statement::DropConnector { if_exists, name } => {
            out.push_str("DROP CONNECTOR ");
            write_if(out, *if_exists, "IF EXISTS ")?;
            write_name(out, name)
        }
        Statement::CreateType { if_not_exists, name, ty } => {
            out.push_str("CREATE TYPE ");
            write_if(out, *if_not_exists, "IF NOT EXISTS ")?;
            write_name(out, name)?;
            out.push_str(" AS ");
            write_type(out, ty)
        }
        Statement::DropType { if_exists, name } => {
            out.push_str("DROP TYPE ");
            write_if(out, *if_exists, "IF EXISTS ")?;
            write_name(out, name)
        }
        Statement::AlterSource { kind, name, columns } => {
            write!(out, "ALTER {} ", source_word(*kind))?;
            write_name(out, name)?;
            out.push(' ');
            write_list(out, columns, |out, (name, ty)| {
                out.push_str("ADD COLUMN ");
                write_name(out, name)?;
                out.push(' ');
                write_type(out, ty)
            })
        }
        Statement::AlterSystem { property, value } => {
            write_assignment(out, "ALTER SYSTEM", property, value)
        }
        Statement::Show(show) => write_show(out, show),
        Statement::Describe(describe) => write_describe(out, describe),
        Statement::Print { topic, from_beginning, interval, limit } => {
            out.push_str("PRINT ");
            write_text(out, topic)?;
            write_if(out, *from_beginning, " FROM BEGINNING")?;
            interval.map_or(Ok(()), |interval| write!(out, " INTERVAL {interval}"))?;
            limit.map_or(Ok(()), |limit| write!(out, " LIMIT {limit}"))
        }
        Statement::Terminate(query) => write_query_ref(out, "TERMINATE", query),
        Statement::Pause(query) => write_query_ref(out, "PAUSE", query),
        Statement::Resume(query) => write_query_ref(out, "RESUME", query),
        Statement::Set { property, value } => write_assignment(out, "SET", property, value),
        Statement::Unset { property } => {
            out.push_str("UNSET ");
            write_text(out, property)
        }
        Statement::Define { name, value } => {
            write!(out, "DEFINE {name}=")?;
            write_text(out, value)
        }
        Statement::Undefine { name } => write!(out, "UNDEFINE {name}"),
        Statement::Explain(Explain::Query(id)) => {
            out.push_str("EXPLAIN ");
            write_as_written(out, id)
        }
        Statement::Explain(Explain::Statement(explained)) => {
            out.push_str("EXPLAIN ");
            write(out, &explained.statement)
        }
        Statement::AssertTopic { exists, topic, properties, timeout_ms } => {
            out.push_str("ASSERT ");
            write_if(out, !exists, "NOT EXISTS ")?;
            out.push_str("TOPIC ");
            write_text(out, topic)?;
            write_properties(out, properties, false)?;
            write_timeout(out, *timeout_ms)
        }
        Statement::AssertSchema { exists, subject, id, timeout_ms } => {
            out.push_str("ASSERT ");
            write_if(out, !exists, "NOT EXISTS ")?;
            out.push_str("SCHEMA");
            if let Some(subject) = subject {
                out.push_str(" SUBJECT ");
                write_text(out, subject)?;
            }
            id.map_or(Ok(()), |id| write!(out, " ID {id}"))?;
            write_timeout(out, *timeout_ms)
        }
        Statement::AssertValues { target, columns, values } => {
            out.push_str("ASSERT VALUES ");
            write_row(out, target, columns, "VALUES", values)
        }
        Statement::AssertNullValues { target, columns, values } => {
            out.push_str("ASSERT NULL VALUES ");
            write_row(out, target, columns, "KEY", values)
        }
        Statement::AssertSource(source) => {
            write!(out, "ASSERT {} ", source_word(source.kind))?;
            write_name(out, &source.name)?;
            write_columns(out, &source.columns)?;
            write_properties(out, &source.properties, false)
        }
        Statement::RunScript { path } => {
            out.push_str("RUN SCRIPT ");
            write_text(out, path)
        }
    }
}

fn write_create(out: &mut String, create: &CreateSource) -> fmt::Result {
    out.push_str("CREATE ");
    write_if(out, create.or_replace, "OR REPLACE ")?;
    write_if(out, create.read_only, "SOURCE ")?;
    write!(out, "{} ", source_word(create.kind))?;
    write_if(out, create.if_not_exists, "IF NOT EXISTS ")?;
    write_name(out, &create.name)?;
    write_columns(out, &create.columns)?;
    write_properties(out, &create.properties, false)
}

fn write_create_as(out: &mut String, create: &CreateAs) -> fmt::Result {
    out.push_str("CREATE ");
    write_if(out, create.or_replace, "OR REPLACE ")?;
    write!(out, "{} ", source_word(create.kind))?;
    write_if(out, create.if_not_exists, "IF NOT EXISTS ")?;
    write_name(out, &create.name)?;
    write_properties(out, &create.properties, false)?;
    out.push_str(" AS ");
    query::write(out, &create.query)
}

/// ` (NAME TYPE KEY, …)`; nothing if there are none.
fn write_columns(out: &mut String, columns: &[ColumnDefinition]) -> fmt::Result {
    if columns.is_empty() {
        return Ok(());
    }
    out.push_str(" (");
    write_list(out, columns, |out, column| {
        write_name(out, &column.name)?;
        out.push(' ');
        write_type(out, &column.ty)?;
        match &column.constraint {
            Constraint::None => Ok(()),
            Constraint::Key => out.write_str(" KEY"),
            Constraint::PrimaryKey => out.write_str(" PRIMARY KEY"),
            Constraint::Headers => out.write_str(" HEADERS"),
            Constraint::Header(name) => {
                out.push_str(" HEADER(");
                write_text(out, name)?;
                out.write_str(")")
            }
        }
    })?;
    out.push(')');
    Ok(())
}

/// `target (column, …) word (value, …)`
fn write_row(
    out: &mut String,
    target: &str,
    columns: &[String],
    word: &str,
    values: &[Expr],
) -> fmt::Result {
    write_name(out, target)?;
    if !columns.is_empty() {
        out.push_str(" (");
        write_list(out, columns, |out, column| write_name(out, column))?;
        out.push(')');
    }
    write!(out, " {word} (")?;
    write_list(out, values, expression::write)?;
    out.push(')');
    Ok(())
}

fn write_show(out: &mut String, show: &Show) -> fmt::Result {
    let (words, extended) = match show {
        Show::Properties => ("LIST PROPERTIES", false),
        Show::Topics { all: false, extended } => ("LIST TOPICS", *extended),
        Show::Topics { all: true, extended } => ("LIST ALL TOPICS", *extended),
        Show::Streams { extended, describe: false } => ("LIST STREAMS", *extended),
        Show::Streams { extended, describe: true } => ("DESCRIBE STREAMS", *extended),
        Show::Tables { extended, describe: false } => ("LIST TABLES", *extended),
        Show::Tables { extended, describe: true } => ("DESCRIBE TABLES", *extended),
        Show::Functions => ("LIST FUNCTIONS", false),
        Show::Connectors(None) => ("LIST CONNECTORS", false),
        Show::Connectors(Some(ConnectorKind::Source)) => ("LIST SOURCE CONNECTORS", false),
        Show::Connectors(Some(ConnectorKind::Sink)) => ("LIST SINK CONNECTORS", false),
        Show::ConnectorPlugins => ("LIST CONNECTOR PLUGINS", false),
        Show::Types => ("LIST TYPES", false),
        Show::Variables => ("LIST VARIABLES", false),
        Show::Queries { extended } => ("LIST QUERIES", *extended),
    };
    out.push_str(words);
    write_if(out, extended, " EXTENDED")
}

fn write_describe(out: &mut String, describe: &Describe) -> fmt::Result {
    out.push_str("DESCRIBE ");
    match describe {
        // Unquoted it would list all tables.
        Describe::Source { name, extended } if name == "TABLES" => {
            out.push_str("`TABLES`");
            write_if(out, *extended, " EXTENDED")
        }
        Describe::Source { name, extended } => {
            write_name(out, name)?;
            write_if(out, *extended, " EXTENDED")
        }
        Describe::Function(name) => {
            out.push_str("FUNCTION ");
            write_name(out, name)
        }
        Describe::Connector(name) => {
            out.push_str("CONNECTOR ");
            write_name(out, name)
        }
    }
}

fn write_query_ref(out: &mut String, word: &str, query: &QueryRef) -> fmt::Result {
    write!(out, "{word} ")?;
    match query {
        QueryRef::All => out.write_str("ALL"),
        QueryRef::Id(id) => write_as_written(out, id),
    }
}

/// A name whose case is kept without quotes, too.
fn write_as_written(out: &mut String, name: &str) -> fmt::Result {
    match crate::lexer::words::is_plain_name(&name.to_ascii_uppercase()) {
        true => out.write_str(name),
        false => write_name(out, name),
    }
}

/// `words 'property'='value'`
fn write_assignment(out: &mut String, words: &str, property: &str, value: &str) -> fmt::Result {
    write!(out, "{words} ")?;
    write_text(out, property)?;
    out.push('=');
    write_text(out, value)
}

fn write_timeout(out: &mut String, timeout_ms: Option<u64>) -> fmt::Result {
    timeout_ms.map_or(Ok(()), |timeout| write!(out, " TIMEOUT {timeout} MILLISECONDS"))
}

fn write_if(out: &mut String, condition: bool, words: &str) -> fmt::Result {
    if condition { out.write_str(words) } else { Ok(()) }
}

fn source_word(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Stream => "STREAM",
        SourceKind::Table => "TABLE",
    }
}

fn connector_word(kind: ConnectorKind) -> &'static str {
    match kind {
        ConnectorKind::Source => "SOURCE",
        ConnectorKind::Sink => "SINK",
    }
}
