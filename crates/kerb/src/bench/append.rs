//! Appending to the journal in batches, each flushed to the disk; beside a file that is written and
//! flushed in the same way.

use std::fs::File;
use std::io::Write;

use anyhow::Result;
use journal::bench::{AppendBench, RECORD_BYTES, bench_append, bench_read};
use journal::embedded::Fsync;
use model::{Clock, SystemClock};

use super::Figures;
use super::measure::{Directory, cpu_s, peak_rss_bytes};

const BATCH_RECORDS: u64 = 1000;
/// So many writers append at a time, and share flushes.
const WRITERS: u64 = 16;

pub(super) fn run(rows: u64) -> Result<Vec<Figures>> {
    let directory = Directory::new("append")?;
    let baseline = plain(rows, &directory)?;
    let together = AppendBench { writers: WRITERS, ..bench(rows) };
    let together = bench_append(together, &directory.path().join("together"))?;
    let cpu_before = cpu_s();
    let bench = bench(rows);
    let append = bench_append(bench, &directory.path().join("journal"))?;
    let cpu = cpu_before.and_then(|before| Some(cpu_s()? - before));
    let read = bench_read(rows, &directory.path().join("journal"))?;
    Ok(vec![
        Figures {
            name: "append".into(),
            rows: Some(rows),
            rows_per_s: Some(append.rows_per_s()),
            baseline: Some("the same bytes into a file, flushed as often"),
            baseline_rows_per_s: Some(baseline),
            ratio: Some(append.rows_per_s() / baseline),
            cpu_s: cpu,
            peak_rss_bytes: peak_rss_bytes(),
            p50_ms: Some(append.p50_ms),
            p99_ms: Some(append.p99_ms),
            ..Figures::default()
        },
        Figures {
            name: format!("append_{WRITERS}_writers"),
            rows: Some(rows),
            rows_per_s: Some(together.rows_per_s()),
            baseline: Some("the same bytes into a file by one writer, flushed a batch at a time"),
            baseline_rows_per_s: Some(baseline),
            ratio: Some(together.rows_per_s() / baseline),
            p50_ms: Some(together.p50_ms),
            p99_ms: Some(together.p99_ms),
            ..Figures::default()
        },
        Figures {
            name: "read".into(),
            rows: Some(rows),
            rows_per_s: Some(read.rows_per_s()),
            p50_ms: Some(read.p50_ms),
            p99_ms: Some(read.p99_ms),
            ..Figures::default()
        },
    ])
}

fn bench(rows: u64) -> AppendBench {
    AppendBench { rows, batch_records: BATCH_RECORDS, writers: 1, fsync: Fsync::Group }
}

/// Rows a second of a file.
fn plain(rows: u64, directory: &Directory) -> Result<f64> {
    let clock = SystemClock::default();
    let batch = vec![b'x'; RECORD_BYTES * BATCH_RECORDS as usize];
    let mut file = File::create(directory.path().join("plain"))?;
    let began = clock.monotonic();
    for _ in 0..rows.div_ceil(BATCH_RECORDS) {
        file.write_all(&batch)?;
        file.sync_data()?;
    }
    Ok(rows as f64 / (clock.monotonic() - began).as_secs_f64())
}
