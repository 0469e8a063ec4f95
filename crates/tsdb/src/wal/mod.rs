//! The write-ahead log: batches of records, appended to segments in Prometheus' format (`docs/format/wal.md`) and read back after
//! a restart.
//!
//! Kept: what was synced is there after any crash. True: nothing is read whose checksum is wrong. Up: damage costs the
//! records that it hit.

mod batch;
mod checkpoint;
mod compress;
pub mod dir;
mod frame;
mod group;
mod metrics;
pub mod record;
mod repair;
mod replay;
mod scan;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::time::Duration;

pub use batch::Batch;
pub use checkpoint::{CheckpointWriter, remove_checkpoints_below};
pub use frame::{Compression, HEADER_BYTES, PAGE_BYTES, RECORD_BYTES_MAX};
pub use group::{Ticket, Wal};
pub use metrics::WalMetrics;
pub use record::{Record, RecordError};
pub use repair::{GAP_MAX, repair};
pub use replay::{DAMAGE_MAX, Damage, DamageKind, DamageReport, Place, RawRecord, Reader};
pub use writer::Writer;

/// How the log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes after which a new segment is begun; a multiple of [`PAGE_BYTES`]. A longer batch makes a longer segment.
    pub segment_bytes: u64,
    pub compression: Compression,
    /// Longest time that a batch for which nobody waits is not synced.
    pub sync_interval: Duration,
    /// Bytes that may wait to be written.
    pub queue_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 128 << 20,
            compression: Compression::default(),
            sync_interval: Duration::from_millis(500),
            queue_bytes_max: 64 << 20,
        }
    }
}

/// Why the log was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalError {
    #[error("segment size {0} is not a multiple of {PAGE_BYTES}")]
    SegmentBytes(u64),
    #[error("record of {0} bytes, at most {RECORD_BYTES_MAX} allowed")]
    RecordTooLong(usize),
    #[error("batch of {0} bytes is longer than the log's queue")]
    BatchTooLong(usize),
    /// The disk refused for now.
    #[error("write-ahead log: {0}")]
    Io(String),
    #[error("write-ahead log: queue is full: {0}")]
    QueueFull(String),
    /// The disk refused for good: nothing is written until a restart.
    #[error("write-ahead log has stopped: {0}")]
    Stopped(String),
}

impl WalError {
    fn io(what: &str, error: &io::Error) -> Self {
        Self::Io(format!("{what}: {error}"))
    }
}
