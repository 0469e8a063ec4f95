//! Taking out what is too old: chunks, late samples, series without anything left.

use super::slot::{BORN, Cold, NONE, OUT_OF_ORDER, STARTED, Slot, TAKEN, UNBORN_SEEN};
use super::{Head, postings};

/// Slots that are looked at under one hold of the head's lock.
pub(crate) const SLOTS_PER_STEP: u32 = 4096;

/// A pass over all series that drops what is old, a few thousand at a time: commits and readers come in between.
#[derive(Debug)]
pub(crate) struct Truncation {
    mint: i64,
    unborn: bool,
    next: u32,
    end: u32,
    /// The first time of all that is left so far.
    oldest: i64,
    /// How many series went.
    pub(crate) gone: usize,
}

impl Head {
    /// Begins to drop what ends before `mint`, and the series that have nothing left.
    ///
    /// With `unborn` those go as well that have waited for their first commit since the last such pass.
    pub(crate) fn begin_truncation(&mut self, mint: i64, unborn: bool) -> Truncation {
        self.touched_mint = i64::MAX;
        self.forget_departed();
        // A batch that is under way may name what this pass frees: it rests until the next one.
        let rested = std::mem::take(&mut self.resting);
        self.free.extend(rested);
        // Series that come meanwhile have nothing old.
        let end = u32::try_from(self.slots.len()).expect("slot ids are u32");
        Truncation { mint, unborn, next: 0, end, oldest: i64::MAX, gone: 0 }
    }

    /// Does a part of the pass, with no commit between its decision and its application; `false` when it is through.
    pub(crate) fn truncate_step(&mut self, pass: &mut Truncation) -> bool {
        let ids = pass.next..pass.end.min(pass.next.saturating_add(SLOTS_PER_STEP));
        pass.next = ids.end;
        let mut gone = Vec::new();
        for id in ids {
            if !self.slots[id as usize].has(TAKEN) {
                continue;
            }
            match self.truncate_series(id, pass.mint, pass.unborn) {
                Some(first) => pass.oldest = pass.oldest.min(first),
                None => gone.push(id),
            }
        }
        self.remove(&gone);
        pass.gone += gone.len();
        if pass.next < pass.end {
            return true;
        }
        if self.mint <= self.maxt {
            let oldest = pass.oldest.min(self.touched_mint);
            self.mint = oldest.max(self.mint).min(self.maxt);
        }
        if pass.gone > 0 {
            self.rebuild_symbols();
        }
        false
    }

    /// A whole pass at once; returns how many series went.
    #[cfg(test)]
    pub(crate) fn truncate(&mut self, mint: i64, unborn: bool) -> usize {
        let mut pass = self.begin_truncation(mint, unborn);
        while self.truncate_step(&mut pass) {}
        pass.gone
    }

    /// The series' first time after dropping what ends before `mint`; `None` when nothing is left.
    fn truncate_series(&mut self, id: u32, mint: i64, unborn: bool) -> Option<i64> {
        let at = id as usize;
        let cold = &mut self.cold[at];
        if cold.closed != NONE && cold.oldest < mint {
            let gone = self.closed.truncate(&mut cold.closed, mint);
            cold.oldest = self.closed.oldest(cold.closed).unwrap_or(i64::MAX);
            self.counts.chunks_removed += gone as u64;
        }
        if self.slots[at].has(OUT_OF_ORDER)
            && let Some(late) = self.late.get_mut(&id)
        {
            let before = late.samples.len();
            late.samples = late.samples.split_off(&mint);
            self.late_len -= (before - late.samples.len()) as u64;
            if late.samples.is_empty() {
                self.late.remove(&id);
                self.slots[at].flags &= !OUT_OF_ORDER;
            }
        }
        let slot = &mut self.slots[at];
        if !slot.has(BORN) {
            // Its first commit may be under way.
            if !unborn {
                return Some(i64::MAX);
            }
            let was_seen = slot.has(UNBORN_SEEN);
            slot.flags |= UNBORN_SEEN;
            return (!was_seen).then_some(i64::MAX);
        }
        let late = self.late.get(&id).filter(|_| slot.has(OUT_OF_ORDER));
        let late = late.and_then(|late| late.samples.keys().next().copied());
        let newest = (slot.has(STARTED) && slot.last_t >= mint).then_some(slot.last_t);
        let in_order = newest.and_then(|_| self.first_t(id));
        [late, in_order].into_iter().flatten().min()
    }

