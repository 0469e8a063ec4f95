//! Taking out what is too old: chunks, late samples, series without anything left.

use super::slot::{BORN, Cold, NONE, Slot, TAKEN, UNBORN_SEEN};
use super::{Head, postings};

impl Head {
    /// Drops what ends before `mint`, and the series that have nothing left. Returns how many series went.
    ///
    /// With `unborn` those go as well that have waited for their first commit since the last such call.
    pub(crate) fn truncate(&mut self, mint: i64, unborn: bool) -> usize {
        let n = u32::try_from(self.slots.len()).expect("slot ids are u32");
        let mut gone = Vec::new();
        let mut oldest = i64::MAX;
        for id in 0..n {
            if !self.slots[id as usize].has(TAKEN) {
                continue;
            }
            match self.truncate_series(id, mint, unborn) {
                Some(first) => oldest = oldest.min(first),
                None => gone.push(id),
            }
        }
        if self.mint <= self.maxt {
            self.mint = oldest.max(self.mint).min(self.maxt);
        }
        self.remove(&gone);
        gone.len()
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
        if let Some(late) = self.late.get_mut(&id) {
            let before = late.samples.len();
            late.samples = late.samples.split_off(&mint);
            self.late_len -= (before - late.samples.len()) as u64;
            if late.samples.is_empty() {
                self.late.remove(&id);
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
        let late = self.late.get(&id).and_then(|late| late.samples.keys().next().copied());
        let cold = &self.cold[at];
        let closed = (cold.closed != NONE).then_some(cold.oldest);
        let open = (slot.n > 0 && slot.last_t >= mint).then_some(slot.chunk_mint);
        let histograms = self.histograms.get(&id).filter(|open| open.maxt >= mint);
        let histograms = histograms.map(|open| open.mint);
        [late, closed, open, histograms].into_iter().flatten().min()
    }

    /// Keeps the labels of series that go for the readers that have them, and forgets those that no reader has.
    fn note_departed(&mut self, gone: &[u32]) {
        let Some(oldest) = self.isolation.oldest_reader() else {
            self.departed = hashbrown::HashMap::new();
            return;
        };
        self.departed.retain(|_, (commit, _)| *commit >= oldest);
        let now = self.isolation.current();
        for id in gone.iter().filter(|id| self.slots[**id as usize].has(BORN)) {
            self.departed.insert((*id, self.generation(*id)), (now, self.labels(*id)));
        }
    }

    fn remove(&mut self, gone: &[u32]) {
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
        let rested = std::mem::replace(&mut self.resting, ranges(gone));
        self.free.extend(rested);
        if !gone.is_empty() {
            self.rebuild_symbols();
        }
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
