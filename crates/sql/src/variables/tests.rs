//! What becomes of `${name}`; the cases with a remark are as recorded from a real server.

use super::*;

fn variables() -> Variables {
    Variables::from_iter([
        ("name", "route2"),
        ("n", "1"),
        ("text", "'it''s'"),
        ("v", "O''Neil"),
        ("many", "ROUTE; LIST STREAMS"),
        ("word", "ALL"),
        ("stmt", "LIST"),
        ("minus", "-2.5"),
        ("call", "ABS(1)"),
    ])
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(substitute(text, &variables()).unwrap(), expected);
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = substitute(text, &variables()).unwrap_err();
    assert_eq!(error.problem.to_string(), expected);
}

#[test]
fn variables_stand_for_names_numbers_and_texts() {
    check("DESCRIBE ${name};", "DESCRIBE route2;");
    check("DESCRIBE ${NAME};", "DESCRIBE route2;");
    check(
        "CREATE STREAM ${name} (A INT) WITH (KAFKA_TOPIC='${name}', PARTITIONS=${n});",
        "CREATE STREAM route2 (A INT) WITH (KAFKA_TOPIC='route2', PARTITIONS=1);",
    );
    check(
        "SELECT ${name}, ${name}.A X FROM Y WHERE B = ${text} AND C > ${minus};",
        "SELECT route2, route2.A X FROM Y WHERE B = 'it''s' AND C > -2.5;",
    );
    check("PRINT ${name};", "PRINT route2;");
}

#[test]
fn inside_quotes_a_value_keeps_its_quotes() {
    check("INSERT INTO X VALUES ('${v}');", "INSERT INTO X VALUES ('O''''Neil');");
    check("INSERT INTO X VALUES ('a${n}b${n}');", "INSERT INTO X VALUES ('a1b1');");
    check(
        "INSERT INTO X VALUES ('${other} $${n} ${ ${}');",
        "INSERT INTO X VALUES ('${other} ${n} ${ ${}');",
    );
}

#[test]
fn names_in_quotes_and_comments_are_left_alone() {
    check("SELECT `${name}` FROM X; -- ${name}", "SELECT `${name}` FROM X; -- ${name}");
}

#[test]
fn a_value_never_becomes_more_than_one_token_or_a_word_of_the_language() {
    refused(
        "DESCRIBE ${many};",
        "the variable ${many} is \"ROUTE; LIST STREAMS\", which is not a name",
    );
    refused("DESCRIBE ${text};", "the variable ${text} is \"'it''s'\", which is not a name");
    refused("TERMINATE ${word};", "the variable ${word} is \"ALL\", which is not a name");
    refused(
        "SELECT ${call} FROM X;",
        "the variable ${call} is \"ABS(1)\", which is not a name or a literal",
    );
    refused("${stmt} STREAMS;", "a variable may stand for a name or a literal, not here");
    refused(
        "DESCRIBE $${name};",
        "found '$', expected the name of a stream or table, STREAMS, TABLES, FUNCTION or CONNECTOR",
    );
}

#[test]
fn an_unknown_variable_is_an_error() {
    refused("DESCRIBE ${nope};", "the variable ${nope} is not defined");
    // Where none is defined nothing is looked for, and the parser refuses it.
    let text = "DESCRIBE ${nope};";
    assert_eq!(substitute(text, &Variables::default()).unwrap(), text);
    let error = crate::parser::parse_script(text).unwrap_err();
    assert_eq!(error.problem.to_string(), "the variable ${nope} is not defined");
    assert_eq!(error.statement_text(), "${NOPE}");
}

#[test]
fn names_are_told_apart_regardless_of_case_and_listed_as_written() {
    let mut variables = Variables::default();
    variables.define("B", "1");
    variables.define("a", "2");
    variables.define("b", "3");
    assert_eq!(variables.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
    assert!(variables.undefine("A"));
    assert!(!variables.undefine("A"));
}

#[test]
fn long_values_in_many_places_are_not_filled_in() {
    let long = Variables::from_iter([("x", "a".repeat(100_000))]);
    let too_long = Problem::FilledTooLong(FILLED_BYTES_MAX);
    for reference in ["${x}, ", "'${x}', ", "'${X}${x}', "] {
        let text = format!("SELECT {} 1 FROM S;", reference.repeat(10_000));
        assert_eq!(substitute(&text, &long).unwrap_err().problem, too_long);
    }
    assert!(substitute("SELECT '${x}' FROM S;", &long).is_ok());
    let doubled = "DEFINE y = '${y}${y}'; ".repeat(60);
    let error = parse_script(&format!("DEFINE y = 'ab'; {doubled}"), &Variables::default());
    assert!(matches!(error.unwrap_err().problem, Problem::FilledTooLong(_) | Problem::TooLong(_)));
    let many = "SET 'a' = '${x}'; ".repeat(1_000);
    assert_eq!(parse_script(&many, &long).unwrap_err().problem, too_long);
}
