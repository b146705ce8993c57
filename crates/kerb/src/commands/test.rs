//! `kerb test`: runs cases for pipelines in fresh in-memory instances and says what differs.

use std::sync::Arc;

use crate::arguments::Test;
use crate::exit::Exit;
use crate::output::Output;
use crate::test::report::Report;
use crate::test::{FileJob, Finding, Job, collect, schedule};

/// Runs the command.
pub(crate) async fn run(arguments: Test) -> Result<(), Exit> {
    // Cases block: they have threads of their own, and this one is told what comes out.
    tokio::task::spawn_blocking(move || run_cases(&arguments)).await?
}

fn run_cases(arguments: &Test) -> Result<(), Exit> {
    if !(0.0..=1.0).contains(&arguments.min_rate) {
        return Err(Exit::WrongUse("--min-rate is a share, from 0 to 1".to_owned()));
    }
    let mut jobs = collect::collect(&arguments.paths).map_err(Exit::WrongUse)?;
    if let Some(text) = &arguments.filter {
        jobs = jobs.into_iter().filter_map(|job| filtered(job, text)).collect();
    }
    let jobs: Arc<[FileJob]> = jobs.into();
    let threads = match arguments.jobs {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let mut report = Report::new(Output::new(), jobs.clone(), arguments.json);
    schedule::run(jobs, threads, |result| report.add(result));
    let counts = report.finish()?;
    match counts.failed > 0 && (arguments.min_rate == 1.0 || counts.rate() < arguments.min_rate) {
        true => {
            let rate = counts.rate() * 100.0;
            Err(anyhow::anyhow!("{} cases failed ({rate:.2} % passed)", counts.failed).into())
        }
        false => Ok(()),
    }
}

/// A job of which only the cases that are wanted are told.
struct Filtered {
    job: Box<dyn Job>,
    text: String,
}

/// The job, if some of its cases have `text` in their names or file.
fn filtered(job: FileJob, text: &str) -> Option<FileJob> {
    let is_wanted = |name: &str| name.to_lowercase().contains(&text.to_lowercase());
    if is_wanted(&job.file) {
        return Some(job);
    }
    if !job.job.cases().iter().any(|case| is_wanted(case)) {
        return None;
    }
    let filtered = Filtered { job: job.job, text: text.to_lowercase() };
    Some(FileJob { file: job.file, job: Box::new(filtered) })
}

impl Job for Filtered {
    fn cases(&self) -> Vec<String> {
        let mut cases = self.job.cases();
        cases.retain(|case| case.to_lowercase().contains(&self.text));
        cases
    }

    fn run(&self) -> Vec<Finding> {
        let mut findings = self.job.run();
        findings.retain(|finding| finding.case.to_lowercase().contains(&self.text));
        findings
    }
}
