//! What few series have: native histograms, out-of-order samples.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::histogram::{FloatHistogram, Histogram, ResetHint};
use model::sample::{is_stale, stale_nan};

/// Most buckets of a histogram, most spans, and most custom bounds: a sample must fit into half of a chunk file's bound.
pub(crate) const HISTOGRAM_BUCKETS_MAX: usize = 10_000;

/// A native histogram as it was appended.
#[derive(Debug, Clone)]
pub(crate) enum HistogramValue {
    Int(Arc<Histogram>),
    Float(Arc<FloatHistogram>),
}

impl HistogramValue {
    /// The staleness marker of the same kind.
    pub(crate) fn stale(is_float: bool) -> Self {
        let sum = stale_nan();
        if is_float {
            Self::Float(Arc::new(FloatHistogram { sum, ..FloatHistogram::default() }))
        } else {
            Self::Int(Arc::new(Histogram { sum, ..Histogram::default() }))
        }
    }

    /// As queries want it.
    pub(crate) fn to_float(&self) -> Arc<FloatHistogram> {
        match self {
            Self::Float(h) => Arc::clone(h),
            Self::Int(h) => Arc::new(h.to_float()),
        }
    }

    /// How many buckets, spans and custom bounds there are.
    fn sizes(&self) -> [(usize, &'static str); 3] {
        let custom = |values: &Option<Arc<[f64]>>| values.as_ref().map_or(0, |all| all.len());
        let (buckets, spans, bounds) = match self {
            Self::Int(h) => (
                h.positive_deltas.len() + h.negative_deltas.len(),
                h.positive_spans.len() + h.negative_spans.len(),
                custom(&h.custom_values),
            ),
            Self::Float(h) => (
                h.positive_buckets.len() + h.negative_buckets.len(),
                h.positive_spans.len() + h.negative_spans.len(),
                custom(&h.custom_values),
            ),
        };
        [(buckets, "buckets"), (spans, "spans"), (bounds, "custom bounds")]
    }

    /// Bytes that its record takes at most.
    pub(crate) fn record_bytes_max(&self) -> usize {
        // A histogram's own numbers; a varint for each bucket, two for each span, a float for each bound.
        let [(buckets, _), (spans, _), (bounds, _)] = self.sizes();
        128 + buckets * 10 + spans * 20 + bounds * 8
    }

    pub(crate) fn reset_hint(&self) -> ResetHint {
        match self {
            Self::Int(h) => h.reset_hint,
            Self::Float(h) => h.reset_hint,
        }
    }

    /// Whether spans, buckets and counts agree. A staleness marker has none that mean anything.
    ///
    /// # Errors
    /// What does not.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if let Some((n, what)) = self.sizes().iter().find(|(n, _)| *n > HISTOGRAM_BUCKETS_MAX) {
            return Err(format!("{n} {what}, at most {HISTOGRAM_BUCKETS_MAX} allowed"));
        }
        match self {
            Self::Int(h) if is_stale(h.sum) => Ok(()),
            Self::Float(h) if is_stale(h.sum) => Ok(()),
            Self::Int(h) => h.validate().map_err(|error| error.to_string()),
            Self::Float(h) => h.validate().map_err(|error| error.to_string()),
        }
    }

    pub(crate) fn is_float(&self) -> bool {
        match self {
            Self::Float(_) => true,
            Self::Int(_) => false,
        }
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a == b || is_stale(a.sum) && is_stale(b.sum),
            (Self::Float(a), Self::Float(b)) => a == b || is_stale(a.sum) && is_stale(b.sum),
            (Self::Int(_), Self::Float(_)) | (Self::Float(_), Self::Int(_)) => false,
        }
    }
}

/// A sample of any kind, as it is kept.
#[derive(Debug, Clone)]
pub(crate) enum AnyValue {
    Float(f64),
    Histogram(HistogramValue),
}

impl AnyValue {
    /// Whether both are floats or both histograms.
    pub(crate) fn is_kind_of(&self, other: &Self) -> bool {
        matches!(self, Self::Float(_)) == matches!(other, Self::Float(_))
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Histogram(a), Self::Histogram(b)) => a.is_same(b),
            (Self::Float(_), Self::Histogram(_)) | (Self::Histogram(_), Self::Float(_)) => false,
        }
    }
}

/// Samples that came late, by time, each with the commit that brought it.
#[derive(Debug, Default)]
pub(crate) struct Late {
    pub(crate) samples: BTreeMap<i64, (u64, AnyValue)>,
}
