//! What all histograms of a chunk have in common, written once in front of them: schema, zero bucket, which buckets there are.

use std::sync::Arc;

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, ResetHint, Span};

use super::ChunkError;
use super::bits::{BitReader, BitWriter};
use super::varbit::{put_int, put_uint, read_f64, read_int, read_uint};

/// Bytes in front of the bit stream: number of samples, flags.
pub(super) const HEADER_BYTES: usize = 3;
/// Most spans, buckets and samples that a decoded chunk may come to together (samples × the rest): a few bytes can promise much.
pub const DECODED_CELLS_MAX: u64 = 1 << 24;
/// Largest bound, times 1000, that is written as an integer.
const CUSTOM_INT_MAX: f64 = 33_554_430.0;

/// What is known of a counter reset between the chunk before and this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetHeader {
    #[default]
    Unknown,
    CounterReset,
    NotCounterReset,
    /// The chunk holds gauge histograms, which do not reset.
    Gauge,
}

impl ResetHeader {
    /// For the first chunk of a series.
    #[must_use]
    pub fn first(hint: ResetHint) -> Self {
        match hint {
            ResetHint::CounterReset => Self::CounterReset,
            ResetHint::Gauge => Self::Gauge,
            ResetHint::Unknown | ResetHint::NotCounterReset => Self::Unknown,
        }
    }

    pub(super) fn flags(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::NotCounterReset => 0x40,
            Self::CounterReset => 0x80,
            Self::Gauge => 0xc0,
        }
    }

    pub(super) fn from_flags(flags: u8) -> Self {
        match flags >> 6 {
            0 => Self::Unknown,
            1 => Self::NotCounterReset,
            2 => Self::CounterReset,
            3..=u8::MAX => Self::Gauge,
        }
    }

    /// What is known of the sample number `i` of the chunk. Of the first nothing is, because the chunk that was before this one
    /// when it was written may be gone.
    pub(super) fn hint(self, i: u16) -> ResetHint {
        match self {
            Self::Gauge => ResetHint::Gauge,
            Self::Unknown | Self::CounterReset | Self::NotCounterReset if i > 0 => {
                ResetHint::NotCounterReset
            }
            Self::Unknown | Self::CounterReset | Self::NotCounterReset => ResetHint::Unknown,
        }
    }
}

/// What a sample that cannot go into the open chunk needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The sample is in the chunk.
    Appended,
    /// The sample needs a new chunk with this header.
    NewChunk(ResetHeader),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) positive_spans: Vec<Span>,
    pub(super) negative_spans: Vec<Span>,
    pub(super) custom_values: Option<Arc<[f64]>>,
}

impl Layout {
    /// Whether buckets mean the same in both; which buckets there are is not looked at.
    pub(super) fn has_same_scale(&self, schema: i32, zero_threshold: f64) -> bool {
        self.schema == schema && same_float(self.zero_threshold, zero_threshold)
    }

