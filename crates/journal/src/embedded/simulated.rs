//! A disk for tests, in memory, whose every operation can be made to fail, and that forgets - as a
//! real one does when the power goes - some of what was not flushed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::storage::{Storage, StoredFile};

/// When operations that change something fail, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Failure {
    Never,
    /// This one only; the process lives on.
    Once(u64),
    /// From this one on: the process is dead.
    From(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct SimulatedDisk {
    names: Arc<Mutex<Names>>,
    pulse: Arc<Mutex<Pulse>>,
}

/// Counts operations.
#[derive(Debug)]
struct Pulse {
    operations: u64,
    failure: Failure,
}

#[derive(Debug, Default)]
struct Names {
    now: BTreeMap<PathBuf, Arc<SimulatedFile>>,
    durable: BTreeMap<PathBuf, Arc<SimulatedFile>>,
    /// Changes of names since their directory was flushed: what the name stands for then.
    pending: Vec<(PathBuf, Option<Arc<SimulatedFile>>)>,
}

#[derive(Debug)]
struct SimulatedFile {
    content: Mutex<Content>,
    pulse: Arc<Mutex<Pulse>>,
}

#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Edit>,
}

#[derive(Clone, Debug)]
enum Edit {
    Write(u64, Vec<u8>),
    Length(u64),
}

impl SimulatedDisk {
    pub(crate) fn new(failure: Failure) -> Self {
        Self {
            names: Arc::default(),
            pulse: Arc::new(Mutex::new(Pulse { operations: 0, failure })),
        }
    }

    /// Sets another failure, counted from now.
    pub(crate) fn fail(&self, failure: Failure) {
        *self.pulse.lock() = Pulse { operations: 0, failure };
    }

    pub(crate) fn operations(&self) -> u64 {
        self.pulse.lock().operations
    }

    /// The disk as the next process finds it.
    pub(crate) fn after_kill(&self) -> Self {
        self.next_life(|names| names.now.clone(), |content| content.now.clone())
    }

    /// The disk as it is when the power comes back. Of what was not flushed, `chance` (a number
    /// below its argument) decides what is there.
    pub(crate) fn after_power_cut(&self, chance: &mut dyn FnMut(usize) -> usize) -> Self {
        let chance = Mutex::new(chance);
        let names = |names: &Names| {
            let mut survived = names.durable.clone();
            for (path, file) in &names.pending {
                if chance.lock()(2) == 0 {
                    set(&mut survived, path, file.clone());
                }
            }
            survived
        };
        let content = |content: &Content| {
            let mut bytes = content.durable.clone();
            for edit in &content.pending {
                let mut chance = chance.lock();
                match (chance(3), edit) {
                    (0, _) => {}
                    (1, Edit::Write(at, data)) => {
                        // A torn write.
                        let torn = data[..chance(data.len() + 1)].to_vec();
                        Edit::Write(*at, torn).apply(&mut bytes);
                    }
                    _ => edit.apply(&mut bytes),
                }
            }
            bytes
        };
        self.next_life(names, content)
    }

    fn next_life(
        &self,
        names: impl Fn(&Names) -> BTreeMap<PathBuf, Arc<SimulatedFile>>,
        content: impl Fn(&Content) -> Vec<u8>,
    ) -> Self {
        let next = Self::new(Failure::Never);
        let files = names(&self.names.lock()).into_iter().map(|(path, file)| {
            let now = content(&file.content.lock());
            let content = Content { durable: now.clone(), now, pending: Vec::new() };
            let pulse = next.pulse.clone();
            (path, Arc::new(SimulatedFile { content: Mutex::new(content), pulse }))
        });
        let now: BTreeMap<_, _> = files.collect();
        let durable = now.clone();
        *next.names.lock() = Names { now, durable, pending: Vec::new() };
        next
    }

    fn rename_all(&self, changes: Vec<(PathBuf, Option<Arc<SimulatedFile>>)>) {
        let mut names = self.names.lock();
        for (path, file) in changes {
            set(&mut names.now, &path, file.clone());
            names.pending.push((path, file));
        }
    }
}

