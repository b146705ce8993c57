//! DESCRIBE and EXPLAIN: sources, functions and queries in detail.

use std::sync::Arc;

use functions::Signature;
use functions::catalog::CatalogEntry;
use journal::GroupId;
use model::{Column, Namespace, Partition, Schema, TopicPartition};
use sql::analyze::{CreateAsPlan, Planned, analyze};
use sql::ast::ParsedStatement;
use sql::catalog::{Catalog, QueryEntry, Source};
use sql::explain::{explain_pull, explain_query};
use sql::plan::QueryPlan;

use super::Service;
use super::queries::{RunningQuery, group_name};
use super::show::source_summary;
use super::world::Session;
use crate::answer::{
    FieldDescription, FunctionDescription, FunctionSummary, ParamDescription, QueryDescription,
    QueryOffsets, QueryState, QuerySummary, QueryType, SignatureDescription, SourceDescription,
    TopicOffsets,
};

/// The columns of a schema, the key's first, described.
fn fields(schema: &Schema) -> Vec<FieldDescription> {
    let keys = schema.key();
    let others = schema.columns.iter().filter(|c| c.namespace != Namespace::Key);
    keys.chain(others)
        .map(|column| FieldDescription {
            name: column.name.clone(),
            ty: column.ty.clone(),
            is_key: column.namespace == Namespace::Key,
            header: (column.namespace == Namespace::Headers).then(|| column.header.clone()),
        })
        .collect()
}

impl Service {
    /// The source that DESCRIBE names.
    pub(super) fn described(&self, name: &str, catalog: &Catalog) -> Result<Arc<Source>, String> {
        catalog.sources.get(name).cloned().ok_or_else(|| {
            let near = sql::error::nearest(name, catalog.sources.keys().map(String::as_str));
            let hint = near.map_or(String::new(), |near| format!(" Did you mean '{near}'?"));
            format!("Could not find STREAM/TABLE '{name}' in the Metastore.{hint}")
        })
    }

    fn query_summary(&self, entry: &QueryEntry) -> QuerySummary {
        let sink_topics = entry.plan.sink.iter().map(|sink| sink.topic.clone()).collect();
        let running = self.queries.get(&entry.id);
        QuerySummary {
            id: entry.id.clone(),
            statement: entry.statement.clone(),
            sinks: entry.plan.sink.iter().map(|sink| sink.name.clone()).collect(),
            sink_topics,
            query_type: QueryType::Persistent,
            state: running.map_or(QueryState::Running, |running| running.state()),
        }
    }

    /// All queries that run.
    pub(super) fn query_summaries(&self) -> Vec<QuerySummary> {
        let persistent = self.queries.all();
        let persistent = persistent.iter().map(|running| self.query_summary(&running.entry));
        let push = self.open.all().into_iter().map(|(id, open)| QuerySummary {
            id,
            statement: open.statement,
            sinks: Vec::new(),
            sink_topics: Vec::new(),
            query_type: QueryType::Push,
            state: open.shared.state(),
        });
        persistent.chain(push).collect()
    }

    /// All queries that run, in detail.
    pub(super) fn query_descriptions(&self) -> Vec<QueryDescription> {
        let persistent = self.queries.all();
        let persistent =
            persistent.iter().map(|running| running_description(running, &self.options.service_id));
        let push = self.open.all().into_iter().map(|(id, open)| QueryDescription {
            fields: transient_fields(&open.plan.root.schema, &open.plan.output),
            topology: explain_query(&open.plan),
            query_type: Some(QueryType::Push),
            state: Some(open.shared.state()),
            progress: Some(open.shared.progress()),
            ..plan_description(id, open.statement, &open.plan, &self.options.service_id)
        });
        persistent.chain(push).collect()
    }

