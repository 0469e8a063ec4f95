//! What a target exposed before: from the bytes of a series (`name{labels}`) to its ref, so that a line seen before costs
//! a hash and a comparison. Also the memory for staleness.
//!
//! Entries stand in the order in which they were last seen, so the next scrape finds each one at the cursor. Bytes are
//! not kept: equality of a keyed 128-bit hash and of the length stands for equality of the bytes.
//!
//! Invariant: between scrapes every entry was seen in the last good scrape, and `slots` finds each entry.

use model::port::SeriesRef;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Relabelling drops the series.
const DROPPED: u32 = 1;
/// When it vanishes, it gets a staleness marker.
const TRACKED: u32 = 2;
/// It was tracked in the scrape before that of `seen`.
const TRACKED_BEFORE: u32 = 4;

/// One series text, 32 bytes.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: [u64; 2],
    series: SeriesRef,
    /// The number of the scrape that it was last seen in.
    seen: u32,
    /// The series text's bytes, times 8, and the flags.
    len_flags: u32,
}

/// Longest series text that is kept, in bytes; a longer one is looked up in storage each time.
pub(crate) const SERIES_BYTES_MAX: usize = (1 << 29) - 1;

/// A series text's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    hash: [u64; 2],
    len: u32,
}

/// The number of an entry, valid until the scrape ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryIdx(usize);

/// What is known of a series text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Dropped,
    Series { idx: EntryIdx, series: SeriesRef, again: bool },
}

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Cache {
    seed: u64,
    /// The seed that the cache was made with.
    seed_own: u64,
    entries: Vec<Entry>,
    /// Open addressing: 0 is free, else the number of an entry plus one. A power of two, at most half full.
    slots: Vec<u32>,
    /// Where the next line is expected.
    cursor: usize,
    /// The number of the scrape that runs.
    scrape: u32,
    /// Entries that were there when the scrape began.
    before: usize,
    /// The order of this scrape, from its first difference to the order of `entries` on.
    order: Option<Vec<u32>>,
}