    /// Forgets the labels of gone series that no reader has any more.
    fn forget_departed(&mut self) {
        match self.isolation.oldest_reader() {
            Some(oldest) => self.departed.retain(|_, (commit, _)| *commit >= oldest),
            None => self.departed = hashbrown::HashMap::new(),
        }
    }

    /// Keeps the labels of series that go for the readers that may have them.
    fn note_departed(&mut self, gone: &[u32]) {
        if self.isolation.oldest_reader().is_none() {
            return;
        }
        let now = self.isolation.current();
        for id in gone.iter().filter(|id| self.slots[**id as usize].has(BORN)) {
            self.departed.insert((*id, self.generation(*id)), (now, self.labels(*id)));
        }
    }

    fn remove(&mut self, gone: &[u32]) {
        if gone.is_empty() {
            return;
        }
        self.note_departed(gone);
        let mut pairs: postings::IdMap<()> = postings::IdMap::default();
        let mut touched: Vec<(u32, u32)> = Vec::new();
        for id in gone {
            if self.slots[*id as usize].has(BORN) {
                touched.extend(self.sets.iter(self.cold[*id as usize].set));
            }
            pairs.insert(*id, ());
        }
        touched.sort_unstable();
        touched.dedup();
        self.postings.remove(touched.into_iter(), |id| pairs.contains_key(&id));
        for id in gone {
            self.clear(*id);
        }
        self.resting.extend(ranges(gone));
    }

    fn clear(&mut self, id: u32) {
        let at = id as usize;
        let hash = super::spread(self.cold[at].hash);
        if let Ok(entry) = self.table.find_entry(hash, |have| *have == id) {
            entry.remove();
        }
        let slot = &mut self.slots[at];
        if slot.has(BORN) {
            self.counts.series -= 1;
            self.counts.series_removed += 1;
        } else {
            self.counts.unborn -= 1;
        }
        let had_histograms = self.histograms.remove(&id).is_some();
        if slot.n > 0 || had_histograms {
            self.counts.open_chunks -= 1;
            self.counts.chunks_removed += 1;
        }
        let mut chain = slot.chain();
        self.cells.release(&mut chain);
        *slot = Slot::empty(slot.generation.wrapping_add(1));
        let late = self.late.remove(&id);
        self.late_len -= late.map_or(0, |late| late.samples.len() as u64);
        self.aliases.remove(&id);
        self.exemplars.forget(id);
        self.isolation.forget(id);
        self.cold[at] = Cold::EMPTY;
    }

    /// Builds the symbols and label sets anew when half of the sets are dead: the tables shrink with the series.
    fn rebuild_symbols(&mut self) {
        let live: usize = self.counts.series_and_unborn();
        if self.sets.n_pushed() < 1024 || live * 2 > self.sets.n_pushed() {
            return;
        }
        let mut symbols = super::Symbols::default();
        let mut sets = super::LabelSets::default();
        let mut postings = super::Postings::default();
        for (id, cold) in self.cold.iter_mut().enumerate().filter(|(_, cold)| cold.set != NONE) {
            let labels = self.sets.labels(&self.symbols, cold.set);
            cold.set = sets.push(&mut symbols, &labels).expect("less than there was");
            if self.slots[id].has(BORN) {
                let id = u32::try_from(id).expect("slot ids are u32");
                postings.insert(sets.iter(cold.set), id);
            }
        }
        (self.symbols, self.sets, self.postings) = (symbols, sets, postings);
        *self.ranks.lock() = std::sync::Arc::default();
    }
}

/// Ascending ids as half-open ranges.
fn ranges(ids: &[u32]) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for id in ids {
        match ranges.last_mut() {
            Some((_, end)) if end == id => *end += 1,
            Some(_) | None => ranges.push((*id, *id + 1)),
        }
    }
    ranges
}
