//! The sections of a row group's index, as bytes and back.

use stdx::checksum::crc32c;
use stdx::varint;

use super::bytes::{Cursor, Damage, narrow, put_size, put_text};
use super::column::Chunk;
use super::filter::{Class, Fuse, put_classes, read_classes};
use super::page::{Packer, Unpacker};
use super::templates::{Stand, Templates, goes_on};
use crate::column::Strings;

/// Bytes under one checksum in the sections that are read in pieces.
pub(crate) const PIECE: usize = 1_024;

/// The sections, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// Where the columns' pages are.
    Pages,
    /// Times of the blocks, bitmaps of small dictionaries.
    Zones,
    /// Frequent words, their templates, and the templates of the rows.
    Words,
    /// Texts of the templates.
    Texts,
    /// Rows by minute, service and level.
    Rollup,
    /// Heads and checksums of the two filters.
    Filters,
    /// Slots of the fuse filter, in pieces.
    Fuse,
    /// Bits of the blocks' filters, in pieces.
    Sliced,
}

/// How many there are.
pub(crate) const SECTIONS: usize = 8;

/// Where a section is, from the beginning of its row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SectionAt {
    pub(crate) offset: u64,
    pub(crate) len: u32,
    /// Of all of it; the sections in pieces have theirs in [`Section::Filters`] as well.
    pub(crate) crc: u32,
}

/// Appends a section.
pub(crate) fn append(out: &mut Vec<u8>, bytes: &[u8]) -> SectionAt {
    let at = SectionAt { offset: out.len() as u64, len: narrow(bytes.len()), crc: crc32c(bytes) };
    out.extend_from_slice(bytes);
    at
}

pub(crate) fn put_pages(chunks: &[Chunk], packer: &mut Packer) -> Vec<u8> {
    let mut out = Vec::new();
    put_size(&mut out, chunks.len());
    chunks.iter().for_each(|chunk| chunk.put(&mut out));
    packer.section(&out)
}

/// The chunks of a row group of `columns` columns, `blocks` blocks and `bytes` bytes.
pub(crate) fn read_pages(
    bytes: &[u8],
    columns: usize,
    blocks: usize,
    group_bytes: u64,
) -> Result<Vec<Chunk>, Damage> {
    let raw = Unpacker::new()?.section(bytes)?;
    let mut from = Cursor::new(&raw);
    if from.size(columns)? != columns {
        return Err(Damage::new("columns are missing"));
    }
    (0..columns).map(|_| Chunk::read(&mut from, blocks, group_bytes)).collect()
}

/// What is known of the blocks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Zones {
    pub(crate) times: Vec<(i64, i64)>,
    /// For the columns with a small dictionary: the column, and a bitmap of codes for each block.
    pub(crate) maps: Vec<(usize, Vec<CodeMap>)>,
}

/// Which of at most 256 codes a block has.
pub(crate) type CodeMap = [u64; 4];

pub(crate) fn put_zones(zones: &Zones, packer: &mut Packer) -> Vec<u8> {
    let mut out = Vec::new();
    for (least, most) in &zones.times {
        varint::put_varint(&mut out, *least);
        varint::put_uvarint(&mut out, most.wrapping_sub(*least).cast_unsigned());
    }
    put_size(&mut out, zones.maps.len());
    for (column, maps) in &zones.maps {
        put_size(&mut out, *column);
        for word in maps.iter().flatten() {
            varint::put_uvarint(&mut out, *word);
        }
    }
    packer.section(&out)
}

pub(crate) fn read_zones(bytes: &[u8], columns: usize, blocks: usize) -> Result<Zones, Damage> {
    let raw = Unpacker::new()?.section(bytes)?;
    let mut from = Cursor::new(&raw);
    let mut zones = Zones::default();
    for _ in 0..blocks {
        let least = from.signed()?;
        zones.times.push((least, least.wrapping_add(from.varint()?.cast_signed())));
    }
    for _ in 0..from.size(columns)? {
        let column = from.size(columns.saturating_sub(1))?;
        let mut maps = vec![CodeMap::default(); blocks];
        for word in maps.iter_mut().flatten() {
            *word = from.varint()?;
        }
        zones.maps.push((column, maps));
    }
    Ok(zones)
}

/// Frequent words and templates of a row group.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// Frequent words may be tokens of the filters as well.
    pub(crate) capped: bool,
    /// Ascending.
    pub(crate) words: Strings,
    list_ends: Vec<u32>,
    lists: Vec<(u32, Stand)>,
    /// Rows of each template, the one of no template included.
    pub(crate) rows: Vec<u32>,
    /// Templates (ascending) whose lines may have frequent words that are not in the template: none at all, or lines that go on.
    open: Vec<u32>,
    /// Rows one behind the other of one template: its id and how many.
    runs: Vec<(u32, u32)>,
    /// Where each block's runs end.
    run_ends: Vec<u32>,
}

