//! Statements that real people and ksqlDB's own cases hold, read at run time where they are at
//! hand: what is to be accepted is, what is to be refused is.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sql::parser::{parse_expression, parse_schema, parse_script, parse_test_script};

/// A folder beside the workspace, or nothing (said aloud) where it is missing.
fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// JSON with `//` comments, as one of the files has them.
fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| {
        let lines: Vec<_> =
            text.lines().map(|l| if l.trim_start().starts_with("//") { "" } else { l }).collect();
        serde_json::from_str(&lines.join("\n")).unwrap()
    })
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

/// Messages that ksqlDB gives while it reads a statement, before it looks at any schema.
fn is_about_the_text(message: &str) -> bool {
    let patterns = [
        "Syntax Error",
        "Syntax error",
        "Invalid numeric literal",
        "Number overflows",
        "Unknown type: ",
        "Expected single character escape",
        "Multiple entries with same key",
        "DECIMAL precision must be",
        "DECIMAL scale must be",
        "Source names may only contain",
        "Value must be integer",
        "Duplicate field names",
        "negative integers in the LIMIT",
        "must not be negative",
    ];
    patterns.iter().any(|pattern| message.contains(pattern))
}

/// Cases that ksqlDB refuses and we do not, because we can.
const OURS: &[&str] = &["error on ORDER BY"];

/// Every case parses, unless it expects an error of syntax.
#[test]
fn the_cases_of_ksqldb_parse() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for folder in ["ksqldb/qtt", "ksqldb/rqtt"] {
        let Some(folder) = shared(folder) else { return };
        for path in files(&folder, "json") {
            for case in json(&path)["tests"].as_array().unwrap() {
                count += 1;
                let statements = texts(&case["statements"]);
                let message = case["expectedException"]["message"]
                    .as_str()
                    .or(case["expectedError"]["message"].as_str())
                    .unwrap_or_default();
                let result = parse_script(&statements.join("\n"));
                if OURS.iter().any(|name| case["name"] == *name) {
                    assert!(result.is_ok());
                    continue;
                }
                if result.is_err() != is_about_the_text(message) {
                    wrong.push(format!(
                        "{} {}: {message}\n{:?}\n{statements:#?}",
                        path.display(),
                        case["name"],
                        result.map(|_| ()).map_err(|e| e.to_string())
                    ));
                }
                for source in case["post"]["sources"].as_array().into_iter().flatten() {
                    if let Some(schema) = source["schema"].as_str()
                        && let Err(error) = parse_schema(schema)
                    {
                        wrong.push(format!("{schema}\n{error}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(count > 1000);
}

/// The scripts of ksqlDB's own SQL tests parse.
#[test]
fn the_sql_tests_of_ksqldb_parse() {
    let Some(folder) = shared("ksqldb/sql-tests") else { return };
    for path in files(&folder, "sql") {
        let text = fs::read_to_string(&path).unwrap();
        if let Err(error) = parse_test_script(&text) {
            panic!("{}\n{error}", path.display());
        }
    }
}

/// Expressions in which we see the fault sooner than ksqlDB does.
const SOONER: &[&str] = &["INTERVAL '1' DAY", "STRUCT('a' := 1)"];

/// Expressions and statements that were asked of a real server: refused there for their text,
/// refused here; otherwise they parse.
#[test]
fn the_vectors_parse() {
    let Some(folder) = shared("ksqldb/vectors") else { return };
    let (mut wrong, mut count) = (Vec::new(), 0);
    for path in files(&folder, "jsonl") {
        for line in fs::read_to_string(&path).unwrap().lines() {
            // Some lines hold half a surrogate pair, which is no text here.
            let Ok(vector) = serde_json::from_str::<Value>(line) else { continue };
            let message = match vector["error"].as_str() {
                Some("plan" | "insert") => vector["message"].as_str().unwrap_or_default(),
                _ => "",
            };
            // Behind a comment ksqlDB points to a semicolon that only it has seen.
            let sql = vector["sql"].as_str().unwrap_or_default();
            let same_place = !sql.contains("--") && !SOONER.contains(&sql);
            let place = message.strip_prefix("line ");
            let place = place.filter(|_| same_place && message.contains("Syntax Error"));
            let result = if let Some(expression) = vector["sql"].as_str() {
                let text = format!("SELECT RID, {expression} AS E0 FROM X EMIT CHANGES;");
                parse_script(&text).map(|_| ())
            } else if vector["statements"].is_array() {
                parse_script(&texts(&vector["statements"]).join("\n")).map(|_| ())
            } else if let Some(statement) = vector["statement"].as_str() {
                let text = statement.replace("{name}", "X").replace("{source}", "Y");
                parse_script(&text).map(|_| ())
            } else {
                continue;
            };
            count += 1;
            // A field given twice is an internal error there.
            let internal = message.contains("internal error");
            if result.is_err() != is_about_the_text(message) && !(internal && result.is_err()) {
                wrong.push(format!("{line}\n{:?}", result.map_err(|e| e.to_string())));
            } else if let (Err(error), Some(place)) = (result, place)
                && !place.starts_with(&format!("{}:{}:", error.place.line, error.place.column))
            {
                wrong.push(format!("{line}\n{error}"));
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(parse_expression("1").is_ok() && count > 1000);
}
