//! What few series have: native histograms, out-of-order samples.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::histogram::{FloatHistogram, Histogram, Span};
use model::sample::{is_stale, stale_nan};

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
            Self::Int(h) => Arc::new(to_float(h)),
        }
    }

    /// Whether spans, buckets and counts agree.
    ///
    /// # Errors
    /// What does not.
    pub(crate) fn validate(&self) -> Result<(), String> {
        match self {
            Self::Int(h) => {
                check_spans(&h.positive_spans, h.positive_deltas.len())?;
                check_spans(&h.negative_spans, h.negative_deltas.len())?;
                for deltas in [&h.positive_deltas, &h.negative_deltas] {
                    let mut count = 0_i64;
                    for (i, delta) in deltas.iter().enumerate() {
                        count = count.wrapping_add(*delta);
                        if count < 0 {
                            return Err(format!("bucket number {} has a negative count", i + 1));
                        }
                    }
                }
            }
            Self::Float(h) => {
                check_spans(&h.positive_spans, h.positive_buckets.len())?;
                check_spans(&h.negative_spans, h.negative_buckets.len())?;
                for buckets in [&h.positive_buckets, &h.negative_buckets] {
                    if let Some(i) = buckets.iter().position(|count| *count < 0.0) {
                        return Err(format!("bucket number {} has a negative count", i + 1));
                    }
                }
            }
        }
        Ok(())
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

fn check_spans(spans: &[Span], buckets: usize) -> Result<(), String> {
    if let Some(i) = spans.iter().skip(1).position(|span| span.offset < 0) {
        return Err(format!("span number {} has a negative offset", i + 2));
    }
    let needed: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    if needed == buckets as u64 {
        Ok(())
    } else {
        Err(format!("spans need {needed} buckets, have {buckets} buckets"))
    }
}

/// Absolute counts instead of deltas.
fn to_float(h: &Histogram) -> FloatHistogram {
    let absolute = |deltas: &[i64]| -> Vec<f64> {
        let mut count = 0_i64;
        let mut sum = |delta: &i64| {
            count = count.wrapping_add(*delta);
            float(count)
        };
        deltas.iter().map(&mut sum).collect()
    };
    FloatHistogram {
        reset_hint: h.reset_hint,
        schema: h.schema,
        zero_threshold: h.zero_threshold,
        zero_count: stdx::metrics::float(h.zero_count),
        count: stdx::metrics::float(h.count),
        sum: h.sum,
        positive_spans: h.positive_spans.clone(),
        negative_spans: h.negative_spans.clone(),
        positive_buckets: absolute(&h.positive_deltas),
        negative_buckets: absolute(&h.negative_deltas),
        custom_values: h.custom_values.clone(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "bucket counts past 2^53 round, as in Prometheus")]
fn float(n: i64) -> f64 {
    n as f64
}

/// A sample of any kind, as it is kept.
#[derive(Debug, Clone)]
pub(crate) enum AnyValue {
    Float(f64),
    Histogram(HistogramValue),
}

impl AnyValue {
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
