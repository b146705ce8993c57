//! A statement that was refused, as the server writes it: what an error's `statementText` says.
//!
//! The server completes CREATE statements step by step before it looks whether they make sense. An
//! error tells the statement as far as it had come: as it was sent, with its formats, or with its
//! topic and all columns qualified.

use model::Value;

use super::error::{AnalyzeError, AnalyzeErrorKind, PropertyError, SourceError};
use super::properties::{With, complete, sorted};
use super::query::{Context, qualify, sources};
use super::settings::Settings;
use super::types::resolve_type;
use super::{sink, source};
use crate::ast::{self, Emit, ParsedStatement, Statement};
use crate::catalog::{Catalog, Environment};
use crate::text::format_statement;

/// The text of a statement for its error; none: as it was sent.
pub fn refused_text(
    statement: &ParsedStatement,
    error: &AnalyzeError,
    catalog: &Catalog,
    environment: &dyn Environment,
    settings: &Settings,
) -> Option<String> {
    let context = Context { catalog, environment, settings };
    match &statement.statement {
        Statement::CreateSource(create) => refused_source(create, error, context),
        Statement::CreateAs(create) => refused_view(create, error, context),
        _ => None,
    }
}

fn refused_source(
    create: &ast::CreateSource,
    error: &AnalyzeError,
    context: Context<'_>,
) -> Option<String> {
    let with_policy = match &*error.kind {
        AnalyzeErrorKind::Property(kind) if !is_of_format(kind) => return None,
        // The parser finds these.
        AnalyzeErrorKind::Source(
            SourceError::KeyInTable(column) | SourceError::PrimaryKeyInStream(column),
        ) => return Some(format!("`{column}`")),
        AnalyzeErrorKind::Source(SourceError::NoSchema { .. } | SourceError::Registry(_)) => false,
        AnalyzeErrorKind::Property(PropertyError::SchemaId(_)) => false,
        _ => true,
    };
    let with = With::of_source(&create.properties).ok()?;
    let formats = (
        with.key_format(None, context.settings).ok()?,
        with.value_format(None, context.settings).ok()?,
    );
    let mut create = create.clone();
    for column in &mut create.columns {
        let ty = resolve_type(&column.ty, &context.catalog.types, column.span).ok()?;
        column.ty = source::type_name(&ty);
    }
    let properties = &mut create.properties;
    source::complete_formats(properties, &with, (&formats.0, &formats.1));
    if with_policy {
        let policy = source::cleanup_policy(create.kind, with.window).to_owned();
        complete(properties, "CLEANUP_POLICY", Value::String(policy));
    }
    create.properties = sorted(std::mem::take(properties));
    Some(format_statement(&Statement::CreateSource(create)))
}

/// Is it found only when formats are known?
fn is_of_format(kind: &PropertyError) -> bool {
    matches!(
        kind,
        PropertyError::FormatProperty { .. }
            | PropertyError::Wrapping { .. }
            | PropertyError::WrappingMany
            | PropertyError::SchemaId(_)
    )
}

fn refused_view(
    create: &ast::CreateAs,
    error: &AnalyzeError,
    context: Context<'_>,
) -> Option<String> {
    if let AnalyzeErrorKind::Property(kind) = &*error.kind
        && !is_of_format(kind)
    {
        return None;
    }
    let with = With::of_sink(&create.properties).ok()?;
    let from = sources::resolve(&create.query.from, context).ok()?;
    let mut query = qualify::qualify_known(&create.query, &from).ok()?;
    query.emit.get_or_insert(Emit::Changes);
    let windowed = query.window.is_some();
    Some(sink::completed(create, query, &with, &from.sources[0].source, windowed, context))
}
