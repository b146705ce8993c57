//! Few heaps for many threads. glibc gives each thread a heap of its own, up to eight a core, and
//! each keeps what the largest batch needed that its thread ever worked on. How many there may be
//! is read from the environment when a process begins, so kerb begins once more, with that in it.
//!
//! Source: mallopt(3), `M_ARENA_MAX`. Measured, with what else was tried: docs/adr/006.

/// The setting; who sets it himself is obeyed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// Replaces this process by itself with a heap for each core. Returns if that is so already, or
/// cannot be: it is no reason not to run.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn share() {
    use std::os::unix::process::CommandExt;

    if std::env::var_os(ARENAS).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut arguments = std::env::args_os();
    let mut again = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    let error = again.args(arguments).env(ARENAS, cores.to_string()).exec();
    tracing::debug!(%error, "the heap is as the system has it");
}

/// Elsewhere the system's heap does well, or has no such setting.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn share() {}
