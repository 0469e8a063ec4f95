//! The encoding of histograms with integer counts (number 2): a layout, then each count as the change of its change.

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint};
use model::sample::is_stale;

use super::bits::{BitReader, BitWriter};
use super::layout::{Change, Fit, HEADER_BYTES, Layout, ResetHeader, compare, count, count_usize};
use super::varbit::{Xored, XoredIn, put_int, put_uint, read_int, read_uint};
use super::{CHUNK_SAMPLES_MAX, ChunkError};

/// A number that is written as the change of its change.
#[derive(Debug, Clone, Copy, Default)]
struct Moving {
    value: i64,
    delta: i64,
}

impl Moving {
    fn first(value: i64) -> Self {
        Self { value, delta: 0 }
    }

    fn put(&mut self, out: &mut BitWriter, value: i64) {
        let delta = value.wrapping_sub(self.value);
        put_int(out, delta.wrapping_sub(self.delta));
        *self = Self { value, delta };
    }

    fn next(&mut self, bits: &mut BitReader<'_>) -> Result<(), ChunkError> {
        self.delta = self.delta.wrapping_add(read_int(bits)?);
        self.value = self.value.wrapping_add(self.delta);
        Ok(())
    }
}

/// A chunk of integer histograms that is being filled.
#[derive(Debug, Clone)]
pub struct HistogramChunk {
    out: BitWriter,
    n: u16,
    header: ResetHeader,
    layout: Layout,
    t: Moving,
    count: Moving,
    zero_count: Moving,
    sum: Xored,
    positive: Vec<Moving>,
    negative: Vec<Moving>,
}

impl HistogramChunk {
    /// Begins a chunk with its first sample.
    ///
    /// # Errors
    /// [`ChunkError::Invalid`] when the histogram's spans and buckets do not agree.
    pub fn start(header: ResetHeader, t: i64, h: &Histogram) -> Result<Self, ChunkError> {
        check(h)?;
        let stale = Histogram { sum: h.sum, ..Histogram::default() };
        let h = if is_stale(h.sum) { &stale } else { h };
        let layout = Layout {
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            positive_spans: h.positive_spans.clone(),
            negative_spans: h.negative_spans.clone(),
            custom_values: h.custom_values.clone(),
        };
        let mut out = BitWriter::with_bytes(vec![0, 1, header.flags()]);
        layout.put(&mut out);
        put_int(&mut out, t);
        put_uint(&mut out, h.count);
        put_uint(&mut out, h.zero_count);
        out.push(h.sum.to_bits(), 64);
        h.positive_deltas.iter().chain(&h.negative_deltas).for_each(|d| put_int(&mut out, *d));
        Ok(Self {
            out,
            n: 1,
            header,
            layout,
            t: Moving::first(t),
            count: Moving::first(h.count.cast_signed()),
            zero_count: Moving::first(h.zero_count.cast_signed()),
            sum: Xored::first(h.sum),
            positive: h.positive_deltas.iter().copied().map(Moving::first).collect(),
            negative: h.negative_deltas.iter().copied().map(Moving::first).collect(),
        })
    }

    /// Appends a sample, or says that it needs a new chunk.
    ///
    /// # Errors
    /// [`ChunkError::Full`]; [`ChunkError::Invalid`] when the histogram's spans and buckets do not agree.
    pub fn append(&mut self, t: i64, h: &Histogram) -> Result<Fit, ChunkError> {
        check(h)?;
        if self.n == CHUNK_SAMPLES_MAX {
            return Err(ChunkError::Full);
        }
        if let Err(header) = self.compare(h) {
            return Ok(Fit::NewChunk(header));
        }
        self.t.put(&mut self.out, t);
        if is_stale(h.sum) {
            // Counts and buckets of a stale sample mean nothing; only stale samples can follow.
            put_int(&mut self.out, 0);
            put_int(&mut self.out, 0);
            self.sum.put(&mut self.out, h.sum);
        } else {
            self.count.put(&mut self.out, h.count.cast_signed());
            self.zero_count.put(&mut self.out, h.zero_count.cast_signed());
            self.sum.put(&mut self.out, h.sum);
            for (old, new) in self.positive.iter_mut().zip(&h.positive_deltas) {
                old.put(&mut self.out, *new);
            }
            for (old, new) in self.negative.iter_mut().zip(&h.negative_deltas) {
                old.put(&mut self.out, *new);
            }
        }
        self.n += 1;
        self.out.bytes_mut()[..2].copy_from_slice(&self.n.to_be_bytes());
        Ok(Fit::Appended)
    }

    /// The header of a chunk that `h` begins although it might fit into this one.
    #[must_use]
    pub fn next_header(&self, h: &Histogram) -> ResetHeader {
        match (h.reset_hint, self.compare(h)) {
            (ResetHint::Gauge, _) => ResetHeader::Gauge,
            (_, Ok(())) => ResetHeader::NotCounterReset,
            (_, Err(header)) => header,
        }
    }

