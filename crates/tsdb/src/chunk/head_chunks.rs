//! Closed chunks of the head, in files of `chunks_head/` (drawn in `docs/format/head-chunks.md`).
//!
//! Durability: nothing here is synced when it is written, because the log still has the samples. Before the log is truncated,
//! [`HeadChunks::sync`] must have returned. A chunk is read back with its checksum or not at all.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use stdx::checksum::{crc32c, crc32c_append};
use stdx::fs::{File, Fs, OpenMode};
use stdx::varint;

use super::recover::recover;
use super::{ChunkError, Encoding};

pub(super) const MAGIC: u32 = 0x0130_BC91;
pub(super) const VERSION: u8 = 1;
/// Bytes in front of a file's first chunk.
pub(super) const FILE_HEADER_BYTES: u64 = 8;
/// Bytes from which a file takes no more chunks.
pub const FILE_BYTES_MAX: u64 = 128 << 20;
/// Longest chunk that is written or read.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Bytes in front of a chunk's length: reference, two times, encoding.
pub(super) const META_BYTES: usize = 25;
pub(super) const CRC_BYTES: usize = 4;
/// The bit of the encoding that says that the chunk's samples came out of order.
pub(super) const OUT_OF_ORDER: u8 = 1 << 7;
/// Bytes that wait in memory before they are written.
const BUFFER_BYTES: usize = 128 << 10;
/// Bytes that may wait while the disk refuses.
pub const BUFFER_BYTES_MAX: usize = 4 << 20;

/// Where a chunk lies: file number above, position in the file in the lower 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkRef(pub u64);

impl ChunkRef {
    pub(super) fn new(file: u32, offset: u64) -> Self {
        Self(u64::from(file) << 32 | (offset & 0xffff_ffff))
    }

    /// Number of the file.
    #[must_use]
    pub fn file(self) -> u32 {
        u32::try_from(self.0 >> 32).expect("32 bits")
    }

    fn offset(self) -> u64 {
        self.0 & 0xffff_ffff
    }
}

/// A chunk's head in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkMeta {
    pub series: u64,
    /// Times of the first and the last sample.
    pub mint: i64,
    pub maxt: i64,
    pub encoding: Encoding,
    pub is_out_of_order: bool,
}

/// Why a chunk was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum HeadChunkError {
    #[error("head chunks: {0}: {1}")]
    Io(&'static str, io::Error),
    #[error("head chunks: the disk refuses and the buffer is full")]
    BufferFull,
    #[error("head chunk of {0} bytes, at most {CHUNK_BYTES_MAX} allowed")]
    TooLong(usize),
    #[error("head chunk file {file:06} at byte {offset}: {what}")]
    Damaged { file: u32, offset: u64, what: String },
}

/// A stretch of a file that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadChunkDamage {
    pub file: u32,
    pub offset: u64,
    pub bytes: u64,
    pub what: String,
}

#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) number: u32,
    pub(super) file: Arc<dyn File>,
    /// Bytes in the file, without those that wait.
    pub(super) len: u64,
    /// Newest time in it.
    pub(super) maxt: i64,
    pub(super) is_synced: bool,
}

#[derive(Debug)]
struct Inner {
    /// All files by number; the last one is written to when it is `current`.
    files: Vec<OpenFile>,
    /// Whether the last file takes more.
    has_current: bool,
    buffer: Vec<u8>,
    /// The highest number that a file has or had.
    newest: u32,
    /// How an fsync has failed: from then on nothing here counts as durable.
    broken: Option<String>,
}

/// The files, shared by all who read and write.
#[derive(Debug)]
pub struct HeadChunks {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    inner: Mutex<Inner>,
}

