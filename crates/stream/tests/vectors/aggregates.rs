//! What ksqlDB's aggregates gave row by row, against plan, expressions and aggregates here: a slow
//! and obvious fold of the recorded rows, without engine, windows or joins. What is more than
//! source, group and projection is left to the engine's own tests, and counted.

use std::collections::HashMap;

use arrow_array::ArrayRef;
use functions::aggregate::{Aggregator, Creation, Limits};
use model::column::{column_of, null_column, value_at};
use model::{Namespace, Schema, SqlType, Value};
use serde_json::Value as Json;
use sql::analyze::Planned;
use sql::ast::SourceKind;
use sql::catalog::Catalog;
use sql::expr::Expr;
use sql::plan::{AggregateCall, StepKind};
use stream::expression::{EvalContext, evaluate};
use testkit::vectors::{Tally, is_unordered, same_json};

use crate::world::{Columns, decoded, encoded, run, vectors};

/// How many of those that can be folded here must come out the same.
const PASS_RATE_MIN: f64 = 0.98;

#[test]
fn aggregates_give_what_ksqldb_gave() {
    let read = |file: &str| std::fs::read_to_string(vectors(file)).ok();
    let (Some(lines), Some(feeds)) = (read("aggregates.jsonl"), read("feeds.jsonl")) else {
        eprintln!("skipped: no vectors");
        return;
    };
    let json = |line: &str| serde_json::from_str::<Json>(line).expect("JSON");
    let feeds: HashMap<String, Json> = feeds
        .lines()
        .map(json)
        .map(|mut feed| (feed["feed"].as_str().unwrap_or_default().into(), feed["rows"].take()))
        .collect();
    let mut tally = Tally::default();
    let mut elsewhere = 0;
    for vector in lines.lines().map(json) {
        let rows = vector["rows"].as_str().and_then(|feed| feeds.get(feed));
        let rows = rows.and_then(Json::as_array).expect("a feed");
        let group = vector["group"].as_str().unwrap_or_default();
        match check(&vector, rows) {
            Ok(result) => {
                tally.add(group, result.is_ok());
                if let Err(difference) = result {
                    eprintln!("{} | {} | {difference}", vector["statements"][1], vector["rows"]);
                }
            }
            Err(Elsewhere) => elsewhere += 1,
        }
    }
    eprintln!("{tally}\n{elsewhere} are left to the engine");
    assert!(tally.rate() >= PASS_RATE_MIN);
}

/// It takes more than a fold.
struct Elsewhere;

fn check(vector: &Json, rows: &[Json]) -> Result<Result<(), String>, Elsewhere> {
    let refused = vector["error"] == "plan";
    let statements = vector["statements"].as_array().ok_or(Elsewhere)?;
    let plan = match Fold::plan(statements) {
        Ok(fold) => fold,
        Err(_) if refused => return Ok(Ok(())),
        Err(reason) => return Ok(Err(format!("refused: {reason}"))),
    };
    let Some(fold) = plan else { return Err(Elsewhere) };
    if refused {
        return Ok(Err(format!("planned instead of {}", vector["message"])));
    }
    let (told, failed) = fold.run(rows);
    let out = vector["out"].as_array().ok_or(Elsewhere)?;
    if failed.is_some() != (vector["error"] == "run") {
        return Ok(Err(format!("error {failed:?} instead of {}", vector["message"])));
    }
    if told.len() != out.len() {
        return Ok(Err(format!("{} rows instead of {}", told.len(), out.len())));
    }
    let unordered = is_unordered(statements[1].as_str().unwrap_or_default());
    for (told, out) in told.iter().zip(out) {
        if !same_json(told, &out["value"], unordered) {
            return Ok(Err(format!("{told} instead of {}", out["value"])));
        }
    }
    Ok(Ok(()))
}

/// A query that is a source, a group and a projection.
struct Fold {
    source: Schema,
    input: Schema,
    kind: SourceKind,
    /// Over the source: what the aggregate step reads.
    prepared: Option<Vec<Expr>>,
    keys: Vec<Expr>,
    carried: Vec<Expr>,
    aggregates: Vec<AggregateCall>,
    /// Over the aggregate step: the columns of the sink.
    projection: Vec<Expr>,
    output: Schema,
}

impl Fold {
    /// `None`: it is more than that.
    fn plan(statements: &[Json]) -> Result<Option<Fold>, String> {
        let mut catalog = Catalog::default();
        let mut planned = None;
        for statement in statements {
            let text = statement.as_str().unwrap_or_default();
            planned = run(&mut catalog, text)?.or(planned);
        }
        let Some(Planned::CreateAs(create)) = planned else { return Ok(None) };
        let root = &create.query.plan.root;
        let StepKind::Select { input: grouped, columns: projection } = &root.kind else {
            return Ok(None);
        };
        let StepKind::Aggregate { input, input_kind, keys, carried, aggregates, window: None } =
            &grouped.kind
        else {
            return Ok(None);
        };
        let (prepared, source) = match &input.kind {
            StepKind::Source { .. } => (None, &**input),
            StepKind::Select { input: source, columns } => (Some(columns.clone()), &**source),
            _ => return Ok(None),
        };
        if !matches!(source.kind, StepKind::Source { .. }) {
            return Ok(None);
        }
        for call in aggregates {
            create_state(call)?;
        }
        let chosen = create.query.plan.output_columns.iter();
        let projection = chosen.map(|at| projection[*at].clone()).collect();
        Ok(Some(Fold {
            source: source.schema.clone(),
            input: input.schema.clone(),
            kind: *input_kind,
            prepared,
            keys: keys.clone(),
            carried: carried.clone(),
            aggregates: aggregates.clone(),
            projection,
            output: create.query.plan.output.clone(),
        }))
    }