impl Words {
    /// The templates (ids, ascending) that hold `word`, and how it stands there; `None` when it is not frequent.
    pub(crate) fn templates(&self, word: &str) -> Option<&[(u32, Stand)]> {
        let (mut low, mut high) = (0, self.words.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.words.bytes_of(middle).cmp(word.as_bytes()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(self.list(middle)),
            }
        }
        None
    }

    fn list(&self, at: usize) -> &[(u32, Stand)] {
        let start = if at == 0 { 0 } else { self.list_ends[at - 1] as usize };
        &self.lists[start..self.list_ends[at] as usize]
    }

    /// Whether lines of `template` may have frequent words that are not in it.
    pub(crate) fn is_open(&self, template: u32) -> bool {
        self.open.binary_search(&template).is_ok()
    }

    /// The runs of a block.
    pub(crate) fn runs(&self, block: usize) -> &[(u32, u32)] {
        let start = if block == 0 { 0 } else { self.run_ends[block - 1] as usize };
        &self.runs[start..self.run_ends[block] as usize]
    }
}

/// The words and templates, with the template of each row in the order of the file.
pub(crate) fn put_words(made: &Templates, sorted: &[u32], packer: &mut Packer) -> Vec<u8> {
    let mut order: Vec<u32> = (0..narrow(made.words.len())).collect();
    order.sort_unstable_by_key(|at| made.words.bytes_of(*at as usize));
    let mut lists = vec![Vec::new(); made.words.len()];
    for (template, words) in made.lists.iter().enumerate() {
        words.iter().for_each(|(word, stand)| lists[*word as usize].push((template + 1, *stand)));
    }
    let mut out = vec![u8::from(made.capped)];
    put_size(&mut out, order.len());
    for at in &order {
        put_text(&mut out, made.words.get(*at as usize));
        let list = &lists[*at as usize];
        put_size(&mut out, list.len());
        let mut last = 0;
        for (template, stand) in list {
            put_size(&mut out, (template - last) << 2 | *stand as usize);
            last = *template;
        }
    }
    let mut rows = vec![0; made.lists.len() + 1];
    sorted.iter().for_each(|template| rows[*template as usize] += 1);
    put_size(&mut out, rows.len());
    rows.iter().for_each(|rows| put_size(&mut out, *rows));
    let open = made.texts.iter().enumerate().filter(|(_, text)| goes_on(text));
    let open: Vec<usize> = std::iter::once(0).chain(open.map(|(at, _)| at + 1)).collect();
    put_size(&mut out, open.len());
    open.iter().for_each(|template| put_size(&mut out, *template));
    for block in sorted.chunks(crate::part::BLOCK_ROWS) {
        let runs = block.chunk_by(|a, b| a == b);
        put_size(&mut out, runs.clone().count());
        for run in runs {
            put_size(&mut out, run[0] as usize);
            put_size(&mut out, run.len());
        }
    }
    packer.section(&out)
}

/// Reads what [`put_words`] wrote; `blocks` are the rows of each block.
pub(crate) fn read_words(bytes: &[u8], blocks: &[usize]) -> Result<Words, Damage> {
    let raw = Unpacker::new()?.section(bytes)?;
    let mut from = Cursor::new(&raw);
    let mut made = Words { capped: from.u8()? != 0, ..Words::default() };
    let left = raw.len();
    for _ in 0..from.size(left)? {
        made.words.push(from.text()?);
        let mut last = 0;
        for _ in 0..from.size(left)? {
            let step = from.size(u32::MAX as usize)?;
            last += step >> 2;
            let id = u32::try_from(last).map_err(|_| Damage::new("a template's id"))?;
            let stand = match step & 3 {
                0 => Stand::Alone,
                1 => Stand::Open,
                _ => Stand::Joined,
            };
            made.lists.push((id, stand));
        }
        made.list_ends.push(narrow(made.lists.len()));
    }
    for _ in 0..from.size(left)? {
        made.rows.push(narrow(from.size(super::GROUP_ROWS_MAX)?));
    }
    let most = made.rows.len().saturating_sub(1);
    for _ in 0..from.size(made.rows.len())? {
        made.open.push(narrow(from.size(most)?));
    }
    for rows in blocks {
        let mut sum = 0;
        for _ in 0..from.size(*rows)? {
            let template = narrow(from.size(made.rows.len().saturating_sub(1))?);
            let len = from.size(*rows)?;
            sum += len;
            made.runs.push((template, narrow(len)));
        }
        if sum != *rows {
            return Err(Damage::new("templates that do not fill their block"));
        }
        made.run_ends.push(narrow(made.runs.len()));
    }
    Ok(made)
}

