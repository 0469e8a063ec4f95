//! The log's writing end, without a thread: appends batches to the newest segment and makes them durable.
//!
//! Invariant: behind the last whole batch of a segment nothing is left. A failed or short write is cut away at once. A
//! segment whose fsync failed is never synced again: what it had not synced goes to a new segment, from memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stdx::clock::Clock;
use stdx::fs::{File, Fs, OpenMode};

use super::batch::Batch;
use super::compress::Compressor;
use super::dir::{segment_path, segments};
use super::frame::{Compression, PAGE_BYTES, RECORD_BYTES_MAX, put_record};
use super::metrics::WalMetrics;
use super::{Options, WalError};

#[derive(Debug)]
struct Segment {
    index: u64,
    file: Arc<dyn File>,
    /// Bytes of whole batches.
    len: u64,
    /// Bytes known to be on stable storage.
    synced: u64,
}

/// The writing end. Not to be shared: see [`super::Wal`].
#[derive(Debug)]
pub struct Writer {
    fs: Arc<dyn Fs>,
    clock: Arc<dyn Clock>,
    dir: PathBuf,
    options: Options,
    metrics: WalMetrics,
    segment: Segment,
    /// What the segment holds beyond `synced`.
    unsynced: Vec<Arc<Batch>>,
    compressor: Compressor,
    stopped: Option<WalError>,
}

