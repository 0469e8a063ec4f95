//! The one door to the disk. [`real::RealFs`] is the machine's; [`sim::SimFs`] loses, tears and refuses on purpose.
//!
//! Everything that must survive goes through here, so that each durable step (fsync of a file, fsync of a folder,
//! rename) can fail in a test. An fsync error means that the file's unsynced bytes are in doubt for ever: callers
//! never retry [`File::sync`] on the same file.

pub mod real;
pub mod sim;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open file. Positions are absolute; there is no cursor.
pub trait File: Send + Sync + std::fmt::Debug {
    /// Writes all of `bytes` at the end. After an error any prefix may have been written: see [`File::truncate`].
    ///
    /// # Errors
    /// What the disk says (full, I/O error).
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`, extending the file when needed.
    ///
    /// # Errors
    /// As [`File::append`].
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Reads up to `buf.len()` bytes; fewer only at the end of the file.
    ///
    /// # Errors
    /// I/O errors.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;
    /// Cuts or extends (with zeros) to `len` bytes.
    ///
    /// # Errors
    /// I/O errors.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Length in bytes.
    ///
    /// # Errors
    /// I/O errors.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no bytes.
    ///
    /// # Errors
    /// I/O errors.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Returns when content and size are on stable storage (`fdatasync`). Not to be retried after an error.
    ///
    /// # Errors
    /// I/O errors.
    fn sync(&self) -> io::Result<()>;
}

/// What a name in a folder stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    pub name: String,
    pub is_dir: bool,
    /// Bytes; 0 for a folder.
    pub len: u64,
}

/// A lock on a path, released on drop.
pub trait Lock: Send + Sync + std::fmt::Debug {}

/// How [`Fs::open`] opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing.
    Write,
    /// A new file for reading and writing; an error when the name is taken.
    CreateNew,
    /// A file for reading and writing, made when missing; content is kept.
    OpenOrCreate,
}

/// A file system. Names become durable only by [`Fs::sync_dir`] on their folder.
pub trait Fs: Send + Sync + std::fmt::Debug {
    /// # Errors
    /// Not found, exists, I/O.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>>;
    /// Makes `path` and its missing parents.
    ///
    /// # Errors
    /// I/O errors.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// The entries of a folder, sorted by name.
    ///
    /// # Errors
    /// Not found, I/O.
    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>>;
    /// Atomic within the folder tree, durable only after [`Fs::sync_dir`] of both folders.
    ///
    /// # Errors
    /// I/O errors.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// # Errors
    /// Not found, I/O.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder and all in it.
    ///
    /// # Errors
    /// Not found, I/O.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in `path` durable.
    ///
    /// # Errors
    /// I/O errors.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// # Errors
    /// I/O errors (a missing path is `Ok(false)`).
    fn exists(&self, path: &Path) -> io::Result<bool>;
    /// Free bytes on the disk that holds `path`.
    ///
    /// # Errors
    /// I/O errors.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
    /// Takes an exclusive lock on `path` (made when missing) as Prometheus does on its `lock` file; does not wait.
    ///
    /// # Errors
    /// `WouldBlock` when somebody holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
}

/// Reads a whole file of at most `bytes_max` bytes.
///
/// # Errors
/// `InvalidData` naming both sizes when it is larger; I/O errors.
pub fn read_all(fs: &dyn Fs, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = fs.open(path, OpenMode::Read)?;
    let len = file.len()?;
    if len > bytes_max {
        let text = format!("{}: {len} bytes, at most {bytes_max} allowed", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut buf = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    let n = file.read_at(0, &mut buf)?;
    buf.truncate(n);
    Ok(buf)
}

/// Makes `dir` and its missing parents, durably. What was there already is synced two levels up: its maker may have crashed.
///
/// # Errors
/// I/O errors.
pub fn create_dir_durable(fs: &dyn Fs, dir: &Path) -> io::Result<()> {
    let mut to_sync: Vec<&Path> = dir.ancestors().skip(1).take(2).collect();
    for one in dir.ancestors().take_while(|one| !one.as_os_str().is_empty()) {
        if fs.exists(one)? {
            break;
        }
        to_sync.extend(one.parent());
    }
    fs.create_dir_all(dir)?;
    for one in to_sync {
        fs.sync_dir(if one.as_os_str().is_empty() { Path::new(".") } else { one })?;
    }
    Ok(())
}

/// Replaces `path` by `bytes`, durably: a crash leaves the old content or the new, never a mixture.
///
/// # Errors
/// I/O errors; the old content stands then.
pub fn write_atomic(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut tmp = path.as_os_str().to_owned();
    tmp.push(".tmp");
    let tmp = PathBuf::from(tmp);
    if fs.exists(&tmp)? {
        fs.remove_file(&tmp)?;
    }
    let file = fs.open(&tmp, OpenMode::CreateNew)?;
    file.append(bytes)?;
    file.sync()?;
    fs.rename(&tmp, path)?;
    if let Some(dir) = path.parent() {
        fs.sync_dir(dir)?;
    }
    Ok(())
}
