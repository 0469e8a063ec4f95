//! The gateway's journal: one file per generation, which begins with all groups and goes on with what changed.
//!
//! Invariant: a file has its final name only when its beginning is on stable storage. A record is a push's whole outcome, so that half a
//! group cannot be read. Behind the last whole record nothing is left: a failed write is cut away at once. After a failed fsync,
//! or a tear that cannot be cut away, the file is not written any more: the next commit begins a new generation, from memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stdx::checksum::{crc32c, crc32c_append};
use stdx::fs::{File, Fs, OpenMode};

use super::codec::{self, Change};
use super::error::OpenError;

/// First bytes of a file, before its version.
const MAGIC: &[u8; 8] = b"MGRUPUSH";
const VERSION: u32 = 2;
/// The oldest version that is read: histograms had whole counts, and metrics nothing besides.
const VERSION_MIN: u32 = 1;
const HEADER_BYTES: usize = 12;
/// First bytes of a record, by which reading finds on behind damage.
const RECORD_MAGIC: [u8; 4] = [0x9a, 0x50, 0x47, 0xe1];
/// Magic, length, checksum of length and payload.
const RECORD_HEADER_BYTES: usize = 12;
/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 30;
const ENDING: &str = ".journal";

/// What reading the journal has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) changes: Vec<Change>,
    /// Bytes behind the last whole record: a commit that a crash cut short.
    pub(super) torn_bytes: u64,
    /// Bytes that are no records, before others that are.
    pub(super) damage: Vec<String>,
}

#[derive(Debug)]
struct Segment {
    file: Arc<dyn File>,
    len: u64,
    /// Bytes that the beginning takes, all groups.
    base: u64,
}

#[derive(Debug)]
pub(super) struct Journal {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    generation: u64,
    /// `None` when nothing more is to be written to the newest file.
    segment: Option<Segment>,
}

impl Journal {
    /// Reads the newest generation. Nothing is written: see [`Journal::renew`].
    pub(super) fn open(fs: Arc<dyn Fs>, dir: &Path) -> Result<(Self, Found), OpenError> {
        stdx::fs::create_dir_durable(fs.as_ref(), dir)
            .map_err(|error| OpenError::io("create folder", &error))?;
        let generations = generations(fs.as_ref(), dir)?;
        let newest = generations.last().copied();
        let found = match newest {
            None => Found::default(),
            Some(generation) => read(fs.as_ref(), dir, generation)?,
        };
        let journal =
            Self { fs, dir: dir.to_owned(), generation: newest.unwrap_or(0), segment: None };
        Ok((journal, found))
    }

    /// What another program's `file` holds; `None` when there is a journal already, or no such file.
    pub(super) fn unread(&self, file: &Path) -> std::io::Result<Option<Vec<u8>>> {
        if self.generation > 0 || !self.fs.exists(file)? {
            return Ok(None);
        }
        stdx::fs::read_all(self.fs.as_ref(), file, FILE_BYTES_MAX).map(Some)
    }

    /// Whether commits can go to the newest file.
    pub(super) fn is_writable(&self) -> bool {
        self.segment.is_some()
    }

    /// Whether what changed takes more than the groups themselves, and more than `floor` bytes.
    pub(super) fn is_long(&self, floor: u64) -> bool {
        self.segment.as_ref().is_some_and(|one| one.len - one.base > one.base.max(floor))
    }

    /// Writes records and makes them durable: all of them, or an error.
    pub(super) fn commit(&mut self, records: &[u8]) -> std::io::Result<()> {
        let Some(segment) = &mut self.segment else {
            return Err(std::io::Error::other("no file to write to"));
        };
        if let Err(error) = segment.file.append(records) {
            if segment.file.truncate(segment.len).is_err() {
                self.segment = None;
            }
            return Err(error);
        }
        if let Err(error) = segment.file.sync() {
            self.segment = None;
            return Err(error);
        }
        segment.len += records.len() as u64;
        Ok(())
    }

    /// Begins a new generation with `groups`, durably, and removes those before. After an error the present file, if any, stays
    /// in use.
    pub(super) fn renew(&mut self, groups: impl Iterator<Item = Change>) -> std::io::Result<()> {
        let generation = self.generation + 1;
        let name = path(&self.dir, generation);
        let tmp = name.with_extension("tmp");
        if self.fs.exists(&tmp)? {
            self.fs.remove_file(&tmp)?;
        }
        let file = self.fs.open(&tmp, OpenMode::CreateNew)?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        let mut len = 0;
        for group in groups {
            put_record(&mut bytes, &[group])?;
            if bytes.len() > 1 << 20 {
                file.append(&bytes)?;
                len += bytes.len() as u64;
                bytes.clear();
            }
        }
        file.append(&bytes)?;
        len += bytes.len() as u64;
        file.sync()?;
        self.fs.rename(&tmp, &name)?;
        // From here on the new name may be what a crash leaves: the old file must not be written any more.
        self.segment = None;
        self.generation = generation;
        self.fs.sync_dir(&self.dir)?;
        self.segment = Some(Segment { file, len, base: len });
        // The old ones are only in the way; they are tried again with the next generation.
        drop(self.remove_old());
        Ok(())
    }

