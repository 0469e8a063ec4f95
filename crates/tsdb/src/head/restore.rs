//! Putting the head together again from the log and the chunk files.
//!
//! A ref of the log names the slot that its series had, so that series keep their refs over restarts. A foreign log, whose refs are far
//! apart or clash, gets slots as they come; such series are logged again under their new refs before their next sample.

use model::labels::Labels;
use model::port::SeriesRef;

use crate::chunk::{ChunkRef, Encoding};

use super::closed::{Chunk, Place};
use super::slot::{LOGGED, STARTED, Slot, TAKEN};
use super::{Cold, Full, HISTOGRAM, Head, split_ref};

/// Slots without a series that refs may make us hold besides one for each series.
const HOLES_MAX: u32 = 256 * 1024;

/// A chunk that was found on disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) at: ChunkRef,
    pub(crate) mint: i64,
    pub(crate) maxt: i64,
    pub(crate) encoding: Encoding,
    pub(crate) n: u16,
    pub(crate) last_v: f64,
}

impl Head {
    /// Makes the series of `series`, in the slot that the ref names when that can be.
    pub(crate) fn place(
        &mut self,
        series: SeriesRef,
        hash: u64,
        labels: &Labels,
    ) -> Result<u32, Full> {
        let n = u32::try_from(self.counts.series_and_unborn()).unwrap_or(u32::MAX);
        let bound = n.saturating_mul(2).saturating_add(HOLES_MAX);
        if let Some((id, generation)) = split_ref(series)
            && id < bound
            && self.slots.get(id as usize).is_none_or(|slot| !slot.has(TAKEN))
        {
            self.grow(id + 1);
            self.create(id, hash, labels)?;
            let slot = &mut self.slots[id as usize];
            slot.generation = generation;
            slot.flags |= LOGGED;
            return Ok(id);
        }
        let id = match self.free.pop() {
            Some((start, end)) => {
                self.give_back((start + 1, end));
                start
            }
            None => {
                let start = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
                self.grow(start.checked_add(1).ok_or_else(|| Full("series ids".to_owned()))?);
                start
            }
        };
        self.create(id, hash, labels)?;
        Ok(id)
    }

    /// Notes a ref of the log under which the series is known besides its own.
    pub(crate) fn add_alias(&mut self, id: u32, series: u64) {
        if !self.is_logged(id) || self.ref_of(id).0 != series {
            self.aliases.entry(id).or_default().push(series);
        }
    }

    /// Gives the series a chunk on disk, behind those that it has. False: it is not newer than they are.
    pub(crate) fn attach(&mut self, id: u32, found: &Found) -> bool {
        if self.last_t(id).is_some_and(|last| found.mint <= last) || found.mint > found.maxt {
            return false;
        }
        self.touch(id, found.mint);
        self.maxt = self.maxt.max(found.maxt);
        let Found { at, mint, maxt, encoding, n, last_v } = *found;
        let chunk = Chunk { mint, maxt, encoding, n, place: Place::Disk(at.0) };
        self.push_closed(id, chunk);
        let slot = &mut self.slots[id as usize];
        slot.last_t = maxt;
        slot.last_v = last_v.to_bits();
        slot.flags |= STARTED;
        slot.flags = match encoding {
            Encoding::Xor => slot.flags & !HISTOGRAM,
            Encoding::Histogram | Encoding::FloatHistogram => slot.flags | HISTOGRAM,
        };
        true
    }

    /// Whether a closed chunk of the series reaches over `t`.
    pub(crate) fn covers(&self, id: u32, t: i64) -> bool {
        self.closed.covers(self.cold[id as usize].closed, t)
    }

    /// Ends the replay: `generation` is above that of every ref that was seen, so that no new series gets a ref that was used.
    pub(crate) fn finish_restore(&mut self, generation: u32) {
        self.first_generation = generation;
        self.free.clear();
        let mut free: Vec<(u32, u32)> = Vec::new();
        let ids = u32::try_from(self.slots.len()).expect("slot ids are u32");
        for id in 0..ids {
            let slot = &mut self.slots[id as usize];
            if !slot.has(TAKEN) {
                *slot = Slot::empty(generation);
                self.cold[id as usize] = Cold::EMPTY;
                match free.last_mut() {
                    Some((_, end)) if *end == id => *end += 1,
                    Some(_) | None => free.push((id, id + 1)),
                }
            } else if !slot.has(LOGGED) {
                slot.generation = generation;
            }
        }
        self.free = free;
        self.isolation.begin();
    }
}
