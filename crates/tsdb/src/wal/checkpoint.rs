//! Checkpoints: what is still needed of the segments up to one, in a folder that stands for them.
//!
//! The folder is written under another name and renamed when it is on stable storage: a checkpoint that has its name is whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stdx::clock::Clock;
use stdx::fs::Fs;
use stdx::metrics::Registry;

use super::batch::Batch;
use super::dir::{checkpoint_path, checkpoint_tmp_path, checkpoints};
use super::metrics::WalMetrics;
use super::writer::Writer;
use super::{Options, WalError};

/// A checkpoint that is being written. Dropping it leaves an unfinished folder, which the next start removes.
#[derive(Debug)]
pub struct CheckpointWriter {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    index: u64,
    writer: Writer,
    metrics: WalMetrics,
}

impl CheckpointWriter {
    /// Begins the checkpoint of the log in `dir` that is to stand for all its segments up to and including `index`.
    ///
    /// # Errors
    /// [`WalError`].
    pub fn create(
        fs: Arc<dyn Fs>,
        clock: Arc<dyn Clock>,
        dir: &Path,
        index: u64,
        options: Options,
        metrics: &WalMetrics,
    ) -> Result<Self, WalError> {
        metrics.checkpoint_creations.inc();
        let tmp = checkpoint_tmp_path(dir, index);
        let result = remove_tmp(fs.as_ref(), &tmp).and_then(|()| {
            // Its segments are not those of the log: counted nowhere.
            let own = WalMetrics::new(&Registry::default());
            Writer::open(Arc::clone(&fs), clock, &tmp, options, own)
        });
        match result {
            Ok(writer) => {
                Ok(Self { fs, dir: dir.to_owned(), index, writer, metrics: metrics.clone() })
            }
            Err(error) => {
                metrics.checkpoint_creations_failed.inc();
                Err(error)
            }
        }
    }

    /// # Errors
    /// As [`Writer::append`].
    pub fn append(&mut self, batch: &Arc<Batch>) -> Result<(), WalError> {
        let result = self.writer.append(batch);
        if result.is_err() {
            self.metrics.checkpoint_creations_failed.inc();
        }
        result
    }

    /// Makes the checkpoint durable under its name.
    ///
    /// # Errors
    /// [`WalError`]: there is no new checkpoint.
    pub fn finish(mut self) -> Result<(), WalError> {
        let tmp = checkpoint_tmp_path(&self.dir, self.index);
        let result = self.writer.sync().and_then(|()| {
            let io = |error: std::io::Error| WalError::io("finish checkpoint", &error);
            self.fs.sync_dir(&tmp).map_err(io)?;
            self.fs.rename(&tmp, &checkpoint_path(&self.dir, self.index)).map_err(io)?;
            self.fs.sync_dir(&self.dir).map_err(io)
        });
        if result.is_err() {
            self.metrics.checkpoint_creations_failed.inc();
        }
        result
    }
}

fn remove_tmp(fs: &dyn Fs, tmp: &Path) -> Result<(), WalError> {
    let io = |error: std::io::Error| WalError::io("remove unfinished checkpoint", &error);
    if fs.exists(tmp).map_err(io)? { fs.remove_dir_all(tmp).map_err(io) } else { Ok(()) }
}

/// Removes the checkpoints below `index`, when a newer one stands for them.
///
/// # Errors
/// [`WalError::Io`].
pub fn remove_checkpoints_below(
    fs: &dyn Fs,
    dir: &Path,
    index: u64,
    metrics: &WalMetrics,
) -> Result<(), WalError> {
    metrics.checkpoint_deletions.inc();
    let remove = || {
        for old in checkpoints(fs, dir)?.into_iter().filter(|old| *old < index) {
            fs.remove_dir_all(&checkpoint_path(dir, old))?;
        }
        fs.sync_dir(dir)
    };
    remove().map_err(|error| {
        metrics.checkpoint_deletions_failed.inc();
        WalError::io("remove checkpoint", &error)
    })
}
