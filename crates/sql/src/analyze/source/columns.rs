//! The columns of CREATE: those written, those found in the registry, and the rules for both.

use std::collections::HashSet;

use model::{Column, Format, FormatKind, Namespace, Schema, SqlType};

use super::super::error::{AnalyzeError, PropertyError, SourceError};
use super::super::limits;
use super::super::properties::With;
use super::super::query::qualify::SYSTEM_COLUMNS;
use super::super::query::{Context, check_key_type};
use super::super::types::resolve_type;
use crate::ast::{self, ColumnDefinition, Constraint, SourceKind};
use crate::catalog::RegisteredColumnsRequest;

type Result<T> = std::result::Result<T, AnalyzeError>;

/// The name of a registered key that is not a record.
const UNNAMED_KEY: &str = "ROWKEY";
/// The name of a registered value that is not a record.
const UNNAMED_VALUE: &str = "ROWVAL";

/// A CREATE whose columns are wanted.
pub struct Declared<'a> {
    /// The statement.
    pub statement: &'a ast::CreateSource,
    /// Its WITH.
    pub with: &'a With,
    /// Its topic.
    pub topic: &'a str,
}

impl Declared<'_> {
    /// All columns in order. Formats learn whether a registered single column is wrapped.
    pub fn schema(
        &self,
        key_format: &mut Format,
        value_format: &mut Format,
        context: Context<'_>,
    ) -> Result<Schema> {
        let definitions = &self.statement.columns;
        let end = definitions.last().map(|last| last.span).unwrap_or_default();
        limits::check_count(definitions.len(), end)?;
        let mut columns: Vec<Column> = Vec::new();
        let mut names = HashSet::new();
        let mut left = limits::TYPE_SIZE_MAX;
        for definition in definitions {
            let column = self.column(definition, context)?;
            if !names.insert(&definition.name) {
                let kind = SourceError::DuplicateColumn(column.name);
                return Err(AnalyzeError::at(definition.span, kind));
            }
            limits::spend(&mut left, column.ty.size(), definition.span)?;
            columns.push(column);
        }
        check_headers(&columns, definitions, context)?;
        let has = |columns: &[Column], ns| columns.iter().any(|c| c.namespace == ns);
        self.check_schema_ids(&columns)?;
        let infer_key = !has(&columns, Namespace::Key) && key_format.kind.uses_registry();
        let infer_value = !has(&columns, Namespace::Value) && value_format.kind.uses_registry();
        if infer_key {
            let found = self.registered(key_format, true, context)?;
            let keys = found.into_iter().map(|(name, ty)| Column::key(name, ty));
            columns.splice(0..0, keys);
        }
        if infer_value {
            let found = self.registered(value_format, false, context)?;
            columns.extend(found.into_iter().map(|(name, ty)| Column::value(name, ty)));
        }
        limits::check_columns(&columns, end)?;
        for column in columns.iter().filter(|column| column.namespace == Namespace::Key) {
            let at = definitions.iter().find(|d| d.name == column.name);
            check_key_type(&column.name, &column.ty, at.map(|d| d.span).unwrap_or_default())?;
        }
        if self.statement.kind == SourceKind::Table && !has(&columns, Namespace::Key) {
            return Err(SourceError::NoPrimaryKey.into());
        }
        let none = value_format.kind == FormatKind::None;
        if columns.is_empty() || !has(&columns, Namespace::Value) && definitions.is_empty() && !none
        {
            return Err(SourceError::NoColumns.into());
        }
        Ok(Schema::new(columns))
    }

    fn column(&self, definition: &ColumnDefinition, context: Context<'_>) -> Result<Column> {
        let ColumnDefinition { name, ty, constraint, span } = definition;
        let error = |kind: SourceError| Err(AnalyzeError::at(*span, kind));
        if SYSTEM_COLUMNS.contains(&name.as_str()) {
            return error(SourceError::ReservedColumn(name.clone()));
        }
        let ty = resolve_type(ty, &context.catalog.types, *span)?;
        match (constraint, self.statement.kind) {
            (Constraint::PrimaryKey, SourceKind::Stream) => {
                return error(SourceError::PrimaryKeyInStream(name.clone()));
            }
            (Constraint::Key, SourceKind::Table) => {
                return error(SourceError::KeyInTable(name.clone()));
            }
            _ => {}
        }
        let (namespace, header) = match constraint {
            Constraint::None => (Namespace::Value, None),
            Constraint::Key | Constraint::PrimaryKey => (Namespace::Key, None),
            Constraint::Headers => (Namespace::Headers, None),
            Constraint::Header(key) => (Namespace::Headers, Some(key.clone())),
        };
        let (what, expected, fits) = match constraint {
            Constraint::Headers => {
                let expected = "ARRAY<STRUCT<`KEY` STRING, `VALUE` BYTES>>";
                ("HEADERS".into(), expected, ty == all_headers())
            }
            Constraint::Header(key) => (format!("HEADER('{key}')"), "BYTES", ty == SqlType::Bytes),
            _ => (String::new(), "", true),
        };
        if !fits {
            return error(SourceError::HeaderType { what, expected, found: ty });
        }
        Ok(Column { name: name.clone(), ty, namespace, header })
    }

    fn check_schema_ids(&self, columns: &[Column]) -> Result<()> {
        let sides = [
            (Namespace::Key, &self.with.key, "KEY_SCHEMA_ID"),
            (Namespace::Value, &self.with.value, "VALUE_SCHEMA_ID"),
        ];
        for (namespace, side, property) in sides {
            if side.schema_id.is_some() && columns.iter().any(|c| c.namespace == namespace) {
                let message = format!(
                    "Table elements and {property} cannot both exist for create statement."
                );
                return Err(PropertyError::SchemaId(message).into());
            }
        }
        Ok(())
    }

    fn registered(
        &self,
        format: &mut Format,
        is_key: bool,
        context: Context<'_>,
    ) -> Result<Vec<(String, SqlType)>> {
        let side = if is_key { "key" } else { "value" };
        let subject = format!("{}-{side}", self.topic);
        let request = RegisteredColumnsRequest {
            subject: &subject,
            schema_id: format.schema_id,
            format,
            is_key,
        };
        let found = context.environment.registered_columns(&request);
        let found = found.map_err(|reason| AnalyzeError::new(SourceError::Registry(reason)))?;
        let Some(mut found) = found else {
            let topic = self.topic.to_owned();
            return Err(SourceError::NoSchema { side, topic, subject }.into());
        };
        // Only with an id the names stay as they are registered.
        if format.schema_id.is_none() {
            for (name, ty) in &mut found.columns {
                *name = name.to_uppercase();
                upper_case_fields(ty);
            }
        }
        let name = if is_key { UNNAMED_KEY } else { UNNAMED_VALUE };
        if let [(only, _)] = &mut found.columns[..]
            && (only.is_empty() || only == name)
        {
            name.clone_into(only);
            // A value that is no record stands alone; keys do anyway.
            if !is_key {
                format.wrap_single = Some(false);
            }
        }
        Ok(found.columns)
    }
}

