//! What a process costs, as the system counts it; and quantiles.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Ticks a second of `/proc/self/stat`: fixed by Linux's interface to user space.
const TICKS_PER_S: f64 = 100.0;

/// CPU seconds of this process so far, all threads; `None` where the system does not say.
pub(crate) fn cpu_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_S)
}

/// The most memory this process ever had resident since [`reset_peak_rss`], in bytes.
pub(crate) fn peak_rss_bytes() -> Option<u64> {
    memory_of("/proc/self/status", "VmHWM:")
}

/// The memory another process has resident now, in bytes.
pub(crate) fn rss_bytes_of(process: u32) -> Option<u64> {
    memory_of(&format!("/proc/{process}/status"), "VmRSS:")
}

fn memory_of(status: &str, field: &str) -> Option<u64> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find(|l| l.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kb| kb * 1024)
}

/// Forgets the peak so far.
pub(crate) fn reset_peak_rss() {
    // Where it cannot be forgotten, the figure is too high and never too low.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The time below which a share of `times` lies, in milliseconds. Sorts them.
pub(crate) fn quantile_ms(times: &mut [Duration], share: f64) -> Option<f64> {
    times.sort_unstable();
    let at = ((times.len() as f64 * share) as usize).min(times.len().checked_sub(1)?);
    Some(times[at].as_secs_f64() * 1e3)
}

/// A directory of the benchmark's own, removed at its end.
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// A new, empty one.
    pub(crate) fn new(name: &str) -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("kerb-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left behind lies where temporary things are cleared away.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
