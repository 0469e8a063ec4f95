//! A segment that is open: its directory in memory, everything else read when it is asked for.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use stdx::checksum::crc32c;
use stdx::fs::{File, Fs, OpenMode};

use super::bytes::Damage;
use super::column::{Chunk, MILLI, Page, Unit};
use super::directory::{Directory, Entry, TRAILER, Trailer};
use super::page::{Shape, Unpacker};
use super::sections::{self, Filters, PIECE, Section, SectionAt, Words, Zones};
use super::write::MAGIC;
use super::{Rollup, templates};
use crate::bits::Bits;
use crate::column::{Column, Kind, Strings, Values};
use crate::part::{BLOCK_ROWS, ReadError};

/// Bytes of a file's end that are read at once when it is opened.
const TAIL_BYTES: usize = 64 << 10;

/// Bytes of filters and dictionaries that all open segments together keep in memory; what is over is read again each time.
const KEPT_BYTES_MAX: usize = 192 << 20;

/// Bytes that are kept now.
static KEPT_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Takes `bytes` of the budget, if they are left.
fn keep(bytes: usize) -> bool {
    let more = |kept: usize| kept.checked_add(bytes).filter(|kept| *kept <= KEPT_BYTES_MAX);
    KEPT_BYTES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
}

/// An open segment.
#[derive(Debug)]
pub struct Segment {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn File>,
    pub(crate) len: u64,
    pub(crate) directory: Directory,
    pub(crate) groups: Vec<Group>,
    pub(crate) rows: usize,
    pub(crate) blocks: usize,
}

/// What was read of a row group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) first_block: usize,
    pub(crate) blocks: usize,
    chunks: OnceLock<Vec<Chunk>>,
    zones: OnceLock<Zones>,
    words: OnceLock<Words>,
    filters: OnceLock<Filters>,
    fuse: OnceLock<Vec<u8>>,
    dictionaries: Vec<Mutex<Kept>>,
    /// The last tokens that were looked for, and the blocks that may have all of them.
    asked: Mutex<Vec<(Vec<u64>, Arc<Bits>)>>,
    /// Bytes of the budget that are kept here.
    kept: AtomicUsize,
}

/// Token lists whose blocks are remembered.
const ASKED_MAX: usize = 8;

/// A dictionary as long as somebody uses it, or as long as the segment is open.
#[derive(Debug, Default)]
struct Kept {
    strong: Option<Arc<Strings>>,
    weak: Weak<Strings>,
}

impl Drop for Group {
    fn drop(&mut self) {
        KEPT_BYTES.fetch_sub(*self.kept.get_mut(), Ordering::Relaxed);
    }
}

impl Group {
    fn new(entry: &Entry, first_block: usize) -> Self {
        Self {
            first_block,
            blocks: entry.rows.div_ceil(BLOCK_ROWS),
            chunks: OnceLock::new(),
            zones: OnceLock::new(),
            words: OnceLock::new(),
            filters: OnceLock::new(),
            fuse: OnceLock::new(),
            dictionaries: entry.keys.iter().map(|_| Mutex::default()).collect(),
            asked: Mutex::default(),
            kept: AtomicUsize::new(0),
        }
    }
}

thread_local! {
    static UNPACKER: std::cell::RefCell<Option<Unpacker>> = const { std::cell::RefCell::new(None) };
}

/// Runs `with` with the thread's zstd context.
fn unpack<T>(with: impl FnOnce(&mut Unpacker) -> Result<T, Damage>) -> Result<T, Damage> {
    UNPACKER.with_borrow_mut(|kept| {
        let mut unpacker = match kept.take() {
            Some(unpacker) => unpacker,
            None => Unpacker::new()?,
        };
        let done = with(&mut unpacker);
        *kept = Some(unpacker);
        done
    })
}

impl Segment {
    /// Opens the segment at `path`: reads its end, and nothing else.
    ///
    /// # Errors
    /// The disk, or a file that is damaged or none of ours.
    pub fn open(fs: &dyn Fs, path: &Path) -> Result<Arc<Self>, ReadError> {
        let name = path.display().to_string();
        let io = |error: std::io::Error| Damage(error.to_string());
        let open = || -> Result<Inner, Damage> {
            let file = fs.open(path, OpenMode::Read).map_err(io)?;
            let len = file.len().map_err(io)?;
            let directory = read_directory(&*file, len)?;
            let mut first_block = 0;
            let mut groups = Vec::with_capacity(directory.groups.len());
            for entry in &directory.groups {
                let group = Group::new(entry, first_block);
                first_block += group.blocks;
                groups.push(group);
            }
            let rows = directory.groups.iter().map(|entry| entry.rows).sum();
            Ok(Inner {
                name: name.clone(),
                file,
                len,
                directory,
                groups,
                rows,
                blocks: first_block,
            })
        };
        match open() {
            Ok(inner) => Ok(Arc::new(Self { inner: Arc::new(inner) })),
            Err(Damage(what)) => Err(ReadError { part: name.clone(), block: 0, what }),
        }
    }

