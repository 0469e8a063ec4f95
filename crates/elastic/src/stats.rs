//! What an index holds, in figures.

use logs::store::Index;

pub(crate) use logs::store::Stats;

/// The figures of `index`.
pub(crate) fn of(index: &Index) -> Stats {
    index.stats()
}

/// Bytes on disk and in memory.
pub(crate) fn bytes(stats: &Stats) -> u64 {
    stats.disk_bytes + stats.memory_bytes
}
