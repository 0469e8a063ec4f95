//! An index's files: which segments it has, which of their rows are deleted, and how far the log is in them.
//!
//! The manifest is replaced as a whole: what it does not name is not there. It also says what the index is, so that a lost catalog loses nothing
//! but the newest changes.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use stdx::checksum::crc32c;
use stdx::fs::Fs;
use stdx::varint::{put_uvarint, uvarint};

use crate::bits::Bits;
use crate::part::BLOCK_ROWS;

const FILE: &str = "manifest.json";
/// First word of a manifest's first line; then its version and the checksum of the rest.
const MAGIC: &str = "MGRULOGS";
const VERSION: u32 = 1;
/// Largest manifest that is read.
const BYTES_MAX: u64 = 256 << 20;
/// First bytes of a file of deleted rows.
const DELETED_MAGIC: &[u8; 12] = b"MGRULOGD\x01\x00\x00\x00";

/// A segment of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// From the index's folder: day and file.
    pub(super) file: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Bytes of its documents as they came.
    pub(super) raw_bytes: u64,
    /// First and last time, in microseconds.
    pub(super) times: (i64, i64),
    pub(super) seqs: (i64, i64),
    /// The file of its deleted rows.
    pub(super) deleted: Option<String>,
}

/// What an index's folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Manifest {
    /// Every operation up to this one is in segments.
    pub(super) flushed_seq: i64,
    pub(super) next_file: u64,
    pub(super) segments: Vec<Entry>,
    /// The index itself: name, settings and so on.
    pub(super) about: Map<String, Value>,
}

impl Entry {
    fn to_json(&self) -> Value {
        json!({
            "file": self.file, "rows": self.rows, "bytes": self.bytes, "raw_bytes": self.raw_bytes,
            "min_us": self.times.0, "max_us": self.times.1, "min_seq": self.seqs.0, "max_seq": self.seqs.1,
            "deleted": self.deleted,
        })
    }

    fn parse(value: &Value) -> Option<Self> {
        let (number, signed) =
            (|key: &str| value.get(key)?.as_u64(), |key: &str| value.get(key)?.as_i64());
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        Some(Self {
            file: text("file").filter(|file| is_inside(file))?,
            rows: number("rows")?,
            bytes: number("bytes")?,
            raw_bytes: number("raw_bytes")?,
            times: (signed("min_us")?, signed("max_us")?),
            seqs: (signed("min_seq")?, signed("max_seq")?),
            deleted: text("deleted").filter(|file| is_inside(file)),
        })
    }

    /// The folder of its day.
    pub(super) fn day(&self) -> &str {
        self.file.split_once('/').map_or("", |(day, _)| day)
    }
}

/// Whether a path of a manifest stays in the index's folder.
fn is_inside(file: &str) -> bool {
    !file.starts_with('/')
        && file.split('/').all(|part| part != "..")
        && file.split('/').count() == 2
}

impl Manifest {
    /// Reads the manifest in `dir`; `None` when there is none yet.
    ///
    /// # Errors
    /// Damage, in words.
    pub(super) fn load(fs: &dyn Fs, dir: &Path) -> Result<Option<Self>, String> {
        let path = dir.join(FILE);
        let damage = |what: &str| format!("{}: {what}", path.display());
        if !fs.exists(&path).map_err(|error| damage(&error.to_string()))? {
            return Ok(None);
        }
        let bytes =
            stdx::fs::read_all(fs, &path, BYTES_MAX).map_err(|error| damage(&error.to_string()))?;
        let cut =
            bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| damage("no header"))?;
        let (head, body) = (&bytes[..cut], &bytes[cut + 1..]);
        let want = header(body);
        if head != want.as_bytes() {
            return Err(damage("header or checksum are wrong"));
        }
        let parse = || -> Option<Self> {
            let value: Value = serde_json::from_slice(body).ok()?;
            let segments = value.get("segments")?.as_array()?;
            Some(Self {
                flushed_seq: value.get("flushed_seq")?.as_i64()?,
                next_file: value.get("next_file")?.as_u64()?,
                segments: segments.iter().map(Entry::parse).collect::<Option<_>>()?,
                about: value.get("index")?.as_object()?.clone(),
            })
        };
        parse().map(Some).ok_or_else(|| damage("not a manifest"))
    }

    /// Replaces the manifest in `dir`, durably.
    pub(super) fn save(&self, fs: &dyn Fs, dir: &Path) -> io::Result<()> {
        let value = json!({
            "index": self.about,
            "flushed_seq": self.flushed_seq,
            "next_file": self.next_file,
            "segments": self.segments.iter().map(Entry::to_json).collect::<Vec<_>>(),
        });
        let body = serde_json::to_vec(&value).map_err(io::Error::other)?;
        let mut bytes = header(&body).into_bytes();
        bytes.push(b'\n');
        bytes.extend_from_slice(&body);
        stdx::fs::write_atomic(fs, &dir.join(FILE), &bytes)
    }
}

