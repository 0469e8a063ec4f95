//! What a reader sees: commits have numbers, and a reader sees those up to the one that was the newest when it began.
//!
//! A slot knows the last commit that touched it. For readers that are older than that the journal tells the newest time that the series
//! had when the commit came. It is written only while there are readers, and for each series only when the newest reader needs it.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::postings::IdMap;

/// Entries above which the journal is searched for what no reader needs.
const JOURNAL_PRUNE_MIN: usize = 4096;

/// Commit numbers and the readers that are under way.
#[derive(Debug, Default)]
pub(crate) struct Isolation {
    commit: u64,
    /// Readers by the commit up to which they see.
    readers: Mutex<BTreeMap<u64, usize>>,
    /// The newest reader, as of the start of the running commit.
    newest_reader: Option<u64>,
    /// For each series the commits that readers may not see, with the newest time before; `None`: the series was not there.
    journal: IdMap<Vec<(u64, Option<i64>)>>,
    prune_at: usize,
}

impl Isolation {
    /// Begins a commit. Readers that began before do not see it.
    pub(crate) fn begin(&mut self) {
        self.commit += 1;
        let readers = self.readers.get_mut();
        self.newest_reader = readers.keys().next_back().copied();
        let Some(oldest) = readers.keys().next().copied() else {
            self.journal = IdMap::default();
            self.prune_at = JOURNAL_PRUNE_MIN;
            return;
        };
        if self.journal.len() > self.prune_at {
            self.journal.retain(|_, entries| {
                entries.retain(|(commit, _)| *commit > oldest);
                !entries.is_empty()
            });
            self.prune_at = JOURNAL_PRUNE_MIN.max(self.journal.len() * 2);
        }
    }

    /// Notes that the running commit touches series `id`, whose newest time was `before`. Returns the commit's low bits for the slot.
    #[inline]
    pub(crate) fn mark(&mut self, id: u32, before: Option<i64>) -> u32 {
        if let Some(newest) = self.newest_reader {
            let entries = self.journal.entry(id).or_default();
            // An entry behind the newest reader serves all readers there are.
            if entries.last().is_none_or(|(commit, _)| *commit <= newest) {
                entries.push((self.commit, before));
            }
        }
        low(self.commit)
    }

    pub(crate) fn current(&self) -> u64 {
        self.commit
    }

    /// Begins a reader that sees all commits so far.
    pub(crate) fn enter(&self) -> u64 {
        *self.readers.lock().entry(self.commit).or_default() += 1;
        self.commit
    }

    /// The commit up to which the oldest reader sees.
    pub(crate) fn oldest_reader(&self) -> Option<u64> {
        self.readers.lock().keys().next().copied()
    }

    pub(crate) fn leave(&self, seen: u64) {
        let mut readers = self.readers.lock();
        if let Some(n) = readers.get_mut(&seen) {
            *n -= 1;
            if *n == 0 {
                readers.remove(&seen);
            }
        }
    }

    /// The slot `id` has lost its series.
    pub(crate) fn forget(&mut self, id: u32) {
        self.journal.remove(&id);
    }

    /// The newest in-order time that a reader who sees up to `seen` may read of series `id`, whose slot has `commit`; `None`: nothing.
    pub(crate) fn visible_to(&self, seen: u64, id: u32, commit: u32) -> Option<i64> {
        if commit.wrapping_sub(low(seen)).cast_signed() <= 0 {
            return Some(i64::MAX);
        }
        let entries = self.journal.get(&id);
        let first = entries.and_then(|entries| entries.iter().find(|(commit, _)| *commit > seen));
        first.map_or(Some(i64::MAX), |(_, before)| *before)
    }
}

fn low(commit: u64) -> u32 {
    u32::try_from(commit & u64::from(u32::MAX)).expect("32 bits are left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_the_commits_before_it_and_the_journal_goes_with_the_readers() {
        let mut isolation = Isolation::default();
        isolation.begin();
        let one = isolation.mark(7, None);
        let early = isolation.enter();
        assert_eq!(isolation.visible_to(early, 7, one), Some(i64::MAX));

        isolation.begin();
        let two = isolation.mark(7, Some(10));
        let late = isolation.enter();
        isolation.begin();
        let three = isolation.mark(7, Some(20));
        isolation.begin();
        let four = isolation.mark(7, Some(30));
        assert_eq!(isolation.visible_to(early, 7, four), Some(10));
        assert_eq!(isolation.visible_to(late, 7, four), Some(20));
        assert_eq!(isolation.visible_to(late, 7, two), Some(i64::MAX));
        assert_eq!(isolation.journal[&7].len(), 2, "the third commit has no reader of its own");
        assert_eq!(three + 1, four);

        let new = isolation.mark(8, None);
        assert_eq!(isolation.visible_to(early, 8, new), None);
        isolation.leave(early);
        isolation.leave(late);
        isolation.begin();
        assert!(isolation.journal.is_empty());
    }
}
