//! The buckets of a native histogram with their bounds, lowest first.

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Span};

/// One bucket; `lower` and `upper` belong to it as the flags say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) lower_inclusive: bool,
    pub(crate) upper_inclusive: bool,
    pub(crate) count: f64,
}

/// All buckets in ascending order: negative ones, the zero bucket when it counts something, positive ones.
pub(crate) fn buckets(h: &FloatHistogram) -> Vec<Bucket> {
    let custom = h.schema == CUSTOM_BUCKETS_SCHEMA;
    let mut out = Vec::with_capacity(h.negative_buckets.len() + h.positive_buckets.len() + 1);
    for (idx, count) in indexed(&h.negative_spans, &h.negative_buckets) {
        let mut bucket = Bucket {
            lower: -bound(h, idx),
            upper: -bound(h, idx - 1),
            lower_inclusive: true,
            upper_inclusive: false,
            count,
        };
        if bucket.upper > -h.zero_threshold {
            bucket.upper = -h.zero_threshold;
        }
        out.push(bucket);
    }
    out.reverse();
    if h.zero_count > 0.0 {
        out.push(Bucket {
            lower: -h.zero_threshold,
            upper: h.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: h.zero_count,
        });
    }
    for (idx, count) in indexed(&h.positive_spans, &h.positive_buckets) {
        let mut bucket = Bucket {
            lower: bound(h, idx - 1),
            upper: bound(h, idx),
            lower_inclusive: custom && idx == 0,
            upper_inclusive: true,
            count,
        };
        if !custom && bucket.lower < h.zero_threshold {
            bucket.lower = h.zero_threshold;
        }
        out.push(bucket);
    }
    out
}

/// The counts with the index that the spans give each; counts without a span are left out.
fn indexed(spans: &[Span], counts: &[f64]) -> Vec<(i32, f64)> {
    let mut out = Vec::with_capacity(counts.len());
    let mut next = 0_i32;
    let mut counts = counts.iter();
    for span in spans {
        next = next.saturating_add(span.offset);
        for _ in 0..span.length {
            let Some(count) = counts.next() else { return out };
            out.push((next, *count));
            next = next.saturating_add(1);
        }
    }
    out
}

/// The upper bound of bucket `idx` on the positive side.
fn bound(h: &FloatHistogram, idx: i32) -> f64 {
    if h.schema == CUSTOM_BUCKETS_SCHEMA {
        let bounds = h.custom_values.as_deref().unwrap_or_default();
        let Ok(at) = usize::try_from(idx) else { return f64::NEG_INFINITY };
        return bounds.get(at).copied().unwrap_or(f64::INFINITY);
    }
    // 2^(idx × 2^-schema); the bucket that ends at 2^1024 ends at the largest float instead, as the next one holds Inf.
    let exponent = f64::from(idx) * (-f64::from(h.schema)).exp2();
    if exponent == 1024.0 {
        return f64::MAX;
    }
    // The whole and the fractional power apart, so that powers of two are exact and tiny bounds do not lose digits.
    let whole = exponent.floor();
    (exponent - whole).exp2() * whole.exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(schema: i32, idx: i32) -> f64 {
        bound(&FloatHistogram { schema, ..FloatHistogram::default() }, idx)
    }

    #[test]
    fn bounds_are_powers_of_the_base() {
        for (schema, idx, want) in [
            (0, 0, 1.0),
            (0, 1, 2.0),
            (0, -2, 0.25),
            (1, 1, std::f64::consts::SQRT_2),
            (3, 8, 2.0),
            (-4, 1, 65536.0),
            (0, 1024, f64::MAX),
            (0, 1025, f64::INFINITY),
            (-4, 64, f64::MAX),
            (-4, 65, f64::INFINITY),
            (0, -1074, 5e-324),
        ] {
            assert!(
                bounds(schema, idx).to_bits() == want.to_bits(),
                "{schema} {idx} {}",
                bounds(schema, idx)
            );
        }
    }

    #[test]
    fn spans_without_counts_end_the_list() {
        let h = FloatHistogram {
            positive_spans: vec![Span { offset: i32::MAX, length: u32::MAX }],
            positive_buckets: vec![1.0, 2.0],
            ..FloatHistogram::default()
        };
        assert_eq!(buckets(&h).len(), 2);
    }
}
