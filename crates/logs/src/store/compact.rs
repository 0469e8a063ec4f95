//! Fewer, larger segments, and only as many as are to be kept.
//!
//! Within one day: small segments are sorted together again, large ones are put together as they are. A segment most of whose rows are deleted is
//! written again without them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::bits::Bits;
use crate::part::{Part, View};
use crate::segment::{self, Segment};

use super::flush::{install, io, lost_rows, write_options};
use super::index::{Held, Index};
use super::types::StoreError;
use super::{Settings, Store, setting};

/// Bytes of documents below which a segment is small.
const SMALL_BYTES: u64 = 8 << 20;
/// Small segments of a day that are worth to be sorted together.
const SMALL_COUNT: usize = 8;
/// Bytes of documents that are sorted together at most.
const SORT_BYTES_MAX: u64 = 64 << 20;
/// Large segments of a day that are worth to be put together.
const LARGE_COUNT: usize = 16;
/// Bytes of documents of a segment at most.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// How segments become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Sort,
    Concat,
}

/// What to do next, as indices into the segments.
fn plan(segments: &[Held]) -> Option<(How, Vec<usize>)> {
    let mut days: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, held) in segments.iter().enumerate() {
        days.entry(held.entry.day()).or_default().push(at);
    }
    let up_to = |max: u64, all: Vec<usize>| -> Vec<usize> {
        let mut sum = 0;
        all.into_iter()
            .take_while(|at| {
                sum += segments[*at].entry.raw_bytes;
                sum <= max
            })
            .collect()
    };
    for of_day in days.into_values() {
        let is_small = |at: &usize| segments[*at].entry.raw_bytes < SMALL_BYTES;
        let (small, large): (Vec<usize>, Vec<usize>) = of_day.into_iter().partition(is_small);
        if small.len() >= SMALL_COUNT {
            return Some((How::Sort, up_to(SORT_BYTES_MAX, small)));
        }
        let half = |at: &usize| segments[*at].entry.raw_bytes <= SEGMENT_BYTES_MAX / 2;
        let large: Vec<usize> = large.into_iter().filter(half).collect();
        if large.len() >= LARGE_COUNT {
            return Some((How::Concat, up_to(SEGMENT_BYTES_MAX, large)));
        }
    }
    let is_hollow = |held: &Held| {
        let deleted: usize = held.deleted.iter().flatten().map(Bits::count).sum();
        deleted * 2 > held.part.rows() && held.entry.raw_bytes <= 2 * SORT_BYTES_MAX
    };
    segments.iter().position(is_hollow).map(|at| (How::Sort, vec![at]))
}

fn view(held: &Held) -> View {
    View { part: Arc::clone(&held.part) as Arc<dyn Part>, deleted: Arc::clone(&held.deleted) }
}

impl Store {
    /// Makes one segment of several, where that is due. Returns whether it was.
    pub(super) fn compact(&self, index: &Index) -> Result<bool, StoreError> {
        let _upkeep = index.upkeep.lock();
        let mut state = index.state.lock();
        let Some((how, chosen)) = plan(&state.segments).filter(|_| !state.is_removed) else {
            return Ok(false);
        };
        let inputs: Vec<Held> = chosen.iter().map(|at| state.segments[*at].clone()).collect();
        let options = write_options(index, &state);
        let (number, flushed_seq) = (state.reserve_files(1), state.flushed_seq);
        drop(state);
        let views: Vec<View> = inputs.iter().map(view).collect();
        let raw_bytes = inputs.iter().map(|held| held.entry.raw_bytes).sum();
        let day = inputs.first().map_or("", |held| held.entry.day());
        let (file, path) = self.new_file(index, day, number)?;
        let fs = self.options.fs.as_ref();
        let summary = match how {
            How::Sort => segment::write(fs, &path, &views, &options),
            How::Concat => {
                let parts: Vec<Arc<Segment>> =
                    inputs.iter().map(|held| Arc::clone(&held.part)).collect();
                segment::concat(fs, &path, &parts)
            }
        };
        let mut made = self.open_made(&file, &path, summary.map_err(io)?, raw_bytes)?;
        if let (How::Concat, Some(made)) = (how, &mut made) {
            made.deleted = Arc::new(joined(&inputs));
        }
        let removed = self.replace(index, &inputs, made.as_ref(), flushed_seq)?;
        let mut state = index.state.lock();
        for (before, after) in views.iter().zip(removed) {
            lost_rows(before, &after).into_iter().for_each(|seq| state.delete(seq));
        }
        Ok(true)
    }

