//! Integer histograms: coarser, and as float histograms.

use super::cells::reduce_deltas;
use super::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram};

impl Histogram {
    /// Merges buckets to those of a coarser exponential schema. Does nothing when that is not coarser, or for custom bounds.
    pub fn reduce_resolution(&mut self, schema: i32) {
        let from = self.schema;
        if [from, schema].contains(&CUSTOM_BUCKETS_SCHEMA) || schema >= from {
            return;
        }
        self.schema = schema;
        (self.positive_spans, self.positive_deltas) =
            reduce_deltas(&self.positive_spans, &self.positive_deltas, from, schema);
        (self.negative_spans, self.negative_deltas) =
            reduce_deltas(&self.negative_spans, &self.negative_deltas, from, schema);
    }

    /// The same histogram with absolute float counts.
    #[must_use]
    pub fn to_float(&self) -> FloatHistogram {
        FloatHistogram {
            reset_hint: self.reset_hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: unsigned(self.zero_count),
            count: unsigned(self.count),
            sum: self.sum,
            positive_spans: self.positive_spans.clone(),
            negative_spans: self.negative_spans.clone(),
            positive_buckets: absolute(&self.positive_deltas),
            negative_buckets: absolute(&self.negative_deltas),
            custom_values: self.custom_values.clone(),
        }
    }
}

/// Counts of deltas. Deltas from outside may overflow; they wrap, as where they come from.
fn absolute(deltas: &[i64]) -> Vec<f64> {
    let sums = deltas.iter().scan(0_i64, |count, delta| {
        *count = count.wrapping_add(*delta);
        Some(*count)
    });
    sums.map(signed).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts above 2^53 round to the nearest double")]
fn unsigned(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts above 2^53 round to the nearest double")]
fn signed(count: i64) -> f64 {
    count as f64
}
