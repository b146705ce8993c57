//! Statements run one after another against a catalog, with topics and schemas made up.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Column, Schema, SqlType};
use sql::analyze::{Planned, Settings, analyze};
use sql::ast::{SourceKind, Statement};
use sql::catalog::{self, Catalog, RegisteredColumns, RegisteredColumnsRequest, Source};

/// Topics and their partitions. Any other topic has as many as asked for, or four.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) topics: BTreeMap<String, u32>,
    /// Sources made with columns: their topic's subjects hold these.
    pub(crate) registered: BTreeMap<String, Vec<(String, SqlType)>>,
    /// The case registers schemas: any inference finds something.
    pub(crate) any_schema: bool,
    /// Topics are there only if they were made.
    pub(crate) strict: bool,
}

impl Environment {
    pub(crate) fn of_case(case: &serde_json::Value) -> Self {
        let mut environment = Self::default();
        for topic in case["topics"].as_array().into_iter().flatten() {
            let name = topic["name"].as_str().unwrap_or_default().to_owned();
            // Without a number the statement's counts.
            if let Some(partitions) = topic["partitions"].as_u64() {
                environment.topics.insert(name, partitions as u32);
            }
            environment.any_schema |= topic.get("valueSchema").is_some();
            environment.any_schema |= topic.get("keySchema").is_some();
        }
        environment
    }
}

impl catalog::Environment for Environment {
    fn topic_partitions(&self, topic: &str) -> Option<u32> {
        self.topics.get(topic).copied()
    }

    fn registered_columns(
        &self,
        request: &RegisteredColumnsRequest<'_>,
    ) -> Result<Option<RegisteredColumns>, String> {
        let columns = self.registered.get(request.subject).cloned();
        Ok(columns.map(|columns| RegisteredColumns { schema_id: 1, columns }))
    }
}

pub(crate) struct Script {
    pub(crate) environment: Environment,
    pub(crate) catalog: Catalog,
    pub(crate) settings: Settings,
    pub(crate) queries: u64,
    /// The columns of the last SELECT.
    pub(crate) answered: Option<String>,
    /// The last statement as the server writes it.
    pub(crate) statement: Option<String>,
    explained: String,
}

impl Script {
    pub(crate) fn new(environment: Environment) -> Self {
        Self {
            environment,
            catalog: Catalog::default(),
            settings: Settings::default(),
            queries: 0,
            answered: None,
            statement: None,
            explained: String::new(),
        }
    }

