//! Results as text: a line for each case that failed or was skipped, a table by file, the count.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use serde_json::json;

use crate::test::schedule::CaseResult;
use crate::test::{FileJob, Verdict};

/// How many cases came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Passed.
    pub(crate) passed: usize,
    /// Failed.
    pub(crate) failed: usize,
    /// Skipped.
    pub(crate) skipped: usize,
}

impl Counts {
    fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Skipped(_) => self.skipped += 1,
        }
    }

    /// The share that passed of those that were run; 1 of none.
    pub(crate) fn rate(self) -> f64 {
        match self.passed + self.failed {
            0 => 1.0,
            run => self.passed as f64 / run as f64,
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Counts { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// Writes results as they come, and what they come to.
pub(crate) struct Report<W> {
    out: W,
    jobs: Arc<[FileJob]>,
    is_json: bool,
    files: BTreeMap<Arc<str>, Counts>,
    /// All cases.
    pub(crate) total: Counts,
    /// Refusals whose wording is known, and those of them that we word alike.
    wording: (usize, usize),
    slowest: Option<(u64, String)>,
    error: Option<io::Error>,
}

impl<W: Write> Report<W> {
    /// A report of these jobs; `is_json`: an object a case, and nothing else.
    pub(crate) fn new(out: W, jobs: Arc<[FileJob]>, is_json: bool) -> Self {
        let files = BTreeMap::new();
        let total = Counts::default();
        Self { out, jobs, is_json, files, total, wording: (0, 0), slowest: None, error: None }
    }

    /// Takes a result in.
    pub(crate) fn add(&mut self, result: CaseResult) {
        let file = self.jobs[result.job].file.clone();
        self.total.add(&result.finding.verdict);
        self.files.entry(file.clone()).or_default().add(&result.finding.verdict);
        if let Some(is_same) = result.finding.wording {
            self.wording.0 += 1;
            self.wording.1 += usize::from(is_same);
        }
        if self.slowest.as_ref().is_none_or(|(ms, _)| *ms < result.ms) {
            self.slowest = Some((result.ms, format!("{file}: {}", result.finding.case)));
        }
        if let Err(error) = self.tell(&file, &result) {
            self.error.get_or_insert(error);
        }
    }

    fn tell(&mut self, file: &str, result: &CaseResult) -> io::Result<()> {
        let case = &result.finding.case;
        let (status, reason) = match &result.finding.verdict {
            Verdict::Passed => ("passed", ""),
            Verdict::Failed(reason) => ("failed", reason.as_str()),
            Verdict::Skipped(reason) => ("skipped", reason.as_str()),
        };
        if self.is_json {
            let ms = result.ms;
            let told = json!({
                "file": file, "case": case, "status": status, "reason": reason, "ms": ms
            });
            return writeln!(self.out, "{told}");
        }
        match status {
            "passed" => Ok(()),
            _ => {
                let (case, reason) = (one_line(case), one_line(reason));
                writeln!(self.out, "{status}: {file}: {case}: {reason}")
            }
        }
    }

    /// The table by file and the count; the last line is always the count.
    pub(crate) fn finish(mut self) -> io::Result<Counts> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.is_json {
            self.out.flush()?;
            return Ok(self.total);
        }
        let width = self.files.keys().map(|file| file.chars().count()).max().unwrap_or(0);
        let out = &mut self.out;
        writeln!(out, "\n{:width$}  {:>7} {:>7} {:>7}", "", "passed", "failed", "skipped")?;
        for (file, counts) in &self.files {
            let Counts { passed, failed, skipped } = counts;
            writeln!(out, "{file:width$}  {passed:>7} {failed:>7} {skipped:>7}")?;
        }
        if self.wording.0 > 0 {
            let (all, same) = self.wording;
            writeln!(out, "\n{same} of {all} refusals have ksqlDB's words in them")?;
        }
        if let Some((ms, case)) = &self.slowest {
            writeln!(out, "slowest: {ms} ms, {}", one_line(case))?;
        }
        writeln!(out, "{:.2} % passed of those that were run", self.total.rate() * 100.0)?;
        writeln!(out, "{}", self.total)?;
        out.flush()?;
        Ok(self.total)
    }
}

/// A reason on one line, and not endless.
fn one_line(text: &str) -> String {
    const LENGTH_MAX: usize = 600;
    let words: Vec<_> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LENGTH_MAX) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