    /// Whether `h` can follow here; if not, the header of the chunk that it needs.
    fn compare(&self, h: &Histogram) -> Result<(), ResetHeader> {
        let is_gauge = h.reset_hint == ResetHint::Gauge;
        let unknown = if is_gauge { ResetHeader::Gauge } else { ResetHeader::Unknown };
        if is_gauge != (self.header == ResetHeader::Gauge) {
            return Err(unknown);
        }
        if h.reset_hint == ResetHint::CounterReset {
            return Err(ResetHeader::CounterReset);
        }
        if is_stale(h.sum) {
            return Ok(());
        }
        if is_stale(self.sum.value()) {
            return Err(unknown);
        }
        let reset = if is_gauge { ResetHeader::Gauge } else { ResetHeader::CounterReset };
        if !is_gauge && h.count < self.count.value.cast_unsigned() {
            return Err(reset);
        }
        if !self.layout.has_same_scale(h.schema, h.zero_threshold) {
            return Err(unknown);
        }
        if !self.layout.has_same_bounds(h.custom_values.as_deref()) {
            return Err(reset);
        }
        if is_gauge {
            let is_same = h.positive_spans == self.layout.positive_spans
                && h.negative_spans == self.layout.negative_spans;
            return if is_same { Ok(()) } else { Err(unknown) };
        }
        if h.zero_count < self.zero_count.value.cast_unsigned() {
            return Err(reset);
        }
        match self.compare_buckets(h) {
            Change::Same => Ok(()),
            Change::Layout => Err(ResetHeader::NotCounterReset),
            Change::Reset => Err(reset),
        }
    }

    fn compare_buckets(&self, h: &Histogram) -> Change {
        let old = |deltas: &[Moving]| deltas.iter().map(|delta| delta.value).collect::<Vec<_>>();
        let positive = compare(
            (&self.layout.positive_spans, absolute(&old(&self.positive))),
            (&h.positive_spans, absolute(&h.positive_deltas)),
        );
        let negative = compare(
            (&self.layout.negative_spans, absolute(&old(&self.negative))),
            (&h.negative_spans, absolute(&h.negative_deltas)),
        );
        match (positive, negative) {
            (Change::Reset, _) | (_, Change::Reset) => Change::Reset,
            (Change::Same, Change::Same) => Change::Same,
            (Change::Layout, _) | (_, Change::Layout) => Change::Layout,
        }
    }

    /// Samples so far.
    #[must_use]
    pub fn len(&self) -> u16 {
        self.n
    }

    /// Never: a chunk begins with a sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Time of the newest sample.
    #[must_use]
    pub fn maxt(&self) -> i64 {
        self.t.value
    }

    /// The chunk as it is stored.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.out.bytes()
    }
}

/// Counts from the deltas between them.
pub(super) fn absolute(deltas: &[i64]) -> impl Iterator<Item = i64> {
    deltas.iter().scan(0_i64, |sum, delta| {
        *sum = sum.wrapping_add(*delta);
        Some(*sum)
    })
}

fn check(h: &Histogram) -> Result<(), ChunkError> {
    let agree = count(&h.positive_spans) == h.positive_deltas.len() as u64
        && count(&h.negative_spans) == h.negative_deltas.len() as u64;
    let has_bounds = h.schema != CUSTOM_BUCKETS_SCHEMA || h.custom_values.is_some();
    if is_stale(h.sum) || (agree && has_bounds) {
        Ok(())
    } else {
        Err(ChunkError::Invalid("histogram's spans, buckets and bounds do not agree"))
    }
}

/// Appends all samples of a stored chunk to `out`.
///
/// # Errors
/// [`ChunkError`] when the bytes end early or hold what no encoder writes; `out` is as before then.
pub fn decode_histograms(bytes: &[u8], out: &mut Vec<(i64, Histogram)>) -> Result<(), ChunkError> {
    let had = out.len();
    let result = read(bytes, out);
    if result.is_err() {
        out.truncate(had);
    }
    result
}

fn read(bytes: &[u8], out: &mut Vec<(i64, Histogram)>) -> Result<(), ChunkError> {
    let (&[high, low, flags], stream) =
        bytes.split_first_chunk::<HEADER_BYTES>().ok_or(ChunkError::Short)?;
    let n = u16::from_be_bytes([high, low]);
    if n == 0 {
        return Ok(());
    }
    let header = ResetHeader::from_flags(flags);
    let mut bits = BitReader::new(stream);
    let layout = Layout::read(&mut bits, n)?;
    let mut t = Moving::first(read_int(&mut bits)?);
    let mut count = Moving::first(read_uint(&mut bits)?.cast_signed());
    let mut zero_count = Moving::first(read_uint(&mut bits)?.cast_signed());
    let mut sum = XoredIn::first(&mut bits)?;
    let n_positive = count_usize(&layout.positive_spans);
    let buckets = n_positive + count_usize(&layout.negative_spans);
    let mut deltas = Vec::with_capacity(buckets);
    for _ in 0..buckets {
        deltas.push(Moving::first(read_int(&mut bits)?));
    }
    for i in 0..n {
        if i > 0 {
            t.next(&mut bits)?;
            count.next(&mut bits)?;
            zero_count.next(&mut bits)?;
            sum.next(&mut bits)?;
        }
        if is_stale(sum.value()) {
            out.push((t.value, Histogram { sum: sum.value(), ..Histogram::default() }));
            continue;
        }
        if i > 0 {
            deltas.iter_mut().try_for_each(|delta| delta.next(&mut bits))?;
        }
        let (positive, negative) = deltas.split_at(n_positive);
        let values = |deltas: &[Moving]| deltas.iter().map(|delta| delta.value).collect();
        out.push((
            t.value,
            Histogram {
                reset_hint: header.hint(i),
                schema: layout.schema,
                zero_threshold: layout.zero_threshold,
                zero_count: zero_count.value.cast_unsigned(),
                count: count.value.cast_unsigned(),
                sum: sum.value(),
                positive_spans: layout.positive_spans.clone(),
                negative_spans: layout.negative_spans.clone(),
                positive_deltas: values(positive),
                negative_deltas: values(negative),
                custom_values: layout.custom_values.clone(),
            },
        ));
    }
    Ok(())
}
