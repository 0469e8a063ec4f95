//! Rows in memory with what the store must know of them: identifiers, versions, and which rows are no longer there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::bits::Bits;
use crate::memtable::{MemBlock, Memtable};
use crate::part::{Block, Part, View};

/// For each block, the rows that are no longer there.
pub(super) type Deleted = Arc<Vec<Option<Bits>>>;

/// The newest write with an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) seq: i64,
    pub(super) version: u64,
    pub(super) is_deleted: bool,
}

/// A memtable that grows, or waits to become segments.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) memtable: Memtable,
    pub(super) deleted: Deleted,
    pub(super) ids: HashMap<Box<str>, Entry>,
    /// Bytes of its documents.
    pub(super) raw_bytes: u64,
    /// The first file of the log that it needs, once something was written.
    pub(super) first_file: Option<u64>,
    /// When that was ([`stdx::clock::Clock::mono`]).
    pub(super) born: Duration,
    /// The newest operation in it.
    pub(super) last_seq: i64,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            memtable: Memtable::default(),
            deleted: Arc::default(),
            ids: HashMap::new(),
            raw_bytes: 0,
            first_file: None,
            born: Duration::ZERO,
            last_seq: -1,
        }
    }

    /// Adds rows, of which `dead` are not there.
    pub(super) fn push(&mut self, block: MemBlock, dead: Option<&Bits>) {
        let rows = block.rows();
        let before: Vec<usize> = self.memtable.blocks().iter().map(|block| block.rows()).collect();
        let joined = self.memtable.push(block);
        let deleted = Arc::make_mut(&mut self.deleted);
        let first = before.len() - joined;
        let olds = deleted.split_off(first);
        let is_clean = dead.is_none() && olds.iter().all(Option::is_none);
        if is_clean {
            deleted.push(None);
            return;
        }
        let total = before[first..].iter().sum::<usize>() + rows;
        let mut all = Bits::none(total);
        let mut base = 0;
        let lens = before[first..].iter().copied().chain([rows]);
        for (bits, len) in olds.iter().map(Option::as_ref).chain([dead]).zip(lens) {
            bits.into_iter().flat_map(Bits::iter).for_each(|row| all.set(base + row));
            base += len;
        }
        deleted.push(Some(all));
    }

    /// Whether the row of `seq` is here and there.
    pub(super) fn has(&self, seq: i64) -> bool {
        self.place(seq).is_some()
    }

    /// Block and row of `seq`, unless it is deleted.
    pub(super) fn place(&self, seq: i64) -> Option<(usize, usize)> {
        let (block, row) = self.memtable.place_of(seq)?;
        // Rows that were refused have the number of the row before them: look for the live one.
        let seqs = self.memtable.blocks()[block].seqs();
        let first = row - seqs[..row].iter().rev().take_while(|one| **one == seq).count();
        let deleted = self.deleted[block].as_ref();
        let mut rows = (first..seqs.len()).take_while(|row| seqs[*row] == seq);
        rows.find(|row| !deleted.is_some_and(|bits| bits.has(*row))).map(|row| (block, row))
    }

    /// Marks the row of `seq` as deleted. Returns whether it was here.
    pub(super) fn delete(&mut self, seq: i64) -> bool {
        let Some((block, row)) = self.place(seq) else { return false };
        let rows = self.memtable.blocks()[block].rows();
        let deleted = Arc::make_mut(&mut self.deleted);
        deleted[block].get_or_insert_with(|| Bits::none(rows)).set(row);
        true
    }

    pub(super) fn view(&self) -> View {
        View { part: Arc::new(self.memtable.clone()), deleted: Arc::clone(&self.deleted) }
    }

    pub(super) fn rows(&self) -> usize {
        self.memtable.rows()
    }

    pub(super) fn deleted_rows(&self) -> usize {
        self.deleted.iter().flatten().map(Bits::count).sum()
    }
}