pub(crate) fn put_texts(texts: &[Vec<u8>], packer: &mut Packer) -> Vec<u8> {
    let mut out = Vec::new();
    put_size(&mut out, texts.len());
    for text in texts {
        put_size(&mut out, text.len());
        out.extend_from_slice(text);
    }
    packer.section(&out)
}

pub(crate) fn read_texts(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Damage> {
    let raw = Unpacker::new()?.section(bytes)?;
    let mut from = Cursor::new(&raw);
    let count = from.size(raw.len())?;
    let text = |from: &mut Cursor<'_>| {
        let len = from.size(raw.len())?;
        from.take(len).map(<[u8]>::to_vec)
    };
    (0..count).map(|_| text(&mut from)).collect()
}

/// Rows of a row group by minute, service and level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollup {
    /// Services by their number; the first is empty, for rows without.
    pub services: Vec<String>,
    /// Levels by their number; the first is empty, for rows without.
    pub levels: Vec<String>,
    /// Minutes since 1970, ascending, with the numbers of service and level, and how many rows.
    pub rows: Vec<(i64, u32, u32, u32)>,
}

pub(crate) fn put_rollup(rollup: Option<&Rollup>, packer: &mut Packer) -> Vec<u8> {
    let mut out = vec![u8::from(rollup.is_some())];
    let Some(rollup) = rollup else { return packer.section(&out) };
    for texts in [&rollup.services, &rollup.levels] {
        put_size(&mut out, texts.len());
        texts.iter().for_each(|text| put_text(&mut out, text));
    }
    put_size(&mut out, rollup.rows.len());
    let mut last = 0;
    for (minute, service, level, rows) in &rollup.rows {
        varint::put_varint(&mut out, minute - last);
        last = *minute;
        [service, level, rows].iter().for_each(|of| put_size(&mut out, **of as usize));
    }
    packer.section(&out)
}

pub(crate) fn read_rollup(bytes: &[u8]) -> Result<Option<Rollup>, Damage> {
    let raw = Unpacker::new()?.section(bytes)?;
    let mut from = Cursor::new(&raw);
    if from.u8()? == 0 {
        return Ok(None);
    }
    let texts = |from: &mut Cursor<'_>| -> Result<Vec<String>, Damage> {
        let count = from.size(raw.len())?;
        (0..count).map(|_| from.text().map(str::to_owned)).collect()
    };
    let (services, levels) = (texts(&mut from)?, texts(&mut from)?);
    let mut rollup = Rollup { services, levels, rows: Vec::new() };
    let mut minute = 0_i64;
    for _ in 0..from.size(raw.len())? {
        minute = minute.wrapping_add(from.signed()?);
        let service = narrow(from.size(rollup.services.len().saturating_sub(1))?);
        let level = narrow(from.size(rollup.levels.len().saturating_sub(1))?);
        rollup.rows.push((minute, service, level, narrow(from.size(super::GROUP_ROWS_MAX)?)));
    }
    Ok(Some(rollup))
}

/// Heads of the two filters, and the checksums of their pieces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filters {
    /// `None`: no filter could be made, each token may be there.
    pub(crate) fuse: Option<Fuse>,
    pub(crate) fuse_crcs: Vec<u32>,
    pub(crate) classes: Vec<Class>,
    pub(crate) sliced_crcs: Vec<u32>,
}

pub(crate) fn put_filters(
    fuse: Option<&Fuse>,
    slots: &[u8],
    classes: &[Class],
    sliced: &[u8],
) -> Vec<u8> {
    let mut out = vec![u8::from(fuse.is_some())];
    if let Some(fuse) = fuse {
        fuse.put(&mut out);
    }
    put_classes(classes, &mut out);
    for pieces in [slots, sliced] {
        for piece in pieces.chunks(PIECE) {
            out.extend_from_slice(&crc32c(piece).to_le_bytes());
        }
    }
    out
}

/// Reads what [`put_filters`] wrote, for filters of so many bytes.
pub(crate) fn read_filters(
    bytes: &[u8],
    blocks: usize,
    slots: usize,
    sliced: usize,
) -> Result<Filters, Damage> {
    let mut from = Cursor::new(bytes);
    let fuse = if from.u8()? == 0 { None } else { Some(Fuse::read(&mut from)?) };
    if fuse.as_ref().map_or(0, Fuse::slots) != slots {
        return Err(Damage::new("a filter that does not fill its section"));
    }
    let classes = read_classes(&mut from, blocks, sliced)?;
    let crcs = |from: &mut Cursor<'_>, len: usize| -> Result<Vec<u32>, Damage> {
        (0..len.div_ceil(PIECE)).map(|_| from.u32()).collect()
    };
    let (fuse_crcs, sliced_crcs) = (crcs(&mut from, slots)?, crcs(&mut from, sliced)?);
    Ok(Filters { fuse, fuse_crcs, classes, sliced_crcs })
}
