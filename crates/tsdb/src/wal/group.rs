//! Group commit: one named thread writes what many threads log, and one fsync answers for all that wait.
//!
//! Batches are written in the order in which [`Wal::log`] took them. One that cannot be written stays at the front and is tried
//! again, so that no later batch is written without it; its waiters get the error at once. When the queue is full because of
//! that, `log` refuses before anything is stored.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use model::port::Durability;
use parking_lot::{Condvar, Mutex};
use stdx::clock::Clock;
use stdx::fs::Fs;

use super::batch::Batch;
use super::frame::RECORD_BYTES_MAX;
use super::metrics::WalMetrics;
use super::writer::Writer;
use super::{Options, WalError};

/// A logged batch's place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

#[derive(Debug)]
struct Queued {
    ticket: u64,
    batch: Arc<Batch>,
    durability: Durability,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Queued>,
    queue_bytes: usize,
    /// The newest ticket given, written, synced.
    last: u64,
    written: u64,
    synced: u64,
    /// The newest ticket that an attempt has failed for, and how.
    failed: Option<(u64, WalError)>,
    is_closing: bool,
    is_gone: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
    writer: Mutex<Writer>,
    clock: Arc<dyn Clock>,
    options: Options,
}

/// The log, shared by all threads that write. Dropping it closes it.
#[derive(Debug)]
pub struct Wal {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Wal {
    /// Opens a new segment in `dir` and starts the thread. The log must have been replayed and repaired before.
    ///
    /// # Errors
    /// As [`Writer::open`].
    pub fn open(
        fs: Arc<dyn Fs>,
        clock: Arc<dyn Clock>,
        dir: &Path,
        options: Options,
        metrics: WalMetrics,
    ) -> Result<Self, WalError> {
        let writer = Writer::open(fs, Arc::clone(&clock), dir, options.clone(), metrics)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            work: Condvar::new(),
            done: Condvar::new(),
            writer: Mutex::new(writer),
            clock,
            options,
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("wal".to_owned())
            .spawn(move || run(&theirs))
            .map_err(|error| WalError::io("start thread", &error))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Takes a batch. It is written soon, and synced within the configured interval, or with the next group when `durability` says
    /// so. Waits while the queue is full of batches that are being written.
    ///
    /// # Errors
    /// The batch is not taken: [`WalError::QueueFull`] when nothing can be written, [`WalError::Stopped`].
    pub fn log(&self, batch: Batch, durability: Durability) -> Result<Ticket, WalError> {
        let bytes = batch.byte_len();
        let shared = &self.shared;
        if bytes > shared.options.queue_bytes_max {
            return Err(WalError::BatchTooLong(bytes));
        }
        if let Some(long) = batch.records().find(|record| record.len() > RECORD_BYTES_MAX) {
            return Err(WalError::RecordTooLong(long.len()));
        }
        let mut state = shared.state.lock();
        loop {
            if state.is_gone || state.is_closing {
                return Err(state.gone());
            }
            if let Some((_, error @ WalError::Stopped(_))) = &state.failed {
                return Err(error.clone());
            }
            if state.queue_bytes + bytes <= shared.options.queue_bytes_max {
                break;
            }
            if let Some((_, error)) = &state.failed {
                return Err(WalError::QueueFull(error.to_string()));
            }
            shared.done.wait(&mut state);
        }
        state.last += 1;
        let ticket = state.last;
        state.queue.push_back(Queued { ticket, batch: Arc::new(batch), durability });
        state.queue_bytes += bytes;
        drop(state);
        shared.work.notify_one();
        Ok(Ticket(ticket))
    }

    /// Returns when the batch is on stable storage.
    ///
    /// # Errors
    /// It is not, and may never be: the disk refused.
    pub fn wait(&self, ticket: Ticket) -> Result<(), WalError> {
        let mut state = self.shared.state.lock();
        loop {
            if ticket.0 <= state.synced {
                return Ok(());
            }
            match &state.failed {
                Some((upto, error)) if ticket.0 <= *upto => return Err(error.clone()),
                Some(_) | None => {}
            }
            if state.is_gone {
                return Err(state.gone());
            }
            self.shared.done.wait(&mut state);
        }
    }

    /// Goes on in a new segment and returns its index: whatever was written before is in older ones, durably. What is queued comes
    /// into the new one.
    ///
    /// # Errors
    /// As [`Writer::cut`].
    pub fn cut(&self) -> Result<u64, WalError> {
        self.shared.writer.lock().cut()
    }

    /// Removes the segments below `index`.
    ///
    /// # Errors
    /// As [`Writer::truncate`].
    pub fn truncate(&self, index: u64) -> Result<(), WalError> {
        self.shared.writer.lock().truncate(index)
    }

    /// Index of the segment that is written to.
    #[must_use]
    pub fn segment_index(&self) -> u64 {
        self.shared.writer.lock().segment_index()
    }

    /// Writes and syncs what is queued and ends the thread.
    ///
    /// # Errors
    /// Not everything could be made durable.
    pub fn close(&self) -> Result<(), WalError> {
        self.shared.state.lock().is_closing = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            thread.join().map_err(|_| WalError::Stopped("the log's thread panicked".to_owned()))?;
        }
        let state = self.shared.state.lock();
        match &state.failed {
            Some((_, error)) if state.synced < state.last => Err(error.clone()),
            Some(_) | None => Ok(()),
        }
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        // Nobody is left to be told; `close` is there for those who want to know.
        drop(self.close());
    }
}

impl State {
    fn gone(&self) -> WalError {
        match &self.failed {
            Some((_, error @ WalError::Stopped(_))) => error.clone(),
            Some(_) | None => WalError::Stopped("the log is closed".to_owned()),
        }
    }
}

/// Tells those who wait when the thread ends, however it does.
struct Gone<'a>(&'a Shared);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.state.lock().is_gone = true;
        self.0.done.notify_all();
    }
}

