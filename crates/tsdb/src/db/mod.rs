//! The database: the head, its log and its chunk files, opened together in Prometheus' folder layout.
//!
//! Kept: a batch that was committed `Synced` is there after any crash, any other within the sync interval. Up: it starts on any damage and
//! says what it left out ([`Db::damage`]).

mod maintain;
mod metrics;
mod replay;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use model::exemplar::Exemplar;
use model::labels::Labels;
use model::matcher::Matcher;
use model::port::{Appendable, Appender, Durability, Querier, Queryable, ReadError};
use parking_lot::{Mutex, RwLock};
use stdx::clock::Clock;
use stdx::fs::{Fs, Lock};
use stdx::metrics::Registry;

use crate::chunk::{ChunkRef, HeadChunkError, HeadChunks};
use crate::head::Head;
use crate::head::append::HeadAppender;
use crate::head::exemplars::Exemplars;
use crate::head::read::HeadQuerier;
pub use crate::head::stats::{HeadStats, Top};
use crate::wal::{self, Batch, Compression, Ticket, Wal, WalError, WalMetrics};

pub(crate) use metrics::DbMetrics;

/// How the database works. The default is Prometheus'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Age at which samples may be dropped.
    pub retention_ms: i64,
    /// How far behind the newest sample of all series a sample may come late; 0 takes none.
    pub out_of_order_window_ms: i64,
    /// Bytes of a segment of the log.
    pub wal_segment_bytes: u64,
    pub wal_compression: Compression,
    /// Longest time that a batch for which nobody waits is not synced.
    pub sync_interval: Duration,
    /// Most series in memory.
    pub series_max: u64,
    /// Most late samples in memory. Batches that are open at the same time may pass it together.
    pub late_samples_max: u64,
    /// Exemplars that are kept; 0 keeps none.
    pub exemplars_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        let log = wal::Options::default();
        Self {
            retention_ms: 15 * 24 * 60 * 60 * 1000,
            out_of_order_window_ms: 0,
            wal_segment_bytes: log.segment_bytes,
            wal_compression: log.compression,
            sync_interval: log.sync_interval,
            series_max: 20_000_000,
            late_samples_max: 10_000_000,
            exemplars_max: 100_000,
        }
    }
}

impl Options {
    fn wal(&self) -> wal::Options {
        wal::Options {
            segment_bytes: self.wal_segment_bytes,
            compression: self.wal_compression,
            sync_interval: self.sync_interval,
            ..wal::Options::default()
        }
    }
}

/// Why the database does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("lock DB directory: {0}")]
    Lock(std::io::Error),
    #[error("open storage: {0}")]
    Io(std::io::Error),
    #[error("open storage: {0}")]
    Wal(#[from] WalError),
    #[error("open storage: {0}")]
    Chunks(#[from] HeadChunkError),
    /// A newer program has written what we cannot read. Nothing was changed.
    #[error("open storage: written by a newer version: {0}")]
    Newer(String),
}

/// Why the database was not closed cleanly. All that could be synced is.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    #[error("close storage: {0}")]
    Wal(#[from] WalError),
    #[error("close storage: {0}")]
    Chunks(#[from] HeadChunkError),
}

/// How far the replay of the log is, in segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplayProgress {
    pub min: u64,
    pub max: u64,
    pub current: u64,
}

/// An exemplar with its series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesExemplars {
    pub labels: Labels,
    /// By time.
    pub exemplars: Vec<Exemplar>,
}

/// The database. Shared by all threads.
#[derive(Debug)]
pub struct Db {
    pub(crate) head: RwLock<Head>,
    /// Held from a commit's decision to its application: the order of commits.
    pub(crate) commit: Mutex<()>,
    pub(crate) wal: Wal,
    /// The log of late samples that Prometheus keeps; there while late samples are taken.
    wbl: Option<Wal>,
    /// Late samples for it, until the main log has them on stable storage: so that it never has a part of a batch that is lost.
    unsettled: Mutex<Vec<(Ticket, Batch)>>,
    chunks: HeadChunks,
    /// Held while closed chunks are moved to disk.
    flush: Mutex<()>,
    pub(crate) options: Options,
    pub(crate) metrics: DbMetrics,
    wal_metrics: WalMetrics,
    upkeep: Mutex<maintain::Upkeep>,
    fs: Arc<dyn Fs>,
    clock: Arc<dyn Clock>,
    dir: PathBuf,
    damage: Vec<String>,
    /// The log has what memory has not: nothing may stand for it.
    has_unreadable: bool,
    warnings: Vec<String>,
    progress: ReplayProgress,
    lock: Mutex<Option<Box<dyn Lock>>>,
}