impl HeadChunks {
    /// Opens the folder (made when missing) and calls `each` for every chunk in it, in the order of writing. What is damaged is left
    /// out and left as it is; files that hold nothing are removed.
    ///
    /// # Errors
    /// [`HeadChunkError::Io`]: the folder cannot be used at all.
    pub fn open(
        fs: Arc<dyn Fs>,
        dir: &Path,
        mut each: impl FnMut(ChunkRef, &ChunkMeta, &[u8]),
    ) -> Result<(Self, Vec<HeadChunkDamage>), HeadChunkError> {
        let list = |error| HeadChunkError::Io("list", error);
        fs.create_dir_all(dir).map_err(list)?;
        let mut files = Vec::new();
        let mut damage = Vec::new();
        let mut newest = 0;
        for entry in fs.list(dir).map_err(list)? {
            let Some(number) = file_number(&entry.name).filter(|_| !entry.is_dir) else { continue };
            let path = dir.join(&entry.name);
            newest = newest.max(number);
            match recover(fs.as_ref(), &path, number, &mut each) {
                Ok(found) => {
                    if found.file.is_none() && found.damage.is_empty() {
                        fs.remove_file(&path).map_err(list)?;
                    }
                    files.extend(found.file);
                    damage.extend(found.damage);
                }
                Err(error) => {
                    let what = error.to_string();
                    damage.push(HeadChunkDamage {
                        file: number,
                        offset: 0,
                        bytes: entry.len,
                        what,
                    });
                }
            }
        }
        files.sort_by_key(|file| file.number);
        let inner = Inner { files, has_current: false, buffer: Vec::new(), newest, broken: None };
        Ok((Self { fs, dir: dir.to_owned(), inner: Mutex::new(inner) }, damage))
    }

    /// Stores a closed chunk. It can be read at once; it is on stable storage after the next [`HeadChunks::sync`].
    ///
    /// # Errors
    /// The chunk is not stored, and the caller still has it: [`HeadChunkError::BufferFull`] while the disk refuses,
    /// [`HeadChunkError::TooLong`], [`HeadChunkError::Io`] when no file can be made.
    pub fn write(&self, meta: &ChunkMeta, data: &[u8]) -> Result<ChunkRef, HeadChunkError> {
        if data.len() > CHUNK_BYTES_MAX {
            return Err(HeadChunkError::TooLong(data.len()));
        }
        let mut inner = self.inner.lock();
        let room =
            BUFFER_BYTES_MAX.saturating_sub(META_BYTES + varint::VARINT_BYTES_MAX + CRC_BYTES);
        if inner.buffer.len() + data.len() > room {
            return Err(HeadChunkError::BufferFull);
        }
        self.ensure_file(&mut inner)?;
        let buffered = inner.buffer.len() as u64;
        let Inner { files, buffer, .. } = &mut *inner;
        let Some(file) = files.last_mut() else { return Err(HeadChunkError::BufferFull) };
        let position = ChunkRef::new(file.number, file.len + buffered);
        put_chunk(buffer, meta, data);
        file.maxt = file.maxt.max(meta.maxt);
        file.is_synced = false;
        if buffer.len() >= BUFFER_BYTES {
            // A failure is met again by the next write or by `sync`; until then the chunks are read from the buffer.
            drop(inner.flush());
        }
        Ok(position)
    }

    /// Reads the chunk at `position`: its head, and its data into `data`.
    ///
    /// # Errors
    /// [`HeadChunkError::Damaged`] when there is no such chunk or its checksum is wrong, [`HeadChunkError::Io`].
    pub fn read_at(
        &self,
        position: ChunkRef,
        data: &mut Vec<u8>,
    ) -> Result<ChunkMeta, HeadChunkError> {
        let damaged = |what: &str| HeadChunkError::Damaged {
            file: position.file(),
            offset: position.offset(),
            what: what.to_owned(),
        };
        let file = {
            let inner = self.inner.lock();
            let at = inner.files.binary_search_by_key(&position.file(), |file| file.number);
            let file = &inner.files[at.map_err(|_| damaged("there is no such file"))?];
            if position.offset() >= file.len {
                // Chunks do not reach from the file into the buffer: the buffer is written whole.
                let at = usize::try_from(position.offset() - file.len).unwrap_or(usize::MAX);
                let bytes = inner.buffer.get(at..).unwrap_or(&[]);
                let (meta, range) = parse(bytes).map_err(|what| damaged(&what))?;
                data.clear();
                data.extend_from_slice(&bytes[range]);
                return Ok(meta);
            }
            Arc::clone(&file.file)
        };
        let (meta, range, bytes) = read_chunk(file.as_ref(), position.offset())
            .map_err(|error| HeadChunkError::Io("read", error))?
            .map_err(|what| damaged(&what))?;
        data.clear();
        data.extend_from_slice(&bytes[range]);
        Ok(meta)
    }

