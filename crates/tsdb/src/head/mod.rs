//! The head: the newest samples of every series, in memory.
//!
//! A series is a 64-byte slot, a label set of symbol numbers, an open chunk in cells and a list of closed chunks. [`Head`] is plain data
//! under one lock that is held for microseconds: commits hold it to apply, readers to copy what they will decode.
//!
//! Invariant: within a slot's in-order samples time strictly increases, so the view of a reader that began before a commit is all
//! samples up to the newest time that the series had then ([`isolation`]).

pub(crate) mod append;
mod cells;
mod closed;
pub(crate) mod exemplars;
mod gc;
mod histograms;
pub(crate) mod isolation;
pub(crate) mod plan;
mod postings;
pub(crate) mod read;
pub(crate) mod restore;
mod select;
mod sets;
pub(crate) mod side;
mod slot;
pub(crate) mod snapshot;
pub(crate) mod stats;
mod symbols;

use std::sync::Arc;

use hashbrown::{HashMap, HashTable};
use model::labels::Labels;
use model::metadata::{Metadata, MetricType};
use model::port::SeriesRef;
use parking_lot::Mutex;

use crate::chunk::cut::FloatCut;
use crate::chunk::{BitBuf, Encoding, XorState};

use cells::Cells;
use closed::{Chunk, Closed, Place};
use exemplars::Exemplars;
#[cfg(test)]
pub(crate) use gc::SLOTS_PER_STEP;
use histograms::OpenHistograms;
use isolation::Isolation;
use postings::{IdMap, Postings};
use sets::LabelSets;
use side::{AnyValue, HistogramValue, Late};
use slot::{
    BORN, Cold, EXTENT_SLOTS, FIRST_CHUNK, HISTOGRAM, LOGGED, NONE, OUT_OF_ORDER, STARTED, Slot,
    TAKEN,
};
use symbols::Symbols;

/// Chunks do not reach over multiples of this, as blocks will not.
pub(crate) const CHUNK_RANGE_MS: i64 = 2 * 60 * 60 * 1000;

/// All series and their samples.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) symbols: Symbols,
    sets: LabelSets,
    slots: Vec<Slot>,
    cold: Vec<Cold>,
    /// Slot ids by label hash.
    table: HashTable<u32>,
    /// Ranges of slot ids that no series has, for the next appenders.
    free: Vec<(u32, u32)>,
    /// Ranges that became free at the last truncation: a batch that is under way may still name them.
    resting: Vec<(u32, u32)>,
    /// What a slot's generation is when its id is first used.
    first_generation: u32,
    postings: Postings,
    cells: Cells,
    closed: Closed,
    histograms: IdMap<OpenHistograms>,
    late: IdMap<Late>,
    /// Samples in all of `late`.
    late_len: u64,
    metadata: MetadataTable,
    /// Other refs under which the log and the chunk files know a series.
    aliases: IdMap<Vec<u64>>,
    pub(crate) exemplars: Exemplars,
    pub(crate) isolation: Isolation,
    /// Labels of series that went while readers might have them, by slot id and generation, with the commit after which they went.
    departed: HashMap<(u32, u32), (u64, Labels)>,
    /// Each symbol's place in string order, as of the last large selection.
    ranks: Mutex<Arc<Vec<u32>>>,
    /// Each visible series' place in the order of labels, as of the last selection of most of them.
    order: Mutex<Order>,
    pub(crate) counts: Counts,
    /// Bounds of all samples' times; `mint > maxt` while there is none.
    pub(crate) mint: i64,
    pub(crate) maxt: i64,
    /// The oldest time that came since the last truncation began.
    touched_mint: i64,
}

/// Running totals, for metrics.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Visible series.
    pub(crate) series: u64,
    /// Series that wait for their first commit.
    pub(crate) unborn: u64,
    pub(crate) series_created: u64,
    pub(crate) series_removed: u64,
    pub(crate) open_chunks: u64,
    pub(crate) chunks_created: u64,
    pub(crate) chunks_removed: u64,
    pub(crate) floats: u64,
    pub(crate) histograms: u64,
    pub(crate) late: u64,
}

impl Counts {
    fn series_and_unborn(&self) -> usize {
        usize::try_from(self.series + self.unborn).unwrap_or(usize::MAX)
    }
}

