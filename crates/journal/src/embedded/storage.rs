//! The few things the embedded journal asks of a file system, so that tests can put one underneath
//! that is full or that fails.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

/// So many flushes are under way at a time at most.
const FLUSHES_MAX: usize = 8;

/// A file system.
pub(crate) trait Storage: Send + Sync + fmt::Debug {
    /// Opens a file that exists.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>>;

    /// Makes an empty file, and the directories above it; what it had before is gone.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>>;

    /// Flushes several files, which may go faster than one after the other.
    fn sync_together(&self, files: &[Arc<dyn StoredFile>]) -> io::Result<()>;

    /// What is in a directory; nothing if there is no such directory.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;

    /// Removes a file; well if there is none.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory with all that is in it; well if there is none.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;

    /// Gives a file or directory another name, in directories that are made if need be; a file of
    /// that name is gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in a directory survive a power cut.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// An open file. Positions are from its start.
pub(crate) trait StoredFile: Send + Sync + fmt::Debug {
    /// Fills `buffer` from `position` on; returns how much of it, less only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `position`.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()>;

    /// Makes what was written survive a power cut.
    fn sync(&self) -> io::Result<()>;

    /// Cuts the file off, or lengthens it with zeros.
    fn set_length(&self, bytes: u64) -> io::Result<()>;

    /// How long it is.
    fn length(&self) -> io::Result<u64>;
}

/// The machine's file system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk;

impl Storage for Disk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut options = OpenOptions::new();
        Ok(Arc::new(options.read(true).write(true).create(true).truncate(true).open(path)?))
    }

    fn sync_together(&self, files: &[Arc<dyn StoredFile>]) -> io::Result<()> {
        // File systems let flushes that come together share what is slow.
        let share = files.len().div_ceil(FLUSHES_MAX).max(1);
        let sync_all = |files: &[Arc<dyn StoredFile>]| files.iter().try_for_each(|f| f.sync());
        let Some((first, rest)) = files.split_at_checked(share) else { return sync_all(files) };
        thread::scope(|scope| {
            let spawn = |files| {
                // Where there are no more threads, this one does it.
                thread::Builder::new()
                    .spawn_scoped(scope, move || sync_all(files))
                    .map_err(|_| files)
            };
            let others: Vec<_> = rest.chunks(share).map(spawn).collect();
            let first = sync_all(first);
            let join = |other: Result<ScopedJoinHandle<'_, _>, _>| match other {
                Ok(other) => other.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(files) => sync_all(files),
            };
            // All must have ended before an error is told.
            others.into_iter().map(join).fold(first, |so_far, other| so_far.and(other))
        })
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut paths =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        or_missing(fs::remove_file(path))
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        or_missing(fs::remove_dir_all(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(from, to)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

fn or_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

impl StoredFile for File {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match FileExt::read_at(self, &mut buffer[done..], position + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.write_all_at(bytes, position)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
