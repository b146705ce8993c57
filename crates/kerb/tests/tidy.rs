//! The house rules that a compiler does not know: that crates use each other as ARCHITECTURE.md
//! says, what every file starts with, how long lines and files get, and that the documents speak of
//! things that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Longer files have a seam that was not found.
const FILE_LINES_MAX: usize = 800;
const LINE_CHARS_MAX: usize = 100;
/// A line with a text as long as that may be longer.
const TEXT_CHARS_MIN: usize = 60;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                files(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    files(&root().join("crates"), ".rs", &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            (path, text)
        })
        .collect()
}

fn nothing(kind: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{kind}:\n  {}", found.join("\n  "));
}

/// ARCHITECTURE.md.
fn architecture() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md")
}

/// What the block under "Edges" says: of each crate, which of ours it uses.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let text = architecture();
    let section = text.split("### Edges").nth(1).expect("a section on edges");
    let block = section.split("```").nth(1).expect("a block in it");
    let lines = block.lines().skip(1).filter(|line| !line.trim().is_empty());
    let edges = lines.map(|line| {
        let (name, used) = line.split_once('→').unwrap_or((line, ""));
        let used = used.split_whitespace().map(str::to_string).collect();
        (name.trim().to_string(), used)
    });
    edges.collect()
}

/// Which crates of ours a crate uses by its manifest, tests left out.
fn used_by(name: &str, ours: &BTreeSet<String>) -> BTreeSet<String> {
    let path = root().join("crates").join(name).join("Cargo.toml");
    let manifest = fs::read_to_string(&path).expect("a manifest");
    let used = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let used = used.split("\n[").next().unwrap_or_default().lines();
    let names = used.map(|line| line.split(['.', ' ', '=']).next().unwrap_or_default());
    names.filter(|name| ours.contains(*name)).map(str::to_string).collect()
}

#[test]
fn crates_use_what_the_architecture_says_and_nothing_else() {
    let edges = edges();
    let mut crates = BTreeSet::new();
    for entry in fs::read_dir(root().join("crates")).expect("crates") {
        crates.insert(entry.expect("a crate").file_name().to_string_lossy().into_owned());
    }
    assert_eq!(edges.keys().cloned().collect::<BTreeSet<_>>(), crates, "each crate has a line");
    for (name, said) in &edges {
        assert_eq!(&used_by(name, &crates), said, "what {name} uses; see ARCHITECTURE.md, Edges");
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent = sources().into_iter().filter(|(_, text)| !text.starts_with("//!"));
    nothing("files without //!", silent.map(|(path, _)| path.display().to_string()).collect());
}

#[test]
fn files_and_lines_are_of_a_size_that_can_be_read() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{} has {lines} lines", path.display()));
        }
        for (i, line) in text.lines().enumerate() {
            // A long text, a link or a table's row cannot always be broken.
            let text = line.find('"').zip(line.rfind('"')).map_or(0, |(from, to)| to - from);
            let fixed = line.trim_start().starts_with("//! |")
                || text > TEXT_CHARS_MIN
                || line.trim_end().ends_with('\\')
                || line.contains("://");
            if line.chars().count() > LINE_CHARS_MAX && !fixed {
                wrong.push(format!("{}:{} is too long", path.display(), i + 1));
            }
        }
    }
    nothing("too long", wrong);
}

#[test]
fn nothing_is_left_open_in_the_code() {
    // Put together here, so that this file does not find itself.
    let marks = [
        ["FIX", "ME"].concat(),
        ["TO", "DO"].concat(),
        ["db", "g!("].concat(),
        ["#[ign", "ore"].concat(),
        ["#[should", "_panic"].concat(),
        ["thread::", "sleep"].concat(),
    ];
    let mut left = Vec::new();
    for (path, text) in sources() {
        for (i, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                left.push(format!("{}:{}: {}", path.display(), i + 1, line.trim()));
            }
        }
    }
    nothing("left open", left);
}

#[test]
fn modules_are_named_files() {
    let anonymous = sources().into_iter().filter(|(path, _)| path.ends_with("mod.rs"));
    nothing("mod.rs", anonymous.map(|(path, _)| path.display().to_string()).collect());
}

#[test]
fn paths_named_in_the_documents_exist() {
    let mut missing = Vec::new();
    for document in ["ARCHITECTURE.md", "README.md", "COMPAT.md", "CONTRIBUTING.md"] {
        let Ok(text) = fs::read_to_string(root().join(document)) else { continue };
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = ["crates/", "cities/", "docs/", "fuzz/", ".ci/"]
                .iter()
                .any(|start| quoted.starts_with(start));
            let plain = !quoted.contains(['<', '*', ' ', '…', '{']);
            if is_path && plain && !root().join(quoted).exists() {
                missing.push(format!("{document}: {quoted}"));
            }
        }
    }
    nothing("paths that do not exist", missing);
}

#[test]
fn the_map_of_the_code_names_every_crate() {
    let text = architecture();
    let unnamed = edges().into_keys().filter(|name| !text.contains(&format!("crates/{name}`")));
    nothing("not in ARCHITECTURE.md", unnamed.collect());
}
