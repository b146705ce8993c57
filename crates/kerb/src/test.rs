//! `kerb test`: cases in, verdicts out.
//!
//! ```text
//!  paths ──collect──► jobs ──schedule──► findings ──report──► lines, a table by file, the count
//! ```
//!
//! A [`Job`] runs one case (or some that share a pipeline) in fresh in-memory instances of the very
//! engine that serves users. What a case is made of, and by which rules its results are compared,
//! is said in the file for each kind:
//!
//! | kind | file |
//! |---|---|
//! | ksqlDB's query tests: statements, timed inputs, expected outputs | [`qtt`] |
//! | ksqlDB's REST query tests: statements, inputs, rows of queries | [`rest_case`] |
//! | SQL scripts with `--@test:` and ASSERT | [`script`] |
//! | our golden scripts (`testscripts/`) | [`golden`] |
//! | recorded vectors: expressions, sequences, bytes, inserts | [`vector`] |

pub(crate) mod collect;
mod compare;
mod golden;
mod instance;
mod json;
mod number;
mod payload;
mod pipeline;
mod post;
mod qtt;
pub(crate) mod report;
mod rest_case;
pub(crate) mod schedule;
mod script;
mod topics;
mod vector;

use std::sync::Arc;

/// How a case came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As expected.
    Passed,
    /// Not so; the first difference.
    Failed(String),
    /// Not run, and why.
    Skipped(String),
}

impl Verdict {
    /// Passed, or failed with the difference.
    fn of(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Verdict::Passed,
            Err(difference) => Verdict::Failed(difference),
        }
    }
}

/// A case's verdict.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// The case's name.
    pub(crate) case: String,
    /// How it came out.
    pub(crate) verdict: Verdict,
    /// Was it a refusal that ksqlDB words in a known way, and do our words contain that?
    pub(crate) wording: Option<bool>,
}

impl Finding {
    fn new(case: impl Into<String>, verdict: Verdict) -> Self {
        Self { case: case.into(), verdict, wording: None }
    }
}

/// Cases that run together.
pub(crate) trait Job: Send + Sync {
    /// Their names.
    fn cases(&self) -> Vec<String>;

    /// A verdict for each of them, in that order.
    fn run(&self) -> Vec<Finding>;
}

/// A job and the file it comes from.
pub(crate) struct FileJob {
    /// The file, as it was found.
    pub(crate) file: Arc<str>,
    /// The job.
    pub(crate) job: Box<dyn Job>,
}

/// A case that cannot be run.
struct SkippedCase {
    case: String,
    reason: String,
}

impl Job for SkippedCase {
    fn cases(&self) -> Vec<String> {
        vec![self.case.clone()]
    }

    fn run(&self) -> Vec<Finding> {
        vec![Finding::new(&self.case, Verdict::Skipped(self.reason.clone()))]
    }
}
