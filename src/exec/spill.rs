//! Spill files: one folder per process below the spill directory, one file per chunk.
//!
//! The folder `dusk-spill-<pid>-<random>` holds a lock file that its process keeps locked; a folder whose lock is free
//! was left behind by a process that died, and is removed by the next that spills there. A folder gets its name only
//! once its lock is held, so nobody takes it for stale. A forked child makes its own folder and leaves its parent's alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::chunk::Chunk;
use crate::chunk::codec::{self, Shell};
use crate::error::{Error, Kind, Result};
use crate::process::PerProcess;
use crate::sync::Mutex;

const PREFIX: &str = "dusk-spill-";
/// Folders that are being made; they take the prefix above when their lock is held.
const UNBORN: &str = ".dusk-spill-";
const LOCK: &str = "lock";
/// After this time a folder that was never finished belongs to nobody.
const UNBORN_FOR: Duration = Duration::from_hours(1);

static FOLDERS: PerProcess<Mutex<Vec<Arc<Folder>>>> = PerProcess::new();

/// A chunk's file; dropping it removes the file.
#[derive(Debug)]
pub struct SpillFile {
    path: PathBuf,
    size: u64,
    pid: u32,
    shell: Shell,
}

impl SpillFile {
    /// Writes `chunk` to a new file in this process's folder below `directory`.
    ///
    /// # Errors
    /// [`Kind::Os`] when the file can't be written (a full disk): nothing of it stays. Else what the chunk's host object
    /// says that can't be serialised.
    pub fn write(chunk: &Chunk, directory: &Path) -> Result<Self> {
        let folder = folder(directory)?;
        let path = folder.new_path();
        match Self::write_to(chunk, &path) {
            // Somebody has tidied the directory up: make the folder anew, once.
            Err(error) if error.errno() == Some(libc::ENOENT) => {
                FOLDERS.get().lock().retain(|known| !Arc::ptr_eq(known, &folder));
                drop(folder);
                let folder = self::folder(directory)?;
                Self::write_to(chunk, &folder.new_path())
            }
            result => result,
        }
    }

    fn write_to(chunk: &Chunk, path: &Path) -> Result<Self> {
        let shell = Shell::of(chunk);
        let size = write_or_remove(path, |file| {
            let mut out = BufWriter::with_capacity(1 << 18, file);
            codec::write(chunk, &mut out, COMPRESS, path)
        })
        .map_err(|error| full(error, path))?;
        Ok(Self {
            path: path.to_path_buf(),
            size,
            pid: std::process::id(),
            shell,
        })
    }

    /// Reads the chunk back; the file stays.
    ///
    /// # Errors
    /// [`Kind::Os`] when the file can't be read, and what the loader of a host object says.
    pub fn load(&self) -> Result<Chunk> {
        let file = File::open(&self.path).map_err(|error| Error::os(&self.path, &error))?;
        let mut input = BufReader::with_capacity(1 << 16, file);
        codec::read(&self.shell, &mut input, self.size, &self.path)
            .map_err(|error| error.note("while reading a spilled chunk back"))
    }

    /// The size of the file.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size as usize
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        if self.pid == std::process::id() {
            // It may be gone with its folder; nothing is lost then.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// LZ4: measured, writing and reading back takes about the time that it takes without, for files half the size and less;
/// the page cache that files fill counts against the limit of a control group.
const COMPRESS: bool = true;

/// Makes the file and fills it; after a failure no file stays. Gives its size.
fn write_or_remove(path: &Path, fill: impl FnOnce(&File) -> Result<()>) -> Result<u64> {
    let os = |error: io::Error| Error::os(path, &error);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(os)?;
    let done = fill(&file).and_then(|()| file.metadata().map_err(os));
    match done {
        Ok(meta) => Ok(meta.len()),
        Err(error) => {
            drop(file);
            let _ = fs::remove_file(path);
            Err(error)
        }
    }
}

/// Says what to do about a file that can't be written.
fn full(error: Error, path: &Path) -> Error {
    if error.kind() != Kind::Os {
        return error;
    }
    let folder = path.parent().unwrap_or(path).display();
    error.note(format!(
        "while spilling a chunk to {folder}: make room there, or name another folder in the setting temporary-directory"
    ))
}

/// This process's folder below `directory`, made on first use; stale ones of others are removed then.
fn folder(directory: &Path) -> Result<Arc<Folder>> {
    let mut folders = FOLDERS.get().lock();
    if let Some(folder) = folders.iter().find(|folder| folder.below == directory) {
        return Ok(folder.clone());
    }
    fs::create_dir_all(directory).map_err(|error| unusable(directory, &error))?;
    remove_stale_folders(directory);
    let folder = Arc::new(Folder::new(directory).map_err(|error| unusable(directory, &error))?);
    folders.push(folder.clone());
    Ok(folder)
}

fn unusable(directory: &Path, error: &io::Error) -> Error {
    Error::os(directory, error)
        .note("while making the folder for spilled chunks (the setting temporary-directory says where)")
}

/// Removes the folders of this process. Runs afterwards make new ones.
pub fn remove_spill_folder() {
    FOLDERS.get().lock().clear();
}

/// Removes the folders below `directory` whose process has died; errors leave a folder for the next time.
pub fn remove_stale_folders(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let path = entry.path();
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if name.starts_with(PREFIX) {
            match File::open(path.join(LOCK)) {
                Ok(lock) => {
                    if lock.try_lock().is_ok() {
                        let _ = fs::remove_dir_all(&path);
                    }
                }
                // The lock goes last when a folder is removed, or first when something else tidies up.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let _ = fs::remove_dir_all(&path);
                }
                Err(_) => {}
            }
        } else if name.starts_with(UNBORN) {
            let old = entry
                .metadata()
                .and_then(|meta| meta.modified())
                .is_ok_and(|time| {
                    SystemTime::now()
                        .duration_since(time)
                        .is_ok_and(|age| age > UNBORN_FOR)
                });
            if old {
                let _ = fs::remove_dir_all(&path);
            }
        }
    }
}

#[derive(Debug)]
struct Folder {
    below: PathBuf,
    path: PathBuf,
    pid: u32,
    files: AtomicU64,
    /// Locked as long as it is open.
    _lock: File,
}

impl Folder {
    fn new(below: &Path) -> io::Result<Self> {
        let pid = std::process::id();
        let prefix = format!("{UNBORN}{pid}-");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix);
        // Chunks are the user's data: nobody else may read them.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let unborn = builder.tempdir_in(below)?;
        let lock = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(unborn.path().join(LOCK))?;
        match lock.try_lock() {
            // A file system without locks: the folder is never taken for stale there either.
            Ok(()) => {}
            Err(fs::TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(fs::TryLockError::Error(error)) => return Err(error),
            Err(fs::TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        }
        let name = unborn.path().file_name().and_then(|name| name.to_str());
        let name = name.and_then(|name| name.strip_prefix('.')).unwrap_or_default();
        let path = below.join(name);
        fs::rename(unborn.path(), &path)?;
        // It has another name now; there is nothing to remove under the old one.
        let _ = unborn.keep();
        Ok(Self {
            below: below.to_path_buf(),
            path,
            pid,
            files: AtomicU64::new(0),
            _lock: lock,
        })
    }

    fn new_path(&self) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!("chunk-{number}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.pid == std::process::id() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
#[path = "spill_test.rs"]
mod tests;