/// The order of series by labels; holds as long as no series came or went.
#[derive(Debug, Default)]
struct Order {
    /// Series that had come and gone.
    created: u64,
    removed: u64,
    /// Places by slot id.
    places: Arc<Vec<u32>>,
}

/// Distinct metadata, known by number.
#[derive(Debug, Default)]
struct MetadataTable {
    all: Vec<Arc<Metadata>>,
    ids: HashMap<(MetricType, String, String), u32>,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            symbols: Symbols::default(),
            sets: LabelSets::default(),
            slots: Vec::new(),
            cold: Vec::new(),
            table: HashTable::new(),
            free: Vec::new(),
            resting: Vec::new(),
            first_generation: 0,
            postings: Postings::default(),
            cells: Cells::default(),
            closed: Closed::default(),
            histograms: IdMap::default(),
            late: IdMap::default(),
            late_len: 0,
            metadata: MetadataTable::default(),
            aliases: IdMap::default(),
            exemplars: Exemplars::default(),
            isolation: Isolation::default(),
            departed: HashMap::new(),
            ranks: Mutex::default(),
            order: Mutex::default(),
            counts: Counts::default(),
            mint: i64::MAX,
            maxt: i64::MIN,
            touched_mint: i64::MAX,
        }
    }
}

/// A bound of the head was reached; the text names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Full(pub(crate) String);

/// The ref of slot `id` in its `generation`. It is the ref of the log too.
pub(crate) fn series_ref(id: u32, generation: u32) -> SeriesRef {
    SeriesRef(u64::from(generation) << 32 | (u64::from(id) + 1))
}

/// Slot id and generation of a ref.
pub(crate) fn split_ref(series: SeriesRef) -> Option<(u32, u32)> {
    let low = u32::try_from(series.0 & u64::from(u32::MAX)).ok()?;
    let generation = u32::try_from(series.0 >> 32).ok()?;
    Some((low.checked_sub(1)?, generation))
}

impl Head {
    /// The slot id of a ref, when it still stands for the series that it was given for.
    pub(crate) fn id_of(&self, series: SeriesRef) -> Option<u32> {
        let (id, generation) = split_ref(series)?;
        let slot = self.slots.get(id as usize)?;
        (slot.has(TAKEN) && slot.generation == generation).then_some(id)
    }

    pub(crate) fn ref_of(&self, id: u32) -> SeriesRef {
        series_ref(id, self.slots[id as usize].generation)
    }

    pub(crate) fn find(&self, hash: u64, labels: &Labels) -> Option<u32> {
        let short = high_half(hash);
        let found = self.table.find(spread(short), |id| {
            let cold = &self.cold[*id as usize];
            cold.hash == short && self.sets.is_equal(&self.symbols, cold.set, labels)
        });
        found.copied()
    }

    pub(crate) fn labels(&self, id: u32) -> Labels {
        self.sets.labels(&self.symbols, self.cold[id as usize].set)
    }

