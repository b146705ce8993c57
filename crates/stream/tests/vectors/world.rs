//! What all of these tests need: statements to plans, and records to columns and back.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::ArrayRef;
use bytes::Bytes;
use format::codec::{decoder, encoder};
use format::registry::{MemoryRegistry, Registry};
use model::{Format, FormatKind, SqlType};
use sql::analyze::{Planned, Settings, analyze};
use sql::catalog::{Catalog, Environment, RegisteredColumns, RegisteredColumnsRequest};

/// Names and types.
pub(crate) type Columns = Vec<(String, SqlType)>;

/// Where a file of vectors lies.
pub(crate) fn vectors(file: &str) -> PathBuf {
    let crate_folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    crate_folder.join("../../../shared/ksqldb/vectors").join(file)
}

/// The world outside of a statement: topics of one partition, no schemas.
struct Outside;

impl Environment for Outside {
    fn topic_partitions(&self, _topic: &str) -> Option<u32> {
        Some(1)
    }

    fn registered_columns(
        &self,
        _request: &RegisteredColumnsRequest<'_>,
    ) -> Result<Option<RegisteredColumns>, String> {
        Ok(None)
    }
}

/// What a statement means.
pub(crate) fn plan(catalog: &Catalog, text: &str) -> Result<Planned, String> {
    let statements = sql::parser::parse_script(text).map_err(|e| e.to_string())?;
    analyze(&statements[0], catalog, &Outside, &Settings::default(), 0).map_err(|e| e.to_string())
}

/// Carries out a CREATE STREAM or CREATE TABLE; gives back any other plan.
pub(crate) fn run(catalog: &mut Catalog, text: &str) -> Result<Option<Planned>, String> {
    match plan(catalog, text)? {
        Planned::CreateSource(create) => {
            catalog.sources.insert(create.source.name.clone(), Arc::new(create.source));
            Ok(None)
        }
        other => Ok(Some(other)),
    }
}

fn json() -> Format {
    Format::new(FormatKind::Json)
}

fn registry() -> Arc<dyn Registry> {
    Arc::new(MemoryRegistry::default())
}

/// JSON records as columns; `None` is a null record.
pub(crate) fn decoded(
    columns: &Columns,
    is_key: bool,
    records: &[Option<String>],
) -> Vec<ArrayRef> {
    let decoder = decoder(&json(), columns, is_key, "input", &registry());
    let decoder = decoder.unwrap_or_else(|e| panic!("{e}"));
    let payloads = records.iter().map(|record| record.clone().map(Bytes::from));
    decoder.decode(&payloads.collect::<Vec<_>>()).columns
}

/// The first row of columns as a JSON record.
pub(crate) fn encoded(columns: &Columns, cells: &[ArrayRef]) -> String {
    let encoder = encoder(&json(), columns, false, "output", &registry());
    let encoder = encoder.unwrap_or_else(|e| panic!("{e}"));
    let encoded = encoder.encode(cells, None, 1);
    let payload = encoded.payloads[0].as_ref().unwrap_or_else(|| panic!("{:?}", encoded.errors));
    String::from_utf8_lossy(payload).into_owned()
}
