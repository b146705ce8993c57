//! Paths in, jobs out: which files are tests, and of which kind.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::test::{FileJob, Job, golden, json, qtt, rest_case, script, vector};

/// All jobs of these files and folders, in the order of the paths and of names within folders.
pub(crate) fn collect(paths: &[PathBuf]) -> Result<Vec<FileJob>, String> {
    let mut files = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => walk(path, &mut files).map_err(|e| format!("{}: {e}", path.display()))?,
            false => files.push(path.clone()),
        }
    }
    let mut jobs = Vec::new();
    for path in &files {
        let file: Arc<str> = path.display().to_string().into();
        let of_file = jobs_of(path).map_err(|error| format!("{file}: {error}"))?;
        jobs.extend(of_file.into_iter().map(|job| FileJob { file: file.clone(), job }));
    }
    Ok(jobs)
}

/// The tests within a folder; files of other kinds are none.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<_> =
        std::fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if path.is_dir() {
            walk(&path, files)?;
        } else if matches!(extension, "json" | "jsonl" | "sql") || is_golden(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// Is it a golden script of a pipeline? Those have no extension, and other kinds beside them.
fn is_golden(path: &Path) -> bool {
    let is_beside = path.components().any(|part| part.as_os_str() == "testscripts");
    let reads =
        || std::fs::read_to_string(path).is_ok_and(|text| golden::read("", &text).is_some());
    is_beside && path.extension().is_none() && reads()
}

fn jobs_of(path: &Path) -> Result<Vec<Box<dyn Job>>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    match path.extension().and_then(|e| e.to_str()) {
        Some("sql") => Ok(script::cases(path, &text)),
        Some("jsonl") => vector::jobs(path, &text),
        None => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let script = golden::read(&name, &text).ok_or("it has no inputs and outputs")??;
            Ok(vec![Box::new(script)])
        }
        _ => {
            let file = json::parse(&text).map_err(|error| error.to_string())?;
            if file["tests"].as_array().is_none() {
                return Err("there are no \"tests\" in it".to_owned());
            }
            Ok(match rest_case::is_rest_file(&file) {
                true => rest_case::cases(&file).into_iter().map(|c| Box::new(c) as _).collect(),
                false => qtt::cases(&file).into_iter().map(|c| Box::new(c) as _).collect(),
            })
        }
    }
}