/// Bytes of closed chunks in memory above which a commit moves them to disk.
const CLOSED_MEMORY_BYTES: usize = 256 << 10;

/// Bytes of late samples that may wait for the main log.
const UNSETTLED_BYTES_MAX: usize = 1 << 20;

impl Db {
    /// Opens the database in `dir` (made when missing): takes Prometheus' `lock`, replays the newest checkpoint and the log, starts
    /// the log's thread.
    ///
    /// # Errors
    /// [`OpenError`]: somebody holds the lock, or the disk refuses. Damage is no error: see [`Db::damage`].
    pub fn open(
        fs: Arc<dyn Fs>,
        clock: Arc<dyn Clock>,
        dir: &Path,
        options: Options,
        registry: &Registry,
    ) -> Result<Arc<Self>, OpenError> {
        create_durably(fs.as_ref(), dir).map_err(OpenError::Io)?;
        let lock = fs.lock(&dir.join("lock")).map_err(OpenError::Lock)?;
        let metrics = DbMetrics::new(registry);
        let wal_metrics = WalMetrics::new(registry);
        let warnings = unread_blocks(fs.as_ref(), dir).map_err(OpenError::Io)?;
        let started = clock.mono();
        let replayed = replay::run(&fs, dir, &options, &metrics, &wal_metrics)?;
        metrics.replay.seconds.set(clock.mono().saturating_sub(started).as_secs_f64());
        let (wal_dir, wbl_dir) = (dir.join("wal"), dir.join("wbl"));
        create_durably(fs.as_ref(), &wal_dir).map_err(OpenError::Io)?;
        let wal = Wal::open(
            Arc::clone(&fs),
            Arc::clone(&clock),
            &wal_dir,
            options.wal(),
            wal_metrics.clone(),
        )?;
        let wbl = if options.out_of_order_window_ms > 0 {
            create_durably(fs.as_ref(), &wbl_dir).map_err(OpenError::Io)?;
            let own = WalMetrics::new(&Registry::default());
            let clock = Arc::clone(&clock);
            Some(Wal::open(Arc::clone(&fs), clock, &wbl_dir, options.wal(), own)?)
        } else {
            None
        };
        let upkeep = maintain::Upkeep::new(&replayed.head, clock.as_ref());
        let db = Arc::new(Self {
            head: RwLock::new(replayed.head),
            commit: Mutex::new(()),
            wal,
            wbl,
            unsettled: Mutex::default(),
            chunks: replayed.chunks,
            flush: Mutex::new(()),
            options,
            metrics,
            wal_metrics,
            upkeep: Mutex::new(upkeep),
            fs,
            clock,
            dir: dir.to_owned(),
            damage: replayed.damage,
            has_unreadable: replayed.has_unreadable,
            warnings,
            progress: replayed.progress,
            lock: Mutex::new(Some(lock)),
        });
        let weak: Weak<Self> = Arc::downgrade(&db);
        registry.collector(move || weak.upgrade().map(|db| db.families()).unwrap_or_default());
        Ok(db)
    }

    /// Figures of the head, with the first `limit` entries of each list. Costs time by the number of label pairs.
    #[must_use]
    pub fn stats(&self, limit: usize) -> HeadStats {
        self.head.read().stats(limit)
    }

    /// How the replay at start went.
    #[must_use]
    pub fn replay_progress(&self) -> ReplayProgress {
        self.progress
    }

    /// What was found damaged at start and left out, a text each.
    #[must_use]
    pub fn damage(&self) -> &[String] {
        &self.damage
    }

