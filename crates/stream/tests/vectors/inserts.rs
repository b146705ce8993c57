//! INSERT INTO … VALUES: what the record of each holds, or that it is refused.

use arrow_array::ArrayRef;
use model::column::{column_of, null_column};
use model::{Namespace, Value};
use serde_json::Value as Json;
use sql::analyze::Planned;
use sql::catalog::Catalog;
use stream::expression::{EvalContext, evaluate_constant};
use testkit::vectors::{Tally, same_json};

use crate::world::{Columns, encoded, run, vectors};

/// Which share must come out the same.
const PASS_RATE_MIN: f64 = 0.98;

#[test]
fn inserts_write_what_ksqldb_wrote() {
    let Ok(text) = std::fs::read_to_string(vectors("insert.jsonl")) else {
        eprintln!("skipped: insert.jsonl is not there");
        return;
    };
    let mut tally = Tally::default();
    for line in text.lines() {
        let vector: Json = serde_json::from_str(line).expect("JSON");
        let difference = check(&vector);
        tally.add("insert", difference.is_ok());
        if let Err(difference) = difference {
            eprintln!("{} | {} | {difference}", vector["insert"], vector["columns"]);
        }
    }
    eprintln!("{tally}");
    assert!(tally.rate() >= PASS_RATE_MIN);
}

fn check(vector: &Json) -> Result<(), String> {
    let expected = match (&vector["value"], &vector["written"][0]["value"]) {
        (Json::String(value), _) | (_, Json::String(value)) => Some(value),
        _ => None,
    };
    match (inserted(vector), expected) {
        (Err(_), None) => Ok(()),
        (Err(reason), Some(_)) => Err(format!("refused: {reason}")),
        (Ok(ours), None) => Err(format!("{ours} instead of {}", vector["message"])),
        (Ok(ours), Some(expected)) => {
            let json = |text: &str| serde_json::from_str::<Json>(text).map_err(|e| e.to_string());
            let same = same_json(&json(&ours)?, &json(expected)?, false);
            if same { Ok(()) } else { Err(format!("{ours} instead of {expected}")) }
        }
    }
}

/// The value of the record.
fn inserted(vector: &Json) -> Result<String, String> {
    let columns = vector["columns"].as_object().ok_or("no columns")?;
    let columns: Vec<_> = columns
        .iter()
        .map(|(name, ty)| format!("`{name}` {}", ty.as_str().unwrap_or_default()))
        .collect();
    let mut catalog = Catalog::default();
    let columns = columns.join(", ");
    let with = "KAFKA_TOPIC='t', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON'";
    run(&mut catalog, &format!("CREATE STREAM TARGET ({columns}) WITH ({with});"))?;
    let insert = vector["insert"].as_str().ok_or("no statement")?.replace("{name}", "TARGET");
    let Some(Planned::InsertValues(plan)) = run(&mut catalog, &insert)? else {
        return Err("no insert".to_string());
    };
    let schema = &catalog.sources["TARGET"].schema;
    let mut names = Columns::new();
    let mut cells: Vec<ArrayRef> = Vec::new();
    for (column, value) in schema.columns.iter().zip(&plan.values) {
        let value = match value {
            Some(expr) => evaluate_constant(expr, &EvalContext::default())?,
            None => Value::Null,
        };
        if column.namespace == Namespace::Value {
            names.push((column.name.clone(), column.ty.clone()));
            cells.push(match value {
                Value::Null => null_column(&column.ty, 1),
                value => column_of(&column.ty, [&value]),
            });
        }
    }
    Ok(encoded(&names, &cells))
}
