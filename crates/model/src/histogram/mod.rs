//! Native histograms (Prometheus `model/histogram`): sparse buckets of exponential or custom bounds.

mod arithmetic;
mod bounds;
mod bucket;
mod cells;
mod convert;
mod quantile;
mod show;
#[cfg(test)]
mod tests;
mod trim;
mod validate;

use std::sync::Arc;

pub use arithmetic::{Combined, IncompatibleSchemas};
pub use bounds::exponential_bound;
pub use bucket::Bucket;
pub use cells::kahan_add;
pub use quantile::NanNote;
pub use trim::Trim;
pub use validate::{InvalidHistogram, Side};

/// The schema number that says "custom bucket bounds" (NHCB).
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// What is known about a counter reset before this histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetHint {
    #[default]
    Unknown,
    CounterReset,
    NotCounterReset,
    Gauge,
}

/// `length` populated buckets, `offset` after the end of the span before (or, for the first, from index 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub offset: i32,
    pub length: u32,
}

/// A histogram with float counts; buckets hold absolute counts.
#[derive(Debug, Clone, Default)]
pub struct FloatHistogram {
    pub reset_hint: ResetHint,
    /// −4..=8 exponential (base `2^(2^-schema)`), or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    pub zero_threshold: f64,
    pub zero_count: f64,
    pub count: f64,
    pub sum: f64,
    pub positive_spans: Vec<Span>,
    pub negative_spans: Vec<Span>,
    pub positive_buckets: Vec<f64>,
    pub negative_buckets: Vec<f64>,
    /// Upper bounds for the custom schema, increasing, without the implied `+Inf`.
    pub custom_values: Option<Arc<[f64]>>,
}

impl PartialEq for FloatHistogram {
    /// Bit equality of every number, so that NaN equals itself; hints do not count.
    fn eq(&self, other: &Self) -> bool {
        let bits = |xs: &[f64]| xs.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        self.schema == other.schema
            && self.zero_threshold.to_bits() == other.zero_threshold.to_bits()
            && self.zero_count.to_bits() == other.zero_count.to_bits()
            && self.count.to_bits() == other.count.to_bits()
            && self.sum.to_bits() == other.sum.to_bits()
            && self.positive_spans == other.positive_spans
            && self.negative_spans == other.negative_spans
            && bits(&self.positive_buckets) == bits(&other.positive_buckets)
            && bits(&self.negative_buckets) == bits(&other.negative_buckets)
            && self.custom_values.as_deref().map(bits) == other.custom_values.as_deref().map(bits)
    }
}

/// A histogram with integer counts; buckets are deltas to the bucket before, as exposed and stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    pub reset_hint: ResetHint,
    pub schema: i32,
    pub zero_threshold: f64,
    pub zero_count: u64,
    pub count: u64,
    pub sum: f64,
    pub positive_spans: Vec<Span>,
    pub negative_spans: Vec<Span>,
    pub positive_deltas: Vec<i64>,
    pub negative_deltas: Vec<i64>,
    pub custom_values: Option<Arc<[f64]>>,
}