    pub(crate) fn set_properties(&mut self, properties: &serde_json::Value) {
        for (name, value) in properties.as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.settings.properties.insert(name.clone(), value);
        }
    }

    /// Forgets what was explained.
    pub(crate) fn clear(&mut self) {
        self.explained.clear();
    }

    /// The trees of all plans.
    pub(crate) fn explained(&self) -> &str {
        &self.explained
    }

    /// Is there the source that a case expects (`post.sources`), with its columns and formats?
    pub(crate) fn compare(&self, wanted: &serde_json::Value) -> Result<(), String> {
        let name = wanted["name"].as_str().unwrap_or_default();
        let Some(source) = self.catalog.sources.get(name) else {
            return Err(format!("there is no {name}"));
        };
        let kind = if source.kind == SourceKind::Stream { "stream" } else { "table" };
        if wanted["type"].as_str().is_some_and(|wanted| !wanted.eq_ignore_ascii_case(kind)) {
            return Err(format!("{name} is a {kind}"));
        }
        if let Some(schema) = wanted["schema"].as_str() {
            let columns = sql::parser::parse_schema(schema).map_err(|error| error.to_string())?;
            let wanted = self.columns(&columns)?;
            let by_namespace = |schema: &Schema| {
                let stored = |ns| schema.of(ns).cloned().collect::<Vec<_>>();
                [model::Namespace::Key, model::Namespace::Value].map(stored)
            };
            if by_namespace(&wanted) != by_namespace(&source.schema) {
                return Err(format!("{name} is [{}], not [{wanted}]", source.schema));
            }
        }
        let formats = [("keyFormat", &source.key_format), ("valueFormat", &source.value_format)];
        for (side, format) in formats {
            let wanted = wanted[side].as_str().or(wanted[side]["format"].as_str());
            if wanted.is_some_and(|wanted| wanted != format.kind.name()) {
                return Err(format!("{side} of {name} is {}, not {wanted:?}", format.kind));
            }
        }
        if let Some(wanted) = wanted["keyFormat"].as_object() {
            let found = source.window.map(|window| format!("{window:?}").to_uppercase());
            let window = wanted.get("windowType").and_then(|w| w.as_str()).unwrap_or("");
            if found.is_some() == window.is_empty()
                || !found.clone().unwrap_or_default().starts_with(window)
            {
                return Err(format!("window of {name} is {found:?}, not {window}"));
            }
        }
        Ok(())
    }

    fn columns(&self, definitions: &[sql::ast::ColumnDefinition]) -> Result<Schema, String> {
        let mut columns = Vec::new();
        for definition in definitions {
            let ty = sql::analyze::types::resolve_type(
                &definition.ty,
                &self.catalog.types,
                definition.span,
            );
            let ty = ty.map_err(|error| error.to_string())?;
            let name = definition.name.clone();
            columns.push(match definition.constraint {
                sql::ast::Constraint::Key | sql::ast::Constraint::PrimaryKey => {
                    Column::key(name, ty)
                }
                _ => Column::value(name, ty),
            });
        }
        Ok(Schema::new(columns))
    }

    pub(crate) fn run(&mut self, text: &str) -> Result<(), String> {
        let statements = sql::parser::parse_script(text).map_err(|error| error.to_string())?;
        self.run_all(&statements)
    }

    pub(crate) fn run_all(
        &mut self,
        statements: &[sql::ast::ParsedStatement],
    ) -> Result<(), String> {
        for statement in statements {
            self.make_topic(&statement.statement);
            let planned =
                analyze(statement, &self.catalog, &self.environment, &self.settings, self.queries);
            let planned = planned.map_err(|error| error.to_string())?;
            self.apply(planned);
        }
        Ok(())
    }

    /// ksqlDB's harness makes the topics of CREATE, with four partitions.
    fn make_topic(&mut self, statement: &Statement) {
        let Statement::CreateSource(create) = statement else { return };
        if self.environment.strict {
            return;
        }
        let find = |name: &str| {
            create.properties.0.iter().find(|p| p.name == name).map(|p| p.value.clone())
        };
        let Some(topic) = find("KAFKA_TOPIC") else { return };
        let Some(topic) = topic.as_str() else { return };
        let partitions = find("PARTITIONS").and_then(|p| p.as_i64()).unwrap_or(4) as u32;
        self.environment.topics.entry(topic.to_owned()).or_insert(partitions);
    }

    fn apply(&mut self, planned: Planned) {
        match planned {
            Planned::CreateSource(plan) => {
                self.register(&plan.source);
                self.statement = Some(plan.source.statement.clone());
                self.explain(&plan.source.statement);
                if let Some(topic) = plan.topic {
                    self.environment.topics.insert(topic.name, topic.partitions);
                }
                if let Some(query) = plan.query {
                    self.queries += 1;
                    self.catalog.queries.insert(query.id.clone(), Arc::new(query));
                }
                self.catalog.sources.insert(plan.source.name.clone(), Arc::new(plan.source));
            }
            Planned::CreateAs(plan) => {
                self.queries += 1;
                self.statement = Some(plan.query.statement.clone());
                self.explained.push_str(&plan.query.statement);
                self.explained.push('\n');
                self.explained.push_str(&plan.source.schema.to_string());
                self.explained.push('\n');
                self.explained.push_str(&plan.query.plan.to_string());
                self.register(&plan.source);
                if let Some(topic) = plan.topic {
                    self.environment.topics.insert(topic.name, topic.partitions);
                }
                self.catalog.queries.insert(plan.query.id.clone(), Arc::new(plan.query));
                self.catalog.sources.insert(plan.source.name.clone(), Arc::new(plan.source));
            }
            Planned::InsertSelect(query) => {
                self.queries += 1;
                self.explain(&query.id);
                self.explained.push_str(&query.plan.to_string());
                self.catalog.queries.insert(query.id.clone(), Arc::new(query));
            }
            Planned::Alter { source, statement } => {
                self.explain(&statement);
                self.catalog.sources.insert(source.name.clone(), source);
            }
            Planned::Drop { name, ends, topic, delete_topic } => {
                let goes = if delete_topic { " and its topic" } else { "" };
                self.explain(&format!("drop {name}{goes}, ending {ends:?}"));
                self.catalog.sources.remove(&name);
                if delete_topic {
                    self.environment.topics.remove(&topic);
                }
                for id in ends {
                    self.catalog.queries.remove(&id);
                }
            }
            Planned::CreateType { name, ty } => {
                self.explain(&format!("type {name} is {ty}"));
                self.catalog.types.insert(name, ty);
            }
            Planned::DropType { name } => {
                self.catalog.types.remove(&name);
            }
            Planned::Push(plan) => {
                self.answered = Some(plan.output.to_string());
                self.explained.push_str(&plan.to_string());
            }
            Planned::Pull(plan) => {
                self.answered = Some(plan.output.to_string());
                let source = &self.catalog.sources[&plan.source];
                let schema = sql::analyze::query::sources::source_schema(source);
                self.explained.push_str(&sql::explain::explain_pull(&plan, &schema));
            }
            Planned::Other(Statement::Terminate(sql::ast::QueryRef::All)) => {
                self.catalog.queries.clear();
            }
            Planned::Other(Statement::Set { property, value }) => {
                self.settings.properties.insert(property, value);
            }
            Planned::InsertValues(plan) => {
                let empty = Schema::default();
                let show = |value: &sql::expr::Expr| sql::explain::explain_expr(value, &empty);
                let values = plan.values.iter().map(|v| v.as_ref().map_or("-".into(), show));
                let values = values.collect::<Vec<_>>().join(", ");
                let rowtime = plan.rowtime.as_ref().map(|v| format!(" at {}", show(v)));
                let line =
                    format!("Insert into {}{}: {values}", plan.target, rowtime.unwrap_or_default());
                self.explain(&line);
            }
            Planned::AlreadyExists { message, .. } => self.explain(&message),
            Planned::Nothing { name } => self.explain(&format!("there is no {name}")),
            _ => {}
        }
    }

    fn explain(&mut self, line: &str) {
        self.explained.push_str(line);
        self.explained.push('\n');
    }

    fn register(&mut self, source: &Source) {
        let named = |columns: Vec<&Column>| {
            columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect::<Vec<_>>()
        };
        let key = named(source.schema.key().collect());
        let value = named(source.schema.value().collect());
        for (columns, side) in [(key, "key"), (value, "value")] {
            self.environment
                .registered
                .entry(format!("{}-{side}", source.topic))
                .or_insert(columns);
        }
    }
}