    /// EXPLAIN id
    pub(super) fn explain_query(&self, id: &str) -> Result<QueryDescription, String> {
        if let Some(running) = self.queries.get(id) {
            return Ok(running_description(&running, &self.options.service_id));
        }
        let found = self.query_descriptions().into_iter().find(|query| query.id == id);
        found.ok_or_else(|| {
            format!("Query with id:{id} does not exist, use SHOW QUERIES to view the full set of queries.")
        })
    }

    /// EXPLAIN statement
    pub(super) fn explain_statement(
        &self,
        statement: &ParsedStatement,
        catalog: &Catalog,
        session: &Session,
    ) -> Result<QueryDescription, String> {
        let settings = session.settings(&self.options.properties);
        let planned = analyze(statement, catalog, &self.world(), &settings, 0);
        let planned = planned.map_err(|error| error.to_string())?;
        let (text, service) = (statement.text.clone(), &self.options.service_id);
        let described = match &planned {
            Planned::CreateAs(CreateAsPlan { query, .. }) | Planned::InsertSelect(query) => {
                plan_description(query.id.clone(), text, &query.plan, service)
            }
            Planned::Push(plan) => QueryDescription {
                fields: transient_fields(&plan.root.schema, &plan.output),
                query_type: Some(QueryType::Push),
                ..plan_description(self.transient_id(plan, &settings), text, plan, service)
            },
            Planned::Pull(plan) => {
                let source = self.described(&plan.source, catalog)?;
                let reads = super::select::stream_plan(plan, &source);
                QueryDescription {
                    fields: transient_fields(&plan.output, &plan.output),
                    execution_plan: explain_pull(plan, &source.schema),
                    query_type: Some(QueryType::Push),
                    ..plan_description(self.transient_id(&reads, &settings), text, &reads, service)
                }
            }
            _ => return Err("The provided statement does not run a ksql query".to_owned()),
        };
        let properties = session.properties.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        // Nothing runs yet: the plan is all there is to see.
        let topology = described.execution_plan.clone();
        Ok(QueryDescription { properties, topology, ..described })
    }

    /// A source described.
    pub(super) fn source_description(
        &self,
        source: &Source,
        catalog: &Catalog,
        extended: bool,
    ) -> SourceDescription {
        let readers = catalog.queries.values().filter(|q| q.sources.contains(&source.name));
        let readers: Vec<_> = readers.collect();
        let writers: Vec<_> = catalog
            .queries
            .values()
            .filter(|q| q.plan.sink.is_some() && q.sink == source.name)
            .collect();
        let partitions =
            self.options.journal.topic(&source.topic).map_or(0, |topic| topic.spec.partitions);
        let timestamp = source.timestamp.as_ref().map_or(String::new(), |t| t.name.clone());
        let made = |query: &&Arc<QueryEntry>| {
            let mut sources = catalog.sources.values();
            let made = sources.find(|other| other.created_by.as_ref() == Some(&query.id))?;
            Some(made.name.clone())
        };
        let constraints = readers.iter().filter_map(made).collect();
        let (statistics, error_statistics) =
            if extended { self.statistics(&writers) } else { Default::default() };
        let offsets = if extended {
            let queries = writers.iter().chain(&readers);
            queries.filter_map(|query| self.offsets(&query.id)).collect()
        } else {
            Vec::new()
        };
        let summaries = |queries: &[&Arc<QueryEntry>]| {
            queries.iter().map(|query| self.query_summary(query)).collect()
        };
        SourceDescription {
            summary: source_summary(source),
            window: source.window,
            read_queries: summaries(&readers),
            write_queries: summaries(&writers),
            fields: fields(&source.schema),
            timestamp,
            extended,
            partitions,
            replicas: u32::from(partitions > 0),
            statement: source.statement.clone(),
            constraints,
            statistics,
            error_statistics,
            offsets,
        }
    }

