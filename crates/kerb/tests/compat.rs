//! COMPAT.md cannot drift: its functions are those of the catalog, its formats those there are, and
//! the statements it calls supported are accepted by the parser. `docs/functions.md` is the
//! catalog.
//!
//! With `ACCEPT=1` the lists of functions are written anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use functions::Doc;
use functions::catalog::{CatalogEntry, catalog};
use model::FormatKind;

const BEGIN: &str = "<!-- functions: written by a test -->\n";
const END: &str = "<!-- end of functions -->";

fn path() -> PathBuf {
    document("COMPAT.md")
}

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

fn text() -> String {
    fs::read_to_string(path()).expect("COMPAT.md")
}

/// The functions by kind and category, as the document has them.
fn functions_section() -> String {
    let mut groups: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    for entry in catalog() {
        let group = (entry.kind.name(), entry.doc.category.to_string());
        groups.entry(group).or_default().push(entry.name.to_string());
    }
    let mut section = String::from("\n| kind | category | functions |\n|---|---|---|\n");
    for ((kind, category), names) in groups {
        let _ = writeln!(section, "| {kind} | {category} | {} |", names.join(", "));
    }
    section.push('\n');
    section
}

#[test]
fn every_function_is_listed() {
    let text = text();
    let (before, rest) = text.split_once(BEGIN).expect("the functions' beginning");
    let (listed, after) = rest.split_once(END).expect("the functions' end");
    let expected = functions_section();
    if listed != expected && std::env::var_os("ACCEPT").is_some() {
        fs::write(path(), format!("{before}{BEGIN}{expected}{END}{after}")).expect("written");
        return;
    }
    assert_eq!(listed, expected, "COMPAT.md is not what there is; ACCEPT=1 writes it anew");
}

/// The page of all functions: by category, each with its signatures and an example.
fn functions_page() -> String {
    let mut categories: BTreeMap<&str, Vec<&CatalogEntry>> = BTreeMap::new();
    for entry in catalog() {
        categories.entry(entry.doc.category).or_default().push(entry);
    }
    let mut page = String::from(
        "# Functions\n\nWritten by a test from the list that `SHOW FUNCTIONS` and `DESCRIBE FUNCTION` \
         show: `ACCEPT=1 cargo test -p kerb --test compat`.\n",
    );
    for (category, entries) in categories {
        let _ = writeln!(page, "\n## {category}");
        for entry in entries {
            let Doc { description, example: (call, result), .. } = entry.doc;
            let _ = writeln!(page, "\n### {}\n\n{description}\n\n```sql", entry.name);
            for signature in entry.shown() {
                let described = signature.describe(entry.name);
                let _ = writeln!(page, "{described} -> {}", signature.returns);
            }
            let _ = writeln!(page, "```\n\nExample: `{call}` gives `{result}`.");
        }
    }
    page
}

#[test]
fn the_page_of_functions_is_the_catalog() {
    let (path, expected) = (document("docs/functions.md"), functions_page());
    let page = fs::read_to_string(&path).unwrap_or_default();
    if page != expected && std::env::var_os("ACCEPT").is_some() {
        fs::write(path, expected).expect("written");
        return;
    }
    assert!(page == expected, "docs/functions.md is not what there is; ACCEPT=1 writes it anew");
}

#[test]
fn every_format_has_a_row() {
    let text = text();
    for format in FormatKind::ALL {
        assert!(text.contains(&format!("| `{format}` |")), "no row for {format}");
    }
}

#[test]
fn statements_that_are_said_to_work_are_accepted() {
    let text = text();
    let section = text.split("## Statements").nth(1).expect("statements");
    let section = section.split("\n## ").next().expect("a section");
    let mut tried = 0;
    for row in section.lines().filter(|l| l.starts_with("| `")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let works = cells.get(1).is_some_and(|c| c.starts_with("yes") || c.starts_with("differs"));
        let statement = cells[0].trim_start_matches("| ").trim_matches('`').replace("\\|", "|");
        let parsed = sql::parser::parse_test_script(&statement);
        assert_eq!(parsed.is_ok(), works, "{statement}: {:?}", parsed.err().map(|e| e.to_string()));
        tried += 1;
    }
    assert!(tried > 40, "only {tried} statements were found");
}

/// What the table of properties says: by name, whether the property does anything.
fn properties_listed() -> BTreeMap<String, bool> {
    let text = text();
    let section = text.split("## Properties").nth(1).expect("the properties");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.map(|(name, rest)| (name.to_owned(), !rest.starts_with("no effect"))).collect()
}

#[test]
fn every_property_is_listed_with_whether_it_does_anything() {
    let known = stream::engine::properties::KNOWN;
    let known = known.iter().map(|known| (known.name.to_owned(), known.has_effect)).collect();
    assert_eq!(properties_listed(), known);
}

#[test]
fn a_property_with_an_effect_is_read_somewhere_and_no_other_is() {
    let mut sources = Vec::new();
    for crate_name in ["sql", "stream"] {
        sources_under(&document("crates").join(crate_name).join("src"), &mut sources);
    }
    let code: String =
        sources.iter().map(|path| fs::read_to_string(path).expect("a file")).collect();
    for known in stream::engine::properties::KNOWN {
        let is_read = code.contains(&format!("\"{}\"", known.name));
        assert_eq!(is_read, known.has_effect, "{}", known.name);
    }
}

/// All files of code but the list of properties itself.
fn sources_under(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => sources_under(&path, found),
            false if path.ends_with("engine/properties.rs") => {}
            false => found.push(path),
        }
    }
}
