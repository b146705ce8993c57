//! `kerb test` as scripts use it: what it prints, how it ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value as Json;

const STATEMENTS: &str = r#"[
    "CREATE STREAM CARS (ID STRING KEY, SPEED INT) WITH (KAFKA_TOPIC='cars', VALUE_FORMAT='JSON');",
    "CREATE STREAM FAST AS SELECT ID, SPEED * 1.5 AS S FROM CARS WHERE SPEED > 50;"
]"#;
const INPUTS: &str = r#"[
    {"topic": "cars", "key": "a", "value": {"SPEED": 40}, "timestamp": 1},
    {"topic": "cars", "key": "b", "value": {"SPEED": 60}, "timestamp": 2}
]"#;

/// A file with a case that expects this of the second car.
fn case(folder: &Path, file: &str, expected: &str) -> PathBuf {
    let text = format!(
        r#"{{"tests": [
            // The only case.
            {{"name": "fast cars", "statements": {STATEMENTS}, "inputs": {INPUTS}, "outputs": [
                {{"topic": "FAST", "key": "b", "value": {expected}, "timestamp": 2}}
            ]}}
        ]}}"#
    );
    write(folder, file, &text)
}

fn write(folder: &Path, file: &str, text: &str) -> PathBuf {
    let path = folder.join(file);
    std::fs::write(&path, text).expect("the file can be written");
    path
}

fn kerb_test(arguments: &[&str], path: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kerb"));
    command.arg("test").args(arguments).arg(path).output().expect("kerb can be started")
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn all_kinds_of_cases_of_a_folder_pass_and_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    case(folder.path(), "a.json", r#"{"S": 90.0}"#);
    write(
        folder.path(),
        "b.json",
        r#"{"tests": [{"name": "refused", "statements": ["CREATE STREAM X AS SELECT * FROM NONE;"],
            "expectedException": {"message": "NONE"}}]}"#,
    );
    write(
        folder.path(),
        "c.sql",
        "--@test: next record\n\
         CREATE STREAM A (K INT KEY, V INT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON');\n\
         CREATE STREAM B AS SELECT K, V + 1 AS W FROM A;\n\
         INSERT INTO A (K, V) VALUES (1, 2);\n\
         ASSERT VALUES B (K, W) VALUES (1, 3);\n\
         --@test: a wrong assertion\n\
         --@expected.error: AssertionError\n\
         CREATE STREAM A (K INT KEY, V INT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON');\n\
         INSERT INTO A (K, V) VALUES (1, 2);\n\
         ASSERT VALUES A (K, V) VALUES (1, 3);\n",
    );
    write(
        folder.path(),
        "d.jsonl",
        "{\"group\":\"x\",\"sql\":\"I + 1\",\"columns\":{\"I\":\"INT\"},\"row\":{\"I\":1},\
         \"type\":\"INTEGER\",\"result\":2}\n",
    );
    let output = kerb_test(&[], folder.path());
    assert_eq!(last_line(&output), "5 passed, 0 failed, 0 skipped");
    assert!(output.status.success());
}

#[test]
fn a_difference_is_told_and_fails_the_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = case(folder.path(), "a.json", r#"{"S": 90.00}"#);
    let output = kerb_test(&[], &path);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = text.lines().next().unwrap_or_default();
    assert!(first.starts_with("failed: ") && first.contains("fast cars"), "{first}");
    assert!(first.ends_with(r#"value {"S":90.0} instead of key "b" value {"S":90.00}"#), "{first}");
    assert_eq!(last_line(&output), "0 passed, 1 failed, 0 skipped");
    assert_eq!(output.status.code(), Some(1));
    assert!(kerb_test(&["--min-rate", "0"], &path).status.success());
}

#[test]
fn results_are_objects_for_scripts_and_can_be_filtered() {
    let folder = tempfile::tempdir().expect("a folder");
    case(folder.path(), "a.json", r#"{"S": 1}"#);
    case(folder.path(), "b.json", r#"{"S": 90.0}"#);
    let output = kerb_test(&["--json", "--jobs", "1"], folder.path());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let results: Vec<Json> =
        text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let statuses: Vec<_> = results.iter().map(|r| r["status"].as_str().unwrap_or("")).collect();
    assert_eq!(statuses, ["failed", "passed"]);
    assert_eq!(results[0]["case"], "fast cars");
    assert!(results[0]["reason"].as_str().is_some_and(|reason| reason.contains("instead of")));
    assert!(results[1]["ms"].is_u64());
    let output = kerb_test(&["--filter", "B.JSON"], folder.path());
    assert_eq!(last_line(&output), "1 passed, 0 failed, 0 skipped");
}
