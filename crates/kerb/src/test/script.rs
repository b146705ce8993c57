//! SQL scripts with ASSERT statements, as ksqlDB has them.
//!
//! ```text
//! --@test: a name
//! --@expected.error: a class of ksqlDB's, which is not looked at
//! --@expected.message: what it says there
//! CREATE STREAM …; INSERT INTO … VALUES …; ASSERT VALUES … VALUES …;
//! ```
//!
//! `ASSERT VALUES` and `ASSERT NULL VALUES` look at the next record of a topic, `ASSERT STREAM` and
//! `ASSERT TABLE` at what was declared. Queries see what is inserted after they were made. A case
//! with `--@expected.error` or `--@expected.message` passes when it is refused or an assertion
//! fails.

mod assertion;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sql::ast::{ParsedStatement, Statement};

use crate::test::instance::Instance;
use crate::test::pipeline::Batching;
use crate::test::{Finding, Job, SkippedCase, Verdict, topics};

/// A case of a script.
pub(crate) struct ScriptCase {
    name: String,
    text: String,
    /// Must it fail, and with which of ksqlDB's words?
    expected_error: Option<String>,
    /// Where RUN SCRIPT looks for files.
    folder: PathBuf,
}

/// The cases of a script; a script without `--@test:` is one case.
pub(crate) fn cases(path: &Path, text: &str) -> Vec<Box<dyn Job>> {
    let folder = path.parent().unwrap_or(Path::new(".")).to_path_buf();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut cases = Vec::new();
    let mut current = ScriptCase {
        name: stem,
        text: String::new(),
        expected_error: None,
        folder: folder.clone(),
    };
    for line in text.lines() {
        let directive = |name: &str| line.trim().strip_prefix(name).map(str::trim);
        if let Some(name) = directive("--@test:") {
            let name = name.to_owned();
            let folder = folder.clone();
            let next = ScriptCase { name, text: String::new(), expected_error: None, folder };
            cases.push(std::mem::replace(&mut current, next));
        } else if directive("--@expected.error:").is_some() {
            current.expected_error.get_or_insert_default();
        } else if let Some(message) = directive("--@expected.message:") {
            current.expected_error = Some(message.to_owned());
        } else {
            current.text.push_str(line);
            current.text.push('\n');
        }
    }
    cases.push(current);
    let has_statements = |case: &ScriptCase| {
        case.text.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with("--"))
    };
    cases.retain(has_statements);
    cases.into_iter().map(ScriptCase::into_job).collect()
}

/// What a script has come to.
pub(crate) struct Progress {
    pub(crate) instance: Instance,
    properties: BTreeMap<String, String>,
    /// How many records of each topic were looked at.
    pub(crate) seen: BTreeMap<String, usize>,
}

impl ScriptCase {
    /// A job for it; one that is skipped where a file it needs is missing.
    fn into_job(self) -> Box<dyn Job> {
        match self.missing_file() {
            Some(reason) => Box::new(SkippedCase { case: self.name, reason }),
            None => Box::new(self),
        }
    }

    fn missing_file(&self) -> Option<String> {
        let statements = sql::parser::parse_test_script(&self.text).ok()?;
        let mut scripts = statements.iter().filter_map(|parsed| match &parsed.statement {
            Statement::RunScript { path } => Some(path),
            _ => None,
        });
        let missing = scripts.find(|path| !self.file(path).is_file())?;
        Some(format!("there is no file '{missing}' for RUN SCRIPT"))
    }

    fn file(&self, path: &str) -> PathBuf {
        self.folder.join(path.trim_start_matches('/'))
    }

    fn check(&self, batching: Batching) -> (Verdict, Option<bool>) {
        match (self.run_once(batching), &self.expected_error) {
            (Ok(()), None) => (Verdict::Passed, None),
            (Err(reason), None) => (Verdict::Failed(reason), None),
            (Ok(()), Some(wanted)) => (Verdict::Failed(format!("did not fail: {wanted}")), None),
            (Err(reason), Some(wanted)) => {
                (Verdict::Passed, Some(reason.contains(wanted.as_str())))
            }
        }
    }

    fn run_once(&self, batching: Batching) -> Result<(), String> {
        let instance = Instance::start()?;
        topics::prepare(&instance, &serde_json::Value::Null, &self.text)?;
        let mut progress =
            Progress { instance, properties: BTreeMap::new(), seen: BTreeMap::new() };
        // A new query sees only what comes after it.
        progress.properties.insert("auto.offset.reset".to_owned(), "latest".to_owned());
        self.run_text(&self.text, &mut progress, batching)
    }

    fn run_text(
        &self,
        text: &str,
        progress: &mut Progress,
        batching: Batching,
    ) -> Result<(), String> {
        let statements = sql::parser::parse_test_script(text).map_err(|error| error.to_string())?;
        for statement in &statements {
            let is_insert = matches!(statement.statement, Statement::InsertValues { .. });
            if !is_insert {
                progress.instance.engine.run_until_idle();
            }
            self.run_statement(statement, progress, batching)?;
            if !is_insert || batching == Batching::Single {
                progress.instance.engine.run_until_idle();
            }
        }
        progress.instance.engine.run_until_idle();
        Ok(())
    }

    fn run_statement(
        &self,
        parsed: &ParsedStatement,
        progress: &mut Progress,
        batching: Batching,
    ) -> Result<(), String> {
        match &parsed.statement {
            Statement::Set { property, value } => {
                progress.properties.insert(property.clone(), value.clone());
                Ok(())
            }
            Statement::Unset { property } => {
                progress.properties.remove(property);
                Ok(())
            }
            Statement::RunScript { path } => {
                let text = std::fs::read_to_string(self.file(path));
                let text = text.map_err(|error| format!("'{path}': {error}"))?;
                self.run_text(&text, progress, batching)
            }
            Statement::AssertValues { target, columns, values } => {
                assertion::check_values(progress, target, columns, values, false)
                    .map_err(|difference| format!("{}: {difference}", parsed.text))
            }
            Statement::AssertNullValues { target, columns, values } => {
                assertion::check_values(progress, target, columns, values, true)
                    .map_err(|difference| format!("{}: {difference}", parsed.text))
            }
            Statement::AssertSource(wanted) => assertion::check_source(progress, wanted),
            _ => {
                let executed = progress.instance.execute(&parsed.text, &progress.properties);
                executed.map(drop).map_err(|error| error.to_string())
            }
        }
    }
}

impl Job for ScriptCase {
    fn cases(&self) -> Vec<String> {
        vec![self.name.clone()]
    }

    fn run(&self) -> Vec<Finding> {
        let mut finding = Finding::new(&self.name, Verdict::Passed);
        for batching in Batching::ALL {
            let (verdict, wording) = self.check(batching);
            finding.wording = wording;
            if let Verdict::Failed(difference) = verdict {
                finding.verdict = Verdict::Failed(batching.told(difference));
                break;
            }
        }
        vec![finding]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_cut_at_its_tests() {
        let text = "-- words\n---\n--@test: one\n--@expected.error: E\n---\nSHOW TOPICS;\n\
                    --@test: two\nSHOW TYPES;\n";
        let cases = cases(Path::new("folder/file.sql"), text);
        let names: Vec<_> = cases.iter().flat_map(|case| case.cases()).collect();
        assert_eq!(names, ["one", "two"]);
    }

    #[test]
    fn a_script_whose_files_are_missing_is_skipped() {
        let cases = cases(Path::new("folder/file.sql"), "RUN SCRIPT '/nowhere.sql';");
        assert!(matches!(cases[0].run()[0].verdict, Verdict::Skipped(_)));
    }
}
