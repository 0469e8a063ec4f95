//! Names in the log's folder: segments `00000007`, checkpoints `checkpoint.00000007`.

use std::io;
use std::path::{Path, PathBuf};

use stdx::fs::Fs;

/// Suffix of a checkpoint that is being written.
const TMP: &str = ".tmp";
const CHECKPOINT: &str = "checkpoint.";

/// The path of segment `index`.
#[must_use]
pub fn segment_path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{index:08}"))
}

/// The folder of the checkpoint that stands for all segments up to and including `index`.
#[must_use]
pub fn checkpoint_path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{CHECKPOINT}{index:08}"))
}

pub(crate) fn checkpoint_tmp_path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{CHECKPOINT}{index:08}{TMP}"))
}

/// A segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentEntry {
    pub index: u64,
    pub len: u64,
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// The segments of `dir` by index; none when the folder is missing.
///
/// # Errors
/// I/O errors.
pub fn segments(fs: &dyn Fs, dir: &Path) -> io::Result<Vec<SegmentEntry>> {
    if !fs.exists(dir)? {
        return Ok(Vec::new());
    }
    let files = fs.list(dir)?.into_iter().filter(|entry| !entry.is_dir);
    let found =
        files.filter_map(|e| number(&e.name).map(|index| SegmentEntry { index, len: e.len }));
    let mut found: Vec<SegmentEntry> = found.collect();
    found.sort_unstable();
    Ok(found)
}

/// Indices of the finished checkpoints of `dir`, increasing.
///
/// # Errors
/// I/O errors.
pub fn checkpoints(fs: &dyn Fs, dir: &Path) -> io::Result<Vec<u64>> {
    if !fs.exists(dir)? {
        return Ok(Vec::new());
    }
    let dirs = fs.list(dir)?.into_iter().filter(|entry| entry.is_dir);
    let mut found: Vec<u64> =
        dirs.filter_map(|e| e.name.strip_prefix(CHECKPOINT).and_then(number)).collect();
    found.sort_unstable();
    Ok(found)
}

/// Removes what a crash left of unfinished checkpoints and repairs.
///
/// # Errors
/// I/O errors.
pub fn remove_leftovers(fs: &dyn Fs, dir: &Path) -> io::Result<()> {
    if !fs.exists(dir)? {
        return Ok(());
    }
    for entry in fs.list(dir)? {
        let path = dir.join(&entry.name);
        if entry.is_dir && entry.name.starts_with(CHECKPOINT) && entry.name.ends_with(TMP) {
            fs.remove_dir_all(&path)?;
        } else if !entry.is_dir && entry.name.strip_suffix(REPAIR).and_then(number).is_some() {
            fs.remove_file(&path)?;
        }
    }
    Ok(())
}

/// Suffix of a segment that is being written anew without its damage.
pub(crate) const REPAIR: &str = ".repair";

pub(crate) fn repair_path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{index:08}{REPAIR}"))
}
