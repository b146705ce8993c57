//! What the lexer makes of a text.

use super::*;

/// The tokens of `text`, each as the first letters of its kind and its text.
#[track_caller]
fn check(text: &str, expected: &str) {
    let mut lexer = Lexer::new(text);
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next_token();
        let written = &text[token.span.start..token.span.end];
        tokens.push(match token.kind {
            TokenKind::End => break,
            TokenKind::Symbol(symbol) => format!("{:?}", symbol),
            kind => format!("{kind:?}:{written}"),
        });
    }
    assert_eq!(tokens.join(" "), expected);
}

#[test]
fn words_numbers_and_names_are_told_apart() {
    check("a _b c1@x", "Word:a Word:_b Word:c1@x");
    check("1 12. .5 1.5 1..", "Integer:1 Decimal:12. Decimal:.5 Decimal:1.5 Decimal:1. Dot");
    check("1e3 1.5E-7 .5e+1 1.e5", "Double:1e3 Double:1.5E-7 Double:.5e+1 Double:1.e5");
    check(
        "2ND 1e 0x10 1_000 1e3x",
        "DigitWord:2ND DigitWord:1e DigitWord:0x10 DigitWord:1_000 DigitWord:1e3x",
    );
    check("1.5e 1e+", "Decimal:1.5 Word:e DigitWord:1e Plus");
    check("a.b 1.a", "Word:a Dot Word:b Decimal:1. Word:a");
}

#[test]
fn quotes_hold_anything_and_are_doubled_inside() {
    check("'it''s' `a``b` \"c\"\"d\"", "Text:'it''s' QuotedName:`a``b` QuotedName:\"c\"\"d\"");
    check("'a\n--b/*' ''", "Text:'a\n--b/*' Text:''");
    check("'abc", "Unclosed(Text):'abc");
    check("'abc''", "Unclosed(Text):'abc''");
    check("`abc", "Unclosed(Name):`abc");
}

#[test]
fn comments_and_blanks_are_nothing() {
    check("a -- b\nc --", "Word:a Word:c");
    check("a --\nb", "Word:a Word:b");
    check("a/* b ; ' */c/**/", "Word:a Word:c");
    check("a /* b", "Word:a Unclosed(Comment):/* b");
    check("a /*/ b */", "Word:a");
    check(" \t\r\n", "");
}

#[test]
fn signs_are_as_long_as_they_can_be() {
    check(
        "< <= <> > >= = != :=",
        "Less LessOrEqual NotEqual Greater GreaterOrEqual Equal NotEqual Assign",
    );
    check("-> => - || |", "Arrow FatArrow Minus Concat Unknown:|");
    check("a<-1", "Word:a Less Minus Integer:1");
    check(
        ";,.()[]+*/%",
        "Semicolon Comma Dot Open Close OpenBracket CloseBracket Plus Star Slash Percent",
    );
}

#[test]
fn variables_have_a_name_and_other_characters_mean_nothing() {
    check(
        "${a_1} ${} ${1}",
        "Variable:${a_1} Unknown:$ Unknown:{ Unknown:} Unknown:$ Unknown:{ Integer:1 Unknown:}",
    );
    check("é ? \u{a0}", "Unknown:é Unknown:? Unknown:\u{a0}");
}

#[test]
fn a_byte_order_mark_means_nothing_at_the_start_and_nowhere_else() {
    let kinds = |text: &str| {
        let mut lexer = Lexer::new(text);
        [lexer.next_token().kind, lexer.next_token().kind]
    };
    assert_eq!(kinds("\u{feff}SHOW"), [TokenKind::Word, TokenKind::End]);
    assert_eq!(kinds("\u{feff}\u{feff}"), [TokenKind::Unknown, TokenKind::End]);
    let script = "\u{feff}-- from Windows\r\nSHOW TABLES;\r\nSHOW STREAMS;";
    assert_eq!(crate::parser::parse_script(script).expect("two statements").len(), 2);
    assert_eq!(crate::parser::split_statements(script).complete.len(), 2);
}
