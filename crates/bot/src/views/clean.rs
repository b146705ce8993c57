//! What comes from a feed, made fit to be said: anybody may have written it.
//!
//! A text becomes one line that shows all it has: it cannot forge a line of the bot's, turn the
//! writing around, or be there without being seen. Numbers, places and addresses are what they
//! claim to be, or are not known.

use std::ops::RangeInclusive;

/// The longest name of a car park: it stands on buttons, of which Telegram shows no more.
const NAME_CHARS_MAX: usize = 64;
/// The longest remark.
const REMARK_CHARS_MAX: usize = 200;
/// The longest web address.
const URL_BYTES_MAX: usize = 1024;
/// Numbers of spaces that can be meant.
const SPACES: RangeInclusive<i64> = 0..=10_000_000;
/// Times that can be meant: to the end of the year 9999.
const TIMES_MS: RangeInclusive<i64> = 0..=253_402_300_799_999;

/// A name; `None` if nothing of it can be seen.
pub(super) fn name(text: &str) -> Option<String> {
    line(text, NAME_CHARS_MAX)
}

/// A remark; `None` if nothing of it can be seen.
pub(super) fn remark(text: &str) -> Option<String> {
    line(text, REMARK_CHARS_MAX)
}

/// What can be seen of a text, in one line, with single blanks; a longer one ends with `…`.
fn line(text: &str, chars_max: usize) -> Option<String> {
    let mut line = String::new();
    let mut chars = 0;
    let mut blank = false;
    for c in text.chars().filter(|c| !is_unseen(*c)) {
        if c.is_whitespace() || c.is_control() {
            blank = !line.is_empty();
            continue;
        }
        let needed = 1 + usize::from(blank);
        if chars + needed > chars_max {
            // Within the line: what was last gives way.
            if chars == chars_max {
                line.pop();
            }
            line.push('…');
            break;
        }
        if std::mem::take(&mut blank) {
            line.push(' ');
        }
        line.push(c);
        chars += needed;
    }
    (!line.is_empty()).then_some(line)
}

/// Is this a character without a shape of its own: of no width, a filler, a turn of the writing's
/// direction, a tag? (Unicode's Default_Ignorable_Code_Point, and what else shows nothing.)
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// A web address that a button may open: one with a public host, and nobody's password.
pub(super) fn web_address(text: &str) -> Option<String> {
    if text.len() > URL_BYTES_MAX {
        return None;
    }
    let url = reqwest::Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let is_public = url.host_str().is_some_and(|host| host.trim_matches('.').contains('.'));
    let is_open = url.username().is_empty() && url.password().is_none();
    // As it was understood: what it should not hold is written as `%…`.
    let url = String::from(url);
    (is_web && is_public && is_open && url.len() <= URL_BYTES_MAX).then_some(url)
}

/// A number of spaces.
pub(super) fn spaces(number: i64) -> Option<i64> {
    SPACES.contains(&number).then_some(number)
}

/// An average number of spaces.
pub(super) fn spaces_on_average(number: f64) -> Option<f64> {
    (*SPACES.start() as f64..=*SPACES.end() as f64).contains(&number).then_some(number)
}

/// A time, in milliseconds since the epoch.
pub(super) fn time_ms(time: i64) -> Option<i64> {
    TIMES_MS.contains(&time).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_what_can_be_seen() {
        let check = |text: &str, expect: &str| {
            assert_eq!(name(text).as_deref(), Some(expect), "{text:?}");
        };
        check("Pier Road", "Pier Road");
        check("  St. Hélier,\t P+R (Süd) ", "St. Hélier, P+R (Süd)");
        check("Line\nYou won!\r\n/alert", "Line You won! /alert");
        check("a\u{2028}b\u{85}c\0d\u{7f}e\u{1b}[31m", "a b c d e [31m");
        check("\u{202E}daoR reiP\u{202C}", "daoR reiP");
        check("Pi\u{200B}er\u{FEFF} \u{2066}Road\u{2069}", "Pier Road");
        check("駐車場 1", "駐車場 1");
        for nothing in ["", "   ", "\n", "\u{200B}\u{2800}\u{3164}", "\u{E0041}\u{FE0F}\u{AD}"] {
            assert_eq!(name(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_where_it_can_be_seen() {
        let exact = "é".repeat(NAME_CHARS_MAX);
        assert_eq!(name(&exact).as_deref(), Some(exact.as_str()));
        for long in ["é".repeat(5000), "a ".repeat(2500), "😀".repeat(4000)] {
            let short = name(&long).expect("a name");
            assert!(short.ends_with('…'), "{short}");
            let chars = short.chars().count();
            assert!((NAME_CHARS_MAX - 1..=NAME_CHARS_MAX).contains(&chars), "{chars}");
        }
        assert!(remark(&"x".repeat(5000)).is_some_and(|r| r.chars().count() == REMARK_CHARS_MAX));
    }

    #[test]
    fn only_what_leads_somewhere_on_the_web_is_an_address() {
        let taken = |url: &str| web_address(url);
        let maps = "https://maps.example.org/?daddr=53.79,-1.75";
        assert_eq!(taken(maps).as_deref(), Some(maps));
        assert_eq!(
            taken("http://a.example/to pier").as_deref(),
            Some("http://a.example/to%20pier")
        );
        let long = format!("https://a.example/{}", "x".repeat(3000));
        let longer_than_it_looks = format!("https://a.example/{}", "é".repeat(500));
        let wrong = [
            "",
            "http://",
            "https://",
            "http:///",
            "maps.example.org",
            "javascript:alert(1)",
            "tg://resolve?domain=x",
            "ftp://a.example/",
            "http://localhost/",
            "http://.../",
            "https://maps.example.org@evil.example/",
            &long,
            &longer_than_it_looks,
        ];
        for url in wrong {
            assert_eq!(taken(url), None, "{url}");
        }
    }

    #[test]
    fn numbers_that_cannot_be_meant_are_not_known() {
        assert_eq!(spaces(0), Some(0));
        assert_eq!(spaces(-1), None);
        assert_eq!(spaces(i64::MAX), None);
        assert_eq!(spaces_on_average(1e308), None);
        assert_eq!(spaces_on_average(f64::NAN), None);
        assert_eq!(time_ms(i64::MIN), None);
        assert_eq!(time_ms(i64::MAX), None);
        assert_eq!(time_ms(1_730_000_000_000), Some(1_730_000_000_000));
    }
}