impl Cache {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            seed_own: seed,
            entries: Vec::new(),
            slots: Vec::new(),
            cursor: 0,
            scrape: 1,
            before: 0,
            order: None,
        }
    }

    /// From here on a series text is known only if it came in the same language before.
    pub(crate) fn set_language(&mut self, language: u64) {
        self.seed = self.seed_own.wrapping_add(language);
    }

    /// Series texts that are known.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// If `rest` begins with the series text expected next, its length and entry. The cursor stays.
    #[inline]
    pub(crate) fn expected(&self, rest: &[u8]) -> Option<(usize, EntryIdx)> {
        let entry = self.entries.get(self.cursor)?;
        let len = entry.len();
        let text = rest.get(..len)?;
        (self.hash(text) == entry.hash).then_some((len, EntryIdx(self.cursor)))
    }

    /// The key of a series text.
    pub(crate) fn key(&self, text: &[u8]) -> Option<Key> {
        let len = u32::try_from(text.len()).ok().filter(|_| text.len() <= SERIES_BYTES_MAX)?;
        Some(Key { hash: self.hash(text), len })
    }

    #[inline]
    fn hash(&self, text: &[u8]) -> [u64; 2] {
        halves(xxh3_128_with_seed(text, self.seed))
    }

    /// The entry of a key, wherever it was last.
    pub(crate) fn find(&self, key: Key) -> Option<EntryIdx> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = low(key.hash[0]) & mask;
        loop {
            let i = usize::try_from(self.slots[at].checked_sub(1)?).ok()?;
            let entry = &self.entries[i];
            if entry.hash == key.hash && entry.len() == usize::try_from(key.len).unwrap_or(0) {
                return Some(EntryIdx(i));
            }
            at = (at + 1) & mask;
        }
    }

    /// Notes that the series stands in this scrape, and expects its old neighbour next.
    #[inline]
    pub(crate) fn see(&mut self, idx: EntryIdx) -> Known {
        let i = idx.0;
        let entry = &mut self.entries[i];
        let again = entry.seen == self.scrape;
        if !again {
            let before = entry.seen.wrapping_add(1) == self.scrape;
            let tracked_before = before && entry.len_flags & TRACKED != 0;
            entry.len_flags &= !(TRACKED | TRACKED_BEFORE);
            if tracked_before {
                entry.len_flags |= TRACKED_BEFORE;
            }
            entry.seen = self.scrape;
            if let Some(order) = &mut self.order {
                order.push(narrow(i));
            } else if i != self.cursor {
                let mut order: Vec<u32> = (0..narrow(self.cursor)).collect();
                order.push(narrow(i));
                self.order = Some(order);
            }
        }
        self.cursor = i + 1;
        if entry.len_flags & DROPPED != 0 {
            Known::Dropped
        } else {
            Known::Series { idx, series: entry.series, again }
        }
    }

    /// Notes the ref that storage has for the series now, and whether it gets a marker when it vanishes.
    #[inline]
    pub(crate) fn stored(&mut self, idx: EntryIdx, series: SeriesRef, tracked: bool) {
        let entry = &mut self.entries[idx.0];
        entry.series = series;
        if tracked {
            entry.len_flags |= TRACKED;
        }
    }

    /// Adds a series that was stored for the first time.
    pub(crate) fn add(&mut self, key: Key, series: SeriesRef, tracked: bool) {
        self.push(key, series, if tracked { TRACKED } else { 0 });
    }

    /// Adds a series that relabelling drops.
    pub(crate) fn add_dropped(&mut self, key: Key) {
        self.push(key, SeriesRef(0), DROPPED);
    }

    fn push(&mut self, key: Key, series: SeriesRef, flags: u32) {
        if self.entries.len() == usize::try_from(u32::MAX - 1).unwrap_or(usize::MAX) {
            return;
        }
        let i = self.entries.len();
        if self.order.is_none() && self.cursor != i {
            self.order = Some((0..narrow(self.cursor)).collect());
        }
        let len_flags = key.len << 3 | flags;
        self.entries.push(Entry { hash: key.hash, series, seen: self.scrape, len_flags });
        match &mut self.order {
            // What stood behind the neighbour is still expected there.
            Some(order) => order.push(narrow(i)),
            None => self.cursor = i + 1,
        }
        if self.entries.len() * 2 > self.slots.len() {
            self.index();
        } else {
            self.insert_slot(i);
        }
    }

    fn index(&mut self) {
        let size = (self.entries.len() * 2).next_power_of_two();
        self.slots.clear();
        self.slots.resize(size, 0);
        for i in 0..self.entries.len() {
            self.insert_slot(i);
        }
    }

    fn insert_slot(&mut self, i: usize) {
        let mask = self.slots.len() - 1;
        let mut at = low(self.entries[i].hash[0]) & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = narrow(i) + 1;
    }

    /// Ends what was stored between two scrapes: it counts as seen in the one before.
    pub(crate) fn end_between(&mut self) {
        let (now, last) = (self.scrape, self.scrape.wrapping_sub(1));
        for entry in self.entries.iter_mut().filter(|entry| entry.seen == now) {
            entry.seen = last;
        }
        self.before = self.entries.len();
        self.cursor = 0;
        self.order = None;
    }

    /// If the series is tracked and has not been seen in this scrape, its entry and ref.
    pub(crate) fn unseen(&self, key: Key) -> Option<(EntryIdx, SeriesRef)> {
        let idx = self.find(key)?;
        let entry = &self.entries[idx.0];
        let is_unseen = entry.seen != self.scrape && entry.len_flags & TRACKED != 0;
        is_unseen.then_some((idx, entry.series))
    }

    /// Notes that the series has its marker.
    pub(crate) fn untrack(&mut self, idx: EntryIdx) {
        self.entries[idx.0].len_flags &= !(TRACKED | TRACKED_BEFORE);
    }

    /// The series that were tracked in the scrape before and are not in this one; each ref once. Call it before the end of
    /// the scrape.
    pub(crate) fn vanished(&self) -> Vec<SeriesRef> {
        let last = self.scrape.wrapping_sub(1);
        let stale = |entry: &&Entry| entry.seen == last && entry.len_flags & TRACKED != 0;
        let gone = self.entries[..self.before].iter().filter(stale).map(|entry| entry.series);
        let mut gone: Vec<SeriesRef> = gone.collect();
        if gone.is_empty() {
            return gone;
        }
        // The same series may stand there in another spelling now.
        let here = |entry: &&Entry| entry.seen == self.scrape && entry.len_flags & DROPPED == 0;
        let mut present: Vec<SeriesRef> =
            self.entries.iter().filter(here).map(|entry| entry.series).collect();
        present.sort_unstable();
        gone.sort_unstable();
        gone.dedup();
        gone.retain(|series| present.binary_search(series).is_err());
        gone
    }

    /// All series that were tracked in the scrape before; each ref once. For a scrape that failed.
    pub(crate) fn tracked(&self) -> Vec<SeriesRef> {
        let last = self.scrape.wrapping_sub(1);
        let was = |entry: &&Entry| {
            let (seen, flags) = (entry.seen, entry.len_flags);
            seen == last && flags & TRACKED != 0
                || seen == self.scrape && flags & TRACKED_BEFORE != 0
        };
        let entries = &self.entries[..self.before];
        let mut all: Vec<SeriesRef> =
            entries.iter().filter(was).map(|entry| entry.series).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Ends a good scrape: what was not in it is forgotten.
    pub(crate) fn end_good(&mut self) {
        let all_seen_in_order = self.order.is_none() && self.cursor == self.entries.len();
        if !all_seen_in_order {
            let seen = self.scrape;
            let old = std::mem::take(&mut self.entries);
            self.entries = match self.order.take() {
                Some(order) => order.iter().filter_map(|i| old.get(wide(*i)).copied()).collect(),
                None => old.into_iter().filter(|entry| entry.seen == seen).collect(),
            };
            self.index();
        }
        self.next();
    }

    /// Ends a failed or empty scrape: what it added is forgotten, what was there before stays, without marks to be made.
    pub(crate) fn end_failed(&mut self) {
        if self.entries.len() > self.before {
            self.entries.truncate(self.before);
            self.index();
        }
        for entry in &mut self.entries {
            entry.len_flags &= !(TRACKED | TRACKED_BEFORE);
        }
        self.next();
    }

    /// Forgets a series whose ref storage does not know any more.
    pub(crate) fn forget(&mut self, idx: EntryIdx) {
        let entry = &mut self.entries[idx.0];
        entry.hash = [0; 2];
        entry.len_flags = 0;
    }

    /// Starts the running scrape again, as if nothing had been seen of it.
    pub(crate) fn restart(&mut self) {
        let last = self.scrape.wrapping_sub(1);
        self.entries.truncate(self.before);
        for entry in self.entries.iter_mut().filter(|entry| entry.seen == self.scrape) {
            let tracked = entry.len_flags & TRACKED_BEFORE != 0;
            entry.len_flags &= !(TRACKED | TRACKED_BEFORE);
            if tracked {
                entry.len_flags |= TRACKED;
            }
            entry.seen = last;
        }
        self.index();
        self.cursor = 0;
        self.order = None;
    }

    fn next(&mut self) {
        self.scrape = self.scrape.wrapping_add(1);
        self.cursor = 0;
        self.order = None;
        self.before = self.entries.len();
    }
}

