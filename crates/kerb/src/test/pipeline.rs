//! Inputs through the queries of an instance, in ksqlDB's order: query by query, so that one that
//! reads what another writes runs when that one has finished.

use std::collections::BTreeSet;

use model::{Offset, Record};
use sql::catalog::{Catalog, QueryEntry};
use stream::PipedRecord;

use crate::test::instance::Instance;

/// How records fall into batches: must not change any result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batching {
    /// Each record by itself.
    Single,
    /// All consecutive records of a topic together.
    Together,
}

impl Batching {
    /// Both, in the order they are tried.
    pub(crate) const ALL: [Batching; 2] = [Batching::Single, Batching::Together];

    /// Says with a difference in which run it was seen.
    pub(crate) fn told(self, difference: String) -> String {
        match self {
            Batching::Single => difference,
            Batching::Together => format!("in batches: {difference}"),
        }
    }
}

/// A record that a case puts into a topic.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// The topic.
    pub(crate) topic: String,
    /// The record.
    pub(crate) record: Record,
}

/// Writes all inputs to their topics and lets each persistent query have what is for it: the inputs
/// of its sources in the order given, then all there is of those sources that no input is for.
pub(crate) fn run(instance: &Instance, inputs: &[Input], batching: Batching) -> Result<(), String> {
    for input in inputs {
        instance.append(&input.topic, input.record.clone())?;
    }
    let given: BTreeSet<&str> = inputs.iter().map(|input| input.topic.as_str()).collect();
    let catalog = instance.catalog();
    for query in in_order(&catalog) {
        let mut topics: Vec<String> = Vec::new();
        for source in &query.sources {
            if let Some(source) = catalog.sources.get(source)
                && !topics.contains(&source.topic)
            {
                topics.push(source.topic.clone());
            }
        }
        let is_mine = |input: &&Input| topics.contains(&input.topic);
        let mut piped = Vec::new();
        for input in inputs.iter().filter(is_mine) {
            let before = piped.iter().filter(|p: &&PipedRecord| p.topic == input.topic).count();
            piped.push(piped_record(&input.topic, before, input.record.clone()));
        }
        pipe(instance, &query.id, piped, batching)?;
        for topic in topics.iter().filter(|topic| !given.contains(topic.as_str())) {
            let records = instance.records(topic).into_iter().enumerate();
            let piped = records.map(|(at, record)| piped_record(topic, at, record)).collect();
            pipe(instance, &query.id, piped, batching)?;
        }
    }
    Ok(())
}

fn piped_record(topic: &str, at: usize, record: Record) -> PipedRecord {
    PipedRecord { topic: topic.to_owned(), offset: Offset(at as i64), record }
}

/// The queries in the order they were made: their ids end with a number that counts up.
fn in_order(catalog: &Catalog) -> Vec<&QueryEntry> {
    let mut queries: Vec<&QueryEntry> = catalog.queries.values().map(AsRef::as_ref).collect();
    queries.sort_by_key(|query| {
        query.id.rsplit('_').next().and_then(|number| number.parse::<u64>().ok())
    });
    queries
}

fn pipe(
    instance: &Instance,
    query: &str,
    records: Vec<PipedRecord>,
    batching: Batching,
) -> Result<(), String> {
    let same_batch =
        |a: &PipedRecord, b: &PipedRecord| batching == Batching::Together && a.topic == b.topic;
    for batch in records.chunk_by(same_batch) {
        instance.engine.pipe(query, batch).map_err(|error| error.to_string())?;
    }
    Ok(())
}
