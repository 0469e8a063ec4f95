//! The head as it was at one commit, as records of the log: series, metadata, samples that are in no chunk file, exemplars.

use std::sync::Arc;

use model::port::SeriesRef;
use parking_lot::RwLock;

use crate::chunk::{Encoding, xor};
use crate::wal::Batch;
use crate::wal::record::{RefExemplar, RefMetadata, RefSeries};

use super::Head;
use super::closed::Place;
use super::histograms::stored_values;
use super::plan::{Group, put_split};
use super::side::AnyValue;
use super::slot::{BORN, HISTOGRAM, LOGGED, NONE, STARTED};

/// Slots per batch: the lock is held for one.
const SLOTS_PER_BATCH: u32 = 256;
/// Bytes of samples that a record has at most.
const RECORD_BYTES: usize = 16 << 20;
const EXEMPLARS_PER_RECORD: usize = 10_000;

/// A closed chunk that is not on disk yet.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) node: u32,
    pub(crate) series: SeriesRef,
    pub(crate) mint: i64,
    pub(crate) maxt: i64,
    pub(crate) encoding: Encoding,
    pub(crate) bytes: Arc<[u8]>,
}

impl Head {
    /// The closed chunks that lie in memory, in the order in which they were closed.
    pub(crate) fn closed_in_memory(&self) -> Vec<Waiting> {
        let waiting = self.closed.waiting().filter_map(|(node, id)| {
            let chunk = self.closed.node(node);
            let (mint, maxt, encoding) = (chunk.mint, chunk.maxt, chunk.encoding);
            match chunk.place {
                Place::Memory(bytes) => {
                    let series = self.ref_of(id);
                    Some(Waiting { node, series, mint, maxt, encoding, bytes })
                }
                Place::Disk(_) => None,
            }
        });
        waiting.collect()
    }

    /// The chunk of `node` lies at `at` on disk now.
    pub(crate) fn closed_moved(&mut self, node: u32, at: u64) {
        self.closed.moved(node, at);
    }

    pub(crate) fn closed_memory_bytes(&self) -> usize {
        self.closed.memory_bytes()
    }

    /// The median of the series' newest times.
    pub(crate) fn typical_newest(&self) -> Option<i64> {
        let started = self.slots.iter().filter(|slot| slot.has(STARTED));
        let mut times: Vec<i64> = started.map(|slot| slot.last_t).collect();
        let middle = times.len() / 2;
        if times.is_empty() {
            return None;
        }
        Some(*times.select_nth_unstable(middle).1)
    }

    /// The samples of series `id` up to commit `seen` that no chunk file has: in order, and late.
    fn unfiled(&self, id: u32, seen: u64, in_order: &mut Group, late: &mut Group) {
        let slot = &self.slots[id as usize];
        let before = in_order.floats.len() + in_order.histograms.len();
        if let Some(visible) = self.isolation.visible_to(seen, id, slot.commit) {
            let (mut ts, mut vs, mut hs) = (Vec::new(), Vec::new(), Vec::new());
            for node in self.closed.in_memory(self.cold[id as usize].closed) {
                let chunk = self.closed.node(node);
                let Place::Memory(bytes) = &chunk.place else { continue };
                if chunk.encoding == Encoding::Xor {
                    xor::decode(bytes, &mut ts, &mut vs).expect("we have encoded it");
                } else {
                    hs.extend(stored_values(chunk.encoding, bytes).expect("we have encoded it"));
                }
            }
            if slot.n > 0 {
                let mut bytes = Vec::with_capacity(usize::from(slot.len));
                self.cells.gather(slot.chain(), &mut bytes);
                xor::decode_stream(&bytes, slot.n, &mut ts, &mut vs).expect("we have encoded it");
            }
            let floats = ts.into_iter().zip(vs).filter(|(t, _)| *t <= visible);
            in_order.floats.extend(floats.map(|(t, v)| (id, t, v)));
            if let Some((encoding, bytes)) = self.histograms.get(&id).map(|open| open.stored()) {
                hs.extend(stored_values(encoding, bytes).expect("we have encoded it"));
            }
            let histograms = hs.into_iter().filter(|(t, _)| *t <= visible);
            in_order.histograms.extend(histograms.map(|(t, h)| (id, t, h)));
            // A series whose samples all are in files: its newest tells the replay which later ones are late.
            let is_filed = in_order.floats.len() + in_order.histograms.len() == before;
            let is_float = slot.has(STARTED) && !slot.has(HISTOGRAM);
            if is_filed && is_float && slot.last_t <= visible {
                in_order.floats.push((id, slot.last_t, f64::from_bits(slot.last_v)));
            }
        }
        for (t, (commit, v)) in self.late.get(&id).into_iter().flat_map(|late| &late.samples) {
            match v {
                AnyValue::Float(v) if *commit <= seen => late.floats.push((id, *t, *v)),
                AnyValue::Histogram(h) if *commit <= seen => {
                    late.histograms.push((id, *t, h.clone()));
                }
                AnyValue::Float(_) | AnyValue::Histogram(_) => {}
            }
        }
    }

