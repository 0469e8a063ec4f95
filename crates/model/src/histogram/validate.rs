//! What makes a histogram impossible. Texts are Prometheus'.

use std::fmt;

use super::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, Span};
use crate::number::{fixed, general};

/// Finest and coarsest exponential schema.
const SCHEMA_MAX: i32 = 8;
const SCHEMA_MIN: i32 = -4;

/// Why a histogram is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidHistogram {
    #[error(
        "{found} observations found in buckets, but the Count field is {count}: histogram's observation count should be at \
         least the number of observations found in the buckets"
    )]
    CountNotBigEnough { found: u128, count: u64 },
    #[error(
        "{found} observations found in buckets, but the Count field is {count}: histogram's observation count should equal \
         the number of observations found in the buckets (in absence of NaN)"
    )]
    CountMismatch { found: u128, count: u64 },
    #[error("observation count is  {0}: histogram's observation count is negative")]
    NegativeCount(String),
    #[error(
        "{side}: bucket number {number} has observation count of {count}: histogram has a bucket whose observation \
         count is negative"
    )]
    NegativeBucket { side: Side, number: usize, count: String },
    #[error(
        "zero bucket has observation count of {0}: histogram has a bucket whose observation count is negative"
    )]
    NegativeZeroBucket(String),
    #[error(
        "{side}: span number {number} with offset {offset}: histogram has a span whose offset is negative"
    )]
    NegativeOffset { side: Side, number: usize, offset: i32 },
    #[error(
        "{side}: spans need {need} buckets, have {have} buckets: histogram spans specify different number of buckets than \
         provided"
    )]
    SpansMismatch { side: Side, need: u64, have: usize },
    #[error(
        "custom buckets: only {bounds} custom bounds defined which is insufficient to cover total span length of {length}: \
         histogram custom bounds are too few"
    )]
    CustomTooFew { bounds: usize, length: u64 },
    #[error(
        "custom buckets: previous bound is {previous} and current is {current}: histogram custom bounds must be in strictly \
         increasing order"
    )]
    CustomOrder { previous: String, current: String },
    #[error(
        "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite"
    )]
    CustomInfinite,
    #[error("custom buckets: histogram custom bounds must not be NaN")]
    CustomNan,
    #[error("custom buckets: must have zero count of 0")]
    CustomZeroCount,
    #[error("custom buckets: must have zero threshold of 0")]
    CustomZeroThreshold,
    #[error("custom buckets: must not have negative spans")]
    CustomNegativeSpans,
    #[error("custom buckets: must not have negative buckets")]
    CustomNegativeBuckets,
    #[error("histogram with exponential schema must not have custom bounds")]
    ExponentialWithBounds,
    #[error(
        "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, \
         got schema {0}"
    )]
    Schema(i32),
}

/// The buckets that an error speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Positive,
    Negative,
    Custom,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Positive => "positive side",
            Self::Negative => "negative side",
            Self::Custom => "custom buckets",
        })
    }
}

type Checked = Result<(), InvalidHistogram>;

impl FloatHistogram {
    /// Checks that spans, buckets, bounds and schema go together and no count is negative. That the count is that of the
    /// buckets is not asked: rounding may part them.
    ///
    /// # Errors
    /// [`InvalidHistogram`] with the first thing that is wrong.
    pub fn validate(&self) -> Checked {
        let layout = Layout {
            schema: self.schema,
            bounds: self.custom_values.as_deref(),
            positive: (&self.positive_spans, self.positive_buckets.len()),
            negative: (&self.negative_spans, self.negative_buckets.len()),
            zero: (self.zero_count != 0.0, self.zero_threshold),
        };
        layout.check()?;
        not_negative(&self.negative_buckets, Side::Negative)?;
        if self.zero_count < 0.0 {
            return Err(InvalidHistogram::NegativeZeroBucket(general(self.zero_count)));
        }
        if self.count < 0.0 {
            return Err(InvalidHistogram::NegativeCount(general(self.count)));
        }
        not_negative(&self.positive_buckets, Side::Positive)
    }
}

