//! Figures of the embedded journal alone: `cargo run --release -p journal --example bench [ROWS]`.

use std::time::Duration;

use journal::Fsync;
use journal::bench::{Figures, bench_append, bench_read};

fn main() {
    let rows = std::env::args().nth(1).map_or(1_000_000, |rows| rows.parse().expect("a number"));
    let policies = [
        ("group", Fsync::Group),
        ("interval", Fsync::Interval(Duration::from_millis(100))),
        ("none", Fsync::None),
    ];
    for (name, fsync) in policies {
        let directory = tempfile::tempdir_in(".").expect("a directory");
        show(&format!("append, {name}"), bench_append(rows, directory.path(), fsync));
        show("read", bench_read(rows, directory.path()));
    }
}

fn show(name: &str, figures: Result<Figures, journal::bench::BenchError>) {
    let figures = figures.expect("the benchmark runs");
    println!(
        "{name:20} {:>12.0} rows/s   p50 {:.3} ms   p99 {:.3} ms",
        figures.rows_per_s(),
        figures.p50_ms,
        figures.p99_ms
    );
}