    pub(super) fn has_same_bounds(&self, custom_values: Option<&[f64]>) -> bool {
        let (ours, theirs) =
            (self.custom_values.as_deref().unwrap_or(&[]), custom_values.unwrap_or(&[]));
        ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same_float(*a, *b))
    }

    pub(super) fn put(&self, out: &mut BitWriter) {
        put_zero_threshold(out, self.zero_threshold);
        put_int(out, i64::from(self.schema));
        for spans in [&self.positive_spans, &self.negative_spans] {
            put_uint(out, spans.len() as u64);
            for span in spans {
                put_uint(out, u64::from(span.length));
                put_int(out, i64::from(span.offset));
            }
        }
        if self.schema == CUSTOM_BUCKETS_SCHEMA {
            let bounds = self.custom_values.as_deref().unwrap_or(&[]);
            put_uint(out, bounds.len() as u64);
            bounds.iter().for_each(|bound| put_custom_bound(out, *bound));
        }
    }

    /// Reads the layout of a chunk of `n` samples, and bounds what they will take in memory.
    pub(super) fn read(bits: &mut BitReader<'_>, n: u16) -> Result<Self, ChunkError> {
        let zero_threshold = read_zero_threshold(bits)?;
        let Ok(schema @ (-4..=8 | CUSTOM_BUCKETS_SCHEMA)) = i32::try_from(read_int(bits)?) else {
            return Err(ChunkError::Invalid("unknown histogram schema"));
        };
        let (positive_spans, negative_spans) = (read_spans(bits)?, read_spans(bits)?);
        let custom_values = if schema == CUSTOM_BUCKETS_SCHEMA {
            Some(read_custom_bounds(bits)?.into())
        } else {
            None
        };
        let layout = Self { schema, zero_threshold, positive_spans, negative_spans, custom_values };
        let buckets = count(&layout.positive_spans) + count(&layout.negative_spans);
        let spans = (layout.positive_spans.len() + layout.negative_spans.len()) as u64;
        if buckets > bits.left() as u64 {
            return Err(ChunkError::Short);
        }
        if (buckets + spans + 1) * u64::from(n) > DECODED_CELLS_MAX {
            return Err(ChunkError::Invalid("histograms are too large"));
        }
        Ok(layout)
    }
}

#[expect(clippy::float_cmp, reason = "the same number, not a near one")]
fn same_float(a: f64, b: f64) -> bool {
    a == b
}

/// Buckets of all spans together.
pub(super) fn count(spans: &[Span]) -> u64 {
    spans.iter().map(|span| u64::from(span.length)).sum()
}

/// As [`count`], where the number is known to be small.
pub(super) fn count_usize(spans: &[Span]) -> usize {
    usize::try_from(count(spans)).unwrap_or(usize::MAX)
}

/// The index of each bucket.
pub(super) fn indexes(spans: &[Span]) -> impl Iterator<Item = i64> {
    let mut next = 0_i64;
    spans.iter().flat_map(move |span| {
        let start = next + i64::from(span.offset);
        next = start + i64::from(span.length);
        start..next
    })
}

/// How the buckets of one side have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The same buckets, none of them lower.
    Same,
    /// Other buckets, but none that was in use is lower or gone.
    Layout,
    Reset,
}

/// Compares the old and the new buckets of one side, each with absolute counts.
pub(super) fn compare<T: PartialOrd + Default>(
    old: (&[Span], impl Iterator<Item = T>),
    new: (&[Span], impl Iterator<Item = T>),
) -> Change {
    let is_same_layout = old.0 == new.0;
    let mut news = indexes(new.0).zip(new.1).peekable();
    for (index, count) in indexes(old.0).zip(old.1) {
        while news.next_if(|(at, _)| *at < index).is_some() {}
        let now = news.next_if(|(at, _)| *at == index).map_or_else(T::default, |(_, now)| now);
        if now < count {
            return Change::Reset;
        }
    }
    if is_same_layout { Change::Same } else { Change::Layout }
}

fn read_spans(bits: &mut BitReader<'_>) -> Result<Vec<Span>, ChunkError> {
    let n = read_uint(bits)?;
    // A span takes two bits at least.
    if n > bits.left() as u64 / 2 {
        return Err(ChunkError::Short);
    }
    let out_of_range = |_| ChunkError::Invalid("span out of range");
    let mut spans = Vec::new();
    for _ in 0..n {
        let length = u32::try_from(read_uint(bits)?).map_err(out_of_range)?;
        let offset = i32::try_from(read_int(bits)?).map_err(out_of_range)?;
        spans.push(Span { offset, length });
    }
    Ok(spans)
}

fn read_custom_bounds(bits: &mut BitReader<'_>) -> Result<Vec<f64>, ChunkError> {
    let n = read_uint(bits)?;
    if n > bits.left() as u64 {
        return Err(ChunkError::Short);
    }
    (0..n).map(|_| read_custom_bound(bits)).collect()
}