impl Writer {
    /// Opens a new segment behind those that `dir` has; they are not written again.
    ///
    /// # Errors
    /// [`WalError`]: bad options, I/O.
    pub fn open(
        fs: Arc<dyn Fs>,
        clock: Arc<dyn Clock>,
        dir: &Path,
        options: Options,
        metrics: WalMetrics,
    ) -> Result<Self, WalError> {
        if options.segment_bytes == 0 || !options.segment_bytes.is_multiple_of(PAGE_BYTES as u64) {
            return Err(WalError::SegmentBytes(options.segment_bytes));
        }
        fs.create_dir_all(dir).map_err(|error| WalError::io("create folder", &error))?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs.sync_dir(parent).map_err(|error| WalError::io("sync folder", &error))?;
        }
        let found = segments(fs.as_ref(), dir).map_err(|error| WalError::io("list", &error))?;
        let index = found.last().map_or(0, |last| last.index + 1);
        let segment = create(fs.as_ref(), dir, index)?;
        fs.sync_dir(dir).map_err(|error| WalError::io("sync folder", &error))?;
        metrics.segment_current.set(stdx::metrics::float(index));
        let bytes: u64 = found.iter().map(|one| one.len).sum();
        metrics.storage_bytes.set(stdx::metrics::float(bytes));
        let compressor = Compressor::new(options.compression);
        let unsynced = Vec::new();
        let dir = dir.to_owned();
        Ok(Self { fs, clock, dir, options, metrics, segment, unsynced, compressor, stopped: None })
    }

    /// Index of the segment that is written to.
    #[must_use]
    pub fn segment_index(&self) -> u64 {
        self.segment.index
    }

    /// Whether something is written that is not known to be on stable storage.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.segment.synced < self.segment.len
    }

    /// Writes a batch, wholly or not at all, into one segment.
    ///
    /// # Errors
    /// [`WalError::Io`]: nothing of it is in the log, and it may be tried again. [`WalError::Stopped`]: never again.
    pub fn append(&mut self, batch: &Arc<Batch>) -> Result<(), WalError> {
        self.check()?;
        if batch.is_empty() {
            return Ok(());
        }
        let mut bytes = self.frame(self.segment.len, std::slice::from_ref(batch))?;
        if self.segment.len + bytes.len() as u64 > self.options.segment_bytes
            && self.segment.len > 0
        {
            self.cut()?;
            bytes = self.frame(self.segment.len, std::slice::from_ref(batch))?;
        }
        self.write(&bytes)?;
        self.unsynced.push(Arc::clone(batch));
        Ok(())
    }

    /// Makes all that was appended durable.
    ///
    /// # Errors
    /// [`WalError::Stopped`]: writing has come to its end.
    pub fn sync(&mut self) -> Result<(), WalError> {
        self.check()?;
        if !self.is_dirty() {
            return Ok(());
        }
        if let Err(error) = self.sync_file() {
            self.metrics.fsync_failures.inc();
            return self.move_on(&error);
        }
        self.segment.synced = self.segment.len;
        self.unsynced.clear();
        Ok(())
    }

    /// Goes on in a new segment and returns its index. The one before is durable then.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn cut(&mut self) -> Result<u64, WalError> {
        self.sync()?;
        let next = create(self.fs.as_ref(), &self.dir, self.segment.index + 1)?;
        if let Err(error) = self.fs.sync_dir(&self.dir) {
            // The new name is in doubt, and a segment behind it would leave a gap.
            return Err(self.stop(&WalError::io("sync folder", &error)));
        }
        self.enter(next);
        Ok(self.segment.index)
    }

    /// Removes the segments below `index`.
    ///
    /// # Errors
    /// [`WalError::Io`].
    pub fn truncate(&mut self, index: u64) -> Result<(), WalError> {
        self.metrics.truncations.inc();
        let result = self.remove_below(index.min(self.segment.index));
        if result.is_err() {
            self.metrics.truncations_failed.inc();
        }
        result
    }

    fn remove_below(&self, index: u64) -> Result<(), WalError> {
        let io = |error: std::io::Error| WalError::io("remove segment", &error);
        let found = segments(self.fs.as_ref(), &self.dir).map_err(io)?;
        for old in found.iter().filter(|one| one.index < index) {
            self.fs.remove_file(&segment_path(&self.dir, old.index)).map_err(io)?;
            self.metrics.storage_bytes.add(-stdx::metrics::float(old.len));
        }
        self.fs.sync_dir(&self.dir).map_err(io)
    }

    fn check(&self) -> Result<(), WalError> {
        self.stopped.clone().map_or(Ok(()), Err)
    }

    fn stop(&mut self, why: &WalError) -> WalError {
        let stopped = WalError::Stopped(why.to_string());
        self.stopped = Some(stopped.clone());
        stopped
    }

    fn enter(&mut self, segment: Segment) {
        self.metrics.segment_current.set(stdx::metrics::float(segment.index));
        self.segment = segment;
    }

    /// The bytes of `batches` from `offset` of a segment on.
    fn frame(&mut self, offset: u64, batches: &[Arc<Batch>]) -> Result<Vec<u8>, WalError> {
        let mut out = Vec::new();
        let mut at = offset;
        for record in batches.iter().flat_map(|batch| batch.records()) {
            if record.len() > RECORD_BYTES_MAX {
                return Err(WalError::RecordTooLong(record.len()));
            }
            let (payload, how) = self.compressor.compress(record);
            at = put_record(&mut out, at, payload, how);
            self.metrics.part_writes.inc();
            if how != Compression::None {
                self.metrics.bytes_saved.add((record.len() - payload.len()) as u64);
            }
        }
        Ok(out)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WalError> {
        if let Err(error) = self.segment.file.append(bytes) {
            self.metrics.writes_failed.inc();
            let why = WalError::io("write", &error);
            return match self.segment.file.truncate(self.segment.len) {
                Ok(()) => Err(why),
                // A tear that cannot be cut away: whatever came behind it would be lost.
                Err(error) => Err(self.stop(&WalError::io("cut away a failed write", &error))),
            };
        }
        let before = self.segment.len / PAGE_BYTES as u64;
        self.segment.len += bytes.len() as u64;
        self.metrics.page_flushes.inc();
        self.metrics.completed_pages.add(self.segment.len / PAGE_BYTES as u64 - before);
        self.metrics.part_bytes.add(bytes.len() as u64);
        self.metrics.storage_bytes.add(stdx::metrics::float(bytes.len() as u64));
        Ok(())
    }

    fn sync_file(&self) -> std::io::Result<()> {
        let start = self.clock.mono();
        let result = self.segment.file.sync();
        let took = self.clock.mono().saturating_sub(start);
        self.metrics.fsync_seconds.observe(took.as_secs_f64());
        result
    }

    /// After a failed fsync: what is not durable goes to a new segment. The old one is cut back only then, so that it keeps what it
    /// may have for as long as there is nothing better.
    fn move_on(&mut self, error: &std::io::Error) -> Result<(), WalError> {
        let why = WalError::io("sync", error);
        let old_synced = self.segment.synced;
        let batches = std::mem::take(&mut self.unsynced);
        let moved = self.rewrite(&batches);
        let old = match moved {
            Ok(new) => std::mem::replace(&mut self.segment, new),
            Err(again) => {
                return Err(self.stop(&WalError::Io(format!("{why}; in a new segment: {again}"))));
            }
        };
        self.metrics.segment_current.set(stdx::metrics::float(self.segment.index));
        // In the old file a tear would be in the middle of the log, where Prometheus deletes all behind it.
        if let Err(error) = old.file.truncate(old_synced) {
            return Err(self.stop(&WalError::io("cut back the segment that did not sync", &error)));
        }
        Ok(())
    }

    fn rewrite(&mut self, batches: &[Arc<Batch>]) -> Result<Segment, WalError> {
        let mut new = create(self.fs.as_ref(), &self.dir, self.segment.index + 1)?;
        let bytes = self.frame(0, batches)?;
        new.file.append(&bytes).map_err(|error| WalError::io("write", &error))?;
        new.file.sync().map_err(|error| WalError::io("sync", &error))?;
        self.fs.sync_dir(&self.dir).map_err(|error| WalError::io("sync folder", &error))?;
        new.len = bytes.len() as u64;
        new.synced = new.len;
        Ok(new)
    }
}

fn create(fs: &dyn Fs, dir: &Path, index: u64) -> Result<Segment, WalError> {
    let file = fs
        .open(&segment_path(dir, index), OpenMode::CreateNew)
        .map_err(|error| WalError::io("create segment", &error))?;
    Ok(Segment { index, file, len: 0, synced: 0 })
}
