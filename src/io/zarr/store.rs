//! Where the bytes of an array lie: objects under keys, as Zarr has them.
//!
//! A [`ByteStore`] reads and writes whole objects or ranges of them; [`LocalStore`] is a folder. Other stores are made by
//! `py` of Python mappings. Invariant: `set` replaces an object as a whole; who reads meanwhile, or after a crash, finds
//! the old bytes or the new ones.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::io::zarr::dest::Window;

/// Which bytes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// All of them.
    All,
    /// `len` bytes from `start` on.
    From {
        /// Where it begins.
        start: u64,
        /// How many.
        len: usize,
    },
    /// The last ones.
    Last(usize),
}

/// Objects under keys such as `a/b/zarr.json` or `c/0/1`.
pub trait ByteStore: Debug + Send + Sync {
    /// How to name an object to the user: a path or a URL.
    fn describe(&self, key: &str) -> String;

    /// What the store's content is told from others' by.
    fn identity(&self) -> String;

    /// Whether it is a folder of this machine.
    fn is_local(&self) -> bool {
        false
    }

    /// Puts the bytes of an object into `into`, in place of what it holds; fewer when the object ends before the span
    /// does. Tells whether there is such an object.
    ///
    /// # Errors
    /// When it can't be read.
    fn get(&self, key: &str, span: Span, into: &mut Vec<u8>) -> Result<bool>;

    /// Puts the bytes of an object from `start` on into `into`, as many as it takes. Gives the size of the object, if there
    /// is one.
    ///
    /// # Errors
    /// When it can't be read.
    fn get_part(&self, key: &str, start: u64, into: &mut Window) -> Result<Option<u64>> {
        let mut object = Vec::new();
        if !self.get(key, Span::All, &mut object)? {
            return Ok(None);
        }
        let size = object.len();
        let start = usize::try_from(start).map_or(size, |start| start.min(size));
        into.put(&object[start..size.min(start + into.len())]);
        Ok(Some(size as u64))
    }

    /// Writes an object, in place of what was there.
    ///
    /// # Errors
    /// When it can't be written; then what was there is still there.
    fn set(&self, key: &str, bytes: &[u8]) -> Result<()>;

    /// Removes an object, if it is there.
    ///
    /// # Errors
    /// When it can't be removed.
    fn erase(&self, key: &str) -> Result<()>;

    /// Removes all objects whose keys begin with `prefix` and a slash; all objects when it is empty.
    ///
    /// # Errors
    /// When one can't be removed.
    fn erase_prefix(&self, prefix: &str) -> Result<()>;

    /// The keys that begin with `prefix` and a slash, in any order; all when it is empty.
    ///
    /// # Errors
    /// When the store can't be listed.
    fn list(&self, prefix: &str) -> Result<Vec<String>>;

    /// Something that changes when an object is written, where that costs little to know.
    fn stamp(&self, _key: &str) -> Option<u128> {
        None
    }
}

/// A folder of a local disk.
#[derive(Clone, Debug)]
pub struct LocalStore {
    root: PathBuf,
}

impl LocalStore {
    /// The store in `root`, which need not exist.
    #[must_use]
    pub fn new(root: impl AsRef<Path>) -> Self {
        let root = root.as_ref();
        Self {
            root: std::path::absolute(root).unwrap_or_else(|_| root.to_path_buf()),
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        if key.is_empty() {
            self.root.clone()
        } else {
            self.root.join(key)
        }
    }
}

/// A file that is removed again unless it is put in its place.
struct Draft<'a> {
    path: PathBuf,
    keep: &'a Path,
    done: bool,
}