impl Histogram {
    /// Checks that spans, buckets, bounds and schema go together, no count is negative, and the count is that of the buckets.
    ///
    /// # Errors
    /// [`InvalidHistogram`] with the first thing that is wrong.
    pub fn validate(&self) -> Checked {
        let layout = Layout {
            schema: self.schema,
            bounds: self.custom_values.as_deref(),
            positive: (&self.positive_spans, self.positive_deltas.len()),
            negative: (&self.negative_spans, self.negative_deltas.len()),
            zero: (self.zero_count != 0, self.zero_threshold),
        };
        layout.check()?;
        let negative = sum_of_deltas(&self.negative_deltas, Side::Negative)?;
        let positive = sum_of_deltas(&self.positive_deltas, Side::Positive)?;
        let found = negative.saturating_add(positive).saturating_add(u128::from(self.zero_count));
        let count = self.count;
        if self.sum.is_nan() {
            if found > u128::from(count) {
                return Err(InvalidHistogram::CountNotBigEnough { found, count });
            }
        } else if found != u128::from(count) {
            return Err(InvalidHistogram::CountMismatch { found, count });
        }
        Ok(())
    }
}

/// What both kinds of histograms have.
struct Layout<'a> {
    schema: i32,
    bounds: Option<&'a [f64]>,
    /// Spans and how many counts there are.
    positive: (&'a [Span], usize),
    negative: (&'a [Span], usize),
    /// Whether the zero bucket counts something, and its threshold.
    zero: (bool, f64),
}

impl Layout<'_> {
    fn check(&self) -> Checked {
        if self.schema == CUSTOM_BUCKETS_SCHEMA {
            return self.check_custom();
        }
        if !(SCHEMA_MIN..=SCHEMA_MAX).contains(&self.schema) {
            return Err(InvalidHistogram::Schema(self.schema));
        }
        check_spans(self.positive, Side::Positive)?;
        check_spans(self.negative, Side::Negative)?;
        if self.bounds.is_some() {
            return Err(InvalidHistogram::ExponentialWithBounds);
        }
        Ok(())
    }

    fn check_custom(&self) -> Checked {
        let bounds = self.bounds.unwrap_or_default();
        check_bounds(bounds)?;
        check_spans(self.positive, Side::Custom)?;
        let reach = |span: &Span| u64::from(span.length) + u64::from(span.offset.unsigned_abs());
        let length: u64 = self.positive.0.iter().map(reach).sum();
        if u64::try_from(bounds.len()).unwrap_or(u64::MAX).saturating_add(1) < length {
            return Err(InvalidHistogram::CustomTooFew { bounds: bounds.len(), length });
        }
        if self.zero.0 {
            return Err(InvalidHistogram::CustomZeroCount);
        }
        if self.zero.1 != 0.0 {
            return Err(InvalidHistogram::CustomZeroThreshold);
        }
        if !self.negative.0.is_empty() {
            return Err(InvalidHistogram::CustomNegativeSpans);
        }
        if self.negative.1 > 0 {
            return Err(InvalidHistogram::CustomNegativeBuckets);
        }
        Ok(())
    }
}

fn check_bounds(bounds: &[f64]) -> Checked {
    if bounds.iter().any(|bound| bound.is_nan()) {
        return Err(InvalidHistogram::CustomNan);
    }
    if let Some(pair) = bounds.windows(2).find(|pair| pair[1] <= pair[0]) {
        let (previous, current) = (fixed(pair[0]), fixed(pair[1]));
        return Err(InvalidHistogram::CustomOrder { previous, current });
    }
    if bounds.last() == Some(&f64::INFINITY) {
        return Err(InvalidHistogram::CustomInfinite);
    }
    Ok(())
}

/// Only the first span may begin below 0, and that of custom buckets may not either.
fn check_spans((spans, have): (&[Span], usize), side: Side) -> Checked {
    let first = usize::from(side != Side::Custom);
    for (i, span) in spans.iter().enumerate().skip(first) {
        if span.offset < 0 {
            let (number, offset) = (i + 1, span.offset);
            return Err(InvalidHistogram::NegativeOffset { side, number, offset });
        }
    }
    let need: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    if u64::try_from(have) != Ok(need) {
        return Err(InvalidHistogram::SpansMismatch { side, need, have });
    }
    Ok(())
}

fn not_negative(counts: &[f64], side: Side) -> Checked {
    match counts.iter().position(|count| *count < 0.0) {
        None => Ok(()),
        Some(i) => {
            let count = general(counts[i]);
            Err(InvalidHistogram::NegativeBucket { side, number: i + 1, count })
        }
    }
}

/// The sum of the absolute counts, none of which may be negative.
fn sum_of_deltas(deltas: &[i64], side: Side) -> Result<u128, InvalidHistogram> {
    let mut count = 0_i64;
    let mut sum = 0_u128;
    for (i, delta) in deltas.iter().enumerate() {
        count = count.saturating_add(*delta);
        let Ok(absolute) = u128::try_from(count) else {
            let count = count.to_string();
            return Err(InvalidHistogram::NegativeBucket { side, number: i + 1, count });
        };
        sum = sum.saturating_add(absolute);
    }
    Ok(sum)
}
