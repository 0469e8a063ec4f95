//! Records in pages: how a record's bytes are cut into fragments with headers, so that none reaches over a page's end.

use stdx::checksum::crc32c;

/// Bytes of a page.
pub const PAGE_BYTES: usize = 32 * 1024;
/// Bytes in front of each fragment: type and flags, length, checksum of the fragment.
pub const HEADER_BYTES: usize = 7;
/// Longest record, before and after compression.
pub const RECORD_BYTES_MAX: usize = 128 << 20;

/// The part of a record that a fragment is. Numbers are the file format's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Full,
    First,
    Middle,
    Last,
}

impl Part {
    fn of(is_first: bool, is_last: bool) -> Self {
        match (is_first, is_last) {
            (true, true) => Self::Full,
            (true, false) => Self::First,
            (false, false) => Self::Middle,
            (false, true) => Self::Last,
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Full => 1,
            Self::First => 2,
            Self::Middle => 3,
            Self::Last => 4,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        [Self::Full, Self::First, Self::Middle, Self::Last]
            .into_iter()
            .find(|one| one.number() == number)
    }

    pub(crate) fn begins(self) -> bool {
        matches!(self, Self::Full | Self::First)
    }

    pub(crate) fn ends(self) -> bool {
        matches!(self, Self::Full | Self::Last)
    }
}

/// How records are compressed. Small records for which it does not pay are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    None,
    #[default]
    Snappy,
    Zstd,
}

impl Compression {
    pub(crate) fn flag(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Snappy => 1 << 3,
            Self::Zstd => 1 << 4,
        }
    }

    pub(crate) fn from_flags(flags: u8) -> Option<Self> {
        [Self::None, Self::Snappy, Self::Zstd].into_iter().find(|one| one.flag() == flags)
    }
}

/// Bits of the header's first byte that are the part's number.
pub(crate) const PART_MASK: u8 = 0b111;

/// Appends `payload` in fragments to `out`, whose end is at `offset` of the segment, and returns the offset behind it.
pub(crate) fn put_record(
    out: &mut Vec<u8>,
    mut offset: u64,
    payload: &[u8],
    compression: Compression,
) -> u64 {
    let mut rest = payload;
    let mut is_first = true;
    loop {
        let in_page = in_page(offset);
        let mut room = PAGE_BYTES - in_page;
        if room < HEADER_BYTES {
            out.resize(out.len() + room, 0);
            offset += room as u64;
            room = PAGE_BYTES;
        }
        let (part, behind) = rest.split_at(rest.len().min(room - HEADER_BYTES));
        let kind = Part::of(is_first, behind.is_empty());
        out.push(kind.number() | compression.flag());
        let len = u16::try_from(part.len()).expect("a fragment is shorter than a page");
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&crc32c(part).to_be_bytes());
        out.extend_from_slice(part);
        offset += (HEADER_BYTES + part.len()) as u64;
        (rest, is_first) = (behind, false);
        if rest.is_empty() {
            return offset;
        }
    }
}

/// The position within its page.
pub(crate) fn in_page(offset: u64) -> usize {
    usize::try_from(offset % PAGE_BYTES as u64).expect("less than a page")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(at: u64, len: usize) -> Vec<(usize, u8)> {
        let mut out = Vec::new();
        let end = put_record(&mut out, at, &vec![7; len], Compression::None);
        assert_eq!(end, at + out.len() as u64);
        let mut parts = Vec::new();
        let mut pos = 0;
        while pos < out.len() {
            if out[pos] == 0 {
                pos += PAGE_BYTES - in_page(at + pos as u64);
                continue;
            }
            let len = usize::from(u16::from_be_bytes([out[pos + 1], out[pos + 2]]));
            parts.push((pos, out[pos]));
            pos += HEADER_BYTES + len;
        }
        parts
    }

    #[test]
    fn fragments_end_with_the_page() {
        assert_eq!(shape(0, 0), [(0, 1)]);
        assert_eq!(shape(0, PAGE_BYTES - 7), [(0, 1)]);
        assert_eq!(shape(0, PAGE_BYTES - 6), [(0, 2), (PAGE_BYTES, 4)]);
        assert_eq!(shape(0, 2 * PAGE_BYTES), [(0, 2), (PAGE_BYTES, 3), (2 * PAGE_BYTES, 4)]);
        // A header and nothing behind it still fits; six bytes are padding.
        assert_eq!(shape(PAGE_BYTES as u64 - 7, 1), [(0, 2), (7, 4)]);
        assert_eq!(shape(PAGE_BYTES as u64 - 6, 1), [(6, 1)]);
    }
}
