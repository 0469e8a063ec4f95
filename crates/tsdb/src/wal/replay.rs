//! Reading the log back: the newest checkpoint, then the segments behind it, record by record, with what is damaged as data.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stdx::fs::{Fs, OpenMode};

use super::dir::{SegmentEntry, checkpoint_path, checkpoints, segment_path, segments};
use super::scan::{Found, Scan};
use super::{RecordError, WalError};

/// Most damages that are listed one by one.
pub const DAMAGE_MAX: usize = 1000;

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The checkpoint, when the segment is one of its own.
    pub checkpoint: Option<u64>,
    pub segment: u64,
    /// Bytes from the segment's beginning.
    pub offset: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(index) = self.checkpoint {
            write!(f, "checkpoint.{index:08}/")?;
        }
        write!(f, "{:08} at byte {}", self.segment, self.offset)
    }
}

/// What kind of damage it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageKind {
    /// The end of the whole log: what a crash leaves. Nothing that was synced is lost by it.
    TornTail,
    /// Bytes that were whole once.
    Damaged,
    /// A segment is not there though its neighbours are.
    Missing,
    /// The bytes are right, but no record that we can read.
    Rejected,
    /// The disk refused to give the bytes. They may be whole, and be there at the next start: never repaired.
    Unreadable,
}

/// A stretch of the log that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub place: Place,
    /// Length of the stretch.
    pub bytes: u64,
    pub kind: DamageKind,
    pub what: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}, {} bytes left out", self.place, self.what, self.bytes)
    }
}

/// All damage of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DamageReport {
    /// The first [`DAMAGE_MAX`].
    pub damage: Vec<Damage>,
    /// How many more there are.
    pub omitted: u64,
    /// Segments that have some, by checkpoint and index.
    pub(super) segments: BTreeSet<(Option<u64>, u64)>,
    /// Those of them that could not be read.
    pub(super) unreadable: BTreeSet<(Option<u64>, u64)>,
}

impl DamageReport {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether there are segments that the disk did not give as a whole: they must not be removed.
    #[must_use]
    pub fn has_unreadable(&self) -> bool {
        !self.unreadable.is_empty()
    }

    fn add(&mut self, damage: Damage) {
        let segment = (damage.place.checkpoint, damage.place.segment);
        self.segments.insert(segment);
        if damage.kind == DamageKind::Unreadable {
            self.unreadable.insert(segment);
        }
        if self.damage.len() < DAMAGE_MAX {
            self.damage.push(damage);
        } else {
            self.omitted += 1;
        }
    }
}

/// A record as it was logged.
#[derive(Debug, Clone, Copy)]
pub struct RawRecord<'a> {
    pub place: Place,
    /// For [`super::Record::decode`].
    pub bytes: &'a [u8],
}

#[derive(Debug, Clone)]
struct Source {
    checkpoint: Option<u64>,
    segment: u64,
    path: PathBuf,
    len: u64,
}

/// Reads a log from its beginning. Holds one page and one record in memory.
#[derive(Debug)]
pub struct Reader {
    fs: Arc<dyn Fs>,
    sources: VecDeque<Source>,
    current: Option<(Source, Scan)>,
    report: DamageReport,
    /// Whether the damage listed last has had no record behind it so far.
    is_tail: bool,
}

impl Reader {
    /// Prepares to read the log in `dir`; a missing folder is an empty log.
    ///
    /// # Errors
    /// [`WalError::Io`] when the folder cannot be listed.
    pub fn open(fs: Arc<dyn Fs>, dir: &Path) -> Result<Self, WalError> {
        let list = |error: std::io::Error| WalError::io("list", &error);
        let mut reader = Self {
            sources: VecDeque::new(),
            current: None,
            report: DamageReport::default(),
            is_tail: false,
            fs,
        };
        let newest = checkpoints(reader.fs.as_ref(), dir).map_err(list)?.pop();
        if let Some(index) = newest {
            let folder = checkpoint_path(dir, index);
            let found = segments(reader.fs.as_ref(), &folder).map_err(list)?;
            reader.add_sources(Some(index), &folder, &found, 0);
        }
        let mut found = segments(reader.fs.as_ref(), dir).map_err(list)?;
        found.retain(|one| newest.is_none_or(|index| one.index > index));
        let first = newest.map_or_else(|| found.first().map_or(0, |one| one.index), |i| i + 1);
        reader.add_sources(None, dir, &found, first);
        Ok(reader)
    }

