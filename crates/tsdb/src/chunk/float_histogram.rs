//! The encoding of histograms with float counts (number 3): a layout, then each count XORed with the one before it.

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, ResetHint};
use model::sample::is_stale;

use super::bits::{BitReader, BitWriter};
use super::layout::{Change, Fit, HEADER_BYTES, Layout, ResetHeader, compare, count, count_usize};
use super::varbit::{Xored, XoredIn, put_int, read_int};
use super::{CHUNK_SAMPLES_MAX, ChunkError};

/// A chunk of float histograms that is being filled.
#[derive(Debug, Clone)]
pub struct FloatHistogramChunk {
    out: BitWriter,
    n: u16,
    header: ResetHeader,
    layout: Layout,
    t: i64,
    t_delta: i64,
    count: Xored,
    zero_count: Xored,
    sum: Xored,
    positive: Vec<Xored>,
    negative: Vec<Xored>,
}

impl FloatHistogramChunk {
    /// Begins a chunk with its first sample.
    ///
    /// # Errors
    /// [`ChunkError::Invalid`] when the histogram's spans and buckets do not agree.
    pub fn start(header: ResetHeader, t: i64, h: &FloatHistogram) -> Result<Self, ChunkError> {
        check(h)?;
        let stale = FloatHistogram { sum: h.sum, ..FloatHistogram::default() };
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
        for value in [h.count, h.zero_count, h.sum] {
            out.push(value.to_bits(), 64);
        }
        for value in h.positive_buckets.iter().chain(&h.negative_buckets) {
            out.push(value.to_bits(), 64);
        }
        Ok(Self {
            out,
            n: 1,
            header,
            layout,
            t,
            t_delta: 0,
            count: Xored::first(h.count),
            zero_count: Xored::first(h.zero_count),
            sum: Xored::first(h.sum),
            positive: h.positive_buckets.iter().copied().map(Xored::first).collect(),
            negative: h.negative_buckets.iter().copied().map(Xored::first).collect(),
        })
    }

    /// Appends a sample, or says that it needs a new chunk.
    ///
    /// # Errors
    /// [`ChunkError::Full`]; [`ChunkError::Invalid`] when the histogram's spans and buckets do not agree.
    pub fn append(&mut self, t: i64, h: &FloatHistogram) -> Result<Fit, ChunkError> {
        check(h)?;
        if self.n == CHUNK_SAMPLES_MAX {
            return Err(ChunkError::Full);
        }
        if let Err(header) = self.compare(h) {
            return Ok(Fit::NewChunk(header));
        }
        let delta = t.wrapping_sub(self.t);
        put_int(&mut self.out, delta.wrapping_sub(self.t_delta));
        (self.t, self.t_delta) = (t, delta);
        // Counts of a stale sample mean nothing and are written as zero; buckets are not written.
        let is_stale = is_stale(h.sum);
        self.count.put(&mut self.out, if is_stale { 0.0 } else { h.count });
        self.zero_count.put(&mut self.out, if is_stale { 0.0 } else { h.zero_count });
        self.sum.put(&mut self.out, h.sum);
        if !is_stale {
            for (old, new) in self.positive.iter_mut().zip(&h.positive_buckets) {
                old.put(&mut self.out, *new);
            }
            for (old, new) in self.negative.iter_mut().zip(&h.negative_buckets) {
                old.put(&mut self.out, *new);
            }
        }
        self.n += 1;
        self.out.bytes_mut()[..2].copy_from_slice(&self.n.to_be_bytes());
        Ok(Fit::Appended)
    }

    /// The header of a chunk that `h` begins although it might fit into this one.
    #[must_use]
    pub fn next_header(&self, h: &FloatHistogram) -> ResetHeader {
        match (h.reset_hint, self.compare(h)) {
            (ResetHint::Gauge, _) => ResetHeader::Gauge,
            (_, Ok(())) => ResetHeader::NotCounterReset,
            (_, Err(header)) => header,
        }
    }

