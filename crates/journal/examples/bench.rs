//! Figures of the embedded journal alone: `cargo run --release -p journal --example bench [ROWS]`.

use std::time::Duration;

use journal::Fsync;
use journal::bench::{AppendBench, BenchError, Figures, bench_append, bench_read};

fn main() {
    let rows = std::env::args().nth(1).map_or(1_000_000, |rows| rows.parse().expect("a number"));
    let policies = [
        ("group", Fsync::Group),
        ("interval", Fsync::Interval(Duration::from_millis(100))),
        ("none", Fsync::None),
    ];
    for (name, fsync) in policies {
        let directory = tempfile::tempdir_in(".").expect("a directory");
        let bench = AppendBench { rows, fsync, ..AppendBench::default() };
        show(&format!("append, {name}"), bench_append(bench, directory.path()));
        show("read", bench_read(rows, directory.path()));
    }
    for writers in [1, 8, 64] {
        let directory = tempfile::tempdir_in(".").expect("a directory");
        let bench =
            AppendBench { rows: rows / 50, batch_records: 1, writers, ..AppendBench::default() };
        show(&format!("append singly by {writers}"), bench_append(bench, directory.path()));
    }
}

fn show(name: &str, figures: Result<Figures, BenchError>) {
    let figures = figures.expect("the benchmark runs");
    println!(
        "{name:20} {:>12.0} rows/s   p50 {:.3} ms   p99 {:.3} ms",
        figures.rows_per_s(),
        figures.p50_ms,
        figures.p99_ms
    );
}
