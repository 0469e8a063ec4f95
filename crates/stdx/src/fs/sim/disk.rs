//! What the simulated disk holds: for every file and folder what programs see, and what would survive a power cut.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::rand::Rng;

/// Unit in which unsynced bytes survive or are lost.
pub(super) const PAGE_BYTES: usize = 4096;
/// Unit in which a page is torn.
pub(super) const SECTOR_BYTES: usize = 512;

/// A file's name on the disk.
pub(super) type Ino = u64;

/// A file's bytes.
#[derive(Debug, Default, Clone)]
pub(super) struct Content {
    /// As programs read them.
    pub(super) seen: Vec<u8>,
    /// As of the last successful sync.
    durable: Vec<u8>,
    /// Pages of `seen` that a sync would write.
    dirty: BTreeSet<usize>,
}

impl Content {
    /// Writes `bytes` at `offset`, filling a gap with zeros.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        self.seen[offset..end].copy_from_slice(bytes);
        self.touch(offset..end);
    }

    pub(super) fn resize(&mut self, len: usize) {
        let old = self.seen.len();
        self.seen.resize(len, 0);
        self.touch(old.min(len)..old.max(len));
    }

    pub(super) fn sync(&mut self) {
        for page in std::mem::take(&mut self.dirty) {
            copy_page(&self.seen, &mut self.durable, page);
        }
        self.durable.resize(self.seen.len(), 0);
    }

    /// A failed sync: the kernel forgets that the pages were dirty, so that no later sync writes them.
    pub(super) fn forget_dirty(&mut self) {
        self.dirty.clear();
    }

    /// A power cut: each dirty page is there, torn, or lost, and the length is one that it had.
    pub(super) fn crash(&mut self, rng: &mut Rng) {
        for page in std::mem::take(&mut self.dirty) {
            match rng.below(3) {
                0 => {}
                1 => copy_page(&self.seen, &mut self.durable, page),
                _ => tear_page(&self.seen, &mut self.durable, page, rng),
            }
        }
        // A file's length is written apart from its content: it may be durable where the bytes are not.
        let shortest = self.durable.len().min(self.seen.len());
        let len = if rng.one_in(3) { self.seen.len() } else { shortest };
        self.durable.resize(len, 0);
        self.seen.clone_from(&self.durable);
    }

    pub(super) fn flip(&mut self, offset: usize, mask: u8) {
        for bytes in [&mut self.seen, &mut self.durable] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= mask;
            }
        }
    }

    fn touch(&mut self, range: Range<usize>) {
        self.dirty.extend(range.start / PAGE_BYTES..=range.end.saturating_sub(1) / PAGE_BYTES);
    }
}

fn copy_page(from: &[u8], to: &mut Vec<u8>, page: usize) {
    copy(from, to, page * PAGE_BYTES..(page + 1) * PAGE_BYTES);
}

/// Copies a page's sectors up to a random one.
fn tear_page(from: &[u8], to: &mut Vec<u8>, page: usize, rng: &mut Rng) {
    let sectors = usize::try_from(rng.below(8)).expect("below 8");
    let start = page * PAGE_BYTES;
    copy(from, to, start..start + sectors * SECTOR_BYTES);
}

fn copy(from: &[u8], to: &mut Vec<u8>, range: Range<usize>) {
    let range = range.start.min(from.len())..range.end.min(from.len());
    if to.len() < range.end {
        to.resize(range.end, 0);
    }
    to[range.clone()].copy_from_slice(&from[range]);
}

/// What a name in a folder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Dir(Ino),
    File(Ino),
}

/// An entry set or removed.
pub(super) type Change = (String, Option<Node>);

/// A folder's names.
#[derive(Debug, Default, Clone)]
pub(super) struct Folder {
    pub(super) seen: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    /// Not yet durable, in order; each inner list is atomic.
    pending: Vec<Vec<Change>>,
}

impl Folder {
    pub(super) fn change(&mut self, changes: Vec<Change>) {
        apply(&mut self.seen, &changes);
        self.pending.push(changes);
    }

    pub(super) fn sync(&mut self) {
        for changes in self.pending.drain(..) {
            apply(&mut self.durable, &changes);
        }
    }

    /// A power cut: some of the pending changes are there, in order.
    pub(super) fn crash(&mut self, rng: &mut Rng) {
        let kept = usize::try_from(rng.below(self.pending.len() as u64 + 1)).expect("was a length");
        for changes in self.pending.drain(..).take(kept) {
            apply(&mut self.durable, &changes);
        }
        self.seen.clone_from(&self.durable);
    }
}

fn apply(names: &mut BTreeMap<String, Node>, changes: &[Change]) {
    for (name, node) in changes {
        match node {
            Some(node) => names.insert(name.clone(), *node),
            None => names.remove(name),
        };
    }
}