    /// First and last `_seq`; `None` without rows.
    #[must_use]
    pub fn seqs(&self) -> Option<(i64, i64)> {
        let groups = self.inner.directory.groups.iter().map(|entry| entry.seqs);
        groups.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
    }

    /// Row groups: flushes that were put together.
    #[must_use]
    pub fn group_count(&self) -> usize {
        self.inner.groups.len()
    }

    /// Rows by minute, service and level of each row group; `None` for a row group with too many combinations.
    ///
    /// # Errors
    /// Damage.
    pub fn rollups(&self) -> Result<Vec<Option<Rollup>>, ReadError> {
        let one = |at| {
            let bytes = self.inner.section(at, Section::Rollup)?;
            sections::read_rollup(&bytes).map_err(|damage| self.inner.damaged(at, &damage))
        };
        (0..self.inner.groups.len()).map(one).collect()
    }

    /// The templates of each row group with how many rows have them: its lines with `<*>` for what differs.
    ///
    /// # Errors
    /// Damage.
    pub fn templates(&self) -> Result<Vec<Vec<(String, u32)>>, ReadError> {
        let one = |at| -> Result<Vec<(String, u32)>, ReadError> {
            let bytes = self.inner.section(at, Section::Texts)?;
            let texts = sections::read_texts(&bytes);
            let texts = texts.map_err(|damage| self.inner.damaged(at, &damage))?;
            let rows = &self.inner.words(at)?.rows;
            let texts = texts.iter().map(|text| templates::readable(text));
            Ok(texts.zip(rows.iter().skip(1).copied()).collect())
        };
        (0..self.inner.groups.len()).map(one).collect()
    }
}

pub(crate) fn read_exact(file: &dyn File, offset: u64, len: usize) -> Result<Vec<u8>, Damage> {
    let mut bytes = vec![0; len];
    let read = file.read_at(offset, &mut bytes).map_err(|error| Damage(error.to_string()))?;
    if read != len {
        return Err(Damage(format!("the file ends {} bytes early", len - read)));
    }
    Ok(bytes)
}

/// Length of the footer's length and of the magic behind it.
const END: usize = 8;

fn read_directory(file: &dyn File, len: u64) -> Result<Directory, Damage> {
    let tail_len = usize::try_from(len).unwrap_or(usize::MAX).min(TAIL_BYTES);
    let mut tail = read_exact(file, len - tail_len as u64, tail_len)?;
    let Some(end) = tail.len().checked_sub(END) else {
        return Err(Damage(format!("{len} bytes are no segment")));
    };
    if &tail[end + 4..] != MAGIC || read_exact(file, 0, 4)? != MAGIC {
        return Err(Damage::new("no Parquet file"));
    }
    let footer_len = super::bytes::Cursor::new(&tail[end..]).u32()? as usize;
    let whole = |from_end: usize, tail: &mut Vec<u8>| -> Result<usize, Damage> {
        if from_end as u64 > len {
            return Err(Damage(format!("{from_end} bytes of footer in {len}")));
        }
        if from_end > tail.len() {
            *tail = read_exact(file, len - from_end as u64, from_end)?;
        }
        Ok(tail.len() - from_end)
    };
    let at = whole(END + footer_len + TRAILER, &mut tail)?;
    let trailer = Trailer::read(&tail[at..at + TRAILER])?;
    let directory_len = trailer.directory_len as usize;
    let at = whole(END + footer_len + TRAILER + directory_len, &mut tail)?;
    let directory = &tail[at..at + directory_len];
    let footer = at + directory_len + TRAILER;
    trailer.check(directory, &tail[footer..footer + footer_len])?;
    Directory::read(directory, len - (tail.len() - at) as u64)
}

impl Inner {
    pub(crate) fn damaged(&self, group: usize, damage: &Damage) -> ReadError {
        self.damaged_block(self.groups[group].first_block, damage)
    }

    pub(crate) fn damaged_block(&self, block: usize, damage: &Damage) -> ReadError {
        ReadError { part: self.name.clone(), block, what: damage.0.clone() }
    }

    /// The row group of a block.
    pub(crate) fn group_of(&self, block: usize) -> usize {
        self.groups.partition_point(|group| group.first_block + group.blocks <= block)
    }

