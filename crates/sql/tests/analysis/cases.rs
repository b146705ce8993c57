//! ksqlDB's own cases, as far as planning goes: what it plans is planned, what it refuses refused.
//!
//! The cases lie beside the project, in `../shared/ksqldb`; without them the tests say so and pass.

use std::path::PathBuf;

use crate::support::{self, Environment, Script};

fn shared(folder: &str) -> Option<PathBuf> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ksqldb").join(folder);
    let found = path.is_dir();
    if !found {
        println!("skipped: there is no {}", path.display());
    }
    found.then_some(path)
}

fn files(folder: &PathBuf, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> =
        paths.filter(|p| p.extension().is_some_and(|e| e == extension)).collect();
    paths.sort();
    paths
}

/// Takes comments out of JSON: one file has some.
fn without_comments(text: &str) -> String {
    let (mut out, mut chars, mut quoted) = (String::new(), text.chars().peekable(), false);
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', _) if quoted => {
                out.push(c);
                out.extend(chars.next());
                continue;
            }
            ('"', _) => quoted = !quoted,
            ('/', Some('*')) if !quoted => {
                let mut last = ' ';
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
                continue;
            }
            ('/', Some('/')) if !quoted => {
                for c in chars.by_ref() {
                    if c == '\n' {
                        break;
                    }
                }
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

fn cases(folder: &PathBuf) -> Vec<(String, serde_json::Value)> {
    let mut cases = Vec::new();
    for path in files(folder, "json") {
        let text = without_comments(&std::fs::read_to_string(&path).expect("a file"));
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        for case in json["tests"].as_array().expect("tests") {
            if case["enabled"] != serde_json::Value::Bool(false) {
                cases.push((
                    format!("{name} - {}", case["name"].as_str().unwrap_or("")),
                    case.clone(),
                ));
            }
        }
    }
    cases
}

/// Whether a refused case must be refused while planning: no records go in, or it says so.
fn is_planning(case: &serde_json::Value) -> bool {
    case["inputs"].as_array().is_none_or(Vec::is_empty)
}

#[test]
fn what_ksqldb_plans_is_planned_and_what_it_refuses_is_refused() {
    let Some(folder) = shared("qtt") else { return };
    let only = std::env::var("KERB_CASE").ok();
    let (mut planned, mut skipped, mut wrongly_refused) = (0, 0, Vec::new());
    let mut wrong_sources = Vec::new();
    let (mut refused, mut wrongly_planned) = (0, Vec::new());
    for (name, case) in cases(&folder) {
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let mut script = Script::new(Environment::of_case(&case));
        script.set_properties(&case["properties"]);
        let statements = case["statements"].as_array().expect("statements");
        let text: Vec<_> = statements.iter().filter_map(|s| s.as_str()).collect();
        let result = script.run(&text.join("\n"));
        if only.is_some() {
            println!("{}", script.explained());
        }
        match (result, case.get("expectedException").is_some()) {
            (Ok(()), false) => {
                planned += 1;
                let sources = case["post"]["sources"].as_array();
                for wanted in sources.into_iter().flatten() {
                    if let Err(difference) = script.compare(wanted) {
                        wrong_sources.push(format!("{name}: {difference}"));
                    }
                }
            }
            // What a real registry is needed for is shown where there is one.
            (Err(error), false) if script.environment.any_schema && error.contains("Registry") => {
                skipped += 1;
            }
            (Err(error), false) => wrongly_refused.push(format!("{name}: {error}")),
            (Err(_), true) => refused += 1,
            (Ok(()), true) if is_planning(&case) => {
                let wanted = &case["expectedException"]["message"];
                wrongly_planned.push(format!("{name}: {wanted}"));
            }
            (Ok(()), true) => {}
        }
    }
    println!("planned {planned}, refused {refused}, skipped {skipped} (they need a registry)");
    println!("wrong sources {}:\n{}", wrong_sources.len(), wrong_sources.join("\n"));
    println!("wrongly refused {}:\n{}", wrongly_refused.len(), wrongly_refused.join("\n"));
    println!("wrongly planned {}:\n{}", wrongly_planned.len(), wrongly_planned.join("\n"));
    // One case calls a function that only ksqlDB's own tests have.
    assert!(wrongly_refused.len() <= 1 && wrongly_planned.is_empty() && wrong_sources.is_empty());
}

#[test]
fn expressions_have_the_types_that_ksqldb_gives_them() {
    let Some(folder) = shared("vectors") else { return };
    let only = std::env::var("KERB_CASE").ok();
    let mut counts = std::collections::BTreeMap::<String, (usize, usize)>::new();
    let mut wrong = Vec::new();
    for file in ["literals", "operators", "coercion", "casts", "nested", "functions"] {
        let text = std::fs::read_to_string(folder.join(format!("{file}.jsonl"))).expect("a file");
        let mut seen = std::collections::HashSet::new();
        for line in text.lines() {
            // One result is half of a surrogate pair, which no JSON of ours can hold.
            let Ok(vector) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let sql = vector["sql"].as_str().unwrap_or_default();
            if !seen.insert((sql.to_owned(), vector["columns"].to_string())) {
                continue;
            }
            if only.as_ref().is_some_and(|only| !sql.contains(only.as_str())) {
                continue;
            }
            let expected = match vector["error"].as_str() {
                Some("plan") => None,
                _ => vector["type"].as_str(),
            };
            let found = support::type_of(sql, &vector["columns"]);
            let right = match (&found, expected) {
                (Ok(found), Some(expected)) => found == expected,
                (Err(_), None) => true,
                _ => false,
            };
            let group = vector["group"].as_str().unwrap_or(file).to_owned();
            let count = counts.entry(group).or_default();
            count.0 += 1;
            if !right {
                count.1 += 1;
                let message = vector["message"].as_str().unwrap_or("");
                let found = found.unwrap_or_else(|error| format!("ERROR {error}"));
                wrong.push(format!(
                    "{file}: {sql} {} -> {found}, expected {expected:?} {message}",
                    vector["columns"]
                ));
            }
        }
    }
    println!("{}", wrong.join("\n"));
    let total: usize = counts.values().map(|(all, _)| all).sum();
    for (group, (all, wrong)) in counts.iter().filter(|(_, (_, wrong))| *wrong > 0) {
        println!("{group}: {wrong} of {all} wrong");
    }
    println!("{} of {total} expressions wrong", wrong.len());
    // CASE x WHEN, ||, EXPLODE in push queries and the like crash there and are right here.
    assert!(wrong.len() <= 17);
}

#[test]
fn sequences_are_planned_or_refused_as_by_ksqldb() {
    let Some(folder) = shared("vectors") else { return };
    let only = std::env::var("KERB_CASE").ok();
    let (mut right, mut wrong) = (0, Vec::new());
    for file in ["aggregates", "table_functions", "windows", "joins", "streams"] {
        let text = std::fs::read_to_string(folder.join(format!("{file}.jsonl"))).expect("a file");
        for line in text.lines() {
            let vector: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let statements = vector["statements"].as_array().cloned().unwrap_or_default();
            let text: Vec<_> = statements.iter().filter_map(|s| s.as_str()).collect();
            let text = text.join("\n");
            if only.as_ref().is_some_and(|only| !text.contains(only.as_str())) {
                continue;
            }
            let mut script = Script::new(Environment::default());
            let found = script.run(&text);
            let refused = vector["error"].as_str() == Some("plan");
            if found.is_err() == refused {
                right += 1;
            } else {
                let found = found.err().unwrap_or_default();
                let message = vector["message"].as_str().unwrap_or("");
                let last = text.lines().last().unwrap_or("");
                wrong.push(format!("{file}: {last}: {found} / {message}"));
            }
        }
    }
    println!("{}", wrong.join("\n"));
    println!("{right} right, {} wrong", wrong.len());
    // PARTITION BY EXPLODE(…) is refused there by a slip.
    assert!(wrong.len() <= 1);
}

/// The statements of a script, each with its text.
fn split(text: &str) -> Vec<String> {
    match sql::parser::parse_script(text) {
        Ok(statements) => statements.into_iter().map(|statement| statement.text).collect(),
        Err(_) => vec![text.to_owned()],
    }
}

#[test]
fn rest_cases_are_planned_or_refused_and_have_their_columns() {
    let Some(folder) = shared("rqtt") else { return };
    let only = std::env::var("KERB_CASE").ok();
    let (mut right, mut wrong) = (0, Vec::new());
    for (name, case) in cases(&folder) {
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let mut script = Script::new(Environment::of_case(&case));
        script.set_properties(&case["properties"]);
        let statements = case["statements"].as_array().expect("statements");
        let statements = statements.iter().filter_map(|s| s.as_str()).flat_map(split);
        let headers = case["responses"].as_array().into_iter().flatten();
        let mut headers = headers.filter_map(|response| response.get("query"));
        let mut result = Ok(());
        for statement in statements {
            let is_query = statement.starts_with("SELECT ");
            result = script.run(&statement);
            if is_query && result.is_ok() {
                let header = headers.next().and_then(|rows| rows[0]["header"]["schema"].as_str());
                let found = script.answered.clone().unwrap_or_default();
                if let Some(header) = header
                    && header != found
                {
                    result = Err(format!("{statement}: {found} instead of {header}"));
                }
            }
            if let Err(error) = &mut result {
                *error = format!("{statement}: {error}");
                break;
            }
        }
        match (result, case.get("expectedError")) {
            (Ok(()), None) | (Err(_), Some(_)) => right += 1,
            (Ok(()), Some(wanted)) => wrong.push(format!("{name}: planned, but {wanted}")),
            (Err(error), None) => wrong.push(format!("{name}: {error}")),
        }
    }
    println!("{}", wrong.join("\n"));
    println!("rest: {right} right, {} wrong", wrong.len());
    // Schemas of a registry by id.
    assert!(wrong.len() <= 5);
}

/// Requests of a recorded scenario: the text, its properties, the answer's status and body.
fn requests(scenario: &serde_json::Value) -> Vec<(String, serde_json::Value, u64, String)> {
    let mut requests = Vec::new();
    for step in scenario["steps"].as_array().into_iter().flatten() {
        let body = &step["body"];
        let Some(text) = body["ksql"].as_str().or(body["sql"].as_str()) else { continue };
        let mut properties = body["streamsProperties"].clone();
        if properties.is_null() {
            properties = body["properties"].clone();
        }
        let answer = &step["answer"];
        let status = answer["status"].as_u64().unwrap_or(0);
        let lines = answer["lines"].as_array().into_iter().flatten();
        let lines: Vec<_> = lines.filter_map(|line| line.as_str()).collect();
        let body = answer["body"].as_str().map_or_else(|| lines.join("\n"), str::to_owned);
        requests.push((text.to_owned(), properties, status, body));
    }
    requests
}

#[test]
fn recorded_statements_are_planned_or_refused_and_written_as_by_the_server() {
    let Some(folder) = shared("recorded") else { return };
    let only = std::env::var("KERB_CASE").ok();
    let (mut right, mut wrong) = (0, Vec::new());
    for area in ["ddl", "functions", "insert", "list", "pull", "push", "queries", "talk", "types"] {
        for (name, scenario) in scenarios(&folder.join(area)) {
            let mut script = Script::new(Environment { strict: true, ..Environment::default() });
            for (text, properties, status, body) in requests(&scenario) {
                if text.contains("${replay") || text.contains("CONNECTOR") {
                    continue;
                }
                script.settings = Default::default();
                script.set_properties(&properties);
                script.statement = None;
                let result = script.run(&text);
                if only.as_ref().is_some_and(|only| !text.contains(only.as_str())) {
                    continue;
                }
                let json: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
                let written = json[0]["statementText"].as_str();
                let blank = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                let differs = match (&script.statement, written) {
                    (Some(found), Some(written)) => blank(found) != blank(written),
                    _ => false,
                };
                match (result, status) {
                    (Ok(()), 200) if differs => wrong.push(format!(
                        "{name}: written\n    {}\n instead of\n    {}",
                        blank(script.statement.as_deref().unwrap_or_default()),
                        blank(written.unwrap_or_default())
                    )),
                    (Ok(()), 200) | (Err(_), 400..) => right += 1,
                    (Ok(()), _) => wrong.push(format!("{name}: {text} planned, but {body}")),
                    (Err(error), _) => wrong.push(format!("{name}: {text}: {error}")),
                }
            }
        }
    }
    println!("{}", wrong.join("\n"));
    println!("recorded: {right} right, {} wrong", wrong.len());
    // What only a server knows: queries by id, properties, a registry; and what crashes there.
    assert!(wrong.len() <= 22);
}

fn scenarios(folder: &PathBuf) -> Vec<(String, serde_json::Value)> {
    let mut scenarios = Vec::new();
    for path in files(folder, "json") {
        let text = std::fs::read_to_string(&path).expect("a file");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        scenarios.push((name, serde_json::from_str(&text).expect("JSON")));
    }
    scenarios
}

#[test]
fn rows_are_inserted_or_refused_as_by_ksqldb() {
    let Some(folder) = shared("vectors") else { return };
    let only = std::env::var("KERB_CASE").ok();
    let (mut right, mut wrong) = (0, Vec::new());
    let text = std::fs::read_to_string(folder.join("insert.jsonl")).expect("a file");
    for line in text.lines() {
        let vector: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if only.as_ref().is_some_and(|only| !line.contains(only.as_str())) {
            continue;
        }
        let found = support::insert(&vector);
        let refused = vector.get("error").is_some();
        if found.is_err() == refused {
            right += 1;
        } else {
            wrong.push(format!("{line}: {found:?}"));
        }
    }
    println!("{}", wrong.join("\n"));
    println!("insert: {right} right, {} wrong", wrong.len());
    // Values that fail only when they are computed.
    assert!(wrong.len() <= 11);
}

#[test]
fn scripts_are_planned_or_refused_as_by_ksqldb() {
    let Some(folder) = shared("sql-tests") else { return };
    let only = std::env::var("KERB_CASE").ok();
    let (mut right, mut wrong) = (0, Vec::new());
    for path in [files(&folder, "sql"), files(&folder.join("query-upgrades"), "sql")].concat() {
        let text = std::fs::read_to_string(&path).expect("a file");
        for case in text.split("--@test:").skip(1) {
            let name = case.lines().next().unwrap_or_default().trim();
            if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
                continue;
            }
            let refused = case.contains("--@expected.error");
            let lines = case.lines().skip(1).filter(|line| !line.trim_start().starts_with("--"));
            let case = lines.collect::<Vec<_>>().join("\n");
            let mut script = Script::new(Environment::default());
            let statements = sql::parser::parse_test_script(&case);
            let statements = statements.map_err(|error| error.to_string());
            let found = statements.and_then(|statements| script.run_all(&statements));
            if found.is_err() == refused {
                right += 1;
            } else {
                wrong.push(format!("{}: {name}: {found:?}", path.display()));
            }
        }
    }
    println!("{}", wrong.join("\n"));
    println!("scripts: {right} right, {} wrong", wrong.len());
    // Assertions about rows, and a script that another one runs.
    assert!(wrong.len() <= 7);
}

#[test]
fn formats_hold_what_they_hold_in_ksqldb() {
    let Some(folder) = shared("vectors") else { return };
    let (mut right, mut wrong) = (0, Vec::new());
    let text = std::fs::read_to_string(folder.join("formats.jsonl")).expect("a file");
    let mut seen = std::collections::HashSet::new();
    for line in text.lines() {
        let Ok(vector) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let Some(statement) = vector["statement"].as_str() else { continue };
        // Some need a source of theirs, or one's registered schema.
        let alone = statement.contains("{name} (") && !statement.contains("{source}");
        if !alone || !seen.insert(statement.to_owned()) {
            continue;
        }
        let mut script = Script::new(Environment::default());
        let statement = statement.replace("{name}", "T").replace("{topic}", "t");
        let found = script.run(&statement);
        let refused = vector["error"].as_str() == Some("plan");
        if found.is_err() == refused {
            right += 1;
        } else {
            wrong.push(format!("{statement}: {found:?} {}", vector["message"]));
        }
    }
    println!("{}", wrong.join("\n"));
    println!("formats: {right} right, {} wrong", wrong.len());
    assert!(wrong.is_empty());
}