fn run(shared: &Shared) {
    let _gone = Gone(shared);
    let mut dirty_since: Option<Duration> = None;
    loop {
        let is_closing = wait_for_work(shared, dirty_since);
        let must_sync = write_queued(shared);
        if shared.writer.lock().is_dirty() {
            let since = *dirty_since.get_or_insert_with(|| shared.clock.mono());
            let age = shared.clock.mono().saturating_sub(since);
            if must_sync || is_closing || age >= shared.options.sync_interval {
                dirty_since = None;
                sync(shared);
            }
        } else {
            dirty_since = None;
            mark_synced(shared);
        }
        if is_closing {
            return;
        }
    }
}

/// Returns when there is something to write, or to try again, or to sync, or the end has come (`true`).
fn wait_for_work(shared: &Shared, dirty_since: Option<Duration>) -> bool {
    let interval = shared.options.sync_interval;
    let mut state = shared.state.lock();
    let is_stuck = state.failed.is_some() && !state.queue.is_empty();
    let has_new = |state: &State| {
        let newest_tried = state.failed.as_ref().map_or(0, |(upto, _)| *upto);
        state.queue.back().is_some_and(|last| last.ticket > newest_tried)
    };
    if state.is_closing || has_new(&state) {
        return state.is_closing;
    }
    if let Some(since) = dirty_since {
        let age = shared.clock.mono().saturating_sub(since);
        shared.work.wait_for(&mut state, interval.saturating_sub(age));
    } else if is_stuck {
        shared.work.wait_for(&mut state, interval);
    } else {
        shared.work.wait(&mut state);
    }
    state.is_closing
}

/// Writes what is queued, in order, up to the first that cannot be written. Says whether somebody waits for a sync.
fn write_queued(shared: &Shared) -> bool {
    let mut must_sync = false;
    loop {
        let front = {
            let state = shared.state.lock();
            state.queue.front().map(|one| (one.ticket, Arc::clone(&one.batch), one.durability))
        };
        let Some((ticket, batch, durability)) = front else { return must_sync };
        let result = shared.writer.lock().append(&batch);
        let mut state = shared.state.lock();
        if let Err(error) = result {
            state.failed = Some((state.last, error));
            drop(state);
            shared.done.notify_all();
            return must_sync;
        }
        state.queue.pop_front();
        state.queue_bytes -= batch.byte_len();
        state.written = ticket;
        state.failed = None;
        must_sync |= durability == Durability::Synced;
        drop(state);
        shared.done.notify_all();
    }
}

fn sync(shared: &Shared) {
    let upto = shared.state.lock().written;
    let result = shared.writer.lock().sync();
    let mut state = shared.state.lock();
    match result {
        Ok(()) => state.synced = state.synced.max(upto),
        Err(error) => state.failed = Some((state.last, error)),
    }
    drop(state);
    shared.done.notify_all();
}

/// A cut has synced everything.
fn mark_synced(shared: &Shared) {
    let mut state = shared.state.lock();
    let written = state.written;
    if state.synced < written {
        state.synced = written;
        drop(state);
        shared.done.notify_all();
    }
}