    fn snapshot_batch(&self, ids: std::ops::Range<u32>, seen: u64) -> Part {
        let (mut batch, mut late_batch) = (Batch::default(), Batch::default());
        let (mut series, mut metadata) = (Vec::new(), Vec::new());
        let (mut in_order, mut late) = (Group::default(), Group::default());
        for id in ids {
            if !self.slots[id as usize].has(BORN | LOGGED) {
                continue;
            }
            let labels = self.labels(id);
            for alias in self.aliases.get(&id).into_iter().flatten() {
                series.push(RefSeries { series: *alias, labels: labels.clone() });
            }
            let own = self.ref_of(id).0;
            series.push(RefSeries { series: own, labels });
            let number = self.cold[id as usize].metadata;
            if number != NONE {
                let metadata_of = (*self.metadata(number)).clone();
                metadata.push(RefMetadata { series: own, metadata: metadata_of });
            }
            self.unfiled(id, seen, &mut in_order, &mut late);
        }
        batch.series(&series);
        batch.metadata(&metadata);
        put_split(&mut batch, self, &in_order, RECORD_BYTES);
        put_split(&mut batch, self, &late, RECORD_BYTES);
        put_split(&mut late_batch, self, &late, RECORD_BYTES);
        Part { batch, late: late_batch }
    }

    fn exemplar_batch(&self) -> Batch {
        let mut batch = Batch::default();
        let all: Vec<RefExemplar> = self
            .exemplars
            .iter()
            .map(|(id, one)| RefExemplar {
                series: self.ref_of(id).0,
                t: one.t.unwrap_or(0),
                v: one.value,
                labels: one.labels.clone(),
            })
            .collect();
        for part in all.chunks(EXEMPLARS_PER_RECORD) {
            batch.exemplars(part);
        }
        batch
    }
}

/// A part of a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) batch: Batch,
    /// The late samples of `batch` once more.
    pub(crate) late: Batch,
}

/// Gives the head as it was when the snapshot was taken, in batches for a checkpoint.
#[derive(Debug)]
pub(crate) struct Snapshot<'a> {
    head: &'a RwLock<Head>,
    seen: u64,
    next: u32,
    end: u32,
    /// Exemplars come last. They have no order to keep: newer ones may be among them.
    has_exemplars: bool,
}

impl<'a> Snapshot<'a> {
    pub(crate) fn new(head: &'a RwLock<Head>) -> Self {
        let now = head.read();
        let end = u32::try_from(now.slots.len()).expect("slot ids are u32");
        Self { head, seen: now.isolation.enter(), next: 0, end, has_exemplars: true }
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        self.head.read().isolation.leave(self.seen);
    }
}

impl Iterator for Snapshot<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        while self.next < self.end {
            let ids = self.next..self.end.min(self.next.saturating_add(SLOTS_PER_BATCH));
            self.next = ids.end;
            let part = self.head.read().snapshot_batch(ids, self.seen);
            if !part.batch.is_empty() {
                return Some(part);
            }
        }
        if !self.has_exemplars {
            return None;
        }
        self.has_exemplars = false;
        let batch = self.head.read().exemplar_batch();
        (!batch.is_empty()).then(|| Part { batch, late: Batch::default() })
    }
}
