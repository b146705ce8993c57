//! The processing log as everybody sees it: a topic, and a stream over it that is there from the
//! start.

use std::sync::Arc;
use std::time::Duration;

use journal::{CreateTopicError, TopicSpec};
use model::{Column, Format, FormatKind, Schema};
use sql::ast::SourceKind;
use sql::catalog::{Catalog, Source};

use super::EngineOptions;
use super::failure::{Failure, internal};
use crate::processing_log;
use crate::request::RequestError;
use crate::run::log_writer::LogWriter;

/// How long its entries stay.
const LOG_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// The topic of the processing log; [`journal::is_internal`] knows it by its end.
pub(super) fn processing_log_topic(options: &EngineOptions) -> String {
    format!("{}ksql_processing_log", options.service_id)
}

/// Opens the processing log and makes its topic.
pub(super) fn open_processing_log(options: &EngineOptions) -> Result<Arc<LogWriter>, RequestError> {
    let topic = processing_log_topic(options);
    let spec = TopicSpec { retention: Some(LOG_RETENTION), ..TopicSpec::new(topic.as_str(), 1) };
    match options.journal.create_topic(spec) {
        Ok(_) | Err(CreateTopicError::Exists(_)) => {}
        Err(error) => return Err(Failure::from(error).of_request()),
    }
    let writer = LogWriter::new(&topic, &options.registry).map_err(|e| internal(&e))?;
    Ok(Arc::new(writer))
}

/// The catalog of an empty server: the processing log alone.
pub(super) fn first_catalog(options: &EngineOptions) -> Catalog {
    let columns = processing_log::columns();
    let columns = columns.into_iter().map(|(name, ty)| Column::value(name, ty)).collect();
    let schema = Schema::new(columns);
    let topic = processing_log_topic(options);
    let name = processing_log::STREAM;
    let statement = format!(
        "CREATE STREAM {name} ({schema}) WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON');"
    );
    let source = Source {
        name: name.to_owned(),
        kind: SourceKind::Stream,
        schema,
        topic,
        key_format: Format::new(FormatKind::Kafka),
        value_format: Format::new(FormatKind::Json),
        window: None,
        timestamp: None,
        read_only: true,
        created_by: None,
        statement,
    };
    let mut catalog = Catalog::default();
    catalog.sources.insert(name.to_owned(), Arc::new(source));
    catalog
}