    fn statistics(&self, writers: &[&Arc<QueryEntry>]) -> (String, String) {
        let progress = writers.iter().filter_map(|query| self.queries.get(&query.id));
        let progress: Vec<_> = progress.map(|running| running.progress()).collect();
        let rows_in: u64 = progress.iter().map(|p| p.rows_in).sum();
        let rows_out: u64 = progress.iter().map(|p| p.rows_out).sum();
        let errors: u64 = progress.iter().map(|p| p.row_errors).sum();
        let lag: u64 = progress.iter().map(|p| p.lag).sum();
        let statistics = format!("rows read: {rows_in}, rows written: {rows_out}, waiting: {lag}");
        (statistics, format!("failures in the processing log: {errors}"))
    }

    fn offsets(&self, query: &str) -> Option<QueryOffsets> {
        let running = self.queries.get(query)?;
        let group: &GroupId = running.group();
        let journal = &self.options.journal;
        let mut topics: Vec<TopicOffsets> = Vec::new();
        for (partition, next) in journal.committed(group) {
            let TopicPartition { topic, partition: Partition(number) } = &partition;
            let bounds = journal.bounds(&partition).ok()?;
            let entry = (Partition(*number), bounds.start.0, bounds.end.0, next.0);
            match topics.last_mut().filter(|last| last.topic == **topic) {
                Some(last) => last.partitions.push(entry),
                None => {
                    topics.push(TopicOffsets { topic: topic.to_string(), partitions: vec![entry] })
                }
            }
        }
        Some(QueryOffsets { group: group.0.to_string(), topics })
    }
}

fn running_description(running: &RunningQuery, service_id: &str) -> QueryDescription {
    let entry = &running.entry;
    let description =
        plan_description(entry.id.clone(), entry.statement.clone(), &entry.plan, service_id);
    QueryDescription {
        topology: running.picture(),
        state: Some(running.state()),
        progress: Some(running.progress()),
        ..description
    }
}

/// The columns of a query that tells a client: those of its key stand among its values, too.
fn transient_fields(keyed: &Schema, output: &Schema) -> Vec<FieldDescription> {
    let described = |column: &Column, is_key| FieldDescription {
        name: column.name.clone(),
        ty: column.ty.clone(),
        is_key,
        header: None,
    };
    let keys = keyed.key().map(|column| described(column, true));
    keys.chain(output.columns.iter().map(|column| described(column, false))).collect()
}

/// What a plan alone says: of a persistent query unless the caller knows better.
fn plan_description(
    id: String,
    statement: String,
    plan: &QueryPlan,
    service_id: &str,
) -> QueryDescription {
    QueryDescription {
        group: group_name(service_id, &id),
        id,
        statement,
        properties: Vec::new(),
        window: plan.window.filter(|_| plan.sink.is_some()),
        fields: fields(&plan.output),
        sources: plan.sources.clone(),
        sinks: plan.sink.iter().map(|sink| sink.name.clone()).collect(),
        topology: String::new(),
        execution_plan: explain_query(plan),
        query_type: Some(QueryType::Persistent),
        state: None,
        progress: None,
    }
}

/// DESCRIBE FUNCTION
pub(super) fn function_description(name: &str) -> Option<FunctionDescription> {
    let entry = functions::catalog::find(&name.to_uppercase())?;
    Some(FunctionDescription {
        summary: function_summary(entry),
        description: entry.doc.description.to_owned(),
        signatures: entry.shown().map(|s| signature_description(entry, s)).collect(),
    })
}

/// A function as LIST FUNCTIONS has it.
pub(super) fn function_summary(entry: &CatalogEntry) -> FunctionSummary {
    FunctionSummary {
        name: entry.name.to_owned(),
        kind: entry.kind,
        category: entry.doc.category.to_owned(),
    }
}

fn signature_description(entry: &CatalogEntry, signature: &Signature) -> SignatureDescription {
    let param = |(at, param): (usize, &functions::Param)| ParamDescription {
        name: entry.param_name(signature, at),
        ty: param.ty.to_string(),
        description: String::new(),
        variadic: signature.variadic == Some(at),
    };
    SignatureDescription {
        params: signature.params.iter().enumerate().map(param).collect(),
        returns: signature.returns.to_string(),
    }
}
