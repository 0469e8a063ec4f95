//! What the directory knows of a row group's columns: where their pages are and what is in them.

use stdx::varint;

use super::bytes::{Cursor, Damage, narrow, put_size};
use crate::column::Kind;

/// What an `Int` column counts, for other readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Unit {
    Plain,
    Micros,
    Nanos,
    /// Microseconds that are all whole milliseconds: kept as those, which halves them.
    Millis,
}

/// Microseconds of a millisecond.
pub(crate) const MILLI: i64 = 1_000;

/// A column of the file: a field, the kind of its values, and the shape that they have on disk. What differs in any of these is another column to
/// Parquet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) field: String,
    pub(crate) kind: Kind,
    pub(crate) unit: Unit,
    /// Whether rows may have several values (a `LIST`).
    pub(crate) list: bool,
}

/// How values are laid down in a column's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Texts by their place in the dictionary.
    Dictionary,
    /// Texts: lengths, then bytes.
    DeltaLength,
    /// Integers.
    Delta,
    /// Floats, bools.
    Plain,
}

impl Encoding {
    /// Parquet's number.
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Dictionary => 8,
            Self::DeltaLength => 6,
            Self::Delta => 5,
            Self::Plain => 0,
        }
    }

    fn from_code(code: u8) -> Result<Self, Damage> {
        let all = [Self::Dictionary, Self::DeltaLength, Self::Delta, Self::Plain];
        let found = all.into_iter().find(|encoding| encoding.code() == i32::from(code));
        found.ok_or_else(|| Damage(format!("encoding {code}")))
    }
}

/// A page in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Page {
    /// From the beginning of its row group.
    pub(crate) offset: u64,
    /// With its header.
    pub(crate) len: u32,
    /// Of all its bytes, the header's too.
    pub(crate) crc: u32,
    /// Bytes of the header.
    pub(crate) head: u32,
    pub(crate) rep_len: u32,
    pub(crate) def_len: u32,
    /// Bytes of the values before compression.
    pub(crate) raw: u32,
    pub(crate) compressed: bool,
    /// Values and the places of missing ones.
    pub(crate) slots: u32,
    /// Slots without a value.
    pub(crate) missing: u32,
}

/// The column of one row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) encoding: Encoding,
    /// The dictionary's page and how many words it has.
    pub(crate) dictionary: Option<(Page, u32)>,
    /// One a block.
    pub(crate) pages: Vec<Page>,
    /// Least and greatest value of each block (`None`: none there), for columns of integers.
    pub(crate) ranges: Vec<Option<(i64, i64)>>,
}

impl Chunk {
    /// Values, missing ones too.
    pub(crate) fn slots(&self) -> u64 {
        self.pages.iter().map(|page| u64::from(page.slots)).sum()
    }

    /// All pages in order of their place.
    pub(crate) fn all_pages(&self) -> impl Iterator<Item = &Page> {
        self.dictionary.iter().map(|(page, _)| page).chain(&self.pages)
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.push(self.encoding.code().to_le_bytes()[0]);
        out.push(u8::from(self.dictionary.is_some()));
        // Pages lie one behind the other.
        let mut end = self.all_pages().next().map_or(0, |page| page.offset);
        varint::put_uvarint(out, end);
        for page in self.all_pages() {
            debug_assert_eq!(page.offset, end, "pages of a column are adjacent");
            end += u64::from(page.len);
            for number in [page.len, page.head, page.rep_len, page.def_len, page.raw] {
                varint::put_uvarint(out, u64::from(number));
            }
            varint::put_uvarint(out, u64::from(page.slots) << 1 | u64::from(page.compressed));
            varint::put_uvarint(out, u64::from(page.missing));
            out.extend_from_slice(&page.crc.to_le_bytes());
        }
        if let Some((_, words)) = &self.dictionary {
            varint::put_uvarint(out, u64::from(*words));
        }
        put_size(out, self.ranges.len());
        for range in &self.ranges {
            match range {
                None => out.push(0),
                Some((least, most)) => {
                    out.push(1);
                    varint::put_varint(out, *least);
                    varint::put_uvarint(out, most.wrapping_sub(*least).cast_unsigned());
                }
            }
        }
    }

    /// Reads the chunk of a row group of `blocks` blocks and `bytes` bytes.
    pub(crate) fn read(from: &mut Cursor<'_>, blocks: usize, bytes: u64) -> Result<Self, Damage> {
        let encoding = Encoding::from_code(from.u8()?)?;
        let has_dictionary = from.u8()? == 1;
        let mut at = from.varint()?;
        let mut page = |from: &mut Cursor<'_>| -> Result<Page, Damage> {
            let page = read_page(from, at)?;
            at = at.saturating_add(u64::from(page.len));
            if at > bytes {
                return Err(Damage::new("a page beyond its row group"));
            }
            Ok(page)
        };
        let dictionary = if has_dictionary { Some(page(from)?) } else { None };
        let pages = (0..blocks).map(|_| page(from)).collect::<Result<Vec<_>, _>>()?;
        let dictionary = match dictionary {
            None => None,
            Some(page) => Some((page, narrow(from.size(u32::MAX as usize >> 4)?))),
        };
        if (encoding == Encoding::Dictionary) != dictionary.is_some() {
            return Err(Damage::new("a dictionary that is not of its encoding"));
        }
        let count = from.size(blocks)?;
        let range = |from: &mut Cursor<'_>| -> Result<Option<(i64, i64)>, Damage> {
            if from.u8()? == 0 {
                return Ok(None);
            }
            let least = from.signed()?;
            Ok(Some((least, least.wrapping_add(from.varint()?.cast_signed()))))
        };
        let ranges = (0..count).map(|_| range(from)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { encoding, dictionary, pages, ranges })
    }
}

fn read_page(from: &mut Cursor<'_>, offset: u64) -> Result<Page, Damage> {
    let number = |from: &mut Cursor<'_>| from.size(PAGE_BYTES_MAX).map(narrow);
    let len = number(from)?;
    let (head, rep_len, def_len) = (number(from)?, number(from)?, number(from)?);
    let raw = number(from)?;
    let slots = from.size(SLOTS_MAX << 1 | 1)?;
    let missing = number(from)?;
    let levels = u64::from(head) + u64::from(rep_len) + u64::from(def_len);
    let (slots, compressed) = (narrow(slots >> 1), slots & 1 == 1);
    if levels > u64::from(len) || missing > slots {
        return Err(Damage::new("a page whose parts are longer than itself"));
    }
    let crc = from.u32()?;
    Ok(Page { offset, len, crc, head, rep_len, def_len, raw, compressed, slots, missing })
}

/// Most values of a page, missing ones too: numbers of two bytes each in a memtable's documents.
const SLOTS_MAX: usize = 1 << 26;

/// Most bytes of a page, before and after compression: a dictionary, or 2,048 rows of a memtable's bytes.
pub(crate) const PAGE_BYTES_MAX: usize = 1 << 30;