    /// Whether `h` can follow here; if not, the header of the chunk that it needs.
    fn compare(&self, h: &FloatHistogram) -> Result<(), ResetHeader> {
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
        if !is_gauge && h.count < self.count.value() {
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
        if h.zero_count < self.zero_count.value() {
            return Err(reset);
        }
        match self.compare_buckets(h) {
            Change::Same => Ok(()),
            Change::Layout => Err(ResetHeader::NotCounterReset),
            Change::Reset => Err(reset),
        }
    }

    fn compare_buckets(&self, h: &FloatHistogram) -> Change {
        let positive = compare(
            (&self.layout.positive_spans, self.positive.iter().map(|bucket| bucket.value())),
            (&h.positive_spans, h.positive_buckets.iter().copied()),
        );
        let negative = compare(
            (&self.layout.negative_spans, self.negative.iter().map(|bucket| bucket.value())),
            (&h.negative_spans, h.negative_buckets.iter().copied()),
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
        self.t
    }

    /// The chunk as it is stored.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.out.bytes()
    }
}

fn check(h: &FloatHistogram) -> Result<(), ChunkError> {
    let agree = count(&h.positive_spans) == h.positive_buckets.len() as u64
        && count(&h.negative_spans) == h.negative_buckets.len() as u64;
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
pub fn decode_float_histograms(
    bytes: &[u8],
    out: &mut Vec<(i64, FloatHistogram)>,
) -> Result<(), ChunkError> {
    let had = out.len();
    let result = read(bytes, out);
    if result.is_err() {
        out.truncate(had);
    }
    result
}

fn read(bytes: &[u8], out: &mut Vec<(i64, FloatHistogram)>) -> Result<(), ChunkError> {
    let (&[high, low, flags], stream) =
        bytes.split_first_chunk::<HEADER_BYTES>().ok_or(ChunkError::Short)?;
    let n = u16::from_be_bytes([high, low]);
    if n == 0 {
        return Ok(());
    }
    let header = ResetHeader::from_flags(flags);
    let mut bits = BitReader::new(stream);
    let layout = Layout::read(&mut bits, n)?;
    let (mut t, mut t_delta) = (read_int(&mut bits)?, 0_i64);
    let mut count = XoredIn::first(&mut bits)?;
    let mut zero_count = XoredIn::first(&mut bits)?;
    let mut sum = XoredIn::first(&mut bits)?;
    let n_positive = count_usize(&layout.positive_spans);
    let n_buckets = n_positive + count_usize(&layout.negative_spans);
    let mut buckets = Vec::with_capacity(n_buckets);
    for _ in 0..n_buckets {
        buckets.push(XoredIn::first(&mut bits)?);
    }
    for i in 0..n {
        if i > 0 {
            t_delta = t_delta.wrapping_add(read_int(&mut bits)?);
            t = t.wrapping_add(t_delta);
            count.next(&mut bits)?;
            zero_count.next(&mut bits)?;
            sum.next(&mut bits)?;
        }
        if is_stale(sum.value()) {
            out.push((t, FloatHistogram { sum: sum.value(), ..FloatHistogram::default() }));
            continue;
        }
        if i > 0 {
            buckets.iter_mut().try_for_each(|bucket| bucket.next(&mut bits))?;
        }
        let (positive, negative) = buckets.split_at(n_positive);
        let values = |buckets: &[XoredIn]| buckets.iter().map(|bucket| bucket.value()).collect();
        out.push((
            t,
            FloatHistogram {
                reset_hint: header.hint(i),
                schema: layout.schema,
                zero_threshold: layout.zero_threshold,
                zero_count: zero_count.value(),
                count: count.value(),
                sum: sum.value(),
                positive_spans: layout.positive_spans.clone(),
                negative_spans: layout.negative_spans.clone(),
                positive_buckets: values(positive),
                negative_buckets: values(negative),
                custom_values: layout.custom_values.clone(),
            },
        ));
    }
    Ok(())
}