fn upper_case_fields(ty: &mut SqlType) {
    match ty {
        SqlType::Array(element) => upper_case_fields(element),
        SqlType::Map(key, value) => {
            upper_case_fields(key);
            upper_case_fields(value);
        }
        SqlType::Struct(fields) => {
            for field in fields {
                field.name = field.name.to_uppercase();
                upper_case_fields(&mut field.ty);
            }
        }
        _ => {}
    }
}

/// `ARRAY<STRUCT<KEY STRING, VALUE BYTES>>`
fn all_headers() -> SqlType {
    SqlType::array(SqlType::Struct(vec![
        model::Field::new("KEY", SqlType::String),
        model::Field::new("VALUE", SqlType::Bytes),
    ]))
}

/// HEADERS at most once and then alone; each HEADER('key') at most once.
fn check_headers(
    columns: &[Column],
    definitions: &[ColumnDefinition],
    context: Context<'_>,
) -> Result<()> {
    let mut seen: Vec<&Option<String>> = Vec::new();
    for (column, definition) in columns.iter().zip(definitions) {
        if column.namespace != Namespace::Headers {
            continue;
        }
        let error = |kind| Err(AnalyzeError::at(definition.span, kind));
        if !context.settings.flag("ksql.headers.columns.enabled", true) {
            return error(SourceError::HeadersDisabled);
        }
        if seen.contains(&&column.header) {
            return error(SourceError::Headers("The schema has this column of headers already."));
        }
        if !seen.is_empty() && (column.header.is_none() || seen.contains(&&None)) {
            return error(SourceError::Headers("HEADERS and HEADER('key') exclude each other."));
        }
        seen.push(&column.header);
    }
    Ok(())
}
