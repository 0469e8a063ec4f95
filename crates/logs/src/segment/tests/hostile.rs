//! Bytes whose checksums fit and which are wrong all the same: errors or other values, never a panic.

use stdx::rand::Rng;

use super::memory::Memory;
use super::{disk, lines, segment};
use crate::segment::bytes::{Cursor, put_size};
use crate::segment::directory::Directory;
use crate::segment::page::Unpacker;
use crate::segment::sections::{self, Section};
use crate::segment::{delta, hybrid};

/// Calls `read` with many damaged copies of `bytes`.
fn damage(bytes: &[u8], mut read: impl FnMut(&[u8])) {
    let mut rng = Rng::new(7);
    let mut below =
        |end: usize| usize::try_from(rng.next_u64() % end.max(1) as u64).expect("below a size");
    for _ in 0..400 {
        let mut bad = bytes.to_vec();
        for _ in 0..=below(3) {
            let (at, value) = (
                below(bad.len()),
                [0, 1, 0x7f, 0x80, 0xff, u8::try_from(below(256)).expect("a byte")],
            );
            if let Some(byte) = bad.get_mut(at) {
                *byte = value[below(6)];
            }
        }
        bad.truncate(bad.len() - below(2) * below(bad.len()));
        read(&bad);
    }
}

/// A section that is not compressed.
fn stored(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_size(&mut out, raw.len() << 1);
    out.extend_from_slice(raw);
    out
}

#[test]
fn sections_with_wrong_bytes_do_not_panic() {
    let fs = disk();
    let made = segment(&fs, vec![Memory::new(&lines(2_500), 2_500)]);
    let inner = &made.inner;
    let (columns, len) = (inner.directory.groups[0].keys.len(), inner.directory.groups[0].len);
    let raw =
        |section| Unpacker::new().unwrap().section(&inner.section(0, section).unwrap()).unwrap();
    let mut read = 0;
    damage(&raw(Section::Pages), |bad| {
        read += usize::from(sections::read_pages(&stored(bad), columns, 2, len).is_ok());
    });
    damage(&raw(Section::Zones), |bad| {
        read += usize::from(sections::read_zones(&stored(bad), columns, 2).is_ok());
    });
    damage(&raw(Section::Words), |bad| {
        if let Ok(words) = sections::read_words(&stored(bad), &[2_048, 452]) {
            read += words.runs(0).len() + words.templates("failed").map_or(0, <[_]>::len);
        }
    });
    damage(&raw(Section::Texts), |bad| {
        read += usize::from(sections::read_texts(&stored(bad)).is_ok());
    });
    damage(&raw(Section::Rollup), |bad| {
        read += usize::from(sections::read_rollup(&stored(bad)).is_ok());
    });
    let lens = [Section::Fuse, Section::Sliced].map(|of| inner.section(0, of).unwrap().len());
    damage(&inner.section(0, Section::Filters).unwrap(), |bad| {
        read += usize::from(sections::read_filters(bad, 2, lens[0], lens[1]).is_ok());
    });
    damage(&inner.directory.bytes(), |bad| {
        read += usize::from(Directory::read(bad, inner.len).is_ok());
    });
    assert!(read > 100, "{read}: some damage is just another value");
}

#[test]
fn values_with_wrong_bytes_do_not_panic() {
    let mut read = 0;
    let mut bytes = Vec::new();
    delta::encode(&(0..500).map(|at| at * at).collect::<Vec<i64>>(), &mut bytes);
    damage(&bytes, |bad| {
        read += delta::decode(&mut Cursor::new(bad), 500).map_or(0, |values| values.len());
    });
    let codes: Vec<u32> = (0..500).map(|at| if at < 200 { 3 } else { at % 7 }).collect();
    bytes.clear();
    hybrid::encode(&codes, 3, &mut bytes);
    damage(&bytes, |bad| {
        read += hybrid::decode(&mut Cursor::new(bad), 3, 500, 6).map_or(0, |values| values.len());
    });
    assert!(read > 1_000, "{read}");
}
