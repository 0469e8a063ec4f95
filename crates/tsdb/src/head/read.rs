//! Reading the head: what a reader will decode is copied under the lock and decoded outside of it.

use std::sync::Arc;

use model::histogram::FloatHistogram;
use model::labels::Labels;
use model::matcher::Matcher;
use model::port::{Querier, ReadError, SelectHints, SeriesSet};
use model::sample::{Sample, Samples, Value};

use crate::chunk::{Encoding, decode, xor};
use crate::db::Db;

use super::closed::{Chunk, Place};
use super::side::AnyValue;
use super::slot::{HISTOGRAM, OUT_OF_ORDER, STARTED};
use super::{Head, Order};

/// Series above which a selection is sorted by symbol ranks instead of strings.
const RANKED_SORT_MIN: usize = 512;

/// A view of the head as it was at one commit.
#[derive(Debug)]
pub(crate) struct HeadQuerier<'a> {
    db: &'a Db,
    view: View,
}

/// What a reader looks at: commits up to `seen`, and times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    seen: u64,
    mint: i64,
    maxt: i64,
}

impl<'a> HeadQuerier<'a> {
    pub(crate) fn new(db: &'a Db, mint: i64, maxt: i64) -> Self {
        let seen = db.head.read().isolation.enter();
        Self { db, view: View { seen, mint, maxt } }
    }
}

impl Drop for HeadQuerier<'_> {
    fn drop(&mut self) {
        self.db.head.read().isolation.leave(self.view.seen);
    }
}

impl Querier for HeadQuerier<'_> {
    fn select<'a>(
        &'a self,
        hints: &SelectHints,
        matchers: &[Matcher],
    ) -> Result<Box<dyn SeriesSet + 'a>, ReadError> {
        let head = self.db.head.read();
        let mut ids = head.matching(matchers);
        ids.retain(|id| head.may_have(*id, &self.view));
        head.sort_by_labels(&mut ids);
        if hints.limit > 0 {
            ids.truncate(hints.limit);
        }
        let series = ids.into_iter().map(|id| (id, head.generation(id))).collect();
        Ok(Box::new(HeadSeries { db: self.db, seen: self.view.seen, series }))
    }

    fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>, ReadError> {
        let head = self.db.head.read();
        Ok(head.label_names(matchers, head.narrowed(&self.view)))
    }

    fn label_values(&self, name: &str, matchers: &[Matcher]) -> Result<Vec<String>, ReadError> {
        let head = self.db.head.read();
        Ok(head.label_values(name, matchers, head.narrowed(&self.view)))
    }
}

/// A selection.
#[derive(Debug)]
struct HeadSeries<'a> {
    db: &'a Db,
    seen: u64,
    /// Slot ids and their generations: a slot may get another series while we look.
    series: Vec<(u32, u32)>,
}

impl SeriesSet for HeadSeries<'_> {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, i: usize) -> Labels {
        let (id, generation) = self.series[i];
        let head = self.db.head.read();
        if head.generation(id) == generation {
            return head.labels(id);
        }
        let departed = head.departed.get(&(id, generation));
        departed.expect("kept while there is a reader").1.clone()
    }

    fn read(&self, i: usize, mint: i64, maxt: i64, out: &mut Samples) -> Result<(), ReadError> {
        let (id, generation) = self.series[i];
        let copy = {
            let head = self.db.head.read();
            if head.generation(id) != generation {
                return Ok(());
            }
            head.copy(id, self.seen, mint, maxt)
        };
        copy.decode(self.db, mint, maxt, out)
    }

    fn newest(&self, i: usize, mint: i64, maxt: i64) -> Result<Option<Sample>, ReadError> {
        let (id, generation) = self.series[i];
        {
            let head = self.db.head.read();
            if head.generation(id) != generation {
                return Ok(None);
            }
            if let Some(newest) = head.newest(id, self.seen, mint, maxt) {
                return Ok(newest);
            }
        }
        let mut out = Samples::default();
        self.read(i, mint, maxt, &mut out)?;
        let float = out.ts.last().zip(out.vs.last());
        let float = float.map(|(t, v)| Sample { t: *t, v: Value::Float(*v) });
        let histogram = out.hs.pop().map(|(t, h)| Sample { t, v: Value::Histogram(h) });
        Ok(match (float, histogram) {
            (Some(f), Some(h)) => Some(if f.t > h.t { f } else { h }),
            (f, h) => f.or(h),
        })
    }
}