fn header(body: &[u8]) -> String {
    format!("{MAGIC} {VERSION} {:08x}", crc32c(body))
}

/// The name of file `number`, made at `now_ms`: 26 letters, ascending in time as a ULID's.
pub(super) fn file_name(now_ms: i64, number: u64) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let ms = u128::from(now_ms.max(0).cast_unsigned()) & ((1 << 48) - 1);
    let bits = (ms << 80) | u128::from(number);
    let letter = |at: u32| {
        let five = usize::try_from((bits >> (5 * at)) & 31).expect("five bits");
        char::from(LETTERS[five])
    };
    (0..26).rev().map(letter).collect()
}

/// Writes the deleted rows of a segment as a file, durably but for its name.
pub(super) fn save_deleted(fs: &dyn Fs, path: &Path, deleted: &[Option<Bits>]) -> io::Result<()> {
    let mut bytes = DELETED_MAGIC.to_vec();
    put_uvarint(&mut bytes, deleted.len() as u64);
    for bits in deleted {
        let rows: Vec<usize> = bits.iter().flat_map(Bits::iter).collect();
        put_uvarint(&mut bytes, bits.as_ref().map_or(0, Bits::len) as u64);
        put_uvarint(&mut bytes, rows.len() as u64);
        let mut before = 0;
        for row in rows {
            put_uvarint(&mut bytes, (row - before) as u64);
            before = row;
        }
    }
    bytes.extend_from_slice(&crc32c(&bytes).to_le_bytes());
    stdx::fs::write_atomic(fs, path, &bytes)
}

/// Reads what [`save_deleted`] wrote.
pub(super) fn load_deleted(fs: &dyn Fs, path: &Path) -> Result<Vec<Option<Bits>>, String> {
    let damage = |what: &str| format!("{}: {what}", path.display());
    let bytes =
        stdx::fs::read_all(fs, path, BYTES_MAX).map_err(|error| damage(&error.to_string()))?;
    let read = || -> Option<Vec<Option<Bits>>> {
        let (body, sum) = bytes.split_last_chunk::<4>()?;
        if crc32c(body) != u32::from_le_bytes(*sum) {
            return None;
        }
        let mut rest = body.strip_prefix(DELETED_MAGIC.as_slice())?;
        let mut number = || -> Option<usize> {
            let (value, n) = uvarint(rest)?;
            rest = rest.get(n..)?;
            usize::try_from(value).ok()
        };
        let mut all = Vec::new();
        for _ in 0..number()? {
            let (len, count) = (number()?, number()?);
            if len == 0 {
                all.push(None);
                continue;
            }
            if len > BLOCK_ROWS {
                return None;
            }
            let (mut bits, mut row) = (Bits::none(len), 0);
            for _ in 0..count {
                row += number()?;
                if row >= len {
                    return None;
                }
                bits.set(row);
            }
            all.push(Some(bits));
        }
        Some(all)
    };
    read().ok_or_else(|| damage("damaged"))
}

/// Removes what is in an index's folder and not in its manifest: what a crash left half done.
pub(super) fn sweep(fs: &dyn Fs, dir: &Path, manifest: &Manifest) -> io::Result<()> {
    let is_named = |file: &str| {
        manifest.segments.iter().any(|one| one.file == file || one.deleted.as_deref() == Some(file))
    };
    for day in fs.list(dir)?.into_iter().filter(|entry| entry.is_dir) {
        let folder: PathBuf = dir.join(&day.name);
        let mut kept = 0;
        for entry in fs.list(&folder)? {
            if is_named(&format!("{}/{}", day.name, entry.name)) {
                kept += 1;
            } else if !entry.is_dir {
                fs.remove_file(&folder.join(&entry.name))?;
            }
        }
        if kept == 0 {
            fs.remove_dir_all(&folder)?;
        }
    }
    Ok(())
}
