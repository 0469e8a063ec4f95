//! The log's files: headers, frames, and what a crash leaves of them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use stdx::checksum::{crc32c, crc32c_append};
use stdx::fs::{File, Fs, OpenMode};

/// First bytes of a file, before its version.
const MAGIC: &[u8; 8] = b"MGRULOGW";
const VERSION: u32 = 1;
/// Magic, version, valid bytes of the file before (or [`WHOLE`]), checksum of these.
const HEADER_BYTES: usize = 24;
/// The file before is valid as far as it can be read.
const WHOLE: u64 = u64::MAX;
/// First bytes of a frame, by which reading finds on behind damage.
const FRAME_MAGIC: [u8; 4] = [0xb7, 0x4c, 0x4f, 0xe3];
/// Magic, length of the payload, checksum of length and payload.
const FRAME_HEADER_BYTES: usize = 12;
/// Longest payload.
pub const FRAME_BYTES_MAX: usize = 256 << 20;
/// Longest file that is read: what one may have by its own bound and one group of waiting frames.
const FILE_BYTES_MAX: u64 = 2 << 30;
const ENDING: &str = ".log";

/// What reading the log has found beside its frames.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Recovered {
    pub frames: u64,
    /// Bytes behind the last whole frame of the newest file: a write that a crash cut short.
    pub torn_bytes: u64,
    /// Bytes that are no frames where frames should be: file, offset, how many.
    pub damage: Vec<String>,
}

/// Adds a frame with `payload` (at most [`FRAME_BYTES_MAX`]) to `out`.
pub(super) fn put_frame(out: &mut Vec<u8>, payload: &[u8]) {
    let len = u32::try_from(payload.len()).expect("frames are bounded").to_le_bytes();
    out.extend_from_slice(&FRAME_MAGIC);
    out.extend_from_slice(&len);
    out.extend_from_slice(&crc32c_append(crc32c(&len), payload).to_le_bytes());
    out.extend_from_slice(payload);
}

fn word(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?))
}

/// The payload of the frame that begins at the start of `bytes`, if one does.
fn frame(bytes: &[u8]) -> Option<&[u8]> {
    if bytes.get(..4)? != FRAME_MAGIC {
        return None;
    }
    let len = usize::try_from(word(&bytes[4..])?).ok().filter(|len| *len <= FRAME_BYTES_MAX)?;
    let payload = bytes.get(FRAME_HEADER_BYTES..FRAME_HEADER_BYTES + len)?;
    let sum = crc32c_append(crc32c(&bytes[4..8]), payload);
    (word(&bytes[8..])? == sum).then_some(payload)
}