    /// What an operator should know about the folder, a text each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The exemplars with `mint <= t <= maxt` of the series that satisfy any of the matcher sets, series sorted by labels.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn exemplars(
        &self,
        mint: i64,
        maxt: i64,
        matchers: &[Vec<Matcher>],
    ) -> Result<Vec<SeriesExemplars>, ReadError> {
        let head = self.head.read();
        let mut ids: Vec<u32> = matchers.iter().flat_map(|set| head.matching(set)).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut found: std::collections::BTreeMap<u32, Vec<Exemplar>> = Default::default();
        for (id, exemplar) in head.exemplars.iter() {
            let is_inside = exemplar.t.is_some_and(|t| mint <= t && t <= maxt);
            if is_inside && ids.binary_search(&id).is_ok() {
                found.entry(id).or_default().push(exemplar.clone());
            }
        }
        let mut all: Vec<SeriesExemplars> = found
            .into_iter()
            .map(|(id, exemplars)| SeriesExemplars { labels: head.labels(id), exemplars })
            .collect();
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(all)
    }

    /// Syncs everything, stops writing and gives the lock back. Reading goes on. Further calls do nothing.
    ///
    /// # Errors
    /// [`CloseError`]: not everything could be made durable.
    pub fn close(&self) -> Result<(), CloseError> {
        let Some(_lock) = self.lock.lock().take() else { return Ok(()) };
        self.settle_all();
        let closed = self.wal.close();
        let late = self.wbl.as_ref().map_or(Ok(()), Wal::close);
        self.flush_closed();
        let chunks = self.chunks.sync();
        closed?;
        late?;
        Ok(chunks?)
    }

    /// Takes late samples that are to go where Prometheus looks for them. They are in the main log, at `ticket`.
    pub(crate) fn add_late(&self, ticket: Ticket, batch: Batch) {
        if self.wbl.is_none() || batch.is_empty() {
            return;
        }
        let bytes = {
            let mut unsettled = self.unsettled.lock();
            unsettled.push((ticket, batch));
            unsettled.iter().map(|(_, batch)| batch.byte_len()).sum::<usize>()
        };
        if bytes > UNSETTLED_BYTES_MAX {
            self.settle_all();
        }
    }

    /// The main log is on stable storage up to `ticket`: logs the late samples up to there for Prometheus. A failure costs only Prometheus
    /// something, and only after a crash.
    pub(crate) fn settle(&self, ticket: Ticket) {
        let Some(wbl) = &self.wbl else { return };
        let mut unsettled = self.unsettled.lock();
        let n = unsettled.partition_point(|(have, _)| *have <= ticket);
        for (_, batch) in unsettled.drain(..n) {
            if wbl.log(batch, Durability::Soon).is_err() {
                self.metrics.late_log_failures.inc();
            }
        }
    }

    fn settle_all(&self) {
        let newest = self.unsettled.lock().last().map(|(ticket, _)| *ticket);
        if let Some(newest) = newest {
            let synced = self.wal.log(Batch::default(), Durability::Synced);
            if synced.and_then(|barrier| self.wal.wait(barrier)).is_ok() {
                self.settle(newest);
            }
        }
    }

    /// The bytes of a closed chunk.
    pub(crate) fn read_chunk(&self, at: u64) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        self.chunks
            .read_at(ChunkRef(at), &mut bytes)
            .map_err(|error| ReadError::Storage(error.to_string()))?;
        Ok(bytes)
    }

    /// After a commit: moves closed chunks to disk when there are many in memory.
    pub(crate) fn relieve(&self, memory_bytes: usize) {
        if memory_bytes > CLOSED_MEMORY_BYTES
            && let Some(_guard) = self.flush.try_lock()
        {
            self.move_closed();
        }
    }
}

impl Appendable for Db {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(HeadAppender::new(self))
    }
}

impl Queryable for Db {
    fn querier(&self, mint: i64, maxt: i64) -> Result<Box<dyn Querier + '_>, ReadError> {
        Ok(Box::new(HeadQuerier::new(self, mint, maxt)))
    }
}

/// Makes `dir` and its missing parents, and their names durable: a log in a folder that a power cut forgets is no log.
fn create_durably(fs: &dyn Fs, dir: &Path) -> std::io::Result<()> {
    let mut missing = Vec::new();
    for ancestor in dir.ancestors().filter(|path| !path.as_os_str().is_empty()) {
        if fs.exists(ancestor)? {
            break;
        }
        missing.push(ancestor);
    }
    fs.create_dir_all(dir)?;
    // The folder itself may be there since a start that a power cut ended.
    if missing.is_empty() {
        missing.push(dir);
    }
    for path in missing.iter().rev() {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        fs.sync_dir(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

/// Says when the folder holds blocks, which are not read.
fn unread_blocks(fs: &dyn Fs, dir: &Path) -> std::io::Result<Vec<String>> {
    let is_ulid = |name: &str| {
        name.len() == 26 && name.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    };
    let n = fs.list(dir)?.iter().filter(|entry| entry.is_dir && is_ulid(&entry.name)).count();
    if n == 0 {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "{}: {n} Prometheus blocks are left untouched and not read by this version: older samples are missing in answers",
        dir.display()
    )])
}

/// An empty ring, or none.
fn exemplars(options: &Options) -> Exemplars {
    Exemplars::new(options.exemplars_max)
}
