//! Statements that ask for more than any machine has are refused before anything is built.

use crate::support::{Environment, Script};

/// Runs statements; the first word of what is wrong with the last of them.
fn run(text: &str) -> Result<(), String> {
    Script::new(Environment::default()).run(text)
}

fn refused(text: &str, why: &str) {
    let error = run(text).expect_err("refused");
    assert!(error.contains(why), "{why}: {}", &error[..error.len().min(500)]);
}

/// `B0` has two fields; each type after it has two of the one before.
fn doubled_types(up_to: usize) -> String {
    let mut text = "CREATE TYPE B0 AS STRUCT<A INT, B INT>;\n".to_owned();
    for i in 1..=up_to {
        let before = i - 1;
        text.push_str(&format!("CREATE TYPE B{i} AS STRUCT<A B{before}, B B{before}>;\n"));
    }
    text
}

#[test]
fn types_that_double_come_to_an_end() {
    run(&doubled_types(11)).expect("8191 parts");
    refused(&doubled_types(12), "types are too large");
    refused(&doubled_types(60), "types are too large");
}

#[test]
fn a_source_has_no_more_of_them_than_a_type() {
    let types = doubled_types(11);
    let with = "WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');";
    run(&format!("{types} CREATE STREAM S (A B11) {with}")).expect("it is not too large");
    refused(&format!("{types} CREATE STREAM S (A B11, B B11) {with}"), "types are too large");
    let alter = "ALTER STREAM S ADD COLUMN B B11;";
    refused(&format!("{types} CREATE STREAM S (A B11) {with} {alter}"), "types are too large");
}

#[test]
fn all_types_together_come_to_an_end() {
    let same: String = (0..20).map(|i| format!("CREATE TYPE C{i} AS B11;\n")).collect();
    refused(&format!("{} {same}", doubled_types(11)), "no room for another custom type");
}

#[test]
fn types_come_to_an_end_in_depth() {
    let mut text = "CREATE TYPE A0 AS ARRAY<INT>;".to_owned();
    for i in 1..100 {
        text.push_str(&format!("CREATE TYPE A{i} AS ARRAY<A{}>;", i - 1));
    }
    refused(&text, "64 levels");
}

#[test]
fn expressions_that_double_their_type_come_to_an_end() {
    let with = "WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON')";
    let mut text = format!("CREATE STREAM S0 (X STRUCT<A INT, B INT>) {with};");
    for i in 1..40 {
        let before = i - 1;
        let select = format!("SELECT STRUCT(A := X, B := X) AS X FROM S{before} EMIT CHANGES");
        text.push_str(&format!("CREATE STREAM S{i} AS {select};"));
    }
    refused(&text, "types are too large");
    let types = doubled_types(11);
    let nulls = "NULL, ".repeat(2_000);
    let stream = format!("CREATE STREAM S (X B11) {with};");
    let select = format!("SELECT ARRAY[X, {nulls} X] FROM S EMIT CHANGES;");
    refused(&format!("{types} {stream} {select}"), "expressions of this clause are too large");
}

#[test]
fn columns_come_to_an_end_without_taking_minutes() {
    let columns = |n: usize| {
        let columns: Vec<_> = (0..n).map(|i| format!("C{i} INT")).collect();
        let with = "WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON')";
        format!("CREATE STREAM S ({}) {with};", columns.join(", "))
    };
    run(&columns(2_000)).expect("that many may be");
    refused(&columns(2_001), "There are 2001 columns");
    refused(&columns(50_000), "There are 50000 columns");
    let selected: Vec<_> = (0..2_001).map(|i| format!("C0 AS D{i}")).collect();
    let select = format!("SELECT {} FROM S EMIT CHANGES;", selected.join(", "));
    refused(&format!("{} {select}", columns(1)), "There are 2001 columns");
    let added: Vec<_> = (0..2_000).map(|i| format!("ADD COLUMN D{i} INT")).collect();
    let alter = format!("ALTER STREAM S {};", added.join(", "));
    refused(&format!("{} {alter}", columns(1)), "There are 2001 columns");
}

#[test]
fn a_record_is_not_in_any_number_of_windows() {
    let counted = |window: &str| {
        let with = "WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON')";
        format!(
            "CREATE STREAM S (K INT KEY, V INT) {with};
             SELECT K, COUNT(*) FROM S WINDOW {window} GROUP BY K EMIT CHANGES;"
        )
    };
    run(&counted("HOPPING (SIZE 10 SECONDS, ADVANCE BY 1 MILLISECOND)")).expect("10,000");
    let many = "at most 10000 times its advance";
    refused(&counted("HOPPING (SIZE 10001 MILLISECONDS, ADVANCE BY 1 MILLISECOND)"), many);
    refused(&counted("HOPPING (SIZE 365 DAYS, ADVANCE BY 1 MILLISECOND)"), many);
    refused(&counted("HOPPING (SIZE 0 SECONDS, ADVANCE BY 0 SECONDS)"), "size must be positive");
    refused(&counted("HOPPING (SIZE 1 SECOND, ADVANCE BY 0 SECONDS)"), "advance must be positive");
    refused(&counted("TUMBLING (SIZE 0 SECONDS)"), "size must be positive");
}