/// Zero, or a power of two from 2^-243 to 2^10, takes one byte; anything else nine.
fn put_zero_threshold(out: &mut BitWriter, threshold: f64) {
    let bits = threshold.to_bits();
    let exponent = bits >> 52;
    if bits << 1 == 0 {
        out.push(0, 8);
    } else if bits << 12 == 0 && (780..=1033).contains(&exponent) {
        out.push(exponent - 779, 8);
    } else {
        out.push(0xff, 8);
        out.push(bits, 64);
    }
}

fn read_zero_threshold(bits: &mut BitReader<'_>) -> Result<f64, ChunkError> {
    match bits.take(8) {
        0 => Ok(0.0),
        0xff => read_f64(bits),
        byte => Ok(f64::from_bits((byte + 779) << 52)),
    }
}

/// Bounds of at most three decimals, which people choose, take up to four bytes; others a bit and eight.
fn put_custom_bound(out: &mut BitWriter, bound: f64) {
    let thousand = bound * 1000.0;
    let whole = thousand.round();
    if (0.0..=CUSTOM_INT_MAX).contains(&thousand) && same_float(whole / 1000.0, bound) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number from 0 to CUSTOM_INT_MAX"
        )]
        put_uint(out, whole as u64 + 1);
    } else {
        out.push(0, 1);
        out.push(bound.to_bits(), 64);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "larger numbers than CUSTOM_INT_MAX are not written"
)]
fn read_custom_bound(bits: &mut BitReader<'_>) -> Result<f64, ChunkError> {
    match read_uint(bits)? {
        0 => read_f64(bits),
        n => Ok((n - 1) as f64 / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(put: impl Fn(&mut BitWriter)) -> Vec<u8> {
        let mut out = BitWriter::default();
        put(&mut out);
        out.bytes().to_vec()
    }

    #[test]
    fn zero_thresholds_come_back_and_common_ones_take_a_byte() {
        let power = |n: i32| 2_f64.powi(n);
        for (threshold, len) in [
            (0.0, 1),
            (power(-243), 1),
            (power(-244), 9),
            (power(-128), 1),
            (power(10), 1),
            (power(11), 9),
            (0.3, 9),
            (f64::from_bits(1), 9),
        ] {
            let bytes = written(|out| put_zero_threshold(out, threshold));
            assert_eq!(bytes.len(), len, "{threshold}");
            assert_eq!(read_zero_threshold(&mut BitReader::new(&bytes)), Ok(threshold));
        }
        assert_eq!(written(|out| put_zero_threshold(out, power(-128))), [116]);
    }

    #[test]
    fn custom_bounds_come_back() {
        for bound in [0.0, 0.001, 0.005, 33_554.43, 33_554.431, -1.0, 1e300, 0.0001, f64::INFINITY]
        {
            let bytes = written(|out| put_custom_bound(out, bound));
            assert_eq!(read_custom_bound(&mut BitReader::new(&bytes)), Ok(bound));
        }
    }

    #[test]
    fn buckets_are_compared_by_index() {
        let span = |offset, length| Span { offset, length };
        let check = |a: &[Span], xs: &[u64], b: &[Span], ys: &[u64]| {
            compare((a, xs.iter().copied()), (b, ys.iter().copied()))
        };
        let one = [span(1, 2)];
        assert_eq!(check(&one, &[3, 4], &one, &[3, 4]), Change::Same);
        assert_eq!(check(&one, &[3, 4], &one, &[3, 3]), Change::Reset);
        assert_eq!(check(&one, &[3, 4], &[span(0, 4)], &[9, 3, 4, 9]), Change::Layout);
        assert_eq!(check(&one, &[3, 4], &[span(1, 1)], &[3]), Change::Reset);
        assert_eq!(check(&one, &[3, 0], &[span(1, 1)], &[3]), Change::Layout);
        assert_eq!(check(&one, &[3, 4], &[span(1, 1), span(1, 1)], &[3, 9]), Change::Reset);
    }
}
