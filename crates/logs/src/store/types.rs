//! What is asked of the store and what it answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use stdx::clock::Clock;
use stdx::fs::Fs;

use crate::mapping::{Mapping, MappingError};
use crate::part::{Block, View};
use crate::wal::WalError;

use super::Index;

/// An index's settings, as they were written.
pub type Settings = Map<String, Value>;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    pub fs: Arc<dyn Fs>,
    pub clock: Arc<dyn Clock>,
    /// The store's own folder.
    pub dir: PathBuf,
    /// Looks at documents before they are committed.
    pub watcher: Option<Arc<dyn Watcher>>,
    /// What unique identifiers of indices are made from, beside the clock.
    pub seed: u64,
    pub limits: Limits,
}

/// Bounds of the store's memory and files.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of documents after which an index's memtable is frozen, to become a segment.
    pub freeze_bytes: u64,
    /// Longest time that a document is in memory alone (and in the log).
    pub freeze_age: Duration,
    /// Bytes of documents in all memtables; beyond, writes are refused.
    pub memory_bytes: u64,
    /// Bytes of the log beyond which the memtables that hold it back are frozen.
    pub log_bytes: u64,
    pub wal: crate::wal::Options,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            freeze_bytes: 64 << 20,
            freeze_age: Duration::from_secs(15 * 60),
            memory_bytes: 256 << 20,
            log_bytes: 512 << 20,
            wal: crate::wal::Options { file_bytes: 64 << 20, ..crate::wal::Options::default() },
        }
    }
}

/// Looks at each batch's documents between parsing and commit: the seam for rules on events.
pub trait Watcher: Send + Sync + std::fmt::Debug {
    /// What follows from the new rows of `index`; it is committed with them, or not at all.
    fn look(&self, index: &str, block: &dyn Block) -> Vec<Sighting>;
}

/// What a [`Watcher`] found: kept as [`super::Store::put`] of kind [`SIGHTINGS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub key: String,
    pub value: Vec<u8>,
}

/// The kind under which sightings are kept.
pub const SIGHTINGS: &str = "sighting";
/// The kind under which marks (positions of agents) are kept.
pub const MARKS: &str = "mark";

/// What opening has found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct OpenReport {
    /// Frames of the log that were read.
    pub frames: u64,
    /// Documents that were brought back into memory.
    pub documents: u64,
    /// Bytes at the end of the log that a crash cut short.
    pub torn_bytes: u64,
    /// What was left out, and where it is.
    pub damage: Vec<String>,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("log store: {what}: {error}")]
    Io { what: String, error: std::io::Error },
    #[error("log store: {file}: version {found}, this program knows {known}")]
    Version { file: String, found: u32, known: u32 },
}

/// Why the store did not do something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("the index exists already")]
    Exists,
    #[error("there is no such index")]
    Missing,
    #[error("{0}")]
    Io(String),
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// To be tried again later.
    #[error("{what}: {used_bytes} bytes in use, at most {limit_bytes} allowed")]
    Busy { what: &'static str, used_bytes: u64, limit_bytes: u64 },
}

impl From<WalError> for StoreError {
    fn from(error: WalError) -> Self {
        match error {
            WalError::Busy { bytes, max } => Self::Busy {
                what: "log of writes",
                used_bytes: bytes as u64,
                limit_bytes: max as u64,
            },
            WalError::TooLarge { .. } | WalError::Io { .. } => Self::Io(error.to_string()),
        }
    }
}

/// What is done with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// It takes the place of the one with its identifier, if there is one.
    Index,
    /// It is refused when there is one with its identifier.
    Create,
    Delete,
}

/// What must hold for a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    None,
    /// The document has this sequence number (and term, which is always 1).
    SeqNo {
        seq: u64,
        term: u64,
    },
    /// The version is given from outside, and higher than the document's (`or_equal`: or the same).
    External {
        version: u64,
        or_equal: bool,
    },
}

/// One write.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    pub index: &'a Arc<Index>,
    pub op: Op,
    /// `None`: the document gets one.
    pub id: Option<&'a str>,
    pub source: &'a [u8],
    pub routing: Option<&'a str>,
    pub condition: Condition,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Created,
    Updated,
    Deleted,
    /// There was nothing to delete.
    NotFound,
}

/// Why one write of a batch was not done; the others were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The condition does not hold: sequence number and version of the document that is there.
    VersionConflict { current: Option<(u64, u64)> },
    /// It cannot be read.
    Parse { what: String },
    /// The mapping of `object` (`_doc` for the root) takes no new fields.
    Strict { object: String, field: String },
}

/// What became of one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done { id: String, seq: u64, version: u64, result: Done },
    Refused(Refusal),
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub source: Vec<u8>,
    pub seq: u64,
    pub version: u64,
    pub routing: Option<String>,
}

/// An index at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub mapping: Arc<Mapping>,
    /// The newest first.
    pub views: Vec<View>,
}

/// An index in figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Documents that are there.
    pub docs: u64,
    /// Rows that are no longer there, but still take room.
    pub deleted: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Bytes of columns in memory.
    pub memory_bytes: u64,
    pub segments: u64,
    /// Segments that were left out as damaged.
    pub damaged: u64,
}
