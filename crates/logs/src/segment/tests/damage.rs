//! Flipped bits are found; segments that are put together answer as before.

use std::path::Path;
use std::sync::Arc;

use stdx::fs::sim::SimFs;
use stdx::fs::{Fs, OpenMode, read_all};

use super::memory::{self, Memory, Row, Value, row};
use super::{PATH, check_word, disk, lines, rows, segment, view};
use crate::column::Kind;
use crate::part::{Known, Part, ReadError, system};
use crate::segment::{Segment, WriteOptions, concat, write};

fn put(fs: &SimFs, path: &str, bytes: &[u8]) {
    let path = Path::new(path);
    if fs.exists(path).unwrap() {
        fs.remove_file(path).unwrap();
    }
    fs.open(path, OpenMode::CreateNew).unwrap().append(bytes).unwrap();
}

/// Reads all that the executor can ask of a segment of `want`: an error, or nothing that is wrong.
fn ask(fs: &SimFs, path: &str, want: &[Row]) -> Result<(), ReadError> {
    let made = Segment::open(fs, Path::new(path))?;
    assert!(rows(&*made)? == want, "wrong rows");
    for word in ["closed", "user7", "failed", "nobody"] {
        for at in 0..made.block_count() {
            let block = made.block(at)?;
            let (known, texts) =
                (block.word("message", word)?, block.column("message", Kind::Str)?);
            let Some(texts) = texts else { continue };
            let has = |row: usize| texts.text(row).is_some_and(|text| super::holds(text, word));
            let rows: Vec<usize> = (0..block.rows()).filter(|row| has(*row)).collect();
            match known {
                Known::Nowhere => assert!(rows.is_empty(), "{word}"),
                Known::Rows(found) => assert_eq!(found.iter().collect::<Vec<_>>(), rows),
                Known::Maybe => {}
            }
            assert!(rows.is_empty() || !made.lacks_word("message", word));
        }
    }
    Ok(())
}

#[test]
fn every_flipped_byte_is_found() {
    let fs = disk();
    let all = lines(96);
    segment(&fs, vec![Memory::new(&all, 96)]);
    let bytes = read_all(&fs, Path::new(PATH), 1 << 20).unwrap();
    assert_eq!(Segment::open(&fs, Path::new(PATH)).unwrap().verify().unwrap().rows, 96);
    let mut read_over = 0;
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1 << (at % 8);
        put(&fs, "/d/bad.parquet", &bad);
        read_over += usize::from(ask(&fs, "/d/bad.parquet", &all).is_ok());
        let verified = Segment::open(&fs, Path::new("/d/bad.parquet")).and_then(|of| of.verify());
        let error = verified.expect_err(&format!("byte {at} of {}", bytes.len()));
        assert_eq!(error.part, "/d/bad.parquet");
    }
    // The page index, template texts and roll-up are not asked for.
    assert!(read_over < bytes.len() / 3, "{read_over} of {}", bytes.len());
}

#[test]
fn files_that_are_cut_are_found() {
    let fs = disk();
    segment(&fs, vec![Memory::new(&lines(40), 40)]);
    let bytes = read_all(&fs, Path::new(PATH), 1 << 20).unwrap();
    for len in (0..bytes.len()).step_by(7) {
        put(&fs, "/d/cut.parquet", &bytes[..len]);
        assert!(Segment::open(&fs, Path::new("/d/cut.parquet")).is_err(), "{len}");
    }
}

#[test]
fn segments_are_put_together() {
    let fs = disk();
    let all = lines(5_000);
    let mut other = all[2_500..4_000].to_vec();
    for row in &mut other {
        // A field of another kind, one that only these have, and times that are no whole milliseconds.
        if let Some(trace) = row.remove(&("trace".to_owned(), Kind::Str)) {
            row.insert(("trace".to_owned(), Kind::Int), vec![Value::Int(7)]);
            row.insert(("more".to_owned(), Kind::Str), trace);
        }
        for field in [system::TIME, "@timestamp"] {
            row.insert(
                (field.to_owned(), Kind::Int),
                vec![Value::Int(1_234_567 + memory::seq(row))],
            );
        }
    }
    let groups = [all[..2_500].to_vec(), other, all[4_000..].to_vec()];
    let mut made = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let path = format!("/d/{at}.parquet");
        let views = [view(Memory::new(group, 1_000))];
        write(&fs, Path::new(&path), &views, &WriteOptions::default()).unwrap();
        made.push(Segment::open(&fs, Path::new(&path)).unwrap());
    }
    let summary = concat(&fs, Path::new("/d/two.parquet"), &made[1..]).unwrap();
    assert_eq!((summary.rows, summary.seqs), (2_500, Some((2_500, 4_999))));
    let two = Segment::open(&fs, Path::new("/d/two.parquet")).unwrap();
    let parts = [Arc::clone(&made[0]), two];
    concat(&fs, Path::new(PATH), &parts).unwrap();
    let whole = Segment::open(&fs, Path::new(PATH)).unwrap();
    assert_eq!((whole.group_count(), whole.block_count()), (3, 2 + 1 + 1));
    assert!(rows(&*whole).unwrap() == groups.concat());
    assert_eq!(whole.kinds("trace"), [Kind::Str, Kind::Int]);
    for word in ["failed", "로그", "closed", "user7", "4999", "nobody"] {
        check_word(&whole, "message", word);
    }
    assert!(whole.lacks_word("more", "nobody"));
    assert_eq!(whole.verify().unwrap().rows, 5_000);
    let counted: u32 =
        whole.rollups().unwrap().into_iter().flatten().flat_map(|of| of.rows).map(|of| of.3).sum();
    assert_eq!(counted, 5_000);
    assert_eq!(whole.templates().unwrap().len(), 3);
}

#[test]
fn what_stands_under_the_name_stays_when_writing_fails() {
    let fs = disk();
    segment(&fs, vec![Memory::new(&lines(10), 10)]);
    let bad = vec![view(Memory::new(&[Row::default(), row(1, 1)], 2))];
    let error = write(&fs, Path::new(PATH), &bad, &WriteOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "memory: a row without _time");
    assert_eq!(Segment::open(&fs, Path::new(PATH)).unwrap().rows(), 10);
}
