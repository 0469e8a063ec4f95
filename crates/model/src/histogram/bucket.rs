//! Buckets with their bounds.

use std::fmt;

use super::bounds::bound;
use super::cells::{self, Cell};
use super::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram};
use crate::number::general;

/// A bucket; the bounds belong to it as the flags say.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bucket {
    pub lower: f64,
    pub upper: f64,
    pub lower_inclusive: bool,
    pub upper_inclusive: bool,
    pub count: f64,
}

impl Bucket {
    /// Which bounds belong to the bucket, as Prometheus' JSON says it: 0 the upper, 1 the lower, 2 none, 3 both.
    #[must_use]
    pub fn rule(&self) -> u8 {
        match (self.lower_inclusive, self.upper_inclusive) {
            (false, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            (true, true) => 3,
        }
    }

    /// Which part (0 to 1) of the bucket lies below `value`, which lies in it; both bounds are finite. Evenly spread when
    /// `linear`, else evenly over the logarithm.
    pub(super) fn fraction_below(&self, value: f64, linear: bool) -> f64 {
        if linear {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let (lower, upper) = (self.lower.abs().log2(), self.upper.abs().log2());
        let at = value.abs().log2();
        if value > 0.0 {
            (at - lower) / (upper - lower)
        } else {
            1.0 - (at - upper) / (lower - upper)
        }
    }

    /// Whether the bucket lies around zero or touches it.
    pub(super) fn spans_zero(&self) -> bool {
        self.lower <= 0.0 && self.upper >= 0.0
    }
}

impl fmt::Display for Bucket {
    /// `(1,2]:5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = if self.lower_inclusive { '[' } else { '(' };
        let close = if self.upper_inclusive { ']' } else { ')' };
        let [lower, upper, count] = [self.lower, self.upper, self.count].map(general);
        write!(f, "{open}{lower},{upper}{close}:{count}")
    }
}

impl FloatHistogram {
    /// All buckets, lowest first: negative ones, the zero bucket when it counts something, positive ones. Where one overlaps
    /// the zero bucket, its bound is the zero threshold.
    #[must_use]
    pub fn buckets(&self) -> Vec<Bucket> {
        let mut buckets = self.negative();
        buckets.reverse();
        for bucket in &mut buckets {
            if bucket.upper < 0.0 && bucket.upper > -self.zero_threshold {
                bucket.upper = -self.zero_threshold;
            }
        }
        if self.zero_count > 0.0 && !self.is_custom() {
            buckets.push(self.zero_bucket());
        }
        let first_positive = buckets.len();
        buckets.extend(self.positive());
        for bucket in &mut buckets[first_positive..] {
            if bucket.lower > 0.0 && bucket.lower < self.zero_threshold {
                bucket.lower = self.zero_threshold;
            }
        }
        buckets
    }

    /// The bucket around zero.
    pub(super) fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// Positive buckets, from zero up, one for each count.
    pub(super) fn positive(&self) -> Vec<Bucket> {
        let cells = cells::read(&self.positive_spans, &self.positive_buckets, &[]);
        cells.iter().map(|cell| self.bucket(cell, true)).collect()
    }

    /// Negative buckets, from zero down, one for each count.
    pub(super) fn negative(&self) -> Vec<Bucket> {
        let cells = cells::read(&self.negative_spans, &self.negative_buckets, &[]);
        cells.iter().map(|cell| self.bucket(cell, false)).collect()
    }

    fn bucket(&self, cell: &Cell, positive: bool) -> Bucket {
        let outer = bound(cell.index, self.schema, self.custom_bounds());
        let inner = bound(cell.index.saturating_sub(1), self.schema, self.custom_bounds());
        let (lower, upper) = if positive { (inner, outer) } else { (-outer, -inner) };
        let custom = self.schema == CUSTOM_BUCKETS_SCHEMA;
        Bucket {
            lower,
            upper,
            lower_inclusive: if custom { cell.index == 0 } else { lower < 0.0 },
            upper_inclusive: custom || upper > 0.0,
            count: cell.count,
        }
    }
}
