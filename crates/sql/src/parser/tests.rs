//! What the parser takes and what it hands on; more is in the golden scripts.

use super::*;
use crate::ast::{ExprKind, Query, Relation, SelectItem};
use crate::lexer::Unclosed;

#[track_caller]
fn check(text: &str, expected: Statement) {
    let parsed = parse_script(text).unwrap_or_else(|error| panic!("{error}"));
    let statements: Vec<_> = parsed.into_iter().map(|parsed| parsed.statement).collect();
    assert_eq!(statements, [expected]);
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = parse_script(text).unwrap_err();
    assert_eq!(error.problem.to_string(), expected);
}

#[test]
fn names_are_in_upper_case_unless_quoted_and_topics_never() {
    let print = |topic: &str| Statement::Print {
        topic: topic.to_owned(),
        from_beginning: false,
        interval: None,
        limit: None,
    };
    check("PRINT Cars;", print("Cars"));
    check("PRINT `Cars`;", print("Cars"));
    check("PRINT 'Cars';", print("Cars"));
    let drop = |name: &str| Statement::DropType { if_exists: false, name: name.to_owned() };
    check("DROP TYPE Address;", drop("ADDRESS"));
    let undefine = |name: &str| Statement::Undefine { name: name.to_owned() };
    check("UNDEFINE Topic;", undefine("Topic"));
}

#[test]
fn a_script_is_cut_into_statements_with_their_texts() {
    let text = "-- first\nSHOW STREAMS ; /* second */ DROP TABLE t;\n-- end";
    let parsed = parse_script(text).unwrap();
    let texts: Vec<_> = parsed.iter().map(|parsed| parsed.text.as_str()).collect();
    assert_eq!(texts, ["SHOW STREAMS ;", "DROP TABLE t;"]);
    for parsed in parsed {
        assert_eq!(&text[parsed.span.start..parsed.span.end], parsed.text);
    }
    assert_eq!(parse_script(" -- nothing\n").unwrap(), []);
}

#[test]
fn spans_are_those_of_the_script() {
    let text = "SHOW STREAMS; SELECT a + b FROM s JOIN t ON s.k = t.k;";
    let parsed = parse_script(text).unwrap();
    let Statement::Query(Query { select, from, .. }) = &parsed[1].statement else { panic!() };
    let SelectItem::Expr { expr, .. } = &select[0] else { panic!() };
    let ExprKind::Arithmetic { right, .. } = &expr.kind else { panic!() };
    let Relation::Join { on, .. } = from else { panic!() };
    let at = |span: Span| &text[span.start..span.end];
    assert_eq!([at(expr.span), at(right.span), at(on.span)], ["a + b", "b", "s.k = t.k"]);
}

#[test]
fn an_error_of_syntax_is_told_before_a_literal_that_is_too_large() {
    refused(
        "SELECT 9223372036854775808, FROM x;",
        "found FROM, expected an expression; the comma before it is one too many",
    );
    refused("SELECT 1e999 FROM x;", "the number 1e999 is too large for DOUBLE");
}

#[test]
fn an_error_in_the_first_statement_is_told_whatever_stands_behind_it() {
    refused("DROP x; 'unclosed", "found x, expected CONNECTOR, TYPE, STREAM or TABLE");
    refused("SHOW STREAMS; DROP STREAM 'unclosed", "this text is never closed: a ' is missing");
}

#[test]
fn data_does_not_stand_in_the_statement_of_an_error() {
    let error = parse_script("INSERT INTO x VALUES ('secret', 9223372036854775808);").unwrap_err();
    assert_eq!(error.statement_text(), "INSERT INTO `X` VALUES ('[value]', '[value]');");
}

#[test]
fn schemas_types_and_expressions_stand_alone() {
    assert_eq!(parse_schema("").unwrap(), []);
    assert_eq!(parse_schema("a INT KEY, b VARCHAR").unwrap().len(), 2);
    assert!(parse_schema("a INT KEY b").is_err());
    assert!(parse_type("ARRAY<INT>").is_ok());
    let error = parse_type("INT; DROP TABLE x").unwrap_err();
    assert_eq!(error.problem.to_string(), "found ';', expected the end or '('");
    assert!(parse_expression("a b").is_err());
    assert!(parse_expression("").is_err());
}

#[test]
fn a_script_knows_what_is_complete() {
    let check = |text: &str, complete: &[&str], rest: Option<(&str, Option<Unclosed>)>| {
        let pieces = split_statements(text);
        let at = |span: Span| &text[span.start..span.end];
        let found: Vec<_> = pieces.complete.iter().map(|span| at(*span)).collect();
        assert_eq!(found, complete, "{text}");
        assert_eq!(pieces.rest.map(|rest| (at(rest.span), rest.unclosed)), rest, "{text}");
    };
    check("a; b;", &["a;", "b;"], None);
    check("a; -- b;\n", &["a;"], None);
    check(" a ';' /* ; */ ; b\n c ", &["a ';' /* ; */ ;"], Some(("b\n c", None)));
    check("a 'x;", &[], Some(("a 'x;", Some(Unclosed::Text))));
    check("a; /* x;", &["a;"], Some(("/* x;", Some(Unclosed::Comment))));
    check("`x;", &[], Some(("`x;", Some(Unclosed::Name))));
    check("", &[], None);
    check(";", &[";"], None);
}

#[test]
fn statements_of_test_scripts_are_none_to_a_server() {
    for text in ["RUN SCRIPT 'x';", "ASSERT VALUES s VALUES (1);", "ASSERT STREAM s (a INT);"] {
        assert!(parse_script(text).is_err(), "{text}");
        assert!(parse_test_script(text).is_ok(), "{text}");
    }
    assert!(parse_script("ASSERT TOPIC x;").is_ok());
}
