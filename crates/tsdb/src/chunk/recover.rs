//! Reading a chunk file at start: every chunk whose checksum is right, with what lies between them as damage.
//!
//! Invariant: a file that holds anything that could not be read is left as it is; the log may be long gone.

use std::io;
use std::path::Path;

use stdx::fs::{File, Fs, OpenMode};
use stdx::varint;

use super::Encoding;
use super::head_chunks::{
    CHUNK_BYTES_MAX, CRC_BYTES, ChunkMeta, ChunkRef, FILE_HEADER_BYTES, HeadChunkDamage, MAGIC,
    META_BYTES, OUT_OF_ORDER, OpenFile, VERSION, parse, times,
};

/// Most damages that are listed of one file; the last one stands for all that are left.
pub(super) const DAMAGE_MAX: usize = 100;
/// Bytes that are read at once.
const WINDOW_BYTES: usize = 2 << 20;
/// Longest chunk with all that is around it.
const CHUNK_MAX: usize = META_BYTES + varint::VARINT_BYTES_MAX + CHUNK_BYTES_MAX + CRC_BYTES;
/// Longest time between the ends of a chunk that is looked for behind damage: a year and more. It spares checksums of what is no chunk.
const SPAN_MS_MAX: i64 = 1 << 35;

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// When it has chunks.
    pub(super) file: Option<OpenFile>,
    pub(super) damage: Vec<HeadChunkDamage>,
}

/// Calls `each` for every chunk of a file. A file without chunks and damage has nothing but zeros behind its header.
pub(super) fn recover(
    fs: &dyn Fs,
    path: &Path,
    number: u32,
    each: &mut impl FnMut(ChunkRef, &ChunkMeta, &[u8]),
) -> io::Result<Recovered> {
    let file = fs.open(path, OpenMode::Write)?;
    let file_len = file.len()?;
    let mut header = [0; 8];
    if file.read_at(0, &mut header)? < header.len() {
        return Ok(Recovered::default());
    }
    // A crash may leave zeros where the header was; chunks behind it have their own checksums.
    let is_known = header[..4] == MAGIC.to_be_bytes() && header[4] == VERSION;
    if !is_known && header != [0; 8] {
        let what = "not a head chunk file of version 1".to_owned();
        let all = HeadChunkDamage { file: number, offset: 0, bytes: file_len, what };
        return Ok(Recovered { file: None, damage: vec![all] });
    }
    let window = Window { file: file.as_ref(), next: FILE_HEADER_BYTES, bytes: Vec::new(), at: 0 };
    let mut scan = Scan { number, file_len, window, at: FILE_HEADER_BYTES, damage: Vec::new() };
    let maxt = scan.run(each);
    let damage = scan.damage;
    let file = maxt.map(|maxt| OpenFile { number, file, len: file_len, maxt, is_synced: false });
    Ok(Recovered { file, damage })
}

struct Scan<'a> {
    number: u32,
    file_len: u64,
    window: Window<'a>,
    /// Where the window stands in the file.
    at: u64,
    damage: Vec<HeadChunkDamage>,
}

impl Scan<'_> {
    /// The newest time of all chunks; `None` when there is none.
    fn run(&mut self, each: &mut impl FnMut(ChunkRef, &ChunkMeta, &[u8])) -> Option<i64> {
        let mut newest: Option<i64> = None;
        // Where the present damage begins, what was found there, and whether it is zeros.
        let mut bad: Option<(u64, String, bool)> = None;
        while self.at < self.file_len {
            if let Err(error) = self.window.fill(self.file_len) {
                let start = bad.map_or(self.at, |(start, _, _)| start);
                self.add(start, self.file_len, format!("cannot be read: {error}"));
                return newest;
            }
            let bytes = &self.window.bytes[self.window.at..];
            if bytes.is_empty() {
                break;
            }
            let n = match parse(bytes) {
                Ok((meta, range)) => {
                    each(ChunkRef::new(self.number, self.at), &meta, &bytes[range.clone()]);
                    newest = newest.max(Some(meta.maxt));
                    if let Some((start, what, _)) = bad.take() {
                        self.add(start, self.at, what);
                    }
                    range.end + CRC_BYTES
                }
                Err(what) => {
                    let n = next_chunk(bytes, self.window.next < self.file_len);
                    let is_zero = bytes[..n].iter().all(|byte| *byte == 0);
                    let (_, _, so_far) = bad.get_or_insert((self.at, what, true));
                    *so_far &= is_zero;
                    n
                }
            };
            self.window.at += n;
            self.at += n as u64;
        }
        // Prometheus sets files up with zeros: those are an end, not damage.
        if let Some((start, what, false)) = bad {
            self.add(start, self.file_len, what);
        }
        newest
    }

    fn add(&mut self, offset: u64, end: u64, what: String) {
        if self.damage.len() >= DAMAGE_MAX
            && let Some(last) = self.damage.last_mut()
        {
            last.bytes += end - offset;
            return;
        }
        let bytes = end - offset;
        self.damage.push(HeadChunkDamage { file: self.number, offset, bytes, what });
    }
}

/// How far ahead the next chunk is, or may be: behind the first byte, which begins none.
fn next_chunk(bytes: &[u8], has_more: bool) -> usize {
    let end = if has_more { bytes.len().saturating_sub(CHUNK_MAX) } else { bytes.len() };
    (1..end).find(|at| is_chunk(&bytes[*at..])).unwrap_or(end.max(1))
}

fn is_chunk(bytes: &[u8]) -> bool {
    let Some((meta, _)) = bytes.split_first_chunk::<META_BYTES>() else { return false };
    let (mint, maxt) = times(meta);
    Encoding::from_number(meta[META_BYTES - 1] & !OUT_OF_ORDER).is_ok()
        && maxt.checked_sub(mint).is_some_and(|span| (0..SPAN_MS_MAX).contains(&span))
        && parse(bytes).is_ok()
}

/// Reads a file from its beginning to its end, a stretch at a time.
struct Window<'a> {
    file: &'a dyn File,
    /// Where the file goes on behind `bytes`.
    next: u64,
    bytes: Vec<u8>,
    at: usize,
}

impl Window<'_> {
    /// Sees to it that a whole chunk lies behind `at`, unless the file ends before.
    fn fill(&mut self, file_len: u64) -> io::Result<()> {
        if self.bytes.len() - self.at < CHUNK_MAX && self.next < file_len {
            self.bytes.drain(..self.at);
            self.at = 0;
            let had = self.bytes.len();
            self.bytes.resize(had + WINDOW_BYTES, 0);
            let got = self.file.read_at(self.next, &mut self.bytes[had..])?;
            self.bytes.truncate(had + got);
            // A file that has become shorter ends here.
            self.next = if got == 0 { file_len } else { self.next + got as u64 };
        }
        Ok(())
    }
}
