//! Upkeep: closed chunks to disk, retention, checkpoints.
//!
//! Retention goes by a time that a single wrong clock cannot move: see [`RetentionClock`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{MutexGuard, RwLockWriteGuard};
use stdx::clock::Clock;

use crate::chunk::{ChunkMeta, HeadChunkError};
use crate::head::Head;
use crate::head::snapshot::Snapshot;
use crate::wal::{CheckpointWriter, WalError, remove_checkpoints_below};
use model::port::Durability;

use super::Db;

/// Segments behind the newest checkpoint that make a new one worth while.
const CHECKPOINT_SEGMENTS: u64 = 3;
/// A checkpoint is made after this time too, when there is anything new.
pub(super) const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(2 * 60 * 60);
/// Series whose batch was never committed go after once to twice this time.
const UNBORN_GRACE: Duration = Duration::from_secs(10 * 60);
/// How long a jump of the time must hold before retention believes it.
const JUMP_HOLD: Duration = Duration::from_secs(60 * 60);
/// Slack of the time against the process' own clock.
const JUMP_SLACK_MS: i64 = 5 * 60 * 1000;

/// What upkeep remembers between its steps.
#[derive(Debug)]
pub(crate) struct Upkeep {
    time: RetentionClock,
    /// First segment that no checkpoint stands for.
    first_segment: Option<u64>,
    last_checkpoint: Duration,
    last_truncation_mint: i64,
    last_unborn: Duration,
}

impl Upkeep {
    pub(super) fn new(head: &Head, clock: &dyn Clock) -> Self {
        let now = clock.now_ms();
        let typical = head.typical_newest().map_or(now, |t| t.min(now));
        Self {
            time: RetentionClock { at_ms: typical, mono: clock.mono(), ahead_since: None },
            first_segment: None,
            last_checkpoint: clock.mono(),
            last_truncation_mint: i64::MIN,
            last_unborn: clock.mono(),
        }
    }
}

/// The present, as far as deleting goes: it moves with the process' own clock. The wall time is followed when it falls behind, and when
/// it has been ahead for an hour without a break; a sample from the future has no say.
#[derive(Debug)]
struct RetentionClock {
    at_ms: i64,
    mono: Duration,
    ahead_since: Option<Duration>,
}

