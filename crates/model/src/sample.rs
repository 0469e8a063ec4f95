//! Samples and the one special value among them.

use std::sync::Arc;

use crate::histogram::FloatHistogram;

/// The NaN that ends a series (Prometheus `value.StaleNaN`). Compare bits: [`is_stale`].
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;
/// The NaN that an ordinary undefined result has (Prometheus `value.NormalNaN`).
pub const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// The staleness marker.
#[must_use]
pub fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// Whether `value` is the staleness marker, bit for bit.
#[must_use]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// A sample's value: a float, or a native histogram (a stale histogram has a stale `sum`).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
}

/// One value of one series. `t` is milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub t: i64,
    pub v: Value,
}

/// The samples of one series in time order, floats and histograms apart. A time stands in one of both, not in two.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// Times of `vs`, strictly increasing.
    pub ts: Vec<i64>,
    pub vs: Vec<f64>,
    /// Native histograms with their times, strictly increasing.
    pub hs: Vec<(i64, Arc<FloatHistogram>)>,
}

impl Samples {
    pub fn clear(&mut self) {
        self.ts.clear();
        self.vs.clear();
        self.hs.clear();
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ts.is_empty() && self.hs.is_empty()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.ts.len() + self.hs.len()
    }
}