    /// Writes what waits and makes all files durable. Must have returned before the log is truncated.
    ///
    /// # Errors
    /// [`HeadChunkError::Io`]: the log must not be truncated. After a failed fsync that stays so until a restart.
    pub fn sync(&self) -> Result<(), HeadChunkError> {
        let mut inner = self.inner.lock();
        if let Some(what) = &inner.broken {
            return Err(HeadChunkError::Io("sync", io::Error::other(what.clone())));
        }
        inner.flush().map_err(|error| HeadChunkError::Io("write", error))?;
        let result = inner
            .sync_files()
            .and_then(|is_new| if is_new { self.fs.sync_dir(&self.dir) } else { Ok(()) });
        result.map_err(|error| {
            inner.broken = Some(error.to_string());
            inner.has_current = false;
            HeadChunkError::Io("sync", error)
        })
    }

    /// Removes the oldest files as far as all their chunks end before `mint`.
    ///
    /// # Errors
    /// [`HeadChunkError::Io`].
    pub fn truncate(&self, mint: i64) -> Result<(), HeadChunkError> {
        let mut inner = self.inner.lock();
        let keep_last = usize::from(inner.has_current);
        let removable = inner.files.len().saturating_sub(keep_last);
        let n = inner.files[..removable].iter().take_while(|file| file.maxt < mint).count();
        for file in inner.files.drain(..n) {
            let path = file_path(&self.dir, file.number);
            self.fs.remove_file(&path).map_err(|error| HeadChunkError::Io("remove", error))?;
        }
        Ok(())
    }

    /// Bytes on disk.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        self.inner.lock().files.iter().map(|file| file.len).sum()
    }

    /// Makes the last file one that takes a chunk.
    fn ensure_file(&self, inner: &mut Inner) -> Result<(), HeadChunkError> {
        if inner.has_current
            && let Some(last) = inner.files.last()
        {
            if last.len + (inner.buffer.len() as u64) < FILE_BYTES_MAX {
                return Ok(());
            }
            inner.flush().map_err(|error| HeadChunkError::Io("write", error))?;
        }
        if !inner.buffer.is_empty() {
            return Err(HeadChunkError::BufferFull);
        }
        let number = inner.newest + 1;
        let path = file_path(&self.dir, number);
        let make = || {
            let file = self.fs.open(&path, OpenMode::CreateNew)?;
            let mut header = MAGIC.to_be_bytes().to_vec();
            header.extend_from_slice(&[VERSION, 0, 0, 0]);
            if let Err(error) = file.append(&header) {
                self.fs.remove_file(&path)?;
                return Err(error);
            }
            Ok(file)
        };
        let file = make().map_err(|error| HeadChunkError::Io("create file", error))?;
        let (len, maxt) = (FILE_HEADER_BYTES, i64::MIN);
        inner.files.push(OpenFile { number, file, len, maxt, is_synced: false });
        inner.newest = number;
        inner.has_current = true;
        Ok(())
    }
}

impl Inner {
    /// Says whether there was something to sync.
    fn sync_files(&mut self) -> io::Result<bool> {
        let mut is_new = false;
        for file in self.files.iter_mut().filter(|file| !file.is_synced) {
            file.file.sync()?;
            file.is_synced = true;
            is_new = true;
        }
        Ok(is_new)
    }

