//! How statements are written back; more is in the golden scripts.

use super::*;
use crate::parser::{parse_expression, parse_script, parse_type};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(format_expr(&parse_expression(text).unwrap()), expected);
}

#[test]
fn expressions_are_in_parentheses_where_they_could_be_misread() {
    check("a + b * c", "(A + (B * C))");
    check("a and not b or c", "((A AND (NOT B)) OR C)");
    check("a not in (1, 2)", "(NOT (A IN (1, 2)))");
    check("- - a - -1", "(- -A - -1)");
    check("-(1) + +2 - (-a)->b", "((-(1) + +2) - (-A)->B)");
}

#[test]
fn literals_keep_their_type() {
    check("1.50", "1.50");
    check("5.", "5.");
    check("1000e0", "1E3");
    check("0.1e0", "1E-1");
    check("-0e0", "-0E0");
    check("'it''s'", "'it''s'");
    check("NULL", "null");
    check("true", "true");
}

#[test]
fn names_are_quoted_where_they_must_be() {
    check("`A`", "A");
    check("\"a\"", "`a`");
    check("`AT`.\"x y\"", "`AT`.`x y`");
    check("a.`2ND` + 2nd", "(A.`2ND` + 2ND)");
    assert_eq!(format_name("a`b"), "`a``b`");
}

#[test]
fn types_have_one_spelling_each() {
    let ty = parse_type("array<struct<a int, `b` map<varchar, decimal(4,2)>>>").unwrap();
    assert_eq!(format_type(&ty), "ARRAY<STRUCT<A INTEGER, `b` MAP<STRING, DECIMAL(4, 2)>>>");
    let inner = model::Field::new("x", SqlType::array(SqlType::Integer));
    let resolved =
        TypeName::Sql(SqlType::Struct(vec![inner, model::Field::new("Y", SqlType::Time)]));
    assert_eq!(format_type(&resolved), "STRUCT<`x` ARRAY<INTEGER>, Y TIME>");
}

#[test]
fn what_people_wrote_as_data_can_be_left_out() {
    let masked = |text: &str| format_masked(&parse_script(text).unwrap()[0].statement);
    assert_eq!(
        masked("INSERT INTO people (name, age) VALUES ('Ann', 40);").unwrap(),
        "INSERT INTO `PEOPLE` (`NAME`, `AGE`) VALUES ('[value]', '[value]');"
    );
    assert_eq!(
        masked("INSERT INTO people VALUES ('Ann');").unwrap(),
        "INSERT INTO `PEOPLE` VALUES ('[value]');"
    );
    assert_eq!(
        masked("CREATE SINK CONNECTOR c WITH ('connector.class'='s3', 'password'='x');").unwrap(),
        "CREATE SINK CONNECTOR C WITH ('connector.class'='s3', 'password'='[string]');"
    );
    assert_eq!(masked("SHOW STREAMS;"), None);
}
