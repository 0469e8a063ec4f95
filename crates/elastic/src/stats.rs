//! What an index holds, in figures.

use logs::store::Index;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stats {
    pub(crate) docs: u64,
    pub(crate) deleted: u64,
    pub(crate) bytes: u64,
    pub(crate) segments: u64,
}

/// The figures of `index`.
pub(crate) fn of(index: &Index) -> Stats {
    Stats { docs: index.count(), ..Stats::default() }
}