/// Where the next whole frame begins in `bytes`, from `from` on.
fn next_frame(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(skip) = bytes.get(at..)?.windows(4).position(|window| window == FRAME_MAGIC) {
        at += skip;
        if frame(&bytes[at..]).is_some() {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn header(valid_before: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&valid_before.to_le_bytes());
    let sum = crc32c(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

/// How much of the file before this one is valid; `None` when the header is damaged.
fn valid_before(bytes: &[u8]) -> Option<u64> {
    let head = bytes.get(..HEADER_BYTES)?;
    if head[..8] != MAGIC[..]
        || word(&head[8..])? != VERSION
        || word(&head[20..])? != crc32c(&head[..20])
    {
        return None;
    }
    Some(u64::from_le_bytes(head[12..20].try_into().ok()?))
}

/// Reads the frames of one file; the bytes of it that are whole frames to their end, and how many follow.
fn read_file(
    bytes: &[u8],
    name: &str,
    damage: &mut Vec<String>,
    each: &mut dyn FnMut(&[u8]),
) -> u64 {
    let mut at = HEADER_BYTES.min(bytes.len());
    while at < bytes.len() {
        if let Some(payload) = frame(&bytes[at..]) {
            each(payload);
            at += FRAME_HEADER_BYTES + payload.len();
        } else if let Some(next) = next_frame(bytes, at + 1) {
            damage.push(format!("{name}: {} bytes at offset {at} are no frames", next - at));
            at = next;
        } else {
            break;
        }
    }
    (bytes.len() - at) as u64
}

/// The files, and the newest one, which is written.
#[derive(Debug)]
pub(super) struct Tail {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    number: u64,
    /// Files before the newest: number and length.
    old: Vec<(u64, u64)>,
    /// `None` when the newest file must not be written any more.
    file: Option<Arc<dyn File>>,
    /// Bytes of the newest file that hold: its header and acknowledged frames.
    len: u64,
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(ENDING).filter(|digits| digits.len() >= 8)?.parse().ok()
}

impl Tail {
    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:08}{ENDING}"))
    }

    pub(super) fn open(
        fs: Arc<dyn Fs>,
        dir: PathBuf,
        each: &mut dyn FnMut(u64, &[u8]),
    ) -> io::Result<(Self, Recovered)> {
        stdx::fs::create_dir_durable(fs.as_ref(), &dir)?;
        let mut numbers: Vec<u64> =
            fs.list(&dir)?.iter().filter_map(|entry| number_of(&entry.name)).collect();
        numbers.sort_unstable();
        let mut tail = Self {
            fs,
            dir,
            number: numbers.last().copied().unwrap_or(0),
            old: Vec::new(),
            file: None,
            len: 0,
        };
        let mut recovered = Recovered::default();
        // A header is read before its file, because it says how much of the file before is valid.
        let mut next: Option<Vec<u8>> = None;
        for (at, number) in numbers.iter().enumerate() {
            let mut bytes = match next.take() {
                Some(bytes) => bytes,
                None => tail.read(*number)?,
            };
            let name = format!("{number:08}{ENDING}");
            let whole = bytes.len() as u64;
            let is_newest = at + 1 == numbers.len();
            if let Some(after) = numbers.get(at + 1) {
                let following = tail.read(*after)?;
                let valid = valid_before(&following).unwrap_or(WHOLE);
                bytes.truncate(usize::try_from(valid).unwrap_or(usize::MAX).min(bytes.len()));
                next = Some(following);
            }
            if valid_before(&bytes).is_none() && !(is_newest && bytes.len() < HEADER_BYTES) {
                recovered.damage.push(format!("{name}: the header is damaged"));
            }
            let mut frames = 0;
            let left = read_file(&bytes, &name, &mut recovered.damage, &mut |payload| {
                frames += 1;
                each(*number, payload);
            });
            recovered.frames += frames;
            if is_newest {
                recovered.torn_bytes = left;
                tail.len = whole - left;
            } else if left > 0 {
                recovered.damage.push(format!("{name}: the last {left} bytes are no frames"));
            }
            tail.old.push((*number, whole));
        }
        tail.begin(if numbers.is_empty() { WHOLE } else { tail.len })?;
        Ok((tail, recovered))
    }

    fn read(&self, number: u64) -> io::Result<Vec<u8>> {
        stdx::fs::read_all(self.fs.as_ref(), &self.path(number), FILE_BYTES_MAX)
    }

    /// Begins the next file; the present one is valid for `valid` bytes.
    fn begin(&mut self, valid: u64) -> io::Result<()> {
        let (number, bytes) = (self.number + 1, header(valid));
        let path = self.path(number);
        let tmp = path.with_extension("tmp");
        if self.fs.exists(&tmp)? {
            self.fs.remove_file(&tmp)?;
        }
        let file = self.fs.open(&tmp, OpenMode::CreateNew)?;
        file.append(&bytes)?;
        file.sync()?;
        self.fs.rename(&tmp, &path)?;
        // From here on the name may be what a crash leaves, and its header bounds the file before: that is not written any more.
        self.file = None;
        self.number = number;
        self.len = bytes.len() as u64;
        self.fs.sync_dir(&self.dir)?;
        self.file = Some(file);
        Ok(())
    }

    pub(super) fn rotate(&mut self) -> io::Result<()> {
        let (number, len) = (self.number, self.len);
        let begun = self.begin(len);
        if self.number != number {
            self.old.push((number, len));
        }
        begun
    }

    pub(super) fn write(&mut self, frames: &[u8], file_bytes: u64) -> io::Result<()> {
        if self.file.is_none() || self.len >= file_bytes {
            self.rotate()?;
        }
        let Some(file) = &self.file else { return Err(io::Error::other("no file to write to")) };
        if let Err(error) = file.append(frames) {
            if file.truncate(self.len).is_err() {
                self.file = None;
            }
            return Err(error);
        }
        if let Err(error) = file.sync() {
            self.file = None;
            // Readers after a crash must not take these frames for acknowledged ones: the next header bounds this file.
            drop(self.rotate());
            return Err(error);
        }
        self.len += frames.len() as u64;
        Ok(())
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn byte_len(&self) -> u64 {
        self.old.iter().map(|(_, len)| len).sum::<u64>() + self.len
    }

    pub(super) fn drop_before(&mut self, number: u64) -> io::Result<()> {
        let mut result = Ok(());
        let (fs, dir) = (Arc::clone(&self.fs), self.dir.clone());
        self.old.retain(|(old, _)| {
            if *old >= number || result.is_err() {
                return true;
            }
            result = fs.remove_file(&dir.join(format!("{old:08}{ENDING}")));
            result.is_err()
        });
        result.and_then(|()| self.fs.sync_dir(&self.dir))
    }
}
