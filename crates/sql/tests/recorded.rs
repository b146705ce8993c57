//! What a real server answered: errors are about the same statements and point to the same place,
//! and what it calls `statementText` is what we would write. Read at run time, where it is at hand.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sql::parser::parse_script;
use sql::text::format_statement;
use sql::variables::{self, Variables};

/// All scenarios, or nothing (said aloud) where they are missing.
fn scenarios() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/ksqldb/recorded");
    let Ok(areas) = fs::read_dir(&folder) else {
        println!("skipped: {} is not there", folder.display());
        return Vec::new();
    };
    let areas = areas.map(|area| area.unwrap().path()).filter(|path| path.is_dir());
    let files = areas.flat_map(|area| fs::read_dir(area).unwrap()).map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    files.iter().map(|file| serde_json::from_slice(&fs::read(file).unwrap()).unwrap()).collect()
}

/// Requests with a script, and what they were answered.
fn exchanges() -> Vec<(String, Variables, Value)> {
    let mut found = Vec::new();
    for scenario in scenarios() {
        for step in scenario["steps"].as_array().into_iter().flatten() {
            let body = &step["body"];
            let Some(text) = body["ksql"].as_str().or(body["sql"].as_str()) else { continue };
            // What replay captures from earlier answers: ids of queries.
            let mut text = text.to_owned();
            while let Some((before, after)) = text.split_once("${replay.") {
                let after = after.split_once('}').unwrap().1;
                text = format!("{before}CSAS_X_1{after}");
            }
            let variables = body["sessionVariables"].as_object().into_iter().flatten();
            let variables = variables
                .filter(|_| step["path"] != "/query")
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or("1").to_owned()))
                .collect();
            let answer = step["answer"]["body"].as_str().unwrap_or_default();
            let answer = serde_json::from_str(answer).unwrap_or_default();
            found.push((text, variables, answer));
        }
    }
    found
}

/// `line 3:14: …`
fn position(message: &str) -> Option<(usize, usize)> {
    let (line, rest) = message.split_once("line ")?.1.split_once(':')?;
    let (column, _) = rest.split_once(':')?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

#[test]
fn the_server_refuses_the_same_texts_at_the_same_places() {
    let exchanges = exchanges();
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for (text, variables, answer) in &exchanges {
        let message = answer["message"].as_str().unwrap_or_default();
        let patterns = [
            "Syntax Error",
            "Invalid numeric literal",
            "Illegal argument at Line",
            "negative integers in the LIMIT",
            "Value must be integer",
        ];
        let expected = patterns.iter().any(|pattern| message.contains(pattern));
        refused += usize::from(expected);
        match variables::parse_script(text, variables) {
            Ok(_) if expected => wrong.push(format!("{text}\naccepted, but {message}")),
            Err(error) if !expected => wrong.push(format!("{text}\nrefused: {error}")),
            Err(error) => {
                let place = (error.place.line, error.place.column);
                let theirs = position(message).unwrap_or(place);
                let statement = answer["statementText"].as_str().unwrap_or_default();
                if message.contains("Syntax Error") && theirs != place {
                    wrong.push(format!("{theirs:?} {message}\n{error}"));
                }
                // A query tells its own text whatever is wrong with a name in it.
                let query = statement.starts_with("SELECT") && message.contains("Illegal");
                if error.statement_text() != statement && !query {
                    wrong.push(format!("statementText {statement}\n{:?}", error.statement_text()));
                }
            }
            Ok(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), exchanges.len(), wrong.join("\n\n"));
    assert!(exchanges.is_empty() || (exchanges.len() > 500 && refused > 40), "{refused}");
}

/// The texts under these names, wherever in an answer.
fn statement_texts(answer: &Value, found: &mut BTreeSet<String>) {
    match answer {
        Value::Array(items) => items.iter().for_each(|item| statement_texts(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text)
                        if ["statementText", "queryString", "statement"].contains(&&**name) =>
                    {
                        found.insert(text.to_owned());
                    }
                    _ => statement_texts(value, found),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn statements_are_written_as_the_server_writes_them() {
    let exchanges = exchanges();
    let mut texts = BTreeSet::new();
    let mut sent = BTreeSet::new();
    for (text, _, answer) in &exchanges {
        if answer["error_code"].is_null() {
            statement_texts(answer, &mut texts);
        }
        sent.extend(parse_script(text).unwrap_or_default().into_iter().map(|parsed| parsed.text));
    }
    let (mut wrong, mut count) = (Vec::new(), 0);
    // What was kept from the sender is not the server's writing.
    for text in texts.difference(&sent).filter(|text| text.starts_with("CREATE")) {
        // What ALTER added is kept as it was sent.
        let text = text.split_once("\nALTER").map_or(text.as_str(), |(create, _)| create);
        let parsed = parse_script(text).unwrap();
        let written: Vec<_> =
            parsed.iter().map(|parsed| format_statement(&parsed.statement)).collect();
        let written = written.join("\n");
        count += 1;
        if written != text {
            wrong.push(format!("{text}\n---\n{written}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(exchanges.is_empty() || count > 50, "{count}");
}