    /// The values told, in order, and why it ended early.
    fn run(&self, rows: &[Json]) -> (Vec<Json>, Option<String>) {
        let mut states: Vec<_> =
            self.aggregates.iter().map(|call| create_state(call).expect("checked")).collect();
        let mut groups: HashMap<String, u32> = HashMap::new();
        let mut newest: HashMap<String, Vec<ArrayRef>> = HashMap::new();
        let mut told = Vec::new();
        for row in rows {
            let columns = self.read(row);
            let is_null = row["value"].is_null();
            let mut steps = Vec::new();
            if self.kind == SourceKind::Table {
                if row["key"].is_null() {
                    continue;
                }
                let key = row["key"].to_string();
                let old = newest.remove(&key);
                if !is_null {
                    newest.insert(key, columns.clone());
                }
                let new = (!is_null).then_some(columns);
                let group_of = |columns: &Option<Vec<ArrayRef>>| {
                    columns.as_ref().and_then(|columns| self.group(columns))
                };
                match (group_of(&old), group_of(&new)) {
                    (Some(from), Some(to)) if from == to => steps.push((to, old, new)),
                    (from, to) => {
                        steps.extend(from.map(|group| (group, old, None)));
                        steps.extend(to.map(|group| (group, None, new)));
                    }
                }
            } else if !is_null && let Some(group) = self.group(&columns) {
                steps.push((group, None, Some(columns)));
            }
            for (group, old, new) in steps {
                let next = groups.len() as u32;
                let number = *groups.entry(group).or_insert(next);
                for (state, call) in states.iter_mut().zip(&self.aggregates) {
                    state.grow(number as usize + 1);
                    let args = |columns: &[ArrayRef]| -> Vec<ArrayRef> {
                        call.args.iter().map(|arg| value_of(arg, columns)).collect()
                    };
                    let mut errors = functions::RowErrors::none();
                    if let Some(columns) = &old {
                        errors.merge(state.undo(&[number], &args(columns)));
                    }
                    if let Some(columns) = &new {
                        errors.merge(state.add(&[number], &args(columns)));
                    }
                    if let Some((_, reason)) = errors.iter().next() {
                        return (told, Some(reason.to_string()));
                    }
                }
                let shown = new.as_ref().or(old.as_ref()).expect("one of them");
                told.push(self.tell(&states, number, shown));
            }
        }
        (told, None)
    }

    /// A record as columns of the aggregate step's input, of one row.
    fn read(&self, row: &Json) -> Vec<ArrayRef> {
        let decode = |namespace, json: &Json| {
            let columns = self.source.of(namespace).map(|c| (c.name.clone(), c.ty.clone()));
            let record = (!json.is_null()).then(|| json.to_string());
            let is_key = namespace == Namespace::Key;
            decoded(&columns.collect::<Columns>(), is_key, &[record]).into_iter()
        };
        let mut keys = decode(Namespace::Key, &row["key"]);
        let mut values = decode(Namespace::Value, &row["value"]);
        let cells = self.source.columns.iter().map(|column| match column.namespace {
            Namespace::Key => keys.next().expect("a key column"),
            Namespace::Value => values.next().expect("a value column"),
            _ if column.name == "ROWTIME" => column_of(&column.ty, [&Value::Bigint(0)]),
            _ => null_column(&column.ty, 1),
        });
        let source: Vec<_> = cells.collect();
        match &self.prepared {
            Some(columns) => columns.iter().map(|expr| value_of(expr, &source)).collect(),
            None => source,
        }
    }

    /// The group that a row belongs to; none if its key is null.
    fn group(&self, columns: &[ArrayRef]) -> Option<String> {
        debug_assert_eq!(columns.len(), self.input.columns.len());
        let keys = self.keys.iter().map(|key| value_at(&key.ty, &value_of(key, columns), 0));
        let keys: Vec<Value> = keys.collect();
        let known = !keys.iter().any(Value::is_null);
        known.then(|| format!("{keys:?}"))
    }

    fn tell(&self, states: &[Box<dyn Aggregator>], group: u32, row: &[ArrayRef]) -> Json {
        let mut columns: Vec<ArrayRef> = self
            .keys
            .iter()
            .chain(&self.carried)
            .map(|expr| value_of(expr, row))
            .chain(states.iter().map(|state| state.results(&[group])))
            .collect();
        columns.push(column_of(&SqlType::Bigint, [&Value::Bigint(0)]));
        let cells = self.projection.iter().map(|expr| value_of(expr, &columns));
        let cells = cells.zip(&self.output.columns);
        let (cells, names): (Vec<_>, Columns) = cells
            .filter(|(_, column)| column.namespace == Namespace::Value)
            .map(|(cell, column)| (cell, (column.name.clone(), column.ty.clone())))
            .unzip();
        serde_json::from_str(&encoded(&names, &cells)).expect("JSON")
    }
}

fn value_of(expr: &Expr, columns: &[ArrayRef]) -> ArrayRef {
    evaluate(expr, columns, 1, &EvalContext::default()).column
}

fn create_state(call: &AggregateCall) -> Result<Box<dyn Aggregator>, String> {
    let limits = Limits::default();
    let creation = Creation { call: &call.resolved, literals: &call.literals, limits: &limits };
    (call.function.create)(&creation)
}
