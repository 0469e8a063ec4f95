//! The log of writes: one for all indices. A frame is one batch, whole or not at all; [`Wal::append`] returns when it is on stable storage.
//!
//! Frames of writers that wait together go down with one write and one sync. The order of frames in the files is the order in which
//! [`Wal::append`] was entered: what `before` computes under the lock (sequence numbers) stands in the same order on disk.
//!
//! Files `00000001.log` …: a header, then frames. A header says how far the file before it is valid: frames behind that
//! were refused to their writers (a failed sync) and must not come back. `docs/format/log-wal.md` draws both.

mod file;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use stdx::fs::Fs;

use file::Tail;
pub use file::{FRAME_BYTES_MAX, Recovered};

/// How the log is cut into files.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// A file that has this many bytes is followed by a new one.
    pub file_bytes: u64,
    /// Most bytes of frames that wait for the disk; more are refused.
    pub waiting_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { file_bytes: 128 << 20, waiting_bytes_max: 256 << 20 }
    }
}

/// Why a frame is not on stable storage.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WalError {
    #[error("the batch has {bytes} bytes; a frame of the log takes at most {FRAME_BYTES_MAX}")]
    TooLarge { bytes: usize },
    #[error("{bytes} bytes wait for the disk already; at most {max} may")]
    Busy { bytes: usize, max: usize },
    #[error("log of writes: {what}")]
    Io { what: String },
}

impl WalError {
    fn io(error: &io::Error) -> Self {
        Self::Io { what: error.to_string() }
    }
}

/// Frames that wait, and how far the disk is.
#[derive(Debug, Default)]
struct Queue {
    /// Encoded frames, in order.
    waiting: Vec<u8>,
    /// Frames that were entered, ever.
    entered: u64,
    /// Frames that were written and synced, or refused.
    done: u64,
    /// Whether somebody is at the disk.
    is_led: bool,
    /// Refused runs of frames: first, last, why. Read by their writers, dropped when all of them have.
    refused: Vec<(u64, u64, WalError, u64)>,
    /// The number of the file that the newest synced frame is in.
    file: u64,
}

/// The log of writes.
#[derive(Debug)]
pub struct Wal {
    queue: Mutex<Queue>,
    moved: Condvar,
    tail: Mutex<Tail>,
    options: Options,
}

impl Wal {
    /// Reads what is there, calling `each` with the file's number and the payload of every whole frame in order, and begins a new file.
    ///
    /// # Errors
    /// The disk's. Damage is no error: see [`Recovered`].
    pub fn open(
        fs: Arc<dyn Fs>,
        dir: &Path,
        options: Options,
        each: &mut dyn FnMut(u64, &[u8]),
    ) -> io::Result<(Self, Recovered)> {
        let dir: PathBuf = dir.to_owned();
        let (tail, recovered) = Tail::open(fs, dir, each)?;
        let queue = Queue { file: tail.number(), ..Queue::default() };
        let wal = Self {
            queue: Mutex::new(queue),
            moved: Condvar::new(),
            tail: Mutex::new(tail),
            options,
        };
        Ok((wal, recovered))
    }

    /// Appends the payload that `before` makes, and returns when it is on stable storage: the number of its file, and what `before` returned beside it.
    /// `before` runs under the log's lock: what it numbers is in the order of the log. When it makes no payload (`None`), nothing is written.
    ///
    /// # Errors
    /// [`WalError`]; the frame is not in the log then, now or after a restart.
    pub fn append<T>(
        &self,
        before: impl FnOnce() -> (Option<Vec<u8>>, T),
    ) -> Result<(u64, T), (WalError, T)> {
        let mut queue = self.queue.lock();
        let (payload, told) = before();
        let Some(payload) = payload else { return Ok((queue.file, told)) };
        if payload.len() > FRAME_BYTES_MAX {
            return Err((WalError::TooLarge { bytes: payload.len() }, told));
        }
        let (bytes, max) = (queue.waiting.len(), self.options.waiting_bytes_max);
        if bytes > 0 && bytes + payload.len() > max {
            return Err((WalError::Busy { bytes, max }, told));
        }
        file::put_frame(&mut queue.waiting, &payload);
        drop(payload);
        queue.entered += 1;
        let mine = queue.entered;
        while queue.done < mine {
            if queue.is_led {
                self.moved.wait(&mut queue);
                continue;
            }
            queue.is_led = true;
            let frames = std::mem::take(&mut queue.waiting);
            let (first, last) = (queue.done + 1, queue.entered);
            drop(queue);
            let written = self.write(&frames);
            queue = self.queue.lock();
            queue.is_led = false;
            queue.done = last;
            match written {
                Ok(file) => queue.file = file,
                Err(error) => {
                    queue.refused.push((first, last, WalError::io(&error), last - first + 1))
                }
            }
            self.moved.notify_all();
        }
        match refusal(&mut queue, mine) {
            Some(error) => Err((error, told)),
            None => Ok((queue.file, told)),
        }
    }

    fn write(&self, frames: &[u8]) -> io::Result<u64> {
        let mut tail = self.tail.lock();
        tail.write(frames, self.options.file_bytes)?;
        Ok(tail.number())
    }

    /// Begins a new file, so that [`Wal::drop_before`] can let go of the present one. Returns the new file's number: every frame that is
    /// acknowledged from now on is in it or behind it.
    ///
    /// # Errors
    /// The disk's; the present file stays in use.
    pub fn rotate(&self) -> io::Result<u64> {
        let mut tail = self.tail.lock();
        tail.rotate()?;
        Ok(tail.number())
    }

    /// Removes the files before `number`: nothing in them is needed any more.
    ///
    /// # Errors
    /// The disk's; the files are tried again the next time.
    pub fn drop_before(&self, number: u64) -> io::Result<()> {
        self.tail.lock().drop_before(number)
    }

    /// Bytes of all files.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        self.tail.lock().byte_len()
    }
}

/// Why frame `mine` was refused, if it was.
fn refusal(queue: &mut Queue, mine: u64) -> Option<WalError> {
    let at = queue.refused.iter().position(|(first, last, ..)| (*first..=*last).contains(&mine))?;
    let (_, _, error, readers) = &mut queue.refused[at];
    let error = error.clone();
    *readers -= 1;
    if *readers == 0 {
        queue.refused.swap_remove(at);
    }
    Some(error)
}
