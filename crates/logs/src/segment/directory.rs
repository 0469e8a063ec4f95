//! The directory: what a segment holds and where, and the trailer by which it is found.
//!
//! The trailer lies right before Parquet's footer, whose length is the file's last number but one. It has checksums of directory and footer,
//! and one of itself.

use stdx::checksum::crc32c;
use stdx::varint;

use super::bytes::{Cursor, Damage, narrow, put_size, put_text};
use super::column::{Key, Unit};
use super::sections::{SECTIONS, SectionAt};
use super::{GROUP_ROWS_MAX, VERSION};
use crate::column::Kind;

const MAGIC: &[u8; 4] = b"LIX1";

/// Bytes of the trailer.
pub(crate) const TRAILER: usize = 24;

/// What the end of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) directory_len: u32,
    directory_crc: u32,
    footer_crc: u32,
}

impl Trailer {
    pub(crate) fn new(directory: &[u8], footer: &[u8]) -> Self {
        Self {
            directory_len: narrow(directory.len()),
            directory_crc: crc32c(directory),
            footer_crc: crc32c(footer),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for number in [VERSION, self.directory_len, self.directory_crc, self.footer_crc] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&crc32c(&out).to_le_bytes());
        out
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Damage> {
        let mut from = Cursor::new(bytes);
        if from.take(4)? != MAGIC {
            return Err(Damage::new("no text index before the footer"));
        }
        let version = from.u32()?;
        let made = Self {
            directory_len: from.u32()?,
            directory_crc: from.u32()?,
            footer_crc: from.u32()?,
        };
        if from.u32()? != crc32c(&bytes[..TRAILER - 4]) {
            return Err(Damage::new("the trailer's checksum does not fit"));
        }
        if version != VERSION {
            return Err(Damage(format!("version {version}, this program reads {VERSION}")));
        }
        Ok(made)
    }

    /// Checks what the trailer has checksums of.
    pub(crate) fn check(&self, directory: &[u8], footer: &[u8]) -> Result<(), Damage> {
        if crc32c(directory) != self.directory_crc {
            return Err(Damage::new("the directory's checksum does not fit"));
        }
        if crc32c(footer) != self.footer_crc {
            return Err(Damage::new("the footer's checksum does not fit"));
        }
        Ok(())
    }
}

/// A row group in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where it begins in the file, and its bytes with its index.
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) rows: usize,
    pub(crate) times: (i64, i64),
    pub(crate) seqs: (i64, i64),
    pub(crate) main: String,
    /// For each of its columns, the place in [`Directory::keys`].
    pub(crate) keys: Vec<usize>,
    pub(crate) sections: [SectionAt; SECTIONS],
}

/// What a segment holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Directory {
    /// The key that identifiers are made with (`crate::ids`).
    pub(crate) id_key: u64,
    pub(crate) keys: Vec<Key>,
    pub(crate) groups: Vec<Entry>,
    /// Parquet's page index, and pages for columns that a row group does not have: offset, bytes, checksum.
    pub(crate) foreign: (u64, u64, u32),
}

/// Most row groups of a segment, and most columns.
pub(crate) const GROUPS_MAX: usize = 4_096;
const KEYS_MAX: usize = 1 << 20;

