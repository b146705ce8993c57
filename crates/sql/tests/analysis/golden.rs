//! The golden scripts of `testscripts/analyze`: statements, and what each means.
//!
//! A script is blocks with an empty line between them: statements, a line `---`, and what they
//! give, which for a plan is its tree and for an error the line with a caret. `GOLDEN=accept cargo
//! test -p sql --test analysis` writes what is given now.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Environment, Script};

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(scripts(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn run(text: &str) -> String {
    let mut script = Script::new(Environment { strict: true, ..Environment::default() });
    let mut out = Vec::new();
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let input = block.split("\n---").next().unwrap_or_default();
        let is_remark = input.lines().all(|line| line.starts_with("--"));
        if is_remark {
            out.push(input.to_owned());
            continue;
        }
        script.clear();
        let given = match script.run(input) {
            Ok(()) => script.explained().trim_end().to_owned(),
            Err(error) => format!("{}Error: {error}", script.explained()),
        };
        out.push(format!("{input}\n---\n{given}").trim_end().to_owned());
    }
    out.join("\n\n") + "\n"
}

#[test]
fn statements_mean_what_the_scripts_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testscripts/analyze");
    let accept = std::env::var("GOLDEN").is_ok_and(|value| value == "accept");
    let mut different = Vec::new();
    for path in scripts(&folder) {
        let text = fs::read_to_string(&path).expect("a script");
        let given = run(&text);
        if accept {
            fs::write(&path, &given).expect("written");
        } else if given != text {
            let line = given.lines().zip(text.lines()).find(|(given, text)| given != text);
            different.push(format!("{}: {line:?}", path.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