    /// Reads only the segments `first..=last` of `dir`, for a checkpoint.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_until(fs: Arc<dyn Fs>, dir: &Path, last: u64) -> Result<Self, WalError> {
        let mut reader = Self::open(fs, dir)?;
        reader.sources.retain(|one| one.checkpoint.is_some() || one.segment <= last);
        Ok(reader)
    }

    fn add_sources(
        &mut self,
        checkpoint: Option<u64>,
        dir: &Path,
        found: &[SegmentEntry],
        first: u64,
    ) {
        let mut expected = first;
        for one in found {
            if one.index > expected {
                let what = format!("segments {expected:08} to {:08} are missing", one.index - 1);
                let place = Place { checkpoint, segment: expected, offset: 0 };
                self.report.add(Damage { place, bytes: 0, kind: DamageKind::Missing, what });
            }
            expected = one.index + 1;
            let path = segment_path(dir, one.index);
            self.sources.push_back(Source { checkpoint, segment: one.index, path, len: one.len });
        }
    }

    /// The next record, in the order in which they were logged. Damage is skipped and reported.
    ///
    /// # Errors
    /// None at present: a segment that cannot be opened is damage.
    pub fn next_record(&mut self) -> Result<Option<RawRecord<'_>>, WalError> {
        loop {
            if self.current.is_none() && !self.open_next() {
                self.finish();
                return Ok(None);
            }
            let Some((source, scan)) = &mut self.current else { continue };
            let (checkpoint, segment) = (source.checkpoint, source.segment);
            match scan.next() {
                Found::Record => break,
                Found::End => self.current = None,
                Found::Damage { offset, bytes, what, is_unreadable } => {
                    self.is_tail = !is_unreadable;
                    let kind =
                        if is_unreadable { DamageKind::Unreadable } else { DamageKind::Damaged };
                    let place = Place { checkpoint, segment, offset };
                    self.report.add(Damage { place, bytes, kind, what });
                }
            }
        }
        self.is_tail = false;
        let Some((source, scan)) = &self.current else { return Ok(None) };
        let offset = scan.record_range().0;
        let place = Place { checkpoint: source.checkpoint, segment: source.segment, offset };
        Ok(Some(RawRecord { place, bytes: scan.record() }))
    }

    /// Adds the record read last to the damage: its bytes are right, but it cannot be decoded.
    pub fn reject(&mut self, error: &RecordError) {
        let Some((source, scan)) = &self.current else { return };
        let (offset, end) = scan.record_range();
        let place = Place { checkpoint: source.checkpoint, segment: source.segment, offset };
        let (kind, what) = (DamageKind::Rejected, error.to_string());
        self.report.add(Damage { place, bytes: end - offset, kind, what });
    }

    /// What was left out so far; complete when [`Reader::next_record`] has said `None`.
    #[must_use]
    pub fn report(&self) -> &DamageReport {
        &self.report
    }

    fn open_next(&mut self) -> bool {
        while let Some(source) = self.sources.pop_front() {
            match self.fs.open(&source.path, OpenMode::Read) {
                Ok(file) => {
                    let scan = Scan::new(file, source.len);
                    self.current = Some((source, scan));
                    return true;
                }
                Err(error) => {
                    let place =
                        Place { checkpoint: source.checkpoint, segment: source.segment, offset: 0 };
                    let what = format!("cannot be opened: {error}");
                    self.is_tail = false;
                    let kind = DamageKind::Unreadable;
                    self.report.add(Damage { place, bytes: source.len, kind, what });
                }
            }
        }
        false
    }

    fn finish(&mut self) {
        if self.is_tail
            && self.report.omitted == 0
            && let Some(last) = self.report.damage.last_mut()
            && last.place.checkpoint.is_none()
        {
            last.kind = DamageKind::TornTail;
        }
    }
}
