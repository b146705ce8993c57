//! What ksqlDB gave for some twenty thousand expressions, against parser, analyzer and evaluator
//! here: rows one by one, and again all rows of an expression as one batch.

use std::collections::BTreeMap;

use model::column::null_column;
use model::text::write_json;
use model::{SqlType, Value};
use sql::analyze::Planned;
use sql::catalog::Catalog;
use sql::expr::Expr;
use sql::plan::StepKind;
use stream::expression::{EvalContext, evaluate};
use testkit::vectors::{ExpressionVector, Outcome, Tally, judge, read};

use crate::world::{Columns, decoded, plan, run, vectors};

/// Files, and which share of each must come out the same.
const FILES: [(&str, f64); 6] = [
    ("operators.jsonl", 0.99),
    ("casts.jsonl", 0.98),
    ("nested.jsonl", 0.98),
    ("literals.jsonl", 0.98),
    ("coercion.jsonl", 0.98),
    ("functions.jsonl", 0.99),
];

/// How many differences are shown of a file.
const SHOWN_MAX: usize = 60;

#[test]
fn expressions_give_what_ksqldb_gave() {
    let only = std::env::var("VECTORS_OF").unwrap_or_default();
    let mut low = Vec::new();
    for (file, floor) in FILES {
        let Some((vectors, unreadable)) = read(&vectors(file)) else {
            eprintln!("skipped: {file} is not there");
            continue;
        };
        let mut tally = Tally::default();
        let mut shown = 0;
        for vectors in batches(vectors).values() {
            for (vector, difference) in check(vectors) {
                if !vector.group.contains(&only) {
                    continue;
                }
                tally.add(&vector.group, difference.is_none());
                if let Some(difference) = difference
                    && shown < SHOWN_MAX
                {
                    shown += 1;
                    eprintln!("{} | {} | {difference}", vector.sql, used(vector));
                }
            }
        }
        eprintln!("{file}, {unreadable} lines unreadable:\n{tally}");
        if tally.rate() < floor {
            low.push(format!("{file}: {:.4} < {floor}", tally.rate()));
        }
    }
    assert!(low.is_empty(), "{low:?}");
}

/// Vectors of one expression over the same columns.
fn batches(vectors: Vec<ExpressionVector>) -> BTreeMap<String, Vec<ExpressionVector>> {
    let mut batches: BTreeMap<String, Vec<ExpressionVector>> = BTreeMap::new();
    for vector in vectors {
        let columns = serde_json::to_string(&vector.columns).unwrap_or_default();
        batches.entry(format!("{} {columns}", vector.sql)).or_default().push(vector);
    }
    batches
}

/// The cells that the expression may have read.
fn used(vector: &ExpressionVector) -> String {
    let Some(row) = vector.row.as_object() else { return String::new() };
    let words = vector.sql.split(|c: char| !c.is_alphanumeric() && c != '_');
    let named = row.iter().filter(|(name, _)| words.clone().any(|w| w.eq_ignore_ascii_case(name)));
    let cells: Vec<_> = named.map(|(name, value)| format!("{name}={value}")).collect();
    cells.join(" ")
}

fn check(vectors: &[ExpressionVector]) -> Vec<(&ExpressionVector, Option<String>)> {
    let bound = match bind(&vectors[0]) {
        Ok(bound) => bound,
        Err(reason) => {
            let outcome = Outcome::Refused(reason);
            return vectors.iter().map(|vector| (vector, judge(vector, &outcome).err())).collect();
        }
    };
    let at_once = bound.run(vectors);
    let mut checked = Vec::new();
    for (vector, in_batch) in vectors.iter().zip(at_once) {
        let alone = bound.run(std::slice::from_ref(vector)).remove(0);
        let difference = judge(vector, &alone).err().or_else(|| {
            judge(vector, &in_batch).err().map(|difference| format!("in a batch: {difference}"))
        });
        checked.push((vector, difference));
    }
    checked
}

/// An expression over the columns of a stream.
struct Bound {
    expr: Expr,
    columns: Columns,
}

fn bind(vector: &ExpressionVector) -> Result<Bound, String> {
    let mut columns = String::from("RID BIGINT");
    for (name, ty) in &vector.columns {
        columns.push_str(&format!(", `{name}` {}", ty.as_str().unwrap_or_default()));
    }
    let mut catalog = Catalog::default();
    let create =
        format!("CREATE STREAM INPUT ({columns}) WITH (KAFKA_TOPIC='input', VALUE_FORMAT='JSON');");
    run(&mut catalog, &create)?;
    let columns = catalog.sources["INPUT"].schema.columns.iter();
    let columns = columns.map(|column| (column.name.clone(), column.ty.clone())).collect();
    let select = format!("SELECT RID, {} AS E0 FROM INPUT EMIT CHANGES;", vector.sql);
    let Planned::Push(query) = plan(&catalog, &select)? else {
        return Err("no push query".to_string());
    };
    let StepKind::Select { columns: selected, input } = &query.root.kind else {
        return Err(format!("no projection: {:?}", query.root.kind));
    };
    if !matches!(input.kind, StepKind::Source { .. }) {
        return Err("more than a projection".to_string());
    }
    let at = query.output_columns[1];
    Ok(Bound { expr: selected[at].clone(), columns })
}

impl Bound {
    fn run(&self, vectors: &[ExpressionVector]) -> Vec<Outcome> {
        let rows = vectors.len();
        let payload = |vector: &ExpressionVector| {
            let row = if vector.row.is_null() { "{}".to_string() } else { vector.row.to_string() };
            Some(row)
        };
        let payloads: Vec<_> = vectors.iter().map(payload).collect();
        let mut columns = decoded(&self.columns, false, &payloads);
        // ROWTIME, ROWPARTITION, ROWOFFSET
        for ty in [SqlType::Bigint, SqlType::Integer, SqlType::Bigint] {
            columns.push(null_column(&ty, rows));
        }
        let context = EvalContext { now_ms: 1_700_000_000_000, ..EvalContext::default() };
        let evaluated = evaluate(&self.expr, &columns, rows, &context);
        let mut errors = vec![None; rows];
        evaluated.errors.iter().for_each(|(row, reason)| errors[row] = Some(reason.to_string()));
        let outcome = |(row, error): (usize, Option<String>)| {
            let mut json = Vec::new();
            write_json(&self.expr.ty, &evaluated.column, row, &mut json);
            let json = String::from_utf8_lossy(&json).into_owned();
            Outcome::Value { ty: self.expr.ty.to_string(), json, error }
        };
        errors.into_iter().enumerate().map(outcome).collect()
    }
}

#[test]
fn a_constant_is_evaluated_without_columns() {
    let text = Expr::literal(Value::String("12".to_string()), SqlType::String);
    let cast = sql::expr::ExprKind::Cast(Box::new(text));
    let expr = Expr { kind: cast, ty: SqlType::Integer };
    let value = stream::expression::evaluate_constant(&expr, &EvalContext::default());
    assert_eq!(value, Ok(Value::Integer(12)));
    let column = Expr::column(0, SqlType::Integer);
    assert!(stream::expression::evaluate_constant(&column, &EvalContext::default()).is_err());
}