impl Draft<'_> {
    fn write(mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::options().write(true).create_new(true).open(&self.path)?;
        file.write_all(bytes)?;
        drop(file);
        fs::rename(&self.path, self.keep)?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.done {
            // The failure that led here is the one to report.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether it means that there is no such object.
fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

impl ByteStore for LocalStore {
    fn describe(&self, key: &str) -> String {
        self.path(key).display().to_string()
    }

    fn identity(&self) -> String {
        format!("file://{}", self.root.display())
    }

    fn is_local(&self) -> bool {
        true
    }

    fn get(&self, key: &str, span: Span, into: &mut Vec<u8>) -> Result<bool> {
        let path = self.path(key);
        into.clear();
        let mut read = || {
            let mut file = File::open(&path)?;
            let size = file.metadata()?.len();
            let (start, len) = match span {
                Span::All => (0, size),
                Span::From { start, len } => (start, len as u64),
                Span::Last(len) => (size.saturating_sub(len as u64), len as u64),
            };
            if start > 0 {
                file.seek(SeekFrom::Start(start))?;
            }
            // One byte more than is expected, so that the end is seen without growing.
            into.reserve_exact(len.min(size.saturating_sub(start)) as usize + 1);
            match span {
                Span::All => file.read_to_end(into),
                _ => file.take(len).read_to_end(into),
            }
        };
        match read() {
            Ok(_) => Ok(true),
            Err(error) if absent(&error) => Ok(false),
            Err(error) => Err(Error::os(&path, &error)),
        }
    }

    fn get_part(&self, key: &str, start: u64, into: &mut Window) -> Result<Option<u64>> {
        let path = self.path(key);
        let mut read = || {
            let mut file = File::open(&path)?;
            let size = file.metadata()?.len();
            if start > 0 {
                file.seek(SeekFrom::Start(start))?;
            }
            into.read_from(&mut file)?;
            Ok(size)
        };
        match read() {
            Ok(size) => Ok(Some(size)),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(Error::os(&path, &error)),
        }
    }

    fn set(&self, key: &str, bytes: &[u8]) -> Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let path = self.path(key);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let draft = format!(
            ".{}.{}-{number}.partial",
            name.unwrap_or_default(),
            std::process::id()
        );
        let write = || {
            Draft {
                path: path.with_file_name(&draft),
                keep: &path,
                done: false,
            }
            .write(bytes)
        };
        let mut outcome = write();
        if outcome.as_ref().is_err_and(absent)
            && let Some(folder) = path.parent()
        {
            outcome = fs::create_dir_all(folder).and_then(|()| write());
        }
        outcome.map_err(|error| Error::os(&path, &error))
    }

    fn erase(&self, key: &str) -> Result<()> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Err(error) if !absent(&error) => Err(Error::os(&path, &error)),
            _ => Ok(()),
        }
    }

    fn erase_prefix(&self, prefix: &str) -> Result<()> {
        let path = self.path(prefix);
        let outcome = if prefix.is_empty() {
            // The folder itself may be a mount point or somebody's working directory.
            fs::read_dir(&path).and_then(|entries| {
                for entry in entries {
                    let entry = entry?;
                    if entry.file_type()?.is_dir() {
                        fs::remove_dir_all(entry.path())?;
                    } else {
                        fs::remove_file(entry.path())?;
                    }
                }
                Ok(())
            })
        } else {
            fs::remove_dir_all(&path)
        };
        match outcome {
            Err(error) if !absent(&error) => Err(Error::os(&path, &error)),
            _ => Ok(()),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        let mut folders = vec![prefix.to_string()];
        while let Some(folder) = folders.pop() {
            let path = self.path(&folder);
            let entries = match fs::read_dir(&path) {
                Err(error) if absent(&error) => continue,
                other => other.map_err(|error| Error::os(&path, &error))?,
            };
            for entry in entries {
                let entry = entry.map_err(|error| Error::os(&path, &error))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let key = if folder.is_empty() {
                    name
                } else {
                    format!("{folder}/{name}")
                };
                if entry.path().is_dir() {
                    folders.push(key);
                } else {
                    keys.push(key);
                }
            }
        }
        Ok(keys)
    }

    fn stamp(&self, key: &str) -> Option<u128> {
        let modified = fs::metadata(self.path(key)).ok()?.modified().ok()?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(since.as_nanos())
    }
}

/// A node's path in a store, without slashes at its ends.
///
/// # Errors
/// When it leads out of the store.
pub fn node_path(path: &str) -> Result<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.iter().any(|part| matches!(*part, "." | "..")) {
        return Err(Error::value(format!(
            "a Zarr node's path can't have the parts . and ..: {path:?}"
        )));
    }
    Ok(parts.join("/"))
}

/// The key of `name` below `node`.
#[must_use]
pub fn join(node: &str, name: &str) -> String {
    if node.is_empty() {
        name.to_string()
    } else {
        format!("{node}/{name}")
    }
}