/// What is stored for the series at `t`. `None` also when it cannot be read now.
pub(crate) fn value_at(db: &Db, id: u32, t: i64) -> Option<Value> {
    let copy = {
        let head = db.head.read();
        head.copy(id, head.isolation.current(), t, t)
    };
    let mut out = Samples::default();
    copy.decode(db, t, t, &mut out).ok()?;
    let float = out.vs.first().map(|v| Value::Float(*v));
    float.or_else(|| out.hs.pop().map(|(_, h)| Value::Histogram(h)))
}

/// What a reader needs of a series.
#[derive(Debug, Default)]
struct Copy {
    closed: Vec<Chunk>,
    /// Samples of the open float chunk, and its bytes.
    open: Option<(u16, Vec<u8>)>,
    /// The open histogram chunk.
    histograms: Option<(Encoding, Vec<u8>)>,
    late: Vec<(i64, AnyValue)>,
    /// The newest in-order time that the reader may see.
    visible: i64,
}

impl Head {
    pub(crate) fn generation(&self, id: u32) -> u32 {
        self.slots[id as usize].generation
    }

    /// Whether the series has samples on both sides of a time in the view, or in it.
    pub(crate) fn may_have(&self, id: u32, view: &View) -> bool {
        let slot = &self.slots[id as usize];
        let View { seen, mint, maxt } = *view;
        if mint > maxt {
            return false;
        }
        if slot.has(STARTED)
            && slot.last_t >= mint
            && let Some(visible) = self.isolation.visible_to(seen, id, slot.commit)
            && visible >= mint
            && self.first_t(id).is_some_and(|first| first <= maxt.min(visible))
        {
            return true;
        }
        let late = self.late.get(&id).filter(|_| slot.has(OUT_OF_ORDER));
        late.is_some_and(|late| late.samples.range(mint..=maxt).any(|(_, one)| one.0 <= seen))
    }

    /// The view, when it does not reach over all samples.
    fn narrowed<'a>(&self, view: &'a View) -> Option<&'a View> {
        Some(view).filter(|view| view.mint > self.mint || view.maxt < self.maxt)
    }

    /// The newest sample in the range, when the slot alone tells; `None` when it does not.
    fn newest(&self, id: u32, seen: u64, mint: i64, maxt: i64) -> Option<Option<Sample>> {
        let slot = &self.slots[id as usize];
        if slot.has(OUT_OF_ORDER | HISTOGRAM) || !slot.has(STARTED) || slot.last_t > maxt {
            return None;
        }
        if self.isolation.visible_to(seen, id, slot.commit) != Some(i64::MAX) {
            return None;
        }
        let sample = Sample { t: slot.last_t, v: Value::Float(f64::from_bits(slot.last_v)) };
        Some((slot.last_t >= mint).then_some(sample))
    }

    fn copy(&self, id: u32, seen: u64, mint: i64, maxt: i64) -> Copy {
        let slot = &self.slots[id as usize];
        let mut copy = Copy::default();
        if slot.has(OUT_OF_ORDER)
            && mint <= maxt
            && let Some(late) = self.late.get(&id)
        {
            let range = late.samples.range(mint..=maxt);
            let seen = range.filter(|(_, (commit, _))| *commit <= seen);
            copy.late = seen.map(|(t, (_, v))| (*t, v.clone())).collect();
        }
        let Some(visible) = self.isolation.visible_to(seen, id, slot.commit) else { return copy };
        copy.visible = visible;
        let maxt = maxt.min(visible);
        copy.closed = self.closed.overlapping(self.cold[id as usize].closed, mint, maxt);
        if slot.n > 0 && slot.chunk_mint <= maxt && slot.last_t >= mint {
            let mut bytes = Vec::with_capacity(usize::from(slot.len));
            self.cells.gather(slot.chain(), &mut bytes);
            copy.open = Some((slot.n, bytes));
        }
        if let Some(open) = self.histograms.get(&id) {
            let (encoding, bytes) = open.stored();
            if open.mint <= maxt && open.maxt >= mint {
                copy.histograms = Some((encoding, bytes.to_vec()));
            }
        }
        copy
    }

    /// Sorts ids by the label sets they stand for.
    pub(crate) fn sort_by_labels(&self, ids: &mut Vec<u32>) {
        if ids.len() < RANKED_SORT_MIN {
            let words = |id: &u32| {
                self.pairs(*id)
                    .map(|(name, value)| (self.symbols.get(name), self.symbols.get(value)))
            };
            ids.sort_unstable_by(|a, b| words(a).cmp(words(b)));
            return;
        }
        if let Some(places) = self.order(ids.len()) {
            ids.sort_unstable_by_key(|id| places[*id as usize]);
            return;
        }
        self.sort_by_ranks(ids);
    }

    /// Each visible series' place by labels. `None` when that is not known and not worth while for a selection of `n`.
    fn order(&self, n: usize) -> Option<Arc<Vec<u32>>> {
        let (created, removed) = (self.counts.series_created, self.counts.series_removed);
        let mut kept = self.order.lock();
        if (kept.created, kept.removed) != (created, removed) || kept.places.is_empty() {
            if (n as u64) < self.counts.series / 2 {
                return None;
            }
            let mut all = self.all();
            self.sort_by_ranks(&mut all);
            let mut places = vec![0; self.slots.len()];
            for (place, id) in (0..).zip(all) {
                places[id as usize] = place;
            }
            *kept = Order { created, removed, places: Arc::new(places) };
        }
        Some(Arc::clone(&kept.places))
    }

    fn sort_by_ranks(&self, ids: &mut Vec<u32>) {
        let ranks = self.ranks();
        let rank = |id: u32| ranks[id as usize];
        let pairs = |id: u32| self.pairs(id).map(|(name, value)| (rank(name), rank(value)));
        let mut keyed: Vec<((u32, u32), u32)> =
            ids.iter().map(|id| (pairs(*id).next().unwrap_or_default(), *id)).collect();
        keyed.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| pairs(a.1).skip(1).cmp(pairs(b.1).skip(1)))
        });
        ids.clear();
        ids.extend(keyed.into_iter().map(|(_, id)| id));
    }

    /// Each symbol's place in string order, kept until there are new symbols.
    fn ranks(&self) -> Arc<Vec<u32>> {
        let mut kept = self.ranks.lock();
        if kept.len() != self.symbols.len() {
            *kept = Arc::new(self.symbols.ranks());
        }
        Arc::clone(&kept)
    }
}

