//! Data pages (Parquet's version 2) and dictionary pages: rows' values in, bytes out, and back.

use std::sync::Arc;

use stdx::checksum::crc32c;

use super::bytes::{Cursor, Damage, narrow};
use super::column::{Encoding, PAGE_BYTES_MAX, Page};
use super::thrift::Writer;
use super::{delta, hybrid};
use crate::column::{Column, Kind, Rows, Strings, Values};

/// zstd's level: levels above it do not pay on lines full of digits (log-segment.md).
const LEVEL: i32 = 1;

/// Definition level of a value in a list: list there, item there.
const LIST_FULL: u32 = 2;

/// How many values each of a block's rows has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots<'a> {
    pub(crate) rows: usize,
    /// Where each row's values begin, one longer than there are rows; `None`: one each.
    pub(crate) starts: Option<&'a [u32]>,
    pub(crate) list: bool,
}

/// The values of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Raw<'a> {
    Texts(&'a Strings),
    Codes(&'a [u32], u8),
    Ints(&'a [i64]),
    Floats(&'a [f64]),
    Bools(&'a [bool]),
}

/// Makes pages; keeps its buffers.
pub(crate) struct Packer {
    zstd: zstd::bulk::Compressor<'static>,
    raw: Vec<u8>,
    packed: Vec<u8>,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packer")
    }
}

impl Packer {
    pub(crate) fn new() -> std::io::Result<Self> {
        let zstd = zstd::bulk::Compressor::new(LEVEL)?;
        Ok(Self { zstd, raw: Vec::new(), packed: Vec::new() })
    }

    /// Compresses what is in `raw` into `packed`; whether that made it smaller.
    fn compress(&mut self) -> bool {
        self.packed.resize(zstd::zstd_safe::compress_bound(self.raw.len()), 0);
        match self.zstd.compress_to_buffer(&self.raw, &mut self.packed) {
            Ok(len) if len < self.raw.len() => {
                self.packed.truncate(len);
                true
            }
            // Whatever zstd refuses is kept as it is.
            Ok(_) | Err(_) => false,
        }
    }

    /// `bytes` compressed, their length in front.
    pub(crate) fn section(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.raw.clear();
        self.raw.extend_from_slice(bytes);
        let mut out = Vec::new();
        let compressed = self.compress();
        super::bytes::put_size(&mut out, bytes.len() << 1 | usize::from(compressed));
        out.extend_from_slice(if compressed { &self.packed } else { &self.raw });
        out
    }

    /// Appends the page of a block.
    pub(crate) fn data_page(
        &mut self,
        slots: Slots<'_>,
        values: Raw<'_>,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) -> Page {
        let (mut reps, mut defs) = (Vec::new(), Vec::new());
        let (count, missing) = levels(slots, &mut reps, &mut defs);
        self.raw.clear();
        encode(values, &mut self.raw);
        let compressed = self.compress();
        let body = if compressed { &self.packed } else { &self.raw };
        let levels_len = reps.len() + defs.len();
        let mut head = Writer::default();
        head.i32(1, 3);
        head.small(2, levels_len + self.raw.len());
        head.small(3, levels_len + body.len());
        head.begin(8);
        head.small(1, count);
        head.small(2, missing);
        head.small(3, slots.rows);
        head.i32(4, encoding.code());
        head.small(5, defs.len());
        head.small(6, reps.len());
        head.bool(7, compressed);
        head.end();
        let head = head.finish();
        let start = out.len();
        for part in [&head, &reps, &defs, body] {
            out.extend_from_slice(part);
        }
        Page {
            offset: start as u64,
            len: narrow(out.len() - start),
            crc: crc32c(&out[start..]),
            head: narrow(head.len()),
            rep_len: narrow(reps.len()),
            def_len: narrow(defs.len()),
            raw: narrow(self.raw.len()),
            compressed,
            slots: narrow(count),
            missing: narrow(missing),
        }
    }

    /// Appends the page of a dictionary. Always compressed: the codec of the column says so, and no flag of a dictionary page can unsay it.
    pub(crate) fn dictionary_page(
        &mut self,
        words: &[&str],
        out: &mut Vec<u8>,
    ) -> std::io::Result<Page> {
        self.raw.clear();
        for word in words {
            self.raw.extend_from_slice(&narrow(word.len()).to_le_bytes());
            self.raw.extend_from_slice(word.as_bytes());
        }
        self.packed.resize(zstd::zstd_safe::compress_bound(self.raw.len()), 0);
        let len = self.zstd.compress_to_buffer(&self.raw, &mut self.packed)?;
        let mut head = Writer::default();
        head.i32(1, 2);
        head.small(2, self.raw.len());
        head.small(3, len);
        head.begin(7);
        head.small(1, words.len());
        head.i32(2, 0);
        head.end();
        let head = head.finish();
        let start = out.len();
        out.extend_from_slice(&head);
        out.extend_from_slice(&self.packed[..len]);
        Ok(Page {
            offset: start as u64,
            len: narrow(out.len() - start),
            crc: crc32c(&out[start..]),
            head: narrow(head.len()),
            raw: narrow(self.raw.len()),
            compressed: true,
            slots: narrow(words.len()),
            ..Page::default()
        })
    }
}

/// Levels of a block: how many slots, and how many of them without a value.
fn levels(slots: Slots<'_>, reps: &mut Vec<u8>, defs: &mut Vec<u8>) -> (usize, usize) {
    let counts = |row: usize| slots.starts.map_or(1, |starts| starts[row + 1] - starts[row]);
    if !slots.list {
        let there: Vec<u32> = (0..slots.rows).map(counts).collect();
        hybrid::encode(&there, 1, defs);
        return (slots.rows, there.iter().filter(|there| **there == 0).count());
    }
    let (mut rep, mut def) = (Vec::new(), Vec::new());
    for count in (0..slots.rows).map(counts) {
        rep.push(0);
        def.push(if count == 0 { 0 } else { LIST_FULL });
        for _ in 1..count {
            rep.push(1);
            def.push(LIST_FULL);
        }
    }
    hybrid::encode(&rep, 1, reps);
    hybrid::encode(&def, 2, defs);
    (rep.len(), def.iter().filter(|def| **def == 0).count())
}

fn encode(values: Raw<'_>, out: &mut Vec<u8>) {
    match values {
        Raw::Texts(texts) => {
            let lengths: Vec<i64> =
                (0..texts.len()).map(|at| i64::from(narrow(texts.bytes_of(at).len()))).collect();
            delta::encode(&lengths, out);
            out.extend_from_slice(texts.bytes());
        }
        Raw::Codes(codes, width) => {
            out.push(width);
            hybrid::encode(codes, width, out);
        }
        Raw::Ints(values) => delta::encode(values, out),
        Raw::Floats(values) => {
            for value in values {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        Raw::Bools(values) => {
            for eight in values.chunks(8) {
                out.push(eight.iter().rev().fold(0, |all, value| all << 1 | u8::from(*value)));
            }
        }
    }
}

/// Takes pages apart; keeps its zstd context.
pub(crate) struct Unpacker {
    zstd: zstd::bulk::Decompressor<'static>,
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unpacker")
    }
}

impl Unpacker {
    pub(crate) fn new() -> Result<Self, Damage> {
        let zstd =
            zstd::bulk::Decompressor::new().map_err(|error| Damage(format!("zstd: {error}")))?;
        Ok(Self { zstd })
    }

    fn inflate(&mut self, bytes: &[u8], raw: usize) -> Result<Vec<u8>, Damage> {
        let out =
            self.zstd.decompress(bytes, raw).map_err(|error| Damage(format!("zstd: {error}")))?;
        if out.len() != raw {
            return Err(Damage(format!("{} bytes where {raw} were packed", out.len())));
        }
        Ok(out)
    }

    /// What [`Packer::section`] packed.
    pub(crate) fn section(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Damage> {
        let mut from = Cursor::new(bytes);
        let size = from.size(PAGE_BYTES_MAX)?;
        if size & 1 == 0 {
            return Ok(from.take(size >> 1)?.to_vec());
        }
        self.inflate(from.rest(), size >> 1)
    }

    /// The bytes of a page, checked: its levels, and its values as they were before compression.
    fn open<'a>(&mut self, page: &Page, bytes: &'a [u8]) -> Result<(&'a [u8], Vec<u8>), Damage> {
        if bytes.len() != page.len as usize || crc32c(bytes) != page.crc {
            return Err(Damage::new("a page's checksum does not fit"));
        }
        let mut from = Cursor::new(bytes);
        from.take(page.head as usize)?;
        let levels = from.take(page.rep_len as usize + page.def_len as usize)?;
        let raw = page.raw as usize;
        let values = if page.compressed {
            self.inflate(from.rest(), raw)?
        } else {
            from.take(raw)?.to_vec()
        };
        Ok((levels, values))
    }

    /// The words of a dictionary.
    pub(crate) fn dictionary(
        &mut self,
        page: &Page,
        words: u32,
        bytes: &[u8],
    ) -> Result<Strings, Damage> {
        let (_, raw) = self.open(page, bytes)?;
        let mut from = Cursor::new(&raw);
        let mut ends = Vec::with_capacity((words as usize).min(raw.len() / 4));
        let mut all = Vec::with_capacity(raw.len());
        for _ in 0..words {
            let len = from.u32()? as usize;
            all.extend_from_slice(from.take(len)?);
            ends.push(narrow(all.len()));
        }
        Strings::from_parts(ends, all).ok_or_else(|| Damage::new("a word is no UTF-8"))
    }

    /// The column of a block of `rows` rows.
    pub(crate) fn column(
        &mut self,
        what: &Shape,
        page: &Page,
        bytes: &[u8],
        words: Option<&Arc<Strings>>,
    ) -> Result<Column, Damage> {
        let (levels, raw) = self.open(page, bytes)?;
        let rows = starts(what, page, levels)?;
        let count = page.slots as usize - page.missing as usize;
        let values = decode(what, &raw, count, words)?;
        if values.len() != count {
            return Err(Damage(format!("{} values where {count} should be", values.len())));
        }
        Ok(Column { rows, values })
    }
}

/// What a page is decoded as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) rows: usize,
    pub(crate) kind: Kind,
    pub(crate) list: bool,
    pub(crate) encoding: Encoding,
}

fn starts(what: &Shape, page: &Page, levels: &[u8]) -> Result<Rows, Damage> {
    let slots = page.slots as usize;
    if page.missing == 0 && slots == what.rows {
        return Ok(Rows::Dense);
    }
    let (rep, def) = levels.split_at(page.rep_len as usize);
    let width = if what.list { 2 } else { 1 };
    let full = if what.list { LIST_FULL } else { 1 };
    let def = hybrid::decode(&mut Cursor::new(def), width, slots, full)?;
    let rep = if what.list {
        hybrid::decode(&mut Cursor::new(rep), 1, slots, 1)?
    } else {
        vec![0; slots]
    };
    let mut starts = Vec::with_capacity(what.rows + 1);
    let mut count = 0;
    for (rep, def) in rep.iter().zip(&def) {
        if *rep == 0 {
            starts.push(count);
        } else if *def == 0 {
            return Err(Damage::new("an item of a list that is not there"));
        }
        count += u32::from(*def == full);
    }
    starts.push(count);
    if starts.len() != what.rows + 1 || count != page.slots - page.missing {
        return Err(Damage::new("levels that do not make up the rows"));
    }
    Ok(Rows::Ragged(starts))
}

fn decode(
    what: &Shape,
    raw: &[u8],
    count: usize,
    words: Option<&Arc<Strings>>,
) -> Result<Values, Damage> {
    let mut from = Cursor::new(raw);
    match (what.kind, what.encoding) {
        (Kind::Str, Encoding::Dictionary) => {
            let words = words.ok_or_else(|| Damage::new("codes without a dictionary"))?;
            let width = from.u8()?;
            let max = narrow(words.len().saturating_sub(1));
            if words.is_empty() && count > 0 {
                return Err(Damage::new("codes of an empty dictionary"));
            }
            let codes = hybrid::decode(&mut from, width, count, max)?;
            Ok(Values::Dict { codes, words: Arc::clone(words) })
        }
        (Kind::Str, Encoding::DeltaLength) => {
            let lengths = delta::decode(&mut from, count)?;
            let mut end = 0_u32;
            let mut ends = Vec::with_capacity(lengths.len());
            for len in lengths {
                let len = u32::try_from(len).map_err(|_| Damage::new("a length below 0"))?;
                end = end.checked_add(len).ok_or_else(|| Damage::new("lengths without end"))?;
                ends.push(end);
            }
            let texts = Strings::from_parts(ends, from.rest().to_vec());
            Ok(Values::Str(texts.ok_or_else(|| Damage::new("a text is cut or no UTF-8"))?))
        }
        (Kind::Int, Encoding::Delta) => Ok(Values::Int(delta::decode(&mut from, count)?)),
        (Kind::Float, Encoding::Plain) => {
            let bytes = from.take(count * 8)?;
            let (eights, _) = bytes.as_chunks::<8>();
            Ok(Values::Float(eights.iter().map(|eight| f64::from_le_bytes(*eight)).collect()))
        }
        (Kind::Bool, Encoding::Plain) => {
            let bytes = from.take(count.div_ceil(8))?;
            Ok(Values::Bool((0..count).map(|at| bytes[at / 8] >> (at % 8) & 1 == 1).collect()))
        }
        (kind, encoding) => Err(Damage(format!("{kind:?} values as {encoding:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(starts: Option<&[u32]>, rows: usize, list: bool, values: &Values) {
        let mut packer = Packer::new().unwrap();
        let mut out = Vec::new();
        let (raw, encoding) = match values {
            Values::Str(texts) => (Raw::Texts(texts), Encoding::DeltaLength),
            Values::Dict { codes, words } => {
                (Raw::Codes(codes, hybrid::width_for(narrow(words.len()))), Encoding::Dictionary)
            }
            Values::Int(values) => (Raw::Ints(values), Encoding::Delta),
            Values::Float(values) => (Raw::Floats(values), Encoding::Plain),
            Values::Bool(values) => (Raw::Bools(values), Encoding::Plain),
        };
        let page = packer.data_page(Slots { rows, starts, list }, raw, encoding, &mut out);
        let shape = Shape { rows, kind: values.kind(), list, encoding };
        let words = match values {
            Values::Dict { words, .. } => Some(words),
            Values::Str(_) | Values::Int(_) | Values::Float(_) | Values::Bool(_) => None,
        };
        let mut unpacker = Unpacker::new().unwrap();
        let back = unpacker.column(&shape, &page, &out, words).unwrap();
        for row in 0..rows {
            let of = starts.map_or(row..row + 1, |s| s[row] as usize..s[row + 1] as usize);
            assert_eq!(back.of(row), of);
        }
        assert_eq!(format!("{:?}", back.values), format!("{values:?}"));
        for at in 0..out.len() {
            let mut bad = out.clone();
            bad[at] ^= 4;
            assert!(unpacker.column(&shape, &page, &bad, words).is_err(), "byte {at}");
        }
    }

    #[test]
    fn pages_come_back_and_each_flipped_bit_is_found() {
        let mut texts = Strings::default();
        ["a", "", "로그인", "a line that is longer"].iter().for_each(|text| texts.push(text));
        let words = Arc::new(texts.clone());
        round(None, 4, false, &Values::Str(texts.clone()));
        round(Some(&[0, 1, 1, 2, 3, 4]), 5, false, &Values::Str(texts));
        round(Some(&[0, 0, 3, 4]), 3, true, &Values::Dict { codes: vec![3, 0, 1, 2], words });
        round(Some(&[0, 0, 2]), 2, true, &Values::Int(vec![i64::MIN, 9]));
        round(Some(&[0, 0, 2]), 2, true, &Values::Float(vec![0.5, -0.0]));
        round(None, 9, false, &Values::Bool(vec![true; 9]));
        round(Some(&[0]), 0, false, &Values::Int(vec![]));
    }
}
