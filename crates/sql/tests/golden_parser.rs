//! Golden scripts of the parser: what is written back, or what a person is told.
//!
//! A line with `> ` is a text to parse, those with `| ` are its further lines; behind them stands
//! each of its statements as the server writes it, or the error. Lines with `#` are remarks.
//! `GOLDEN_ACCEPT=1 cargo test -p sql` writes the answers anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sql::parser::parse_test_script;
use sql::text::format_statement;

#[test]
fn every_script_of_the_parser_says_what_it_said() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testscripts/parser");
    let mut paths: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let script = fs::read_to_string(&path).unwrap();
        let actual = run(&script);
        if std::env::var_os("GOLDEN_ACCEPT").is_some() {
            fs::write(&path, &actual).unwrap();
        }
        let expect = fs::read_to_string(&path).unwrap();
        assert_eq!(actual, expect, "{}", path.display());
    }
}

fn run(script: &str) -> String {
    let mut out = String::new();
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            writeln!(out, "{line}").unwrap();
        }
        let Some(mut text) = line.strip_prefix("> ").map(str::to_owned) else { continue };
        writeln!(out, "{line}").unwrap();
        while let Some(line) = lines.next_if(|line| line.starts_with("| ")) {
            writeln!(out, "{line}").unwrap();
            write!(text, "\n{}", &line[2..]).unwrap();
        }
        writeln!(out, "{}", answer(&text)).unwrap();
    }
    out
}

fn answer(text: &str) -> String {
    match parse_test_script(text) {
        Ok(parsed) => {
            let written: Vec<_> =
                parsed.iter().map(|parsed| format_statement(&parsed.statement)).collect();
            written.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n")
        }
        Err(error) => format!("error: {error}"),
    }
}
