//! What a person is told.

use super::*;

#[track_caller]
fn check(text: &str, span: std::ops::Range<usize>, expected: &str) {
    assert_eq!(caret(text, Span { start: span.start, end: span.end }), expected);
}

#[test]
fn the_caret_stands_under_the_place() {
    check("SELECT a", 7..8, "  SELECT a\n         ^");
    check("one\ntwo three\nfour", 8..13, "  two three\n      ^^^^^");
    check("one\r\ntwo", 0..3, "  one\n  ^^^");
}

#[test]
fn at_the_end_and_beyond_it_the_caret_stands_behind_the_text() {
    check("abc", 3..3, "  abc\n     ^");
    check("abc", 90..95, "  abc\n     ^");
    check("", 0..0, "  \n  ^");
}

#[test]
fn a_span_over_several_lines_is_marked_in_its_first() {
    check("a bc\nde", 2..7, "  a bc\n    ^^");
}

#[test]
fn characters_count_and_not_bytes_and_tabs_stay_tabs() {
    check("ä€ x", 6..7, "  ä€ x\n     ^");
    check("\ta\tb", 3..4, "  \ta\tb\n  \t \t^");
    // Within a character: its start.
    check("ä", 1..2, "  ä\n  ^");
}

#[test]
fn a_long_line_is_shown_around_the_place_only() {
    let text = format!("{}HERE{}", "x".repeat(500), "y".repeat(500));
    let shown = caret(&text, Span { start: 500, end: 504 });
    let (line, marks) = shown.split_once('\n').unwrap();
    assert_eq!(line.chars().count(), 102);
    assert_eq!(line.find("HERE"), marks.find("^^^^"));
}

#[test]
fn the_message_says_where_what_and_what_else_could_be() {
    let error = crate::parser::parse_script("SHOW STREAMS;\nSELECT a\nFORM x;").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3:6: found x, expected ',' or FROM; did you mean FROM instead of FORM?\n\
         \x20 FORM x;\n       ^"
    );
    assert_eq!((error.place.line, error.place.column), (3, 6));
    assert_eq!(&"SHOW STREAMS;\nSELECT a\nFORM x;"[error.span.start..error.span.end], "x");
    assert_eq!(error.statement_text(), "FORM x;");
}

#[test]
fn long_tokens_are_cut() {
    let error = crate::parser::parse_script(&format!("DROP '{}';", "x".repeat(90))).unwrap_err();
    let message = error.problem.to_string();
    assert!(message.starts_with("found 'xxxx") && message.contains("x…, expected"), "{message}");
}