impl RetentionClock {
    fn now(&mut self, wall_ms: i64, mono: Duration) -> i64 {
        let passed = mono.saturating_sub(self.mono);
        let expected = self.at_ms.saturating_add(millis(passed));
        self.mono = mono;
        if wall_ms <= expected.saturating_add(JUMP_SLACK_MS) {
            self.ahead_since = None;
            self.at_ms = wall_ms;
        } else {
            let since = *self.ahead_since.get_or_insert(mono);
            let is_believed = mono.saturating_sub(since) >= JUMP_HOLD;
            self.at_ms = if is_believed { wall_ms } else { expected };
        }
        self.at_ms
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Db {
    /// One step of upkeep: moves closed chunks to disk, drops what is older than the retention, and makes a checkpoint when the log has
    /// grown. The server calls it each minute. Failures are counted in the metrics and met again by the next call.
    pub fn maintain(&self) {
        let mut upkeep = self.upkeep.lock();
        self.settle_all();
        self.flush_closed();
        self.retain(&mut upkeep);
        if self.is_checkpoint_due(&mut upkeep) {
            upkeep.last_checkpoint = self.clock.mono();
            self.metrics.truncations.inc();
            match self.checkpoint() {
                Ok(first) => upkeep.first_segment = Some(first),
                Err(_) => self.metrics.truncations_failed.inc(),
            }
        }
    }

    fn retain(&self, upkeep: &mut Upkeep) {
        let now = upkeep.time.now(self.clock.now_ms(), self.clock.mono());
        let mint = now.saturating_sub(self.options.retention_ms);
        // A pass looks at every series: not for each minute of a long retention.
        let step = (self.options.retention_ms / 256).clamp(0, 60 * 60 * 1000);
        let since_unborn = self.clock.mono().saturating_sub(upkeep.last_unborn);
        let is_unborn_due = since_unborn >= UNBORN_GRACE && self.head.read().counts.unborn > 0;
        if mint < upkeep.last_truncation_mint.saturating_add(step) && !is_unborn_due {
            return;
        }
        upkeep.last_truncation_mint = mint;
        if is_unborn_due {
            upkeep.last_unborn = self.clock.mono();
        }
        let _flush = self.flush.lock();
        let mut pass = self.head.write().begin_truncation(mint, is_unborn_due);
        loop {
            // No commit is between its decision and its application.
            let order = self.commit.lock();
            let mut head = self.head.write();
            let has_more = head.truncate_step(&mut pass);
            // Those who wait come first.
            RwLockWriteGuard::unlock_fair(head);
            MutexGuard::unlock_fair(order);
            if !has_more {
                break;
            }
        }
        if self.chunks.truncate(mint).is_err() {
            self.metrics.truncations_failed.inc();
        }
    }

    fn is_checkpoint_due(&self, upkeep: &mut Upkeep) -> bool {
        let current = self.wal.segment_index();
        let first = *upkeep.first_segment.get_or_insert_with(|| {
            let segments = crate::wal::dir::segments(self.fs.as_ref(), &self.dir.join("wal"));
            segments.ok().and_then(|all| all.first().map(|one| one.index)).unwrap_or(current)
        });
        let age = self.clock.mono().saturating_sub(upkeep.last_checkpoint);
        current.saturating_sub(first) >= CHECKPOINT_SEGMENTS || age >= CHECKPOINT_INTERVAL
    }

    /// Moves closed chunks to disk.
    pub(super) fn flush_closed(&self) {
        let _guard = self.flush.lock();
        self.move_closed();
    }

    /// With the flush lock held. What the disk does not take now stays in memory.
    pub(super) fn move_closed(&self) {
        let waiting = self.head.read().closed_in_memory();
        let mut moved = Vec::with_capacity(waiting.len());
        // Series with a chunk that no file takes: their later ones must not be on disk before it.
        let mut stuck = BTreeSet::new();
        for one in &waiting {
            if stuck.contains(&one.series) {
                continue;
            }
            let meta = ChunkMeta {
                series: one.series.0,
                mint: one.mint,
                maxt: one.maxt,
                encoding: one.encoding,
                is_out_of_order: false,
            };
            match self.chunks.write(&meta, &one.bytes) {
                Ok(at) => moved.push((one.node, at.0)),
                Err(HeadChunkError::TooLong(_)) => {
                    self.metrics.chunk_writes_failed.inc();
                    stuck.insert(one.series);
                }
                Err(
                    HeadChunkError::Io(..)
                    | HeadChunkError::BufferFull
                    | HeadChunkError::Damaged { .. },
                ) => {
                    self.metrics.chunk_writes_failed.inc();
                    break;
                }
            }
        }
        self.metrics.chunks_written.add(moved.len() as u64);
        let mut head = self.head.write();
        for (node, at) in moved {
            head.closed_moved(node, at);
        }
    }

    /// Writes what the log's segments so far hold and chunk files do not into a checkpoint, and removes the segments. Returns the
    /// first segment that is left.
    fn checkpoint(&self) -> Result<u64, CheckpointError> {
        if self.has_unreadable {
            return Err(CheckpointError);
        }
        let _flush = self.flush.lock();
        // Everything that was logged before the cut is in the snapshot, and nothing after it: commits wait meanwhile.
        let (first, late_first, snapshot) = {
            let _order = self.commit.lock();
            let ticket = self.wal.log(crate::wal::Batch::default(), Durability::Synced)?;
            self.wal.wait(ticket)?;
            let first = self.wal.cut()?;
            let late_first = self.wbl.as_ref().and_then(|wbl| wbl.cut().ok());
            (first, late_first, Snapshot::new(&self.head))
        };
        self.move_closed();
        self.chunks.sync().map_err(|_| CheckpointError)?;
        let dir = self.dir.join("wal");
        let index = first.saturating_sub(1);
        let (fs, clock) = (Arc::clone(&self.fs), Arc::clone(&self.clock));
        let options = self.options.wal();
        let mut writer =
            CheckpointWriter::create(fs, clock, &dir, index, options, &self.wal_metrics)?;
        let mut has_late = true;
        for part in snapshot {
            writer.append(&Arc::new(part.batch))?;
            if let Some(wbl) = self.wbl.as_ref().filter(|_| has_late && !part.late.is_empty()) {
                has_late = wbl.log(part.late, Durability::Soon).is_ok();
            }
        }
        writer.finish()?;
        self.wal.truncate(first)?;
        remove_checkpoints_below(self.fs.as_ref(), &dir, index, &self.wal_metrics)?;
        if self.truncate_late(late_first.filter(|_| has_late)).is_err() {
            self.metrics.late_log_failures.inc();
        }
        Ok(first)
    }

    /// Removes the segments of the late samples' log below `first`, or the whole log when no late samples are taken any more. The checkpoint
    /// has all that they hold.
    fn truncate_late(&self, first: Option<u64>) -> Result<(), CheckpointError> {
        if let Some(wbl) = &self.wbl {
            let first = first.ok_or(CheckpointError)?;
            let barrier = wbl.log(crate::wal::Batch::default(), Durability::Synced)?;
            wbl.wait(barrier)?;
            return Ok(wbl.truncate(first)?);
        }
        let dir = self.dir.join("wbl");
        let remove = || {
            if self.fs.exists(&dir)? {
                self.fs.remove_dir_all(&dir)?;
                self.fs.sync_dir(&self.dir)?;
            }
            std::io::Result::Ok(())
        };
        remove().map_err(|_| CheckpointError)
    }
}

/// The log goes on as it was; the metrics of the step that failed tell which.
#[derive(Debug)]
struct CheckpointError;

impl From<WalError> for CheckpointError {
    fn from(_: WalError) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    /// The time for deleting, after each `(minutes later, wall time in hours)`.
    fn check(steps: &[(u64, i64)]) -> Vec<i64> {
        let mut time = RetentionClock { at_ms: 0, mono: Duration::ZERO, ahead_since: None };
        let mut mono = Duration::ZERO;
        let mut now = |(minutes, hours): &(u64, i64)| {
            mono += Duration::from_secs(minutes * 60);
            time.now(hours * HOUR_MS, mono) / HOUR_MS
        };
        steps.iter().map(&mut now).collect()
    }

    #[test]
    fn deleting_follows_a_jump_of_the_clock_only_when_it_holds() {
        assert_eq!(check(&[(60, 1), (60, 2)]), [1, 2]);
        // Forty days ahead for half an hour, then right again.
        assert_eq!(check(&[(60, 960), (30, 960), (30, 2)]), [1, 1, 2]);
        // Ahead for good: the machine was off, or the clock had been wrong.
        assert_eq!(check(&[(60, 960), (30, 960), (30, 961)]), [1, 1, 961]);
        // Back in time: nothing is old any more.
        assert_eq!(check(&[(60, -500)]), [-500]);
    }
}