/// A catalog with a stream T of these columns.
fn stream(columns: &serde_json::Value, first: Vec<Column>) -> Result<Script, String> {
    let mut script = Script::new(Environment::default());
    let mut schema = first;
    for (name, ty) in columns.as_object().into_iter().flatten() {
        let ty = ty.as_str().unwrap_or_default();
        let ty = ty.strip_suffix(" KEY").unwrap_or(ty);
        let ty = sql::parser::parse_type(ty).map_err(|error| error.to_string())?;
        let ty = sql::analyze::types::resolve_type(&ty, &BTreeMap::new(), Default::default());
        schema.push(Column::value(name, ty.map_err(|error| error.to_string())?));
    }
    let format = model::Format::new(model::FormatKind::Json);
    let source = Source {
        name: "T".into(),
        kind: SourceKind::Stream,
        schema: Schema::new(schema),
        topic: "t".into(),
        key_format: format.clone(),
        value_format: format,
        window: None,
        timestamp: None,
        read_only: false,
        created_by: None,
        statement: String::new(),
    };
    script.catalog.sources.insert("T".into(), Arc::new(source));
    Ok(script)
}

/// Plans the INSERT of a vector.
pub(crate) fn insert(vector: &serde_json::Value) -> Result<(), String> {
    let mut script = stream(&vector["columns"], Vec::new())?;
    let text = vector["insert"].as_str().unwrap_or_default().replace("{name}", "T");
    script.run(&text)
}

/// The type of an expression over a stream with these columns.
pub(crate) fn type_of(expression: &str, columns: &serde_json::Value) -> Result<String, String> {
    let script = stream(columns, vec![Column::value("RID", SqlType::Bigint)])?;
    let text = format!("SELECT RID, {expression} AS E0 FROM T EMIT CHANGES;");
    let statements = sql::parser::parse_script(&text).map_err(|error| error.to_string())?;
    let [statement] = &statements[..] else { return Err("not one statement".into()) };
    let planned = analyze(statement, &script.catalog, &script.environment, &script.settings, 0);
    match planned.map_err(|error| error.to_string())? {
        Planned::Push(plan) => Ok(plan.output.columns[1].ty.to_string()),
        other => Err(format!("{other:?}")),
    }
}
