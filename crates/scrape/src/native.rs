//! Native histograms within the bounds of a scrape: a schema with fewer buckets where there are too many.

use wire::exposition::NativeHistogram;

/// The schemas of exponential buckets.
const SCHEMA_MIN: i32 = -4;
const SCHEMA_MAX: i32 = 8;

/// What was done to a histogram.
#[derive(Debug, PartialEq)]
pub(crate) enum Fit {
    AsIs,
    Reduced(NativeHistogram),
}

/// Even the coarsest schema has too many buckets, or there is none to choose.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyBuckets;

/// The largest schema whose buckets grow by `factor` at least; 1 and less is no bound.
pub(crate) fn schema_max(factor: f64) -> i32 {
    if factor <= 1.0 {
        return SCHEMA_MAX;
    }
    let fits = |schema: &i32| 2_f64.powf(2_f64.powi(-*schema)) >= factor;
    (SCHEMA_MIN..=SCHEMA_MAX).rev().find(fits).unwrap_or(SCHEMA_MIN)
}

/// Brings `h` to at most `schema_max`, and to at most `bucket_limit` buckets (0: any number).
pub(crate) fn fit(
    h: &NativeHistogram,
    schema_max: i32,
    bucket_limit: u64,
) -> Result<Fit, TooManyBuckets> {
    let (schema, n) = size(h);
    let exponential = (SCHEMA_MIN..=SCHEMA_MAX).contains(&schema);
    let over = |n: usize| bucket_limit > 0 && u64::try_from(n).is_ok_and(|n| n > bucket_limit);
    if !exponential {
        return if over(n) { Err(TooManyBuckets) } else { Ok(Fit::AsIs) };
    }
    let mut target = schema.min(schema_max);
    if target == schema && !over(n) {
        return Ok(Fit::AsIs);
    }
    loop {
        let reduced = reduce(h, target);
        if !over(size(&reduced).1) {
            return Ok(Fit::Reduced(reduced));
        }
        if target == SCHEMA_MIN {
            return Err(TooManyBuckets);
        }
        target -= 1;
    }
}

/// The histogram in a coarser `schema`.
fn reduce(h: &NativeHistogram, schema: i32) -> NativeHistogram {
    let mut h = h.clone();
    match &mut h {
        NativeHistogram::Int(h) => h.reduce_resolution(schema),
        NativeHistogram::Float(h) => h.reduce_resolution(schema),
    }
    h
}

/// The schema, and the number of buckets.
fn size(h: &NativeHistogram) -> (i32, usize) {
    match h {
        NativeHistogram::Int(h) => (h.schema, h.positive_deltas.len() + h.negative_deltas.len()),
        NativeHistogram::Float(h) => {
            (h.schema, h.positive_buckets.len() + h.negative_buckets.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::histogram::{Histogram, Span};

    fn deltas(counts: &[i64]) -> Vec<i64> {
        let before = [0].iter().chain(counts);
        counts.iter().zip(before).map(|(count, before)| count - before).collect()
    }

    fn histogram(schema: i32, spans: &[(i32, u32)], counts: &[i64]) -> NativeHistogram {
        let spans = spans.iter().map(|(offset, length)| Span { offset: *offset, length: *length });
        NativeHistogram::Int(Histogram {
            schema,
            count: 10,
            positive_spans: spans.collect(),
            positive_deltas: deltas(counts),
            ..Histogram::default()
        })
    }

    #[test]
    fn neighbours_become_one() {
        // Indices -1, 0, 1 and 6, 7 of schema 2: twice as coarse they are 0, 0, 1 and 3, 4.
        let h = histogram(2, &[(-1, 3), (4, 2)], &[1, 2, 3, 4, 5]);
        let expected = histogram(1, &[(0, 2), (1, 2)], &[3, 3, 4, 5]);
        assert_eq!(fit(&h, 1, 0), Ok(Fit::Reduced(expected.clone())));
        assert_eq!(fit(&h, 8, 4), Ok(Fit::Reduced(expected)));
        assert_eq!(fit(&h, 8, 5), Ok(Fit::AsIs));
        let coarse = histogram(0, &[(0, 3)], &[3, 3, 9]);
        assert_eq!(fit(&h, 8, 3), Ok(Fit::Reduced(coarse)));
    }

    #[test]
    fn some_do_not_fit() {
        let far = histogram(-4, &[(0, 1), (5, 1)], &[1, 1]);
        assert_eq!(fit(&far, 8, 1), Err(TooManyBuckets));
        let custom = histogram(-53, &[(0, 2)], &[1, 1]);
        assert_eq!(fit(&custom, -4, 2), Ok(Fit::AsIs));
        assert_eq!(fit(&custom, -4, 1), Err(TooManyBuckets));
    }

    #[test]
    fn schemas_of_growth_factors() {
        for (factor, schema) in
            [(0.0, 8), (1.0, 8), (1.1, 2), (1.002, 8), (2.0, 0), (4.0, -1), (1e9, -4)]
        {
            assert_eq!(schema_max(factor), schema, "{factor}");
        }
    }
}