    fn remove_old(&self) -> std::io::Result<()> {
        let entries = self.fs.list(&self.dir)?;
        let old = entries.iter().filter_map(|entry| generation_of(&entry.name));
        for generation in old.filter(|one| *one < self.generation) {
            self.fs.remove_file(&path(&self.dir, generation))?;
        }
        self.fs.sync_dir(&self.dir)
    }

    /// Keeps the newest file, which is damaged, under another name, which is returned.
    pub(super) fn keep_damaged(&self) -> std::io::Result<PathBuf> {
        let from = path(&self.dir, self.generation);
        let bytes = stdx::fs::read_all(self.fs.as_ref(), &from, FILE_BYTES_MAX)?;
        let to = from.with_extension("damaged");
        stdx::fs::write_atomic(self.fs.as_ref(), &to, &bytes)?;
        Ok(to)
    }
}

fn path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("{generation:08}{ENDING}"))
}

fn generation_of(name: &str) -> Option<u64> {
    name.strip_suffix(ENDING)?.parse().ok()
}

fn generations(fs: &dyn Fs, dir: &Path) -> Result<Vec<u64>, OpenError> {
    let entries = fs.list(dir).map_err(|error| OpenError::io("list", &error))?;
    let mut found: Vec<u64> =
        entries.iter().filter_map(|entry| generation_of(&entry.name)).collect();
    found.sort_unstable();
    Ok(found)
}

/// Appends a record.
pub(super) fn put_record(out: &mut Vec<u8>, changes: &[Change]) -> std::io::Result<()> {
    let payload = codec::encode(changes);
    let len = u32::try_from(payload.len()).map_err(std::io::Error::other)?.to_le_bytes();
    let crc = crc32c_append(crc32c(&len), &payload);
    out.extend_from_slice(&RECORD_MAGIC);
    out.extend_from_slice(&len);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&payload);
    Ok(())
}

fn read(fs: &dyn Fs, dir: &Path, generation: u64) -> Result<Found, OpenError> {
    let path = path(dir, generation);
    let bytes = stdx::fs::read_all(fs, &path, FILE_BYTES_MAX)
        .map_err(|error| OpenError::io("read", &error))?;
    let file = path.display().to_string();
    let mut found = Found::default();
    let head = bytes.first_chunk::<HEADER_BYTES>();
    match head.map(|head| head.split_at(MAGIC.len())) {
        Some((magic, version)) if magic == MAGIC => {
            let version = version.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            if !(VERSION_MIN..=VERSION).contains(&version) {
                return Err(OpenError::Version { file, found: version, known: VERSION });
            }
        }
        Some(_) | None => found.damage.push(format!("{file}: the header is damaged")),
    }
    scan(&bytes, &file, &mut found);
    Ok(found)
}

/// Reads the records behind the header, over what is none.
fn scan(bytes: &[u8], file: &str, found: &mut Found) {
    let mut at = HEADER_BYTES.min(bytes.len());
    let mut bad_from = None;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let Some((len, changes)) = record(rest) else {
            bad_from.get_or_insert(at);
            at += 1;
            continue;
        };
        if let Some(from) = bad_from.take() {
            found.damage.push(format!("{file}: bytes {from}..{at} are damaged"));
        }
        found.changes.extend(changes);
        at += len;
    }
    found.torn_bytes = bad_from.map_or(0, |from| (bytes.len() - from) as u64);
}

/// The record at the front, and its length.
fn record(bytes: &[u8]) -> Option<(usize, Vec<Change>)> {
    let header = bytes.first_chunk::<RECORD_HEADER_BYTES>()?;
    let (magic, rest) = header.split_first_chunk::<4>()?;
    let (len, crc) = rest.split_first_chunk::<4>()?;
    let n = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    let end = RECORD_HEADER_BYTES.checked_add(n)?;
    if *magic != RECORD_MAGIC {
        return None;
    }
    let payload = bytes.get(RECORD_HEADER_BYTES..end)?;
    if crc32c_append(crc32c(len), payload) != u32::from_le_bytes(*crc.first_chunk()?) {
        return None;
    }
    Some((end, codec::decode(payload).ok()?))
}