    /// Writes the buffer to the last file, wholly or not at all.
    fn flush(&mut self) -> io::Result<()> {
        let Some(last) = self.files.last_mut().filter(|_| !self.buffer.is_empty()) else {
            return Ok(());
        };
        if let Err(error) = last.file.append(&self.buffer) {
            last.file.truncate(last.len)?;
            return Err(error);
        }
        last.len += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

fn file_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}"))
}

fn file_number(name: &str) -> Option<u32> {
    let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    if digits { name.parse().ok() } else { None }
}

fn put_chunk(out: &mut Vec<u8>, meta: &ChunkMeta, data: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&meta.series.to_be_bytes());
    out.extend_from_slice(&meta.mint.to_be_bytes());
    out.extend_from_slice(&meta.maxt.to_be_bytes());
    out.push(meta.encoding.number() | if meta.is_out_of_order { OUT_OF_ORDER } else { 0 });
    varint::put_uvarint(out, data.len() as u64);
    out.extend_from_slice(data);
    let crc = crc32c(&out[start..]);
    out.extend_from_slice(&crc.to_be_bytes());
}

type Parsed = (ChunkMeta, std::ops::Range<usize>);

/// The chunk at the beginning of `bytes`: its head and where its data is.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, String> {
    let (meta, rest) = bytes.split_first_chunk::<META_BYTES>().ok_or("chunk's head is cut off")?;
    let (len, len_bytes) = varint::uvarint(rest).ok_or("chunk's length is cut off")?;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    if len > CHUNK_BYTES_MAX {
        return Err(format!("chunk of {len} bytes, at most {CHUNK_BYTES_MAX} allowed"));
    }
    let start = META_BYTES + len_bytes;
    let end = start + len;
    let crc = bytes.get(end..end + CRC_BYTES).ok_or("chunk is cut off")?;
    if crc32c_append(0, &bytes[..end]).to_be_bytes() != crc {
        return Err("checksum is wrong".to_owned());
    }
    let (series, (mint, maxt)) = (word(meta, 0), times(meta));
    let number = meta[META_BYTES - 1];
    let encoding = Encoding::from_number(number & !OUT_OF_ORDER);
    let encoding = encoding.map_err(|error: ChunkError| error.to_string())?;
    let is_out_of_order = number & OUT_OF_ORDER != 0;
    Ok((ChunkMeta { series, mint, maxt, encoding, is_out_of_order }, start..end))
}

fn word(meta: &[u8; META_BYTES], at: usize) -> u64 {
    u64::from_be_bytes(meta[at..at + 8].try_into().expect("eight bytes"))
}

/// The times of a chunk's first and last sample.
pub(super) fn times(meta: &[u8; META_BYTES]) -> (i64, i64) {
    (word(meta, 8).cast_signed(), word(meta, 16).cast_signed())
}

/// Bytes that are enough for almost every chunk.
const READ_BYTES: usize = 2048;

type ReadChunk = Result<(ChunkMeta, std::ops::Range<usize>, Vec<u8>), String>;

fn read_chunk(file: &dyn File, offset: u64) -> io::Result<ReadChunk> {
    let mut bytes = vec![0; READ_BYTES];
    let got = file.read_at(offset, &mut bytes)?;
    bytes.truncate(got);
    let need = bytes.get(META_BYTES..).and_then(varint::uvarint).map_or(0, |(len, len_bytes)| {
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(CHUNK_BYTES_MAX);
        META_BYTES + len_bytes + len + CRC_BYTES
    });
    if need > got && got == READ_BYTES {
        bytes.resize(need, 0);
        let got = file.read_at(offset, &mut bytes)?;
        bytes.truncate(got);
    }
    Ok(parse(&bytes).map(|(meta, range)| (meta, range, bytes)))
}