    /// Rows of block `at` of its row group.
    pub(crate) fn block_rows(&self, group: usize, at: usize) -> usize {
        (self.directory.groups[group].rows - at * BLOCK_ROWS).min(BLOCK_ROWS)
    }

    pub(crate) fn read(&self, group: usize, offset: u64, len: usize) -> Result<Vec<u8>, Damage> {
        read_exact(&*self.file, self.directory.groups[group].offset + offset, len)
    }

    fn section_at(&self, group: usize, section: Section) -> SectionAt {
        self.directory.groups[group].sections[section as usize]
    }

    /// The bytes of a section, checked.
    pub(crate) fn section(&self, group: usize, section: Section) -> Result<Vec<u8>, ReadError> {
        let at = self.section_at(group, section);
        let bytes = self.read(group, at.offset, at.len as usize);
        let bytes = bytes.map_err(|damage| self.damaged(group, &damage))?;
        if crc32c(&bytes) != at.crc {
            let damage = Damage(format!("the checksum of the index ({section:?}) does not fit"));
            return Err(self.damaged(group, &damage));
        }
        Ok(bytes)
    }

    /// A section, read once.
    fn once<'a, T>(
        &self,
        group: usize,
        section: Section,
        cell: &'a OnceLock<T>,
        read: impl FnOnce(&[u8]) -> Result<T, Damage>,
    ) -> Result<&'a T, ReadError> {
        if let Some(made) = cell.get() {
            return Ok(made);
        }
        let bytes = self.section(group, section)?;
        let made = read(&bytes).map_err(|damage| self.damaged(group, &damage))?;
        Ok(cell.get_or_init(|| made))
    }

    pub(crate) fn chunks(&self, group: usize) -> Result<&[Chunk], ReadError> {
        let (of, entry) = (&self.groups[group], &self.directory.groups[group]);
        let read =
            |bytes: &[u8]| sections::read_pages(bytes, entry.keys.len(), of.blocks, entry.len);
        self.once(group, Section::Pages, &of.chunks, read).map(Vec::as_slice)
    }

    pub(crate) fn zones(&self, group: usize) -> Result<&Zones, ReadError> {
        let of = &self.groups[group];
        let columns = self.directory.groups[group].keys.len();
        let read = |bytes: &[u8]| sections::read_zones(bytes, columns, of.blocks);
        self.once(group, Section::Zones, &of.zones, read)
    }

    pub(crate) fn words(&self, group: usize) -> Result<&Words, ReadError> {
        let of = &self.groups[group];
        let read = |bytes: &[u8]| {
            let rows: Vec<usize> = (0..of.blocks).map(|at| self.block_rows(group, at)).collect();
            sections::read_words(bytes, &rows)
        };
        self.once(group, Section::Words, &of.words, read)
    }

    pub(crate) fn filters(&self, group: usize) -> Result<&Filters, ReadError> {
        let of = &self.groups[group];
        let len = |section| self.section_at(group, section).len as usize;
        let (slots, sliced) = (len(Section::Fuse), len(Section::Sliced));
        let read = |bytes: &[u8]| sections::read_filters(bytes, of.blocks, slots, sliced);
        self.once(group, Section::Filters, &of.filters, read)
    }

    /// The bytes of piece `at` of a section in pieces, checked.
    fn piece(
        &self,
        group: usize,
        section: Section,
        crcs: &[u32],
        at: usize,
    ) -> Result<Vec<u8>, ReadError> {
        let place = self.section_at(group, section);
        let start = at * PIECE;
        let len = (place.len as usize).saturating_sub(start).min(PIECE);
        let bytes = self.read(group, place.offset + start as u64, len);
        let bytes = bytes.map_err(|damage| self.damaged(group, &damage))?;
        if crcs.get(at) != Some(&crc32c(&bytes)) {
            let damage = Damage(format!("the checksum of the index ({section:?}) does not fit"));
            return Err(self.damaged(group, &damage));
        }
        Ok(bytes)
    }

    /// Whether row group `group` may have all of `tokens`.
    pub(crate) fn group_has(&self, group: usize, tokens: &[u64]) -> Result<bool, ReadError> {
        let filters = self.filters(group)?;
        let Some(fuse) = &filters.fuse else { return Ok(true) };
        let of = &self.groups[group];
        if of.fuse.get().is_none() && keep(fuse.slots()) {
            of.kept.fetch_add(fuse.slots(), Ordering::Relaxed);
            let slots = self.section(group, Section::Fuse)?;
            of.fuse.get_or_init(|| slots);
        }
        for token in tokens {
            let (places, mut byte) = fuse.places(*token);
            for place in places {
                byte ^= match of.fuse.get() {
                    Some(slots) => slots[place],
                    None => {
                        let crcs = &filters.fuse_crcs;
                        self.piece(group, Section::Fuse, crcs, place / PIECE)?[place % PIECE]
                    }
                };
            }
            if byte != 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The blocks of row group `group` that may have all of `tokens`.
    pub(crate) fn blocks_with(&self, group: usize, tokens: &[u64]) -> Result<Arc<Bits>, ReadError> {
        let of = &self.groups[group];
        let lock = || of.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bits)) = lock().iter().find(|(asked, _)| asked == tokens) {
            return Ok(Arc::clone(bits));
        }
        let mut bits = Bits::none(of.blocks);
        if self.group_has(group, tokens)? {
            bits = Bits::all(of.blocks);
            let filters = self.filters(group)?;
            for token in tokens {
                self.sieve(group, filters, *token, &mut bits)?;
            }
        }
        let bits = Arc::new(bits);
        let mut asked = lock();
        if asked.len() >= ASKED_MAX {
            asked.remove(0);
        }
        asked.push((tokens.to_vec(), Arc::clone(&bits)));
        Ok(bits)
    }

    /// Takes the blocks out of `bits` whose filters deny `token`.
    fn sieve(
        &self,
        group: usize,
        filters: &Filters,
        token: u64,
        bits: &mut Bits,
    ) -> Result<(), ReadError> {
        let mut held: Option<(usize, Vec<u8>)> = None;
        for class in &filters.classes {
            for run in class.runs(token) {
                for (bit, block) in run.zip(&class.blocks) {
                    let at = bit / 8 / PIECE;
                    let piece = match held.take() {
                        Some((have, piece)) if have == at => piece,
                        Some(_) | None => {
                            self.piece(group, Section::Sliced, &filters.sliced_crcs, at)?
                        }
                    };
                    if piece[bit / 8 % PIECE] >> (bit % 8) & 1 == 0 {
                        bits.clear(*block as usize);
                    }
                    held = Some((at, piece));
                }
            }
        }
        Ok(())
    }

    /// The place among a row group's columns of `field`'s values of `kind`.
    pub(crate) fn column_at(&self, group: usize, field: &str, kind: Kind) -> Option<usize> {
        self.directory.groups[group].keys.iter().position(|key| {
            let key = &self.directory.keys[*key];
            key.kind == kind && key.field == field
        })
    }

    /// The words of a column's dictionary; `None` when it has none.
    pub(crate) fn dictionary(
        &self,
        group: usize,
        column: usize,
    ) -> Result<Option<Arc<Strings>>, ReadError> {
        let chunk = &self.chunks(group)?[column];
        let Some((page, words)) = &chunk.dictionary else { return Ok(None) };
        let of = &self.groups[group];
        let mut kept = of.dictionaries[column].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(words) = kept.weak.upgrade() {
            return Ok(Some(words));
        }
        let read = || {
            let bytes = self.read(group, page.offset, page.len as usize)?;
            unpack(|unpacker| unpacker.dictionary(page, *words, &bytes))
        };
        let made = Arc::new(read().map_err(|damage| self.damaged(group, &damage))?);
        let bytes = made.byte_len() + made.len() * size_of::<u32>();
        if kept.strong.is_none() && keep(bytes) {
            of.kept.fetch_add(bytes, Ordering::Relaxed);
            kept.strong = Some(Arc::clone(&made));
        }
        kept.weak = Arc::downgrade(&made);
        Ok(Some(made))
    }

    /// The column of block `at` of a row group.
    pub(crate) fn column(
        &self,
        group: usize,
        column: usize,
        at: usize,
    ) -> Result<Column, ReadError> {
        let chunk = &self.chunks(group)?[column];
        let words = self.dictionary(group, column)?;
        let key = &self.directory.keys[self.directory.groups[group].keys[column]];
        let shape = Shape {
            rows: self.block_rows(group, at),
            kind: key.kind,
            list: key.list,
            encoding: chunk.encoding,
        };
        let page: &Page = &chunk.pages[at];
        let read = || {
            let bytes = self.read(group, page.offset, page.len as usize)?;
            unpack(|unpacker| unpacker.column(&shape, page, &bytes, words.as_ref()))
        };
        let mut column = read()
            .map_err(|damage| self.damaged_block(self.groups[group].first_block + at, &damage))?;
        if key.unit == Unit::Millis
            && let Values::Int(values) = &mut column.values
        {
            values.iter_mut().for_each(|value| *value = value.wrapping_mul(MILLI));
        }
        Ok(column)
    }
}
