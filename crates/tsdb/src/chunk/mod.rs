//! Chunks: the compressed samples of one series over a stretch of time (Prometheus `tsdb/docs/format/chunks.md`).
//!
//! Encoders give Prometheus' bytes, bit for bit. Decoders take untrusted bytes: they end with an error, never with a panic or
//! more memory than the input accounts for.

mod bits;
pub mod cut;
mod float_histogram;
mod head_chunks;
mod histogram;
mod layout;
mod recover;
#[cfg(test)]
mod tests;
mod varbit;
pub mod xor;

pub use bits::{BIT_BUF_BYTES, BitBuf};
pub use float_histogram::{FloatHistogramChunk, decode_float_histograms};
pub use head_chunks::{
    BUFFER_BYTES_MAX, CHUNK_BYTES_MAX, ChunkMeta, ChunkRef, FILE_BYTES_MAX, HeadChunkDamage,
    HeadChunkError, HeadChunks,
};
pub use histogram::{HistogramChunk, decode_histograms};
pub use layout::{DECODED_CELLS_MAX, Fit, ResetHeader};
pub use xor::{XorChunk, XorState};

use std::sync::Arc;

use model::histogram::{FloatHistogram, Histogram};
use model::sample::Samples;

/// Most samples that a chunk can count.
pub const CHUNK_SAMPLES_MAX: u16 = u16::MAX;

/// How a chunk's bytes are to be read. The numbers are the file format's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    Xor = 1,
    Histogram = 2,
    FloatHistogram = 3,
}

impl Encoding {
    /// The number in files.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Xor => 1,
            Self::Histogram => 2,
            Self::FloatHistogram => 3,
        }
    }

    /// # Errors
    /// [`ChunkError::Encoding`] for a number that we do not read.
    pub fn from_number(number: u8) -> Result<Self, ChunkError> {
        match number {
            1 => Ok(Self::Xor),
            2 => Ok(Self::Histogram),
            3 => Ok(Self::FloatHistogram),
            0 | 4..=u8::MAX => Err(ChunkError::Encoding(number)),
        }
    }
}

/// Why a chunk could not be read or extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    #[error("chunk ends before its last sample")]
    Short,
    #[error("invalid chunk: {0}")]
    Invalid(&'static str),
    #[error("chunk encoding {0} is not supported")]
    Encoding(u8),
    #[error("chunk is full: {CHUNK_SAMPLES_MAX} samples")]
    Full,
}

/// Appends all samples of a stored chunk to `out`; integer histograms as float ones.
///
/// # Errors
/// [`ChunkError`] when the bytes end early or hold what no encoder writes; `out` is as before then.
pub fn decode(encoding: Encoding, bytes: &[u8], out: &mut Samples) -> Result<(), ChunkError> {
    match encoding {
        Encoding::Xor => xor::decode(bytes, &mut out.ts, &mut out.vs),
        Encoding::Histogram => {
            let mut samples = Vec::new();
            decode_histograms(bytes, &mut samples)?;
            out.hs.extend(samples.iter().map(|(t, h)| (*t, Arc::new(to_float(h)))));
            Ok(())
        }
        Encoding::FloatHistogram => {
            let mut samples = Vec::new();
            decode_float_histograms(bytes, &mut samples)?;
            out.hs.extend(samples.into_iter().map(|(t, h)| (t, Arc::new(h))));
            Ok(())
        }
    }
}

/// The same histogram with float counts, bucket by bucket.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "counts past 2^53 round, as everywhere in the field"
)]
pub fn to_float(h: &Histogram) -> FloatHistogram {
    let counts = |deltas: &[i64]| histogram::absolute(deltas).map(|count| count as f64).collect();
    FloatHistogram {
        reset_hint: h.reset_hint,
        schema: h.schema,
        zero_threshold: h.zero_threshold,
        zero_count: h.zero_count as f64,
        count: h.count as f64,
        sum: h.sum,
        positive_spans: h.positive_spans.clone(),
        negative_spans: h.negative_spans.clone(),
        positive_buckets: counts(&h.positive_deltas),
        negative_buckets: counts(&h.negative_deltas),
        custom_values: h.custom_values.clone(),
    }
}