impl Entry {
    fn len(&self) -> usize {
        wide(self.len_flags >> 3)
    }
}

fn wide(n: u32) -> usize {
    usize::try_from(n).expect("usize has at least 32 bits")
}

fn narrow(n: usize) -> u32 {
    u32::try_from(n).expect("there are at most u32::MAX - 1 entries")
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of a hash")]
fn halves(hash: u128) -> [u64; 2] {
    [hash as u64, (hash >> 64) as u64]
}

#[expect(clippy::cast_possible_truncation, reason = "a hash is cut to the table's size anyway")]
fn low(hash: u64) -> usize {
    hash as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Scrapes `series` and returns which refs vanished; a series' ref is its first byte.
    fn scrape(cache: &mut Cache, series: &[&str], good: bool) -> Vec<u64> {
        for text in series {
            let rest = format!("{text} 1\n");
            let found = match cache.expected(rest.as_bytes()) {
                Some((len, idx)) => {
                    assert_eq!(&rest[..len], *text);
                    Some(idx)
                }
                None => cache.find(cache.key(text.as_bytes()).unwrap()),
            };
            let series = SeriesRef(u64::from(text.as_bytes()[0]));
            match found {
                Some(idx) => match cache.see(idx) {
                    Known::Series { idx, series: have, .. } => {
                        assert_eq!(have, series);
                        cache.stored(idx, series, true);
                    }
                    Known::Dropped => panic!("nothing is dropped here"),
                },
                None => cache.add(cache.key(text.as_bytes()).unwrap(), series, true),
            }
        }
        let gone = if good { cache.vanished() } else { cache.tracked() };
        if good {
            cache.end_good()
        } else {
            cache.end_failed()
        }
        gone.into_iter().map(|series| series.0).collect()
    }

    #[test]
    fn what_vanishes_is_named_once() {
        let mut cache = Cache::new(7);
        assert_eq!(scrape(&mut cache, &["a", "b", "c"], true), Vec::<u64>::new());
        assert_eq!(scrape(&mut cache, &["a", "c", "d"], true), [98]);
        assert_eq!(cache.len(), 3);
        assert_eq!(scrape(&mut cache, &["d", "c", "a"], true), Vec::<u64>::new());
        assert_eq!(scrape(&mut cache, &["d", "x", "c", "a"], true), Vec::<u64>::new());
        assert_eq!(scrape(&mut cache, &[], true), [97, 99, 100, 120]);
        assert_eq!((cache.len(), scrape(&mut cache, &[], true)), (0, vec![]));
    }

    #[test]
    fn a_failed_scrape_marks_all_and_adds_nothing() {
        let mut cache = Cache::new(7);
        scrape(&mut cache, &["a", "b"], true);
        assert_eq!(scrape(&mut cache, &["a", "n"], false), [97, 98]);
        assert_eq!(cache.len(), 2);
        assert_eq!(scrape(&mut cache, &["b"], false), Vec::<u64>::new());
        assert_eq!(scrape(&mut cache, &["b"], true), Vec::<u64>::new());
        assert_eq!(scrape(&mut cache, &[], true), [98]);
    }

    #[test]
    fn another_spelling_of_a_series_is_no_end() {
        let mut cache = Cache::new(7);
        scrape(&mut cache, &["a{x,y}"], true);
        assert_eq!(scrape(&mut cache, &["a{y,x}"], true), Vec::<u64>::new());
        assert_eq!(scrape(&mut cache, &[], true), [97]);
    }

    #[test]
    fn a_series_twice_in_a_scrape_is_seen_again() {
        let mut cache = Cache::new(7);
        scrape(&mut cache, &["a", "b"], true);
        let idx = cache.find(cache.key(b"b").unwrap()).unwrap();
        assert!(matches!(cache.see(idx), Known::Series { again: false, .. }));
        assert!(matches!(cache.see(idx), Known::Series { again: true, .. }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn vanished_is_the_difference_of_sets(
            scrapes in prop::collection::vec((prop::collection::vec(0_u8..20, 0..12), prop::bool::weighted(0.8)), 1..12)
        ) {
            let mut cache = Cache::new(1);
            let mut before: Vec<u64> = Vec::new();
            for (series, good) in scrapes {
                let mut letters = series;
                let mut have = std::collections::BTreeSet::new();
                letters.retain(|n| have.insert(*n));
                let texts: Vec<String> =
                    letters.iter().map(|n| format!("{}", char::from(b'a' + n))).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let now: Vec<u64> = have.iter().map(|n| u64::from(b'a' + n)).collect();
                let gone = scrape(&mut cache, &texts, good);
                if good {
                    let expected: Vec<u64> =
                        before.iter().copied().filter(|n| !now.contains(n)).collect();
                    prop_assert_eq!(gone, expected);
                    prop_assert_eq!(cache.len(), now.len());
                    before = now;
                } else {
                    prop_assert_eq!(gone, std::mem::take(&mut before));
                }
            }
        }
    }
}
