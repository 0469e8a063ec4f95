//! Remote write, 1.0 and 2.0: what a receiver reads, and what tests and tools send.
//!
//! A request is decoded one series at a time into memory that is used again, so that a small request cannot become a large
//! one. A request is malformed when any series of it is: a receiver rolls back what it has taken by then.

mod decode;
mod encode;
mod header;
#[cfg(test)]
mod tests;

use model::exemplar::Exemplar;
use model::metadata::Metadata;

use crate::exposition::{LabelBuf, NativeHistogram};
use crate::proto::ProtoError;

pub use decode::Request;
pub use encode::{WriteSeries, compress, encode_v1};
pub use header::{HeaderError, Version, check_encoding, version_for};

/// Largest request, decompressed, in bytes.
pub const REQUEST_BYTES_MAX: usize = 32 << 20;
/// Most samples, and most buckets of histograms together, of one series in a request.
pub const SERIES_ITEMS_MAX: usize = 1 << 20;
/// Most histograms, and most exemplars, of one series in a request.
pub const SERIES_RECORDS_MAX: usize = 1 << 14;
/// Most bytes of label names and values of one series, those of its exemplars included.
pub const SERIES_LABEL_BYTES_MAX: usize = 1 << 20;
/// Most symbols in a 2.0 request.
pub const SYMBOLS_MAX: usize = 1 << 20;

/// Why a request is refused. All of them are the sender's fault (400).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    #[error("snappy: corrupt input")]
    Snappy,
    #[error("snappy: decoded length {len} exceeds limit {max}")]
    TooLarge { len: usize, max: usize },
    #[error(transparent)]
    Message(#[from] ProtoError),
    #[error("invalid labelRefs length {0}")]
    OddRefs(usize),
    #[error("labelRefs {name} (name) = {value} (value) outside of symbols table (size {symbols})")]
    RefOutside { name: u32, value: u32, symbols: usize },
    /// A bound of ours.
    #[error("more than {max} {what} in one series")]
    SeriesLimit { what: &'static str, max: usize },
}

/// A float sample. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloatSample {
    pub t: i64,
    pub v: f64,
    /// Only in 2.0.
    pub start_t: Option<i64>,
}

/// A native histogram sample, as sent: not compacted, not validated.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramSample {
    pub t: i64,
    pub h: NativeHistogram,
    /// Only in 2.0.
    pub start_t: Option<i64>,
}

/// One series of a request; [`Request::next_series`] fills it.
#[derive(Debug, Clone, Default)]
pub struct TimeSeries {
    /// Sorted, with the metric name; may hold what must be refused.
    pub labels: LabelBuf,
    pub samples: Vec<FloatSample>,
    pub histograms: Vec<HistogramSample>,
    pub exemplars: Vec<Exemplar>,
    /// Only in 2.0, where every series has it.
    pub metadata: Option<Metadata>,
}

/// The bytes that [`decompress`] will take memory for.
///
/// # Errors
/// As [`decompress`].
pub fn decompressed_len(body: &[u8]) -> Result<usize, RemoteError> {
    let len = snap::raw::decompress_len(body).map_err(|_| RemoteError::Snappy)?;
    if len > REQUEST_BYTES_MAX {
        return Err(RemoteError::TooLarge { len, max: REQUEST_BYTES_MAX });
    }
    Ok(len)
}

/// Decompresses a request's body. Its declared length is checked before memory is taken for it.
///
/// # Errors
/// [`RemoteError::Snappy`], and [`RemoteError::TooLarge`] over [`REQUEST_BYTES_MAX`].
pub fn decompress(body: &[u8]) -> Result<Vec<u8>, RemoteError> {
    decompressed_len(body)?;
    snap::raw::Decoder::new().decompress_vec(body).map_err(|_| RemoteError::Snappy)
}