impl Copy {
    fn decode(self, db: &Db, mint: i64, maxt: i64, out: &mut Samples) -> Result<(), ReadError> {
        let in_order_max = maxt.min(self.visible);
        for chunk in &self.closed {
            let disk;
            let bytes: &[u8] = match &chunk.place {
                Place::Memory(bytes) => bytes,
                Place::Disk(at) => {
                    disk = db.read_chunk(*at)?;
                    &disk
                }
            };
            decode(chunk.encoding, bytes, out).map_err(damaged)?;
        }
        if let Some((n, bytes)) = &self.open {
            xor::decode_stream(bytes, *n, &mut out.ts, &mut out.vs).map_err(damaged)?;
        }
        if let Some((encoding, bytes)) = &self.histograms {
            decode(*encoding, bytes, out).map_err(damaged)?;
        }
        trim(out, mint, in_order_max);
        if !self.late.is_empty() {
            merge_late(&self.late, out);
        }
        Ok(())
    }
}

fn damaged(error: crate::chunk::ChunkError) -> ReadError {
    ReadError::Storage(format!("chunk: {error}"))
}

/// Leaves the samples of `mint..=maxt`.
fn trim(out: &mut Samples, mint: i64, maxt: i64) {
    let end = out.ts.partition_point(|t| *t <= maxt);
    out.ts.truncate(end);
    out.vs.truncate(end);
    let start = out.ts.partition_point(|t| *t < mint);
    out.ts.drain(..start);
    out.vs.drain(..start);
    out.hs.retain(|(t, _)| mint <= *t && *t <= maxt);
}

/// Puts late samples between those in order; at one time the one in order stays.
fn merge_late(late: &[(i64, AnyValue)], out: &mut Samples) {
    let has = |t: i64, out: &Samples| {
        out.ts.binary_search(&t).is_ok() || out.hs.binary_search_by_key(&t, |(t, _)| *t).is_ok()
    };
    let mut floats: Vec<(i64, f64)> = Vec::new();
    let mut histograms: Vec<(i64, Arc<FloatHistogram>)> = Vec::new();
    for (t, v) in late.iter().filter(|(t, _)| !has(*t, out)) {
        match v {
            AnyValue::Float(v) => floats.push((*t, *v)),
            AnyValue::Histogram(h) => histograms.push((*t, h.to_float())),
        }
    }
    if !floats.is_empty() {
        let mut all: Vec<(i64, f64)> = out.ts.iter().copied().zip(out.vs.iter().copied()).collect();
        all.extend(floats);
        // Two sorted runs: the sort finds them.
        all.sort_by_key(|(t, _)| *t);
        (out.ts, out.vs) = all.into_iter().unzip();
    }
    if !histograms.is_empty() {
        out.hs.extend(histograms);
        out.hs.sort_by_key(|(t, _)| *t);
    }
}