impl Pulse {
    /// One more operation that changes something.
    fn beat(&mut self) -> io::Result<()> {
        let now = self.operations;
        self.operations += 1;
        match self.failure {
            Failure::Once(at) if at == now => Err(io::Error::other("simulated failure")),
            Failure::From(at) if at <= now => Err(io::Error::other("the process is dead")),
            _ => Ok(()),
        }
    }
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Edit::Write(at, data) => {
                let end = *at as usize + data.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*at as usize..end].copy_from_slice(data);
            }
            Edit::Length(length) => bytes.resize(*length as usize, 0),
        }
    }
}

fn set(
    names: &mut BTreeMap<PathBuf, Arc<SimulatedFile>>,
    path: &Path,
    file: Option<Arc<SimulatedFile>>,
) {
    match file {
        Some(file) => names.insert(path.to_owned(), file),
        None => names.remove(path),
    };
}

impl Storage for SimulatedDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        let file = self.names.lock().now.get(path).cloned();
        Ok(file.ok_or(io::ErrorKind::NotFound)?)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn StoredFile>> {
        self.pulse.lock().beat()?;
        let file = Arc::new(SimulatedFile { content: Mutex::default(), pulse: self.pulse.clone() });
        self.rename_all(vec![(path.to_owned(), Some(file.clone()))]);
        Ok(file)
    }

    fn sync_together(&self, files: &[Arc<dyn StoredFile>]) -> io::Result<()> {
        // One after the other, but no one may count on the order.
        match self.operations() % 2 {
            0 => files.iter().try_for_each(|file| file.sync()),
            _ => files.iter().rev().try_for_each(|file| file.sync()),
        }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let names = self.names.lock();
        let below = names.now.keys().filter_map(|path| path.strip_prefix(directory).ok());
        let mut paths: Vec<_> =
            below.filter_map(|path| Some(directory.join(path.components().next()?))).collect();
        paths.dedup();
        Ok(paths)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.pulse.lock().beat()?;
        self.rename_all(vec![(path.to_owned(), None)]);
        Ok(())
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.pulse.lock().beat()?;
        let names = self.names.lock().now.keys().cloned().collect::<Vec<_>>();
        let below = names.into_iter().filter(|name| name.starts_with(path));
        self.rename_all(below.map(|name| (name, None)).collect());
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.pulse.lock().beat()?;
        let names = self.names.lock().now.clone();
        let below = names.iter().filter(|(path, _)| path.starts_with(from));
        let changes = below.flat_map(|(path, file)| {
            let rest = path.strip_prefix(from).into_iter().flat_map(Path::components);
            let renamed = to.components().chain(rest).collect();
            [(path.clone(), None), (renamed, Some(file.clone()))]
        });
        self.rename_all(changes.collect());
        Ok(())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.pulse.lock().beat()?;
        let mut names = self.names.lock();
        let (synced, pending) = std::mem::take(&mut names.pending)
            .into_iter()
            .partition(|(path, _)| path.parent() == Some(directory));
        names.pending = pending;
        let synced: Vec<_> = synced;
        synced.into_iter().for_each(|(path, file)| set(&mut names.durable, &path, file));
        Ok(())
    }
}

impl StoredFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let content = self.content.lock();
        let there = content.now.get(position as usize..).unwrap_or_default();
        let read = there.len().min(buffer.len());
        buffer[..read].copy_from_slice(&there[..read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let beat = self.pulse.lock().beat();
        // A disk that is full has still taken the first bytes.
        let taken = if beat.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        self.edit(Edit::Write(position, taken.to_vec()));
        beat
    }

    fn sync(&self) -> io::Result<()> {
        self.pulse.lock().beat()?;
        let mut content = self.content.lock();
        content.durable = content.now.clone();
        content.pending.clear();
        Ok(())
    }

    fn set_length(&self, bytes: u64) -> io::Result<()> {
        self.pulse.lock().beat()?;
        self.edit(Edit::Length(bytes));
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.content.lock().now.len() as u64)
    }
}

impl SimulatedFile {
    fn edit(&self, edit: Edit) {
        let mut content = self.content.lock();
        edit.apply(&mut content.now);
        content.pending.push(edit);
    }
}