    /// Puts `made` in the place of `inputs`, durably. Returns the deleted rows of these at that moment.
    fn replace(
        &self,
        index: &Index,
        inputs: &[Held],
        made: Option<&Held>,
        flushed_seq: i64,
    ) -> Result<Vec<super::table::Deleted>, StoreError> {
        let is_input = |held: &Held| inputs.iter().any(|one| Arc::ptr_eq(&one.part, &held.part));
        let state = index.state.lock();
        let rest = state.segments.iter().filter(|held| !is_input(held));
        let held: Vec<Held> = rest.chain(made).cloned().collect();
        drop(state);
        let saved = self.save_manifest(index, held, flushed_seq)?;
        let mut state = index.state.lock();
        let now = |input: &Held| {
            let held = state.segments.iter().find(|held| Arc::ptr_eq(&held.part, &input.part));
            held.map_or_else(|| Arc::clone(&input.deleted), |held| Arc::clone(&held.deleted))
        };
        let removed = inputs.iter().map(now).collect();
        install(&mut state, saved);
        drop(state);
        for input in inputs {
            let files = [Some(&input.entry.file), input.entry.deleted.as_ref()];
            for file in files.into_iter().flatten() {
                // What stays is removed at the next start.
                drop(self.options.fs.remove_file(&index.dir.join(file)));
            }
        }
        Ok(removed)
    }

    /// Removes what is older, or more, than is to be kept: `index.mangru.retention.age` (`30d`) and `index.mangru.retention.bytes` (`50GB`) on disk.
    /// Returns whether something was removed.
    pub(super) fn retain(&self, index: &Index) -> Result<bool, StoreError> {
        let _upkeep = index.upkeep.lock();
        let state = index.state.lock();
        let victims = victims(&state.settings, &state.segments, self.options.clock.now_ms());
        let inputs: Vec<Held> = victims.iter().map(|at| state.segments[*at].clone()).collect();
        let flushed_seq = state.flushed_seq;
        drop(state);
        if inputs.is_empty() || index.state.lock().is_removed {
            return Ok(false);
        }
        self.replace(index, &inputs, None, flushed_seq)?;
        Ok(true)
    }
}

/// Rows that are deleted in segments put together.
fn joined(inputs: &[Held]) -> Vec<Option<Bits>> {
    let mut all = Vec::new();
    for held in inputs {
        let end = all.len() + held.part.block_count();
        all.extend(held.deleted.iter().cloned());
        all.resize(end, None);
    }
    all
}

/// Segments that are not to be kept. Whole days go: the oldest first.
fn victims(settings: &Settings, segments: &[Held], now_ms: i64) -> Vec<usize> {
    let age = setting(settings, "index.mangru.retention.age");
    let age_ms = age.and_then(|text| stdx::units::parse_duration_ms(&text).ok());
    let cut_us = age_ms.map(|age| now_ms.saturating_sub(age).saturating_mul(1_000));
    let bytes = setting(settings, "index.mangru.retention.bytes");
    let bytes_max = bytes.and_then(|text| {
        let plain = text.parse().ok();
        plain.or_else(|| stdx::units::parse_bytes(&text.to_uppercase()).ok())
    });
    let is_old = |held: &Held| cut_us.is_some_and(|cut| held.entry.times.1 < cut);
    let mut total: u64 = segments.iter().map(|held| held.entry.bytes).sum();
    let mut gone: Vec<usize> = (0..segments.len()).filter(|at| is_old(&segments[*at])).collect();
    total -= gone.iter().map(|at| segments[*at].entry.bytes).sum::<u64>();
    let mut days: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, held) in segments.iter().enumerate().filter(|(_, held)| !is_old(held)) {
        days.entry(held.entry.day()).or_default().push(at);
    }
    for of_day in days.into_values() {
        if bytes_max.is_none_or(|max| total <= max) {
            break;
        }
        total -= of_day.iter().map(|at| segments[*at].entry.bytes).sum::<u64>();
        gone.extend(of_day);
    }
    gone
}
