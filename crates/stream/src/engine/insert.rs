//! Rows from outside: INSERT INTO … VALUES, and rows as JSON objects. They are encoded like a
//! query's and appended to the target's topic.

use std::sync::Arc;

use arrow_array::ArrayRef;
use bytes::Bytes;
use model::{Column, Format, Namespace, Partition, Record, TimestampMs, TopicPartition};
use sql::analyze::InsertValuesPlan;
use sql::ast::SourceKind;
use sql::catalog::{Catalog, Source};

use super::failure::Failure;
use super::{Execution, Service, insert_row};
use crate::expression::{EvalContext, evaluate_constant};
use crate::operators::sink::columns_of;
use crate::request::{RequestError, RequestErrorKind};

/// A row that makes sense: where it goes, its cells, and its time if it has one of its own.
type CheckedRow = (Arc<Source>, Vec<ArrayRef>, Option<i64>);

/// The columns of one row, each of a single cell.
struct Row {
    columns: Vec<(Column, ArrayRef)>,
}

impl Row {
    fn of(&self, namespace: Namespace) -> Vec<ArrayRef> {
        let columns = self.columns.iter().filter(|(column, _)| column.namespace == namespace);
        columns.map(|(_, cell)| cell.clone()).collect()
    }
}

impl Service {
    /// The row of an INSERT, checked but not appended; its time if it has one of its own.
    pub(super) fn record_of(
        &self,
        plan: &InsertValuesPlan,
        catalog: &Catalog,
    ) -> Result<CheckedRow, String> {
        let source = catalog.sources.get(&plan.target);
        let source = source.ok_or_else(|| format!("'{}' does not exist", plan.target))?.clone();
        let context = EvalContext { now_ms: self.options.clock.now().0, ..EvalContext::default() };
        let failed = |reason| format!("Failed to insert values into '{}'. {reason}", plan.target);
        let mut cells = Vec::with_capacity(plan.values.len());
        for (column, value) in source.schema.columns.iter().zip(&plan.values) {
            cells.push(match value {
                Some(expr) => {
                    let value = evaluate_constant(expr, &context).map_err(failed)?;
                    model::column::column_of(&column.ty, [&value])
                }
                None => model::column::null_column(&column.ty, 1),
            });
        }
        let rowtime = match &plan.rowtime {
            Some(expr) => evaluate_constant(expr, &context).map_err(failed)?.as_i64(),
            None => None,
        };
        Ok((source, cells, rowtime))
    }

    /// Appends the row of an INSERT.
    pub(super) fn insert_values(
        &self,
        plan: &InsertValuesPlan,
        catalog: &Catalog,
    ) -> Result<(), Failure> {
        let (source, cells, rowtime) = self.record_of(plan, catalog)?;
        let columns = source.schema.columns.iter().cloned().zip(cells).collect();
        let time = TimestampMs(rowtime.unwrap_or(self.options.clock.now().0));
        let failed = |reason| format!("Failed to insert values into '{}'. {reason}", plan.target);
        let appended = self.append_row(&source, &Row { columns }, time);
        appended.map_err(|failure| failure.worded(failed))
    }

    fn append_row(
        &self,
        source: &Source,
        row: &Row,
        timestamp: TimestampMs,
    ) -> Result<(), Failure> {
        let registry = &self.options.registry;
        let encode = |format: &Format, namespace, is_key| -> Result<Option<Bytes>, Failure> {
            let columns = columns_of(&source.schema, namespace);
            let cells = row.of(namespace);
            let encoder = format::encoder(format, &columns, is_key, &source.topic, registry)?;
            let mut encoded = encoder.encode(&cells, None, 1);
            match encoded.errors.pop() {
                Some(error) => Err(Failure::Refused(format!("{}: {}", error.message, error.cause))),
                None => Ok(encoded.payloads.pop().flatten()),
            }
        };
        let key = encode(&source.key_format, Namespace::Key, true)?;
        let value = encode(&source.value_format, Namespace::Value, false)?;
        let topic = self.options.journal.topic(&source.topic);
        let topic = topic.ok_or_else(|| format!("topic '{}' does not exist", source.topic))?;
        let partition = match &key {
            Some(key) if self.options.execution == Execution::Threads => {
                journal::partition_for_key(key, topic.spec.partitions)
            }
            // Rows without a key stay in the order in which they came.
            _ => 0,
        };
        let topic = source.topic.as_str().into();
        let partition = TopicPartition { topic, partition: Partition(partition) };
        let record = Record { key, value, timestamp, headers: Vec::new() };
        self.options.journal.append(&partition, vec![record])?;
        Ok(())
    }

    /// Refuses rows from clients where the server was told to.
    pub(super) fn check_inserts(&self) -> Result<(), RequestError> {
        const PROPERTY: &str = "ksql.insert.into.values.enabled";
        // A session's word does not count.
        let value = self.options.properties.get(PROPERTY);
        if value.is_none_or(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(());
        }
        let message = format!(
            "The server takes no rows from clients: start it with '{PROPERTY}' = 'true' to insert"
        );
        Err(RequestError::new(RequestErrorKind::BadRequest, message))
    }

    /// The stream or table that rows may be inserted into.
    pub(super) fn insert_target(&self, target: &str) -> Result<Arc<Source>, RequestError> {
        self.check_inserts()?;
        let refuse = |message| Err(RequestError::new(RequestErrorKind::BadRequest, message));
        let catalog = self.catalog.read().clone();
        let name = insert_row::identifier(target)
            .map_err(|message| RequestError::new(RequestErrorKind::BadRequest, message))?;
        let Some(source) = catalog.sources.get(&name) else {
            return refuse(format!("Cannot insert values into an unknown stream/table: {target}"));
        };
        if source.read_only {
            return refuse(format!("Cannot insert into read-only '{name}'"));
        }
        if source.window.is_some() {
            return refuse("Cannot insert values into windowed stream".to_owned());
        }
        Ok(source.clone())
    }

    /// Appends a row given as a JSON object: names in any case, what is unknown is left out.
    pub(super) fn insert_row(
        &self,
        target: &str,
        row: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), RequestError> {
        let source = self.insert_target(target)?;
        let refuse = |message| RequestError::new(RequestErrorKind::BadRequest, message);
        let stored = |c: &&Column| matches!(c.namespace, Namespace::Key | Namespace::Value);
        let columns: Vec<&Column> = source.schema.columns.iter().filter(stored).collect();
        let values = insert_row::values(&columns, row).map_err(refuse)?;
        let cells = columns
            .into_iter()
            .zip(&values)
            .map(|(column, value)| (column.clone(), model::column::column_of(&column.ty, [value])))
            .collect();
        let row = Row { columns: cells };
        let keys = row.of(Namespace::Key);
        let lacks_key = keys.iter().any(|key| key.is_null(0));
        if lacks_key && (source.kind == SourceKind::Table || !keys.is_empty()) {
            let names: Vec<_> = source.schema.key().map(|c| c.name.as_str()).collect();
            let names = names.join(", ");
            return Err(refuse(format!("Key field must be specified: {names}")));
        }
        self.append_row(&source, &row, self.options.clock.now()).map_err(Failure::of_request)
    }
}
