//! The records of the log: what is in each, and their bytes (drawn in `docs/format/wal.md`).
//!
//! A reference is the number that a series got when its series record was written. Decoders take untrusted bytes: they end with an
//! error, and reserve no more than the bytes account for.

mod codec;
mod histogram;
#[cfg(test)]
mod tests;

pub use codec::{
    encode_exemplars, encode_metadata, encode_mmap_markers, encode_samples, encode_series,
    encode_tombstones,
};
pub use histogram::{encode_float_histograms, encode_histograms};

use model::exemplar::Exemplar;
use model::histogram::{FloatHistogram, Histogram};
use model::labels::Labels;
use model::metadata::Metadata;

/// A series and its reference.
#[derive(Debug, Clone, PartialEq)]
pub struct RefSeries {
    pub series: u64,
    pub labels: Labels,
}

/// A float sample.
#[derive(Debug, Clone, Copy)]
pub struct RefSample {
    pub series: u64,
    pub t: i64,
    pub v: f64,
}

impl PartialEq for RefSample {
    /// Values are compared by their bits.
    fn eq(&self, other: &Self) -> bool {
        (self.series, self.t, self.v.to_bits()) == (other.series, other.t, other.v.to_bits())
    }
}

/// Samples of a series with `mint <= t <= maxt` that were deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefTombstone {
    pub series: u64,
    pub mint: i64,
    pub maxt: i64,
}

/// An exemplar. Its time is always there in the log.
#[derive(Debug, Clone)]
pub struct RefExemplar {
    pub series: u64,
    pub t: i64,
    pub v: f64,
    pub labels: Labels,
}

impl PartialEq for RefExemplar {
    /// Values are compared by their bits.
    fn eq(&self, other: &Self) -> bool {
        (self.series, self.t, self.v.to_bits(), &self.labels)
            == (other.series, other.t, other.v.to_bits(), &other.labels)
    }
}

impl RefExemplar {
    #[must_use]
    pub fn exemplar(&self) -> Exemplar {
        Exemplar { labels: self.labels.clone(), value: self.v, t: Some(self.t) }
    }
}

/// All out-of-order samples of the series up to here are in the head chunk at `chunk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefMmapMarker {
    pub series: u64,
    pub chunk: u64,
}

/// What the series' metric family says of itself from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefMetadata {
    pub series: u64,
    pub metadata: Metadata,
}

/// A histogram sample with integer counts.
#[derive(Debug, Clone, PartialEq)]
pub struct RefHistogram {
    pub series: u64,
    pub t: i64,
    pub h: Histogram,
}

/// A histogram sample with float counts.
#[derive(Debug, Clone, PartialEq)]
pub struct RefFloatHistogram {
    pub series: u64,
    pub t: i64,
    pub h: FloatHistogram,
}

/// A decoded record.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    Series(Vec<RefSeries>),
    Samples(Vec<RefSample>),
    Tombstones(Vec<RefTombstone>),
    Exemplars(Vec<RefExemplar>),
    MmapMarkers(Vec<RefMmapMarker>),
    Metadata(Vec<RefMetadata>),
    Histograms(Vec<RefHistogram>),
    FloatHistograms(Vec<RefFloatHistogram>),
}

/// Why a record could not be decoded. Its checksum was right, so this is another program's writing or our mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("record is empty")]
    Empty,
    /// Written by a newer Prometheus with the `st-storage` feature.
    #[error("record type {0} ({1}) carries start timestamps, which are not supported")]
    StartTimestamps(u8, &'static str),
    #[error("unknown record type {0}")]
    Unknown(u8),
    #[error("{0} record ends inside an entry")]
    Short(&'static str),
    #[error("{0} record: {1}")]
    Invalid(&'static str, &'static str),
}

/// Record types by number.
pub(crate) mod kind {
    pub(crate) const SERIES: u8 = 1;
    pub(crate) const SAMPLES: u8 = 2;
    pub(crate) const TOMBSTONES: u8 = 3;
    pub(crate) const EXEMPLARS: u8 = 4;
    pub(crate) const MMAP_MARKERS: u8 = 5;
    pub(crate) const METADATA: u8 = 6;
    pub(crate) const HISTOGRAMS: u8 = 7;
    pub(crate) const FLOAT_HISTOGRAMS: u8 = 8;
    pub(crate) const CUSTOM_HISTOGRAMS: u8 = 9;
    pub(crate) const CUSTOM_FLOAT_HISTOGRAMS: u8 = 10;
    pub(crate) const SAMPLES_V2: u8 = 11;
    pub(crate) const HISTOGRAMS_V2: u8 = 12;
    pub(crate) const FLOAT_HISTOGRAMS_V2: u8 = 13;
}

/// The types that there are.
pub(crate) const KINDS: std::ops::RangeInclusive<u8> = kind::SERIES..=kind::FLOAT_HISTOGRAMS_V2;

impl Record {
    /// Reads one record.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (&number, body) = bytes.split_first().ok_or(RecordError::Empty)?;
        match number {
            kind::SERIES => codec::decode_series(body).map(Self::Series),
            kind::SAMPLES => codec::decode_samples(body).map(Self::Samples),
            kind::TOMBSTONES => codec::decode_tombstones(body).map(Self::Tombstones),
            kind::EXEMPLARS => codec::decode_exemplars(body).map(Self::Exemplars),
            kind::MMAP_MARKERS => codec::decode_mmap_markers(body).map(Self::MmapMarkers),
            kind::METADATA => codec::decode_metadata(body).map(Self::Metadata),
            kind::HISTOGRAMS | kind::CUSTOM_HISTOGRAMS => {
                histogram::decode_histograms(body).map(Self::Histograms)
            }
            kind::FLOAT_HISTOGRAMS | kind::CUSTOM_FLOAT_HISTOGRAMS => {
                histogram::decode_float_histograms(body).map(Self::FloatHistograms)
            }
            kind::SAMPLES_V2 => Err(RecordError::StartTimestamps(number, "samples")),
            kind::HISTOGRAMS_V2 => Err(RecordError::StartTimestamps(number, "histograms")),
            kind::FLOAT_HISTOGRAMS_V2 => {
                Err(RecordError::StartTimestamps(number, "float histograms"))
            }
            0 | 14..=u8::MAX => Err(RecordError::Unknown(number)),
        }
    }
}
