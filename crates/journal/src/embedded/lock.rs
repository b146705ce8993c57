//! One process at a time: the lock on a data directory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::path::Path;

use super::layout;
use crate::error::OpenError;

/// A lock that is held until it is dropped, or until the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// Takes the lock of `directory`, which is made if it is not there.
    pub(crate) fn take(directory: &Path) -> Result<Self, OpenError> {
        let not_writable = |source| OpenError::NotWritable { path: directory.to_owned(), source };
        // Who watches which car park is nobody else's business.
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(layout::meta(directory)).map_err(not_writable)?;
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(layout::lock(directory)).map_err(not_writable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked(directory.to_owned())),
            Err(TryLockError::Error(source)) => Err(not_writable(source)),
        }
    }

    /// No lock: for journals on a simulated disk.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self { _file: None }
    }
}