    fn pairs(&self, id: u32) -> sets::SetIter<'_> {
        self.sets.iter(self.cold[id as usize].set)
    }

    /// A range of slots for one appender.
    pub(crate) fn take_extent(&mut self) -> Result<(u32, u32), Full> {
        if let Some(range) = self.free.pop() {
            return Ok(range);
        }
        let start = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let end = start
            .checked_add(EXTENT_SLOTS)
            .filter(|end| *end < NONE)
            .ok_or_else(|| Full("series ids are used up".to_owned()))?;
        self.grow(end);
        Ok((start, end))
    }

    fn grow(&mut self, end: u32) {
        let end = end as usize;
        if end > self.slots.len() {
            self.slots.resize(end, Slot::empty(self.first_generation));
            self.cold.resize(end, Cold::EMPTY);
        }
    }

    pub(crate) fn give_back(&mut self, range: (u32, u32)) {
        if range.0 < range.1 {
            self.free.push(range);
        }
    }

    /// Makes a series in the free slot `id`; nobody sees it before [`Head::bear`].
    pub(crate) fn create(&mut self, id: u32, hash: u64, labels: &Labels) -> Result<(), Full> {
        let set = self.sets.push(&mut self.symbols, labels).ok_or_else(|| {
            Full("labels: 4 GiB of distinct label strings or of label sets".to_owned())
        })?;
        let hash = high_half(hash);
        self.cold[id as usize] = Cold { set, hash, ..Cold::EMPTY };
        self.slots[id as usize].flags = TAKEN | FIRST_CHUNK;
        let cold = &self.cold;
        self.table.insert_unique(spread(hash), id, |id| spread(cold[*id as usize].hash));
        self.counts.unborn += 1;
        Ok(())
    }

    /// Whether the slot has a series.
    pub(crate) fn is_taken(&self, id: u32) -> bool {
        self.slots[id as usize].has(TAKEN)
    }

    /// Makes the series visible.
    fn bear(&mut self, id: u32) {
        let slot = &mut self.slots[id as usize];
        if slot.has(BORN) {
            return;
        }
        slot.flags |= BORN;
        self.postings.insert(self.sets.iter(self.cold[id as usize].set), id);
        self.counts.unborn -= 1;
        self.counts.series += 1;
        self.counts.series_created += 1;
    }

    pub(crate) fn is_logged(&self, id: u32) -> bool {
        self.slots[id as usize].has(LOGGED)
    }

    pub(crate) fn set_logged(&mut self, id: u32, is_logged: bool) {
        let flags = &mut self.slots[id as usize].flags;
        *flags = if is_logged { *flags | LOGGED } else { *flags & !LOGGED };
    }

    fn touch(&mut self, id: u32, t: i64) {
        let slot = &mut self.slots[id as usize];
        let before = slot.has(STARTED).then_some(slot.last_t);
        slot.commit = self.isolation.mark(id, before);
        self.bear(id);
        self.mint = self.mint.min(t);
        self.touched_mint = self.touched_mint.min(t);
        self.maxt = self.maxt.max(t);
    }

    /// Appends a float that is newer than all in-order samples of the series.
    pub(crate) fn put_float(&mut self, id: u32, t: i64, v: f64) {
        self.touch(id, t);
        self.counts.floats += 1;
        if self.slots[id as usize].has(HISTOGRAM) {
            self.close_histograms(id);
        }
        let slot = &self.slots[id as usize];
        if slot.n > 0 && self.is_float_cut_due(id, t) {
            self.close_floats(id);
        }
        let slot = &mut self.slots[id as usize];
        let mut state = slot.state();
        if slot.n == 0 {
            state = XorState::default();
            slot.set_cut(FloatCut::start(t, CHUNK_RANGE_MS));
            self.counts.open_chunks += 1;
            self.counts.chunks_created += 1;
        }
        let mut chain = slot.chain();
        let replace = usize::from(state.used > 0);
        let last = if replace == 1 { self.cells.last_byte(chain) } else { 0 };
        let mut buf = BitBuf::behind(last, u32::from(state.used));
        state.encode(t, v, &mut buf);
        let (bytes, used) = buf.finish();
        state.used = used.to_le_bytes()[0];
        self.cells.append(&mut chain, bytes, replace);
        slot.set_chain(chain);
        slot.set_state(&state);
        slot.flags = (slot.flags | STARTED) & !HISTOGRAM;
    }

    fn is_float_cut_due(&mut self, id: u32, t: i64) -> bool {
        let hash = self.cold[id as usize].hash;
        let slot = &mut self.slots[id as usize];
        let mut cut = slot.cut();
        let bytes = crate::chunk::xor::XOR_HEADER_BYTES + usize::from(slot.len);
        let is_due = cut.is_due(&slot.state(), bytes, t);
        slot.set_cut(cut);
        is_due || slot.has(FIRST_CHUNK) && u32::from(slot.n) >= 60 + hash % 60
    }

    fn close_floats(&mut self, id: u32) {
        let slot = &mut self.slots[id as usize];
        if slot.n == 0 {
            return;
        }
        let mut chain = slot.chain();
        let mut bytes = Vec::with_capacity(usize::from(chain.len) + 2);
        bytes.extend_from_slice(&slot.n.to_be_bytes());
        self.cells.gather(chain, &mut bytes);
        self.cells.release(&mut chain);
        let chunk = Chunk {
            mint: slot.chunk_mint,
            maxt: slot.last_t,
            encoding: Encoding::Xor,
            n: slot.n,
            place: Place::Memory(bytes.into()),
        };
        slot.set_chain(chain);
        slot.n = 0;
        slot.used = 0;
        slot.flags &= !FIRST_CHUNK;
        self.push_closed(id, chunk);
        self.counts.open_chunks -= 1;
    }

    fn push_closed(&mut self, id: u32, chunk: Chunk) {
        let cold = &mut self.cold[id as usize];
        if cold.closed == NONE {
            cold.oldest = chunk.mint;
        }
        self.closed.push(&mut cold.closed, id, chunk);
    }

    /// A closed chunk of `bytes` zeros.
    #[cfg(test)]
    pub(crate) fn push_zeros(&mut self, id: u32, bytes: usize) {
        let place = Place::Memory(vec![0; bytes].into());
        self.push_closed(id, Chunk { mint: 0, maxt: 0, encoding: Encoding::Xor, n: 0, place });
    }

    /// Time of the series' first in-order sample that is still there.
    fn first_t(&self, id: u32) -> Option<i64> {
        let (slot, cold) = (&self.slots[id as usize], &self.cold[id as usize]);
        if cold.closed != NONE {
            Some(cold.oldest)
        } else if slot.n > 0 {
            Some(slot.chunk_mint)
        } else if slot.has(HISTOGRAM) {
            self.histograms.get(&id).map(|open| open.mint)
        } else {
            None
        }
    }

    /// Keeps a sample that is not newer than the series' newest; false when there is one at its time already.
    pub(crate) fn put_late(&mut self, id: u32, t: i64, v: AnyValue) -> bool {
        let late = self.late.entry(id).or_default();
        if late.samples.contains_key(&t) {
            return false;
        }
        late.samples.insert(t, (self.isolation.current(), v));
        self.late_len += 1;
        self.touch(id, t);
        self.slots[id as usize].flags |= OUT_OF_ORDER;
        self.counts.late += 1;
        true
    }

    /// The newest in-order sample's time; `None` for a series without one.
    pub(crate) fn last_t(&self, id: u32) -> Option<i64> {
        let slot = &self.slots[id as usize];
        slot.has(STARTED).then_some(slot.last_t)
    }

    /// The newest in-order sample's value.
    pub(crate) fn last_value(&self, id: u32) -> AnyValue {
        let slot = &self.slots[id as usize];
        if slot.has(HISTOGRAM) {
            // After a start the newest histogram may lie in a file: then it is some histogram.
            let open = self.histograms.get(&id);
            let last = open.map_or_else(|| HistogramValue::stale(false), |open| open.last.clone());
            return AnyValue::Histogram(last);
        }
        AnyValue::Float(f64::from_bits(slot.last_v))
    }

    /// Late samples of all series.
    pub(crate) fn late_len(&self) -> u64 {
        self.late_len
    }

    pub(crate) fn late_value(&self, id: u32, t: i64) -> Option<&AnyValue> {
        self.late.get(&id)?.samples.get(&t).map(|(_, v)| v)
    }

    pub(crate) fn has_metadata(&self, id: u32, metadata: &Metadata) -> bool {
        let number = self.cold[id as usize].metadata;
        number != NONE && *self.metadata.all[number as usize] == *metadata
    }

    /// The number of `metadata` when the series has another one.
    pub(crate) fn new_metadata(&mut self, id: u32, metadata: &Metadata) -> Option<u32> {
        let number = self.metadata.intern(metadata);
        (self.cold[id as usize].metadata != number).then_some(number)
    }

    pub(crate) fn metadata(&self, number: u32) -> Arc<Metadata> {
        Arc::clone(&self.metadata.all[number as usize])
    }

    pub(crate) fn set_metadata(&mut self, id: u32, number: u32) {
        self.cold[id as usize].metadata = number;
    }
}

impl MetadataTable {
    fn intern(&mut self, metadata: &Metadata) -> u32 {
        let key = (metadata.kind, metadata.unit.clone(), metadata.help.clone());
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let id = u32::try_from(self.all.len()).expect("bounded by the series");
        self.all.push(Arc::new(metadata.clone()));
        self.ids.insert(key, id);
        id
    }
}

fn high_half(hash: u64) -> u32 {
    u32::try_from(hash >> 32).expect("32 bits are left")
}

/// 64 bits for the table out of the 32 that are kept.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