impl Directory {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        varint::put_uvarint(&mut out, u64::from(crate::text::finest::VERSION));
        out.extend_from_slice(&self.id_key.to_le_bytes());
        put_size(&mut out, self.keys.len());
        for key in &self.keys {
            put_text(&mut out, &key.field);
            let kind = match key.kind {
                Kind::Str => 0,
                Kind::Int => 1,
                Kind::Float => 2,
                Kind::Bool => 3,
            };
            let unit = match key.unit {
                Unit::Plain => 0,
                Unit::Micros => 1,
                Unit::Nanos => 2,
                Unit::Millis => 3,
            };
            out.push(kind | unit << 2 | u8::from(key.list) << 4);
        }
        put_size(&mut out, self.groups.len());
        for group in &self.groups {
            varint::put_uvarint(&mut out, group.offset);
            varint::put_uvarint(&mut out, group.len);
            put_size(&mut out, group.rows);
            for time in [group.times.0, group.times.1, group.seqs.0, group.seqs.1] {
                varint::put_varint(&mut out, time);
            }
            put_text(&mut out, &group.main);
            put_size(&mut out, group.keys.len());
            group.keys.iter().for_each(|key| put_size(&mut out, *key));
            for section in &group.sections {
                varint::put_uvarint(&mut out, section.offset);
                varint::put_uvarint(&mut out, u64::from(section.len));
                out.extend_from_slice(&section.crc.to_le_bytes());
            }
        }
        varint::put_uvarint(&mut out, self.foreign.0);
        varint::put_uvarint(&mut out, self.foreign.1);
        out.extend_from_slice(&self.foreign.2.to_le_bytes());
        out
    }

    /// Reads the directory of a file whose directory begins at `end`.
    pub(crate) fn read(bytes: &[u8], end: u64) -> Result<Self, Damage> {
        let mut from = Cursor::new(bytes);
        let version = from.varint()?;
        if version != u64::from(crate::text::finest::VERSION) {
            return Err(Damage(format!("words by rule {version}")));
        }
        let id_key = from.u64()?;
        let count = from.size(KEYS_MAX)?;
        let keys = (0..count).map(|_| read_key(&mut from)).collect::<Result<Vec<_>, _>>()?;
        let count = from.size(GROUPS_MAX)?;
        let group = |from: &mut Cursor<'_>| read_group(from, keys.len(), end);
        let groups = (0..count).map(|_| group(&mut from)).collect::<Result<Vec<_>, _>>()?;
        let foreign = (from.varint()?, from.varint()?, from.u32()?);
        inside(foreign.0, foreign.1, end)?;
        if !from.is_empty() {
            return Err(Damage::new("the directory has a tail"));
        }
        Ok(Self { id_key, keys, groups, foreign })
    }
}

fn inside(offset: u64, len: u64, end: u64) -> Result<(), Damage> {
    match offset.checked_add(len) {
        Some(stop) if stop <= end => Ok(()),
        Some(_) | None => Err(Damage(format!("{len} bytes at {offset}, beyond {end}"))),
    }
}

fn read_key(from: &mut Cursor<'_>) -> Result<Key, Damage> {
    let field = from.text()?.to_owned();
    let code = from.u8()?;
    let kind = match code & 3 {
        0 => Kind::Str,
        1 => Kind::Int,
        2 => Kind::Float,
        _ => Kind::Bool,
    };
    let unit = match code >> 2 & 3 {
        0 => Unit::Plain,
        1 => Unit::Micros,
        2 => Unit::Nanos,
        _ => Unit::Millis,
    };
    Ok(Key { field, kind, unit, list: code >> 4 & 1 == 1 })
}

fn read_group(from: &mut Cursor<'_>, keys: usize, end: u64) -> Result<Entry, Damage> {
    let (offset, len) = (from.varint()?, from.varint()?);
    inside(offset, len, end)?;
    let rows = from.size(GROUP_ROWS_MAX)?;
    let (times, seqs) = ((from.signed()?, from.signed()?), (from.signed()?, from.signed()?));
    let main = from.text()?.to_owned();
    let count = from.size(keys)?;
    let key = |from: &mut Cursor<'_>| from.size(keys.saturating_sub(1));
    let keys = (0..count).map(|_| key(from)).collect::<Result<Vec<_>, _>>()?;
    let mut sections = [SectionAt::default(); SECTIONS];
    for section in &mut sections {
        let offset = from.varint()?;
        let bytes = from.size(u32::MAX as usize >> 1)?;
        inside(offset, bytes as u64, len)?;
        *section = SectionAt { offset, len: narrow(bytes), crc: from.u32()? };
    }
    if rows == 0 {
        return Err(Damage::new("a row group without rows"));
    }
    Ok(Entry { offset, len, rows, times, seqs, main, keys, sections })
}
